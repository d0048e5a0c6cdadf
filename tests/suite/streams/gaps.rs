//! What was not captured: what stands in its place, and what the manifest says of it.

use crate::common::program::Program;
use crate::common::streams::{
    QUIET, assert_same, extracted, files_in, files_of_archive, gaps, slashed, tcp_streams,
};
use std::fs;
use std::path::Path;
use testkit::conversation::{CLIENT, Ends, Trace, content, segments};

const SERVER: Ends = CLIENT.reversed();

/// Bytes of each segment.
const LEN: usize = 500;

/// The client's stream of ten segments without some of them, and a whole one of the server.
fn without(lost: &[usize]) -> Trace {
    let mut trace = Trace::of([CLIENT.syn(1000), SERVER.syn_ack(50, 1000)]);
    let segments = segments(CLIENT, 1001, &sent(), LEN).into_iter().enumerate();
    for (_, segment) in segments.filter(|(index, _)| !lost.contains(index)) {
        trace.add(segment);
    }
    trace.add(CLIENT.fin(6001));
    trace.add(SERVER.data(51, "answer"));
    trace
}

fn sent() -> Vec<u8> {
    content(1, 10 * LEN)
}

/// Some segments of what was sent.
fn part(indexes: std::ops::Range<usize>) -> Vec<u8> {
    sent()[indexes.start * LEN..indexes.end * LEN].to_vec()
}

/// Sizes of windows: so small that each packet has one of its own, and large.
const WINDOWS: [&str; 2] = ["1", "1000000"];

#[test]
fn gaps_are_skipped() {
    let name = CLIENT.name("tcp");
    for window in WINDOWS {
        for options in [&[][..], &["--gaps", "skip"]] {
            let options = [&["--window-bytes", window], options].concat();
            let extracted = tcp_streams(&without(&[3, 4, 7]), &options);
            let expected = [part(0..3), part(5..7), part(8..10)].concat();
            assert_same(extracted.file(&name), &expected, "skipped");
            let columns = ["bytes", "gaps", "gap_bytes", "gap_list", "end", "segments"];
            let found = extracted.columns(&name, columns);
            assert_eq!(
                found,
                ["3500", "2", "1500", "1500+1000 3500+500", "fin", "7"]
            );
            assert_eq!(extracted.file(&SERVER.name("tcp")), b"answer");
            let found = extracted.columns(&SERVER.name("tcp"), ["gaps", "gap_list"]);
            assert_eq!(found, ["0", ""]);
            extracted
                .ended
                .says("2 gaps in 1 streams: 1500 bytes were not captured");
        }
    }
}

#[test]
fn gaps_are_zeros() {
    let name = CLIENT.name("tcp");
    for window in WINDOWS {
        let options = ["--gaps", "zero", "--window-bytes", window];
        let extracted = tcp_streams(&without(&[0, 3, 4, 7, 9]), &options);
        let mut expected = sent();
        for lost in [0, 3, 4, 7, 9] {
            expected[lost * LEN..(lost + 1) * LEN].fill(0);
        }
        assert_same(extracted.file(&name), &expected, "zeros");
        let found = extracted.columns(&name, ["bytes", "gap_list"]);
        assert_eq!(found, ["2500", "0+500 1500+1000 3500+500 4500+500"]);
    }
}

/// Zeros for a long gap are many; where they are left out, that is said.
#[test]
fn zeros_that_are_left_out_are_told() {
    let gap = 20_000_000_u32;
    let trace = Trace::of([
        CLIENT.syn(0),
        CLIENT.data(1, "before"),
        CLIENT.data(7 + gap, "behind"),
    ]);
    let extracted = tcp_streams(&trace, &["--gaps", "zero"]);
    let name = CLIENT.name("tcp");
    let file = extracted.file(&name);
    assert!(file.starts_with(b"before") && file.ends_with(b"behind"));
    assert_eq!(gaps(extracted.row(&name)), [(6, gap.into())]);
    if file.len() < gap as usize {
        extracted.ended.says("zeros");
    }
}

#[test]
fn gaps_split_a_stream() {
    let name = CLIENT.name("tcp");
    for window in WINDOWS {
        let options = ["--gaps", "split", "--window-bytes", window];
        let extracted = tcp_streams(&without(&[3, 4, 7]), &options);
        let [one, two] = [1, 2].map(|number| format!("{name}.gap{number}"));
        assert_same(extracted.file(&name), &part(0..3), &name);
        assert_same(extracted.file(&one), &part(5..7), &one);
        assert_same(extracted.file(&two), &part(8..10), &two);
        assert_eq!(extracted.names(), [&name, &one, &two, &SERVER.name("tcp")]);
        assert_eq!(extracted.columns(&name, ["gaps", "bytes"]), ["2", "3500"]);
    }
}

