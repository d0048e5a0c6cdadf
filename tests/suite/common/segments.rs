//! Conversations, packet by packet: TCP segments and UDP datagrams between two hosts, harmed as
//! networks and captures harm them.

use super::bytes::Pcap;
use super::frames;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6_FRAGMENT: u8 = 44;

/// Who sends to whom: a direction of a conversation, on the way past one tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The last part of both addresses.
    pub(crate) hosts: (u8, u8),
    pub(crate) ports: (u16, u16),
    pub(crate) is_ipv6: bool,
    pub(crate) vlan: Option<u16>,
    /// Part of both MAC addresses.
    pub(crate) tap: u8,
}

/// A client, and the web server that it talks to.
pub(crate) const CLIENT: Ends = Ends {
    hosts: (1, 2),
    ports: (40_000, 80),
    is_ipv6: false,
    vlan: None,
    tap: 0,
};

impl Ends {
    /// The other direction.
    pub(crate) const fn reversed(self) -> Self {
        Self {
            hosts: (self.hosts.1, self.hosts.0),
            ports: (self.ports.1, self.ports.0),
            ..self
        }
    }

    pub(crate) const fn with_ipv6(self) -> Self {
        Self {
            is_ipv6: true,
            ..self
        }
    }

    /// The same conversation of another client.
    pub(crate) const fn with_port(self, port: u16) -> Self {
        Self {
            ports: (port, self.ports.1),
            ..self
        }
    }

    /// A segment with some payload.
    pub(crate) fn data(self, sequence: u32, payload: impl AsRef<[u8]>) -> Segment {
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

    pub(crate) fn syn(self, sequence: u32) -> Segment {
        self.control(sequence, SYN)
    }

    /// The answer to a SYN.
    pub(crate) fn syn_ack(self, sequence: u32, asked: u32) -> Segment {
        Segment {
            acknowledgment: asked.wrapping_add(1),
            ..self.control(sequence, SYN | ACK)
        }
    }

    pub(crate) fn fin(self, sequence: u32) -> Segment {
        self.control(sequence, FIN | ACK)
    }

    pub(crate) fn rst(self, sequence: u32) -> Segment {
        self.control(sequence, RST)
    }

    /// A frame with a UDP datagram.
    pub(crate) fn datagram(self, payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.frame(UDP, &self.udp(payload.as_ref()))
    }

    /// A UDP datagram as the fragments of an IP packet.
    pub(crate) fn datagram_fragments(self, id: u16, payload: &[u8], len: usize) -> Vec<Vec<u8>> {
        self.fragments(UDP, id, &self.udp(payload), len)
    }

    fn udp(self, payload: &[u8]) -> Vec<u8> {
        let len = u16::try_from(8 + payload.len()).unwrap_or(0);
        let fields = [self.ports.0, self.ports.1, len, 0];
        let mut datagram: Vec<u8> = fields.into_iter().flat_map(u16::to_be_bytes).collect();
        datagram.extend_from_slice(payload);
        datagram
    }

    /// The name of the file that holds what was sent in this direction: `tcp` or `udp`.
    pub(crate) fn name(self, extension: &str) -> String {
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

    /// An Ethernet frame. Where its length is more than IP's header can tell, that says 0.
    fn frame(self, protocol: u8, transport: &[u8]) -> Vec<u8> {
        let mut packet = if self.is_ipv6 {
            frames::ipv6(self.hosts, protocol, &[])
        } else {
            frames::ipv4(self.hosts, protocol, (0, 0), &[])
        };
        let (at, len) = if self.is_ipv6 {
            (4, transport.len())
        } else {
            (2, 20 + transport.len())
        };
        packet[at..at + 2].copy_from_slice(&u16::try_from(len).unwrap_or(0).to_be_bytes());
        packet.extend_from_slice(transport);
        self.ethernet(&packet)
    }

    fn ethernet(self, packet: &[u8]) -> Vec<u8> {
        let ether_type = if self.is_ipv6 { 0x86dd } else { 0x0800 };
        let vlans: Vec<u16> = self.vlan.into_iter().collect();
        let mut frame = frames::ethernet(self.hosts, &vlans, ether_type, packet);
        frame[4] = self.tap;
        frame[10] = self.tap;
        frame
    }

    /// Frames with the fragments of an IP packet, each with at most `len` bytes of it.
    fn fragments(self, protocol: u8, id: u16, transport: &[u8], len: usize) -> Vec<Vec<u8>> {
        assert!(len.is_multiple_of(8), "fragments have multiples of 8 bytes");
        let pieces = transport.chunks(len).zip((0_u16..).step_by(len / 8));
        let last = transport.len().div_ceil(len) - 1;
        let fragment = |(index, (piece, offset)): (usize, (&[u8], u16))| {
            let has_more = u16::from(index < last);
            if !self.is_ipv6 {
                let field = has_more << 13 | offset;
                let packet = frames::ipv4(self.hosts, protocol, (id, field), piece);
                return self.ethernet(&packet);
            }
            let mut packet = vec![protocol, 0];
            packet.extend((offset << 3 | has_more).to_be_bytes());
            packet.extend(u32::from(id).to_be_bytes());
            packet.extend_from_slice(piece);
            self.ethernet(&frames::ipv6(self.hosts, IPV6_FRAGMENT, &packet))
        };
        pieces.enumerate().map(fragment).collect()
    }
}

/// A TCP segment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) ends: Ends,
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) payload: Vec<u8>,
}

impl Segment {
    pub(crate) fn with_flags(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        self.ends.frame(TCP, &self.transport())
    }

