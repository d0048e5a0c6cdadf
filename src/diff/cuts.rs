//! Bytes of a stream that are in different packets on the other side: segmentation offload, smaller
//! segments on the way, fragmented datagrams.
//!
//! Each run of bytes of the receiver is searched in what the sender sent before, latest first, and
//! each byte is used once. Bytes are compared.

use super::class::{Changes, Extent, Link};
use crate::number::len_u32;
use std::collections::VecDeque;
use std::ops::Range;

/// A packet whose bytes have positions in a stream or a datagram.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Index of the packet on its side.
    pub(super) packet: u32,
    /// The time, real or expected, at the sender's point.
    pub(super) time: i64,
    /// Positions of its bytes, captured or not.
    pub(super) start: i64,
    pub(super) len: u32,
    /// Bytes at the start that are not compared: headers that address translation changes.
    pub(super) skip: u32,
}

/// Reads the captured bytes of runs.
pub(super) trait Bytes {
    /// The bytes of a packet of the sender.
    fn sent(&self, packet: u32) -> Vec<u8>;

    /// The bytes of a packet of the receiver.
    fn received(&self, packet: u32) -> Vec<u8>;
}

impl Run {
    fn end(&self) -> i64 {
        self.start.saturating_add(self.len.into())
    }

    /// The captured bytes of a range; `bytes` has all captured bytes of the run.
    fn slice<'a>(&self, bytes: &'a [u8], range: &Range<i64>) -> &'a [u8] {
        let from = usize::try_from(range.start.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let to = usize::try_from(range.end.saturating_sub(self.start)).unwrap_or(0);
        let to = to.min(bytes.len());
        bytes.get(from.min(to)..to).unwrap_or_default()
    }
}

/// Runs of the sender, and which parts of them were received.
struct Sent<'a> {
    bytes: &'a dyn Bytes,
    /// The captured bytes of recently used runs.
    cache: VecDeque<(usize, Vec<u8>)>,
    /// The runs, sorted by start.
    runs: Vec<Run>,
    /// For each run, the ranges already received, in order.
    used: Vec<Vec<Range<i64>>>,
    longest: i64,
}

/// Quality of a match, best first: whether bytes differ, whether it was sent later, and the
/// distance from its expected time.
type Rank = (bool, bool, i64);

/// Finds runs with common bytes. `early` is how long before it was sent a packet may seem to
/// arrive.
pub(super) fn common(
    mut sent: Vec<Run>,
    received: &[Run],
    bytes: &dyn Bytes,
    early: i64,
) -> Vec<Common> {
    sent.sort_by_key(|it| (it.start, it.time, it.packet));
    let longest = sent.iter().map(|it| it.len).max().unwrap_or(0);
    let mut sent = Sent {
        bytes,
        cache: VecDeque::new(),
        used: vec![Vec::new(); sent.len()],
        runs: sent,
        longest: longest.into(),
    };
    let mut found = Vec::new();
    for run in received {
        sent.receive(run, early, &mut found);
    }
    found
}

