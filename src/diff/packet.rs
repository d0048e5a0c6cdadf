//! Packets of a comparison.

use crate::capture::{ByteOrder, LinkType};
use crate::decode::{Headers, protocol};
use crate::flow::HashKey;
use crate::number::{at_most_u32, len_u32, modulo_u32, nearest_u16};
use crate::tcp::Segment;

/// A packet of one of two captures, reduced to what identifies it: 80 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packet {
    /// Capture time, in nanoseconds since 1970.
    pub time: i64,
    /// Ordinal in its side's captures, from 1.
    pub number: u64,
    /// Position at which its captured bytes can be reread.
    pub place: u64,
    /// Digest of the captured payload.
    pub digest: u64,
    /// Number of its conversation on its side.
    pub conversation: u32,
    /// Sequence number of TCP or an ICMP echo; for a fragment, its offset in the datagram.
    pub sequence: u32,
    /// TCP acknowledgment number, or 0.
    pub acknowledgment: u32,
    /// The sender's clock, from the TCP timestamp option, or 0.
    pub stamp: u32,
    /// Digest of the TCP options.
    pub options: u32,
    /// IP identification; 0 in IPv6, except for fragments.
    pub ip_id: u32,
    /// Bytes of payload on the wire.
    pub len: u32,
    /// Captured bytes of payload.
    pub captured: u32,
    /// Captured bytes of the packet.
    pub data_len: u32,
    /// Bytes of the packet that were not captured, up to 65,535.
    pub missing: u16,
    /// TCP flags; for ICMP, type and code.
    pub flags: u16,
    /// TCP window, unscaled.
    pub window: u16,
    /// TCP urgent pointer.
    pub urgent: u16,
    /// Index of the link type in its side's list.
    pub link: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Bits: see the constants.
    pub kind: u8,
    /// TCP header length in bytes; the minimum if it was not captured.
    pub header_len: u8,
}

const _: () = assert!(
    size_of::<Packet>() == 80,
    "memory grows with packets: this much for each"
);

impl Packet {
    /// A placeholder without content.
    pub(super) const NONE: Self = Self {
        time: 0,
        number: 0,
        place: 0,
        digest: 0,
        conversation: u32::MAX,
        sequence: 0,
        acknowledgment: 0,
        stamp: 0,
        options: 0,
        ip_id: 0,
        len: 0,
        captured: 0,
        data_len: 0,
        missing: 0,
        flags: 0,
        window: 0,
        urgent: 0,
        link: 0,
        ttl: 0,
        kind: 0,
        header_len: 0,
    };

    /// Sent by the greater of both endpoints.
    pub(super) const REVERSE: u8 = 1;
    /// A fragment.
    pub(super) const FRAGMENT: u8 = 2;
    /// More fragments of the datagram follow.
    pub(super) const MORE: u8 = 4;
    /// TCP with a captured header.
    pub(super) const TCP: u8 = 8;
    /// ICMP or ICMPv6.
    pub(super) const ICMP: u8 = 16;
    /// TCP with a truncated header.
    pub(super) const CUT: u8 = 32;

    /// Creates a packet from its headers and captured bytes. The caller must set what only the
    /// capture knows (time, number, place, link type), and the conversation.
    pub fn of(headers: &Headers<'_>, data: &[u8], wire_len: u32) -> Self {
        let carried = headers.payload(data, wire_len);
        let payload = data.get(carried.range.clone()).unwrap_or_default();
        let network = data.get(headers.network..).unwrap_or_default();
        let is_ipv4 = network.first().is_some_and(|it| it >> 4 == 4);
        let mut packet = Self {
            digest: digest(&[payload]),
            len: len_u32(carried.wire_len.min(MOST_LEN)),
            captured: len_u32(payload.len()),
            data_len: len_u32(data.len()),
            missing: nearest_u16(wire_len.saturating_sub(len_u32(data.len()))),
            ttl: network
                .get(if is_ipv4 { 8 } else { 7 })
                .copied()
                .unwrap_or(0),
            ..Self::default()
        };
        if is_ipv4 {
            packet.ip_id = ByteOrder::Big.u16(network, 4).unwrap_or(0).into();
        }
        let (src, dst) = headers.addresses.to_ip();
        if (src, headers.src_port) > (dst, headers.dst_port) {
            packet.kind |= Self::REVERSE;
        }
        if let Some(part) = headers.fragment.as_deref() {
            packet.ip_id = part.datagram.id;
            packet.kind |= Self::FRAGMENT;
            packet.kind |= if part.is_last { 0 } else { Self::MORE };
            let start = carried.range.start.saturating_sub(part.payload);
            packet.sequence = part.offset.saturating_add(at_most_u32(start as u64));
            return packet;
        }
        let transport = data.get(headers.transport..headers.end).unwrap_or_default();
        match headers.protocol {
            protocol::TCP => packet.read_tcp(transport),
            protocol::ICMP | protocol::ICMPV6 => {
                packet.read_icmp(transport, carried.wire_len);
            }
            protocol::SCTP => packet.skip(transport, SCTP_HEADER_LEN),
            _ => {}
        }
        packet
    }

