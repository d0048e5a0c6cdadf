//! What each conversation of a capture is.

use crate::shape::{Alpha, Class, Profile, Shape, Sizes};

/// What each conversation of a capture is, computed when asked for and kept nowhere.
///
/// Conversations have ranks, in the order of classes, then of quantiles. The sum of all sizes and
/// of `not_ip_count` is the number of packets asked for.
pub(crate) struct Plan {
    classes: Vec<PlannedClass>,
    pub(crate) conversation_count: u64,
    /// Rank of the first heavy conversation.
    pub(crate) heavy_start: u64,
    /// Multiplies the sizes of heavy conversations.
    heavy_factor: f64,
    /// Packets that the factor leaves over, because sizes are rounded down. Shared out evenly.
    heavy_rest: u64,
    pub(crate) not_ip_count: u64,
}

struct PlannedClass {
    class: &'static Class,
    start: u64,
    count: u64,
}

impl Plan {
    pub(crate) fn new(shape: &'static Shape, packet_count: u64) -> Self {
        let not_ip_count = packet_count * shape.not_ip_permille / 1000;
        let ip_count = packet_count - not_ip_count;
        let share = |count: u64, of: u64, total: u64| {
            let scaled = u128::from(count) * u128::from(of) / u128::from(total);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        let conversation_count = share(shape.conversation_count, packet_count, shape.packet_count)
            .clamp(1, ip_count.max(1));
        let conversation_count = conversation_count.min(ip_count);
        let mut classes = Vec::new();
        let mut share_before = 0;
        for class in shape.classes {
            let start = share(conversation_count, share_before, 100_000);
            share_before += class.share;
            let end = share(conversation_count, share_before, 100_000);
            classes.push(PlannedClass {
                class,
                start,
                count: end - start,
            });
        }
        let is_heavy = |planned: &&PlannedClass| matches!(planned.class.sizes, Sizes::Heavy { .. });
        let mut plan = Self {
            heavy_start: classes
                .iter()
                .find(is_heavy)
                .map_or(conversation_count, |first| first.start),
            classes,
            conversation_count,
            heavy_factor: 0.0,
            heavy_rest: 0,
            not_ip_count,
        };
        plan.fit_heavy(ip_count);
        plan
    }

    /// Finds the factor by bisection: the sum of sizes rises with it.
    fn fit_heavy(&mut self, ip_count: u64) {
        let light: u64 = (0..self.heavy_start)
            .map(|rank| self.conversation(rank).1)
            .sum();
        let wanted = ip_count.saturating_sub(light);
        let heavy = |plan: &Self| -> u64 {
            (plan.heavy_start..plan.conversation_count)
                .map(|rank| plan.conversation(rank).1)
                .sum()
        };
        let (mut low, mut high) = (0.0, 1e9);
        for _ in 0..64 {
            self.heavy_factor = (low + high) / 2.0;
            if heavy(self) <= wanted {
                low = self.heavy_factor;
            } else {
                high = self.heavy_factor;
            }
        }
        self.heavy_factor = low;
        self.heavy_rest = wanted.saturating_sub(heavy(self));
    }

    /// The kind of the conversation of this rank, and its number of packets.
    pub(crate) fn conversation(&self, rank: u64) -> (Profile, u64) {
        // Classes partition the ranks, so the last one that starts at or before `rank` holds it, if
        // empty ones are passed over.
        let mut found = &self.classes[0];
        for planned in &self.classes {
            if planned.start <= rank && planned.count > 0 {
                found = planned;
            }
        }
        let quantile = (to_f64(rank - found.start) + 0.5) / to_f64(found.count);
        let size = match found.class.sizes {
            Sizes::Even { from, to } => {
                from + floor_u32(quantile * (f64::from(to - from) + 1.0)).min(to - from)
            }
            Sizes::Pareto { alpha, from, to } => {
                let spread = f64::from(to) / f64::from(from);
                floor_u32(f64::from(from) * alpha.quantile(quantile, spread))
            }
            Sizes::Heavy { alpha, spread } => {
                let spread = to_f64(found.count).clamp(4.0, f64::from(spread));
                let size = self.heavy_factor * alpha.quantile(quantile, spread);
                let heavy_count = self.conversation_count - self.heavy_start;
                let one_more = rank - self.heavy_start < self.heavy_rest % heavy_count;
                let size = u64::from(floor_u32(size)).max(1);
                let size = size + self.heavy_rest / heavy_count + u64::from(one_more);
                return (found.class.profile, size);
            }
        };
        (found.class.profile, u64::from(size))
    }
}

impl Alpha {
    /// Quantile of a Pareto law on `1..spread` with this exponent.
    fn quantile(self, quantile: f64, spread: f64) -> f64 {
        let between = |end: f64| 1.0 + (end - 1.0) * quantile;
        match self {
            Self::Half => {
                let root = between(1.0 / spread.sqrt());
                1.0 / (root * root)
            }
            Self::One => 1.0 / between(1.0 / spread),
            Self::Two => 1.0 / between(1.0 / (spread * spread)).sqrt(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounding down, with saturation at both ends, is what is meant"
)]
fn floor_u32(value: f64) -> u32 {
    value as u32
}

/// Exact up to 2⁵³, which no ordinal here reaches.
fn to_f64(value: u64) -> f64 {
    value as f64
}
