//! The command `pcap_flows diff`.
//!
//! [`diff`](crate::diff) decides which packets correspond. This module reduces both sides to the
//! packets it compares, and writes its results as tables, summaries and captures.

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
