//! Captures that are compressed, by whatever of the common formats, found by its magic.
//!
//! All of these formats allow several complete members one behind the other (as `cat`, `pigz`,
//! `bgzip`, `pzstd` and `xz` with several files make them), so that one mechanism does for all:
//! the bytes of a member, then of the next. Memory is bounded by the formats' own windows, however
//! much a member claims to hold.
//!
//! Where the headers of members tell how long these are (BGZF, zstd), several are unpacked at a
//! time ([`ahead`]), and parts are passed over by who reads at any place ([`content`]).

mod ahead;
mod batch;
mod bounds;
mod content;
mod member;
mod packed;
#[cfg(test)]
mod tests;

pub use content::Content;

use ahead::{Ahead, Limits, Step};
use member::{Member, damaged};
use packed::Packed;
use std::io::{self, Read};

/// A format of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>
    Lz4,
    /// <https://tukaani.org/xz/xz-file-format.txt>
    Xz,
    /// <https://sourceware.org/bzip2/>
    Bzip2,
}

impl Compression {
    /// Bytes that tell one from the other.
    pub(super) const MAGIC_LEN: usize = 6;

    /// The compression of what starts with `head`.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 6] = [
            (b"\x1f\x8b\x08", Self::Gzip),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"\x04\x22\x4d\x18", Self::Lz4),
            (b"\x02\x21\x4c\x18", Self::Lz4),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"BZh", Self::Bzip2),
        ];
        let found = magics.iter().find(|(magic, _)| head.starts_with(magic));
        found.map(|(_, compression)| *compression)
    }

    /// The compression of an input that starts with `head`. pzstd starts with a frame to be skipped.
    pub(super) fn of_input(head: &[u8]) -> Option<Self> {
        Self::of(head).or_else(|| is_skippable(head).then_some(Self::Zstd))
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// Whether a frame of zstd or lz4 that is to be skipped starts with `head` (RFC 8878, section 3.1.2).
const fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// The bytes of `reader`, unpacked if they are compressed.
pub(super) fn unpacked(reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    unpacked_with(reader, || Ahead::new(Limits::usual()))
}

fn unpacked_with(
    reader: Box<dyn Read + Send>,
    ahead: impl FnOnce() -> Option<Box<Ahead>>,
) -> Box<dyn Read + Send> {
    let mut packed = Packed::new(reader);
    match Compression::of_input(packed.peek()) {
        Some(compression) => Box::new(Unpacker {
            state: State::Behind(packed, compression),
            ahead: ahead(),
        }),
        None => Box::new(packed),
    }
}

/// Unpacks one member after the other, or several at a time.
struct Unpacker {
    state: State,
    /// For what can be unpacked ahead, unless that is being done or has turned out to be wrong.
    ahead: Option<Box<Ahead>>,
}

enum State {
    /// Behind a member of this kind, or at the start.
    Behind(Packed, Compression),
    /// In the middle of one.
    Inside(Box<Member>),
    /// Among members that are unpacked ahead.
    Ahead(Packed, Box<Ahead>),
    /// At the end, or behind an error.
    Ended,
}

impl Read for Unpacker {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match std::mem::replace(&mut self.state, State::Ended) {
                State::Behind(packed, last) => self.enter_next(packed, last)?,
                State::Inside(member) => self.read_member(member, room)?,
                State::Ahead(packed, ahead) => self.read_ahead(packed, ahead, room)?,
                State::Ended => return Ok(0),
            };
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

/// Each goes on from one state to the next, and returns how many bytes it has read.
impl Unpacker {
    fn enter_next(&mut self, mut packed: Packed, last: Compression) -> io::Result<usize> {
        let next = packed.next_member();
        let Some(next) = next.map_err(|error| damaged(last, &packed, &error))? else {
            return Ok(0);
        };
        let ahead = self.ahead.as_mut();
        let has_started = ahead.is_some_and(|it| it.start(&mut packed));
        self.state = match self.ahead.take() {
            Some(ahead) if has_started => State::Ahead(packed, ahead),
            ahead => {
                self.ahead = ahead;
                State::Inside(Box::new(Member::new(packed, next)?))
            }
        };
        Ok(0)
    }

    fn read_member(&mut self, mut member: Box<Member>, room: &mut [u8]) -> io::Result<usize> {
        let outcome = member.read(room);
        self.state = match &outcome {
            Ok(0) => {
                let compression = member.compression();
                State::Behind(member.into_packed(), compression)
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(member.damaged(error));
            }
            _ => State::Inside(member),
        };
        outcome
    }

    fn read_ahead(
        &mut self,
        mut packed: Packed,
        mut ahead: Box<Ahead>,
        room: &mut [u8],
    ) -> io::Result<usize> {
        match ahead.read(&mut packed, room)? {
            Step::Bytes(count) => {
                self.state = State::Ahead(packed, ahead);
                return Ok(count);
            }
            Step::End(last) => {
                self.ahead = Some(ahead);
                self.state = State::Behind(packed, last);
            }
            // From here on nothing is worth being tried: its headers do not tell the truth.
            Step::PutBack => self.state = State::Behind(packed, Compression::Zstd),
        }
        Ok(0)
    }
}
