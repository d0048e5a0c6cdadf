//! Streams: what applications sent over TCP and UDP, one file for each direction.
//!
//! Each shard's observer puts the segments of its flows in order ([`crate::tcp`]). What is in
//! order is written at the end of a window, straight from the mapped file, as soon as enough of a
//! stream is there to be worth opening its file; files are open one at a time for each worker.
//! What must wait (for a gap, for an archive, for more) is kept as a place in the input.

mod compare;
mod ending;
mod failed;
mod flush;
mod manifest;
mod observer;
mod options;
mod payload;
mod report;
mod stream;
mod target;
mod writer;

pub use observer::StreamObserver;
pub use options::{Gaps, ProtocolOptions, StreamOptions};
pub use report::StreamsReport;
pub use target::is_archive;

use crate::engine::{InputStart, Job, Progress, Window, available_memory};
use crate::error::{Error, ErrorKind};
use crate::flow::FlowList;
use crate::output::OutputFile;
use crate::output::stream::ManifestFormat;
use ending::check_single;
use flush::{Flush, Which};
use manifest::Listed;
use observer::WindowPlace;
use options::StreamRules;
use payload::{Captures, Position};
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use target::{Target, Targets};

/// Writes the streams that are asked for.
#[derive(Debug)]
pub struct Streams<'p> {
    options: StreamOptions,
    rules: Arc<StreamRules>,
    targets: Targets,
    manifest: Option<(OutputFile, ManifestFormat)>,
    window: WindowPlace,
    input: u64,
    /// Whether what is read now cannot be read again.
    must_keep: bool,
    /// Most bytes kept in memory.
    memory_limit: u64,
    report: StreamsReport,
    /// What was asked for cannot be: nothing is kept.
    is_void: bool,
    /// Tells whether the run is cancelled.
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
        let rules = StreamRules {
            tcp: options.tcp.clone(),
            udp: options.udp.clone(),
            gaps: options.gaps,
            overlap: options.overlap,
            as_pcap: options.as_pcap,
            conversations,
        };
        let memory_limit = options
            .memory
            .unwrap_or_else(|| available_memory() / MEMORY_SHARE);
        Ok(Self {
            targets,
            manifest,
            rules: Arc::new(rules),
            window: WindowPlace {
                base: Position::new(0, 0),
                captures: Arc::new(Captures::default()),
                memory: Arc::new(AtomicU64::new(0)),
            },
            input: 0,
            must_keep: false,
            memory_limit,
            report: StreamsReport::default(),
            is_void: false,
            progress,
            options,
        })
    }

    /// What was found.
    pub fn into_report(self) -> StreamsReport {
        self.report
    }

    fn flush<'a>(&'a self, window: &'a [u8], flows: &'a FlowList) -> Flush<'a> {
        Flush {
            window,
            flows,
            targets: &self.targets,
            options: &self.options,
            progress: self.progress,
        }
    }

    /// Keeps what waits within bounds: of pieces, and of bytes that cannot be read again.
    fn keep_bounds(
        &mut self,
        window: &[u8],
        flows: &FlowList,
        observers: &mut [&mut StreamObserver],
    ) -> Result<u64, Error> {
        let carried: usize = observers.iter().map(|it| it.carried).sum();
        let has_archive = self.targets.all.iter().any(|it| !it.is_folder());
        let most = if has_archive {
            MOST_CARRIED_TO_END
        } else {
            MOST_CARRIED
        };
        let memory = Arc::clone(&self.window.memory);
        let used = || memory.load(Ordering::Relaxed);
        let mut written = 0;
        if carried > most || used() > self.memory_limit / 2 {
            for target in &mut self.targets.all {
                target.prepare_to_spill()?;
            }
            let which = if has_archive {
                &[Which::Large(LARGE), Which::All][..]
            } else {
                &[Which::All]
            };
            for &which in which {
                let carried: usize = observers.iter().map(|it| it.carried).sum();
                if carried > most / 2 || used() > self.memory_limit / 2 {
                    let flush = self.flush(window, flows);
                    written += each(observers, |shard, it| flush.waiting(shard, it, which))?;
                }
            }
        }
        while used() > self.memory_limit {
            let mut holding: Vec<(Position, usize, u32)> = Vec::new();
            for (shard, observer) in observers.iter_mut().enumerate() {
                holding.extend(
                    observer
                        .oldest_held()
                        .map(|(at, number)| (at, shard, number)),
                );
            }
            if holding.is_empty() {
                break;
            }
            holding.sort_unstable();
            for (_, shard, number) in holding {
                if used() <= self.memory_limit / 4 * 3 {
                    break;
                }
                self.report.gaps_for_memory += 1;
                if let Some(observer) = observers.get_mut(shard) {
                    observer.give_up(number, window);
                    let flush = self.flush(window, flows);
                    written += flush.end_window(shard, observer, true)?;
                    written += flush.waiting(shard, observer, Which::All)?;
                }
            }
        }
        Ok(written)
    }

    /// Writes what is not written to files of their own.
    fn write_others(
        &mut self,
        flows: &FlowList,
        observers: &mut [&mut StreamObserver],
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
                let Some(observer) = observers.get(it.shard) else {
                    return false;
                };
                let stream = observer.streams.get(it.number as usize);
                self.targets.of(observer.protocol(it.number)) == index
                    && stream.is_some_and(|stream| stream.content.has_content())
            };
            let here = listed.iter().filter(is_here);
            let here: Vec<(usize, u32)> = here.map(|it| (it.shard, it.number)).collect();
            if stdout.is_some() {
                check_single(here.len()).inspect_err(|_| self.is_void = true)?;
            }
            let flush = self.flush(&[], flows);
            if let Some(mut archive) = archive {
                written += flush.write_archive(&mut archive, &here, observers)?;
                archive.finish()?;
            }
            if let Some(mut out) = stdout {
                for (shard, number) in here {
                    if let Some(observer) = observers.get_mut(shard) {
                        written += flush.write_output(&mut out, shard, observer, number)?;
                    }
                }
                out.finish()?;
            }
        }
        Ok(written)
    }

    /// FlowIDs that do not exist are an error.
    fn check_ids(&self, flows: &FlowList) -> Result<(), Error> {
        let protocols = [&self.options.tcp, &self.options.udp];
        let ids = protocols
            .into_iter()
            .flatten()
            .flat_map(|it| it.ids.ranges());
        match ids.map(|range| *range.end()).max() {
            Some(id) if id > flows.len() => {
                let flows = flows.len();
                Err(ErrorKind::UnknownFlow { id, flows }.into())
            }
            _ => Ok(()),
        }
    }

    /// Adds up what was found.
    fn count(&mut self, flows: &FlowList, observers: &[&mut StreamObserver], listed: &[Listed]) {
        let report = &mut self.report;
        for (shard, observer) in observers.iter().enumerate() {
            report.cut_headers += observer.cut_headers(|flow| flows.id_of(shard, flow));
        }
        for listed in listed {
            let stream = observers
                .get(listed.shard)
                .and_then(|it| it.streams.get(listed.number as usize));
            if let Some(stream) = stream {
                report.add(listed.flow_id, stream);
            }
        }
    }
}

