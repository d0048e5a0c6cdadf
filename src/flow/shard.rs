//! Phase B: a shard applies its packets to its own flow table. Shards are the flows by a hash that
//! is equal for both directions of a conversation; one thread works on a shard at a time. The other
//! half of the hot path is `engine/chunk.rs`.
//!
//! # The algorithm
//!
//! ```text
//! for each packet of the shard, in capture order:
//!     slot   := table.find(hash of the full key)
//!     record := records[slot] if its key is equal, else a new one    64 bytes
//!     count packet, bytes, times, flags in the record
//!     observer.packet(record's index, packet)
//! ```
//!
//! A flow is a line of memory somewhere: nearly every packet misses the cache twice, for its slot
//! and for its record. That, not the counting, is what a packet costs here.
//!
//! # Departures from it
//!
//! Medians of five runs of the whole program with two threads, on an Intel Xeon with 2 cores
//! (2026-11, docs/performance.md has the captures mix and small).
//!
//! 1. *Two passes over 32 packets*: first the slots are looked up and the records asked for
//!    ([`Shard::guess`]), then they are touched, so that the waits for memory overlap. small 1.29 to
//!    1.15 s. A guess is the first record whose 32 bits of hash are equal; it is almost always right,
//!    and checked against the full key ([`Shard::is_of`]) before anything is counted.
//! 2. *The table holds hash and index, not keys*: growing it reads no record. small 1.15 to 1.04 s.
//! 3. *A record is one cache line* of key and counters. IPv6 addresses, counters of the other
//!    direction and lifetimes are in separate lists, which stay empty where they are not needed; MAC
//!    addresses and VLANs are the number of a link key.
//! 4. *FlowIDs are given at the end of a window*, in parallel (`flow::numbering`): 30 to 14 ns a
//!    flow. Until then a flow is known by its index here.
//! 5. *Where a job looks into packets*, their headers are asked for six packets ahead: the packets
//!    of a shard are far apart in the window. *Where none does*, a loop of its own does not even ask
//!    ([`Shard::apply_batches`]): 19 of 650 instructions a packet.
//!
//! Tried and not kept: asking for a conversation's line of addresses ahead (nothing); 64 or 256
//! shards (within the noise); huge pages for the tables (4 to 6 % on small, but it takes an
//! allocator of our own).

use super::flows::Flow;
use super::hash::HashKey;
use super::key::{FlowKey, Tunnels};
use super::links::{Link, LinkTable};
use super::observer::{FlowEnd, Observer};
use super::packet::{Contents, Layers, PacketNumbers, PacketRef, Payload, Transport};
use super::record::{FlowRecord, ReverseCounters};
use super::timeout::{Lifetime, Timeouts};
use crate::capture::{LinkType, prefetch};
use crate::decode::{Addresses, DecodeOptions, Unpacked};
use crate::number::{index_u32, offset_u32};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Flows, their table, and what of the current window is still to be done.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    records: Vec<FlowRecord>,
    /// Finds the current record of a key.
    slots: HashTable<Slot>,
    /// FlowIDs of the first records; those of the current window's come at its end.
    ids: Vec<u32>,
    /// Source and destination of IPv6 flows.
    addresses: Vec<[u8; 32]>,
    /// One for each record where conversations are counted.
    reverse: Vec<ReverseCounters>,
    /// One for each record where there are timeouts.
    lifetimes: Vec<Lifetime>,
    /// The tunnels that the first packets came through: as far as the last record of a flow that
    /// came through any.
    tunnels: Vec<Tunnels>,
    /// Offsets of the first packets of flows that started in this window, in order.
    pub(super) started: Vec<u32>,
    /// Packets counted in flows, those that the filter kept out, and copies.
    pub(crate) counted: u64,
    pub(crate) filtered: u64,
    pub(crate) duplicates: u64,
    /// Flows with a packet that the filter let through.
    pub(crate) accepted: u64,
}

/// A place in the table. The hash is kept, so that growing the table looks at no record.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    index: u32,
}

