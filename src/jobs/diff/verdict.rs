//! Is it the network? Attributes losses and waiting to zones: beyond A, between both points, beyond
//! B.
//!
//! Losses: each segment repeated at its sender's point is attributed to where its bytes were last
//! seen. If they did not reach the other point, they were lost between both; otherwise beyond it,
//! or not at all. Waiting: the time from the last packet of a request to the first one of its
//! answer, as seen by both points. The time seen by the point closer to the answering host was
//! spent beyond it; what the other point sees in addition was spent between them.

use super::duration::duration;
use crate::diff::{Class, Comparison, Packet, Pair, Paired, Point, Way};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::VecDeque;
use std::fmt;

/// A value for each zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Zones {
    /// Beyond A: A's hosts, and the path to them.
    pub(super) beyond_a: i64,
    /// Between both points.
    pub(super) between: i64,
    /// Beyond B.
    pub(super) beyond_b: i64,
}

/// Losses and waiting by zone, and the conclusion.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdict {
    /// Repeated segments, by the zone in which the original was lost.
    pub(super) retransmissions: Zones,
    /// Repeated segments whose bytes were already acknowledged.
    pub(super) needless_retransmissions: i64,
    /// Number of answers that were waited for.
    pub(super) answers: u64,
    /// Nanoseconds of waiting above the median, by zone.
    pub(super) excess_waiting_ns: Zones,
    /// Number of answers that took longer than twice the median.
    pub(super) slow_answers: u64,
    /// Segments with a zero window, by the zone of their senders.
    pub(super) zero_windows: Zones,
    /// Data packets between both points, and how many of them were lost there.
    pub(super) data_packets: i64,
    pub(super) data_packets_lost: i64,
    /// Lost data packets whose bytes were acknowledged before being repeated: they did arrive, and
    /// the capture missed them.
    pub(super) acknowledged_anyway: i64,
    /// The conclusion in one word: `network`, `beyond_a`, `beyond_b`, or `none`.
    pub(super) conclusion: &'static str,
    /// The conclusion as a sentence.
    pub(super) text: String,
}

impl Zones {
    const fn of(&mut self, zone: Zone) -> &mut i64 {
        match zone {
            Zone::BeyondA => &mut self.beyond_a,
            Zone::Between => &mut self.between,
            Zone::BeyondB => &mut self.beyond_b,
        }
    }

    const fn sum(&self) -> i64 {
        self.beyond_a
            .saturating_add(self.between)
            .saturating_add(self.beyond_b)
    }

    fn add(&mut self, other: &Self) {
        self.beyond_a = self.beyond_a.saturating_add(other.beyond_a);
        self.between = self.between.saturating_add(other.between);
        self.beyond_b = self.beyond_b.saturating_add(other.beyond_b);
    }

    /// The zone with nearly everything.
    fn most(&self) -> Option<(Zone, i64)> {
        let all = [
            (Zone::BeyondA, self.beyond_a),
            (Zone::Between, self.between),
            (Zone::BeyondB, self.beyond_b),
        ];
        let share = |part: i64| i128::from(part) * 100 / i128::from(self.sum().max(1));
        let found = all.into_iter().find(|it| share(it.1) >= MOST_PERCENT);
        found.map(|(zone, part)| (zone, i64::try_from(share(part)).unwrap_or(100)))
    }
}

/// A part of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    BeyondA,
    Between,
    BeyondB,
}

/// Contribution of one conversation.
#[derive(Default)]
struct Found {
    retransmissions: Zones,
    zero_windows: Zones,
    data_packets: i64,
    data_packets_lost: i64,
    acknowledged_anyway: i64,
    needless: i64,
    answers: Vec<Answer>,
}

/// Waiting time for an answer.
#[derive(Clone, Copy)]
struct Answer {
    /// At the point closer to the requester.
    near: i64,
    /// At the other point.
    far: i64,
    /// The zone of the answering host.
    beyond: Zone,
}

