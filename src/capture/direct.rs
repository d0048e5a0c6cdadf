//! Byte streams that are read by the thread that wants their bytes, when it wants them: for the
//! first bytes of a file, and for many inputs at a time, which cannot have a thread each.

use super::compressed::unpacked_in_turn;
use crate::number::memory_usize;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A byte stream, unpacked if it is compressed.
pub(super) struct Direct {
    reader: Box<dyn Read + Send>,
    /// `buffer[start..end]` are the bytes of the stream from `offset` on.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    step: usize,
}

impl Direct {
    /// Reads about `step` bytes at a time.
    pub(super) fn new(reader: Box<dyn Read + Send>, step: usize) -> Self {
        let step = step.max(1);
        Self {
            reader: unpacked_in_turn(reader, step),
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            step,
        }
    }

    /// The stream's bytes from `from` on: at least `min_len` of them, unless the stream ends
    /// before; with whether it does. Bytes before `from` are given up.
    pub(super) fn view(&mut self, from: u64, min_len: usize) -> io::Result<(&[u8], bool)> {
        while !self.reaches(from, min_len) && !self.ended {
            self.make_room(min_len);
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.reader.read(room) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        Ok((bytes, self.ended))
    }

    /// Gives up what is before `from`; whether `min_len` bytes from there on are here.
    fn reaches(&mut self, from: u64, min_len: usize) -> bool {
        let held = (self.end - self.start) as u64;
        let gone = from.saturating_sub(self.offset).min(held);
        self.start += memory_usize(gone);
        self.offset += gone;
        self.offset == from && self.end - self.start >= min_len
    }

    /// Makes room for another step, and for `min_len` bytes in all.
    fn make_room(&mut self, min_len: usize) {
        let held = self.end - self.start;
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, held);
        let len = (held + self.step).max(min_len);
        // What a long record took is given back behind it.
        if self.buffer.len() < len || self.buffer.len() > len.saturating_mul(8) {
            self.buffer.resize(len, 0);
            self.buffer.shrink_to_fit();
        }
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("offset", &self.offset)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// A regular file that is open only while some of it is read: so any number of them can be read at
/// a time, whatever the limit of open files.
#[derive(Debug)]
pub(super) struct OpenedToRead {
    path: PathBuf,
    /// Device and number, which distinguish it from another file under its name.
    identity: (u64, u64),
    /// It is read up to the length that it had when it was opened.
    len: u64,
    offset: u64,
}

impl OpenedToRead {
    /// The file with this name.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let metadata = File::open(path)?.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
            offset: 0,
        })
    }
}

impl Read for OpenedToRead {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = self.len - self.offset;
        let most = memory_usize(left.min(room.len() as u64));
        let room = room.get_mut(..most).unwrap_or_default();
        if room.is_empty() {
            return Ok(0);
        }
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) != self.identity {
            return Err(io::Error::other(
                "another file has its name now; keep captures in place while they are read",
            ));
        }
        let count = file.read_at(room, self.offset)?;
        if count == 0 {
            let offset = self.offset;
            return Err(io::Error::other(format!(
                "the file was cut at byte {offset} while it was read"
            )));
        }
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn views_are_those_of_the_stream() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for step in [1_000, 4_096, 1 << 20] {
            let mut direct = Direct::new(Box::new(io::Cursor::new(content.clone())), step);
            let (mut from, mut min_len) = (0, 1);
            loop {
                let (bytes, ended) = direct.view(from as u64, min_len).unwrap();
                assert_eq!(bytes, &content[from..from + bytes.len()]);
                assert!(bytes.len() >= min_len || ended);
                if bytes.is_empty() {
                    break;
                }
                from += bytes.len().min(777);
                min_len = min_len * 3 % 10_007;
            }
            assert_eq!(from, content.len());
        }
    }

    #[test]
    fn a_file_is_read_to_the_end_that_it_had() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 10_000]).unwrap();
        let mut reader = OpenedToRead::new(file.path()).unwrap();
        file.write_all(&[8; 10_000]).unwrap();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [7; 10_000]);
    }

    #[test]
    fn what_is_not_there_any_more_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 10_000]).unwrap();
        let mut reader = OpenedToRead::new(file.path()).unwrap();
        assert_eq!(reader.read(&mut [0; 100]).unwrap(), 100);
        file.as_file().set_len(50).unwrap();
        let error = reader.read(&mut [0; 100]).unwrap_err().to_string();
        assert!(error.contains("cut at byte 100"), "{error}");
    }
}
