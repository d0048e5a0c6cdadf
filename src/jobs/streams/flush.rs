//! Streams are written: when enough of them is pending, and at the end.

use super::observer::StreamObserver;
use super::options::{StreamOptions, StreamRules, UDP};
use super::stream::{NONE, Stream, Verdict};
use super::target::{Target, Targets};
use super::writer::{Framing, Meta, Output, ToFolder, Writer, name_of_part, write_all};
use crate::capture::Nanos;
use crate::error::Error;
use crate::flow::{FlowKey, FlowList, NetworkKey};
use crate::output::OutputFile;
use crate::output::stream::{Archive, FileId, Folder, StreamLabel};
use crate::tcp::{Arrival, Piece};
use std::io::IoSlice;
use std::ops::Range;
use std::path::PathBuf;

/// What writing streams needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flush<'a> {
    pub(super) window: &'a [u8],
    pub(super) flows: &'a FlowList,
    pub(super) targets: &'a Targets,
    pub(super) options: &'a StreamOptions,
}

/// Which of the streams that wait are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// Those of which that many bytes wait.
    Large(u64),
}

impl Flush<'_> {
    /// A window ends: writes streams of which enough has come to be worth it. Returns how many
    /// bytes were written.
    ///
    /// `must_keep` tells that what is not written cannot be read again.
    pub(super) fn end_window(
        &self,
        shard: usize,
        observer: &mut StreamObserver,
        must_keep: bool,
    ) -> Result<u64, Error> {
        if let Some(error) = observer.error.take() {
            return Err(error);
        }
        let mut written = 0;
        for number in std::mem::take(&mut observer.touched) {
            let Some(stream) = observer.streams.get_mut(number as usize) else {
                continue;
            };
            stream.is_touched = false;
            if stream.verdict == Verdict::Refused {
                continue;
            }
            let pending = stream.content.pending.len();
            let is_enough = must_keep
                || stream.tcp.is_complete()
                || pending >= MANY
                || stream.pending_bytes() >= ENOUGH;
            let target = self.target(observer.protocol(number));
            if target.is_some_and(Target::is_folder) && is_enough {
                written += self.stream(shard, observer, number)?;
            }
            let Some(stream) = observer.streams.get_mut(number as usize) else {
                continue;
            };
            if stream.content.has_work() {
                observer.carried += stream.content.pending.len();
                if !stream.is_waiting {
                    stream.is_waiting = true;
                    observer.waiting.push(number);
                }
            }
            if must_keep {
                let source = observer.window.source(self.window);
                stream.keep(&source, &observer.window.memory);
            }
        }
        Ok(written)
    }

    /// Writes what waits.
    pub(super) fn waiting(
        &self,
        shard: usize,
        observer: &mut StreamObserver,
        which: Which,
    ) -> Result<u64, Error> {
        let mut written = 0;
        observer.carried = 0;
        for number in std::mem::take(&mut observer.waiting) {
            let Some(stream) = observer.streams.get_mut(number as usize) else {
                continue;
            };
            let is_meant = match which {
                Which::All => true,
                Which::Large(bytes) => stream.pending_bytes() >= bytes,
            };
            if is_meant {
                stream.is_waiting = false;
                written += self.stream(shard, observer, number)?;
            } else {
                observer.carried += stream.content.pending.len();
                observer.waiting.push(number);
            }
        }
        Ok(written)
    }

    /// Everything has come: gives up what is missing, and completes all files of a shard.
    pub(super) fn finish(&self, shard: usize, observer: &mut StreamObserver) -> Result<u64, Error> {
        let mut written = 0;
        for number in (0..observer.streams.len()).filter_map(|it| u32::try_from(it).ok()) {
            let Some(stream) = observer.streams.get(number as usize) else {
                continue;
            };
            if stream.verdict != Verdict::Wanted {
                continue;
            }
            let last = stream.last;
            if observer.protocol(number) != UDP {
                observer.reassemble(number, last, self.window, |stream, sink| {
                    stream.finish(sink);
                    Arrival::default()
                });
            }
            if let Some(error) = observer.error.take() {
                return Err(error);
            }
            let protocol = observer.protocol(number);
            if let Some(Target::Folder(folder)) = self.target(protocol) {
                written += self.stream(shard, observer, number)?;
                self.settle(folder, shard, observer, number)?;
            } else {
                self.compare(shard, observer, number)?;
            }
        }
        Ok(written)
    }

    /// Puts a stream's files under their names, if it is one that is wanted; else removes them.
    pub(super) fn settle(
        &self,
        folder: &Folder,
        shard: usize,
        observer: &mut StreamObserver,
        number: u32,
    ) -> Result<(), Error> {
        let Some(stream) = observer.streams.get(number as usize) else {
            return Ok(());
        };
        let parts = stream.parts();
        let Some(name) = self
            .name(shard, observer, number)
            .filter(|_| !parts.is_empty())
        else {
            return Ok(());
        };
        for part in parts {
            let name = name_of_part(&name, part);
            let file = FileId {
                shard,
                stream: number,
                part,
            };
            if self.is_listed(stream) {
                folder.publish(file, &name)?;
            } else {
                let discarded = folder.discard(file, &name);
                discarded.map_err(|error| Error::io("remove", &folder.path_of(&name), error))?;
            }
        }
        Ok(())
    }

    /// Whether a stream is one of those that were asked for.
    pub(super) fn is_listed(&self, stream: &Stream) -> bool {
        stream.verdict == Verdict::Wanted && stream.content.bytes >= self.options.min_bytes
    }

    /// Writes what is pending of a stream to its file.
    fn stream(
        &self,
        shard: usize,
        observer: &mut StreamObserver,
        number: u32,
    ) -> Result<u64, Error> {
        self.compare(shard, observer, number)?;
        let (protocol, meta) = (
            observer.protocol(number),
            self.meta(shard, observer, number),
        );
        let Some(folder) = self.target(protocol).and_then(Target::folder) else {
            return Ok(0);
        };
        let name = self.name(shard, observer, number).unwrap_or_default();
        let StreamObserver {
            streams,
            window,
            rules,
            ..
        } = observer;
        let Some(stream) = streams.get_mut(number as usize) else {
            return Ok(0);
        };
        if stream.content.pending.is_empty() {
            return Ok(0);
        }
        let mut output = ToFolder {
            folder,
            shard,
            stream: number,
            open: None,
            name: &name,
            started: (stream.content.written > 0).then(|| stream.content.part()),
        };
        let written =
            Writer::new(window.source(self.window), rules).write(stream, meta, &mut output);
        if written.is_err() {
            // What is in its file is not the stream.
            stream.verdict = Verdict::Refused;
        }
        written
    }

    /// Compares what came twice.
    fn compare(
        &self,
        shard: usize,
        observer: &mut StreamObserver,
        number: u32,
    ) -> Result<(), Error> {
        let protocol = observer.protocol(number);
        let folder = self.target(protocol).and_then(Target::folder);
        let stream = observer.streams.get(number as usize);
        if !stream.is_some_and(|it| it.content.has_repeated()) {
            return Ok(());
        }
        let name = self.name(shard, observer, number);
        let StreamObserver {
            streams,
            window,
            rules,
            ..
        } = observer;
        let Some(stream) = streams.get_mut(number as usize) else {
            return Ok(());
        };
        let name = name.as_deref().unwrap_or_default();
        let open = |part| {
            let id = FileId {
                shard,
                stream: number,
                part,
            };
            let file = match folder {
                Some(folder) => folder.open(id, &name_of_part(name, part)),
                None => Err(std::io::ErrorKind::NotFound.into()),
            };
            file.map_err(|error| Error::io("compare with", "a stream's file".as_ref(), error))
        };
        Writer::new(window.source(self.window), rules).compare(stream, protocol, &open)
    }

    /// Writes a stream to an archive. Everything has come.
    pub(super) fn archive(
        &self,
        shard: usize,
        observer: &mut StreamObserver,
        number: u32,
        archive: &mut Archive,
    ) -> Result<u64, Error> {
        let Some(name) = self.name(shard, observer, number) else {
            return Ok(0);
        };
        let (protocol, meta) = (
            observer.protocol(number),
            self.meta(shard, observer, number),
        );
        let folder = self.target(protocol).and_then(Target::folder);
        let StreamObserver {
            streams,
            window,
            rules,
            ..
        } = observer;
        let Some(stream) = streams.get_mut(number as usize) else {
            return Ok(0);
        };
        let framing = Framing::of(rules, protocol);
        let mut entries = EntrySizes::new(stream, framing, rules);
        let mut output = ToArchive {
            archive,
            name: &name,
            modified: stream.last,
            sizes: Vec::new(),
            open: None,
            spilled: &|part| {
                let id = FileId {
                    shard,
                    stream: number,
                    part,
                };
                folder.and_then(|folder| folder.open(id, "").ok())
            },
        };
        for (part, size) in &mut entries.sizes {
            let spilled = (output.spilled)(*part).and_then(|file| file.metadata().ok());
            *size += spilled.map_or(0, |it| it.len());
        }
        output.sizes.clone_from(&entries.sizes);
        let has_pending = !stream.content.pending.is_empty();
        let mut total: u64 = entries.sizes.iter().map(|(_, size)| size).sum();
        if has_pending {
            Writer::new(window.source(self.window), rules).write(stream, meta, &mut output)?;
        }
        // Parts that were written before need no more bytes.
        for (part, size) in &entries.sizes {
            if *size > 0 {
                output.open(*part)?;
            } else {
                total -= size;
            }
        }
        Ok(total)
    }

    /// Writes a stream to an output that takes nothing else. Everything has come.
    pub(super) fn to_output(
        &self,
        shard: usize,
        observer: &mut StreamObserver,
        number: u32,
        out: &mut OutputFile,
    ) -> Result<u64, Error> {
        let (protocol, meta) = (
            observer.protocol(number),
            self.meta(shard, observer, number),
        );
        let folder = self.target(protocol).and_then(Target::folder);
        let StreamObserver {
            streams,
            window,
            rules,
            ..
        } = observer;
        let Some(stream) = streams.get_mut(number as usize) else {
            return Ok(0);
        };
        let mut copied = 0;
        for part in stream.parts() {
            let id = FileId {
                shard,
                stream: number,
                part,
            };
            if let Some(mut file) = folder.and_then(|folder| folder.open(id, "").ok()) {
                copied += std::io::copy(&mut file, out).map_err(|error| out.error(error))?;
            }
        }
        let written = Writer::new(window.source(self.window), rules).write(stream, meta, out)?;
        Ok(copied + written)
    }

    /// The name of a stream's file, without that of its folder.
    pub(super) fn name(
        &self,
        shard: usize,
        observer: &StreamObserver,
        number: u32,
    ) -> Option<String> {
        let (key, label) = self.label(shard, observer, number)?;
        Some(self.name_of(&key, &label, observer.protocol(number)))
    }

    fn name_of(&self, key: &FlowKey, label: &Label, protocol: u8) -> String {
        let extension = match (protocol, self.options.as_pcap) {
            (UDP, false) => "udp",
            (UDP, true) => "udp.pcap",
            (_, false) => "tcp",
            (_, true) => "tcp.pcap",
        };
        let label = StreamLabel {
            key,
            flow_id: label.flow_id,
            connection: label.connection,
            first: label.first,
        };
        self.options.names.name(&label, extension)
    }

    fn label(
        &self,
        shard: usize,
        observer: &StreamObserver,
        number: u32,
    ) -> Option<(FlowKey, Label)> {
        let stream = observer.streams.get(number as usize)?;
        let network = observer.network(stream);
        let flow_id = self.flows.id_of(shard, stream.flow);
        let key = self.flows.get(flow_id).map_or_else(
            || FlowKey {
                network,
                ..FlowKey::default()
            },
            |flow| flow.key,
        );
        let is_same = key.network.src == network.src && key.network.src_port == network.src_port;
        let label = Label {
            flow_id,
            connection: stream.connection,
            first: stream.first,
        };
        Some((if is_same { key } else { key.reversed() }, label))
    }

    fn meta(&self, shard: usize, observer: &StreamObserver, number: u32) -> Meta {
        let stream = observer.streams.get(number as usize);
        let flow = stream.map_or(NONE, |stream| stream.flow);
        Meta {
            flow_id: self.flows.id_of(shard, flow),
            protocol: observer.protocol(number),
            window_scale: stream.map_or(0, |stream| observer.window_scale(stream, number)),
        }
    }

    pub(super) fn target(&self, protocol: u8) -> Option<&Target> {
        let index = if protocol == UDP {
            self.targets.of_udp
        } else {
            self.targets.of_tcp
        };
        self.targets.all.get(index)
    }
}

