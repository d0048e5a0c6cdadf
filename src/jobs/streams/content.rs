//! Content of a stream: what waits to be written, and what was written.

use super::options::{Gaps, StreamRules};
use crate::capture::{LinkType, Nanos};
use crate::decode::ChecksumCounts;
use crate::stream::{PayloadSpan, Recent, Settled};
use crate::tcp::{Arrival, Gap, Piece};
use std::ops::Range;

/// A direction's files.
#[derive(Debug, Default)]
pub struct FileState {
    pub(super) content: Content,
    /// Where packets are written: how they start.
    pub(super) link_type: Option<LinkType>,
    /// Whether everything of it has come, and is written.
    pub(super) is_settled: bool,
    /// Whether it is in the list of those that wait to be written.
    pub(super) is_waiting: bool,
}

/// Content of a stream, and how much of it is written.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// In order, and not written yet.
    pub(super) pending: Vec<PayloadSpan>,
    /// Payload bytes that were delivered.
    pub(super) bytes: u64,
    /// Length of the file that is being written, in bytes.
    pub(super) written: u64,
    /// Segments with payload.
    pub(super) segments: u64,
    /// The last pieces that were written.
    pub(super) recent: Recent,
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
    /// Bytes that came again, to be compared with what was delivered.
    pub(super) repeated: Vec<Repeated>,
    /// Checksums of bytes that differed from a copy of them.
    pub(super) settled: Settled,
    pub(super) checksums: ChecksumCounts,
    /// Where runs of the stream start in its files.
    pub(super) runs: Vec<Run>,
    /// The file that is being written: more than one where gaps split a stream.
    pub(super) part: u32,
    /// Packets that have another link type than the first one.
    pub(super) mixed_link_types: u64,
    /// Bytes of gaps that zeros stand for, and gaps that are too long for that.
    pub(super) filled: u64,
    pub(super) unfilled: u64,
}

/// Bytes that came again.
#[derive(Debug)]
pub(super) struct Repeated {
    pub(super) offset: u64,
    pub(super) span: PayloadSpan,
    /// How many pieces were pending when they came.
    pub(super) pending: usize,
}

/// From this stream offset, bytes are consecutive in a file, starting at `at` (with headers between
/// them, where these are written).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) offset: u64,
    pub(super) part: u32,
    pub(super) at: u64,
}

impl FileState {
    /// Adds what was kept for packets that are this direction's.
    pub(super) fn absorb(&mut self, other: Self) {
        self.link_type = self.link_type.or(other.link_type);
        self.content.pending.extend(other.content.pending);
        self.content.segments += other.content.segments;
        if let Some(other) = other.content.rare {
            let rare = self.content.rare();
            rare.retransmitted += other.retransmitted;
            rare.out_of_order += other.out_of_order;
            rare.overlaps += other.overlaps;
            rare.conflicts += other.conflicts;
            rare.late += other.late;
            rare.mixed_link_types += other.mixed_link_types;
        }
    }
}

impl Content {
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The parts that have bytes, when all is written.
    pub(super) fn parts(&self) -> Range<u32> {
        let rare = self.rare.as_ref();
        let last = rare.map_or(0, |rare| rare.part);
        // Nothing precedes a gap at offset 0.
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
        let mut piece = PayloadSpan::lost_before(len, time);
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
    pub(super) fn push(&mut self, piece: PayloadSpan) {
        if self.pending.len() < FEW {
            self.pending.reserve_exact(1);
        }
        self.pending.push(piece);
    }

    /// Whether it is too large to be made into an archive's entry in memory, or parts of it are in
    /// files.
    pub(super) fn is_large(&self) -> bool {
        self.written > 0 || self.part() > 0 || self.pending_bytes() >= SMALL
    }

    /// Offset of the first byte that is not written, where `delivered` is that of the next one to
    /// be delivered.
    pub(super) fn written_offset(&self, delivered: u64) -> u64 {
        delivered.saturating_sub(self.pending_bytes())
    }

    /// Payload bytes that are not written.
    pub(super) fn pending_bytes(&self) -> u64 {
        self.pending.iter().map(|span| u64::from(span.len())).sum()
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
        for piece in rare.repeated.iter_mut().skip(repeated) {
            if arrival.is_conflict {
                piece.span.set_counted();
            }
        }
        rare.late += u64::from(arrival.before_start);
    }
}

/// Streams with fewer bytes are made into entries in memory.
const SMALL: u64 = 64 * 1024;
/// Pieces for which a list grows one by one.
const FEW: usize = 4;
/// Zeros that stand for gaps: as many at most in a stream, and more for each of its segments.
const MOST_FILLED: u64 = 16 * 1024 * 1024;
const MOST_FILLED_PER_SEGMENT: u64 = 4 * 1024;
