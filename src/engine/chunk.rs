//! Phase A: a chunk of a window is walked, each packet decoded and handed to the shard that owns
//! its flow. This and [`flow::shard`](crate::flow) are the hot path: everything else together takes
//! a few percent of a run.
//!
//! # The algorithm
//!
//! ```text
//! for each record of the chunk:                      capture::Walk
//!     headers := the layers up to ports              decode
//!     hash    := hash(sorted endpoints, protocol)    equal for both directions
//!     ref     := time, offset, lengths, endpoints    40 bytes
//!     list[hash * shards >> 32].push(ref)
//! ```
//!
//! Nothing is shared between workers, nothing is allocated for a packet, and a packet's bytes are
//! looked at once. Each shard later takes its lists chunk by chunk (phase B), so that the packets
//! of a flow stay in capture order without a lock.
//!
//! # Departures from it
//!
//! Each is paid for by a measurement: medians of five runs of the whole program with two threads,
//! on an Intel Xeon with 2 cores (2026-11, docs/performance.md has the captures mix and small).
//!
//! 1. *The walk asks for every cache line up to 4 KiB ahead* (`capture::UsualRecords`). Reading
//!    record headers is a chain of dependent loads; lines in order come faster than single ones.
//!    mix 0.82 to 0.74 s, against asking for one line 1 KiB ahead.
//! 2. *Usual records have a loop of their own* ([`Chunk::usual_packets`]) whose state stays in
//!    registers; the first record that is out of the ordinary ends it, and the general walk takes
//!    that one. *Plain packets have a decoder of their own* (`decode::decode_plain`): Ethernet, at
//!    most two VLAN tags, IP without options, TCP or UDP. 12 ns where the general one takes 97;
//!    mix 0.74 to 0.50 s, small 1.62 to 1.29 s. `tests/suite/plain.rs` holds it to the general
//!    decoder's answers.
//! 3. *Decoding is one inlined function, and passes no structure through memory*: narrow stores
//!    followed by wide loads of the same bytes stall. Hence `inline(always)` here, and link keys of
//!    four words. With the loop of 2: mix 0.46 to 0.41 s, small 0.98 to 0.82 s.
//! 4. *Fragments are boxed, and wait* for a sequential step between the phases: few packets are,
//!    and they are larger than all other headers together.
//! 5. *The shard comes from a multiplication*, not a division, and shards are few (32, or four for
//!    each worker): the ends of all lists must stay in the cache. 128 shards: mix 5 % slower.
//! 6. *References are 40 bytes*: phase B is bound by memory bandwidth. IPv6 addresses, layers,
//!    payloads and tunnels are in separate lists, which stay empty where no job needs them or no packet
//!    has them.
//!
//! Tried and not kept: blocks before the lists that gather references until they fill a line
//! (nothing with 32 shards); chunks of 2 to 8 MiB a round, so that references stay in the second
//! cache (slower: workers wait for each other 50 µs and more each time).

mod rare;

use self::rare::FragmentEvent;
pub(crate) use self::rare::SequentialTables;
use super::balance::{Balance, Place};
use super::copies::{Extent, Print, digest};
use super::lists::ShardLists;
use super::rules::Rules;
use crate::capture::{Format, Nanos, PacketRecord, SideBlock, Stop, Successor, Walk, successor};
use crate::decode::protocol::IPCOMP;
use crate::decode::{Addresses, Headers, NotFlow, Tunnels, decode_any, decode_plain, joined};
use crate::flow::{Flow, Layers, Link, LinkKey, LinkTable, NetworkKey, PacketRef, Payload};
use crate::number::{index_u32, len_u32, modulo_u32, nearest_u16, offset_u32};
use std::net::IpAddr;
use std::ops::Range;

