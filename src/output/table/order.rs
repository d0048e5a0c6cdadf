//! Which flows a list shows, and in which order.

use crate::capture::Nanos;
use crate::flow::Flows;
use rayon::prelude::*;

/// What flows are sorted by; equal ones by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Packets.
    #[default]
    Packets,
    /// Length of the packets on the wire.
    Bytes,
    /// Time of the first packet.
    First,
    /// Time of the last packet.
    Last,
    /// Time from first to last packet.
    Duration,
    /// FlowID: the order of the first packets in the capture.
    Id,
}

/// Which flows a list shows, and in which order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    /// What flows are sorted by.
    pub sort: Sort,
    /// Greatest first, not last.
    pub is_descending: bool,
    /// Flows with fewer packets are not shown.
    pub min_packets: u64,
    /// How many of the rest are shown.
    pub window: Window,
}

/// How many of the sorted flows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// All.
    #[default]
    All,
    /// The greatest: those at the end, or at the start of a descending order.
    Last(usize),
}

impl Order {
    /// Rank and id of each flow that is shown, in order. The rank is the place among all flows,
    /// from 0: those that are not shown count. `keep` takes away rows that are not to be shown.
    pub(super) fn rows(
        &self,
        flows: &dyn Flows,
        keep: impl Fn(Vec<(u64, u64)>) -> Vec<(u64, u64)>,
    ) -> Vec<(u64, u64)> {
        let mut rows: Vec<(u64, u64)> = (1..flows.last_id() + 1)
            .into_par_iter()
            .filter_map(|id| Some((self.key(flows, id)?, id)))
            .map(|(key, id)| (if self.is_descending { !key } else { key }, id))
            .collect();
        if self.sort != Sort::Id {
            rows.par_sort_unstable();
        }
        // The keys have done their work.
        let places = rows.par_iter_mut().enumerate();
        places.for_each(|(rank, (key, _))| *key = rank as u64);
        // A flow without packets is none.
        if self.min_packets > 1 {
            let is_shown = |&(_, id): &(u64, u64)| {
                let flow = flows.counters(id);
                flow.is_some_and(|it| it.packets >= self.min_packets)
            };
            rows = rows.into_par_iter().filter(is_shown).collect();
        }
        rows = keep(rows);
        match self.window {
            Window::Last(count) if self.is_descending => rows.truncate(count),
            Window::Last(count) => drop(rows.drain(..rows.len().saturating_sub(count))),
            Window::All => {}
        }
        rows
    }

    /// The key that a flow is sorted by.
    fn key(&self, flows: &dyn Flows, id: u64) -> Option<u64> {
        let flow = flows.counters(id)?;
        Some(match self.sort {
            Sort::Packets => flow.packets,
            Sort::Bytes => flow.bytes,
            Sort::First => ordered(flow.first),
            Sort::Last => ordered(flow.last),
            // It may have 64 bits: both times have a sign. The last time is not before the first.
            Sort::Duration => flow.last.0.wrapping_sub(flow.first.0).cast_unsigned(),
            Sort::Id => 0,
        })
    }
}

/// A number that is the greater the later the time is.
const fn ordered(time: Nanos) -> u64 {
    time.0.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ordered() {
        let times = [i64::MIN, -1, 0, 1, i64::MAX].map(|time| ordered(Nanos(time)));
        assert!(times.is_sorted());
    }
}