impl Slot {
    /// The hash that the table goes by: it takes its place from the low bits, and a tag from the
    /// top ones.
    #[inline(always)]
    const fn spread(hash: u32) -> u64 {
        (hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// A chunk's packets of one shard, and what their references refer to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShardPackets<'a> {
    pub(crate) packets: &'a [PacketRef],
    /// Where their layers stand; empty where no job looks into packets.
    pub(crate) layers: &'a [Layers],
    /// Where their payload is; empty where no job asks.
    pub(crate) payloads: &'a [Payload],
    /// The tunnels that they came through; packets beyond its end came through none.
    pub(crate) tunnels: &'a [Tunnels],
    /// What these places refer to.
    pub(crate) window: &'a [u8],
    pub(crate) datagrams: &'a [Vec<u8>],
    pub(crate) addresses: &'a [[u8; 32]],
    /// The run's number for each of the chunk's link keys.
    pub(crate) links: &'a [u32],
    /// Packets of the run before the chunk.
    pub(crate) before: u64,
    /// The numbers of packets, where they are others than 1, 2, 3 ….
    pub(crate) numbers: Option<&'a PacketNumbers>,
}

impl<'a> ShardPackets<'a> {
    /// The run's number for a packet's link key.
    #[inline(always)]
    fn link(&self, packet: &PacketRef) -> u32 {
        let link = self.links.get(packet.link as usize);
        link.copied().unwrap_or(LinkTable::NONE)
    }

    /// The packet's number in the run, or in the captures that it is from.
    #[inline]
    fn number(&self, layers: &Layers) -> u64 {
        let ordinal = self.before + u64::from(layers.ordinal);
        self.numbers.map_or(ordinal, |it| it.of(ordinal))
    }

    /// What a packet carries, where a job wants to see it. What has to be unpacked goes to
    /// `unpacked`.
    #[inline]
    fn contents<'b>(
        &'b self,
        number: usize,
        decode: &DecodeOptions,
        unpacked: &'b mut Option<Unpacked>,
    ) -> Option<Contents<'b>> {
        let layers = self.layers.get(number)?;
        let (data, end) = (layers.data as usize, layers.data + layers.data_len);
        let data = self.window.get(data..end as usize).unwrap_or_default();
        let transport = if layers.is_packed {
            self.unpack(layers, data, decode, unpacked)
        } else {
            let (bytes, start) = match layers.place {
                Layers::IN_WINDOW => (Some(self.window), Some(layers.transport)),
                Layers::NOWHERE => (None, None),
                index => (self.datagrams.get(index as usize).map(Vec::as_slice), None),
            };
            bytes.map(|bytes| Transport {
                bytes: bytes
                    .get(layers.transport as usize..layers.end as usize)
                    .unwrap_or_default(),
                start,
                missing: layers.missing,
                has_open_end: layers.has_open_end,
            })
        };
        Some(Contents {
            window: self.window,
            data,
            data_start: layers.data,
            link_type: layers.link_type,
            ordinal: self.number(layers),
            transport,
        })
    }

    #[cold]
    #[inline(never)]
    fn unpack<'b>(
        &self,
        layers: &Layers,
        data: &[u8],
        decode: &DecodeOptions,
        unpacked: &'b mut Option<Unpacked>,
    ) -> Option<Transport<'b>> {
        *unpacked = match layers.place {
            Layers::IN_WINDOW => Unpacked::find(layers.link_type, data, decode),
            Layers::NOWHERE => None,
            index => {
                let datagram = self.datagrams.get(index as usize)?;
                Unpacked::find(LinkType::RAW, datagram, decode)
            }
        };
        unpacked.as_ref().and_then(transport_of)
    }
}

/// The transport layer of what was unpacked; a fragment in there has none of its own.
#[cold]
fn transport_of(unpacked: &Unpacked) -> Option<Transport<'_>> {
    let (headers, _) = unpacked.headers().ok()?;
    if headers.fragment.is_some() {
        return None;
    }
    let data = unpacked.data();
    Some(Transport {
        bytes: data.get(headers.transport..headers.end).unwrap_or_default(),
        start: None,
        missing: offset_u32(headers.on_wire(data, 0).saturating_sub(headers.end)),
        has_open_end: headers.wire_end == usize::MAX,
    })
}

