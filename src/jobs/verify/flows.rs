//! Flows, counted in the simplest way: one table, one packet after the other.
#![expect(
    clippy::disallowed_types,
    reason = "looked up only: nothing goes by the order of these maps"
)]

use super::copies::{Copies, Print};
use super::headers::{Contents, Reading};
use crate::capture::Nanos;
use crate::decode::{DatagramId, Tunnels};
use crate::engine::{Config, Place};
use crate::flow::{Flow, FlowKey, LinkKey, MacAddr, NetworkKey, ReverseCounters, Timeouts};
use std::collections::{HashMap, VecDeque};

/// Where packets went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) in_flows: u64,
    pub(super) not_ip: u64,
    pub(super) malformed: u64,
    pub(super) filtered: u64,
    pub(super) duplicates: u64,
}

/// The fields of a packet's record that are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) time: Nanos,
    pub(super) wire_len: u32,
    pub(super) place: Place,
    /// What it has in common with its copies, where these are left out.
    pub(super) print: Option<Print>,
}

/// A flow, and where its first packet is.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlainFlow {
    pub(super) flow: Flow,
    pub(super) starts: Place,
    /// Earliest and latest time, those of packets that a filter keeps out among them.
    life: (i64, i64),
}

/// All flows, in the order of their first packets.
#[derive(Debug)]
pub(super) struct PlainFlows<'a> {
    config: &'a Config,
    pub(super) flows: Vec<PlainFlow>,
    pub(super) counts: Counts,
    /// The flow that packets with this key belong to now.
    current: HashMap<FlowKey, usize>,
    /// First fragments of datagrams: the key of their flows, their times, and how many came before.
    firsts: HashMap<DatagramId, (FlowKey, i64, u64)>,
    /// Which first fragments these were, the oldest in front.
    seen: VecDeque<(DatagramId, u64)>,
    /// Packets that may have copies, where these are left out.
    copies: Option<Copies>,
}

