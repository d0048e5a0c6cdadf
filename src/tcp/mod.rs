//! Segments to streams: one direction of a connection put together from what was captured.
//!
//! [`Segment`] reads a TCP header (RFC 9293, section 3.1), [`choose`] says to which of the
//! connections between two endpoints it belongs, and [`Step`] what it does there; [`Reassembler`]
//! puts the segments of one direction in order. None of them holds payload: a [`Piece`] stands for
//! it.

#![warn(clippy::indexing_slicing)]

mod connection;
mod ending;
pub mod measure;
mod out_of_order;
mod piece;
mod progress;
mod reassembler;
mod segment;
mod sink;

pub use connection::{Candidate, Choice, Closed, Network, Standing, choose};
pub use ending::{Gap, StreamEnd};
pub use piece::Piece;
pub use progress::{Extent, Progress, Sent, Step};
pub use reassembler::Reassembler;
pub use segment::Segment;
pub use sink::{Arrival, Better, Overlap, Sink};

#[cfg(test)]
mod testing;
