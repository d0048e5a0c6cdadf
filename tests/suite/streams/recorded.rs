//! Recorded traffic: what programs sent comes back, also through a relay that dropped, repeated,
//! reordered and delayed frames.

use crate::common::program::{Row, number, run_other};
use crate::common::reading::parse;
use crate::common::streams::{Extracted, streams_of_files};
use crate::common::{Complaints, testdata};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use testkit::Random;

/// The transfers of a capture that `testdata/recorded/TRANSFERS.tsv` lists.
fn transfers(capture: &str) -> Vec<Row> {
    let path = testdata("recorded/TRANSFERS.tsv");
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_path(path);
    let rows = reader.as_mut().unwrap().deserialize();
    let rows = rows.map(Result::unwrap);
    rows.filter(|row: &Row| row["capture"] == capture).collect()
}

fn recorded(capture: &str) -> PathBuf {
    testdata(&format!("recorded/{capture}"))
}

fn streams_of(capture: &str, options: &[&str]) -> Extracted {
    streams_of_files(
        &[recorded(capture)],
        &[&["--extract-tcp-all"], options].concat(),
    )
}

/// The file of the stream over which a transfer went.
fn file_name(transfer: &Row) -> String {
    let end = |ip: &str, port: &str| {
        let ip = transfer[ip].replace(':', "_");
        format!("{ip}.{}", transfer[port])
    };
    let (src, dst) = (end("src_ip", "src_port"), end("dst_ip", "dst_port"));
    format!("{src}-{dst}.tcp")
}

/// What stands between the head of an HTTP response and that of the next one (RFC 9112).
fn bodies(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    while !stream.is_empty() {
        let end = stream.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&stream[..end]).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let is_length = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case("content-length");
        let (_, len) = fields.into_iter().find(is_length).unwrap();
        let (body, rest) = stream[end + 4..].split_at(len.parse().unwrap());
        bodies.push(body);
        stream = rest;
    }
    bodies
}

/// SHA-256 in hexadecimal digits, in the order of the contents; `None` where nothing calculates it.
fn digests(contents: &[&[u8]]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sha256sum");
    for (number, content) in contents.iter().enumerate() {
        let path = folder.path().join(number.to_string());
        fs::write(&path, content).unwrap();
        command.arg(path);
    }
    let ended = run_other(command)?.exits(0);
    let digest = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    Some(ended.text().lines().map(digest).collect())
}

/// Asserts that all transfers of a capture are in its streams, in order and with nothing else.
fn assert_transferred(capture: &str, options: &[&str]) {
    assert_holds(
        capture,
        &streams_of(capture, options),
        &format!("{options:?}"),
    );
}

/// Asserts that all transfers of a capture are in these streams.
fn assert_holds(capture: &str, extracted: &Extracted, label: &str) {
    let transfers = transfers(capture);
    assert!(!transfers.is_empty(), "{capture} has transfers");
    let mut wrong = Complaints::default();
    let mut contents = Vec::new();
    let mut names: Vec<String> = transfers.iter().map(file_name).collect();
    names.dedup();
    for name in &names {
        let stream = extracted.file(name);
        match transfers.iter().find(|it| file_name(it) == *name) {
            Some(first) if first["carried"] == "stream" => contents.push(stream),
            _ => contents.extend(bodies(stream)),
        }
        wrong.compare(
            name,
            extracted.columns(name, ["gaps", "conflicts"]),
            ["0"; 2],
        );
        wrong.compare(
            name,
            extracted.columns(name, ["midstream", "end"]),
            ["false", "fin"],
        );
    }
    let lengths: Vec<i64> = transfers.iter().map(|it| number(it, "bytes")).collect();
    let found = contents.iter().map(|it| i64::try_from(it.len()).unwrap());
    wrong.compare("lengths", found.collect(), lengths);
    match digests(&contents) {
        None => eprintln!("sha256sum is not installed: only lengths were compared"),
        Some(found) => {
            let expected = transfers.iter().map(|it| it["sha256"].clone());
            wrong.compare("SHA-256", found, expected.collect());
        }
    }
    if let Err(text) = wrong.into_result() {
        panic!("{capture} {label}: {text}\n{}", extracted.ended);
    }
}

#[test]
fn what_went_through_a_lossy_relay_is_what_was_sent() {
    for capture in ["lossy-client.pcap", "lossy-server.pcap"] {
        assert_transferred(capture, &[]);
        assert_transferred(capture, &["--overlap", "last"]);
        assert_transferred(capture, &["--window-bytes", "1", "--threads", "3"]);
        assert_transferred(capture, &["--bidirectional"]);
    }
}