/// What a stream's name says beside its key.
#[derive(Clone, Copy, Debug)]
struct Label {
    flow_id: u64,
    connection: u32,
    first: Nanos,
}

/// How many bytes each part of a stream will have, beside what was written before.
struct EntrySizes {
    sizes: Vec<(u32, u64)>,
}

impl EntrySizes {
    fn new(stream: &Stream, framing: Framing, rules: &StreamRules) -> Self {
        let current = stream.content.rare.as_ref().map_or(0, |rare| rare.part);
        let mut sizes: Vec<(u32, u64)> = (0..=current).map(|part| (part, 0)).collect();
        let (mut written, mut offset) = (stream.content.written, stream.written_offset());
        for piece in &stream.content.pending {
            if piece.is_lost() && !piece.is_filled() {
                if rules.splits(written, offset) {
                    let next = sizes.last().map_or(0, |(part, _)| part + 1);
                    sizes.push((next, 0));
                    written = 0;
                }
            } else if let Some((_, size)) = sizes.last_mut() {
                let len = framing.len_of(piece, written == 0);
                *size += len;
                written += len;
            }
            offset += u64::from(piece.len());
        }
        Self { sizes }
    }
}

/// Writes to the entries of an archive: each starts with what was written to a file before.
struct ToArchive<'a> {
    archive: &'a mut Archive,
    name: &'a str,
    modified: Nanos,
    sizes: Vec<(u32, u64)>,
    open: Option<u32>,
    spilled: &'a dyn Fn(u32) -> Option<std::fs::File>,
}

