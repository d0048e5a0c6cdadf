//! Zero bytes in place of records: files that were set aside before they were written, or that a
//! machine lost with its power. They are damage, told once.

use crate::common::answer::{Feed, Question, Way, answer};
use crate::common::program::{Program, number, run};
use crate::common::{Complaints, testdata};
use std::fs;
use testkit::frames::udp_frame;
use testkit::pcap::{ByteOrder, Pcap, START_S, Variant};
use testkit::pcapng;

const HEADER_LEN: usize = 16;

fn packets(count: u16) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|n| udp_frame((1, 2), (1000 + n % 5, 53), 20))
}

fn pcap(variant: Variant) -> Pcap {
    Pcap {
        variant,
        ..Pcap::COMMON
    }
}

fn pcapng_file(order: ByteOrder) -> Vec<u8> {
    let mut bytes = [
        pcapng::section(order),
        pcapng::interface(order, 1, None, None),
    ]
    .concat();
    for (data, n) in packets(40).zip(0_u64..) {
        let time = u64::from(START_S) * 1_000_000 + n;
        let len = u32::try_from(data.len()).unwrap();
        bytes.extend(pcapng::packet_with(order, 0, time, len, &data, &[]));
    }
    bytes
}

/// Each format with 40 packets, and an offset between two of its records.
fn formats() -> Vec<(String, Vec<u8>, usize)> {
    let mut formats = Vec::new();
    for variant in [
        Variant::Micros,
        Variant::Nanos,
        Variant::Modified,
        Variant::IxiaHardware,
        Variant::Snoop,
    ] {
        let format = pcap(variant);
        let whole = format.file(packets(40));
        let middle = format.file(packets(25)).len();
        formats.push((format!("{variant:?}"), whole, middle));
    }
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let whole = pcapng_file(order);
        let packet = udp_frame((1, 2), (1000, 53), 20);
        let block = pcapng::packet_with(order, 0, 0, 1, &packet, &[]);
        let middle = whole.len() - 15 * block.len();
        formats.push((format!("pcapng, {order:?}"), whole, middle));
    }
    formats
}

#[test]
fn the_rest_of_a_file_that_was_set_aside() {
    for (name, whole, _) in formats() {
        for len in [HEADER_LEN, 60, 4096, 3_000_000] {
            let bytes = [&whole[..], &vec![0; len]].concat();
            let program = Program::new().args(["--stdin", "--format", "csv"]);
            let ended = program.input(&bytes, 1 << 16).run().exits(3);
            assert_eq!(ended.rows().len(), 5, "{name}, {len}");
            let said = format!(
                "packet 41 at byte {}: zero bytes where a record should be; everything before it \
                 was read, the last {len} bytes were not",
                whole.len()
            );
            let ended = ended.says(&said);
            let ended = ended.says("40 packets = 40 in flows + 0 not IP + 0 malformed");
            assert_eq!(
                ended.stderr.matches("zero bytes").count(),
                1,
                "{name}\n{ended}"
            );
        }
    }
}

#[test]
fn zeros_in_the_middle() {
    for (name, whole, middle) in formats() {
        let (start, rest) = whole.split_at(middle);
        for len in [4 * HEADER_LEN, 5000, 100_001, 2_000_000] {
            let bytes = [start, &vec![0; len], rest].concat();
            let program = Program::new().args(["--stdin", "--format", "csv"]);
            let ended = program.input(&bytes, 1 << 16).run().exits(3);
            let said = format!(
                "packet 26 at byte {middle}: zero bytes where a record should be; skipped {len} \
                 bytes and went on at byte {}",
                middle + len
            );
            let ended = ended.says(&said);
            let ended = ended.says("40 packets = 40 in flows + 0 not IP + 0 malformed");
            assert_eq!(ended.rows().len(), 5, "{name}, {len}");
        }
    }
}

/// Single empty records are packets, as they always were, whatever their times.
#[test]
fn empty_records_between_others_are_packets() {
    let format = pcap(Variant::Micros);
    let start = format.file(packets(20));
    let rest: Vec<u8> = packets(20)
        .flat_map(|data| format.record((START_S, 7), 60, &data))
        .collect();
    for (count, time) in [(1, 0), (2, 0), (3, 0), (1, START_S), (50, START_S)] {
        let empty = format.record((time, 0), 0, &[]).repeat(count);
        let bytes = [&start[..], &empty, &rest].concat();
        let program = Program::new().args(["--stdin", "--format", "csv"]);
        let ended = program.input(&bytes, 1000).run().exits(0);
        let packets = 40 + count;
        ended.says(&format!(
            "{packets} packets = 40 in flows + 0 not IP + {count} malformed"
        ));
    }
    // At the end, those that have a time.
    let empty = format.record((START_S, 0), 0, &[]).repeat(9);
    let program = Program::new().args(["--stdin", "--format", "csv"]);
    let ended = program.input(&[start, empty].concat(), 1000).run().exits(0);
    ended.says("29 packets = 20 in flows + 0 not IP + 9 malformed");
}

