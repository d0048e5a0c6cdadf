//! A flow as lists show it, and where lists get flows from.

use super::key::FlowKey;
use super::record::ReverseCounters;
use crate::capture::Nanos;

/// A flow, or a conversation where both directions are one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Its FlowID.
    pub id: u64,
    /// What its packets have in common, seen from the first of them.
    pub key: FlowKey,
    /// Packets, in both directions for a conversation.
    pub packets: u64,
    /// Their length on the wire, in bytes.
    pub bytes: u64,
    /// The earliest time of a packet.
    pub first: Nanos,
    /// The latest time of a packet.
    pub last: Nanos,
    /// OR of the twelve bits of TCP flags.
    pub tcp_flags: u16,
    /// For a conversation, the packets against the first one's direction.
    pub reverse: Option<ReverseCounters>,
}

/// What a list of flows is made from, wherever they are kept.
pub trait Flows: Sync {
    /// The greatest FlowID that there may be.
    fn last_id(&self) -> u64;

    /// A flow by its id; `None` where none is to be shown.
    fn get(&self, id: u64) -> Option<Flow>;

    /// A flow's counters alone: cheaper, for sorting.
    fn counters(&self, id: u64) -> Option<Counters>;
}

/// How much a flow is, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Their length on the wire, in bytes.
    pub bytes: u64,
    /// The earliest time of a packet.
    pub first: Nanos,
    /// The latest time of a packet.
    pub last: Nanos,
}

impl Flow {
    /// Time from first to last packet, in nanoseconds.
    pub const fn duration_ns(&self) -> i64 {
        self.last.0.saturating_sub(self.first.0)
    }
}
