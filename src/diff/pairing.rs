//! Pairing of the conversations of A and B.
//!
//! Conversations between the same endpoints are paired. The rest may have been translated: they are
//! paired by marks that neither address translation nor, for most of them, resegmentation changes:
//! sequence with acknowledgment number, payload, and the sender's clock.

use super::packet::{Packet, digest};
use super::side::{Both, Conversation, Point, Side};
use crate::decode::NetworkKey;
use crate::number::index_u32;
use crate::tcp::Segment;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::hash::RandomState;
use std::net::IpAddr;

/// A conversation of A and its counterpart in B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paired {
    /// Number of the conversation at A.
    pub a: u32,
    /// Number of the conversation at B.
    pub b: u32,
    /// Whether the lesser endpoint at A is the greater one at B.
    pub is_swapped: bool,
}

impl Paired {
    /// The direction at B that corresponds to a direction at A.
    pub const fn direction_at_b(&self, direction: usize) -> usize {
        direction ^ self.is_swapped as usize
    }

    pub(super) const fn get(&self, point: Point) -> u32 {
        match point {
            Point::A => self.a,
            Point::B => self.b,
        }
    }
}

/// Pairs conversations, in the order of A's.
pub(super) fn pair(sides: Both<&Side>) -> Vec<Paired> {
    let mut pairing = Pairing {
        sides,
        pairs: Vec::new(),
        is_paired: Both {
            a: vec![false; sides.a.conversations.len()],
            b: vec![false; sides.b.conversations.len()],
        },
    };
    let doubtful = pairing.same_endpoints();
    pairing.same_marks();
    pairing.same_translation();
    for it in doubtful {
        if pairing.is_free(Point::A, it.a) && pairing.is_free(Point::B, it.b) {
            pairing.add(it);
        }
    }
    pairing.pairs.sort_unstable_by_key(|it| it.a);
    pairing.pairs
}

struct Pairing<'a> {
    sides: Both<&'a Side>,
    pairs: Vec<Paired>,
    is_paired: Both<Vec<bool>>,
}

type Map<K, V> = HashMap<K, V, RandomState>;

