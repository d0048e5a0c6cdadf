//! IP fragments: later ones have no ports, and get the flow of their first fragment.
//!
//! The rule depends on the capture alone: a later fragment belongs to the flow of its datagram's
//! first fragment if that comes before it in the capture, and not more than 30 s away in its time;
//! otherwise to a flow with ports 0. One table for the whole run assigns fragments in capture
//! order, between the parallel phases.

use super::key::FlowKey;
use crate::capture::Nanos;
use crate::decode::DatagramId;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

/// First fragments that were seen, and the flows that they belong to.
#[derive(Debug)]
pub(crate) struct FragmentTable {
    /// First fragments, the oldest in front.
    firsts: VecDeque<FirstFragment>,
    /// How many firsts have left the front: the index of one is its number less this.
    gone: u64,
    numbers: HashTable<u64>,
    hasher: RandomState,
}

/// A first fragment, and the flow that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFragment {
    /// Its datagram.
    pub datagram: DatagramId,
    /// The key of its flow.
    pub flow: FlowKey,
    /// When it was captured, in nanoseconds since 1970.
    pub time_ns: i64,
}

impl FragmentTable {
    pub(crate) fn new() -> Self {
        Self {
            firsts: VecDeque::new(),
            gone: 0,
            numbers: HashTable::new(),
            hasher: RandomState::new(),
        }
    }

    /// Notes a first fragment. It replaces an earlier one of a datagram with the same id.
    pub(crate) fn insert(&mut self, datagram: DatagramId, flow: FlowKey, time: Nanos) {
        if self.firsts.len() >= MAX_DATAGRAMS {
            self.drop_oldest();
        }
        let number = self.gone + self.firsts.len() as u64;
        let hash = self.hasher.hash_one(datagram);
        let Self {
            firsts,
            gone,
            numbers,
            hasher,
        } = self;
        let at = |number: u64| first_at(firsts, *gone, number);
        match numbers.find_mut(hash, |&n| {
            at(n).is_some_and(|first| first.datagram == datagram)
        }) {
            Some(known) => *known = number,
            None => {
                numbers.insert_unique(hash, number, |&n| {
                    at(n).map_or(0, |first| hasher.hash_one(first.datagram))
                });
            }
        }
        self.firsts.push_back(FirstFragment {
            datagram,
            flow,
            time_ns: time.0,
        });
    }

    /// The first fragments that later ones may come for: those of the last seconds.
    pub(crate) fn waiting(&self) -> Vec<FirstFragment> {
        let latest = self.firsts.iter().map(|first| first.time_ns).max();
        let is_waiting = |first: &&FirstFragment| {
            latest.is_some_and(|it| it.abs_diff(first.time_ns) <= MAX_AGE_NS)
        };
        self.firsts.iter().filter(is_waiting).copied().collect()
    }

    /// The flow of a later fragment, if its datagram's first fragment was seen in time.
    pub(crate) fn find(&self, datagram: &DatagramId, time: Nanos) -> Option<FlowKey> {
        let hash = self.hasher.hash_one(datagram);
        let at = |number: u64| first_at(&self.firsts, self.gone, number);
        let number = self.numbers.find(hash, |&n| {
            at(n).is_some_and(|first| first.datagram == *datagram)
        })?;
        at(*number)
            .filter(|first| time.0.abs_diff(first.time_ns) <= MAX_AGE_NS)
            .map(|f| f.flow)
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.firsts.front() else {
            return;
        };
        let hash = self.hasher.hash_one(oldest.datagram);
        // A newer first fragment of the same id may have taken the number's place.
        if let Ok(entry) = self.numbers.find_entry(hash, |&number| number == self.gone) {
            entry.remove();
        }
        self.firsts.pop_front();
        self.gone += 1;
    }
}

fn first_at(firsts: &VecDeque<FirstFragment>, gone: u64, number: u64) -> Option<&FirstFragment> {
    usize::try_from(number.checked_sub(gone)?)
        .ok()
        .and_then(|index| firsts.get(index))
}

/// Datagrams that are remembered; the oldest are forgotten first. About 50 MB when full.
const MAX_DATAGRAMS: usize = 256 * 1024;
/// How long a first fragment waits for the others (RFC 791 and RFC 8200 say 15 to 60 s).
const MAX_AGE_NS: u64 = 30_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Tunnels, VlanStack};
    use std::net::{IpAddr, Ipv4Addr};

    fn datagram(id: u32) -> DatagramId {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        DatagramId {
            src: ip,
            dst: ip,
            protocol: 17,
            id,
            vlans: VlanStack::default(),
            networks: Tunnels::NONE,
        }
    }

    fn flow(port: u16) -> FlowKey {
        let mut key = FlowKey::default();
        key.network.src_port = port;
        key
    }

    #[test]
    fn the_newest_first_fragment_counts_within_its_time() {
        let mut table = FragmentTable::new();
        table.insert(datagram(1), flow(10), Nanos(0));
        table.insert(datagram(2), flow(20), Nanos(0));
        assert_eq!(
            table.find(&datagram(1), Nanos(30_000_000_000)),
            Some(flow(10))
        );
        assert_eq!(table.find(&datagram(1), Nanos(30_000_000_001)), None);
        assert_eq!(table.find(&datagram(3), Nanos(0)), None);
        table.insert(datagram(1), flow(11), Nanos(40_000_000_000));
        assert_eq!(
            table.find(&datagram(1), Nanos(40_000_000_000)),
            Some(flow(11))
        );
        assert_eq!(table.find(&datagram(2), Nanos(-1)), Some(flow(20)));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest() {
        let mut table = FragmentTable::new();
        for id in 0..u32::try_from(MAX_DATAGRAMS).unwrap() {
            table.insert(datagram(id), flow(1), Nanos(0));
        }
        table.insert(datagram(0), flow(2), Nanos(0));
        table.insert(datagram(u32::MAX), flow(3), Nanos(0));
        assert_eq!(table.firsts.len(), MAX_DATAGRAMS);
        assert_eq!(table.find(&datagram(0), Nanos(0)), Some(flow(2)));
        assert_eq!(table.find(&datagram(1), Nanos(0)), None);
        assert_eq!(table.find(&datagram(2), Nanos(0)), Some(flow(1)));
        assert_eq!(table.numbers.len(), MAX_DATAGRAMS);
    }
}
