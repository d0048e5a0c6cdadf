//! Fragments, and datagrams fragmented on the way.
//!
//! Later fragments have no ports, so conversations do not help if the first one is missing.
//! Fragments are matched by protocol, identification and addresses, of which one may be translated.

use super::class::{Changes, Extent, Link, Way};
use super::cuts::{Bytes, Run, common, links};
use super::frames::Pair;
use super::lane::remove;
use super::packet::Packet;
use super::side::{Both, Point};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Knowledge of the path.
pub(super) trait Path {
    fn way(&self, point: Point, packet: &Packet) -> Option<Way>;

    /// The expected time at B of a packet of A.
    fn at_b(&self, time: i64, way: Option<Way>) -> i64;
}

/// The key of a datagram's fragments: protocol, identification, source, destination.
type Key = (u8, u32, Option<IpAddr>, Option<IpAddr>);

/// Links fragments with their datagrams, for packets without links.
pub(super) fn datagrams(pair: Pair<'_>, known: &[Link], path: &dyn Path) -> Vec<Link> {
    let mut free = Both {
        a: unlinked(pair, Point::A, known),
        b: unlinked(pair, Point::B, known),
    };
    let is_fragment = |point, place: &u32| pair.packet(point, *place).has(Packet::FRAGMENT);
    let has_any = |point| free.get(point).iter().any(|it| is_fragment(point, it));
    if !has_any(Point::A) && !has_any(Point::B) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (with_src, with_dst) in [(true, true), (false, true), (true, false)] {
        let groups = groups(pair, &free, with_src, with_dst);
        let new: Vec<Link> = groups
            .values()
            .flat_map(|it| of_group(pair, it, path))
            .collect();
        remove(&mut free.a, new.iter().map(|it| it.a));
        remove(&mut free.b, new.iter().map(|it| it.b));
        found.extend(new);
    }
    found.extend(equal(pair, &free));
    found
}

/// Links equal fragments, regardless of their addresses: in a tunnel, later fragments have the
/// addresses of the tunnel if the first one is missing.
fn equal(pair: Pair<'_>, free: &Both<Vec<u32>>) -> Vec<Link> {
    let keyed = |point: Point| {
        let places = free.get(point).iter();
        let keyed = places.filter_map(move |place| {
            let packet = pair.packet(point, *place);
            let is_fragment = packet.has(Packet::FRAGMENT) && packet.captured > 0;
            let key = (packet.ip_id, packet.sequence, packet.len, packet.digest);
            is_fragment.then_some((key, *place))
        });
        let mut keyed: Vec<_> = keyed.collect();
        keyed.sort_unstable();
        keyed
    };
    let (a, b) = (keyed(Point::A), keyed(Point::B));
    let mut b = b.into_iter().peekable();
    let mut links = Vec::new();
    for (key, place) in a {
        while b.next_if(|it| it.0 < key).is_some() {}
        if let Some((_, other)) = b.next_if(|it| it.0 == key) {
            links.push(Link {
                a: place,
                b: other,
                extent: Extent::Whole,
                changes: Changes::NONE,
            });
        }
    }
    links
}

/// Packets without links that may be fragments or whole datagrams.
fn unlinked(pair: Pair<'_>, point: Point, known: &[Link]) -> Vec<u32> {
    let mut linked: Vec<u32> = known
        .iter()
        .map(|it| match point {
            Point::A => it.a,
            Point::B => it.b,
        })
        .collect();
    linked.sort_unstable();
    let packets = pair.side(point).packets.iter().zip(0..);
    let free = packets.filter(|(_, place)| linked.binary_search(place).is_err());
    free.map(|(_, place)| place).collect()
}

/// Packets of both sides that may belong to the same datagram, if any is a fragment.
fn groups(
    pair: Pair<'_>,
    free: &Both<Vec<u32>>,
    with_src: bool,
    with_dst: bool,
) -> BTreeMap<Key, Both<Vec<u32>>> {
    let mut groups: BTreeMap<Key, Both<Vec<u32>>> = BTreeMap::new();
    for point in [Point::A, Point::B] {
        let side = pair.side(point);
        for &place in free.get(point) {
            let packet = side.packet(place);
            let Some(conversation) = side.conversation_of(packet) else {
                continue;
            };
            let [src, dst] = conversation.ends(packet.direction());
            let key = (
                conversation.key.protocol,
                packet.ip_id,
                with_src.then_some(src.0),
                with_dst.then_some(dst.0),
            );
            groups.entry(key).or_default().get_mut(point).push(place);
        }
    }
    groups.retain(|_, it| {
        let parts = |point: Point| {
            let mut places = it.get(point).iter();
            places.any(|place| pair.packet(point, *place).has(Packet::FRAGMENT))
        };
        !it.a.is_empty() && !it.b.is_empty() && (parts(Point::A) || parts(Point::B))
    });
    groups
}

fn of_group(pair: Pair<'_>, group: &Both<Vec<u32>>, path: &dyn Path) -> Vec<Link> {
    let packets = group.a.iter().map(|it| (Point::A, *it));
    let packets = packets.chain(group.b.iter().map(|it| (Point::B, *it)));
    let ways = packets.filter_map(|(point, it)| path.way(point, pair.packet(point, it)));
    let way = ways.min();
    let sender = way.map_or(Point::A, Way::sender);
    let runs = |point: Point| -> Vec<Run> {
        let places = group.get(point).iter();
        places
            .filter_map(|it| run(pair, point, *it, way, path))
            .collect()
    };
    let bytes = Datagrams { pair, sender };
    let found = common(runs(sender), &runs(sender.other()), &bytes, EARLY_NS);
    let mut links = links(found, sender == Point::A);
    for link in &mut links {
        let (x, y) = (pair.packet(Point::A, link.a), pair.packet(Point::B, link.b));
        if link.extent == Extent::Bytes(x.len) && x.len == y.len && x.nature() == y.nature() {
            link.extent = Extent::Whole;
            link.changes =
                Changes::PAYLOAD.only_if(x.digest != y.digest && x.captured == y.captured);
        }
    }
    links
}

fn run(pair: Pair<'_>, point: Point, place: u32, way: Option<Way>, path: &dyn Path) -> Option<Run> {
    let packet = pair.packet(point, place);
    let (start, bytes) = pair.datagram_part(point, packet)?;
    let is_icmp = packet.has(Packet::ICMP) || start == 0;
    let captured = crate::number::len_u32(bytes.len());
    Some(Run {
        packet: place,
        time: match point {
            Point::A => path.at_b(packet.time, way),
            Point::B => packet.time,
        },
        start: start.into(),
        len: packet.len.max(captured),
        skip: if is_icmp { ICMP_HEADER_LEN } else { 0 },
    })
}

/// Parts of datagrams.
struct Datagrams<'a> {
    pair: Pair<'a>,
    sender: Point,
}

impl Datagrams<'_> {
    fn read(&self, point: Point, place: u32) -> Vec<u8> {
        let part = self
            .pair
            .datagram_part(point, self.pair.packet(point, place));
        part.map_or_else(Vec::new, |it| it.1)
    }
}

impl Bytes for Datagrams<'_> {
    fn sent(&self, packet: u32) -> Vec<u8> {
        self.read(self.sender, packet)
    }

    fn received(&self, packet: u32) -> Vec<u8> {
        self.read(self.sender.other(), packet)
    }
}

/// How long before it was sent a packet may seem to arrive.
const EARLY_NS: i64 = 1_000_000;
/// Type, code, checksum, identifier, sequence number.
const ICMP_HEADER_LEN: u32 = 8;
