//! Endace's records: as captures of their own, which have no magic number, and as packets of other
//! captures.

use crate::common::answer::{Feed, Question, Way, answer};
use crate::common::program::{Ended, Program, number, run};
use crate::common::reading::{first_difference, parse};
use crate::common::{Complaints, entries};
use crate::compressed::FORMATS;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::erf::Erf;
use testkit::frames::{ethernet, ipv4, ipv6, tcp, udp_frame};
use testkit::pcap::{ByteOrder, Pcap};
use testkit::pcapng;
use testkit::transport::UDP;

fn list(bytes: &[u8]) -> Ended {
    let program = Program::new().args(["--stdin", "--format", "csv"]);
    program.input(bytes, 1000).run()
}

/// A file with these bytes, in a folder of its own.
fn written(bytes: &[u8], name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn segment(port: u16) -> Vec<u8> {
    ipv4((1, 2), 6, (0, 0), &tcp((port, 80), 0x18, 30))
}

fn frame(port: u16) -> Vec<u8> {
    ethernet((1, 2), &[], 0x0800, &segment(port))
}

/// A frame of each length from 60 bytes on, in three flows.
fn frames(count: u16) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|n| udp_frame((1, 2), (1000 + n % 3, 53), usize::from(n) % 700))
}

/// Each type of record that carries IP: its number, its header, and what is in front of IPv4.
const KINDS: [(u8, &[u8], &[u8]); 15] = [
    (1, &[], &[0x0f, 0, 8, 0]),
    (1, &[], &[0xff, 3, 0, 0x21]),
    (10, &[], &[0xff, 3, 0, 0x21]),
    (15, &[], &[0x8f, 0, 8, 0]),
    (19, &[], &[0xff, 3, 0, 0x21]),
    (5, &[0, 1, 0, 0], &[0x0f, 0, 8, 0]),
    (17, &[0, 1, 0, 0], &[0xff, 3, 0, 0x21]),
    (4, &[], &[0, 0, 6, 0x40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
    (9, &[0; 4], &[0, 0, 6, 0x40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
    (22, &[], &[]),
    (2, &[0, 0], &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]),
    (11, &[0, 0], &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]),
    (16, &[0, 0], &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]),
    (20, &[0, 0], &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]),
    (
        4,
        &[],
        &[
            0, 0, 6, 0x40, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
        ],
    ),
];

/// Records of each type, without and with extension headers, and the length on the wire of each.
fn each_kind() -> Vec<(Vec<u8>, usize)> {
    let extensions = [[3, 0, 0, 0, 0, 0, 0, 1], [0x83, 1, 2, 3, 4, 5, 6, 7]];
    let mut records = Vec::new();
    for (kind, before, head) in KINDS {
        for count in 0..=extensions.len() {
            let erf = Erf {
                kind,
                extensions: &extensions[..count],
                before,
            };
            let port = 3000 + u16::try_from(records.len()).unwrap();
            let data = [head, &segment(port)].concat();
            // Check sequences are often not captured.
            let wire_len = data.len() + 4;
            records.push((
                erf.record((1_700_000_000, 1 << 31), wire_len, &data),
                wire_len,
            ));
        }
    }
    records
}

#[test]
fn records_of_all_kinds_in_a_file() {
    let records = each_kind();
    let bytes: Vec<u8> = records.iter().flat_map(|it| it.0.clone()).collect();
    let rows = list(&bytes).exits(0).rows();
    assert_eq!(rows.len(), records.len());
    for ((row, (_, wire_len)), port) in rows.iter().zip(&records).zip(3000..) {
        assert_eq!(number(row, "src_port"), port);
        assert_eq!(
            (row["src_ip"].as_str(), row["protocol"].as_str()),
            ("10.0.0.1", "tcp")
        );
        assert_eq!(number(row, "bytes"), i64::try_from(*wire_len).unwrap());
        assert_eq!(number(row, "first_ns"), 1_700_000_000_500_000_000);
    }
}

#[test]
fn records_of_all_kinds_in_other_captures() {
    let records = each_kind();
    let pcap = Pcap {
        link_type: 197,
        ..Pcap::COMMON
    };
    let order = ByteOrder::Big;
    let mut blocks = [
        pcapng::section(order),
        pcapng::interface(order, 197, None, None),
    ]
    .concat();
    for (record, _) in &records {
        let len = u32::try_from(record.len()).unwrap();
        blocks.extend(pcapng::packet_with(order, 0, 1, len, record, &[]));
    }
    for capture in [pcap.file(records.iter().map(|it| it.0.clone())), blocks] {
        let rows = list(&capture).exits(0).rows();
        assert_eq!(rows.len(), records.len());
        for ((row, (_, wire_len)), port) in rows.iter().zip(&records).zip(3000..) {
            assert_eq!(number(row, "src_port"), port);
            // Length and time are those of the record, not those of its record.
            assert_eq!(number(row, "bytes"), i64::try_from(*wire_len).unwrap());
            assert_eq!(number(row, "first_ns"), 1_700_000_000_500_000_000);
        }
    }
}

