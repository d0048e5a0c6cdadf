//! From pieces to the bytes of files.

use super::content::{FileState, Rare, Run};
use super::options::StreamRules;
use crate::capture::Nanos;
use crate::decode::NetworkKey;
use crate::decode::protocol::TCP;
use crate::error::Error;
use crate::number::flow_id_u32;
use crate::output::stream::{FileId, Folder, HeaderStyle, RecordHeader, TcpFields};
use crate::stream::{Direction, MOST_RECENT, PayloadSpan, RecentPiece, SpanSource};
use crate::tcp::{Extent, Piece, Segment};
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::ops::Range;
use std::time::Duration;

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
        match (rules.as_pcap, rules.headers_of(protocol)) {
            (true, _) => Self::Pcap,
            (false, Some(style)) => Self::Headers(style),
            (false, None) => Self::Raw,
        }
    }
}

impl Framing {
    /// How many bytes a piece becomes; `is_first` says that nothing is in its file yet.
    pub(super) fn len_of(self, piece: &PayloadSpan, is_first: bool) -> u64 {
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
    pub(super) source: SpanSource<'a>,
    pub(super) rules: &'a StreamRules,
    /// Whether more may come for what is written: the last pieces are noted.
    notes_recent: bool,
    /// Where the segment of the current piece is in the batch, if it had to be read for that.
    loaded: Option<usize>,
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
    /// Addresses, ports and protocol, seen from its sender.
    pub(super) network: NetworkKey,
    /// Shift of the window, as this side's SYN offers it.
    pub(super) window_scale: u8,
}

impl<'a> Writer<'a> {
    pub(super) fn new(source: SpanSource<'a>, rules: &'a StreamRules) -> Self {
        Self {
            source,
            rules,
            notes_recent: false,
            loaded: None,
            batch: Batch::default(),
        }
    }

    /// The same where more may come: copies of what is written may take its place.
    pub(super) fn noting_recent(self) -> Self {
        Self {
            notes_recent: self.rules.judges_copies(),
            ..self
        }
    }

    /// Writes all that is pending of a stream. Returns how many bytes that is.
    pub(super) fn write(
        &mut self,
        stream: &mut Direction<FileState>,
        meta: Meta,
        output: &mut dyn Output,
    ) -> Result<u64, Error> {
        let framing = Framing::of(self.rules, meta.network.protocol);
        let mut offset = stream.state.content.written_offset(stream.tcp.delivered());
        let pending = std::mem::take(&mut stream.state.content.pending);
        let mut part = stream
            .state
            .content
            .rare
            .as_ref()
            .map_or(0, |rare| rare.part);
        let mut total = 0;
        let notes = self.notes_recent && meta.network.protocol == TCP;
        let first_noted = pending.len().saturating_sub(MOST_RECENT);
        let noted = if notes {
            pending.len() - first_noted
        } else {
            0
        };
        let mut recent = Vec::with_capacity(noted);
        for (index, piece) in pending.iter().enumerate() {
            self.loaded = None;
            if notes && index >= first_noted {
                recent.push(self.recent_piece(piece, &meta.network)?);
            }
            let is_gap = piece.is_lost() && !piece.is_filled();
            if is_gap {
                if self.rules.splits(stream.state.content.written, offset) {
                    self.batch.write(self.source.window, part, output)?;
                    part += 1;
                    stream.state.content.written = 0;
                    stream.state.content.rare().part = part;
                }
            } else {
                let before = self.batch.len;
                self.frame(stream, framing, meta, offset, piece)?;
                let written = (self.batch.len - before) as u64;
                stream.state.content.written += written;
                total += written;
            }
            offset += u64::from(piece.len());
            if is_gap {
                let at = stream.state.content.written;
                stream
                    .state
                    .content
                    .rare()
                    .runs
                    .push(Run { offset, part, at });
            }
            if self.batch.is_full() {
                self.batch.write(self.source.window, part, output)?;
            }
        }
        self.batch.write(self.source.window, part, output)?;
        if notes {
            stream.state.content.recent.extend(recent);
        }
        Ok(total)
    }

