//! The run, and the table at its end.

use super::handler::Meter;
use super::options::{OpenUntil, TcpJob};
use super::packets::{Listed, Recorded};
use super::ranks::Ranks;
use super::row::Entry;
use super::rows::Connections;
use super::shown::{Shown, needs_column};
use super::stored::Stored;
use crate::engine::{
    Outcome, Progress, Resume, Source, Stopwatch, Window, Workers, available_memory, run_on,
};
use crate::error::{Error, ErrorKind};
use crate::flow::FlowList;
use crate::index::ConnectionTable;
use crate::jobs::follow::{Follow, Following};
use crate::jobs::given::Given;
use crate::jobs::stats::Stats;
use crate::output::OutputFile;
use crate::output::rows::{Table, write_noted};
use crate::select::IdSet;
use crate::stream::{Selected, Shared, Tracker, Wanted};
use rayon::prelude::*;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the job found.
#[derive(Debug)]
pub struct TcpReport {
    /// The run; `None` if the index sufficed.
    pub outcome: Option<Outcome>,
    /// Damage found when the captures were indexed.
    pub damages: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
    /// How many connections there are.
    pub connections: u64,
    /// TCP packets whose header was not captured, or cannot be one: they are in no connection.
    pub cut_headers: u64,
    /// Fragments that do not complete their datagram. A datagram counts as one packet, the one that
    /// completes it.
    pub fragments: u64,
    /// Whether the table's reader left before its end.
    pub is_list_cut: bool,
}

impl TcpReport {
    /// Whether all captures were read completely, without damage.
    pub fn is_whole(&self) -> bool {
        let is_whole = self.outcome.as_ref().is_none_or(Outcome::is_whole);
        is_whole && self.damages.is_empty()
    }
}