/// A part of a window, and what walking it found. Reused from window to window.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// Where its records start in the window.
    pub(crate) range: Range<usize>,
    /// How the walk ended, and where.
    pub(crate) stop: Option<Stop>,
    pub(crate) end: usize,
    /// Where its last record starts, if it ends with one.
    pub(crate) last_record: Option<usize>,
    /// Whether that record may be cut short: what is behind it is odd.
    pub(crate) is_doubted: bool,
    /// The format assumed at its start, and that reached at its end.
    pub(crate) start_format: Option<Format>,
    pub(crate) end_format: Option<Format>,
    /// Where its packets went, as far as phase A can tell.
    pub(crate) balance: Balance,
    /// Packets handed to shards, by shard, each list in capture order.
    pub(crate) packets: ShardLists,
    /// Source and destination of IPv6 packets.
    pub(crate) addresses: Vec<[u8; 32]>,
    links: LinkTable,
    /// The run's number for each of the chunk's link keys.
    pub(crate) link_numbers: Vec<u32>,
    fragments: Vec<FragmentEvent>,
    /// What packets have in common with their copies, in capture order, where copies are left out.
    prints: Vec<Print>,
    /// Datagrams that were put together from fragments, where a job looks into packets.
    pub(crate) datagrams: Vec<Vec<u8>>,
    /// Offsets of packets that belong to no flow but pass the filter, where a job wants these.
    pub(crate) non_flow: Vec<u32>,
    /// Blocks that are no packets but belong with them.
    pub(crate) side_blocks: Vec<SideBlock>,
    /// Time and place of the first packet, time of the last; of those that have a time.
    pub(crate) first_time: Option<(Nanos, Place)>,
    pub(crate) last_time: Option<Nanos>,
}

impl Chunk {
    /// Walks the records that start in `range`. At most `max_packets` are looked at. Those from `doubt_from`
    /// on may be cut short.
    pub(crate) fn walk(
        &mut self,
        window: &[u8],
        range: Range<usize>,
        format: &Format,
        max_packets: u64,
        doubt_from: usize,
        rules: &Rules,
    ) {
        self.reset(range.clone(), format, rules);
        let mut walk = Walk::new(window, range, format.clone()).doubting(doubt_from);
        let stop = loop {
            self.usual_packets(&mut walk, max_packets, rules);
            if self.balance.packets >= max_packets {
                break Stop::End;
            }
            match walk.next() {
                Ok(record) => self.packet(&record, rules),
                Err(stop) => break stop,
            }
        };
        self.stop = Some(stop);
        self.end = walk.position();
        self.last_record = walk.previous();
        self.is_doubted = walk.doubted().is_some();
        let (side_blocks, format) = walk.into_parts();
        self.side_blocks = side_blocks;
        self.end_format = Some(format);
    }

    /// Whether what stands behind the last record is no reason to take that for one that is cut short, as
    /// far as can be seen.
    pub(crate) fn is_followed(&self, window: &[u8], format: &Format, doubt_from: usize) -> bool {
        let record = self.last_record.filter(|it| *it >= doubt_from);
        record.is_none_or(|start| {
            let behind = successor(window, start..self.end, format, false);
            behind != Successor::None
        })
    }

    /// Hands over flows that are known from before as if each were a packet.
    pub(crate) fn walk_known(&mut self, flows: &[Flow], rules: &Rules) {
        self.packets.reset(rules.shards, rules);
        for (flow, place) in flows.iter().zip(0..) {
            let network = &flow.key.network;
            let packet = PacketRef {
                time: flow.first,
                offset: place,
                ports: [network.src_port, network.dst_port],
                protocol: network.protocol,
                ..PacketRef::default()
            };
            let mut bytes = [0; 32];
            let addresses = addresses_of(network, &mut bytes);
            let link = (&flow.key.link, flow.key.networks);
            let shard = self.hand_over(packet, &addresses, link, rules);
            if rules.needs.contents {
                let place = Layers::NOWHERE;
                self.packets.push_layers(
                    shard,
                    Layers {
                        place,
                        ..Layers::default()
                    },
                );
            }
        }
    }

