//! The parser trait.

use super::found::{Found, Moment};

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The side that connected.
    Client,
    /// The side that was connected to.
    Server,
}

impl Side {
    /// The opposite side.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A parser's request after the given bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// More bytes.
    #[default]
    Continue,
    /// Nothing: no record can follow.
    Stop,
    /// Another protocol follows, starting with the given bytes, on both sides. It must be
    /// recognized. None of the bytes was consumed.
    Recognize,
    /// Like [`Recognize`](Self::Recognize), but this many bytes were consumed. The other protocol
    /// starts after them.
    RecognizeAfter(usize),
}

/// A parser of one connection.
pub trait Parser: Send {
    /// Parses the next bytes of a side, delivered by packet `at`. Completed records are added to
    /// `found`.
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next;

    /// Notes that the next `missing` bytes of a side were not captured.
    fn gap(&mut self, side: Side, missing: u64, at: Moment, found: &mut Vec<Found>) -> Next;

    /// Number of next bytes of a side that the parser does not need. They may be skipped by calling
    /// [`skipped`](Self::skipped).
    fn skippable(&self, side: Side) -> u64 {
        let _ = side;
        0
    }

    /// Notes that bytes were skipped, at most as many as were [skippable](Self::skippable).
    fn skipped(&mut self, side: Side, len: u64, at: Moment, found: &mut Vec<Found>) -> Next {
        let _ = (side, len, at, found);
        Next::Continue
    }

    /// Notes that a side sends nothing more: its FIN was reached, or the connection was reset.
    fn closed(&mut self, side: Side, at: Moment, found: &mut Vec<Found>) {
        let _ = (side, at, found);
    }

    /// Ends the connection. Pending records are reported as they are. Called once.
    fn end(&mut self, found: &mut Vec<Found>);
}
