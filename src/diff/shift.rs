//! Sequence numbers shifted by a device on the path, by a constant per direction.

use super::frames::Pair;
use super::packet::Packet;
use super::side::Point;
use std::collections::BTreeMap;

/// Shift of a direction's numbers from A to B, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shift {
    /// Shift of its sequence numbers.
    pub(super) sequence: u32,
    /// Shift of its acknowledgment numbers, which is that of the other direction's sequence
    /// numbers.
    pub(super) acknowledgment: u32,
}

impl Shift {
    /// Sequence and acknowledgment numbers of a packet, as seen at B.
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

/// Collects votes of packets that are equal except for their numbers, and rare.
fn vote(
    pair: Pair<'_>,
    a: &[u32],
    b: &[u32],
    direction: usize,
    votes: &mut [BTreeMap<u32, u32>; 2],
) {
    for by_id in [false, true] {
        let mut keyed = marked(pair, Point::A, a, by_id);
        keyed.extend(marked(pair, Point::B, b, by_id));
        keyed.sort_unstable();
        // Copies have the same numbers.
        keyed.dedup();
        for group in keyed.chunk_by(|x, y| x.0 == y.0) {
            let (a, b) = group.split_at(group.partition_point(|it| it.1 == Point::A));
            if a.len() > MOST_EQUAL || b.len() > MOST_EQUAL {
                continue;
            }
            for ((_, _, x), (_, _, y)) in a.iter().flat_map(|x| b.iter().map(move |y| (x, y))) {
                count(votes.get_mut(direction), y.0.wrapping_sub(x.0));
                if x.1 != 0 && y.1 != 0 {
                    count(votes.get_mut(1 - direction), y.1.wrapping_sub(x.1));
                }
            }
        }
    }
}

/// Properties of a packet other than its numbers: identification, lengths, contents, flags.
type Kind = (u32, u32, u32, u64, u16);
/// Sequence and acknowledgment numbers.
type Numbers = (u32, u32);

/// Packets that are identifiable by more than their numbers.
fn marked(
    pair: Pair<'_>,
    point: Point,
    places: &[u32],
    by_id: bool,
) -> Vec<(Kind, Point, Numbers)> {
    let packets = places.iter().map(|it| pair.packet(point, *it));
    let marked = packets.filter_map(|packet| {
        let id = if by_id { packet.ip_id } else { 0 };
        let is_marked = packet.is_segment() && (packet.len > 0 || id != 0);
        let kind = (id, packet.len, packet.captured, packet.digest, packet.flags);
        is_marked.then_some((kind, point, (packet.sequence, packet.acknowledgment)))
    });
    marked.collect()
}

fn count(votes: Option<&mut BTreeMap<u32, u32>>, shift: u32) {
    if let Some(votes) = votes {
        *votes.entry(shift).or_default() += 1;
    }
}

/// The shift with the most votes, if it has half of them; the least of equal ones.
fn majority(votes: &BTreeMap<u32, u32>) -> u32 {
    let all: u32 = votes.values().sum();
    let most = votes
        .iter()
        .max_by_key(|(shift, count)| (**count, !**shift));
    most.filter(|(_, count)| **count * 2 >= all)
        .map_or(0, |(shift, _)| *shift)
}

/// Equal packets with different numbers do not vote if there are more than this.
const MOST_EQUAL: usize = 4;
/// Packets per direction to look at first.
const SAMPLE: usize = 64;
const ACK: u16 = crate::tcp::Segment::ACK;