impl Verdict {
    pub(super) fn new(pair: Pair<'_>, comparison: &Comparison) -> Self {
        let found = comparison
            .pairs
            .par_iter()
            .map(|it| Found::of(pair, comparison, it));
        let found: Vec<Found> = found.collect();
        let mut verdict = Self {
            retransmissions: Zones::default(),
            needless_retransmissions: 0,
            answers: 0,
            excess_waiting_ns: Zones::default(),
            slow_answers: 0,
            zero_windows: Zones::default(),
            data_packets: 0,
            data_packets_lost: 0,
            acknowledged_anyway: 0,
            conclusion: "none",
            text: String::new(),
        };
        for it in &found {
            verdict.retransmissions.add(&it.retransmissions);
            verdict.zero_windows.add(&it.zero_windows);
            verdict.data_packets += it.data_packets;
            verdict.data_packets_lost += it.data_packets_lost;
            verdict.acknowledged_anyway += it.acknowledged_anyway;
            verdict.needless_retransmissions += it.needless;
        }
        let answers: Vec<Answer> = found.into_iter().flat_map(|it| it.answers).collect();
        verdict.count_waiting(&answers);
        verdict.conclude();
        verdict
    }

    fn count_waiting(&mut self, answers: &[Answer]) {
        self.answers = answers.len() as u64;
        let median = |of: fn(&Answer) -> i64| {
            let mut values: Vec<i64> = answers.iter().map(of).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied().unwrap_or(0)
        };
        let far = median(|it| it.far);
        let path = median(|it| it.near.saturating_sub(it.far));
        for it in answers {
            let beyond = it.far.saturating_sub(far).max(0);
            let between = it.near.saturating_sub(it.far).saturating_sub(path).max(0);
            let (total, usual) = (it.near.max(it.far), far.saturating_add(path));
            if total > usual.saturating_mul(2).max(usual.saturating_add(SLOW_NS)) {
                self.slow_answers += 1;
                let place = self.excess_waiting_ns.of(it.beyond);
                *place = place.saturating_add(beyond);
                let place = &mut self.excess_waiting_ns.between;
                *place = place.saturating_add(between);
            }
        }
    }

    fn conclude(&mut self) {
        let losses = (self.retransmissions.sum() >= FEWEST)
            .then(|| self.retransmissions.most())
            .flatten();
        let is_slow = self.slow_answers >= FEWEST.unsigned_abs();
        let waiting = is_slow.then(|| self.excess_waiting_ns.most()).flatten();
        let named = |zone| match zone {
            Zone::BeyondA => (
                "beyond_a",
                "not the network between these points: ",
                "beyond A",
            ),
            Zone::Between => (
                "network",
                "the network between these points: ",
                "between A and B",
            ),
            Zone::BeyondB => (
                "beyond_b",
                "not the network between these points: ",
                "beyond B",
            ),
        };
        let what = |zone, share, of: &str| {
            let (word, start, place) = named(zone);
            (word, format!("{start}{share} % of the {of} {place}"))
        };
        let (word, text) = match (losses, waiting) {
            (Some((x, _)), Some((y, _))) if x != y => (
                "none",
                format!(
                    "no single cause: losses are {}, waiting is {}",
                    named(x).2,
                    named(y).2
                ),
            ),
            (_, Some((zone, share))) => what(zone, share, "waiting time above the median passed"),
            (Some((zone, share)), None) => what(zone, share, "repeated segments were lost or late"),
            (None, None) => ("none", "no single cause".to_owned()),
        };
        (self.conclusion, self.text) = (word, text);
    }
}

