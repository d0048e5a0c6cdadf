//! The records of a capture are the same, however its bytes come.

#![no_main]

use fuzzing::{Trickle, Wound, is_packed, wound};
use libfuzzer_sys::fuzz_target;
use pcap_flows::capture::{Capture, Input, LinkType, Nanos};
use std::io::Cursor;

/// More than an input has.
const WHOLE: usize = 1 << 16;

/// A record: offset, time, length on the wire, link type, bytes with and without header, and the
/// header of a capture that it can stand in.
type Row = (u64, Nanos, u32, Option<LinkType>, Vec<u8>, Vec<u8>, Vec<u8>);

/// All records and damages, and why there are no more.
fn read(input: Input) -> (Vec<Row>, Vec<Wound>, u64, Option<String>) {
    let mut capture = match Capture::from_input(input) {
        Ok(capture) => capture,
        Err(error) => return (Vec::new(), Vec::new(), 0, Some(error.to_string())),
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
            Err(error) => break Some(error.to_string()),
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
    if is_packed(bytes) {
        return;
    }
    let all = Box::new(Cursor::new(bytes.to_vec()));
    let whole = Input::from_reader_with_buffer("capture", all, WHOLE).unwrap();
    let trickle = Box::new(Trickle::new(bytes, usize::from(piece)));
    let parts =
        Input::from_reader_with_buffer("capture", trickle, usize::from(buffer) + 1).unwrap();
    assert_eq!(read(whole), read(parts));
});
