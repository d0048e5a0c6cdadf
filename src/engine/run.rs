//! A run: inputs are read window by window, strictly in order.

use super::balance::{Balance, Place};
use super::config::{Config, Rules, Tuning};
use super::job::{Findings, InputStart, Job};
use super::progress::Progress;
use super::window::{Known, Tables, WindowStart};
use crate::capture::{Damage, DamageKind, Input, Obstacle, Start, Stop, seconds_of};
use crate::error::{Error, ErrorKind};
use crate::flow::{FirstFragment, FlowList};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a run reads from.
pub enum Source {
    /// A file, a pipe or a device, by its path.
    Path(PathBuf),
    /// A byte stream, and its name in messages.
    Reader(String, Box<dyn Read + Send>),
    /// An input that is open already.
    Input(Input),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Reader(name, _) => f.debug_tuple("Reader").field(name).finish(),
            Self::Input(input) => f.debug_tuple("Input").field(input).finish(),
        }
    }
}

/// What a run found.
#[derive(Debug)]
pub struct Outcome {
    /// All flows.
    pub flows: FlowList,
    /// Where every packet went.
    pub balance: Balance,
    /// First fragments that later ones may come for.
    pub fragments: Vec<FirstFragment>,
    /// What each input held, in order.
    pub inputs: Vec<InputReport>,
    /// The worker threads, for what is still to be done with the results.
    pub workers: Workers,
}

/// The worker threads of a run.
#[derive(Debug)]
pub struct Workers(rayon::ThreadPool);

impl Workers {
    /// Starts worker threads, as a run does.
    ///
    /// # Errors
    /// When the system does not have that many.
    pub fn new(tuning: &Tuning) -> Result<Self, Error> {
        thread_pool(tuning).map(Self)
    }

    /// Does some work whose parallel parts are to run on these threads.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }
}

/// What an input held.
#[derive(Debug)]
pub struct InputReport {
    /// Its name.
    pub path: PathBuf,
    /// Packets read.
    pub packets: u64,
    /// Bytes read, or skipped as damaged.
    pub bytes: u64,
    /// The first damages met, in order; at most [`InputReport::MAX_DAMAGES`].
    pub damages: Vec<Damage>,
    /// How many damages there were.
    pub damage_count: u64,
    /// What kept the rest of it from being read.
    pub error: Option<Error>,
}

impl InputReport {
    /// Damages that are kept for messages; the others are only counted.
    pub const MAX_DAMAGES: usize = 20;

    /// Whether all of the input was read, and nothing was wrong with it.
    pub const fn is_whole(&self) -> bool {
        self.damage_count == 0 && self.error.is_none()
    }
}

impl Outcome {
    /// Whether all inputs were read and nothing was wrong with them.
    pub fn is_whole(&self) -> bool {
        self.inputs.iter().all(InputReport::is_whole) && self.balance.without_interface() == 0
    }
}

/// Reads all sources as one consecutive capture, in the order given.
///
/// An input that cannot be read, or not to its end, does not stop the run: its report says why.
///
/// # Errors
/// When nothing at all could be read, when the job fails, and when the run is cancelled.
pub fn run<J: Job + Send>(
    config: &Config,
    sources: Vec<Source>,
    job: &mut J,
    progress: &Progress,
) -> Result<Outcome, Error> {
    run_on(config, Known::default(), sources, job, progress)
}

/// Like [`run`], and goes on with what an earlier run found with the same configuration.
///
/// The balance is that of the sources alone. Where a job looks into packets, datagrams of which it
/// saw some fragments then and some now are not put together.
///
/// # Errors
/// As [`run`], and when the flows are not those of this configuration.
pub fn run_on<J: Job + Send>(
    config: &Config,
    known: Known<'_>,
    sources: Vec<Source>,
    job: &mut J,
    progress: &Progress,
) -> Result<Outcome, Error> {
    let rules = Rules::new(config, job);
    let pool = thread_pool(&config.tuning)?;
    let tables = Tables::new(job, &rules);
    let reports = Vec::new();
    let mut reader = Reader {
        config,
        rules: &rules,
        job,
        progress,
        tables,
        reports,
    };
    pool.install(|| {
        reader.resume(known)?;
        sources
            .into_iter()
            .try_for_each(|source| reader.source(source))
            .and_then(|()| reader.check_read())
            .and_then(|()| reader.finish())
            .inspect_err(|_| reader.abandon())
    })?;
    let Reader {
        tables,
        reports: inputs,
        ..
    } = reader;
    Ok(Outcome {
        fragments: tables.first_fragments(),
        flows: tables.flows,
        balance: tables.balance,
        inputs,
        workers: Workers(pool),
    })
}

