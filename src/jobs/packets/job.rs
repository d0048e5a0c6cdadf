//! The run of the packets job, and its outputs.

use super::brief::Brief;
use super::line::LineStyle;
use super::options::{Assets, Grouping, PacketsJob, View};
use super::pieces::seen;
use super::places::{Direction, Places};
use super::seen::Seen;
use super::services::Services;
use super::summary::{NS_IN_MINUTE, Summary, Sums, wants};
use super::table::Packets;
use crate::engine::{
    Job, Needs, Outcome, Progress, Resume, Source, Stopwatch, Window, Workers, run_on,
};
use crate::error::Error;
use crate::flow::{Contents, FlowKey, FlowList, Observer, PacketRef};
use crate::jobs::stats::Stats;
use crate::output::rows::{Appender, Choice, Table};
use crate::output::table::TimeZone;
use crate::output::{OutputFile, STDOUT};
use jiff::tz;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Result of the job.
#[derive(Debug)]
pub struct PacketsReport {
    /// The run.
    pub outcome: Outcome,
    /// Elapsed time of the job.
    pub elapsed: Duration,
    /// Number of lines or rows written.
    pub lines: u64,
}

/// Reads `sources` as one capture, and writes a line per packet, or sums. The output is `stdout` if
/// no file is named.
///
/// # Errors
/// When nothing can be read, or an output cannot be written, including a `stdout` closed by its
/// reader.
pub fn packets(
    job: PacketsJob,
    sources: Vec<Source>,
    stdout: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<PacketsReport, Error> {
    let stopwatch = Stopwatch::start();
    let workers = Workers::new(&job.config.tuning)?;
    let inputs: Vec<PathBuf> = sources.iter().flat_map(Source::paths).collect();
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    let stats = job.stats.as_deref().map(create).transpose()?;
    let out = match &job.output {
        Some(path) => Sink::File(Box::new(create(path)?)),
        None => Sink::Stdout(stdout),
    };
    let mut showing = Showing::new(&job, out)?;
    let outcome = run_on(
        &workers,
        &job.config,
        sources,
        Resume::default(),
        &mut showing,
        None,
        progress,
    )?;
    let lines = workers.install(|| showing.finish(&outcome.flows))?;
    let elapsed = stopwatch.elapsed();
    if let Some(mut file) = stats {
        let json = Stats::new(&outcome, elapsed).to_json();
        file.write_all(&json).map_err(|error| file.error(error))?;
        file.finish()?;
    }
    Ok(PacketsReport {
        outcome,
        elapsed,
        lines,
    })
}

/// Destination of lines.
enum Sink<'a> {
    Stdout(&'a mut (dyn Write + Send)),
    File(Box<OutputFile>),
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// The engine's job.
struct Showing<'a> {
    job: &'a PacketsJob,
    style: LineStyle,
    places: Arc<Places>,
    services: Services,
    out: Appender<Sink<'a>>,
    path: PathBuf,
    lines: u64,
    minutes: BTreeMap<i64, Sums>,
}

impl<'a> Showing<'a> {
    fn new(job: &'a PacketsJob, out: Sink<'a>) -> Result<Self, Error> {
        let style = LineStyle {
            zone: match job.time_zone {
                TimeZone::Utc => tz::TimeZone::UTC,
                TimeZone::Local => tz::TimeZone::system(),
            },
            data_level: job.data_level,
            max_data: job.max_data,
        };
        let places = Places::new(&job.local, &job.geo)?;
        let services = Services::read(job.services.as_deref())?;
        let path = job.output.as_deref().unwrap_or_else(|| STDOUT.as_ref());
        let choice = Choice::all();
        let out = match job.view {
            View::Whole => Appender::new(&whole(&[], &style), choice, job.format, out),
            View::Ip => {
                let table = brief(&[], &style, &places, &services);
                Appender::new(&table, choice, job.format, out)
            }
            View::Sums(_) => {
                let table = Summary::of_minutes(BTreeMap::new(), &job.time_zone);
                Appender::new(&table, choice, job.format, out)
            }
        };
        Ok(Self {
            out: out.map_err(|error| Error::io("write", path, error))?,
            job,
            style,
            places: Arc::new(places),
            services,
            path: path.to_owned(),
            lines: 0,
            minutes: BTreeMap::new(),
        })
    }

    /// Writes the rows of a table.
    fn append(&mut self, table: &impl Table) -> Result<(), Error> {
        self.lines += table.len() as u64;
        let written = self.out.append(table).and_then(|()| self.out.flush());
        written.map_err(|error| Error::io("write", &self.path, error))
    }

    fn wants(&self, seen: &Seen<'_>) -> bool {
        let assets = &self.job.assets;
        let is_asset = assets.is_empty()
            || seen
                .ip()
                .is_some_and(|it| assets.accept(it.addresses, it.ports));
        is_asset
            && (!self.job.only_seed_types || seen.has_transport())
            && (self.job.view != View::Ip || seen.ip().is_some())
    }

    fn show(&mut self, window: &Window<'_>, offsets: &[u32]) -> Result<(), Error> {
        let mut packets = seen(window, offsets, &self.job.config.decode);
        packets.retain(|it| self.wants(it));
        let style = self.style.clone();
        if self.job.view == View::Whole {
            return self.append(&whole(&packets, &style));
        }
        let places = Arc::clone(&self.places);
        let services = std::mem::take(&mut self.services);
        let shown = self.append(&brief(&packets, &style, &places, &services));
        self.services = services;
        shown
    }

    /// Writes the sums, and ends the output. Returns the number of lines.
    fn finish(mut self, flows: &FlowList) -> Result<u64, Error> {
        let job = self.job;
        match job.view {
            View::Whole | View::Ip => {}
            View::Sums(Grouping::Minute) => {
                let minutes = std::mem::take(&mut self.minutes);
                self.append(&Summary::of_minutes(minutes, &job.time_zone))?;
            }
            View::Sums(grouping) => {
                let summary =
                    Summary::of_flows(flows, grouping, &job.assets, &self.places, &self.services);
                self.append(&summary)?;
            }
        }
        let failed = |error| Error::io("write", &self.path, error);
        match self.out.finish().map_err(failed)? {
            Sink::File(file) => file.finish()?,
            Sink::Stdout(out) => out.flush().map_err(failed)?,
        }
        Ok(self.lines)
    }
}

const fn whole<'t>(packets: &'t [Seen<'t>], style: &'t LineStyle) -> Packets<'t> {
    Packets { packets, style }
}

