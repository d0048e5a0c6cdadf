//! Making an index: the flow list, and for each flow what an analyst filters by and where its
//! packets are.

use super::carve::{apply_settings, places};
use crate::capture::Position;
use crate::decode::NotFlow;
use crate::engine::{
    Balance, Config, InputStart, Job, Needs, Outcome, Progress, Resume, Source, Stopwatch, Window,
    Workers, run_on,
};
use crate::error::{Error, ShownPath};
use crate::flow::{Contents, Flow, FlowKey, FlowList, Observer, PacketRef, Payload};
use crate::index::{
    CaptureNote, Identity, Index, IndexLock, IndexWriter, NamedSummary, Notes, Postings, Settings,
    Stretch, Summaries, Totals, check, connections_note, connections_path, is_connection_table,
};
use crate::jobs::follow::Following;
use crate::jobs::stats::Stats;
use crate::jobs::tcp::Measuring;
use crate::number::{index_u32, len_u32, place_u32};
use crate::output::OutputFile;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::hash::RandomState;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Captures to index, and where the index goes.
#[derive(Debug)]
pub struct IndexJob {
    /// How captures are read and flows counted. A filter has no place here: FlowIDs are those of
    /// all flows.
    pub config: Config,
    /// The captures: regular files, in order.
    pub captures: Vec<PathBuf>,
    /// The index.
    pub output: PathBuf,
    /// Whether to add captures to an existing index, leaving out those already in it. A missing
    /// index is created.
    pub append: bool,
    /// Whether to wait for another run that is writing the index.
    pub waits: bool,
    /// Captures of that index that are elsewhere now: where they were, and where they are.
    pub relocated: Vec<(PathBuf, PathBuf)>,
    /// Whether to measure TCP connections into a table stored next to the index. An extended index
    /// has no such table, because connections may continue from earlier captures.
    pub measures_tcp: bool,
    /// Where the run's statistics go.
    pub stats: Option<PathBuf>,
}

