//! From pieces to the bytes of files.

use super::options::{StreamRules, TCP};
use super::payload::{Payload, Source};
use super::stream::{Rare, Run, Stream};
use crate::capture::Nanos;
use crate::error::Error;
use crate::output::stream::{FileId, Folder, HeaderStyle, RecordHeader, TcpFields};
use crate::tcp::{Overlap, Piece, Segment};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What stands around the pieces of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing: the payload alone.
    Raw,
    /// A header in front of each.
    Headers(HeaderStyle),
    /// They are packets of a capture.
    Pcap,
}

impl Framing {
    /// That of a protocol's streams.
    pub(super) fn of(rules: &StreamRules, protocol: u8) -> Self {
        let headers = rules.of(protocol).and_then(|options| options.headers);
        match (rules.as_pcap, headers) {
            (true, _) => Self::Pcap,
            (false, Some(style)) => Self::Headers(style),
            (false, None) => Self::Raw,
        }
    }
}

impl Framing {
    /// How many bytes a piece becomes; `is_first` says that nothing is in its file yet.
    pub(super) fn len_of(self, piece: &Payload, is_first: bool) -> u64 {
        let len = u64::from(piece.len());
        match self {
            Self::Raw => len,
            Self::Headers(style) => {
                let headers = piece.len().div_ceil(style.max_payload());
                len + u64::from(headers) * style.header_len() as u64
            }
            Self::Pcap => len + RECORD_HEADER_LEN + if is_first { FILE_HEADER_LEN } else { 0 },
        }
    }
}

/// Writes what is pending of streams, one after the other.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) source: Source<'a>,
    pub(super) rules: &'a StreamRules,
    batch: Batch,
}

/// Bytes to be written together.
#[derive(Debug, Default)]
struct Batch {
    spans: Vec<Span>,
    /// Headers, and payload that does not stand in the window.
    scratch: Vec<u8>,
    len: usize,
}

#[derive(Debug)]
enum Span {
    Window(Range<usize>),
    Scratch(Range<usize>),
    Zeros(usize),
}

/// Takes the bytes of a stream, part by part.
pub(super) trait Output {
    /// Writes bytes to the end of a part.
    fn write(&mut self, part: u32, bytes: &mut [IoSlice<'_>]) -> Result<(), Error>;
}

/// A stream as its bytes need to know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) flow_id: u64,
    pub(super) protocol: u8,
    /// Shift of the window: 0 unless both sides agreed on one.
    pub(super) window_scale: u8,
}

impl<'a> Writer<'a> {
    pub(super) fn new(source: Source<'a>, rules: &'a StreamRules) -> Self {
        Self {
            source,
            rules,
            batch: Batch::default(),
        }
    }

    /// Writes all that is pending of a stream. Returns how many bytes that is.
    pub(super) fn write(
        &mut self,
        stream: &mut Stream,
        meta: Meta,
        output: &mut dyn Output,
    ) -> Result<u64, Error> {
        let framing = Framing::of(self.rules, meta.protocol);
        let mut offset = stream.written_offset();
        let pending = std::mem::take(&mut stream.content.pending);
        let mut part = stream.content.rare.as_ref().map_or(0, |rare| rare.part);
        let mut total = 0;
        for piece in &pending {
            let is_gap = piece.is_lost() && !piece.is_filled();
            if is_gap {
                if self.rules.splits(stream.content.written, offset) {
                    self.batch.write(self.source.window, part, output)?;
                    part += 1;
                    stream.content.written = 0;
                    stream.content.rare().part = part;
                }
            } else {
                let before = self.batch.len;
                self.frame(stream, framing, meta, offset, piece)?;
                let written = (self.batch.len - before) as u64;
                stream.content.written += written;
                total += written;
            }
            offset += u64::from(piece.len());
            if is_gap {
                let at = stream.content.written;
                stream.content.rare().runs.push(Run { offset, part, at });
            }
            if self.batch.is_full() {
                self.batch.write(self.source.window, part, output)?;
            }
        }
        self.batch.write(self.source.window, part, output)?;
        Ok(total)
    }

