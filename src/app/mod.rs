//! Application protocols: the bytes of a connection in, records out.
//!
//! A [`Parser`] reads both sides of one connection, in order, and reports what was said: requests
//! with their answers, logins with their outcome, handshakes. Parsers are pure: they know neither
//! flows nor addresses, do no I/O, have no clock, and keep a bounded amount of what they have read.
//! How the bytes are divided among calls makes no difference to the records.

#![warn(clippy::indexing_slicing)]

mod digest;
pub mod dns;
mod found;
pub mod http;
mod parser;
pub mod rdp;
pub mod recognize;
pub mod socks;
pub mod ssh;
pub mod tls;

pub use found::{Content, Found, Moment, Note, Notes, Span};
pub use parser::{Next, Parser, Side};
