//! Captures that are not what they were, or not where they were, when they were indexed.

use super::refusals::{list, lossy, refuses};
use crate::common::program::Program;
use crate::common::reading::{Packet, parse};
use crate::common::testdata;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

#[test]
fn captures_that_are_elsewhere() {
    let (folder, capture, indexed) = lossy();
    let moved = folder.path().join("moved.pcap");
    let expected = indexed
        .by_index()
        .args(["--extract", "2-3", "-o", "-"])
        .run()
        .exits(0)
        .stdout;
    fs::rename(&capture, &moved).unwrap();
    let name = capture.display().to_string();
    refuses(
        &indexed.index,
        &[],
        &[&name, "it is not there", "--relocate OLD=NEW"],
    );
    // Lists need no captures.
    list(&indexed.index).exits(0);
    let relocate = format!("{name}={}", moved.display());
    let relocated = |relocate: &str, code| {
        let program = indexed
            .by_index()
            .args(["--relocate", relocate, "--extract", "2-3"]);
        program.args(["-o", "-"]).run().exits(code)
    };
    assert!(relocated(&relocate, 0).stdout == expected && !expected.is_empty());
    // Copied, it has another time.
    let copied = folder.path().join("copied.pcap");
    fs::write(&copied, fs::read(&moved).unwrap()).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options()
        .write(true)
        .open(&copied)
        .unwrap()
        .set_modified(time)
        .unwrap();
    assert!(relocated(&format!("{name}={}", copied.display()), 0).stdout == expected);
    // Not there either, another capture, none that was indexed.
    let nowhere = format!("{name}={}", folder.path().join("none").display());
    relocated(&nowhere, 1).prints_nothing().says("none: ");
    let http = testdata("recorded/http.pcap");
    let wrong = format!("{name}={}", http.display());
    relocated(&wrong, 1)
        .prints_nothing()
        .says(&http.display().to_string());
    let unknown = format!("/not/indexed.pcap={}", moved.display());
    relocated(&unknown, 1)
        .prints_nothing()
        .says("/not/indexed.pcap");
    relocated("no-equals-sign", 2).prints_nothing();
}

#[test]
fn captures_that_are_not_what_they_were() {
    let (_folder, capture, indexed) = lossy();
    let own = fs::read(&capture).unwrap();
    let time = fs::metadata(&capture).unwrap().modified().unwrap();
    let name = capture.display().to_string();
    let with_time = |bytes: &[u8], time: SystemTime| {
        fs::write(&capture, bytes).unwrap();
        File::options()
            .write(true)
            .open(&capture)
            .unwrap()
            .set_modified(time)
            .unwrap();
    };
    let mut replaced = own.clone();
    replaced[40] ^= 1;
    let grown = [&own[..], &own[24..]].concat();
    for (bytes, what) in [
        (&own[..own.len() / 2], "it was cut"),
        (&[], "it was cut"),
        (&grown, "it has grown"),
        (&replaced, "it was replaced"),
    ] {
        with_time(bytes, time);
        refuses(&indexed.index, &[], &[&name, what]);
        let same = format!("{name}={name}");
        refuses(&indexed.index, &["--relocate", &same], &[&name, what]);
    }
    // Touched only: nobody knows, but whoever did it.
    with_time(&own, time + Duration::from_secs(1));
    refuses(&indexed.index, &[], &[&name, "--relocate FILE=FILE"]);
    let same = format!("{name}={name}");
    let program = indexed
        .by_index()
        .args(["--relocate", &same, "--extract", "1", "-o", "-"]);
    assert!(!program.run().exits(0).stdout.is_empty());
    with_time(&own, time);
    indexed
        .by_index()
        .args(["--extract", "1", "-o", "-"])
        .run()
        .exits(0);
}

/// Changed where nobody looks, under the same size and time: it shows when a record is used.
#[test]
fn records_that_are_not_what_they_were() {
    let (_folder, capture, indexed) = lossy();
    let own = fs::read(&capture).unwrap();
    let time = fs::metadata(&capture).unwrap().modified().unwrap();
    let list = list(&indexed.index).exits(0).rows();
    let wanted = |packet: &[u8]| {
        let ports = [34, 36].map(|at| u16::from_be_bytes([packet[at], packet[at + 1]]).to_string());
        let row = list
            .iter()
            .find(|it| [&it["src_port"], &it["dst_port"]] == [&ports[0], &ports[1]]);
        row.is_some_and(|it| ["2", "3"].contains(&it["flow_id"].as_str()))
    };
    let parsed = parse(&own);
    let is_tcp = |it: &&Packet| it.ipv4_protocol() == Some(6);
    let behind = parsed
        .packets
        .iter()
        .filter(|it| it.place.start > 5000)
        .filter(is_tcp);
    let (ours, others): (Vec<_>, Vec<_>) = behind.partition(|it| wanted(&it.data));
    assert!(ours.len() > 20 && others.len() > 20);
    let change = |place: usize, bits: u8| {
        let mut bytes = own.clone();
        bytes[place] ^= bits;
        fs::write(&capture, &bytes).unwrap();
        File::options()
            .write(true)
            .open(&capture)
            .unwrap()
            .set_modified(time)
            .unwrap();
    };
    // In the record: captured length (no record can be that long), length on the wire, a MAC
    // address, EtherType, the protocol, an IP address, ports.
    let fields = [
        11,
        12,
        16,
        16 + 12,
        16 + 14 + 9,
        16 + 14 + 12,
        16 + 14 + 20,
        16 + 14 + 23,
    ];
    for (packet, field) in ours.iter().step_by(ours.len() / 12).zip(fields) {
        change(packet.place.start + field, 1);
        refuses(&indexed.index, &[], &[]);
    }
    // What belongs to other flows, and payload, is as it is.
    change(others[3].place.start + 16 + 14 + 12, 1);
    indexed
        .by_index()
        .args(["--extract", "2-3", "-o", "-"])
        .run()
        .exits(0);
    fs::write(&capture, &own).unwrap();
}

/// A ring buffer of captures works without its oldest capture.
#[test]
fn only_captures_with_what_is_wanted_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old.pcap", "new.pcap"].map(|it| folder.path().join(it));
    fs::copy(testdata("recorded/http.pcap"), &old).unwrap();
    fs::copy(testdata("recorded/lossy-client.pcap"), &new).unwrap();
    let index = folder.path().join("ring.idx");
    let made = Program::new()
        .args(["index", "-o"])
        .args([&index, &old, &new]);
    made.run().exits(0);
    let extract = |ids: &str| {
        let carve = Program::new().args(["--index"]).args([&index]);
        carve.args(["--extract", ids, "-o", "-"]).run()
    };
    let (of_old, of_new) = (extract("1"), extract("8-9"));
    assert!(!of_new.stdout.is_empty());
    assert!(of_old.status.success() && of_new.status.success());
    fs::remove_file(&old).unwrap();
    let again = extract("8-9").exits(0);
    assert!(again.stdout == of_new.stdout);
    extract("1")
        .exits(1)
        .says("old.pcap")
        .says("it is not there");
    let listed = Program::new().args(["--index"]).args([&index]).run();
    listed.exits(0);
}
