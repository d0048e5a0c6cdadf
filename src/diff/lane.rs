//! Pairing of packets in one direction of a pair of conversations, rule by rule.

use super::assign::{Limits, Timed, assign};
use super::class::{Changes, Extent, Link};
use super::expect::Expected;
use super::frames::Pair;
use super::packet::{Packet, digest};
use super::shift::Shift;
use super::side::Point;
use std::hash::{BuildHasher, Hash, RandomState};

/// One direction of a pair of conversations.
pub(super) struct Lane<'a> {
    pub(super) pair: Pair<'a>,
    /// Unpaired packets of A, in capture order.
    pub(super) a: Vec<u32>,
    /// Unpaired packets of B, in capture order.
    pub(super) b: Vec<u32>,
    /// Shift of sequence numbers from A to B.
    pub(super) shift: Shift,
    /// Usual TTL at B minus TTL at A.
    pub(super) hops: i16,
    /// Expected times of packets at B.
    pub(super) expected: Expected,
    /// Whether only unique packets count, regardless of time.
    pub(super) is_rough: bool,
    /// The links found.
    pub(super) links: Vec<Link>,
}

/// Properties that packets must have in common.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// The IP identification, which must not be 0.
    with_id: bool,
    /// The TTL, corrected by the usual hops: copies may be captured on both sides of a router.
    with_ttl: bool,
    /// TCP window and timestamp.
    with_window: bool,
    with_stamp: bool,
}

impl Level {
    const fn new(with_id: bool, with_ttl: bool, with_window: bool, with_stamp: bool) -> Self {
        Self {
            with_id,
            with_ttl,
            with_window,
            with_stamp,
        }
    }
}

/// Strictest first.
const LEVELS: &[Level] = &[
    Level::new(true, true, true, false),
    Level::new(true, false, true, true),
    Level::new(true, false, true, false),
    Level::new(false, false, true, true),
    Level::new(false, false, true, false),
    Level::new(false, false, false, false),
];

