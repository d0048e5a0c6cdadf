//! Where a direction's bytes go, and what is said of them.

use crate::decode::Checksum;

/// Where the stream goes.
pub trait Sink<P> {
    /// The next bytes of the stream; lost ones where there is a gap.
    fn deliver(&mut self, piece: P);
    /// Bytes from `offset` on, which were delivered before.
    fn repeated(&mut self, offset: u64, piece: P);
    /// Whether two pieces of the same length hold different bytes.
    fn differ(&mut self, a: &P, b: &P) -> bool;
    /// Which of two pieces that differ counts, whichever came first; `None` where nothing but that
    /// tells.
    fn better(&mut self, new: &P, old: &P) -> Option<Better> {
        let _ = (new, old);
        None
    }
}

/// The better of two copies of the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The one that was captured first.
    Old,
    /// The one that was captured later.
    New,
}

impl Better {
    /// A copy whose checksum is right is better than one whose checksum is wrong.
    pub const fn by_checksums(new: Checksum, old: Checksum) -> Option<Self> {
        match (new, old) {
            (Checksum::Right, Checksum::Wrong) => Some(Self::New),
            (Checksum::Wrong, Checksum::Right) => Some(Self::Old),
            _ => None,
        }
    }
}

/// Discards everything.
impl<P> Sink<P> for () {
    fn deliver(&mut self, _: P) {}

    fn repeated(&mut self, _: u64, _: P) {}

    fn differ(&mut self, _: &P, _: &P) -> bool {
        false
    }
}

/// Which bytes count where segments overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// Those that were captured first.
    #[default]
    First,
    /// Those that were captured last.
    Last,
}

/// What a segment brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Bytes that had come before.
    pub repeated: u32,
    /// Bytes before the stream's first byte, which no SYN gives: they came too late.
    pub before_start: u32,
    /// New bytes arrived after bytes that follow them in the stream.
    pub is_out_of_order: bool,
    /// Bytes differ from those that are held for the same place.
    pub is_conflict: bool,
}
