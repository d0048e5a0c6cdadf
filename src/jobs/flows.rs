//! The main job: list the flows of captures, and extract some of them.

use super::extract::Extract;
use super::follow::Following;
use super::options::FlowsJob;
use super::outputs::Outputs;
use super::stats::Stats;
use super::streams::{ProtocolOptions, StreamOptions, Streams, StreamsReport};
use crate::decode::protocol::{TCP, UDP};
use crate::engine::{Gate, Outcome, Progress, Resume, Source, Stopwatch, Workers, run_on};
use crate::error::{Error, ErrorKind};
use crate::output::{OutputFile, STDOUT, table};
use crate::select::{IdSet, Selection};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// What the main job found.
#[derive(Debug)]
pub struct FlowsReport {
    /// The run.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether the list's reader left before its end.
    pub is_list_cut: bool,
    /// FlowIDs that were asked for, but that the filter keeps out: the first of them, and how
    /// many there are.
    pub filtered_ids: Option<(u64, u64)>,
    /// Findings in streams, where any were requested.
    pub streams: Option<StreamsReport>,
    /// Requested FlowIDs without a stream.
    pub without_stream: Vec<WithoutStream>,
}

/// A requested FlowID without a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutStream {
    /// The flow is of another protocol.
    Protocol(u64),
    /// Its packets belong to the stream of an earlier flow between the same addresses and ports.
    Continued(u64),
}

/// Reads `sources` as one capture, writes what is requested, and lists the flows to `list`.
///
/// Outputs are started before anything is read, so that a wrong name shows at once, and put under
/// their names at the end.
///
/// # Errors
/// When nothing could be read, an output cannot be written, or a FlowID does not exist.
pub fn flows(
    job: FlowsJob,
    sources: Vec<Source>,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<FlowsReport, Error> {
    let workers = Workers::new(&job.config.tuning)?;
    flows_gated(job, sources, &workers, None, list, progress)
}

/// The same on the caller's worker threads; `gate` may refuse the outputs at the end.
pub(crate) fn flows_gated(
    job: FlowsJob,
    mut sources: Vec<Source>,
    workers: &Workers,
    gate: Option<&mut (dyn Gate + Send)>,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<FlowsReport, Error> {
    let stopwatch = Stopwatch::start();
    let inputs: Vec<PathBuf> = sources.iter().flat_map(Source::paths).collect();
    let Outputs {
        stats,
        list: list_output,
        packets,
    } = Outputs::start(&job, &mut sources, &inputs)?;
    let FlowsJob {
        config,
        table,
        extract,
        streams,
        ..
    } = job;
    let selection = extract.map_or_else(Selection::default, |it| it.selection);
    // Streams that are too short are left out on purpose.
    let listed = streams.as_ref().filter(|it| it.min_bytes == 0);
    let stream_ids = listed.map_or_else(Vec::new, stream_ids);

    let streams = streams
        .map(|options| Streams::new(options, &inputs, config.conversations, progress))
        .transpose()?;
    let mut jobs = (
        packets.map(|writer| Extract::new(selection.clone(), writer)),
        streams.map(Following),
    );
    let resume = Resume::default();
    let outcome = run_on(workers, &config, sources, resume, &mut jobs, gate, progress)?;
    let (extract, streams) = jobs;
    let streams = streams.map(|it| it.0.into_report());

    let mut ids = selection.ids;
    stream_ids.iter().cloned().for_each(|(_, it)| ids.merge(it));
    let filtered_ids = check_ids(&ids, &outcome)?;
    let without_stream = check_stream_ids(&stream_ids, &outcome, streams.as_ref());
    let elapsed = stopwatch.elapsed();
    let stats = match stats {
        Some(mut file) => {
            let checksums = streams.as_ref().map(|it| it.checksums);
            let stats = Stats::new(&outcome, elapsed);
            let json = stats
                .with_checksums(&checksums.unwrap_or_default())
                .to_json();
            file.write_all(&json).map_err(|error| file.error(error))?;
            Some(file)
        }
        None => None,
    };
    let mut listing = Listing {
        file: list_output,
        is_cut: false,
    };
    if let Some(options) = table {
        workers.install(|| listing.write(&outcome, &options, list, progress))?;
    }
    // Nothing can fail any more but putting the outputs under their names.
    extract.map_or(Ok(()), Extract::finish)?;
    stats.map_or(Ok(()), OutputFile::finish)?;
    listing.file.map_or(Ok(()), OutputFile::finish)?;
    Ok(FlowsReport {
        outcome,
        elapsed,
        is_list_cut: listing.is_cut,
        filtered_ids,
        streams,
        without_stream,
    })
}

/// A list that is being written.
struct Listing {
    /// The file that it goes to, if not to standard output.
    file: Option<OutputFile>,
    /// Whether its reader left before its end.
    is_cut: bool,
}

impl Listing {
    fn write(
        &mut self,
        outcome: &Outcome,
        options: &table::TableOptions,
        list: &mut (dyn Write + Send),
        progress: &Progress,
    ) -> Result<(), Error> {
        let file = self.file.as_ref();
        let path = file.map_or_else(|| STDOUT.as_ref(), |it| it.path());
        let path = path.to_owned();
        let failed = |error| Error::io("write", &path, error);
        let keep_going = || progress.check();
        let list: &mut (dyn Write + Send) = match &mut self.file {
            Some(file) => file,
            None => list,
        };
        let written = table::write(&outcome.flows, options, list, &failed, &keep_going)
            .and_then(|()| list.flush().map_err(failed));
        match written {
            // A reader that has seen enough of the list wants the other outputs all the same.
            Err(error) if error.is_broken_pipe() => self.is_cut = true,
            written => written?,
        }
        Ok(())
    }
}

/// FlowIDs whose streams are requested, with their protocol.
fn stream_ids(options: &StreamOptions) -> Vec<(u8, IdSet)> {
    let ids = |protocol: &Option<ProtocolOptions>| {
        protocol
            .as_ref()
            .map_or_else(IdSet::default, |it| it.wanted.ids.clone())
    };
    vec![(TCP, ids(&options.tcp)), (UDP, ids(&options.udp))]
}

/// FlowIDs that have no stream are worth a notice.
fn check_stream_ids(
    asked: &[(u8, IdSet)],
    outcome: &Outcome,
    report: Option<&StreamsReport>,
) -> Vec<WithoutStream> {
    let mut without = Vec::new();
    for (protocol, ids) in asked {
        for id in ids.ranges().iter().cloned().flatten() {
            let Some(flow) = outcome.flows.get(id) else {
                continue;
            };
            let found = report.is_some_and(|it| it.flow_ids.binary_search(&id).is_ok());
            if flow.key.network.protocol != *protocol {
                without.push(WithoutStream::Protocol(id));
            } else if !found {
                without.push(WithoutStream::Continued(id));
            }
        }
    }
    without
}

/// FlowIDs that do not exist are an error; those that are filtered out are worth a notice.
fn check_ids(ids: &IdSet, outcome: &Outcome) -> Result<Option<(u64, u64)>, Error> {
    let flows = outcome.flows.len();
    let ranges = ids.ranges();
    if let Some(range) = ranges.iter().find(|range| *range.end() > flows) {
        let id = flows.saturating_add(1).max(*range.start());
        return Err(ErrorKind::UnknownFlow { id, flows }.into());
    }
    let ids = ranges.iter().cloned().flatten();
    let mut filtered = ids.filter(|&id| outcome.flows.get(id).is_none());
    Ok(filtered
        .next()
        .map(|first| (first, 1 + filtered.count() as u64)))
}