/// Reads `sources` as one capture, measures their TCP connections, and writes what is requested to
/// `list`.
///
/// # Errors
/// When nothing could be read, an output cannot be written, or a connection does not exist.
pub fn tcp(
    mut job: TcpJob,
    sources: Vec<Source>,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<TcpReport, Error> {
    if job.view.ids().is_some() {
        // Packets of connections that turn out not to be requested are kept for a window.
        job.config.tuning.window_len = job.config.tuning.window_len.min(TcpJob::WINDOW_LEN);
    }
    let workers = Workers::new(&job.config.tuning)?;
    tcp_of(job, Given::whole(&workers, sources), &[], list, progress)
}

/// Measures the connections of the given captures. Those of excerpts have these `ids` in the whole
/// captures, in order.
pub(in crate::jobs) fn tcp_of(
    job: TcpJob,
    given: Given<'_>,
    ids: &[u64],
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<TcpReport, Error> {
    let stopwatch = Stopwatch::start();
    let Given {
        workers,
        sources,
        inputs,
        places,
        gate,
    } = given;
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    let output = job.output.as_deref().map(create).transpose()?;
    let stats = job.stats.as_deref().map(create).transpose()?;
    let conversations = job.config.conversations;
    let wanted = job.view.ids().cloned();
    let measuring = Measuring::new(conversations, job.keeps_duplicates, wanted);
    let mut following = Following(measuring);
    let outcome = run_on(
        workers,
        &job.config,
        sources,
        Resume::default(),
        &mut following,
        gate,
        progress,
    )?;
    let elapsed = stopwatch.elapsed();
    let Measuring {
        connections,
        mut recorded,
        cut_headers,
        fragments,
        count,
        ..
    } = following.0;
    if let Some(places) = &places {
        recorded.iter_mut().for_each(|it| it.relocate(ids, places));
    }
    let mut shown = Shown::new(&job, output, list, progress);
    workers.install(|| shown.write(connections, &recorded))?;
    let is_list_cut = shown.finish()?;
    if let Some(mut file) = stats {
        let json = Stats::new(&outcome, elapsed).to_json();
        file.write_all(&json).map_err(|error| file.error(error))?;
        file.finish()?;
    }
    Ok(TcpReport {
        outcome: Some(outcome),
        damages: Vec::new(),
        elapsed,
        connections: count,
        cut_headers,
        fragments,
        is_list_cut,
    })
}

/// Measures the TCP connections of `near` and `far`, captures from two points of a path, and writes
/// those of `near` with a comparison of both points.
///
/// # Errors
/// When nothing can be read of one of them, or an output cannot be written.
pub fn tcp_beside(
    job: TcpJob,
    near: Vec<Source>,
    far: Vec<Source>,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<(TcpReport, Outcome), Error> {
    let stopwatch = Stopwatch::start();
    let workers = Workers::new(&job.config.tuning)?;
    let inputs = near.iter().chain(&far).flat_map(Source::paths);
    let inputs: Vec<PathBuf> = inputs.collect();
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    let output = job.output.as_deref().map(create).transpose()?;
    let measure = |sources: Vec<Source>| {
        let mut measuring = Measuring::new(job.config.conversations, job.keeps_duplicates, None);
        measuring.keeps_sent = true;
        let mut following = Following(measuring);
        let (config, resume) = (&job.config, Resume::default());
        let run = run_on(
            &workers,
            config,
            sources,
            resume,
            &mut following,
            None,
            progress,
        );
        run.map(|outcome| (following.0, outcome))
    };
    let (mut own, outcome) = measure(near)?;
    let (other, far_outcome) = measure(far)?;
    let mut shown = Shown::new(&job, output, list, progress);
    workers.install(|| {
        own.connections.measure_open(job.open_until);
        shown.write_beside(&own.connections, &other.connections)
    })?;
    let is_list_cut = shown.finish()?;
    let report = TcpReport {
        outcome: Some(outcome),
        damages: Vec::new(),
        elapsed: stopwatch.elapsed(),
        connections: own.count,
        cut_headers: own.cut_headers,
        fragments: own.fragments,
        is_list_cut,
    };
    Ok((report, far_outcome))
}

/// Shows connections stored in an index. The view must not need anything else. Returns the number
/// of connections, and whether the list's reader closed it early.
pub(in crate::jobs) fn tcp_stored(
    job: &TcpJob,
    table: &ConnectionTable,
    captures: &[PathBuf],
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<(u64, bool), Error> {
    let create = |path: &Path| OutputFile::create(path, captures.iter().map(PathBuf::as_path));
    let output = job.output.as_deref().map(create).transpose()?;
    let stored = Stored::read(table, |column| needs_column(job, column))?;
    let count = stored.len() as u64;
    let mut shown = Shown::new(job, output, list, progress);
    shown.write_stored(stored)?;
    Ok((count, shown.finish()?))
}

/// The part of a run.
#[derive(Debug)]
pub(in crate::jobs) struct Measuring {
    shared: Shared,
    keeps_duplicates: bool,
    ids: Option<IdSet>,
    /// Whether to keep segments for a comparison with another capture.
    keeps_sent: bool,
    ranks: Ranks,
    pub(super) connections: Connections,
    /// Requested connections with their packets.
    recorded: Vec<Recorded>,
    count: u64,
    cut_headers: u64,
    fragments: u64,
}

impl Measuring {
    /// Keeps packets of the connections with these `ids`; if there are none, one row per
    /// connection.
    pub(in crate::jobs) fn new(
        conversations: bool,
        keeps_duplicates: bool,
        ids: Option<IdSet>,
    ) -> Self {
        let selected = Selected {
            tcp: Some(Wanted {
                all: true,
                ..Wanted::default()
            }),
            udp: None,
        };
        let memory = available_memory() / MEMORY_SHARE;
        Self {
            shared: Shared::new(selected, conversations, memory),
            keeps_duplicates,
            keeps_sent: false,
            ranks: Ranks::new(ids.clone().unwrap_or_default()),
            ids,
            connections: Connections::default(),
            recorded: Vec::new(),
            count: 0,
            cut_headers: 0,
            fragments: 0,
        }
    }
}

impl Measuring {
    /// Writes a table of all connections, including metadata.
    pub(in crate::jobs) fn write_table(
        self,
        note: (&str, String),
        out: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        let mut connections = self.connections;
        connections.measure_open(OpenUntil::default());
        write_noted(&connections, note, out)
    }
}

impl Follow for Measuring {
    type Handler = Meter;

    fn handler(&self) -> Meter {
        let mut meter = Meter::new(self.keeps_duplicates, self.ids.is_some());
        meter.sent = self.keeps_sent.then(Vec::new);
        meter
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
        mut trackers: Vec<&mut Tracker<Meter>>,
    ) -> Result<u64, Error> {
        self.shared
            .window_ends(window.bytes, flows, &mut trackers)?;
        if self.ids.is_some() {
            self.ranks.window_ends(&mut trackers);
        }
        Ok(0)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        mut trackers: Vec<&mut Tracker<Meter>>,
    ) -> Result<u64, Error> {
        self.shared.finish(&mut trackers)?;
        let found = trackers.par_iter_mut().enumerate();
        let found = found.flat_map_iter(|(shard, tracker)| entries(shard, tracker, flows));
        let mut all: Vec<(Entry, Vec<Listed>)> = found.collect();
        all.par_sort_unstable_by_key(|(entry, _)| entry.connection.first_packet());
        self.count = all.len() as u64;
        if let Some(ids) = &self.ids {
            check_ids(ids, self.count)?;
            let wanted = all.into_iter().zip(1..).filter(|(_, id)| ids.contains(*id));
            self.recorded = wanted.map(recorded).collect();
        } else {
            self.connections.all = all.into_iter().map(|(entry, _)| entry).collect();
        }
        for (shard, tracker) in trackers.iter().enumerate() {
            self.fragments += tracker.fragments;
            self.cut_headers += tracker.cut_headers(|flow| flows.id_of(shard, flow));
        }
        Ok(0)
    }
}

fn recorded(((entry, mut packets), id): ((Entry, Vec<Listed>), u64)) -> Recorded {
    // Those that waited come after others.
    packets.sort_by_key(|it| it.packet);
    Recorded { id, entry, packets }
}

/// Connections that do not exist are an error.
fn check_ids(ids: &IdSet, connections: u64) -> Result<(), Error> {
    match ids.max() {
        Some(id) if id > connections => {
            Err(ErrorKind::UnknownConnection { id, connections }.into())
        }
        _ => Ok(()),
    }
}

/// The connections of a shard, with the packets that were recorded of them.
fn entries(
    shard: usize,
    tracker: &mut Tracker<Meter>,
    flows: &FlowList,
) -> Vec<(Entry, Vec<Listed>)> {
    let members = tracker.directions().iter();
    let members = members.map(|it| (it.state, tracker.peer(&it.info).map(|it| it.state)));
    // The handler is a part of the tracker.
    let members: Vec<_> = members.collect();
    tracker.handler.finish(&members);
    let meter = &mut tracker.handler;
    let mut recorder = meter.recorder.take();
    let mut sent = meter.sent.take().unwrap_or_default();
    let connections = std::mem::take(&mut meter.connections);
    let mut entries: Vec<(Entry, Vec<Listed>)> = Vec::with_capacity(connections.len());
    for (place, connection) in connections.into_iter().enumerate() {
        let packets = recorder.as_mut().map(|it| it.take(place));
        let mut entry = Entry::new(connection);
        entry.sent = sent.get_mut(place).map(std::mem::take).unwrap_or_default();
        entries.push((entry, packets.unwrap_or_default()));
    }
    for direction in tracker.directions() {
        let (member, info) = (direction.state, &direction.info);
        let place = member.place().and_then(|it| entries.get_mut(it));
        if let Some((entry, _)) = place {
            let flow = flows.id_of(shard, info.flow);
            entry.join(member.side(), flow, info.connection, tracker.network(info));
        }
    }
    // Without a packet of its own it was a part of another one.
    entries.retain(|(it, _)| it.connection.first_packet() > 0 && it.number > 0);
    entries
}

/// The share of the available memory for segments that wait to be told apart.
const MEMORY_SHARE: u64 = 8;
