//! The last pieces of a stream that were written, and what checksums have said of its bytes.
//!
//! When a copy comes whose bytes differ, the segment that brought the first ones may be in its file
//! already. Its payload can be read there, but its header is nowhere; so the sum of header and
//! pseudo header is kept, for the last [`MOST_RECENT`] pieces of each stream: 8 bytes each.
//!
//! How many pieces may have come between two copies is a number of the stream, so that the bytes of a
//! stream depend neither on windows nor on whether the capture is a file.

use super::bytes::PayloadSpan;
use crate::decode::{Checksum, NetworkKey, PseudoHeader, Sum, checksum};
use crate::error::Error;
use crate::number::len_u32;
use crate::tcp::Piece;
use std::collections::BTreeMap;
use std::ops::Range;

/// Pieces of a stream, written or pending, whose bytes may give way to a copy.
pub(crate) const MOST_RECENT: usize = 256;

/// The last pieces that were written, in order.
#[derive(Debug, Default)]
pub(crate) struct Recent(Box<[RecentPiece]>);

/// A piece that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecentPiece {
    len: u32,
    known: Known,
}

/// What is known of the checksum of a piece that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// What it says.
    Checksum(Checksum),
    /// The sum of the segment without its payload, which is the piece.
    Sum(u16),
    /// The same, where the checksum is that of the pseudo header alone.
    Unfinished(u16),
}

impl Known {
    /// What the checksum says; `payload` reads the bytes of the piece.
    pub(crate) fn checksum(
        self,
        payload: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Checksum, Error> {
        let (sum, otherwise) = match self {
            Self::Checksum(checksum) => return Ok(checksum),
            Self::Sum(sum) => (sum, Checksum::Wrong),
            Self::Unfinished(sum) => (sum, Checksum::Unchecked),
        };
        let is_right = Sum::of_folded(sum).with(&payload()?).is_right();
        Ok(if is_right { Checksum::Right } else { otherwise })
    }
}

const _: () = assert!(
    size_of::<RecentPiece>() == 8,
    "up to 256 for each stream that was written"
);

impl RecentPiece {
    /// A piece that is about to be written, between these endpoints; `segment` are the bytes of its
    /// segment, if its checksum can be computed.
    pub(crate) fn new(piece: &PayloadSpan, network: &NetworkKey, segment: Option<&[u8]>) -> Self {
        let known = segment.map_or(Known::Checksum(Checksum::Unchecked), |segment| {
            let known = sum_without_payload(piece, segment, network);
            let NetworkKey {
                src, dst, protocol, ..
            } = *network;
            known.unwrap_or_else(|| Known::Checksum(checksum(src, dst, protocol, segment)))
        });
        let len = piece.len();
        Self { len, known }
    }
}

/// The sum of a piece's segment but for the piece, where that is all of its payload.
fn sum_without_payload(piece: &PayloadSpan, segment: &[u8], network: &NetworkKey) -> Option<Known> {
    let header_len = u32::from(*segment.get(12)? >> 4) * 4;
    let len = len_u32(segment.len());
    if header_len != piece.skip() || header_len + piece.len() != len {
        return None;
    }
    let header = segment.get(..header_len as usize)?;
    let &[a, b] = header.get(16..)?.first_chunk()?;
    let NetworkKey {
        src, dst, protocol, ..
    } = *network;
    let pseudo_header = PseudoHeader {
        src,
        dst,
        protocol,
        len,
    };
    let sum = pseudo_header.sum().with(header).folded();
    Some(if pseudo_header.is_all_of(u16::from_le_bytes([a, b])) {
        Known::Unfinished(sum)
    } else {
        Known::Sum(sum)
    })
}

impl Recent {
    /// Adds pieces that were written after these; the oldest are forgotten.
    pub(crate) fn extend(&mut self, new: Vec<RecentPiece>) {
        let room = MOST_RECENT.saturating_sub(new.len());
        let old = self.0.get(self.0.len().saturating_sub(room)..);
        self.0 = match old.unwrap_or_default() {
            // Most streams are written once.
            [] => new.into(),
            old => [old, &new].concat().into(),
        };
    }

    /// Offset of the first of the last `count` pieces, where the last one ends at `end`.
    pub(crate) fn start_of_last(&self, count: usize, end: u64) -> u64 {
        let last = self.0.iter().rev().take(count);
        end - last.map(|it| u64::from(it.len)).sum::<u64>().min(end)
    }

