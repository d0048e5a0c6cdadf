//! The command line around the library.

mod args;
mod plan;
mod progress;
mod report;
mod streams;
mod values;

use args::{Args, Command};
use clap::CommandFactory;
use pcap_flows::capture::{known_len, survive_lost_pages};
use pcap_flows::engine::{MemoryWatch, Outcome, Progress, Source, available_memory};
use pcap_flows::error::{Error, ErrorKind};
use pcap_flows::jobs::index::{CarveReport, IndexReport, carve, index};
use pcap_flows::jobs::verify::flows_verified;
use pcap_flows::jobs::{FlowsReport, flows};
use plan::Planned;
use progress::ProgressLine;
use report::{report, say};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use values::{Generate, ProgressArg};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All was read.
    Success = 0,
    /// Nothing was read, or an output could not be written.
    Failure = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// Finished, but an input was damaged or truncated.
    Damaged = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Does what the arguments ask for.
pub(crate) fn main() -> ExitCode {
    let args = Args::from_env();
    if let Some(kind) = args.generate {
        return generate(kind);
    }
    let run = match &args.command {
        Some(Command::Index(index)) => &index.run,
        None => &args.run,
    };
    let (verbose, when, memory_limit) = (run.verbose, run.progress, run.memory_limit);
    if verbose {
        say_what_has_no_meaning(&args);
    }
    let planned = match plan::plan(args) {
        Ok(planned) => planned,
        Err(message) => {
            say(&format!("{message}\n\nFor more information, try '--help'."));
            return Exit::Usage.into();
        }
    };
    if let Err(error) = survive_lost_pages() {
        say(&format!("cannot watch over mapped files: {error}"));
        return Exit::Failure.into();
    }
    let progress = Arc::new(Progress::default());
    let signal = match cancel_on_signals(&progress) {
        Ok(signal) => signal,
        Err(error) => {
            say(&format!("cannot watch for signals: {error}"));
            return Exit::Failure.into();
        }
    };
    let _memory = match watch_memory(memory_limit, &progress) {
        Ok(watch) => watch,
        Err(error) => return failed(&error),
    };
    let outcome = match planned {
        Planned::Flows(job, sources, verify) => {
            let paths = sources.iter().filter_map(path_of).collect();
            let is_known = sources.iter().all(|it| matches!(it, Source::Path(_)));
            let times = if verify { 2 } else { 1 };
            with_progress(when, paths, is_known.then_some(times), &progress, || {
                let list = &mut io::stdout();
                if verify {
                    let done = flows_verified(*job, sources, list, &progress)?;
                    Ok((done.0, Some(done.1)))
                } else {
                    Ok((flows(*job, sources, list, &progress)?, None))
                }
            })
            .map(|(done, verified)| {
                let exit = succeeded(&done);
                if let Some(verified) = verified {
                    say(&format!("verified: {verified}"));
                }
                exit
            })
        }
        Planned::Index(job) => {
            let paths = job.captures.clone();
            with_progress(when, paths, Some(1), &progress, || index(*job, &progress))
                .map(|done| indexed(&done))
        }
        Planned::Carve(job) => {
            let name = job.index.clone();
            let carved = carve(*job, &mut io::stdout(), &progress);
            carved.map(|done| carving_succeeded(&done, &name, verbose))
        }
    };
    match outcome {
        Ok(exit) => exit,
        Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => {
            let signal = signal.load(Ordering::Relaxed);
            // The parent process sees by which signal the program ended.
            drop(signal_hook::low_level::emulate_default_handler(signal));
            Exit::Failure.into()
        }
        Err(error) => failed(&error),
    }
}

/// Does some work on files while a line shows how far it is. `times`: how often they are read, if
/// they are all that is.
fn with_progress<T>(
    when: ProgressArg,
    paths: Vec<PathBuf>,
    times: Option<u64>,
    progress: &Arc<Progress>,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    check_files(&paths)?;
    let lens = paths.iter().map(|path| known_len(path));
    let len: Option<u64> = lens.sum();
    let len = times.and_then(|times| len?.checked_mul(times));
    let line = ProgressLine::start(when, len, progress);
    let outcome = work();
    if let Some(line) = line {
        line.finish(outcome.is_ok());
    }
    outcome
}

fn path_of(source: &Source) -> Option<PathBuf> {
    match source {
        Source::Path(path) => Some(path.clone()),
        Source::Reader(..) | Source::Input(_) => None,
    }
}

fn indexed(done: &IndexReport) -> ExitCode {
    ended(&done.outcome, report::report_run(&done.outcome))
}

