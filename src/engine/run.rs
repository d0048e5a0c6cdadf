//! A run: inputs are read window by window, strictly in order.

use super::balance::Place;
use super::config::Config;
use super::job::{InputStart, Job};
use super::progress::Progress;
use super::report::{Findings, Gate, InputReport, Outcome, Resume};
use super::rules::Rules;
use super::source::Source;
use super::window::{Tables, Unread};
use super::workers::Workers;
use crate::capture::{Cursor, Input, Position};
use crate::error::{Error, ErrorKind};

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
    let workers = Workers::new(&config.tuning)?;
    run_on(
        &workers,
        config,
        sources,
        Resume::default(),
        job,
        None,
        progress,
    )
}

/// Like [`run()`], on worker threads that the caller has; continues from an earlier run where
/// `resume` says so, and completes nothing that `gate` refuses.
///
/// # Errors
/// As [`Run::start`], [`Run::step`], [`Run::check`] and [`Run::finish`].
pub fn run_on<J: Job + Send>(
    workers: &Workers,
    config: &Config,
    sources: Vec<Source>,
    resume: Resume<'_>,
    job: &mut J,
    gate: Option<&mut (dyn Gate + Send)>,
    progress: &Progress,
) -> Result<Outcome, Error> {
    // On a worker from start to end: going there for each step would wake one up each time.
    workers.install(|| {
        let mut run = Run::start(config, workers, sources, resume, job, progress)?;
        while run.step()?.is_some() {}
        if let Some(gate) = gate {
            run.check(gate)?;
        }
        run.finish()
    })
}

/// A run that is stepped: one window at a time is read, and the caller may act between two of
/// them.
///
/// [`Run::step`] until there are no more windows, [`Run::check`] if anything may refuse the
/// outputs, then [`Run::finish`]. A run that failed, or is dropped before [`Run::finish`], abandons
/// its job: no output is completed.
pub struct Run<'r, J: Job + Send> {
    config: &'r Config,
    rules: Rules,
    workers: &'r Workers,
    job: &'r mut J,
    progress: &'r Progress,
    tables: Tables<J::Observer>,
    sources: std::vec::IntoIter<Source>,
    /// The input that is being read.
    current: Option<Reading>,
    /// Those that were read.
    reports: Vec<InputReport>,
    /// Whether the job was finished or abandoned.
    is_over: bool,
}

/// A window that has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Where it started.
    pub base: Position,
    /// Its length in bytes, without what was skipped as damaged after it.
    pub bytes: u64,
    /// Its packets.
    pub packets: u64,
    /// All flows so far; those of this window have their FlowIDs.
    pub flows: u64,
}

/// An input that is being read.
#[derive(Debug)]
struct Reading {
    input: Input,
    cursor: Cursor,
    report: InputReport,
    /// About how many bytes the next window has.
    target_len: usize,
    /// Whether the next record is one, whatever stands behind it.
    is_trusted: bool,
}

/// How an input ended early.
enum Ended {
    /// It cannot be read any further; the next one can.
    Unreadable(Error),
    /// The run ends.
    Stopped(Error),
}

impl<'r, J: Job + Send> Run<'r, J> {
    /// Starts a run, which continues from an earlier one of the same configuration where `resume`
    /// says so. No input is opened yet.
    ///
    /// The balance is that of the sources alone. Datagrams of which the earlier run saw some
    /// fragments are not put together for jobs that look into packets.
    ///
    /// # Errors
    /// When the flows to continue from are not those of this configuration.
    pub fn start(
        config: &'r Config,
        workers: &'r Workers,
        sources: Vec<Source>,
        resume: Resume<'_>,
        job: &'r mut J,
        progress: &'r Progress,
    ) -> Result<Self, Error> {
        let rules = Rules::new(config, job.needs());
        let mut run = Self {
            tables: Tables::new(job, &rules),
            config,
            rules,
            workers,
            job,
            progress,
            sources: sources.into_iter(),
            current: None,
            reports: Vec::new(),
            is_over: false,
        };
        run.resume(resume)?;
        Ok(run)
    }

