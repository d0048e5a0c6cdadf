//! Pairs of captures of the same traffic, with known edits and the fate of each packet.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use testkit::ethernet::{self, Ethernet};
use testkit::ip::{Checksum, Ipv4};
use testkit::pcap::{Pcap, START_S};
use testkit::transport::{ACK, PSH, SYN, TCP, Tcp, UDP, Udp};
use testkit::{Random, low16, low32};

/// A packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// Time at the sender's point, and delay to the other one, in nanoseconds.
    pub(super) time: u64,
    pub(super) delay: u64,
    /// Whether it goes from A's host to B's.
    pub(super) is_ab: bool,
    pub(super) host: u8,
    pub(super) port: u16,
    pub(super) id: u16,
    pub(super) tcp: Option<(u32, u32, u8)>,
    pub(super) payload: Vec<u8>,
}

/// A sighting of a packet: time, frame, and its class.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) time: u64,
    pub(super) frame: Vec<u8>,
    pub(super) class: &'static str,
}

/// Differences of B's view from A's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View {
    /// Nanoseconds by which B's clock is ahead.
    pub(super) offset: i64,
    /// Drift of B's clock in parts per million.
    pub(super) ppm: i64,
    /// Whether A's hosts share one address beyond the router.
    pub(super) is_translated: bool,
    /// VLAN tag of frames.
    pub(super) vlan: Option<u16>,
    /// Bytes of a packet that are captured.
    pub(super) snaplen: Option<usize>,
}

/// Connections and datagrams between hosts of both sides, in time order.
pub(super) fn traffic(random: &mut Random, conversations: u64) -> Vec<Packet> {
    let mut packets = Vec::new();
    for number in 0..conversations {
        let host = u8::try_from(number % 5 + 1).unwrap();
        let port = 40_000 + low16(number);
        let start = random.below(200) * 1_000_000;
        if random.below(3) == 0 {
            datagrams(random, host, port, start, &mut packets);
        } else {
            connection(random, host, port, start, &mut packets);
        }
    }
    packets.sort_by_key(|it| it.time);
    for (packet, id) in packets.iter_mut().zip(1_u16..) {
        // Different in each direction, and never 0.
        packet.id = id.wrapping_mul(7) | 1;
    }
    packets
}

fn connection(random: &mut Random, host: u8, port: u16, start: u64, packets: &mut Vec<Packet>) {
    let mut sequence = [low32(random.next_u64()), low32(random.next_u64())];
    let mut time = start;
    let mut send = |random: &mut Random, is_ab: bool, flags: u8, len: usize| {
        time += random.between(5_000_000, 9_000_000);
        let own = usize::from(!is_ab);
        let acknowledgment = if flags & ACK == 0 {
            0
        } else {
            sequence[1 - own]
        };
        packets.push(Packet {
            time,
            delay: random.between(2_000_000, 2_200_000),
            is_ab,
            host,
            port,
            id: 0,
            tcp: Some((sequence[own], acknowledgment, flags)),
            payload: random.bytes(len),
        });
        let used = u32::try_from(len).unwrap() + u32::from(flags & SYN != 0);
        sequence[own] = sequence[own].wrapping_add(used);
    };
    send(random, true, SYN, 0);
    send(random, false, SYN | ACK, 0);
    send(random, true, ACK, 0);
    for _ in 0..random.between(3, 10) {
        let is_ab = random.below(2) == 0;
        let len = random.index(600) + 20;
        send(random, is_ab, PSH | ACK, len);
        send(random, !is_ab, ACK, 0);
    }
}

fn datagrams(random: &mut Random, host: u8, port: u16, start: u64, packets: &mut Vec<Packet>) {
    let mut time = start;
    for turn in 0..random.between(2, 8) {
        time += random.between(5_000_000, 9_000_000);
        packets.push(Packet {
            time,
            delay: random.between(2_000_000, 2_200_000),
            is_ab: turn % 2 == 0,
            host,
            port,
            id: 0,
            tcp: None,
            payload: {
                let len = random.index(300) + 24;
                random.bytes(len)
            },
        });
    }
}

impl Packet {
    /// The frame as captured at a point.
    pub(super) fn frame(&self, is_at_b: bool, view: &View) -> Vec<u8> {
        let inside = if is_at_b && view.is_translated {
            (Ipv4Addr::new(203, 0, 113, 7), 20_000 + self.port % 1000)
        } else {
            (Ipv4Addr::new(10, 0, 0, self.host), self.port)
        };
        let outside = (Ipv4Addr::new(198, 51, 100, 9), 443);
        let (src, dst) = if self.is_ab {
            (inside, outside)
        } else {
            (outside, inside)
        };
        let ports = (src.1, dst.1);
        let transport = match self.tcp {
            Some((sequence, acknowledgment, flags)) => Tcp {
                ports,
                sequence,
                acknowledgment,
                flags,
                window: 1000,
                options: &[],
            }
            .segment(&self.payload),
            None => Udp { ports }.datagram(&self.payload),
        };
        let protocol = if self.tcp.is_some() { TCP } else { UDP };
        let mut packet = Ipv4 {
            id: self.id,
            checksum: Checksum::Valid,
            ..Ipv4::new(src.0, dst.0, protocol)
        }
        .packet(&transport);
        // One router between both points.
        if self.is_ab == is_at_b {
            packet[8] -= 1;
        }
        let tag = view.vlan.filter(|_| is_at_b).map(|it| (ethernet::VLAN, it));
        let mut frame = Ethernet {
            src: [2, 0, 0, 0, is_at_b.into(), 1],
            dst: [2, 0, 0, 0, is_at_b.into(), 2],
            tags: tag.as_slice(),
            ether_type: ethernet::IPV4,
        }
        .frame(&packet);
        if let Some(snaplen) = view.snaplen.filter(|_| is_at_b) {
            frame.truncate(snaplen);
        }
        frame
    }

    /// Time at a point, on A's clock.
    pub(super) fn time_at(&self, is_at_b: bool) -> u64 {
        let is_sender = self.is_ab != is_at_b;
        if is_sender {
            self.time
        } else {
            self.time + self.delay
        }
    }
}

/// Writes the sightings of a point as a capture, in time order. Returns its path, and the class of
/// each packet.
pub(super) fn written(
    folder: &Path,
    is_at_b: bool,
    view: &View,
    mut sightings: Vec<Sighting>,
) -> (PathBuf, Vec<&'static str>) {
    sightings.sort_by_key(|it| it.time);
    let style = Pcap::NANOS;
    let mut file = style.file_header();
    for it in &sightings {
        let mut time = i64::try_from(it.time).unwrap();
        if is_at_b {
            time += view.offset + time * view.ppm / 1_000_000;
        }
        // Never negative, whatever the offset.
        let time = u64::try_from(time + 3_600_000_000_000).unwrap();
        let seconds = START_S + u32::try_from(time / 1_000_000_000).unwrap();
        let nanos = u32::try_from(time % 1_000_000_000).unwrap();
        // The IP header of every frame has the length on the wire.
        let at = if it.frame[12] == 0x81 { 18 } else { 14 };
        let len = u16::from_be_bytes([it.frame[at + 2], it.frame[at + 3]]);
        let wire_len = u32::from(len) + u32::try_from(at).unwrap();
        file.extend(style.record((seconds, nanos), wire_len, &it.frame));
    }
    let path = folder.join(if is_at_b { "b.pcap" } else { "a.pcap" });
    std::fs::write(&path, file).unwrap();
    (path, sightings.iter().map(|it| it.class).collect())
}
