//! The headers of a packet, as fields and places in its captured bytes.

use super::key::{NetworkKey, VlanStack};
use super::protocol;
use super::tunnels::Tunnels;
use crate::capture::{ByteOrder, Nanos};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// The decoded headers of a packet. Places are offsets in its captured bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    /// Source and destination address.
    pub addresses: Addresses<'a>,
    /// IP protocol number; for IPv6 the one after the extension headers.
    pub protocol: u8,
    /// Source port; 0 where the protocol has none, or it was not captured.
    pub src_port: u16,
    /// Destination port; 0 where the protocol has none, or it was not captured.
    pub dst_port: u16,
    /// The twelve bits of TCP flags, 0 for other protocols.
    pub tcp_flags: u16,
    /// Which part of a fragmented datagram this is; `None` for a whole one. Boxed, because it is
    /// large and few packets have one.
    pub fragment: Option<Box<Fragment>>,
    /// Where the IP header starts in the captured bytes.
    pub network: usize,
    /// Where the transport header starts in the captured bytes.
    pub transport: usize,
    /// Where the IP datagram ends in the captured bytes: padding may follow.
    pub end: usize,
    /// Where it ends according to its header, captured or not; `usize::MAX` where the header does
    /// not say (segmentation offload, jumbograms).
    pub wire_end: usize,
    /// The time from a Metamako trailer, if there is one.
    pub trailer_time: Option<Nanos>,
    /// The tunnels that the packet came through, where these are entered.
    pub tunnels: Tunnels,
}

/// The two addresses of an IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// IPv4, as numbers in host byte order.
    V4 {
        /// Source address.
        src: u32,
        /// Destination address.
        dst: u32,
    },
    /// IPv6: source, then destination, in network byte order.
    V6(&'a [u8; 32]),
    /// The same, from where four other bytes stand between both.
    V6Apart(&'a [u8; 36]),
}

/// A fragment's place in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The datagram it belongs to.
    pub datagram: DatagramId,
    /// Whether this is the first fragment, which has the ports.
    pub is_first: bool,
    /// Whether this is the last fragment: the datagram's payload ends where its own does.
    pub is_last: bool,
    /// Offset of its payload in the datagram's, in bytes.
    pub offset: u32,
    /// The protocol of the datagram's payload.
    pub protocol: u8,
    /// Where the IP header starts in the captured bytes.
    pub header: usize,
    /// Where the payload starts in the captured bytes.
    pub payload: usize,
    /// Where the payload ends in the captured bytes.
    pub end: usize,
    /// Whether all of it was captured.
    pub is_whole: bool,
}

/// The fields that identify a datagram's fragments (RFC 791, section 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct DatagramId {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// The protocol for IPv4; 0 for IPv6, whose later fragments do not have it.
    pub protocol: u8,
    /// The identification.
    pub id: u32,
    /// Different networks may use the same addresses.
    pub vlans: VlanStack,
    /// The networks of the tunnels that it came through, where these are entered.
    #[serde(default, skip_serializing_if = "Tunnels::is_empty")]
    pub networks: Tunnels,
}

/// What a packet carries after its transport header, and that header's sequence number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarriedPayload {
    /// Where it is in the captured bytes. Where nothing of it was captured the range is empty, and
    /// starts where the payload would: with a truncated header after the end of the captured bytes.
    pub range: Range<usize>,
    /// Its length on the wire, in bytes; for a fragment, of its part of the datagram.
    pub wire_len: usize,
    /// The sequence number of a TCP segment; 0 for other protocols, and where it was not captured.
    pub sequence: u32,
}

