//! Which flows a list shows, and in which order.

use crate::flow::FlowList;
use rayon::prelude::*;

/// What flows are sorted by, ascending; equal ones by id.
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
    /// Those at the end: the greatest.
    Last(usize),
}

impl Order {
    /// Rank and id of each flow that is shown, in order. The rank is the place among all flows,
    /// from 0: those that are not shown count.
    pub(super) fn rows(&self, flows: &FlowList) -> Vec<(u64, u64)> {
        let mut keys: Vec<(i128, u64)> = (1..flows.len() + 1)
            .into_par_iter()
            .filter_map(|id| Some((self.key(flows, id)?, id)))
            .collect();
        if self.sort != Sort::Id {
            keys.par_sort_unstable();
        }
        let mut rows: Vec<(u64, u64)> = (0..)
            .zip(keys)
            .map(|(rank, (_, id))| (rank, id))
            .filter(|&(_, id)| {
                flows
                    .counters(id)
                    .is_some_and(|it| it.packets >= self.min_packets)
            })
            .collect();
        if let Window::Last(count) = self.window {
            rows.drain(..rows.len().saturating_sub(count));
        }
        rows
    }

    fn key(&self, flows: &FlowList, id: u64) -> Option<i128> {
        let flow = flows.counters(id)?;
        Some(match self.sort {
            Sort::Packets => i128::from(flow.packets),
            Sort::Bytes => i128::from(flow.bytes),
            Sort::First => i128::from(flow.first.0),
            Sort::Last => i128::from(flow.last.0),
            Sort::Duration => i128::from(flow.last.0) - i128::from(flow.first.0),
            Sort::Id => 0,
        })
    }
}
