//! System calls that fail, or during which a signal comes: strace(1) sees all of them, also those
//! that a library makes by itself.

use super::program::{Ended, run_other};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// What is said where processes cannot be traced.
pub(crate) const NO_STRACE: &str = "strace cannot trace here: nothing to test";

/// What happens in the place of a system call, or during it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault<'a> {
    /// The system call; each thread counts its own.
    pub(crate) call: &'a str,
    /// As strace writes it: `error=EIO`, `signal=KILL`.
    pub(crate) what: &'a str,
    /// Which of the calls, from 1.
    pub(crate) number: usize,
}

impl Fault<'_> {
    /// How often it is in a run's log: an error is marked; a signal comes from the kernel, and not
    /// from the program itself; one that cannot be caught ends the process.
    fn times(&self, log: &str) -> usize {
        let is_struck = |line: &&str| match self.what.strip_prefix("signal=") {
            None => line.ends_with("(INJECTED)"),
            Some("KILL") => line.contains("killed by SIGKILL"),
            Some(signal) => {
                line.contains(&format!("--- SIG{signal} ")) && line.contains("SI_KERNEL")
            }
        };
        log.lines().filter(is_struck).count()
    }
}

/// A run during which there may have been a fault.
#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) ended: Ended,
    /// How many threads it struck.
    pub(crate) times: usize,
    /// Whether it struck what the program had to say.
    pub(crate) is_mute: bool,
}

/// Runs the program in a folder with a fault. `None` where processes cannot be traced.
pub(crate) fn run_with_fault(folder: &Path, args: &[&str], fault: Fault<'_>) -> Option<Faulty> {
    let Fault { call, what, number } = fault;
    let inject = format!("inject={call}:{what}:when={number}");
    let (ended, log) = traced(folder, args, call, &["-e", &inject])?;
    Some(Faulty {
        ended,
        times: fault.times(&log),
        is_mute: strikes_standard_error(&log),
    })
}

/// Whether writing to standard error failed. Where another thread's call came in between, its end is
/// on a later line of the same thread.
fn strikes_standard_error(log: &str) -> bool {
    let lines: Vec<&str> = log.lines().collect();
    let is_struck = |line: &str| line.ends_with("(INJECTED)");
    let mut writes = lines.iter().enumerate();
    writes.any(|(place, line)| {
        if !line.contains(" write(2, ") {
            return false;
        }
        let thread = line.split_whitespace().next().unwrap_or_default();
        let mut later = lines[place + 1..].iter();
        let is_end = |it: &&&str| it.starts_with(thread) && it.contains("<... write resumed>");
        let is_cut = line.ends_with("<unfinished ...>");
        is_struck(line) || (is_cut && later.find(is_end).is_some_and(|it| is_struck(it)))
    })
}

#[test]
fn writes_to_standard_error() {
    let whole = "7 write(2, \"x\", 1) = -1 ENOSPC (No space left on device) (INJECTED)\n";
    let apart = "7 write(2, \"x\", 1 <unfinished ...>\n8 write(4, \"y\", 1) = 1\n\
                 7 <... write resumed>) = -1 ENOSPC (No space left on device) (INJECTED)\n";
    let other = "7 write(2, \"x\", 1 <unfinished ...>\n\
                 8 write(4, \"y\", 1) = -1 ENOSPC (No space left on device) (INJECTED)\n\
                 7 <... write resumed>) = 1\n";
    assert!(strikes_standard_error(whole));
    assert!(strikes_standard_error(apart));
    assert!(!strikes_standard_error(other));
}

/// How many such calls are made before the program itself starts: to load it. `None` where
/// processes cannot be traced.
pub(crate) fn calls_of_loader(call: &str) -> Option<usize> {
    /// All calls of one run, which every test counts in.
    static CALLS: LazyLock<Option<Vec<String>>> = LazyLock::new(|| {
        let (_, log) = traced(Path::new("."), &["--version"], "all", &[])?;
        // The runtime's first call looks at standard input and outputs.
        let before = log.lines().take_while(|line| !line.contains(" poll("));
        // After the number of the process: `read(3, ...) = 832`.
        let names = before.filter_map(|line| line.split_once(' ')?.1.split_once('('));
        Some(names.map(|(name, _)| name.trim().to_owned()).collect())
    });
    let calls = CALLS.as_ref()?;
    Some(calls.iter().filter(|it| *it == call).count())
}

fn traced(folder: &Path, args: &[&str], calls: &str, more: &[&str]) -> Option<(Ended, String)> {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("log");
    let mut command = Command::new("strace");
    // With one -q, the log ends with how each thread did: it is not empty, whatever was called.
    command.args(["-f", "-q", "-o"]).arg(&log);
    command.args(["-e", &format!("trace={calls}")]).args(more);
    command.arg(env!("CARGO_BIN_EXE_pcap_flows")).args(args);
    command.current_dir(folder).env("TZ", "UTC");
    // cargo names folders of libraries, each of which the loader would look into: as each thread
    // counts its own calls, those of workers would all be among the loader's.
    command.env_remove("LD_LIBRARY_PATH");
    let ended = run_other(command)?;
    let log = fs::read(&log).ok()?;
    let log = String::from_utf8_lossy(&log).into_owned();
    // Where tracing is not allowed, nothing was run.
    (!log.is_empty() && !ended.stderr.starts_with("strace: ")).then_some((ended, log))
}