    /// Adds a piece with what stands in front of it.
    fn frame(
        &mut self,
        stream: &mut Stream,
        framing: Framing,
        meta: Meta,
        offset: u64,
        piece: &Payload,
    ) -> Result<(), Error> {
        match framing {
            Framing::Raw => self.add(piece, 0, piece.len()),
            Framing::Headers(style) => {
                self.note_run(
                    &mut stream.content.written,
                    &mut stream.content.rare,
                    offset,
                );
                let mut tcp = TcpFields::default();
                if style == HeaderStyle::Extended && meta.protocol == TCP && !piece.is_lost() {
                    tcp = self.tcp_fields(piece, meta)?;
                    tcp.is_start = offset == 0 && stream.tcp.initial_sequence().is_some();
                }
                let mut from = 0;
                while from < piece.len() {
                    let len = (piece.len() - from).min(style.max_payload());
                    let header = RecordHeader {
                        time: piece.time,
                        len,
                        stream_id: u32::try_from(meta.flow_id).unwrap_or(u32::MAX),
                        tcp,
                    };
                    self.batch.append(|scratch| {
                        style.encode(&header, scratch);
                        Ok(())
                    })?;
                    self.add(piece, from, len)?;
                    from += len;
                    tcp.sequence = tcp.sequence.wrapping_add(len);
                    tcp.is_start = false;
                }
                Ok(())
            }
            Framing::Pcap => {
                if stream.content.written == 0 {
                    let link_type = stream.link_type.0;
                    self.batch.append(|scratch| {
                        pcap_header(link_type, scratch);
                        Ok(())
                    })?;
                }
                self.batch.append(|scratch| {
                    record_header(piece, scratch);
                    Ok(())
                })?;
                self.add(piece, 0, piece.len())
            }
        }
    }

    /// Notes from time to time where a stream offset stands in the file: between headers it
    /// cannot be calculated.
    fn note_run(&self, written: &mut u64, rare: &mut Option<Box<Rare>>, offset: u64) {
        let last = rare.as_ref().and_then(|rare| rare.runs.last());
        let (part, at) = last.map_or((0, 0), |run| (run.part, run.at));
        let current = rare.as_ref().map_or(0, |rare| rare.part);
        if part == current && *written - at >= RUN_LEN {
            rare.get_or_insert_default().runs.push(Run {
                offset,
                part,
                at: *written,
            });
        }
    }

    /// What the header of a piece's segment says, for the first byte of the piece.
    fn tcp_fields(&self, piece: &Payload, meta: Meta) -> Result<TcpFields, Error> {
        let mut header = Vec::with_capacity(20);
        piece.append_header(&self.source, &mut header)?;
        let segment = Segment::parse(&header).unwrap_or_default();
        let behind = piece.skip().saturating_sub(segment.header_len);
        let scale = if segment.has(Segment::SYN) {
            0
        } else {
            meta.window_scale
        };
        let [_, flags] = segment.flags.to_be_bytes();
        Ok(TcpFields {
            sequence: segment.payload_sequence().wrapping_add(behind),
            acknowledgment: segment.acknowledgment,
            window: u32::from(segment.window) << scale,
            flags,
            is_start: false,
            is_reassembled: piece.has_waited(),
        })
    }

    fn add(&mut self, piece: &Payload, from: u32, len: u32) -> Result<(), Error> {
        if piece.is_lost() {
            self.batch.push(Span::Zeros(len as usize), len as usize);
            return Ok(());
        }
        let start = piece.position().behind(u64::from(piece.skip() + from));
        let in_window = self.source.place_in_window(start, len as usize);
        match in_window.filter(|_| piece.is_only_in_window()) {
            Some(range) => {
                self.batch.push(Span::Window(range), len as usize);
                Ok(())
            }
            None => {
                let source = self.source;
                self.batch
                    .append(|scratch| piece.append(from, len, &source, scratch))
            }
        }
    }

