//! Tunnels: headers between an outer IP header and what is carried, each from its specification.

use crate::frames::{ethernet, ipv4, ipv6, mac, tcp};
use crate::transport::{ACK, GRE, UDP, Udp};

/// EtherType, and protocol of GRE, of a bridged Ethernet frame.
pub const BRIDGED: u16 = 0x6558;

/// The packet that all of these carry in tests: TCP from 10.0.0.1 port 40000 to 10.0.0.2 port 80.
#[must_use]
pub fn inner_packet() -> Vec<u8> {
    ipv4((1, 2), 6, (0, 0), &tcp((40000, 80), ACK, 10))
}

/// The same, in an Ethernet frame.
#[must_use]
pub fn inner_frame() -> Vec<u8> {
    ethernet((1, 2), &[], crate::ethernet::IPV4, &inner_packet())
}

/// The same, as an 802.11 data frame from an access point: LLC and SNAP before the packet.
#[must_use]
pub fn inner_wifi() -> Vec<u8> {
    let mut frame = vec![0x08, 0x02, 0, 0];
    frame.extend(mac(2));
    frame.extend(mac(9));
    frame.extend(mac(1));
    frame.extend([0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    frame.extend(inner_packet());
    frame
}

/// An Ethernet frame of an IPv4 packet between the ends of tunnels, 10.0.0.101 and 10.0.0.102.
#[must_use]
pub fn outer(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let packet = ipv4((101, 102), protocol, (0, 0), payload);
    ethernet((101, 102), &[], crate::ethernet::IPV4, &packet)
}

/// The same over IPv6.
#[must_use]
pub fn outer_v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let packet = ipv6((101, 102), next_header, payload);
    ethernet((101, 102), &[], crate::ethernet::IPV6, &packet)
}

/// A frame of a UDP datagram from port 5555 between the ends of tunnels.
#[must_use]
pub fn over_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let ports = (5555, port);
    outer(UDP, &Udp { ports }.datagram(payload))
}

/// A frame of GRE: flags and version, protocol, and all that follows.
#[must_use]
pub fn over_gre(flags: u16, protocol: u16, rest: &[&[u8]]) -> Vec<u8> {
    let mut gre = flags.to_be_bytes().to_vec();
    gre.extend(protocol.to_be_bytes());
    gre.extend(rest.concat());
    outer(GRE, &gre)
}

/// VXLAN (RFC 7348): flags, network, a frame.
#[must_use]
pub fn vxlan(network: u32, frame: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0], &(network << 8).to_be_bytes(), frame].concat()
}

/// Geneve (RFC 8926) without options.
#[must_use]
pub fn geneve(network: u32, protocol: u16, payload: &[u8]) -> Vec<u8> {
    let head = [[0, 0], protocol.to_be_bytes()].concat();
    [&head, &(network << 8).to_be_bytes()[..], payload].concat()
}

/// GTP-U (3GPP TS 29.281): a G-PDU, without anything optional.
#[must_use]
pub fn gtp(endpoint: u32, payload: &[u8]) -> Vec<u8> {
    gtp_with(0x30, endpoint, &[], payload)
}

/// The same with flags, and what these announce.
#[must_use]
pub fn gtp_with(flags: u8, endpoint: u32, optional: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut head = vec![flags, 255];
    head.extend(crate::ip::length(optional.len() + payload.len()));
    head.extend(endpoint.to_be_bytes());
    [&head, optional, payload].concat()
}

/// TaZmen Sniffer Protocol: type, encapsulation, tags, what was seen.
#[must_use]
pub fn tzsp(kind: u8, encapsulation: u16, tags: &[u8], frame: &[u8]) -> Vec<u8> {
    let [high, low] = encapsulation.to_be_bytes();
    [&[1, kind, high, low], tags, &[1], frame].concat()
}

/// LISP (RFC 9300): flags, nonce, instance or locator bits, a packet.
#[must_use]
pub fn lisp(flags: u8, protocol: u8, instance: u32, payload: &[u8]) -> Vec<u8> {
    let word = (instance << 8 | 1).to_be_bytes();
    [&[flags, 0, 0, protocol], &word[..], payload].concat()
}

/// An MPLS label stack (RFC 3032), and what it carries.
#[must_use]
pub fn mpls(labels: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut stack = Vec::new();
    for (label, place) in labels.iter().zip(1..) {
        let bottom = u32::from(place == labels.len()) << 8;
        stack.extend((label << 12 | bottom | 64).to_be_bytes());
    }
    [&stack, payload].concat()
}