/// How flows are told apart and kept: the same for all shards.
pub(crate) struct ShardRules<'a> {
    pub(crate) hash_key: HashKey,
    pub(crate) timeouts: Timeouts,
    pub(crate) conversations: bool,
    pub(crate) links: &'a LinkTable,
    /// How packets were decoded.
    pub(crate) decode: &'a DecodeOptions,
    /// Refuses whole flows; asked once for each.
    pub(crate) accepts: Option<&'a (dyn Fn(&FlowKey) -> bool + Sync)>,
}

impl Shard {
    /// Applies a chunk's packets, in capture order.
    ///
    /// A flow's record is somewhere in memory: records are looked for and asked for a batch at a
    /// time, so that the waits for them overlap.
    pub(crate) fn apply<O: Observer>(
        &mut self,
        chunk: ShardPackets<'_>,
        rules: &ShardRules<'_>,
        observer: &mut O,
    ) {
        if chunk.layers.is_empty() && chunk.payloads.is_empty() {
            self.apply_batches::<O, false>(chunk, rules, observer);
        } else {
            self.apply_batches::<O, true>(chunk, rules, observer);
        }
    }

    /// Where no job looks into packets (`LOOKS`), observers that do so are compiled away.
    fn apply_batches<O: Observer, const LOOKS: bool>(
        &mut self,
        chunk: ShardPackets<'_>,
        rules: &ShardRules<'_>,
        observer: &mut O,
    ) {
        let mut guesses = [0; BATCH];
        // Outside of the loop, so that nothing is to be dropped for each packet.
        let mut unpacked = None;
        for (batch, number) in chunk.packets.chunks(BATCH).zip((0..).step_by(BATCH)) {
            for (packet, guess) in batch.iter().zip(&mut guesses) {
                *guess = self.guess(packet, chunk.link(packet), rules);
            }
            for ((packet, guess), number) in batch.iter().zip(guesses).zip(number..) {
                let at = (number, guess);
                self.apply_packet::<O, LOOKS>(&chunk, at, packet, rules, observer, &mut unpacked);
            }
        }
    }

    /// The record that a packet most likely belongs to: that of the first flow whose hash looks
    /// the same.
    #[inline(always)]
    fn guess(&self, packet: &PacketRef, link: u32, rules: &ShardRules<'_>) -> u32 {
        let hash = rules.hash_key.slot(packet.hash, link);
        let slot = self.slots.find(Slot::spread(hash), |it| it.hash == hash);
        let guess = slot.map_or(u32::MAX, |it| it.index);
        prefetch::line(&self.records, guess as usize);
        guess
    }

    #[inline(always)]
    fn apply_packet<O: Observer, const LOOKS: bool>(
        &mut self,
        chunk: &ShardPackets<'_>,
        (number, guess): (usize, u32),
        packet: &PacketRef,
        rules: &ShardRules<'_>,
        observer: &mut O,
        unpacked: &mut Option<Unpacked>,
    ) {
        let link = chunk.link(packet);
        let addresses = chunk.addresses.get(packet.addresses[0] as usize);
        // Where flows end, there may be two with this key.
        let is_right = self.lifetimes.is_empty() && self.is_of(guess, packet, addresses, link);
        let index = if is_right {
            guess
        } else {
            let known = self.records.len();
            let index = self.find_or_start(packet, addresses, link, rules, observer);
            if self.records.len() > known {
                self.note_tunnels(chunk.tunnels.get(number));
            }
            index
        };
        let Some(record) = self.records.get_mut(index as usize) else {
            return;
        };
        if packet.has(PacketRef::LEFT_OUT) || record.has(FlowRecord::EXCLUDED) {
            let is_copy = packet.has(PacketRef::DUPLICATE);
            self.duplicates += u64::from(is_copy);
            self.filtered += u64::from(!is_copy);
            return;
        }
        self.accepted += u64::from(record.packets == 0);
        record.count(packet);
        self.counted += 1;
        if rules.conversations {
            let is_reverse = (packet.flags ^ record.flags) & PacketRef::REVERSE != 0;
            if let Some(reverse) = self.reverse.get_mut(index as usize).filter(|_| is_reverse) {
                reverse.packets += 1;
                reverse.bytes += u64::from(packet.wire_len);
                reverse.tcp_flags |= packet.tcp_flags;
            }
        }
        if !LOOKS {
            return observer.packet(index, packet, None);
        }
        if let Some(later) = chunk.layers.get(number + CONTENTS_AHEAD) {
            prefetch::line(chunk.window, later.transport as usize);
        }
        if let Some(payload) = chunk.payloads.get(number) {
            observer.payload(index, packet, payload, chunk.window);
        }
        let contents = chunk.contents(number, rules.decode, unpacked);
        observer.packet(index, packet, contents.as_ref());
    }

