//! A capture that was cut into several files anywhere between records: an index of the files gives
//! what the capture gives.

use crate::common::indexed::Indexed;
use crate::common::reading::parse;
use crate::common::{Complaints, testdata};
use crate::streams::same::mixed;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::Random;

const SELECTIONS: [&[&str]; 6] = [
    &[],
    &["--extract", "1-2,5"],
    &["--extract-port", "1", "1023"],
    &["--filter", "not tcp"],
    &["--filter", "src port 80 or udp"],
    &["--extract-ip", "10.0.0.0/8", "--extract", "3"],
];
const STREAMS: [&[&str]; 3] = [
    &["--extract-tcp-all", "--extract-udp-all"],
    &["--extract-tcp-all", "--output-pcap"],
    &[
        "--extract-tcp",
        "1-4",
        "--tcpheader",
        "--extract-udp",
        "1-9",
    ],
];

/// Cuts a capture at these packets. Each part starts with all that stands in front of the first
/// packet: the file's header, or the section's and the descriptions of its interfaces.
fn cut(folder: &Path, bytes: &[u8], places: [usize; 2]) -> Vec<PathBuf> {
    let parsed = parse(bytes);
    assert!(parsed.is_whole && parsed.packets.len() > 3);
    let head = &bytes[..parsed.packets[0].place.start];
    let start = |packet: usize| {
        parsed
            .packets
            .get(packet)
            .map_or(bytes.len(), |it| it.place.start)
    };
    let ends = [head.len(), start(places[0]), start(places[1]), bytes.len()];
    let parts = ends.windows(2).zip(1..).map(|(ends, number)| {
        let path = folder.join(format!("part-{number}"));
        fs::write(&path, [head, &bytes[ends[0]..ends[1]]].concat()).unwrap();
        path
    });
    parts.collect()
}

/// Cuts a capture at some places, and compares what an index of the parts gives with what the
/// capture gives.
fn compare(name: &str, bytes: &[u8], cuts: usize, settings: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    fs::write(&whole, bytes).unwrap();
    let count = parse(bytes).packets.len() as u64;
    let mut chance = Random::new(count);
    let mut wrong = Complaints::default();
    for turn in 0..cuts {
        let mut places = match turn {
            // Parts without packets.
            0 => [0, usize::try_from(count).unwrap()],
            _ => [0; 2].map(|_: usize| usize::try_from(chance.below(count + 1)).unwrap()),
        };
        places.sort_unstable();
        let parts = cut(folder.path(), bytes, places);
        let mut indexed = Indexed::of(&parts, settings);
        // Asked of the parts, it is the same in any format.
        for options in SELECTIONS {
            indexed.compare_outputs("out", options, &mut wrong);
        }
        indexed.captures = vec![whole.clone()];
        indexed.compare_lists(&["--format", "csv"], &mut wrong);
        for options in SELECTIONS {
            // A section would be one for each part.
            let options = [options, &["--output-format", "pcap"]].concat();
            indexed.compare_outputs("out", &options, &mut wrong);
        }
        for options in STREAMS {
            indexed.compare_outputs("out/", options, &mut wrong);
        }
        if let Err(text) = std::mem::take(&mut wrong).into_result() {
            panic!("{name}, cut at {places:?}: {text}");
        }
    }
}

#[test]
fn of_pcap() {
    for name in [
        "recorded/dns.pcap",
        "recorded/lossy-client.pcap",
        "recorded/icmp.pcap",
    ] {
        let bytes = fs::read(testdata(name)).unwrap();
        compare(name, &bytes, 3, &[]);
        compare(name, &bytes, 1, &["--bidirectional"]);
    }
}

#[test]
fn of_pcapng() {
    for name in [
        "recorded/ipv6.pcapng",
        "generated/formats/plain-be.pcapng",
        "generated/formats/offset-le.pcapng",
        "generated/formats/options-le.pcapng",
    ] {
        let bytes = fs::read(testdata(name)).unwrap();
        compare(name, &bytes, 3, &[]);
        compare(name, &bytes, 1, &["--bidirectional", "--flow-5tuple"]);
    }
}

/// Datagrams and streams go on from file to file.
#[test]
fn of_a_wild_mixture() {
    let bytes = mixed().file();
    compare("a mixture", &bytes, 3, &[]);
    compare("a mixture", &bytes, 1, &["--idle-timeout", "0.001"]);
}
