//! Reduction of one side's captures to the packets to compare.

use super::bytes::{Bytes, PackedPlace};
use crate::capture::{LinkType, Position};
use crate::decode::{DecodeOptions, LinkKey, NetworkKey, decode};
use crate::diff::{LinkTypes, Packet, Side, icmp_conversation};
use crate::engine::{InputStart, Job, Needs, Outcome, Window};
use crate::error::Error;
use crate::flow::{Contents, FlowKey, FlowList, Observer, PacketRef};
use crate::number::index_u32;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::hash::RandomState;

/// The job that collects a side's packets.
pub(super) struct Collecting {
    decode: DecodeOptions,
    /// Access to the packets' bytes.
    pub(super) bytes: Bytes,
    side: Option<Side>,
}

impl Collecting {
    pub(super) fn new(decode: DecodeOptions) -> Self {
        Self {
            decode,
            bytes: Bytes::default(),
            side: None,
        }
    }

    /// The finished side, and access to its packets' bytes.
    pub(super) fn into_side(self, outcome: &Outcome) -> (Side, Bytes) {
        let mut side = self.side.unwrap_or_default();
        side.total = outcome.balance.packets - outcome.balance.filtered;
        // Packets that are not compared count, too: the capture was running.
        let times = outcome
            .inputs
            .iter()
            .flat_map(|it| [it.first_time, it.last_time]);
        for time in times.flatten() {
            let (first, last) = side.span.unwrap_or((time.0, time.0));
            side.span = Some((first.min(time.0), last.max(time.0)));
        }
        (side, self.bytes)
    }
}

impl Job for Collecting {
    type Observer = Collector;

    fn observer(&self) -> Collector {
        Collector {
            decode: self.decode.clone(),
            base: Position::default(),
            packets: Vec::new(),
            keys: Vec::new(),
            links: LinkTypes::default(),
            link_types: Vec::new(),
            by_detail: HashMap::default(),
            by_flow: Vec::new(),
        }
    }

    fn needs(&self) -> Needs {
        Needs {
            contents: true,
            ..Needs::default()
        }
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        self.bytes.input(input)
    }

    fn window_starts(
        &mut self,
        base: Position,
        _: &FlowList,
        collectors: Vec<&mut Collector>,
    ) -> Result<(), Error> {
        for it in collectors {
            it.base = base;
        }
        Ok(())
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        _: &FlowList,
        _: Vec<&mut Collector>,
    ) -> Result<u64, Error> {
        self.bytes.window(window)?;
        Ok(0)
    }

    fn finish(&mut self, _: &FlowList, collectors: Vec<&mut Collector>) -> Result<u64, Error> {
        let mut packets: Vec<Packet> = Vec::new();
        let mut keys: Vec<(NetworkKey, u32)> = Vec::new();
        let mut known: HashMap<(NetworkKey, u32), u32, RandomState> = HashMap::default();
        let mut links = LinkTypes::default();
        for collector in collectors {
            // The same conversation in several networks counts as one.
            let numbers = collector.keys.iter().map(|key| {
                *known.entry(*key).or_insert_with(|| {
                    keys.push(*key);
                    index_u32(keys.len() - 1)
                })
            });
            let numbers: Vec<u32> = numbers.collect();
            let types = collector.link_types.iter().map(|it| links.place(*it));
            let types: Vec<u8> = types.collect();
            let collected = std::mem::take(&mut collector.packets).into_iter();
            packets.extend(collected.map(|it| Packet {
                conversation: numbers.get(it.conversation as usize).copied().unwrap_or(0),
                link: types.get(usize::from(it.link)).copied().unwrap_or(0),
                ..it
            }));
        }
        packets.par_sort_unstable_by_key(|it| it.number);
        self.side = Some(Side::new(packets, &keys, links));
        Ok(0)
    }
}

/// The packets of a shard.
pub(super) struct Collector {
    decode: DecodeOptions,
    /// Position of the window.
    base: Position,
    packets: Vec<Packet>,
    /// Conversations of the shard.
    keys: Vec<(NetworkKey, u32)>,
    links: LinkTypes,
    link_types: Vec<LinkType>,
    /// The endpoints of each flow.
    by_flow: Vec<NetworkKey>,
    /// Conversations of each flow, by detail.
    by_detail: HashMap<(u32, u32), u32, RandomState>,
}

impl Observer for Collector {
    fn start(&mut self, _: u32, _: bool, key: impl Fn() -> FlowKey) {
        let key = key().network;
        let is_reverse = (key.src, key.src_port) > (key.dst, key.dst_port);
        self.by_flow
            .push(if is_reverse { key.reversed() } else { key });
    }

    fn packet(&mut self, flow: u32, packet: &PacketRef, contents: Option<&Contents<'_>>) {
        let Some(contents) = contents else { return };
        let mut link = LinkKey::default();
        let decoded = decode(contents.link_type, contents.data, &self.decode, &mut link);
        let Ok(headers) = decoded else { return };
        let detail = icmp_conversation(&headers, contents.data);
        let place = self.links.place(contents.link_type);
        if usize::from(place) == self.link_types.len() {
            self.link_types.push(contents.link_type);
        }
        let at = Position {
            offset: self.base.offset + u64::from(contents.data_start),
            ..self.base
        };
        let conversation = self.conversation(flow, detail);
        self.packets.push(Packet {
            time: packet.time.0,
            number: contents.ordinal,
            place: PackedPlace::new(at).0,
            conversation,
            link: place,
            ..Packet::of(&headers, contents.data, packet.wire_len)
        });
    }
}

impl Collector {
    fn conversation(&mut self, flow: u32, detail: u32) -> u32 {
        let Self {
            keys,
            by_detail,
            by_flow,
            ..
        } = self;
        *by_detail.entry((flow, detail)).or_insert_with(|| {
            if let Some(key) = by_flow.get(flow as usize) {
                keys.push((*key, detail));
            }
            index_u32(keys.len().saturating_sub(1))
        })
    }
}
