//! TCP connections of an index, from its table or from its captures.

use super::carve::{Captures, Carving, apply_settings};
use super::excerpts::{Excerpts, keys_of};
use crate::engine::{Gate, Progress, Source, Stopwatch, Workers};
use crate::error::{Error, ErrorKind};
use crate::index::{ConnectionTable, Index};
use crate::jobs::tcp::{TcpJob, TcpReport, tcp, tcp_of, tcp_stored};
use crate::output::is_same_file;
use crate::select::IdSet;
use std::io::Write;
use std::path::PathBuf;

/// A query for the TCP connections of an index.
#[derive(Debug)]
pub struct TcpIndexJob {
    /// The index.
    pub index: PathBuf,
    /// Moved captures: old and new locations.
    pub relocated: Vec<(PathBuf, PathBuf)>,
    /// The TCP job. The index decides how flows are keyed.
    pub job: TcpJob,
}

/// Shows TCP connections of an index. For packets of connections, only those between their endpoints
/// are read; the captures are read as a whole for filters, or if the index has no table.
///
/// # Errors
/// When the index cannot be read, a capture to read was changed, an output cannot be written, or a
/// connection does not exist.
pub fn tcp_by_index(
    request: TcpIndexJob,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<TcpReport, Error> {
    let stopwatch = Stopwatch::start();
    let TcpIndexJob {
        index: path,
        relocated,
        mut job,
    } = request;
    let workers = Workers::new(&job.config.tuning)?;
    let index = workers.install(|| Index::open(&path))?;
    check_outputs(&index, &job)?;
    // A filter, or copies that count, may change which packets are in connections.
    let is_of_table = job.config.restriction.is_empty() && !job.keeps_duplicates;
    let table = match is_of_table {
        true => workers.install(|| ConnectionTable::open(&index, &path))?,
        false => None,
    };
    let captures = Captures::new(&index, &relocated)?;
    let carving = Carving {
        index: &index,
        captures: &captures,
        workers: &workers,
    };
    let table = match (table, job.view.ids().cloned()) {
        (Some(table), Some(ids)) => {
            apply_settings(&index.notes().settings, &mut job.config);
            return some_connections(&carving, &table, &ids, job, list, progress);
        }
        (Some(table), None) if job.stats.is_none() => table,
        _ => {
            apply_settings(&index.notes().settings, &mut job.config);
            let sources = captures.all()?.into_iter().map(Source::Path);
            return tcp(job, sources.collect(), list, progress);
        }
    };
    let notes = index.notes();
    let inputs: Vec<PathBuf> = notes.captures.iter().map(|it| it.path()).collect();
    let written = workers.install(|| tcp_stored(&job, &table, &inputs, list, progress));
    let (connections, is_list_cut) = written?;
    let damages = notes.captures.iter().filter_map(|it| it.damage.clone());
    Ok(TcpReport {
        outcome: None,
        damages: damages.collect(),
        elapsed: stopwatch.elapsed(),
        connections,
        cut_headers: 0,
        fragments: 0,
        is_list_cut,
    })
}

/// Looks at the packets of some connections: only those of flows between their endpoints are read.
fn some_connections(
    carving: &Carving<'_>,
    table: &ConnectionTable,
    ids: &IdSet,
    mut job: TcpJob,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<TcpReport, Error> {
    let Carving { index, workers, .. } = *carving;
    let known = workers.install(|| table.flows())?;
    let connections = known.len();
    if let Some(id) = ids.max().filter(|it| *it > connections) {
        return Err(ErrorKind::UnknownConnection { id, connections }.into());
    }
    let flows = known.flows(|id| ids.contains(id));
    let flows = workers.install(|| index.some_flows(&flows))?;
    let excerpts = Excerpts::between(carving, &keys_of(&flows))?;
    excerpts.configure(&mut job.config);
    // Connections are numbered by their first packets, in the excerpt as in the whole.
    let all = known.ids(excerpts.ids());
    let own = (1..).zip(&all).filter(|(_, id)| ids.contains(**id));
    let own = IdSet::from_sorted(own.map(|(ordinal, _)| ordinal));
    job.view = job.view.with_ids(own);
    let mut expected = excerpts.expected(&job.config);
    let gate = expected.as_mut().map(|it| it as &mut (dyn Gate + Send));
    let mut report = tcp_of(job, excerpts.given(gate)?, &all, list, progress)?;
    let notes = index.notes().captures.iter();
    report.damages = notes.filter_map(|it| it.damage.clone()).collect();
    Ok(report)
}

/// Checks that no output replaces the index.
fn check_outputs(index: &Index, job: &TcpJob) -> Result<(), Error> {
    let outputs = [job.output.as_deref(), job.stats.as_deref()];
    let mut outputs = outputs.into_iter().flatten();
    let files: Vec<PathBuf> = index.files().collect();
    match outputs.find(|output| files.iter().any(|it| is_same_file(it, output))) {
        Some(output) => Err(ErrorKind::OutputIsInput {
            path: output.to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}
