//! Where the payload of a segment is, and how it is read.
//!
//! Payload is not copied while it waits: bytes of a file can be read there again. Bytes that
//! cannot be read again (of pipes, of datagrams put together from fragments) are kept in memory,
//! and counted.

use crate::capture::{ExcerptMap, Nanos, Position};
use crate::decode::{Checksum, NetworkKey, checksum};
use crate::error::{Error, ErrorKind};
use crate::number::memory_usize;
use crate::tcp::Piece;
use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A run of payload bytes of one packet; or a packet's record; or bytes that were not captured.
/// It says where they are, and does not hold them.
#[derive(Clone, Debug)]
pub struct PayloadSpan {
    /// Position of the transport header in the captures, or of the captured bytes of a record;
    /// and flags.
    at: u64,
    kept: Option<Arc<Kept>>,
    /// When it was captured.
    time: Nanos,
    len: u32,
    /// Bytes between the start of the transport header and the payload; of a record, those that
    /// were not captured. Where a checksum can be computed again: the low half is that, and the
    /// high half the bytes of the segment after the payload.
    skip: u32,
}

const _: () = assert!(
    size_of::<PayloadSpan>() == 32,
    "one for each segment that waits"
);

/// Bytes that cannot be read again.
#[derive(Debug)]
pub(crate) struct Kept {
    bytes: Box<[u8]>,
    memory: Arc<AtomicU64>,
}

