//! Formats, exit codes, and usage errors.

use super::pair::{Packet, Sighting, View, traffic, written};
use super::{compared, diff};
use crate::common::program::{Program, number, rows};
use crate::common::testdata;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use testkit::Random;
use testkit::pcap::Pcap;

/// A pair with address translation and some dropped packets.
fn translated(folder: &Path) -> ([PathBuf; 2], usize) {
    let packets = traffic(&mut Random::new(7), 12);
    let view = View {
        is_translated: true,
        ..View::default()
    };
    let is_dropped = |at: usize| at % 20 == 10;
    let seen = [false, true].map(|is_at_b| {
        let all = packets.iter().enumerate();
        let some = all.filter(|(at, it)| it.is_ab != is_at_b || !is_dropped(*at));
        let seen = some.map(|(_, it): (_, &Packet)| Sighting {
            time: it.time_at(is_at_b),
            frame: it.frame(is_at_b, &view),
            class: "",
        });
        written(folder, is_at_b, &view, seen.collect()).0
    });
    let dropped = (0..packets.len()).filter(|it| is_dropped(*it)).count();
    (seen, dropped)
}

#[test]
fn the_same_in_any_way() {
    let folder = tempfile::tempdir().unwrap();
    let ([a, b], _) = translated(folder.path());
    let expected = compared(&a, &b, &[], 4).1;
    for way in crate::index::same::WAYS {
        assert_eq!(compared(&a, &b, way, 4).1, expected, "{way:?}");
    }
    let file = folder.path().join("piped.csv");
    let args = ["--format", "json", "--packets", file.to_str().unwrap()];
    let piped = Program::new().args(["diff", "-"]).args([&b]).args(args);
    piped.input(&fs::read(&a).unwrap(), 777).run().exits(4);
    assert_eq!(rows(&fs::read_to_string(&file).unwrap()), expected);
}

#[test]
fn tables_have_the_translations() {
    let folder = tempfile::tempdir().unwrap();
    let ([a, b], dropped) = translated(folder.path());
    let table = diff(&a, &b, ["--format", "csv"]).exits(4).rows();
    assert_eq!(table.len(), 12);
    for row in &table {
        assert_eq!(row["translated"], "true");
        assert!(row["a_src_ip"].starts_with("10.0.0."), "{row:?}");
        assert_eq!(row["b_src_ip"], "203.0.113.7");
        assert_eq!(
            (&*row["b_dst_ip"], &*row["b_dst_port"]),
            ("198.51.100.9", "443")
        );
    }
    let lost: i64 = table
        .iter()
        .map(|it| number(it, "ab_dropped") + number(it, "ba_dropped"))
        .sum();
    assert_eq!(usize::try_from(lost), Ok(dropped));
    let some = diff(
        &a,
        &b,
        ["--format", "csv", "--where", "ab_dropped + ba_dropped > 0"],
    );
    some.exits(2);
    let some = diff(&a, &b, ["--format", "csv", "--where", "different > 0"]).exits(4);
    assert!(some.rows().len() < table.len());
    let file = folder.path().join("packets.parquet");
    diff(&a, &b, ["--packets", file.to_str().unwrap()]).exits(4);
    let parquet = SerializedFileReader::new(File::open(&file).unwrap()).unwrap();
    let count = parquet.metadata().file_metadata().num_rows();
    assert_eq!(usize::try_from(count), Ok(compared(&a, &b, &[], 4).1.len()));
}

#[test]
fn a_capture_of_what_differs_has_comments() {
    let folder = tempfile::tempdir().unwrap();
    let ([a, b], dropped) = translated(folder.path());
    let file = folder.path().join("lost.pcapng");
    let args = ["-o", file.to_str().unwrap(), "--select", "lost"];
    diff(&a, &b, args).exits(4);
    let bytes = fs::read(&file).unwrap();
    let count = |text: &[u8]| bytes.windows(text.len()).filter(|it| *it == text).count();
    assert_eq!(count(b"dropped "), dropped);
    assert_eq!(
        count(b"a.pcap") + count(b"b.pcap"),
        2,
        "an interface for each side"
    );
    let list = Program::new()
        .args([&file])
        .args(["--format", "csv"])
        .run()
        .exits(0)
        .rows();
    let packets: i64 = list.iter().map(|it| number(it, "packets")).sum();
    assert_eq!(usize::try_from(packets), Ok(dropped));
}

