//! The runs of both sides, the comparison, and its outputs.

use super::addresses;
use super::bytes::Bytes;
use super::capture::capture;
use super::collect::Collecting;
use super::flow_ids::FlowIds;
use super::flows::FlowTable;
use super::options::{DiffJob, DiffView};
use super::packets::Packets;
use super::pcapdiff::{Between, pcapdiff};
use super::summary::Summary;
use super::text::text;
use crate::diff::{Both, Comparison, Pair, Side, compare};
use crate::engine::{Outcome, Progress, Resume, Source, Stopwatch, Workers, run_on};
use crate::error::Error;
use crate::jobs::stats::Stats;
use crate::output::rows::{self, Choice, Table};
use crate::output::table::Format;
use crate::output::{OutputFile, STDOUT};
use crate::select::IpNet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Result of the job.
#[derive(Debug)]
pub struct DiffReport {
    /// The runs of both sides.
    pub outcomes: Both<Outcome>,
    /// Elapsed time of the job.
    pub elapsed: Duration,
    /// Whether the captures differ.
    pub differs: bool,
    /// Whether neither capture has an IP packet.
    pub is_without_ip: bool,
    /// Whether any packet is on both sides.
    pub has_common: bool,
    /// Whether the reader of standard output closed it early.
    pub is_list_cut: bool,
}

/// Reads two sides, each as one capture, compares them, and writes the requested view to `out`.
///
/// # Errors
/// When nothing of a side can be read, or an output cannot be written.
pub fn diff(
    job: DiffJob,
    sources: Both<Vec<Source>>,
    out: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<DiffReport, Error> {
    let stopwatch = Stopwatch::start();
    let workers = Workers::new(&job.config.tuning)?;
    let inputs: Vec<PathBuf> = [&sources.a, &sources.b]
        .into_iter()
        .flatten()
        .flat_map(Source::paths)
        .collect();
    let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
    let capture_path = job.capture.as_ref().map(|it| it.path.as_path());
    let mut files = Files {
        packets: job.packets.as_deref().map(create).transpose()?,
        flows: job.flows.as_deref().map(create).transpose()?,
        capture: capture_path.map(create).transpose()?,
        stats: job.stats.as_deref().map(create).transpose()?,
    };
    let a = read(&job, sources.a, &workers, progress)?;
    let b = read(&job, sources.b, &workers, progress)?;
    let (sides, bytes) = (Both { a: a.0, b: b.0 }, Both { a: a.1, b: b.1 });
    let outcomes = Both { a: a.2, b: b.2 };
    let pair = Pair {
        sides: Both {
            a: &sides.a,
            b: &sides.b,
        },
        frames: &bytes,
        decode: &job.config.decode,
    };
    addresses::check(pair.sides, &job.options)?;
    let comparison = workers.install(|| compare(pair, &job.options));
    progress.check()?;
    let written = workers.install(|| {
        let shown = Shown {
            job: &job,
            pair,
            comparison: &comparison,
            outcomes: &outcomes,
            progress,
        };
        shown.write(&mut files, out)
    });
    let elapsed = stopwatch.elapsed();
    if let Some(file) = &mut files.stats {
        let json = Stats::both(&outcomes.a, &outcomes.b, elapsed);
        file.write_all(&json).map_err(|error| file.error(error))?;
    }
    let is_list_cut = match written {
        Err(error) if error.is_broken_pipe() => true,
        written => written.map(|()| false)?,
    };
    files.finish()?;
    Ok(DiffReport {
        elapsed,
        differs: comparison.differs(),
        is_without_ip: sides.a.packets.is_empty() && sides.b.packets.is_empty(),
        has_common: comparison.has_common(),
        is_list_cut,
        outcomes,
    })
}

fn read(
    job: &DiffJob,
    sources: Vec<Source>,
    workers: &Workers,
    progress: &Progress,
) -> Result<(Side, Bytes, Outcome), Error> {
    let mut collecting = Collecting::new(job.config.decode.clone());
    let outcome = run_on(
        workers,
        &job.config,
        sources,
        Resume::default(),
        &mut collecting,
        None,
        progress,
    )?;
    let (side, bytes) = collecting.into_side(&outcome);
    Ok((side, bytes, outcome))
}

struct Files {
    packets: Option<OutputFile>,
    flows: Option<OutputFile>,
    capture: Option<OutputFile>,
    stats: Option<OutputFile>,
}

impl Files {
    fn finish(self) -> Result<(), Error> {
        let mut all = [self.packets, self.flows, self.capture, self.stats]
            .into_iter()
            .flatten();
        all.try_for_each(OutputFile::finish)
    }
}

/// Results to write.
struct Shown<'a> {
    job: &'a DiffJob,
    pair: Pair<'a>,
    comparison: &'a Comparison,
    outcomes: &'a Both<Outcome>,
    progress: &'a Progress,
}

