//! All flows of a run, by FlowID.

use super::flows::{Counters, Flow, Flows};
use super::links::LinkTable;
use super::numbering::{Place, number};
use super::record::FlowRecord;
use super::shard::Shard;
use std::sync::Arc;

/// The global flow list. FlowIDs are 1, 2, 3 … in the order of the flows' first packets.
#[derive(Debug, Default)]
pub struct FlowList {
    pub(crate) shards: Vec<Shard>,
    pub(crate) links: LinkTable,
    /// Where each flow is, in the order of their ids.
    order: Vec<Place>,
    /// Which ids these are, where they are not 1, 2, 3 ….
    ids: Option<FlowIds>,
}

/// The flows of a list, by id.
#[derive(Clone, Debug)]
pub struct FlowIter<'a> {
    list: &'a FlowList,
    /// The number of the next flow, from 1.
    next: u64,
}

impl Iterator for FlowIter<'_> {
    type Item = Flow;

    fn next(&mut self) -> Option<Flow> {
        while self.next <= self.list.found() {
            let id = self.list.id(self.next);
            self.next += 1;
            let flow = self.list.get(id);
            if flow.is_some() {
                return flow;
            }
        }
        None
    }
}

impl<'a> IntoIterator for &'a FlowList {
    type Item = Flow;
    type IntoIter = FlowIter<'a>;

    fn into_iter(self) -> FlowIter<'a> {
        self.iter()
    }
}

/// The FlowIDs that the flows of an excerpt have in the whole capture.
#[derive(Clone, Debug)]
pub struct FlowIds {
    /// In order.
    pub ids: Arc<[u32]>,
    /// The greatest FlowID of the capture.
    pub last: u64,
}

impl FlowList {
    pub(crate) fn new(shards: usize, ids: Option<FlowIds>) -> Self {
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            links: LinkTable::default(),
            order: Vec::new(),
            ids,
        }
    }

    /// The greatest FlowID: how many there are, those of flows that a filter refuses among them.
    pub fn len(&self) -> u64 {
        self.ids
            .as_ref()
            .map_or_else(|| self.found(), |ids| ids.last)
    }

    /// The greatest FlowID of those that were found so far; 0 for none.
    pub(crate) fn last_found(&self) -> u64 {
        self.id(self.found())
    }

    /// How many flows were found.
    pub(crate) const fn found(&self) -> u64 {
        self.order.len() as u64
    }

    /// How many flows have packets that the run's filter lets through.
    pub fn accepted(&self) -> u64 {
        self.shards.iter().map(|shard| shard.accepted).sum()
    }

    /// Length of the packets of all flows on the wire, in bytes.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().map(Shard::bytes).sum()
    }

    /// Whether there is no flow.
    pub const fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// A flow by its id; `None` if there is none, or the run's filter refuses it.
    pub fn get(&self, id: u64) -> Option<Flow> {
        let place = self.place(id)?;
        let shard = self.shards.get(place.shard as usize)?;
        let record = shard
            .record(place.index)
            .filter(|record| record.packets > 0)?;
        let &FlowRecord {
            packets,
            bytes,
            first,
            last,
            tcp_flags,
            ..
        } = record;
        let key = shard.key(record, &self.links);
        let reverse = shard.reverse(place.index).copied();
        Some(Flow {
            id,
            key,
            packets,
            bytes,
            first,
            last,
            tcp_flags,
            reverse,
            tunnels: shard.tunnels(place.index),
        })
    }

    /// All flows that the run's filter accepts, by id.
    pub const fn iter(&self) -> FlowIter<'_> {
        FlowIter {
            list: self,
            next: 1,
        }
    }

    fn record(&self, id: u64) -> Option<&FlowRecord> {
        let place = self.place(id)?;
        let record = self.shards.get(place.shard as usize)?.record(place.index)?;
        (record.packets > 0).then_some(record)
    }

    /// The FlowID of the flow that observers of a shard know by its index; 0 while the window in
    /// which it started is not finished.
    pub fn id_of(&self, shard: usize, index: u32) -> u64 {
        let shard = self.shards.get(shard);
        self.id(shard.map_or(0, |shard| u64::from(shard.id(index))))
    }

    /// The id of the flow that was found as the first, second, third …; 0 for none.
    fn id(&self, number: u64) -> u64 {
        let Some(FlowIds { ids, .. }) = &self.ids else {
            return number;
        };
        let place = number
            .checked_sub(1)
            .and_then(|it| usize::try_from(it).ok());
        place.and_then(|it| ids.get(it)).map_or(0, |&id| id.into())
    }

    fn place(&self, id: u64) -> Option<&Place> {
        let place = match &self.ids {
            Some(FlowIds { ids, .. }) => ids.binary_search(&u32::try_from(id).ok()?).ok()?,
            None => usize::try_from(id.checked_sub(1)?).ok()?,
        };
        self.order.get(place)
    }

    /// Gives flows the counters that they had before; returns whether these are the same flows.
    pub(crate) fn resume(&mut self, known: &[Flow]) -> bool {
        let mut are_same = self.found() == known.len() as u64;
        for flow in known {
            let Some(&Place { shard, index }) = self.place(flow.id) else {
                return false;
            };
            let shard = self.shards.get_mut(shard as usize);
            are_same &= shard.is_some_and(|shard| shard.resume(index, flow));
        }
        are_same && known.iter().all(|flow| self.get(flow.id) == Some(*flow))
    }

    /// The shard of a flow, and its index there: its observer, and what that knows it by.
    pub fn shard_of(&self, id: u64) -> Option<(usize, u32)> {
        let place = self.place(id)?;
        Some((place.shard as usize, place.index))
    }

    /// Numbers the flows that started in this window, in the order of their first packets.
    pub(crate) fn assign_ids(&mut self) {
        number(&mut self.shards, &mut self.order);
    }
}

impl Flows for FlowList {
    fn last_id(&self) -> u64 {
        self.len()
    }

    fn get(&self, id: u64) -> Option<Flow> {
        Self::get(self, id)
    }

    fn counters(&self, id: u64) -> Option<Counters> {
        let &FlowRecord {
            packets,
            bytes,
            first,
            last,
            ..
        } = self.record(id)?;
        Some(Counters {
            packets,
            bytes,
            first,
            last,
        })
    }
}
