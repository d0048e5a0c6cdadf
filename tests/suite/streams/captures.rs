//! All captures there are: every format, link layer and damage.

use crate::common::program::{Program, number, run};
use crate::common::reading::parse;
use crate::common::streams::{Extracted, extracted_with, streams_of_files};
use crate::common::{Capture, Complaints, captures};
use std::fs;

const ALL: [&str; 2] = ["--extract-tcp-all", "--extract-udp-all"];

fn streams_of(capture: &Capture, options: &[&str]) -> Extracted {
    streams_of_files(&[&capture.name], &[&ALL[..], options].concat())
}

/// Streams are written, or not, with the exit code that the list of flows has.
#[test]
fn every_capture_in_every_form() {
    let forms: [&[&str]; 6] = [
        &[],
        &[
            "--tcpheader=extended",
            "--udpheader=wide",
            "--overlap",
            "last",
        ],
        &["--output-pcap"],
        &["--gaps", "zero", "--decap"],
        &["--gaps", "split", "--bidirectional", "--window-bytes", "1"],
        &[
            "--flow-5tuple",
            "--tcpheader",
            "--window-bytes",
            "700",
            "--chunk-bytes",
            "1",
        ],
    ];
    for (turn, capture) in captures().iter().enumerate() {
        let code = run([capture.name.as_str(), "--disable-display"])
            .status
            .code();
        // All forms of each capture would take long.
        for options in forms.into_iter().skip(turn % 3).step_by(3) {
            let program = || Program::new().args(ALL).args(options);
            if code == Some(1) {
                let folder = tempfile::tempdir().unwrap();
                let ended = program().args([&capture.name, "-o", "out/"]);
                let ended = ended.args(["--manifest", "list.csv"]);
                let ended = ended
                    .args([capture.path()])
                    .current_dir(folder.path())
                    .run();
                ended.exits(1);
                assert_eq!(
                    fs::read_dir(folder.path()).unwrap().count(),
                    0,
                    "{}",
                    capture.name
                );
                continue;
            }
            let code = code.unwrap();
            let file = extracted_with(program().args([&capture.name]), code);
            let piped = program().args(["-"]).input(&capture.read(), 5000);
            let piped = extracted_with(piped, code);
            assert!(piped.files == file.files, "{} {options:?}", capture.name);
            assert_eq!(
                piped.manifest, file.manifest,
                "{} {options:?}",
                capture.name
            );
        }
    }
}

/// The same packets in another format, or behind another link layer, are the same streams.
#[test]
fn formats_and_link_layers_make_no_difference() {
    let all = captures();
    let find = |name: &str| all.iter().find(|it| it.name.ends_with(name)).unwrap();
    let expected = streams_of(find("formats/us-le.pcap"), &[]).files;
    assert!(expected.len() > 5);
    let mut compared = 0;
    let mut wrong = Complaints::default();
    for capture in &all {
        let is_same = capture.packets == 24 && capture.flows == Some(12) && !capture.damaged;
        // Cut by a snaplen, or not IP.
        let is_cut = ["snaplen", "version-2.2"]
            .iter()
            .any(|it| capture.name.contains(it));
        let folders = ["/formats/", "/linktypes/"];
        if !is_same || is_cut || !folders.iter().any(|it| capture.name.contains(it)) {
            continue;
        }
        let found = streams_of(capture, &[]).files;
        compared += 1;
        if found != expected {
            let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
                let lengths = files
                    .iter()
                    .map(|(name, file)| format!("{name} {}", file.len()));
                lengths.collect::<Vec<_>>()
            };
            wrong.compare(&capture.name, names(&found), names(&expected));
            wrong.add(&capture.name);
        }
    }
    wrong.none();
    assert!(compared > 40, "{compared}");
}

/// Damage costs the packets that it hit, and no others.
#[test]
fn damaged_captures_give_what_can_be_read() {
    let whole = streams_of_files(&["testdata/generated/formats/us-le.pcap"], &ALL).files;
    for name in [
        "garbage-middle.pcap",
        "length-past-end.pcap",
        "length-ffffffff.pcap",
    ] {
        let name = format!("testdata/generated/damage/{name}");
        let extracted = extracted_with(Program::new().args(ALL).args([&name]), 3);
        assert!(!extracted.files.is_empty(), "{name}");
        let same = extracted
            .files
            .iter()
            .filter(|(name, file)| whole.get(*name) == Some(*file));
        assert!(same.count() + 2 >= whole.len(), "{name}");
    }
}

/// Without gaps or repetitions, all payload that was captured is in the streams.
#[test]
fn packets_of_streams_hold_all_packets_of_flows() {
    for capture in captures().iter().filter(|it| !it.damaged && !it.refused) {
        let list = run([capture.name.as_str(), "--format", "csv"])
            .exits(0)
            .rows();
        let is_stream = |protocol: &str| ["tcp", "udp"].contains(&protocol);
        let flows = list.iter().filter(|row| is_stream(&row["protocol"]));
        let packets: i64 = flows.map(|row| number(row, "packets")).sum();
        let extracted = streams_of(capture, &["--output-pcap"]);
        let found = extracted.files.values().map(|file| {
            let parsed = parse(file);
            assert!(parsed.is_whole, "{}", capture.name);
            parsed.packets.len()
        });
        let found = i64::try_from(found.sum::<usize>()).unwrap();
        let is_mixed = extracted.ended.stderr.contains("have another link type");
        assert!(
            found == packets || is_mixed,
            "{}: {found} of {packets}",
            capture.name
        );
    }
}

/// What goes into a tunnel comes out of it.
#[test]
fn tunnels_hold_streams() {
    let mut found = 0;
    for capture in captures().iter().filter(|it| it.name.contains("/tunnels/")) {
        let inner = streams_of(capture, &["--decap"]);
        let outer = streams_of(capture, &[]);
        found += usize::from(inner.files != outer.files);
        for row in &inner.manifest {
            assert_eq!(row["conflicts"], "0", "{}: {row:?}", capture.name);
        }
    }
    assert!(found > 10, "{found}");
}
