//! Anything that chance invents is read as a plain loop reads it, whatever the windows and chunks;
//! and damage, wherever it is, is met in the same way by all of them.

use crate::common::answer::{Feed, Question, Way, answer};
use crate::common::bytes::{Pcap, block, interface, packet, section, simple_packet};
use crate::common::effort::cases;
use crate::common::{Complaints, captures, frames, reading};
use pcap_flows::capture::{ByteOrder, Format, Resync, Section, Stop, Variant, Walk, find_resync};
use pcap_flows::decode::{DecodeOptions, Fragment, LinkKey, decode};
use pcap_flows::engine::{Config, Progress, Restriction, Source, Tuning, run};
use pcap_flows::flow::{FlowKey, HashKey, ReverseCounters, Timeouts};
use pcap_flows::select::Filter;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// A packet as it was made: nanoseconds, length on the wire, link type, captured bytes.
type Made = (i128, u32, u16, Vec<u8>);

/// What a walk must find: the packets, and where each of their records starts.
#[derive(Clone)]
struct Written {
    bytes: Vec<u8>,
    packets: Vec<Made>,
    starts: Vec<usize>,
}

/// Short enough to be read, and what a capture can be made of again (`xxd -r -p`).
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets in ", self.packets.len())?;
        self.bytes
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn any_order() -> impl Strategy<Value = ByteOrder> {
    prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)]
}

/// Mostly frames, sometimes anything.
fn any_data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => frames::any_frame(),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// pcap in all its variants.
fn any_pcap() -> impl Strategy<Value = Written> {
    let variants = prop::sample::select(vec![
        Variant::Micros,
        Variant::Nanos,
        Variant::Modified,
        Variant::IxiaHardware,
        Variant::IxiaSoftware,
        Variant::Snoop,
    ]);
    let time = (1_600_000_000_u32..1_600_050_000, 0_u32..1_000_000);
    let packet = (time, 1_u32..2000, any_data());
    let packets = prop::collection::vec(packet, 0..100);
    (any_order(), variants, any::<bool>(), packets).prop_map(
        |(order, variant, is_version_2_2, packets)| {
            let is_version_2_2 = is_version_2_2 && variant == Variant::Micros;
            let pcap = Pcap {
                order,
                variant,
                is_version_2_2,
                ..Pcap::COMMON
            };
            let unit_ns = match variant {
                Variant::Nanos | Variant::IxiaHardware => 1,
                _ => 1000,
            };
            let mut written = Written {
                bytes: pcap.file_header(),
                packets: Vec::new(),
                starts: Vec::new(),
            };
            for (time, more, data) in packets {
                let wire_len = u32::try_from(data.len()).unwrap() + more;
                written.starts.push(written.bytes.len());
                written.bytes.extend(pcap.record(time, wire_len, &data));
                let time_ns = i128::from(time.0) * 1_000_000_000 + i128::from(time.1) * unit_ns;
                written.packets.push((time_ns, wire_len, 1, data));
            }
            written
        },
    )
}

/// What may stand in a pcapng file.
#[derive(Clone, Debug)]
enum Piece {
    Section(ByteOrder),
    Interface {
        link_type: u16,
        resolution: Option<u8>,
        offset: Option<i64>,
    },
    /// Any block that is neither of these nor a packet.
    Other {
        kind: u32,
        body: Vec<u8>,
    },
    Packet {
        is_obsolete: bool,
        interface: Index,
        count: u64,
        more: u32,
        data: Vec<u8>,
    },
    Simple(Vec<u8>),
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let link_type = prop::sample::select(vec![1_u16, 1, 1, 101, 147]);
    // Powers of ten and two, as far as they go and beyond.
    let resolution = prop::option::of(prop_oneof![Just(9_u8), Just(0x8a), any::<u8>()]);
    let offset = prop::option::weighted(0.2, -10_000_i64..10_000);
    let kind = prop::sample::select(vec![4_u32, 5, 10, 0x0bad, 0x4000_0bad, 0x1234_5678]);
    prop_oneof![
        1 => any_order().prop_map(Piece::Section),
        3 => (link_type, resolution, offset).prop_map(|(link_type, resolution, offset)| {
            Piece::Interface { link_type, resolution, offset }
        }),
        3 => (kind, prop::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(kind, body)| Piece::Other { kind, body }),
        20 => (any::<bool>(), any::<Index>(), 0_u64..1 << 60, 0_u32..2000, any_data()).prop_map(
            |(is_obsolete, interface, count, more, data)| Piece::Packet {
                is_obsolete, interface, count, more, data,
            }
        ),
        3 => any_data().prop_map(Piece::Simple),
    ]
}

