//! Every TCP connection of a capture, measured: the command `pcap_flows tcp`.
//!
//! [`stream`](crate::stream) decides which connection a segment belongs to, and
//! [`tcp::measure`](crate::tcp::measure) what it means there. Here are the rows that come of it.

mod beside;
mod bins;
mod columns;
mod concurrency;
mod explain;
mod facts;
mod handler;
mod job;
mod line;
mod open;
mod options;
mod packets;
mod plot;
mod ranks;
mod recorder;
mod row;
mod rows;
mod shown;
mod stored;
mod view;

pub(super) use job::{Measuring, tcp_of, tcp_stored};
pub use job::{TcpReport, tcp, tcp_beside};
pub use options::{Grouping, Instant, OpenUntil, Picture, TcpJob, View};
pub use view::view_columns;
