//! What makes two packets part of the same flow.
//!
//! A [`FlowKey`] has two halves: what the link layer says ([`LinkKey`]) and what the network and
//! transport layers say ([`NetworkKey`]); and where tunnels are entered, their networks. Equality is
//! always on the full key, never on a hash.

use crate::decode::{NotFlow, Packet};

use serde::{Deserialize, Serialize};
use std::fmt;

pub use crate::decode::{DevicePort, LinkKey, MacAddr, NetworkKey, Tunnels, VlanStack};

/// What makes two packets part of the same flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FlowKey {
    /// The link layer's half; empty where flows are keyed by the 5-tuple alone.
    pub link: LinkKey,
    /// The network and transport layers' half.
    pub network: NetworkKey,
    /// The networks of the tunnels that the packets came through, where these are entered; empty
    /// where flows are keyed by the 5-tuple alone.
    #[serde(default, skip_serializing_if = "Tunnels::is_empty")]
    pub networks: Tunnels,
}

impl FlowKey {
    /// The key of a packet, by its outermost IP header.
    ///
    /// # Errors
    /// Why the packet belongs to no flow.
    pub fn of(packet: &Packet<'_>) -> Result<Self, NotFlow> {
        Ok(Self {
            link: packet.link_key(),
            ..packet.network_key()?.into()
        })
    }

    /// The same key seen from the other side: source and destination exchanged.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            link: self.link.reversed(),
            network: self.network.reversed(),
            networks: self.networks,
        }
    }

    /// The network whose addresses these are, whoever forwarded the packets: equal for both
    /// directions. Flows by the 5-tuple are all of one network.
    pub const fn network_id(&self) -> NetworkId {
        NetworkId {
            vlans: self.link.vlans(),
            tunnels: self.networks,
        }
    }
}

/// The network's half, then the link layer's.
impl fmt::Display for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.network)?;
        if self.link == LinkKey::default() {
            return Ok(());
        }
        write!(f, " ({})", self.link)
    }
}

/// A network with addresses of its own, as the packets tell: VLAN ids, and the networks of tunnels
/// where these are entered. MAC addresses change on a packet's way and are no part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NetworkId {
    vlans: VlanStack,
    tunnels: Tunnels,
}

impl NetworkId {
    /// The VLAN tags.
    pub const fn vlans(&self) -> VlanStack {
        self.vlans
    }

    /// The tunnels that name a network.
    pub const fn tunnels(&self) -> Tunnels {
        self.tunnels
    }
}

/// Flows by the 5-tuple alone.
impl From<NetworkKey> for FlowKey {
    fn from(network: NetworkKey) -> Self {
        Self {
            link: LinkKey::default(),
            network,
            networks: Tunnels::NONE,
        }
    }
}
