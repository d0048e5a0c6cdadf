//! Sets of FlowIDs, as `--extract 7,9-12` gives them.
//!
//! FlowIDs count from 1 in the order of the first packet of each flow. A set is kept as sorted
//! ranges that neither overlap nor touch, so its size depends on how it was written, never on how
//! many flows a range holds.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::word::{Number, number, quote};

/// A set of FlowIDs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdSet {
    /// Sorted; each range starts at least 2 after the end of the one before.
    ranges: Vec<RangeInclusive<u64>>,
}

impl IdSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The set of these FlowIDs, which are in order.
    pub fn from_sorted(ids: impl IntoIterator<Item = u64>) -> Self {
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
        for id in ids {
            match ranges.last_mut() {
                Some(range) if *range.end() >= id => {}
                Some(range) if *range.end() + 1 == id => *range = *range.start()..=id,
                _ => ranges.push(id..=id),
            }
        }
        Self { ranges }
    }

    /// Whether this FlowID is in the set.
    pub fn contains(&self, id: u64) -> bool {
        let before = self.ranges.partition_point(|range| *range.end() < id);
        self.ranges
            .get(before)
            .is_some_and(|range| range.contains(&id))
    }

    /// The highest FlowID in the set: when the flow list has passed it, no more flows are found.
    pub fn max(&self) -> Option<u64> {
        self.ranges.last().map(|range| *range.end())
    }

    /// Whether no FlowID is in the set.
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The set as ranges, ascending, with gaps between them.
    pub fn ranges(&self) -> &[RangeInclusive<u64>] {
        &self.ranges
    }

    /// Adds all FlowIDs of another set, as for an option that was given twice.
    pub fn merge(&mut self, other: Self) {
        self.ranges.extend(other.ranges);
        self.normalize();
    }

    fn normalize(&mut self) {
        self.ranges.sort_unstable_by_key(|range| *range.start());
        self.ranges.dedup_by(|next, kept| {
            let touches = *next.start() <= kept.end().saturating_add(1);
            if touches && next.end() > kept.end() {
                *kept = *kept.start()..=*next.end();
            }
            touches
        });
    }
}

impl Extend<Self> for IdSet {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, sets: T) {
        self.ranges
            .extend(sets.into_iter().flat_map(|set| set.ranges));
        self.normalize();
    }
}

impl FromIterator<Self> for IdSet {
    fn from_iter<T: IntoIterator<Item = Self>>(sets: T) -> Self {
        let mut all = Self::new();
        all.extend(sets);
        all
    }
}

/// `7,9-12`: what is printed parses to an equal set, unless the set is empty.
impl fmt::Display for IdSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

impl FromStr for IdSet {
    type Err = IdSetError;

    /// Reads FlowIDs and ranges of them, in any order, separated by commas. Spaces around each
    /// are passed over.
    fn from_str(text: &str) -> Result<Self, IdSetError> {
        let mut set = Self {
            ranges: text.split(',').map(parse_piece).collect::<Result<_, _>>()?,
        };
        set.normalize();
        Ok(set)
    }
}

/// Why a text is not a set of FlowIDs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdSetError {
    /// There is nothing before, after or between commas.
    #[error("a flow ID is missing: write a list such as 7,9-12")]
    Missing,
    /// A piece is neither a number nor a range of numbers.
    #[error("{piece} is not a flow ID or a range of flow IDs: write a list such as 7,9-12")]
    NotAnId {
        /// The offending piece, quoted and cut to a readable length.
        piece: String,
    },
    /// A FlowID is 0 or does not fit 64 bits.
    #[error("{piece} is out of range: flow IDs count from 1 to 18446744073709551615")]
    OutOfRange {
        /// The offending piece, quoted and cut to a readable length.
        piece: String,
    },
    /// A range ends before it starts.
    #[error("the range {piece} ends before it starts: write it as {last}-{first}")]
    Reversed {
        /// The offending piece, quoted and cut to a readable length.
        piece: String,
        /// The first number as written.
        first: u64,
        /// The last number as written.
        last: u64,
    },
}

fn parse_piece(piece: &str) -> Result<RangeInclusive<u64>, IdSetError> {
    let piece = piece.trim();
    if piece.is_empty() {
        return Err(IdSetError::Missing);
    }
    let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
    let first = parse_id(first.trim_end(), piece)?;
    let last = parse_id(last.trim_start(), piece)?;
    if first > last {
        return Err(IdSetError::Reversed {
            piece: quote(piece),
            first,
            last,
        });
    }
    Ok(first..=last)
}

