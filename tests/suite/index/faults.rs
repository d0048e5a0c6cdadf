//! Runs that cannot end as they should: nothing under the final names, or what was there before.

use crate::common::disk::{NO_DISK, run_with_little_room};
use crate::common::indexed::{Indexed, make};
use crate::common::program::{Program, run, wait_until};
use crate::common::{entries, testdata};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use testkit::frames;

const SIGINT: i32 = 2;

/// More flows than there is room for in a list or an index on the small disk, in which nothing
/// repeats.
fn many_flows() -> Vec<u8> {
    use testkit::pcap::Pcap;
    let frame = |number: u32| {
        let mixed = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
        let payload = [
            &[mixed[0], mixed[1], mixed[2], mixed[3], 0, 12][..],
            &[0; 6],
        ]
        .concat();
        let mut packet = frames::ipv4((1, 2), 17, (0, 0), &payload);
        let address = number.wrapping_mul(0x85eb_ca6b).to_be_bytes();
        packet[12..16].copy_from_slice(&address);
        frames::ethernet((1, 2), &[], 0x0800, &packet)
    };
    Pcap::COMMON.file((0..150_000).map(frame))
}

#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (capture, disk, kept) = (place("capture.pcap"), place("disk"), place("kept"));
    fs::write(&capture, many_flows()).unwrap();
    fs::create_dir(&disk).unwrap();
    fs::create_dir(&kept).unwrap();
    let output = disk.join("out");
    let (capture, output) = (capture.as_os_str(), output.as_os_str());
    let quiet = ["--progress", "never", "-o"].map(OsStr::new);
    let index: &[&OsStr] = &["index".as_ref(), capture];
    let parquet: &[&OsStr] = &[capture, "--format".as_ref(), "parquet".as_ref()];
    let arrow: &[&OsStr] = &[capture, "--format".as_ref(), "arrow".as_ref()];
    for args in [index, parquet, arrow] {
        let args = [args, &quiet, &[output]].concat();
        let Some(ended) = run_with_little_room(&disk, &kept, &args) else {
            eprintln!("{NO_DISK}");
            return;
        };
        let ended = ended.exits(1).prints_nothing();
        let ended = ended
            .says("No space left on device")
            .says(&output.display().to_string());
        assert!(entries(&kept).is_empty(), "{:?}\n{ended}", entries(&kept));
    }
}

/// A place that cannot be written to shows before anything is read.
#[test]
fn places_that_cannot_be_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let http = testdata("recorded/http.pcap");
    fs::write(folder.path().join("file"), "stays").unwrap();
    fs::create_dir(folder.path().join("day.idx.packets-1")).unwrap();
    let before = entries(folder.path());
    for name in ["none/day.idx", "file/day.idx", ""] {
        let index = folder.path().join(name);
        let ended = make(&index, &[&http], &[]).exits(1).prints_nothing();
        ended.says(&format!("cannot create {}", index.display()));
        assert_eq!(entries(folder.path()), before);
    }
}

/// Nothing but the captures may be lost by writing an index, and nothing of an index by its use.
#[test]
fn captures_and_indexes_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::copy(testdata("recorded/http.pcap"), &capture).unwrap();
    let own = fs::read(&capture).unwrap();
    make(&capture, &[&capture], &[])
        .exits(1)
        .says("is also an input");
    let index = folder.path().join("day.idx");
    let stats = ["--stats", capture.to_str().unwrap()];
    make(&index, &[&capture], &stats)
        .exits(1)
        .says("is also an input");
    assert_eq!(entries(folder.path()), ["capture.pcap"]);
    assert!(fs::read(&capture).unwrap() == own);

    make(&index, &[&capture], &[]).exits(0);
    let packets = folder.path().join("day.idx.packets-1");
    let connections = folder.path().join("day.idx.tcp");
    let files = [&capture, &index, &packets, &connections];
    let before = files.map(|it| fs::read(it).unwrap());
    let names = entries(folder.path());
    for output in files {
        let output = output.to_str().unwrap();
        for args in [
            &["--extract", "1", "-o", output][..],
            &["--extract", "1", "-o", "-", "--stats", output],
            &["--disable-display", "--stats", output],
            &["--format", "parquet", "-o", output],
        ] {
            let program = Program::new()
                .current_dir(folder.path())
                .args(["--progress", "never"]);
            let ended = program
                .args(["--index".as_ref(), index.as_os_str()])
                .args(args)
                .run();
            let after = files.map(|it| fs::read(it).unwrap());
            assert!(before == after, "{ended}");
            ended.exits(1).says("is also an input");
            assert_eq!(entries(folder.path()), names);
        }
    }
}

