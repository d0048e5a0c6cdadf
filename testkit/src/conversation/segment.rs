//! TCP segments and UDP datagrams between two hosts.

use crate::checksum::{fold, sum_words};
use crate::ethernet;
use crate::frames;
use crate::ip::{IPV6_FRAGMENT, Ipv6Fragment};
use crate::transport::{
    ACK, FIN, PSH, RST, SYN, TCP, TCP_CHECKSUM, Tcp, UDP, UDP_CHECKSUM, Udp, pseudo_header_sum,
};

/// Who sends to whom: a direction of a conversation, on the way past one tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The last part of both addresses.
    pub hosts: (u8, u8),
    /// Source and destination port.
    pub ports: (u16, u16),
    /// Whether addresses are those of IPv6.
    pub is_ipv6: bool,
    /// VLAN that frames are tagged with.
    pub vlan: Option<u16>,
    /// Part of both MAC addresses.
    pub tap: u8,
}

/// A client, and the web server that it talks to.
pub const CLIENT: Ends = Ends {
    hosts: (1, 2),
    ports: (40_000, 80),
    is_ipv6: false,
    vlan: None,
    tap: 0,
};

impl Ends {
    /// The other direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            hosts: (self.hosts.1, self.hosts.0),
            ports: (self.ports.1, self.ports.0),
            ..self
        }
    }

    /// The same conversation over IPv6.
    #[must_use]
    pub const fn with_ipv6(self) -> Self {
        Self {
            is_ipv6: true,
            ..self
        }
    }

    /// The same conversation of another client.
    #[must_use]
    pub const fn with_port(self, port: u16) -> Self {
        Self {
            ports: (port, self.ports.1),
            ..self
        }
    }

    /// A segment with some payload.
    pub fn data(self, sequence: u32, payload: impl AsRef<[u8]>) -> Segment {
        Segment {
            ends: self,
            sequence,
            acknowledgment: 1,
            flags: ACK | PSH,
            window: 0x2000,
            payload: payload.as_ref().to_vec(),
        }
    }

    fn control(self, sequence: u32, flags: u8) -> Segment {
        Segment {
            flags,
            ..self.data(sequence, [])
        }
    }

    /// The segment that starts a connection.
    #[must_use]
    pub fn syn(self, sequence: u32) -> Segment {
        self.control(sequence, SYN)
    }

    /// The answer to a SYN.
    #[must_use]
    pub fn syn_ack(self, sequence: u32, asked: u32) -> Segment {
        Segment {
            acknowledgment: asked.wrapping_add(1),
            ..self.control(sequence, SYN | ACK)
        }
    }

    /// The last segment of a direction.
    #[must_use]
    pub fn fin(self, sequence: u32) -> Segment {
        self.control(sequence, FIN | ACK)
    }

    /// A reset.
    #[must_use]
    pub fn rst(self, sequence: u32) -> Segment {
        self.control(sequence, RST)
    }

    /// A frame with a UDP datagram.
    #[must_use]
    pub fn datagram(self, payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.frame(UDP, &self.udp().datagram(payload.as_ref()))
    }

    /// A UDP datagram as the fragments of an IP packet.
    #[must_use]
    pub fn datagram_fragments(self, id: u16, payload: &[u8], len: usize) -> Vec<Vec<u8>> {
        self.fragments(UDP, id, &self.udp().datagram(payload), len)
    }

    /// The name of the file that holds what was sent in this direction: `tcp` or `udp`.
    #[must_use]
    pub fn name(self, extension: &str) -> String {
        let end = |host: u8, port: u16| {
            if self.is_ipv6 {
                format!("2001_db8__{host:x}.{port}")
            } else {
                format!("10.0.0.{host}.{port}")
            }
        };
        let src = end(self.hosts.0, self.ports.0);
        let dst = end(self.hosts.1, self.ports.1);
        format!("{src}-{dst}.{extension}")
    }

    const fn udp(self) -> Udp {
        Udp { ports: self.ports }
    }

    /// An Ethernet frame. Where its length is more than IP's header can say, that says 0.
    fn frame(self, protocol: u8, transport: &[u8]) -> Vec<u8> {
        let packet = if self.is_ipv6 {
            frames::ipv6(self.hosts, protocol, transport)
        } else {
            frames::ipv4(self.hosts, protocol, (0, 0), transport)
        };
        self.ethernet(&packet)
    }

    fn ethernet(self, packet: &[u8]) -> Vec<u8> {
        let ether_type = if self.is_ipv6 {
            ethernet::IPV6
        } else {
            ethernet::IPV4
        };
        let vlans: Vec<u16> = self.vlan.into_iter().collect();
        let mut frame = frames::ethernet(self.hosts, &vlans, ether_type, packet);
        frame[4] = self.tap;
        frame[10] = self.tap;
        frame
    }

    /// Frames with the fragments of an IP packet, each with at most `len` bytes of it.
    fn fragments(self, protocol: u8, id: u16, transport: &[u8], len: usize) -> Vec<Vec<u8>> {
        assert!(len.is_multiple_of(8), "fragments have multiples of 8 bytes");
        let pieces = transport.chunks(len).zip((0_u16..).step_by(len));
        let last = transport.len().div_ceil(len) - 1;
        let fragment = |(index, (piece, offset)): (usize, (&[u8], u16))| {
            let has_more = index < last;
            if !self.is_ipv6 {
                let field = (u16::from(has_more) << 13) | (offset / 8);
                return self.ethernet(&frames::ipv4(self.hosts, protocol, (id, field), piece));
            }
            let header = Ipv6Fragment {
                next_header: protocol,
                offset,
                has_more,
                id: id.into(),
            };
            let mut packet = Vec::new();
            header.put(&mut packet);
            packet.extend_from_slice(piece);
            self.ethernet(&frames::ipv6(self.hosts, IPV6_FRAGMENT, &packet))
        };
        pieces.enumerate().map(fragment).collect()
    }
}