impl Job for Streams<'_> {
    type Observer = StreamObserver;

    fn observer(&self) -> StreamObserver {
        StreamObserver::new(&self.rules, &self.window)
    }

    fn wants_contents(&self) -> bool {
        true
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        self.input = self.window.captures.len();
        self.window.captures.add(input.path, input.places);
        let can_read_again = |len| Position::can_tell(self.input, len);
        self.must_keep = !input.file_len.is_some_and(can_read_again);
        Ok(())
    }

    fn window_starts(
        &mut self,
        offset: u64,
        _: &FlowList,
        observers: Vec<&mut StreamObserver>,
    ) -> Result<(), Error> {
        let input = self.input.min(Position::LAST_INPUT);
        for observer in observers {
            observer.window.base = Position::new(input, offset);
        }
        Ok(())
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        mut observers: Vec<&mut StreamObserver>,
    ) -> Result<u64, Error> {
        let ids = self.options.ids().filter_map(|ids| ids.max()).max();
        if let Some(greatest) = ids {
            let are_all_known = greatest <= flows.last_found();
            for (shard, observer) in observers.iter_mut().enumerate() {
                observer.decide(|flow| flows.id_of(shard, flow), are_all_known);
            }
        }
        let flush = self.flush(window.bytes, flows);
        let written = each(&mut observers, |shard, observer| {
            flush.end_window(shard, observer, self.must_keep)
        })?;
        Ok(written + self.keep_bounds(window.bytes, flows, &mut observers)?)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        mut observers: Vec<&mut StreamObserver>,
    ) -> Result<u64, Error> {
        self.check_ids(flows).inspect_err(|_| self.is_void = true)?;
        let flush = self.flush(&[], flows);
        let mut written = each(&mut observers, |shard, it| flush.finish(shard, it))?;
        flush.settle_all(&observers)?;
        let listed = self.listed(&flush, &observers);
        self.count(flows, &observers, &listed);
        written += self.write_others(flows, &mut observers, &listed)?;
        self.write_manifest(flows, &observers, &listed)?;
        for target in &mut self.targets.all {
            target.complete()?;
        }
        Ok(written)
    }

    fn abandon(&mut self, flows: &FlowList, mut observers: Vec<&mut StreamObserver>) {
        self.keep_complete(flows, &mut observers);
    }
}

/// Works on all shards in parallel, and adds up the results.
fn each(
    observers: &mut [&mut StreamObserver],
    work: impl Fn(usize, &mut StreamObserver) -> Result<u64, Error> + Sync,
) -> Result<u64, Error> {
    let results = observers
        .par_iter_mut()
        .with_max_len(1)
        .enumerate()
        .map(|(shard, observer)| work(shard, observer));
    results.try_reduce(|| 0, |a, b| Ok(a + b))
}

/// Pieces that wait because they are little, in all streams.
const MOST_CARRIED: usize = 256 * 1024;
/// The same where all must wait until the end.
const MOST_CARRIED_TO_END: usize = 2 * 1024 * 1024;
/// Streams of which that much waits are the first to be written to files.
const LARGE: u64 = 64 * 1024;
/// The share of the memory that there is for what cannot be read again.
const MEMORY_SHARE: u64 = 4;
