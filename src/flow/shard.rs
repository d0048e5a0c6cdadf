//! A share of the flows: those whose hash falls to one shard. Worked on by one thread at a time.

use super::hash::HashKey;
use super::key::{FlowKey, NetworkKey};
use super::links::LinkTable;
use super::observer::Observer;
use super::packet::{Contents, Layers, PacketRef, Transport};
use super::record::{FlowRecord, ReverseCounters};
use super::timeout::{Lifetime, Timeouts};
use crate::capture::prefetch;
use crate::decode::Addresses;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Flows, their table, and what of the current window is still to be done.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    records: Vec<FlowRecord>,
    /// Finds the current record of a key.
    slots: HashTable<u32>,
    /// Source and destination of IPv6 flows.
    addresses: Vec<[u8; 32]>,
    /// One for each record where conversations are counted.
    reverse: Vec<ReverseCounters>,
    /// One for each record where there are timeouts.
    lifetimes: Vec<Lifetime>,
    /// Flows that started in this window, in order: offset of the first packet, index.
    pub(crate) started: Vec<(u32, u32)>,
    /// Packets counted in flows, and those that the filter kept out.
    pub(crate) counted: u64,
    pub(crate) filtered: u64,
    /// Flows with a packet that the filter let through.
    pub(crate) accepted: u64,
}

/// A chunk's packets of one shard, and what their references refer to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShardPackets<'a> {
    pub(crate) packets: &'a [PacketRef],
    /// Where their layers stand; empty where no job looks into packets.
    pub(crate) layers: &'a [Layers],
    /// What these places refer to.
    pub(crate) window: &'a [u8],
    pub(crate) datagrams: &'a [Vec<u8>],
    pub(crate) addresses: &'a [[u8; 32]],
    /// The run's number for each of the chunk's link keys.
    pub(crate) links: &'a [u32],
}

impl<'a> ShardPackets<'a> {
    /// What a packet carries, where a job wants to see it.
    #[inline]
    fn contents(&self, number: usize) -> Option<Contents<'a>> {
        let layers = self.layers.get(number)?;
        let (data, end) = (layers.data as usize, layers.data + layers.data_len);
        let (bytes, start) = match layers.place {
            Layers::IN_WINDOW => (Some(self.window), Some(layers.transport)),
            Layers::NOWHERE => (None, None),
            index => (self.datagrams.get(index as usize).map(Vec::as_slice), None),
        };
        let transport = bytes.map(|bytes| Transport {
            bytes: bytes
                .get(layers.transport as usize..layers.end as usize)
                .unwrap_or_default(),
            start,
            missing: layers.missing,
        });
        Some(Contents {
            window: self.window,
            data: self.window.get(data..end as usize).unwrap_or_default(),
            data_start: layers.data,
            link_type: layers.link_type,
            transport,
        })
    }
}

/// How flows are told apart and kept: the same for all shards.
pub(crate) struct ShardRules<'a> {
    pub(crate) hash_key: HashKey,
    pub(crate) timeouts: Timeouts,
    pub(crate) conversations: bool,
    pub(crate) links: &'a LinkTable,
    /// Refuses whole flows; asked once for each.
    pub(crate) accepts: Option<&'a (dyn Fn(&FlowKey) -> bool + Sync)>,
}

impl Shard {
    /// Applies a chunk's packets, in capture order.
    pub(crate) fn apply<O: Observer>(
        &mut self,
        chunk: ShardPackets<'_>,
        rules: &ShardRules<'_>,
        observer: &mut O,
    ) {
        for (number, packet) in chunk.packets.iter().enumerate() {
            let link = chunk
                .links
                .get(packet.link as usize)
                .copied()
                .unwrap_or(LinkTable::NONE);
            let addresses = chunk.addresses.get(packet.addresses[0] as usize);
            let index = self.find_or_start(packet, addresses, link, rules, observer);
            let Some(record) = self.records.get_mut(index as usize) else {
                continue;
            };
            if packet.has(PacketRef::FILTERED) || record.has(FlowRecord::EXCLUDED) {
                self.filtered += 1;
                continue;
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
            if let Some(later) = chunk.layers.get(number + CONTENTS_AHEAD) {
                prefetch::ahead(chunk.window, later.transport as usize, 0);
            }
            let contents = chunk.contents(number);
            observer.packet(index, packet, contents.as_ref());
        }
    }

    #[inline]
    fn find_or_start<O: Observer>(
        &mut self,
        packet: &PacketRef,
        addresses: Option<&[u8; 32]>,
        link: u32,
        rules: &ShardRules<'_>,
        observer: &mut O,
    ) -> u32 {
        let Self {
            records,
            slots,
            addresses: known,
            lifetimes,
            ..
        } = self;
        let is_same = |&index: &u32| {
            records.get(index as usize).is_some_and(|record| {
                record.ports == packet.ports
                    && record.link == link
                    && record.protocol == packet.protocol
                    && (record.flags ^ packet.flags) & PacketRef::IPV6 == 0
                    && if packet.has(PacketRef::IPV6) {
                        known.get(record.addresses[0] as usize) == addresses
                    } else {
                        record.addresses == packet.addresses
                    }
            })
        };
        let slot_of = |&index: &u32| {
            records
                .get(index as usize)
                .map_or(0, |record| rules.hash_key.slot(record.hash, record.link))
        };
        let slot = rules.hash_key.slot(packet.hash, link);
        let next = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let index = match slots.entry(slot, is_same, slot_of) {
            Entry::Occupied(mut entry) => {
                let index = *entry.get();
                match lifetimes.get_mut(index as usize) {
                    Some(life) if rules.timeouts.has_ended(life, packet.time) => {}
                    Some(life) => {
                        life.extend(packet.time);
                        return index;
                    }
                    None => return index,
                }
                *entry.get_mut() = next;
                next
            }
            Entry::Vacant(entry) => {
                entry.insert(next);
                next
            }
        };
        self.start(packet, addresses, link, rules, observer);
        index
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
        let index = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let kept = if packet.has(PacketRef::IPV6) {
            let place = u32::try_from(self.addresses.len()).unwrap_or(u32::MAX);
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
        self.started.push((packet.offset, index));
        self.records.push(record);
        if rules.conversations {
            self.reverse.push(ReverseCounters::default());
        }
        if rules.timeouts.is_some() {
            self.lifetimes.push(Lifetime::new(packet.time));
        }
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
        let (src, dst) = addresses.to_ip();
        let [src_port, dst_port] = record.ports;
        let network = NetworkKey {
            src,
            dst,
            protocol: record.protocol,
            src_port,
            dst_port,
        };
        let key = FlowKey {
            link: links.get(record.link),
            network,
        };
        if record.has(PacketRef::REVERSE) {
            key.reversed()
        } else {
            key
        }
    }

    /// A flow's record.
    pub(crate) fn record(&self, index: u32) -> Option<&FlowRecord> {
        self.records.get(index as usize)
    }

    /// A conversation's counters of the other direction, where these are kept.
    pub(crate) fn reverse(&self, index: u32) -> Option<&ReverseCounters> {
        self.reverse.get(index as usize)
    }

    /// Gives a flow its id.
    pub(crate) fn set_id(&mut self, index: u32, id: u32) {
        if let Some(record) = self.records.get_mut(index as usize) {
            record.id = id;
        }
    }
}

/// Packets of a shard stand far apart in the window: their headers are asked for that many
/// packets before a job looks at them.
const CONTENTS_AHEAD: usize = 6;
