//! Some records of a capture, as if the capture held nothing else.
//!
//! Where the places of records are known, only these are read: an excerpt is the capture's header,
//! the blocks that describe its packets, and the requested records, consecutively. It is a capture
//! itself, and is read like any other.

use super::compressed::Content;
use super::format::{Format, SideBlock, SideBlockKind, Start};
use super::mmap::MappedFile;
use crate::error::{Error, ErrorKind};
use crate::number::memory_usize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempPath;

/// What an excerpt is made of.
#[derive(Clone, Copy, Debug)]
pub struct Excerpted<'a> {
    /// Offset and length of each block that is no packet but describes some, in order.
    pub blocks: &'a [(u64, u32)],
    /// Offsets of records, in order, in the capture as it is when unpacked.
    pub records: &'a [u64],
}

/// Some records of a capture, to be read as a capture.
#[derive(Debug)]
pub struct Excerpt {
    capture_start: Start,
    map: Arc<ExcerptMap>,
    file: Option<MappedFile>,
    /// Bytes of the excerpt, from `start` on.
    buffer: Vec<u8>,
    start: u64,
    /// Bytes of a compressed capture that had to be unpacked.
    unpacked: u64,
    /// Where bytes of the capture were lost while the records were looked for.
    lost: Option<u64>,
}

/// Where the bytes of an excerpt are.
#[derive(Debug)]
pub struct ExcerptMap {
    path: PathBuf,
    extents: Vec<Extent>,
    len: u64,
    /// The file, if it is one of ours.
    _spool: Option<TempPath>,
}

/// A run of bytes: it ends where the next one starts.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// Where it starts in the excerpt.
    at: u64,
    /// And in the file.
    offset: u64,
}

impl Excerpt {
    /// Finds the requested records of a capture; each of them is looked at.
    ///
    /// Records of compressed captures are unpacked to a temporary file. Of others, up to `keep`
    /// bytes are kept in memory: if that is all, the capture is not read again.
    ///
    /// # Errors
    /// When the capture cannot be read, or has no record where one should be.
    pub fn new(path: &Path, wanted: Excerpted<'_>, keep: usize) -> Result<Self, Error> {
        let failed = |source| Error::io("read", path, source);
        let (mut unpacked, mut lost) = (0, None);
        let mut buffer = Vec::new();
        let (capture_start, map) = match Content::open(path).map_err(failed)? {
            Some(content) => {
                let mut bytes = Unpacked::new(content);
                let mut spool = Spool::new(path)?;
                let start = extents(path, wanted, &mut bytes, &mut |_, bytes| {
                    spool.out.write_all(bytes).map_err(Spool::failed)
                })?;
                unpacked = bytes.content.unpacked();
                (start, spool.finish()?)
            }
            None => {
                let file = File::open(path).map_err(failed)?;
                let mut bytes = MappedFile::new(file).map_err(failed)?;
                let mut map = ExcerptMap::new(path.to_owned(), None);
                let start = extents(path, wanted, &mut bytes, &mut |offset, bytes| {
                    map.add(offset, bytes.len() as u64);
                    if map.len <= keep as u64 {
                        buffer.extend_from_slice(bytes);
                    } else {
                        buffer = Vec::new();
                    }
                    Ok(())
                })?;
                lost = bytes.lost();
                (start, map)
            }
        };
        Ok(Self {
            capture_start,
            map: Arc::new(map),
            file: None,
            buffer,
            start: 0,
            unpacked,
            lost,
        })
    }

    /// How the whole capture starts. The excerpt's own bytes do not show it where the first block
    /// of the capture is damaged.
    pub(super) const fn capture_start(&self) -> &Start {
        &self.capture_start
    }