    /// Compares bytes that came again with those that were delivered, and counts what differs.
    /// `file` opens the part of the stream that is written already.
    pub(super) fn compare(
        &mut self,
        stream: &mut Stream,
        protocol: u8,
        file: &dyn Fn(u32) -> Result<File, Error>,
    ) -> Result<(), Error> {
        let Some(rare) = &mut stream.content.rare else {
            return Ok(());
        };
        let repeated = std::mem::take(&mut rare.repeated);
        if repeated.is_empty() {
            return Ok(());
        }
        let framing = Framing::of(self.rules, protocol);
        let written = stream.written_offset();
        let pending = std::mem::take(&mut stream.content.pending);
        let mut pending = by_offset(pending, written);
        let compared = self.compare_all(
            stream.content.rare(),
            &mut pending,
            written,
            repeated,
            framing,
            file,
        );
        stream.content.pending = pending.into_values().collect();
        compared
    }

    fn compare_all(
        &self,
        rare: &mut Rare,
        pending: &mut BTreeMap<u64, Payload>,
        written: u64,
        repeated: Vec<(u64, Payload)>,
        framing: Framing,
        file: &dyn Fn(u32) -> Result<File, Error>,
    ) -> Result<(), Error> {
        for (offset, piece) in repeated {
            let mut found = Found::default();
            let end = offset + u64::from(piece.len());
            if offset < written {
                let old = piece.part(0, len_u32(end.min(written) - offset));
                self.compare_written(rare, framing, offset, &old, file, &mut found)?;
            }
            // Gaps that were given up stay: what comes for them is late.
            let mut from = offset.max(written);
            while from < end {
                let before = pending.range(..=from).next_back();
                let gap_end = before
                    .filter(|(_, other)| other.is_lost())
                    .map_or(0, |(start, other)| start + u64::from(other.len()));
                let mut stop = end.min(gap_end);
                if gap_end > from {
                    found.late += stop - from;
                } else {
                    let next_gap = pending.range(from..end).find(|(_, other)| other.is_lost());
                    stop = next_gap.map_or(end, |(start, _)| *start);
                    let new = piece.part(len_u32(from - offset), len_u32(stop - offset));
                    self.compare_pending(pending, from, &new, &mut found)?;
                }
                from = stop;
            }
            rare.conflicts += u64::from(found.differs && !piece.is_counted());
            rare.late += found.late;
            rare.retransmitted = rare.retransmitted.saturating_sub(found.late);
        }
        Ok(())
    }

    /// Compares a piece with pending ones, among which there is no gap; where the last bytes count,
    /// it replaces those that differ.
    fn compare_pending(
        &self,
        pending: &mut BTreeMap<u64, Payload>,
        offset: u64,
        piece: &Payload,
        found: &mut Found,
    ) -> Result<(), Error> {
        let end = offset + u64::from(piece.len());
        let first = pending.range(..=offset).next_back();
        let first = first.map_or(offset, |(start, _)| *start);
        let mut reaching_over = Vec::new();
        let mut differs = false;
        let mut scratch = (Vec::new(), Vec::new());
        for (&start, other) in pending.range(first..end) {
            let (at, stop) = (start.max(offset), end.min(start + u64::from(other.len())));
            if at >= stop {
                continue;
            }
            let (from, len) = (len_u32(at - start), len_u32(stop - at));
            let mine = piece.part(len_u32(at - offset), len_u32(stop - offset));
            let theirs = other.read(from, len, &self.source, &mut scratch.0)?;
            differs |= mine.read(0, len, &self.source, &mut scratch.1)? != theirs;
            if at > start {
                reaching_over.push((start, other.part(0, from)));
            }
            let behind = from + len;
            if behind < other.len() {
                reaching_over.push((stop, other.part(behind, other.len())));
            }
        }
        found.differs |= differs;
        if differs && self.rules.overlap == Overlap::Last {
            // In one piece, so that segments that overlap over and over are not cut ever smaller.
            let covered: Vec<u64> = pending.range(first..end).map(|(start, _)| *start).collect();
            let reaches = |start: &u64, other: &Payload| start + u64::from(other.len()) > offset;
            for start in covered {
                if pending
                    .get(&start)
                    .is_some_and(|other| reaches(&start, other))
                {
                    pending.remove(&start);
                }
            }
            pending.extend(reaching_over);
            pending.insert(offset, piece.clone());
        }
        Ok(())
    }

