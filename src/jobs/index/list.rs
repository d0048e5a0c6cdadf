//! Flow lists by index.

use crate::engine::{Progress, Stopwatch};
use crate::error::Error;
use crate::index::{Index, Notes};
use crate::jobs::FlowsJob;
use crate::jobs::stats::Stats;
use crate::output::table::{self, Shown, TableOptions};
use crate::output::{OutputFile, STDOUT};
use crate::select::condition::Condition;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The columns are those of how flows were told apart.
pub(super) fn set_columns(options: &mut TableOptions, notes: &Notes) {
    options.columns.device = notes.settings.trailer_offset.is_some();
    options.columns.reverse = notes.settings.conversations;
    options.columns.tunnel = notes.settings.decap;
}

/// Writes the list, and returns whether its reader left before its end.
pub(super) fn list_flows(
    index: &Index,
    job: FlowsJob,
    condition: Option<Condition>,
    list: &mut (dyn Write + Send),
    (progress, stopwatch): (&Progress, &Stopwatch),
) -> Result<bool, Error> {
    let FlowsJob {
        config,
        table,
        list_output,
        stats,
        ..
    } = job;
    let paths = index.notes().captures.iter().map(|note| note.path());
    let inputs: Vec<PathBuf> = paths.collect();
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    let mut output = list_output.as_deref().map(create).transpose()?;
    let stats = stats.as_deref().map(create).transpose()?;
    let mut flows = index.flows()?;
    if !config.restriction.is_empty() {
        flows.retain(|flow| {
            config
                .restriction
                .matches(&flow.key.link, Some(&flow.key.network))
        });
    }
    let mut is_cut = false;
    if let Some(mut options) = table {
        if let Some(condition) = &condition {
            options.shown = Shown::Ids(index.matching(condition)?);
        }
        set_columns(&mut options, index.notes());
        let path = output
            .as_ref()
            .map_or_else(|| STDOUT.as_ref(), |it| it.path())
            .to_owned();
        let out: &mut (dyn Write + Send) = match &mut output {
            Some(file) => file,
            None => list,
        };
        let failed = |error| Error::io("write", &path, error);
        let keep_going = || progress.check();
        let written = table::write(&flows, &options, out, &failed, &keep_going)
            .and_then(|()| out.flush().map_err(failed));
        match written {
            Err(error) if error.is_broken_pipe() => is_cut = true,
            written => written?,
        }
    }
    if let Some(mut file) = stats {
        let shown = flows.iter().fold((0, 0), |(count, packets), flow| {
            (count + 1, packets + flow.packets)
        });
        let threads = rayon::current_num_threads();
        let elapsed = stopwatch.elapsed();
        let stats = Stats::of_index(index.notes(), &config.restriction, shown, threads, elapsed);
        file.write_all(&stats.to_json())
            .map_err(|error| file.error(error))?;
        file.finish()?;
    }
    output.map_or(Ok(()), OutputFile::finish)?;
    Ok(is_cut)
}
