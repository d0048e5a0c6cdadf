//! The fields that tell flows apart, as headers hold them: what the link layer says ([`LinkKey`])
//! and what the network and transport layers say ([`NetworkKey`]).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A MAC address (EUI-48), in the order of its bytes on the wire.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The VLAN tags of a frame, outermost first; only the 12-bit ids are part of the key.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct VlanStack {
    ids: [u16; Self::MAX],
    len: u8,
}

impl VlanStack {
    /// The deepest stack that is told apart. Tags further in are decoded but not part of the key.
    pub const MAX: usize = 7;

    /// Adds a tag inside those that are there. Returns `false`, and changes nothing, when the
    /// stack is full.
    pub fn push(&mut self, id: u16) -> bool {
        match self.ids.get_mut(usize::from(self.len)) {
            Some(slot) => {
                *slot = id & 0x0fff;
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// The ids, outermost first.
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Whether the frame has no VLAN tag.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// `100.200`, outermost first; nothing for an untagged frame.
impl fmt::Display for VlanStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, id) in self.ids().iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "{id}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for VlanStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// The device and port that a Metamako timestamping switch wrote into a frame's trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DevicePort {
    /// The device's id.
    pub device: u16,
    /// The port on which the device received the frame.
    pub port: u8,
}

/// The link layer's half of a flow key. All of it is absent for link types without addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkKey {
    /// Source and destination MAC address, where the link layer has both. Where it has only a
    /// source (Linux cooked captures) the destination is all zero.
    pub macs: Option<(MacAddr, MacAddr)>,
    /// VLAN tags.
    pub vlans: VlanStack,
    /// Device and port from a Metamako trailer, where these are asked for and there is one.
    pub device: Option<DevicePort>,
}

impl LinkKey {
    /// The same key seen from the other side: source and destination exchanged.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            macs: self.macs.map(|(src, dst)| (dst, src)),
            ..self
        }
    }
}

/// The network and transport layers' half of a flow key: the classic 5-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetworkKey {
    /// Source address. Source and destination are always of the same IP version.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IP protocol number; for IPv6 the one after the extension headers.
    pub protocol: u8,
    /// Source port; 0 for protocols without ports.
    pub src_port: u16,
    /// Destination port; 0 for protocols without ports.
    pub dst_port: u16,
}

impl NetworkKey {
    /// The same key seen from the other side: source and destination exchanged.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            src: self.dst,
            dst: self.src,
            protocol: self.protocol,
            src_port: self.dst_port,
            dst_port: self.src_port,
        }
    }

    /// Whether this is IPv6.
    pub const fn is_ipv6(&self) -> bool {
        self.src.is_ipv6()
    }
}

impl Default for NetworkKey {
    fn default() -> Self {
        let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            src: none,
            dst: none,
            protocol: 0,
            src_port: 0,
            dst_port: 0,
        }
    }
}