    /// Where its bytes are.
    pub const fn map(&self) -> &Arc<ExcerptMap> {
        &self.map
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.map.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the file ends now, if that is before the end that it had.
    pub(super) fn lost(&self) -> Option<u64> {
        let lost = self.file.as_ref().and_then(MappedFile::lost);
        self.lost.into_iter().chain(lost).min()
    }

    /// Bytes of content of a compressed capture that were unpacked to find the records.
    pub const fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// The excerpt's bytes from `from` on: at least `min_len` unless it ends before, about
    /// `target_len`.
    pub(super) fn view(
        &mut self,
        from: u64,
        min_len: usize,
        target_len: usize,
    ) -> io::Result<&[u8]> {
        let wanted = target_len.min(BUFFER_LEN).max(min_len) as u64;
        let end = self.map.len.min(from.saturating_add(wanted));
        if from >= end {
            return Ok(&[]);
        }
        let held = self.start..self.start + self.buffer.len() as u64;
        if !(held.contains(&from) && held.end >= end) {
            let kept = if held.contains(&from) {
                memory_usize(from - held.start)
            } else {
                self.buffer.len()
            };
            self.buffer.drain(..kept.min(self.buffer.len()));
            self.start = from;
            self.fill(end)?;
        }
        let skipped = usize::try_from(from - self.start).map_err(io::Error::other)?;
        let len = usize::try_from(end - from).map_err(io::Error::other)?;
        self.buffer
            .get(skipped..skipped + len)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Appends the bytes before `end` that are not in the buffer.
    fn fill(&mut self, end: u64) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = MappedFile::new(File::open(&self.map.path)?)?;
                self.file.insert(file)
            }
        };
        let from = self.start + self.buffer.len() as u64;
        for (offset, len) in self.map.runs(from, end) {
            let mut done = 0;
            while done < len {
                let bytes = file.at(offset + done, MAPPED_LEN)?;
                let some = memory_usize((bytes.len() as u64).min(len - done));
                if some == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.buffer.extend(bytes.iter().take(some));
                done += some as u64;
            }
        }
        Ok(())
    }
}

impl ExcerptMap {
    const fn new(path: PathBuf, spool: Option<TempPath>) -> Self {
        Self {
            path,
            extents: Vec::new(),
            len: 0,
            _spool: spool,
        }
    }

    /// Adds bytes that are after all others in the file.
    fn add(&mut self, offset: u64, len: u64) {
        let goes_on = self
            .extents
            .last()
            .is_some_and(|last| last.offset + (self.len - last.at) == offset);
        if !goes_on {
            let at = self.len;
            self.extents.push(Extent { at, offset });
        }
        self.len += len;
    }

    /// The file that has the bytes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Offset and length in the file, of each run of bytes between two places.
    fn runs(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
        let first = self.extents.partition_point(|extent| extent.at <= from);
        let extents = self.extents.get(first.saturating_sub(1)..);
        let extents = extents.unwrap_or_default();
        let ends = extents.iter().skip(1).map(|next| next.at);
        extents
            .iter()
            .zip(ends.chain([self.len]))
            .take_while(move |(extent, _)| extent.at < to)
            .map(move |(extent, end)| {
                let (start, end) = (extent.at.max(from), end.min(to));
                (
                    extent.offset + (start - extent.at),
                    end.saturating_sub(start),
                )
            })
    }

    /// Reads some of the excerpt again, from the file that has its bytes.
    ///
    /// # Errors
    /// When reading fails, or the excerpt ends before.
    pub fn read_exact_at(&self, file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.saturating_add(bytes.len() as u64);
        if end > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = bytes;
        for (offset, len) in self.runs(at, end) {
            let len = usize::try_from(len).map_err(io::Error::other)?;
            let (some, others) = rest.split_at_mut(len.min(rest.len()));
            file.read_exact_at(some, offset)?;
            rest = others;
        }
        Ok(())
    }
}

/// A temporary file that takes what is unpacked.
struct Spool {
    out: BufWriter<File>,
    path: TempPath,
}

impl Spool {
    fn new(name: &Path) -> Result<Self, Error> {
        let file = tempfile::NamedTempFile::new()
            .map_err(|error| Error::io("make a temporary file for", name, error))?;
        let (file, path) = file.into_parts();
        let out = BufWriter::new(file);
        Ok(Self { out, path })
    }

    fn failed(source: io::Error) -> Error {
        Error::io("write", Path::new("a temporary file"), source)
    }

    fn finish(self) -> Result<ExcerptMap, Error> {
        let file = self
            .out
            .into_inner()
            .map_err(|it| Self::failed(it.into_error()))?;
        let len = file.metadata().map_err(Self::failed)?.len();
        let mut map = ExcerptMap::new(self.path.to_path_buf(), Some(self.path));
        map.add(0, len);
        Ok(map)
    }
}

