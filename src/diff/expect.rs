//! Expected times at B of packets of A.

use super::assign::Limits;
use super::clock::Clock;

/// Expected times at B of packets of one direction of a conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// Times at A of packets recognized without doubt, and B's clock minus A's: medians of
    /// neighbors.
    points: Vec<(i64, i64)>,
    usual: Usual,
    /// 1 for packets that pass A first, -1 for those that pass B first, 0 if unknown.
    sign: i64,
    /// Whether the path keeps IP identifications, so that different ones are different packets.
    keeps_ids: bool,
}

/// Typical delays between both points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usual {
    /// The relation of both clocks.
    pub(super) clock: Clock,
    /// Time at B minus time at A, corrected by the clock offset: the delay from A to B, or less
    /// than 0.
    pub(super) delay: i64,
    /// Interquartile range of delays.
    pub(super) spread: i64,
}

impl Expected {
    /// `points` are times at A and differences of packets recognized without doubt.
    pub(super) fn new(
        mut points: Vec<(i64, i64)>,
        usual: Usual,
        sign: i64,
        keeps_ids: bool,
    ) -> Self {
        points.sort_unstable();
        let smooth = (0..points.len()).filter_map(|at| {
            let near = points.get(at.saturating_sub(2)..points.len().min(at + 3))?;
            let mut near: Vec<i64> = near.iter().map(|it| it.1).collect();
            near.sort_unstable();
            Some((points.get(at)?.0, *near.get(near.len() / 2)?))
        });
        Self {
            points: smooth.collect(),
            usual,
            sign,
            keeps_ids,
        }
    }

    /// The expected time at B of a packet captured at `time` by A.
    pub(super) fn at_b(&self, time: i64) -> i64 {
        let after = self.points.partition_point(|it| it.0 < time);
        let next = self.points.get(after);
        let previous = after.checked_sub(1).and_then(|it| self.points.get(it));
        let distance = |it: Option<&(i64, i64)>| {
            it.map_or(i64::MAX, |it| it.0.saturating_sub(time).saturating_abs())
        };
        let nearest = if distance(previous) < distance(next) {
            previous
        } else {
            next
        };
        match nearest {
            Some((_, difference)) => time.saturating_add(*difference),
            None => self.usual.clock.at_b(time).saturating_add(self.usual.delay),
        }
    }

    pub(super) const fn sign(&self) -> i64 {
        self.sign
    }

    pub(super) const fn keeps_ids(&self) -> bool {
        self.keeps_ids
    }

    /// Limits on the distance from expected times, for packets that share only their contents.
    pub(super) fn limits(&self) -> Limits {
        let spread = self.usual.spread;
        let usual = spread.saturating_mul(40).max(USUAL_NS);
        Limits {
            early: spread.saturating_mul(4).max(EARLY_NS),
            late: if self.keeps_ids { usual } else { HORIZON_NS },
            usual,
        }
    }

    /// Limits on the distance from expected times, for packets with the same IP identification.
    pub(super) fn limits_by_id(&self) -> Limits {
        Limits {
            early: HORIZON_NS,
            late: HORIZON_NS,
            ..self.limits()
        }
    }
}

/// Packets further apart are not the same.
pub(super) const HORIZON_NS: i64 = 60_000_000_000;
/// Normal variation of delays.
const USUAL_NS: i64 = 50_000_000;
const EARLY_NS: i64 = 1_000_000;
