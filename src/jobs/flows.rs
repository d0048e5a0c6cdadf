//! The main job: list the flows of captures, and extract some of them.

use super::extract::Extract;
use super::stats::Stats;
use super::streams::{ProtocolOptions, StreamOptions, Streams, StreamsReport, is_archive};
use crate::capture::{Format, Input};
use crate::engine::{Config, Job, Outcome, Progress, Source, Stopwatch, run};
use crate::error::{Error, ErrorKind};
use crate::output::capture::{CaptureFormat, CaptureWriter, common_format};
use crate::output::{OutputFile, STDOUT, table};
use crate::select::{IdSet, Selection};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the main job does.
#[derive(Debug, Default)]
pub struct FlowsJob {
    /// How captures are read and flows counted.
    pub config: Config,
    /// How flows are listed, if they are.
    pub table: Option<table::TableOptions>,
    /// Where the list goes, if not to the writer that is given.
    pub list_output: Option<PathBuf>,
    /// What is extracted, if anything is.
    pub extract: Option<ExtractOptions>,
    /// Which streams are written, if any are.
    pub streams: Option<StreamOptions>,
    /// Where the run's statistics go.
    pub stats: Option<PathBuf>,
}

/// What is extracted.
#[derive(Clone, Debug)]
pub struct ExtractOptions {
    /// Which flows; all that the filter accepts where this is empty.
    pub selection: Selection,
    /// Where they go; `-` for standard output.
    pub output: PathBuf,
    /// The format, if not that of the inputs.
    pub format: Option<CaptureFormat>,
    /// Write out what was selected after each window of the input.
    pub flush: bool,
}

/// What the main job found.
#[derive(Debug)]
pub struct FlowsReport {
    /// What was read.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether the list's reader left before its end.
    pub is_list_cut: bool,
    /// FlowIDs that were asked for, but that the filter keeps out: the first of them, and how
    /// many there are.
    pub filtered_ids: Option<(u64, u64)>,
    /// What was found in streams, where any were asked for.
    pub streams: Option<StreamsReport>,
    /// FlowIDs of which a stream was asked for, but that none has.
    pub without_stream: Vec<WithoutStream>,
}

/// A FlowID of which a stream was asked for, but that none has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutStream {
    /// The flow is of another protocol.
    Protocol(u64),
    /// Its packets belong to the stream of an earlier flow between the same addresses and ports.
    Continued(u64),
}

/// Reads `sources` as one capture, writes what is asked for, and lists the flows to `list`.
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
    flows_with(job, sources, (), list, progress)
}

