//! Which of the connections between two endpoints a segment belongs to.
//!
//! Ports are used again. A SYN with a new initial sequence number starts the next connection; one
//! that was sent or captured twice, or overtaken by its data, does not. What comes late still
//! belongs to the connection before.

use super::reassembler::{Piece, Reassembler};
use super::segment::Segment;

/// What is known of the connection that a segment may belong to, seen from its direction.
#[derive(Debug)]
pub struct Neighbours<'a, P> {
    /// Its direction of the current connection.
    pub current: Option<&'a Reassembler<P>>,
    /// Its direction of the connection before that.
    pub previous: Option<&'a Reassembler<P>>,
    /// The other direction of the current connection.
    pub peer: Option<&'a Reassembler<P>>,
    /// The last acknowledgment number that the other direction sent in the current connection.
    pub acknowledged: Option<u32>,
}

/// Which connection a segment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The current one.
    Current,
    /// The current one, whose SYN has been replaced by this one.
    CurrentAgain,
    /// The one before.
    Previous,
    /// One that it starts.
    Next,
}

impl<P: Piece> Neighbours<'_, P> {
    /// Says where a segment belongs.
    #[inline]
    pub fn place(&self, segment: &Segment) -> Place {
        if segment.has(Segment::SYN) {
            self.place_of_syn(segment)
        } else if self.previous.is_some() {
            self.place_of_late(segment.sequence)
        } else {
            Place::Current
        }
    }

    #[cold]
    fn place_of_syn(&self, segment: &Segment) -> Place {
        let sequence = Some(segment.sequence);
        let is_of = |stream: Option<&Reassembler<P>>| {
            stream.is_some_and(|it| it.initial_sequence() == sequence)
        };
        if is_of(self.current) {
            return Place::Current;
        }
        if is_of(self.previous) {
            return Place::Previous;
        }
        let asked = self.peer.and_then(Reassembler::initial_sequence);
        let asked = asked.filter(|_| segment.has(Segment::ACK));
        let asked = asked.map(|it| it.wrapping_add(1));
        match self.current {
            Some(stream) if stream.accepts_late_syn(segment.sequence) => Place::Current,
            Some(stream) if stream.initial_sequence().is_some() => {
                // A server that forgot its answer gives another one to the same SYN.
                if asked == Some(segment.acknowledgment) && !stream.has_payload() {
                    Place::CurrentAgain
                } else {
                    Place::Next
                }
            }
            Some(stream) if stream.has_payload() => Place::Next,
            stream => {
                // Nothing that counts came from here yet. An answer tells what it answers; else
                // there may be segments without payload, and what the other side acknowledged.
                let first = segment.payload_sequence();
                let fits = match asked {
                    Some(asked) => is_near(segment.acknowledgment, asked),
                    None => {
                        let seen = stream.and_then(Reassembler::only_empty);
                        seen.is_none_or(|it| is_near(it, first))
                    }
                };
                if fits && self.acknowledged.is_none_or(|it| is_near(it, first)) {
                    Place::Current
                } else {
                    Place::Next
                }
            }
        }
    }

    /// A segment without SYN, where there was a connection before.
    fn place_of_late(&self, sequence: u32) -> Place {
        let distance =
            |stream: Option<&Reassembler<P>>| stream.and_then(|it| it.distance(sequence));
        let is_of_previous = distance(self.previous).is_some_and(|it| LATE.contains(&it));
        let is_of_current = match distance(self.current) {
            Some(distance) => distance.unsigned_abs() < FAR,
            None => false,
        };
        if is_of_previous && !is_of_current {
            Place::Previous
        } else {
            Place::Current
        }
    }
}

fn is_near(a: u32, b: u32) -> bool {
    let distance = a.wrapping_sub(b);
    distance.min(distance.wrapping_neg()) <= NEAR
}

