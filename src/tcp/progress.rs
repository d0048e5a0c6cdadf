//! How far the directions of a connection have come, and whether a segment is new, repeated or
//! late, or a probe.
//!
//! All that follow TCP use the same rules: [`choose`](super::choose) for the connection that a
//! segment belongs to, [`Step`] for what it does there. Both look at directions through [`Extent`]:
//! those of a [`Reassembler`](super::Reassembler), which knows every byte, and of a [`Progress`],
//! which takes 16 bytes.

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

    /// All that was sent so far; `None` while neither SYN nor payload was seen.
    fn sent(&self) -> Option<Sent>;

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

/// A stretch of sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The number after the last byte, or after the SYN.
    pub end: u32,
    /// How many bytes are before that, missing ones among them.
    pub len: u64,
}

impl Sent {
    /// How far a sequence number is past the end; less than 0 before it.
    pub fn past(self, sequence: u32) -> i64 {
        sequence.wrapping_sub(self.end).cast_signed().into()
    }

    /// Whether a sequence number is no more than `before` before the first byte, and no more than
    /// `after` past the end.
    pub fn holds(self, sequence: u32, before: u32, after: u32) -> bool {
        let back = self.end.wrapping_add(after).wrapping_sub(sequence);
        u64::from(back) <= self.len + u64::from(after) + u64::from(before)
    }
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

/// How far one direction has come, in 16 bytes: for those who need no more than
/// [`choose`](super::choose) and [`Step`].
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

    fn sent(&self) -> Option<Sent> {
        let first = if self.has(HAS_PAYLOAD) {
            self.first
        } else {
            self.next
        };
        self.has(HAS_SYN | HAS_PAYLOAD).then(|| Sent {
            end: self.next,
            len: self.next.wrapping_sub(first).into(),
        })
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

/// A SYN may come after this many bytes of its direction.
pub(super) const LATE_SYN: u32 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::super::Reassembler;
    use super::super::testing::{Bytes, Collected};
    use super::*;

    fn segment(sequence: u32, flags: u16) -> Segment {
        Segment {
            sequence,
            flags,
            ..Segment::default()
        }
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
}
