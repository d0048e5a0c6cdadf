//! Streams with header records: any bytes are read to an end, and what was read is what is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pcap_flows::output::stream::{HeaderStyle, RecordReader};

fuzz_target!(|input: (u8, &[u8])| {
    let (style, bytes) = input;
    let style = match style % 4 {
        0 => HeaderStyle::Packed,
        1 => HeaderStyle::C,
        2 => HeaderStyle::Extended,
        _ => HeaderStyle::Wide,
    };
    let mut read = 0;
    let mut written = Vec::new();
    let mut records = Vec::new();
    for record in RecordReader::new(bytes, style) {
        let Ok(record) = record else { break };
        read += style.header_len() + record.payload.len();
        style.encode(&record.header, &mut written);
        written.extend_from_slice(&record.payload);
        records.push(record);
    }
    assert!(read <= bytes.len());
    assert_eq!(written.len(), read);
    let again: Result<Vec<_>, _> = RecordReader::new(&written[..], style).collect();
    assert_eq!(again.unwrap(), records);
});
