//! Frames, and chance to make them from.

use proptest::prelude::*;

/// An Ethernet frame between hosts, each with an address of its own.
pub(crate) fn ethernet(hosts: (u8, u8), vlans: &[u16], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, hosts.1, 2, 0, 0, 0, 0, hosts.0];
    for vlan in vlans {
        frame.extend([0x81, 0x00]);
        frame.extend(vlan.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// An IPv4 packet from 10.0.0.`hosts.0` to 10.0.0.`hosts.1`. `fragment` is the identification and
/// the field of flags and offset.
pub(crate) fn ipv4(hosts: (u8, u8), protocol: u8, fragment: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let total_len = u16::try_from(20 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(total_len.to_be_bytes());
    packet.extend(fragment.0.to_be_bytes());
    packet.extend(fragment.1.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 10, 0, 0, hosts.0, 10, 0, 0, hosts.1]);
    packet.extend_from_slice(payload);
    packet
}

/// An IPv6 packet between addresses below 2001:db8::/32.
pub(crate) fn ipv6(hosts: (u8, u8), protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    packet.extend([protocol, 64]);
    for host in [hosts.0, hosts.1] {
        packet.extend([
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host,
        ]);
    }
    packet.extend_from_slice(payload);
    packet
}

/// A UDP datagram with a payload of so many bytes.
pub(crate) fn udp(ports: (u16, u16), payload_len: usize) -> Vec<u8> {
    let mut datagram = ports.0.to_be_bytes().to_vec();
    datagram.extend(ports.1.to_be_bytes());
    datagram.extend(u16::try_from(8 + payload_len).unwrap().to_be_bytes());
    datagram.extend([0; 2]);
    datagram.resize(8 + payload_len, 0x55);
    datagram
}

/// A TCP segment.
pub(crate) fn tcp(ports: (u16, u16), flags: u8, payload_len: usize) -> Vec<u8> {
    let mut segment = ports.0.to_be_bytes().to_vec();
    segment.extend(ports.1.to_be_bytes());
    segment.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    segment.resize(20 + payload_len, 0x2e);
    segment
}

/// A UDP frame over IPv4.
pub(crate) fn udp_frame(hosts: (u8, u8), ports: (u16, u16), payload_len: usize) -> Vec<u8> {
    ethernet(
        hosts,
        &[],
        0x0800,
        &ipv4(hosts, 17, (0, 0), &udp(ports, payload_len)),
    )
}

/// A capture of so many flows, each one small UDP packet.
pub(crate) fn many_flows(count: u32) -> Vec<u8> {
    let frame = |n: u32| {
        let [_, _, high, low] = n.to_be_bytes();
        udp_frame((1, high), (u16::from(low) + 1000, 53), 0)
    };
    super::bytes::Pcap::COMMON.file((0..count).map(frame))
}

/// Frames of few hosts and few ports, so that flows have several packets: TCP, UDP, ICMP over
/// both IP versions, fragments, VLAN tags, ARP, and frames that are cut.
pub(crate) fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let hosts = (1_u8..5, 1_u8..5);
    let ports = (prop::sample::select(vec![53_u16, 80, 1000]), 1000_u16..1003);
    let vlans = prop::sample::select(vec![vec![], vec![], vec![100], vec![100, 200]]);
    let kind = 0_u8..10;
    let fragment = (
        0_u16..3,
        prop::sample::select(vec![0_u16, 0, 0, 0x2000, 0x2001, 0x0005]),
    );
    let cut = prop::option::weighted(0.1, 0_usize..80);
    (
        hosts,
        ports,
        vlans,
        kind,
        fragment,
        0_usize..60,
        any::<u8>(),
        cut,
    )
        .prop_map(
            |(hosts, ports, vlans, kind, fragment, payload_len, flags, cut)| {
                let mut frame = match kind {
                    0..=2 => {
                        let packet = ipv4(hosts, 17, fragment, &udp(ports, payload_len));
                        ethernet(hosts, &vlans, 0x0800, &packet)
                    }
                    3..=5 => {
                        let packet = ipv4(hosts, 6, (0, 0), &tcp(ports, flags, payload_len));
                        ethernet(hosts, &vlans, 0x0800, &packet)
                    }
                    6 => ethernet(hosts, &vlans, 0x0800, &ipv4(hosts, 1, fragment, &[8; 16])),
                    7 => ethernet(
                        hosts,
                        &vlans,
                        0x86dd,
                        &ipv6(hosts, 6, &tcp(ports, flags, payload_len)),
                    ),
                    8 => ethernet(hosts, &vlans, 0x86dd, &ipv6(hosts, 58, &[128; 24])),
                    _ => ethernet(hosts, &vlans, 0x0806, &[0; 28]),
                };
                frame.truncate(cut.unwrap_or(usize::MAX));
                frame
            },
        )
}
