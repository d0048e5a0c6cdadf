//! Streams that are written when everything has come: to an archive, or to standard output.
//!
//! The entries of an archive follow each other in the order of their FlowIDs, but are made in
//! parallel: small ones some hundred at a time, in memory, from a part of the input that is
//! mapped for them; large ones go straight to the archive.

use super::content::FileState;
use super::files::Files;
use super::flush::{Flush, Subject};
use super::options::StreamRules;

use super::target::Target;
use super::writer::{Framing, Output, Writer, name_of_part, write_all};
use crate::capture::{Input, Nanos};
use crate::error::{Error, ErrorKind};
use crate::number::index_u32;
use crate::output::OutputFile;
use crate::output::stream::{Archive, NameStyle};
use crate::stream::{Direction, PackedPosition, PayloadSpan, SpanSource, Tracker};
use crate::tcp::Piece;
use hashbrown::HashSet;
use rayon::prelude::*;
use std::fs::File;
use std::hash::RandomState;
use std::io::{IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A stream that has been taken out of its shard to be written.
struct Taken {
    subject: Subject,
    stream: Direction<FileState>,
}

/// Streams that are written together, and what was made of them.
#[derive(Default)]
struct Batch {
    taken: Vec<Taken>,
    /// Entries of small streams, in order.
    made: Vec<Result<Vec<u8>, Error>>,
    written: u64,
}

impl Flush<'_> {
    /// Writes streams to an archive, in the order given. Returns how many bytes they are.
    pub(super) fn write_archive(
        &self,
        archive: &mut Archive<OutputFile>,
        streams: &[(usize, u32)],
        trackers: &mut [&mut Tracker<Files>],
    ) -> Result<u64, Error> {
        self.check_names(streams, trackers)?;
        let source = self.shared.source(&[]);
        let mut total = 0;
        let mut rest = streams;
        // While one batch is written, the next one is made.
        let mut batch = Batch::default();
        let buffers = Buffers::default();
        loop {
            let mut next = Batch::default();
            rest = next.take(rest, trackers);
            let (written, ()) = rayon::join(
                || batch.write(archive, &buffers),
                || self.make(&mut next, source, &buffers),
            );
            written?;
            total += batch.written;
            batch.put_back(trackers);
            if next.is_large() {
                for it in &mut next.taken {
                    total += self.entry(archive, it, source)?;
                }
            }
            if next.taken.is_empty() {
                return Ok(total);
            }
            batch = next;
        }
    }

    /// No two streams may have the same name: unpacked, one of them would be lost. Portable names
    /// are different ones.
    fn check_names(
        &self,
        streams: &[(usize, u32)],
        trackers: &[&mut Tracker<Files>],
    ) -> Result<(), Error> {
        if self.options.names == NameStyle::Portable {
            return Ok(());
        }
        let mut names: HashSet<String, RandomState> = HashSet::default();
        for &(shard, number) in streams {
            let tracker = trackers.get(shard);
            let subject = tracker.and_then(|it| Subject::of(it, shard, number));
            let Some((subject, stream)) = subject else {
                continue;
            };
            let name = self.name(&subject, stream);
            if names.contains(&name) {
                let taken = rustix::io::Errno::EXIST;
                return Err(Error::io("create", name.as_ref(), taken.into()));
            }
            names.insert(name);
        }
        Ok(())
    }

    /// Makes the entries of small streams.
    fn make(&self, batch: &mut Batch, source: SpanSource<'_>, buffers: &Buffers) {
        if batch.is_large() {
            return;
        }
        let pieces = batch
            .taken
            .iter()
            .flat_map(|it| &it.stream.state.content.pending);
        let span = span(pieces, source);
        // Reading again is all that is needed; mapping only saves a call for each piece.
        let mut input = span
            .as_ref()
            .and_then(|(_, path, _)| Input::open(path).ok());
        let view = match (&mut input, &span) {
            (Some(input), Some((start, _, len))) => {
                input.view(start.offset(), *len, *len, &|| true).ok()
            }
            _ => None,
        };
        let source = match (&view, &span) {
            (Some(view), Some((start, ..))) => SpanSource {
                window: view.bytes,
                base: *start,
                ..source
            },
            _ => source,
        };
        batch.made = batch
            .taken
            .par_chunks_mut(CHUNK_LEN)
            .with_max_len(1)
            .map(|chunk| self.entries(chunk, source, buffers.take()))
            .collect();
        if let Some(Err(error)) = input.as_ref().map(Input::check_lost) {
            batch.made = vec![Err(error)];
        }
    }

    /// Entries of small streams, in memory.
    fn entries(
        &self,
        taken: &mut [Taken],
        source: SpanSource<'_>,
        buffer: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let mut archive = Archive::new(buffer, Path::new("the archive"));
        for it in taken {
            self.entry(&mut archive, it, source)?;
        }
        archive.into_entries()
    }

    /// The entries of a stream: more than one where gaps split it.
    fn entry<W: Write>(
        &self,
        archive: &mut Archive<W>,
        taken: &mut Taken,
        source: SpanSource<'_>,
    ) -> Result<u64, Error> {
        self.progress.check()?;
        let Taken { subject, stream } = taken;
        let protocol = subject.network.protocol;
        let name = self.name(subject, stream);
        let meta = self.meta(subject, stream);
        let folder = self.target(protocol).and_then(Target::folder);
        let spilled = |part| folder.and_then(|it| it.open(subject.file(part), "").ok());
        let rules = self.rules;
        let mut sizes = sizes(stream, Framing::of(rules, protocol), rules);
        for (size, part) in sizes.iter_mut().zip(0..) {
            let file = spilled(part).and_then(|file| file.metadata().ok());
            *size += file.map_or(0, |it| it.len());
        }
        let total = sizes.iter().sum();
        let mut output = ToArchive {
            archive,
            name: &name,
            modified: stream.info.last,
            sizes: &sizes,
            next: 0,
            spilled: &spilled,
        };
        Writer::new(source, rules).write(stream, meta, &mut output)?;
        // Parts that were written before need no more bytes.
        output.open(index_u32(sizes.len()) - 1)?;
        Ok(total)
    }

    /// Writes the only stream there is.
    pub(super) fn write_output(
        &self,
        out: &mut OutputFile,
        shard: usize,
        tracker: &mut Tracker<Files>,
        number: u32,
    ) -> Result<u64, Error> {
        let Some((subject, stream)) = Subject::of(tracker, shard, number) else {
            return Ok(0);
        };
        let meta = self.meta(&subject, stream);
        let folder = self.target(meta.network.protocol).and_then(Target::folder);
        let mut copied = 0;
        for part in stream.state.content.parts() {
            let file = folder.and_then(|folder| folder.open(subject.file(part), "").ok());
            if let Some(mut file) = file {
                copied += std::io::copy(&mut file, out).map_err(|error| out.error(error))?;
            }
        }
        match self.writer(tracker, number) {
            Some((stream, mut writer)) => Ok(copied + writer.write(stream, meta, out)?),
            None => Ok(copied),
        }
    }
}

