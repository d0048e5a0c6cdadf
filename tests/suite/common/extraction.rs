//! Extractions by the program, and what they wrote.

use super::program::{Ended, Program};
use super::reading::{Packet, Parsed, parse};
use super::{entries, root};
use std::fs;
use std::path::Path;

/// Runs an extraction that succeeds; returns what it wrote.
pub(crate) fn extract(args: &[&str]) -> Vec<u8> {
    let (ended, bytes) = try_extract(args);
    let ended = ended.exits(0).prints_nothing();
    bytes.unwrap_or_else(|| panic!("no output of\n{ended}"))
}

/// Runs an extraction; returns what it wrote, if anything. Nothing else may be left.
pub(crate) fn try_extract(args: &[&str]) -> (Ended, Option<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let program = Program::new()
        .args(args)
        .args(["--disable-display", "--progress", "never"]);
    let ended = program.args(["-o".as_ref(), output.as_os_str()]).run();
    let left = entries(folder.path());
    let bytes = fs::read(&output).ok();
    let expected: &[&str] = if bytes.is_some() { &["out"] } else { &[] };
    assert_eq!(left, expected, "{ended}");
    (ended, bytes)
}

/// An extraction to this file, run to its end.
pub(crate) fn extraction(args: &[&str], output: &Path) -> Ended {
    let output = [
        "-o".as_ref(),
        output.as_os_str(),
        "--disable-display".as_ref(),
    ];
    Program::new().args(args).args(output).run()
}

pub(crate) fn read(name: &str) -> Parsed {
    let parsed = parse(&fs::read(root().join(name)).unwrap());
    assert!(parsed.is_whole, "{name}");
    parsed
}

pub(crate) fn records(packets: &[Packet]) -> Vec<&[u8]> {
    packets
        .iter()
        .map(|packet| packet.record.as_slice())
        .collect()
}
