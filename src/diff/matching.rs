//! From two sides to links between their packets.
//!
//! Conversations are paired. Packets recognized without doubt reveal the sides of addresses and the
//! relation of the clocks. Then all packets of each pair of conversations are paired, direction by
//! direction, and finally fragments without a first fragment, which belong to no pair.

use super::class::{Extent, Link, Way};
use super::clock::{Clock, fit};
use super::expect::{Expected, Usual};
use super::frames::Pair;
use super::lane::Lane;
use super::options::Options;
use super::packet::Packet;
use super::pairing::{Paired, pair as pair_conversations};
use super::parts::{Path, datagrams};
use super::shift::{Shift, shifts};
use super::side::{Both, Point, Side};
use super::sides::Sides;
use rayon::prelude::*;

/// Links between packets, and what they reveal about the path.
pub(super) struct Matching {
    pub(super) pairs: Vec<Paired>,
    /// All links, sorted by A's packets.
    pub(super) links: Vec<Link>,
    pub(super) sides: Sides,
    pub(super) clock: Clock,
    pub(super) usual: Both<Usual>,
    /// The coarser resolution of both sides' times, in nanoseconds.
    pub(super) resolution: i64,
    /// Whether the path keeps IP identifications.
    pub(super) keeps_ids: bool,
}

/// Indexes of the same packet in A and B.
type Match = (u32, u32);

impl Matching {
    pub(super) fn of(pair: Pair<'_>, options: &Options) -> Self {
        let pairs = pair_conversations(pair.sides);
        let resolution = resolution(pair.sides.a).max(resolution(pair.sides.b));
        let rough: Vec<[Vec<Match>; 2]> = pairs
            .par_iter()
            .map(|it| Lanes::new(pair, it).rough())
            .collect();
        let mut matching = Self {
            pairs,
            links: Vec::new(),
            sides: Sides::default(),
            clock: Clock::default(),
            usual: Both::default(),
            resolution,
            keeps_ids: keeps_ids(pair, rough.iter().flatten().flatten()),
        };
        let all: Vec<Vec<Match>> = rough.iter().map(|it| it.concat()).collect();
        matching.learn(pair, options, &all, &[]);
        drop(all);
        let found = matching.pairs.par_iter().zip(rough);
        let found = found.flat_map_iter(|(it, rough)| matching.precise(pair, it, rough));
        matching.links = found.collect();
        let parts = datagrams(
            pair,
            &matching.links,
            &Known {
                pair,
                matching: &matching,
            },
        );
        matching.links.extend(parts);
        matching.links.par_sort_unstable();
        matching.learn_again(pair, options);
        matching
    }

    /// Learns sides, clocks and usual delays from packets in both captures, grouped by
    /// conversation. `others` are packets that share some of their bytes.
    fn learn(
        &mut self,
        pair: Pair<'_>,
        options: &Options,
        matches: &[Vec<Match>],
        others: &[Match],
    ) {
        let mut sides = Sides::new(&options.side_a, &options.side_b);
        for some in matches {
            sides.vote_of(pair, some, self.resolution);
        }
        sides.vote_by_ttl(pair, others);
        self.sides = sides;
        self.fit(pair, options, matches);
        let least = self.resolution.saturating_mul(3).max(self.usual.a.spread);
        if self.clock.half_width.is_some() || options.trusts_clocks {
            for some in matches {
                self.sides.vote_by_clock(pair, some, &self.clock, least);
            }
            self.fit(pair, options, matches);
        }
    }

    /// Learns again from the final links.
    fn learn_again(&mut self, pair: Pair<'_>, options: &Options) {
        let mut whole: Vec<(u32, Match)> = Vec::new();
        let mut others: Vec<Match> = Vec::new();
        for it in &self.links {
            match it.extent {
                Extent::Whole => {
                    let conversation = pair.packet(Point::A, it.a).conversation;
                    whole.push((conversation, (it.a, it.b)));
                }
                Extent::Bytes(_) => others.push((it.a, it.b)),
            }
        }
        whole.sort_unstable();
        let groups = whole.chunk_by(|x, y| x.0 == y.0);
        let matches: Vec<Vec<Match>> = groups
            .map(|it| it.iter().map(|it| it.1).collect())
            .collect();
        self.learn(pair, options, &matches, &others);
    }

