//! Captures of real servers and their clients: the records are what those said themselves.
//!
//! `scripts/record-servers` writes a file of true answers beside each capture: records by type, in
//! the order in which they began, with the keys that are known. `null` stands for an absent key.

use crate::common::program::Program;
use crate::common::{Complaints, entries, testdata};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Records by type.
type Records = BTreeMap<String, Vec<Value>>;

fn captures() -> Vec<PathBuf> {
    let folder = testdata("recorded/servers");
    let names = entries(&folder).into_iter();
    let captures: Vec<PathBuf> = names
        .filter(|it| it.ends_with(".pcap"))
        .map(|it| folder.join(it))
        .collect();
    assert!(captures.len() > 10, "{captures:?}");
    captures
}

fn run(capture: &Path, args: &[&str]) -> String {
    let program = Program::new().args(["sessions"]).args([capture]).args(args);
    let program = program.args(["--secrets", "show", "--hash"]);
    program.run().exits(0).text().to_owned()
}

/// The program's records, in the order of their first packets.
fn records(capture: &Path) -> Records {
    let text = run(capture, &[]);
    let mut all: Vec<Value> = text
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    all.sort_by_key(|it| it["first_packet"].as_u64());
    let mut by_type = Records::new();
    for record in all {
        let kind = record["record"].as_str().unwrap().to_owned();
        by_type.entry(kind).or_default().push(record);
    }
    by_type
}

fn truth(capture: &Path) -> Records {
    let path = capture.with_extension("json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// Compares what is known with what was found: objects may have more keys, lists no more items.
fn compare(at: &str, found: &Value, known: &Value, complaints: &mut Complaints) {
    match (found, known) {
        (Value::Object(found), Value::Object(known)) => {
            for (key, known) in known {
                let found = found.get(key).unwrap_or(&Value::Null);
                compare(&format!("{at} {key}"), found, known, complaints);
            }
        }
        (Value::Array(found), Value::Array(known)) if found.len() == known.len() => {
            for (found, known) in found.iter().zip(known) {
                compare(at, found, known, complaints);
            }
        }
        _ => complaints.compare(at, found, known),
    }
}

#[test]
fn records_are_what_servers_and_clients_said() {
    let mut complaints = Complaints::default();
    for capture in captures() {
        let name = capture.file_name().unwrap().to_string_lossy().into_owned();
        let (mut found, known) = (records(&capture), truth(&capture));
        for (kind, known) in known {
            let found = found.remove(&kind).unwrap_or_default();
            complaints.compare(format!("{name}: {kind} records"), found.len(), known.len());
            for (found, known) in found.iter().zip(&known) {
                let at = format!("{name}: {kind} of packet {}", found["first_packet"]);
                compare(&at, found, known, &mut complaints);
            }
        }
        let others: Vec<&String> = found.keys().collect();
        complaints.compare(format!("{name}: other records"), others, Vec::new());
    }
    complaints.none();
}

#[test]
fn whatever_the_threads_and_windows() {
    for capture in captures() {
        let plain = run(&capture, &["--threads", "1"]);
        for window in ["4K", "20K"] {
            let sizes = ["--window-bytes", window, "--chunk-bytes", "1K"];
            let other = run(&capture, &[&["--threads", "3"], &sizes[..]].concat());
            assert!(other == plain, "{}: windows of {window}", capture.display());
        }
    }
}
