//! Byte streams (pipes), read ahead by a thread of their own.
//!
//! Buffers go round between reader and consumer over bounded channels. Each buffer has room in
//! front of its bytes: the end of the buffer before it, an incomplete record as a rule, is copied
//! there, so that every window is one run of bytes without copying the rest.

use super::compressed::unpacked;
use crate::number::memory_usize;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::io::{self, Read};
use std::thread;
use std::time::Duration;

/// Opens a byte stream.
pub(super) type Open = dyn FnOnce() -> io::Result<Box<dyn Read + Send>> + Send;

/// A byte stream that is being read.
#[derive(Debug)]
pub(super) struct Stream {
    filled: Receiver<Filled>,
    empty: Sender<Vec<u8>>,
    current: Buffer,
    ended: bool,
}

/// A buffer with bytes; `bytes[start..end]` are those of the stream from `offset` on.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
}

/// Handed over by the reader thread: bytes after [`HEADROOM`], or how the stream ended.
#[derive(Debug)]
enum Filled {
    Bytes(Vec<u8>, usize),
    End,
    Failed(io::Error),
}

impl Stream {
    /// Starts to read what `open` opens: opening a pipe waits for its writer, so that the thread
    /// does that, too. `buffer_len` is the size of a buffer in bytes; three are in use.
    pub(super) fn new(open: Box<Open>, buffer_len: usize) -> io::Result<Self> {
        let (filled_sender, filled) = bounded(1);
        let (empty, empty_receiver) = bounded(BUFFERS);
        for _ in 0..BUFFERS {
            // The channel has room for all buffers and both of its ends are held here.
            drop(empty.send(Vec::new()));
        }
        thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || match open().map(unpacked) {
                Ok(reader) => read_all(reader, buffer_len, &empty_receiver, &filled_sender),
                // The receiver is gone: the result is not needed.
                Err(error) => drop(filled_sender.send(Filled::Failed(error))),
            })?;
        let current = Buffer {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
        };
        Ok(Self {
            filled,
            empty,
            current,
            ended: false,
        })
    }

    /// The stream's bytes from `from` on: at least `min_len` of them, unless the stream ends
    /// before; with whether it does. Bytes before `from` are given up.
    ///
    /// `keep_waiting` is called from time to time while no bytes come.
    pub(super) fn view(
        &mut self,
        from: u64,
        min_len: usize,
        keep_waiting: &dyn Fn() -> bool,
    ) -> io::Result<(&[u8], bool)> {
        while !self.current.reaches(from, min_len) && !self.ended {
            match self.filled.recv_timeout(PATIENCE) {
                Ok(Filled::Bytes(bytes, end)) => self.append(bytes, end),
                Ok(Filled::End) => self.ended = true,
                Ok(Filled::Failed(error)) => return Err(error),
                Err(RecvTimeoutError::Timeout) if keep_waiting() => {}
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::Interrupted.into()),
                // The reader says how it ends; a reader that did not has panicked.
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the reader thread ended early"));
                }
            }
        }
        let Buffer {
            bytes, start, end, ..
        } = &self.current;
        Ok((bytes.get(*start..*end).unwrap_or(&[]), self.ended))
    }

    /// Puts the rest of the current buffer before new bytes.
    fn append(&mut self, mut bytes: Vec<u8>, end: usize) {
        let Buffer {
            start,
            end: left_end,
            offset,
            ..
        } = self.current;
        let left = self.current.bytes.get(start..left_end).unwrap_or(&[]);
        let joined = if let Some(front) = HEADROOM.checked_sub(left.len()) {
            if let Some(room) = bytes.get_mut(front..HEADROOM) {
                room.copy_from_slice(left);
            }
            Buffer {
                bytes,
                start: front,
                end,
                offset,
            }
        } else {
            // Rare: a record longer than the room in front, or a search beyond a whole buffer.
            let mut joined = left.to_vec();
            joined.extend_from_slice(bytes.get(HEADROOM..end).unwrap_or(&[]));
            let end = joined.len();
            // The reader may have gone already; then the buffer is not needed.
            drop(self.empty.try_send(bytes));
            Buffer {
                bytes: joined,
                start: 0,
                end,
                offset,
            }
        };
        let old = std::mem::replace(&mut self.current, joined);
        drop(self.empty.try_send(old.bytes));
    }
}