    fn reset(&mut self, range: Range<usize>, format: &Format, rules: &Rules) {
        self.range = range;
        self.start_format = Some(format.clone());
        self.balance = Balance::default();
        self.packets.reset(rules.shards, rules);
        self.addresses.clear();
        self.links.clear();
        self.link_numbers.clear();
        self.fragments.clear();
        self.prints.clear();
        self.datagrams.clear();
        self.non_flow.clear();
        self.first_time = None;
        self.last_time = None;
    }

    /// Packets up to the first record that is out of the ordinary.
    fn usual_packets(&mut self, walk: &mut Walk<'_>, max_packets: u64, rules: &Rules) {
        let mut records = walk.usual();
        while self.balance.packets < max_packets
            && let Some(record) = records.next()
        {
            self.packet(&record, rules);
        }
        walk.advance(&records);
    }

    #[inline(always)]
    fn packet(&mut self, record: &PacketRecord<'_>, rules: &Rules) {
        self.balance.packets += 1;
        self.balance.bytes += u64::from(record.wire_len);
        self.note_time(record);
        let mut link = LinkKey::default();
        let link_type = record.link_type.unwrap_or_default();
        match decode_plain(link_type, record.data, &rules.decode, &mut link) {
            Some(headers) => self.flow_packet(record, &headers, &link, rules),
            None => self.any_packet(record, rules),
        }
    }

    #[inline(never)]
    fn any_packet(&mut self, record: &PacketRecord<'_>, rules: &Rules) {
        let mut link = LinkKey::default();
        let decoded = match record.link_type {
            Some(link_type) => decode_any(link_type, record.data, &rules.decode, &mut link),
            None => Err(NotFlow::NoInterface),
        };
        match decoded {
            Ok(headers) if headers.protocol == IPCOMP && rules.decode.decap => {
                self.packed_packet(record, &headers, link, rules);
            }
            Ok(headers) => match &headers.fragment {
                Some(fragment) => self.fragment(record, &headers, **fragment, link, rules),
                None if headers.tunnels.is_empty() => {
                    self.flow_packet(record, &headers, &link, rules);
                }
                None => self.inner_packet(record, &headers, &link, rules),
            },
            Err(reason) => self.non_flow_packet(record, reason, &link, rules),
        }
    }

    /// Times that go back, or are out of range, change nothing but are worth a notice.
    #[inline(always)]
    fn note_time(&mut self, record: &PacketRecord<'_>) {
        // Simple packet blocks have no time.
        if record.time == Nanos(0) {
            return;
        }
        match self.last_time.replace(record.time) {
            None => self.first_time = Some((record.time, self.place(record))),
            Some(last) if record.time < last => {
                self.balance.time_goes_back.count(self.place(record));
            }
            Some(_) => {}
        }
        if matches!(record.time, Nanos::MIN | Nanos::MAX) {
            self.balance.time_out_of_range.count(self.place(record));
        }
    }

    /// The place of a packet that has just been counted, from the chunk's first packet and the
    /// window's first byte.
    fn place(&self, record: &PacketRecord<'_>) -> Place {
        Place {
            input: 0,
            packet: self.balance.packets,
            offset: record.start as u64,
        }
    }

    /// A packet that belongs to no flow: conditions on the link layer still apply to it.
    #[cold]
    fn non_flow_packet(
        &mut self,
        record: &PacketRecord<'_>,
        reason: NotFlow,
        link: &LinkKey,
        rules: &Rules,
    ) {
        if !rules.restriction.matches(link, None) {
            self.balance.filtered += 1;
            return;
        }
        self.balance.count_not_flow(reason, self.place(record));
        if let (NotFlow::LinkType, Some(link_type)) = (reason, record.link_type) {
            self.balance.count_link_type(link_type, self.place(record));
        }
        // Without its interface a packet cannot be read in another capture either.
        let is_described = reason != NotFlow::NoInterface;
        if rules.needs.non_flow && (is_described || rules.needs.undescribed) {
            self.non_flow.push(offset_u32(record.start));
        }
    }

