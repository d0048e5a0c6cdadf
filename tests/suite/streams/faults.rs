//! What cannot be written: a message, exit code 1, and no file that is less than its stream.

use crate::common::disk::{NO_DISK, run_with_little_room};
use crate::common::program::{Ended, Program, run_other, wait_until};
use crate::common::streams::{QUIET, assert_same, files_in, manifest_rows, slashed};
use crate::common::{entries, testdata};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use testkit::conversation::{CLIENT, Ends, Trace, content, segments};

const SIGINT: i32 = 2;

fn http() -> std::path::PathBuf {
    testdata("recorded/http.pcap")
}

/// An extraction of all TCP streams.
fn extraction(capture: &Path, output: &Path) -> Program {
    let program = Program::new().args(QUIET).args(["--extract-tcp-all", "-o"]);
    program.args([output, capture])
}

/// A whole connection's one direction.
fn finished(ends: Ends, content: &[u8]) -> Trace {
    let mut trace = Trace::of([ends.syn(0)]);
    segments(ends, 1, content, 1400)
        .into_iter()
        .for_each(|it| trace.add(it));
    trace.add(ends.fin(u32::try_from(1 + content.len()).unwrap()));
    trace
}

/// A stream that does not end.
fn endless(ends: Ends, content: &[u8]) -> Trace {
    let mut trace = Trace::of([ends.syn(0)]);
    segments(ends, 1, content, 1400)
        .into_iter()
        .for_each(|it| trace.add(it));
    trace
}

// Places.

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "stays").unwrap();
    for (output, named) in [
        (slashed(&file), &file),
        (file.join("a/b/"), &file),
        (file.join("prefix_"), &file),
        (
            folder.path().join("none/out.tar"),
            &folder.path().join("none"),
        ),
        ("/dev/null/out/".into(), &"/dev/null".into()),
        ("/proc/none/out/".into(), &"/proc/none".into()),
    ] {
        let ended = extraction(&http(), &output).run().exits(1).prints_nothing();
        let ended = ended.says("cannot ").says(&named.display().to_string());
        assert!(!ended.stderr.contains(".pcap_flows-"), "{ended}");
        assert_eq!(entries(folder.path()), ["file"], "{ended}");
        assert_eq!(fs::read(&file).unwrap(), b"stays");
    }
}

#[test]
fn a_manifest_that_cannot_be_written_fails_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("none/list.csv");
    let output = slashed(&folder.path().join("out"));
    let program = extraction(&http(), &output);
    let ended = program
        .args(["--manifest".as_ref(), manifest.as_os_str()])
        .run();
    ended
        .exits(1)
        .says(&format!("cannot create {}", manifest.display()));
    assert!(entries(folder.path()).is_empty());
}

#[test]
fn a_directory_that_must_not_be_written_to() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(folder.path().join("probe"), "").is_ok() {
        eprintln!("this user may write everywhere: nothing to test");
        return;
    }
    let ended = extraction(&http(), &slashed(folder.path())).run().exits(1);
    ended
        .says(&folder.path().display().to_string())
        .says("Permission denied");
}

/// Where a stream's file is to be, there is a directory.
#[test]
fn a_name_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::write(&capture, finished(CLIENT, b"content").file()).unwrap();
    let output = folder.path().join("out");
    let taken = output.join(CLIENT.name("tcp"));
    fs::create_dir_all(&taken).unwrap();
    let ended = extraction(&capture, &output).run().exits(1);
    ended.says(&format!("cannot create {}", taken.display()));
    assert_eq!(entries(&output), [CLIENT.name("tcp")]);
}

// Names.

#[test]
fn a_name_that_is_too_long_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(300);
    for (output, template) in [
        ("out/", format!("{long}{{flow_id}}")),
        ("out/prefix", format!("{}{{flow_id}}", &long[..252])),
        (
            &format!("out/{}", &long[..250]),
            "{flow_id}-{src_ip}".to_owned(),
        ),
    ] {
        let output = folder.path().join(output);
        let program = extraction(&http(), &output).args(["--name-template", &template]);
        let ended = program
            .run()
            .exits(1)
            .says("File name too long")
            .says(&long[..250]);
        let ended = ended.says(&folder.path().join("out").display().to_string());
        let left = entries(folder.path());
        assert!(left.is_empty(), "{left:?} is left\n{ended}");
    }
}

