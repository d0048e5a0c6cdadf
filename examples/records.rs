//! The records of captures, with their offsets: of either byte order, and with damage among them.
//!
//! ```text
//! cargo run --example records
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use pcap_flows::capture::Capture;
use std::error::Error;
use std::path::Path;

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let little = offsets("generated/formats/us-le.pcap")?;
    let big = offsets("generated/formats/us-be.pcap")?;
    let nanoseconds = offsets("generated/formats/ns-be.pcap")?;
    assert!(!little.is_empty());
    assert_eq!(little, big);
    assert_eq!(little, nanoseconds);
    assert_eq!(little.first(), Some(&24), "behind the file header");

    // The same loop reads pcapng.
    assert_eq!(offsets("recorded/ipv6.pcapng")?.len(), 79);

    // Damage does not end it. The skipped bytes are reported afterwards.
    let path = Path::new(TESTDATA).join("generated/damage/garbage-middle.pcap");
    let mut capture = Capture::open(&path)?;
    while capture.next_record()?.is_some() {}
    for damage in capture.damages() {
        println!("{damage}");
    }
    assert_eq!(capture.damage_count(), 1);
    Ok(())
}

/// Where the records of a capture start.
fn offsets(name: &str) -> Result<Vec<u64>, Box<dyn Error>> {
    let mut capture = Capture::open(Path::new(TESTDATA).join(name))?;
    let mut offsets = Vec::new();
    while let Some(record) = capture.next_record()? {
        println!(
            "{name}: byte {}: {} bytes captured of {}, {} ns",
            record.offset,
            record.data.len(),
            record.wire_len,
            record.time.0
        );
        offsets.push(record.offset);
    }
    assert!(capture.damages().is_empty());
    Ok(offsets)
}