impl Headers<'_> {
    /// Whether the packet has a transport header: later fragments of a datagram have none.
    #[inline(always)]
    pub fn has_transport(&self) -> bool {
        self.fragment.as_ref().is_none_or(|it| it.is_first)
    }

    /// Where the datagram ends on the wire. A packet's length on the wire (`wire_len`) bounds it:
    /// what a header claims beyond that was never sent. Counted from the start of `data`, the
    /// captured bytes, which may be more than `wire_len` says.
    #[inline(always)]
    pub fn on_wire(&self, data: &[u8], wire_len: u32) -> usize {
        self.wire_end.min((wire_len as usize).max(data.len()))
    }

    /// The payload of a packet with these captured bytes and this length on the wire: what follows
    /// the TCP or UDP header; of other protocols, and of later fragments, what follows the IP
    /// header. Padding after the datagram is not part of it.
    ///
    /// A TCP header is at least 20 bytes long, whatever its data offset says. The lengths of UDP
    /// headers are not used.
    #[inline(always)]
    pub fn payload(&self, data: &[u8], wire_len: u32) -> CarriedPayload {
        let at = self.transport.min(self.end);
        let transport = data.get(at..self.end).unwrap_or_default();
        let (header_len, sequence) = match self.protocol {
            protocol::TCP if self.has_transport() => {
                let offset = transport
                    .get(12)
                    .map_or(0, |byte| usize::from(byte >> 4) * 4);
                let sequence = ByteOrder::Big.u32(transport, 4).unwrap_or(0);
                (offset.max(TCP_HEADER_LEN), sequence)
            }
            protocol::UDP if self.has_transport() => (UDP_HEADER_LEN, 0),
            _ => (0, 0),
        };
        let start = at + header_len;
        let captured = transport.len().saturating_sub(header_len);
        CarriedPayload {
            range: start..start + captured,
            wire_len: self.on_wire(data, wire_len).saturating_sub(start),
            sequence,
        }
    }

    /// Notes the tunnels that the packet came through.
    pub(super) fn set_tunnels(&mut self, tunnels: Tunnels) {
        self.tunnels = tunnels;
        if let Some(fragment) = &mut self.fragment {
            fragment.datagram.networks = tunnels.networks();
        }
    }

    /// The network and transport layers' half of a flow key.
    pub fn network_key(&self) -> NetworkKey {
        self.addresses
            .network_key(self.protocol, [self.src_port, self.dst_port])
    }
}

impl Addresses<'_> {
    /// The key of packets with this protocol, and source and destination port.
    pub fn network_key(self, protocol: u8, ports: [u16; 2]) -> NetworkKey {
        let (src, dst) = self.to_ip();
        let [src_port, dst_port] = ports;
        NetworkKey {
            src,
            dst,
            protocol,
            src_port,
            dst_port,
        }
    }

    /// Source and destination as the standard library's types.
    pub fn to_ip(self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4 { src, dst } => (Ipv4Addr::from(src).into(), Ipv4Addr::from(dst).into()),
            Self::V6(both) => {
                let (src, dst) = split_v6(both);
                (Ipv6Addr::from(src).into(), Ipv6Addr::from(dst).into())
            }
            Self::V6Apart(apart) => Addresses::V6(&joined(apart)).to_ip(),
        }
    }
}

/// Addresses that stand apart, as an IPv6 header has them.
#[cold]
pub(crate) fn joined(apart: &[u8; 36]) -> [u8; 32] {
    let mut both = [0; 32];
    let (src, dst) = both.split_at_mut(16);
    src.copy_from_slice(apart.first_chunk::<16>().unwrap_or(&[0; 16]));
    dst.copy_from_slice(apart.last_chunk::<16>().unwrap_or(&[0; 16]));
    both
}

/// Source and destination of an IPv6 header's 32 bytes of addresses, in host byte order.
pub(crate) fn split_v6(both: &[u8; 32]) -> (u128, u128) {
    let mut src = [0; 16];
    let mut dst = [0; 16];
    let (front, back) = both.split_at(16);
    src.copy_from_slice(front);
    dst.copy_from_slice(back);
    (u128::from_be_bytes(src), u128::from_be_bytes(dst))
}

