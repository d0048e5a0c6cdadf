//! Where packets of an excerpt are in the captures of an index.

use crate::flow::PacketNumbers;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the packets of an excerpt are.
#[derive(Clone, Debug, Default)]
pub struct PacketPlaces {
    numbers: Vec<u64>,
    offsets: Vec<u64>,
    /// The first ordinal of each capture's packets in the excerpt, from 0.
    starts: Vec<usize>,
}

impl PacketPlaces {
    /// The numbers of the packets in the captures, from 1.
    pub fn numbers(&self) -> PacketNumbers {
        PacketNumbers::new(self.numbers.clone())
    }

    /// The ordinal of a packet's capture, from 0, and the offset of its record there, by its
    /// number.
    pub fn place(&self, number: u64) -> Option<(u64, u64)> {
        let ordinal = self.numbers.binary_search(&number).ok()?;
        let capture = self.starts.partition_point(|it| *it <= ordinal);
        let offset = self.offsets.get(ordinal)?;
        Some((capture.saturating_sub(1) as u64, *offset))
    }

    /// Whether there are several captures.
    pub const fn are_several(&self) -> bool {
        self.starts.len() > 1
    }
}

/// Counts the packets of captures up to each packet of an excerpt.
#[derive(Debug)]
pub(super) struct Counting<'a> {
    wanted: &'a [Vec<u64>],
    /// For each capture, how many packets are between each wanted one and the one before it,
    /// itself included.
    steps: Vec<Vec<AtomicU64>>,
}

impl<'a> Counting<'a> {
    /// `wanted` are offsets in each capture, in order.
    pub(super) fn new(wanted: &'a [Vec<u64>]) -> Self {
        let steps = |offsets: &Vec<u64>| offsets.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            wanted,
            steps: wanted.iter().map(steps).collect(),
        }
    }

    /// Whether packets of a capture are counted.
    pub(super) fn counts(&self, capture: u32) -> bool {
        let wanted = self.wanted.get(capture as usize);
        wanted.is_some_and(|it| !it.is_empty())
    }

    /// Counts packets of a capture; their offsets are in order.
    pub(super) fn add(&self, capture: u32, offsets: &[i64]) {
        let capture = capture as usize;
        let (Some(wanted), Some(steps)) = (self.wanted.get(capture), self.steps.get(capture))
        else {
            return;
        };
        let mut rest = offsets;
        let mut place = 0;
        while let Some(&first) = rest.first() {
            let ahead = wanted.get(place..).unwrap_or_default();
            place += ahead.partition_point(|it| it.cast_signed() < first);
            let (Some(&end), Some(step)) = (wanted.get(place), steps.get(place)) else {
                return;
            };
            let count = rest.partition_point(|it| *it <= end.cast_signed());
            step.fetch_add(count as u64, Ordering::Relaxed);
            rest = rest.get(count..).unwrap_or_default();
        }
    }

    /// The places, given the number of packets in each capture.
    pub(super) fn finish(self, packets: impl Iterator<Item = u64>) -> PacketPlaces {
        let mut places = PacketPlaces::default();
        let mut before = 0;
        for ((offsets, steps), packets) in self.wanted.iter().zip(&self.steps).zip(packets) {
            places.starts.push(places.numbers.len());
            let mut number = before;
            for step in steps {
                number += step.load(Ordering::Relaxed);
                places.numbers.push(number);
            }
            places.offsets.extend_from_slice(offsets);
            before += packets;
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::Counting;

    #[test]
    fn numbers_are_those_of_the_captures() {
        let wanted = [vec![24, 300], vec![], vec![100, 101, 500]];
        let counting = Counting::new(&wanted);
        assert!(!counting.counts(1));
        // Of two flows, in the order of flows.
        counting.add(0, &[24, 400]);
        counting.add(0, &[60, 100, 300]);
        counting.add(2, &[100, 500]);
        counting.add(2, &[50, 101, 200, 600]);
        let places = counting.finish([5, 10, 6].into_iter());
        let numbers: Vec<u64> = (1..=6).map(|it| places.numbers().of(it)).collect();
        assert_eq!(numbers, [1, 4, 17, 18, 20, 0]);
        assert_eq!(places.place(4), Some((0, 300)));
        assert_eq!(places.place(17), Some((2, 100)));
        assert_eq!(places.place(20), Some((2, 500)));
        assert_eq!(places.place(5), None);
        assert!(places.are_several());
    }
}