    /// Reads the next window; `None` when everything has been read.
    ///
    /// # Errors
    /// When nothing at all could be read, when the job fails, and when the run is cancelled. The
    /// job is abandoned then.
    pub fn step(&mut self) -> Result<Option<Step>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let workers = self.workers;
        self.or_abandon(|run| workers.install(|| run.next_window()))
    }

    /// Asks a gate whether the run may complete its outputs. Windows that were not stepped through
    /// are read before.
    ///
    /// # Errors
    /// As [`Run::step`], and what the gate says. The job is abandoned then.
    pub fn check(&mut self, gate: &mut (dyn Gate + Send)) -> Result<(), Error> {
        self.read_rest()?;
        let workers = self.workers;
        self.or_abandon(|run| {
            let found = Findings {
                flows: &run.tables.flows,
                balance: &run.tables.balance,
                inputs: &run.reports,
            };
            workers.install(|| gate.check(&found))
        })
    }

    /// Completes the job. Windows that were not stepped through are read before.
    ///
    /// # Errors
    /// As [`Run::step`], and what the job could not complete. It is abandoned then.
    pub fn finish(mut self) -> Result<Outcome, Error> {
        let workers = self.workers;
        self.read_rest()?;
        self.or_abandon(|run| workers.install(|| run.complete()))?;
        self.is_over = true;
        let tables = std::mem::take(&mut self.tables);
        Ok(Outcome {
            fragments: tables.first_fragments(),
            flows: tables.flows,
            balance: tables.balance,
            inputs: std::mem::take(&mut self.reports),
            threads: workers.count(),
        })
    }

    /// Reads what was not stepped through.
    fn read_rest(&mut self) -> Result<(), Error> {
        if self.is_over {
            return Err(ErrorKind::RunHasFailed.into());
        }
        while self.step()?.is_some() {}
        Ok(())
    }

    /// All flows so far.
    pub const fn flows(&self) -> &crate::flow::FlowList {
        &self.tables.flows
    }

    /// Does a part of the run; if it fails, the job is abandoned.
    fn or_abandon<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        part(self).inspect_err(|_| self.abandon())
    }

    fn abandon(&mut self) {
        if !std::mem::replace(&mut self.is_over, true) {
            let Tables {
                flows, observers, ..
            } = &mut self.tables;
            let job = &mut *self.job;
            self.workers
                .install(|| job.abandon(flows, observers.iter_mut().collect()));
        }
    }

    /// Continues with the flows and fragments of an earlier run.
    fn resume(&mut self, resume: Resume<'_>) -> Result<(), Error> {
        let workers = self.workers;
        self.or_abandon(|run| {
            let Self {
                tables, rules, job, ..
            } = run;
            workers.install(|| {
                if !tables.resume(resume, rules) {
                    return Err(ErrorKind::OtherFlows.into());
                }
                if !resume.flows.is_empty() {
                    let Tables {
                        flows, observers, ..
                    } = tables;
                    job.resumed(flows, observers.iter_mut().collect());
                }
                Ok(())
            })
        })
    }

    /// Reads the next window of the input, or of the next one that has any.
    fn next_window(&mut self) -> Result<Option<Step>, Error> {
        loop {
            let Some(mut reading) = self.current.take() else {
                let Some(source) = self.next_source() else {
                    return self.check_read().map(|()| None);
                };
                self.open(source)?;
                continue;
            };
            match self.window(&mut reading) {
                Ok(Some(step)) => {
                    self.current = Some(reading);
                    return Ok(Some(step));
                }
                Ok(None) => self.reports.push(reading.into_report(None)),
                Err(Ended::Unreadable(error)) => {
                    self.reports.push(reading.into_report(Some(error)));
                }
                Err(Ended::Stopped(error)) => return Err(error),
            }
        }
    }

    /// The next input, unless enough packets were read. The first one is opened in any case: an
    /// output needs its header.
    fn next_source(&mut self) -> Option<Source> {
        let is_enough = self.packets_wanted() == 0 && !self.reports.is_empty();
        if is_enough { None } else { self.sources.next() }
    }

    /// Opens an input and reads how it starts.
    fn open(&mut self, source: Source) -> Result<(), Error> {
        let mut report = InputReport::new(source.name());
        match self.start_input(source) {
            Ok((input, cursor)) => {
                self.current = Some(Reading {
                    input,
                    cursor,
                    report,
                    target_len: self.window_len(),
                    is_trusted: false,
                });
            }
            Err(Ended::Unreadable(error)) => {
                report.error = Some(error);
                self.reports.push(report);
            }
            Err(Ended::Stopped(error)) => return Err(error),
        }
        Ok(())
    }

    fn start_input(&mut self, source: Source) -> Result<(Input, Cursor), Ended> {
        let progress = self.progress;
        let mut input = source
            .open(self.packets_wanted())
            .map_err(Ended::Unreadable)?;
        let started = Cursor::start(&mut input, &|| !progress.is_cancelled());
        let (cursor, header) = started.map_err(|error| self.read_failed(error))?;
        let start = InputStart {
            number: self.reports.len(),
            path: input.path(),
            header: &header,
            format: cursor.format(),
            file_len: input.len(),
            excerpt_map: input.excerpt_map(),
        };
        self.job.input(&start).map_err(Ended::Stopped)?;
        Ok((input, cursor))
    }

    /// Reads a window; `None` at the input's end.
    fn window(&mut self, reading: &mut Reading) -> Result<Option<Step>, Ended> {
        let progress = self.progress;
        let keep_waiting = || !progress.is_cancelled();
        let Reading {
            input,
            cursor,
            report,
            target_len,
            is_trusted,
        } = reading;
        self.note(report, cursor.position(), 0);
        // Bytes past the new end of a file that was truncated meanwhile were never read.
        input.check_lost().map_err(Ended::Stopped)?;
        let view = cursor
            .view(input, *target_len, &keep_waiting)
            .map_err(|error| self.read_failed(error))?;
        if view.bytes.is_empty() || self.packets_wanted() == 0 {
            return Ok(None);
        }
        let base = Place {
            input: self.reports.len(),
            packet: report.packets,
            offset: cursor.position(),
        };
        let unread = Unread {
            bytes: view.bytes,
            format: cursor.format(),
            base,
            at_end: view.at_end,
            is_trusted: std::mem::take(is_trusted),
            max_packets: self.packets_wanted(),
            chunk_len: self.config.tuning.chunk_len,
        };
        let end = self
            .tables
            .window(&unread, &self.rules, self.job, progress)
            .map_err(Ended::Stopped)?;
        cursor.advance(end.consumed, end.format, end.last_time);
        progress.add_packets(end.packets, end.last_time);
        progress.set_flows(self.tables.flows.len());
        progress.add_output(end.written);
        self.note(report, cursor.position(), end.packets);
        report.first_time = report.first_time.or(end.first_time);
        report.last_time = end.last_time.or(report.last_time);
        self.check_limits().map_err(Ended::Stopped)?;

        *target_len = target_len.saturating_mul(2).min(self.window_len());
        let rest = view.bytes.get(end.consumed..).unwrap_or_default();
        let packet = report.packets + 1;
        if let Some(len) = end.doubted {
            let is_cut = cursor.pass_cut(len, input, packet, &keep_waiting);
            *is_trusted = !is_cut.map_err(|error| self.read_failed(error))?;
        } else if let Some(obstacle) = cursor.stop(end.stop, rest, view.at_end) {
            cursor
                .pass(&obstacle, input, packet, &keep_waiting)
                .map_err(|error| self.read_failed(error))?;
            // Where there is damage there is more: what is read for nothing stays small.
            *target_len = self.window_len().min(WINDOW_AFTER_DAMAGE);
        }
        Ok(Some(Step {
            base: base.into(),
            bytes: end.consumed as u64,
            packets: end.packets,
            flows: self.tables.flows.len(),
        }))
    }

    fn window_len(&self) -> usize {
        self.config.tuning.window_len.clamp(1, MAX_WINDOW_LEN)
    }

    /// Where no input could be read, there is nothing to be finished.
    fn check_read(&mut self) -> Result<(), Error> {
        if self.reports.iter().any(|input| input.packets > 0) {
            return Ok(());
        }
        let captures = self.reports.iter_mut();
        let errors = |it: &mut InputReport| {
            let parts = it.parts.iter_mut().filter_map(|it| it.error.take());
            it.error.take().into_iter().chain(parts).next()
        };
        let mut errors = captures.filter_map(errors);
        match errors.next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn complete(&mut self) -> Result<(), Error> {
        self.tables.end_flows();
        let Tables {
            flows, observers, ..
        } = &mut self.tables;
        let written = self.job.finish(flows, observers.iter_mut().collect())?;
        self.progress.add_output(written);
        Ok(())
    }

    /// How many packets may still be read.
    fn packets_wanted(&self) -> u64 {
        self.config
            .max_packets
            .map_or(u64::MAX, |max| max - self.tables.balance.packets.min(max))
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
}

impl<J: Job + Send> Drop for Run<'_, J> {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl<J: Job + Send> std::fmt::Debug for Run<'_, J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("current", &self.current)
            .field("reports", &self.reports)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

impl Reading {
    /// The input has been read, as far as it can be.
    fn into_report(self, error: Option<Error>) -> InputReport {
        let Self {
            mut report,
            mut input,
            cursor,
            ..
        } = self;
        (report.damages, report.damage_count) = cursor.into_damages();
        report.error = error;
        let parts = input.take_parts().into_iter();
        report.parts = parts.map(InputReport::of_part).collect();
        report
    }
}

/// Packet references hold places in a window in 32 bits.
const MAX_WINDOW_LEN: usize = 1 << 30;
/// FlowIDs have 32 bits; one window more may start flows before the limit is checked.
const MOST_FLOWS: u64 = u32::MAX as u64 - (1 << 26);
/// The first window after damage; the following ones double.
const WINDOW_AFTER_DAMAGE: usize = 64 * 1024;
