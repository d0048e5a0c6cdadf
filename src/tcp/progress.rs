//! How far the directions of a connection have come: the one rule that says which connection a
//! segment belongs to, and whether it is new, repeated or late, or a probe.
//!
//! Ports are used again. A SYN with a new initial sequence number starts the next connection; one
//! that was sent or captured twice, or overtaken by its data, does not. A segment that comes late
//! still belongs to the connection before.
//!
//! The rule is asked by all that follow TCP: [`Candidates`] for the connection, [`Step`] for what a
//! segment does there. It looks at directions through [`Extent`]: those of a
//! [`Reassembler`](super::Reassembler), which knows every byte, and of a [`Progress`], which takes
//! 16 bytes.

use super::segment::Segment;
use crate::number::modulo_u32;

/// How much of a direction has been seen.
pub trait Extent {
    /// The initial sequence number, if the SYN was seen.
    fn initial_sequence(&self) -> Option<u32>;

    /// Whether any payload was seen.
    fn has_payload(&self) -> bool;

    /// The number of a segment, where all segments had neither SYN nor payload: they are close to
    /// each other.
    fn only_empty(&self) -> Option<u32>;

    /// How far a sequence number is from the next one that is expected in order; `None` while
    /// neither SYN nor payload was seen.
    fn distance(&self, sequence: u32) -> Option<i64>;

    /// How far a sequence number is from the end of all that was sent so far: less than 0 where
    /// that was sent before. `None` while nothing was seen.
    fn beyond(&self, sequence: u32) -> Option<i64>;

    /// Whether a sequence number is that of the last byte that was sent; who knows of gaps may take
    /// the byte before one for it, too.
    fn is_last(&self, sequence: u32) -> bool;

    /// Whether a SYN with this sequence number can be that of the direction, whose segments came
    /// before it: it belongs right before them.
    fn accepts_late_syn(&self, sequence: u32) -> bool;
}

/// What a segment does for its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it has neither payload nor SYN.
    Empty,
    /// It starts where the last one ended, or later; or one byte before, as data that follow a
    /// probe of that byte do.
    New,
    /// It starts before the end of what was sent: all of it, or its first bytes, are repeated; or
    /// late, where the capture has missed them until now. (A reassembler's
    /// [`Arrival`](super::Arrival) says which.)
    Again,
    /// A keep-alive probe (RFC 9293, section 3.8.4): it repeats the last byte that was sent, or
    /// none, to be answered, whatever that byte is.
    Probe,
}

impl Step {
    /// The step of a segment with `payload` bytes on the wire.
    #[inline]
    pub fn of(extent: &impl Extent, segment: &Segment, payload: u32) -> Self {
        let is_control = segment.has(Segment::SYN | Segment::FIN | Segment::RST);
        let is_last = || extent.is_last(segment.sequence);
        if payload <= 1 && !is_control && is_last() {
            Self::Probe
        } else if payload == 0 && !segment.has(Segment::SYN) {
            Self::Empty
        } else if extent.beyond(segment.sequence).is_some_and(|it| it < 0) {
            let follows_probe = payload > 1 && !segment.has(Segment::SYN) && is_last();
            if follows_probe {
                Self::New
            } else {
                Self::Again
            }
        } else {
            Self::New
        }
    }
}

/// The connections that a segment may belong to, seen from its direction.
#[derive(Debug)]
pub struct Candidates<'a, E> {
    /// Its direction of the current connection.
    pub current: Option<&'a E>,
    /// Its direction of the connection before that.
    pub previous: Option<&'a E>,
    /// The other direction of the current connection.
    pub peer: Option<&'a E>,
    /// The last acknowledgment number that the other direction sent in the current connection.
    pub acknowledged: Option<u32>,
}

/// The connection that a segment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The current one.
    Current,
    /// The current one, whose SYN has been replaced by this one.
    Renewed,
    /// The one before.
    Previous,
    /// One that it starts.
    Next,
}

