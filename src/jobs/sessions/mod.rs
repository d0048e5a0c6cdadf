//! What was said in the connections of a capture: the command `pcap_flows sessions`.
//!
//! [`stream`](crate::stream) puts the bytes of connections in order, [`app`](crate::app) reads what
//! was said, and the records come out here, in the order in which they were complete.

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