impl Lane<'_> {
    pub(super) fn packet(&self, point: Point, place: u32) -> &Packet {
        self.pair.packet(point, place)
    }

    /// Unpaired packets of both sides.
    fn left(&self) -> impl Iterator<Item = &Packet> {
        let a = self.a.iter().map(|it| self.packet(Point::A, *it));
        a.chain(self.b.iter().map(|it| self.packet(Point::B, *it)))
    }

    /// The levels in use.
    fn levels(&self) -> &'static [Level] {
        let first = usize::from(self.is_rough);
        let count = if self.is_rough || self.expected.keeps_ids() {
            LEVELS.len() - 1
        } else {
            LEVELS.len()
        };
        LEVELS.get(first..count).unwrap_or_default()
    }

    /// Pairs equal packets, level by level.
    pub(super) fn exact(&mut self) {
        for level in self.levels() {
            if self.a.is_empty() || self.b.is_empty() {
                return;
            }
            self.level(*level, |_, packet| Some(packet.digest));
        }
    }

    /// Pairs packets truncated in one capture, by comparing what both have of the payload.
    pub(super) fn truncated(&mut self) {
        let pair = self.pair;
        let cut = self.left().filter(|it| !it.is_whole());
        let Some(least) = cut.map(|it| it.captured as usize).min() else {
            return;
        };
        let start_of = |point, packet: &Packet| {
            let payload = pair.payload(point, packet);
            let wanted = least.min(packet.len as usize);
            Some(digest(&[payload.get(..wanted)?]))
        };
        for level in self.levels() {
            if self.a.is_empty() || self.b.is_empty() {
                return;
            }
            self.level(*level, start_of);
        }
    }

    /// Pairs segments with truncated headers in one capture, by their positions in the stream and
    /// their lengths.
    pub(super) fn cut_headers(&mut self) {
        if !self.left().any(|it| it.has(Packet::CUT)) {
            return;
        }
        let shift = self.shift;
        for with_id in [true, false] {
            let limits = if with_id {
                self.expected.limits_by_id()
            } else {
                self.expected.limits()
            };
            let key = |point, packet: &Packet| {
                let is_tcp = packet.has(Packet::TCP) || packet.has(Packet::CUT);
                let is_wanted = is_tcp && (packet.ip_id != 0 || !with_id);
                let sequence = packet.sequence.wrapping_add(match point {
                    Point::A => shift.sequence,
                    Point::B => 0,
                });
                let id = if with_id { packet.ip_id } else { 0 };
                is_wanted.then_some((sequence, packet.segment_len(), id))
            };
            self.pair_by(&limits, key, |_, _| Changes::NONE);
        }
    }

    /// Pairs packets that are equal at a level.
    fn level(&mut self, level: Level, payload: impl Fn(Point, &Packet) -> Option<u64>) {
        let hasher = RandomState::new();
        let key = |point, place: u32| {
            let packet = self.packet(point, place);
            let identity = self.identity(point, packet, level)?;
            Some(hasher.hash_one((identity, payload(point, packet)?)))
        };
        let keyed = self.keyed(|point, place, _| key(point, place));
        let limits = if level.with_id {
            self.expected.limits_by_id()
        } else {
            self.expected.limits()
        };
        let found = self.in_groups(&keyed, &limits);
        let changes = Changes::WINDOW.only_if(!level.with_window);
        self.join(&found, |a, b| changes.only_if(a.window != b.window));
    }

    /// Pairs packets with the same key.
    fn pair_by<K: Hash>(
        &mut self,
        limits: &Limits,
        key: impl Fn(Point, &Packet) -> Option<K>,
        changes: impl Fn(&Packet, &Packet) -> Changes,
    ) {
        let hasher = RandomState::new();
        let keyed = self.keyed(|point, _, packet| Some(hasher.hash_one(key(point, packet)?)));
        let found = self.in_groups(&keyed, limits);
        self.join(&found, changes);
    }

    /// Unpaired packets with their keys, those of A before those of B.
    pub(super) fn keyed(&self, key: impl Fn(Point, u32, &Packet) -> Option<u64>) -> Vec<Keyed> {
        let mut keyed = Vec::with_capacity(self.a.len() + self.b.len());
        for (point, places) in [(Point::A, &self.a), (Point::B, &self.b)] {
            let some = places.iter().filter_map(|place| {
                let packet = self.packet(point, *place);
                Some((key(point, *place, packet)?, point, *place))
            });
            keyed.extend(some);
        }
        keyed.sort_unstable();
        keyed
    }

    /// Pairs packets with the same key by their times.
    fn in_groups(&self, keyed: &[Keyed], limits: &Limits) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        for group in keyed.chunk_by(|x, y| x.0 == y.0) {
            let split = group.partition_point(|it| it.1 == Point::A);
            match group.split_at(split) {
                ([], _) | (_, []) => {}
                ([a], [b]) if self.is_rough => found.push((a.2, b.2)),
                _ if self.is_rough => {}
                (a, b) => self.among_equals(a, b, limits, &mut found),
            }
        }
        found
    }

    fn among_equals(&self, a: &[Keyed], b: &[Keyed], limits: &Limits, found: &mut Vec<(u32, u32)>) {
        let [(a, copies_a), (b, copies_b)] = [a, b].map(|it| self.first_ones(it));
        let (mut a, mut b) = (self.timed(&a), self.timed(&b));
        let sign = self.expected.sign();
        let pairs = assign(&mut a, &mut b, sign, limits);
        if !copies_a.is_empty() || !copies_b.is_empty() {
            // Copies are paired with what is left.
            let (mut paired_a, mut paired_b): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
            paired_a.sort_unstable();
            paired_b.sort_unstable();
            a.retain(|it| paired_a.binary_search(&it.1).is_err());
            b.retain(|it| paired_b.binary_search(&it.1).is_err());
            a.extend(self.timed(&copies_a));
            b.extend(self.timed(&copies_b));
            found.extend(assign(&mut a, &mut b, sign, limits));
        }
        found.extend(pairs);
    }

    /// Splits equal packets into first ones and immediate copies.
    fn first_ones(&self, packets: &[Keyed]) -> (Vec<Keyed>, Vec<Keyed>) {
        let mut last: Option<i64> = None;
        packets.iter().partition(|(_, point, place)| {
            let time = self.packet(*point, *place).time;
            let is_near = |it: i64| time.saturating_sub(it).saturating_abs() <= COPY_NS;
            let is_first = !last.is_some_and(is_near);
            if is_first {
                last = Some(time);
            }
            is_first
        })
    }

    /// The times of packets on B's clock.
    pub(super) fn timed(&self, packets: &[Keyed]) -> Vec<Timed> {
        let times = packets.iter().map(|&(_, point, place)| {
            let time = self.packet(point, place).time;
            match point {
                Point::A => (self.expected.at_b(time), place),
                Point::B => (time, place),
            }
        });
        times.collect()
    }

    /// Adds one-to-one links.
    fn join(&mut self, found: &[(u32, u32)], changes: impl Fn(&Packet, &Packet) -> Changes) {
        let changes = found
            .iter()
            .map(|it| changes(self.packet(Point::A, it.0), self.packet(Point::B, it.1)));
        let changes: Vec<Changes> = changes.collect();
        self.join_changed(found, &changes);
    }

    /// Adds one-to-one links with changes.
    pub(super) fn join_changed(&mut self, found: &[(u32, u32)], changes: &[Changes]) {
        if found.is_empty() {
            return;
        }
        let links = found.iter().zip(changes).map(|(&(a, b), &changes)| Link {
            a,
            b,
            extent: Extent::Whole,
            changes,
        });
        self.links.extend(links);
        remove(&mut self.a, found.iter().map(|it| it.0));
        remove(&mut self.b, found.iter().map(|it| it.1));
    }

    /// The usual TTL of a packet at B.
    fn ttl_at_b(&self, point: Point, packet: &Packet) -> i16 {
        let ttl = i16::from(packet.ttl);
        match point {
            Point::A => ttl + self.hops,
            Point::B => ttl,
        }
    }

    /// The identity of a packet except for its payload; `None` if it lacks what the level requires.
    fn identity(&self, point: Point, packet: &Packet, level: Level) -> Option<Identity> {
        if level.with_id && packet.ip_id == 0 || level.with_stamp && packet.stamp == 0 {
            return None;
        }
        let is_window_wanted = level.with_window && packet.is_segment();
        let (sequence, acknowledgment) = self.shift.in_terms_of_b(point, packet);
        Some(Identity {
            sequence,
            acknowledgment,
            len: packet.len,
            ip_id: if level.with_id || packet.has(Packet::FRAGMENT) {
                packet.ip_id
            } else {
                0
            },
            ttl: if level.with_ttl {
                self.ttl_at_b(point, packet)
            } else {
                0
            },
            stamp: if level.with_stamp { packet.stamp } else { 0 },
            window: if is_window_wanted { packet.window } else { 0 },
            flags: packet.flags,
            kind: packet.nature(),
        })
    }
}

/// A packet: the hash of its key, its side, and its index there.
pub(super) type Keyed = (u64, Point, u32);

/// The identity of a packet, except for its payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    sequence: u32,
    acknowledgment: u32,
    len: u32,
    ip_id: u32,
    stamp: u32,
    window: u16,
    flags: u16,
    ttl: i16,
    kind: u8,
}

/// Equal packets closer together than this may be copies.
const COPY_NS: i64 = 1_000_000;

/// Removes indexes from a list of unique ones.
pub(super) fn remove(places: &mut Vec<u32>, gone: impl Iterator<Item = u32>) {
    let mut gone: Vec<u32> = gone.collect();
    gone.sort_unstable();
    places.retain(|it| gone.binary_search(it).is_err());
}
