//! Parts that are found by their headers, and unpacked together by one thread.

use super::bounds::{BGZF_FLAGS, Scan, ZstdFrame, bgzf_block, skippable_frame};
use super::magic::{Compression, is_skippable};
use super::packed::Packed;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::ops::Range;

/// A run of packed bytes, and what is in them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Parts, and what is to be skipped between them, as they are in the input.
    packed: Vec<u8>,
    parts: Vec<Part>,
    /// `content[..filled]` is the content of the parts that were unpacked.
    content: Vec<u8>,
    filled: usize,
    /// The most that the parts can hold.
    room: usize,
    /// Where the first part starts that could not be unpacked.
    failed: Option<usize>,
}

/// What can be unpacked by itself.
#[derive(Debug)]
struct Part {
    kind: Kind,
    packed: Range<usize>,
    /// The most that it may hold.
    room: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Bgzf,
    Zstd,
}

impl Batch {
    /// Takes parts until there are `enough` bytes of them, packed or not; `false` if something else
    /// comes first. None of them is larger than `part_most`.
    pub(super) fn gather(&mut self, packed: &mut Packed, enough: usize, part_most: usize) -> bool {
        while self.room < enough && self.packed.len() < enough {
            let start = self.packed.len();
            let mut taking = Taking {
                most: start.saturating_add(part_most),
                packed,
                taken: &mut self.packed,
            };
            if let Some(part) = taking.part(part_most) {
                self.room += part.room;
                self.parts.push(part);
            } else {
                packed.put_back(self.packed.split_off(start));
                return false;
            }
        }
        true
    }

    /// Whether there is nothing in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The memory that it takes.
    pub(super) const fn weight(&self) -> usize {
        self.packed.len() + self.room
    }

    /// The compression of its last part.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.parts.last().map(|part| match part.kind {
            Kind::Bgzf => Compression::Gzip,
            Kind::Zstd => Compression::Zstd,
        })
    }

    /// Unpacked bytes.
    pub(super) fn content(&self) -> &[u8] {
        self.content.get(..self.filled).unwrap_or_default()
    }

    /// Whether all of it was unpacked.
    pub(super) const fn is_whole(&self) -> bool {
        self.failed.is_none()
    }

    /// Its packed bytes.
    pub(super) fn into_packed(self) -> Vec<u8> {
        self.packed
    }

    /// Its packed bytes, from the first part on that could not be unpacked.
    pub(super) fn into_rest(mut self) -> Vec<u8> {
        self.packed.split_off(self.failed.unwrap_or(0))
    }

    /// An empty one, which reuses memory unless that is much.
    pub(super) fn recycled(mut self, most: usize) -> Self {
        self.packed.clear();
        self.parts.clear();
        if self.packed.capacity() > most {
            self.packed = Vec::new();
        }
        if self.content.len() > most {
            self.content = Vec::new();
        }
        Self {
            packed: self.packed,
            parts: self.parts,
            content: self.content,
            ..Self::default()
        }
    }

    /// Unpacks the parts, up to the first that is not what its headers say.
    pub(super) fn unpack(&mut self, tools: &mut Tools) {
        if self.content.len() < self.room {
            // Zeroed by the system as its pages are touched: parts may hold less than they can.
            self.content = vec![0; self.room];
        }
        for part in &self.parts {
            let packed = self.packed.get(part.packed.clone()).unwrap_or_default();
            let end = self.filled + part.room;
            let content = self.content.get_mut(self.filled..end).unwrap_or_default();
            let unpacked = match part.kind {
                Kind::Bgzf => tools.bgzf_block(packed, content),
                Kind::Zstd => tools.zstd_frame(packed, content),
            };
            let Some(len) = unpacked else {
                self.failed = Some(part.packed.start);
                return;
            };
            self.filled += len;
        }
    }
}

/// What parts are unpacked with.
pub(super) struct Tools {
    deflate: Decompress,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Tools {
    pub(super) fn new() -> Self {
        Self {
            deflate: Decompress::new(false),
            zstd: None,
        }
    }

    /// Unpacks a block that holds exactly as much as there is room: its length, or `None` if it is
    /// not what it should be.
    fn bgzf_block(&mut self, packed: &[u8], content: &mut [u8]) -> Option<usize> {
        let &extra_len = packed.get(10..)?.first_chunk::<2>()?;
        let body = packed.get(12 + usize::from(u16::from_le_bytes(extra_len))..)?;
        let (deflated, trailer) = body.split_last_chunk::<8>()?;
        self.deflate.reset(false);
        let finish = FlushDecompress::Finish;
        let status = self.deflate.decompress(deflated, content, finish).ok()?;
        let mut crc = Crc::new();
        crc.update(content);
        let told = u64::from_le_bytes(*trailer);
        let found = u64::from(crc.sum()) | (content.len() as u64) << 32;
        let is_whole = status == Status::StreamEnd
            && self.deflate.total_in() == deflated.len() as u64
            && self.deflate.total_out() == content.len() as u64;
        (is_whole && told == found).then_some(content.len())
    }

    /// Unpacks a frame: the length of its content, or `None` if it is damaged or holds more than
    /// there is room.
    fn zstd_frame(&mut self, packed: &[u8], content: &mut [u8]) -> Option<usize> {
        if self.zstd.is_none() {
            self.zstd = zstd::bulk::Decompressor::new().ok();
        }
        let zstd = self.zstd.as_mut()?;
        zstd.decompress_to_buffer(packed, content).ok()
    }
}

/// Takes what it passes over.
struct Taking<'a> {
    packed: &'a mut Packed,
    taken: &'a mut Vec<u8>,
    /// As many bytes may be taken.
    most: usize,
}

impl Taking<'_> {
    /// Takes the next part, and the frames to be skipped before it.
    fn part(&mut self, most: usize) -> Option<Part> {
        loop {
            let head = self.packed.peek();
            match Compression::of(head) {
                Some(Compression::Gzip) if head.get(3) == Some(&BGZF_FLAGS) => {
                    let start = self.taken.len();
                    let room = bgzf_block(self)?;
                    return Some(self.part_from(start, Kind::Bgzf, room));
                }
                Some(Compression::Zstd) => {
                    let start = self.taken.len();
                    let room = self.zstd_frame(most)?;
                    return Some(self.part_from(start, Kind::Zstd, room));
                }
                Some(_) => return None,
                None if is_skippable(head) => skippable_frame(self)?,
                None => match self.packed.zeros() {
                    0 => return None,
                    zeros => self.pass(zeros as u64)?,
                },
            }
        }
    }

    /// Takes a frame: the most that it may hold.
    fn zstd_frame(&mut self, most: usize) -> Option<usize> {
        let most = most as u64;
        let frame = ZstdFrame::header(self)?;
        if frame.content.is_some_and(|it| it > most) {
            return None;
        }
        let blocks = frame.pass_blocks(self)?;
        // One that says too much is damaged; one that says nothing may hold too much.
        let room = frame.content.unwrap_or_else(|| most.min(blocks));
        usize::try_from(room).ok().filter(|_| room <= blocks)
    }

    fn part_from(&self, start: usize, kind: Kind, room: usize) -> Part {
        let packed = start..self.taken.len();
        Part { kind, packed, room }
    }
}

impl Scan for Taking<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.pass(N as u64)?;
        self.taken.last_chunk().copied()
    }

    fn pass(&mut self, len: u64) -> Option<()> {
        let left = self.most.saturating_sub(self.taken.len());
        let len = usize::try_from(len).ok().filter(|it| *it <= left)?;
        self.packed.take_into(self.taken, len)
    }
}
