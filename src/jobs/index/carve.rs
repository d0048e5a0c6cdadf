//! Using an index: the flow list, and extraction from captures of which only the requested records
//! are read.
//!
//! These make an [`Excerpt`], which is a capture, too; the main job reads it like any other, with
//! the FlowIDs that its flows have in the whole. So the results are those of a run without index.

use super::expected::Expected;
use super::list::{list_flows, set_columns};
use crate::capture::{Excerpt, Excerpted, Input};
use crate::decode::protocol::{TCP, UDP};
use crate::engine::{Config, Gate, Progress, Resume, Source, Stopwatch, Workers, run_on};
use crate::error::{Error, ErrorKind};
use crate::flow::{Flow, FlowIds, Flows, NetworkKey};
use crate::index::{CaptureNote, FlowRows, Index, Settings, Totals, check};
use crate::jobs::streams::{StreamOptions, is_archive};
use crate::jobs::{FlowsJob, FlowsReport, flows_gated};
use crate::number::at_most_u32;
use crate::output::is_same_file;
use crate::output::table::{Shown, condition_columns};
use crate::select::IdSet;
use crate::select::condition::Condition;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A request to an index.
#[derive(Debug)]
pub struct CarveJob {
    /// The index.
    pub index: PathBuf,
    /// Captures that were moved: where they were, and where they are.
    pub relocated: Vec<(PathBuf, PathBuf)>,
    /// Which flows, in addition to what the job selects.
    pub condition: Option<Condition>,
    /// The list, packets and streams that are requested. The index decides how flows are keyed.
    pub job: FlowsJob,
}

