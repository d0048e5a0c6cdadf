//! Sides of addresses, and thereby directions of packets.
//!
//! Packets in both captures vote: those whose TTL decreases from A to B come from A's side and go
//! to B's. If routers leave no trace, times decide: of both directions of a conversation, the one
//! that takes longer to B than back goes from A to B. A missing packet has no time of its own, but
//! its addresses have sides.

use super::class::Way;
use super::clock::Clock;
use super::frames::Pair;
use super::packet::Packet;
use super::side::{Both, Point};
use crate::decode::{Checksum, checksum};
use crate::select::IpNet;
use hashbrown::HashMap;
use std::cmp::Ordering;
use std::hash::RandomState;
use std::net::IpAddr;

/// Sides of addresses: more than 0 is A's.
#[derive(Clone, Debug, Default)]
pub(super) struct Sides {
    votes: Both<HashMap<IpAddr, i64, RandomState>>,
    /// Configured networks of each side.
    nets: Both<Vec<IpNet>>,
}

impl Sides {
    pub(super) fn new(a: &[IpNet], b: &[IpNet]) -> Self {
        Self {
            nets: Both {
                a: a.to_vec(),
                b: b.to_vec(),
            },
            ..Self::default()
        }
    }

    /// The side of an address seen in a capture.
    fn side(&self, point: Point, address: IpAddr) -> Option<Point> {
        let is_in = |nets: &[IpNet]| nets.iter().any(|it| it.contains(address));
        match (is_in(&self.nets.a), is_in(&self.nets.b)) {
            (true, false) => return Some(Point::A),
            (false, true) => return Some(Point::B),
            _ => {}
        }
        match self.votes.get(point).get(&address) {
            Some(votes) if *votes > 0 => Some(Point::A),
            Some(votes) if *votes < 0 => Some(Point::B),
            _ => None,
        }
    }

    /// The direction of a packet between these addresses: from its source's side, or, if that is
    /// unknown, to its destination's.
    pub(super) fn way(&self, point: Point, src: IpAddr, dst: IpAddr) -> Option<Way> {
        match (self.side(point, src), self.side(point, dst)) {
            (Some(Point::A), Some(Point::A)) | (Some(Point::B), Some(Point::B)) | (None, None) => {
                None
            }
            (Some(Point::A), _) | (None, Some(Point::B)) => Some(Way::Ab),
            (Some(Point::B), _) | (None, Some(Point::A)) => Some(Way::Ba),
        }
    }

    pub(super) fn way_of(&self, pair: Pair<'_>, point: Point, packet: &Packet) -> Option<Way> {
        let (src, dst) = pair.side(point).addresses(packet)?;
        self.way(point, src, dst)
    }

    /// Adds the vote of a packet in both captures for a direction.
    fn vote(&mut self, pair: Pair<'_>, a: &Packet, b: &Packet, way: Way, weight: i64) {
        let weight = if way == Way::Ab { weight } else { -weight };
        for (point, packet) in [(Point::A, a), (Point::B, b)] {
            let Some((src, dst)) = pair.side(point).addresses(packet) else {
                continue;
            };
            let votes = self.votes.get_mut(point);
            *votes.entry(src).or_default() += weight;
            *votes.entry(dst).or_default() -= weight;
        }
    }

    /// Adds votes of a conversation's packets by TTL, or else by checksums, or else by times of all
    /// of them.
    pub(super) fn vote_of(&mut self, pair: Pair<'_>, matches: &[(u32, u32)], resolution: i64) {
        let equal = self.vote_by_ttl(pair, matches);
        for (a, b) in equal.into_iter().take(MOST_CHECKED) {
            if let Some(way) = by_checksum(pair, a, b) {
                self.vote(pair, a, b, way, BY_CHECKSUM);
            }
        }
        let packets = matches.iter().map(|it| both(pair, *it));
        let packets: Vec<(&Packet, &Packet)> = packets.collect();
        if let Some((a, b, way)) = by_time(&packets, resolution) {
            self.vote(pair, a, b, way, BY_TIME);
        }
    }