/// The same along with another job, which may refuse the outputs at its end.
pub(crate) fn flows_with<J: Job + Send>(
    job: FlowsJob,
    mut sources: Vec<Source>,
    also: J,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<FlowsReport, Error> {
    let stopwatch = Stopwatch::start();
    let FlowsJob {
        config,
        table,
        list_output,
        extract,
        streams,
        stats,
    } = job;
    let inputs: Vec<PathBuf> = sources
        .iter()
        .filter_map(path_of)
        .map(Path::to_owned)
        .collect();
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    check_names(
        [stats.as_deref(), list_output.as_deref()],
        extract.as_ref(),
        streams.as_ref(),
    )?;
    let stats = stats.as_deref().map(create).transpose()?;
    let mut list_output = list_output.as_deref().map(create).transpose()?;
    let selection = extract
        .as_ref()
        .map_or_else(Selection::default, |it| it.selection.clone());
    let writer = match extract {
        Some(ExtractOptions {
            output,
            format,
            flush,
            ..
        }) => {
            let formats: Vec<_> = sources.iter_mut().map(probe).collect();
            let wanted =
                format.map_or_else(|| common_format(&formats), |format| format.wanted(&formats));
            Some(CaptureWriter::new(create(&output)?, wanted, flush))
        }
        None => None,
    };

    let extract = Extract::new(selection.clone(), writer);
    // Streams that are too short are left out on purpose.
    let listed = streams.as_ref().filter(|it| it.min_bytes == 0);
    let stream_ids = listed.map_or_else(Vec::new, stream_ids);
    let (outcome, extract, streams) = match streams {
        Some(options) => {
            let streams = Streams::new(options, &inputs, config.conversations, progress)?;
            let mut jobs = (also, (extract, streams));
            let outcome = run(&config, sources, &mut jobs, progress)?;
            let (extract, streams) = jobs.1;
            (outcome, extract, Some(streams.into_report()))
        }
        None => {
            let mut jobs = (also, extract);
            (run(&config, sources, &mut jobs, progress)?, jobs.1, None)
        }
    };
    let mut ids = selection.ids;
    stream_ids.iter().cloned().for_each(|(_, it)| ids.merge(it));
    let filtered_ids = check_ids(&ids, &outcome)?;
    let without_stream = check_stream_ids(&stream_ids, &outcome, streams.as_ref());
    let elapsed = stopwatch.elapsed();
    let stats = match stats {
        Some(mut file) => {
            let json = Stats::new(&outcome, elapsed).to_json();
            file.write_all(&json).map_err(|error| file.error(error))?;
            Some(file)
        }
        None => None,
    };
    let mut is_list_cut = false;
    if let Some(options) = table {
        let path = list_output
            .as_ref()
            .map_or_else(|| STDOUT.as_ref(), |it| it.path());
        let path = path.to_owned();
        let failed = |error| Error::io("write", &path, error);
        let keep_going = || progress.check();
        let list: &mut (dyn Write + Send) = match &mut list_output {
            Some(file) => file,
            None => list,
        };
        let listed = outcome.workers.install(|| {
            table::write(&outcome.flows, &options, list, &failed, &keep_going)?;
            list.flush().map_err(failed)
        });
        // A reader that has seen enough of the list wants the other outputs all the same.
        match listed {
            Err(error) if error.is_broken_pipe() => is_list_cut = true,
            listed => listed?,
        }
    }
    // Nothing can fail any more but putting the outputs under their names.
    extract.finish()?;
    stats.map_or(Ok(()), OutputFile::finish)?;
    list_output.map_or(Ok(()), OutputFile::finish)?;
    Ok(FlowsReport {
        outcome,
        elapsed,
        is_list_cut,
        filtered_ids,
        streams,
        without_stream,
    })
}

/// No two outputs may be given the same name.
fn check_names(
    tables: [Option<&Path>; 2],
    extract: Option<&ExtractOptions>,
    streams: Option<&StreamOptions>,
) -> Result<(), Error> {
    let protocols = streams.map(|it| [&it.tcp, &it.udp]);
    let mut archives: Vec<&Path> = protocols
        .iter()
        .flatten()
        .filter_map(|protocol| Some(protocol.as_ref()?.output.as_path()))
        .filter(|output| is_archive(output))
        .collect();
    // Both protocols may go to one archive.
    archives.dedup();
    let [stats, list] = tables;
    let others = [
        stats,
        list,
        extract.map(|it| it.output.as_path()),
        streams.and_then(|it| it.manifest.as_deref()),
    ];
    let all: Vec<&Path> = others.into_iter().flatten().chain(archives).collect();
    for (index, path) in all.iter().enumerate() {
        if all
            .iter()
            .skip(index + 1)
            .any(|other| is_same_name(path, other))
        {
            return Err(ErrorKind::OutputTwice {
                path: (*path).to_owned(),
            }
            .into());
        }
    }
    Ok(())
}

/// FlowIDs of which streams are asked for, with their protocol.
fn stream_ids(options: &StreamOptions) -> Vec<(u8, IdSet)> {
    let ids = |protocol: &Option<ProtocolOptions>| {
        protocol
            .as_ref()
            .map_or_else(IdSet::default, |it| it.ids.clone())
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

/// Whether two outputs would be given the same name.
fn is_same_name(a: &Path, b: &Path) -> bool {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if parent != Path::new("") => parent.canonicalize().ok(),
        _ => Path::new(".").canonicalize().ok(),
    };
    // Devices and pipes take what is written by both.
    let is_replaced = !a.metadata().is_ok_and(|it| !it.is_file());
    is_replaced && (a == b || (a.file_name() == b.file_name() && folder(a) == folder(b)))
}

fn path_of(source: &Source) -> Option<&Path> {
    match source {
        Source::Path(path) => Some(path),
        Source::Reader(..) => None,
        Source::Input(input) => Some(input.path()),
    }
}

/// The format of a regular file; `None` where it cannot be known before reading.
fn probe(source: &mut Source) -> Option<Format> {
    let start = match source {
        Source::Path(path) if path.metadata().ok()?.is_file() => {
            Input::open(path).ok()?.start(&|| true)
        }
        Source::Input(input) if input.places().is_some() => input.start(&|| true),
        Source::Path(_) | Source::Input(_) | Source::Reader(..) => return None,
    };
    start.ok().map(|it| it.format)
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

/// IP protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;
