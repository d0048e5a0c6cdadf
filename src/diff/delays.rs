//! One-way delays, and packets that took far longer than others.

use super::class::{Class, Way};
use super::comparison::{Comparison, Delays};
use super::frames::Pair;
use super::side::Point;

/// One-way delays in both directions.
pub(super) fn delays(pair: Pair<'_>, comparison: &Comparison) -> [Delays; 2] {
    Way::ALL.map(|way| {
        let found = of(pair, comparison, way);
        let mut jitter = 0;
        for two in found.windows(2) {
            if let [x, y] = two {
                let step = y.2.saturating_sub(x.2).saturating_abs();
                jitter += (step - jitter) / 16;
            }
        }
        let mut sorted: Vec<i64> = found.iter().map(|it| it.2).collect();
        sorted.sort_unstable();
        Delays { sorted, jitter }
    })
}

/// Packets in both captures, one to one, with their delays, in A's order.
fn of(pair: Pair<'_>, comparison: &Comparison, way: Way) -> Vec<(u32, u32, i64)> {
    let links = comparison.whole().filter_map(|link| {
        let fate = comparison.fate(Point::A, link.a);
        if fate.way != Some(way) || !matches!(fate.class, Class::Same | Class::Mangled) {
            return None;
        }
        let (x, y) = (pair.packet(Point::A, link.a), pair.packet(Point::B, link.b));
        let late = y.time.saturating_sub(comparison.clock.at_b(x.time));
        let delay = if way == Way::Ab {
            late
        } else {
            late.saturating_neg()
        };
        Some((link.a, link.b, delay))
    });
    links.collect()
}

/// Marks packets that took far longer than most around them.
pub(super) fn mark_late(pair: Pair<'_>, comparison: &mut Comparison) {
    for way in Way::ALL {
        let all = of(pair, comparison, way);
        for block in all.chunks(BLOCK) {
            let mut sorted: Vec<i64> = block.iter().map(|it| it.2).collect();
            sorted.sort_unstable();
            let at = |quarters: usize| {
                sorted
                    .get((sorted.len() - 1) * quarters / 4)
                    .copied()
                    .unwrap_or(0)
            };
            // Only the lower half, so that many packets may be late.
            let spread = at(2).saturating_sub(at(1)).saturating_mul(2);
            let bound = at(2).saturating_add(spread.saturating_mul(8).max(LATE_NS));
            for &(a, b, _) in block.iter().filter(|it| it.2 > bound) {
                for (point, place) in [(Point::A, a), (Point::B, b)] {
                    if let Some(fate) = comparison.fates.get_mut(point).get_mut(place as usize) {
                        fate.is_delayed = true;
                    }
                }
            }
        }
    }
}

/// Packets compared with each other.
const BLOCK: usize = 10_000;
/// Packets are late only if they took this much longer.
const LATE_NS: i64 = 5_000_000;
