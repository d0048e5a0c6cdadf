//! The command line around the library.

mod args;
mod config;
mod diff;
mod diff_args;
mod groups;
mod inputs;
mod list;
mod packets;
mod packets_args;
mod plan;
mod planned;
mod progress;
mod report;
mod sessions;
mod sessions_args;
mod streams;
mod tcp;
mod tcp_args;
mod values;

use args::{Args, Command};
use clap::CommandFactory;
use inputs::{ready, with_progress};
use pcap_flows::capture::survive_lost_pages;
use pcap_flows::diff::Both;
use pcap_flows::engine::{MemoryWatch, Outcome, Progress, Source, available_memory};
use pcap_flows::error::{Error, ErrorKind};
use pcap_flows::jobs::diff::{DiffReport, diff};
use pcap_flows::jobs::index::{
    CarveReport, IndexReport, carve, index, sessions_by_index, tcp_by_index,
};
use pcap_flows::jobs::packets::{PacketsReport, packets};
use pcap_flows::jobs::sessions::{SessionsReport, sessions};
use pcap_flows::jobs::tcp::{TcpReport, tcp, tcp_beside};
use pcap_flows::jobs::verify::flows_verified;
use pcap_flows::jobs::{FlowsReport, flows};
use planned::Planned;
use report::{Overlapping, report, say};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
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
    /// Finished, but an input was damaged or truncated.
    Damaged = 3,
    /// Two captures were compared, and differ.
    Different = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The same of a run that could not read all that was named.
    fn or(self, lacks_some: bool) -> Self {
        match self {
            Self::Success | Self::Different if lacks_some => Self::Damaged,
            other => other,
        }
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
        Some(Command::Tcp(tcp)) => &tcp.run,
        Some(Command::Sessions(sessions)) => &sessions.run,
        Some(Command::Packets(packets)) => &packets.run,
        Some(Command::Diff(diff)) => &diff.run,
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
        Planned::Flows(job, inputs, verify) => ready(inputs, &progress).and_then(|ready| {
            let times = if verify { 2 } else { 1 };
            let list = &mut io::stdout();
            let done = with_progress(when, ready.sources, times, &progress, |sources| {
                if verify {
                    let done = flows_verified(*job, sources, list, &progress)?;
                    Ok((done.0, Some(done.1)))
                } else {
                    Ok((flows(*job, sources, list, &progress)?, None))
                }
            });
            done.map(|(done, verified)| {
                let exit = succeeded(&done, Overlapping::CanMerge);
                if let Some(verified) = verified {
                    say(&format!("verified: {verified}"));
                }
                exit.or(ready.lacks_some)
            })
        }),
        Planned::Index(mut job, inputs) => ready(inputs, &progress).and_then(|ready| {
            job.captures = ready.sources.iter().flat_map(Source::paths).collect();
            let done = with_progress(when, ready.sources, 1, &progress, |_| {
                index(*job, &progress)
            });
            done.map(|done| indexed(&done).or(ready.lacks_some))
        }),
        Planned::Tcp(job, inputs) => ready(inputs, &progress).and_then(|ready| {
            let list = &mut io::stdout();
            let done = with_progress(when, ready.sources, 1, &progress, |sources| {
                tcp(*job, sources, list, &progress)
            });
            done.map(|done| measured(&done).or(ready.lacks_some))
        }),
        Planned::TcpBeside(job, near, far) => ready(far, &progress).and_then(|far| {
            let near = ready(near, &progress)?;
            let list = &mut io::stdout();
            let done = with_progress(when, near.sources, 1, &progress, |sources| {
                tcp_beside(*job, sources, far.sources, list, &progress)
            });
            done.map(|(done, outcome)| {
                let far_exit = ended(&outcome, report::report_run(&outcome));
                let lacks_some = near.lacks_some || far.lacks_some;
                let is_damaged = matches!(far_exit, Exit::Damaged);
                measured(&done).or(lacks_some || is_damaged)
            })
        }),
        Planned::TcpByIndex(job) => {
            tcp_by_index(*job, &mut io::stdout(), &progress).map(|done| measured(&done))
        }
        Planned::Sessions(job, inputs) => ready(inputs, &progress).and_then(|ready| {
            let list = &mut io::stdout();
            let done = with_progress(when, ready.sources, 1, &progress, |sources| {
                sessions(*job, sources, list, &progress)
            });
            done.map(|done| recorded(&done).or(ready.lacks_some))
        }),
        Planned::SessionsByIndex(job) => {
            sessions_by_index(*job, &mut io::stdout(), &progress).map(|done| recorded(&done))
        }
        Planned::Packets(job, inputs) => ready(inputs, &progress).and_then(|ready| {
            let list = &mut io::stdout();
            let done = with_progress(when, ready.sources, 1, &progress, |sources| {
                packets(*job, sources, list, &progress)
            });
            done.map(|done| shown(&done).or(ready.lacks_some))
        }),
        Planned::Diff(job, Both { a, b }) => ready(a, &progress).and_then(|a| {
            let b = ready(b, &progress)?;
            let lacks_some = a.lacks_some || b.lacks_some;
            let list = &mut io::stdout();
            // The progress line counts bytes of both.
            let count = a.sources.len();
            let all = a.sources.into_iter().chain(b.sources).collect();
            let done = with_progress(when, all, 1, &progress, |mut sources| {
                let b = sources.split_off(count);
                diff(*job, Both { a: sources, b }, list, &progress)
            });
            done.map(|done| compared(&done).or(lacks_some))
        }),
        Planned::Carve(job) => {
            let name = job.index.clone();
            let carved = carve(*job, &mut io::stdout(), &progress);
            carved.map(|done| carving_succeeded(&done, &name, verbose))
        }
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => {
            let signal = signal.load(Ordering::Relaxed);
            // The parent process sees by which signal the program ended.
            drop(signal_hook::low_level::emulate_default_handler(signal));
            Exit::Failure.into()
        }
        Err(error) if matches!(error.kind(), ErrorKind::UnknownAddress { .. }) => {
            say(&error.to_string());
            Exit::Usage.into()
        }
        Err(error) => failed(&error),
    }
}