impl<E: Extent> Candidates<'_, E> {
    /// The connection that a segment belongs to.
    #[inline]
    pub fn connection(&self, segment: &Segment) -> Connection {
        if segment.has(Segment::SYN) {
            self.of_syn(segment)
        } else if self.previous.is_some() {
            self.of_late(segment.sequence)
        } else {
            Connection::Current
        }
    }

    #[cold]
    fn of_syn(&self, segment: &Segment) -> Connection {
        let sequence = Some(segment.sequence);
        let is_of = |stream: Option<&E>| stream.is_some_and(|it| it.initial_sequence() == sequence);
        if is_of(self.current) {
            return Connection::Current;
        }
        if is_of(self.previous) {
            return Connection::Previous;
        }
        let asked = self.peer.and_then(E::initial_sequence);
        let asked = asked.filter(|_| segment.has(Segment::ACK));
        let asked = asked.map(|it| it.wrapping_add(1));
        match self.current {
            Some(stream) if stream.accepts_late_syn(segment.sequence) => Connection::Current,
            Some(stream) if stream.initial_sequence().is_some() => {
                // A server that forgot its answer gives another one to the same SYN.
                if asked == Some(segment.acknowledgment) && !stream.has_payload() {
                    Connection::Renewed
                } else {
                    Connection::Next
                }
            }
            Some(stream) if stream.has_payload() => Connection::Next,
            stream => {
                // Nothing that counts came from here yet. An answer says what it answers; else
                // there may be segments without payload, and what the other side acknowledged.
                let first = segment.payload_sequence();
                let fits = match asked {
                    Some(asked) => is_near(segment.acknowledgment, asked),
                    None => {
                        let seen = stream.and_then(E::only_empty);
                        seen.is_none_or(|it| is_near(it, first))
                    }
                };
                if fits && self.acknowledged.is_none_or(|it| is_near(it, first)) {
                    Connection::Current
                } else {
                    Connection::Next
                }
            }
        }
    }

    /// A segment without SYN, where there was a connection before.
    fn of_late(&self, sequence: u32) -> Connection {
        let distance = |stream: Option<&E>| stream.and_then(|it| it.distance(sequence));
        let is_of_previous = distance(self.previous).is_some_and(|it| LATE.contains(&it));
        let is_of_current = match distance(self.current) {
            Some(distance) => distance.unsigned_abs() < FAR,
            None => false,
        };
        if is_of_previous && !is_of_current {
            Connection::Previous
        } else {
            Connection::Current
        }
    }
}

/// How far one direction has come, in 16 bytes: for those who need no more than
/// [`Candidates`] and [`Step`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    initial: u32,
    /// The lowest number of a byte of payload.
    first: u32,
    /// The end of all that was sent.
    next: u32,
    state: u8,
}

/// A SYN was seen.
const HAS_SYN: u8 = 1;
/// Payload was seen.
const HAS_PAYLOAD: u8 = 2;
/// Any segment was seen.
const HAS_SEGMENT: u8 = 4;

impl Progress {
    /// That of a direction known only by the end of what was sent, whether a SYN was seen, and the
    /// bytes of payload. Its initial sequence number is that from which so many bytes lead to the
    /// end: wrong where bytes were repeated or missing, and for later connections of a flow.
    pub const fn resumed(next: u32, has_syn: bool, payload: u64) -> Self {
        let first = next.wrapping_sub(modulo_u32(payload));
        Self {
            initial: first.wrapping_sub(1),
            first,
            next,
            state: HAS_SEGMENT
                | if has_syn { HAS_SYN } else { 0 }
                | if payload > 0 { HAS_PAYLOAD } else { 0 },
        }
    }

    /// The end of all that was sent: the sequence number after the last byte, or after the SYN.
    pub const fn next(&self) -> Option<u32> {
        if self.has(HAS_SEGMENT) {
            Some(self.next)
        } else {
            None
        }
    }

    /// Takes note of a segment with `payload` bytes on the wire.
    pub fn advance(&mut self, segment: &Segment, payload: u32) -> Step {
        let step = Step::of(self, segment, payload);
        let start = segment.payload_sequence();
        let end = start.wrapping_add(payload);
        let counts = matches!(step, Step::New | Step::Again);
        if !self.has(HAS_SEGMENT) || (counts && is_before(self.next, end)) {
            self.next = end;
        }
        if payload > 0 && (!self.has(HAS_PAYLOAD) || is_before(start, self.first)) {
            self.first = start;
            self.state |= HAS_PAYLOAD;
        }
        if segment.has(Segment::SYN) && !self.has(HAS_SYN) {
            self.initial = segment.sequence;
            self.state |= HAS_SYN;
        }
        self.state |= HAS_SEGMENT;
        step
    }

    const fn has(&self, state: u8) -> bool {
        self.state & state != 0
    }
}

impl Extent for Progress {
    fn initial_sequence(&self) -> Option<u32> {
        self.has(HAS_SYN).then_some(self.initial)
    }

    fn has_payload(&self) -> bool {
        self.has(HAS_PAYLOAD)
    }

    fn only_empty(&self) -> Option<u32> {
        (self.state == HAS_SEGMENT).then_some(self.next)
    }

    fn distance(&self, sequence: u32) -> Option<i64> {
        self.beyond(sequence)
            .filter(|_| self.has(HAS_SYN | HAS_PAYLOAD))
    }

    fn beyond(&self, sequence: u32) -> Option<i64> {
        self.next()
            .map(|next| sequence.wrapping_sub(next).cast_signed().into())
    }

    fn is_last(&self, sequence: u32) -> bool {
        self.has(HAS_SYN | HAS_PAYLOAD) && sequence.wrapping_add(1) == self.next
    }

