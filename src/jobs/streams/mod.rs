//! Streams: what applications sent over TCP and UDP, one file for each direction.
//!
//! [`Files`] is a [`Handler`](crate::stream::Handler): it notes what is delivered. What is in order
//! is written at the end of a window, straight from the mapped file, when enough of a stream is
//! there to be worth opening its file; one file is open at a time for each worker. What must wait
//! (for a gap, for an archive, for more) is kept as spans of the input.

mod compare;
mod content;
mod ending;
mod failed;
mod files;
mod flush;
mod job;
mod manifest;
mod options;
mod report;
mod target;
mod writer;

pub use content::FileState;
pub use files::Files;
pub use job::Streams;
pub use options::{Gaps, ProtocolOptions, StreamOptions};
pub use report::StreamsReport;
pub use target::is_archive;