fn indexed(done: &IndexReport) -> Exit {
    report::report_indexing(done);
    match &done.outcome {
        Some(outcome) => ended(outcome, report::report_run(outcome)),
        None => Exit::Success,
    }
}

fn measured(done: &TcpReport) -> Exit {
    if done.is_list_cut && done.is_whole() {
        return Exit::Success;
    }
    let is_whole = report::report_tcp(done);
    match &done.outcome {
        Some(outcome) => ended(outcome, is_whole),
        None if is_whole => Exit::Success,
        None => Exit::Damaged,
    }
}

fn recorded(done: &SessionsReport) -> Exit {
    if done.is_list_cut && done.is_whole() {
        return Exit::Success;
    }
    ended(&done.outcome, report::report_sessions(done))
}

fn shown(done: &PacketsReport) -> Exit {
    ended(&done.outcome, report::report_packets(done))
}

fn compared(done: &DiffReport) -> Exit {
    let is_whole = report::report_diff(done);
    let ended = [&done.outcomes.a, &done.outcomes.b].map(|it| ended(it, is_whole));
    match ended {
        [Exit::Success, Exit::Success] if done.differs => Exit::Different,
        [Exit::Success, other] | [other, _] => other,
    }
}

fn carving_succeeded(done: &CarveReport, index: &Path, verbose: bool) -> Exit {
    if done.is_list_cut && done.damages.is_empty() {
        return Exit::Success;
    }
    if !report::report_carving(done, index, verbose) {
        return Exit::Damaged;
    }
    match &done.carved {
        Some(done) => succeeded(done, Overlapping::ToldBefore),
        None => Exit::Success,
    }
}

fn succeeded(done: &FlowsReport, overlapping: Overlapping) -> Exit {
    // A reader that closed the list does not wait for the balance; damage is reported all the same.
    if done.is_list_cut && done.outcome.is_whole() {
        return Exit::Success;
    }
    ended(&done.outcome, report(done, overlapping))
}

/// The exit code of a run that was reported.
fn ended(outcome: &Outcome, is_whole: bool) -> Exit {
    if !outcome.balance.is_even() {
        say("the balance is not even: this is a bug, please report it with the capture's header");
        return Exit::Failure;
    }
    if is_whole {
        Exit::Success
    } else {
        Exit::Damaged
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
