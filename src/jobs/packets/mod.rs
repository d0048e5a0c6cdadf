//! The command `pcap_flows packets`: a line for each packet, or sums.

mod brief;
mod job;
mod line;
mod options;
mod pieces;
mod places;
mod seen;
mod services;
mod summary;
mod table;

pub use job::{PacketsReport, packets};
pub use options::{Assets, DataLevel, Grouping, PacketsJob, View};
