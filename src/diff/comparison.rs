//! Result of a comparison: the fate of each packet, and sums.

use super::class::{Class, Extent, Link, Way};
use super::clock::Clock;
use super::frames::Pair;
use super::pairing::Paired;
use super::side::{Both, Point};
use std::ops::Range;

/// The fate of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// The class.
    pub class: Class,
    /// The direction, if known.
    pub way: Option<Way>,
    /// Whether a packet of its flow that was sent later arrived earlier.
    pub is_reordered: bool,
    /// Whether the packet took far longer than others.
    pub is_delayed: bool,
    /// The original on its own side, if the packet is a copy.
    pub original: Option<u32>,
}

/// The result of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Pairs of equal conversations.
    pub pairs: Vec<Paired>,
    /// The fate of each packet, by index.
    pub fates: Both<Vec<Fate>>,
    /// The relation of both clocks.
    pub clock: Clock,
    /// One-way delays of packets in both captures, one to one, by direction.
    pub delays: [Delays; 2],
    /// Links, by the packets of each side.
    pub(super) links: Both<Links>,
    /// Resolution of times, in nanoseconds.
    pub(super) resolution: i64,
}

/// One-way delays, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// The delays in ascending order.
    pub sorted: Vec<i64>,
    /// Variation from packet to packet (RFC 3550, section 6.4.1).
    pub jitter: i64,
}

impl Delays {
    /// The delay that `share` of a thousand packets do not exceed.
    pub fn per_mille(&self, share: usize) -> Option<i64> {
        let last = self.sorted.len().checked_sub(1)?;
        self.sorted.get(last.saturating_mul(share) / 1000).copied()
    }
}

/// Links by the packets of one side.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    /// The links, sorted by this side's packets.
    links: Vec<Link>,
    /// The first link of each packet.
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

/// The packet of a side in a link.
pub(super) const fn place(link: &Link, point: Point) -> u32 {
    match point {
        Point::A => link.a,
        Point::B => link.b,
    }
}

impl Comparison {
    /// The fate of a packet.
    pub fn fate(&self, point: Point, packet: u32) -> Fate {
        let fates = self.fates.get(point);
        fates.get(packet as usize).copied().unwrap_or_default()
    }

    /// The links of a packet, or of its original if it is a copy.
    pub fn links_of(&self, point: Point, packet: u32) -> &[Link] {
        let original = self.fate(point, packet).original;
        self.links.get(point).of(original.unwrap_or(packet))
    }

    /// The packets of the other side with bytes of this one.
    pub fn partners(&self, point: Point, packet: u32) -> impl Iterator<Item = u32> {
        let links = self.links_of(point, packet).iter();
        links.map(move |it| place(it, point.other()))
    }

    /// One-way delay of a packet in nanoseconds, if it corresponds one to one and has a known
    /// direction.
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

    /// All one-to-one links.
    pub(super) fn whole(&self) -> impl Iterator<Item = &Link> {
        let all = self.links.a.all().iter();
        all.filter(|it| it.extent == Extent::Whole)
    }

    /// Resolution of times, in nanoseconds.
    pub const fn resolution(&self) -> i64 {
        self.resolution
    }

    /// Whether any packet is in both captures.
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