impl ToArchive<'_> {
    /// Opens the entry of a part, and those of parts in front of it.
    fn open(&mut self, part: u32) -> Result<(), Error> {
        let first = self.open.map_or(0, |open| open + 1);
        for part in first..=part {
            self.open = Some(part);
            let size = self.sizes.get(part as usize).map_or(0, |(_, size)| *size);
            if size == 0 {
                continue;
            }
            let name = name_of_part(self.name, part);
            self.archive.entry(&name, size, self.modified)?;
            if let Some(file) = (self.spilled)(part) {
                self.archive.copy(file)?;
            }
        }
        Ok(())
    }
}

impl Output for ToArchive<'_> {
    fn write(&mut self, part: u32, bytes: &mut [IoSlice<'_>]) -> Result<(), Error> {
        self.open(part)?;
        self.archive.write(bytes)
    }
}

impl Output for OutputFile {
    fn write(&mut self, _: u32, bytes: &mut [IoSlice<'_>]) -> Result<(), Error> {
        write_all(self, bytes).map_err(|error| self.error(error))
    }
}

impl StreamObserver {
    /// The protocol of a stream.
    pub(super) fn protocol(&self, number: u32) -> u8 {
        let stream = self.streams.get(number as usize);
        stream.map_or(0, |stream| self.network(stream).protocol)
    }