/// Records in other captures stay what they are when they are extracted.
#[test]
fn extraction_of_records_in_other_captures() {
    let pcap = Pcap {
        link_type: 197,
        ..Pcap::COMMON
    };
    let bytes = pcap.file(each_kind().into_iter().map(|it| it.0));
    let (folder, path) = written(&bytes, "x.pcap");
    let output = folder.path().join("out");
    for format in ["pcap", "pcapng"] {
        let options = ["--output-format", format, "--disable-display", "-o"].map(AsRef::as_ref);
        let paths = [output.as_os_str(), path.as_os_str()];
        run(options.into_iter().chain(paths)).exits(0);
        let found = parse(&fs::read(&output).unwrap());
        let expected = parse(&bytes);
        assert_eq!(
            first_difference(&found.packets, &expected.packets),
            None,
            "{format}"
        );
    }
}

/// What is no packet: space is passed over, other records are counted.
#[test]
fn records_without_ip() {
    let other = |kind| {
        let erf = Erf { kind, ..Erf::IPV4 };
        erf.record((1_700_000_000, 0), 40, &[0; 40])
    };
    let bytes = [
        Erf::padding(64),
        Erf::IPV4.record((1_700_000_000, 0), 70, &segment(5)),
        other(27),
        Erf::padding(16),
        other(24),
        other(3),
        Erf::IPV4.record((1_700_000_000, 0), 70, &segment(5)),
    ];
    let ended = list(&bytes.concat()).exits(0);
    assert_eq!(number(&ended.rows()[0], "packets"), 2);
    ended.says("5 packets = 2 in flows + 3 not IP");
    let v6 = Erf {
        kind: 23,
        ..Erf::IPV4
    };
    let packet = ipv6((1, 2), 6, &tcp((7, 80), 2, 0));
    let rows = list(&v6.file([packet])).exits(0).rows();
    assert_eq!(rows[0]["src_ip"], "2001:db8::1");
}

/// The time is rounded to the nearest nanosecond, up to the next second.
#[test]
fn times() {
    for (fraction, nanos) in [
        (0, 0),
        (1 << 31, 500_000_000),
        (5, 1),
        (u32::MAX, 1_000_000_000),
    ] {
        let bytes = Erf::IPV4.record((1_600_000_000, fraction), 70, &segment(5));
        let rows = list(&bytes).exits(0).rows();
        assert_eq!(
            number(&rows[0], "first_ns"),
            1_600_000_000_000_000_000 + nanos
        );
    }
}

#[test]
fn packed_files() {
    let bytes = Erf::ETHERNET.file(frames(400));
    let expected = list(&bytes).exits(0);
    for (name, pack) in FORMATS {
        let packed = pack(&bytes);
        assert_eq!(list(&packed).exits(0).text(), expected.text(), "{name}");
        let (_folder, path) = written(&packed, "capture");
        let args = ["--format".as_ref(), "csv".as_ref(), path.as_os_str()];
        assert_eq!(run(args).exits(0).text(), expected.text(), "{name}");
    }
}

/// The same answer from files and streams, in all sizes; with and without damage.
#[test]
fn in_all_ways() {
    let whole = Erf::ETHERNET.file(frames(300));
    let (start, rest) = whole.split_at(whole.len() / 2);
    let captures = [
        whole.clone(),
        [start, &[0xab; 777], rest].concat(),
        [start, &vec![0; 20_000], rest].concat(),
        [&whole[..], &[0; 5000]].concat(),
        whole[..whole.len() - 9].to_vec(),
        [whole.clone(), Erf::padding(200), each_kind().concat_all()].concat(),
    ];
    let mut wrong = Complaints::default();
    for (number, bytes) in captures.iter().enumerate() {
        let (_folder, path) = written(bytes, "x.erf");
        let question = Question::default();
        let plain = Way::plain(&path);
        let expected = answer(&question, &plain);
        let is_damaged = (1..5).contains(&number);
        assert_eq!(expected.damage_count, u64::from(is_damaged), "{number}");
        let at_least = if number == 1 || number == 2 { 298 } else { 299 };
        assert!(expected.balance.packets >= at_least, "{number}");
        for way in ways(&path, bytes) {
            let label = format!("{number}, {way}");
            expected.compare(&answer(&question, &way), &label, &mut wrong);
        }
    }
    wrong.none();
}

/// Records one behind the other.
trait ConcatAll {
    fn concat_all(self) -> Vec<u8>;
}

impl ConcatAll for Vec<(Vec<u8>, usize)> {
    fn concat_all(self) -> Vec<u8> {
        self.into_iter().flat_map(|it| it.0).collect()
    }
}