/// The report of an index that was made.
#[derive(Debug)]
pub struct IndexReport {
    /// The run; `None` if the index already had all captures.
    pub outcome: Option<Outcome>,
    /// Captures already in the index.
    pub known: Vec<PathBuf>,
    /// Whether the index lost its table of TCP connections.
    pub lost_connections: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// Makes an index of captures.
///
/// # Errors
/// When nothing could be read, an input is no regular file, or the index cannot be written.
pub fn index(job: IndexJob, progress: &Progress) -> Result<IndexReport, Error> {
    let stopwatch = Stopwatch::start();
    let IndexJob {
        config,
        captures,
        output,
        append,
        waits,
        relocated,
        measures_tcp,
        stats,
    } = job;
    let _lock = IndexLock::acquire(&output, waits, || progress.check())?;
    let exists = output.try_exists();
    let append = append && exists.map_err(|error| Error::io("open", &output, error))?;
    let inputs = captures.iter().map(PathBuf::as_path);
    let table = (measures_tcp && !append).then(|| connections_path(&output));
    let table = table.map(|path| create_table(&path, inputs.clone()));
    let table = table.transpose()?;
    let stats = stats.map(|path| OutputFile::create(&path, inputs.clone()));
    let stats = stats.transpose()?;
    let mut config = config;
    let workers = Workers::new(&config.tuning)?;
    let before = if append {
        let before = workers.install(|| Before::read(&output, &relocated))?;
        apply_settings(&before.notes.settings, &mut config);
        before
    } else {
        Before::default()
    };
    let Before {
        notes: old,
        flows,
        summaries,
    } = before;
    let (captures, known) = without_known(captures, &old.captures)?;
    if append && captures.is_empty() && relocated.is_empty() {
        return Ok(IndexReport {
            outcome: None,
            known,
            lost_connections: false,
            elapsed: stopwatch.elapsed(),
        });
    }
    let inputs = captures.iter().map(PathBuf::as_path);
    let new = captures.iter().map(|path| note(path));
    let new = new.collect::<Result<Vec<_>, _>>()?;
    let lost_connections = old.connections.is_some();
    let writer = IndexWriter::create(&output, inputs, settings(&config).columns(), old.parts)?;
    let first = old.captures.len();
    let notes = old.captures.into_iter().chain(new).collect();
    let build = Build::new(writer, notes, first, old.totals, summaries);
    let sources = captures.iter().map(|path| Source::Path(path.clone()));
    let resume = Resume {
        flows: &flows,
        fragments: &old.fragments,
    };
    let sources = sources.collect();
    let measuring = Measuring::new(config.conversations, false, None);
    let measuring = table.is_some().then_some(Following(measuring));
    let mut jobs = (build, measuring);
    let outcome = run_on(
        &workers, &config, sources, resume, &mut jobs, None, progress,
    )?;
    drop(flows);
    progress.check()?;
    let elapsed = stopwatch.elapsed();
    let (build, measuring) = jobs;
    let measuring = measuring.map(|it| it.0);
    workers.install(|| build.complete(&config, &outcome, table.zip(measuring)))?;
    if let Some(mut file) = stats {
        let json = Stats::new(&outcome, elapsed).to_json();
        file.write_all(&json).map_err(|error| file.error(error))?;
        file.finish()?;
    }
    Ok(IndexReport {
        outcome: Some(outcome),
        known,
        lost_connections,
        elapsed,
    })
}

/// Splits captures into those missing from an index and those already in it, unchanged.
fn without_known(
    captures: Vec<PathBuf>,
    indexed: &[CaptureNote],
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Error> {
    let notes: HashMap<PathBuf, &CaptureNote, RandomState> =
        indexed.iter().map(|it| (it.path(), it)).collect();
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for path in captures {
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        match notes.get(&absolute) {
            Some(note) => {
                check(&path, &note.identity, false)?;
                known.push(path);
            }
            None => new.push(path),
        }
    }
    Ok((new, known))
}

/// An index that captures are appended to.
#[derive(Default)]
struct Before {
    notes: Notes,
    flows: Vec<Flow>,
    summaries: Vec<NamedSummary>,
}

impl Before {
    fn read(path: &Path, relocated: &[(PathBuf, PathBuf)]) -> Result<Self, Error> {
        let index = Index::open(path)?;
        let mut notes = index.notes().clone();
        for (note, path) in notes.captures.iter_mut().zip(places(&index, relocated)?) {
            if path != note.path() {
                check(&path, &note.identity, true)?;
                note.identity = Identity::of(&path)?;
                note.set_path(&path);
            }
        }
        Ok(Self {
            notes,
            flows: index.flows()?.into_flows(),
            summaries: index.summaries()?,
        })
    }
}

/// Starts the table of TCP connections. Only another such table may be replaced.
fn create_table<'a>(
    path: &Path,
    inputs: impl Iterator<Item = &'a Path>,
) -> Result<OutputFile, Error> {
    let is_file = path.symlink_metadata().is_ok_and(|it| it.is_file());
    if is_file && !is_connection_table(path) {
        let exists = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(Error::io("write", path, exists));
    }
    OutputFile::create(path, inputs)
}

/// The note of a capture before it is read.
fn note(path: &Path) -> Result<CaptureNote, Error> {
    let mut note = CaptureNote {
        identity: Identity::of(path)?,
        ..CaptureNote::default()
    };
    note.set_path(path);
    Ok(note)
}

/// How flows are told apart, as an index notes it.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        five_tuple: config.five_tuple,
        conversations: config.conversations,
        decap: config.decode.decap,
        tunnel_ports: config.decode.tunnel_ports.ports().to_vec(),
        trailer_offset: config.decode.trailer.map(|it| it.offset),
        idle_ns: config.timeouts.idle_ns,
        active_ns: config.timeouts.active_ns,
    }
}

/// The job that goes along with the run.
struct Build {
    writer: Option<IndexWriter>,
    captures: Vec<CaptureNote>,
    /// The first of these that is read now.
    first: usize,
    /// Totals of the captures before.
    totals: Totals,
    /// Summaries of the flows of captures before.
    resumed: Vec<NamedSummary>,
    /// Where each input that was started starts, as if all were one.
    starts: Vec<u64>,
    /// How far the current input has been seen.
    seen: u64,
    /// Where the current stretch starts.
    stretch: u64,
    /// Where the window starts.
    window: u64,
    /// Packets of no flow, from the stretch's start.
    loose: Vec<u32>,
    summaries: Vec<Summaries>,
}

/// One shard's part of the job.
#[derive(Debug, Default)]
pub(super) struct BuildObserver {
    stretch: Stretch,
    /// Where the window starts in the stretch.
    base: u32,
}

impl Observer for BuildObserver {
    #[inline]
    fn start(&mut self, _: u32, _: bool, _: impl Fn() -> FlowKey) {
        self.stretch.start();
    }

