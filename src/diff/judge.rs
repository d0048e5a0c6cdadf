//! Classification of packets by their links and their surroundings.

use super::class::{Changes, Class, Extent, Link, Way};
use super::comparison::{Comparison, Fate, Links, place};
use super::contents::changes;
use super::delays::{delays, mark_late};
use super::frames::Pair;
use super::matching::Matching;
use super::options::{Options, Scope};
use super::order::mark_order;
use super::packet::{Packet, Print};
use super::side::{Both, Point};
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;
use std::hash::RandomState;
use std::net::IpAddr;

/// Compares two sides.
pub fn compare(pair: Pair<'_>, options: &Options) -> Comparison {
    let mut matching = Matching::of(pair, options);
    let mut links = std::mem::take(&mut matching.links);
    if !options.strict.is_empty() {
        be_strict(pair, &mut links, options.strict);
    }
    let judge = Judge {
        pair,
        options,
        matching: &matching,
        links: Both {
            a: Links::new(links.clone(), Point::A, pair.sides.a.packets.len()),
            b: Links::new(links, Point::B, pair.sides.b.packets.len()),
        },
    };
    let fates = Both {
        a: judge.side(Point::A),
        b: judge.side(Point::B),
    };
    let links = judge.links;
    let mut comparison = Comparison {
        pairs: matching.pairs.clone(),
        fates,
        clock: matching.clock,
        delays: Default::default(),
        links,
        resolution: matching.resolution,
    };
    mark_order(pair, &mut comparison);
    comparison.delays = delays(pair, &comparison);
    mark_late(pair, &mut comparison);
    comparison
}

/// Notes tolerated changes that the options declare strict.
fn be_strict(pair: Pair<'_>, links: &mut [Link], strict: Changes) {
    links.par_iter_mut().for_each(|it| {
        let found = changes(pair, it);
        for &(change, _) in Changes::ALL {
            it.changes = it
                .changes
                .and(change.only_if(strict.has_any(change) && found.has_any(change)));
        }
    });
}

struct Judge<'a> {
    pair: Pair<'a>,
    options: &'a Options,
    matching: &'a Matching,
    links: Both<Links>,
}

/// Surroundings of packets without links, on one side.
#[derive(Default)]
struct Surroundings {
    /// Pairs of addresses with packets in both captures.
    pairs: HashSet<(IpAddr, IpAddr), RandomState>,
    /// Conversations with packets in both captures.
    conversations: HashSet<u32, RandomState>,
    /// Packets in both captures, by what their copies share.
    linked: HashMap<(u32, Print), Vec<u32>, RandomState>,
}

