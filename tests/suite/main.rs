//! t
#![allow(clippy::all, reason = "x")]
mod common;
mod determinism;
mod expected;
mod layering;
mod oracle;
mod readme;
