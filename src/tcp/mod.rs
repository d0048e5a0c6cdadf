//! Segments to streams: one direction of a connection put together from what was captured.
//!
//! [`Segment`] reads a TCP header (RFC 9293, section 3.1), [`Reassembler`] puts the segments of
//! one direction in order, [`Neighbours`] tell to which of the connections between two endpoints
//! a segment belongs. None of them holds payload: a [`Piece`] stands for it.

#![warn(clippy::indexing_slicing)]

mod connection;
mod held;
mod reassembler;
mod segment;

pub use connection::{Neighbours, Place};
pub use reassembler::{Arrival, Overlap, Piece, Reassembler, Sink};
pub use segment::Segment;

#[cfg(test)]
mod testing;
