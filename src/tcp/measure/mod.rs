//! One TCP connection, measured: handshake, losses, round trips, windows, turns, and its end.
//!
//! A [`Connection`] is shown the segments of one connection in capture order and keeps what they come
//! to; which connection a segment belongs to is decided before ([`choose`](super::choose)). It does
//! no I/O and has no clock. Its memory is bounded: about 1 KiB, and at most 30 KiB where there are
//! losses, many segments in flight and many round-trip times.
//!
//! What each figure means is said in docs/tcp.md; the names are those of the columns there.

mod analysis;
mod connection;
mod coverage;
mod ends;
mod flight;
mod history;
mod options;
mod report;
mod samples;
mod side;
mod turns;

pub use analysis::Analysis;
pub use connection::Connection;
pub use ends::{ClientBy, Measured, Seen, Side, Sides};
pub use history::State;
pub use options::{Options, SackBlocks};
pub use report::{Report, SideReport};
pub use samples::Summary;
pub use side::{Anomalies, Counts, Moment, Offer};

#[cfg(test)]
mod tests;
