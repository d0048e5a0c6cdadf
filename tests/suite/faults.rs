//! Each system call of a run fails once, or is the moment of a signal: no output is ever less than
//! whole under its name.

use crate::common::program::Program;
use crate::common::strace::{Fault, Faulty, NO_STRACE, calls_of_loader, run_with_fault};
use crate::common::testdata;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Files by their names in a folder, with all that is below it.
type Files = BTreeMap<String, Vec<u8>>;

/// A folder with a capture, and what the program does there.
struct Case {
    folder: TempDir,
    args: Vec<&'static str>,
    /// Outputs that are there from before.
    before: Files,
    /// Outputs of a run that nothing happens to.
    whole: Files,
}

const CAPTURE: &str = "capture.pcap";
const MANIFESTS: [&str; 2] = ["list.csv", "list.json"];
const TEMPORARY: &str = ".pcap_flows-";

impl Case {
    fn new(prepare: &[&str], args: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in [CAPTURE, "first.pcap"] {
            fs::copy(testdata("recorded/http.pcap"), folder.path().join(name)).unwrap();
        }
        if !prepare.is_empty() {
            let program = Program::new().current_dir(folder.path());
            program.args(prepare).run().exits(0);
        }
        let mut case = Self {
            before: files_in(folder.path()),
            whole: Files::new(),
            args: [args, &["--threads", "1", "--progress", "never"]].concat(),
            folder,
        };
        let program = Program::new().current_dir(case.folder.path());
        program.args(&case.args).run().exits(0);
        case.whole = files_in(case.folder.path());
        assert_ne!(case.whole, case.before, "there are outputs");
        case.restore();
        case
    }

    /// Puts outputs back to what they were. Captures stay as they are: indexes know their times.
    fn restore(&self) {
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                fs::remove_dir_all(&path).unwrap();
            } else if path.extension().is_none_or(|it| it != "pcap") || path.ends_with("out.pcap") {
                fs::remove_file(&path).unwrap();
            }
        }
        for (name, bytes) in &self.before {
            let path = self.folder.path().join(name);
            if !path.exists() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, bytes).unwrap();
            }
        }
    }

    /// Lets a fault strike each of a run's calls, one after the other, and gives what came of it
    /// to `check`. Returns how many there were; `None` where processes cannot be traced.
    fn strike_each(
        &self,
        call: &str,
        what: &str,
        check: impl Fn(&Faulty, &Files, &str),
    ) -> Option<usize> {
        let first = calls_of_loader(call)? + 1;
        for number in first..first + MOST_CALLS {
            let fault = Fault { call, what, number };
            let run = run_with_fault(self.folder.path(), &self.args, fault)?;
            if run.times == 0 {
                self.restore();
                return Some(number - first);
            }
            let label = format!("{call} {number}: {what}\n{}", run.ended);
            let after = files_in(self.folder.path());
            self.are_whole_or_as_before(&after, &label);
            check(&run, &after, &label);
            self.restore();
        }
        panic!("{call}: there is no end of it");
    }

    #[track_caller]
    fn are_whole_or_as_before(&self, after: &Files, label: &str) {
        for (name, bytes) in after {
            let is_right = |files: &Files| files.get(name) == Some(bytes);
            let is_known = is_right(&self.before) || is_right(&self.whole);
            // How long a run takes is never the same.
            let is_stats =
                name == "stats.json" && serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
            let is_temporary = name.contains(TEMPORARY);
            assert!(
                is_known || is_stats || is_temporary || self.is_partial_manifest(name, bytes),
                "{name} is not whole: {label}"
            );
        }
        let are_kept = self.before.keys().all(|name| after.contains_key(name));
        assert!(are_kept, "what was there is gone: {label}");
    }

    /// Where a run fails, the streams that were finished are kept, and only these are listed.
    fn is_partial_manifest(&self, name: &str, bytes: &[u8]) -> bool {
        let lines = |bytes: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(bytes);
            text.split_inclusive('\n').map(str::to_owned).collect()
        };
        let whole = self.whole.get(name).map(|it| lines(it));
        let whole = whole.unwrap_or_default();
        let are_from_the_whole = lines(bytes).iter().all(|line| whole.contains(line));
        MANIFESTS.iter().any(|it| name.ends_with(it)) && are_from_the_whole
    }

    #[track_caller]
    fn is_whole(&self, after: &Files, label: &str) {
        let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(after), names(&self.whole), "{label}");
        for (name, bytes) in &self.whole {
            assert!(
                name == "stats.json" || after.get(name) == Some(bytes),
                "{name}: {label}"
            );
        }
    }

    #[track_caller]
    fn has_no_temporaries(after: &Files, label: &str) {
        let left: Vec<&String> = after.keys().filter(|it| it.contains(TEMPORARY)).collect();
        assert!(left.is_empty(), "{left:?} is left: {label}");
    }
}