    fn fit(&mut self, pair: Pair<'_>, options: &Options, matches: &[Vec<Match>]) {
        let mut points = [Vec::new(), Vec::new(), Vec::new()];
        for &(a, b) in matches.iter().flatten() {
            let (x, y) = (pair.packet(Point::A, a), pair.packet(Point::B, b));
            let way = self.sides.way_of(pair, Point::A, x);
            let kind = match way {
                Some(Way::Ab) => 0,
                Some(Way::Ba) => 1,
                None => 2,
            };
            if let Some(some) = points.get_mut(kind) {
                some.push((x.time, y.time.saturating_sub(x.time)));
            }
        }
        let origin = pair.sides.a.span.map_or(0, |it| it.0);
        let [ab, ba, unknown] = &points;
        self.clock = if options.trusts_clocks {
            Clock {
                origin,
                half_width: Some(0),
                ..Clock::default()
            }
        } else {
            fit(ab, ba, unknown, origin, self.resolution)
        };
        let usual = |points: &[(i64, i64)]| usual(&self.clock, points);
        let (forward, back) = (usual(ab), usual(ba));
        let none = usual(unknown);
        self.usual = Both {
            a: forward.or(none).unwrap_or_else(|| self.bare()),
            b: back.or(none).unwrap_or_else(|| self.bare()),
        };
    }

    fn bare(&self) -> Usual {
        Usual {
            clock: self.clock,
            ..Usual::default()
        }
    }

    /// Typical delays of a direction.
    pub(super) fn usual(&self, way: Option<Way>) -> Usual {
        match way {
            Some(Way::Ab) => self.usual.a,
            Some(Way::Ba) => self.usual.b,
            None => Usual {
                delay: 0,
                ..self.usual.a
            },
        }
    }

    /// The expected time at B of a packet that A captured at `time`.
    pub(super) fn at_b(&self, time: i64, way: Option<Way>) -> i64 {
        self.clock.at_b(time).saturating_add(self.usual(way).delay)
    }

    /// The expected time at A of a packet that B captured at `time`.
    pub(super) fn at_a(&self, time: i64, way: Option<Way>) -> i64 {
        self.clock.at_a(time.saturating_sub(self.usual(way).delay))
    }

    /// All links of a pair of conversations.
    fn precise(&self, pair: Pair<'_>, paired: &Paired, rough: [Vec<Match>; 2]) -> Vec<Link> {
        let lanes = Lanes::new(pair, paired);
        let mut links = Vec::new();
        let [first, second] = rough;
        for (direction, matches) in [(0, first), (1, second)] {
            let expected = self.expected(pair, paired, direction, &matches);
            let Some(mut lane) = lanes.lane(direction, expected) else {
                continue;
            };
            lane.hops = hops(pair, &matches);
            lane.exact();
            lane.truncated();
            lane.cut_headers();
            lane.resegmented(lanes.all(direction));
            lane.changed();
            links.append(&mut lane.links);
        }
        links
    }

    /// The expected times at B of packets of a direction.
    fn expected(
        &self,
        pair: Pair<'_>,
        paired: &Paired,
        direction: usize,
        matches: &[Match],
    ) -> Expected {
        let conversation = pair.sides.a.conversations.get(paired.a as usize);
        let way = conversation.and_then(|it| {
            let [src, dst] = it.ends(direction);
            self.sides.way(Point::A, src.0, dst.0)
        });
        let sign = match way {
            Some(Way::Ab) => 1,
            Some(Way::Ba) => -1,
            None => 0,
        };
        let usual = self.usual(way);
        let points = matches.iter().filter_map(|it| {
            let (x, y) = (pair.packet(Point::A, it.0), pair.packet(Point::B, it.1));
            let is_other = self.keeps_ids && x.ip_id != y.ip_id;
            let late = y
                .time
                .saturating_sub(self.at_b(x.time, way))
                .saturating_abs();
            let is_odd = is_other || late > usual.spread.saturating_mul(100).max(ODD_NS);
            (!is_odd).then_some((x.time, y.time.saturating_sub(x.time)))
        });
        let points = points.collect();
        let keeps = if matches.len() < FEWEST_IDS {
            self.keeps_ids
        } else {
            keeps_ids(pair, matches.iter())
        };
        Expected::new(points, usual, sign, keeps)
    }
}

/// Knowledge of the path.
struct Known<'a> {
    pair: Pair<'a>,
    matching: &'a Matching,
}

