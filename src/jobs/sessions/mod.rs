//! The command `pcap_flows sessions`.
//!
//! [`stream`](crate::stream) reassembles the bytes of connections, and [`app`](crate::app) parses
//! them. This module writes the records in the order of their completion.

mod bodies;
mod columnar;
mod conversation;
mod csv;
mod datagrams;
mod ends;
mod fields;
mod handler;
mod hint;
mod job;
mod json;
mod options;
mod parsers;
mod places;
mod protocols;
mod record;
mod rules;
mod schema;
mod secrets;
mod stats;
mod target;
mod write;

pub use handler::Counts;
pub use hint::{PortHint, PortHintError};
pub(super) use job::sessions_of;
pub use job::{SessionsReport, sessions};
pub use options::{Bodies, RecordFormat, Secrecy, Services, SessionsJob, Target};
pub use schema::{Key, Shape, record_columns, record_types};
