//! Every TCP connection of a capture, measured: the command `pcap_flows tcp`.
//!
//! [`stream`](crate::stream) decides which connection a segment belongs to, and
//! [`tcp::measure`](crate::tcp::measure) what it means there. Here are the rows that come of it.

mod bins;
mod columns;
mod concurrency;
mod explain;
mod handler;
mod job;
mod line;
mod open;
mod options;
mod packets;
mod ranks;
mod recorder;
mod row;
mod rows;
mod view;

pub use job::{TcpReport, tcp};
pub use options::{Grouping, Instant, OpenUntil, TcpJob, View};
pub use view::view_columns;
