//! Which bytes of a direction were captured: once, again, late, never.

/// The bytes of a direction that were captured, in at most [`MOST_HOLES`] stretches.
///
/// Numbers are unwrapped: offsets from the first byte that was captured, which may be negative for
/// what comes later but was sent before.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    /// The sequence number at `end`.
    sequence: u32,
    is_known: bool,
    start: i64,
    end: i64,
    holes: Option<Box<Holes>>,
}

/// What was not captured between the first and the last byte.
#[derive(Clone, Debug, Default)]
struct Holes {
    /// The lowest first.
    all: Vec<Hole>,
    /// Bytes of holes that were forgotten, as there were too many.
    forgotten: u64,
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    start: i64,
    end: i64,
    /// When what follows it was captured.
    since: i64,
}

/// What a segment brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Brought {
    /// Bytes that were not captured before.
    pub(super) new: u64,
    /// Bytes of these that fill a hole.
    pub(super) filled: u64,
    /// When the hole that it fills was seen.
    pub(super) hole_since: Option<i64>,
}

impl Coverage {
    /// Takes note of the payload of a segment, captured at `time`.
    pub(super) fn add(&mut self, sequence: u32, payload: u32, time: i64) -> Brought {
        if !self.is_known {
            self.is_known = true;
            self.sequence = sequence;
        }
        let distance = sequence.wrapping_sub(self.sequence).cast_signed();
        let start = self.end + i64::from(distance);
        let end = start + i64::from(payload);
        if start == self.end {
            self.extend(end);
            return Brought {
                new: payload.into(),
                ..Brought::default()
            };
        }
        self.add_elsewhere(start, end, time)
    }

    fn extend(&mut self, end: i64) {
        let more = (end - self.end).cast_unsigned();
        self.sequence = self.sequence.wrapping_add(crate::number::modulo_u32(more));
        self.end = end;
    }

    #[cold]
    fn add_elsewhere(&mut self, start: i64, end: i64, time: i64) -> Brought {
        let mut brought = self.fill(start, end);
        if end > self.end {
            if start > self.end {
                let hole = (self.end, start);
                self.add_hole(false, hole, time);
            }
            brought.new += (end - start.max(self.end)).cast_unsigned();
            self.extend(end);
        }
        if start < self.start {
            if end < self.start {
                let hole = (end, self.start);
                self.add_hole(true, hole, time);
            }
            brought.new += (end.min(self.start) - start).cast_unsigned();
            self.start = start;
        }
        brought
    }

    /// Fills holes with a stretch.
    fn fill(&mut self, start: i64, end: i64) -> Brought {
        let filled = self.holes.as_mut().map(|it| it.fill(start, end));
        filled.unwrap_or_default()
    }

    /// Notes a hole before or after what was captured.
    fn add_hole(&mut self, is_before: bool, (start, end): (i64, i64), since: i64) {
        let holes = self.holes.get_or_insert_default();
        let place = if is_before { 0 } else { holes.all.len() };
        holes.all.insert(place, Hole { start, end, since });
        holes.bound();
    }

    /// Bytes of holes that were never filled.
    pub(super) fn missing(&self) -> u64 {
        self.missing_up_to(i64::MAX)
    }

    /// The same of those before a number that was acknowledged.
    pub(super) fn missing_before(&self, acknowledged: u32) -> u64 {
        let distance = acknowledged.wrapping_sub(self.sequence).cast_signed();
        self.missing_up_to(self.end + i64::from(distance))
    }

    fn missing_up_to(&self, limit: i64) -> u64 {
        let Some(holes) = &self.holes else { return 0 };
        let lens = holes
            .all
            .iter()
            .map(|it| (it.end.min(limit) - it.start).max(0));
        lens.map(i64::cast_unsigned).sum::<u64>() + holes.forgotten
    }
}

impl Holes {
    fn fill(&mut self, start: i64, end: i64) -> Brought {
        let mut brought = Brought::default();
        let first = self.all.partition_point(|it| it.end <= start);
        let touched = |it: &&Hole| it.start < end;
        let count = self.all.iter().skip(first).take_while(touched).count();
        let mut left = Vec::new();
        for hole in self.all.drain(first..first + count) {
            let (from, to) = (hole.start.max(start), hole.end.min(end));
            brought.filled += (to - from).cast_unsigned();
            brought.hole_since.get_or_insert(hole.since);
            let rests = [(hole.start, from), (to, hole.end)];
            let rests = rests.into_iter().filter(|(start, end)| start < end);
            left.extend(rests.map(|(start, end)| Hole { start, end, ..hole }));
        }
        self.all.splice(first..first, left);
        brought.new = brought.filled;
        self.bound();
        brought
    }

    fn bound(&mut self) {
        if self.all.len() > MOST_HOLES {
            let hole = self.all.remove(0);
            self.forgotten += (hole.end - hole.start).cast_unsigned();
        }
    }
}

/// Holes that are kept: what else is missing counts as never filled.
const MOST_HOLES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_counted_once() {
        let mut coverage = Coverage::default();
        let mut add = |sequence, payload, time| coverage.add(sequence, payload, time);
        let brought = |new, filled, hole_since| Brought {
            new,
            filled,
            hole_since,
        };
        assert_eq!(add(1000, 100, 1), brought(100, 0, None));
        assert_eq!(add(1200, 100, 2), brought(100, 0, None), "a hole");
        assert_eq!(
            add(1050, 100, 3),
            brought(50, 50, Some(2)),
            "half of it late"
        );
        assert_eq!(add(1000, 100, 4), brought(0, 0, None), "again");
        assert_eq!(add(900, 50, 5), brought(50, 0, None), "before the first");
        assert_eq!(
            (coverage.missing(), coverage.missing_before(1150)),
            (100, 50)
        );
    }

    proptest! {
        #[test]
        fn it_counts_as_a_set_of_bytes_does(
            base: u32,
            pieces in prop::collection::vec((0_u32..400, 1_u32..60), 1..40),
        ) {
            let mut coverage = Coverage::default();
            let mut bytes = std::collections::BTreeSet::new();
            let mut new = 0;
            for (start, len) in pieces {
                let before = bytes.len();
                bytes.extend(start..start + len);
                let brought = coverage.add(base.wrapping_add(start), len, 0);
                prop_assert_eq!(brought.new, (bytes.len() - before) as u64);
                new += brought.new;
            }
            let span = bytes.last().unwrap() - bytes.first().unwrap() + 1;
            prop_assert_eq!(coverage.missing(), u64::from(span) - new);
        }
    }
}