/// In front of the first bytes, and behind the last ones, there is nothing to be a file.
#[test]
fn gaps_at_both_ends_make_no_empty_files() {
    let name = CLIENT.name("tcp");
    for window in WINDOWS {
        for output in ["skip", "split"] {
            let options = ["--gaps", output, "--window-bytes", window];
            let extracted = tcp_streams(&without(&[0, 8, 9]), &options);
            assert_eq!(extracted.names().len(), 2, "{:?}", extracted.names());
            assert!(extracted.files.values().all(|it| !it.is_empty()));
            let file = extracted.names()[0];
            assert!(file.starts_with(&name));
            assert_same(extracted.file(file), &part(1..8), "between gaps");
            assert_eq!(extracted.columns(file, ["gap_list"]), ["0+500 4000+1000"]);
        }
    }
}

#[test]
fn an_archive_has_the_parts_too() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::write(&capture, without(&[0, 3, 4, 7]).file()).unwrap();
    for gaps in ["split", "zero", "skip"] {
        let run = |output: &Path| {
            let program = Program::new().args(QUIET).args([&capture]);
            let program = program.args(["--extract-tcp-all", "--gaps", gaps, "-o"]);
            program.args([output]).run().exits(0);
        };
        let archive = folder.path().join("out.tar");
        run(&archive);
        let directory = slashed(&folder.path().join(gaps));
        run(&directory);
        let mut entries = files_of_archive(&archive);
        entries.sort();
        let files = files_in(&directory);
        assert_eq!(entries, files.into_iter().collect::<Vec<_>>(), "{gaps}");
    }
}

/// A gap that is filled later is none.
#[test]
fn late_segments_fill_gaps() {
    let name = CLIENT.name("tcp");
    let mut pieces = segments(CLIENT, 1001, &sent(), LEN);
    pieces.swap(2, 9);
    let mut trace = Trace::of([CLIENT.syn(1000)]);
    pieces.into_iter().for_each(|it| trace.add(it));
    for window in WINDOWS {
        for gaps in ["skip", "zero", "split"] {
            let extracted = tcp_streams(&trace, &["--gaps", gaps, "--window-bytes", window]);
            assert_same(extracted.file(&name), &sent(), gaps);
            assert_eq!(extracted.columns(&name, ["gaps", "gap_list"]), ["0", ""]);
            assert_eq!(extracted.names().len(), 1);
        }
    }
}

/// Two segments swapped: one of them is out of order.
#[test]
fn swapped_segments_are_counted() {
    let mut pieces = segments(CLIENT, 1001, &sent(), LEN);
    pieces.swap(4, 5);
    let mut trace = Trace::of([CLIENT.syn(1000)]);
    pieces.into_iter().for_each(|it| trace.add(it));
    let extracted = tcp_streams(&trace, &[]);
    let columns = [
        "out_of_order",
        "retransmitted_bytes",
        "overlaps",
        "segments",
    ];
    let found = extracted.columns(&CLIENT.name("tcp"), columns);
    assert_eq!(found, ["1", "0", "0", "10"]);
}

// The manifest.

/// Something of everything: a gap, a retransmission with other content, a swap, a reset.
fn eventful() -> Trace {
    Trace::of([
        SERVER.data(9, "answer"),
        CLIENT.syn(1000),
        CLIENT.data(1001, "0123456789"),
        CLIENT.data(1003, "23456"),
        CLIENT.data(1016, "fghij"),
        CLIENT.data(1011, "abcde"),
        CLIENT.data(1011, "abXde"),
        CLIENT.data(1031, "behind"),
        CLIENT.rst(1037),
    ])
}