impl Shown<'_> {
    fn write(&self, files: &mut Files, out: &mut (dyn Write + Send)) -> Result<(), Error> {
        let ids = FlowIds::new(self.pair, self.comparison);
        if let Some(file) = &mut files.packets {
            let are_all = |it: &Outcome| it.balance.filtered == 0;
            let are_all = Both {
                a: are_all(&self.outcomes.a),
                b: are_all(&self.outcomes.b),
            };
            let table = Packets::new(self.pair, self.comparison, &ids, are_all);
            self.table(&table, &Choice::all(), file)?;
        }
        let flows = FlowTable::new(self.pair, self.comparison, &ids);
        if let Some(file) = &mut files.flows {
            self.table(&flows, &self.job.choice, file)?;
        }
        if let Some(file) = files.capture.take() {
            self.capture(file)?;
        }
        let summary = Summary::new(self.pair, self.comparison, self.outcomes);
        let text = match self.job.view {
            DiffView::Json => summary.to_json(),
            DiffView::Text => text(&summary, &flows).into_bytes(),
            DiffView::Pcapdiff => self.pcapdiff().into_bytes(),
            DiffView::Csv => Vec::new(),
        };
        let failed = |error| Error::io("write", STDOUT.as_ref(), error);
        if self.job.view == DiffView::Csv {
            let keep_going = || self.progress.check();
            rows::write(
                &flows,
                &self.job.choice,
                Format::Csv,
                out,
                &failed,
                &keep_going,
            )?;
        }
        out.write_all(&text).map_err(failed)?;
        out.flush().map_err(failed)
    }

    /// Output in pcapdiff format for packets between the given addresses.
    fn pcapdiff(&self) -> String {
        let options = &self.job.options;
        let address = |nets: &[IpNet]| nets.first().map(IpNet::address);
        match (address(&options.side_a), address(&options.side_b)) {
            (Some(local), Some(remote)) => {
                pcapdiff(self.pair, self.comparison, Between { local, remote })
            }
            _ => String::new(),
        }
    }

    /// Writes packets of both sides as a capture.
    fn capture(&self, file: OutputFile) -> Result<(), Error> {
        let Some(output) = &self.job.capture else {
            return Ok(());
        };
        let name = |outcome: &Outcome| {
            let names = outcome.captures().map(|it| it.path.display().to_string());
            names.collect::<Vec<_>>().join(" ")
        };
        let (a, b) = (name(&self.outcomes.a), name(&self.outcomes.b));
        capture(
            self.pair,
            self.comparison,
            output,
            [&a, &b],
            file,
            self.progress,
        )
    }

    fn table(
        &self,
        table: &impl Table,
        choice: &Choice,
        file: &mut OutputFile,
    ) -> Result<(), Error> {
        let path = file.path().to_owned();
        let failed = |error| Error::io("write", &path, error);
        let keep_going = || self.progress.check();
        rows::write(table, choice, format_of(&path), file, &failed, &keep_going)?;
        file.flush().map_err(failed)
    }
}

/// The format of a table, by file extension.
pub fn format_of(path: &Path) -> Format {
    match path.extension().and_then(|it| it.to_str()) {
        Some("json") => Format::Json,
        Some("parquet") => Format::Parquet,
        Some("arrow") => Format::Arrow,
        _ => Format::Csv,
    }
}