    fn compare_written(
        &self,
        rare: &Rare,
        framing: Framing,
        offset: u64,
        piece: &Payload,
        file: &dyn Fn(u32) -> Result<File, Error>,
        found: &mut Found,
    ) -> Result<(), Error> {
        let mut scratch = Vec::new();
        let bytes = piece.read(0, piece.len(), &self.source, &mut scratch)?;
        let mut opened: Option<(u32, File)> = None;
        let end = offset + u64::from(piece.len());
        let mut at = offset;
        while at < end {
            let gap = rare.gaps.partition_point(|gap| gap.offset + gap.len <= at);
            let next_gap = rare.gaps.get(gap);
            if let Some(gap) = next_gap.filter(|gap| gap.offset <= at) {
                let stop = end.min(gap.offset + gap.len);
                found.late += stop - at;
                at = stop;
                continue;
            }
            let index = rare.runs.partition_point(|run| run.offset <= at);
            let run = index.checked_sub(1).and_then(|index| rare.runs.get(index));
            let run = run.copied().unwrap_or_default();
            let next_run = rare.runs.get(index).map_or(end, |run| run.offset);
            let stop = end
                .min(next_gap.map_or(end, |gap| gap.offset))
                .min(next_run);
            if opened.as_ref().is_none_or(|(part, _)| *part != run.part) {
                opened = Some((run.part, file(run.part)?));
            }
            let Some((_, file)) = &opened else { break };
            let compared = || -> io::Result<u64> {
                let (place, len) = locate(file, framing, run, at)?;
                let len = (stop - at).min(len).max(1);
                let range = usize::try_from(at - offset).unwrap_or(0);
                let mine = bytes
                    .get(range..range + usize::try_from(len).unwrap_or(0))
                    .unwrap_or_default();
                let mut theirs = vec![0; mine.len()];
                file.read_exact_at(&mut theirs, place)?;
                if mine != theirs {
                    found.differs = true;
                    if self.rules.overlap == Overlap::Last {
                        file.write_all_at(mine, place)?;
                    }
                }
                Ok(len)
            };
            let mut compared = compared;
            at += compared()
                .map_err(|error| Error::io("compare with", Path::new("a stream's file"), error))?;
        }
        Ok(())
    }
}

/// What comparing bytes found.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    differs: bool,
    /// Bytes for a gap that was given up before they came.
    late: u64,
}

/// Pieces by their stream offsets, the first of which is `first`.
fn by_offset(pieces: Vec<Payload>, first: u64) -> BTreeMap<u64, Payload> {
    let mut next = first;
    let with_offset = pieces.into_iter().map(|piece| {
        let start = next;
        next += u64::from(piece.len());
        (start, piece)
    });
    with_offset.collect()
}

/// Where in a file the byte of a stream offset stands, and how many follow it without a header.
fn locate(file: &File, framing: Framing, run: Run, offset: u64) -> io::Result<(u64, u64)> {
    let Framing::Headers(style) = framing else {
        return Ok((run.at + (offset - run.offset), u64::MAX));
    };
    let mut header = vec![0; style.header_len()];
    let (mut place, mut start) = (run.at, run.offset);
    loop {
        file.read_exact_at(&mut header, place)?;
        let len = style
            .decode(&header)
            .map_or(0, |header| u64::from(header.len));
        let payload = place + header.len() as u64;
        if offset < start + len {
            return Ok((payload + (offset - start), start + len - offset));
        }
        if len == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        place = payload + len;
        start += len;
    }
}

impl Batch {
    fn push(&mut self, span: Span, len: usize) {
        self.spans.push(span);
        self.len += len;
    }