    /// Addresses and ports of a stream.
    pub(super) fn network(&self, stream: &Stream) -> NetworkKey {
        let pair = self.pairs.get(stream.pair as usize);
        pair.map_or_else(NetworkKey::default, |pair| pair.network(stream.is_reverse))
    }

    /// The other direction of a stream's connection, as long as it is known.
    pub(super) fn peer(&self, stream: &Stream, number: u32) -> Option<&Stream> {
        let pair = self.pairs.get(stream.pair as usize)?;
        let side = usize::from(stream.is_reverse);
        let is_of = |streams: &[u32; 2]| streams.get(side) == Some(&number);
        let streams = [pair.current, pair.previous].into_iter().find(is_of)?;
        self.streams.get(*streams.get(1 - side)? as usize)
    }

    /// The shift of a stream's window. RFC 7323, section 2.2: both sides must offer one.
    fn window_scale(&self, stream: &Stream, number: u32) -> u8 {
        let refuses =
            |peer: &Stream| peer.tcp.initial_sequence().is_some() && peer.window_scale.is_none();
        match stream.window_scale {
            Some(scale) if !self.peer(stream, number).is_some_and(refuses) => scale,
            _ => 0,
        }
    }
}

impl Stream {
    /// Payload bytes that are not written.
    pub(super) fn pending_bytes(&self) -> u64 {
        let pieces = self.content.pending.iter();
        pieces.map(|piece| u64::from(piece.len())).sum()
    }

    /// The parts that have bytes, when all is written.
    pub(super) fn parts(&self) -> Range<u32> {
        let rare = self.content.rare.as_ref();
        let last = rare.map_or(0, |rare| rare.part);
        // In front of a gap at the very start there is nothing.
        let starts_with_gap =
            rare.is_some_and(|rare| rare.gaps.first().is_some_and(|gap| gap.offset == 0));
        let first = u32::from(last > 0 && starts_with_gap);
        let end = if self.content.written > 0 {
            last + 1
        } else {
            last
        };
        first..end
    }
}

/// Pending bytes that are worth opening a file for; and pieces.
const ENOUGH: u64 = 16 * 1024;
const MANY: usize = 1024;

/// The folder of a target, for files.
pub(super) fn path_in(target: &Target, name: &str) -> PathBuf {
    match target {
        Target::Folder(folder) => folder.path_of(name),
        Target::Archive(..) => PathBuf::from(name),
        Target::Stdout(..) => PathBuf::from("-"),
    }
}
