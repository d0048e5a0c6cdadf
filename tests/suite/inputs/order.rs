//! Captures are read in the order of their first packets.

use super::{capture, hosts, put, write};
use crate::common::program::{Ended, Program, number, rows, run};
use crate::compressed::FORMATS as COMPRESSIONS;
use std::fs;
use std::path::PathBuf;
use testkit::conversation::{CLIENT, content};
use testkit::frames;
use testkit::pcap::{ByteOrder, Pcap, START_S, Variant};
use testkit::pcapng;

const NOTICE: &str = "in the order of their first packets";

fn list(paths: &[PathBuf], options: &[&str]) -> Ended {
    Program::new()
        .args(paths)
        .args(["--format", "csv"])
        .args(options)
        .run()
}

/// One download in files as `tcpdump -C` names them: a shell lists 10 to 19 between 1 and 2.
#[test]
fn rotated_files_are_one_stream_as_a_shell_lists_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = CLIENT.reversed();
    let mut frames: Vec<Vec<u8>> = vec![
        CLIENT.syn(99).into(),
        server.syn_ack(499, 99).into(),
        CLIENT.data(100, "").into(),
    ];
    let bytes = content(1, 40_000_000);
    let mut sequence = 500_u32;
    for piece in bytes.chunks(40_000) {
        frames.push(server.data(sequence, piece).into());
        sequence += u32::try_from(piece.len()).unwrap();
    }
    let count = frames.len().div_ceil(20);
    let mut millis = 0;
    for (part, frames) in frames.chunks(count).enumerate() {
        let mut file = Pcap::COMMON.file_header();
        for frame in frames {
            put(Pcap::COMMON, millis, frame, &mut file);
            millis += 1;
        }
        let number = if part == 0 {
            String::new()
        } else {
            part.to_string()
        };
        fs::write(folder.path().join(format!("x.pcap{number}")), file).unwrap();
    }
    let streams = |glob: &str, options: &str| {
        let command = format!(
            "rm -rf out m.csv; {} {glob} --extract-tcp-all -o out/ --manifest m.csv --disable-display {options}",
            env!("CARGO_BIN_EXE_pcap_flows")
        );
        let ended = Program::after(&format!("cd {}; {command}; exit", folder.path().display()))
            .run()
            .exits(0);
        let manifest = fs::read_to_string(folder.path().join("m.csv")).unwrap();
        (ended, rows(&manifest))
    };
    let (ended, streams_found) = streams("x.pcap*", "");
    ended.says(NOTICE).says("from x.pcap to x.pcap19");
    assert_eq!(streams_found.len(), 2, "{streams_found:?}");
    let download = streams_found
        .iter()
        .find(|it| number(it, "bytes") > 0)
        .unwrap();
    assert_eq!(number(download, "bytes"), 40_000_000);
    assert_eq!(number(download, "gaps"), 0);
    let file = folder.path().join("out").join(server.name("tcp"));
    assert!(fs::read(file).unwrap() == bytes, "the download's bytes");

    let (ended, _) = streams("x.pcap*", "--as-given");
    assert!(!ended.stderr.contains(NOTICE), "{ended}");
    ended.says("captures begin before").says("--merge");
    // What is in order needs no notice.
    let (ended, _) = streams("$(ls -v x.pcap*)", "");
    assert!(!ended.stderr.contains(NOTICE), "{ended}");
}