/// Memory for entries, used over and over: fresh memory costs as much as what is written to it.
#[derive(Debug, Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_default()
    }

    fn put_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(buffer);
    }
}

impl Batch {
    /// Takes streams out of their shards: some that are small, or one that is large. Returns
    /// those that are left.
    fn take<'s>(
        &mut self,
        streams: &'s [(usize, u32)],
        trackers: &mut [&mut Tracker<Files>],
    ) -> &'s [(usize, u32)] {
        let mut bytes = 0;
        for (index, &(shard, number)) in streams.iter().enumerate() {
            let rest = streams.get(index..).unwrap_or_default();
            let Some(tracker) = trackers.get_mut(shard) else {
                continue;
            };
            let is_large = tracker
                .directions()
                .get(number as usize)
                .is_some_and(|it| it.state.content.is_large());
            if self.taken.len() >= BATCH_LEN
                || bytes >= BATCH_BYTES
                || (is_large && !self.taken.is_empty())
            {
                return rest;
            }
            let Some((subject, _)) = Subject::of(tracker, shard, number) else {
                continue;
            };
            let nothing = Direction::nothing(FileState::default());
            let place = tracker.directions_mut().get_mut(number as usize);
            let stream = place.map_or_else(|| None, |it| Some(std::mem::replace(it, nothing)));
            let Some(stream) = stream else { continue };
            bytes += stream.state.content.pending_bytes();
            self.taken.push(Taken { subject, stream });
            if is_large {
                return streams.get(index + 1..).unwrap_or_default();
            }
        }
        &[]
    }

    fn is_large(&self) -> bool {
        self.taken
            .first()
            .is_some_and(|it| it.stream.state.content.is_large())
    }

    fn write(&mut self, archive: &mut Archive<OutputFile>, buffers: &Buffers) -> Result<(), Error> {
        for made in self.made.drain(..) {
            let made = made?;
            archive.append_entries(&made)?;
            self.written += made.len() as u64;
            buffers.put_back(made);
        }
        Ok(())
    }

    /// The manifest lists them, too.
    fn put_back(self, trackers: &mut [&mut Tracker<Files>]) {
        for Taken { subject, stream } in self.taken {
            let tracker = trackers.get_mut(subject.shard);
            let place = tracker.and_then(|it| it.directions_mut().get_mut(subject.number as usize));
            if let Some(place) = place {
                *place = stream;
            }
        }
    }
}