/// The numbers, then the conclusion.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.data_packets == 0 {
            return f.write_str(
                "verdict: no single cause: no TCP connection with data is on both sides",
            );
        }
        let lost = &self.retransmissions;
        writeln!(
            f,
            "between A and B: {} of {} TCP segments with data lost, {} of them acknowledged all the same",
            self.data_packets_lost, self.data_packets, self.acknowledged_anyway
        )?;
        writeln!(
            f,
            "repeated segments: {}; lost beyond A {}, lost or late between {}, lost beyond B {}, {} needless",
            lost.sum().saturating_add(self.needless_retransmissions),
            lost.beyond_a,
            lost.between,
            lost.beyond_b,
            self.needless_retransmissions
        )?;
        let excess = &self.excess_waiting_ns;
        writeln!(
            f,
            "answers: {}, {} of them slow; waiting above the median: beyond A {}, between {}, beyond B {}",
            self.answers,
            self.slow_answers,
            duration(excess.beyond_a),
            duration(excess.between),
            duration(excess.beyond_b)
        )?;
        let zero = &self.zero_windows;
        if zero.sum() > 0 {
            writeln!(
                f,
                "zero windows: {} from A's hosts, {} from B's",
                zero.beyond_a, zero.beyond_b
            )?;
        }
        write!(f, "verdict: {}", self.text)
    }
}

impl Found {
    fn of(pair: Pair<'_>, comparison: &Comparison, paired: &Paired) -> Self {
        let mut found = Self::default();
        let is_tcp = pair.sides.a.conversations.get(paired.a as usize);
        if is_tcp.is_none_or(|it| it.key.protocol != crate::decode::protocol::TCP) {
            return found;
        }
        for (point, conversation) in [(Point::A, paired.a), (Point::B, paired.b)] {
            found.losses(pair, comparison, point, conversation);
        }
        found.waits(pair, comparison, paired);
        found
    }

    /// Classifies repeated segments from hosts on this point's side.
    fn losses(&mut self, pair: Pair<'_>, comparison: &Comparison, point: Point, conversation: u32) {
        let side = pair.side(point);
        let (behind, beyond) = match point {
            Point::A => (Zone::BeyondA, Zone::BeyondB),
            Point::B => (Zone::BeyondB, Zone::BeyondA),
        };
        // Segments sent so far.
        let mut sent = Sent::default();
        for &place in side.of(conversation) {
            let packet = side.packet(place);
            let fate = comparison.fate(point, place);
            if !fate.class.is_judged() || !packet.is_tcp() {
                continue;
            }
            if fate.way.map(Way::sender) != Some(point) {
                self.acknowledged_anyway += sent.acknowledge(packet);
                continue;
            }
            if packet.window == 0 && packet.flags & RST_OR_SYN == 0 {
                *self.zero_windows.of(behind) += 1;
            }
            if packet.len == 0 || fate.class == Class::Duplicate {
                continue;
            }
            self.data_packets += 1;
            let is_lost = matches!(fate.class, Class::Dropped | Class::Partial);
            self.data_packets_lost += i64::from(is_lost);
            match sent.add(packet, is_lost, fate.is_reordered || fate.is_delayed) {
                Again::New => {}
                Again::WasLost | Again::WasLate => *self.retransmissions.of(Zone::Between) += 1,
                Again::Arrived => *self.retransmissions.of(beyond) += 1,
                Again::Needless => self.needless += 1,
                // The original never passed this point.
                Again::Unseen => *self.retransmissions.of(behind) += 1,
            }
        }
    }

    /// Collects waiting times for answers at both points.
    fn waits(&mut self, pair: Pair<'_>, comparison: &Comparison, paired: &Paired) {
        let side = pair.sides.a;
        let mut last: Option<(Way, i64, i64)> = None;
        for &place in side.of(paired.a) {
            let packet = side.packet(place);
            let fate = comparison.fate(Point::A, place);
            let (Some(way), [link], true) = (
                fate.way,
                comparison.links_of(Point::A, place),
                packet.len > 0,
            ) else {
                continue;
            };
            let at_b = comparison.clock.at_a(pair.packet(Point::B, link.b).time);
            if let Some((before, a, b)) = last
                && before != way
            {
                let (near, far, beyond) = match before {
                    Way::Ab => (packet.time - a, at_b - b, Zone::BeyondB),
                    Way::Ba => (at_b - b, packet.time - a, Zone::BeyondA),
                };
                self.answers.push(Answer { near, far, beyond });
            }
            last = Some((way, packet.time, at_b));
        }
    }
}