/// pcapng in both byte orders, with several sections and interfaces.
fn any_pcapng() -> impl Strategy<Value = Written> {
    let pieces = prop::collection::vec(any_piece(), 0..120);
    (any_order(), pieces).prop_map(|(first, pieces)| {
        let mut order = first;
        let mut interfaces: Vec<(u16, u8, i128)> = Vec::new();
        let mut written = Written {
            bytes: section(order),
            packets: Vec::new(),
            starts: Vec::new(),
        };
        for piece in pieces {
            let start = written.bytes.len();
            let made = match piece {
                Piece::Section(new) => {
                    order = new;
                    interfaces.clear();
                    written.bytes.extend(section(order));
                    continue;
                }
                Piece::Interface {
                    link_type,
                    resolution,
                    offset,
                } => {
                    interfaces.push((
                        link_type,
                        resolution.unwrap_or(6),
                        offset.unwrap_or(0).into(),
                    ));
                    written
                        .bytes
                        .extend(interface(order, link_type, resolution, offset));
                    continue;
                }
                Piece::Other { kind, body } => {
                    written.bytes.extend(block(order, kind, &body));
                    continue;
                }
                // A packet needs an interface.
                Piece::Packet { .. } | Piece::Simple(_) if interfaces.is_empty() => continue,
                Piece::Packet {
                    is_obsolete,
                    interface,
                    count,
                    more,
                    data,
                } => {
                    let id = interface.index(interfaces.len());
                    let (link_type, resolution, offset) = interfaces[id];
                    let time_ns = reading::time_ns(count, resolution, offset);
                    let wire_len = u32::try_from(data.len()).unwrap() + more;
                    let id = u16::try_from(id).unwrap();
                    written
                        .bytes
                        .extend(packet(order, is_obsolete, id, count, wire_len, &data));
                    (time_ns, wire_len, link_type, data)
                }
                Piece::Simple(data) => {
                    written.bytes.extend(simple_packet(order, &data));
                    let wire_len = u32::try_from(data.len()).unwrap();
                    (0, wire_len, interfaces[0].0, data)
                }
            };
            written.starts.push(start);
            written.packets.push(made);
        }
        written
    })
}

fn any_capture() -> impl Strategy<Value = Written> {
    prop_oneof![any_pcap(), any_pcapng()]
}

/// The sizes and numbers that no result depends on.
#[derive(Clone, Debug)]
struct Sizes {
    threads: usize,
    window_len: usize,
    chunk_len: usize,
    shards: usize,
    seed: u64,
    piece_len: usize,
}

fn any_sizes() -> impl Strategy<Value = Sizes> {
    (
        1_usize..4,
        1_usize..6000,
        1_usize..2000,
        1_usize..9,
        any::<u64>(),
        1_usize..3000,
    )
        .prop_map(
            |(threads, window_len, chunk_len, shards, seed, piece_len)| Sizes {
                threads,
                window_len,
                chunk_len,
                shards,
                seed,
                piece_len,
            },
        )
}