#[test]
fn the_manifest_as_csv() {
    let extracted = tcp_streams(&eventful(), &[]);
    let name = CLIENT.name("tcp");
    assert_eq!(extracted.file(&name), b"0123456789abcdefghijbehind");
    let expected = [
        ("flow_id", "2"),
        ("connection", "1"),
        ("protocol", "tcp"),
        ("src_ip", "10.0.0.1"),
        ("src_port", "40000"),
        ("dst_ip", "10.0.0.2"),
        ("dst_port", "80"),
        ("bytes", "26"),
        ("first_ns", &Trace::time_ns(1).to_string()),
        ("last_ns", &Trace::time_ns(8).to_string()),
        ("segments", "6"),
        ("retransmitted_bytes", "10"),
        ("out_of_order", "1"),
        ("overlaps", "2"),
        ("conflicts", "1"),
        ("gaps", "1"),
        ("gap_bytes", "10"),
        ("midstream", "false"),
        ("end", "rst"),
        ("file", &name),
        ("gap_list", "20+10"),
    ];
    let row = extracted.row(&name);
    for (column, value) in expected {
        assert_eq!(row[column], value, "{column} in {row:?}");
    }
    let server = extracted.columns(&SERVER.name("tcp"), ["flow_id", "midstream", "end"]);
    assert_eq!(server, ["1", "true", "rst"]);
    let order: Vec<&str> = extracted
        .manifest
        .iter()
        .map(|row| row["flow_id"].as_str())
        .collect();
    assert_eq!(order, ["1", "2"], "in the order of FlowIDs");
    extracted
        .ended
        .says("1 segments repeat bytes with other content");
}

#[test]
fn the_manifest_as_json_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::write(&capture, eventful().file()).unwrap();
    let expected = tcp_streams(&eventful(), &[]);
    let (output, manifest) = (
        slashed(&folder.path().join("out")),
        folder.path().join("list.json"),
    );
    let program = Program::new()
        .args(QUIET)
        .args([&capture])
        .args(["--extract-tcp-all", "-o"]);
    program
        .args([output.as_os_str(), "--manifest".as_ref()])
        .args([&manifest])
        .run()
        .exits(0);
    let text = fs::read_to_string(&manifest).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let rows: Vec<serde_json::Map<String, serde_json::Value>> = rows.collect();
    assert_eq!(rows.len(), expected.manifest.len(), "{text}");
    for (object, row) in rows.iter().zip(&expected.manifest) {
        for (column, value) in row {
            let found = &object[column];
            match column.as_str() {
                "gap_list" => {
                    let pairs: Vec<(u64, u64)> = serde_json::from_value(found.clone()).unwrap();
                    assert_eq!(pairs, gaps(row));
                }
                "file" => {
                    let path = output.join(value).display().to_string();
                    assert_eq!(found, &serde_json::Value::from(path));
                }
                "src_ip" | "dst_ip" | "protocol" | "end" => assert_eq!(found, value.as_str()),
                // Numbers, and whether it starts in the middle.
                _ => assert_eq!(&found.to_string(), value, "{column}"),
            }
        }
        assert_eq!(object.len(), row.len());
    }
}

/// Streams that were asked for are listed, also those without a byte.
#[test]
fn streams_without_bytes_are_listed_without_a_file() {
    let trace = Trace::of([CLIENT.syn(10), SERVER.syn_ack(50, 10), SERVER.data(51, "x")]);
    let extracted = tcp_streams(&trace, &[]);
    assert_eq!(extracted.names(), [SERVER.name("tcp")]);
    assert_eq!(extracted.manifest.len(), 2);
    let row = &extracted.manifest[0];
    assert_eq!((row["bytes"].as_str(), row["file"].as_str()), ("0", ""));
}

/// Held back from a pipe, which cannot be read again, until that is too much.
#[test]
fn gaps_are_given_up_where_memory_is_bounded() {
    let content = content(1, 1 << 20);
    let mut trace = Trace::of([CLIENT.syn(0), CLIENT.data(1, "first")]);
    // More than a buffer of the pipe's reader: 64 MiB.
    let total = 70_u32;
    for number in 0..total {
        let start = 1_000_001 + number * (1 << 20);
        segments(CLIENT, start, &content, 1 << 15)
            .into_iter()
            .for_each(|it| trace.add(it));
    }
    // Too late.
    trace.add(CLIENT.data(6, "second"));
    let options = ["-", "--extract-tcp-all", "--reassembly-memory", "1M"];
    let piped = Program::new().args(options).input(&trace.file(), 1 << 20);
    let extracted = extracted(piped);
    let name = CLIENT.name("tcp");
    let bytes = 5 + (u64::from(total) << 20);
    assert_eq!(extracted.columns(&name, ["bytes"]), [bytes.to_string()]);
    assert_eq!(extracted.columns(&name, ["gap_list"]), ["5+999995"]);
    assert_eq!(extracted.file(&name).len() as u64, bytes);
    extracted
        .ended
        .says("1 gaps were given up to keep within --reassembly-memory");
}