impl Kept {
    /// Keeps bytes, and counts them as long as they are kept.
    pub(crate) fn new(bytes: &[u8], memory: &Arc<AtomicU64>) -> Arc<Self> {
        memory.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Arc::new(Self {
            bytes: bytes.into(),
            memory: Arc::clone(memory),
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.memory
            .fetch_sub(self.bytes.len() as u64, Ordering::Relaxed);
    }
}

/// Kinds of spans, in `PayloadSpan::at`: payload is none of them.
const LOST: u64 = 1 << 63;
const RECORD: u64 = 1 << 61;
/// Payload of a segment whose checksum can be computed again: it was captured as a whole, and its
/// lengths fit into 16 bits.
const CHECKABLE: u64 = LOST | RECORD;
const KIND: u64 = LOST | RECORD;
/// Flags in `PayloadSpan::at`.
const WAITED: u64 = 1 << 62;
/// A lost run that zeros stand for.
const FILLED: u64 = 1 << 60;
/// A piece that came again, and has been counted as a conflict: none that is lost does.
const COUNTED: u64 = FILLED;
/// The window of its segment is scaled.
const SCALED: u64 = 1 << 59;
const FLAGS: u64 = KIND | WAITED | FILLED | SCALED;

impl PayloadSpan {
    /// Payload that starts `skip` bytes after the position of its transport header.
    pub(crate) const fn payload(header: PackedPosition, skip: u32, len: u32, time: Nanos) -> Self {
        Self {
            at: header.0,
            kept: None,
            time,
            len,
            skip,
        }
    }

    /// The same payload, which ends with its segment: all of this was captured.
    pub(crate) fn checkable(mut self) -> Self {
        if u64::from(self.skip) + u64::from(self.len) <= MOST_CHECKED {
            self.at |= CHECKABLE;
        }
        self
    }

    /// The captured bytes of a packet, of which `missing` were not captured.
    pub(crate) const fn record(data: PackedPosition, len: u32, missing: u32, time: Nanos) -> Self {
        Self {
            at: data.0 | RECORD,
            kept: None,
            time,
            len,
            skip: missing,
        }
    }

    /// The same bytes, kept in memory: they start with the transport header.
    pub(crate) fn with(self, kept: Arc<Kept>) -> Self {
        Self {
            kept: Some(kept),
            ..self
        }
    }

    /// Bytes that were not captured before a packet with this time.
    pub(crate) fn lost_before(len: u32, time: Nanos) -> Self {
        Self {
            time,
            ..Self::lost(len)
        }
    }

    /// When its packet was captured; of bytes that were not, the packet that followed them.
    pub const fn time(&self) -> Nanos {
        self.time
    }

    pub(crate) const fn position(&self) -> PackedPosition {
        PackedPosition(self.at & !FLAGS)
    }

    pub(crate) const fn has_waited(&self) -> bool {
        self.at & WAITED != 0
    }

    pub(crate) const fn set_scaled(&mut self) {
        self.at |= SCALED;
    }

    pub(crate) const fn is_scaled(&self) -> bool {
        self.at & SCALED != 0
    }

    pub(crate) const fn set_filled(&mut self) {
        self.at |= FILLED;
    }

    pub(crate) const fn is_filled(&self) -> bool {
        self.at & FILLED != 0
    }

    /// Notes that bytes that came again were found to differ already.
    pub(crate) const fn set_counted(&mut self) {
        self.at |= COUNTED;
    }

    pub(crate) const fn is_counted(&self) -> bool {
        self.at & COUNTED != 0
    }

    /// Of a record, how many bytes were not captured.
    pub(crate) const fn missing(&self) -> u32 {
        self.skip
    }

    /// Bytes between the start of the transport header and the payload.
    pub(crate) const fn skip(&self) -> u32 {
        match self.at & KIND {
            RECORD => 0,
            CHECKABLE => self.skip & 0xffff,
            _ => self.skip,
        }
    }

    /// Whether the checksum of its segment can be computed again.
    pub(crate) const fn is_checkable(&self) -> bool {
        self.at & KIND == CHECKABLE
    }

    /// Bytes from the start of the transport header to the end of the payload; where the checksum
    /// can be computed again, to the end of the segment.
    pub(crate) const fn segment_len(&self) -> u32 {
        let after = if self.is_checkable() {
            self.skip >> 16
        } else {
            0
        };
        self.skip() + self.len + after
    }

    /// What the checksum of its segment says, which was sent between these endpoints.
    ///
    /// # Errors
    /// When a file cannot be read again, or is another one now.
    pub fn checksum(
        &self,
        network: &NetworkKey,
        source: &SpanSource<'_>,
    ) -> Result<Checksum, Error> {
        if !self.is_checkable() {
            return Ok(Checksum::Unchecked);
        }
        let mut read = Vec::new();
        let segment = match self.segment(source) {
            Some(segment) => segment,
            None => {
                self.append_segment(source, &mut read)?;
                &read
            }
        };
        let NetworkKey {
            src, dst, protocol, ..
        } = *network;
        Ok(checksum(src, dst, protocol, segment))
    }

    /// Whether the bytes must be kept to be read later.
    pub(crate) const fn is_only_in_window(&self) -> bool {
        self.kept.is_none() && self.at & KIND != LOST
    }

    /// Whether the bytes are kept in memory.
    pub(crate) const fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Keeps the bytes in memory. They must be in the window.
    pub(crate) fn keep(&mut self, source: &SpanSource<'_>, memory: &Arc<AtomicU64>) {
        let len = self.segment_len() as usize;
        if let Some(bytes) = source.in_window(self.position(), len) {
            self.kept = Some(Kept::new(bytes, memory));
        }
    }

    /// Other bytes take the place of some of its own, from `from` on. Its checksum is none of theirs.
    pub(crate) fn replace(
        &mut self,
        from: u32,
        bytes: &[u8],
        source: &SpanSource<'_>,
    ) -> Result<(), Error> {
        let is_own = self
            .kept
            .as_mut()
            .is_some_and(|kept| Arc::get_mut(kept).is_some());
        if !is_own {
            let mut own = Vec::new();
            self.append_at(0, self.skip() + self.len, source, &mut own)?;
            self.kept = Some(Kept::new(&own, source.memory));
        }
        if self.is_checkable() {
            self.skip = self.skip();
            self.at &= !KIND;
        }
        let start = (self.skip() + from) as usize;
        let place = self
            .kept
            .as_mut()
            .and_then(Arc::get_mut)
            .and_then(|kept| kept.bytes.get_mut(start..start + bytes.len()));
        if let Some(place) = place {
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Some of its bytes, from `from` on: those in the window without a copy, others by way of
    /// `scratch`.
    ///
    /// # Errors
    /// When a file cannot be read again, or is another one now.
    pub fn read<'a>(
        &'a self,
        from: u32,
        len: u32,
        source: &SpanSource<'a>,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Error> {
        match self.place(self.skip() + from, len, source) {
            Some(bytes) => Ok(bytes),
            None => {
                scratch.clear();
                self.append(from, len, source, scratch)?;
                Ok(scratch)
            }
        }
    }

    /// Its bytes where they are in memory, counted from the transport header.
    pub(crate) fn place<'a>(
        &'a self,
        from: u32,
        len: u32,
        source: &SpanSource<'a>,
    ) -> Option<&'a [u8]> {
        let (from, len) = (from as usize, len as usize);
        match &self.kept {
            Some(kept) => kept.bytes.get(from..from + len),
            None => source.in_window(self.position().after(from as u64), len),
        }
    }

    /// Appends its bytes, from `from` on.
    pub(crate) fn append(
        &self,
        from: u32,
        len: u32,
        source: &SpanSource<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.append_at(self.skip() + from, len, source, out)
    }

    /// The bytes of its segment, from the transport header on, where they are in memory.
    pub(crate) fn segment<'a>(&'a self, source: &SpanSource<'a>) -> Option<&'a [u8]> {
        self.place(0, self.segment_len(), source)
    }

    /// Appends these bytes.
    pub(crate) fn append_segment(
        &self,
        source: &SpanSource<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.append_at(0, self.segment_len(), source, out)
    }

    /// Appends its transport header's fixed part, of 20 bytes.
    pub(crate) fn append_header(
        &self,
        source: &SpanSource<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.append_at(0, 20, source, out)
    }

    fn append_at(
        &self,
        from: u32,
        len: u32,
        source: &SpanSource<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if let Some(bytes) = self.place(from, len, source) {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        let start = out.len();
        out.resize(start + len as usize, 0);
        let place = out.get_mut(start..).unwrap_or_default();
        let position = self.position().after(u64::from(from));
        source.captures.read(position, place)
    }
}

impl Piece for PayloadSpan {
    fn len(&self) -> u32 {
        self.len
    }

    fn part(&self, from: u32, to: u32) -> Self {
        let after = if self.is_checkable() {
            (self.len - to) << 16
        } else {
            0
        };
        Self {
            len: to - from,
            skip: self.skip + from + after,
            ..self.clone()
        }
    }

    fn lost(len: u32) -> Self {
        Self {
            at: LOST,
            kept: None,
            time: Nanos(0),
            len,
            skip: 0,
        }
    }

    fn is_lost(&self) -> bool {
        self.at & KIND == LOST
    }

    fn set_waited(&mut self) {
        self.at |= WAITED;
    }
}

/// A [`Position`] in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackedPosition(u64);

impl PackedPosition {
    const OFFSET_BITS: u32 = 44;

    /// Inputs beyond this one share its number: they are never read again.
    const LAST_INPUT: u64 = (1 << 15) - 1;

    pub(crate) fn new(position: Position) -> Self {
        let input = (position.input as u64).min(Self::LAST_INPUT);
        Self((input << Self::OFFSET_BITS) | position.offset)
    }

    pub(crate) fn unpack(self) -> Position {
        Position {
            input: self.input(),
            offset: self.offset(),
        }
    }

    /// Whether a place in a file of that length can be packed, so that it can be read again.
    pub(crate) const fn can_hold(input: usize, file_len: u64) -> bool {
        (input as u64) < Self::LAST_INPUT && file_len < 1 << Self::OFFSET_BITS
    }

    pub(crate) const fn after(self, bytes: u64) -> Self {
        Self(self.0 + bytes)
    }

    /// Bytes from another position of the same input to this one.
    pub(crate) fn distance(self, from: Self) -> Option<usize> {
        let is_same = self.input() == from.input();
        let distance = is_same.then(|| self.0.checked_sub(from.0))??;
        usize::try_from(distance).ok()
    }

    fn input(self) -> usize {
        memory_usize(self.0 >> Self::OFFSET_BITS)
    }

    pub(crate) const fn offset(self) -> u64 {
        self.0 & ((1 << Self::OFFSET_BITS) - 1)
    }
}

/// Where payload is read from.
#[derive(Clone, Copy, Debug)]
pub struct SpanSource<'a> {
    /// The current window, and where it starts.
    pub(crate) window: &'a [u8],
    pub(crate) base: PackedPosition,
    /// Inputs that were read before.
    pub(crate) captures: &'a Captures,
    /// Bytes that are kept in memory.
    pub(crate) memory: &'a Arc<AtomicU64>,
}

impl<'a> SpanSource<'a> {
    /// Where bytes are in the window, if they are.
    pub(crate) fn place_in_window(
        &self,
        position: PackedPosition,
        len: usize,
    ) -> Option<Range<usize>> {
        let start = usize::try_from(position.0.checked_sub(self.base.0)?).ok()?;
        let end = start.checked_add(len)?;
        (end <= self.window.len()).then_some(start..end)
    }

