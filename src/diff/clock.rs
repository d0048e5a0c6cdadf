//! Offset and drift between the clocks of both points.
//!
//! A packet that passes A first is later at B by its delay, one that passes B first is earlier by
//! its own. So time differences of the first kind lie above the clock offset by at least the least
//! delay, and those of the other kind below it: the middle line of the widest strip between them is
//! the offset, if the least delays are equal both ways (Moon, Skelly, Towsley 1999; Zhang, Liu, Xia
//! 2002). Two points cannot show whether they are.

use crate::number::index_u32;

/// A packet's time at A, and B's time minus A's.
pub(super) type Point = (i64, i64);

/// B's clock relative to A's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clock {
    /// A's time at which `offset` holds: that of its first packet.
    pub origin: i64,
    /// B's time minus A's at `origin`, in nanoseconds.
    pub offset: i64,
    /// Nanoseconds that B gains per nanosecond of A.
    pub drift: f64,
    /// Uncertainty of the offset; `None` if packets go one way only.
    pub half_width: Option<i64>,
}

impl Clock {
    /// B's time when A's clock shows `time`.
    pub fn at_b(&self, time: i64) -> i64 {
        time.saturating_add(self.difference(time))
    }

    /// B's time minus A's when A's clock shows `time`.
    pub fn difference(&self, time: i64) -> i64 {
        let since = time.saturating_sub(self.origin);
        self.offset.saturating_add(scaled(since, self.drift))
    }

    /// A's time when B's clock shows `time`.
    pub fn at_a(&self, time: i64) -> i64 {
        let about = time.saturating_sub(self.difference(time.saturating_sub(self.offset)));
        time.saturating_sub(self.difference(about))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a drift is known to fewer digits than both have"
)]
fn scaled(span: i64, drift: f64) -> i64 {
    (span as f64 * drift).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "spans below 100 days are exact")]
const fn float(number: i64) -> f64 {
    number as f64
}

/// Fits the clock to packets that pass A first, that pass B first, and of unknown direction.
pub(super) fn fit(
    ab: &[Point],
    ba: &[Point],
    unknown: &[Point],
    origin: i64,
    resolution: i64,
) -> Clock {
    let none = Clock {
        origin,
        ..Clock::default()
    };
    // Negated, the points of the other direction lie above their line, too.
    let turned: Vec<Point> = ba
        .iter()
        .map(|(time, difference)| (*time, difference.saturating_neg()))
        .collect();
    let (above, below) = (Cloud::new(ab, origin), Cloud::new(&turned, origin));
    match (above, below) {
        (Some(above), Some(below)) => both_ways(&above, &below, resolution, none),
        (Some(cloud), None) => one_way(&cloud, resolution, 1.0, none),
        (None, Some(cloud)) => one_way(&cloud, resolution, -1.0, none),
        (None, None) => Cloud::new(unknown, origin).map_or(none, |cloud| Clock {
            offset: cloud.median(),
            ..none
        }),
    }
}

fn both_ways(above: &Cloud, below: &Cloud, resolution: i64, none: Clock) -> Clock {
    let strip = |slope: f64| above.least(slope) + below.least(-slope);
    let slopes = above.slopes().chain(below.slopes().map(|it| -it));
    let widest = slopes
        .filter(|it| it.abs() <= MOST_DRIFT)
        .map(|slope| (strip(slope), slope))
        .max_by(|x, y| x.0.total_cmp(&y.0).then(y.1.abs().total_cmp(&x.1.abs())));
    let drift = widest.map_or(0.0, |(_, slope)| slope);
    let drift = if drifts(&[(above, drift), (below, -drift)], resolution) {
        drift
    } else {
        0.0
    };
    let (low, high) = (-below.least(-drift), above.least(drift));
    Clock {
        offset: rounded(f64::midpoint(low, high)),
        drift,
        half_width: Some(rounded((high - low).abs() / 2.0)),
        ..none
    }
}

/// With one direction only, delays are relative to the least one.
fn one_way(cloud: &Cloud, resolution: i64, sign: f64, none: Clock) -> Clock {
    let drift = cloud.slope_below_the_middle();
    let drift = if drifts(&[(cloud, drift)], resolution) {
        drift
    } else {
        0.0
    };
    Clock {
        offset: rounded(sign * cloud.least(drift)),
        drift: sign * drift,
        ..none
    }
}

