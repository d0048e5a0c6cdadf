//! IP protocol numbers and their names.
//!
//! Numbers are those of the IANA registry "Assigned Internet Protocol Numbers". Flow keys hold
//! them as `u8`, so the constants are numbers, too; [`IpProtocol`] is the number with its name.

use std::fmt;

/// An IP protocol number. Shown as flow lists do: its name in lower case, or the number where
/// lists have no name for it.
///
/// ```
/// use pcap_flows::decode::{IpProtocol, protocol};
///
/// assert_eq!(IpProtocol(protocol::UDP).to_string(), "udp");
/// assert_eq!(IpProtocol(253).to_string(), "253");
/// assert_eq!(IpProtocol::from_name("ipv6-icmp"), Some(IpProtocol(58)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpProtocol(
    /// The number.
    pub u8,
);

impl IpProtocol {
    /// The name in flow lists; `None` where they print the number.
    #[inline]
    pub fn name(self) -> Option<&'static str> {
        LISTED[usize::from(self.0)]
    }

    /// The protocol with this name, be it that of flow lists or another usual one. Names are
    /// lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        let row = NAMES.iter().find(|row| row.has(name))?;
        Some(Self(row.number))
    }

    /// The protocol that flow lists show as `text`: a name of theirs, or a number.
    pub fn from_listed(text: &str) -> Option<Self> {
        let row = NAMES.iter().find(|row| row.listed == Some(text));
        match row {
            Some(row) => Some(Self(row.number)),
            None => text.parse().ok().map(Self),
        }
    }
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

/// IPv6 hop-by-hop options (RFC 8200, section 4.3).
pub const HOP_BY_HOP: u8 = 0;
/// ICMP (RFC 792).
pub const ICMP: u8 = 1;
/// IGMP (RFC 3376).
pub const IGMP: u8 = 2;
/// IPv4 in IP (RFC 2003).
pub const IPV4: u8 = 4;
/// TCP (RFC 9293).
pub const TCP: u8 = 6;
/// Interior gateway protocols; in practice Cisco's IGRP.
pub const IGRP: u8 = 9;
/// UDP (RFC 768).
pub const UDP: u8 = 17;
/// DCCP (RFC 4340).
pub const DCCP: u8 = 33;
/// IPv6 in IP (RFC 2473).
pub const IPV6: u8 = 41;
/// IPv6 routing header (RFC 8200, section 4.4).
pub const ROUTING: u8 = 43;
/// IPv6 fragment header (RFC 8200, section 4.5).
pub const FRAGMENT: u8 = 44;
/// GRE (RFC 2784).
pub const GRE: u8 = 47;
/// ESP (RFC 4303).
pub const ESP: u8 = 50;
/// IP authentication header (RFC 4302).
pub const AH: u8 = 51;
/// ICMPv6 (RFC 4443).
pub const ICMPV6: u8 = 58;
/// Nothing follows an IPv6 header (RFC 8200, section 4.7).
pub const NO_NEXT_HEADER: u8 = 59;
/// IPv6 destination options (RFC 8200, section 4.6).
pub const DESTINATION_OPTIONS: u8 = 60;
/// Ethernet in IP (RFC 3378).
pub const ETHER_IP: u8 = 97;
/// PIM (RFC 7761).
pub const PIM: u8 = 103;
/// Compressed payload (RFC 3173).
pub const IPCOMP: u8 = 108;
/// VRRP (RFC 9568), and CARP, which uses the same number.
pub const VRRP: u8 = 112;
/// SCTP (RFC 9260).
pub const SCTP: u8 = 132;
/// UDP-Lite (RFC 3828).
pub const UDP_LITE: u8 = 136;
/// MPLS in IP (RFC 4023).
pub const MPLS: u8 = 137;
/// Ethernet in IPv6 (RFC 8986).
pub const ETHERNET: u8 = 143;

/// The names of a protocol.
struct Row {
    number: u8,
    /// The name that flow lists print. Lists are a contract: those without a name stay numbers.
    listed: Option<&'static str>,
    /// Other names: of the registry, of `/etc/protocols`, of pcap-filter(7).
    others: &'static [&'static str],
}