fn carving_succeeded(done: &CarveReport, index: &Path, verbose: bool) -> ExitCode {
    if done.is_list_cut && done.damages.is_empty() {
        return Exit::Success.into();
    }
    if !report::report_carving(done, index, verbose) {
        return Exit::Damaged.into();
    }
    match &done.carved {
        Some(done) => succeeded(done),
        None => Exit::Success.into(),
    }
}

fn succeeded(done: &FlowsReport) -> ExitCode {
    // A reader that closed the list does not wait for the balance; damage is reported all the same.
    if done.is_list_cut && done.outcome.is_whole() {
        return Exit::Success.into();
    }
    ended(&done.outcome, report(done))
}

/// The exit code of a run that was reported.
fn ended(outcome: &Outcome, is_whole: bool) -> ExitCode {
    if !outcome.balance.is_even() {
        say("the balance is not even: this is a bug, please report it with the capture's header");
        return Exit::Failure.into();
    }
    if is_whole {
        Exit::Success.into()
    } else {
        Exit::Damaged.into()
    }
}

/// Without a limit that was asked for, the run may have what leaves the system some room.
fn watch_memory(
    limit: Option<u64>,
    progress: &Arc<Progress>,
) -> Result<Option<MemoryWatch>, Error> {
    match limit {
        Some(limit) => MemoryWatch::start(limit, progress).map(Some),
        // Nobody asked: where the system does not tell, there is no limit.
        None => Ok(MemoryWatch::start(available_memory() / 10 * 9, progress).ok()),
    }
}

/// A closed pipe is how `| head` says that it has seen enough.
fn failed(error: &Error) -> ExitCode {
    if error.is_broken_pipe() {
        return Exit::Success.into();
    }
    say(&error.to_string());
    Exit::Failure.into()
}

/// Files that are not there show before anything is read or written.
fn check_files(paths: &[PathBuf]) -> Result<(), Error> {
    for path in paths {
        let metadata = path
            .metadata()
            .map_err(|error| Error::io("open", path, error))?;
        if metadata.is_file() {
            std::fs::File::open(path).map_err(|error| Error::io("open", path, error))?;
        }
    }
    Ok(())
}

/// On SIGINT, SIGTERM and SIGHUP the run is cancelled and leaves nothing half-written; a second signal
/// ends the program at once. Returns where the signal's number will be stored.
fn cancel_on_signals(progress: &Arc<Progress>) -> io::Result<Arc<AtomicI32>> {
    let again = Arc::new(AtomicBool::new(false));
    let number = Arc::new(AtomicI32::new(0));
    for signal in SIGNALS {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&again))?;
        signal_hook::flag::register(signal, Arc::clone(&again))?;
    }
    // Writing more than a file may have (`ulimit -f`) is an error like any other, not the end.
    signal_hook::flag::register(libc::SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let mut signals = signal_hook::iterator::Signals::new(SIGNALS)?;
    let (progress, seen) = (Arc::clone(progress), Arc::clone(&number));
    thread::spawn(move || {
        for signal in signals.forever() {
            seen.store(signal, Ordering::Relaxed);
            progress.cancel();
        }
    });
    Ok(number)
}

fn say_what_has_no_meaning(args: &Args) {
    if args.flow_hash_bits.is_some() {
        say("--flow-hash-bits has no meaning here: the flow table grows as it needs to");
    }
    if args.uid.is_some() {
        say("--uid has no meaning here");
    }
    if args.vlan {
        say("--vlan has no meaning here: VLAN tags are always decoded");
    }
}

fn generate(kind: Generate) -> ExitCode {
    let mut command = Args::command();
    let mut text = Vec::new();
    let mut complete = |shell| {
        clap_complete::generate(shell, &mut Args::command(), "pcap_flows", &mut text);
    };
    match kind {
        Generate::CompleteBash => complete(clap_complete::Shell::Bash),
        Generate::CompleteZsh => complete(clap_complete::Shell::Zsh),
        Generate::CompleteFish => complete(clap_complete::Shell::Fish),
        Generate::Man => {
            command.build();
            if let Err(error) = clap_mangen::Man::new(command).render(&mut text) {
                say(&error.to_string());
                return Exit::Failure.into();
            }
        }
    }
    match io::stdout().write_all(&text) {
        Ok(()) => Exit::Success.into(),
        Err(error) => failed(&Error::io("write", "standard output".as_ref(), error)),
    }
}

/// What ends a run before its time.
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