#[test]
fn the_summary_says_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let ([a, b], dropped) = translated(folder.path());
    let ended = diff(&a, &b, ["--progress", "never"]).exits(4);
    let text = ended.text();
    assert!(
        text.contains("addresses or ports of 12 are translated"),
        "{text}"
    );
    assert!(text.contains("\nverdict: "), "{text}");
    let (json, _) = compared(&a, &b, &[], 4);
    let ways = &json["directions"];
    let found = ways["ab"]["dropped"].as_u64().unwrap() + ways["ba"]["dropped"].as_u64().unwrap();
    assert_eq!(usize::try_from(found), Ok(dropped));
    let delay = json["delay_ns"]["ab"]["p50"].as_i64().unwrap();
    assert!((2_000_000..2_300_000).contains(&delay), "{delay}");
}

/// Two taps around a relay that loses, delays and reorders.
#[test]
fn a_lossy_network_is_to_blame() {
    let [a, b] = ["recorded/lossy-client.pcap", "recorded/lossy-server.pcap"].map(testdata);
    let (json, _) = compared(&a, &b, &[], 4);
    let verdict = &json["verdict"];
    assert_eq!(verdict["conclusion"], "network");
    let repeated = &verdict["retransmissions"];
    assert_eq!(
        (&repeated["beyond_a"], &repeated["beyond_b"]),
        (&0.into(), &0.into())
    );
    assert!(repeated["between"].as_i64().unwrap() >= 20, "{verdict}");
    let itself = compared(&a, &a, &[], 0).0;
    assert_eq!(itself["verdict"]["conclusion"], "none");
}

#[test]
fn statistics_are_those_of_both_runs() {
    let folder = tempfile::tempdir().unwrap();
    let ([a, b], _) = translated(folder.path());
    let file = folder.path().join("stats.json");
    diff(&a, &b, ["--stats", file.to_str().unwrap()]).exits(4);
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let (summary, _) = compared(&a, &b, &[], 4);
    assert_eq!(json["a"]["packets"], summary["packets_a"]);
    assert_eq!(json["b"]["packets"], summary["packets_b"]);
}

#[test]
fn what_is_tolerated_can_be_forbidden() {
    let folder = tempfile::tempdir().unwrap();
    let ([a, b], _) = translated(folder.path());
    let mangled = |args: &[&str]| {
        let (json, _) = compared(&a, &b, args, 4);
        json["classes"]["a"]["mangled"].as_u64().unwrap()
    };
    assert_eq!(mangled(&[]), 0);
    assert!(mangled(&["--strict", "ttl"]) > 100);
    assert_eq!(mangled(&["--strict", "vlan"]), 0);
}

#[test]
fn wrong_usage_and_hopeless_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let ([a, b], _) = translated(folder.path());
    Program::new()
        .args(["diff"])
        .args([&a])
        .run()
        .exits(2)
        .says("name two captures");
    diff(&a, &b, ["--strict", "colour"])
        .exits(2)
        .says("there is no field \"colour\"");
    diff(&a, &b, ["--packets", "x.xlsx"])
        .exits(2)
        .says(".csv, .json, .parquet");
    diff(&a, &b, ["--ip-a", "9.9.9.9"])
        .exits(2)
        .says("no packet of either side is from or to 9.9.9.9");
    diff(&a, &b, ["--format", "pcapdiff"])
        .exits(2)
        .says("--ip-a and --ip-b");
    let empty = folder.path().join("empty.pcap");
    fs::write(&empty, Pcap::COMMON.file_header()).unwrap();
    diff(&a, &empty, [""; 0])
        .exits(4)
        .says("no packet is on both sides");
    diff(&empty, &empty, [""; 0])
        .exits(0)
        .says("neither side has an IP packet");
    let half = folder.path().join("half.pcap");
    let bytes = fs::read(&b).unwrap();
    fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let (json, _) = compared(&b, &half, &[], 3);
    assert_eq!(json["different"], false, "what is missing is after the end");
}