/// Names of archives' entries have no such limit.
#[test]
fn an_archive_takes_long_names() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.tar");
    let template = format!("{{flow_id}}{}", "x".repeat(300));
    extraction(&http(), &output)
        .args(["--name-template", &template])
        .run()
        .exits(0);
    let names = crate::common::streams::files_of_archive(&output).into_iter();
    let expected = template.replace("{flow_id}", "1");
    assert_eq!(names.map(|(name, _)| name).next(), Some(expected));
}

/// Streams whose names fit are there, and listed; the others are not.
#[test]
fn streams_with_names_that_fit_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    let contents: Vec<Vec<u8>> = (0..20)
        .map(|it: u8| content(it.into(), 3000 * usize::from(it) + 1))
        .collect();
    let short = |at: usize| CLIENT.with_port(u16::try_from(50_000 + at).unwrap());
    let all = contents
        .iter()
        .enumerate()
        .map(|(at, it)| finished(short(at), it));
    let long = finished(CLIENT.with_ipv6(), b"content");
    let trace = Trace::chained(all.chain([long]));
    fs::write(&capture, trace.file()).unwrap();
    let output = folder.path().join("out");
    let prefix = "x".repeat(255 - short(0).name("tcp").len());
    let manifest = folder.path().join("list.csv");
    let program = extraction(&capture, &output.join(&prefix)).args(["--manifest"]);
    let ended = program
        .args([&manifest])
        .run()
        .exits(1)
        .says("File name too long");
    let ended = ended.says(&CLIENT.with_ipv6().name("tcp"));
    let files = files_in(&output);
    let rows = manifest_rows(&manifest, &output);
    let listed: Vec<&str> = rows.iter().map(|row| row["file"].as_str()).collect();
    for (at, content) in contents.iter().enumerate() {
        let name = prefix.clone() + &short(at).name("tcp");
        let file = files
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is there\n{ended}"));
        assert_same(file, content, &name);
        assert!(listed.contains(&name.as_str()), "{name} in {listed:?}");
    }
    assert_eq!((files.len(), listed.len()), (20, 20), "{listed:?}");
}

// Disks.

/// Streams that ended before the disk was full, small ones and a large one; then more of another
/// stream than there is room for.
fn overflowing() -> (Vec<(Ends, Vec<u8>)>, Trace) {
    let ended = (0..20).map(|number| {
        let len = if number == 7 {
            150_000
        } else {
            900 + number * 7
        };
        let port = u16::try_from(50_000 + number).unwrap();
        (
            CLIENT.with_port(port),
            content(number, usize::try_from(len).unwrap()),
        )
    });
    let ended: Vec<_> = ended.collect();
    let traces = ended.iter().map(|(ends, content)| finished(*ends, content));
    let endless = endless(CLIENT, &content(99, 3_000_000));
    let trace = Trace::chained(traces.chain([endless]));
    (ended, trace)
}

