//! Segments that wait for what is missing in front of them.
//!
//! Sorted by stream offset, in blocks: adding behind all others is free, adding anywhere else
//! moves at most one block. A vector would move half of a million segments for each that comes
//! out of order, a tree takes twice the memory.

use super::piece::Piece;
use crate::number::piece_u32;
use std::collections::VecDeque;

/// Values by stream offset.
#[derive(Debug)]
pub(super) struct OutOfOrderQueue<P> {
    /// None of the blocks is empty.
    blocks: VecDeque<VecDeque<(u64, P)>>,
    /// How many bytes there are: those that were lost do not count.
    pub(super) bytes: u64,
}

impl<P> Default for OutOfOrderQueue<P> {
    fn default() -> Self {
        Self {
            blocks: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<P: Piece> OutOfOrderQueue<P> {
    pub(super) fn len(&self) -> usize {
        self.blocks.iter().map(VecDeque::len).sum()
    }

    pub(super) fn first(&self) -> Option<&(u64, P)> {
        self.blocks.front()?.front()
    }

    pub(super) fn last(&self) -> Option<&(u64, P)> {
        self.blocks.back()?.back()
    }

    pub(super) fn pop_first(&mut self) -> Option<(u64, P)> {
        let block = self.blocks.front_mut()?;
        let first = block.pop_front();
        if block.is_empty() {
            self.blocks.pop_front();
        }
        self.bytes -= first.as_ref().map_or(0, |(_, value)| bytes_of(value));
        first
    }

    /// The last value at or before an offset.
    pub(super) fn at_or_before(&self, offset: u64) -> Option<&(u64, P)> {
        let block = self.block_of(offset)?;
        let at = block.partition_point(|(start, _)| *start <= offset);
        block.get(at.checked_sub(1)?)
    }

    /// The first value behind an offset.
    pub(super) fn behind(&self, offset: u64) -> Option<&(u64, P)> {
        let number = self.number_of_block(offset);
        let block = self.blocks.get(number)?;
        let at = block.partition_point(|(start, _)| *start <= offset);
        block
            .get(at)
            .or_else(|| self.blocks.get(number + 1)?.front())
    }

    /// Adds a value. There must be none at this offset.
    pub(super) fn insert(&mut self, offset: u64, value: P) {
        self.bytes += bytes_of(&value);
        if self.last().is_none_or(|(last, _)| *last < offset) {
            match self.blocks.back_mut() {
                Some(block) if block.len() < BLOCK_LEN => block.push_back((offset, value)),
                _ => {
                    let mut block = VecDeque::with_capacity(FIRST_LEN);
                    block.push_back((offset, value));
                    self.blocks.push_back(block);
                }
            }
            return;
        }
        let number = self.number_of_block(offset);
        let Some(block) = self.blocks.get_mut(number) else {
            return;
        };
        let at = block.partition_point(|(start, _)| *start < offset);
        block.insert(at, (offset, value));
        if block.len() > BLOCK_LEN {
            let rest = block.split_off(BLOCK_LEN / 2);
            self.blocks.insert(number + 1, rest);
        }
    }

    /// Takes out the value at an offset.
    pub(super) fn remove(&mut self, offset: u64) -> Option<P> {
        let number = self.number_of_block(offset);
        let block = self.blocks.get_mut(number)?;
        let at = block
            .binary_search_by_key(&offset, |(start, _)| *start)
            .ok()?;
        let (_, value) = block.remove(at)?;
        if block.is_empty() {
            self.blocks.remove(number);
        }
        self.bytes -= bytes_of(&value);
        Some(value)
    }

    /// Takes out what is held from one offset to another; pieces that reach over them are cut.
    pub(super) fn cut(&mut self, from: u64, to: u64) {
        if let Some((start, piece)) = self.at_or_before(from)
            && start + u64::from(piece.len()) > from
        {
            let start = *start;
            self.cut_piece(start, from, to);
        }
        while let Some(start) = self
            .behind(from)
            .map(|(start, _)| *start)
            .filter(|it| *it < to)
        {
            self.cut_piece(start, from, to);
        }
    }

    /// Cuts the piece at an offset.
    fn cut_piece(&mut self, start: u64, from: u64, to: u64) {
        let Some(piece) = self.remove(start) else {
            return;
        };
        let end = start + u64::from(piece.len());
        let at = |offset: u64| piece_u32(offset - start);
        if start < from {
            self.insert(start, piece.part(0, at(from)));
        }
        if to < end {
            self.insert(to, piece.part(at(to), piece.len()));
        }
    }

    /// All values, in order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut (u64, P)> {
        self.blocks.iter_mut().flatten()
    }

    /// The last block that starts at or before an offset, or the first one.
    fn number_of_block(&self, offset: u64) -> usize {
        self.blocks
            .partition_point(|block| block.front().is_some_and(|(start, _)| *start <= offset))
            .saturating_sub(1)
    }

    fn block_of(&self, offset: u64) -> Option<&VecDeque<(u64, P)>> {
        self.blocks.get(self.number_of_block(offset))
    }
}

fn bytes_of(value: &impl Piece) -> u64 {
    if value.is_lost() {
        0
    } else {
        u64::from(value.len())
    }
}

/// Values in a block at most, and what one starts with room for.
const BLOCK_LEN: usize = 128;
const FIRST_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A piece of which only the number matters.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Numbered(u32);

    impl Piece for Numbered {
        fn len(&self) -> u32 {
            self.0
        }
        fn part(&self, _: u32, _: u32) -> Self {
            *self
        }
        fn lost(len: u32) -> Self {
            Self(len)
        }
        fn is_lost(&self) -> bool {
            false
        }
        fn set_waited(&mut self) {}
    }

    proptest! {
        #[test]
        fn is_a_sorted_map(changes in prop::collection::vec((any::<bool>(), 0..2000_u64), 0..3000)) {
            let mut held = OutOfOrderQueue::default();
            let mut map = BTreeMap::new();
            for ((adds, offset), number) in changes.into_iter().zip(1..) {
                let number = Numbered(number);
                if adds && !map.contains_key(&offset) {
                    held.insert(offset, number);
                    map.insert(offset, number);
                } else if !adds {
                    prop_assert_eq!(held.remove(offset), map.remove(&offset));
                }
                let probe = (u64::from(number.0) * 7) % 2000;
                let before = map.range(..=probe).next_back().map(|(k, v)| (*k, *v));
                prop_assert_eq!(held.at_or_before(probe).copied(), before);
                let behind = map.range(probe + 1..).next().map(|(k, v)| (*k, *v));
                prop_assert_eq!(held.behind(probe).copied(), behind);
                prop_assert_eq!(held.first().map(|it| it.0), map.keys().next().copied());
                prop_assert_eq!(held.last().map(|it| it.0), map.keys().next_back().copied());
                let bytes: u64 = map.values().map(|it| u64::from(it.0)).sum();
                prop_assert_eq!(held.bytes, bytes);
            }
            let all: Vec<_> = std::iter::from_fn(|| held.pop_first()).collect();
            prop_assert_eq!(all, map.into_iter().collect::<Vec<_>>());
        }
    }
}