fn parse_id(word: &str, piece: &str) -> Result<u64, IdSetError> {
    match number(word) {
        Number::Value(0) | Number::TooLarge => Err(IdSetError::OutOfRange {
            piece: quote(piece),
        }),
        Number::Value(id) => Ok(id),
        Number::LeadingZero | Number::Other => Err(IdSetError::NotAnId {
            piece: quote(piece),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn ids(text: &str) -> IdSet {
        text.parse().unwrap()
    }

    #[test]
    fn a_list_with_ranges() {
        let set = ids("7,9-12");
        let members: Vec<u64> = (0..20).filter(|&id| set.contains(id)).collect();
        assert_eq!(members, [7, 9, 10, 11, 12]);
        assert_eq!(set.max(), Some(12));
        assert!(!set.is_empty());
    }

    #[test]
    fn ranges_that_overlap_or_touch_become_one() {
        for (text, shown) in [
            ("5,3,4", "3-5"),
            ("1-5,3-9", "1-9"),
            ("1-9,3-5", "1-9"),
            ("3-5,1-9", "1-9"),
            ("1-2,3-4", "1-4"),
            ("1-2,4-5", "1-2,4-5"),
            ("7,7,7", "7"),
            (" 7 , 9 - 12 ", "7,9-12"),
            ("0x10", "16"),
            (
                "18446744073709551615,1-18446744073709551614",
                "1-18446744073709551615",
            ),
        ] {
            assert_eq!(ids(text).to_string(), shown, "{text:?}");
        }
    }

    #[test]
    fn the_whole_range_costs_one_range() {
        let all = ids("1-18446744073709551615");
        assert_eq!(all.ranges(), [1..=u64::MAX]);
        assert!(all.contains(1) && all.contains(u64::MAX) && !all.contains(0));
    }

    #[test]
    fn the_empty_set() {
        assert!(IdSet::new().is_empty());
        assert_eq!(IdSet::new().max(), None);
        assert!(!IdSet::new().contains(1));
        assert_eq!(IdSet::new().to_string(), "");
    }

    #[test]
    fn several_options_are_merged() {
        let mut set = ids("1,5");
        set.merge(ids("2-4"));
        assert_eq!(set, ids("1-5"));
        let set: IdSet = [ids("9"), ids("1"), IdSet::new(), ids("8")]
            .into_iter()
            .collect();
        assert_eq!(set, ids("1,8-9"));
    }

    #[test]
    fn errors_name_the_piece() {
        for (text, expected) in [
            ("", "a flow ID is missing"),
            ("1,,2", "a flow ID is missing"),
            ("1,", "a flow ID is missing"),
            ("1,x7,3", "'x7' is not a flow ID"),
            ("1-", "'1-' is not a flow ID"),
            ("-1", "'-1' is not a flow ID"),
            ("1-2-3", "'1-2-3' is not a flow ID"),
            ("1 2", "'1 2' is not a flow ID"),
            ("007", "'007' is not a flow ID"),
            ("1.5", "'1.5' is not a flow ID"),
            ("0", "'0' is out of range: flow IDs count from 1"),
            ("5,0-3", "'0-3' is out of range: flow IDs count from 1"),
            (
                "18446744073709551616",
                "'18446744073709551616' is out of range",
            ),
            (
                "1,12-9",
                "the range '12-9' ends before it starts: write it as 9-12",
            ),
        ] {
            let message = text.parse::<IdSet>().unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text:?} gave {message}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_of_numbers(
            pieces in prop::collection::vec((1u64..60, 0u64..6), 1..20),
        ) {
            let text: Vec<String> = pieces
                .iter()
                .map(|&(first, more)| match more {
                    0 => first.to_string(),
                    _ => format!("{first}-{}", first + more),
                })
                .collect();
            let set = ids(&text.join(","));
            let oracle: BTreeSet<u64> =
                pieces.iter().flat_map(|&(first, more)| first..=first + more).collect();
            for id in 0..80 {
                prop_assert_eq!(set.contains(id), oracle.contains(&id));
            }
            prop_assert_eq!(set.max(), oracle.last().copied());
            for pair in set.ranges().windows(2) {
                prop_assert!(pair[0].end() + 1 < *pair[1].start());
            }
            prop_assert_eq!(ids(&set.to_string()), set);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[0-9, -]{0,12}|\\PC{0,20}") {
            if let Ok(set) = text.parse::<IdSet>() {
                prop_assert!(!set.is_empty() && !set.contains(0));
            }
        }
    }
}
