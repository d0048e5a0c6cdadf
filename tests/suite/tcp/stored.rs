//! Connections from an index: the same tables as from the captures.

use super::tcp;
use crate::common::program::{Program, run};
use crate::common::testdata;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::conversation::{CLIENT, Trace};

/// An index of these captures.
fn index(folder: &Path, captures: &[PathBuf], args: &[&str]) -> PathBuf {
    let index = folder.join("day.idx");
    let made = Program::new()
        .args(["index", "-o"])
        .args([&index])
        .args(captures)
        .args(args);
    made.run().exits(0);
    index
}

fn by_index(index: &Path, args: &[&str]) -> String {
    let index = index.to_str().unwrap();
    let ended = run(["tcp", "--index", index].iter().chain(args)).exits(0);
    ended.text().to_owned()
}

const QUESTIONS: [&[&str]; 10] = [
    &[],
    &["--format", "csv"],
    &["--format", "json", "--where", "server_retransmissions > 0"],
    &["--sort", "client_rtt_max", "--top", "3"],
    &[
        "--format",
        "csv",
        "--columns",
        "client_ip,others_open,synack_delay",
    ],
    &["--open-at", "+100ms"],
    &["--open-at", "+100ms", "--format", "csv"],
    &["--format", "csv", "--open-until", "last-packet"],
    &[
        "--concurrency",
        "client",
        "--bin",
        "50ms",
        "--format",
        "csv",
    ],
    &["--listing", "2"],
];

#[test]
fn tables_are_those_of_the_captures() {
    for name in [
        "recorded/lossy-client.pcap",
        "recorded/http.pcap",
        "recorded/dns.pcap",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let capture = testdata(name);
        for args in [&[][..], &["--no-tcp"]] {
            let index = index(folder.path(), std::slice::from_ref(&capture), args);
            let has_table = folder.path().join("day.idx.tcp").exists();
            assert_eq!(has_table, args.is_empty());
            let questions = QUESTIONS.iter().filter(|it| {
                // DNS captures have no connections to list.
                !name.contains("dns") || !it.contains(&"--listing")
            });
            for question in questions {
                let direct = tcp(&capture, *question).exits(0);
                let found = by_index(&index, question);
                assert_eq!(found, direct.text(), "{name} {args:?} {question:?}");
            }
        }
    }
}

/// Of packets of connections only some are read, but they have the numbers and places that they have
/// in the captures.
#[test]
fn packets_are_those_of_the_captures() {
    let folder = tempfile::tempdir().unwrap();
    let unanswered = folder.path().join("unanswered.pcap");
    let syn = CLIENT.with_port(50_000).syn(7).frame();
    fs::write(&unanswered, Trace::of([syn]).file()).unwrap();
    let captures = [
        unanswered,
        testdata("recorded/dns.pcap"),
        testdata("recorded/http.pcap"),
        testdata("recorded/ipv6.pcapng"),
        testdata("recorded/lossy-client.pcap"),
    ];
    let index = index(folder.path(), &captures, &[]);
    let whole = |args: &[&str]| {
        let program = Program::new().args(["tcp"]).args(&captures);
        program.args(args).run().exits(0).text().to_owned()
    };
    let connections = whole(&["--format", "csv"]).lines().count() - 1;
    assert!(connections > 5);
    let all = format!("1-{connections}");
    let ids: Vec<String> = (1..=connections).map(|it| it.to_string()).collect();
    for ids in ids.iter().chain([&all, &"2,5".to_owned()]) {
        for view in [
            &["--series", ids][..],
            &["--listing", ids],
            &["--explain", ids],
            &["--series", ids, "--bin", "10ms"],
        ] {
            assert_eq!(by_index(&index, view), whole(view), "{view:?}");
        }
    }
    let beyond = (connections + 1).to_string();
    let index = index.to_str().unwrap();
    run(["tcp", "--index", index, "--listing", &beyond]).exits(1);
}

/// Where packets were changed, nothing is listed.
#[test]
fn packets_of_a_changed_capture_are_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    let mut bytes = fs::read(testdata("recorded/http.pcap")).unwrap();
    fs::write(&capture, &bytes).unwrap();
    let index = index(folder.path(), std::slice::from_ref(&capture), &[]);
    let len = bytes.len();
    bytes[len - 1] ^= 1;
    bytes.push(0);
    fs::write(&capture, &bytes).unwrap();
    let index = index.to_str().unwrap();
    let asked = run(["tcp", "--index", index, "--listing", "1"]);
    asked.exits(1).prints_nothing();
}

#[test]
fn an_index_that_is_continued_has_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let captures = [
        testdata("recorded/http.pcap"),
        testdata("recorded/lossy-client.pcap"),
    ];
    let index = index(folder.path(), &captures[..1], &[]);
    let appended = Program::new()
        .args(["index", "--append"])
        .args([&index, &captures[1]]);
    appended.run().exits(0);
    assert!(!folder.path().join("day.idx.tcp").exists());
    let both = Program::new()
        .args(["tcp", "--as-given", "--format", "csv"])
        .args(&captures);
    let direct = both.run().exits(0);
    assert_eq!(by_index(&index, &["--format", "csv"]), direct.text());
}

#[test]
fn another_file_of_that_name_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("day.idx.tcp");
    fs::write(&other, "a stream").unwrap();
    let index = folder.path().join("day.idx");
    let made = Program::new()
        .args(["index", "-o"])
        .args([&index, &testdata("recorded/http.pcap")]);
    made.run().exits(1).says("day.idx.tcp");
    assert!(!index.exists());
    let without = Program::new()
        .args(["index", "--no-tcp", "-o"])
        .args([&index, &testdata("recorded/http.pcap")]);
    without.run().exits(0);
    assert_eq!(fs::read_to_string(&other).unwrap(), "a stream");
}

#[test]
fn a_table_of_another_index_is_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let index_of = |folder: &Path, name| index(folder, &[testdata(name)], &[]);
    let index = index_of(one.path(), "recorded/http.pcap");
    index_of(other.path(), "recorded/lossy-client.pcap");
    fs::copy(
        other.path().join("day.idx.tcp"),
        one.path().join("day.idx.tcp"),
    )
    .unwrap();
    let asked = run(["tcp", "--index", index.to_str().unwrap()]);
    asked
        .exits(1)
        .says("not the one that was made with the index");
}