/// What a direction may have acknowledged beyond a SYN that came late.
const NEAR: u32 = 1024 * 1024;
/// What comes late is no further than this from the end of its stream.
const LATE: std::ops::Range<i64> = -16 * 1024 * 1024..1024 * 1024;
/// Segments of a connection are closer together than this, as a rule.
const FAR: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
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
        let neighbours = Neighbours {
            current: Some(&current),
            previous: Some(&previous),
            peer: None,
            acknowledged: None,
        };
        let place = |sequence| neighbours.place(&segment(sequence, Segment::SYN));
        assert_eq!(place(1000), Place::Current, "sent again");
        assert_eq!(place(50), Place::Previous, "long overdue");
        assert_eq!(place(77_777), Place::Next);
    }

    #[test]
    fn a_syn_behind_its_data_is_no_new_connection() {
        let current = stream(None, Some((1001, "data")));
        let neighbours = Neighbours {
            current: Some(&current),
            previous: None,
            peer: None,
            acknowledged: None,
        };
        let place = |sequence| neighbours.place(&segment(sequence, Segment::SYN));
        assert_eq!(place(1000), Place::Current);
        assert_eq!(place(2000), Place::Next, "behind the data");
        assert_eq!(
            place(1000_u32.wrapping_sub(2_000_000)),
            Place::Next,
            "far in front of it"
        );
    }

    #[test]
    fn what_comes_late_belongs_to_the_connection_before() {
        let previous = stream(Some(1000), Some((1001, "data")));
        let current = stream(Some(3_000_000_000), None);
        let mut neighbours = Neighbours {
            current: None,
            previous: Some(&previous),
            peer: None,
            acknowledged: None,
        };
        assert_eq!(
            neighbours.place(&segment(1005, Segment::ACK)),
            Place::Previous
        );
        assert_eq!(neighbours.place(&segment(900_000_000, 0)), Place::Current);
        neighbours.current = Some(&current);
        assert_eq!(
            neighbours.place(&segment(1005, Segment::FIN)),
            Place::Previous
        );
        assert_eq!(neighbours.place(&segment(3_000_000_001, 0)), Place::Current);
    }

    #[test]
    fn an_answer_to_another_syn_starts_the_next_connection() {
        let client = stream(Some(0), None);
        let neighbours = Neighbours {
            current: None,
            previous: None,
            peer: Some(&client),
            acknowledged: None,
        };
        let place = |acknowledgment| {
            neighbours.place(&Segment {
                acknowledgment,
                ..segment(900, Segment::SYN | Segment::ACK)
            })
        };
        assert_eq!(place(1), Place::Current);
        assert_eq!(place(100), Place::Current, "with data in the SYN");
        assert_eq!(place(150_000_001), Place::Next);
    }

    #[test]
    fn a_syn_behind_segments_of_an_older_connection() {
        let mut current = stream(None, None);
        current.empty(1);
        let client = stream(Some(76), None);
        let mut neighbours = Neighbours {
            current: Some(&current),
            previous: None,
            peer: None,
            acknowledged: None,
        };
        let syn = segment(150_000_000, Segment::SYN);
        assert_eq!(neighbours.place(&syn), Place::Next);
        let overtaken = segment(0, Segment::SYN);
        assert_eq!(neighbours.place(&overtaken), Place::Current);
        // A reset has any number, but the answer that follows says what it answers.
        neighbours.peer = Some(&client);
        let answer = Segment {
            acknowledgment: 77,
            ..segment(150_000_000, Segment::SYN | Segment::ACK)
        };
        assert_eq!(neighbours.place(&answer), Place::Current);
    }

    #[test]
    fn a_syn_that_fits_what_the_other_side_acknowledges() {
        let none = |acknowledged| Neighbours::<Bytes> {
            current: None,
            previous: None,
            peer: None,
            acknowledged,
        };
        let syn = segment(1000, Segment::SYN);
        assert_eq!(none(None).place(&syn), Place::Current);
        assert_eq!(none(Some(1001)).place(&syn), Place::Current);
        assert_eq!(none(Some(3_000_000)).place(&syn), Place::Next);
    }
}