/// Captures of any format and compression: in the order given last to first.
#[test]
fn the_first_packet_tells_whatever_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let order = ByteOrder::Big;
    let snoop = Pcap {
        order,
        variant: Variant::Snoop,
        ..Pcap::COMMON
    };
    let mut blocks = pcapng::section(order);
    blocks.extend(pcapng::interface(order, 1, Some(9), None));
    let time = u64::from(START_S) * 1_000_000_000 + 2_000_000;
    let frame = super::frame(2);
    let len = u32::try_from(frame.len()).unwrap();
    blocks.extend(pcapng::packet(order, false, 0, time, len, &frame));
    let mut captures = vec![
        ("a", capture(snoop, &[(4, 4)])),
        ("b", capture(Pcap::NANOS, &[(3, 3)])),
        ("c", blocks),
        ("d", capture(Pcap::COMMON, &[(1, 1)])),
    ];
    let plain = list(&write(folder.path(), &captures), &[])
        .exits(0)
        .says(NOTICE);
    assert_eq!(hosts(&plain), [1, 2, 3, 4]);
    for (_, pack) in COMPRESSIONS {
        for (_, bytes) in &mut captures[..2] {
            *bytes = pack(bytes);
        }
        let packed = list(&write(folder.path(), &captures), &[])
            .exits(0)
            .says(NOTICE);
        assert_eq!(packed.stdout, plain.stdout);
        captures[0].1 = capture(snoop, &[(4, 4)]);
        captures[1].1 = capture(Pcap::NANOS, &[(3, 3)]);
    }
    let given = list(&write(folder.path(), &captures), &["--as-given"]).exits(0);
    assert_eq!(hosts(&given), [4, 3, 2, 1]);
    given.says("3 captures begin before others end");
}

#[test]
fn equal_times_and_captures_without_packets_keep_the_order_given() {
    let folder = tempfile::tempdir().unwrap();
    let form = Pcap::COMMON;
    let captures = [
        ("e1", capture(form, &[])),
        ("z", capture(form, &[(5, 1)])),
        ("e2", capture(form, &[])),
        ("b", capture(form, &[(3, 2)])),
        ("a", capture(form, &[(3, 3)])),
        ("c", capture(form, &[(5, 4)])),
    ];
    let paths = write(folder.path(), &captures);
    let ended = list(&paths, &[]).exits(0).says("3 of 6 change places");
    assert_eq!(hosts(&ended), [2, 3, 1, 4]);
    // Notices of a single packet name the capture by its place: order of the inputs in statistics.
    let stats = folder.path().join("stats");
    list(&paths, &["--stats", stats.to_str().unwrap()]).exits(0);
    let stats: serde_json::Value = serde_json::from_slice(&fs::read(stats).unwrap()).unwrap();
    let inputs = stats["inputs"].as_array().unwrap().iter();
    let names: Vec<char> = inputs
        .map(|it| it["path"].as_str().unwrap().chars().last().unwrap())
        .collect();
    assert_eq!(names, ['1', 'b', '2', 'a', 'z', 'c']);
}

/// A packet without a time tells nothing; damage in front of the first packet is passed.
#[test]
fn the_first_packet_that_can_be_read_and_has_a_time_counts() {
    let folder = tempfile::tempdir().unwrap();
    let order = ByteOrder::Little;
    let frame = super::frame(2);
    let mut blocks = pcapng::section(order);
    blocks.extend(pcapng::interface(order, 1, None, None));
    blocks.extend(pcapng::simple_packet(order, &frame));
    let time = u64::from(START_S) * 1_000_000 + 2000;
    blocks.extend(pcapng::packet(order, false, 0, time, 60, &frame));
    let whole = capture(
        Pcap::COMMON,
        &[(1, 3), (2, 4), (3, 5), (4, 6), (5, 7), (6, 8), (7, 9)],
    );
    let mut damaged = whole[..24].to_vec();
    damaged.extend([0xff; 40]);
    damaged.extend_from_slice(&whole[24..]);
    let captures = [
        ("a", capture(Pcap::COMMON, &[(90, 1)])),
        ("b", blocks),
        ("c", damaged),
    ];
    let ended = list(&write(folder.path(), &captures), &[]).exits(3);
    assert_eq!(hosts(&ended), [3, 4, 5, 6, 7, 8, 9, 2, 1]);
}

