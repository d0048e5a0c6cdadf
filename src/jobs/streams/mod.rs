//! Streams: what applications sent over TCP and UDP, one file for each direction.
//!
//! Each shard's observer puts the segments of its flows in order ([`crate::tcp`]). What is in
//! order is written at the end of a window, straight from the mapped file, as soon as enough of a
//! stream is there to be worth opening its file; files are open one at a time for each worker.
//! What must wait (for a gap, for an archive, for more) is kept as a place in the input.

mod ending;
mod flush;
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

use crate::engine::{InputStart, Job, Progress, Window};
use crate::error::{Error, ErrorKind};
use crate::flow::FlowList;
use crate::output::OutputFile;
use crate::output::stream::{ManifestFormat, ManifestWriter, StreamRow};
use ending::check_single;
use flush::{Flush, Subject, Which};
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
    /// Tells whether the run is cancelled.
    progress: &'p Progress,
}

/// A stream, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Listed {
    flow_id: u64,
    connection: u32,
    is_reverse: bool,
    shard: usize,
    number: u32,
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
        let manifest = match &options.manifest {
            Some(path) => {
                let format = ManifestFormat::of(path).unwrap_or(ManifestFormat::Csv);
                let out = OutputFile::create(path, inputs.iter().map(PathBuf::as_path))?;
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
            .unwrap_or_else(|| total_memory() / MEMORY_SHARE);
        Ok(Self {
            targets: Targets::create(&options, inputs)?,
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

    /// The streams that are listed, in the order of their FlowIDs.
    fn listed(&self, flush: &Flush<'_>, observers: &[&mut StreamObserver]) -> Vec<Listed> {
        let mut listed = Vec::new();
        for (shard, observer) in observers.iter().enumerate() {
            for (stream, number) in observer.streams.iter().zip(0..) {
                if flush.is_listed(stream) {
                    listed.push(Listed {
                        flow_id: flush.flows.id_of(shard, stream.flow),
                        connection: stream.connection,
                        is_reverse: stream.is_reverse,
                        shard,
                        number,
                    });
                }
            }
        }
        listed.par_sort_unstable();
        listed
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
            let flush = self.flush(&[], flows);
            if let Some(mut archive) = archive {
                written += flush.write_archive(&mut archive, &here, observers)?;
                archive.finish()?;
            }
            if let Some(mut out) = stdout {
                check_single(here.len())?;
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

    /// Writes the manifest and puts it under its name.
    fn write_manifest(
        &mut self,
        flows: &FlowList,
        observers: &[&mut StreamObserver],
        listed: &[Listed],
    ) -> Result<(), Error> {
        match self.manifest.take() {
            Some((out, format)) => self
                .write_rows(out, format, flows, observers, listed)?
                .finish(),
            None => Ok(()),
        }
    }

    /// Writes the rows of the manifest, all of them to the disk.
    fn write_rows(
        &self,
        out: OutputFile,
        format: ManifestFormat,
        flows: &FlowList,
        observers: &[&mut StreamObserver],
        listed: &[Listed],
    ) -> Result<OutputFile, Error> {
        let path = out.path().to_owned();
        let failed = |error| Error::io("write", &path, error);
        let mut writer = ManifestWriter::new(out, format).map_err(failed)?;
        let flush = self.flush(&[], flows);
        for listed in listed {
            let Some(observer) = observers.get(listed.shard) else {
                continue;
            };
            let Some(stream) = observer.streams.get(listed.number as usize) else {
                continue;
            };
            let content = &stream.content;
            let rare = content.rare.as_deref();
            let count = |field: fn(&stream::Rare) -> u64| rare.map_or(0, field);
            let network = observer.network(stream);
            let subject = Subject::of(observer, listed.shard, listed.number);
            let file = stream.parts().next().and_then(|part| {
                let name = flush.name(&subject?.0, stream);
                let target = flush.target(network.protocol)?;
                Some(target.path_of(&writer::name_of_part(&name, part)))
            });
            let peer = observer.peer(stream, listed.number);
            let row = StreamRow {
                flow_id: listed.flow_id,
                connection: stream.connection,
                network,
                bytes: content.bytes,
                first: stream.first,
                last: stream.last,
                segments: content.segments,
                retransmitted_bytes: count(|it| it.retransmitted),
                out_of_order: count(|it| it.out_of_order),
                overlaps: count(|it| it.overlaps),
                conflicts: count(|it| it.conflicts),
                gaps: rare.map_or(&[], |it| &it.gaps),
                midstream: network.protocol == options::TCP
                    && stream.tcp.has_payload()
                    && stream.tcp.initial_sequence().is_none(),
                end: stream.end(peer.is_some_and(|it| it.was_reset)),
                file: &file.map_or_else(String::new, |it| it.display().to_string()),
                late_bytes: count(|it| it.late),
            };
            writer.row(&row).map_err(failed)?;
        }
        writer.finish().map_err(failed)
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
    fn count(&mut self, observers: &[&mut StreamObserver], listed: &[Listed]) {
        let report = &mut self.report;
        for observer in observers {
            report.cut_headers += observer.cut_headers;
            report.mixed_link_types += observer.mixed_link_types;
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
        self.window.captures.add(input.path);
        let can_read_again = |len| Position::can_tell(self.input, len);
        self.must_keep = !input.file_len.is_some_and(can_read_again);
        Ok(())
    }

    fn window_starts(&mut self, offset: u64, observers: Vec<&mut StreamObserver>) {
        let input = self.input.min(Position::LAST_INPUT);
        for observer in observers {
            observer.window.base = Position::new(input, offset);
        }
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        mut observers: Vec<&mut StreamObserver>,
    ) -> Result<u64, Error> {
        let has_ids = |options: &Option<ProtocolOptions>| {
            options.as_ref().is_some_and(|it| !it.ids.is_empty())
        };
        if has_ids(&self.options.tcp) || has_ids(&self.options.udp) {
            for (shard, observer) in observers.iter_mut().enumerate() {
                observer.decide(|flow| flows.id_of(shard, flow));
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
        self.check_ids(flows)?;
        let flush = self.flush(&[], flows);
        let mut written = each(&mut observers, |shard, it| flush.finish(shard, it))?;
        let listed = self.listed(&flush, &observers);
        self.count(&observers, &listed);
        written += self.write_others(flows, &mut observers, &listed)?;
        self.write_manifest(flows, &observers, &listed)?;
        for target in &mut self.targets.all {
            target.complete()?;
        }
        Ok(written)
    }

    /// Streams that were complete before the run failed are kept.
    fn abandon(&mut self, flows: &FlowList, mut observers: Vec<&mut StreamObserver>) {
        let flush = self.flush(&[], flows);
        for (shard, observer) in observers.iter_mut().enumerate() {
            for number in observer.numbers() {
                flush.forget_unfinished(shard, observer, number);
            }
        }
        let mut listed = self.listed(&flush, &observers);
        let mut manifest = self.manifest.take();
        let path = manifest.as_ref().map(|(out, _)| out.path().to_owned());
        // What is complete is listed, or not there: where the disk is full, some of it must go.
        let written = loop {
            let Some((out, format)) = manifest.take() else {
                break None;
            };
            let written = self.write_rows(out, format, flows, &observers, &listed);
            match (written, &path) {
                (Ok(out), _) => break Some(out),
                (Err(_), Some(path)) if !listed.is_empty() => {
                    let flush = self.flush(&[], flows);
                    for dropped in listed.drain(listed.len() * 3 / 4..) {
                        if let Some(observer) = observers.get_mut(dropped.shard) {
                            flush.forget(dropped.shard, observer, dropped.number);
                        }
                    }
                    manifest = OutputFile::create(path, []).ok().map(|out| (out, format));
                }
                (Err(_), _) => break None,
            }
        };
        let flush = self.flush(&[], flows);
        if path.is_some() && written.is_none() {
            listed.clear();
        }
        for it in &listed {
            if let Some(observer) = observers.get(it.shard)
                && let Some(Target::Folder(folder)) = flush.target(observer.protocol(it.number))
            {
                drop(flush.settle(folder, it.shard, observer, it.number));
            }
        }
        for target in &mut self.targets.all {
            target.abandon(!listed.is_empty());
        }
        // The error that ended the run is the one to be told.
        drop(written.map(OutputFile::finish));
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

/// The machine's memory in bytes.
fn total_memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram
        .saturating_mul(u64::from(info.mem_unit).max(1))
}

/// Pieces that wait because they are little, in all streams.
const MOST_CARRIED: usize = 256 * 1024;
/// The same where all must wait until the end.
const MOST_CARRIED_TO_END: usize = 2 * 1024 * 1024;
/// Streams of which that much waits are the first to be written to files.
const LARGE: u64 = 64 * 1024;
/// The share of the machine's memory for what cannot be read again.
const MEMORY_SHARE: u64 = 4;
