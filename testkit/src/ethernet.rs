//! Ethernet II headers with VLAN tags (IEEE 802.3, 802.1Q).

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// EtherType of a VLAN tag.
pub const VLAN: u16 = 0x8100;
/// EtherType of a service provider's tag.
pub const SERVICE_VLAN: u16 = 0x88a8;

/// Bytes of a header without tags.
pub const LEN: usize = 14;

/// A header.
#[derive(Clone, Copy, Debug)]
pub struct Ethernet<'a> {
    /// Source address.
    pub src: [u8; 6],
    /// Destination address.
    pub dst: [u8; 6],
    /// EtherType and content of each tag, the outermost first.
    pub tags: &'a [(u16, u16)],
    /// EtherType of the payload.
    pub ether_type: u16,
}

impl Ethernet<'_> {
    /// Appends the header.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.dst);
        out.extend_from_slice(&self.src);
        for (ether_type, tag) in self.tags {
            out.extend_from_slice(&ether_type.to_be_bytes());
            out.extend_from_slice(&tag.to_be_bytes());
        }
        out.extend_from_slice(&self.ether_type.to_be_bytes());
    }

    /// A frame with this payload.
    #[must_use]
    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(LEN + 4 * self.tags.len() + payload.len());
        self.put(&mut frame);
        frame.extend_from_slice(payload);
        frame
    }
}