impl Pairing<'_> {
    /// Pairs conversations between the same endpoints. If others remain, pairs with little else in
    /// common are returned instead: their packets may be elsewhere, translated.
    fn same_endpoints(&mut self) -> Vec<Paired> {
        let key = |it: &Conversation| (it.key, it.detail);
        let known = self.sides.b.conversations.iter().enumerate();
        let known: Map<_, u32> = known
            .map(|(number, it)| (key(it), index_u32(number)))
            .collect();
        let all = self.sides.a.conversations.iter().enumerate();
        let found: Vec<Paired> = all
            .filter_map(|(a, it)| {
                known.get(&key(it)).map(|b| Paired {
                    a: index_u32(a),
                    b: *b,
                    is_swapped: false,
                })
            })
            .collect();
        let count = found.len();
        let (a, b) = (&self.sides.a.conversations, &self.sides.b.conversations);
        let (sure, doubtful) = if count < a.len() || count < b.len() {
            let sides = self.sides;
            let is_sure = |it: &Paired| are_alike(&marks(sides.a, it.a), &marks(sides.b, it.b));
            found.into_par_iter().partition(is_sure)
        } else {
            (found, Vec::new())
        };
        sure.into_iter().for_each(|it| self.add(it));
        doubtful
    }

    fn add(&mut self, paired: Paired) {
        for point in [Point::A, Point::B] {
            let place = self
                .is_paired
                .get_mut(point)
                .get_mut(paired.get(point) as usize);
            if let Some(is_paired) = place {
                *is_paired = true;
            }
        }
        self.pairs.push(paired);
    }

    fn is_free(&self, point: Point, number: u32) -> bool {
        self.is_paired.get(point).get(number as usize) == Some(&false)
    }

    fn free(&self, point: Point) -> Vec<u32> {
        let count = index_u32(self.is_paired.get(point).len());
        (0..count).filter(|it| self.is_free(point, *it)).collect()
    }

    /// Pairs conversations with common marks, most marks first.
    fn same_marks(&mut self) {
        let (a, b) = (self.free(Point::A), self.free(Point::B));
        if a.is_empty() || b.is_empty() {
            return;
        }
        let mut bearers: Map<Mark, Vec<(u32, bool)>> = Map::default();
        for &number in &b {
            for (mark, is_reverse) in marks(self.sides.b, number) {
                bearers.entry(mark).or_default().push((number, is_reverse));
            }
        }
        self.forget_usual(&mut bearers);
        let mut candidates: Vec<Candidate> = Vec::new();
        for &number in &a {
            candidates.extend(self.candidates(number, &bearers));
        }
        candidates.sort_unstable();
        for it in candidates {
            if self.is_free(Point::A, it.a) && self.is_free(Point::B, it.b) {
                self.add(it.paired());
            }
        }
    }

    /// Removes marks of conversations that are already paired: they do not identify others.
    fn forget_usual(&self, bearers: &mut Map<Mark, Vec<(u32, bool)>>) {
        for paired in &self.pairs {
            for (mark, _) in marks(self.sides.b, paired.b) {
                bearers.remove(&mark);
            }
        }
    }

    /// Conversations of B that share marks with one of A.
    fn candidates(&self, a: u32, bearers: &Map<Mark, Vec<(u32, bool)>>) -> Vec<Candidate> {
        let mut shared: Vec<(u32, u32, i64)> = Vec::new();
        for (mark, is_reverse) in marks(self.sides.a, a) {
            let Some(found) = bearers.get(&mark).filter(|it| it.len() <= MOST_BEARERS) else {
                continue;
            };
            let weight = if found.len() == 1 { RARE } else { 1 };
            for &(b, is_reverse_at_b) in found {
                let turned = if is_reverse == is_reverse_at_b { -1 } else { 1 };
                shared.push((b, weight, turned));
            }
        }
        shared.sort_unstable();
        let groups = shared.chunk_by(|x, y| x.0 == y.0);
        let candidates = groups.filter_map(|group| {
            let b = group.first()?.0;
            let (x, y) = (
                self.sides.a.conversations.get(a as usize)?,
                self.sides.b.conversations.get(b as usize)?,
            );
            if x.key.protocol != y.key.protocol {
                return None;
            }
            let score: u32 = group.iter().map(|it| it.1).sum();
            let turned: i64 = group.iter().map(|it| it.2).sum();
            let common = common_end(&x.key, &y.key);
            let enough = if common.is_some() { RARE } else { 4 * RARE };
            (score >= enough).then_some(Candidate {
                less: (u32::MAX - score, common.is_none()),
                a,
                b,
                is_swapped: common.unwrap_or(turned > 0),
            })
        });
        candidates.collect()
    }

    /// Pairs the rest by translations seen in other pairs: the same translated endpoint, or the
    /// same translated address if both sides have no other choice.
    fn same_translation(&mut self) {
        let known = self.translations();
        if known.addresses.is_empty() {
            return;
        }
        let mut left: Map<Remote, Vec<u32>> = Map::default();
        for b in self.free(Point::B) {
            for remote in self.remotes(Point::B, b) {
                left.entry(remote).or_default().push(b);
            }
        }
        let free = self.free(Point::A).into_iter();
        let edges: Vec<Edge> = free
            .flat_map(|a| self.by_translation(a, &known, &left))
            .collect();
        for edge in edges.iter().filter(|it| it.is_exact) {
            self.add_if_free(edge.paired);
        }
        let is_free =
            |it: &&Edge| self.is_free(Point::A, it.paired.a) && self.is_free(Point::B, it.paired.b);
        let edges: Vec<Edge> = edges.iter().filter(is_free).copied().collect();
        let mut choices: Map<(Point, u32), u32> = Map::default();
        for edge in &edges {
            *choices.entry((Point::A, edge.paired.a)).or_default() += 1;
            *choices.entry((Point::B, edge.paired.b)).or_default() += 1;
        }
        for edge in edges {
            let is_only = |point| choices.get(&(point, edge.paired.get(point))) == Some(&1);
            if is_only(Point::A) && is_only(Point::B) {
                self.add_if_free(edge.paired);
            }
        }
    }

    /// Translations of A's endpoints and addresses in pairs.
    fn translations(&self) -> Translations {
        let mut known = Translations::default();
        for paired in &self.pairs {
            let Some((x, y)) = self.conversations(paired) else {
                continue;
            };
            for direction in 0..2 {
                let [from, _] = x.ends(direction);
                let [to, _] = y.ends(paired.direction_at_b(direction));
                if from.0 != to.0 {
                    known.ends.insert((x.key.protocol, from.0, from.1), to);
                    let addresses = known.addresses.entry(from.0).or_default();
                    if !addresses.contains(&to.0) && addresses.len() < MOST_BEARERS {
                        addresses.push(to.0);
                    }
                }
            }
        }
        known
    }

    fn add_if_free(&mut self, paired: Paired) {
        if self.is_free(Point::A, paired.a) && self.is_free(Point::B, paired.b) {
            self.add(paired);
        }
    }

    fn conversations(&self, paired: &Paired) -> Option<(&Conversation, &Conversation)> {
        let x = self.sides.a.conversations.get(paired.a as usize)?;
        Some((x, self.sides.b.conversations.get(paired.b as usize)?))
    }

    /// The endpoints of a conversation, each in turn as the untranslated one.
    fn remotes(&self, point: Point, number: u32) -> Vec<Remote> {
        let side = *self.sides.get(point);
        let found = side.conversations.get(number as usize);
        found.map_or_else(Vec::new, |it| {
            let ends = [it.ends(0), it.ends(1)].into_iter().enumerate();
            ends.map(|(local, [from, to])| Remote {
                protocol: it.key.protocol,
                remote: to,
                local: from.0,
                is_high: local == 1,
            })
            .collect()
        })
    }

    /// Conversations of B that may correspond to one of A by a known translation.
    fn by_translation(
        &self,
        a: u32,
        known: &Translations,
        left: &Map<Remote, Vec<u32>>,
    ) -> Vec<Edge> {
        let mut edges = Vec::new();
        let Some(it) = self.sides.a.conversations.get(a as usize) else {
            return edges;
        };
        for direction in 0..2 {
            let [from, to] = it.ends(direction);
            let exact = known.ends.get(&(it.key.protocol, from.0, from.1));
            let addresses = known.addresses.get(&from.0).into_iter().flatten();
            for (address, is_high) in addresses.flat_map(|it| [(*it, false), (*it, true)]) {
                let remote = Remote {
                    protocol: it.key.protocol,
                    remote: to,
                    local: address,
                    is_high,
                };
                for &b in left.get(&remote).into_iter().flatten().take(MOST_BEARERS) {
                    let end = self.sides.b.conversations.get(b as usize);
                    let end = end.map(|it| it.ends(is_high.into())[0]);
                    edges.push(Edge {
                        paired: Paired {
                            a,
                            b,
                            is_swapped: (direction == 1) != is_high,
                        },
                        is_exact: exact.is_some() && end == exact.copied(),
                    });
                }
            }
        }
        edges
    }
}

