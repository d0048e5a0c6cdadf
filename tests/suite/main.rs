//! Tests of the whole: the program as its user runs it, and the library as a job runs it.
//!
//! One binary, so that all of it is linked once; a module for each theme. Nothing here depends on
//! how fast the machine is: waiting always has an event to wait for, and a limit that only a hang
//! can reach.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    reason = "a test that cannot go on should say so and stop"
)]

mod common;

mod aligned;
mod carving;
mod changing;
mod cli;
mod compressed;
mod convert;
mod dedup;
mod determinism;
mod diff;
mod documents;
mod erf;
mod examples;
mod expected;
mod exported;
mod extract;
mod faults;
mod handler;
mod index;
mod inputs;
mod interrupt;
mod joined;
mod layering;
mod limits;
mod links;
mod list;
mod oracle;
mod outputs;
mod packets;
mod plain;
mod planted;
mod readme;
mod sessions;
mod steps;
mod stream_oracle;
mod streams;
mod tcp;
mod timeouts;
mod tunnels;
mod verify;
mod zeros;
