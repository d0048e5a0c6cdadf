//! Streams by an index: the same files and the same manifest as without.

use crate::common::indexed::Indexed;
use crate::common::program::Program;
use crate::common::{Complaints, captures, testdata};
use crate::streams::same::mixed;
use std::fs;
use std::path::{Path, PathBuf};

/// What is asked for, and where it goes.
const ALL: [(&str, &[&str]); 12] = [
    ("out/", &["--extract-tcp-all", "--extract-udp-all"]),
    ("out.tar", &["--extract-tcp-all", "--extract-udp-all"]),
    ("out/prefix_", &["--extract-tcp", "1-3,5"]),
    ("out/", &["--extract-tcp", "2", "--extract-udp", "1-20"]),
    ("out/", &["--extract-tcp-port", "80", "80"]),
    (
        "out/",
        &[
            "--extract-tcp-all",
            "--disable-tcp-port",
            "80",
            "80",
            "--gaps",
            "split",
        ],
    ),
    (
        "out/",
        &[
            "--extract-tcp-all",
            "--filter",
            "not port 80",
            "--gaps",
            "zero",
        ],
    ),
    ("out/", &["--extract-tcp-all", "--output-pcap"]),
    (
        "out/",
        &[
            "--extract-tcp-all",
            "--extract-udp-all",
            "--tcpheader",
            "--udpheader",
        ],
    ),
    (
        "out/",
        &[
            "--extract-tcp-all",
            "--tcpheader=extended",
            "--overlap",
            "last",
        ],
    ),
    (
        "out.tar",
        &[
            "--extract-tcp-all",
            "--flow-size-min",
            "2000",
            "--output-pcap",
        ],
    ),
    ("-", &["--extract-tcp", "1"]),
];

fn compare(captures: &[PathBuf], settings: &[&str], wrong: &mut Complaints) {
    let indexed = Indexed::of(captures, settings);
    for (output, options) in ALL {
        indexed.compare_outputs(output, options, wrong);
    }
}

#[test]
fn of_recorded_captures() {
    let mut wrong = Complaints::default();
    let recorded = captures()
        .into_iter()
        .filter(|it| it.name.contains("recorded"));
    let recorded: Vec<PathBuf> = recorded.map(|it| it.path()).collect();
    for capture in &recorded {
        compare(std::slice::from_ref(capture), &[], &mut wrong);
    }
    compare(&recorded, &["--bidirectional"], &mut wrong);
    wrong.none();
}

/// Whatever can be met in streams, mixed; with flows that are told apart in other ways, so that a
/// stream has packets of several flows.
#[test]
fn of_a_wild_mixture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.pcap");
    fs::write(&path, mixed().file()).unwrap();
    let mut wrong = Complaints::default();
    for settings in [
        &[][..],
        &["--bidirectional"],
        &["--flow-5tuple"],
        &["--idle-timeout", "0.001"],
        &["--bidirectional", "--active-timeout", "0.002"],
    ] {
        compare(std::slice::from_ref(&path), settings, &mut wrong);
    }
    wrong.none();
}

/// Each stream of the mixture alone: nothing else is read, and nothing is missing.
#[test]
fn one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.pcap");
    fs::write(&path, mixed().file()).unwrap();
    let mut wrong = Complaints::default();
    let indexed = Indexed::of(&[&path], &[]);
    for id in 1..60 {
        let id = id.to_string();
        let options = ["--extract-tcp", &id, "--extract-udp", &id];
        indexed.compare_outputs("out/", &options, &mut wrong);
    }
    wrong.none();
}

#[test]
fn of_tunnels_fragments_and_damage() {
    let mut wrong = Complaints::default();
    let is_wanted = |name: &str| {
        let folders = ["/tunnels/", "fragments", "/damage/", "/formats/"];
        folders.iter().any(|it| name.contains(it))
    };
    let some = captures()
        .into_iter()
        .filter(|it| !it.refused && is_wanted(&it.name));
    for capture in some {
        let settings: &[&str] = if capture.name.contains("/tunnels/") {
            &["--decap"]
        } else {
            &[]
        };
        let indexed = Indexed::of(&[capture.path()], settings);
        indexed.compare_outputs("out/", ALL[0].1, &mut wrong);
        indexed.compare_outputs("out.tar", ALL[8].1, &mut wrong);
    }
    wrong.none();
}

/// Packets and streams at once, each to a place of its own.
#[test]
fn beside_packets() {
    let capture = testdata("recorded/lossy-client.pcap");
    let indexed = Indexed::of(&[&capture], &[]);
    let folder = tempfile::tempdir().unwrap();
    let run = |program: Program, name: &str| {
        let place = |what: &str| folder.path().join(format!("{name}-{what}"));
        let (packets, tcp) = (place("packets"), place("tcp.tar"));
        let program = program.args(["--disable-display", "--extract", "1-2", "--extract-tcp-all"]);
        let program = program.args(["-o".as_ref(), packets.as_os_str()]);
        let program = program.args(["--output-tcp".as_ref(), tcp.as_os_str()]);
        program.run().exits(0).prints_nothing();
        let read = |path: &Path| fs::read(path).unwrap();
        (read(&packets), read(&tcp))
    };
    let found = run(indexed.by_index(), "index");
    assert!(found == run(indexed.by_captures(), "captures"));
    assert!(found.0.len() > 1000 && found.1.len() > 10_000);
}
