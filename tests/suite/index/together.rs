//! Concurrent runs on one index.

use crate::common::effort::is_full;
use crate::common::program::Program;
use crate::common::testdata;
use pcap_flows::index::IndexLock;
use std::path::Path;

fn append(index: &Path, capture: &str, args: &[&str]) -> Program {
    Program::new()
        .args(["index", "--append"])
        .args([index, &testdata(capture)])
        .args(args)
}

/// Names of the captures of an index.
fn captures(index: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let text = std::fs::read(index).unwrap();
    let text = String::from_utf8_lossy(&text);
    for name in ["http.pcap", "dns.pcap", "icmp.pcap"] {
        if text.contains(&format!("recorded/{name}")) {
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn all_that_was_added_is_there() {
    let tries = if is_full() { 1000 } else { 20 };
    let folder = tempfile::tempdir().unwrap();
    for number in 0..tries {
        let index = folder.path().join(format!("{number}.idx"));
        let runs = ["http.pcap", "dns.pcap"]
            .map(|name| append(&index, &format!("recorded/{name}"), &["--wait"]).start());
        for run in runs {
            run.wait().exits(0);
        }
        assert_eq!(captures(&index), ["http.pcap", "dns.pcap"], "try {number}");
        let listed = Program::new().args(["--index"]).args([&index]).run();
        listed.exits(0);
    }
}

#[test]
fn who_does_not_wait_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    let lock = IndexLock::acquire(&index, false, || Ok(())).unwrap();
    let refused = append(&index, "recorded/http.pcap", &[]).run();
    refused.exits(1).says("another run is writing this index");
    assert!(!index.exists());
    let waiting = append(&index, "recorded/http.pcap", &["--wait"]).start();
    drop(lock);
    waiting.wait().exits(0);
    assert_eq!(captures(&index), ["http.pcap"]);
}

#[test]
fn a_run_that_is_killed_leaves_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    // Such a run leaves its lock file, which is no longer locked.
    std::fs::write(folder.path().join(".pcap_flows-day.idx.lock"), "").unwrap();
    append(&index, "recorded/http.pcap", &[]).run().exits(0);
    assert_eq!(captures(&index), ["http.pcap"]);
}

#[test]
fn what_is_there_already_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    append(&index, "recorded/http.pcap", &[]).run().exits(0);
    let before = std::fs::read(&index).unwrap();
    let again = append(&index, "recorded/http.pcap", &[]).run();
    again
        .exits(0)
        .says("is in the index already")
        .says("nothing to add");
    assert_eq!(std::fs::read(&index).unwrap(), before);
    let more = append(&index, "recorded/http.pcap", &[])
        .args([&testdata("recorded/dns.pcap")])
        .run();
    more.exits(0).says("is in the index already");
    assert_eq!(captures(&index), ["http.pcap", "dns.pcap"]);
}
