//! Sums of a comparison, as one JSON object.

use super::verdict::Verdict;
use crate::diff::{Both, Class, Comparison, Delays, Fate, Packet, Pair, Point, Side, Way};
use crate::engine::{InputReport, Outcome};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub(super) packets_a: u64,
    pub(super) packets_b: u64,
    pub(super) different: bool,
    pub(super) classes: AB<BTreeMap<&'static str, u64>>,
    pub(super) directions: Ways<Counts>,
    pub(super) clock: ClockSummary,
    pub(super) delay_ns: Ways<DelaySummary>,
    pub(super) jitter_ns: Ways<Option<i64>>,
    pub(super) spans: Spans,
    pub(super) conversations: Conversations,
    pub(super) verdict: Verdict,
    pub(super) inputs: AB<Vec<InputSummary>>,
}

/// A value for each side, named by side.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct AB<T> {
    pub(super) a: T,
    pub(super) b: T,
}

/// A value for each direction.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Ways<T> {
    pub(super) ab: T,
    pub(super) ba: T,
}

impl<T> Ways<T> {
    pub(super) const fn get(&self, way: Way) -> &T {
        match way {
            Way::Ab => &self.ab,
            Way::Ba => &self.ba,
        }
    }

    const fn get_mut(&mut self, way: Way) -> &mut T {
        match way {
            Way::Ab => &mut self.ab,
            Way::Ba => &mut self.ba,
        }
    }
}

