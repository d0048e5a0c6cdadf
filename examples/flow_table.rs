//! A flow table: fed, asked, saved and loaded, with the names of servers and Community IDs.
//!
//! ```text
//! cargo run --example flow_table
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use pcap_flows::capture::Capture;
use pcap_flows::decode::{Packet, server_name};
use pcap_flows::flow::{FlowKey, FlowTable, community_id};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/recorded/http.pcap");

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    // Keyed by the 5-tuple alone: `FlowKey::of(&packet)` has MAC addresses and VLANs, too.
    let mut table = FlowTable::of_conversations();
    let mut servers: BTreeMap<u64, String> = BTreeMap::new();
    let mut capture = Capture::open(Path::new(CAPTURE))?;
    while let Some(record) = capture.next_record()? {
        let packet = Packet::of(&record);
        let Ok(network) = packet.network_key() else {
            continue;
        };
        let flags = packet.tcp_flags().unwrap_or(0);
        let key = FlowKey::from(network);
        let id = table.add(&key, record.time, record.wire_len, flags);
        if let Some(name) = packet.payload().and_then(server_name) {
            servers.entry(id).or_insert_with(|| name.to_owned());
        }
    }

    for flow in table.iter() {
        let community = community_id(&flow.key.network, 0);
        println!(
            "{}: {} -> {}: {} packets, {} bytes, {:.3} s, server {}, {}",
            flow.id,
            flow.key.network.src,
            flow.key.network.dst,
            flow.packets,
            flow.bytes,
            std::time::Duration::from_nanos(flow.duration_ns().unsigned_abs()).as_secs_f64(),
            servers.get(&flow.id).map_or("unknown", String::as_str),
            community.map_or_else(String::new, |it| it.to_string()),
        );
    }
    assert_eq!(table.len(), 3);
    assert!(servers.values().all(|name| name == "10.77.0.2"));

    // Either direction finds the conversation.
    let first = *table.get(1).ok_or("there is a flow")?;
    assert_eq!(table.find(&first.key.reversed()), Some(&first));

    let mut saved = Vec::new();
    table.save(&mut saved)?;
    let loaded = FlowTable::load(saved.as_slice())?;
    assert!(loaded.iter().eq(table.iter()));
    Ok(())
}
