//! Repeated segments: the index, the manifest of streams and tshark say the same of them, as one
//! rule decides.

use crate::common::indexed::Indexed;
use crate::common::program::{Program, run_other};
use crate::common::streams::tcp_streams;
use std::path::Path;
use std::process::Command;
use testkit::conversation::{CLIENT, Trace, content};

/// Asserts how many retransmissions an index has of the client's flow.
#[track_caller]
fn assert_in_index(captures: &[&Path], settings: &[&str], expected: u32) {
    let indexed = Indexed::of(captures, settings);
    let condition = format!("retransmissions = {expected}");
    let listed = indexed
        .by_index()
        .args(["--format", "csv", "--where", &condition]);
    assert_eq!(
        listed.run().exits(0).rows().len(),
        1,
        "{captures:?} {settings:?}"
    );
}

/// The frames that tshark marks as retransmissions of any kind; `None` where it is not installed.
fn by_tshark(capture: &Path) -> Option<Vec<u64>> {
    let mut command = Command::new("tshark");
    let filter = "tcp.analysis.retransmission || tcp.analysis.spurious_retransmission";
    command.arg("-r").arg(capture);
    command.args(["-Y", filter, "-T", "fields", "-e", "frame.number"]);
    let ended = run_other(command)?.exits(0);
    Some(ended.text().lines().map(|it| it.parse().unwrap()).collect())
}

/// A SYN, 100 bytes, the SYN again, the same 100 bytes, 100 new ones, 150 old and 50 new ones, and
/// a FIN.
fn repeated() -> Trace {
    let content = content(1, 250);
    Trace::of([
        CLIENT.syn(999),
        CLIENT.data(1000, &content[..100]),
        CLIENT.syn(999),
        CLIENT.data(1000, &content[..100]),
        CLIENT.data(1100, &content[100..200]),
        CLIENT.data(1050, &content[50..250]),
        CLIENT.fin(1250),
    ])
}

#[test]
fn index_manifest_and_tshark_agree() {
    let trace = repeated();
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("repeated.pcap");
    std::fs::write(&capture, trace.file()).unwrap();
    for settings in [&[][..], &["--bidirectional"], &["--flow-5tuple"]] {
        assert_in_index(&[&capture], settings, 3);
    }
    let extracted = tcp_streams(&trace, &[]);
    let columns = ["bytes", "segments", "retransmitted_bytes", "connection"];
    let row = extracted.columns(&CLIENT.name("tcp"), columns);
    assert_eq!(row, ["250", "4", "250", "1"]);
    if let Some(frames) = by_tshark(&capture) {
        assert_eq!(frames, [3, 4, 6]);
    }
}

/// A SYN with another number starts the next connection: nothing of it is repeated, and what comes
/// late for the connection before is.
#[test]
fn connections_on_the_same_ports_are_told_apart() {
    let content = content(2, 300);
    let trace = Trace::of([
        CLIENT.syn(700_000_999),
        CLIENT.data(700_001_000, &content[..100]),
        // A lower number, so that all of it would be late for the first connection.
        CLIENT.syn(999),
        CLIENT.data(1000, &content[..100]),
        // Of the first connection, again.
        CLIENT.data(700_001_000, &content[..100]),
        CLIENT.data(1100, &content[100..200]),
        CLIENT.data(1200, &content[200..300]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("ports.pcap");
    std::fs::write(&capture, trace.file()).unwrap();
    assert_in_index(&[&capture], &[], 1);
}

/// Two connections on the same ports, the server's numbers in the upper half; nothing is repeated.
fn reused() -> Trace {
    let server = CLIENT.reversed();
    Trace::of([
        CLIENT.syn(999),
        server.syn_ack(3_000_000_000, 999),
        CLIENT.data(1000, "question"),
        server.data(3_000_000_001, "answer"),
        CLIENT.syn(700_000_999),
        server.syn_ack(3_500_000_000, 700_000_999),
        CLIENT.data(700_001_000, "question"),
        server.data(3_500_000_001, "answer"),
        CLIENT.data(700_001_008, "more"),
        server.data(3_500_000_007, "of it"),
    ])
}

/// An index that continues with later captures knows how far connections had come, wherever these
/// are cut.
#[test]
fn appended_captures_continue_the_count() {
    for (trace, expected) in [(repeated(), 3), (reused(), 0)] {
        for settings in [&[][..], &["--bidirectional"]] {
            for parts in [2, 3, 7, 10] {
                assert_appended(&trace.cut(parts), settings, expected);
            }
        }
    }
}

/// Indexes captures one after the other, and asserts how many retransmissions each flow has.
#[track_caller]
fn assert_appended(parts: &[Trace], settings: &[&str], expected: u32) {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    for (number, part) in parts.iter().enumerate() {
        let capture = folder.path().join(format!("{number}.pcap"));
        std::fs::write(&capture, part.file()).unwrap();
        let mut program = Program::new().args(["index", "--progress", "never"]);
        if number == 0 {
            program = program.args(settings);
        }
        let option = if number == 0 { "-o" } else { "--append" };
        let program = program.args([option]).args([&index, &capture]);
        program.run().exits(0);
    }
    let count = |condition: &str| {
        let listed = Program::new().args(["--progress", "never", "--format", "csv"]);
        let listed = listed
            .args(["--where", condition, "--index"])
            .args([&index]);
        listed.run().exits(0).rows().len()
    };
    let others = format!("retransmissions <> {expected}");
    let what = format!("{} parts, {settings:?}", parts.len());
    assert_eq!(count(&others), 0, "{what}");
    assert!(count("packets > 0") > 0, "{what}");
}