/// Packet counts of one direction.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) dropped: u64,
    pub(super) dropped_data: u64,
    pub(super) dropped_pure_acks: u64,
    pub(super) injected: u64,
    pub(super) mangled: u64,
    pub(super) partial: u64,
    pub(super) duplicate: u64,
    pub(super) reordered: u64,
    pub(super) delayed: u64,
    pub(super) loss_ratio: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ClockSummary {
    pub(super) offset_ns: Option<i64>,
    pub(super) drift_ppm: f64,
    pub(super) uncertainty_ns: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct DelaySummary {
    pub(super) min: Option<i64>,
    pub(super) p50: Option<i64>,
    pub(super) p90: Option<i64>,
    pub(super) p99: Option<i64>,
    pub(super) p999: Option<i64>,
    pub(super) max: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Spans {
    pub(super) a: Option<SpanSummary>,
    pub(super) b: Option<SpanSummary>,
    /// The common time span, on A's clock.
    pub(super) overlap: Option<SpanSummary>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct SpanSummary {
    pub(super) first_ns: i64,
    pub(super) last_ns: i64,
}

/// Conversation counts of both sides.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Conversations {
    pub(super) a: u64,
    pub(super) b: u64,
    pub(super) paired: u64,
    pub(super) translated: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct InputSummary {
    pub(super) path: String,
    packets: u64,
    bytes: u64,
    error: Option<String>,
}

impl Summary {
    pub(super) fn new(pair: Pair<'_>, comparison: &Comparison, outcomes: &Both<Outcome>) -> Self {
        let sides = pair.sides;
        let classes = |point: Point| classes(pair.side(point), comparison.fates.get(point));
        let inputs = |outcome: &Outcome| outcome.captures().map(InputSummary::new).collect();
        let clock = &comparison.clock;
        let [ab, ba] = &comparison.delays;
        Self {
            packets_a: packets(sides.a),
            packets_b: packets(sides.b),
            different: comparison.differs(),
            classes: AB {
                a: classes(Point::A),
                b: classes(Point::B),
            },
            directions: directions(pair, comparison),
            clock: ClockSummary {
                offset_ns: clock.half_width.map(|_| clock.offset),
                drift_ppm: clock.drift * 1e6 + 0.0,
                uncertainty_ns: clock.half_width,
            },
            delay_ns: Ways {
                ab: DelaySummary::new(ab),
                ba: DelaySummary::new(ba),
            },
            jitter_ns: Ways {
                ab: (!ab.sorted.is_empty()).then_some(ab.jitter),
                ba: (!ba.sorted.is_empty()).then_some(ba.jitter),
            },
            spans: Spans::new(pair, comparison),
            conversations: conversations(pair, comparison),
            verdict: Verdict::new(pair, comparison),
            inputs: AB {
                a: inputs(&outcomes.a),
                b: inputs(&outcomes.b),
            },
        }
    }

    /// The summary as one JSON object, with a line feed.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Number of packets of a side.
const fn packets(side: &Side) -> u64 {
    side.total
}

fn classes(side: &Side, fates: &[Fate]) -> BTreeMap<&'static str, u64> {
    let mut classes: BTreeMap<&'static str, u64> =
        Class::ALL.iter().map(|it| (it.name(), 0)).collect();
    for fate in fates {
        *classes.entry(fate.class.name()).or_default() += 1;
    }
    *classes.entry(Class::NotIp.name()).or_default() += side.total - fates.len() as u64;
    classes
}

fn directions(pair: Pair<'_>, comparison: &Comparison) -> Ways<Counts> {
    let mut ways = Ways::<Counts>::default();
    for point in [Point::A, Point::B] {
        let packets = pair.side(point).packets.iter();
        for (packet, fate) in packets.zip(comparison.fates.get(point)) {
            if let Some(way) = fate.way.filter(|_| fate.class.is_judged()) {
                count(ways.get_mut(way), point == way.sender(), packet, fate);
            }
        }
    }
    for way in Way::ALL {
        let counts = ways.get_mut(way);
        counts.loss_ratio = ratio(counts.dropped, counts.sent);
    }
    ways
}

fn count(counts: &mut Counts, is_sender: bool, packet: &Packet, fate: &Fate) {
    let one_if = u64::from;
    if is_sender {
        counts.sent += 1;
        let is_dropped = fate.class == Class::Dropped;
        counts.dropped += one_if(is_dropped);
        counts.dropped_data += one_if(is_dropped && packet.len > 0);
        counts.dropped_pure_acks += one_if(is_dropped && packet.is_pure_ack());
        counts.partial += one_if(fate.class == Class::Partial);
    } else {
        counts.received += 1;
        counts.injected += one_if(fate.class == Class::Injected);
        counts.mangled += one_if(fate.class == Class::Mangled);
        counts.reordered += one_if(fate.is_reordered);
        counts.delayed += one_if(fate.is_delayed);
    }
    counts.duplicate += one_if(fate.class == Class::Duplicate);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio needs no more than 53 bits"
)]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl DelaySummary {
    fn new(delays: &Delays) -> Self {
        Self {
            min: delays.per_mille(0),
            p50: delays.per_mille(500),
            p90: delays.per_mille(900),
            p99: delays.per_mille(990),
            p999: delays.per_mille(999),
            max: delays.per_mille(1000),
        }
    }
}

impl Spans {
    fn new(pair: Pair<'_>, comparison: &Comparison) -> Self {
        let clock = &comparison.clock;
        let overlap = pair.sides.a.span.zip(pair.sides.b.span).and_then(|(a, b)| {
            let (first, last) = (a.0.max(clock.at_a(b.0)), a.1.min(clock.at_a(b.1)));
            (first <= last).then_some((first, last))
        });
        let span = |it: Option<(i64, i64)>| {
            it.map(|(first_ns, last_ns)| SpanSummary { first_ns, last_ns })
        };
        Self {
            a: span(pair.sides.a.span),
            b: span(pair.sides.b.span),
            overlap: span(overlap),
        }
    }
}

fn conversations(pair: Pair<'_>, comparison: &Comparison) -> Conversations {
    let keys = |it: &crate::diff::Paired| {
        let a = pair.sides.a.conversations.get(it.a as usize)?.key;
        Some((a, pair.sides.b.conversations.get(it.b as usize)?.key))
    };
    let translated = comparison
        .pairs
        .iter()
        .filter_map(keys)
        .filter(|(a, b)| a != b);
    Conversations {
        a: pair.sides.a.conversations.len() as u64,
        b: pair.sides.b.conversations.len() as u64,
        paired: comparison.pairs.len() as u64,
        translated: translated.count() as u64,
    }
}

impl InputSummary {
    fn new(input: &InputReport) -> Self {
        Self {
            path: input.path.display().to_string(),
            packets: input.packets,
            bytes: input.bytes,
            error: match (&input.error, input.damages.first()) {
                (Some(error), _) => Some(error.to_string()),
                (None, Some(damage)) => Some(damage.to_string()),
                (None, None) => None,
            },
        }
    }
}
