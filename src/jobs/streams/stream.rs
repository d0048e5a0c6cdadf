//! What is kept of each stream.

use super::options::{Gaps, StreamRules};
use super::payload::{Payload, Source};
use crate::capture::{LinkType, Nanos};
use crate::error::Error;
use crate::output::stream::{Gap, StreamEnd};
use crate::tcp::{Arrival, Piece, Reassembler, Sink};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// No stream, no pair: an index that none has.
pub(super) const NONE: u32 = u32::MAX;

/// One direction of a connection; of UDP, of all packets between two endpoints.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) tcp: Reassembler<Payload>,
    pub(super) content: Content,
    pub(super) first: Nanos,
    pub(super) last: Nanos,
    /// The time of its first packet in the capture: names do not change when clocks jump.
    pub(super) started: Nanos,
    /// The flow of its first packet.
    pub(super) flow: u32,
    /// The endpoints that it is between.
    pub(super) pair: u32,
    /// From 1 for each pair of endpoints.
    pub(super) connection: u32,
    /// The last acknowledgment number that was sent.
    pub(super) acknowledged: u32,
    pub(super) link_type: LinkType,
    /// Shift of the window, if this side's SYN has one.
    pub(super) window_scale: Option<u8>,
    pub(super) is_reverse: bool,
    pub(super) has_acknowledged: bool,
    pub(super) was_reset: bool,
    pub(super) verdict: Verdict,
    /// Whether everything of it has come, and is written.
    pub(super) is_settled: bool,
    /// Whether it is in the list of those that something came for in this window.
    pub(super) is_touched: bool,
    /// Whether it is in the list of those that wait to be written.
    pub(super) is_waiting: bool,
}

/// Whether a stream is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wanted,
    /// Only followed to tell connections apart.
    Refused,
    /// Its FlowID decides, which it gets at the end of the window.
    ById,
}

/// What a stream holds, and how much of it is written.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// In order, and not written yet.
    pub(super) pending: Vec<Payload>,
    /// Payload bytes that were delivered.
    pub(super) bytes: u64,
    /// Length of the file that is being written, in bytes.
    pub(super) written: u64,
    /// Segments with payload.
    pub(super) segments: u64,
    /// What only some streams have.
    pub(super) rare: Option<Box<Rare>>,
}

/// What only streams with losses or retransmissions have.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pub(super) retransmitted: u64,
    pub(super) out_of_order: u64,
    pub(super) overlaps: u64,
    pub(super) conflicts: u64,
    pub(super) late: u64,
    /// Bytes of all gaps.
    pub(super) lost: u64,
    /// In order, and apart from each other.
    pub(super) gaps: Vec<Gap>,
    /// Bytes that came again, with their offsets, to be compared with what was delivered.
    pub(super) repeated: Vec<(u64, Payload)>,
    /// Where in the files runs of the stream stand.
    pub(super) runs: Vec<Run>,
    /// The file that is being written: more than one where gaps split a stream.
    pub(super) part: u32,
    /// Packets that have another link type than the first one.
    pub(super) mixed_link_types: u64,
    /// Bytes of gaps that zeros stand for, and gaps that are too long for that.
    pub(super) filled: u64,
    pub(super) unfilled: u64,
}

/// From a stream offset on, bytes stand one behind the other from an offset of a file on (with
/// headers between them, where these are written).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) offset: u64,
    pub(super) part: u32,
    pub(super) at: u64,
}

impl Stream {
    pub(super) fn new(flow: u32, pair: u32, connection: u32, verdict: Verdict) -> Self {
        Self {
            tcp: Reassembler::default(),
            content: Content::default(),
            first: Nanos::MAX,
            last: Nanos::MIN,
            started: Nanos(0),
            flow,
            pair,
            connection,
            acknowledged: 0,
            link_type: LinkType::default(),
            window_scale: None,
            is_reverse: false,
            has_acknowledged: false,
            was_reset: false,
            verdict,
            is_settled: false,
            is_touched: false,
            is_waiting: false,
        }
    }

    /// Offset of the first byte that is not written.
    pub(super) fn written_offset(&self) -> u64 {
        let pending: u64 = self
            .content
            .pending
            .iter()
            .map(|it| u64::from(it.len()))
            .sum();
        self.tcp.delivered().saturating_sub(pending)
    }

    /// Keeps what waits and stands only in the window.
    pub(super) fn keep(&mut self, source: &Source<'_>, memory: &Arc<AtomicU64>) {
        let repeated = self
            .content
            .rare
            .iter_mut()
            .flat_map(|rare| &mut rare.repeated);
        let waiting = self.tcp.held_mut();
        let all = waiting
            .chain(&mut self.content.pending)
            .chain(repeated.map(|(_, piece)| piece));
        for piece in all.filter(|it| it.is_only_in_window()) {
            piece.keep(source, memory);
        }
    }

    /// How it ended.
    pub(super) const fn end(&self) -> StreamEnd {
        if self.tcp.has_fin() {
            StreamEnd::Fin
        } else if self.was_reset {
            StreamEnd::Rst
        } else {
            StreamEnd::Open
        }
    }
}

impl Content {
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// How far a stream of datagrams has come: bytes that were captured, and those that were not.
    pub(super) fn offset(&self) -> u64 {
        self.bytes + self.rare.as_ref().map_or(0, |rare| rare.lost)
    }