impl Sent<'_> {
    fn receive(&mut self, run: &Run, early: i64, found: &mut Vec<Common>) {
        let bytes = self.bytes.received(run.packet);
        let mut at = run.start;
        let mut pieces = 0;
        while at < run.end() && pieces < MOST_PIECES {
            pieces += 1;
            let Some((place, range, differs)) = self.best(run, &bytes, at, early) else {
                // These bytes were not sent: continue with the next run.
                at = self.next_start(at).min(run.end());
                continue;
            };
            at = range.end;
            if let (Some(used), Some(sender)) = (self.used.get_mut(place), self.runs.get(place)) {
                let bytes = len_u32(usize::try_from(range.end - range.start).unwrap_or(0));
                found.push(Common {
                    sent: sender.packet,
                    received: run.packet,
                    bytes,
                    differs,
                });
                let before = used.partition_point(|it| it.start < range.start);
                used.insert(before, range);
            }
        }
    }

    /// Finds the run that contains `at`, the usable part of it, and whether its bytes differ. Equal
    /// bytes are preferred, then the latest run sent before.
    fn best(
        &mut self,
        run: &Run,
        bytes: &[u8],
        at: i64,
        early: i64,
    ) -> Option<(usize, Range<i64>, bool)> {
        let from = self
            .runs
            .partition_point(|it| it.start <= at.saturating_sub(self.longest));
        let to = self.runs.partition_point(|it| it.start <= at);
        let mut best: Option<(Rank, usize, Range<i64>)> = None;
        for place in (from..to).rev().take(MOST_CANDIDATES) {
            let Some(free) = self.free_until(place, at) else {
                continue;
            };
            let range = at..free.min(run.end());
            let Some(differs) = self.differing(place, run, bytes, &range) else {
                continue;
            };
            let time = self.runs.get(place).map_or(0, |it| it.time);
            let late = run.time.saturating_sub(time);
            let rank = (differs, late < -early, late.saturating_abs());
            if best.as_ref().is_none_or(|it| rank < it.0) {
                best = Some((rank, place, range));
            }
        }
        best.map(|((differs, ..), place, range)| (place, range, differs))
    }

    /// Whether the bytes of a range differ; `None` if they are unrelated. Bytes not captured on one
    /// side count as equal.
    fn differing(
        &mut self,
        place: usize,
        run: &Run,
        bytes: &[u8],
        range: &Range<i64>,
    ) -> Option<bool> {
        if !self.cache.iter().any(|it| it.0 == place) {
            let packet = self.runs.get(place)?.packet;
            self.cache.push_back((place, self.bytes.sent(packet)));
            if self.cache.len() > MOST_CACHED {
                self.cache.pop_front();
            }
        }
        let sender = self.runs.get(place)?;
        let (_, of_sender) = self.cache.iter().find(|it| it.0 == place)?;
        let skipped = |run: &Run| run.start.saturating_add(run.skip.into());
        let start = range.start.max(skipped(sender)).max(skipped(run));
        let range = start..range.end.max(start);
        let (x, y) = (sender.slice(of_sender, &range), run.slice(bytes, &range));
        let equal = x.iter().zip(y).filter(|(x, y)| x == y).count();
        let both = x.len().min(y.len());
        if equal == both {
            Some(false)
        } else {
            (equal * 2 >= both).then_some(true)
        }
    }

    /// End of the part of a run that starts at `at` and was not yet received; `None` if `at` was.
    fn free_until(&self, place: usize, at: i64) -> Option<i64> {
        let end = self.runs.get(place)?.end();
        let used = self.used.get(place)?;
        let next = used.partition_point(|it| it.end <= at);
        let until = match used.get(next) {
            Some(it) if it.start <= at => return None,
            Some(it) => it.start,
            None => end,
        };
        (at < until).then_some(until)
    }

    /// Start of the next run.
    fn next_start(&self, at: i64) -> i64 {
        let next = self.runs.partition_point(|it| it.start <= at);
        self.runs.get(next).map_or(i64::MAX, |it| it.start)
    }
}

/// Bytes common to a packet of the sender and one of the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Common {
    pub(super) sent: u32,
    pub(super) received: u32,
    /// Number of bytes.
    pub(super) bytes: u32,
    /// Whether some of them differ.
    pub(super) differs: bool,
}

/// Converts common bytes to links between packets of A and B.
pub(super) fn links(mut found: Vec<Common>, sender_is_a: bool) -> Vec<Link> {
    found.sort_unstable_by_key(|it| (it.sent, it.received));
    let groups = found.chunk_by(|x, y| (x.sent, x.received) == (y.sent, y.received));
    let links = groups.filter_map(|group| {
        let &Common { sent, received, .. } = group.first()?;
        let bytes = group.iter().map(|it| it.bytes).fold(0, u32::saturating_add);
        let differs = group.iter().any(|it| it.differs);
        let (a, b) = if sender_is_a {
            (sent, received)
        } else {
            (received, sent)
        };
        Some(Link {
            a,
            b,
            extent: Extent::Bytes(bytes),
            changes: Changes::PAYLOAD.only_if(differs),
        })
    });
    links.collect()
}

/// Unwraps numbers modulo 2^32, each relative to the one before.
pub(super) struct Unwrapped {
    last: u32,
    place: i64,
}

