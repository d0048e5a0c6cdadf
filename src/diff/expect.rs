//! When a packet of A is expected at B.

use super::assign::Limits;
use super::clock::Clock;

/// When packets of one direction of a conversation are expected at B.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// Times at A of packets that are recognised without doubt, and how much later B's clock was
    /// then: medians of neighbours.
    points: Vec<(i64, i64)>,
    usual: Usual,
    /// 1 for packets that pass A first, -1 for those that pass B first, 0 where it is not known.
    sign: i64,
    /// The path keeps identifications of IP, so that other ones are other packets.
    keeps_ids: bool,
}

/// What is usual between both points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usual {
    /// Both clocks.
    pub(super) clock: Clock,
    /// How much B's clock shows more when a packet passes it, with the difference of clocks taken
    /// off: the delay from A to B, or less than 0.
    pub(super) delay: i64,
    /// How much delays vary: between the quartiles.
    pub(super) spread: i64,
}

impl Expected {
    /// `points` are times at A and differences of packets that are recognised without doubt.
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

    /// The time at B at which a packet is expected that A saw at this time.
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

    /// How far packets may be from their expected times that have nothing but their contents in
    /// common.
    pub(super) fn limits(&self) -> Limits {
        let spread = self.usual.spread;
        let usual = spread.saturating_mul(40).max(USUAL_NS);
        Limits {
            early: spread.saturating_mul(4).max(EARLY_NS),
            late: if self.keeps_ids { usual } else { HORIZON_NS },
            usual,
        }
    }

    /// The same of packets with the same identification of IP.
    pub(super) fn limits_by_id(&self) -> Limits {
        Limits {
            early: HORIZON_NS,
            late: HORIZON_NS,
            ..self.limits()
        }
    }
}

/// Packets that are further apart are not the same.
pub(super) const HORIZON_NS: i64 = 60_000_000_000;
/// Delays vary by this much without a reason.
const USUAL_NS: i64 = 50_000_000;
const EARLY_NS: i64 = 1_000_000;