    /// Adds votes by TTL. Returns some packets with equal TTLs.
    pub(super) fn vote_by_ttl<'a>(
        &mut self,
        pair: Pair<'a>,
        matches: &[(u32, u32)],
    ) -> Vec<(&'a Packet, &'a Packet)> {
        let mut equal = Vec::new();
        for (a, b) in matches.iter().map(|it| both(pair, *it)) {
            match a.ttl.cmp(&b.ttl) {
                Ordering::Greater => self.vote(pair, a, b, Way::Ab, BY_TTL),
                Ordering::Less => self.vote(pair, a, b, Way::Ba, BY_TTL),
                Ordering::Equal if equal.len() < MOST_CHECKED => equal.push((a, b)),
                Ordering::Equal => {}
            }
        }
        equal
    }

    /// Adds votes by time, given the clocks, for conversations without a known direction.
    pub(super) fn vote_by_clock(
        &mut self,
        pair: Pair<'_>,
        matches: &[(u32, u32)],
        clock: &Clock,
        least: i64,
    ) {
        for direction in 0..2 {
            let some = matches.iter().map(|it| both(pair, *it));
            let some: Vec<_> = some.filter(|it| it.0.direction() == direction).collect();
            let Some(&(a, b)) = some.first() else {
                continue;
            };
            if self.way_of(pair, Point::A, a).is_some() {
                continue;
            }
            let late = some
                .iter()
                .map(|(a, b)| b.time.saturating_sub(clock.at_b(a.time)));
            let Some(late) = median(late.collect()) else {
                continue;
            };
            if late.saturating_abs() > least {
                let way = if late > 0 { Way::Ab } else { Way::Ba };
                self.vote(pair, a, b, way, BY_TIME);
            }
        }
    }
}

fn both<'a>(pair: Pair<'a>, (a, b): (u32, u32)) -> (&'a Packet, &'a Packet) {
    (pair.packet(Point::A, a), pair.packet(Point::B, b))
}

/// Of both directions of a conversation, the one that takes longer from A to B goes that way.
/// Compares neighbors of different directions, so that drift does not matter. Returns a packet of
/// that direction.
fn by_time<'a>(
    matches: &[(&'a Packet, &'a Packet)],
    resolution: i64,
) -> Option<(&'a Packet, &'a Packet, Way)> {
    let mut sorted = matches.to_vec();
    sorted.sort_by_key(|it| it.0.number);
    let difference = |it: &(&Packet, &Packet)| it.1.time.saturating_sub(it.0.time);
    let turns = sorted.windows(2).filter_map(|it| match *it {
        [x, y] if x.0.direction() != y.0.direction() => {
            let more = difference(&y).saturating_sub(difference(&x));
            Some(if y.0.direction() == 0 {
                more
            } else {
                more.saturating_neg()
            })
        }
        _ => None,
    });
    let more = median(turns.collect())?;
    if more.saturating_abs() <= resolution.saturating_mul(3) {
        return None;
    }
    let (a, b) = *sorted.iter().find(|it| it.0.direction() == 0)?;
    Some((a, b, if more > 0 { Way::Ab } else { Way::Ba }))
}

/// Network cards fill in checksums after the sender's capture saw the packet.
fn by_checksum(pair: Pair<'_>, a: &Packet, b: &Packet) -> Option<Way> {
    let is_right = |point, packet| {
        let frame = pair.frame(point, packet)?;
        let (headers, _) = frame.headers(pair.decode)?;
        if headers.fragment.is_some() || headers.end != headers.wire_end {
            return None;
        }
        let (src, dst) = headers.addresses.to_ip();
        let transport = frame.data.get(headers.transport..headers.end)?;
        Some(checksum(src, dst, headers.protocol, transport) == Checksum::Right)
    };
    match (is_right(Point::A, a)?, is_right(Point::B, b)?) {
        (false, true) => Some(Way::Ab),
        (true, false) => Some(Way::Ba),
        _ => None,
    }
}

pub(super) fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

const BY_TTL: i64 = 4;
const BY_CHECKSUM: i64 = 2;
const BY_TIME: i64 = 1;
/// Packets per conversation whose checksums are checked.
const MOST_CHECKED: usize = 8;
