//! Assignment of equal packets to each other by time.

use std::cmp::Ordering;

/// Limits on the distance of a packet from its expected time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Nanoseconds early. A packet cannot arrive before it is sent.
    pub(super) early: i64,
    /// Nanoseconds late, for the only candidate on both sides.
    pub(super) late: i64,
    /// Nanoseconds late, among several candidates. Leaving out one on each side costs as much.
    pub(super) usual: i64,
}

/// A packet of a group of equal ones: its expected or real time on B's clock, and its index.
pub(super) type Timed = (i64, u32);

/// Pairs packets of A, by their expected times at B, with packets of B, in time order, so that as
/// many as possible are as close as possible to their expected times. `sign` is 1 for packets from
/// A to B, which may be late but not early; -1 for packets from B to A; 0 if the direction is
/// unknown.
pub(super) fn assign(
    a: &mut [Timed],
    b: &mut [Timed],
    sign: i64,
    limits: &Limits,
) -> Vec<(u32, u32)> {
    if let (&[x], &[y]) = (&*a, &*b) {
        let is_near = Lateness { sign, limits }.is_allowed(x, y, limits.late);
        return if is_near {
            vec![(x.1, y.1)]
        } else {
            Vec::new()
        };
    }
    a.sort_unstable();
    b.sort_unstable();
    let lateness = Lateness { sign, limits };
    let mut found = Vec::new();
    let (mut a, mut b) = (&*a, &*b);
    while !a.is_empty() && !b.is_empty() {
        let (m, n) = cluster(a, b, limits.usual.max(limits.early));
        let ((some_a, rest_a), (some_b, rest_b)) = (a.split_at(m), b.split_at(n));
        if m.saturating_mul(n) <= MOST_CELLS {
            best(some_a, some_b, lateness, &mut found);
        } else {
            nearest(some_a, some_b, lateness, &mut found);
        }
        (a, b) = (rest_a, rest_b);
    }
    found
}

#[derive(Clone, Copy)]
struct Lateness<'a> {
    sign: i64,
    limits: &'a Limits,
}

impl Lateness<'_> {
    fn is_allowed(self, (expected, _): Timed, (real, _): Timed, late: i64) -> bool {
        let after = real.saturating_sub(expected);
        match self.sign {
            0 => after.saturating_abs() <= late,
            sign => (-self.limits.early..=late).contains(&after.saturating_mul(sign)),
        }
    }

    /// The cost of a pair; `None` if the times exclude it.
    fn cost(self, x: Timed, y: Timed) -> Option<i64> {
        let is_allowed = self.is_allowed(x, y, self.limits.usual);
        is_allowed.then(|| y.0.saturating_sub(x.0).saturating_abs())
    }
}

/// Length of the prefixes of both lists whose members are closer to each other than to all that
/// follow.
fn cluster(a: &[Timed], b: &[Timed], reach: i64) -> (usize, usize) {
    let (mut m, mut n) = (0, 0);
    let mut end = i64::MIN;
    loop {
        let next = match (a.get(m), b.get(n)) {
            (Some(x), Some(y)) => x.0.min(y.0),
            (Some(x), None) => x.0,
            (None, Some(y)) => y.0,
            (None, None) => return (m, n),
        };
        if m + n > 0 && next > end {
            return (m, n);
        }
        end = next.saturating_add(reach);
        if a.get(m).is_some_and(|x| x.0 == next) {
            m += 1;
        } else {
            n += 1;
        }
    }
}

/// Finds the pairs with the least total cost, including that of packets left out.
fn best(a: &[Timed], b: &[Timed], lateness: Lateness<'_>, found: &mut Vec<(u32, u32)>) {
    if a.is_empty() || b.is_empty() {
        return;
    }
    let width = b.len() + 1;
    let gap = lateness.limits.usual / 2;
    // Steps to the least cost of the first i packets of A and the first j of B.
    let mut steps = vec![Step::SkipA; (a.len() + 1) * width];
    let mut row: Vec<i64> = (0..=b.len()).map(|j| times(gap, j)).collect();
    steps
        .iter_mut()
        .take(width)
        .for_each(|it| *it = Step::SkipB);
    for (x, cells) in a.iter().zip(steps.chunks_mut(width).skip(1)) {
        let mut before = row.clone();
        let mut left = i64::MAX;
        for (j, cell) in cells.iter_mut().enumerate() {
            let above = before
                .get(j)
                .copied()
                .unwrap_or(i64::MAX)
                .saturating_add(gap);
            let (mut least, mut step) = (above, Step::SkipA);
            let skip = left.saturating_add(gap);
            if j > 0 && skip < least {
                (least, step) = (skip, Step::SkipB);
            }
            let pair = j.checked_sub(1).and_then(|k| {
                let cost = lateness.cost(*x, *b.get(k)?)?;
                Some(before.get(k)?.saturating_add(cost))
            });
            // Prefer more pairs at equal cost.
            if let Some(cost) = pair
                && cost.cmp(&least) != Ordering::Greater
            {
                (least, step) = (cost, Step::Pair);
            }
            *cell = step;
            left = least;
            if let Some(place) = row.get_mut(j) {
                *place = least;
            }
        }
        before.clear();
    }
    walk_back(a, b, &steps, width, found);
}