fn thread_pool(tuning: &Tuning) -> Result<rayon::ThreadPool, Error> {
    let first_cpu = tuning.first_cpu;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::ThreadPoolBuilder::new()
        .num_threads(tuning.threads)
        .thread_name(|index| format!("worker-{index}"))
        .start_handler(move |index| {
            if let Some(first) = first_cpu {
                pin((first.saturating_add(index)) % cores);
            }
        })
        .build()
        .map_err(|error| {
            ErrorKind::Threads {
                threads: tuning.threads,
                reason: error.to_string(),
            }
            .into()
        })
}

/// Binds this thread to a core, as far as the system allows it.
fn pin(cpu: usize) {
    if cpu >= rustix::thread::CpuSet::MAX_CPU {
        return;
    }
    let mut cpus = rustix::thread::CpuSet::new();
    cpus.set(cpu);
    rustix::thread::sched_setaffinity(None, &cpus).unwrap_or(());
}

struct Reader<'a, J: Job> {
    config: &'a Config,
    rules: &'a Rules,
    job: &'a mut J,
    progress: &'a Progress,
    tables: Tables<J::Observer>,
    reports: Vec<InputReport>,
}

/// How an input ended early.
enum Ended {
    /// It cannot be read any further; the next one can.
    Unreadable(Error),
    /// The run ends.
    Stopped(Error),
}