    /// Adds bytes that `fill` appends to the scratch bytes.
    fn append(
        &mut self,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = self.scratch.len();
        fill(&mut self.scratch)?;
        let end = self.scratch.len();
        self.len += end - start;
        // Neighbours are one span.
        match self.spans.last_mut() {
            Some(Span::Scratch(range)) if range.end == start => range.end = end,
            _ => self.spans.push(Span::Scratch(start..end)),
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.spans.len() >= MOST_SPANS || self.scratch.len() >= MOST_SCRATCH
    }

    fn write(&mut self, window: &[u8], part: u32, output: &mut dyn Output) -> Result<(), Error> {
        let mut slices = Vec::with_capacity(self.spans.len());
        for span in &self.spans {
            match span {
                Span::Window(range) => slices.extend(window.get(range.clone()).map(IoSlice::new)),
                Span::Scratch(range) => {
                    slices.extend(self.scratch.get(range.clone()).map(IoSlice::new));
                }
                Span::Zeros(len) => {
                    let mut left = *len;
                    while left > 0 {
                        let len = left.min(ZEROS.len());
                        slices.extend(ZEROS.get(..len).map(IoSlice::new));
                        left -= len;
                    }
                }
            }
        }
        if !slices.is_empty() {
            output.write(part, &mut slices)?;
        }
        drop(slices);
        self.spans.clear();
        self.scratch.clear();
        self.len = 0;
        Ok(())
    }
}

/// Writes to the files of a folder, which are open only meanwhile.
pub(super) struct ToFolder<'a> {
    pub(super) folder: &'a Folder,
    pub(super) shard: usize,
    pub(super) stream: u32,
    pub(super) open: Option<(u32, File)>,
    /// What the file is called.
    pub(super) name: &'a str,
    /// The part to which something was written before.
    pub(super) started: Option<u32>,
}

impl Output for ToFolder<'_> {
    fn write(&mut self, part: u32, bytes: &mut [IoSlice<'_>]) -> Result<(), Error> {
        let (folder, name) = (self.folder, self.name);
        let failed = |error| Error::io("write", &folder.path_of(&name_of_part(name, part)), error);
        if self.open.as_ref().is_none_or(|(open, _)| *open != part) {
            let id = FileId {
                shard: self.shard,
                stream: self.stream,
                part,
            };
            let is_first = self.started != Some(part);
            self.started = Some(part);
            let file = folder.append(id, &name_of_part(name, part), is_first);
            self.open = Some((part, file.map_err(failed)?));
        }
        let Some((_, file)) = &mut self.open else {
            return Ok(());
        };
        write_all(file, bytes).map_err(failed)
    }
}

/// The parts behind gaps, where these split a stream.
pub(super) fn name_of_part(name: &str, part: u32) -> String {
    match part {
        0 => name.to_owned(),
        part => format!("{name}.gap{part}"),
    }
}

/// Writes all of some slices, however many there are.
pub(super) fn write_all(out: &mut impl Write, mut bytes: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write_vectored(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut bytes, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The header of a capture with times in nanoseconds
/// (draft-ietf-opsawg-pcap, section 4), in little-endian byte order.
fn pcap_header(link_type: u16, out: &mut Vec<u8>) {
    const MAGIC_NANOS: u32 = 0xa1b2_3c4d;
    const SNAPLEN: u32 = 262_144;
    out.extend_from_slice(&MAGIC_NANOS.to_le_bytes());
    out.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&SNAPLEN.to_le_bytes());
    out.extend_from_slice(&u32::from(link_type).to_le_bytes());
}

/// The header of a packet in such a capture (section 5).
fn record_header(piece: &Payload, out: &mut Vec<u8>) {
    let Nanos(time) = piece.time;
    let seconds = u32::try_from(time.div_euclid(1_000_000_000)).unwrap_or(u32::MAX);
    let nanos = u32::try_from(time.rem_euclid(1_000_000_000)).unwrap_or(0);
    let wire_len = piece.len().saturating_add(piece.missing());
    for field in [seconds, nanos, piece.len(), wire_len] {
        out.extend_from_slice(&field.to_le_bytes());
    }
}

fn len_u32(len: u64) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

const FILE_HEADER_LEN: u64 = 24;
const RECORD_HEADER_LEN: u64 = 16;
/// How much of a file is gone through at most to find a place between headers.
const RUN_LEN: u64 = 64 * 1024;
/// Spans that the system takes in one call (`IOV_MAX`).
const MOST_SPANS: usize = 1024;
const MOST_SCRATCH: usize = 1024 * 1024;
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
