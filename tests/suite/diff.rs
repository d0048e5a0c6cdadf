//! The command `diff`: results for identical captures, for pairs composed of known edits, and
//! output formats.

mod edits;
mod hostile;
mod outputs;
mod pair;
mod pcapdiff;
mod selfsame;

use crate::common::program::{Ended, Program, Row, rows};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// Runs the command.
fn diff<A: AsRef<OsStr>>(a: &Path, b: &Path, args: impl IntoIterator<Item = A>) -> Ended {
    Program::new().args(["diff"]).args([a, b]).args(args).run()
}

/// Compares two captures: the JSON object, and a row per packet.
fn compared(a: &Path, b: &Path, args: &[&str], code: i32) -> (serde_json::Value, Vec<Row>) {
    let (ended, rows) = answered(a, b, args);
    let ended = ended.exits(code);
    (serde_json::from_str(ended.text()).unwrap(), rows)
}

/// Like `compared`, with any exit code.
fn answered(a: &Path, b: &Path, args: &[&str]) -> (Ended, Vec<Row>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("packets.csv");
    let packets = ["--packets", file.to_str().unwrap(), "--format", "json"];
    let ended = diff(a, b, packets.iter().chain(args));
    (ended, rows(&fs::read_to_string(&file).unwrap()))
}