impl Sizes {
    /// The same sizes for a file and for a stream.
    fn ways(&self, path: &Path, bytes: &[u8]) -> [Way; 2] {
        let stream = Feed::Stream {
            name: path.to_owned(),
            bytes: bytes.to_vec(),
            buffer_len: self.window_len,
            piece_len: self.piece_len,
        };
        [Feed::Files(vec![path.to_owned()]), stream].map(|feed| Way {
            feed,
            threads: self.threads,
            window_len: Some(self.window_len),
            chunk_len: Some(self.chunk_len),
            shards: Some(self.shards),
            hash_seed: Some(self.seed),
        })
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    /// What was written is read back: each packet, its time, its lengths, its place.
    #[test]
    fn records_are_read_back(written in any_capture()) {
        let (format, first) = Format::probe(&written.bytes).unwrap();
        let mut walk = Walk::new(&written.bytes, first..written.bytes.len(), format);
        let mut found = Vec::new();
        let mut starts = Vec::new();
        let stop = loop {
            match walk.next() {
                Ok(record) => {
                    starts.push(record.start);
                    let link_type = record.link_type.unwrap().0;
                    let time_ns = i128::from(record.time.0);
                    found.push((time_ns, record.wire_len, link_type, record.data.to_vec()));
                }
                Err(stop) => break stop,
            }
        };
        prop_assert_eq!(stop, Stop::End);
        prop_assert_eq!(walk.position(), written.bytes.len());
        let within_64_bits = |ns: i128| ns.clamp(i64::MIN.into(), i64::MAX.into());
        let expected: Vec<Made> = written
            .packets
            .into_iter()
            .map(|(ns, wire_len, link_type, data)| (within_64_bits(ns), wire_len, link_type, data))
            .collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(starts, written.starts);
    }

    /// Where reading goes on after damage does not depend on how much of the input can be seen.
    #[test]
    fn the_end_of_damage_does_not_depend_on_the_view(
        written in any_capture(),
        wounds in any_wounds(),
        from in any::<Index>(),
        seen in prop::collection::vec(any::<Index>(), 8),
        near in prop::option::of(any::<u32>()),
    ) {
        let (format, first) = Format::probe(&written.bytes).unwrap();
        let bytes = wound(&written.bytes, first, &wounds);
        let from = from.index(bytes.len() + 1);
        let whole = find_resync(&bytes, from, &format, true, near);
        for end in seen {
            let end = from + end.index(bytes.len() - from + 1);
            match find_resync(&bytes[..end], from, &format, false, near) {
                // What can be seen decides.
                found @ Resync::Found(_) => prop_assert_eq!(found, whole),
                // The search goes on from here, with the same end.
                Resync::Undecided(place) => {
                    prop_assert!((from..=end).contains(&place));
                    let rest = find_resync(&bytes, place, &format, true, near);
                    prop_assert_eq!(rest, whole);
                }
                Resync::Nothing => prop_assert!(false, "the input goes on"),
            }
        }
    }
}

/// The type of a section header reads the same in both byte orders, its length does not; which of
/// them it is tells the twelfth byte, which the view may not have.
#[test]
fn a_section_of_the_other_byte_order_is_found_wherever_the_view_ends() {
    for (own, other) in [
        (ByteOrder::Little, ByteOrder::Big),
        (ByteOrder::Big, ByteOrder::Little),
    ] {
        let format = Format::Pcapng(Arc::new(Section::new(own)));
        let bytes = [vec![0xee; 16], section(other).repeat(3)].concat();
        assert_eq!(
            find_resync(&bytes, 0, &format, true, None),
            Resync::Found(16)
        );
        for end in 0..bytes.len() {
            let found = find_resync(&bytes[..end], 0, &format, false, None);
            assert!(
                matches!(found, Resync::Undecided(0..=16)),
                "{found:?} of {end} bytes"
            );
        }
    }
}

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
        let mut key = FlowKey { link, network };
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

/// Something that happens to a capture's bytes.
#[derive(Clone, Debug)]
enum Wound {
    /// A byte becomes another one.
    Flip(Index, u8),
    /// It ends early.
    Cut(Index),
    /// Bytes are lost.
    Lose(Index, usize),
    /// Foreign bytes come in.
    Insert(Index, Vec<u8>),
    /// A part of it comes again elsewhere.
    Repeat(Index, Index, usize),
    /// A length that cannot be.
    Length(Index, u32),
}

fn any_wounds() -> impl Strategy<Value = Vec<Wound>> {
    let at = any::<Index>;
    let lengths = prop::sample::select(vec![0_u32, 8, 27, 0xffff, 0x7fff_ffff, u32::MAX]);
    let wound = prop_oneof![
        3 => (at(), 1_u8..).prop_map(|(at, by)| Wound::Flip(at, by)),
        1 => at().prop_map(Wound::Cut),
        1 => (at(), 1_usize..100).prop_map(|(at, len)| Wound::Lose(at, len)),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..100))
            .prop_map(|(at, bytes)| Wound::Insert(at, bytes)),
        1 => (at(), at(), 1_usize..400).prop_map(|(to, from, len)| Wound::Repeat(to, from, len)),
        2 => (at(), lengths).prop_map(|(at, value)| Wound::Length(at, value)),
    ];
    prop::collection::vec(wound, 1..4)
}

