//! TCP (RFC 9293), UDP (RFC 768) and ICMP echo headers (RFC 792), their checksums left zero.

use crate::checksum::sum_words;
use crate::ip::length;

/// Protocol number of ICMP.
pub const ICMP: u8 = 1;
/// Protocol number of TCP.
pub const TCP: u8 = 6;
/// Protocol number of UDP.
pub const UDP: u8 = 17;
/// Protocol number of GRE.
pub const GRE: u8 = 47;
/// Protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;

/// The sender is finished.
pub const FIN: u8 = 0x01;
/// The connection starts.
pub const SYN: u8 = 0x02;
/// The connection is reset.
pub const RST: u8 = 0x04;
/// Data is passed on.
pub const PSH: u8 = 0x08;
/// The acknowledgment number is valid.
pub const ACK: u8 = 0x10;

/// Bytes of a TCP header without options.
pub const TCP_LEN: usize = 20;
/// Bytes of a UDP header.
pub const UDP_LEN: usize = 8;
/// Offset of the checksum in a TCP header.
pub const TCP_CHECKSUM: usize = 16;
/// Offset of the checksum in a UDP header.
pub const UDP_CHECKSUM: usize = 6;
/// Offset of the checksum in an ICMP header.
pub const ICMP_CHECKSUM: usize = 2;

/// Options of a SYN: maximum segment size 1460; selective acknowledgments permitted.
pub const SYN_OPTIONS: [u8; 8] = [2, 4, 0x05, 0xb4, 1, 1, 4, 2];

/// A TCP header.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    /// Source and destination port.
    pub ports: (u16, u16),
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// `SYN | ACK` and the like.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Options, with their padding to a multiple of four bytes.
    pub options: &'a [u8],
}

impl Tcp<'_> {
    /// Appends the header.
    ///
    /// # Panics
    ///
    /// If there are more options than there is room for.
    pub fn put(&self, out: &mut Vec<u8>) {
        let words = u8::try_from((TCP_LEN + self.options.len()) / 4).unwrap();
        assert!(words < 16 && self.options.len().is_multiple_of(4));
        out.extend_from_slice(&self.ports.0.to_be_bytes());
        out.extend_from_slice(&self.ports.1.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.acknowledgment.to_be_bytes());
        out.extend_from_slice(&[words << 4, self.flags]);
        out.extend_from_slice(&self.window.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(self.options);
    }

    /// A segment with this payload.
    #[must_use]
    pub fn segment(&self, payload: &[u8]) -> Vec<u8> {
        let mut segment = Vec::with_capacity(TCP_LEN + self.options.len() + payload.len());
        self.put(&mut segment);
        segment.extend_from_slice(payload);
        segment
    }
}

/// A UDP header.
#[derive(Clone, Copy, Debug)]
pub struct Udp {
    /// Source and destination port.
    pub ports: (u16, u16),
}

impl Udp {
    /// Appends the header of a datagram with this many bytes of payload.
    pub fn put(&self, payload_len: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ports.0.to_be_bytes());
        out.extend_from_slice(&self.ports.1.to_be_bytes());
        out.extend_from_slice(&length(UDP_LEN + payload_len));
        out.extend_from_slice(&[0; 2]);
    }

    /// A datagram with this payload.
    #[must_use]
    pub fn datagram(&self, payload: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(UDP_LEN + payload.len());
        self.put(payload.len(), &mut datagram);
        datagram.extend_from_slice(payload);
        datagram
    }
}

/// The header of an ICMP or ICMPv6 echo request or reply.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// 8 and 0, or 128 and 129.
    pub kind: u8,
    /// Who asks.
    pub id: u16,
    /// Number of the request.
    pub sequence: u16,
}

impl Echo {
    /// Appends the header.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind, 0, 0, 0]);
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
    }
}

/// Sum of the words of the pseudo header: addresses, protocol, length of header and payload.
#[must_use]
pub fn pseudo_header_sum(src: &[u8], dst: &[u8], protocol: u8, len: u32) -> u32 {
    sum_words(src) + sum_words(dst) + u32::from(protocol) + len
}
