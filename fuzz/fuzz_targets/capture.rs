//! The records of a capture are the same, however its bytes come.

#![no_main]

use fuzzing::{Trickle, Wound, wound};
use libfuzzer_sys::fuzz_target;
use pcap_flows::Error;
use pcap_flows::capture::{Capture, Input, LinkType, Nanos};
use std::io::Cursor;

/// More than an input has.
const WHOLE: usize = 1 << 16;

/// A record: offset, time, length on the wire, link type, bytes with and without header, and the
/// header of a capture that it can stand in.
type Row = (u64, Nanos, u32, Option<LinkType>, Vec<u8>, Vec<u8>, Vec<u8>);

/// Why a capture cannot be read. What a decompressor says of the same bytes depends on how much
/// room it has for what it unpacks.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    match text.split_once(" data is damaged at ") {
        Some((format, _)) => format!("{format} data is damaged"),
        None => text,
    }
}

/// All records and damages, and why there are no more.
fn read(input: Input) -> (Vec<Row>, Vec<Wound>, u64, Option<String>) {
    let mut capture = match Capture::from_input(input) {
        Ok(capture) => capture,
        Err(error) => return (Vec::new(), Vec::new(), 0, Some(reason(&error))),
    };
    let mut rows = Vec::new();
    let error = loop {
        match capture.next_record() {
            Ok(Some(record)) => rows.push((
                record.offset,
                record.time,
                record.wire_len,
                record.link_type,
                record.data.to_vec(),
                record.bytes.to_vec(),
                record.header.to_vec(),
            )),
            Ok(None) => break None,
            Err(error) => break Some(reason(&error)),
        }
    };
    assert_eq!(capture.packets(), rows.len() as u64);
    if error.is_none() {
        assert!(
            capture.next_record().is_ok_and(|it| it.is_none()),
            "it ends"
        );
    }
    let damages = capture.damages().iter().map(wound).collect();
    (rows, damages, capture.damage_count(), error)
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (piece, buffer, bytes) = input;
    let all = Box::new(Cursor::new(bytes.to_vec()));
    let whole = Input::from_reader_with_buffer("capture", all, WHOLE).unwrap();
    let trickle = Box::new(Trickle::new(bytes, usize::from(piece)));
    let parts =
        Input::from_reader_with_buffer("capture", trickle, usize::from(buffer) + 1).unwrap();
    assert_eq!(read(whole), read(parts));
});
