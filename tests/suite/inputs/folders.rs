//! A folder is the captures in it.

use super::{capture, hosts, write};
use crate::common::program::{Ended, Program, run};
use crate::compressed::FORMATS as COMPRESSIONS;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use testkit::pcap::Pcap;

fn list(folder: &Path, options: &[&str]) -> Ended {
    Program::new()
        .args([folder.as_os_str()])
        .args(["--format", "csv"])
        .args(options)
        .run()
}

/// A folder with captures, compressed ones too, that its names have in another order.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let form = Pcap::COMMON;
    let captures = [
        ("a.pcap", capture(form, &[(30, 1)])),
        ("b.pcap.gz", COMPRESSIONS[0].1(&capture(form, &[(20, 2)]))),
        ("c", capture(Pcap::NANOS, &[(10, 3)])),
    ];
    write(folder.path(), &captures);
    folder
}

#[test]
fn a_folder_is_read_in_the_order_of_time() {
    let folder = filled();
    let ended = list(folder.path(), &[]).exits(0);
    assert_eq!(hosts(&ended), [3, 2, 1]);
    ended.says("in the order of their first packets");
    let ended = list(folder.path(), &["--as-given"]).exits(0);
    assert_eq!(hosts(&ended), [1, 2, 3]);
    let ended = list(folder.path(), &["--merge"]).exits(0);
    assert_eq!(hosts(&ended), [3, 2, 1]);
    // Beside files and other folders.
    let more = filled();
    let file = more.path().join("a.pcap");
    let ended = Program::new()
        .args([file.as_os_str(), folder.path().as_os_str()])
        .args(["--format", "csv"])
        .run()
        .exits(0);
    assert_eq!(hosts(&ended), [3, 2, 1]);
    ended.says("4 packets");
}

#[test]
fn what_is_no_capture_is_told_once() {
    let folder = filled();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("notes.txt"), "not a capture").unwrap();
    fs::write(at("empty.pcap"), "").unwrap();
    fs::write(at("packed.gz"), COMPRESSIONS[0].1(b"not a capture either")).unwrap();
    Program::after(&format!("mkfifo {}", at("pipe").display()))
        .args(["--version"])
        .run()
        .exits(0);
    let ended = list(folder.path(), &[]).exits(0);
    assert_eq!(hosts(&ended), [3, 2, 1]);
    assert_eq!(ended.stderr.matches("left out").count(), 1, "{ended}");
    ended
        .says("4 files are left out")
        .says("empty.pcap, and 3 more");
}

#[test]
fn what_cannot_be_read_is_told_once_and_is_not_all_that_was_named() {
    let folder = filled();
    symlink("nowhere", folder.path().join("lost.pcap")).unwrap();
    symlink("nowhere", folder.path().join("lost2.pcap")).unwrap();
    // A gzip header with nothing behind it.
    fs::write(folder.path().join("x.gz"), b"\x1f\x8b\x08\0").unwrap();
    let ended = list(folder.path(), &[]).exits(3);
    assert_eq!(hosts(&ended), [3, 2, 1]);
    assert_eq!(ended.stderr.matches("not read:").count(), 1, "{ended}");
    ended
        .says("3 files or folders are not read")
        .says("lost.pcap");
}

#[test]
fn folders_in_folders_are_read_where_that_is_asked_for() {
    let folder = filled();
    let inner = folder.path().join("aa/bb");
    fs::create_dir_all(&inner).unwrap();
    write(&inner, &[("d.pcap", capture(Pcap::COMMON, &[(15, 4)]))]);
    // A circle is not followed.
    symlink(folder.path(), inner.join("up")).unwrap();
    let ended = list(folder.path(), &[]).exits(0);
    assert_eq!(hosts(&ended), [3, 2, 1]);
    ended.says("1 folder in it is not looked into (--recursive does)");
    let ended = list(folder.path(), &["--recursive"]).exits(0);
    assert_eq!(hosts(&ended), [3, 4, 2, 1]);
    let ended = list(folder.path(), &["--recursive", "--as-given"]).exits(0);
    assert_eq!(hosts(&ended), [1, 4, 2, 3]);
}

#[test]
fn a_folder_without_captures_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    list(folder.path(), &[]).exits(1).says("no captures in it");
    fs::create_dir(folder.path().join("inner")).unwrap();
    list(folder.path(), &[]).exits(1).says("--recursive");
    list(&folder.path().join("missing"), &[])
        .exits(1)
        .says("cannot open");
}

#[test]
fn an_index_takes_folders() {
    let folder = filled();
    let index = tempfile::tempdir().unwrap();
    let index = index.path().join("idx");
    run([
        "index".as_ref(),
        folder.path().as_os_str(),
        "-o".as_ref(),
        index.as_os_str(),
    ])
    .exits(0);
    let listed = run([
        OsStr::new("--index"),
        index.as_os_str(),
        "--format".as_ref(),
        "csv".as_ref(),
    ]);
    assert_eq!(hosts(&listed.exits(0)), [3, 2, 1]);
}

/// An output in a folder that is read is none of its captures.
#[test]
fn an_output_may_go_to_a_folder_that_is_read() {
    let folder = filled();
    let output = folder.path().join("z.pcap");
    let option = ["-o", output.to_str().unwrap(), "--disable-display"];
    list(folder.path(), &option).exits(0).says("3 packets");
    // The next time it is a capture like the others, and must not be replaced.
    list(folder.path(), &option).exits(1).says("also an input");
}