impl Row {
    fn has(&self, name: &str) -> bool {
        self.listed == Some(name) || self.others.contains(&name)
    }
}

const fn row(number: u8, listed: Option<&'static str>, others: &'static [&'static str]) -> Row {
    Row {
        number,
        listed,
        others,
    }
}

/// The protocols that have a name, by number.
const NAMES: &[Row] = &[
    row(HOP_BY_HOP, Some("hopopt"), &[]),
    row(ICMP, Some("icmp"), &[]),
    row(IGMP, Some("igmp"), &[]),
    row(IPV4, Some("ipip"), &["ipencap", "ipv4"]),
    row(TCP, Some("tcp"), &[]),
    row(8, Some("egp"), &[]),
    row(IGRP, Some("igrp"), &["igp"]),
    row(UDP, Some("udp"), &[]),
    row(DCCP, Some("dccp"), &[]),
    row(IPV6, Some("ipv6"), &[]),
    row(ROUTING, None, &["ipv6-route"]),
    row(FRAGMENT, None, &["ipv6-frag"]),
    row(46, Some("rsvp"), &[]),
    row(GRE, Some("gre"), &[]),
    row(ESP, Some("esp"), &[]),
    row(AH, Some("ah"), &[]),
    row(ICMPV6, Some("icmpv6"), &["icmp6", "ipv6-icmp"]),
    row(NO_NEXT_HEADER, Some("ipv6-nonxt"), &[]),
    row(DESTINATION_OPTIONS, None, &["ipv6-opts"]),
    row(88, Some("eigrp"), &[]),
    row(89, Some("ospf"), &[]),
    row(ETHER_IP, None, &["etherip"]),
    row(PIM, Some("pim"), &[]),
    row(IPCOMP, None, &["ipcomp"]),
    row(VRRP, Some("vrrp"), &["carp"]),
    row(115, Some("l2tp"), &[]),
    row(124, None, &["isis"]),
    row(SCTP, Some("sctp"), &[]),
    row(135, None, &["mobility-header"]),
    row(UDP_LITE, Some("udplite"), &[]),
    row(MPLS, None, &["mpls-in-ip"]),
    row(139, None, &["hip"]),
    row(140, None, &["shim6"]),
];

/// The names of flow lists by number: lists of many millions of flows look them up.
static LISTED: [Option<&str>; 256] = {
    let mut listed = [None; 256];
    let mut index = 0;
    while index < NAMES.len() {
        listed[NAMES[index].number as usize] = NAMES[index].listed;
        index += 1;
    }
    listed
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_no_name_means_two_numbers() {
        assert!(NAMES.is_sorted_by_key(|row| row.number));
        let names = NAMES
            .iter()
            .flat_map(|row| row.listed.iter().chain(row.others));
        let mut names: Vec<&str> = names.copied().collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        // A name that is a number would be one of two protocols.
        assert!(names.iter().all(|name| name.parse::<u8>().is_err()));
    }

    #[test]
    fn what_lists_show_is_read_again() {
        for number in 0..=u8::MAX {
            let protocol = IpProtocol(number);
            let text = protocol.to_string();
            assert_eq!(IpProtocol::from_listed(&text), Some(protocol));
            match protocol.name() {
                Some(name) => assert_eq!(IpProtocol::from_name(name), Some(protocol)),
                None => assert_eq!(text, number.to_string()),
            }
        }
        for text in ["igp", "icmp6", "carp", "256", "TCP", "", " 6"] {
            assert_eq!(IpProtocol::from_listed(text), None, "{text}");
        }
    }

    #[test]
    fn other_names_are_known_but_not_listed() {
        for (name, number) in [("igp", 9), ("igrp", 9), ("carp", 112), ("isis", 124)] {
            assert_eq!(IpProtocol::from_name(name), Some(IpProtocol(number)));
        }
        assert_eq!(IpProtocol(9).name(), Some("igrp"));
        assert_eq!(IpProtocol(124).to_string(), "124");
        assert_eq!(IpProtocol::from_name("http"), None);
        assert_eq!(IpProtocol::from_name("6"), None);
    }
}
