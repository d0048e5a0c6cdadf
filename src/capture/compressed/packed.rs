//! The packed bytes of an input, and the way from one member to the next.

use super::magic::{Compression, is_skippable};
use crate::number::memory_usize;
use std::io::{self, BufRead, Read};

/// Bytes as they are in the input.
pub(super) struct Packed {
    inner: Box<dyn Read + Send>,
    /// Bytes read at a time. What is handed out ends at multiples of it, so that neither damage nor
    /// its place depend on how often bytes were put back.
    step: usize,
    /// `buffer[start..end]` is read and not taken.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes taken.
    offset: u64,
    /// The source of the bytes that follow those already read.
    failed: Option<io::Error>,
}

impl Packed {
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self::from_place(inner, 0, BUFFER_LEN)
    }

    /// The bytes of `inner`, which starts at this offset of the input.
    pub(super) fn from_place(inner: Box<dyn Read + Send>, offset: u64, step: usize) -> Self {
        Self {
            inner,
            step,
            buffer: vec![0; step + Compression::MAGIC_LEN],
            start: 0,
            end: 0,
            offset,
            failed: None,
        }
    }

    /// How many bytes of the input were taken.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The next bytes, without taking them: enough for a magic, unless the input ends before.
    pub(super) fn peek(&mut self) -> &[u8] {
        while self.end - self.start < Compression::MAGIC_LEN {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.failed.is_some() {
                break;
            }
            match self.read_behind() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed = Some(error),
            }
        }
        self.buffered()
    }

    /// Reads more after the buffered bytes, up to the next multiple of a step.
    fn read_behind(&mut self) -> io::Result<usize> {
        let reached = self.offset + (self.end - self.start) as u64;
        let most = self.end + self.up_to_step(reached);
        let mut buffer = std::mem::take(&mut self.buffer);
        let room = buffer.get_mut(self.end..most).unwrap_or_default();
        let count = self.read_more(|inner| inner.read(room));
        self.buffer = buffer;
        self.end += *count.as_ref().unwrap_or(&0);
        count
    }

    /// Bytes from an offset to the next multiple of a step.
    fn up_to_step(&self, offset: u64) -> usize {
        let behind = offset % self.step as u64;
        self.step - memory_usize(behind)
    }

    fn read_more(
        &mut self,
        read: impl FnOnce(&mut dyn Read) -> io::Result<usize>,
    ) -> io::Result<usize> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => read(&mut self.inner),
        }
    }

    /// Takes `len` bytes.
    fn skip(&mut self, len: u64) -> io::Result<()> {
        match io::copy(&mut self.take(len), &mut io::sink())? {
            skipped if skipped < len => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Takes `len` bytes and appends them to `bytes`; `None` where the input ends or fails before.
    /// The bytes that were taken until then are appended as well.
    pub(super) fn take_into(&mut self, bytes: &mut Vec<u8>, mut len: usize) -> Option<()> {
        while len > 0 {
            match self.fill_buf() {
                Ok([]) => return None,
                Ok(some) => {
                    let some = some.get(..len).unwrap_or(some);
                    bytes.extend_from_slice(some);
                    let count = some.len();
                    self.consume(count);
                    len -= count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            }
        }
        Some(())
    }

    /// Takes back the bytes that were taken last.
    pub(super) fn put_back(&mut self, mut bytes: Vec<u8>) {
        self.offset -= bytes.len() as u64;
        if let Some(start) = self.start.checked_sub(bytes.len()) {
            // They still precede those that are not taken.
            self.start = start;
            return;
        }
        bytes.extend_from_slice(self.buffered());
        (self.start, self.end) = (0, bytes.len());
        bytes.resize(bytes.len().max(self.step) + Compression::MAGIC_LEN, 0);
        self.buffer = bytes;
    }

    /// Goes to the next member: what it is, or `None` at the end of the input.
    pub(super) fn next_member(&mut self) -> io::Result<Option<Compression>> {
        loop {
            let head = self.peek();
            if let Some(compression) = Compression::of(head) {
                return Ok(Some(compression));
            }
            if head.is_empty() {
                return self.failed.take().map_or(Ok(None), Err);
            }
            if self.skip_padding() > 0 {
                continue;
            }
            if !is_skippable(self.buffered()) {
                return Err(io::Error::other(
                    "something else follows the compressed data",
                ));
            }
            self.skip(4)?;
            let mut len = [0; 4];
            self.read_exact(&mut len)?;
            self.skip(u32::from_le_bytes(len).into())?;
        }
    }

    /// Takes the buffered zeros, which follow members on tapes and in xz files.
    fn skip_padding(&mut self) -> usize {
        let zeros = self.zeros();
        self.consume(zeros);
        zeros
    }

    /// How many zeros are buffered before anything else.
    pub(super) fn zeros(&self) -> usize {
        self.buffered().iter().take_while(|it| **it == 0).count()
    }
}

impl Read for Packed {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = if self.start == self.end && room.len() >= self.step {
            (self.start, self.end) = (0, 0);
            let count = self.read_more(|inner| inner.read(room))?;
            self.offset += count as u64;
            count
        } else {
            let count = self.fill_buf()?.read(room)?;
            self.consume(count);
            count
        };
        Ok(count)
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            let usual = self.step + Compression::MAGIC_LEN;
            if self.buffer.len() > usual {
                self.buffer = vec![0; usual];
            }
            self.read_behind()?;
        }
        let most = self.up_to_step(self.offset);
        let buffered = self.buffered();
        Ok(buffered.get(..most).unwrap_or(buffered))
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }
}

/// Compressed bytes that are read at a time.
const BUFFER_LEN: usize = 256 * 1024;
