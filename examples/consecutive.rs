//! Two consecutive files, a session that spans them, and its packets, carved by offsets that were
//! saved when the files were read.
//!
//! ```text
//! cargo run --example consecutive
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use pcap_flows::capture::{Capture, Carver};
use pcap_flows::decode::Packet;
use pcap_flows::flow::{FlowKey, FlowTable, RecordPlace};
use pcap_flows::output::OutputFile;
use pcap_flows::output::capture::{CaptureWriter, WantedFormat};
use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

const WHOLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/testdata/recorded/bulk-clean.pcap"
);

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let files = ["first.pcap", "second.pcap"].map(|name| folder.path().join(name));
    split(Path::new(WHOLE), 150, &files)?;

    // Today: read both files, and save what was found.
    let saved = folder.path().join("flows.jsonl");
    read(&files)?.save(File::create(&saved)?)?;

    // Another day: load it, and carve the session that spans both files.
    let table = FlowTable::load(BufReader::new(File::open(&saved)?))?;
    let session = table
        .iter()
        .find(|flow| {
            let records = table.records(flow.id);
            (0..2).all(|file| records.iter().any(|place| place.file == file))
        })
        .ok_or("no session spans both files")?;
    println!("session {}: {:?}", session.id, session.key.network);
    let carved = folder.path().join("session.pcap");
    carve(&table, session.id, &carved)?;

    // It holds what the session has in the capture that was not split.
    let expected = packets(Path::new(WHOLE), &session.key)?;
    assert_eq!(packets(&carved, &session.key)?, expected);
    assert_eq!(session.packets, expected.len() as u64);
    assert_eq!(expected.len(), 306);
    Ok(())
}

/// A flow table of both files, as one capture, with the places of all records.
fn read(files: &[PathBuf]) -> Result<FlowTable, Box<dyn Error>> {
    let mut table = FlowTable::of_conversations();
    for path in files {
        let file = table.add_file(path);
        let mut capture = Capture::open(path)?;
        while let Some(record) = capture.next_record()? {
            let packet = Packet::of(&record);
            let Ok(key) = FlowKey::of(&packet) else {
                continue;
            };
            let flags = packet.tcp_flags().unwrap_or(0);
            let id = table.add(&key, record.time, record.wire_len, flags);
            let offset = record.offset;
            table.keep(id, RecordPlace { file, offset });
        }
    }
    Ok(table)
}

/// Writes the packets of a flow to a capture; nothing else is read of the files.
fn carve(table: &FlowTable, id: u64, to: &Path) -> Result<(), Box<dyn Error>> {
    let inputs = table.files();
    let out = OutputFile::create(to, inputs.iter().map(PathBuf::as_path))?;
    let mut writer = CaptureWriter::new(out, WantedFormat::AsInput, false);
    let mut carvers = Vec::new();
    for path in inputs {
        carvers.push(Carver::open(path)?);
    }
    for place in table.records(id) {
        let carver = carvers.get_mut(place.file as usize).ok_or("no such file")?;
        writer.record(&carver.record_at(place.offset)?)?;
    }
    writer.finish()?;
    Ok(())
}

/// The captured bytes of all packets between two endpoints.
fn packets(path: &Path, key: &FlowKey) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let ways = [key.network, key.network.reversed()];
    let mut capture = Capture::open(path)?;
    let mut found = Vec::new();
    while let Some(record) = capture.next_record()? {
        let network = Packet::of(&record).network_key();
        if network.is_ok_and(|it| ways.contains(&it)) {
            found.push(record.data.to_vec());
        }
    }
    Ok(found)
}

/// Cuts a capture in two, as a recorder does that starts a new file from time to time.
fn split(whole: &Path, first: usize, files: &[PathBuf; 2]) -> Result<(), Box<dyn Error>> {
    let mut capture = Capture::open(whole)?;
    let mut parts = [Vec::new(), Vec::new()];
    let mut number = 0;
    while let Some(record) = capture.next_record()? {
        let [before, behind] = &mut parts;
        let part = if number < first { before } else { behind };
        if part.is_empty() {
            part.extend_from_slice(record.header);
        }
        part.extend_from_slice(record.bytes);
        number += 1;
    }
    for (path, bytes) in files.iter().zip(&parts) {
        fs::write(path, bytes)?;
    }
    Ok(())
}