    #[inline(always)]
    fn flow_packet(
        &mut self,
        record: &PacketRecord<'_>,
        headers: &Headers<'_>,
        link: &LinkKey,
        rules: &Rules,
    ) {
        let packet = packet_ref(record, headers);
        let shard = self.hand_over(packet, &headers.addresses, (link, Tunnels::NONE), rules);
        self.push_beside(shard, record, headers, rules);
    }

    /// The same for a packet that came through tunnels.
    #[inline(never)]
    fn inner_packet(
        &mut self,
        record: &PacketRecord<'_>,
        headers: &Headers<'_>,
        link: &LinkKey,
        rules: &Rules,
    ) {
        let packet = packet_ref(record, headers);
        let shard = self.hand_over_inner(packet, &headers.addresses, link, headers.tunnels, rules);
        self.push_beside(shard, record, headers, rules);
    }

    /// What jobs need of the packet that was handed over last.
    #[inline(always)]
    fn push_beside(
        &mut self,
        shard: usize,
        record: &PacketRecord<'_>,
        headers: &Headers<'_>,
        rules: &Rules,
    ) {
        // One test for lists, which need nothing.
        let needs = &rules.needs;
        if !(needs.contents | needs.payloads | rules.duplicates.is_some()) {
            return;
        }
        if needs.contents {
            let layers = layers(record, headers, self.balance.packets);
            self.packets.push_layers(shard, layers);
        }
        if needs.payloads {
            let payload = payload(record, headers);
            self.packets.push_payload(shard, payload);
        }
        if rules.duplicates.is_some() {
            self.note_print(record, Extent::of(headers), shard, rules);
        }
    }

    /// Notes what a packet that was handed over has in common with its copies.
    #[inline(never)]
    pub(super) fn note_print(
        &mut self,
        record: &PacketRecord<'_>,
        extent: Extent,
        shard: usize,
        rules: &Rules,
    ) {
        if let Some((index, packet)) = self.packets.last(shard)
            && !packet.has(PacketRef::FILTERED)
        {
            self.prints.push(Print {
                digest: digest(&rules.hash_key, record.data, extent),
                time: packet.time,
                at: Some((index_u32(shard), index_u32(index))),
            });
        }
    }

    /// Hands over a packet that came through tunnels.
    fn hand_over_inner(
        &mut self,
        packet: PacketRef,
        addresses: &Addresses<'_>,
        link: &LinkKey,
        tunnels: Tunnels,
        rules: &Rules,
    ) -> usize {
        let shard = self.hand_over(packet, addresses, (link, tunnels.networks()), rules);
        self.packets.push_tunnels(shard, tunnels);
        shard
    }

    /// Notes the addresses of an IPv6 packet.
    #[inline(always)]
    fn ipv6(&mut self, packet: &mut PacketRef, mut both: [u8; 32], is_reverse: bool) {
        packet.flags |= PacketRef::IPV6;
        packet.addresses = [offset_u32(self.addresses.len()), 0];
        both.rotate_left(if is_reverse { 16 } else { 0 });
        self.addresses.push(both);
    }

