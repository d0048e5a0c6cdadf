//! Packets of some addresses are left out before anything else of them is parsed.
//!
//! ```text
//! cargo run --example ignore_addresses
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use pcap_flows::capture::Capture;
use pcap_flows::decode::Packet;
use pcap_flows::select::IpNet;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/recorded/ipv6.pcapng");

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let everything = protocols(&[])?;
    let ignored: [IpNet; 2] = ["fd77::/64".parse()?, "192.0.2.1".parse()?];
    let rest = protocols(&ignored)?;
    println!("packets by protocol: {everything:?}; without those ignored: {rest:?}");

    let tcp = 6;
    assert!(everything.contains_key(&tcp));
    assert!(
        !rest.contains_key(&tcp),
        "all of it was between fd77::1 and fd77::2"
    );
    assert!(!rest.is_empty(), "neighbour discovery uses other addresses");
    Ok(())
}

/// How many packets there are of each IP protocol, without those of ignored addresses.
fn protocols(ignored: &[IpNet]) -> Result<BTreeMap<u8, u64>, Box<dyn Error>> {
    let is_ignored = |address| ignored.iter().any(|net| net.contains(address));
    let mut packets = BTreeMap::new();
    let mut capture = Capture::open(Path::new(CAPTURE))?;
    while let Some(record) = capture.next_record()? {
        let packet = Packet::of(&record);
        // Reads the way to the addresses, and these; what is behind is not touched.
        let Ok((src, dst)) = packet.ip_addresses() else {
            continue;
        };
        if is_ignored(src) || is_ignored(dst) {
            continue;
        }
        // Goes on from there, through the extension headers.
        if let Ok(protocol) = packet.protocol() {
            *packets.entry(protocol).or_default() += 1;
        }
    }
    Ok(packets)
}