/// Whether a drift reduces the variation of delays enough to be real. A few packets are close to
/// any line, and both directions must agree.
fn drifts(clouds: &[(&Cloud, f64)], resolution: i64) -> bool {
    let looseness = clouds
        .iter()
        .map(|(cloud, slope)| (cloud.looseness(0.0), cloud.looseness(*slope)));
    let (without, with) = looseness
        .clone()
        .fold((0.0, 0.0), |(x, y), it| (x + it.0, y + it.1));
    let are_enough = clouds.iter().all(|it| it.0.points.len() >= FEWEST_POINTS);
    let agree = looseness.clone().all(|(without, with)| with <= without);
    are_enough && agree && with < without * 0.6 && without - with > 3.0 * float(resolution)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "differences of times fit into 64 bits"
)]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

/// Points of one direction, without outliers far below all others.
struct Cloud {
    /// Time since the origin, and difference, sorted by time.
    points: Vec<(f64, f64)>,
    /// Lower convex hull of the points.
    hull: Vec<(f64, f64)>,
    middle: f64,
}

impl Cloud {
    fn new(points: &[Point], origin: i64) -> Option<Self> {
        let mut points: Vec<(f64, f64)> = points
            .iter()
            .map(|(time, difference)| (float(time.saturating_sub(origin)), float(*difference)))
            .collect();
        points.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)));
        let slope = rough_slope(&points);
        let residuals = sorted(points.iter().map(|it| it.1 - slope * it.0));
        let (low, high) = (at(&residuals, 0.25)?, at(&residuals, 0.75)?);
        let bound = low - ((high - low) * 10.0).max(MOST_BELOW);
        points.retain(|it| it.1 - slope * it.0 >= bound);
        let middle =
            points.iter().map(|it| it.0).sum::<f64>() / f64::from(index_u32(points.len()).max(1));
        let hull = lower_hull(&points);
        Some(Self {
            points,
            hull,
            middle,
        })
    }

    /// The greatest offset of a line with this slope below all points.
    fn least(&self, slope: f64) -> f64 {
        let offsets = self.hull.iter().map(|it| it.1 - slope * it.0);
        offsets.fold(f64::INFINITY, f64::min)
    }

    /// Median distance of the points above that line.
    fn looseness(&self, slope: f64) -> f64 {
        let offsets = sorted(self.points.iter().map(|it| it.1 - slope * it.0));
        at(&offsets, 0.5).unwrap_or(0.0) - self.least(slope)
    }

    /// Slopes of the hull's edges.
    fn slopes(&self) -> impl Iterator<Item = f64> {
        self.hull.windows(2).filter_map(|it| match *it {
            [x, y] if y.0 > x.0 => Some((y.1 - x.1) / (y.0 - x.0)),
            _ => None,
        })
    }

    /// Slope of the hull's edge below the middle, whose line is closest to all points.
    fn slope_below_the_middle(&self) -> f64 {
        let edges = self.hull.windows(2).find_map(|it| match *it {
            [x, y] if y.0 > x.0 && y.0 >= self.middle => Some((y.1 - x.1) / (y.0 - x.0)),
            _ => None,
        });
        edges.filter(|it| it.abs() <= MOST_DRIFT).unwrap_or(0.0)
    }

    fn median(&self) -> i64 {
        let values = sorted(self.points.iter().map(|it| it.1));
        at(&values, 0.5).map_or(0, rounded)
    }
}

/// A robust slope: the median of the slopes between medians of parts of the points (Theil, Sen).
fn rough_slope(points: &[(f64, f64)]) -> f64 {
    let size = points.len().div_ceil(PARTS).max(1);
    let medians: Vec<(f64, f64)> = points
        .chunks(size)
        .filter_map(|part| {
            let values = sorted(part.iter().map(|it| it.1));
            Some((part.get(part.len() / 2)?.0, at(&values, 0.5)?))
        })
        .collect();
    let pairs = medians.iter().enumerate().flat_map(|(place, x)| {
        let later = medians.get(place + 1..).unwrap_or_default().iter();
        later
            .filter(|y| y.0 > x.0)
            .map(|y| (y.1 - x.1) / (y.0 - x.0))
    });
    let slopes = sorted(pairs.filter(|it| it.abs() <= MOST_DRIFT));
    at(&slopes, 0.5).unwrap_or(0.0)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// A quantile of sorted values.
fn at(values: &[f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = share * f64::from(index_u32(last));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of the length"
    )]
    values.get(place as usize).copied()
}

