//! A line for each packet, and the same summed up: the command `pcap_flows packets`.

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
