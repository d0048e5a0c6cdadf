//! How much of a direction has been seen.

use super::super::piece::Piece;
use super::super::progress::{Extent, LATE_SYN, Sent};
use super::{FARTHEST_FIN, HAS_EMPTY, HAS_FIN, HAS_PAYLOAD, HAS_SYN, IS_ANCHORED, Reassembler};
use crate::number::modulo_u32;

impl<P: Piece> Extent for Reassembler<P> {
    fn initial_sequence(&self) -> Option<u32> {
        self.has(HAS_SYN).then_some(self.initial_sequence)
    }

    fn has_payload(&self) -> bool {
        self.has(HAS_PAYLOAD)
    }

    fn only_empty(&self) -> Option<u32> {
        let is_only = self.state & (HAS_SYN | HAS_PAYLOAD) == 0 && self.has(HAS_EMPTY);
        is_only.then_some(self.next_sequence)
    }

    fn sent(&self) -> Option<Sent> {
        let first = self.held.as_ref().and_then(|held| held.first());
        let start = match first {
            Some((first, _)) if !self.has(IS_ANCHORED) => *first,
            _ => 0,
        };
        let highest = self.highest();
        let ahead = modulo_u32(highest.wrapping_sub(self.next));
        let end = self.next_sequence.wrapping_add(ahead);
        // A FIN says how much there is, whatever is still missing.
        let missing = match self.fin_sequence.wrapping_sub(end) {
            missing if self.has(HAS_FIN) && u64::from(missing) <= FARTHEST_FIN => missing,
            _ => 0,
        };
        (self.state & (HAS_SYN | HAS_PAYLOAD) != 0).then(|| Sent {
            end: end.wrapping_add(missing),
            len: highest.saturating_sub(start) + u64::from(missing),
        })
    }

    #[inline]
    fn beyond(&self, sequence: u32) -> Option<i64> {
        if self.state & (HAS_SYN | HAS_PAYLOAD) == 0 {
            return self
                .only_empty()
                .map(|last| sequence.wrapping_sub(last).cast_signed().into());
        }
        let offset = self.offset_of(sequence);
        Some(offset.saturating_sub_unsigned(self.highest()))
    }

    #[inline]
    fn is_last(&self, sequence: u32) -> bool {
        if self.state & (HAS_SYN | HAS_PAYLOAD) == 0 {
            return false;
        }
        let after = u64::try_from(self.offset_of(sequence).saturating_add(1));
        after.is_ok_and(|it| it == self.highest() || (it == self.next && self.has(IS_ANCHORED)))
    }

    fn accepts_late_syn(&self, sequence: u32) -> bool {
        if !self.has(HAS_PAYLOAD) || self.has(HAS_SYN) {
            return false;
        }
        let start = self.held.as_ref().and_then(|held| held.first());
        let start = match start {
            Some((first, _)) if !self.has(IS_ANCHORED) => *first,
            _ => 0,
        };
        let first = self.offset_of(sequence.wrapping_add(1));
        let before = first.saturating_sub_unsigned(start).saturating_neg();
        (0..=i64::from(LATE_SYN)).contains(&before)
    }
}