#[test]
fn streams_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let form = Pcap::COMMON;
    let captures = [
        ("a", capture(form, &[(9, 1)])),
        ("b", capture(form, &[(5, 2)])),
        ("c", capture(form, &[(1, 3)])),
    ];
    let paths = write(folder.path(), &captures);
    let [a, b, c] = [0, 1, 2].map(|it| paths[it].to_str().unwrap());
    let ended = Program::new()
        .args([a, "-", c, "--format", "csv"])
        .input(&captures[1].1, 100)
        .run()
        .exits(0);
    assert_eq!(hosts(&ended), [3, 2, 1]);
    let fifos = Program::after(&format!(
        "cd {}; mkfifo p q; cat {b} > p & cat {c} > q & :",
        folder.path().display()
    ));
    let ended = fifos
        .args([a, "p", "q", "--format", "csv"])
        .run()
        .exits(0)
        .says("the first of them p before the end of");
    assert_eq!(hosts(&ended), [1, 2, 3]);
}

/// Both directions of a tap, one after the other: it is seen that they overlap.
#[test]
fn overlap_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let form = Pcap::COMMON;
    let captures = [
        ("rx", capture(form, &[(0, 1), (20, 1)])),
        ("tx", capture(form, &[(10, 2), (15, 2)])),
        ("next", capture(form, &[(16, 3), (40, 3)])),
        ("later", capture(form, &[(40, 4), (50, 4)])),
    ];
    let paths = write(folder.path(), &captures);
    list(&paths[..1], &[]).exits(0).says("2 packets");
    let two = list(&paths[..2], &[]).exits(0);
    two.says("tx begins before").says("rx ends").says("--merge");
    let all = list(&paths, &[]).exits(0);
    all.says("2 captures begin before others end")
        .says("tx before the end of");
    let apart = list(&[paths[0].clone(), paths[3].clone()], &[]).exits(0);
    assert!(!apart.stderr.contains("begins before"), "{apart}");
    let merged = list(&paths, &["--merge"]).exits(0);
    assert!(!merged.stderr.contains("before"), "{merged}");
}

#[test]
fn an_index_is_of_captures_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let form = Pcap::COMMON;
    let captures = [
        ("c", capture(form, &[(30, 1)])),
        ("b", capture(form, &[(20, 2)])),
        ("a", capture(form, &[(10, 3)])),
    ];
    let paths = write(folder.path(), &captures);
    let index = folder.path().join("idx");
    let index = index.to_str().unwrap();
    let [c, b, a] = [0, 1, 2].map(|it| paths[it].to_str().unwrap());
    run(["index", c, b, "-o", index]).exits(0).says(NOTICE);
    // An index goes on with what is added, whatever its time.
    run(["index", "--append", index, a]).exits(0);
    let listed = run(["--index", index, "--format", "csv"]).exits(0);
    assert_eq!(hosts(&listed), [2, 1, 3]);
    let given = run(["index", "--as-given", c, b, "-o", index]).exits(0);
    given.says("c ends").says("makes one capture of them");
    let listed = run(["--index", index, "--format", "csv"]).exits(0);
    assert_eq!(hosts(&listed), [1, 2]);
    run(["index", "--merge", c, b, "-o", index])
        .exits(2)
        .says("--merge");
    run(["--index", index, "--merge"]).exits(2);
}

#[test]
fn extraction_goes_by_the_order_in_which_captures_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let form = Pcap::COMMON;
    let captures = [
        ("b", capture(form, &[(20, 2), (21, 1)])),
        ("a", capture(form, &[(10, 1), (11, 3)])),
    ];
    let paths = write(folder.path(), &captures);
    let output = folder.path().join("out.pcap");
    list(
        &paths,
        &["--extract", "1-2", "-o", output.to_str().unwrap()],
    )
    .exits(0);
    let expected = capture(form, &[(10, 1), (11, 3), (21, 1)]);
    assert_eq!(fs::read(&output).unwrap(), expected);
    let first = list(&paths, &["--packet-max", "1"]).exits(0);
    assert_eq!(hosts(&first), [1]);
    list(&paths, &["--verify"])
        .exits(0)
        .says("verified: 4 packets");
    assert!(!frames::many_flows(1).is_empty());
}