impl Judge<'_> {
    /// The fates of the packets of a side.
    fn side(&self, point: Point) -> Vec<Fate> {
        let side = self.pair.side(point);
        let surroundings = self.surroundings(point);
        let packets = side.packets.par_iter().enumerate();
        let fates = packets.map(|(at, packet)| {
            let at = crate::number::index_u32(at);
            let way = self.matching.sides.way_of(self.pair, point, packet);
            let links = self.links.get(point).of(at);
            if links.is_empty() {
                self.unlinked(point, packet, way, &surroundings)
            } else {
                Fate {
                    class: self.linked(point, packet, links),
                    way,
                    ..Fate::default()
                }
            }
        });
        fates.collect()
    }

    /// The class of a packet with links.
    fn linked(&self, point: Point, packet: &Packet, links: &[Link]) -> Class {
        let changes = links
            .iter()
            .fold(Changes::NONE, |all, it| all.and(it.changes));
        if !changes.without(self.options.ignored).is_empty() {
            return Class::Mangled;
        }
        if let [link] = links
            && (link.extent == Extent::Whole || self.is_only_partner(point, link))
        {
            return Class::Same;
        }
        let bytes = links.iter().fold(0_u32, |sum, it| match it.extent {
            Extent::Whole => u32::MAX,
            Extent::Bytes(bytes) => sum.saturating_add(bytes),
        });
        if bytes < packet.len {
            Class::Partial
        } else {
            Class::Resegmented
        }
    }

    /// Whether the packets of a link contain all of each other's bytes.
    fn is_only_partner(&self, point: Point, link: &Link) -> bool {
        let other = point.other();
        let is_alone = self.links.get(other).of(place(link, other)).len() == 1;
        let is_all = |point| {
            let packet = self.pair.packet(point, place(link, point));
            link.extent == Extent::Bytes(packet.len) && !packet.has(Packet::FRAGMENT)
        };
        is_alone && is_all(Point::A) && is_all(Point::B)
    }

    /// The fate of a packet without links.
    fn unlinked(
        &self,
        point: Point,
        packet: &Packet,
        way: Option<Way>,
        around: &Surroundings,
    ) -> Fate {
        let fate = |class| Fate {
            class,
            way,
            ..Fate::default()
        };
        if self.is_outside(point, packet, way) {
            return fate(Class::Outside);
        }
        let class = match way {
            None => Class::Only,
            Some(way) if way.sender() == point => Class::Dropped,
            Some(_) => Class::Injected,
        };
        if let Some(original) = self.original(point, packet, class, around) {
            return Fate {
                original: Some(original),
                ..fate(Class::Duplicate)
            };
        }
        if self.is_judged(point, packet, around) {
            fate(class)
        } else {
            fate(Class::OneSided)
        }
    }

    /// Whether the other capture was not running at the expected time of a packet.
    fn is_outside(&self, point: Point, packet: &Packet, way: Option<Way>) -> bool {
        let other = self.pair.side(point.other());
        let Some((first, last)) = other.span else {
            return false;
        };
        let expected = match point {
            Point::A => self.matching.at_b(packet.time, way),
            Point::B => self.matching.at_a(packet.time, way),
        };
        !(first..=last).contains(&expected)
    }

    /// The original of a copy: a packet with links.
    fn original(
        &self,
        point: Point,
        packet: &Packet,
        class: Class,
        around: &Surroundings,
    ) -> Option<u32> {
        let key = (packet.conversation, packet.print(self.matching.keeps_ids));
        let equal = around.linked.get(&key)?;
        let side = self.pair.side(point);
        let distance = |it: &u32| {
            side.packet(*it)
                .time
                .saturating_sub(packet.time)
                .saturating_abs()
        };
        let nearest = nearest(equal, packet.time, |it| side.packet(it).time)?;
        let is_copy =
            class == Class::Injected || distance(&nearest) <= COPY_NS && packet.ip_id != 0;
        is_copy.then_some(nearest)
    }

    /// Whether a packet should have been in the other capture.
    fn is_judged(&self, point: Point, packet: &Packet, around: &Surroundings) -> bool {
        if self.options.ignores_acks && packet.is_pure_ack() {
            return false;
        }
        let side = self.pair.side(point);
        let addresses = side.addresses(packet);
        let is_given = !self.options.side_a.is_empty() || !self.options.side_b.is_empty();
        match self.options.scope {
            Scope::All => true,
            Scope::Matched => around.conversations.contains(&packet.conversation),
            Scope::Pairs => addresses.is_some_and(|(src, dst)| {
                let is_between = is_given && self.matching.sides.way(point, src, dst).is_some();
                is_between && self.is_given(src) && self.is_given(dst)
                    || around.pairs.contains(&sorted(src, dst))
            }),
        }
    }

    fn is_given(&self, address: IpAddr) -> bool {
        let mut nets = self.options.side_a.iter().chain(&self.options.side_b);
        nets.any(|it| it.contains(address))
    }

    fn surroundings(&self, point: Point) -> Surroundings {
        let side = self.pair.side(point);
        let mut around = Surroundings::default();
        let wanted = self.wanted_prints(point);
        for (packet, at) in side.packets.iter().zip(0..) {
            if self.links.get(point).of(at).is_empty() {
                continue;
            }
            if let Some((src, dst)) = side.addresses(packet) {
                around.pairs.insert(sorted(src, dst));
            }
            around.conversations.insert(packet.conversation);
            let key = (packet.conversation, packet.print(self.matching.keeps_ids));
            if wanted.contains(&key) {
                around.linked.entry(key).or_default().push(at);
            }
        }
        for equal in around.linked.values_mut() {
            equal.sort_by_key(|it| side.packet(*it).time);
        }
        around
    }

    /// The prints of packets without links.
    fn wanted_prints(&self, point: Point) -> HashSet<(u32, Print), RandomState> {
        let packets = self.pair.side(point).packets.iter().zip(0..);
        let unlinked = packets.filter(|(_, at)| self.links.get(point).of(*at).is_empty());
        unlinked
            .map(|(packet, _)| (packet.conversation, packet.print(self.matching.keeps_ids)))
            .collect()
    }
}

/// The packet closest to a time, from a list sorted by time.
fn nearest(places: &[u32], time: i64, time_of: impl Fn(u32) -> i64) -> Option<u32> {
    let after = places.partition_point(|it| time_of(*it) < time);
    let around = places.get(after.saturating_sub(1)..places.len().min(after + 1))?;
    let distance = |it: &&u32| time_of(**it).saturating_sub(time).saturating_abs();
    around.iter().min_by_key(distance).copied()
}

fn sorted(x: IpAddr, y: IpAddr) -> (IpAddr, IpAddr) {
    if x < y { (x, y) } else { (y, x) }
}

/// Later copies of a packet of the sender are retransmissions.
const COPY_NS: i64 = 10_000_000;
