//! What reads the bytes of a connection.

use super::found::{Found, Moment};

/// The side of a connection that bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that connected.
    Client,
    /// The one that was connected to.
    Server,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What a parser wants to see after the bytes that it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// More.
    #[default]
    Continue,
    /// Nothing: no record can follow.
    Stop,
    /// Another protocol follows from these bytes on, on both sides: they are recognized anew.
    /// None of them was consumed.
    Recognize,
    /// As [`Recognize`](Self::Recognize), but this number of the bytes were consumed: the other
    /// protocol follows from the one after them on.
    RecognizeAfter(usize),
}

/// Reads the bytes of a connection.
pub trait Parser: Send {
    /// The next bytes of a side, and the packet that delivered them. Records that they complete are
    /// added to `found`.
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next;

    /// The next `missing` bytes of a side were not captured.
    fn gap(&mut self, side: Side, missing: u64, at: Moment, found: &mut Vec<Found>) -> Next;

    /// How many of the next bytes of a side the parser has no use for: they may be skipped with
    /// [`skipped`](Self::skipped), so that they need not be read.
    fn skippable(&self, side: Side) -> u64 {
        let _ = side;
        0
    }

    /// At most as many bytes as are [skippable](Self::skippable) were left out.
    fn skipped(&mut self, side: Side, len: u64, at: Moment, found: &mut Vec<Found>) -> Next {
        let _ = (side, len, at, found);
        Next::Continue
    }

    /// A side sends nothing more: its FIN was reached, or the connection was reset.
    fn closed(&mut self, side: Side, at: Moment, found: &mut Vec<Found>) {
        let _ = (side, at, found);
    }

    /// The connection has ended: what is pending is reported as it is. Called once.
    fn end(&mut self, found: &mut Vec<Found>);
}
