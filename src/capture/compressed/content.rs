//! The content of a compressed file, read at any place.

use super::bounds::{Scan, ZstdFrame, bgzf_block, skippable_frame};
use super::magic::{Compression, is_skippable};
use super::member::{Member, damaged};
use super::packed::Packed;
use crate::number::memory_usize;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// The content of a compressed file, which can be read at any place.
///
/// Reading moves forward: the content in between is unpacked, or skipped where headers give its
/// length (BGZF, and zstd whose frames give the lengths of their contents). To move backward is to
/// start again from a known earlier place, at worst from the file's start.
///
/// The lengths of skipped content are believed. Unpacked content must be as long as its header says:
/// if it is not, that is reported at its end.
pub struct Content {
    file: Arc<File>,
    /// Length of the file.
    len: u64,
    state: State,
    /// How far the state has come in the content.
    at: u64,
    /// `recent[..recent_len]` is the content before `at`.
    recent: Vec<u8>,
    recent_len: usize,
    /// The compression of the last member before the state.
    last: Compression,
    /// Starts of members, in order.
    marks: Vec<Place>,
    seeks: bool,
    unpacked: u64,
}

/// Where something starts, in the file and in the content.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    packed: u64,
    content: u64,
}

enum State {
    /// Between members, at this offset of the file; with what is read of it from there on.
    Between(u64, Option<Packed>),
    /// In a member.
    Inside(Box<Inside>),
    /// Behind all members.
    Ended,
    /// At damage.
    Failed(String),
}

struct Inside {
    member: Member,
    start: Place,
    /// Where the member ends in the file, if it is a block of BGZF: as it says.
    end: Option<u64>,
}

