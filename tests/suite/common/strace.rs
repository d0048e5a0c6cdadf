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

/// Runs the program in a folder with a fault; also says whether it struck. `None` where processes
/// cannot be traced.
pub(crate) fn run_with_fault(
    folder: &Path,
    args: &[&str],
    fault: Fault<'_>,
) -> Option<(Ended, bool)> {
    let Fault { call, what, number } = fault;
    let inject = format!("inject={call}:{what}:when={number}");
    let (ended, log) = traced(folder, args, call, &["-e", &inject])?;
    Some((ended, log.contains("(INJECTED)")))
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
    command.args(["-f", "-qq", "-o"]).arg(&log);
    // The first call of all is there even where none of the others is made.
    let calls = format!("trace=execve,{calls}");
    command.args(["-e", &calls]).args(more);
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
