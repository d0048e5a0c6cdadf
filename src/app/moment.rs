//! Where in the captures something is.

/// A packet, and when it was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Its number, from 1, over all inputs.
    pub packet: u64,
    /// Nanoseconds since 1970.
    pub time: i64,
}

/// The packets of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The one with its first byte.
    pub first: Moment,
    /// The one with its last byte.
    pub last: Moment,
}
