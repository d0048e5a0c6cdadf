//! The run of the sessions job, and its outputs.

use super::fields::Showing;
use super::handler::{Counts, Sessions};
use super::options::SessionsJob;
use super::record::Kind;
use super::rules::Rules;
use super::secrets::Secrets;
use super::target::Output;
use super::write::{Block, Line, Phase, block};
use crate::engine::{
    Outcome, Progress, Resume, Source, Stopwatch, Window, Workers, available_memory, run_on,
};
use crate::error::Error;
use crate::flow::FlowList;
use crate::jobs::follow::{Follow, Following};
use crate::jobs::stats::Stats;
use crate::output::OutputFile;
use crate::select::condition::Condition;
use crate::stream::{Selected, Shared, Tracker, Wanted};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Result of the job.
#[derive(Debug)]
pub struct SessionsReport {
    /// The run.
    pub outcome: Outcome,
    /// Elapsed time of the job.
    pub elapsed: Duration,
    /// Number of records written, by type.
    pub records: Vec<(&'static str, u64)>,
    /// Connections with payload of an unknown protocol.
    pub unknown: u64,
    /// Recognized connections with gaps.
    pub gaps: u64,
    /// Secrets hidden from records.
    pub hidden: u64,
    /// Whether the reader of standard output closed it early.
    pub is_list_cut: bool,
}

/// Reads `sources` as one capture, and writes the records of its connections. The output is
/// `stdout` if no file is named.
///
/// # Errors
/// When nothing can be read, or an output cannot be written.
pub fn sessions(
    job: SessionsJob,
    sources: Vec<Source>,
    stdout: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<SessionsReport, Error> {
    let stopwatch = Stopwatch::start();
    let workers = Workers::new(&job.config.tuning)?;
    let inputs: Vec<PathBuf> = sources.iter().flat_map(Source::paths).collect();
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    let stats = job.stats.as_deref().map(create).transpose()?;
    let secrets = Secrets::new(job.secrecy);
    let secrets = secrets.map_err(|error| Error::io("read", "/dev/urandom".as_ref(), error))?;
    let reading = Reading {
        shared: shared(&job),
        rules: Arc::new(Rules::new(&job)),
        showing: Showing {
            secrets,
            bodies: job.bodies,
        },
        condition: job.condition.clone(),
        output: Output::open(&job.target, &inputs, stdout)?,
        records: BTreeMap::new(),
        counts: Counts::default(),
        hidden: 0,
    };
    let mut following = Following(reading);
    let outcome = run_on(
        &workers,
        &job.config,
        sources,
        Resume::default(),
        &mut following,
        None,
        progress,
    )?;
    let reading = following.0;
    let elapsed = stopwatch.elapsed();
    let is_list_cut = reading.output.is_cut();
    reading.output.finish()?;
    if let Some(mut file) = stats {
        let json = Stats::new(&outcome, elapsed).to_json();
        file.write_all(&json).map_err(|error| file.error(error))?;
        file.finish()?;
    }
    Ok(SessionsReport {
        outcome,
        elapsed,
        records: reading
            .records
            .into_iter()
            .map(|(kind, count)| (kind.name(), count))
            .collect(),
        unknown: reading.counts.unknown,
        gaps: reading.counts.gaps,
        hidden: reading.hidden,
        is_list_cut,
    })
}

fn shared(job: &SessionsJob) -> Shared {
    let all = Wanted {
        all: true,
        ..Wanted::default()
    };
    let selected = Selected {
        tcp: Some(all.clone()),
        udp: job.services.reads_datagrams().then_some(all),
    };
    let memory = available_memory() / MEMORY_SHARE;
    Shared::new(selected, job.config.conversations, memory)
}

/// The engine's job.
struct Reading<'a> {
    shared: Shared,
    rules: Arc<Rules>,
    showing: Showing,
    condition: Option<Condition>,
    output: Output<'a>,
    records: BTreeMap<Kind, u64>,
    counts: Counts,
    hidden: u64,
}

impl Reading<'_> {
    /// Writes completed records in order. Returns the number of bytes written.
    fn write(
        &mut self,
        flows: &FlowList,
        trackers: &mut [&mut Tracker<Sessions>],
        phase: Phase,
    ) -> Result<u64, Error> {
        let (condition, showing) = (self.condition.as_ref(), &self.showing);
        let blocks: Vec<Block> = trackers
            .par_iter_mut()
            .enumerate()
            .map(|(shard, tracker)| {
                let entries = std::mem::take(&mut tracker.handler.entries);
                block(shard, &entries, flows, condition, showing, phase)
            })
            .collect();
        let lines = blocks
            .iter()
            .flat_map(|it| it.lines.iter().map(move |line| (line, it)));
        let mut lines: Vec<(&Line, &Block)> = lines.collect();
        // The sort is stable: records of a packet keep the order in which they were found.
        lines.sort_by_key(|(line, _)| line.key);
        let mut written = 0;
        for (line, block) in lines {
            let text = block.text.get(line.text.clone()).unwrap_or_default();
            self.output.write(line.kind, text)?;
            *self.records.entry(line.kind).or_default() += 1;
            written += text.len() as u64;
        }
        self.hidden += blocks.iter().map(|it| it.hidden).sum::<u64>();
        self.output.flush()?;
        Ok(written)
    }

    fn check(trackers: &mut [&mut Tracker<Sessions>]) -> Result<(), Error> {
        let mut errors = trackers.iter_mut().map(|it| it.handler.error.take());
        errors.find_map(|it| it).map_or(Ok(()), Err)
    }
}

impl Follow for Reading<'_> {
    type Handler = Sessions;

    fn handler(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.rules))
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn shared_mut(&mut self) -> &mut Shared {
        &mut self.shared
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        mut trackers: Vec<&mut Tracker<Sessions>>,
    ) -> Result<u64, Error> {
        self.shared
            .window_ends(window.bytes, flows, &mut trackers)?;
        Self::check(&mut trackers)?;
        self.write(flows, &mut trackers, Phase::Window)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        mut trackers: Vec<&mut Tracker<Sessions>>,
    ) -> Result<u64, Error> {
        self.shared.finish(&mut trackers)?;
        trackers.par_iter_mut().for_each(|it| it.handler.finish());
        Self::check(&mut trackers)?;
        for tracker in &trackers {
            let counts = tracker.handler.counts;
            self.counts.unknown += counts.unknown;
            self.counts.recognized += counts.recognized;
            self.counts.gaps += counts.gaps;
        }
        self.write(flows, &mut trackers, Phase::End)
    }
}

/// Fraction of the available memory for segments that wait for a gap to close.
const MEMORY_SHARE: u64 = 8;