    pub(crate) fn in_window(&self, position: PackedPosition, len: usize) -> Option<&'a [u8]> {
        self.window.get(self.place_in_window(position, len)?)
    }
}

/// The inputs of a run, to be read again.
#[derive(Debug, Default)]
pub(crate) struct Captures {
    files: RwLock<Vec<InputFile>>,
    /// A few that are open, the one used last at the end.
    open: Mutex<Vec<(usize, Arc<File>)>>,
}

/// An input, and what distinguishes it from another file under its name: device and number.
#[derive(Debug, Default)]
struct InputFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
    /// Where the input's bytes are in the file, if it is an excerpt.
    map: Option<Arc<ExcerptMap>>,
}

impl Captures {
    /// Adds the input with this ordinal. Those before it that were not added cannot be read.
    pub(crate) fn add(&self, input: usize, path: &Path, map: Option<&Arc<ExcerptMap>>) {
        let path = map.map_or(path, |it| it.path()).to_owned();
        let identity = path.metadata().ok().map(|it| (it.dev(), it.ino()));
        let map = map.cloned();
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.resize_with(input, InputFile::default);
        files.push(InputFile {
            path,
            identity,
            map,
        });
    }

    /// The input in which a position is, if that is a file as it is.
    pub(crate) fn path(&self, position: PackedPosition) -> Option<PathBuf> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let file = files.get(position.input())?;
        let is_file = file.map.is_none() && is_same(&file.path.metadata().ok()?, file);
        is_file.then(|| file.path.clone())
    }

    /// Reads bytes of a file that was mapped before.
    fn read(&self, position: PackedPosition, bytes: &mut [u8]) -> Result<(), Error> {
        let input = position.input();
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = files.get(input) else {
            let gone = std::io::ErrorKind::NotFound.into();
            return Err(Error::io("read again", Path::new("an input"), gone));
        };
        let failed = |source| Error::io("read again", &known.path, source);
        let file = self.file(input, known).map_err(failed)?;
        let read = match &known.map {
            Some(map) => map.read_exact_at(&file, bytes, position.offset()),
            None => file.read_exact_at(bytes, position.offset()),
        };
        read.map_err(|error| match (error.kind(), file.metadata()) {
            // It was longer when it was mapped.
            (std::io::ErrorKind::UnexpectedEof, Ok(now)) => ErrorKind::Lost {
                path: known.path.clone(),
                offset: now.len(),
            }
            .into(),
            _ => failed(error),
        })
    }

    fn file(&self, input: usize, known: &InputFile) -> std::io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = open.iter().find(|(number, _)| *number == input) {
            return Ok(Arc::clone(file));
        }
        let file = File::open(&known.path)?;
        if !is_same(&file.metadata()?, known) {
            return Err(std::io::Error::other(
                "another file has its name now; keep captures in place while they are read",
            ));
        }
        let file = Arc::new(file);
        if open.len() >= MOST_OPEN {
            open.remove(0);
        }
        open.push((input, Arc::clone(&file)));
        Ok(file)
    }
}

fn is_same(found: &Metadata, known: &InputFile) -> bool {
    known.identity == Some((found.dev(), found.ino()))
}

/// Bytes of the longest segment whose checksum is computed again.
const MOST_CHECKED: u64 = 0xffff;
/// Inputs that are open to be read again.
const MOST_OPEN: usize = 4;
