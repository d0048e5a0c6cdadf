//! Positions in the captures.

/// A packet and its timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Packet number over all inputs, from 1.
    pub packet: u64,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Ordinal of the input, from 0.
    pub input: u32,
    /// Offset of the packet's record in the input, in bytes.
    pub offset: u64,
}

/// The first and last packets of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The packet with the first byte.
    pub first: Moment,
    /// The packet with the last byte.
    pub last: Moment,
}