fn files_in(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                files.insert(name.to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

const MOST_CALLS: usize = 300;
const STREAMS: [&str; 3] = [CAPTURE, "--disable-display", "--extract-tcp-all"];

fn packets() -> Case {
    Case::new(
        &[],
        &[
            CAPTURE,
            "-o",
            "out.pcap",
            "--stats",
            "stats.json",
            "--disable-display",
        ],
    )
}

fn new_directory() -> Case {
    Case::new(
        &[],
        &[&STREAMS[..], &["-o", "new/", "--manifest", "list.csv"]].concat(),
    )
}

/// One file of each stream is there, of other content.
fn known_directory() -> Case {
    let args = [&STREAMS[..], &["-o", "old/", "--manifest", "old/list.json"]].concat();
    let before = [&STREAMS[..], &["-o", "old/", "--tcpheader"]].concat();
    Case::new(&before, &args)
}

fn archive() -> Case {
    Case::new(
        &[],
        &[&STREAMS[..], &["-o", "all.tar", "--manifest", "list.csv"]].concat(),
    )
}

fn parquet() -> Case {
    Case::new(&[], &[CAPTURE, "--format", "parquet", "-o", "list.parquet"])
}

fn new_index() -> Case {
    Case::new(&[], &["index", CAPTURE, "-o", "day.idx"])
}

fn longer_index() -> Case {
    // With TCP connections, extending an index removes a file on purpose.
    let before = ["index", "--no-tcp", "first.pcap", "-o", "day.idx"];
    Case::new(&before, &["index", CAPTURE, "--append", "day.idx"])
}

type NamedCase = (&'static str, fn() -> Case);

const CASES: [NamedCase; 7] = [
    ("packets", packets),
    ("new directory", new_directory),
    ("known directory", known_directory),
    ("archive", archive),
    ("parquet", parquet),
    ("new index", new_index),
    ("longer index", longer_index),
];

/// Strikes each of these calls in all cases; says how often that was.
fn strike_all(calls: &[&str], what: &str, check: impl Fn(&Case, &Faulty, &Files, &str)) {
    let mut struck = 0;
    for (name, make) in CASES {
        let case = make();
        for call in calls {
            let count = case.strike_each(call, what, |run, after, label| {
                check(&case, run, after, &format!("{name}, {label}"));
            });
            let Some(count) = count else {
                assert_eq!(struck, 0, "{name}, {call}: tracing stopped");
                eprintln!("{NO_STRACE}");
                return;
            };
            struck += count;
        }
    }
    assert!(struck > 0, "{calls:?} are called");
}

/// A call that fails either does not matter, or ends the run with a message.
#[track_caller]
fn fails_or_is_whole(case: &Case, run: &Faulty, after: &Files, label: &str) {
    let ended = &run.ended;
    Case::has_no_temporaries(after, label);
    assert!(!ended.stderr.contains("panicked"), "{label}");
    match ended.status.code() {
        Some(0) => case.is_whole(after, label),
        Some(1) if run.is_mute => {}
        Some(1) => assert!(ended.stderr.contains("pcap_flows: "), "{label}"),
        _ => panic!("exit code: {label}"),
    }
}

#[test]
fn writing_fails() {
    strike_all(
        &["write", "writev", "pwrite64"],
        "error=ENOSPC",
        fails_or_is_whole,
    );
}

#[test]
fn renaming_and_removing_fail() {
    let calls = ["rename", "renameat", "renameat2", "mkdir", "rmdir"];
    strike_all(&calls, "error=EIO", fails_or_is_whole);
}

#[test]
fn opening_fails() {
    strike_all(&["openat"], "error=EACCES", fails_or_is_whole);
}

#[test]
fn reading_fails() {
    let calls = ["read", "pread64", "statx", "fstat", "lseek", "getdents64"];
    strike_all(&calls, "error=EIO", fails_or_is_whole);
}

/// What was interrupted is tried again.
#[test]
fn calls_are_interrupted() {
    let calls = ["read", "write", "writev", "pread64"];
    strike_all(&calls, "error=EINTR", |case, run, after, label| {
        assert_eq!(run.ended.status.code(), Some(0), "{label}");
        case.is_whole(after, label);
    });
}

/// Where outputs change. What is done in between leaves no trace.
const STEPS: [&str; 6] = ["openat", "write", "writev", "renameat", "mkdir", "close"];

#[test]
fn a_signal_at_any_moment() {
    for (what, number) in [("signal=TERM", 15), ("signal=INT", 2), ("signal=HUP", 1)] {
        let calls = if number == 15 {
            &STEPS[..]
        } else {
            &STEPS[1..4]
        };
        strike_all(calls, what, |case, run, after, label| {
            use std::os::unix::process::ExitStatusExt;
            // The second signal, of another thread, ends the program at once.
            if run.times == 1 {
                Case::has_no_temporaries(after, label);
            }
            match (run.ended.status.code(), run.ended.status.signal()) {
                // It came too late.
                (Some(0), _) => case.is_whole(after, label),
                (_, Some(signal)) => assert_eq!(signal, number, "{label}"),
                _ => panic!("exit code: {label}"),
            }
        });
    }
}

/// Files with the names that an index's packets have in `whole`: a run that was killed may have
/// taken a number, so that the next run took the one after it.
fn renumbered(mut files: Files, whole: &Files) -> Files {
    let parts = |files: &Files| -> Vec<String> {
        let names = files.keys().filter(|it| it.contains(".packets-"));
        names.cloned().collect()
    };
    // From the first on: each number is free by then.
    for (found, expected) in parts(&files).iter().zip(parts(whole)) {
        let renamed = files.into_iter().map(|(name, bytes)| {
            let bytes = replaced(bytes, found.as_bytes(), expected.as_bytes());
            (name.replace(found, &expected), bytes)
        });
        files = renamed.collect();
    }
    files
}

/// Bytes in which one name stands for another of the same length.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// Nothing can be cleaned up; what is left has a name that says so, and is in nobody's way.
#[test]
fn a_kill_at_any_moment() {
    strike_all(&STEPS, "signal=KILL", |case, _, _, label| {
        let again = Program::new().current_dir(case.folder.path());
        let ended = again.args(&case.args).run();
        assert!(ended.status.success(), "{label}\n{ended}");
        let mut after = files_in(case.folder.path());
        after.retain(|name, _| !name.contains(TEMPORARY));
        case.is_whole(&renumbered(after, &case.whole), label);
    });
}