#[test]
fn what_went_over_a_clean_path_is_what_was_sent() {
    for capture in ["http.pcap", "bulk-clean.pcap", "ipv6.pcapng"] {
        assert_transferred(capture, &[]);
        assert_transferred(capture, &["--flow-5tuple", "--window-bytes", "3000"]);
    }
}

/// Two taps, one behind the other: what one of them missed, the other may have.
#[test]
fn both_ends_of_a_path_at_once() {
    let ends = ["lossy-client.pcap", "lossy-server.pcap"].map(recorded);
    let [client, server] = &ends;
    for inputs in [[client, server], [server, client]] {
        for options in [&[][..], &["--overlap", "last", "--window-bytes", "3000"]] {
            let options = [&["--extract-tcp-all"], options].concat();
            let extracted = streams_of_files(&inputs, &options);
            assert_holds("lossy-client.pcap", &extracted, "both ends");
        }
    }
}

/// Each byte came twice.
#[test]
fn the_same_capture_twice() {
    for capture in [
        "http.pcap",
        "bulk-clean.pcap",
        "ipv6.pcapng",
        "lossy-server.pcap",
    ] {
        let path = recorded(capture);
        let once = streams_of(capture, &[]);
        let twice = streams_of_files(&[&path, &path], &["--extract-tcp-all"]);
        assert!(twice.files == once.files, "{capture}");
        for (row, before) in twice.manifest.iter().zip(&once.manifest) {
            let again = number(row, "retransmitted_bytes") - number(before, "bytes");
            assert_eq!(again, 2 * number(before, "retransmitted_bytes"), "{row:?}");
            assert_eq!(row["connection"], before["connection"]);
        }
    }
}

/// Packets in any order, from the last to the first among them.
#[test]
fn any_order_of_packets() {
    let bytes = fs::read(recorded("http.pcap")).unwrap();
    let expected = streams_of("http.pcap", &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcap");
    for seed in 0..20 {
        let mut parsed = parse(&bytes);
        if seed == 0 {
            parsed.packets.reverse();
        } else {
            Random::new(seed).shuffle(&mut parsed.packets);
        }
        let records: Vec<Vec<u8>> = parsed.packets.into_iter().map(|it| it.record).collect();
        fs::write(&path, [parsed.header, records.concat()].concat()).unwrap();
        for window in ["1", "100000"] {
            let options = ["--extract-tcp-all", "--window-bytes", window];
            let found = streams_of_files(&[&path], &options);
            assert!(
                found.files == expected.files,
                "seed {seed}: {:?}",
                found.manifest
            );
        }
    }
}

/// The relay's doings show in the manifest, and only where it was.
#[test]
fn the_manifest_tells_a_lossy_path_from_a_clean_one() {
    let sum = |capture: &str, column: &str| -> i64 {
        let extracted = streams_of(capture, &[]);
        let numbers = extracted.manifest.iter().map(|row| number(row, column));
        numbers.sum()
    };
    for column in ["retransmitted_bytes", "out_of_order", "overlaps"] {
        for lossy in ["lossy-client.pcap", "lossy-server.pcap"] {
            assert!(sum(lossy, column) > 0, "{lossy} {column}");
        }
        for clean in ["bulk-clean.pcap", "http.pcap", "ipv6.pcapng"] {
            assert_eq!(sum(clean, column), 0, "{clean} {column}");
        }
    }
}

/// What was asked, and what the manifest says of it.
#[test]
fn requests_are_streams_of_their_own() {
    let extracted = streams_of("http.pcap", &[]);
    assert_eq!(extracted.names().len(), 6);
    let name = "10.77.0.1.41001-10.77.0.2.80.tcp";
    let text = String::from_utf8(extracted.file(name).to_vec()).unwrap();
    let requests: Vec<&str> = text.lines().filter(|it| it.starts_with("GET ")).collect();
    assert_eq!(requests, ["GET / HTTP/1.1", "GET /numbers.txt HTTP/1.1"]);
    let columns = ["flow_id", "connection", "protocol", "src_port", "dst_ip"];
    let found = extracted.columns(name, columns);
    assert_eq!(found, ["1", "1", "tcp", "41001", "10.77.0.2"]);
    assert_eq!(extracted.columns(name, ["segments"]), ["2"]);
    let bytes = text.len().to_string();
    assert_eq!(extracted.columns(name, ["bytes"]), [bytes]);
}
