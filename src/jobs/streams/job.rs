//! The job that writes streams.

use super::ending::check_single;
use super::failed::keep_complete;
use super::files::Files;
use super::flush::{Flush, Which};
use super::manifest::{Listed, listed, write_rows};
use super::options::{StreamOptions, StreamRules};
use super::report::StreamsReport;
use super::target::{Target, Targets};
use crate::engine::{Progress, Window, available_memory};
use crate::error::{Error, ErrorKind};
use crate::flow::FlowList;
use crate::jobs::follow::Follow;
use crate::output::OutputFile;
use crate::output::stream::ManifestFormat;
use crate::stream::{Shared, Tracker};
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// Writes the streams that are requested.
#[derive(Debug)]
pub struct Streams<'p> {
    options: StreamOptions,
    rules: Arc<StreamRules>,
    targets: Targets,
    manifest: Option<(OutputFile, ManifestFormat)>,
    shared: Shared,
    report: StreamsReport,
    /// The request cannot be met: nothing is kept.
    is_void: bool,
    /// Says whether the run is cancelled.
    progress: &'p Progress,
}

impl<'p> Streams<'p> {
    /// Starts the outputs. `inputs` are never replaced; `conversations` says whether both
    /// directions are one flow; `progress` can cancel what is written at the end.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn new(
        options: StreamOptions,
        inputs: &[PathBuf],
        conversations: bool,
        progress: &'p Progress,
    ) -> Result<Self, Error> {
        let targets = Targets::create(&options, inputs)?;
        let manifest = match &options.manifest {
            Some(path) => {
                let format = ManifestFormat::of(path).unwrap_or(ManifestFormat::Csv);
                // It may be in a directory that is there only at the end.
                let place = targets.place_of(path);
                let out = OutputFile::create(&place, inputs.iter().map(PathBuf::as_path))?;
                Some((out, format))
            }
            None => None,
        };
        let memory_limit = options
            .memory
            .unwrap_or_else(|| available_memory() / MEMORY_SHARE);
        Ok(Self {
            targets,
            manifest,
            rules: Arc::new(StreamRules::new(&options)),
            shared: Shared::new(options.selected(), conversations, memory_limit),
            report: StreamsReport::default(),
            is_void: false,
            progress,
            options,
        })
    }

    /// The report of the streams that were written.
    pub fn into_report(self) -> StreamsReport {
        self.report
    }

    fn flush<'a>(&'a self, window: &'a [u8], flows: &'a FlowList) -> Flush<'a> {
        Flush {
            window,
            flows,
            shared: &self.shared,
            rules: &self.rules,
            targets: &self.targets,
            options: &self.options,
            progress: self.progress,
            is_last: false,
        }
    }

    /// Keeps what waits within bounds: of pieces, and of bytes that cannot be read again.
    fn keep_bounds(
        &mut self,
        window: &[u8],
        flows: &FlowList,
        trackers: &mut [&mut Tracker<Files>],
    ) -> Result<u64, Error> {
        let carried =
            |trackers: &[&mut Tracker<Files>]| trackers.iter().map(|it| it.handler.carried).sum();
        let has_archive = self.targets.all.iter().any(|it| !it.is_folder());
        let most: usize = if has_archive {
            MOST_CARRIED_TO_END
        } else {
            MOST_CARRIED
        };
        let mut written = 0;
        let all: usize = carried(trackers);
        if all > most || self.shared.is_half_used() {
            for target in &mut self.targets.all {
                target.prepare_to_spill()?;
            }
            let which = if has_archive {
                &[Which::Large(LARGE), Which::All][..]
            } else {
                &[Which::All]
            };
            for &which in which {
                let all: usize = carried(trackers);
                if all > most / 2 || self.shared.is_half_used() {
                    let flush = self.flush(window, flows);
                    written += each(trackers, |shard, it| flush.waiting(shard, it, which))?;
                }
            }
        }
        let mut given_up = 0;
        let flush = self.flush(window, flows);
        self.shared.relieve(window, trackers, |shard, tracker, _| {
            given_up += 1;
            written += flush.end_window(shard, tracker)?;
            written += flush.waiting(shard, tracker, Which::All)?;
            Ok(())
        })?;
        self.report.gaps_for_memory += given_up;
        Ok(written)
    }

    /// Writes the streams that have no files of their own.
    fn write_others(
        &mut self,
        flows: &FlowList,
        trackers: &mut [&mut Tracker<Files>],
        listed: &[Listed],
    ) -> Result<u64, Error> {
        let mut written = 0;
        for index in 0..self.targets.all.len() {
            let (mut archive, mut stdout) = (None, None);
            match self.targets.all.get_mut(index) {
                Some(Target::Archive(out, _)) => archive = out.take(),
                Some(Target::Stdout(out, _)) => stdout = out.take(),
                Some(Target::Folder(_)) | None => continue,
            }
            let is_here = |it: &&Listed| {
                let Some(tracker) = trackers.get(it.shard) else {
                    return false;
                };
                let stream = tracker.directions().get(it.number as usize);
                self.targets.of(tracker.protocol(it.number)) == index
                    && stream.is_some_and(|stream| stream.state.content.has_content())
            };
            let here = listed.iter().filter(is_here);
            let here: Vec<(usize, u32)> = here.map(|it| (it.shard, it.number)).collect();
            if stdout.is_some() {
                check_single(here.len()).inspect_err(|_| self.is_void = true)?;
            }
            let flush = self.flush(&[], flows);
            if let Some(mut archive) = archive {
                written += flush.write_archive(&mut archive, &here, trackers)?;
                archive.finish()?;
            }
            if let Some(mut out) = stdout {
                for (shard, number) in here {
                    if let Some(tracker) = trackers.get_mut(shard) {
                        written += flush.write_output(&mut out, shard, tracker, number)?;
                    }
                }
                out.finish()?;
            }
        }
        Ok(written)
    }

    /// Writes the manifest and puts it under its name.
    fn write_manifest(
        &mut self,
        flows: &FlowList,
        trackers: &[&mut Tracker<Files>],
        listed: &[Listed],
    ) -> Result<(), Error> {
        match self.manifest.take() {
            Some((out, format)) => {
                let flush = self.flush(&[], flows);
                write_rows(&flush, out, format, trackers, listed)?.finish()
            }
            None => Ok(()),
        }
    }

    /// FlowIDs that do not exist are an error.
    fn check_ids(&self, flows: &FlowList) -> Result<(), Error> {
        let protocols = [&self.options.tcp, &self.options.udp];
        let ids = protocols
            .into_iter()
            .flatten()
            .flat_map(|it| it.wanted.ids.ranges());
        match ids.map(|range| *range.end()).max() {
            Some(id) if id > flows.len() => {
                let flows = flows.len();
                Err(ErrorKind::UnknownFlow { id, flows }.into())
            }
            _ => Ok(()),
        }
    }

    /// Adds up what was found.
    fn count(&mut self, flows: &FlowList, trackers: &[&mut Tracker<Files>], listed: &[Listed]) {
        let report = &mut self.report;
        for (shard, tracker) in trackers.iter().enumerate() {
            report.cut_headers += tracker.cut_headers(|flow| flows.id_of(shard, flow));
            let checksums = tracker.checksums(|flow| flows.id_of(shard, flow));
            report.checksums.add(&checksums);
            report.left_out += checksums.wrong;
        }
        for listed in listed {
            let stream = trackers
                .get(listed.shard)
                .and_then(|it| it.directions().get(listed.number as usize));
            if let Some(stream) = stream {
                report.add(listed.flow_id, stream);
            }
        }
    }
}