/// Translations seen in pairs of conversations.
#[derive(Default)]
struct Translations {
    /// Endpoints of a protocol, with their counterparts at B.
    ends: Map<(u8, IpAddr, u16), (IpAddr, u16)>,
    /// Addresses, with their counterparts at B.
    addresses: Map<IpAddr, Vec<IpAddr>>,
}

/// Two conversations that may be the same by a known translation.
#[derive(Clone, Copy)]
struct Edge {
    paired: Paired,
    /// Whether another conversation has the same translation of the endpoint.
    is_exact: bool,
}

/// An untranslated endpoint, and the address of the other one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Remote {
    protocol: u8,
    remote: (IpAddr, u16),
    local: IpAddr,
    /// Whether the other endpoint is the greater one.
    is_high: bool,
}

/// Two conversations that may be the same, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// Marks missing to the best possible match, and whether no endpoint is shared.
    less: (u32, bool),
    a: u32,
    b: u32,
    is_swapped: bool,
}

impl Candidate {
    const fn paired(self) -> Paired {
        Paired {
            a: self.a,
            b: self.b,
            is_swapped: self.is_swapped,
        }
    }
}

/// Whether the endpoint common to two keys is at another position in the second; `None` if there is
/// none.
fn common_end(x: &NetworkKey, y: &NetworkKey) -> Option<bool> {
    let ends = |key: &NetworkKey| ((key.src, key.src_port), (key.dst, key.dst_port));
    let ((low, high), (other_low, other_high)) = (ends(x), ends(y));
    if low == other_low || high == other_high {
        Some(false)
    } else if low == other_high || high == other_low {
        Some(true)
    } else {
        None
    }
}