    /// Whether a packet belongs to the flow of a record.
    #[inline(always)]
    fn is_of(
        &self,
        index: u32,
        packet: &PacketRef,
        addresses: Option<&[u8; 32]>,
        link: u32,
    ) -> bool {
        self.records.get(index as usize).is_some_and(|record| {
            record.ports == packet.ports
                && record.link == link
                && record.protocol == packet.protocol
                && (record.flags ^ packet.flags) & PacketRef::IPV6 == 0
                && if packet.has(PacketRef::IPV6) {
                    self.addresses.get(record.addresses[0] as usize) == addresses
                } else {
                    record.addresses == packet.addresses
                }
        })
    }

    #[inline(never)]
    fn find_or_start<O: Observer>(
        &mut self,
        packet: &PacketRef,
        addresses: Option<&[u8; 32]>,
        link: u32,
        rules: &ShardRules<'_>,
        observer: &mut O,
    ) -> u32 {
        let hash = rules.hash_key.slot(packet.hash, link);
        let next = index_u32(self.records.len());
        let mut slots = std::mem::take(&mut self.slots);
        let is_same = |it: &Slot| it.hash == hash && self.is_of(it.index, packet, addresses, link);
        let found = match slots.entry(Slot::spread(hash), is_same, |it| Slot::spread(it.hash)) {
            Entry::Occupied(mut entry) => {
                let index = entry.get().index;
                let life = self.lifetimes.get_mut(index as usize);
                let has_ended = life.is_some_and(|life| {
                    let has_ended = rules.timeouts.has_ended(life, packet.time);
                    if !has_ended {
                        life.extend(packet.time);
                    }
                    has_ended
                });
                if has_ended {
                    entry.get_mut().index = next;
                    observer.end(index, FlowEnd::Timeout);
                    if let Some(record) = self.records.get_mut(index as usize) {
                        record.flags |= FlowRecord::TIMED_OUT;
                    }
                }
                (!has_ended).then_some(index)
            }
            Entry::Vacant(entry) => {
                entry.insert(Slot { hash, index: next });
                None
            }
        };
        self.slots = slots;
        found.unwrap_or_else(|| {
            self.start(packet, addresses, link, rules, observer);
            next
        })
    }

    /// A new flow's record, behind all others.
    fn start<O: Observer>(
        &mut self,
        packet: &PacketRef,
        addresses: Option<&[u8; 32]>,
        link: u32,
        rules: &ShardRules<'_>,
        observer: &mut O,
    ) {
        let index = index_u32(self.records.len());
        let kept = if packet.has(PacketRef::IPV6) {
            let place = index_u32(self.addresses.len());
            self.addresses.push(addresses.copied().unwrap_or([0; 32]));
            [place, 0]
        } else {
            packet.addresses
        };
        let mut record = FlowRecord::new(packet, kept, link);
        if let Some(accepts) = rules.accepts
            && !accepts(&self.key(&record, rules.links))
        {
            record.flags |= FlowRecord::EXCLUDED;
        }
        observer.start(index, record.has(FlowRecord::EXCLUDED), || {
            self.key(&record, rules.links)
        });
        self.started.push(packet.offset);
        self.records.push(record);
        if rules.conversations {
            self.reverse.push(ReverseCounters::default());
        }
        if rules.timeouts.is_some() {
            self.lifetimes.push(Lifetime::new(packet.time));
        }
    }

