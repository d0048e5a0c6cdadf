//! The two sides of a connection, what is seen of them, and what is found.

use super::analysis::Analysis;
use crate::tcp::Segment;

/// One of the two sides of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The sender of the first packet.
    First,
    /// The other one.
    Second,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// Something of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides<T> {
    first: T,
    second: T,
}

impl<T> Sides<T> {
    /// That of a side.
    pub const fn get(&self, side: Side) -> &T {
        match side {
            Side::First => &self.first,
            Side::Second => &self.second,
        }
    }

    /// The same, to be changed.
    pub const fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        }
    }

    /// That of a side, and that of the other one.
    pub(super) const fn both_mut(&mut self, side: Side) -> (&mut T, &mut T) {
        match side {
            Side::First => (&mut self.first, &mut self.second),
            Side::Second => (&mut self.second, &mut self.first),
        }
    }

    /// That of both sides.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.first, &self.second].into_iter()
    }
}

/// A segment of a connection, as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its header.
    pub segment: &'a Segment,
    /// The captured bytes of its options.
    pub options: &'a [u8],
    /// Payload on the wire, in bytes.
    pub payload: u32,
    /// Length of the packet on the wire, in bytes.
    pub wire_len: u32,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// The packet's ordinal in the run, from 1.
    pub packet: u64,
    /// Identification of the IPv4 header; 0 where there is none.
    pub ip_id: u16,
}

/// What a segment was found to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// What it is.
    pub analysis: Analysis,
    /// Bytes of its payload that were not captured before.
    pub new_bytes: u64,
    /// Bytes in flight after it, if it has payload.
    pub in_flight: Option<u32>,
    /// The packet that it acknowledges, and the round-trip time in nanoseconds.
    pub acks: Option<u64>,
    /// See above.
    pub rtt: Option<i64>,
    /// Since what it repeats was sent first, in nanoseconds.
    pub rto: Option<i64>,
}

/// Why a side is taken for the client; the better reasons are the greater ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientBy {
    /// It sent the first packet.
    First,
    /// The other side's port is one of servers: below 32768, and its own is not.
    Port,
    /// It received a SYN-ACK.
    SynAck,
    /// It sent a SYN.
    Syn,
}

impl ClientBy {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Port => "port",
            Self::SynAck => "synack",
            Self::Syn => "syn",
        }
    }
}
