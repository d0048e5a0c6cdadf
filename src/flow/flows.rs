//! A flow as lists show it, and where lists get flows from.

use super::key::{FlowKey, Tunnels};
use super::record::ReverseCounters;
use crate::capture::Nanos;

/// A flow, or a conversation where both directions are one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Its FlowID.
    pub id: u64,
    /// The fields that its packets share, in the direction of the first packet.
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
    /// The tunnels that the first packet came through, where these are entered.
    pub tunnels: Tunnels,
}

/// Flows by their ids, wherever they are stored: lists are made from them.
pub trait Flows: Sync {
    /// The greatest FlowID that there may be.
    fn last_id(&self) -> u64;

    /// A flow by its id; `None` where there is none, or a filter refuses it.
    fn get(&self, id: u64) -> Option<Flow>;

    /// A flow's counters alone: cheaper, for sorting.
    fn counters(&self, id: u64) -> Option<Counters>;
}

/// The size and times of a flow.
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