impl Follow for Streams<'_> {
    type Handler = Files;

    fn handler(&self) -> Files {
        Files::new(&self.rules)
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
        mut trackers: Vec<&mut Tracker<Files>>,
    ) -> Result<u64, Error> {
        self.shared.decide(flows, &mut trackers);
        let flush = self.flush(window.bytes, flows);
        let written = each(&mut trackers, |shard, it| flush.end_window(shard, it))?;
        Ok(written + self.keep_bounds(window.bytes, flows, &mut trackers)?)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        mut trackers: Vec<&mut Tracker<Files>>,
    ) -> Result<u64, Error> {
        self.check_ids(flows).inspect_err(|_| self.is_void = true)?;
        let flush = Flush {
            is_last: true,
            ..self.flush(&[], flows)
        };
        let mut written = each(&mut trackers, |shard, it| flush.finish(shard, it))?;
        flush.settle_all(&trackers)?;
        let listed = listed(&flush, &trackers);
        self.count(flows, &trackers, &listed);
        written += self.write_others(flows, &mut trackers, &listed)?;
        self.write_manifest(flows, &trackers, &listed)?;
        for target in &mut self.targets.all {
            target.complete()?;
        }
        Ok(written)
    }

    fn abandon(&mut self, flows: &FlowList, mut trackers: Vec<&mut Tracker<Files>>) {
        let manifest = self.manifest.take().map(|(out, _)| out);
        let flush = self.flush(&[], flows);
        let has_complete = keep_complete(&flush, &mut trackers, manifest, self.is_void);
        for target in &mut self.targets.all {
            target.abandon(has_complete);
        }
    }
}

/// Works on all shards in parallel, and adds up the results.
fn each(
    trackers: &mut [&mut Tracker<Files>],
    work: impl Fn(usize, &mut Tracker<Files>) -> Result<u64, Error> + Sync,
) -> Result<u64, Error> {
    let results = trackers
        .par_iter_mut()
        .with_max_len(1)
        .enumerate()
        .map(|(shard, tracker)| work(shard, tracker));
    results.try_reduce(|| 0, |a, b| Ok(a + b))
}

/// Pieces that wait because they are little, in all streams.
const MOST_CARRIED: usize = 256 * 1024;
/// The same where all must wait until the end.
const MOST_CARRIED_TO_END: usize = 2 * 1024 * 1024;
/// Streams with this many waiting bytes are the first to be written to files.
const LARGE: u64 = 64 * 1024;
/// The share of the available memory for what cannot be read again.
const MEMORY_SHARE: u64 = 4;
