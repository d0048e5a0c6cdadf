//! Decoding of packets for output.

use crate::capture::{ByteOrder, LinkType, PacketRecord};
use crate::decode::{
    DecodeOptions, Headers, LinkKey, MacAddr, NotFlow, VlanStack, decode, protocol,
};
use std::net::IpAddr;

/// A packet, decoded for output.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    /// Packet number over all inputs, from 1.
    pub(super) number: u64,
    /// Capture time, in nanoseconds since 1970.
    pub(super) time: i64,
    /// Bytes on the wire.
    pub(super) wire_len: u32,
    pub(super) macs: Option<(MacAddr, MacAddr)>,
    pub(super) vlans: VlanStack,
    pub(super) content: Content<'a>,
}

/// Content of a packet.
#[derive(Clone, Debug)]
pub(super) enum Content<'a> {
    Ip(Ip<'a>),
    /// Not IP: its type, and the whole frame.
    Other(Other, &'a [u8]),
}

/// Type of a packet that is not IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    Arp,
    EtherType(u16),
    /// The name of the reason.
    Named(&'static str),
}

/// An IP packet. For an ICMP error, ports, TTL and payload are those of the quoted packet.
#[derive(Clone, Debug)]
pub(super) struct Ip<'a> {
    pub(super) addresses: [IpAddr; 2],
    pub(super) protocol: u8,
    pub(super) ports: Option<[u16; 2]>,
    pub(super) ttl: u8,
    /// Bytes of the IP packet on the wire, including the header.
    pub(super) len: usize,
    pub(super) header: Transport,
    /// The captured payload.
    pub(super) payload: &'a [u8],
    /// Bytes of the payload on the wire.
    pub(super) payload_len: usize,
}

/// The fields of a transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp {
        seq: u32,
        ack: u32,
        flags: u16,
        window: u16,
    },
    Udp,
    /// ICMP or ICMPv6.
    Icmp {
        kind: u8,
        code: u8,
    },
    /// Another protocol, a truncated header, or a later fragment.
    None,
}

impl<'a> Seen<'a> {
    pub(super) fn new(record: &PacketRecord<'a>, number: u64, options: &DecodeOptions) -> Self {
        let data = record.data;
        let mut link = LinkKey::default();
        let headers = match record.link_type {
            Some(link_type) => decode(link_type, data, options, &mut link),
            None => Err(NotFlow::NoInterface),
        };
        let trailer = headers.as_ref().ok().and_then(|it| it.trailer_time);
        Self {
            number,
            time: trailer.unwrap_or(record.time).0,
            wire_len: record.wire_len,
            macs: link.macs(),
            vlans: link.vlans(),
            content: match headers {
                Ok(headers) => Content::Ip(Ip::new(&headers, data, record.wire_len)),
                Err(reason) => Content::Other(other(record, link.vlans(), reason), data),
            },
        }
    }

    pub(super) const fn ip(&self) -> Option<&Ip<'a>> {
        match &self.content {
            Content::Ip(ip) => Some(ip),
            Content::Other(..) => None,
        }
    }

    /// Whether the packet is TCP, UDP or ICMP.
    pub(super) fn has_transport(&self) -> bool {
        self.ip().is_some_and(|it| it.header != Transport::None)
    }
}

impl<'a> Ip<'a> {
    fn new(headers: &Headers<'_>, data: &'a [u8], wire_len: u32) -> Self {
        let (src, dst) = headers.addresses.to_ip();
        let carried = headers.payload(data, wire_len);
        let (header, len) = transport(headers, data);
        let wire_len = usize::try_from(wire_len).unwrap_or(usize::MAX);
        let mut ip = Self {
            addresses: [src, dst],
            protocol: headers.protocol,
            ports: matches!(header, Transport::Tcp { .. } | Transport::Udp)
                .then_some([headers.src_port, headers.dst_port]),
            ttl: ttl(data, headers.network),
            len: headers
                .wire_end
                .min(wire_len)
                .saturating_sub(headers.network),
            header,
            payload: data.get(carried.range).unwrap_or_default(),
            payload_len: carried.wire_len,
        };
        if let Transport::Icmp { kind, .. } = header {
            ip.payload = ip.payload.get(len..).unwrap_or_default();
            ip.payload_len = ip.payload_len.saturating_sub(len);
            if quotes(headers.protocol, kind) {
                ip.quote();
            }
        }
        ip
    }

