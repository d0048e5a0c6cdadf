//! The run of the sessions job, and its outputs.

use super::bodies::BodyFolder;
use super::fields::Showing;
use super::handler::{Counts, Sessions};
use super::options::SessionsJob;
use super::places::Places;
use super::record::Kind;
use super::rules::Rules;
use super::secrets::Secrets;
use super::stats::SessionsStats;
use super::target::Output;
use super::write::{Block, Line, Phase, block};
use crate::app::http::BodyStore;
use crate::engine::{
    Outcome, Progress, Resume, Source, Stopwatch, Window, Workers, available_memory, run_on,
};
use crate::error::Error;
use crate::flow::FlowList;
use crate::jobs::follow::{Follow, Following};
use crate::jobs::geo::Geo;
use crate::jobs::given::Given;
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
    /// Damage found when the captures were indexed.
    pub damages: Vec<String>,
    /// Number of records written, by type.
    pub records: Vec<(&'static str, u64)>,
    /// Connections with payload.
    pub connections: Counts,
    /// Secrets hidden from records.
    pub hidden: u64,
    /// Whether the reader of standard output closed it early.
    pub is_list_cut: bool,
}

impl SessionsReport {
    /// Whether all captures were read completely, without damage.
    pub fn is_whole(&self) -> bool {
        self.outcome.is_whole() && self.damages.is_empty()
    }
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
    let workers = Workers::new(&job.config.tuning)?;
    let given = Given::whole(&workers, sources);
    sessions_of(job, given, stdout, progress)
}

/// Writes the records of the given captures.
pub(in crate::jobs) fn sessions_of(
    job: SessionsJob,
    given: Given<'_>,
    stdout: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<SessionsReport, Error> {
    let stopwatch = Stopwatch::start();
    let Given {
        workers,
        sources,
        inputs,
        places,
        gate,
    } = given;
    let places = Places::new(places, &sources);
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    let stats = job.stats.as_deref().map(create).transpose()?;
    let bodies = job.files.as_deref().map(BodyFolder::open).transpose()?;
    let store = bodies.clone().map(|it| Arc::new(it) as Arc<dyn BodyStore>);
    let geo = (!job.geo.is_empty()).then(|| Geo::open(&job.geo));
    let reading = Reading {
        shared: shared(&job),
        rules: Arc::new(Rules::new(&job, store)),
        bodies,
        showing: Showing {
            secrets: Secrets::new(job.secrecy, job.secrets_key.as_deref())?,
            bodies: job.bodies,
            format: job.format,
            places,
            geo: geo.transpose()?,
        },
        condition: job.condition.clone(),
        output: Output::open(
            &job.target,
            job.format,
            job.services.only_type(),
            &inputs,
            stdout,
        )?,
        records: BTreeMap::new(),
        counts: Counts::default(),
        hidden: 0,
    };
    let mut following = Following(reading);
    let outcome = run_on(
        workers,
        &job.config,
        sources,
        Resume::default(),
        &mut following,
        gate,
        progress,
    )?;
    let reading = following.0;
    let elapsed = stopwatch.elapsed();
    let is_list_cut = reading.output.finish()?;
    if let Some(mut file) = stats {
        let records = reading
            .records
            .iter()
            .map(|(kind, count)| (kind.name(), *count));
        let json = SessionsStats::new(&outcome, elapsed, records.collect(), reading.counts);
        file.write_all(&json.to_json())
            .map_err(|error| file.error(error))?;
        file.finish()?;
    }
    Ok(SessionsReport {
        outcome,
        elapsed,
        damages: Vec::new(),
        records: reading
            .records
            .into_iter()
            .map(|(kind, count)| (kind.name(), count))
            .collect(),
        connections: reading.counts,
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
    bodies: Option<BodyFolder>,
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

    fn check(&self, trackers: &mut [&mut Tracker<Sessions>]) -> Result<(), Error> {
        self.bodies.as_ref().map_or(Ok(()), BodyFolder::check)?;
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
        self.check(&mut trackers)?;
        self.write(flows, &mut trackers, Phase::Window)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        mut trackers: Vec<&mut Tracker<Sessions>>,
    ) -> Result<u64, Error> {
        self.shared.finish(&mut trackers)?;
        trackers.par_iter_mut().for_each(|it| it.handler.finish());
        self.check(&mut trackers)?;
        for tracker in &trackers {
            self.counts.add(&tracker.handler.counts);
        }
        self.write(flows, &mut trackers, Phase::End)
    }
}

/// Fraction of the available memory for segments that wait for a gap to close.
const MEMORY_SHARE: u64 = 8;