    #[inline]
    fn payload(&mut self, flow: u32, packet: &PacketRef, payload: &Payload, window: &[u8]) {
        let place = self.base + packet.offset;
        self.stretch.add(flow, place, packet, payload, window);
    }

    #[inline]
    fn packet(&mut self, _: u32, _: &PacketRef, _: Option<&Contents<'_>>) {}
}

impl Build {
    const fn new(
        writer: IndexWriter,
        captures: Vec<CaptureNote>,
        first: usize,
        totals: Totals,
        resumed: Vec<NamedSummary>,
    ) -> Self {
        Self {
            writer: Some(writer),
            captures,
            first,
            totals,
            resumed,
            starts: Vec::new(),
            seen: 0,
            stretch: 0,
            window: 0,
            loose: Vec::new(),
            summaries: Vec::new(),
        }
    }

    /// Where an input starts, as if all were one.
    fn start_of(&self, input: usize) -> u64 {
        self.starts.get(input).copied().unwrap_or(0)
    }

    /// Writes the stretches that end before a place.
    fn flush_before(
        &mut self,
        place: u64,
        flows: &FlowList,
        observers: &mut [&mut BuildObserver],
    ) -> Result<(), Error> {
        while place - self.stretch >= STRETCH_LEN {
            self.flush(self.stretch + STRETCH_LEN, flows, observers)?;
        }
        Ok(())
    }

    /// Writes the places of packets before `end`, and starts the next stretch there.
    fn flush(
        &mut self,
        end: u64,
        flows: &FlowList,
        observers: &mut [&mut BuildObserver],
    ) -> Result<(), Error> {
        let len = place_u32(end - self.stretch);
        let take = |observer: &mut &mut BuildObserver| observer.stretch.take(len);
        let mut shards: Vec<Postings> =
            observers.par_iter_mut().with_max_len(1).map(take).collect();
        let loose = self.loose.partition_point(|&place| place < len);
        let later = self.loose.split_off(loose);
        let own = std::mem::replace(&mut self.loose, later);
        self.loose.iter_mut().for_each(|place| *place -= len);
        shards.push(Postings::of_no_flow(own));
        let none = shards.len() - 1;
        let id_of = |shard: usize, index: u32| {
            if shard == none {
                0
            } else {
                flows.id_of(shard, index)
            }
        };
        // Those that start in the stretch, and the one before it.
        let first = self
            .starts
            .partition_point(|&start| start <= self.stretch)
            .saturating_sub(1);
        let captures: Vec<(i64, u32)> = (0..)
            .zip(&self.starts)
            .skip(first)
            .take_while(|(_, start)| **start < end)
            .map(|(number, start)| {
                let number = index_u32(self.first) + number;
                (start.wrapping_sub(self.stretch).cast_signed(), number)
            })
            .collect();
        self.stretch = end;
        match &mut self.writer {
            Some(writer) => writer.stretch(&shards, &captures, id_of),
            None => Ok(()),
        }
    }