    /// The segment as the fragments of an IP packet.
    pub(crate) fn fragments(&self, id: u16, len: usize) -> Vec<Vec<u8>> {
        self.ends.fragments(TCP, id, &self.transport(), len)
    }

    fn transport(&self) -> Vec<u8> {
        let (src, dst) = self.ends.ports;
        let mut segment = [src.to_be_bytes(), dst.to_be_bytes()].concat();
        segment.extend(self.sequence.to_be_bytes());
        segment.extend(self.acknowledgment.to_be_bytes());
        segment.extend([0x50, self.flags]);
        segment.extend(self.window.to_be_bytes());
        segment.extend([0; 4]);
        segment.extend_from_slice(&self.payload);
        segment
    }
}

impl From<Segment> for Vec<u8> {
    fn from(segment: Segment) -> Self {
        segment.frame()
    }
}

/// The same frame with IP's length field left open, as segmentation offload does.
pub(crate) fn without_length(mut frame: Vec<u8>) -> Vec<u8> {
    let at = if frame[12..14] == [0x86, 0xdd] {
        18
    } else {
        16
    };
    frame[at..at + 2].fill(0);
    frame
}

/// The same frame, padded to Ethernet's least length with what must not be taken for payload.
pub(crate) fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(60.max(frame.len()), b'#');
    frame
}

/// Packets as they are captured: one each microsecond.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    packets: Vec<Taken>,
}

/// A packet, and how long it was before it was cut.
#[derive(Clone, Debug)]
struct Taken {
    frame: Vec<u8>,
    wire_len: usize,
}

impl Trace {
    pub(crate) fn of<F: Into<Vec<u8>>>(frames: impl IntoIterator<Item = F>) -> Self {
        let mut trace = Self::default();
        frames.into_iter().for_each(|frame| trace.add(frame));
        trace
    }

    pub(crate) fn add(&mut self, frame: impl Into<Vec<u8>>) {
        self.add_cut(frame, usize::MAX);
    }

    /// Adds a packet of which that many bytes are captured.
    pub(crate) fn add_cut(&mut self, frame: impl Into<Vec<u8>>, snaplen: usize) {
        let mut frame = frame.into();
        let wire_len = frame.len();
        frame.truncate(snaplen);
        self.packets.push(Taken { frame, wire_len });
    }

    /// One trace behind the other.
    pub(crate) fn chained(traces: impl IntoIterator<Item = Self>) -> Self {
        Self {
            packets: traces.into_iter().flat_map(|it| it.packets).collect(),
        }
    }

    /// One packet of each in turn.
    pub(crate) fn mixed(traces: &[Self]) -> Self {
        let longest = traces.iter().map(|it| it.packets.len()).max();
        let turns = 0..longest.unwrap_or(0);
        let turn = |at: usize| traces.iter().filter_map(move |it| it.packets.get(at));
        Self {
            packets: turns.flat_map(turn).cloned().collect(),
        }
    }

    /// All packets twice, one behind the other.
    pub(crate) fn doubled(&self) -> Self {
        Self::mixed(&[self.clone(), self.clone()])
    }

    /// The trace in parts with that many packets each.
    pub(crate) fn cut(&self, count: usize) -> Vec<Self> {
        let part = |packets: &[Taken]| Self {
            packets: packets.to_vec(),
        };
        self.packets.chunks(count).map(part).collect()
    }

    /// When a packet was captured.
    pub(crate) fn time_ns(index: usize) -> i64 {
        FIRST_NS + i64::try_from(index).unwrap() * 1000
    }

    /// The capture as a file.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut file = Pcap::COMMON.file_header();
        for (index, packet) in self.packets.iter().enumerate() {
            let micros = Self::time_ns(index) / 1000;
            let part = |number: i64| u32::try_from(number).unwrap();
            let time = (part(micros / 1_000_000), part(micros % 1_000_000));
            let wire_len = u32::try_from(packet.wire_len).unwrap();
            file.extend(Pcap::COMMON.record(time, wire_len, &packet.frame));
        }
        file
    }
}

const FIRST_NS: i64 = 1_700_000_000_000_000_000;

/// Bytes that look random and are the same each time: no run of them is found elsewhere.
pub(crate) fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut chance = Chance(seed);
    (0..len).map(|_| chance.byte()).collect()
}

/// Numbers that look random: splitmix64 (Steele, Lea, Flood).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    /// Puts things in another order.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            let other = usize::try_from(self.below(at as u64 + 1)).unwrap();
            things.swap(at, other);
        }
    }
}

/// The segments of a stream that starts behind a SYN with the number before `sequence`.
pub(crate) fn segments(ends: Ends, sequence: u32, content: &[u8], len: usize) -> Vec<Segment> {
    let starts = (0_u32..).step_by(len);
    let pieces = content.chunks(len).zip(starts);
    pieces
        .map(|(piece, start)| ends.data(sequence.wrapping_add(start), piece))
        .collect()
}

/// Connections one behind the other on the same ports, each ending before the next starts.
pub(crate) fn connections(ends: Ends, contents: &[&str]) -> Trace {
    let mut trace = Trace::default();
    for (content, start) in contents.iter().zip((1000_u32..).step_by(10_000_000)) {
        let end = start + 1 + u32::try_from(content.len()).unwrap();
        trace.add(ends.syn(start));
        trace.add(ends.reversed().syn_ack(start + 5, start));
        trace.add(ends.data(start + 1, content));
        trace.add(ends.fin(end));
        trace.add(ends.reversed().fin(start + 6));
    }
    trace
}
