//! Captures that change while they are read.
//!
//! The program writes to a pipe that is read only when the file has been changed: until then it
//! stands still, somewhere in the first two megabytes.

use crate::common::program::{Ended, Program};
use crate::common::{entries, testdata};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::thread;
use testkit::conversation::{self, CLIENT};
use testkit::pcap::Pcap;

const HEADER_LEN: usize = 24;
const COPIES: usize = 300;

/// One capture many times, some eight megabytes.
fn content() -> (Vec<u8>, u64) {
    let one = fs::read(testdata("recorded/http.pcap")).unwrap();
    let (header, records) = one.split_at(HEADER_LEN);
    let content = [header, &records.repeat(COPIES)].concat();
    assert!(content.len() > 7_000_000);
    (content, 66 * COPIES as u64)
}

/// Extracts from a file that `change` changes when a part of it has been read.
fn changed_while_read(options: &[&str], change: impl FnOnce(&Path)) -> (Ended, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("capture.pcap"), content().0).unwrap();
    let status = Command::new("mkfifo").arg(path("pipe")).status().unwrap();
    assert!(status.success());
    let running = Program::new()
        .current_dir(folder.path())
        .args(["capture.pcap", "-o", "pipe", "--stats", "stats.json"])
        .args(["--disable-display", "--window-bytes", "100000"])
        .args(options)
        .start();
    let mut pipe = File::open(path("pipe")).unwrap();
    // A megabyte has been gathered when the first byte comes.
    pipe.read_exact(&mut [0]).unwrap();
    change(&path("capture.pcap"));
    let reader = thread::spawn(move || pipe.read_to_end(&mut Vec::new()).unwrap());
    let ended = running.wait();
    reader.join().unwrap();
    let left: Vec<String> = entries(folder.path());
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
    let stats = fs::read_to_string(path("stats.json")).ok();
    (ended, stats)
}

#[test]
fn a_file_that_is_cut_is_an_error_that_names_file_and_byte() {
    for (len, threads) in [(4_000_000, "1"), (4_096_000, "2"), (3_999_999, "4")] {
        let (ended, stats) = changed_while_read(&["--threads", threads], |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(len).unwrap();
        });
        assert_eq!(stats, None, "an output is there: {ended}");
        ended.exits(1).says(&format!(
            "capture.pcap: the file was cut, or cannot be read any more, at byte {len}"
        ));
    }
}

#[test]
fn a_file_that_grows_is_read_to_the_size_that_it_had() {
    let (ended, stats) = changed_while_read(&[], |path| {
        let records = content().0.split_off(HEADER_LEN);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(&records).unwrap();
    });
    let stats = stats.unwrap();
    ended.exits(0);
    let packets = format!("\"packets\": {}", content().1);
    assert!(stats.contains(&packets), "{stats}");
}

#[test]
fn a_file_that_is_replaced_is_read_to_its_end() {
    let (ended, stats) = changed_while_read(&[], |path| {
        let other = path.with_extension("other");
        fs::copy(testdata("recorded/dns.pcap"), &other).unwrap();
        fs::rename(&other, path).unwrap();
    });
    ended.exits(0);
    let packets = format!("\"packets\": {}", content().1);
    assert!(stats.unwrap().contains(&packets));
}

/// What a stream's reader has got by then cannot be taken back; it is told that it is not all.
#[test]
fn a_file_that_is_cut_while_a_stream_is_written() {
    const LEN: usize = 6_000_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcap");
    let content = conversation::content(1, LEN);
    let pieces = content.chunks(1000).zip((1..).step_by(1000));
    let data = pieces.map(|(piece, number)| CLIENT.data(number, piece).frame());
    let frames = std::iter::once(CLIENT.syn(0).frame()).chain(data);
    fs::write(&path, Pcap::COMMON.file(frames)).unwrap();
    let mut running = Program::new()
        .args([path.as_os_str()])
        .args(["--extract-tcp", "1", "-o", "-", "--disable-display"])
        .args(["--window-bytes", "100000"])
        .start();
    // Nothing of the output is read until the file has been cut.
    let stdout = running.child.stdout.as_mut().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(4_000_000).unwrap();
    let ended = running.wait();
    let written = ended.stdout.len();
    assert!(content[1..].starts_with(&ended.stdout), "{written} bytes");
    ended
        .exits(1)
        .says("capture.pcap: the file was cut, or cannot be read any more, at byte 4000000");
    assert!(written < LEN);
    assert_eq!(entries(folder.path()), ["capture.pcap"]);
}

/// Small streams stand in the capture until they are written to the archive, thousands at a time.
#[test]
fn a_file_that_is_cut_while_an_archive_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let content = conversation::content(1, 1000);
    let frames = (1..=20_000).flat_map(|port| {
        let ends = CLIENT.with_port(port);
        [ends.syn(0).frame(), ends.data(1, &content).frame()]
    });
    fs::write(path("capture.pcap"), Pcap::COMMON.file(frames)).unwrap();
    let status = Command::new("mkfifo")
        .arg(path("pipe.tar"))
        .status()
        .unwrap();
    assert!(status.success());
    let running = Program::new()
        .current_dir(folder.path())
        .args(["capture.pcap", "--extract-tcp-all", "-o", "pipe.tar"])
        .args(["--manifest", "list.csv", "--disable-display"])
        .start();
    let mut pipe = File::open(path("pipe.tar")).unwrap();
    // The first streams are being written when the first byte comes.
    pipe.read_exact(&mut [0]).unwrap();
    let file = OpenOptions::new().write(true).open(path("capture.pcap"));
    file.unwrap().set_len(1_000_000).unwrap();
    let reader = thread::spawn(move || pipe.read_to_end(&mut Vec::new()).unwrap());
    let ended = running.wait();
    reader.join().unwrap();
    ended
        .exits(1)
        .says("capture.pcap: the file was cut, or cannot be read any more, at byte 1000000");
    assert_eq!(entries(folder.path()), ["capture.pcap", "pipe.tar"]);
}