/// Runs an extraction that fills the disk; returns the streams that are there, complete and
/// listed. `None` where no such disk can be had.
fn fill_disk(window: &str, manifest: &str) -> Option<Vec<Ends>> {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (capture, disk, kept) = (place("capture.pcap"), place("disk"), place("kept"));
    let (streams, trace) = overflowing();
    fs::write(&capture, trace.file()).unwrap();
    fs::create_dir(&disk).unwrap();
    fs::create_dir(&kept).unwrap();
    let (output, list) = (slashed(&disk.join("out")), place(manifest));
    let mut args: Vec<&OsStr> = QUIET.iter().map(OsStr::new).collect();
    args.extend([capture.as_os_str(), "--extract-tcp-all".as_ref()]);
    args.extend(["-o".as_ref(), output.as_os_str()]);
    args.extend(["--manifest".as_ref(), list.as_os_str()]);
    args.extend(["--window-bytes", window].map(OsStr::new));
    let ended = run_with_little_room(&disk, &kept, &args)?.exits(1);
    let ended = ended.says("No space left on device");
    let ended = ended.says(&format!("cannot write {}", output.display()));
    // Nothing unfinished is left, nor anything else.
    let beside = entries(&kept);
    let is_known = |name: &String| name == "out" || name == "list.csv";
    assert!(beside.iter().all(is_known), "{beside:?}\n{ended}");
    if !kept.join("out").exists() {
        return Some(Vec::new());
    }
    let list = manifest
        .strip_prefix("disk/")
        .map_or(list, |it| kept.join(it));
    let mut files = files_in(&kept.join("out"));
    files.remove("list.csv");
    let listed = manifest_rows(&list, &disk.join("out")).into_iter();
    let listed: Vec<String> = listed.map(|row| row["file"].clone()).collect();
    let there = streams.into_iter().filter_map(|(ends, content)| {
        let name = ends.name("tcp");
        let file = files.remove(&name)?;
        assert_same(&file, &content, &name);
        assert!(listed.contains(&name), "{name} in {listed:?}\n{ended}");
        Some(ends)
    });
    let there: Vec<Ends> = there.collect();
    assert!(
        files.is_empty(),
        "not finished: {:?}\n{ended}",
        files.keys()
    );
    assert_eq!(listed.len(), there.len(), "{listed:?}\n{ended}");
    Some(there)
}

#[test]
fn a_full_disk_leaves_the_streams_that_were_finished() {
    let expected: Vec<Ends> = overflowing().0.into_iter().map(|(ends, _)| ends).collect();
    for (window, manifest) in [
        ("100000", "list.csv"),
        ("100000", "disk/list.csv"),
        ("100000", "disk/out/list.csv"),
        ("1", "list.csv"),
    ] {
        let Some(there) = fill_disk(window, manifest) else {
            eprintln!("{NO_DISK}");
            return;
        };
        assert_eq!(there, expected, "window {window}, {manifest}");
    }
}

/// All streams are written at once: which of them are finished when the disk is full, is chance.
#[test]
fn a_full_disk_leaves_only_what_is_complete() {
    for manifest in ["list.csv", "disk/list.csv", "disk/out/list.csv"] {
        if fill_disk("24000000", manifest).is_none() {
            eprintln!("{NO_DISK}");
            return;
        }
    }
}

#[test]
fn a_full_disk_leaves_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (capture, disk, kept) = (place("capture.pcap"), place("disk"), place("kept"));
    fs::write(&capture, overflowing().1.file()).unwrap();
    fs::create_dir(&disk).unwrap();
    fs::create_dir(&kept).unwrap();
    let output = disk.join("out.tar");
    let mut args: Vec<&OsStr> = QUIET.iter().map(OsStr::new).collect();
    args.extend([capture.as_os_str(), "--extract-tcp-all".as_ref()]);
    args.extend(["-o".as_ref(), output.as_os_str()]);
    let Some(ended) = run_with_little_room(&disk, &kept, &args) else {
        eprintln!("{NO_DISK}");
        return;
    };
    ended
        .exits(1)
        .says("No space left on device")
        .says(&output.display().to_string());
    assert!(entries(&kept).is_empty(), "{:?}", entries(&kept));
}

/// What is replaced stays what it was until the new one is whole.
#[test]
fn a_full_disk_leaves_what_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (capture, disk, kept) = (place("capture.pcap"), place("disk"), place("kept"));
    let (first, second) = (place("first.pcap"), place("second"));
    fs::write(&capture, endless(CLIENT, &content(1, 3_000_000)).file()).unwrap();
    fs::write(&first, endless(CLIENT, b"before").file()).unwrap();
    // A first run writes what the second one is to replace.
    let script = "\"$0\" --extract-tcp-all --disable-display -o \"$1/\" \"$2\" && \
                  exec \"$0\" --extract-tcp-all --disable-display -o \"$1/\" \"$3\"";
    fs::write(&second, script).unwrap();
    fs::create_dir(&disk).unwrap();
    fs::create_dir(&kept).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    let mounted = format!(
        "mount -t tmpfs -o size=1m none \"$1\" || exit 99; ({script}); code=$?; \
                           cp -a \"$1/.\" \"$4\"; exit $code"
    );
    command.arg(mounted).arg(env!("CARGO_BIN_EXE_pcap_flows"));
    command.args([&disk, &first, &capture, &kept]);
    let ended = run_other(command);
    let is_possible =
        |it: &Ended| it.status.code() != Some(99) && !it.stderr.starts_with("unshare: ");
    let Some(ended) = ended.filter(is_possible) else {
        eprintln!("{NO_DISK}");
        return;
    };
    ended.exits(1).says("No space left on device");
    assert_eq!(
        files_in(&kept),
        [(CLIENT.name("tcp"), b"before".to_vec())].into()
    );
}