    /// Gives a packet to the shard that owns its flow, and returns which it is.
    #[inline(always)]
    fn hand_over(
        &mut self,
        mut packet: PacketRef,
        addresses: &Addresses<'_>,
        (link, networks): (&LinkKey, Tunnels),
        rules: &Rules,
    ) -> usize {
        let [src_port, dst_port] = packet.ports;
        let hash = rules
            .hash_key
            .tuple(addresses, packet.protocol, src_port, dst_port);
        if rules.asks_each_packet && !rules.accepts_packet(&packet, addresses, link) {
            packet.flags |= PacketRef::FILTERED;
        }
        // Conversations are keyed by their sorted endpoints.
        let is_reverse = rules.conversations && hash.is_reverse;
        packet.hash = hash.flow;
        if is_reverse {
            packet.hash = !hash.flow;
            packet.flags |= PacketRef::REVERSE;
            packet.ports = [dst_port, src_port];
        }
        match *addresses {
            Addresses::V4 { src, dst } => {
                packet.addresses = if is_reverse { [dst, src] } else { [src, dst] };
            }
            Addresses::V6(both) => self.ipv6(&mut packet, *both, is_reverse),
            Addresses::V6Apart(apart) => self.ipv6(&mut packet, joined(apart), is_reverse),
        }
        let mut number = |key: &LinkKey| {
            if networks.is_empty() {
                return self.links.number(key);
            }
            self.links.number_in(&Link {
                key: *key,
                networks,
            })
        };
        packet.link = match (rules.five_tuple, is_reverse) {
            (false, true) => number(&link.of_conversation().reversed()),
            (false, false) if rules.conversations => number(&link.of_conversation()),
            (false, false) => number(link),
            (true, _) if rules.conversations => LinkTable::NONE,
            (true, _) => self.links.number(&link.without_link_layer()),
        };
        let shard = shard_of(hash.conversation, rules.shards);
        self.packets.push(shard, packet);
        shard
    }

    /// Numbers the chunk's link keys in the run's table.
    pub(crate) fn number_links(&mut self, links: &mut LinkTable) {
        let numbers = self.links.links().iter().map(|link| links.number_in(link));
        self.link_numbers.extend(numbers);
    }
}

/// A packet, before it is known which flow it belongs to.
#[inline(always)]
fn packet_ref(record: &PacketRecord<'_>, headers: &Headers<'_>) -> PacketRef {
    PacketRef {
        time: headers.trailer_time.unwrap_or(record.time),
        offset: offset_u32(record.start),
        wire_len: record.wire_len,
        addresses: [0; 2],
        ports: [headers.src_port, headers.dst_port],
        link: 0,
        hash: 0,
        tcp_flags: headers.tcp_flags,
        protocol: headers.protocol,
        flags: 0,
    }
}

/// Where the layers of a packet stand.
fn layers(record: &PacketRecord<'_>, headers: &Headers<'_>, ordinal: u64) -> Layers {
    let on_wire = headers.on_wire(record.data, record.wire_len);
    Layers {
        data: offset_u32(record.data_start),
        data_len: offset_u32(record.data.len()),
        transport: offset_u32(record.data_start + headers.transport.min(headers.end)),
        end: offset_u32(record.data_start + headers.end),
        missing: offset_u32(on_wire.saturating_sub(headers.end)),
        link_type: record.link_type.unwrap_or_default(),
        has_open_end: headers.wire_end == usize::MAX,
        place: Layers::IN_WINDOW,
        is_packed: false,
        ordinal: modulo_u32(ordinal),
    }
}

/// Where the payload of a packet is.
#[inline(always)]
fn payload(record: &PacketRecord<'_>, headers: &Headers<'_>) -> Payload {
    let carried = headers.payload(record.data, record.wire_len);
    Payload {
        start: offset_u32(record.data_start + carried.range.start),
        wire_len: offset_u32(carried.wire_len),
        sequence: carried.sequence,
        captured: nearest_u16(len_u32(carried.range.len())),
        has_header: headers.has_transport(),
    }
}

/// One of `shards` for a hash, each as often as the others.
#[inline(always)]
fn shard_of(hash: u32, shards: usize) -> usize {
    ((u64::from(hash) * shards as u64) >> 32) as usize
}

/// The addresses of a key, as a header has them.
fn addresses_of<'a>(key: &NetworkKey, bytes: &'a mut [u8; 32]) -> Addresses<'a> {
    match (key.src, key.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => Addresses::V4 {
            src: src.to_bits(),
            dst: dst.to_bits(),
        },
        (src, dst) => {
            for (ip, place) in [src, dst].into_iter().zip(bytes.chunks_exact_mut(16)) {
                if let IpAddr::V6(ip) = ip {
                    place.copy_from_slice(&ip.octets());
                }
            }
            Addresses::V6(bytes)
        }
    }
}