    /// The piece that holds the byte at an offset, and what is known of its checksum, where the last
    /// piece ends at `end`.
    pub(crate) fn find(&self, offset: u64, end: u64) -> Option<(Range<u64>, Known)> {
        let mut end = end;
        for piece in self.0.iter().rev() {
            let start = end.checked_sub(u64::from(piece.len))?;
            if start <= offset {
                return (offset < end).then_some((start..end, piece.known));
            }
            end = start;
        }
        None
    }
}

/// Parts of a stream whose bytes have differed from a copy, and the checksums of the segments whose
/// bytes these are now. Parts do not overlap.
#[derive(Debug, Default)]
pub(crate) struct Settled(BTreeMap<u64, (u64, Checksum)>);

impl Settled {
    /// What is known of the byte at an offset, and where the same is no longer true.
    pub(crate) fn at(&self, offset: u64) -> (Option<Checksum>, u64) {
        let before = self.0.range(..=offset).next_back();
        match before {
            Some((_, &(end, checksum))) if end > offset => (Some(checksum), end),
            _ => {
                let next = self.0.range(offset..).next();
                (None, next.map_or(u64::MAX, |(start, _)| *start))
            }
        }
    }

    /// Notes a part's checksum; what was known of it before is no longer true.
    pub(crate) fn set(&mut self, part: Range<u64>, checksum: Checksum) {
        self.cut(part.start);
        self.cut(part.end);
        while let Some((&inside, _)) = self.0.range(part.clone()).next() {
            self.0.remove(&inside);
        }
        self.0.insert(part.start, (part.end, checksum));
    }

    /// No part that reaches over an offset is in one piece any more.
    fn cut(&mut self, at: u64) {
        if let Some((_, place)) = self.0.range_mut(..at).next_back()
            && place.0 > at
        {
            let rest = *place;
            place.0 = at;
            self.0.insert(at, rest);
        }
    }

    /// Forgets parts that end before an offset.
    pub(crate) fn forget_before(&mut self, offset: u64) {
        while let Some(first) = self.0.first_entry()
            && first.get().0 <= offset
        {
            first.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn piece(len: u32) -> RecentPiece {
        let known = Known::Sum(0);
        RecentPiece { len, known }
    }

    #[test]
    fn the_last_pieces_are_found_by_their_offsets() {
        let mut recent = Recent::default();
        recent.extend(vec![piece(10), piece(5)]);
        recent.extend(vec![piece(1)]);
        let found = |offset| recent.find(offset, 116).map(|(range, _)| range);
        assert_eq!(found(99), None, "forgotten");
        assert_eq!(found(100), Some(100..110));
        assert_eq!(found(109), Some(100..110));
        assert_eq!(found(110), Some(110..115));
        assert_eq!(found(115), Some(115..116));
        assert_eq!(found(116), None, "not written");
        assert_eq!(recent.start_of_last(0, 116), 116);
        assert_eq!(recent.start_of_last(2, 116), 110);
        assert_eq!(recent.start_of_last(9, 116), 100);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recent = Recent::default();
        recent.extend(vec![piece(1); 3]);
        recent.extend(vec![piece(2); MOST_RECENT - 1]);
        assert_eq!(recent.0.len(), MOST_RECENT);
        assert_eq!(recent.0[0].len, 1);
        recent.extend(vec![piece(3); MOST_RECENT + 7]);
        assert_eq!(recent.0.len(), MOST_RECENT + 7, "as many as are given");
    }

    #[test]
    fn parts_are_settled_one_over_the_other() {
        let mut settled = Settled::default();
        assert_eq!(settled.at(5), (None, u64::MAX));
        settled.set(10..20, Checksum::Wrong);
        settled.set(13..15, Checksum::Right);
        assert_eq!(settled.at(5), (None, 10));
        assert_eq!(settled.at(10), (Some(Checksum::Wrong), 13));
        assert_eq!(settled.at(14), (Some(Checksum::Right), 15));
        assert_eq!(settled.at(15), (Some(Checksum::Wrong), 20));
        assert_eq!(settled.at(20), (None, u64::MAX));
        settled.set(14..16, Checksum::Unchecked);
        assert_eq!(settled.at(13), (Some(Checksum::Right), 14));
        assert_eq!(settled.at(15), (Some(Checksum::Unchecked), 16));
        assert_eq!(settled.at(16), (Some(Checksum::Wrong), 20));
        settled.set(0..30, Checksum::Right);
        assert_eq!(settled.at(0), (Some(Checksum::Right), 30));
        settled.set(40..41, Checksum::Right);
        settled.forget_before(30);
        assert_eq!(settled.at(0), (None, 40));
    }
}
