//! Flows and segments to connections: both directions of each, put in order, and handed to a
//! [`Handler`].
//!
//! A [`Tracker`] observes the packets of a shard. It finds the pair of endpoints of each flow, the
//! connection between them that a segment belongs to (by [`choose`](crate::tcp::choose)), and gives its
//! payload to the [`Reassembler`](crate::tcp::Reassembler) of its direction. What a job does with a
//! connection is its handler's; what all jobs need is here: selection by key and by FlowID, reading
//! payload again, and bounds of memory.
//!
//! A job joins this to a run: see [`Shared`].

mod admit;
mod budget;
mod bytes;
mod checksums;
mod confirm;
mod decide;
mod delivery;
mod direction;
mod handler;
mod pairing;
mod place;
mod recent;
mod segments;
mod shared;
mod table;
mod track;
mod wanted;

pub use bytes::{PayloadSpan, SpanSource};
pub use checksums::ChecksumRule;
pub use direction::{Direction, DirectionInfo};
pub use handler::{Answer, Arrived, Handler, Side};
pub use shared::Shared;
pub use track::Tracker;
pub use wanted::{Selected, Wanted};

pub(crate) use bytes::PackedPosition;
pub(crate) use recent::{MOST_RECENT, Recent, RecentPiece, Settled};
pub(crate) use wanted::Verdict;
