//! Whole frames from short arguments: hosts are numbers, contents are filled.

use crate::ethernet::{self, Ethernet, VLAN};
use crate::ip::{Ipv4, Ipv6};
use crate::pcap::Pcap;
use crate::transport::{Tcp, UDP, Udp};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The MAC address of a host.
#[must_use]
pub const fn mac(host: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, host]
}

/// An Ethernet frame from `hosts.0` to `hosts.1`, each with an address of its own.
#[must_use]
pub fn ethernet(hosts: (u8, u8), vlans: &[u16], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let tags: Vec<(u16, u16)> = vlans.iter().map(|&id| (VLAN, id)).collect();
    let header = Ethernet {
        src: mac(hosts.0),
        dst: mac(hosts.1),
        tags: &tags,
        ether_type,
    };
    header.frame(payload)
}

/// An IPv4 packet from 10.0.0.`hosts.0` to 10.0.0.`hosts.1`. `fragment` is the identification and
/// the field of flags and offset.
#[must_use]
pub fn ipv4(hosts: (u8, u8), protocol: u8, fragment: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let address = |host| Ipv4Addr::new(10, 0, 0, host);
    let header = Ipv4 {
        id: fragment.0,
        fragment: fragment.1,
        ..Ipv4::new(address(hosts.0), address(hosts.1), protocol)
    };
    header.packet(payload)
}

/// An IPv6 packet between addresses below 2001:db8::/32.
#[must_use]
pub fn ipv6(hosts: (u8, u8), next_header: u8, payload: &[u8]) -> Vec<u8> {
    let address = |host: u8| Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, host.into());
    let header = Ipv6 {
        src: address(hosts.0),
        dst: address(hosts.1),
        next_header,
    };
    header.packet(payload)
}

/// A UDP datagram with this many bytes of payload.
#[must_use]
pub fn udp(ports: (u16, u16), payload_len: usize) -> Vec<u8> {
    Udp { ports }.datagram(&vec![0x55; payload_len])
}

/// A TCP segment with this many bytes of payload.
#[must_use]
pub fn tcp(ports: (u16, u16), flags: u8, payload_len: usize) -> Vec<u8> {
    let header = Tcp {
        ports,
        sequence: 1,
        acknowledgment: 1,
        flags,
        window: 0x2000,
        options: &[],
    };
    header.segment(&vec![0x2e; payload_len])
}

/// A UDP frame over IPv4.
#[must_use]
pub fn udp_frame(hosts: (u8, u8), ports: (u16, u16), payload_len: usize) -> Vec<u8> {
    let packet = ipv4(hosts, UDP, (0, 0), &udp(ports, payload_len));
    ethernet(hosts, &[], ethernet::IPV4, &packet)
}

/// A capture of this many flows, each one small UDP packet.
#[must_use]
pub fn many_flows(count: u32) -> Vec<u8> {
    let frame = |n: u32| {
        let [_, _, high, low] = n.to_be_bytes();
        udp_frame((1, high), (u16::from(low) + 1000, 53), 0)
    };
    Pcap::COMMON.file((0..count).map(frame))
}