    fn read_tcp(&mut self, transport: &[u8]) {
        let Some(segment) = Segment::parse(transport) else {
            self.kind |= Self::CUT;
            self.header_len = LEAST_TCP_HEADER_LEN;
            self.sequence = ByteOrder::Big.u32(transport, 4).unwrap_or(0);
            return;
        };
        self.kind |= Self::TCP;
        self.header_len = u8::try_from(segment.header_len).unwrap_or(LEAST_TCP_HEADER_LEN);
        self.sequence = segment.sequence;
        self.acknowledgment = if segment.has(Segment::ACK) {
            segment.acknowledgment
        } else {
            0
        };
        self.flags = segment.flags;
        self.window = segment.window;
        self.urgent = ByteOrder::Big.u16(transport, 18).unwrap_or(0);
        let end = transport.len().min(segment.header_len as usize);
        let options = transport.get(TCP_HEADER_LEN..end).unwrap_or_default();
        if !options.is_empty() {
            self.options = modulo_u32(digest(&[options]));
            self.stamp = stamp(options).unwrap_or(0);
        }
    }

    /// Reads type, code and sequence number, and the payload without identifier and checksum. For
    /// errors, the payload omits what address translation changes in the quoted packet.
    fn read_icmp(&mut self, transport: &[u8], wire_len: usize) {
        let message = Message::of(transport);
        self.kind |= Self::ICMP;
        self.flags = message.kind;
        self.sequence = message.sequence;
        self.digest = message.digest(transport);
        self.skip_len(transport, message.header_len, wire_len);
    }

    /// Sets the payload to what follows a header of this length.
    fn skip(&mut self, transport: &[u8], header_len: usize) {
        let payload = transport.get(header_len..).unwrap_or_default();
        self.digest = digest(&[payload]);
        self.len = self.len.saturating_sub(len_u32(header_len));
        self.captured = len_u32(payload.len());
    }

    fn skip_len(&mut self, transport: &[u8], header_len: usize, wire_len: usize) {
        self.captured = len_u32(transport.len().saturating_sub(header_len));
        self.len = len_u32(wire_len.saturating_sub(header_len).min(MOST_LEN));
    }

    pub(super) const fn has(&self, kind: u8) -> bool {
        self.kind & kind != 0
    }

    /// The bits of `kind` that do not depend on the direction.
    pub(super) const fn nature(&self) -> u8 {
        self.kind & !Self::REVERSE
    }

    /// Whether the packet is a TCP segment with positions in a stream.
    pub(super) const fn is_segment(&self) -> bool {
        self.has(Self::TCP) && !self.has(Self::FRAGMENT)
    }

    /// Whether the whole payload was captured.
    pub(super) const fn is_whole(&self) -> bool {
        self.captured >= self.len
    }

    /// Bytes of TCP header and payload on the wire.
    pub(super) const fn segment_len(&self) -> u32 {
        self.len.saturating_add(self.header_len as u32)
    }

    /// Direction in its conversation, 0 or 1.
    pub const fn direction(&self) -> usize {
        (self.kind & Self::REVERSE) as usize
    }

    /// The sequence number of the first byte of payload.
    pub(super) const fn payload_sequence(&self) -> u32 {
        self.sequence
            .wrapping_add((self.is_segment() && self.flags & Segment::SYN != 0) as u32)
    }

    /// Whether the packet is TCP with a captured header.
    pub const fn is_tcp(&self) -> bool {
        self.has(Self::TCP)
    }

    /// Whether the packet only acknowledges TCP data.
    pub const fn is_pure_ack(&self) -> bool {
        const OTHERS: u16 = Segment::SYN | Segment::FIN | Segment::RST;
        self.is_segment() && self.len == 0 && self.flags & (OTHERS | Segment::ACK) == Segment::ACK
    }

    /// Everything that copies of a packet share, including the digest of the payload.
    pub(super) fn print(&self, with_id: bool) -> Print {
        Print {
            digest: self.digest,
            sequence: self.sequence,
            acknowledgment: self.acknowledgment,
            options: self.options,
            ip_id: if with_id { self.ip_id } else { 0 },
            len: self.len,
            flags: self.flags,
            window: self.window,
            urgent: self.urgent,
            kind: self.kind,
        }
    }
}

/// Everything that copies of a packet share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Print {
    digest: u64,
    sequence: u32,
    acknowledgment: u32,
    options: u32,
    ip_id: u32,
    len: u32,
    flags: u16,
    window: u16,
    urgent: u16,
    kind: u8,
}

/// A digest of bytes that identify packets. The key is fixed, so that results are reproducible.
pub(super) fn digest(parts: &[&[u8]]) -> u64 {
    HashKey::fixed(0).digest(parts).hash()
}