fn ways(path: &Path, bytes: &[u8]) -> Vec<Way> {
    let plain = Way::plain(path);
    let mut ways = Vec::new();
    for (threads, window_len, chunk_len) in [(1, 1000, 256), (2, 7000, 1500), (3, 64_000, 4096)] {
        ways.push(Way {
            threads,
            window_len: Some(window_len),
            chunk_len: Some(chunk_len),
            ..plain.clone()
        });
        let feed = Feed::Stream {
            name: path.to_owned(),
            bytes: bytes.to_vec(),
            buffer_len: window_len,
            piece_len: chunk_len,
        };
        ways.push(Way {
            feed,
            threads,
            ..plain.clone()
        });
    }
    ways
}

/// What is extracted is a capture that all programs read.
#[test]
fn extraction() {
    let bytes = each_kind().concat_all();
    let (folder, path) = written(&bytes, "x.erf");
    let output = folder.path().join("out");
    let extract = |options: &[&str]| {
        let program = Program::new().args(options).args(["--disable-display"]);
        let program = program.args([path.as_os_str(), "-o".as_ref(), output.as_os_str()]);
        program.run()
    };
    extract(&[]).exits(0);
    let parsed = parse(&fs::read(&output).unwrap());
    assert!(parsed.is_whole);
    assert_eq!(parsed.packets.len(), each_kind().len());
    let mut link_types: Vec<u16> = parsed.packets.iter().map(|it| it.link_type).collect();
    link_types.sort_unstable();
    link_types.dedup();
    assert_eq!(link_types, [1, 50, 100, 228]);
    let rows = |path: &Path| {
        let args = ["--format".as_ref(), "csv".as_ref(), path.as_os_str()];
        run(args).exits(0).text().to_owned()
    };
    assert_eq!(rows(&output), rows(&path));

    // pcap holds one link type.
    let refused = extract(&["--output-format", "pcap"]).exits(1);
    refused.says("link type");
    extract(&["--output-format", "pcap", "--extract", "31-42"]).exits(0);
    let parsed = parse(&fs::read(&output).unwrap());
    assert_eq!(parsed.packets.len(), 12);
    assert!(parsed.packets.iter().all(|it| it.link_type == 1));
}

#[test]
fn an_index_of_records() {
    let bytes = Erf::ETHERNET.file(frames(200));
    let (folder, path) = written(&bytes, "x.erf");
    let index = folder.path().join("x.idx");
    run([
        "index".as_ref(),
        path.as_os_str(),
        "-o".as_ref(),
        index.as_os_str(),
    ])
    .exits(0);
    let csv = ["--format".as_ref(), "csv".as_ref()];
    let with = |args: &[&std::ffi::OsStr]| run(csv.iter().chain(args)).exits(0);
    let all = with(&[path.as_os_str()]);
    let indexed = with(&["--index".as_ref(), index.as_os_str()]);
    assert_eq!(indexed.text(), all.text());
    let carved = folder.path().join("carved");
    for source in [
        &["--index".as_ref(), index.as_os_str()][..],
        &[path.as_os_str()],
    ] {
        let some = ["--extract", "2", "--disable-display", "-o"].map(AsRef::as_ref);
        run(source.iter().chain(&some).chain(&[carved.as_os_str()])).exits(0);
        let parsed = parse(&fs::read(&carved).unwrap());
        assert_eq!(parsed.packets.len(), 67, "{source:?}");
    }
    assert!(entries(folder.path()).contains(&"carved".to_owned()));
}

/// A single whole record is a capture; what only looks like one is none.
#[test]
fn what_is_such_a_capture() {
    let one = Erf::ETHERNET.record((1_700_000_000, 0), 100, &frame(1));
    assert_eq!(list(&one).exits(0).rows().len(), 1);
    let three = [&one[..], &one, &one, &one[..20]].concat();
    list(&three).exits(3).says("is cut short");
    let late = Erf::ETHERNET.record((1_900_000_000, 0), 100, &frame(1));
    let early = Erf::ETHERNET.record((1_500_000_000, 0), 100, &frame(1));
    for no_capture in [
        [&one[..], &one[..50]].concat(),
        [&one[..], &one, &[0xff; 100]].concat(),
        [&one[..], &late].concat(),
        [&one[..], &early].concat(),
        [&one[..], b"and then some text that is no record"].concat(),
        vec![0; 1000],
        vec![0x20; 1000],
        b"0123456\x02\x04\x00\x10\x00".to_vec(),
    ] {
        list(&no_capture).exits(1).says("not a capture");
    }
    let ended = list(&Erf::IPV4.file([ipv4((1, 2), UDP, (0, 0), &[0; 8])]));
    assert_eq!(ended.exits(0).rows().len(), 1);
}
