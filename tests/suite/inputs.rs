//! Several captures: the order in which they are read, folders, and merging.

mod folders;
mod merge;
mod order;

use std::path::{Path, PathBuf};
use testkit::frames;
use testkit::pcap::{Pcap, START_S};

/// A packet of a capture: when it is captured, in milliseconds after the start, and by whom: a host
/// whose packets are a flow.
type Packet = (u32, u8);

/// A capture of these packets.
fn capture(form: Pcap, packets: &[Packet]) -> Vec<u8> {
    let mut file = form.file_header();
    for &(millis, host) in packets {
        put(form, millis, &frame(host), &mut file);
    }
    file
}

fn frame(host: u8) -> Vec<u8> {
    frames::udp_frame((host, 200), (1000, 53), usize::from(host))
}

/// Appends a record.
fn put(form: Pcap, millis: u32, frame: &[u8], file: &mut Vec<u8>) {
    let second = match form.variant {
        testkit::pcap::Variant::Nanos => 1_000_000_000,
        _ => 1_000_000,
    };
    let fraction = millis % 1000 * (second / 1000);
    let time = (START_S + millis / 1000, fraction);
    file.extend(form.record(time, u32::try_from(frame.len()).unwrap(), frame));
}

/// Writes captures to a folder: their paths.
fn write(folder: &Path, captures: &[(&str, Vec<u8>)]) -> Vec<PathBuf> {
    let write = |(name, bytes): &(&str, Vec<u8>)| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    captures.iter().map(write).collect()
}

/// The hosts of the listed flows, in the order of FlowIDs.
fn hosts(ended: &crate::common::program::Ended) -> Vec<u8> {
    let rows = ended.rows();
    let host = |address: &String| address.rsplit('.').next().unwrap().parse().unwrap();
    rows.iter().map(|row| host(&row["src_ip"])).collect()
}
