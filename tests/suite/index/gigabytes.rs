//! Captures of more than a gigabyte: their packets' places are written gigabyte by gigabyte.

use crate::common::Complaints;
use crate::common::indexed::{Indexed, make};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use testkit::frames;
use testkit::pcap::Pcap;

/// The largest record that is common: few of them make a gigabyte.
const CAPTURED: u32 = 262_144;
const RECORD_LEN: u64 = 16 + CAPTURED as u64;
const GIGABYTE: u64 = 1 << 30;

/// Which flow a packet is in, from 1; 0 for one that is not IP.
fn flow_of(number: u64) -> u64 {
    match number {
        number if number % 1000 == 17 => 0,
        number if number % 900 == 5 => 2,
        number if number > 9000 && number % 300 == 0 => 3,
        _ => 1,
    }
}

/// Writes a capture of these packets, all of which are zeros but for their headers: the file has
/// holes.
fn write(path: &Path, packets: std::ops::Range<u64>) {
    let file = File::create_new(path).unwrap();
    let header = Pcap::COMMON.file_header();
    file.write_all_at(&header, 0).unwrap();
    let mut at = header.len() as u64;
    for number in packets {
        let frame = match flow_of(number) {
            0 => frames::ethernet((1, 2), &[], 0x0806, &[0; 28]),
            flow => frames::udp_frame((1, 2), (u16::try_from(flow).unwrap(), 53), 20),
        };
        let seconds = u32::try_from(1_700_000_000 + number).unwrap();
        let fields = [seconds, 0, CAPTURED, CAPTURED];
        let record: Vec<u8> = fields.iter().flat_map(|it| it.to_le_bytes()).collect();
        file.write_all_at(&[record, frame].concat(), at).unwrap();
        at += RECORD_LEN;
    }
    file.set_len(at).unwrap();
}

/// Flow, capture and places: the rows of a file with packets.
fn rows(path: &Path) -> Vec<(u64, u32, Vec<u64>)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap());
    let mut rows = Vec::new();
    for batch in reader.unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let flows = batch.column(0).as_primitive::<Int64Type>();
        let captures = batch.column(1).as_primitive::<Int64Type>();
        let offsets = batch.column(2).as_list::<i32>();
        for row in 0..batch.num_rows() {
            let offsets = offsets.value(row);
            let offsets = offsets.as_primitive::<Int64Type>().values().iter();
            let offsets = offsets.map(|it| it.cast_unsigned()).collect();
            let capture = u32::try_from(captures.value(row)).unwrap();
            rows.push((flows.value(row).cast_unsigned(), capture, offsets));
        }
    }
    rows
}

/// The rows that there should be: for each gigabyte of both captures together, for each flow, for
/// each capture.
fn expected_rows(captures: [std::ops::Range<u64>; 2]) -> Vec<(u64, u32, Vec<u64>)> {
    let lens = captures
        .clone()
        .map(|it| 24 + (it.end - it.start) * RECORD_LEN);
    let mut places = Vec::new();
    let mut start = 0;
    for ((packets, capture), len) in captures.into_iter().zip(0..).zip(lens) {
        for (number, offset) in packets.zip((24..).step_by(usize::try_from(RECORD_LEN).unwrap())) {
            places.push((
                (start + offset) / GIGABYTE,
                flow_of(number),
                capture,
                offset,
            ));
        }
        start += len;
    }
    places.sort_unstable();
    let mut rows: Vec<(u64, u32, Vec<u64>)> = Vec::new();
    let same_row =
        |a: &(u64, u64, u32, u64), b: &(u64, u64, u32, u64)| (a.0, a.1, a.2) == (b.0, b.1, b.2);
    for row in places.chunk_by(same_row) {
        let offsets = row.iter().map(|place| place.3).collect();
        rows.push((row[0].1, row[0].2, offsets));
    }
    rows
}

#[test]
fn have_their_packets_in_order_and_in_the_right_rows() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.pcap", "b.pcap"].map(|it| folder.path().join(it));
    // 1.3 gigabytes and 1.3 gigabytes.
    let packets = [0..5300, 5300..10_600];
    for (path, packets) in paths.iter().zip(packets.clone()) {
        write(path, packets);
    }
    let indexed = Indexed::of(&paths, &[]);
    let found = rows(&indexed.packets());
    let expected = expected_rows(packets);
    let gigabytes: Vec<u64> = found
        .iter()
        .filter(|it| it.0 == 1)
        .map(|it| it.2[0] / GIGABYTE)
        .collect();
    assert_eq!(
        gigabytes,
        [0, 1, 0, 0],
        "rows of flow 1: by gigabyte, then by capture"
    );
    let counts = |rows: &[(u64, u32, Vec<u64>)]| -> Vec<(u64, u32, usize)> {
        rows.iter().map(|it| (it.0, it.1, it.2.len())).collect()
    };
    assert_eq!(counts(&found), counts(&expected));
    assert!(found == expected);

    let mut wrong = Complaints::default();
    indexed.compare_lists(&["--format", "csv"], &mut wrong);
    for ids in ["2", "3", "2-3"] {
        indexed.compare_outputs("out", &["--extract", ids], &mut wrong);
    }
    wrong.none();

    let other = indexed.folder.path().join("other");
    make(
        &other,
        &paths,
        &["--window-bytes", "70000000", "--threads", "3"],
    )
    .exits(0);
    let read = |path: &Path| fs::read(path).unwrap();
    assert!(read(&other.with_extension("packets-1")) == read(&indexed.packets()));
}