/// What was read as packets is carved and merged as packets, whatever its neighbours are then.
#[test]
fn empty_records_with_other_neighbours_are_packets() {
    let format = pcap(Variant::Micros);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let record = |s, data: &[u8]| format.record((s, 0), 60, data);
    let empty = format.record((0, 0), 0, &[]);
    let (first, second) = (
        udp_frame((1, 2), (1000, 53), 20),
        udp_frame((1, 3), (1001, 53), 20),
    );
    let start = format.file(std::iter::empty());
    // At the end of what an index carves; what follows them in the capture is damage.
    let damage = vec![0xff; 100];
    let whole = [
        &start[..],
        &record(START_S, &first),
        &empty,
        &empty,
        &damage,
    ]
    .concat();
    fs::write(path("whole.pcap"), whole).unwrap();
    let program = || Program::new().current_dir(folder.path());
    let extract = ["--disable-display", "-o"];
    let whole = program()
        .args(["whole.pcap"])
        .args(extract)
        .args(["direct.pcap"]);
    whole.run().exits(3);
    program()
        .args(["index", "whole.pcap", "-o", "day.idx"])
        .run()
        .exits(3);
    let carved = program()
        .args(["--index", "day.idx"])
        .args(extract)
        .args(["carved.pcap"]);
    carved.run().exits(3);
    let [direct, carved] = ["direct.pcap", "carved.pcap"].map(|it| fs::read(path(it)).unwrap());
    assert_eq!(direct, carved);
    // Those of two captures, next to each other.
    for (name, packet) in [("a.pcap", &first), ("b.pcap", &second)] {
        let empty = empty.repeat(3);
        let bytes = [
            &start[..],
            &record(START_S, packet),
            &empty,
            &record(START_S + 9, packet),
        ];
        fs::write(path(name), bytes.concat()).unwrap();
    }
    let merged = program()
        .args(["--merge", "a.pcap", "b.pcap"])
        .run()
        .exits(0);
    merged.says("10 packets = 4 in flows + 0 not IP + 6 malformed");
}

/// The same answer from files and streams, wherever windows and chunks end.
#[test]
fn in_all_ways() {
    let mut wrong = Complaints::default();
    let folder = tempfile::tempdir().unwrap();
    for (name, whole, middle) in formats() {
        let (start, rest) = whole.split_at(middle);
        for (len, tail) in [
            (64, 0),
            (63, 16),
            (48, 40),
            (16, 63),
            (3000, 2000),
            (0, 100),
        ] {
            let bytes = [start, &vec![0; len], rest, &vec![0; tail]].concat();
            let path = folder.path().join("capture");
            fs::write(&path, &bytes).unwrap();
            let plain = Way::plain(&path);
            let question = Question::default();
            let expected = answer(&question, &plain);
            let windows = (middle.saturating_sub(70)..middle + 70).step_by(9);
            let ends = windows.chain([300, 1000, 4096]);
            for (turn, end) in ends.enumerate() {
                let chunk_len = Some([256, 700, usize::MAX][turn % 3]);
                let feed = Feed::Stream {
                    name: path.clone(),
                    bytes: bytes.clone(),
                    buffer_len: end,
                    piece_len: 777,
                };
                let file = Way {
                    threads: 1 + turn % 3,
                    window_len: Some(end),
                    chunk_len,
                    ..plain.clone()
                };
                for way in [file.clone(), Way { feed, ..file }] {
                    let label = format!("{name}, {len} and {tail} zeros, {way}");
                    expected.compare(&answer(&question, &way), &label, &mut wrong);
                }
            }
        }
    }
    wrong.none();
}

/// A sparse file: gigabytes of zeros are passed in little time, and are one damage.
#[test]
fn gigabytes_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    fs::copy(testdata("recorded/http.pcap"), &path).unwrap();
    let len = path.metadata().unwrap().len();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(len + (2 << 30)).unwrap();
    let args = ["--format".as_ref(), "csv".as_ref(), path.as_os_str()];
    let ended = run(args).exits(3);
    let packets: i64 = ended.rows().iter().map(|row| number(row, "packets")).sum();
    assert!(packets > 60, "{packets}");
    ended.says("the last 2147483648 bytes were not");
}