impl Unwrapped {
    /// Positions relative to this number, which is at 0.
    pub(super) const fn from(number: u32) -> Self {
        Self {
            last: number,
            place: 0,
        }
    }

    pub(super) fn place(&mut self, number: u32) -> i64 {
        let step = number.wrapping_sub(self.last).cast_signed();
        self.place = self.place.saturating_add(step.into());
        self.last = number;
        self.place
    }
}

/// Cached runs of the sender.
const MOST_CACHED: usize = 8;
/// Runs of the sender searched for one position.
const MOST_CANDIDATES: usize = 64;
/// Runs of the sender per run of the receiver.
const MOST_PIECES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets with their times, positions and bytes.
    type Packets = Vec<(u32, i64, i64, &'static str)>;

    struct Texts {
        sent: Packets,
        received: Packets,
    }

    fn text(packets: &Packets, packet: u32) -> Vec<u8> {
        packets.iter().find(|it| it.0 == packet).unwrap().3.into()
    }

    impl Bytes for Texts {
        fn sent(&self, packet: u32) -> Vec<u8> {
            text(&self.sent, packet)
        }

        fn received(&self, packet: u32) -> Vec<u8> {
            text(&self.received, packet)
        }
    }

    fn runs(packets: &Packets) -> Vec<Run> {
        let runs = packets.iter().map(|&(packet, time, start, text)| Run {
            packet,
            time,
            start,
            len: len_u32(text.len()),
            skip: 0,
        });
        runs.collect()
    }

    fn found(sent: Packets, received: Packets) -> Vec<(u32, u32, u32, bool)> {
        let texts = Texts { sent, received };
        let found = common(runs(&texts.sent), &runs(&texts.received), &texts, 5);
        let found = found
            .iter()
            .map(|it| (it.sent, it.received, it.bytes, it.differs));
        found.collect()
    }

    #[test]
    fn one_that_became_several() {
        let whole = vec![(7, 0, 100, "abcdefgh")];
        let parts = vec![(1, 1, 100, "abc"), (2, 2, 103, "def"), (3, 3, 106, "gh")];
        let expected = [(7, 1, 3, false), (7, 2, 3, false), (7, 3, 2, false)];
        assert_eq!(found(whole.clone(), parts.clone()), expected);
        let expected = [(1, 7, 3, false), (2, 7, 3, false), (3, 7, 2, false)];
        assert_eq!(found(parts, whole), expected, "several became one");
    }

    #[test]
    fn what_is_used_up_is_not_found_again() {
        let received = vec![(1, 1, 0, "ab"), (2, 2, 0, "ab"), (3, 3, 2, "cd")];
        let expected = [(7, 1, 2, false), (7, 3, 2, false)];
        assert_eq!(found(vec![(7, 0, 0, "abcd")], received), expected);
    }

    #[test]
    fn of_two_transmissions_the_latest_before_is_meant() {
        let sent = vec![(1, 0, 0, "abcd"), (2, 100, 0, "abcd")];
        assert_eq!(
            found(sent.clone(), vec![(9, 50, 0, "ab")]),
            [(1, 9, 2, false)]
        );
        assert_eq!(found(sent, vec![(9, 150, 0, "ab")]), [(2, 9, 2, false)]);
    }

    #[test]
    fn other_bytes_are_not_these() {
        let sent = vec![(1, 0, 0, "abcdefgh")];
        assert_eq!(found(sent.clone(), vec![(9, 1, 0, "xxxx")]), []);
        assert_eq!(found(sent, vec![(9, 1, 0, "abcx")]), [(1, 9, 4, true)]);
    }

    #[test]
    fn what_was_not_sent_is_passed_over() {
        let sent = vec![(1, 0, 0, "ab"), (2, 0, 4, "ef")];
        let expected = [(1, 9, 2, false), (2, 9, 2, false)];
        assert_eq!(found(sent, vec![(9, 1, 0, "abcdef")]), expected);
    }

    #[test]
    fn numbers_wrap() {
        let mut places = Unwrapped::from(u32::MAX - 1);
        let found = [u32::MAX - 1, 5, u32::MAX].map(|it| places.place(it));
        assert_eq!(found, [0, 7, 1]);
    }
}
