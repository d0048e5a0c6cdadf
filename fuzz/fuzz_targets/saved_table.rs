//! Saved flow tables: what was loaded is the same when it is saved and loaded again.

#![no_main]

use fuzzing::{Edit, HTTP, edited};
use libfuzzer_sys::fuzz_target;
use pcap_flows::capture::Capture;
use pcap_flows::decode::Packet;
use pcap_flows::flow::{FlowKey, FlowTable, RecordPlace};
use std::io::Cursor;
use std::path::Path;
use std::sync::OnceLock;

/// A table of a capture's flows, saved.
fn saved() -> &'static [u8] {
    static SAVED: OnceLock<Vec<u8>> = OnceLock::new();
    SAVED.get_or_init(|| {
        let mut table = FlowTable::new();
        let file = table.add_file(Path::new("http.pcap"));
        let mut capture = Capture::from_reader("http.pcap", Box::new(Cursor::new(HTTP))).unwrap();
        while let Some(record) = capture.next_record().unwrap() {
            let packet = Packet::of(&record);
            if let Ok(key) = FlowKey::of(&packet) {
                let flags = packet.tcp_flags().unwrap_or(0);
                let id = table.add(&key, record.time, record.wire_len, flags);
                table.keep(
                    id,
                    RecordPlace {
                        file,
                        offset: record.offset,
                    },
                );
            }
        }
        let mut bytes = Vec::new();
        table.save(&mut bytes).unwrap();
        bytes
    })
}

fuzz_target!(|input: (Vec<Edit>, Option<u16>, Option<&[u8]>)| {
    let (edits, len, raw) = input;
    let bytes = raw.map_or_else(|| edited(saved(), &edits, len), <[u8]>::to_vec);
    let Ok(table) = FlowTable::load(&bytes[..]) else {
        return;
    };
    let mut written = Vec::new();
    table.save(&mut written).unwrap();
    let again = FlowTable::load(&written[..]).unwrap();
    assert!(again.iter().eq(table.iter()));
    for flow in table.iter() {
        assert_eq!(table.records(flow.id), again.records(flow.id));
    }
});
