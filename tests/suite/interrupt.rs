//! The end comes from outside: signals, readers that go away, streams that say nothing.

use crate::common::program::{Program, Running, wait_until};
use crate::common::{entries, root, testdata};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Command;
use testkit::frames;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

fn fifo(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(status.success());
}

/// Starts an extraction from a pipe in the file system that has brought some packets, and stays
/// open with its other end here.
fn extraction_from_open_pipe(folder: &Path) -> (Running, File) {
    let pipe = folder.join("pipe");
    fifo(&pipe);
    let output = folder.join("out.pcap");
    let stats = folder.join("stats.json");
    let running = Program::new()
        .args([pipe.as_os_str(), "-o".as_ref(), output.as_os_str()])
        .args(["--stats".as_ref(), stats.as_os_str()])
        .start();
    // This waits until the program has opened its end: signals are watched from before that.
    let mut end = File::options().write(true).open(&pipe).unwrap();
    end.write_all(&fs::read(testdata("recorded/http.pcap")).unwrap())
        .unwrap();
    (running, end)
}

#[test]
fn a_signal_ends_the_run_and_leaves_nothing() {
    for (name, number) in [("INT", SIGINT), ("TERM", SIGTERM)] {
        let folder = tempfile::tempdir().unwrap();
        let (running, end) = extraction_from_open_pipe(folder.path());
        let parts = entries(folder.path())
            .iter()
            .filter(|it| it.ends_with(".part"))
            .count();
        assert_eq!(
            parts,
            2,
            "outputs are started: {:?}",
            entries(folder.path())
        );
        running.signal(name);
        let ended = running.wait().ends_by_signal(number);
        assert_eq!(entries(folder.path()), ["pipe"], "{ended}");
        ended.prints_nothing();
        drop(end);
    }
}

/// Nobody may ever open the other end.
#[test]
fn a_signal_ends_the_wait_for_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    fifo(&pipe);
    let output = folder.path().join("out.pcap");
    let mut program = Program::new();
    program = program.args([pipe.as_os_str(), "-o".as_ref(), output.as_os_str()]);
    let running = program.start();
    // The output is started before the input is opened, and signals are watched from before that.
    wait_until("the output is started", || {
        entries(folder.path()).len() == 2
    });
    running.signal("TERM");
    let ended = running.wait().ends_by_signal(SIGTERM);
    assert_eq!(entries(folder.path()), ["pipe"], "{ended}");
}

/// The pipe of standard input stays open and silent.
#[test]
fn a_signal_ends_the_wait_for_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let (running, end) = {
        let (reader, writer) = std::io::pipe().unwrap();
        let output = folder.path().join("out.pcap");
        let program = Program::new().args(["--stdin".as_ref(), "-o".as_ref(), output.as_os_str()]);
        (program.start_with(reader), writer)
    };
    wait_until("the output is started", || {
        !entries(folder.path()).is_empty()
    });
    running.signal("INT");
    let ended = running.wait().ends_by_signal(SIGINT);
    assert!(entries(folder.path()).is_empty(), "{ended}");
    drop(end);
}

/// The pipe ends when its last writer has gone, and not before.
#[test]
fn a_pipe_in_the_file_system_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (running, end) = extraction_from_open_pipe(folder.path());
    drop(end);
    let ended = running.wait().exits(0).says("66 packets = 64 in flows");
    assert_eq!(
        entries(folder.path()),
        ["out.pcap", "pipe", "stats.json"],
        "{ended}"
    );
    let expected = fs::read(testdata("recorded/http.pcap")).unwrap();
    assert_eq!(fs::read(folder.path().join("out.pcap")).unwrap(), expected);
}

/// `| head -1`
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.pcap");
    // Far more than a pipe holds.
    fs::write(&path, frames::many_flows(8000)).unwrap();
    for format in ["text", "csv", "json"] {
        let args = [path.as_os_str(), "--format".as_ref(), format.as_ref()];
        let program = Program::new().args(args).args(["--progress", "never"]);
        let mut running = program.start();
        let mut lines = BufReader::new(running.child.stdout.take().unwrap()).lines();
        assert!(!lines.next().unwrap().unwrap().is_empty());
        drop(lines);
        let ended = running.wait().exits(0);
        assert!(ended.stderr.is_empty(), "nobody needs to be told\n{ended}");
    }
    let args = [path.as_os_str(), "-o".as_ref(), "-".as_ref()];
    let mut running = Program::new().args(args).start();
    drop(running.child.stdout.take());
    running.wait().exits(0);
}

/// `2>&1 | head -1`
#[test]
fn a_reader_of_notices_that_has_gone_is_no_error() {
    let mut running = Program::new()
        .args([testdata("recorded/http.pcap")])
        .start();
    drop(running.child.stderr.take());
    let ended = running.wait().exits(0);
    assert_eq!(
        ended.text().lines().count(),
        6,
        "the list is there\n{ended}"
    );
}

/// A file may be read while the list of another run is written; what is cut short in between is
/// damage, not a crash.
#[test]
fn a_stream_that_ends_early_is_damage() {
    let bytes = fs::read(root().join("testdata/recorded/http.pcap")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcap");
    for len in [30, 24 + 16 + 10, bytes.len() - 1, bytes.len() - 80] {
        let ended = Program::new()
            .args(["-".as_ref(), "-o".as_ref(), output.as_os_str()])
            .input(&bytes[..len], 100)
            .run()
            .exits(3);
        ended.says("standard input: packet ").says("cut short");
        let kept = fs::read(&output).unwrap();
        assert!(
            bytes.starts_with(&kept) && kept.len() < len,
            "all whole records, and no more"
        );
    }
}