fn walk_back(a: &[Timed], b: &[Timed], steps: &[Step], width: usize, found: &mut Vec<(u32, u32)>) {
    let (mut i, mut j) = (a.len(), b.len());
    let start = found.len();
    while i > 0 && j > 0 {
        match steps.get(i * width + j) {
            Some(Step::Pair) => {
                (i, j) = (i - 1, j - 1);
                if let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
                    found.push((x.1, y.1));
                }
            }
            Some(Step::SkipB) => j -= 1,
            Some(Step::SkipA) | None => i -= 1,
        }
    }
    if let Some(new) = found.get_mut(start..) {
        new.reverse();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Pair,
    SkipA,
    SkipB,
}

/// A greedy, one-pass variant of `best` for large inputs: a packet takes the next allowed one,
/// unless the one after it fits better.
fn nearest(a: &[Timed], b: &[Timed], lateness: Lateness<'_>, found: &mut Vec<(u32, u32)>) {
    let (mut i, mut j) = (0, 0);
    while let (Some(&x), Some(&y)) = (a.get(i), b.get(j)) {
        let Some(cost) = lateness.cost(x, y) else {
            if x.0 < y.0 {
                i += 1;
            } else {
                j += 1;
            }
            continue;
        };
        let fits_better = |x: Option<&Timed>, y: Option<&Timed>| {
            let other = x.zip(y).and_then(|(x, y)| lateness.cost(*x, *y));
            other.is_some_and(|it| it < cost)
        };
        let (left_a, left_b) = (a.len() - i, b.len() - j);
        if left_b > left_a && fits_better(Some(&x), b.get(j + 1)) {
            j += 1;
        } else if left_a > left_b && fits_better(a.get(i + 1), Some(&y)) {
            i += 1;
        } else {
            found.push((x.1, y.1));
            (i, j) = (i + 1, j + 1);
        }
    }
}

fn times(gap: i64, count: usize) -> i64 {
    gap.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Cells of a cost table. Larger inputs are paired in one pass.
const MOST_CELLS: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        early: 5,
        late: 1000,
        usual: 100,
    };

    fn timed(times: &[i64]) -> Vec<Timed> {
        times.iter().copied().zip(0..).collect()
    }

    fn assigned(a: &[i64], b: &[i64]) -> Vec<(u32, u32)> {
        assign(&mut timed(a), &mut timed(b), 1, &LIMITS)
    }

    #[test]
    fn the_one_that_is_missing_is_found() {
        let all = [0, 1000, 2000, 3000];
        assert_eq!(assigned(&all, &all), [(0, 0), (1, 1), (2, 2), (3, 3)]);
        assert_eq!(assigned(&all, &[2, 2001, 3007]), [(0, 0), (2, 1), (3, 2)]);
        assert_eq!(assigned(&[0, 30, 60], &[31, 62]), [(1, 0), (2, 1)]);
    }

    #[test]
    fn nothing_arrives_before_it_is_sent() {
        assert_eq!(assigned(&[100, 200], &[80, 201]), [(1, 1)]);
        assert_eq!(
            assign(&mut timed(&[100]), &mut timed(&[80]), 1, &LIMITS),
            []
        );
        assert_eq!(
            assign(&mut timed(&[100]), &mut timed(&[80]), -1, &LIMITS),
            [(0, 0)]
        );
        assert_eq!(
            assign(&mut timed(&[100]), &mut timed(&[80]), 0, &LIMITS),
            [(0, 0)]
        );
    }

    #[test]
    fn captures_that_start_and_end_at_other_times() {
        assert_eq!(
            assigned(&[0, 1000, 2000], &[1001, 2001, 3001]),
            [(1, 0), (2, 1)]
        );
    }

    #[test]
    fn one_that_is_alone_may_be_late() {
        assert_eq!(assigned(&[0], &[900]), [(0, 0)]);
        assert_eq!(assigned(&[0], &[1001]), []);
    }

    #[test]
    fn many_take_one_pass() {
        let a: Vec<i64> = (0..2000).map(|it| it * 10).collect();
        let b: Vec<i64> = a
            .iter()
            .filter(|it| **it % 1000 != 500)
            .map(|it| it + 1)
            .collect();
        let pairs = assigned(&a, &b);
        assert_eq!(pairs.len(), b.len());
    }
}