/// Lower convex hull of points sorted by time (Andrew).
fn lower_hull(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for &point in points {
        while let [.., x, y] = hull.as_slice() {
            let is_convex = (y.0 - x.0) * (point.1 - x.1) > (point.0 - x.0) * (y.1 - x.1);
            if is_convex {
                break;
            }
            hull.pop();
        }
        // At equal times, keep the lower point.
        if hull.last().is_some_and(|it| it.0 >= point.0) {
            continue;
        }
        hull.push(point);
    }
    hull
}

/// Packets per direction needed to detect a drift.
const FEWEST_POINTS: usize = 6;
/// Greatest drift of a clock: 1,000 ppm.
const MOST_DRIFT: f64 = 1e-3;
/// Differences below the others by more than this are errors: 5 ms.
const MOST_BELOW: f64 = 5e6;
/// Number of parts whose medians are compared.
const PARTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Delays of 1 ms plus up to 0.1 ms, both ways, between clocks of this offset and drift.
    fn points(offset: i64, ppm: i64, count: i64) -> (Vec<Point>, Vec<Point>) {
        let all = (0..count).map(|it| {
            let time = it * 10_000_000;
            let noise = it * 7919 % 101 * 1000;
            (time, offset + time * ppm / 1_000_000, 1_000_000 + noise)
        });
        let (even, odd): (Vec<_>, Vec<_>) = all.partition(|it| it.0 % 20_000_000 == 0);
        (
            even.iter().map(|it| (it.0, it.1 + it.2)).collect(),
            odd.iter().map(|it| (it.0, it.1 - it.2)).collect(),
        )
    }

    #[test]
    fn offset_and_drift_are_found() {
        for (offset, ppm) in [(0, 0), (-37_000_000_000, 0), (5_000_000, 80), (0, -300)] {
            let (ab, ba) = points(offset, ppm, 1000);
            let clock = fit(&ab, &ba, &[], 0, 1000);
            assert!((clock.offset - offset).abs() < 20_000, "{clock:?}");
            assert!((clock.drift * 1e6 - float(ppm)).abs() < 2.0, "{clock:?}");
            let ahead = clock.at_a(clock.at_b(9_999));
            assert!((ahead - 9_999).abs() < 2, "{ahead}");
        }
    }

    #[test]
    fn what_is_mistaken_changes_nothing() {
        let (mut ab, ba) = points(0, 80, 1000);
        ab.push((1_000_000_000, -900_000_000));
        ab.push((2_000_000_000, 900_000_000));
        let clock = fit(&ab, &ba, &[], 0, 1000);
        assert!(clock.offset.abs() < 20_000, "{clock:?}");
    }

    #[test]
    fn few_packets_make_no_drift() {
        let ab = [
            (0, 1_000_000),
            (10_000_000, 1_050_000),
            (20_000_000, 1_020_000),
        ];
        let ba = [(5_000_000, -1_040_000), (15_000_000, -1_000_000)];
        let clock = fit(&ab, &ba, &[], 0, 1000);
        assert_eq!(clock.drift.to_bits(), 0.0_f64.to_bits());
        assert_eq!(clock.offset, 0);
    }

    #[test]
    fn one_direction_gives_drift_and_no_width() {
        let (ab, _) = points(0, 80, 1000);
        let clock = fit(&ab, &[], &[], 0, 1000);
        assert!((clock.drift * 1e6 - 80.0).abs() < 2.0, "{clock:?}");
        assert_eq!(clock.half_width, None);
        let unknown = [(0, 7), (1, 9), (2, 8)];
        assert_eq!(fit(&[], &[], &unknown, 0, 1000).offset, 8);
    }
}