impl Buffer {
    /// Gives up what is before `from`; whether `min_len` bytes from there on are here.
    fn reaches(&mut self, from: u64, min_len: usize) -> bool {
        self.advance(from);
        self.offset == from && self.end - self.start >= min_len
    }

    fn advance(&mut self, from: u64) {
        let held = (self.end - self.start) as u64;
        let gone = from.saturating_sub(self.offset).min(held);
        self.start += memory_usize(gone);
        self.offset += gone;
    }
}

/// The reader thread: fills buffers until the stream ends or they are not taken any more.
fn read_all(
    mut reader: Box<dyn Read + Send>,
    buffer_len: usize,
    empty: &Receiver<Vec<u8>>,
    filled: &Sender<Filled>,
) {
    while let Ok(mut bytes) = empty.recv() {
        if bytes.len() != HEADROOM + buffer_len {
            // Zeroed by the system as its pages are touched: short streams stay small.
            bytes = vec![0; HEADROOM + buffer_len];
        }
        let (end, outcome) = fill(&mut reader, &mut bytes);
        if end > HEADROOM && filled.send(Filled::Bytes(bytes, end)).is_err() {
            return;
        }
        let last = match outcome {
            Ok(true) => continue,
            Ok(false) => Filled::End,
            Err(error) => Filled::Failed(error),
        };
        // The receiver is gone: the result is not needed.
        drop(filled.send(last));
        return;
    }
}

/// Reads until the buffer is full (`true`) or the stream ends (`false`); returns where the bytes
/// end, also when reading fails.
fn fill(reader: &mut dyn Read, bytes: &mut [u8]) -> (usize, io::Result<bool>) {
    let mut end = HEADROOM;
    while let Some(room) = bytes.get_mut(end..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => return (end, Ok(false)),
            Ok(count) => end += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (end, Err(error)),
        }
    }
    (end, Ok(true))
}

/// One is filled, one waits, one is worked on.
const BUFFERS: usize = 3;
/// Room before a buffer's bytes: more than the longest common record.
const HEADROOM: usize = 512 * 1024;
/// How long to wait for bytes before asking whether to continue.
const PATIENCE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out its bytes in odd pieces.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.1 = self.1 % 7 + 1;
            let count = self.1.min(room.len()).min(self.0.len());
            room[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    fn stream(reader: impl Read + Send + 'static) -> Stream {
        Stream::new(Box::new(|| Ok(Box::new(reader))), 1000).unwrap()
    }

    fn content() -> Vec<u8> {
        (0..5_000_u32).flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn windows_join_what_is_left() {
        let content = content();
        let mut stream = stream(Trickle(content.clone(), 0));
        let mut from = 0;
        loop {
            let (bytes, ended) = stream.view(from as u64, 37, &|| true).unwrap();
            assert_eq!(bytes, &content[from..from + bytes.len()]);
            assert!(bytes.len() >= 37 || ended);
            if ended && bytes.is_empty() {
                break;
            }
            from += bytes.len().div_ceil(2);
        }
        assert_eq!(from, content.len());
    }

    #[test]
    fn a_view_may_be_longer_than_a_buffer_and_its_headroom() {
        let content: Vec<u8> = content().repeat(60);
        let mut stream = stream(io::Cursor::new(content.clone()));
        let (bytes, _) = stream.view(3, 2 * HEADROOM, &|| true).unwrap();
        assert!(bytes.len() >= 2 * HEADROOM);
        assert_eq!(bytes, &content[3..3 + bytes.len()]);
        let (bytes, ended) = stream.view(10, usize::MAX, &|| true).unwrap();
        assert!(ended);
        assert_eq!(bytes, &content[10..]);
    }

    #[test]
    fn a_read_error_comes_after_the_bytes_before_it() {
        struct Failing(bool);
        impl Read for Failing {
            fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
                if self.0 {
                    return Err(io::Error::other("the disk is gone"));
                }
                self.0 = true;
                room[..3].copy_from_slice(b"abc");
                Ok(3)
            }
        }
        let mut stream = stream(Failing(false));
        assert_eq!(stream.view(0, 3, &|| true).unwrap().0, b"abc");
        assert!(stream.view(0, 4, &|| true).is_err());
    }

    #[test]
    fn waiting_can_be_given_up() {
        struct Silent;
        impl Read for Silent {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                thread::sleep(Duration::from_secs(3600));
                Ok(0)
            }
        }
        let mut stream = stream(Silent);
        let error = stream.view(0, 1, &|| false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}
