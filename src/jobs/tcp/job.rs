//! The run, and the table at its end.

use super::bins::Bins;
use super::columns::open_columns;
use super::concurrency::Concurrency;
use super::explain::explained;
use super::handler::Meter;
use super::open::{open_at, open_at_end};
use super::options::{TcpJob, View};
use super::packets::{Listed, Packets, Recorded};
use super::ranks::Ranks;
use super::row::Entry;
use super::rows::Connections;
use crate::capture::Position;
use crate::engine::{
    InputStart, Job, Needs, Outcome, Progress, Resume, Source, Stopwatch, Window, Workers,
    available_memory, run_on,
};
use crate::error::{Error, ErrorKind};
use crate::flow::FlowList;
use crate::jobs::stats::Stats;
use crate::output::rows::{self, Table};
use crate::output::table::KeepGoing;
use crate::output::{OutputFile, STDOUT};
use crate::select::IdSet;
use crate::stream::{Selected, Shared, Tracker, Wanted};
use rayon::prelude::*;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the job found.
#[derive(Debug)]
pub struct TcpReport {
    /// The run.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed: Duration,
    /// How many connections there are.
    pub connections: u64,
    /// TCP packets whose header was not captured, or cannot be one: they are in no connection.
    pub cut_headers: u64,
    /// Fragments that do not complete their datagram: it counts as one packet, the one that does.
    pub fragments: u64,
    /// Whether the table's reader left before its end.
    pub is_list_cut: bool,
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
    let stopwatch = Stopwatch::start();
    if job.view.ids().is_some() {
        // Packets of connections that turn out not to be requested are kept for a window.
        job.config.tuning.window_len = job.config.tuning.window_len.min(TcpJob::WINDOW_LEN);
    }
    let workers = Workers::new(&job.config.tuning)?;
    let inputs: Vec<PathBuf> = sources.iter().flat_map(Source::paths).collect();
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    let output = job.output.as_deref().map(create).transpose()?;
    let stats = job.stats.as_deref().map(create).transpose()?;
    let mut measuring = Measuring::new(&job);
    let outcome = run_on(
        &workers,
        &job.config,
        sources,
        Resume::default(),
        &mut measuring,
        None,
        progress,
    )?;
    let elapsed = stopwatch.elapsed();
    let Measuring {
        connections,
        recorded,
        cut_headers,
        fragments,
        count,
        ..
    } = measuring;
    let mut shown = Shown {
        job: &job,
        output,
        list,
        progress,
        is_cut: false,
    };
    workers.install(|| shown.write(connections, &recorded))?;
    let (output, is_list_cut) = (shown.output, shown.is_cut);
    if let Some(mut file) = stats {
        let json = Stats::new(&outcome, elapsed).to_json();
        file.write_all(&json).map_err(|error| file.error(error))?;
        file.finish()?;
    }
    output.map_or(Ok(()), OutputFile::finish)?;
    Ok(TcpReport {
        outcome,
        elapsed,
        connections: count,
        cut_headers,
        fragments,
        is_list_cut,
    })
}

/// What is written, and where it goes.
struct Shown<'a> {
    job: &'a TcpJob,
    output: Option<OutputFile>,
    list: &'a mut (dyn Write + Send),
    progress: &'a Progress,
    /// Its reader left before its end.
    is_cut: bool,
}

impl Shown<'_> {
    fn write(&mut self, mut connections: Connections, recorded: &[Recorded]) -> Result<(), Error> {
        let (job, all) = (self.job, &connections.all);
        match &job.view {
            View::Concurrency(grouping, bin) => {
                self.table(&Concurrency::new(all, *grouping, *bin, job.open_until))
            }
            View::Packets(_) => self.table(&Packets::new(recorded)),
            View::Bins(_, bin) => self.table(&Bins::new(recorded, *bin)),
            View::Explained(_) => {
                let stories = recorded.iter().map(|it| explained(it, &job.time_zone));
                let text = stories.collect::<Vec<_>>().join("\n");
                self.output(|out, failed, _| out.write_all(text.as_bytes()).map_err(failed))
            }
            View::Connections | View::OpenAt(_) => {
                if let View::OpenAt(instant) = &job.view {
                    connections.shown = Some(open_at(all, *instant, job.open_until));
                }
                if open_columns().any(|it| job.choice.needs(it)) {
                    connections.open = open_at_end(&connections.all, job.open_until);
                }
                connections.time_zone = job.time_zone.clone();
                self.table(&connections)
            }
        }
    }

    fn table(&mut self, table: &impl Table) -> Result<(), Error> {
        let job = self.job;
        self.output(|out, failed, keep_going| {
            rows::write(table, &job.choice, job.format, out, failed, keep_going)
        })
    }

    fn output(
        &mut self,
        write: impl FnOnce(
            &mut (dyn Write + Send),
            &(dyn Fn(io::Error) -> Error + Sync),
            &KeepGoing<'_>,
        ) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let file = self.output.as_ref();
        let path = file.map_or_else(|| STDOUT.as_ref(), |it| it.path());
        let path = path.to_owned();
        let failed = |error| Error::io("write", &path, error);
        let keep_going = || self.progress.check();
        let out: &mut (dyn Write + Send) = match &mut self.output {
            Some(file) => file,
            None => self.list,
        };
        let written = write(out, &failed, &keep_going);
        match written.and_then(|()| out.flush().map_err(failed)) {
            // A reader that has seen enough.
            Err(error) if error.is_broken_pipe() => self.is_cut = true,
            written => written?,
        }
        Ok(())
    }
}

/// The part of a run.
struct Measuring {
    shared: Shared,
    keeps_duplicates: bool,
    ids: Option<IdSet>,
    ranks: Ranks,
    connections: Connections,
    /// Requested connections with their packets.
    recorded: Vec<Recorded>,
    count: u64,
    cut_headers: u64,
    fragments: u64,
}

impl Measuring {
    fn new(job: &TcpJob) -> Self {
        let selected = Selected {
            tcp: Some(Wanted {
                all: true,
                ..Wanted::default()
            }),
            udp: None,
        };
        let memory = available_memory() / MEMORY_SHARE;
        Self {
            shared: Shared::new(selected, job.config.conversations, memory),
            keeps_duplicates: job.keeps_duplicates,
            ids: job.view.ids().cloned(),
            ranks: Ranks::new(job.view.ids().cloned().unwrap_or_default()),
            connections: Connections::default(),
            recorded: Vec::new(),
            count: 0,
            cut_headers: 0,
            fragments: 0,
        }
    }
}

impl Job for Measuring {
    type Observer = Tracker<Meter>;

    fn observer(&self) -> Tracker<Meter> {
        let meter = Meter::new(self.keeps_duplicates, self.ids.is_some());
        self.shared.tracker(meter)
    }

    fn needs(&self) -> Needs {
        Needs {
            contents: true,
            ..Needs::default()
        }
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        self.shared
            .input(input.number, input.path, input.excerpt_map, input.file_len);
        Ok(())
    }

    fn window_starts(
        &mut self,
        base: Position,
        _: &FlowList,
        trackers: Vec<&mut Tracker<Meter>>,
    ) -> Result<(), Error> {
        self.shared.window_starts(base, trackers);
        Ok(())
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
    let connections = std::mem::take(&mut meter.connections);
    let mut entries: Vec<(Entry, Vec<Listed>)> = Vec::with_capacity(connections.len());
    for (place, connection) in connections.into_iter().enumerate() {
        let packets = recorder.as_mut().map(|it| it.take(place));
        entries.push((Entry::new(connection), packets.unwrap_or_default()));
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