    /// Takes ports, TTL and payload from the quoted packet.
    fn quote(&mut self) {
        let quoted = self.payload;
        let mut link = LinkKey::default();
        let options = DecodeOptions::default();
        let Ok(headers) = decode(LinkType::RAW, quoted, &options, &mut link) else {
            return;
        };
        // Quotes may be truncated.
        let inner = quoted
            .get(headers.transport..headers.end)
            .unwrap_or_default();
        let has_ports =
            inner.len() >= 4 && [protocol::TCP, protocol::UDP].contains(&headers.protocol);
        self.ports = has_ports.then_some([headers.src_port, headers.dst_port]);
        self.ttl = ttl(quoted, headers.network);
        let len = u32::try_from(quoted.len()).unwrap_or(u32::MAX);
        let carried = headers.payload(quoted, len);
        self.payload = quoted.get(carried.range).unwrap_or_default();
        self.payload_len = self.payload.len();
    }
}

/// The transport header, and its length if that is not part of the payload.
fn transport(headers: &Headers<'_>, data: &[u8]) -> (Transport, usize) {
    let is_later = headers.fragment.as_ref().is_some_and(|it| !it.is_first);
    let bytes = data.get(headers.transport..headers.end).unwrap_or_default();
    let order = ByteOrder::Big;
    let found = match headers.protocol {
        _ if is_later => None,
        protocol::TCP => tcp(bytes),
        protocol::UDP => bytes.get(..8).map(|_| Transport::Udp),
        protocol::ICMP | protocol::ICMPV6 => order.u16(bytes, 0).map(|it| {
            let [kind, code] = it.to_be_bytes();
            Transport::Icmp { kind, code }
        }),
        _ => None,
    };
    let len = match found {
        Some(Transport::Icmp { .. }) => ICMP_HEADER_LEN,
        _ => 0,
    };
    (found.unwrap_or(Transport::None), len)
}

fn tcp(bytes: &[u8]) -> Option<Transport> {
    let order = ByteOrder::Big;
    Some(Transport::Tcp {
        seq: order.u32(bytes, 4)?,
        ack: order.u32(bytes, 8)?,
        flags: order.u16(bytes, 12)? & 0x0fff,
        window: order.u16(bytes, 14)?,
    })
}

/// TTL or hop limit of the IP header at `at`.
fn ttl(data: &[u8], at: usize) -> u8 {
    let is_v6 = data.get(at).is_some_and(|it| it >> 4 == 6);
    let offset = if is_v6 { 7 } else { 8 };
    data.get(at + offset).copied().unwrap_or(0)
}

/// Whether messages of this type quote a packet (RFC 792; RFC 4443).
fn quotes(protocol: u8, kind: u8) -> bool {
    match protocol {
        protocol::ICMP => [3, 4, 5, 11, 12].contains(&kind),
        _ => (1..=4).contains(&kind),
    }
}

/// The EtherType follows the addresses and the tags.
fn other(record: &PacketRecord<'_>, vlans: VlanStack, reason: NotFlow) -> Other {
    let is_ethernet = record.link_type == Some(LinkType::ETHERNET);
    let at = 12 + 4 * vlans.len();
    match reason {
        NotFlow::Arp => Other::Arp,
        NotFlow::EtherType if is_ethernet => match ByteOrder::Big.u16(record.data, at) {
            Some(number) => Other::EtherType(number),
            None => Other::Named(reason.name()),
        },
        _ => Other::Named(reason.name()),
    }
}

/// Type, code, checksum, and four type-specific bytes.
const ICMP_HEADER_LEN: usize = 8;
