//! A compressed stream, unpacked member by member, or ahead where that is possible.

use super::ahead::{Ahead, Limits, Step};
use super::magic::Compression;
use super::member::{Member, damaged};
use super::packed::Packed;
use std::io::{self, Read};

/// The bytes of `reader`, unpacked if they are compressed.
pub(in crate::capture) fn unpacked(reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    unpacked_with(reader, || Ahead::new(Limits::usual()))
}

/// The same, by the thread that reads, and nothing ahead of what it asks for.
/// `step`: bytes that are read at a time.
pub(in crate::capture) fn unpacked_in_turn(
    reader: Box<dyn Read + Send>,
    step: usize,
) -> Box<dyn Read + Send> {
    unpacked_from(Packed::from_place(reader, 0, step), || None)
}

pub(super) fn unpacked_with(
    reader: Box<dyn Read + Send>,
    ahead: impl FnOnce() -> Option<Box<Ahead>>,
) -> Box<dyn Read + Send> {
    unpacked_from(Packed::new(reader), ahead)
}

fn unpacked_from(
    mut packed: Packed,
    ahead: impl FnOnce() -> Option<Box<Ahead>>,
) -> Box<dyn Read + Send> {
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
    /// After a member of this kind, or at the start.
    Behind(Packed, Compression),
    /// In the middle of one.
    Inside(Box<Member>),
    /// Among members that are unpacked ahead.
    Ahead(Packed, Box<Ahead>),
    /// At the end, or after an error.
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

/// Each moves from one state to the next, and returns how many bytes it has read.
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
            // Nothing more is tried: the headers do not give the right lengths.
            Step::PutBack => self.state = State::Behind(packed, Compression::Zstd),
        }
        Ok(0)
    }
}