const fn brief<'t>(
    packets: &'t [Seen<'t>],
    style: &'t LineStyle,
    places: &'t Places,
    services: &'t Services,
) -> Brief<'t> {
    Brief {
        packets,
        style,
        places,
        services,
    }
}

/// Notes which packets of a shard to show, or counts them by minute.
#[derive(Debug)]
struct Noting {
    view: View,
    assets: Assets,
    places: Arc<Places>,
    offsets: Vec<u32>,
    /// For each flow: its direction, if it is of interest, and its last minute.
    flows: Vec<(Option<Direction>, Option<i64>)>,
    minutes: BTreeMap<i64, Sums>,
}

impl Observer for Noting {
    fn start(&mut self, _: u32, _: bool, key: impl Fn() -> FlowKey) {
        if self.view == View::Sums(Grouping::Minute) {
            let network = key().network;
            let is_wanted = wants(&self.assets, &network);
            let direction = self.places.direction([network.src, network.dst]);
            self.flows.push((is_wanted.then_some(direction), None));
        }
    }

    fn packet(&mut self, flow: u32, packet: &PacketRef, _: Option<&Contents<'_>>) {
        match self.view {
            View::Whole | View::Ip => self.offsets.push(packet.offset),
            View::Sums(Grouping::Minute) => self.count(flow, packet),
            View::Sums(_) => {}
        }
    }
}

impl Noting {
    fn count(&mut self, flow: u32, packet: &PacketRef) {
        let Some((Some(direction), last)) = self.flows.get_mut(flow as usize) else {
            return;
        };
        let minute = packet.time.0.div_euclid(NS_IN_MINUTE);
        let sums = self.minutes.entry(minute).or_default();
        sums.add(1, packet.wire_len.into(), *direction);
        if last.replace(minute) != Some(minute) {
            sums.flows += 1;
        }
    }
}

impl Job for Showing<'_> {
    type Observer = Noting;

    fn observer(&self) -> Noting {
        Noting {
            view: self.job.view,
            assets: self.job.assets.clone(),
            places: Arc::clone(&self.places),
            offsets: Vec::new(),
            flows: Vec::new(),
            minutes: BTreeMap::new(),
        }
    }

    fn needs(&self) -> Needs {
        Needs {
            non_flow: self.job.view == View::Whole,
            undescribed: true,
            ..Needs::default()
        }
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        _: &FlowList,
        observers: Vec<&mut Noting>,
    ) -> Result<u64, Error> {
        let mut offsets = window.non_flow.to_vec();
        for observer in observers {
            offsets.append(&mut observer.offsets);
            for (minute, sums) in std::mem::take(&mut observer.minutes) {
                self.minutes.entry(minute).or_default().add_all(&sums);
            }
        }
        offsets.par_sort_unstable();
        if !offsets.is_empty() {
            self.show(window, &offsets)?;
        }
        Ok(0)
    }
}