/// Standard output takes a single stream.
pub(super) fn check_single(streams: usize) -> Result<(), Error> {
    if streams > 1 {
        return Err(ErrorKind::SeveralStreams {
            streams: streams as u64,
        }
        .into());
    }
    Ok(())
}

/// Where pieces stand in the inputs, if that is close together in one of them: from where on, in
/// which file, how many bytes.
fn span<'p>(
    pieces: impl Iterator<Item = &'p PayloadSpan>,
    source: SpanSource<'_>,
) -> Option<(PackedPosition, PathBuf, usize)> {
    let in_files = pieces.filter(|piece| piece.is_only_in_window());
    let (mut first, mut end) = (None, None);
    for piece in in_files {
        let start = piece.position();
        let behind = start.after(u64::from(piece.skip() + piece.len()));
        first = Some(first.map_or(start, |first: PackedPosition| first.min(start)));
        end = Some(end.map_or(behind, |end: PackedPosition| end.max(behind)));
    }
    let (first, end) = (first?, end?);
    let len = end.distance(first)?;
    let path = source.captures.path(first)?;
    (len <= MOST_MAPPED).then_some((first, path, len))
}

/// How many bytes each part of a stream will have, beside what was written before.
fn sizes(stream: &Direction<FileState>, framing: Framing, rules: &StreamRules) -> Vec<u64> {
    let mut sizes = vec![0; stream.state.content.part() as usize + 1];
    let (mut written, mut offset) = (
        stream.state.content.written,
        stream.state.content.written_offset(stream.tcp.delivered()),
    );
    for piece in &stream.state.content.pending {
        if piece.is_lost() && !piece.is_filled() {
            if rules.splits(written, offset) {
                sizes.push(0);
                written = 0;
            }
        } else if let Some(size) = sizes.last_mut() {
            let len = framing.len_of(piece, written == 0);
            *size += len;
            written += len;
        }
        offset += u64::from(piece.len());
    }
    sizes
}

/// Writes to the entries of an archive: each starts with what was written to a file before.
struct ToArchive<'a, W: Write> {
    archive: &'a mut Archive<W>,
    name: &'a str,
    modified: Nanos,
    sizes: &'a [u64],
    /// The first part that is not open yet.
    next: u32,
    spilled: &'a dyn Fn(u32) -> Option<File>,
}

impl<W: Write> ToArchive<'_, W> {
    /// Opens the entry of a part, after those of the parts in front of it.
    fn open(&mut self, part: u32) -> Result<(), Error> {
        while self.next <= part {
            let part = self.next;
            self.next += 1;
            let size = self.sizes.get(part as usize).copied().unwrap_or(0);
            if size > 0 {
                let name = name_of_part(self.name, part);
                self.archive.entry(&name, size, self.modified)?;
                if let Some(file) = (self.spilled)(part) {
                    self.archive.copy(file)?;
                }
            }
        }
        Ok(())
    }
}

impl<W: Write> Output for ToArchive<'_, W> {
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

/// Streams, and bytes, that are worked on together; streams that are made into entries together.
const BATCH_LEN: usize = 2048;
const BATCH_BYTES: u64 = 8 * 1024 * 1024;
const CHUNK_LEN: usize = 512;
/// Bytes of an input that are mapped for a batch of streams.
const MOST_MAPPED: usize = 32 * 1024 * 1024;