/// The payload common to two captures of a packet, as a range of its captured bytes.
pub(super) fn payload_range(
    headers: &Headers<'_>,
    data: &[u8],
    wire_len: u32,
) -> std::ops::Range<usize> {
    let range = headers.payload(data, wire_len).range;
    let header_len = match headers.protocol {
        _ if headers.fragment.is_some() => 0,
        protocol::ICMP | protocol::ICMPV6 => {
            let transport = data.get(range.clone()).unwrap_or_default();
            Message::of(transport).header_len
        }
        protocol::SCTP => SCTP_HEADER_LEN,
        _ => 0,
    };
    range.start.saturating_add(header_len).min(range.end)..range.end
}

/// The conversation of an ICMP message between its two addresses: one for each echo identifier, one
/// for all errors, and one for everything else.
pub fn icmp_conversation(headers: &Headers<'_>, data: &[u8]) -> u32 {
    if !matches!(headers.protocol, protocol::ICMP | protocol::ICMPV6) || headers.fragment.is_some()
    {
        return 0;
    }
    let transport = data.get(headers.transport..headers.end).unwrap_or_default();
    match (transport, Message::of(transport).content) {
        ([_, _, _, _, a, b, ..], Content::Echo) => ECHO | u32::from(u16::from_be_bytes([*a, *b])),
        (_, Content::Error) => ERROR,
        _ => 0,
    }
}

const ECHO: u32 = 1 << 16;
const ERROR: u32 = 1 << 17;

/// An ICMP message (RFC 792, RFC 4443).
struct Message {
    /// Type and code.
    kind: u16,
    sequence: u32,
    header_len: usize,
    content: Content,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Echo,
    /// Quotes a packet.
    Error,
    Other,
}

impl Message {
    fn of(transport: &[u8]) -> Self {
        let kind = ByteOrder::Big.u16(transport, 0).unwrap_or(0);
        // Echo requests and replies, and errors, of both versions. Types of one version have no
        // similar meaning in the other.
        let content = match kind >> 8 {
            0 | 8 | 128 | 129 => Content::Echo,
            1..=5 | 11 | 12 => Content::Error,
            _ => Content::Other,
        };
        let is_echo = content == Content::Echo;
        Self {
            kind,
            sequence: if is_echo {
                ByteOrder::Big.u16(transport, 6).unwrap_or(0).into()
            } else {
                0
            },
            header_len: if content == Content::Other { 4 } else { 8 },
            content,
        }
    }

    fn digest(&self, transport: &[u8]) -> u64 {
        let body = transport.get(self.header_len..).unwrap_or_default();
        match self.content {
            Content::Error => quoted(body).unwrap_or_else(|| digest(&[body])),
            Content::Echo | Content::Other => digest(&[body]),
        }
    }
}

/// Digest of a packet quoted by an error, without addresses, ports, checksums and fields that
/// routers change. `None` if it is not an IP packet.
fn quoted(body: &[u8]) -> Option<u64> {
    let is_ipv4 = body.first()? >> 4 == 4;
    let (fixed, header_len): (&[u8], usize) = if is_ipv4 {
        (body.get(4..6)?, usize::from(body.first()? & 0x0f) * 4)
    } else {
        (&[], IPV6_HEADER_LEN)
    };
    let protocol = *body.get(if is_ipv4 { 9 } else { 6 })?;
    let transport = body.get(header_len..).unwrap_or_default();
    let rest = match protocol {
        protocol::TCP => transport.get(4..8),
        protocol::UDP => transport.get(4..6),
        _ => None,
    };
    Some(digest(&[fixed, &[protocol], rest.unwrap_or_default()]))
}

/// The sender's clock (RFC 7323, section 3.2).
fn stamp(options: &[u8]) -> Option<u32> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const TIMESTAMPS: u8 = 8;
    let mut rest = options;
    loop {
        match *rest {
            [] | [_] | [END, ..] => return None,
            [NO_OPERATION, ..] => rest = rest.get(1..)?,
            [TIMESTAMPS, 10, ..] => return ByteOrder::Big.u32(rest, 2),
            [_, len, ..] => rest = rest.get(usize::from(len).max(2)..)?,
        }
    }
}

/// Link types of a side, indexed by a packet's `link`.
#[derive(Clone, Debug, Default)]
pub struct LinkTypes(Vec<LinkType>);

impl LinkTypes {
    /// The index of a link type. Beyond 255 types, the last index is used for all others.
    pub fn place(&mut self, link_type: LinkType) -> u8 {
        let known = self.0.iter().position(|it| *it == link_type);
        let place = known.unwrap_or_else(|| {
            self.0.push(link_type);
            self.0.len() - 1
        });
        u8::try_from(place).unwrap_or(u8::MAX)
    }

    /// The link type at an index.
    pub fn get(&self, place: u8) -> Option<LinkType> {
        self.0.get(usize::from(place)).copied()
    }
}

/// Length limit for packets whose headers do not state a length.
const MOST_LEN: usize = 1 << 30;
const LEAST_TCP_HEADER_LEN: u8 = 20;
const TCP_HEADER_LEN: usize = LEAST_TCP_HEADER_LEN as usize;
const SCTP_HEADER_LEN: usize = 12;
const IPV6_HEADER_LEN: usize = 40;