/// The wounded capture; its first `spared` bytes stay as they are.
fn wound(bytes: &[u8], spared: usize, wounds: &[Wound]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for wound in wounds {
        let spared = spared.min(bytes.len());
        let place = |at: &Index| spared + at.index(bytes.len() - spared + 1);
        match wound {
            Wound::Flip(at, by) => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= by;
                }
            }
            Wound::Cut(at) => bytes.truncate(place(at)),
            Wound::Lose(at, len) => {
                let at = place(at);
                bytes.drain(at..(at + len).min(bytes.len()));
            }
            Wound::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.iter().copied());
            }
            Wound::Repeat(to, from, len) => {
                let (to, from) = (place(to), place(from));
                let again = bytes[from..(from + len).min(bytes.len())].to_vec();
                bytes.splice(to..to, again);
            }
            Wound::Length(at, value) => {
                let at = place(at);
                for (byte, new) in bytes.iter_mut().skip(at).zip(value.to_le_bytes()) {
                    *byte = new;
                }
            }
        }
    }
    bytes
}

/// Whatever the bytes are: no panic, an end, an even balance, and the same answer in all ways.
fn same_in_all_ways(
    bytes: &[u8],
    max_packets: Option<u64>,
    sizes: &Sizes,
) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    fs::write(&path, bytes).unwrap();
    let question = Question {
        max_packets,
        ..Question::default()
    };
    let expected = answer(&question, &Way::plain(&path));
    prop_assert!(expected.balance.is_even());
    let skipped: u64 = expected
        .damages
        .iter()
        .map(|(_, _, _, skipped, _)| skipped)
        .sum();
    prop_assert!(skipped <= bytes.len() as u64);
    let mut wrong = Complaints::default();
    for way in sizes.ways(&path, bytes) {
        expected.compare(&answer(&question, &way), &way.to_string(), &mut wrong);
    }
    wrong.into_result().map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(cases(400))]

    /// Captures that chance made, and then broke.
    #[test]
    fn damage_is_met_in_the_same_way(
        written in any_capture(),
        wounds in any_wounds(),
        max_packets in prop::option::weighted(0.3, 0_u64..60),
        sizes in any_sizes(),
    ) {
        same_in_all_ways(&wound(&written.bytes, 0, &wounds), max_packets, &sizes)?;
    }

    /// Captures of testdata/, broken.
    #[test]
    fn damage_to_known_captures_is_met_in_the_same_way(
        capture in any::<Index>(),
        wounds in any_wounds(),
        max_packets in prop::option::weighted(0.3, 0_u64..60),
        sizes in any_sizes(),
    ) {
        let captures = captures();
        let bytes = capture.get(&captures).read();
        // The few large ones would take most of the time.
        let bytes = &bytes[..bytes.len().min(20_000)];
        same_in_all_ways(&wound(bytes, 0, &wounds), max_packets, &sizes)?;
    }

    /// Two captures one behind the other: as one if the second's header can be read, as damage if
    /// not; and always the same.
    #[test]
    fn captures_behind_each_other_are_met_in_the_same_way(
        first in any_capture(),
        second in any_capture(),
        max_packets in prop::option::weighted(0.3, 0_u64..60),
        sizes in any_sizes(),
    ) {
        let bytes = [first.bytes, second.bytes].concat();
        same_in_all_ways(&bytes, max_packets, &sizes)?;
    }
}