/// Segments sent in one direction.
#[derive(Default)]
struct Sent {
    /// Sequence number after the last byte.
    end: Option<u32>,
    /// Ranges of lost segments that were not repeated.
    lost: VecDeque<(u32, u32)>,
    /// Ranges of recent segments that arrived late or out of order.
    recent: VecDeque<(u32, u32)>,
    /// Highest acknowledged number.
    acknowledged: Option<u32>,
    /// Ranges of bytes that never passed.
    gaps: Vec<(u32, u32)>,
}

enum Again {
    New,
    WasLost,
    /// The original arrived late or out of order.
    WasLate,
    Arrived,
    /// The original had been acknowledged.
    Needless,
    Unseen,
}

impl Sent {
    fn add(&mut self, packet: &Packet, is_lost: bool, is_late: bool) -> Again {
        let (start, end) = (packet.sequence, packet.sequence.wrapping_add(packet.len));
        let Some(before) = self.end else {
            self.end = Some(end);
            self.note(start, end, is_lost, is_late);
            return Again::New;
        };
        let after = start.wrapping_sub(before).cast_signed();
        let again = if after >= 0 {
            if after > 0 && self.gaps.len() < MOST_GAPS {
                self.gaps.push((before, start));
            }
            self.end = Some(end);
            Again::New
        } else if let Some(at) = self.lost.iter().position(|it| is_in(start, *it)) {
            self.lost.remove(at);
            Again::WasLost
        } else if let Some(at) = self.gaps.iter().position(|gap| is_in(start, *gap)) {
            self.fill(at, end);
            Again::Unseen
        } else if self.recent.iter().any(|it| is_in(start, *it)) {
            Again::WasLate
        } else if self.acknowledged.is_some_and(|it| is_covered(end, it)) {
            Again::Needless
        } else {
            Again::Arrived
        };
        self.note(start, end, is_lost, is_late);
        again
    }

    fn note(&mut self, start: u32, end: u32, is_lost: bool, is_late: bool) {
        if is_late {
            self.recent.push_back((start, end));
            if self.recent.len() > MOST_GAPS {
                self.recent.pop_front();
            }
        }
        if is_lost && self.lost.len() < MOST_GAPS {
            self.lost.push_back((start, end));
        }
    }

    /// Processes an acknowledgment by the other side. Returns how many lost segments it covers
    /// nevertheless.
    fn acknowledge(&mut self, packet: &Packet) -> i64 {
        if packet.flags & ACK == 0 {
            return 0;
        }
        let acknowledged = packet.acknowledgment;
        let mut count = 0;
        if self
            .acknowledged
            .is_none_or(|it| is_covered(it, acknowledged))
        {
            self.acknowledged = Some(acknowledged);
        }
        while self
            .lost
            .front()
            .is_some_and(|it| is_covered(it.1, acknowledged))
        {
            self.lost.pop_front();
            count += 1;
        }
        count
    }

    /// Fills part of a gap.
    fn fill(&mut self, at: usize, end: u32) {
        let Some(gap) = self.gaps.get_mut(at) else {
            return;
        };
        if is_in(end, *gap) {
            gap.0 = end;
        } else {
            self.gaps.remove(at);
        }
    }
}

/// Whether an acknowledgment covers bytes up to `end`.
const fn is_covered(end: u32, acknowledgment: u32) -> bool {
    acknowledgment.wrapping_sub(end).cast_signed() >= 0
}

fn is_in(number: u32, (start, end): (u32, u32)) -> bool {
    number.wrapping_sub(start) < end.wrapping_sub(start)
}

/// Share of losses or waiting that one zone needs for a verdict.
const MOST_PERCENT: i128 = 80;
/// Losses or slow answers needed for a verdict.
const FEWEST: i64 = 20;
/// A slow answer takes twice the usual time, plus at least this.
const SLOW_NS: i64 = 1_000_000;
/// Gaps and lost segments remembered per direction.
const MOST_GAPS: usize = 256;
const ACK: u16 = 0x010;
const RST_OR_SYN: u16 = 0x006;