/// A hash of packet properties that address translation leaves alone.
type Mark = u64;

/// Some marks of a conversation, the least of each kind, so that both sides choose the same ones;
/// each with the direction of its packet.
fn marks(side: &Side, conversation: u32) -> Vec<(Mark, bool)> {
    let mut numbers = Vec::new();
    let mut contents = Vec::new();
    let mut ids = Vec::new();
    for &place in side.of(conversation) {
        let packet = side.packet(place);
        let is_reverse = packet.direction() == 1;
        if packet.is_segment() {
            numbers.push((by_numbers(packet), is_reverse));
            if packet.ip_id != 0 {
                let fields = [
                    packet.ip_id,
                    packet.len,
                    packet.flags.into(),
                    packet.window.into(),
                ];
                ids.push((mark(ID, &fields, 0), is_reverse));
            }
            if packet.stamp != 0 {
                contents.push((
                    mark(STAMP, &[packet.stamp, packet.len, packet.flags.into()], 0),
                    is_reverse,
                ));
            }
        }
        if packet.captured >= FEWEST_BYTES && packet.is_whole() {
            let kind = [u32::from(packet.flags), packet.sequence, packet.len];
            let kind = if packet.has(Packet::ICMP) {
                kind
            } else {
                [0, 0, packet.len]
            };
            contents.push((mark(CONTENTS, &kind, packet.digest), is_reverse));
        }
        if !packet.is_segment() && packet.ip_id != 0 {
            let kind = [packet.ip_id, packet.len, packet.flags.into()];
            ids.push((mark(ID, &kind, 0), is_reverse));
        }
    }
    let mut all = least(numbers, MOST_MARKS);
    all.extend(least(contents, MOST_MARKS));
    all.extend(least(ids, MOST_MARKS));
    all
}

/// Whether two conversations share most of their marks.
fn are_alike(x: &[(Mark, bool)], y: &[(Mark, bool)]) -> bool {
    let mut marks: Vec<Mark> = y.iter().map(|it| it.0).collect();
    marks.sort_unstable();
    let common = x.iter().filter(|it| marks.binary_search(&it.0).is_ok());
    common.count() * 2 >= x.len().max(y.len())
}

fn by_numbers(packet: &Packet) -> Mark {
    let acknowledgment = if packet.flags & Segment::ACK == 0 {
        0
    } else {
        packet.acknowledgment
    };
    mark(NUMBERS, &[packet.sequence, acknowledgment], 0)
}

fn mark(kind: u8, words: &[u32], contents: u64) -> Mark {
    let bytes: Vec<u8> = words.iter().flat_map(|it| it.to_le_bytes()).collect();
    digest(&[&[kind], &bytes, &contents.to_le_bytes()])
}

fn least(mut marks: Vec<(Mark, bool)>, most: usize) -> Vec<(Mark, bool)> {
    marks.sort_unstable();
    marks.dedup_by_key(|it| it.0);
    marks.truncate(most);
    marks
}

const NUMBERS: u8 = 0;
const STAMP: u8 = 1;
const CONTENTS: u8 = 2;
const ID: u8 = 3;
/// Marks of each kind to compare.
const MOST_MARKS: usize = 16;
/// Marks of more conversations than this identify none.
const MOST_BEARERS: usize = 32;
/// Weight of a mark unique to one conversation.
const RARE: u32 = 2;
/// Shortest payload that serves as a mark.
const FEWEST_BYTES: u32 = 16;