/// The result of using an index.
#[derive(Debug)]
pub struct CarveReport {
    /// The report of the run over the captures, if they were read.
    pub carved: Option<FlowsReport>,
    /// Whether the captures were read as a whole, because the index would not have been faster, or
    /// does not have the answer.
    pub is_whole_read: bool,
    /// Captures of which a part was unpacked to find the records, and how many bytes of content.
    pub unpacked: Vec<(PathBuf, u64)>,
    /// Damage that captures had when they were indexed.
    pub damages: Vec<String>,
    /// The totals of the captures when they were indexed.
    pub totals: Totals,
    /// Whether the list's reader closed it before its end.
    pub is_list_cut: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// Lists flows of an index, or carves some out of the captures.
///
/// # Errors
/// When the index cannot be read, a capture is not what it was, or an output cannot be written.
pub fn carve(
    job: CarveJob,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<CarveReport, Error> {
    let stopwatch = Stopwatch::start();
    let CarveJob {
        index,
        relocated,
        condition,
        mut job,
    } = job;
    let workers = Workers::new(&job.config.tuning)?;
    let index = workers.install(|| Index::open(&index))?;
    check_outputs(&index, &job)?;
    apply_settings(&index.notes().settings, &mut job.config);
    let mut report = CarveReport {
        carved: None,
        is_whole_read: false,
        unpacked: Vec::new(),
        damages: index
            .notes()
            .captures
            .iter()
            .filter_map(|it| it.damage.clone())
            .collect(),
        totals: index.notes().totals,
        is_list_cut: false,
        elapsed: Duration::ZERO,
    };
    let is_list = job.extract.is_none() && job.streams.is_none();
    if is_list && !job.config.asks_each_packet() {
        report.is_list_cut =
            workers.install(|| list_flows(&index, job, condition, list, (progress, &stopwatch)))?;
        report.elapsed = stopwatch.elapsed();
        return Ok(report);
    }
    let captures = Captures::new(&index, &relocated)?;
    match &mut job.table {
        Some(options) if is_list => {
            set_columns(options, index.notes());
            if let Some(condition) = condition.clone() {
                options.shown = workers.install(|| shown_of_captures(&index, condition))?;
            }
        }
        table => *table = None,
    }
    let carving = Carving {
        index: &index,
        captures: &captures,
        workers: &workers,
    };
    let plan = workers.install(|| carving.plan(&mut job, condition.as_ref()))?;
    let carved = match plan {
        Some(plan) => carving.carve(job, &plan, &mut report, list, progress)?,
        None => {
            report.is_whole_read = true;
            let sources = captures.all()?.into_iter().map(Source::Path);
            flows_gated(job, sources.collect(), &workers, None, list, progress)?
        }
    };
    report.carved = Some(carved);
    report.elapsed = stopwatch.elapsed();
    Ok(report)
}

/// Which flows a list of the captures shows: a condition on its own columns is evaluated on the
/// list, any other on the index.
fn shown_of_captures(index: &Index, condition: Condition) -> Result<Shown, Error> {
    let of_list = condition_columns().len();
    if condition.columns().iter().all(|&column| column < of_list) {
        return Ok(Shown::Matching(condition));
    }
    index.matching(&condition).map(Shown::Ids)
}

/// An index is read while outputs are written: none of them may take its place.
fn check_outputs(index: &Index, job: &FlowsJob) -> Result<(), Error> {
    let streams = job.streams.as_ref();
    let protocols = streams.iter().flat_map(|it| [&it.tcp, &it.udp]).flatten();
    let protocols = protocols.filter(|it| is_archive(&it.output));
    let single = [
        job.list_output.as_deref(),
        job.stats.as_deref(),
        job.extract.as_ref().map(|it| it.output.as_path()),
        streams.and_then(|it| it.manifest.as_deref()),
    ];
    let mut outputs = protocols
        .map(|it| it.output.as_path())
        .chain(single.into_iter().flatten());
    let files: Vec<PathBuf> = index.files().collect();
    match outputs.find(|output| files.iter().any(|it| is_same_file(it, output))) {
        Some(output) => Err(ErrorKind::OutputIsInput {
            path: output.to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

/// Keys flows as they were keyed when the captures were indexed.
pub(super) fn apply_settings(settings: &Settings, config: &mut Config) {
    config.five_tuple = settings.five_tuple;
    config.conversations = settings.conversations;
    config.decode.decap = settings.decap;
    config.decode.tunnel_ports = settings.tunnel_ports.iter().copied().collect();
    config.decode.trailer = settings
        .trailer_offset
        .map(|offset| crate::decode::TrailerOptions { offset });
    config.timeouts.idle_ns = settings.idle_ns;
    config.timeouts.active_ns = settings.active_ns;
}

/// The captures of an index at their current locations.
#[derive(Debug)]
pub(super) struct Captures<'a> {
    notes: &'a [CaptureNote],
    places: Vec<PathBuf>,
    relocated: &'a [(PathBuf, PathBuf)],
}

impl<'a> Captures<'a> {
    pub(super) fn new(
        index: &'a Index,
        relocated: &'a [(PathBuf, PathBuf)],
    ) -> Result<Self, Error> {
        Ok(Self {
            notes: &index.notes().captures,
            places: places(index, relocated)?,
            relocated,
        })
    }

    /// Where they should be.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.places
    }

    /// All captures, which must exist and be unchanged.
    pub(super) fn all(&self) -> Result<Vec<PathBuf>, Error> {
        for (note, path) in self.iter() {
            self.check(note, path)?;
        }
        Ok(self.places.clone())
    }

    fn iter(&self) -> impl Iterator<Item = (&'a CaptureNote, &PathBuf)> {
        self.notes.iter().zip(&self.places)
    }

    fn check(&self, note: &CaptureNote, path: &Path) -> Result<(), Error> {
        let was_moved = self.relocated.iter().any(|(_, new)| absolute(new) == path);
        check(path, &note.identity, was_moved)
    }
}

/// Where the captures should be now.
pub(super) fn places(
    index: &Index,
    relocated: &[(PathBuf, PathBuf)],
) -> Result<Vec<PathBuf>, Error> {
    let known: Vec<PathBuf> = index
        .notes()
        .captures
        .iter()
        .map(|note| note.path())
        .collect();
    if let Some((old, _)) = relocated
        .iter()
        .find(|(old, _)| !known.contains(&absolute(old)))
    {
        return Err(ErrorKind::NotIndexed { path: old.clone() }.into());
    }
    let place = |known: PathBuf| {
        let moved = relocated
            .iter()
            .rev()
            .find(|(old, _)| absolute(old) == known);
        moved.map_or(known, |(_, new)| absolute(new))
    };
    Ok(known.into_iter().map(place).collect())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The flows to be read.
#[derive(Debug)]
pub(super) struct Plan {
    /// The flows, in order of their ids.
    pub(super) ids: Vec<u32>,
    pub(super) flows: Vec<Flow>,
    /// Packets of no flow, too.
    pub(super) with_loose: bool,
}

pub(super) struct Carving<'a> {
    pub(super) index: &'a Index,
    pub(super) captures: &'a Captures<'a>,
    /// The threads that the index is read with: outside of these it would be read with the global
    /// pool, which has as many as the machine has cores, whatever the run is configured to have.
    pub(super) workers: &'a Workers,
}

impl Carving<'_> {
    /// Plans what is read; `None` where the captures are to be read as a whole.
    fn plan(
        &self,
        job: &mut FlowsJob,
        condition: Option<&Condition>,
    ) -> Result<Option<Plan>, Error> {
        // The filter decides packet by packet: the index does not know which pass.
        if job.config.asks_each_packet() {
            if let Some(condition) = condition.filter(|_| job.table.is_none()) {
                narrow(job, &self.index.flows()?, &self.index.matching(condition)?);
            }
            return Ok(None);
        }
        let has_loose = condition.is_none()
            && job
                .extract
                .as_ref()
                .is_some_and(|it| it.selection.is_empty());
        let ids = match self.simple_ids(job, condition)? {
            Some(ids) => ids,
            None => self.matching_ids(job, condition)?,
        };
        let flows = self.index.some_flows(&ids)?;
        let total: u64 = flows.iter().map(|flow| flow.packets).sum();
        let loose = self.index.notes().totals;
        let loose = loose.packets_not_ip + loose.packets_malformed;
        let wanted = total + if has_loose { loose } else { 0 };
        Ok((wanted <= MOST_PACKETS).then_some(Plan {
            ids,
            flows,
            with_loose: has_loose,
        }))
    }

    /// The flows to be read, where the job selects by FlowID alone.
    fn simple_ids(
        &self,
        job: &FlowsJob,
        condition: Option<&Condition>,
    ) -> Result<Option<Vec<u32>>, Error> {
        if condition.is_some() || !job.config.restriction.is_empty() {
            return Ok(None);
        }
        let mut ids = Vec::new();
        if let Some(extract) = &job.extract {
            let selection = &extract.selection;
            if !selection.nets.is_empty() || !selection.ports.is_empty() || selection.is_empty() {
                return Ok(None);
            }
            ids.extend(self.known(&selection.ids));
        }
        if let Some(streams) = &job.streams {
            let protocols = [&streams.tcp, &streams.udp].into_iter().flatten();
            let mut wanted = Vec::new();
            for options in protocols {
                if options.wanted.all || !options.wanted.ports.is_empty() {
                    return Ok(None);
                }
                wanted.extend(self.known(&options.wanted.ids));
            }
            wanted.sort_unstable();
            wanted.dedup();
            let flows = self.index.some_flows(&wanted)?;
            let keys: Vec<NetworkKey> = flows.iter().map(|flow| flow.key.network).collect();
            ids.extend(self.index.between(&keys)?);
            ids = self.with_fragments(ids, |_| true)?;
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(Some(ids))
    }

    /// FlowIDs that exist. The main job refuses the others, with its own message.
    fn known(&self, ids: &IdSet) -> impl Iterator<Item = u32> {
        let last = self.index.notes().totals.flows;
        let ranges = ids.ranges().iter();
        let ids = ranges.flat_map(move |range| *range.start()..=last.min(*range.end()));
        ids.filter_map(|id| u32::try_from(id).ok())
    }

    /// Adds flows with fragments, if there are any: a datagram's fragments may be in two flows, and
    /// the order of all fragments decides in which.
    pub(super) fn with_fragments(
        &self,
        mut ids: Vec<u32>,
        is_shown: impl Fn(u32) -> bool,
    ) -> Result<Vec<u32>, Error> {
        ids.sort_unstable();
        let fragmented = self.index.fragmented()?;
        if fragmented.iter().any(|id| ids.binary_search(id).is_ok()) {
            ids.extend(fragmented.into_iter().filter(|&id| is_shown(id)));
        }
        Ok(ids)
    }

    /// The flows that are selected, and those that affect them.
    fn matching_ids(
        &self,
        job: &mut FlowsJob,
        condition: Option<&Condition>,
    ) -> Result<Vec<u32>, Error> {
        let mut flows = self.index.flows()?;
        let restriction = &job.config.restriction;
        flows.retain(|flow| restriction.matches(&flow.key.link, Some(&flow.key.network)));
        if let Some(condition) = condition {
            let matching = self.index.matching(condition)?;
            narrow(job, &flows, &matching);
        }
        let mut ids = Vec::new();
        if let Some(extract) = &job.extract {
            let selection = &extract.selection;
            let is_all = selection.is_empty() && condition.is_none();
            let wanted = flows
                .iter()
                .filter(|flow| is_all || selection.matches(flow.id, &flow.key.network));
            ids.extend(wanted.map(id_of));
        }
        if let Some(options) = &job.streams {
            ids.extend(stream_flows(options, &flows));
        }
        if job.streams.is_some() {
            ids = self.with_fragments(ids, |id| flows.get(id.into()).is_some())?;
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Does the main job with an excerpt of the captures.
    fn carve(
        &self,
        job: FlowsJob,
        plan: &Plan,
        report: &mut CarveReport,
        list: &mut (dyn Write + Send),
        progress: &Progress,
    ) -> Result<FlowsReport, Error> {
        let mut job = job;
        job.config.flow_ids = Some(FlowIds {
            ids: plan.ids.as_slice().into(),
            last: self.index.notes().totals.flows,
        });
        let mut expected = self.expected(plan);
        let offsets = self.offsets(plan)?;
        // Output to pipes and devices cannot be withdrawn.
        if writes_at_once(&job) {
            let sources = self.sources(&offsets, &mut Vec::new())?;
            let (resume, progress) = (Resume::default(), Progress::default());
            let gate = Some(&mut expected as &mut (dyn Gate + Send));
            run_on(
                self.workers,
                &job.config,
                sources,
                resume,
                &mut (),
                gate,
                &progress,
            )?;
        }
        let sources = self.sources(&offsets, &mut report.unpacked)?;
        let gate = Some(&mut expected as &mut (dyn Gate + Send));
        flows_gated(job, sources, self.workers, gate, list, progress)
    }

    /// The gate that checks that the flows are those of the index.
    pub(super) fn expected(&self, plan: &Plan) -> Expected {
        let first = self.index.notes().captures.first();
        Expected {
            capture: first.map(|it| it.path()).unwrap_or_default(),
            flows: plan.flows.clone(),
        }
    }

    /// For each capture, where the requested records are.
    pub(super) fn offsets(&self, plan: &Plan) -> Result<Vec<Vec<u64>>, Error> {
        let ids: Vec<u32> = plan
            .with_loose
            .then_some(0)
            .into_iter()
            .chain(plan.ids.iter().copied())
            .collect();
        self.workers.install(|| self.index.offsets(&ids))
    }

    /// The requested records of the captures, as captures.
    pub(super) fn sources(
        &self,
        offsets: &[Vec<u64>],
        unpacked: &mut Vec<(PathBuf, u64)>,
    ) -> Result<Vec<Source>, Error> {
        let mut sources = Vec::new();
        let keep = KEPT_LEN / self.captures.places.len().max(1);
        for ((note, path), records) in self.captures.iter().zip(offsets) {
            // It could not be read when it was indexed.
            if note.read == 0 {
                continue;
            }
            match self.captures.check(note, path) {
                Ok(()) => {}
                // No records of it are needed: a ring buffer of captures works without its oldest
                // ones.
                Err(_) if records.is_empty() => continue,
                Err(error) => return Err(error),
            }
            let wanted = Excerpted {
                blocks: &note.blocks,
                records,
            };
            let excerpt = Excerpt::new(path, wanted, keep)?;
            if excerpt.unpacked() > 0 {
                unpacked.push((path.clone(), excerpt.unpacked()));
            }
            sources.push(Source::Input(Input::from_excerpt(path, excerpt)));
        }
        Ok(sources)
    }
}

/// Narrows a job to the flows that meet a condition.
fn narrow(job: &mut FlowsJob, flows: &FlowRows, matching: &[u32]) {
    let shown = |id: &u32| flows.get(u64::from(*id));
    let some = |wanted: &dyn Fn(&Flow) -> bool| {
        let ids = matching
            .iter()
            .filter(|id| shown(id).is_some_and(|flow| wanted(&flow)));
        IdSet::from_sorted(ids.map(|&id| u64::from(id)))
    };
    if let Some(extract) = &mut job.extract {
        let selection = std::mem::take(&mut extract.selection);
        let is_all = selection.is_empty();
        extract.selection.ids =
            some(&|flow| is_all || selection.matches(flow.id, &flow.key.network));
        extract.selection.is_narrowed = true;
    }
    if let Some(streams) = &mut job.streams {
        let wanted = streams.clone();
        let protocols = [
            (&mut streams.tcp, &wanted.tcp),
            (&mut streams.udp, &wanted.udp),
        ];
        for ((options, wanted), protocol) in protocols.into_iter().zip([TCP, UDP]) {
            if let (Some(options), Some(wanted)) = (options, wanted) {
                options.wanted.ids = some(&|flow| {
                    flow.key.network.protocol == protocol
                        && wanted.wanted.wants(flow.id, &flow.key.network)
                });
                options.wanted.all = false;
                options.wanted.ports = Vec::new();
            }
        }
    }
}

/// The flows that streams are made of: those that are wanted, and all between their endpoints.
fn stream_flows(options: &StreamOptions, flows: &FlowRows) -> Vec<u32> {
    let wants = |flow: &Flow| {
        let key = &flow.key.network;
        let protocols = [(&options.tcp, TCP), (&options.udp, UDP)];
        protocols.iter().any(|(options, protocol)| {
            options.as_ref().is_some_and(|it| {
                it.wanted.ids.contains(flow.id)
                    || (key.protocol == *protocol && it.wanted.wants(flow.id, key))
            })
        })
    };
    let wanted = flows.iter().filter(|flow| wants(flow));
    let mut pairs: Vec<_> = wanted.map(|flow| endpoints(&flow.key.network)).collect();
    pairs.sort_unstable();
    let between = flows.iter().filter(|flow| {
        let pair = endpoints(&flow.key.network);
        pairs.binary_search(&pair).is_ok()
    });
    between.map(id_of).collect()
}

/// Protocol and endpoints, the lower one first.
fn endpoints(key: &NetworkKey) -> (u8, [(IpAddr, u16); 2]) {
    let mut ends = [(key.src, key.src_port), (key.dst, key.dst_port)];
    ends.sort_unstable();
    (key.protocol, ends)
}

fn id_of(flow: &Flow) -> u32 {
    at_most_u32(flow.id)
}

/// Whether anything is written that stays when the run fails at its end: to pipes and devices, and
/// streams that are complete before others are.
fn writes_at_once(job: &FlowsJob) -> bool {
    let streams = job.streams.as_ref();
    let mut protocols = streams.iter().flat_map(|it| [&it.tcp, &it.udp]).flatten();
    let packets = job.extract.as_ref().map(|it| it.output.as_path());
    protocols.any(|it| !is_archive(&it.output)) || packets.is_some_and(|it| !is_file_to_be(it))
}

/// Whether what is written there is a regular file, and there as a whole or not at all.
fn is_file_to_be(path: &Path) -> bool {
    path != Path::new("-") && path.metadata().map_or(true, |it| it.is_file())
}

/// Bytes of excerpts that are kept in memory when they are found, not looked up again.
const KEPT_LEN: usize = 64 * 1024 * 1024;
/// Reading more packets one by one takes longer than reading all, and each takes memory.
const MOST_PACKETS: u64 = 32 * 1024 * 1024;