/// Bytes of a capture, requested in order.
trait Source {
    /// Bytes from a place on: at least `len`, unless the capture ends before.
    fn at(&mut self, offset: u64, len: usize) -> io::Result<&[u8]>;
}

impl Source for MappedFile {
    fn at(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        Self::at(self, offset, len)
    }
}

/// The content of a compressed capture, and the part of it that was requested last.
struct Unpacked {
    content: Content,
    bytes: Vec<u8>,
    start: u64,
}

impl Unpacked {
    const fn new(content: Content) -> Self {
        Self {
            content,
            bytes: Vec::new(),
            start: 0,
        }
    }
}

impl Source for Unpacked {
    fn at(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        // Earlier bytes are not requested again.
        let behind = offset
            .checked_sub(self.start)
            .and_then(|it| usize::try_from(it).ok());
        let passed = behind.map_or(self.bytes.len(), |it| it.min(self.bytes.len()));
        self.bytes.drain(..passed);
        self.start = offset;
        let mut filled = self.bytes.len();
        self.bytes.resize(filled.max(len), 0);
        while filled < len {
            let Some(rest) = self.bytes.get_mut(filled..) else {
                break;
            };
            match self.content.read_at(offset + filled as u64, rest) {
                Ok(0) => break,
                Ok(some) => filled += some,
                // The requested bytes may precede the damage.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        self.bytes.truncate(filled);
        Ok(&self.bytes)
    }
}

/// Takes offset and bytes of a part of an excerpt.
type See<'s> = dyn FnMut(u64, &[u8]) -> Result<(), Error> + 's;

/// Shows where the parts of an excerpt are, and their bytes, in order; returns how the capture
/// starts.
fn extents(
    path: &Path,
    wanted: Excerpted<'_>,
    bytes: &mut dyn Source,
    see: &mut See<'_>,
) -> Result<Start, Error> {
    let failed = |source| Error::io("read", path, source);
    let no_record = |offset| {
        Error::from(ErrorKind::NoRecord {
            path: path.to_owned(),
            offset,
        })
    };
    let head = bytes.at(0, Format::PROBE_LEN).map_err(failed)?;
    let len = Format::probe_len(head);
    let head = bytes.at(0, len).map_err(failed)?;
    let start = Start::of(head).map_err(|_why| no_record(0))?;
    see(0, &start.header)?;
    let mut format = start.format.clone();
    let mut end = start.header.len() as u64;
    let mut blocks = wanted.blocks.iter().copied().peekable();
    let mut records = wanted.records.iter().copied().peekable();
    loop {
        let block = blocks.peek().map_or(u64::MAX, |block| block.0);
        let record = records.peek().copied().unwrap_or(u64::MAX);
        let offset = block.min(record);
        if offset == u64::MAX {
            return Ok(start);
        }
        if offset < end {
            return Err(no_record(offset));
        }
        let len = if block < record {
            let len = blocks.next().map_or(0, |block| block.1 as usize);
            let bytes = bytes.at(offset, len).map_err(failed)?;
            let block = bytes.get(..len).ok_or_else(|| no_record(offset))?;
            let side_block = SideBlock {
                start: 0,
                len,
                kind: SideBlockKind::Other,
            };
            format = format.behind(block, &side_block);
            see(offset, block)?;
            len
        } else {
            records.next();
            let mut len = None;
            // Nearly all records are far shorter than the longest that there may be.
            for look in [USUAL_RECORD_LEN, Format::MAX_RECORD_LEN] {
                let bytes = bytes.at(offset, look).map_err(failed)?;
                if let Some(record) = format.record_at(bytes, 0) {
                    see(offset, bytes.get(..record.len).unwrap_or_default())?;
                    len = Some(record.len);
                    break;
                }
            }
            len.ok_or_else(|| no_record(offset))?
        };
        end = offset + len as u64;
    }
}

/// A maximal packet and its header.
const USUAL_RECORD_LEN: usize = 66 * 1024;
/// Bytes gathered at a time.
const BUFFER_LEN: usize = 16 * 1024 * 1024;
/// Bytes looked at in one piece.
const MAPPED_LEN: usize = 1024 * 1024;