    fn accepts_late_syn(&self, sequence: u32) -> bool {
        let before = self.first.wrapping_sub(sequence.wrapping_add(1));
        self.has(HAS_PAYLOAD) && !self.has(HAS_SYN) && before <= LATE_SYN
    }
}

/// Whether a sequence number is before another one (RFC 9293, section 3.4: modulo 2³²).
const fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

fn is_near(a: u32, b: u32) -> bool {
    let distance = a.wrapping_sub(b);
    distance.min(distance.wrapping_neg()) <= NEAR
}

/// A direction may have acknowledged this much beyond a SYN that came late.
const NEAR: u32 = 1024 * 1024;
/// Late segments are no further than this from the end of their direction.
const LATE: std::ops::Range<i64> = -16 * 1024 * 1024..1024 * 1024;
/// Segments of a connection are closer together than this, as a rule.
const FAR: u64 = 64 * 1024 * 1024;
/// A SYN may come after this many bytes of its direction.
pub(super) const LATE_SYN: u32 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::super::Reassembler;
    use super::super::testing::{Bytes, Collected};
    use super::*;

    fn stream(syn: Option<u32>, payload: Option<(u32, &str)>) -> Reassembler<Bytes> {
        let mut stream = Reassembler::default();
        let mut sink = Collected::default();
        if let Some(sequence) = syn {
            stream.syn(sequence, &mut sink);
        }
        if let Some((sequence, text)) = payload {
            stream.segment(sequence, Bytes::from(text), Default::default(), &mut sink);
        }
        stream
    }

    fn segment(sequence: u32, flags: u16) -> Segment {
        Segment {
            sequence,
            flags,
            ..Segment::default()
        }
    }

    #[test]
    fn a_syn_starts_the_next_connection_only_with_a_new_number() {
        let (current, previous) = (
            stream(Some(1000), Some((1001, "data"))),
            stream(Some(50), None),
        );
        let candidates = Candidates {
            current: Some(&current),
            previous: Some(&previous),
            peer: None,
            acknowledged: None,
        };
        let place = |sequence| candidates.connection(&segment(sequence, Segment::SYN));
        assert_eq!(place(1000), Connection::Current, "sent again");
        assert_eq!(place(50), Connection::Previous, "long overdue");
        assert_eq!(place(77_777), Connection::Next);
    }

    #[test]
    fn a_syn_behind_its_data_is_no_new_connection() {
        let current = stream(None, Some((1001, "data")));
        let candidates = Candidates {
            current: Some(&current),
            previous: None,
            peer: None,
            acknowledged: None,
        };
        let place = |sequence| candidates.connection(&segment(sequence, Segment::SYN));
        assert_eq!(place(1000), Connection::Current);
        assert_eq!(place(2000), Connection::Next, "behind the data");
        assert_eq!(
            place(1000_u32.wrapping_sub(2_000_000)),
            Connection::Next,
            "far in front of it"
        );
    }

    #[test]
    fn what_comes_late_belongs_to_the_connection_before() {
        let previous = stream(Some(1000), Some((1001, "data")));
        let current = stream(Some(3_000_000_000), None);
        let mut candidates = Candidates {
            current: None,
            previous: Some(&previous),
            peer: None,
            acknowledged: None,
        };
        assert_eq!(
            candidates.connection(&segment(1005, Segment::ACK)),
            Connection::Previous
        );
        assert_eq!(
            candidates.connection(&segment(900_000_000, 0)),
            Connection::Current
        );
        candidates.current = Some(&current);
        assert_eq!(
            candidates.connection(&segment(1005, Segment::FIN)),
            Connection::Previous
        );
        assert_eq!(
            candidates.connection(&segment(3_000_000_001, 0)),
            Connection::Current
        );
    }

    #[test]
    fn an_answer_to_another_syn_starts_the_next_connection() {
        let client = stream(Some(0), None);
        let candidates = Candidates {
            current: None,
            previous: None,
            peer: Some(&client),
            acknowledged: None,
        };
        let place = |acknowledgment| {
            candidates.connection(&Segment {
                acknowledgment,
                ..segment(900, Segment::SYN | Segment::ACK)
            })
        };
        assert_eq!(place(1), Connection::Current);
        assert_eq!(place(100), Connection::Current, "with data in the SYN");
        assert_eq!(place(150_000_001), Connection::Next);
    }

    #[test]
    fn a_syn_behind_segments_of_an_older_connection() {
        let mut current = stream(None, None);
        current.empty(1);
        let client = stream(Some(76), None);
        let mut candidates = Candidates {
            current: Some(&current),
            previous: None,
            peer: None,
            acknowledged: None,
        };
        let syn = segment(150_000_000, Segment::SYN);
        assert_eq!(candidates.connection(&syn), Connection::Next);
        let overtaken = segment(0, Segment::SYN);
        assert_eq!(candidates.connection(&overtaken), Connection::Current);
        // A reset has any number, but the answer that follows says what it answers.
        candidates.peer = Some(&client);
        let answer = Segment {
            acknowledgment: 77,
            ..segment(150_000_000, Segment::SYN | Segment::ACK)
        };
        assert_eq!(candidates.connection(&answer), Connection::Current);
    }

    #[test]
    fn a_syn_that_fits_what_the_other_side_acknowledges() {
        let none = |acknowledged| Candidates::<Reassembler<Bytes>> {
            current: None,
            previous: None,
            peer: None,
            acknowledged,
        };
        let syn = segment(1000, Segment::SYN);
        assert_eq!(none(None).connection(&syn), Connection::Current);
        assert_eq!(none(Some(1001)).connection(&syn), Connection::Current);
        assert_eq!(none(Some(3_000_000)).connection(&syn), Connection::Next);
    }

    /// A SYN, 100 bytes, the SYN again, the same 100 bytes, 100 new ones, 150 old and 50 new ones.
    #[test]
    fn repeated_segments_are_told_from_new_ones() {
        let steps = [
            (1000_u32, Segment::SYN, 0, Step::New),
            (1001, Segment::ACK, 100, Step::New),
            (1000, Segment::SYN, 0, Step::Again),
            (1001, Segment::ACK, 100, Step::Again),
            (1101, Segment::ACK, 100, Step::New),
            (1051, Segment::ACK, 200, Step::Again),
            (1251, Segment::ACK, 0, Step::Empty),
            (1250, Segment::ACK, 1, Step::Probe),
            (1250, Segment::ACK, 0, Step::Probe),
            (1249, Segment::ACK, 2, Step::Again),
            (1250, Segment::ACK, 2, Step::New),
            (9000, Segment::ACK, 10, Step::New),
            (1252, Segment::ACK, 10, Step::Again),
        ];
        // Anywhere in the sequence numbers, and across their end.
        for base in [0, u32::MAX - 1100, u32::MAX - 1000, 1 << 31] {
            let mut progress = Progress::default();
            let mut stream: Reassembler<Bytes> = Reassembler::default();
            let mut sink = Collected::default();
            for (number, (sequence, flags, payload, step)) in steps.into_iter().enumerate() {
                let segment = segment(sequence.wrapping_add(base), flags);
                let of_stream = Step::of(&stream, &segment, payload);
                assert_eq!(
                    of_stream, step,
                    "segment {number}, base {base}: reassembler"
                );
                let of_progress = progress.advance(&segment, payload);
                assert_eq!(of_progress, step, "segment {number}, base {base}: progress");
                if flags == Segment::SYN {
                    stream.syn(segment.sequence, &mut sink);
                } else if payload > 0 && step != Step::Probe {
                    let text = "x".repeat(payload as usize);
                    let bytes = Bytes::from(text.as_str());
                    stream.segment(segment.sequence, bytes, Default::default(), &mut sink);
                }
            }
        }
    }

    /// A progress and a reassembler say the same of which connection a SYN belongs to.
    #[test]
    fn a_progress_knows_connections_as_a_reassembler_does() {
        let mut progress = Progress::default();
        let candidates = |progress: &Progress, syn| {
            let candidates = Candidates {
                current: Some(progress),
                previous: None,
                peer: None,
                acknowledged: None,
            };
            candidates.connection(&segment(syn, Segment::SYN))
        };
        assert_eq!(candidates(&progress, 5), Connection::Current, "the first");
        progress.advance(&segment(1000, Segment::SYN), 0);
        assert_eq!(candidates(&progress, 1000), Connection::Current);
        assert_eq!(candidates(&progress, 1001), Connection::Next);
        progress.advance(&segment(1001, Segment::ACK), 500);
        assert_eq!(candidates(&progress, 1000), Connection::Current, "again");
        assert_eq!(candidates(&progress, 1500), Connection::Next);

        let mut midstream = Progress::default();
        midstream.advance(&segment(1001, Segment::ACK), 500);
        assert_eq!(candidates(&midstream, 1000), Connection::Current, "late");
        assert_eq!(candidates(&midstream, 1001), Connection::Next);

        let resumed = Progress::resumed(1501, true, 500);
        assert_eq!(candidates(&resumed, 1000), Connection::Current, "again");
        assert_eq!(candidates(&resumed, 9000), Connection::Next);
        let resumed = Progress::resumed(1001, true, 0);
        assert_eq!(candidates(&resumed, 1000), Connection::Current, "again");
        let resumed = Progress::resumed(1501, false, 500);
        assert_eq!(candidates(&resumed, 1000), Connection::Current, "late");
        assert_eq!(candidates(&resumed, 1500), Connection::Next);
    }
}
