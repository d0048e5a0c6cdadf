//! Packets and captures for the tests, benchmarks and examples of pcap_flows.
//!
//! Everything is written byte by byte from the specifications, and not with the library: what is
//! wrong in one shows in the other. Headers ([`ethernet`], [`ip`], [`transport`]) are appended to a
//! `Vec<u8>`, so that gigabytes can be written with them, too. [`frames`] and [`conversation`] make
//! whole packets of them, with short arguments; [`pcap`], [`pcapng`] and [`erf`] make captures.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose packets cannot be made should say so and stop"
)]

pub mod checksum;
pub mod conversation;
pub mod erf;
pub mod ethernet;
pub mod frames;
pub mod ip;
pub mod pcap;
pub mod pcapng;
mod random;
pub mod transport;
pub mod tunnel;

pub use random::{Random, low16, low32};