    /// The parts that have bytes, when all is written.
    pub(super) fn parts(&self) -> Range<u32> {
        let rare = self.rare.as_ref();
        let last = rare.map_or(0, |rare| rare.part);
        // In front of a gap at the very start there is nothing.
        let starts_with_gap =
            rare.is_some_and(|rare| rare.gaps.first().is_some_and(|gap| gap.offset == 0));
        let first = u32::from(last > 0 && starts_with_gap);
        let end = if self.written > 0 { last + 1 } else { last };
        first..end
    }

    /// Whether there is a file, or will be one.
    pub(super) fn has_content(&self) -> bool {
        !self.parts().is_empty()
            || self
                .pending
                .iter()
                .any(|it| !it.is_lost() || it.is_filled())
    }

    /// Whether there is anything to be written or compared.
    pub(super) fn has_work(&self) -> bool {
        !self.pending.is_empty() || self.has_repeated()
    }

    /// The part that is being written.
    pub(super) fn part(&self) -> u32 {
        self.rare.as_ref().map_or(0, |rare| rare.part)
    }

    /// How many pieces wait to be compared.
    pub(super) fn repeated_len(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.repeated.len())
    }

    /// Whether there are bytes to be compared.
    pub(super) fn has_repeated(&self) -> bool {
        self.rare.as_ref().is_some_and(|it| !it.repeated.is_empty())
    }

    /// Bytes that were not captured, before a packet with this time.
    pub(super) fn lose(&mut self, offset: u64, len: u32, time: Nanos, rules: &StreamRules) {
        let mut piece = Payload::lost_before(len, time);
        let segments = self.segments;
        let rare = self.rare();
        let len = u64::from(len);
        rare.lost += len;
        match rare.gaps.last_mut() {
            Some(last) if last.offset + last.len == offset => last.len += len,
            _ => rare.gaps.push(Gap { offset, len }),
        }
        // What an attacker makes us write stays in proportion to what was sent.
        let most = MOST_FILLED + segments.saturating_mul(MOST_FILLED_PER_SEGMENT);
        if rules.gaps == Gaps::Zero && rare.filled + len <= most {
            rare.filled += len;
            piece.set_filled();
        } else if rules.gaps == Gaps::Zero {
            rare.unfilled += 1;
        }
        if !rules.as_pcap {
            self.push(piece);
        }
    }

    /// Adds a piece that is to be written. Most streams have few: these take no room for more.
    #[inline]
    pub(super) fn push(&mut self, piece: Payload) {
        if self.pending.len() < FEW {
            self.pending.reserve_exact(1);
        }
        self.pending.push(piece);
    }

    /// Counts what a segment brought.
    /// `repeated` is how many pieces waited to be compared before.
    pub(super) fn count(&mut self, arrival: &Arrival, repeated: usize) {
        if *arrival == Arrival::default() {
            return;
        }
        let rare = self.rare();
        rare.retransmitted += u64::from(arrival.repeated);
        rare.overlaps += u64::from(arrival.repeated > 0);
        rare.out_of_order += u64::from(arrival.is_out_of_order);
        rare.conflicts += u64::from(arrival.is_conflict);
        // Its front may have been delivered before, and be compared later.
        for (_, piece) in rare.repeated.iter_mut().skip(repeated) {
            if arrival.is_conflict {
                piece.set_counted();
            }
        }
        rare.late += u64::from(arrival.before_start);
    }
}

/// Where a stream's bytes go while it is put together.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    pub(super) content: &'a mut Content,
    /// Offset of what comes next.
    pub(super) offset: u64,
    /// When the packet was captured that makes something come.
    pub(super) time: Nanos,
    pub(super) rules: &'a StreamRules,
    pub(super) is_wanted: bool,
    /// For pieces that are to be compared, and what goes wrong then.
    pub(super) source: Source<'a>,
    pub(super) error: &'a mut Option<Error>,
}

impl Delivery<'_> {
    /// Packets are written instead of payload, or nothing is.
    fn is_payload_wanted(&self) -> bool {
        self.is_wanted && !self.rules.as_pcap
    }
}

impl Sink<Payload> for Delivery<'_> {
    #[inline]
    fn deliver(&mut self, piece: Payload) {
        let len = piece.len();
        if piece.is_lost() {
            if self.is_wanted {
                self.content.lose(self.offset, len, self.time, self.rules);
            }
        } else {
            self.content.bytes += u64::from(len);
            if self.is_payload_wanted() {
                self.content.push(piece);
            }
        }
        self.offset += u64::from(len);
    }

    fn repeated(&mut self, offset: u64, piece: Payload) {
        if self.is_payload_wanted() {
            self.content.rare().repeated.push((offset, piece));
        }
    }

    fn differ(&mut self, a: &Payload, b: &Payload) -> bool {
        if !self.is_payload_wanted() {
            return false;
        }
        let mut scratch = (Vec::new(), Vec::new());
        let a = a.read(0, a.len(), &self.source, &mut scratch.0);
        let b = b.read(0, b.len(), &self.source, &mut scratch.1);
        match (a, b) {
            (Ok(a), Ok(b)) => a != b,
            (Err(error), _) | (_, Err(error)) => {
                self.error.get_or_insert(error);
                false
            }
        }
    }
}

/// Pieces for which a list grows one by one.
const FEW: usize = 4;
/// Zeros that stand for gaps: as many at most in a stream, and more for each of its segments.
const MOST_FILLED: u64 = 16 * 1024 * 1024;
const MOST_FILLED_PER_SEGMENT: u64 = 4 * 1024;
