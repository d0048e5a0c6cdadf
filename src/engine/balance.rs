//! Where every packet went.

use crate::capture::{LinkType, Position};
use crate::decode::NotFlow;
use std::collections::BTreeMap;
use std::fmt;

/// How many packets were read, and what became of them: nothing is dropped silently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Packets read.
    pub packets: u64,
    /// Their length on the wire, in bytes.
    pub bytes: u64,
    /// Packets counted in flows.
    pub in_flows: u64,
    /// Packets that the filter kept out.
    pub filtered: u64,
    /// Packets that are copies of one before them, where these are left out. A copy is the same IP
    /// packet, whatever its link layer, TTL or hop limit, and IPv4 header checksum.
    pub duplicates: u64,
    /// Packets that belong to no flow, by reason: in the order of [`NotFlow::ALL`].
    not_flow: [Oddity; NotFlow::ALL.len()],
    /// Packets of link types that are not decoded. A capture may have all of them.
    unknown_link_types: BTreeMap<LinkType, Oddity>,
    /// Packets whose time is beyond what nanoseconds since 1970 in 64 bits can tell.
    pub time_out_of_range: Oddity,
    /// Packets whose time is before that of the packet before them.
    pub time_goes_back: Oddity,
    /// Datagrams of which not all fragments were captured, where a job looks into packets.
    pub incomplete_datagrams: u64,
}

/// Something that is odd about packets but keeps nothing from being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddity {
    /// Packets.
    pub packets: u64,
    /// The first of them.
    pub first: Option<Place>,
}

/// A packet's place in the inputs of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Ordinal of the input, from 0.
    pub input: usize,
    /// Ordinal of the packet in its input, from 1.
    pub packet: u64,
    /// Offset of its record in the input, in bytes.
    pub offset: u64,
}

impl From<Place> for Position {
    fn from(place: Place) -> Self {
        Self {
            input: place.input,
            offset: place.offset,
        }
    }
}

impl Oddity {
    /// Counts a packet.
    pub(crate) fn count(&mut self, place: Place) {
        self.packets += 1;
        self.first.get_or_insert(place);
    }

    /// Counts a packet that stands before all that are counted already.
    pub(crate) fn count_earlier(&mut self, place: Place) {
        self.packets += 1;
        self.first = Some(place);
    }

    /// Adds those of a later part of the capture, whose places count from `base`.
    fn add(&mut self, other: &Self, base: Place) {
        self.packets += other.packets;
        let first = other.first.map(|place| Place {
            input: base.input,
            packet: base.packet + place.packet,
            offset: base.offset + place.offset,
        });
        self.first = self.first.or(first);
    }
}

impl Balance {
    /// Counts a packet that belongs to no flow.
    pub(crate) fn count_not_flow(&mut self, reason: NotFlow, place: Place) {
        if let Some(oddity) = self.not_flow.get_mut(reason as usize) {
            oddity.count(place);
        }
    }

    /// Counts a packet of a link type that is not decoded.
    pub(crate) fn count_link_type(&mut self, link_type: LinkType, place: Place) {
        let oddity = self.unknown_link_types.entry(link_type).or_default();
        oddity.count(place);
    }

    /// Adds what a later part of the capture holds, whose places count from `base`.
    pub(crate) fn add(&mut self, other: &Self, base: Place) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.in_flows += other.in_flows;
        self.filtered += other.filtered;
        self.duplicates += other.duplicates;
        self.time_out_of_range.add(&other.time_out_of_range, base);
        self.time_goes_back.add(&other.time_goes_back, base);
        for (sum, oddity) in self.not_flow.iter_mut().zip(&other.not_flow) {
            sum.add(oddity, base);
        }
        for (link_type, oddity) in &other.unknown_link_types {
            let sum = self.unknown_link_types.entry(*link_type).or_default();
            sum.add(oddity, base);
        }
    }

    /// Packets that belong to no flow for this reason.
    pub fn not_flow(&self, reason: NotFlow) -> Oddity {
        self.not_flow
            .get(reason as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Packets that hold something else than IP.
    pub fn not_ip(&self) -> u64 {
        self.reasons(false).map(|(_, count)| count).sum()
    }

    /// Packets whose headers contradict themselves, or end too early.
    pub fn malformed(&self) -> u64 {
        self.reasons(true).map(|(_, count)| count).sum()
    }

    /// Whether every packet read is accounted for.
    pub fn is_even(&self) -> bool {
        let left_out = self.filtered + self.duplicates;
        self.packets == self.in_flows + self.not_ip() + self.malformed() + left_out
    }

    /// Packets whose section does not describe their interface: the capture is damaged.
    pub fn without_interface(&self) -> u64 {
        self.not_flow(NotFlow::NoInterface).packets
    }

    /// The link types that were met but are not decoded, with their packets, in the order in which
    /// they were met.
    pub fn unknown_link_types(&self) -> Vec<(LinkType, Oddity)> {
        let types = self.unknown_link_types.iter();
        let mut types: Vec<_> = types.map(|(&it, &oddity)| (it, oddity)).collect();
        types.sort_by_key(|(_, oddity)| oddity.first.map(|it| (it.input, it.packet)));
        types
    }

    fn reasons(&self, malformed: bool) -> impl Iterator<Item = (NotFlow, u64)> + '_ {
        NotFlow::ALL
            .iter()
            .map(|&reason| (reason, self.not_flow(reason).packets))
            .filter(move |(reason, count)| reason.is_malformed() == malformed && *count > 0)
    }
}

/// `12 packets = 9 in flows + 2 not IP (2 arp) + 1 malformed (1 short_ip) + 0 filtered`
impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets = {} in flows", self.packets, self.in_flows)?;
        for (malformed, name) in [(false, "not IP"), (true, "malformed")] {
            let total: u64 = self.reasons(malformed).map(|(_, count)| count).sum();
            write!(f, " + {total} {name}")?;
            for (index, (reason, count)) in self.reasons(malformed).enumerate() {
                f.write_str(if index == 0 { " (" } else { ", " })?;
                write!(f, "{count} {}", reason.name())?;
            }
            if total > 0 {
                f.write_str(")")?;
            }
        }
        write!(f, " + {} filtered", self.filtered)?;
        if self.duplicates > 0 {
            write!(f, " + {} duplicate", self.duplicates)?;
        }
        Ok(())
    }
}