impl Path for Known<'_> {
    fn way(&self, point: Point, packet: &Packet) -> Option<Way> {
        self.matching.sides.way_of(self.pair, point, packet)
    }

    fn at_b(&self, time: i64, way: Option<Way>) -> i64 {
        self.matching.at_b(time, way)
    }
}

/// Both directions of a pair of conversations.
struct Lanes<'a> {
    pair: Pair<'a>,
    a: [Vec<u32>; 2],
    b: [Vec<u32>; 2],
    shifts: [Shift; 2],
}

impl<'a> Lanes<'a> {
    fn new(pair: Pair<'a>, paired: &Paired) -> Self {
        let split = |point, turned: usize| {
            let side: &Side = pair.side(point);
            let mut split = [Vec::new(), Vec::new()];
            for &place in side.of(paired.get(point)) {
                let direction = side.packet(place).direction() ^ turned;
                if let Some(some) = split.get_mut(direction) {
                    some.push(place);
                }
            }
            split
        };
        let a = split(Point::A, 0);
        let b = split(Point::B, paired.is_swapped.into());
        Self {
            shifts: shifts(pair, &a, &b),
            pair,
            a,
            b,
        }
    }

    fn lane(&self, direction: usize, expected: Expected) -> Option<Lane<'a>> {
        Some(Lane {
            pair: self.pair,
            a: self.a.get(direction)?.clone(),
            b: self.b.get(direction)?.clone(),
            shift: *self.shifts.get(direction)?,
            hops: 0,
            expected,
            is_rough: false,
            links: Vec::new(),
        })
    }

    fn all(&self, direction: usize) -> [&[u32]; 2] {
        [&self.a, &self.b].map(|it| it.get(direction).map_or(&[][..], Vec::as_slice))
    }

    /// Packets of each direction recognized without doubt.
    fn rough(&self) -> [Vec<Match>; 2] {
        [0, 1].map(|direction| {
            let Some(mut lane) = self.lane(direction, Expected::default()) else {
                return Vec::new();
            };
            lane.is_rough = true;
            lane.exact();
            lane.truncated();
            lane.cut_headers();
            lane.links.iter().map(|it| (it.a, it.b)).collect()
        })
    }
}

/// Typical delays, given times and differences; `None` without any.
fn usual(clock: &Clock, points: &[(i64, i64)]) -> Option<Usual> {
    let late = points
        .iter()
        .map(|it| it.1.saturating_sub(clock.difference(it.0)));
    let mut late: Vec<i64> = late.collect();
    late.sort_unstable();
    let at = |quarters: usize| {
        late.get((late.len().checked_sub(1)? * quarters) / 4)
            .copied()
    };
    Some(Usual {
        clock: *clock,
        delay: at(2)?,
        spread: at(3)?.saturating_sub(at(1)?),
    })
}

/// TTL at B minus TTL at A: the median.
fn hops(pair: Pair<'_>, matches: &[Match]) -> i16 {
    let more = matches.iter().map(|it| {
        let (x, y) = (pair.packet(Point::A, it.0), pair.packet(Point::B, it.1));
        i16::from(y.ttl) - i16::from(x.ttl)
    });
    let mut more: Vec<i16> = more.collect();
    more.sort_unstable();
    more.get(more.len() / 2).copied().unwrap_or(0)
}

/// Whether most packets in both captures have the same identification.
fn keeps_ids<'m>(pair: Pair<'_>, matches: impl Iterator<Item = &'m Match>) -> bool {
    let (mut same, mut other) = (0_u64, 0_u64);
    for &(a, b) in matches {
        let (x, y) = (
            pair.packet(Point::A, a).ip_id,
            pair.packet(Point::B, b).ip_id,
        );
        if x == y && x != 0 {
            same += 1;
        } else if x != y {
            other += 1;
        }
    }
    same > other.saturating_mul(9)
}

/// Resolution of a side's times.
fn resolution(side: &Side) -> i64 {
    let units = [1_000_000, 1000];
    let found = units
        .into_iter()
        .find(|unit| side.packets.iter().all(|it| it.time % unit == 0));
    found.unwrap_or(1)
}

/// Packets this far from their expected times were mismatched.
const ODD_NS: i64 = 1_000_000_000;
/// Packets needed to decide whether the path keeps identifications.
const FEWEST_IDS: usize = 4;