impl Content {
    /// Opens a regular file; `None` if it is not compressed.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let mut head = Vec::new();
        let most = Compression::MAGIC_LEN as u64;
        (&file).take(most).read_to_end(&mut head)?;
        let Some(last) = Compression::of_input(&head) else {
            return Ok(None);
        };
        let len = file.metadata()?.len();
        let mut first = Hop::new(&file, len, 0);
        let seeks = first.part(SEEKS_MOST).is_some() && first.offset < len;
        Ok(Some(Self {
            file: Arc::new(file),
            len,
            state: State::Between(0, None),
            at: 0,
            recent: vec![0; RECENT_LEN],
            recent_len: 0,
            last,
            marks: Vec::new(),
            seeks,
            unpacked: 0,
        }))
    }

    /// Whether the file starts as one whose parts can be passed over without unpacking them.
    pub const fn seeks(&self) -> bool {
        self.seeks
    }

    /// How many bytes of content were unpacked so far; those that were unpacked again included.
    pub const fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Reads the content from `offset`: as much as there is room for, or less before its end and
    /// before damage. Ascending offsets are cheapest.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged before `offset` or there.
    pub fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while let Some(room) = bytes.get_mut(count..).filter(|it| !it.is_empty()) {
            match self.content_from(offset.saturating_add(count as u64)) {
                Ok([]) => break,
                Ok(mut content) => count += content.read(room)?,
                // The next call reports it.
                Err(_) if count > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// Some bytes of the content from `offset`: none after its end.
    fn content_from(&mut self, offset: u64) -> io::Result<&[u8]> {
        if let Err(error) = self.reach(offset) {
            self.state = State::Failed(error.to_string());
            self.recent_len = 0;
            return Err(error);
        }
        let recent = self.recent.get(..self.recent_len).unwrap_or_default();
        let before = memory_usize(self.at.saturating_sub(offset));
        let from = recent.len().saturating_sub(before);
        Ok(recent.get(from..).unwrap_or_default())
    }

    /// Goes to where the content at `offset` is among what was unpacked last, or to the end.
    fn reach(&mut self, offset: u64) -> io::Result<()> {
        if offset < self.at - self.recent_len as u64 {
            self.go_back(offset);
        } else {
            self.leave_member(offset);
        }
        while offset >= self.at {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Between(place, packed) => self.enter_member(place, packed, offset)?,
                State::Inside(inside) => self.read_member(inside)?,
                State::Ended => break,
                State::Failed(text) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
            }
        }
        Ok(())
    }

    fn go_to(&mut self, place: Place, packed: Option<Packed>) {
        self.state = State::Between(place.packed, packed);
        if self.at != place.content {
            self.at = place.content;
            self.recent_len = 0;
        }
    }

    fn go_back(&mut self, offset: u64) {
        let behind = self.marks.partition_point(|it| it.content <= offset);
        let mark = self.marks.get(..behind).and_then(|it| it.last());
        self.go_to(mark.copied().unwrap_or_default(), None);
    }

    /// Leaves a member that is far from its end, where it can be passed over.
    fn leave_member(&mut self, offset: u64) {
        if let State::Inside(inside) = &self.state
            && offset.saturating_sub(self.at) > RECENT_LEN as u64
        {
            let start = inside.start;
            let behind = self.pass_over(start, offset);
            if behind.packed != start.packed {
                self.go_to(behind, None);
            }
        }
    }

    /// Skips parts from a place, while `offset` is not in them: the place after them.
    fn pass_over(&mut self, mut place: Place, offset: u64) -> Place {
        loop {
            let mut hop = Hop::new(&self.file, self.len, place.packed);
            let part = hop.part(offset - place.content);
            let end = hop.offset;
            let Some((compression, len)) = part else {
                return place;
            };
            self.mark(place);
            self.last = compression;
            place.packed = end;
            place.content += len;
        }
    }

    fn enter_member(&mut self, at: u64, packed: Option<Packed>, offset: u64) -> io::Result<()> {
        let here = Place {
            packed: at,
            content: self.at,
        };
        let place = self.pass_over(here, offset);
        let packed = packed.filter(|_| place.packed == at);
        let mut packed = packed.unwrap_or_else(|| self.packed_from(place.packed));
        self.go_to(place, None);
        let next = packed.next_member();
        let next = next.map_err(|error| damaged(self.last, &packed, &error))?;
        let Some(compression) = next else {
            self.state = State::Ended;
            return Ok(());
        };
        let start = Place {
            packed: packed.offset(),
            content: place.content,
        };
        self.mark(start);
        self.last = compression;
        let mut hop = Hop::new(&self.file, self.len, start.packed);
        let is_bgzf = compression == Compression::Gzip && bgzf_block(&mut hop).is_some();
        self.state = State::Inside(Box::new(Inside {
            end: is_bgzf.then_some(hop.offset),
            member: Member::new(packed, compression)?,
            start,
        }));
        Ok(())
    }

    fn packed_from(&self, offset: u64) -> Packed {
        let file = Arc::clone(&self.file);
        // Where parts are skipped, bytes that are read beyond one are wasted.
        let step = if self.seeks { STEP } else { STEPS * STEP };
        Packed::from_place(Box::new(Rest { file, offset }), offset, step)
    }

    fn read_member(&mut self, mut inside: Box<Inside>) -> io::Result<()> {
        self.recent_len = 0;
        match inside.member.read(&mut self.recent) {
            Ok(0) => {
                let compression = inside.member.compression();
                let packed = inside.member.into_packed();
                if inside.end.is_some_and(|it| it != packed.offset()) {
                    let error = io::Error::other("a block is not as long as it says");
                    return Err(damaged(compression, &packed, &error));
                }
                self.state = State::Between(packed.offset(), Some(packed));
            }
            Ok(count) => {
                self.at += count as u64;
                self.unpacked += count as u64;
                self.recent_len = count;
                self.state = State::Inside(inside);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.state = State::Inside(inside);
            }
            Err(error) => return Err(inside.member.damaged(&error)),
        }
        Ok(())
    }

    /// Keeps a place to come back to, unless there is one close before.
    fn mark(&mut self, place: Place) {
        let next = self.marks.last().map_or(0, |it| it.content + MARK_LEN);
        if place.content >= next {
            self.marks.push(place);
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("file", &self.file)
            .field("at", &self.at)
            .field("seeks", &self.seeks)
            .field("unpacked", &self.unpacked)
            .finish_non_exhaustive()
    }
}

/// A file from some place on.
struct Rest {
    file: Arc<File>,
    offset: u64,
}

impl Read for Rest {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(room, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Looks at headers, and reads nothing of what is between them.
struct Hop<'a> {
    file: &'a File,
    len: u64,
    offset: u64,
}

impl<'a> Hop<'a> {
    const fn new(file: &'a File, len: u64, offset: u64) -> Self {
        Self { file, len, offset }
    }

    /// Passes over what is to be skipped and then a part that says how much it holds, unless that is
    /// more than `most`: what it is, and how much it holds.
    fn part(&mut self, most: u64) -> Option<(Compression, u64)> {
        let mut head = [0; Compression::MAGIC_LEN];
        loop {
            self.file.read_exact_at(&mut head, self.offset).ok()?;
            if !is_skippable(&head) {
                break;
            }
            skippable_frame(self)?;
        }
        let compression = Compression::of(&head)?;
        let content = match compression {
            Compression::Gzip => bgzf_block(self)? as u64,
            Compression::Zstd => {
                let frame = ZstdFrame::header(self)?;
                // Before all of its blocks are looked at.
                let content = frame.content.filter(|it| *it <= most)?;
                frame.pass_blocks(self).filter(|it| content <= *it)?;
                content
            }
            _ => return None,
        };
        (content <= most).then_some((compression, content))
    }
}

impl Scan for Hop<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, self.offset).ok()?;
        self.offset += N as u64;
        Some(bytes)
    }

    fn pass(&mut self, len: u64) -> Option<()> {
        let end = self.offset.checked_add(len)?;
        self.offset = end;
        (end <= self.len).then_some(())
    }
}

/// Content that is kept: a block of BGZF.
const RECENT_LEN: usize = 64 * 1024;
/// Bytes of the file that are read at a time where parts are passed over.
const STEP: usize = 64 * 1024;
/// As many of these are read at a time elsewhere.
const STEPS: usize = 4;
/// At least this much content is between places to come back to.
const MARK_LEN: u64 = 1024 * 1024;
/// Files whose first part holds more are not searched for a second one.
const SEEKS_MOST: u64 = 1024 * 1024 * 1024;
