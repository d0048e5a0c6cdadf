//! TCP connections of an index, from its table or from its captures.

use super::carve::{Captures, apply_settings};
use crate::engine::{Progress, Source, Stopwatch, Workers};
use crate::error::{Error, ErrorKind};
use crate::index::{ConnectionTable, Index};
use crate::jobs::tcp::{TcpJob, TcpReport, tcp, tcp_stored};
use crate::output::is_same_file;
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

/// Shows TCP connections of an index. Its captures are only read if the table does not suffice: for
/// packets of connections, for filters, or if the index has no table.
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
    let has_answer = job.view.is_of_connections()
        && job.config.restriction.is_empty()
        && job.stats.is_none()
        && !job.keeps_duplicates;
    let table = match has_answer {
        true => workers.install(|| ConnectionTable::open(&index, &path))?,
        false => None,
    };
    let Some(table) = table else {
        apply_settings(&index.notes().settings, &mut job.config);
        let captures = Captures::new(&index, &relocated)?.all()?;
        let sources = captures.into_iter().map(Source::Path);
        return tcp(job, sources.collect(), list, progress);
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
