//! The command `tcp`: which rows there are, the same ones for any way, and what is shown of them.

mod beside;
mod plots;
mod rows;
mod stored;
mod views;

use crate::common::program::{Ended, Program, Row};
use std::ffi::OsStr;
use std::path::Path;

/// Runs the command on a capture.
fn tcp<A: AsRef<OsStr>>(capture: &Path, args: impl IntoIterator<Item = A>) -> Ended {
    Program::new()
        .args(["tcp"])
        .args([capture])
        .args(args)
        .run()
}

/// The rows of a capture that is whole.
fn table(capture: &Path, args: &[&str]) -> Vec<Row> {
    let ended = tcp(capture, ["--format", "csv"].iter().chain(args));
    ended.exits(0).rows()
}
