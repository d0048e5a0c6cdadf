//! The result of a comparison: what became of each packet, and sums of it.

use super::class::{Class, Extent, Link, Way};
use super::clock::Clock;
use super::frames::Pair;
use super::pairing::Paired;
use super::side::{Both, Point};
use std::ops::Range;

/// What became of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Its class.
    pub class: Class,
    /// Which way it goes, where that is known.
    pub way: Option<Way>,
    /// A packet of its flow that was sent after it arrived before it.
    pub is_reordered: bool,
    /// It took far longer than others.
    pub is_delayed: bool,
    /// The packet of its own side that it is a copy of.
    pub original: Option<u32>,
}

/// The result of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Conversations that are the same.
    pub pairs: Vec<Paired>,
    /// What became of each packet, by their places.
    pub fates: Both<Vec<Fate>>,
    /// Both clocks.
    pub clock: Clock,
    /// Of packets that are the same one to one, by the way they go: their one-way delays, in order.
    pub delays: [Delays; 2],
    /// Links, by the packets of each side.
    pub(super) links: Both<Links>,
    /// What was not looked at.
    pub(super) resolution: i64,
}

/// One-way delays, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// In ascending order.
    pub sorted: Vec<i64>,
    /// How much they vary from packet to packet (RFC 3550, section 6.4.1).
    pub jitter: i64,
}

impl Delays {
    /// The delay that this many of a thousand packets do not exceed.
    pub fn per_mille(&self, share: usize) -> Option<i64> {
        let last = self.sorted.len().checked_sub(1)?;
        self.sorted.get(last.saturating_mul(share) / 1000).copied()
    }
}

/// Links by the packets of one side.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    /// Sorted by this side's packets.
    links: Vec<Link>,
    /// Where those of each packet start.
    starts: Vec<u32>,
}

impl Links {
    pub(super) fn new(mut links: Vec<Link>, point: Point, packets: usize) -> Self {
        let of = |it: &Link| place(it, point);
        if point == Point::B {
            links.sort_unstable_by_key(|it| (it.b, it.a));
        }
        let mut starts = Vec::with_capacity(packets + 1);
        let mut next = 0;
        for packet in 0..=packets {
            while links.get(next).is_some_and(|it| (of(it) as usize) < packet) {
                next += 1;
            }
            starts.push(crate::number::index_u32(next));
        }
        Self { links, starts }
    }

    pub(super) fn of(&self, packet: u32) -> &[Link] {
        let at = |it: usize| self.starts.get(it).map_or(0, |it| *it as usize);
        let range: Range<usize> = at(packet as usize)..at(packet as usize + 1);
        self.links.get(range).unwrap_or_default()
    }

    pub(super) fn all(&self) -> &[Link] {
        &self.links
    }
}

/// The packet of a side that a link leads to.
pub(super) const fn place(link: &Link, point: Point) -> u32 {
    match point {
        Point::A => link.a,
        Point::B => link.b,
    }
}

impl Comparison {
    /// What became of a packet.
    pub fn fate(&self, point: Point, packet: u32) -> Fate {
        let fates = self.fates.get(point);
        fates.get(packet as usize).copied().unwrap_or_default()
    }

    /// The links of a packet, or of the one it is a copy of.
    pub fn links_of(&self, point: Point, packet: u32) -> &[Link] {
        let original = self.fate(point, packet).original;
        self.links.get(point).of(original.unwrap_or(packet))
    }

    /// The packets of the other side that a packet stands for.
    pub fn partners(&self, point: Point, packet: u32) -> impl Iterator<Item = u32> {
        let links = self.links_of(point, packet).iter();
        links.map(move |it| place(it, point.other()))
    }

    /// How long a packet took that is the same one to one, and goes a known way; in nanoseconds.
    pub fn delay(&self, pair: Pair<'_>, point: Point, packet: u32) -> Option<i64> {
        let fate = self.fate(point, packet);
        let [link] = self.links_of(point, packet) else {
            return None;
        };
        if link.extent != Extent::Whole || fate.original.is_some() {
            return None;
        }
        let (x, y) = (pair.packet(Point::A, link.a), pair.packet(Point::B, link.b));
        let late = y.time.saturating_sub(self.clock.at_b(x.time));
        fate.way.map(|way| match way {
            Way::Ab => late,
            Way::Ba => late.saturating_neg(),
        })
    }

    /// All links that are one to one.
    pub(super) fn whole(&self) -> impl Iterator<Item = &Link> {
        let all = self.links.a.all().iter();
        all.filter(|it| it.extent == Extent::Whole)
    }

    /// The unit of times, in nanoseconds.
    pub const fn resolution(&self) -> i64 {
        self.resolution
    }

    /// Whether anything is in both captures.
    pub fn has_common(&self) -> bool {
        !self.links.a.all().is_empty()
    }

    /// Whether the captures differ.
    pub fn differs(&self) -> bool {
        let all = self.fates.a.iter().chain(&self.fates.b);
        let has_packets = !self.fates.a.is_empty() || !self.fates.b.is_empty();
        all.clone().any(|it| it.class.differs()) || has_packets && !self.has_common()
    }
}