impl<'a> PlainFlows<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            flows: Vec::new(),
            counts: Counts::default(),
            current: HashMap::new(),
            firsts: HashMap::new(),
            seen: VecDeque::new(),
            copies: config.duplicates.map(Copies::new),
        }
    }

    /// Counts a packet.
    pub(super) fn add(&mut self, reading: &Reading, packet: &Counted) {
        self.counts.packets += 1;
        self.counts.bytes += u64::from(packet.wire_len);
        let ip = match reading.contents {
            Contents::Ip(ip) => ip,
            _ if !self.config.restriction.matches(&reading.link, None) => {
                self.counts.filtered += 1;
                return;
            }
            Contents::NotIp => {
                self.counts.not_ip += 1;
                return;
            }
            Contents::Malformed => {
                self.counts.malformed += 1;
                return;
            }
        };
        let mut key = FlowKey {
            link: reading.link,
            network: ip.network,
            networks: reading.tunnels.networks(),
        };
        if let Some((datagram, is_first)) = ip.fragment {
            key = self.fragment(datagram, is_first, key, packet.time);
        }
        let restriction = &self.config.restriction;
        let is_accepted = restriction.matches(&key.link, Some(&key.network));
        if self.config.five_tuple {
            key.link = without_addresses(&key.link);
            key.networks = Tunnels::NONE;
        }
        if self.config.conversations {
            key.link = of_both(&key.link);
        }
        let number = self.find_or_start(&key, reading.tunnels, packet);
        if !is_accepted {
            self.counts.filtered += 1;
            return;
        }
        let both = self.copies.as_mut().zip(packet.print);
        if both.is_some_and(|(copies, print)| copies.is_copy(print, packet.time.0)) {
            self.counts.duplicates += 1;
            return;
        }
        self.counts.in_flows += 1;
        let Some(PlainFlow { flow, .. }) = self.flows.get_mut(number) else {
            return;
        };
        let bytes = u64::from(packet.wire_len);
        flow.packets += 1;
        flow.bytes += bytes;
        flow.first = flow.first.min(packet.time);
        flow.last = flow.last.max(packet.time);
        flow.tcp_flags |= ip.tcp_flags;
        let is_reverse = is_descending(&key.network) != is_descending(&flow.key.network);
        if let Some(reverse) = flow.reverse.as_mut().filter(|_| is_reverse) {
            reverse.packets += 1;
            reverse.bytes += bytes;
            reverse.tcp_flags |= ip.tcp_flags;
        }
    }

    /// The key of a fragment: that of its datagram's first one, if that came before, and not more
    /// than 30 s away.
    fn fragment(
        &mut self,
        datagram: DatagramId,
        is_first: bool,
        key: FlowKey,
        time: Nanos,
    ) -> FlowKey {
        if !is_first {
            let first = self.firsts.get(&datagram);
            let first = first.filter(|(_, then, _)| then.abs_diff(time.0) <= MOST_NS);
            return first.map_or(key, |(first, ..)| *first);
        }
        if self.seen.len() >= MOST_DATAGRAMS
            && let Some((oldest, number)) = self.seen.pop_front()
            && self.firsts.get(&oldest).is_some_and(|it| it.2 == number)
        {
            self.firsts.remove(&oldest);
        }
        let number = self.counts.packets;
        self.seen.push_back((datagram, number));
        self.firsts.insert(datagram, (key, time.0, number));
        key
    }

    /// The number of the flow that a packet with this key belongs to.
    fn find_or_start(&mut self, key: &FlowKey, tunnels: Tunnels, packet: &Counted) -> usize {
        let shared = if self.config.conversations && is_descending(&key.network) {
            key.reversed()
        } else {
            *key
        };
        let time = packet.time.0;
        let next = self.flows.len();
        let number = *self.current.entry(shared).or_insert(next);
        if let Some(PlainFlow { life, .. }) = self.flows.get_mut(number)
            && !has_ended(&self.config.timeouts, *life, time)
        {
            *life = (life.0.min(time), life.1.max(time));
            return number;
        }
        self.current.insert(shared, next);
        let reverse = self.config.conversations.then(ReverseCounters::default);
        self.flows.push(PlainFlow {
            flow: Flow {
                id: next as u64 + 1,
                key: *key,
                first: Nanos::MAX,
                last: Nanos::MIN,
                reverse,
                tunnels,
                ..Flow::default()
            },
            starts: packet.place,
            life: (time, time),
        });
        next
    }

    /// How many flows have packets that the filter lets through.
    pub(super) fn accepted(&self) -> u64 {
        self.flows.iter().filter(|it| it.flow.packets > 0).count() as u64
    }
}

/// Whether a packet at this time is too late for a flow that lived so long.
fn has_ended(timeouts: &Timeouts, life: (i64, i64), time: i64) -> bool {
    let exceeds = |since: i64, limit: Option<u64>| {
        limit.is_some_and(|limit| time > since && time.abs_diff(since) > limit)
    };
    exceeds(life.0, timeouts.active_ns) || exceeds(life.1, timeouts.idle_ns)
}

/// Whether the source is the greater of the two endpoints.
fn is_descending(key: &NetworkKey) -> bool {
    (key.src, key.src_port) > (key.dst, key.dst_port)
}

/// The rest of a link key where flows are keyed by the 5-tuple.
fn without_addresses(link: &LinkKey) -> LinkKey {
    let mut rest = LinkKey::default();
    if let Some(device) = link.device() {
        rest.set_device(device);
    }
    rest
}

/// The part of a link key that both directions of a conversation have in common: VLANs, and addresses where there are
/// two of them.
fn of_both(link: &LinkKey) -> LinkKey {
    let mut shared = LinkKey::default();
    if let Some((src, dst)) = link.macs()
        && dst != MacAddr::default()
    {
        shared.set_macs(src, dst);
    }
    link.vlans().ids().for_each(|id| shared.push_vlan(id));
    shared
}

/// How far a later fragment may be from its first one, in nanoseconds.
const MOST_NS: u64 = 30_000_000_000;
/// First fragments that are kept: the bound is a part of the rule (`flow/fragment.rs`).
const MOST_DATAGRAMS: usize = 256 * 1024;
