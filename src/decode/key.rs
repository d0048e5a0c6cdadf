//! The fields that identify a flow, as headers hold them: those of the link layer ([`LinkKey`])
//! and those of the network and transport layers ([`NetworkKey`]).

use super::protocol::IpProtocol;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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
///
/// Packed into one word: keys are made, compared and hashed for every packet.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VlanStack(u64);

impl VlanStack {
    /// Tags that a stack keeps. Further ones are decoded but not part of the key.
    pub const MAX: usize = 5;
    const ID_BITS: u64 = 12;
    const COUNT_SHIFT: u64 = 60;

    /// Adds a tag inside those that are there. Returns `false`, and changes nothing, when the
    /// stack is full.
    pub const fn push(&mut self, id: u16) -> bool {
        if self.len() == Self::MAX {
            return false;
        }
        let count = self.0 >> Self::COUNT_SHIFT;
        self.0 |= (id as u64 & 0x0fff) << (Self::ID_BITS * count);
        self.0 += 1 << Self::COUNT_SHIFT;
        true
    }

    /// How many tags there are.
    pub const fn len(&self) -> usize {
        (self.0 >> Self::COUNT_SHIFT) as usize
    }

    /// Whether the stack is one that tags were pushed to.
    pub(crate) const fn is_valid(&self) -> bool {
        self.len() <= Self::MAX
    }

    /// Whether the frame has no VLAN tag.
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// The ids, outermost first.
    pub fn ids(self) -> impl Iterator<Item = u16> {
        (0..self.0 >> Self::COUNT_SHIFT).map(move |place| {
            let [low, high, ..] = (self.0 >> (Self::ID_BITS * place)).to_le_bytes();
            u16::from_le_bytes([low, high]) & 0x0fff
        })
    }
}

/// `100.200`, outermost first; nothing for an untagged frame.
impl fmt::Display for VlanStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, id) in self.ids().enumerate() {
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
///
/// Four words, so that a key is made and compared in registers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LinkKey {
    /// Addresses in the order of their bytes, the first byte lowest; [`LinkKey::PRESENT`].
    src: u64,
    dst: u64,
    vlans: VlanStack,
    /// Device, port; [`LinkKey::PRESENT`].
    device: u64,
}

impl LinkKey {
    const PRESENT: u64 = 1 << 63;
    const MAC_BITS: u64 = 0x0000_ffff_ffff_ffff;

    /// Source and destination MAC address, where the link layer has both. Where it has only a
    /// source (Linux cooked captures) the destination is all zero.
    pub const fn macs(&self) -> Option<(MacAddr, MacAddr)> {
        if self.src & Self::PRESENT == 0 {
            return None;
        }
        Some((mac_of(self.src), mac_of(self.dst)))
    }

    /// Sets source and destination MAC address.
    pub const fn set_macs(&mut self, src: MacAddr, dst: MacAddr) {
        self.src = number_of(src) | Self::PRESENT;
        self.dst = number_of(dst);
    }

    /// Sets both addresses from the first 14 bytes of an Ethernet header.
    #[inline]
    pub(super) const fn set_ethernet(&mut self, header: &[u8; 14]) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *header;
        self.dst = u64::from_le_bytes([a, b, c, d, e, f, g, h]) & Self::MAC_BITS;
        self.src = u64::from_le_bytes([g, h, i, j, k, l, m, n]) & Self::MAC_BITS | Self::PRESENT;
    }

    /// The VLAN tags.
    pub const fn vlans(&self) -> VlanStack {
        self.vlans
    }

    /// Adds a VLAN tag inside those that are there.
    pub const fn push_vlan(&mut self, id: u16) {
        // Tags beyond the deepest stack are passed over; they are not part of the key.
        self.vlans.push(id);
    }

    /// Device and port from a Metamako trailer, where these are requested and there is one.
    pub fn device(&self) -> Option<DevicePort> {
        let [device_low, device_high, port, ..] = self.device.to_le_bytes();
        let device = u16::from_le_bytes([device_low, device_high]);
        (self.device != 0).then_some(DevicePort { device, port })
    }

    /// Sets device and port.
    pub fn set_device(&mut self, at: DevicePort) {
        self.device = u64::from(at.device) | u64::from(at.port) << 16 | Self::PRESENT;
    }

    /// Without addresses and tags: what stays is not of the link layer.
    #[must_use]
    pub fn without_link_layer(self) -> Self {
        Self {
            device: self.device,
            ..Self::default()
        }
    }

    /// What both directions of a conversation have in common, source and destination aside:
    /// neither the device that saw a packet, nor an address that only the sender has (Linux
    /// cooked captures).
    #[must_use]
    pub const fn of_conversation(self) -> Self {
        let has_both = self.dst != 0;
        Self {
            src: if has_both { self.src } else { 0 },
            dst: self.dst,
            vlans: self.vlans,
            device: 0,
        }
    }

    /// The same key seen from the other side: source and destination exchanged.
    #[must_use]
    pub const fn reversed(self) -> Self {
        let present = self.src & Self::PRESENT;
        Self {
            src: self.dst | present,
            dst: self.src & Self::MAC_BITS,
            ..self
        }
    }

    /// A number that differs for most keys.
    #[inline]
    pub(crate) const fn mixed(&self) -> u64 {
        let mixed = self.src ^ self.dst.rotate_left(24) ^ self.vlans.0 ^ self.device;
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// `02:00:00:00:00:01 > 02:00:00:00:00:02 vlan 100.200`; nothing for an empty key.
impl fmt::Display for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        if let Some((src, dst)) = self.macs() {
            write!(f, "{src} > {dst}")?;
            space = " ";
        }
        if !self.vlans.is_empty() {
            write!(f, "{space}vlan {}", self.vlans)?;
        }
        Ok(())
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkKey")
            .field("macs", &self.macs())
            .field("vlans", &self.vlans)
            .field("device", &self.device())
            .finish()
    }
}

const fn number_of(MacAddr([a, b, c, d, e, f]): MacAddr) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

const fn mac_of(number: u64) -> MacAddr {
    let [a, b, c, d, e, f, ..] = number.to_le_bytes();
    MacAddr([a, b, c, d, e, f])
}

/// The network and transport layers' half of a flow key: the classic 5-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// `tcp 10.0.0.1:40000 > 10.0.0.2:80`; without ports where both are 0.
impl fmt::Display for NetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (src, dst) = (self.src, self.dst);
        write!(f, "{} ", IpProtocol(self.protocol))?;
        if (self.src_port, self.dst_port) == (0, 0) {
            return write!(f, "{src} > {dst}");
        }
        let ends = [(src, self.src_port), (dst, self.dst_port)];
        let [src, dst] = ends.map(SocketAddr::from);
        write!(f, "{src} > {dst}")
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
