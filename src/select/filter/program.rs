//! The tests that filters compile to.

use std::net::IpAddr;

use crate::flow::key::{LinkKey, MacAddr, NetworkKey};
use crate::select::net::IpNet;
use crate::select::port::PortRange;

/// One elementary condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Ipv4,
    Ipv6,
    /// The IP protocol, for IPv4 and IPv6.
    Protocol(u8),
    Net(Side, IpNet),
    /// A port of TCP, UDP or SCTP: the protocols for which pcap-filter(7) has ports.
    Port(Side, PortRange),
    Mac(Side, MacAddr),
    /// Any VLAN tag.
    Tagged,
    /// A VLAN tag with this id, at any depth.
    Vlan(u16),
}

impl Test {
    pub(super) fn holds(&self, link: &LinkKey, network: Option<&NetworkKey>) -> bool {
        match self {
            Self::Mac(side, mac) => link
                .macs()
                .is_some_and(|(src, dst)| side.holds(src, dst, |other| other == *mac)),
            Self::Tagged => !link.vlans().is_empty(),
            Self::Vlan(id) => link.vlans().ids().any(|tag| tag == *id),
            _ => network.is_some_and(|key| self.holds_for(key)),
        }
    }

    fn holds_for(&self, key: &NetworkKey) -> bool {
        match self {
            Self::Ipv4 => !key.is_ipv6(),
            Self::Ipv6 => key.is_ipv6(),
            Self::Protocol(number) => key.protocol == *number,
            Self::Net(side, net) => {
                side.holds(key.src, key.dst, |address: IpAddr| net.contains(address))
            }
            Self::Port(side, range) => {
                WITH_PORTS.contains(&key.protocol)
                    && side.holds(key.src_port, key.dst_port, |port| range.contains(port))
            }
            // Of the link layer: see `holds`.
            Self::Mac(..) | Self::Tagged | Self::Vlan(_) => false,
        }
    }

    pub(super) const fn needs_link(&self) -> bool {
        matches!(self, Self::Mac(..) | Self::Tagged | Self::Vlan(_))
    }

    pub(super) const fn is_directional(&self) -> bool {
        match self {
            Self::Net(side, _) | Self::Port(side, _) | Self::Mac(side, _) => {
                matches!(side, Side::Src | Side::Dst)
            }
            _ => false,
        }
    }
}

/// TCP, UDP, SCTP: their IP protocol numbers.
const WITH_PORTS: [u8; 3] = [6, 17, 132];

/// Which of source and destination must meet a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// `src or dst`, and what is meant where nothing is said.
    Either,
    /// `src and dst`.
    Both,
    Src,
    Dst,
}

impl Side {
    /// Whether the source, the destination, either or both meet a condition.
    fn holds<T>(self, src: T, dst: T, meets: impl Fn(T) -> bool) -> bool {
        match self {
            Self::Either => meets(src) || meets(dst),
            Self::Both => meets(src) && meets(dst),
            Self::Src => meets(src),
            Self::Dst => meets(dst),
        }
    }
}
