//! Round-trip times, and what is told of many of them.

/// Samples of a duration: exact up to [`EXACT`] of them, then in classes of 6 %.
#[derive(Clone, Debug)]
pub(super) enum Samples {
    /// In order.
    Few(Vec<i64>),
    /// In classes.
    Many(Box<Classes>),
}

/// Many samples.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    totals: Totals,
    /// Each class with how many samples are in it, in order.
    counts: Vec<(u16, u32)>,
}

/// Sums of samples.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    count: u64,
    sum: u128,
    squares: u128,
    min: i64,
    max: i64,
}

impl Default for Samples {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// What samples come to, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many there are.
    pub samples: u64,
    /// The least.
    pub min: i64,
    /// The mean, rounded down.
    pub avg: i64,
    /// The median: half of the samples are not above it.
    pub p50: i64,
    /// 95 in 100 of the samples are not above it.
    pub p95: i64,
    /// The greatest.
    pub max: i64,
    /// Standard deviation, rounded down.
    pub stdev: i64,
}

impl Samples {
    /// Takes a sample; 0 and less are dropped: the clock was too coarse, or set back.
    pub(super) fn add(&mut self, ns: i64) {
        if ns <= 0 {
            return;
        }
        match self {
            Self::Few(values) if values.len() < EXACT => {
                if values.is_empty() {
                    values.reserve_exact(1);
                }
                let place = values.partition_point(|it| *it <= ns);
                values.insert(place, ns);
            }
            Self::Few(values) => {
                let mut classes = Classes::default();
                values.iter().for_each(|it| classes.add(*it));
                classes.add(ns);
                *self = Self::Many(Box::new(classes));
            }
            Self::Many(classes) => classes.add(ns),
        }
    }

    /// What they come to; `None` for none.
    pub(super) fn summary(&self) -> Option<Summary> {
        let mut totals = Totals::default();
        let totals = match self {
            Self::Few(values) => {
                values.iter().for_each(|it| totals.add(*it));
                totals
            }
            Self::Many(classes) => classes.totals,
        };
        let count = u128::from(totals.count);
        let mean = totals.sum.checked_div(count)?;
        let variance = (totals.squares / count).saturating_sub(mean * mean);
        let ns = |it: u128| i64::try_from(it).unwrap_or(i64::MAX);
        let percentile = |percent: u64| {
            let rank = (totals.count * percent).div_ceil(100).max(1);
            match self {
                Self::Few(values) => {
                    let place = usize::try_from(rank - 1).ok();
                    place.and_then(|it| values.get(it)).copied()
                }
                Self::Many(classes) => classes.at(rank),
            }
        };
        Some(Summary {
            samples: totals.count,
            min: totals.min,
            avg: ns(mean),
            p50: percentile(50).unwrap_or(totals.max),
            p95: percentile(95).unwrap_or(totals.max),
            max: totals.max,
            stdev: ns(variance.isqrt()),
        })
    }
}

impl Totals {
    fn add(&mut self, ns: i64) {
        if self.count == 0 {
            (self.min, self.max) = (ns, ns);
        }
        self.count += 1;
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        let exact = u128::from(ns.cast_unsigned());
        self.sum += exact;
        self.squares = self.squares.saturating_add(exact * exact);
    }
}

impl Classes {
    fn add(&mut self, ns: i64) {
        self.totals.add(ns);
        let class = class_of(ns);
        match self.counts.binary_search_by_key(&class, |it| it.0) {
            Ok(place) => {
                if let Some((_, count)) = self.counts.get_mut(place) {
                    *count = count.saturating_add(1);
                }
            }
            Err(place) => self.counts.insert(place, (class, 1)),
        }
    }

    /// The middle of the class of the sample with a rank, from 1.
    fn at(&self, rank: u64) -> Option<i64> {
        let mut seen = 0;
        let class = self.counts.iter().find(|(_, count)| {
            seen += u64::from(*count);
            seen >= rank
        });
        let middle = class.map(|(class, _)| middle_of(*class));
        middle.map(|it| it.clamp(self.totals.min, self.totals.max))
    }
}

/// Eight classes for each power of two.
fn class_of(ns: i64) -> u16 {
    let ns = ns.cast_unsigned();
    let power = (ns | 8).ilog2();
    let rest = (ns >> (power - 3)) & 7;
    u16::try_from(u64::from(power) * 8 + rest).unwrap_or(u16::MAX)
}

/// The middle of a class: no value of it is further away than 6 % of itself.
fn middle_of(class: u16) -> i64 {
    let (power, rest) = (u32::from(class / 8), i64::from(class % 8));
    let width = 1_i64 << (power.clamp(3, 62) - 3);
    width.saturating_mul(8 + rest).saturating_add(width / 2)
}

/// Samples that are kept as they are.
const EXACT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_samples_are_exact() {
        let mut samples = Samples::default();
        [30, 10, -5, 20, 40]
            .into_iter()
            .for_each(|it| samples.add(it));
        let expected = Summary {
            samples: 4,
            min: 10,
            avg: 25,
            p50: 20,
            p95: 40,
            max: 40,
            stdev: 11,
        };
        assert_eq!(samples.summary(), Some(expected));
        assert_eq!(Samples::default().summary(), None);
    }

    proptest! {
        #[test]
        fn many_samples_are_near(mut values in prop::collection::vec(0_i64..1 << 50, 17..300)) {
            let mut samples = Samples::default();
            values.iter().for_each(|it| samples.add(*it));
            let summary = samples.summary().unwrap();
            values.sort_unstable();
            for (percent, found) in [(50, summary.p50), (95, summary.p95)] {
                let exact = values[(values.len() * percent).div_ceil(100) - 1];
                let error = (found - exact).abs();
                prop_assert!(error <= exact / 16 + 1, "{} for {}", found, exact);
            }
        }
    }
}