/// A capture whose name looks like a part of the index stays.
#[test]
fn captures_beside_an_index_stay() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    let capture = folder.path().join("day.idx.packets-7");
    fs::copy(testdata("recorded/http.pcap"), &capture).unwrap();
    make(&index, &[&capture], &[]).exits(0);
    assert!(capture.exists());
    let ids = ["--extract", "1", "-o", "-"];
    Program::new()
        .args(["--index"])
        .args([&index])
        .args(ids)
        .run()
        .exits(0);
}

/// An index that is made anew replaces the old one, with all of its files.
#[test]
fn an_index_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    let list = || {
        let program = Program::new()
            .args(["--format", "csv", "--index"])
            .args([&index]);
        program.run().exits(0).stdout
    };
    make(&index, &[testdata("recorded/http.pcap")], &[]).exits(0);
    let first = list();
    make(&index, &[testdata("recorded/dns.pcap")], &[]).exits(0);
    assert!(list() != first);
    assert_eq!(
        entries(folder.path()).len(),
        3,
        "{:?}",
        entries(folder.path())
    );
    // One that fails leaves it as it is.
    let (names, second) = (entries(folder.path()), list());
    make(&index, &[testdata("generated/damage/text.pcap")], &[]).exits(1);
    make(&index, &[folder.path().join("none")], &[]).exits(1);
    assert!(list() == second && entries(folder.path()) == names);
    let ids = ["--extract", "1", "-o", "-"];
    Program::new()
        .args(["--index"])
        .args([&index])
        .args(ids)
        .run()
        .exits(0);
}

/// Whoever reads a list may have seen enough.
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("many.pcap");
    fs::write(&capture, frames::many_flows(8000)).unwrap();
    let indexed = Indexed::of(&[&capture], &[]);
    for format in ["text", "csv", "json", "parquet", "arrow"] {
        let mut running = indexed.by_index().args(["--format", format]).start();
        drop(running.child.stdout.take());
        let ended = running.wait().exits(0);
        assert!(ended.stderr.is_empty(), "nobody needs to be told\n{ended}");
    }
}

/// The program is stopped as soon as it has begun to write, and asked to end before it goes on. It
/// ends by the signal and leaves nothing, unless it was all but done.
#[test]
fn a_signal_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("many.pcap");
    fs::write(&capture, frames::many_flows(60_000)).unwrap();
    let index = folder.path().join("day.idx");
    let program = Program::new().args(["index", "--window-bytes", "5000", "--threads", "1", "-o"]);
    let running = program.args([&index, &capture]).start();
    wait_until("the index is started", || entries(folder.path()).len() > 1);
    running.signal("STOP");
    running.signal("INT");
    running.signal("CONT");
    let ended = running.wait();
    if ended.status.code() == Some(0) {
        let names = ["day.idx", "day.idx.packets-1", "day.idx.tcp", "many.pcap"];
        assert_eq!(entries(folder.path()), names, "{ended}");
    } else {
        let ended = ended.ends_by_signal(SIGINT);
        assert_eq!(entries(folder.path()), ["many.pcap"], "{ended}");
    }
}

/// From where it is called, names are found again from elsewhere.
#[test]
fn relative_names_are_kept_as_absolute_ones() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(testdata("recorded/http.pcap"), folder.path().join("a.pcap")).unwrap();
    let made = ["index", "./a.pcap", "-o", "day.idx"];
    Program::new()
        .current_dir(folder.path())
        .args(made)
        .run()
        .exits(0);
    let index = folder.path().join("day.idx");
    let args = ["--extract", "1", "-o", "-", "--index"].map(AsRef::as_ref);
    let ended = run(args.into_iter().chain([index.as_os_str()])).exits(0);
    assert!(!ended.stdout.is_empty());
    // Both files of an index are moved together.
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for name in ["day.idx", "day.idx.packets-1"] {
        fs::rename(folder.path().join(name), elsewhere.join(name)).unwrap();
    }
    let moved = |folder: &Path, name: &str| {
        let program = Program::new().current_dir(folder).args(["--index", name]);
        program
            .args(["--extract", "1", "-o", "-"])
            .run()
            .exits(0)
            .stdout
    };
    assert!(moved(folder.path(), "elsewhere/day.idx") == ended.stdout);
    assert!(moved(&elsewhere, "day.idx") == ended.stdout);
}