// Captures.

/// What waits is read again at the end: from the same capture, or not at all.
#[test]
fn a_capture_that_is_replaced_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let capture = place("capture.pcap");
    let small = CLIENT.with_port(50_000);
    let large = endless(CLIENT, &content(1, 100_000));
    let trace = Trace::chained([endless(small, b"what was captured"), large]);
    fs::write(&capture, trace.file()).unwrap();
    let (reader, mut end) = std::io::pipe().unwrap();
    let output = slashed(&place("out"));
    let running = extraction(&capture, &output).args(["-"]).start_with(reader);
    // The large stream is written when its window has been read; the small one waits.
    wait_until("streams are written", || is_started(folder.path()));
    let other = place("other.pcap");
    fs::write(&other, vec![b'?'; trace.file().len()]).unwrap();
    fs::rename(&other, &capture).unwrap();
    end.write_all(&fs::read(http()).unwrap()).unwrap();
    drop(end);
    let ended = running.wait();
    if ended.status.code() == Some(0) {
        let found = files_in(&place("out")).remove(&small.name("tcp"));
        assert_same(&found.unwrap(), b"what was captured", "the small stream");
    } else {
        ended.exits(1).says("capture.pcap");
        let is_hidden = |name: &String| name.starts_with('.');
        assert!(!entries(folder.path()).iter().any(is_hidden));
    }
}

// Signals.

#[test]
fn a_signal_leaves_no_partial_file() {
    for output in ["out/", "out/prefix_", "out.tar"] {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("capture.pcap");
        let whole = content(1, 60_000);
        let trace = Trace::chained([
            finished(CLIENT.with_port(50_000), &whole),
            endless(CLIENT, &content(2, 200_000)),
        ]);
        fs::write(&capture, trace.file()).unwrap();
        let (reader, mut end) = std::io::pipe().unwrap();
        let manifest = folder.path().join("list.csv");
        // The file is read, the pipe brings some packets, and stays open.
        let program = extraction(&capture, &folder.path().join(output)).args(["-"]);
        let program = program.args(["--manifest".as_ref(), manifest.as_os_str()]);
        let running = program.start_with(reader);
        end.write_all(&fs::read(http()).unwrap()).unwrap();
        wait_until("streams are written", || is_started(folder.path()));
        running.signal("INT");
        let ended = running.wait().ends_by_signal(SIGINT);
        drop(end);
        let names = entries(folder.path());
        let is_known = |it: &String| ["out", "list.csv", "capture.pcap"].contains(&it.as_str());
        assert!(names.iter().all(is_known), "{names:?}\n{ended}");
        let directory = folder.path().join("out");
        if !directory.exists() {
            continue;
        }
        for (name, file) in files_in(&directory) {
            assert!(
                name.ends_with(&CLIENT.with_port(50_000).name("tcp")),
                "{name}\n{ended}"
            );
            assert_same(&file, &whole, &name);
        }
    }
}

/// Whether streams are being written: a file in a directory that is not complete, or the archive
/// and the manifest.
fn is_started(folder: &Path) -> bool {
    let output = folder.join("out");
    let folders = [folder, &output].into_iter().filter(|it| it.exists());
    let hidden = folders.flat_map(|folder| {
        let names = entries(folder).into_iter();
        let names = names.filter(|it| it.starts_with(".pcap_flows-"));
        names.map(|it| folder.join(it))
    });
    let (directories, files): (Vec<_>, Vec<_>) = hidden.partition(|it| it.is_dir());
    let has_files = |it: &std::path::PathBuf| !entries(it).is_empty();
    files.len() == 2 || directories.iter().any(has_files)
}