    /// Writes the flows, and puts the index under its name.
    fn complete(
        mut self,
        config: &Config,
        outcome: &Outcome,
        connections: Option<(OutputFile, Measuring)>,
    ) -> Result<(), Error> {
        let new = self.captures.iter_mut().skip(self.first);
        for (note, report) in new.zip(&outcome.inputs) {
            note.packets = report.packets;
            note.read = report.bytes;
            note.damage = match (&report.error, report.damages.first()) {
                (Some(error), _) => Some(error.to_string()),
                (None, Some(damage)) => Some(damage.to_string()),
                (None, None) => None,
            };
        }
        self.note_packets_without_interface(outcome);
        let flows = &outcome.flows;
        let totals = totals(&self.totals, &outcome.balance, flows);
        let summaries = std::mem::take(&mut self.summaries);
        let summary = |id: u64| {
            let (shard, index) = flows.shard_of(id)?;
            summaries.get(shard)?.get(index)
        };
        match self.writer {
            Some(writer) => {
                let mut notes = Notes {
                    version: Notes::VERSION,
                    settings: settings(config),
                    captures: self.captures,
                    parts: Vec::new(),
                    connections: None,
                    totals,
                    fragments: outcome.fragments.clone(),
                };
                let table = match connections {
                    Some((mut file, measuring)) => {
                        let note = connections_note(file.path(), &notes);
                        let key = (Notes::CONNECTIONS_KEY, note.digest.clone());
                        let written = measuring.write_table(key, &mut file);
                        written.map_err(|error| file.error(error))?;
                        notes.connections = Some(note);
                        Some(file)
                    }
                    None => None,
                };
                writer.finish(flows, summary, notes, table)
            }
            None => Ok(()),
        }
    }
}

impl Build {
    /// What names an interface that is not described is damage, too, but counted for all captures
    /// together.
    fn note_packets_without_interface(&mut self, outcome: &Outcome) {
        let reason = NotFlow::NoInterface;
        let odd = outcome.balance.not_flow(reason);
        let Some(first) = odd.first else { return };
        if let Some(note) = self.captures.get_mut(self.first + first.input) {
            let packets = if odd.packets == 1 {
                "packet"
            } else {
                "packets"
            };
            let path = note.path();
            note.damage.get_or_insert_with(|| {
                format!(
                    "{} {packets} {}: the first is packet {} at byte {} of {}",
                    odd.packets,
                    reason.description(),
                    first.packet,
                    first.offset,
                    path.shown()
                )
            });
        }
    }
}

fn totals(before: &Totals, balance: &Balance, flows: &FlowList) -> Totals {
    Totals {
        packets: before.packets + balance.packets,
        bytes: before.bytes + balance.bytes,
        packets_in_flows: before.packets_in_flows + balance.in_flows,
        bytes_in_flows: flows.bytes(),
        packets_not_ip: before.packets_not_ip + balance.not_ip(),
        packets_malformed: before.packets_malformed + balance.malformed(),
        flows: flows.accepted(),
    }
}

impl Job for Build {
    type Observer = BuildObserver;

    fn observer(&self) -> BuildObserver {
        BuildObserver::default()
    }

    fn needs(&self) -> Needs {
        Needs {
            non_flow: true,
            payloads: true,
            ..Needs::default()
        }
    }

    fn resumed(&mut self, flows: &FlowList, mut observers: Vec<&mut BuildObserver>) {
        for ((summary, name), id) in std::mem::take(&mut self.resumed).into_iter().zip(1..) {
            if let Some((shard, index)) = flows.shard_of(id)
                && let Some(observer) = observers.get_mut(shard)
            {
                observer.stretch.resume(index, summary, name.as_deref());
            }
        }
        for observer in observers {
            observer.stretch.clear();
        }
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        let start = self.starts.last().map_or(0, |start| start + self.seen);
        // Captures that could not be opened have no bytes.
        self.starts.resize(input.number + 1, start);
        self.seen = input.file_len.unwrap_or(0);
        Ok(())
    }

    fn window_starts(
        &mut self,
        base: Position,
        flows: &FlowList,
        mut observers: Vec<&mut BuildObserver>,
    ) -> Result<(), Error> {
        self.window = self.start_of(base.input) + base.offset;
        self.flush_before(self.window, flows, &mut observers)?;
        let base = place_u32(self.window - self.stretch);
        for observer in observers {
            observer.base = base;
        }
        Ok(())
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        _: &FlowList,
        _: Vec<&mut BuildObserver>,
    ) -> Result<u64, Error> {
        let start = self.start_of(window.base.input);
        let base = place_u32(self.window - self.stretch);
        self.loose
            .extend(window.non_flow.iter().map(|place| base + place));
        if let Some(note) = self.captures.get_mut(self.first + window.base.input) {
            let blocks = window.side_blocks.iter();
            let offset = window.base.offset;
            note.blocks.extend(blocks.map(|it| {
                let len = len_u32(it.len);
                (offset + it.start as u64, len)
            }));
        }
        let end = self.window + window.bytes.len() as u64;
        self.seen = self.seen.max(end - start);
        Ok(0)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        mut observers: Vec<&mut BuildObserver>,
    ) -> Result<u64, Error> {
        let end = self.starts.last().copied().unwrap_or(0) + self.seen;
        self.flush_before(end, flows, &mut observers)?;
        self.flush(self.stretch + STRETCH_LEN, flows, &mut observers)?;
        self.summaries = observers
            .into_iter()
            .map(|it| std::mem::take(&mut it.stretch).into_summaries())
            .collect();
        Ok(0)
    }
}

/// Bytes of captures whose packets are written together: where a stretch ends depends on nothing
/// else, so that an index does not depend on windows.
const STRETCH_LEN: u64 = 1 << 30;