/// Length of a TCP header without options, in bytes (RFC 9293, section 3.1).
pub(super) const TCP_HEADER_LEN: usize = 20;
/// Length of a UDP header, in bytes (RFC 768).
pub(super) const UDP_HEADER_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers of a datagram whose transport header starts at 20, as a frame of IPv4 has it.
    fn headers(protocol: u8, data: &[u8], wire_end: usize) -> Headers<'static> {
        Headers {
            addresses: Addresses::V4 { src: 1, dst: 2 },
            protocol,
            src_port: 0,
            dst_port: 0,
            tcp_flags: 0,
            fragment: None,
            network: 0,
            transport: 20,
            end: data.len().min(wire_end),
            wire_end,
            trailer_time: None,
            tunnels: Tunnels::NONE,
        }
    }

    /// 20 bytes of IP, and a TCP header with this data offset, followed by `len` bytes.
    fn tcp(data_offset: u8, len: usize) -> Vec<u8> {
        let mut data = vec![0; 20 + 20];
        data[24..28].copy_from_slice(&0x0102_0304_u32.to_be_bytes());
        data[32] = data_offset << 4;
        data.resize(20 + 20 + len, 0xff);
        data
    }

    fn carried(range: Range<usize>, wire_len: usize, sequence: u32) -> CarriedPayload {
        CarriedPayload {
            range,
            wire_len,
            sequence,
        }
    }

    #[test]
    fn payload_follows_the_transport_header() {
        let data = tcp(5, 30);
        let segment = headers(protocol::TCP, &data, 70);
        assert_eq!(segment.payload(&data, 70), carried(40..70, 30, 0x0102_0304));
        // Twelve bytes of options.
        let data = tcp(8, 30);
        let segment = headers(protocol::TCP, &data, 70);
        assert_eq!(segment.payload(&data, 70), carried(52..70, 18, 0x0102_0304));
        // A data offset that cannot be.
        let data = tcp(2, 30);
        let segment = headers(protocol::TCP, &data, 70);
        assert_eq!(segment.payload(&data, 70), carried(40..70, 30, 0x0102_0304));
        let datagram = headers(protocol::UDP, &data, 70);
        assert_eq!(datagram.payload(&data, 70), carried(28..70, 42, 0));
        let other = headers(protocol::GRE, &data, 70);
        assert_eq!(other.payload(&data, 70), carried(20..70, 50, 0));
    }

    #[test]
    fn padding_is_no_payload() {
        let data = tcp(5, 30);
        let segment = headers(protocol::TCP, &data, 45);
        assert_eq!(segment.payload(&data, 70), carried(40..45, 5, 0x0102_0304));
        assert_eq!(segment.on_wire(&data, 70), 45);
    }

    #[test]
    fn a_snaplen_truncates_what_was_captured_alone() {
        let whole = tcp(8, 30);
        for (captured, range, sequence) in [
            (60, 52..60, 0x0102_0304),
            (52, 52..52, 0x0102_0304),
            // In the options, before the data offset, in the sequence number, at the header.
            (50, 52..52, 0x0102_0304),
            (32, 40..40, 0x0102_0304),
            (26, 40..40, 0),
            (20, 40..40, 0),
            (15, 35..35, 0),
        ] {
            let data = &whole[..captured];
            let segment = headers(protocol::TCP, data, 70);
            let start = range.start;
            assert_eq!(
                segment.payload(data, 70),
                carried(range, 70 - start, sequence),
                "{captured}"
            );
        }
    }

    /// Segmentation offload leaves no length, a broken header claims too much: the frame bounds it.
    #[test]
    fn a_header_claims_no_more_than_was_sent() {
        let data = tcp(5, 30);
        for wire_end in [usize::MAX, 1000, 100] {
            let segment = headers(protocol::TCP, &data, wire_end);
            assert_eq!(segment.on_wire(&data, 100), 100);
            assert_eq!(
                segment.payload(&data, 100),
                carried(40..70, 60, 0x0102_0304)
            );
            // Records exist whose length on the wire is less than what was captured.
            assert_eq!(segment.on_wire(&data, 10), 70);
            assert_eq!(segment.payload(&data, 10), carried(40..70, 30, 0x0102_0304));
        }
    }

    #[test]
    fn later_fragments_have_no_transport_header() {
        let data = tcp(5, 30);
        let mut part = headers(protocol::TCP, &data, 70);
        let fragment = Fragment {
            datagram: DatagramId {
                src: Ipv4Addr::LOCALHOST.into(),
                dst: Ipv4Addr::LOCALHOST.into(),
                protocol: protocol::TCP,
                id: 1,
                vlans: VlanStack::default(),
                networks: Tunnels::NONE,
            },
            is_first: true,
            is_last: false,
            offset: 0,
            protocol: protocol::TCP,
            header: 0,
            payload: 20,
            end: 70,
            is_whole: true,
        };
        part.fragment = Some(Box::new(fragment));
        assert!(part.has_transport());
        assert_eq!(part.payload(&data, 70), carried(40..70, 30, 0x0102_0304));
        part.fragment = Some(Box::new(Fragment {
            is_first: false,
            ..fragment
        }));
        assert!(!part.has_transport());
        assert_eq!(part.payload(&data, 70), carried(20..70, 50, 0));
    }
}
