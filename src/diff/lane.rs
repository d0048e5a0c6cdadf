//! One direction of a pair of conversations: its packets are paired, by one rule after the other.

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
    /// Packets of A that have no partner, in capture order.
    pub(super) a: Vec<u32>,
    /// The same of B.
    pub(super) b: Vec<u32>,
    /// How sequence numbers are moved from A to B.
    pub(super) shift: Shift,
    /// How much more time to live packets have at B, as a rule.
    pub(super) hops: i16,
    /// When packets are expected at B.
    pub(super) expected: Expected,
    /// Only packets count that are the only ones of their kind, whenever they were captured.
    pub(super) is_rough: bool,
    /// What was found.
    pub(super) links: Vec<Link>,
}

/// How much packets must have in common.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// The identification of the IP header, which is not 0.
    with_id: bool,
    /// Time to live, less by as many hops as usual: copies are captured on both sides of a router.
    with_ttl: bool,
    /// Window and timestamp of TCP.
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

/// From the most in common to the least.
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

    /// Packets of both sides that have no partner.
    fn left(&self) -> impl Iterator<Item = &Packet> {
        let a = self.a.iter().map(|it| self.packet(Point::A, *it));
        a.chain(self.b.iter().map(|it| self.packet(Point::B, *it)))
    }

    /// The levels that count.
    fn levels(&self) -> &'static [Level] {
        let first = usize::from(self.is_rough);
        let count = if self.is_rough || self.expected.keeps_ids() {
            LEVELS.len() - 1
        } else {
            LEVELS.len()
        };
        LEVELS.get(first..count).unwrap_or_default()
    }

    /// Pairs packets that are equal, level by level.
    pub(super) fn exact(&mut self) {
        for level in self.levels() {
            if self.a.is_empty() || self.b.is_empty() {
                return;
            }
            self.level(*level, |_, packet| Some(packet.digest));
        }
    }

    /// The same of packets of which one capture has less than the other: what both have of the
    /// payload is compared.
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

    /// Pairs segments of which one capture has not even the whole header: by their places in the
    /// stream, and their lengths.
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

    /// Pairs packets that are equal in this.
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

    /// Packets without a partner by keys, those of A before those of B.
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
            // Copies take what is left over.
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

    /// Equal packets without those that follow another one at once, and those.
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

    /// Notes packets that belong together, one to one.
    fn join(&mut self, found: &[(u32, u32)], changes: impl Fn(&Packet, &Packet) -> Changes) {
        let changes = found
            .iter()
            .map(|it| changes(self.packet(Point::A, it.0), self.packet(Point::B, it.1)));
        let changes: Vec<Changes> = changes.collect();
        self.join_changed(found, &changes);
    }

    /// The same with what differs between them.
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

    /// The time to live that a packet has at B, as a rule.
    fn ttl_at_b(&self, point: Point, packet: &Packet) -> i16 {
        let ttl = i16::from(packet.ttl);
        match point {
            Point::A => ttl + self.hops,
            Point::B => ttl,
        }
    }

    /// What identifies a packet, but for its payload; `None` where it lacks what the level demands.
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

/// A packet: the hash of what it is paired by, its side, and its place there.
pub(super) type Keyed = (u64, Point, u32);

/// What identifies a packet, but for its payload.
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

/// Equal packets that are not further apart may be copies.
const COPY_NS: i64 = 1_000_000;

/// Removes places from a list that holds each once.
pub(super) fn remove(places: &mut Vec<u32>, gone: impl Iterator<Item = u32>) {
    let mut gone: Vec<u32> = gone.collect();
    gone.sort_unstable();
    places.retain(|it| gone.binary_search(it).is_err());
}
