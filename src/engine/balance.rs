//! Where every packet went.

use crate::capture::LinkType;
use crate::decode::NotFlow;
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
    /// Packets that belong to no flow, by reason: in the order of [`NotFlow::ALL`].
    not_flow: [u64; NotFlow::ALL.len()],
    /// Packets of link types that are not decoded.
    unknown_link_types: Vec<(LinkType, u64)>,
    /// Packets whose time is beyond what nanoseconds since 1970 in 64 bits can tell.
    pub time_out_of_range: u64,
}

impl Balance {
    /// Counts a packet that belongs to no flow.
    pub(crate) fn count_not_flow(&mut self, reason: NotFlow) {
        if let Some(count) = self.not_flow.get_mut(reason as usize) {
            *count += 1;
        }
    }

    pub(crate) fn count_link_type(&mut self, link_type: LinkType, packets: u64) {
        match self
            .unknown_link_types
            .iter_mut()
            .find(|(known, _)| *known == link_type)
        {
            Some((_, count)) => *count += packets,
            None => self.unknown_link_types.push((link_type, packets)),
        }
    }

    /// Adds what another part of the capture holds.
    pub(crate) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.in_flows += other.in_flows;
        self.filtered += other.filtered;
        self.time_out_of_range += other.time_out_of_range;
        for (sum, count) in self.not_flow.iter_mut().zip(other.not_flow) {
            *sum += count;
        }
        for (link_type, packets) in &other.unknown_link_types {
            self.count_link_type(*link_type, *packets);
        }
    }

    /// Packets that belong to no flow for this reason.
    pub fn not_flow(&self, reason: NotFlow) -> u64 {
        self.not_flow.get(reason as usize).copied().unwrap_or(0)
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
        self.packets == self.in_flows + self.not_ip() + self.malformed() + self.filtered
    }

    /// Packets whose section does not describe their interface: the capture is damaged.
    pub fn without_interface(&self) -> u64 {
        self.not_flow(NotFlow::NoInterface)
    }

    /// The link types that were met but are not decoded, with their packets.
    pub fn unknown_link_types(&self) -> &[(LinkType, u64)] {
        &self.unknown_link_types
    }

    fn reasons(&self, malformed: bool) -> impl Iterator<Item = (NotFlow, u64)> + '_ {
        NotFlow::ALL
            .iter()
            .map(|&reason| (reason, self.not_flow(reason)))
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
        write!(f, " + {} filtered", self.filtered)
    }
}
