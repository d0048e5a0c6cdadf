//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers.

use crate::checksum::{fold, sum_words};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of an IPv4 header without options.
pub const IPV4_LEN: usize = 20;
/// Bytes of an IPv6 header.
pub const IPV6_LEN: usize = 40;
/// Bytes of IPv6's fragment header.
pub const IPV6_FRAGMENT_LEN: usize = 8;
/// Next header: a fragment.
pub const IPV6_FRAGMENT: u8 = 44;
/// IPv4's flag that a packet must not be fragmented.
pub const DO_NOT_FRAGMENT: u16 = 0x4000;

/// Hops that every packet may still take.
const HOPS: u8 = 64;

/// Whether a checksum is computed, or left zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Zero, as where the network card computes it.
    Zero,
    /// As the specification has it.
    Valid,
}

/// An IPv4 header without options.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4 {
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Identification.
    pub id: u16,
    /// Flags, and the fragment's offset in units of eight bytes.
    pub fragment: u16,
    /// The header's own checksum.
    pub checksum: Checksum,
}

impl Ipv4 {
    /// Neither fragment nor checksum.
    #[must_use]
    pub const fn new(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8) -> Self {
        Self {
            src,
            dst,
            protocol,
            id: 0,
            fragment: 0,
            checksum: Checksum::Zero,
        }
    }

    /// Appends the header of a packet with this many bytes of payload.
    pub fn put(&self, payload_len: usize, out: &mut Vec<u8>) {
        let mut header = [0; IPV4_LEN];
        header[0] = 0x45;
        header[2..4].copy_from_slice(&length(IPV4_LEN + payload_len));
        header[4..6].copy_from_slice(&self.id.to_be_bytes());
        header[6..8].copy_from_slice(&self.fragment.to_be_bytes());
        header[8] = HOPS;
        header[9] = self.protocol;
        header[12..16].copy_from_slice(&self.src.octets());
        header[16..20].copy_from_slice(&self.dst.octets());
        if self.checksum == Checksum::Valid {
            let checksum = fold(sum_words(&header));
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        out.extend_from_slice(&header);
    }

    /// A packet with this payload.
    #[must_use]
    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(IPV4_LEN + payload.len());
        self.put(payload.len(), &mut packet);
        packet.extend_from_slice(payload);
        packet
    }
}

/// An IPv6 header.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6 {
    /// Source address.
    pub src: Ipv6Addr,
    /// Destination address.
    pub dst: Ipv6Addr,
    /// Protocol of the payload, or type of the next header.
    pub next_header: u8,
}

impl Ipv6 {
    /// Appends the header of a packet with this many bytes of payload.
    pub fn put(&self, payload_len: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x60, 0, 0, 0]);
        out.extend_from_slice(&length(payload_len));
        out.extend_from_slice(&[self.next_header, HOPS]);
        out.extend_from_slice(&self.src.octets());
        out.extend_from_slice(&self.dst.octets());
    }

    /// A packet with this payload.
    #[must_use]
    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(IPV6_LEN + payload.len());
        self.put(payload.len(), &mut packet);
        packet.extend_from_slice(payload);
        packet
    }
}

/// IPv6's fragment header.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6Fragment {
    /// Protocol of what was fragmented.
    pub next_header: u8,
    /// Offset in bytes, a multiple of eight.
    pub offset: u16,
    /// Whether other fragments follow.
    pub has_more: bool,
    /// Identification.
    pub id: u32,
}

impl Ipv6Fragment {
    /// Appends the header.
    pub fn put(&self, out: &mut Vec<u8>) {
        assert!(self.offset.is_multiple_of(8), "units of eight bytes");
        out.extend_from_slice(&[self.next_header, 0]);
        out.extend_from_slice(&(self.offset | u16::from(self.has_more)).to_be_bytes());
        out.extend_from_slice(&self.id.to_be_bytes());
    }
}

/// A length as headers have it: 0 where it does not fit into 16 bits, as segmentation offload leaves
/// it.
#[must_use]
pub fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(0).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with its checksum sums up to nothing.
    #[test]
    fn a_checksum_is_right() {
        let header = Ipv4 {
            id: 7,
            fragment: DO_NOT_FRAGMENT,
            checksum: Checksum::Valid,
            ..Ipv4::new(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2), 17)
        };
        let packet = header.packet(&[1, 2, 3]);
        assert_eq!(packet.len(), 23);
        assert_eq!(
            packet[..12],
            [
                0x45, 0, 0, 23, 0, 7, 0x40, 0, 64, 17, packet[10], packet[11]
            ]
        );
        assert_eq!(fold(sum_words(&packet[..20])), 0);
    }
}
