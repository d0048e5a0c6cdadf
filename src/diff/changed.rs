//! Packets in both captures that were changed on the way.

use super::assign::{Limits, assign};
use super::class::Changes;
use super::lane::Lane;
use super::packet::Packet;
use super::side::Point;
use std::hash::{BuildHasher, Hash, RandomState};

impl Lane<'_> {
    /// Pairs leftover packets of both sides that have too much in common to be different packets.
    pub(super) fn changed(&mut self) {
        let shift = self.shift;
        let place = move |point, packet: &Packet| {
            (packet.is_segment(), shift.in_terms_of_b(point, packet).0)
        };
        let marked = |packet: &Packet| packet.ip_id != 0;
        self.alike(Self::near, |point, it| {
            marked(it).then(|| (it.ip_id, it.len, it.nature(), place(point, it)))
        });
        self.alike(Self::near, |_, it| {
            marked(it).then_some((it.ip_id, it.len, it.nature()))
        });
        let keeps_ids = self.expected.keeps_ids();
        // If the path keeps IP identifications, different ones are different packets.
        let id = move |packet: &Packet| if keeps_ids { packet.ip_id } else { 0 };
        self.alike(Self::near, |point, it| {
            let has_place = it.is_segment();
            has_place.then(|| (id(it), it.len, it.nature(), place(point, it)))
        });
        self.alike(Self::nearest, |_, it| {
            let is_datagram = !it.is_segment() && it.len > 0;
            is_datagram.then_some((id(it), it.len, it.nature()))
        });
        if keeps_ids {
            self.alike(Self::near, |point, it| {
                marked(it).then(|| (it.ip_id, it.nature(), place(point, it)))
            });
        }
    }

    /// Limits on the distance of a packet and its changed version.
    fn near(&self) -> Limits {
        Limits {
            late: NEAR_NS,
            ..self.expected.limits()
        }
    }

    /// A narrower limit, where only time distinguishes packets.
    fn nearest(&self) -> Limits {
        let limits = self.expected.limits();
        let usual = (limits.early.saturating_mul(3)).min(limits.usual);
        Limits {
            late: usual,
            usual,
            ..limits
        }
    }

    /// Pairs packets with the same key and mostly equal contents.
    fn alike<K: Hash>(
        &mut self,
        limits: impl Fn(&Self) -> Limits,
        key: impl Fn(Point, &Packet) -> Option<K>,
    ) {
        if self.a.is_empty() || self.b.is_empty() {
            return;
        }
        let hasher = RandomState::new();
        let keyed = self.keyed(|point, _, packet| Some(hasher.hash_one(key(point, packet)?)));
        let limits = limits(self);
        let mut found: Vec<(u32, u32)> = Vec::new();
        for group in keyed.chunk_by(|x, y| x.0 == y.0) {
            let (a, b) = group.split_at(group.partition_point(|it| it.1 == Point::A));
            let (mut a, mut b) = (self.timed(a), self.timed(b));
            let pairs = assign(&mut a, &mut b, self.expected.sign(), &limits);
            found.extend(pairs.into_iter().filter(|it| self.are_alike(it.0, it.1)));
        }
        let changes: Vec<Changes> = found
            .iter()
            .map(|it| self.differences(it.0, it.1))
            .collect();
        self.join_changed(&found, &changes);
    }

    /// Whether one packet is a changed version of the other: most of the payload is equal, or,
    /// without payload, all fields except one that is not a position in the stream.
    fn are_alike(&self, a: u32, b: u32) -> bool {
        let (x, y) = (self.packet(Point::A, a), self.packet(Point::B, b));
        if x.len == 0 && y.len == 0 {
            let (sequence, acknowledgment) = self.shift.in_terms_of_b(Point::A, x);
            let differing = [x.flags != y.flags, x.window != y.window, x.stamp != y.stamp];
            let count = differing.into_iter().filter(|it| *it).count();
            return sequence == y.sequence && acknowledgment == y.acknowledgment && count <= 1;
        }
        if x.digest == y.digest && x.captured == y.captured {
            return true;
        }
        let (p, q) = (
            self.pair.payload(Point::A, x),
            self.pair.payload(Point::B, y),
        );
        let both = p.len().min(q.len());
        let equal = p.iter().zip(&q).filter(|(p, q)| p == q).count();
        // A payload of one changed byte has nothing equal.
        let has_same_id = x.ip_id == y.ip_id && x.ip_id != 0;
        equal * 2 >= both || has_same_id && self.expected.keeps_ids()
    }

    /// Differences between two packets that no device on a path makes.
    pub(super) fn differences(&self, a: u32, b: u32) -> Changes {
        let (x, y) = (self.packet(Point::A, a), self.packet(Point::B, b));
        let (sequence, acknowledgment) = self.shift.in_terms_of_b(Point::A, x);
        let is_icmp = x.has(Packet::ICMP);
        let has_other_bytes = x.digest != y.digest && {
            let (p, q) = (
                self.pair.payload(Point::A, x),
                self.pair.payload(Point::B, y),
            );
            p.iter().zip(&q).any(|(p, q)| p != q) || x.captured == y.captured
        };
        [
            (Changes::PAYLOAD, has_other_bytes),
            (Changes::LENGTH, x.len != y.len),
            (Changes::TCP_FLAGS, x.flags != y.flags && !is_icmp),
            (Changes::ICMP_TYPE, x.flags != y.flags && is_icmp),
            (Changes::WINDOW, x.window != y.window),
            (Changes::URGENT, x.urgent != y.urgent),
            (Changes::SEQ, sequence != y.sequence && x.is_segment()),
            (Changes::ACK, acknowledgment != y.acknowledgment),
        ]
        .into_iter()
        .fold(Changes::NONE, |all, (change, is_so)| {
            all.and(change.only_if(is_so))
        })
    }
}

/// Greatest deviation of a changed packet from the usual delay.
const NEAR_NS: i64 = 1_000_000_000;
