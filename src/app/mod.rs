//! Application protocols: from the bytes of a connection to records.
//!
//! A [`Parser`] reads both sides of one connection, in order, and reports requests with their
//! responses, logins with their outcomes, and handshakes. Parsers are pure: they know neither flows
//! nor addresses, do no I/O, have no clock, and keep a bounded amount of what they have read.
//! Records do not depend on how the bytes are divided among calls.

#![warn(clippy::indexing_slicing)]

#[cfg(test)]
mod any_bytes;
mod attempts;
mod by_side;
mod digest;
pub mod dns;
mod fields;
mod found;
mod ftp;
pub mod http;
mod imap;
mod lines;
mod login;
mod mail;
mod messages;
mod moment;
mod mongodb;
mod mysql;
mod ntlm;
mod parser;
mod pgsql;
mod pop3;
pub mod quic;
pub mod rdp;
pub mod recognize;
mod redis;
mod replies;
mod sasl;
mod scram;
mod smtp;
pub mod socks;
pub mod ssh;
#[cfg(test)]
mod testing;
pub mod tls;
mod transfer;
mod user_pass;

pub use found::{Content, Found, Moment, Note, Notes, Span};
pub use ftp::Ftp;
pub use imap::Imap;
pub use login::{Login, Outcome, Secret, Service};
pub use mail::Mail;
pub use mongodb::Mongodb;
pub use mysql::Mysql;
pub use parser::{Next, Parser, Side};
pub use pgsql::Pgsql;
pub use pop3::Pop3;
pub use redis::Redis;
pub use smtp::Smtp;
pub use transfer::{DataEndpoint, Transfer};
