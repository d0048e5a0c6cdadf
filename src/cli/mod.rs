//! The command line around the library.

mod args;
mod plan;
mod progress;
mod report;
mod streams;
mod values;

use args::Args;
use clap::CommandFactory;
use pcap_flows::capture::known_len;
use pcap_flows::engine::{Progress, Source};
use pcap_flows::error::{Error, ErrorKind};
use pcap_flows::jobs::{FlowsReport, flows};
use progress::ProgressLine;
use report::{report, say};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use values::Generate;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All was read.
    Success = 0,
    /// Nothing was read, or an output could not be written.
    Failure = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// Finished, but an input was damaged or cut short.
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
    if args.run.verbose {
        say_what_has_no_meaning(&args);
    }
    let when = args.run.progress;
    let (job, sources) = match plan::plan(args) {
        Ok(planned) => planned,
        Err(message) => {
            say(&format!("{message}\n\nFor more information, try '--help'."));
            return Exit::Usage.into();
        }
    };
    if let Err(error) = check_files(&sources) {
        return failed(&error);
    }
    let progress = Arc::new(Progress::default());
    let signal = match cancel_on_signals(&progress) {
        Ok(signal) => signal,
        Err(error) => {
            say(&format!("cannot watch for signals: {error}"));
            return Exit::Failure.into();
        }
    };
    let line = ProgressLine::start(when, total_len(&sources), &progress);
    let outcome = flows(job, sources, &mut io::stdout(), &progress);
    if let Some(line) = line {
        line.finish(outcome.is_ok());
    }
    match outcome {
        Ok(done) => succeeded(&done),
        Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => {
            let signal = i32::try_from(signal.load(Ordering::Relaxed)).unwrap_or(SIGINT);
            // Whoever started the program sees by which signal it ended.
            drop(signal_hook::low_level::emulate_default_handler(signal));
            Exit::Failure.into()
        }
        Err(error) => failed(&error),
    }
}

fn succeeded(done: &FlowsReport) -> ExitCode {
    // Who has seen enough of the list does not wait for the balance; damage is told all the same.
    if done.is_list_cut && done.outcome.is_whole() {
        return Exit::Success.into();
    }
    let is_whole = report(done);
    if !done.outcome.balance.is_even() {
        say("the balance is not even: this is a bug, please report it with the capture's header");
        return Exit::Failure.into();
    }
    if is_whole {
        Exit::Success.into()
    } else {
        Exit::Damaged.into()
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
fn check_files(sources: &[Source]) -> Result<(), Error> {
    for source in sources {
        if let Source::Path(path) = source {
            let metadata = path
                .metadata()
                .map_err(|error| Error::io("open", path, error))?;
            if metadata.is_file() {
                std::fs::File::open(path).map_err(|error| Error::io("open", path, error))?;
            }
        }
    }
    Ok(())
}

/// Size of all inputs, where it is known of all.
fn total_len(sources: &[Source]) -> Option<u64> {
    sources
        .iter()
        .map(|source| match source {
            Source::Path(path) => known_len(path),
            Source::Reader(..) => None,
            Source::Input(input) => input.len(),
        })
        .sum()
}

/// On SIGINT, SIGTERM and SIGHUP the run is cancelled and leaves nothing half-written; a second signal
/// ends the program at once. Returns where the signal's number will stand.
fn cancel_on_signals(progress: &Arc<Progress>) -> io::Result<Arc<AtomicUsize>> {
    let again = Arc::new(AtomicBool::new(false));
    let number = Arc::new(AtomicUsize::new(0));
    for signal in SIGNALS {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&again))?;
        signal_hook::flag::register(signal, Arc::clone(&again))?;
    }
    let mut signals = signal_hook::iterator::Signals::new(SIGNALS)?;
    let (progress, seen) = (Arc::clone(progress), Arc::clone(&number));
    thread::spawn(move || {
        for signal in signals.forever() {
            seen.store(usize::try_from(signal).unwrap_or(0), Ordering::Relaxed);
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
