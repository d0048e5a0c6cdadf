//! The command `pcap_flows sessions`.
//!
//! [`stream`](crate::stream) reassembles the bytes of connections, and [`app`](crate::app) parses
//! them. This module writes the records in the order of their completion.

mod conversation;
mod datagrams;
mod ends;
mod fields;
mod handler;
mod job;
mod json;
mod options;
mod parsers;
mod record;
mod rules;
mod secrets;
mod target;
mod write;

pub use fields::record_columns;
pub use job::{SessionsReport, sessions};
pub use options::{Bodies, Secrecy, Services, SessionsJob, Target};
