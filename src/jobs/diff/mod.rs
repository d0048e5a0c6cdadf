//! Two captures of the same traffic compared: the command `pcap_flows diff`.
//!
//! [`diff`](crate::diff) decides what is the same. Here both sides are read to the packets that it
//! compares, and its results become tables, summaries and captures.

mod addresses;
mod bytes;
mod capture;
mod collect;
mod duration;
mod flow_ids;
mod flows;
mod job;
mod options;
mod packets;
mod pcapdiff;
mod summary;
mod text;
mod verdict;

pub use flows::flow_columns;
pub use job::{DiffReport, diff, format_of};
pub use options::{CaptureOutput, DiffJob, DiffView, Select};