    /// Notes the tunnels that the first packet of the newest flow came through.
    fn note_tunnels(&mut self, tunnels: Option<&Tunnels>) {
        if let Some(tunnels) = tunnels.filter(|it| !it.is_empty()) {
            // Flows before it came through none.
            self.tunnels.resize(self.records.len(), Tunnels::NONE);
            if let Some(last) = self.tunnels.last_mut() {
                *last = *tunnels;
            }
        }
    }

    /// The tunnels that a flow's first packet came through.
    pub(super) fn tunnels(&self, index: u32) -> Tunnels {
        self.tunnels
            .get(index as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The key of a record, from its first packet's point of view.
    pub(crate) fn key(&self, record: &FlowRecord, links: &LinkTable) -> FlowKey {
        let [src, dst] = record.addresses;
        let addresses = if record.has(PacketRef::IPV6) {
            self.addresses
                .get(src as usize)
                .map_or(Addresses::V4 { src: 0, dst: 0 }, Addresses::V6)
        } else {
            Addresses::V4 { src, dst }
        };
        let Link { key, networks } = links.link(record.link);
        let key = FlowKey {
            link: key,
            network: addresses.network_key(record.protocol, record.ports),
            networks,
        };
        if record.has(PacketRef::REVERSE) {
            key.reversed()
        } else {
            key
        }
    }

    /// The inputs have ended, and so has each flow that no timeout ended before.
    pub(crate) fn end_all<O: Observer>(&self, observer: &mut O) {
        if self.lifetimes.is_empty() {
            return (0..index_u32(self.records.len()))
                .for_each(|index| observer.end(index, FlowEnd::EndOfInput));
        }
        for (record, index) in self.records.iter().zip(0..) {
            if !record.has(FlowRecord::TIMED_OUT) {
                observer.end(index, FlowEnd::EndOfInput);
            }
        }
    }

    /// Gives a flow the counters that it had before.
    pub(super) fn resume(&mut self, index: u32, flow: &Flow) -> bool {
        let index = index as usize;
        let Some(record) = self.records.get_mut(index) else {
            return false;
        };
        record.packets = flow.packets;
        record.bytes = flow.bytes;
        record.first = flow.first;
        record.last = flow.last;
        record.tcp_flags = flow.tcp_flags;
        if let (Some(place), Some(reverse)) = (self.reverse.get_mut(index), flow.reverse) {
            *place = reverse;
        }
        if let Some(lifetime) = self.lifetimes.get_mut(index) {
            *lifetime = Lifetime::new(flow.first);
            lifetime.extend(flow.last);
        }
        if !flow.tunnels.is_empty() {
            self.tunnels
                .resize(self.tunnels.len().max(index + 1), Tunnels::NONE);
            if let Some(tunnels) = self.tunnels.get_mut(index) {
                *tunnels = flow.tunnels;
            }
        }
        true
    }

    /// A flow's record.
    pub(crate) fn record(&self, index: u32) -> Option<&FlowRecord> {
        self.records.get(index as usize)
    }

    /// Bytes of all flows.
    pub(crate) fn bytes(&self) -> u64 {
        self.records.iter().map(|record| record.bytes).sum()
    }

    /// A conversation's counters of the other direction, where these are kept.
    pub(crate) fn reverse(&self, index: u32) -> Option<&ReverseCounters> {
        self.reverse.get(index as usize)
    }

    /// The flows that have no ids yet: offsets of their first packets, places for their ids, and
    /// the index of the first of them.
    pub(super) fn unnumbered(&mut self) -> (&[u32], &mut [u32], u32) {
        let numbered = self.ids.len();
        self.ids.resize(numbered + self.started.len(), 0);
        let ids = self.ids.get_mut(numbered..).unwrap_or_default();
        (&self.started, ids, index_u32(numbered))
    }

    /// The id of a flow; 0 while its window is not finished.
    pub(crate) fn id(&self, index: u32) -> u32 {
        self.ids.get(index as usize).copied().unwrap_or(0)
    }
}

/// Packets whose records are asked for together.
const BATCH: usize = 32;
/// Packets of a shard stand far apart in the window: their headers are asked for that many
/// packets before a job looks at them.
const CONTENTS_AHEAD: usize = 6;
