//! Packets of flow keys, and captures of them.

use pcap_flows::flow::NetworkKey;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use testkit::ethernet::Ethernet;
use testkit::ip::{DO_NOT_FRAGMENT, Ipv4, Ipv6};
use testkit::pcap::{ByteOrder, Pcap};
use testkit::pcapng;
use testkit::transport::{ACK, PSH, Tcp, Udp};

pub(crate) use testkit::Random;
pub(crate) use testkit::ethernet::{IPV4, IPV6};
pub(crate) use testkit::ip::length;
pub(crate) use testkit::pcap::START_S;
pub(crate) use testkit::transport::{TCP, UDP};

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
            let next_header = key.protocol;
            let header = Ipv6 {
                src,
                dst,
                next_header,
            };
            header.packet(&above)
        }
        _ => unreachable!("a key's addresses are of one version"),
    }
}

pub(crate) fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv4 {
        fragment: DO_NOT_FRAGMENT,
        ..Ipv4::new(src, dst, protocol)
    };
    header.packet(payload)
}

/// The datagram or segment of a flow: anything that is not TCP is UDP.
pub(crate) fn transport(key: &NetworkKey, payload: &[u8]) -> Vec<u8> {
    let ports = (key.src_port, key.dst_port);
    if key.protocol != TCP {
        return Udp { ports }.datagram(payload);
    }
    let header = Tcp {
        ports,
        sequence: 1,
        acknowledgment: 1,
        flags: PSH | ACK,
        window: 0x2000,
        options: &[],
    };
    header.segment(payload)
}

/// An Ethernet frame; `tags` are EtherType and VLAN id.
pub(crate) fn ethernet(tags: &[(u16, u16)], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let header = Ethernet {
        src: [2, 0, 0, 0, 0, 2],
        dst: [2, 0, 0, 0, 0, 1],
        tags,
        ether_type,
    };
    header.frame(payload)
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
        let header = Pcap::COMMON.file_header();
        Self::of(header, frames, |frame, micros| {
            let time = (START_S + micros / 1_000_000, micros % 1_000_000);
            Pcap::COMMON.record(time, frame_len(frame), frame)
        })
    }

    /// pcapng with one interface, without options.
    pub(crate) fn pcapng(frames: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let order = ByteOrder::Little;
        let mut header = pcapng::section(order);
        header.extend(pcapng::interface_with(order, 1, &[]));
        Self::of(header, frames, |frame, micros| {
            let time = u64::from(START_S) * 1_000_000 + u64::from(micros);
            pcapng::packet_with(order, 0, time, frame_len(frame), frame, &[])
        })
    }

    fn of(
        header: Vec<u8>,
        frames: impl IntoIterator<Item = Vec<u8>>,
        record: impl Fn(&[u8], u32) -> Vec<u8>,
    ) -> Self {
        let mut bytes = header;
        let mut starts = Vec::new();
        for (micros, frame) in (0..).zip(frames) {
            starts.push(bytes.len());
            bytes.extend(record(&frame, micros));
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
