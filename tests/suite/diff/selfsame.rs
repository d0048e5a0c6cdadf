//! A capture compared with itself, and with itself without a packet.

use super::{answered, diff};
use crate::common::program::Row;
use crate::common::{Complaints, captures, testdata};
use crate::index::same::WAYS;
use std::fs;

#[test]
fn nothing_differs_from_itself() {
    let mut wrong = Complaints::default();
    for (turn, capture) in captures().into_iter().enumerate() {
        let path = capture.path();
        let way = WAYS[turn % WAYS.len()];
        let args = ["--format", "json", "--progress", "never"];
        let ended = diff(&path, &path, args.iter().chain(way));
        if capture.refused {
            if ended.status.code() != Some(1) {
                wrong.add(format!("{}: {ended:?}", capture.name));
            }
            continue;
        }
        let expected = if capture.damaged { 3 } else { 0 };
        let json: serde_json::Value = serde_json::from_str(ended.text()).unwrap_or_default();
        if ended.status.code() != Some(expected) || json["different"] != false {
            wrong.add(format!(
                "{}, {way:?}: {:?}",
                capture.name,
                ended.status.code()
            ));
        }
        for side in ["a", "b"] {
            let classes = json["classes"][side]
                .as_object()
                .cloned()
                .unwrap_or_default();
            let others = classes.iter().filter(|(name, count)| {
                !matches!(name.as_str(), "same" | "not_ip") && **count != 0
            });
            for (name, count) in others {
                wrong.add(format!("{}: {count} {name}", capture.name));
            }
        }
    }
    wrong.none();
}

/// Each removed packet is reported, or one that differs from it only in time.
#[test]
fn what_is_left_out_is_named() {
    let mut wrong = Complaints::default();
    let whole = testdata("recorded/http.pcap");
    let bytes = fs::read(&whole).unwrap();
    let records = records(&bytes);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.pcap");
    for (left_out, record) in records.iter().enumerate().skip(1) {
        let mut file = bytes[..24].to_vec();
        let others = records.iter().enumerate().filter(|it| it.0 != left_out);
        others.for_each(|(_, it)| file.extend_from_slice(it));
        fs::write(&path, file).unwrap();
        let (ended, rows) = answered(&whole, &path, &[]);
        let others = |row: &&Row| !matches!(row["class"].as_str(), "same" | "not_ip");
        let named: Vec<_> = rows.iter().filter(others).collect();
        let mut of_a = rows.iter().filter(|it| it["side"] == "a");
        if of_a.nth(left_out).is_some_and(|it| it["class"] == "not_ip") {
            continue;
        }
        let is_right = |number: usize| records[number - 1][16..] == record[16..];
        match named.as_slice() {
            [row] if row["side"] == "a" && is_right(row["number"].parse().unwrap()) => {
                let is_judged = !matches!(row["class"].as_str(), "outside" | "one_sided");
                ended.exits(if is_judged { 4 } else { 0 });
            }
            _ => wrong.add(format!("packet {}: {} named", left_out + 1, named.len())),
        }
    }
    wrong.none();
}

/// The records of a pcap file in little-endian order.
fn records(bytes: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let mut at = 24;
    while at + 16 <= bytes.len() {
        let len = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap());
        let end = at + 16 + len as usize;
        records.push(&bytes[at..end]);
        at = end;
    }
    records
}