impl<J: Job> Reader<'_, J> {
    fn source(&mut self, source: Source) -> Result<(), Error> {
        // The first input is opened in any case: an output needs its header.
        if self.packets_wanted() == 0 && !self.reports.is_empty() {
            return Ok(());
        }
        let path = match &source {
            Source::Path(path) => path.clone(),
            Source::Reader(name, _) => PathBuf::from(name),
            Source::Input(input) => input.path().as_ref().clone(),
        };
        let mut report = InputReport {
            path,
            packets: 0,
            bytes: 0,
            damages: Vec::new(),
            damage_count: 0,
            error: None,
        };
        let input = match source {
            Source::Path(path) => Input::open(&path),
            Source::Reader(name, reader) => Input::from_reader(&name, reader),
            Source::Input(input) => Ok(input),
        };
        let ended = match input {
            Ok(mut input) => self.input(&mut input, &mut report),
            Err(error) => Err(Ended::Unreadable(error)),
        };
        match ended {
            Ok(()) => {}
            Err(Ended::Unreadable(error)) => report.error = Some(error),
            Err(Ended::Stopped(error)) => return Err(error),
        }
        self.reports.push(report);
        Ok(())
    }

    /// Goes on with flows that are known.
    fn resume(&mut self, known: Known<'_>) -> Result<(), Error> {
        if known.flows.is_empty() {
            return Ok(());
        }
        if !self.tables.resume(known, self.rules) {
            return Err(ErrorKind::OtherFlows.into());
        }
        let Tables {
            flows, observers, ..
        } = &mut self.tables;
        self.job.resumed(flows, observers.iter_mut().collect());
        Ok(())
    }

    /// Where no input could be read, there is nothing to be finished.
    fn check_read(&mut self) -> Result<(), Error> {
        if self.reports.iter().any(|input| input.packets > 0) {
            return Ok(());
        }
        let mut errors = self.reports.iter_mut().filter_map(|it| it.error.take());
        match errors.next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.job.check(&Findings {
            flows: &self.tables.flows,
            balance: &self.tables.balance,
            inputs: &self.reports,
        })?;
        let Tables {
            flows, observers, ..
        } = &mut self.tables;
        let written = self.job.finish(flows, observers.iter_mut().collect())?;
        self.progress.add_output(written);
        Ok(())
    }

    fn abandon(&mut self) {
        let Tables {
            flows, observers, ..
        } = &mut self.tables;
        self.job.abandon(flows, observers.iter_mut().collect());
    }

    /// How many packets may still be read.
    fn packets_wanted(&self) -> u64 {
        self.config
            .max_packets
            .map_or(u64::MAX, |max| max - self.tables.balance.packets.min(max))
    }

    fn input(&mut self, input: &mut Input, report: &mut InputReport) -> Result<(), Ended> {
        let progress = self.progress;
        let path = Arc::clone(input.path());
        let keep_waiting = || !progress.is_cancelled();
        let file_len = input.len();
        let places = input.places().cloned();
        let Start { mut format, header } = input
            .start(&keep_waiting)
            .map_err(|error| self.read_failed(error))?;
        let start = InputStart {
            path: &path,
            header: &header,
            format: &format,
            file_len,
            places: places.as_ref(),
        };
        self.job.input(&start).map_err(Ended::Stopped)?;

        let window_len = self.config.tuning.window_len.clamp(1, MAX_WINDOW_LEN);
        let mut target_len = window_len;
        let mut min_len = 1;
        let mut position = header.len() as u64;
        // Seconds of the last packet: what follows damage is from about the same time.
        let mut near = None;
        loop {
            self.note(report, position, 0);
            // What was cut off while it was read was not there to be read.
            input.check_lost().map_err(Ended::Stopped)?;
            let view = input
                .view(position, min_len, target_len, &keep_waiting)
                .map_err(|error| self.read_failed(error))?;
            if view.bytes.is_empty() || self.packets_wanted() == 0 {
                return Ok(());
            }
            let start = WindowStart {
                bytes: view.bytes,
                format: &format,
                base: Place {
                    input: self.reports.len(),
                    packet: report.packets,
                    offset: position,
                },
                max_packets: self.packets_wanted(),
            };
            let chunk_len = self.config.tuning.chunk_len;
            let end = self
                .tables
                .window(&start, chunk_len, self.rules, self.job, self.progress)
                .map_err(Ended::Stopped)?;
            position += end.consumed as u64;
            format = end.format;
            // Of the last packet alone: which one came before depends on the windows.
            if let Some(time) = end.last_time {
                near = seconds_of(time);
            }
            self.progress.add_packets(end.packets, end.last_time);
            self.progress.set_flows(self.tables.flows.len());
            self.progress.add_output(end.written);
            self.note(report, position, end.packets);
            self.check_limits().map_err(Ended::Stopped)?;

            target_len = target_len.saturating_mul(2).min(window_len);
            min_len = 1;
            match end.stop {
                Stop::End => {}
                Stop::Partial { needed } if !view.at_end => min_len = needed,
                stop => {
                    let rest = view.bytes.get(end.consumed..).unwrap_or_default();
                    let obstacle = Obstacle::new(stop, rest, &format, near);
                    let (resumed_at, resumed) = obstacle
                        .pass(position, input, &format, near, &keep_waiting)
                        .map_err(|error| self.read_failed(error))?;
                    self.damage(
                        report,
                        &path,
                        position,
                        obstacle.kind,
                        resumed_at - position,
                        resumed,
                    );
                    position = resumed_at;
                    // Where there is damage there is more: what is read in vain stays small.
                    target_len = window_len.min(WINDOW_AFTER_DAMAGE);
                }
            }
        }
    }

    fn read_failed(&self, error: Error) -> Ended {
        match self.progress.check() {
            Ok(()) => Ended::Unreadable(error),
            Err(why) => Ended::Stopped(why),
        }
    }

    fn check_limits(&self) -> Result<(), Error> {
        let limit = self.config.max_flows.unwrap_or(MOST_FLOWS).min(MOST_FLOWS);
        if self.tables.flows.len() > limit {
            return Err(ErrorKind::TooManyFlows { limit }.into());
        }
        Ok(())
    }

    /// Notes how far an input has been read.
    fn note(&self, report: &mut InputReport, position: u64, packets: u64) {
        self.progress.add_input(position - report.bytes);
        report.bytes = position;
        report.packets += packets;
    }

    fn damage(
        &self,
        report: &mut InputReport,
        path: &Arc<PathBuf>,
        offset: u64,
        kind: DamageKind,
        skipped: u64,
        resumed: bool,
    ) {
        report.damage_count += 1;
        if report.damages.len() < InputReport::MAX_DAMAGES {
            let (path, packet) = (Arc::clone(path), report.packets + 1);
            report.damages.push(Damage {
                path,
                offset,
                packet,
                kind,
                skipped,
                resumed,
            });
        }
    }
}

/// Packet references tell places in a window with 32 bits.
const MAX_WINDOW_LEN: usize = 1 << 30;
/// FlowIDs have 32 bits; one window more may start flows before the limit is checked.
const MOST_FLOWS: u64 = u32::MAX as u64 - (1 << 26);
/// The first window after damage; the following ones double.
const WINDOW_AFTER_DAMAGE: usize = 64 * 1024;