/// A TCP segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Who sends it to whom.
    pub ends: Ends,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// `SYN | ACK` and the like.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Segment {
    /// The same segment with other flags.
    #[must_use]
    pub fn with_flags(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    /// The segment in an Ethernet frame.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        self.ends.frame(TCP, &self.transport())
    }

    /// The segment as the fragments of an IP packet.
    #[must_use]
    pub fn fragments(&self, id: u16, len: usize) -> Vec<Vec<u8>> {
        self.ends.fragments(TCP, id, &self.transport(), len)
    }

    fn transport(&self) -> Vec<u8> {
        let header = Tcp {
            ports: self.ends.ports,
            sequence: self.sequence,
            acknowledgment: self.acknowledgment,
            flags: self.flags,
            window: self.window,
            options: &[],
        };
        header.segment(&self.payload)
    }
}

impl Segment {
    /// The segment in an Ethernet frame, with the right checksum.
    #[must_use]
    pub fn checked(&self) -> Vec<u8> {
        with_checksum(self.frame())
    }
}

impl From<Segment> for Vec<u8> {
    fn from(segment: Segment) -> Self {
        segment.frame()
    }
}

/// The same frame with zero in IP's length field, as segmentation offload leaves it.
#[must_use]
pub fn without_length(mut frame: Vec<u8>) -> Vec<u8> {
    let at = if frame[12..14] == [0x86, 0xdd] {
        18
    } else {
        16
    };
    frame[at..at + 2].fill(0);
    frame
}

/// The same frame with the right checksum of TCP or UDP.
///
/// # Panics
///
/// If it is neither, or its headers are not whole.
#[must_use]
pub fn with_checksum(mut frame: Vec<u8>) -> Vec<u8> {
    let Summed {
        protocol,
        transport,
        field,
        pseudo_header,
    } = Summed::of(&frame);
    frame[field..field + 2].fill(0);
    let checksum = match fold(pseudo_header + sum_words(&frame[transport..])) {
        // Zero says that there is none.
        0 if protocol == UDP => 0xffff,
        checksum => checksum,
    };
    frame[field..field + 2].copy_from_slice(&checksum.to_be_bytes());
    frame
}

/// The same frame with a wrong checksum.
///
/// # Panics
///
/// As [`with_checksum`].
#[must_use]
pub fn with_wrong_checksum(frame: Vec<u8>) -> Vec<u8> {
    let mut frame = with_checksum(frame);
    let field = Summed::of(&frame).field;
    frame[field] ^= 0xff;
    frame[field + 1] ^= 0xff;
    frame
}

/// The same frame with a checksum that the network card was to complete: the sum of the pseudo header.
///
/// # Panics
///
/// As [`with_checksum`].
#[must_use]
pub fn with_unfinished_checksum(mut frame: Vec<u8>) -> Vec<u8> {
    let Summed {
        field,
        pseudo_header,
        ..
    } = Summed::of(&frame);
    frame[field..field + 2].copy_from_slice(&(!fold(pseudo_header)).to_be_bytes());
    frame
}

/// What the checksum of a frame is made of.
struct Summed {
    protocol: u8,
    /// Where the transport header starts, and where the checksum is.
    transport: usize,
    field: usize,
    pseudo_header: u32,
}

impl Summed {
    fn of(frame: &[u8]) -> Self {
        let mut ip = 14;
        while frame[ip - 2..ip] == [0x81, 0x00] {
            ip += 4;
        }
        let (protocol, addresses, transport) = if frame[ip] >> 4 == 4 {
            let len = usize::from(frame[ip] & 0x0f) * 4;
            (frame[ip + 9], &frame[ip + 12..ip + 20], ip + len)
        } else {
            (frame[ip + 6], &frame[ip + 8..ip + 40], ip + 40)
        };
        let field = match protocol {
            TCP => transport + TCP_CHECKSUM,
            UDP => transport + UDP_CHECKSUM,
            _ => panic!("protocol {protocol} has no checksum that is known here"),
        };
        let (src, dst) = addresses.split_at(addresses.len() / 2);
        let len = u32::try_from(frame.len() - transport).unwrap();
        Self {
            protocol,
            transport,
            field,
            pseudo_header: pseudo_header_sum(src, dst, protocol, len),
        }
    }
}

/// The same frame, padded to Ethernet's least length with what must not be taken for payload.
#[must_use]
pub fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(60.max(frame.len()), b'#');
    frame
}
