//! Records that a program picks one by one, written to captures of their own.

use crate::common::{captures, testdata};
use pcap_flows::capture::{Capture, LinkType};
use pcap_flows::output::OutputFile;
use pcap_flows::output::capture::{CaptureWriter, WantedFormat};
use std::path::{Path, PathBuf};

/// Time in nanoseconds, length on the wire, link type, captured bytes.
type Packet = (i64, u32, LinkType, Vec<u8>);

/// All packets that another capture can hold.
fn packets(path: &Path) -> Vec<Packet> {
    let mut capture = Capture::open(path).unwrap();
    let mut packets = Vec::new();
    while let Some(record) = capture.next_record().unwrap() {
        if let Some(link_type) = record.link_type {
            packets.push((
                record.time.0,
                record.wire_len,
                link_type,
                record.data.to_vec(),
            ));
        }
    }
    packets
}

/// Writes each record of these captures, one by one.
fn copy(inputs: &[PathBuf], to: &Path, wanted: WantedFormat) {
    let mut writer = CaptureWriter::new(OutputFile::create(to, []).unwrap(), wanted, false);
    for input in inputs {
        let mut capture = Capture::open(input).unwrap();
        while let Some(record) = capture.next_record().unwrap() {
            writer.record(&record).unwrap();
        }
    }
    writer.finish().unwrap();
}

#[test]
fn each_capture_is_copied_record_by_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut copied = 0;
    for capture in captures().iter().filter(|it| !it.refused) {
        let expected = packets(&capture.path());
        if expected.is_empty() {
            continue;
        }
        let to = folder.path().join(if capture.is_pcapng() {
            "x.pcapng"
        } else {
            "x.pcap"
        });
        // pcapng holds whatever comes; a pcap file that was joined may have several link types.
        let is_mixed = expected.iter().any(|it| it.2 != expected[0].2);
        let wanted = if is_mixed {
            WantedFormat::Pcapng
        } else {
            WantedFormat::AsInput
        };
        copy(&[capture.path()], &to, wanted);
        assert!(packets(&to) == expected, "{}", capture.name);
        copy(&[capture.path()], &to, WantedFormat::Pcapng);
        assert!(packets(&to) == expected, "{} as pcapng", capture.name);
        copied += 1;
    }
    assert!(copied > 150, "{copied}");
}

#[test]
fn records_of_several_captures_stand_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = [
        "recorded/http.pcap",
        "generated/formats/ns-be.pcap",
        "generated/formats/sections.pcapng",
        "generated/linktypes/raw.pcap",
        "generated/formats/link-types.pcapng",
        "recorded/http.pcap",
    ]
    .map(testdata);
    let expected: Vec<Packet> = inputs.iter().flat_map(|it| packets(it)).collect();
    let to = folder.path().join("x.pcapng");
    copy(&inputs, &to, WantedFormat::Pcapng);
    assert!(packets(&to) == expected);
}
