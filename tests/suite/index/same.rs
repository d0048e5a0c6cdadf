//! An index is the same bytes, however the captures were read; and what is packed in another way
//! gives the same answers.

use crate::common::indexed::{Indexed, make};
use crate::common::{Complaints, captures, entries, testdata};
use crate::compressed::FORMATS;
use crate::streams::same::mixed;
use std::fs;
use std::path::PathBuf;

/// Ways to read a capture that must not make a difference.
pub(crate) const WAYS: [&[&str]; 5] = [
    &["--threads", "1"],
    &[
        "--threads",
        "3",
        "--window-bytes",
        "3000",
        "--chunk-bytes",
        "500",
    ],
    &["--window-bytes", "1", "--chunk-bytes", "1"],
    &["--threads", "7", "--chunk-bytes", "1000"],
    &["--threads", "2", "--window-bytes", "100000"],
];

/// What the files of an index hold.
fn index_of(captures: &[PathBuf], options: &[&str]) -> [Vec<u8>; 3] {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    let ended = make(&index, captures, options);
    let code = ended.status.code();
    let ended = ended.exits(if code == Some(3) { 3 } else { 0 });
    let names = ["day.idx", "day.idx.packets-1", "day.idx.tcp"];
    assert_eq!(entries(folder.path()), names, "{ended}");
    names.map(|it| fs::read(folder.path().join(it)).unwrap())
}

fn compare(captures: &[PathBuf], options: &[&str], ways: &[&[&str]], wrong: &mut Complaints) {
    let expected = index_of(captures, options);
    for way in ways {
        let found = index_of(captures, &[options, way].concat());
        if found != expected {
            wrong.add(format!("{captures:?}, {options:?}, {way:?}"));
        }
    }
}

#[test]
fn whatever_the_threads_windows_and_chunks() {
    let mut wrong = Complaints::default();
    let mut recorded = Vec::new();
    for (number, capture) in captures().into_iter().enumerate() {
        if capture.refused {
            continue;
        }
        let path = [capture.path()];
        let way = [WAYS[1 + number % 4]];
        compare(&path, &[], &way, &mut wrong);
        if capture.name.contains("recorded") {
            let [path] = path;
            recorded.push(path);
        }
    }
    compare(&recorded, &[], &WAYS, &mut wrong);
    compare(&recorded, &["--bidirectional"], &WAYS, &mut wrong);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.pcap");
    fs::write(&path, mixed().file()).unwrap();
    let all = [recorded, vec![path]].concat();
    compare(&all, &["--idle-timeout", "0.001"], &WAYS, &mut wrong);
    wrong.none();
}

/// What is the same does not tell which capture it was asked of.
#[test]
fn other_captures_make_another_index() {
    let indexes = ["http.pcap", "dns.pcap"].map(|it| testdata("recorded").join(it));
    let [http, dns] = indexes.map(|it| index_of(&[it], &[]));
    assert!(http[0] != dns[0] && http[1] != dns[1]);
}

/// Places are those of what is inside; it is unpacked to where temporary files go, and nothing
/// stays there.
#[test]
fn whatever_a_capture_is_packed_with() {
    let folder = tempfile::tempdir().unwrap();
    let mixture = folder.path().join("mixed.pcap");
    fs::write(&mixture, mixed().file()).unwrap();
    let mut wrong = Complaints::default();
    for plain in [testdata("recorded/ipv6.pcapng"), mixture] {
        let content = fs::read(&plain).unwrap();
        for (name, pack) in FORMATS {
            // One member, and several.
            let path = folder.path().join(name);
            let some = content.chunks(content.len() / 3 + 1).map(pack);
            fs::write(&path, some.collect::<Vec<_>>().concat()).unwrap();
            let mut indexed = Indexed::of(&[&path, &plain], &[]);
            indexed.captures = vec![plain.clone(), plain.clone()];
            indexed.compare_lists(&["--format", "csv"], &mut wrong);
            for options in [&[][..], &["--extract", "3,5-6"], &["--filter", "udp"]] {
                indexed.compare_outputs("out", options, &mut wrong);
            }
            let options = ["--extract-tcp-all", "--extract-udp-all"];
            indexed.compare_outputs("out/", &options, &mut wrong);
            let spools = folder.path().join("spools");
            fs::create_dir_all(&spools).unwrap();
            let program = indexed.by_index().env("TMPDIR", spools.to_str().unwrap());
            let ended = program.args(["--extract", "1", "-o", "-"]).run().exits(0);
            let ended = ended.says(&format!("{}: ", path.display()));
            ended.says("bytes were unpacked to get at the records asked for");
            assert!(entries(&spools).is_empty(), "{:?}", entries(&spools));
        }
    }
    wrong.none();
}