    /// Notes a piece that is about to be written. If its segment is not in memory, it is read once: the
    /// header to be noted, and the payload to be written.
    fn recent_piece(
        &mut self,
        piece: &PayloadSpan,
        network: &NetworkKey,
    ) -> Result<RecentPiece, Error> {
        if !piece.is_checkable() {
            return Ok(RecentPiece::new(piece, network, None));
        }
        let mut segment = piece.segment(&self.source);
        if segment.is_none() {
            let start = self.batch.scratch.len();
            piece.append_segment(&self.source, &mut self.batch.scratch)?;
            self.loaded = Some(start);
            segment = self.batch.scratch.get(start..);
        }
        Ok(RecentPiece::new(piece, network, segment))
    }

    /// Adds a piece with what stands in front of it.
    fn frame(
        &mut self,
        stream: &mut Direction<FileState>,
        framing: Framing,
        meta: Meta,
        offset: u64,
        piece: &PayloadSpan,
    ) -> Result<(), Error> {
        match framing {
            Framing::Raw => self.add(piece, 0, piece.len()),
            Framing::Headers(style) => {
                self.note_run(
                    &mut stream.state.content.written,
                    &mut stream.state.content.rare,
                    offset,
                );
                let mut tcp = TcpFields::default();
                if style == HeaderStyle::Extended
                    && meta.network.protocol == TCP
                    && !piece.is_lost()
                {
                    tcp = self.tcp_fields(piece, meta)?;
                    tcp.is_start = offset == 0 && stream.tcp.initial_sequence().is_some();
                }
                let mut from = 0;
                while from < piece.len() {
                    let len = (piece.len() - from).min(style.max_payload());
                    let header = RecordHeader {
                        time: piece.time(),
                        len,
                        stream_id: flow_id_u32(meta.flow_id),
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
                if stream.state.content.written == 0 {
                    let link_type = stream.state.link_type.unwrap_or_default().0;
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
    fn tcp_fields(&self, piece: &PayloadSpan, meta: Meta) -> Result<TcpFields, Error> {
        let mut header = Vec::with_capacity(20);
        piece.append_header(&self.source, &mut header)?;
        let segment = Segment::parse(&header).unwrap_or_default();
        let behind = piece.skip().saturating_sub(segment.header_len);
        let is_scaled = piece.is_scaled() && !segment.has(Segment::SYN);
        let scale = if is_scaled { meta.window_scale } else { 0 };
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

    fn add(&mut self, piece: &PayloadSpan, from: u32, len: u32) -> Result<(), Error> {
        if piece.is_lost() {
            self.batch.push(Span::Zeros(len as usize), len as usize);
            return Ok(());
        }
        if let Some(start) = self.loaded {
            let start = start + (piece.skip() + from) as usize;
            let end = start + len as usize;
            self.batch.push(Span::Scratch(start..end), len as usize);
            return Ok(());
        }
        let start = piece.position().after(u64::from(piece.skip() + from));
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
            let file = patiently(|| folder.append(id, &name_of_part(name, part), is_first));
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

/// Opens a file; waits for other workers to close theirs where there are too many.
pub(super) fn patiently(open: impl Fn() -> io::Result<File>) -> io::Result<File> {
    let too_many = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    for _ in 0..MOST_TRIES {
        match open() {
            Err(error)
                if too_many
                    .iter()
                    .any(|it| error.raw_os_error() == Some(it.raw_os_error())) =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            opened => return opened,
        }
    }
    open()
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
fn record_header(piece: &PayloadSpan, out: &mut Vec<u8>) {
    let Nanos(time) = piece.time();
    // A time before 1970 or after 2106, which the field cannot hold, is the greatest that it can.
    let seconds = u32::try_from(time.div_euclid(1_000_000_000)).unwrap_or(u32::MAX);
    let nanos = u32::try_from(time.rem_euclid(1_000_000_000)).unwrap_or(0);
    let wire_len = piece.len().saturating_add(piece.missing());
    for field in [seconds, nanos, piece.len(), wire_len] {
        out.extend_from_slice(&field.to_le_bytes());
    }
}

const FILE_HEADER_LEN: u64 = 24;
const RECORD_HEADER_LEN: u64 = 16;
/// How much of a file is gone through at most to find a place between headers.
const RUN_LEN: u64 = 64 * 1024;
/// Ten seconds: a worker that holds a file closes it long before.
const MOST_TRIES: usize = 10_000;
/// Spans that the system takes in one call (`IOV_MAX`).
const MOST_SPANS: usize = 1024;
const MOST_SCRATCH: usize = 1024 * 1024;
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
