//! Records are the same, however a capture is read, and however a conversation was sent.

use super::{CLIENT, PAGE, Segment, capture, connection, records};
use crate::common::program::Program;
use std::fs;
use testkit::Random;

/// Many interleaved connections, some of which end before they are answered.
fn crowd() -> Vec<u8> {
    let mut all: Vec<Vec<Segment>> = Vec::new();
    for port in 0..40 {
        let ends = CLIENT.with_port(41_000 + port);
        let mut segments = connection(ends, &PAGE, 7 + usize::from(port) * 3);
        if port % 5 == 0 {
            segments.truncate(segments.len() / 2);
        }
        all.push(segments);
    }
    let mut mixed = Vec::new();
    let longest = all.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..longest {
        mixed.extend(all.iter().filter_map(|it| it.get(at).cloned()));
    }
    capture(&mixed)
}

#[test]
fn whatever_the_threads_windows_and_pipes() {
    let bytes = crowd();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crowd.pcap");
    fs::write(&file, &bytes).unwrap();
    let run = |args: &[&str]| {
        let program = Program::new().args(["sessions"]).args([&file]).args(args);
        program.run().exits(0).text().to_owned()
    };
    let plain = run(&["--threads", "1"]);
    assert!(
        plain.lines().count() > 32 * 4,
        "those that are whole have four each"
    );
    for window in ["2K", "10K", "64K"] {
        for threads in ["1", "3"] {
            let other = run(&[
                "--threads",
                threads,
                "--window-bytes",
                window,
                "--chunk-bytes",
                "1K",
            ]);
            assert!(other == plain, "window {window}, {threads} threads");
        }
    }
    for piece in [777, 1 << 16] {
        let program = Program::new().args(["sessions", "-", "--window-bytes", "4K"]);
        let piped = program.input(&bytes, piece).run().exits(0);
        assert!(
            piped.text() == plain,
            "from a pipe, {piece} bytes at a time"
        );
    }
}

/// Records without keys that depend on packets.
fn said(capture: &[u8]) -> Vec<serde_json::Value> {
    let mut all = records(capture, &["--secrets", "show", "--hash"]);
    for record in &mut all {
        let keys = record.as_object_mut().unwrap();
        for key in [
            "ts_start",
            "ts_end",
            "ts_duration",
            "first_packet",
            "last_packet",
            "offset",
        ] {
            keys.remove(key);
        }
    }
    all
}

#[test]
fn whatever_the_segments() {
    let plain = said(&capture(&connection(CLIENT, &PAGE, 10_000)));
    assert_eq!(plain.len(), 4);
    for piece in [1, 2, 3, 5, 17, 60] {
        let segments = connection(CLIENT, &PAGE, piece);
        assert_eq!(said(&capture(&segments)), plain, "{piece} bytes a segment");
        let doubled: Vec<Segment> = segments
            .iter()
            .flat_map(|it| [it.clone(), it.clone()])
            .collect();
        assert_eq!(said(&capture(&doubled)), plain, "{piece} bytes, twice");
    }
}

/// Reordered segments of one side.
#[test]
fn whatever_their_order() {
    let plain = said(&capture(&connection(CLIENT, &PAGE, 10_000)));
    for seed in 0..20 {
        let mut segments = connection(CLIENT, &PAGE, 11);
        let mut random = Random::new(seed);
        let is_same_run = |a: &Segment, b: &Segment| a.ends == b.ends;
        for run in segments.chunk_by_mut(is_same_run) {
            if run.len() > 2 {
                random.shuffle(run);
            }
        }
        assert_eq!(said(&capture(&segments)), plain, "seed {seed}");
    }
}
