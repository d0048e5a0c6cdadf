//! Packets, and captures of them, made from flow keys and chance with a seed.

use pcap_flows::flow::NetworkKey;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Chance that is the same each time (splitmix64).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let product = u128::from(self.next()) * u128::from(end);
        u32::try_from(product >> 64).expect("it is below the end")
    }

    /// The same for places.
    pub(crate) fn index(&mut self, end: usize) -> usize {
        self.below(end.try_into().expect("inputs are small")) as usize
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let words = (0..len.div_ceil(8)).map(|_| self.next().to_le_bytes());
        let mut bytes: Vec<u8> = words.flatten().collect();
        bytes.truncate(len);
        bytes
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.index(end + 1));
        }
    }
}

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;

/// The key of a flow over IPv4; each number below 2²⁸ is another flow.
pub(crate) fn key(flow: u32, protocol: u8) -> NetworkKey {
    NetworkKey {
        src: Ipv4Addr::from(0x0a00_0000 | flow >> 4).into(),
        dst: Ipv4Addr::new(192, 0, 2, 1).into(),
        protocol,
        src_port: 1024 + u16::try_from(flow & 15).expect("four bits"),
        dst_port: 443,
    }
}

/// The same over IPv6.
pub(crate) fn key_v6(flow: u32, protocol: u8) -> NetworkKey {
    let network = 0x2001_0db8_u128 << 96;
    NetworkKey {
        src: Ipv6Addr::from(network | u128::from(flow >> 4)).into(),
        dst: Ipv6Addr::from(network | 1 << 64).into(),
        ..key(flow, protocol)
    }
}

/// An IP packet of a flow.
pub(crate) fn packet(key: &NetworkKey, payload: &[u8]) -> Vec<u8> {
    let above = transport(key, payload);
    match (key.src, key.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => ipv4(src, dst, key.protocol, &above),
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let mut packet = vec![0x60, 0, 0, 0];
            packet.extend(length(above.len()));
            packet.extend([key.protocol, 64]);
            packet.extend(src.octets());
            packet.extend(dst.octets());
            packet.extend(above);
            packet
        }
        _ => unreachable!("a key's addresses are of one version"),
    }
}

pub(crate) fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend(length(20 + payload.len()));
    packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(src.octets());
    packet.extend(dst.octets());
    packet.extend(payload);
    packet
}

/// The datagram or segment of a flow: anything that is not TCP is UDP.
pub(crate) fn transport(key: &NetworkKey, payload: &[u8]) -> Vec<u8> {
    let mut bytes = key.src_port.to_be_bytes().to_vec();
    bytes.extend(key.dst_port.to_be_bytes());
    if key.protocol == TCP {
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
    } else {
        bytes.extend(length(8 + payload.len()));
        bytes.extend([0, 0]);
    }
    bytes.extend(payload);
    bytes
}

/// An Ethernet frame; `tags` are EtherType and VLAN id.
pub(crate) fn ethernet(tags: &[(u16, u16)], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (kind, id) in tags {
        frame.extend(kind.to_be_bytes());
        frame.extend(id.to_be_bytes());
    }
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(crate) fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).expect("packets are short").to_be_bytes()
}

/// A capture, and where each of its records starts.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) starts: Vec<usize>,
}

impl Capture {
    /// Classic pcap, a packet each microsecond.
    pub(crate) fn pcap(frames: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut bytes = Vec::new();
        for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1] {
            bytes.extend(u32::to_le_bytes(field));
        }
        Self::of(bytes, frames, |bytes, frame, micros| {
            let len = frame_len(frame);
            let seconds = START_S + micros / 1_000_000;
            for field in [seconds, micros % 1_000_000, len, len] {
                bytes.extend(field.to_le_bytes());
            }
            bytes.extend(frame);
        })
    }

    /// pcapng with one interface, without options.
    pub(crate) fn pcapng(frames: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut bytes = Vec::new();
        let unknown_len = [0xff; 8];
        let mut section = [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0].to_vec();
        section.extend(unknown_len);
        block(&mut bytes, 0x0a0d_0d0a, &section);
        block(&mut bytes, 1, &[1, 0, 0, 0, 0, 0, 4, 0]);
        Self::of(bytes, frames, |bytes, frame, micros| {
            let len = frame_len(frame);
            let time = u64::from(START_S) * 1_000_000 + u64::from(micros);
            let [a, b, c, d, low @ ..] = time.to_be_bytes();
            let (high, low) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(low));
            let mut body = Vec::new();
            for field in [0, high, low, len, len] {
                body.extend(field.to_le_bytes());
            }
            body.extend(frame);
            block(bytes, 6, &body);
        })
    }

    fn of(
        mut bytes: Vec<u8>,
        frames: impl IntoIterator<Item = Vec<u8>>,
        write: impl Fn(&mut Vec<u8>, &[u8], u32),
    ) -> Self {
        let mut starts = Vec::new();
        for (micros, frame) in (0..).zip(frames) {
            starts.push(bytes.len());
            write(&mut bytes, &frame, micros);
        }
        let bytes = bytes.into();
        Self { bytes, starts }
    }

    pub(crate) fn packets(&self) -> u64 {
        self.starts.len() as u64
    }
}

fn frame_len(frame: &[u8]) -> u32 {
    frame.len().try_into().expect("frames are short")
}

fn block(bytes: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let len = u32::try_from(padded + 12).expect("blocks are short");
    bytes.extend(kind.to_le_bytes());
    bytes.extend(len.to_le_bytes());
    bytes.extend(body);
    bytes.resize(bytes.len() + padded - body.len(), 0);
    bytes.extend(len.to_le_bytes());
}

/// When captures start, in seconds since 1970.
pub(crate) const START_S: u32 = 1_700_000_000;
