//! Flows are those of a plain loop over the packets.

use super::any_sizes;
use super::written::any_capture;
use crate::common::effort::cases;
use pcap_flows::capture::{Format, Walk};
use pcap_flows::decode::{DecodeOptions, Fragment, LinkKey, decode};
use pcap_flows::engine::{Config, Progress, Restriction, Source, Tuning, run};
use pcap_flows::flow::{FlowKey, HashKey, ReverseCounters, Timeouts};
use pcap_flows::select::Filter;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;

/// What is asked of a capture's flows.
#[derive(Clone, Debug)]
struct Asked {
    five_tuple: bool,
    conversations: bool,
    filter: &'static str,
    timeouts: Timeouts,
}

fn any_question() -> impl Strategy<Value = Asked> {
    let filters = prop::sample::select(vec![
        "",
        "",
        "tcp",
        "not udp",
        "vlan",
        "not vlan 100",
        "src port 80",
        "port 53 or ip6",
        "dst host 10.0.0.1",
        "ether src host 02:00:00:00:00:01",
        "net 10.0.0.0/30 and not src host 10.0.0.2",
    ]);
    let timeout = || prop::option::weighted(0.3, 1_u64..100_000_000_000_000);
    let booleans = (any::<bool>(), any::<bool>());
    (booleans, filters, timeout(), timeout()).prop_map(
        |((five_tuple, conversations), filter, idle_ns, active_ns)| Asked {
            five_tuple,
            conversations,
            filter,
            timeouts: Timeouts { idle_ns, active_ns },
        },
    )
}

/// A flow as the oracle and the program tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    id: u64,
    key: FlowKey,
    packets: u64,
    bytes: u64,
    times: (i64, i64),
    tcp_flags: u16,
    reverse: ReverseCounters,
}

/// The flows of a capture, told by a plain loop; and how many packets the filter keeps out.
fn oracle(bytes: &[u8], asked: &Asked) -> (Vec<Told>, u64) {
    let (format, first) = Format::probe(bytes).unwrap();
    let mut walk = Walk::new(bytes, first..bytes.len(), format);
    let filter = Filter::parse(asked.filter).unwrap();
    let mut filtered = 0;
    // Each flow with the times of all of its packets, whether the filter lets them through or not.
    let mut flows: Vec<(Told, (i64, i64))> = Vec::new();
    let mut current: BTreeMap<String, usize> = BTreeMap::new();
    let mut firsts: BTreeMap<String, (FlowKey, i64)> = BTreeMap::new();
    while let Ok(record) = walk.next() {
        let time = record.time.0;
        let mut link = LinkKey::default();
        let link_type = record.link_type.unwrap();
        let Ok(headers) = decode(link_type, record.data, &DecodeOptions::default(), &mut link)
        else {
            filtered += u64::from(!filter.matches(&link, None));
            continue;
        };
        let network = headers.network_key();
        let mut key = FlowKey {
            link,
            ..network.into()
        };
        if let Some(fragment) = headers.fragment {
            let Fragment {
                datagram, is_first, ..
            } = *fragment;
            let datagram = format!("{datagram:?}");
            if is_first {
                firsts.insert(datagram, (key, time));
            } else if let Some((first, then)) = firsts.get(&datagram)
                && time.abs_diff(*then) <= 30_000_000_000
            {
                key = *first;
            }
        }
        let is_accepted = filter.matches(&key.link, Some(&key.network));
        filtered += u64::from(!is_accepted);
        if asked.five_tuple {
            key.link = LinkKey::default();
        }
        let (name, reversed) = (format!("{key:?}"), format!("{:?}", key.reversed()));
        let name = if asked.conversations {
            name.min(reversed)
        } else {
            name
        };
        let known = current.get(&name).copied().filter(|&number| {
            let (first, last) = flows[number].1;
            let exceeds = |since: i64, limit: Option<u64>| {
                limit.is_some_and(|limit| time > since && time.abs_diff(since) > limit)
            };
            !exceeds(last, asked.timeouts.idle_ns) && !exceeds(first, asked.timeouts.active_ns)
        });
        let number = known.unwrap_or(flows.len());
        if number == flows.len() {
            let id = number as u64 + 1;
            let told = Told {
                id,
                key,
                times: (i64::MAX, i64::MIN),
                ..Told::default()
            };
            flows.push((told, (time, time)));
            current.insert(name, number);
        }
        let (told, life) = &mut flows[number];
        *life = (life.0.min(time), life.1.max(time));
        if is_accepted {
            let wire_len = u64::from(record.wire_len);
            told.packets += 1;
            told.bytes += wire_len;
            told.times = (told.times.0.min(time), told.times.1.max(time));
            told.tcp_flags |= headers.tcp_flags;
            if told.key != key {
                told.reverse.packets += 1;
                told.reverse.bytes += wire_len;
                told.reverse.tcp_flags |= headers.tcp_flags;
            }
        }
    }
    // A flow of which nothing is left is not listed; its FlowID stays.
    let told = flows.into_iter().map(|(told, _)| told);
    (told.filter(|told| told.packets > 0).collect(), filtered)
}

proptest! {
    #![proptest_config(cases(300))]

    /// Flows are those of a plain loop over the packets.
    #[test]
    fn flows_are_those_of_a_plain_loop(
        written in any_capture(),
        asked in any_question(),
        sizes in any_sizes(),
    ) {
        let (expected, filtered) = oracle(&written.bytes, &asked);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture");
        fs::write(&path, &written.bytes).unwrap();
        let config = Config {
            five_tuple: asked.five_tuple,
            conversations: asked.conversations,
            timeouts: asked.timeouts,
            restriction: Restriction {
                filter: Filter::parse(asked.filter).unwrap(),
                ..Restriction::default()
            },
            tuning: Tuning {
                threads: sizes.threads,
                window_len: sizes.window_len,
                chunk_len: sizes.chunk_len,
                shards: sizes.shards,
                hash_key: Some(HashKey::fixed(sizes.seed)),
                ..Tuning::default()
            },
            ..Config::default()
        };
        let outcome =
            run(&config, vec![Source::Path(path)], &mut (), &Progress::default()).unwrap();
        let found: Vec<Told> = outcome
            .flows
            .iter()
            .map(|flow| Told {
                id: flow.id,
                key: flow.key,
                packets: flow.packets,
                bytes: flow.bytes,
                times: (flow.first.0, flow.last.0),
                tcp_flags: flow.tcp_flags,
                reverse: flow.reverse.unwrap_or_default(),
            })
            .collect();
        prop_assert_eq!(found, expected);
        prop_assert!(outcome.is_whole() && outcome.balance.is_even());
        prop_assert_eq!(outcome.balance.packets, written.packets.len() as u64);
        prop_assert_eq!(outcome.balance.filtered, filtered);
    }
}
