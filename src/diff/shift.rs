//! Sequence numbers that a device on the path moves, by a constant for each direction.

use super::frames::Pair;
use super::packet::Packet;
use super::side::Point;
use std::collections::BTreeMap;

/// How a direction's numbers are moved from A to B, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shift {
    /// Its sequence numbers.
    pub(super) sequence: u32,
    /// Its acknowledgment numbers: those of the other direction's sequence numbers.
    pub(super) acknowledgment: u32,
}

impl Shift {
    /// Sequence and acknowledgment number of a packet, as B has them.
    pub(super) fn in_terms_of_b(self, point: Point, packet: &Packet) -> (u32, u32) {
        let Packet {
            sequence,
            acknowledgment,
            ..
        } = *packet;
        if point == Point::B || !packet.is_segment() {
            return (sequence, acknowledgment);
        }
        let has_ack = packet.flags & ACK != 0;
        let by = if has_ack { self.acknowledgment } else { 0 };
        (
            sequence.wrapping_add(self.sequence),
            acknowledgment.wrapping_add(by),
        )
    }
}

/// The shifts of both directions of a pair of conversations, given A's and B's packets of each.
pub(super) fn shifts(pair: Pair<'_>, a: &[Vec<u32>; 2], b: &[Vec<u32>; 2]) -> [Shift; 2] {
    let [forward, back] = [(&a[0], &b[0]), (&a[1], &b[1])];
    if [forward, back].iter().any(|(a, b)| have_common(pair, a, b)) {
        return [Shift::default(); 2];
    }
    let mut votes = [BTreeMap::new(), BTreeMap::new()];
    for (direction, (a, b)) in [forward, back].into_iter().enumerate() {
        vote(pair, a, b, direction, &mut votes);
    }
    let [first, second] = votes.map(|it| majority(&it));
    [
        Shift {
            sequence: first,
            acknowledgment: second,
        },
        Shift {
            sequence: second,
            acknowledgment: first,
        },
    ]
}

/// Whether some of the first packets have the same numbers.
fn have_common(pair: Pair<'_>, a: &[u32], b: &[u32]) -> bool {
    let numbers = |point, places: &[u32]| {
        let some = places.iter().take(SAMPLE).map(|it| pair.packet(point, *it));
        let mut found: Vec<(u32, u32, u32)> = some
            .filter(|it| it.is_segment())
            .map(|it| (it.sequence, it.acknowledgment, it.len))
            .collect();
        found.sort_unstable();
        found
    };
    let b = numbers(Point::B, b);
    let a = numbers(Point::A, a);
    a.iter().any(|it| b.binary_search(it).is_ok())
}

/// Packets that are equal but for their numbers, and the only ones of their kind, vote.
fn vote(pair: Pair<'_>, a: &[u32], b: &[u32], direction: usize, votes: &mut [BTreeMap<u32, u32>; 2]) {
    for by_id in [false, true] {
        let key = |packet: &Packet| {
            let id = if by_id { packet.ip_id } else { 0 };
            let is_marked = packet.is_segment() && (packet.len > 0 || by_id && id != 0);
            is_marked.then_some((id, packet.len, packet.captured, packet.digest, packet.flags))
        };
        let all = |point, places: &[u32]| {
            let some = places.iter().filter_map(move |it| Some((key(pair.packet(point, *it))?, point, *it)));
            some.collect::<Vec<_>>()
        };
        let mut keyed = all(Point::A, a);
        keyed.extend(all(Point::B, b));
        keyed.sort_unstable();
        for group in keyed.chunk_by(|x, y| x.0 == y.0) {
            let [(_, Point::A, x), (_, Point::B, y)] = *group else {
                continue;
            };
            let (x, y) = (pair.packet(Point::A, x), pair.packet(Point::B, y));
            let [own, other] = if direction == 0 { [0, 1] } else { [1, 0] };
            count(votes.get_mut(own), y.sequence.wrapping_sub(x.sequence));
            if x.flags & ACK != 0 {
                count(votes.get_mut(other), y.acknowledgment.wrapping_sub(x.acknowledgment));
            }
        }
    }
}

fn count(votes: Option<&mut BTreeMap<u32, u32>>, shift: u32) {
    if let Some(votes) = votes {
        *votes.entry(shift).or_default() += 1;
    }
}

/// The shift with the most votes, if it has half of them; of equal ones the least.
fn majority(votes: &BTreeMap<u32, u32>) -> u32 {
    let all: u32 = votes.values().sum();
    let most = votes.iter().max_by_key(|(shift, count)| (**count, !**shift));
    most.filter(|(_, count)| **count * 2 >= all).map_or(0, |(shift, _)| *shift)
}

/// Packets of each direction that are looked at first.
const SAMPLE: usize = 64;
const ACK: u16 = crate::tcp::Segment::ACK;

