//! Records to headers, for each kind of layers in front of them.

use crate::inputs::{IPV4, IPV6, TCP, UDP, ethernet, ipv4, key, key_v6, length, packet, transport};
use criterion::{Criterion, Throughput};
use pcap_flows::capture::LinkType;
use pcap_flows::decode::{DecodeOptions, LinkKey, TrailerOptions, TunnelPorts, decode};
use pcap_flows::flow::NetworkKey;
use std::hint::black_box;
use std::net::Ipv4Addr;

/// Frames of one kind.
struct Case {
    name: &'static str,
    link_type: LinkType,
    options: DecodeOptions,
    /// What must be found: the key of each flow, and how many VLAN tags.
    key: fn(u32) -> NetworkKey,
    vlans: usize,
    frame: fn(&NetworkKey) -> Vec<u8>,
}

impl Case {
    const PLAIN: Self = Self {
        name: "ethernet_ipv4_tcp",
        link_type: LinkType::ETHERNET,
        options: DecodeOptions {
            decap: false,
            tunnel_ports: TunnelPorts::NONE,
            trailer: None,
        },
        key: |flow| key(flow, TCP),
        vlans: 0,
        frame: |key| ethernet(&[], IPV4, &packet(key, PAYLOAD)),
    };

    const TUNNEL: Self = Self {
        options: DecodeOptions {
            decap: true,
            tunnel_ports: TunnelPorts::NONE,
            trailer: None,
        },
        ..Self::PLAIN
    };
}

/// Few enough to stay in the nearest cache: this is about instructions.
const FRAMES: u32 = 256;
const PAYLOAD: &[u8] = &[0x2e; 20];

const CASES: &[Case] = &[
    Case::PLAIN,
    Case {
        name: "ethernet_ipv4_udp",
        key: |flow| key(flow, UDP),
        ..Case::PLAIN
    },
    // The same frames without the fast path for them: no frame can have a trailer there.
    Case {
        name: "ethernet_ipv4_tcp/general_walk",
        options: DecodeOptions {
            decap: false,
            tunnel_ports: TunnelPorts::NONE,
            trailer: Some(TrailerOptions { offset: usize::MAX }),
        },
        ..Case::PLAIN
    },
    Case {
        name: "vlan",
        vlans: 1,
        frame: |key| ethernet(&[(0x8100, 100)], IPV4, &packet(key, PAYLOAD)),
        ..Case::PLAIN
    },
    Case {
        name: "qinq",
        vlans: 2,
        frame: |key| ethernet(&[(0x88a8, 100), (0x8100, 200)], IPV4, &packet(key, PAYLOAD)),
        ..Case::PLAIN
    },
    Case {
        name: "ethernet_ipv6_tcp",
        key: |flow| key_v6(flow, TCP),
        frame: |key| ethernet(&[], IPV6, &packet(key, PAYLOAD)),
        ..Case::PLAIN
    },
    Case {
        name: "ethernet_ipv6_hop_by_hop",
        key: |flow| key_v6(flow, UDP),
        frame: |key| ethernet(&[], IPV6, &with_hop_by_hop(&packet(key, PAYLOAD))),
        ..Case::PLAIN
    },
    Case {
        name: "linux_sll",
        link_type: LinkType::LINUX_SLL,
        frame: |key| {
            let header = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00];
            behind(&header, &packet(key, PAYLOAD))
        },
        ..Case::PLAIN
    },
    Case {
        name: "linux_sll2",
        link_type: LinkType::LINUX_SLL2,
        frame: |key| {
            let kind = [0x08, 0x00, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6];
            let address = [2, 0, 0, 0, 0, 1, 0, 0];
            behind(&kind, &behind(&address, &packet(key, PAYLOAD)))
        },
        ..Case::PLAIN
    },
    Case {
        name: "raw_ip",
        link_type: LinkType::RAW,
        frame: |key| packet(key, PAYLOAD),
        ..Case::PLAIN
    },
    Case {
        name: "wifi",
        link_type: LinkType::IEEE802_11,
        frame: |key| wifi(&packet(key, PAYLOAD)),
        ..Case::PLAIN
    },
    Case {
        name: "wifi_radiotap",
        link_type: LinkType::IEEE802_11_RADIOTAP,
        frame: |key| behind(&[0, 0, 8, 0, 0, 0, 0, 0], &wifi(&packet(key, PAYLOAD))),
        ..Case::PLAIN
    },
    Case {
        name: "mpls",
        frame: |key| {
            let label = [0, 0, 0x11, 0x40];
            ethernet(&[], 0x8847, &behind(&label, &packet(key, PAYLOAD)))
        },
        ..Case::PLAIN
    },
    Case {
        name: "pppoe",
        frame: |key| {
            let packet = packet(key, PAYLOAD);
            let [high, low] = length(packet.len() + 2);
            let header = [0x11, 0, 0, 1, high, low, 0x00, 0x21];
            ethernet(&[], 0x8864, &behind(&header, &packet))
        },
        ..Case::PLAIN
    },
    Case {
        name: "tunnel/none",
        ..Case::TUNNEL
    },
    Case {
        name: "tunnel/ip_in_ip",
        frame: |key| tunnel(4, &packet(key, PAYLOAD)),
        ..Case::TUNNEL
    },
    Case {
        name: "tunnel/gre",
        frame: |key| tunnel(47, &behind(&[0, 0, 0x08, 0x00], &packet(key, PAYLOAD))),
        ..Case::TUNNEL
    },
    Case {
        name: "tunnel/vxlan",
        frame: |key| {
            let frame = ethernet(&[], IPV4, &packet(key, PAYLOAD));
            udp_tunnel(4789, &behind(&[8, 0, 0, 0, 0, 0, 1, 0], &frame))
        },
        ..Case::TUNNEL
    },
    Case {
        name: "tunnel/gtp_u",
        frame: |key| {
            let packet = packet(key, PAYLOAD);
            let [high, low] = length(packet.len());
            udp_tunnel(2152, &behind(&[0x30, 0xff, high, low, 0, 0, 0, 1], &packet))
        },
        ..Case::TUNNEL
    },
];

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(FRAMES.into()));
    for case in CASES {
        let keys: Vec<NetworkKey> = (0..FRAMES).map(case.key).collect();
        let frames: Vec<Vec<u8>> = keys.iter().map(case.frame).collect();
        for (key, frame) in keys.iter().zip(&frames) {
            let mut link = LinkKey::default();
            let headers = decode(case.link_type, frame, &case.options, &mut link);
            let found = headers.map(|it| it.network_key());
            assert_eq!(found, Ok(*key), "{}", case.name);
            assert_eq!(link.vlans().len(), case.vlans, "{}", case.name);
        }
        group.bench_function(case.name, |bencher| {
            bencher.iter(|| {
                for frame in &frames {
                    let mut link = LinkKey::default();
                    let headers = decode(
                        black_box(case.link_type),
                        black_box(frame),
                        &case.options,
                        &mut link,
                    );
                    // Handed over as a sum: whole structures would cost more than decoding.
                    let seen = headers.map_or(0, |it| it.end ^ usize::from(it.src_port));
                    black_box((seen, link.macs().is_some()));
                }
            });
        });
    }
    group.finish();
}

fn behind(header: &[u8], payload: &[u8]) -> Vec<u8> {
    [header, payload].concat()
}

/// A packet of IPv6 with eight bytes of hop-by-hop options.
fn with_hop_by_hop(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let options = [packet[6], 0, 1, 4, 0, 0, 0, 0];
    packet[6] = 0;
    packet.splice(40..40, options);
    let payload_len = length(packet.len() - 40);
    packet[4..6].copy_from_slice(&payload_len);
    packet
}

/// A data frame from an access point, and LLC.
fn wifi(packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x08, 0x02, 0, 0];
    for host in 1..4 {
        frame.extend([2, 0, 0, 0, 0, host]);
    }
    frame.extend([0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00]);
    behind(&frame, packet)
}

fn tunnel(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (src, dst) = (Ipv4Addr::new(10, 255, 0, 1), Ipv4Addr::new(10, 255, 0, 2));
    ethernet(&[], IPV4, &ipv4(src, dst, protocol, payload))
}

fn udp_tunnel(dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let outer = NetworkKey {
        dst_port,
        ..key(0, UDP)
    };
    tunnel(UDP, &transport(&outer, payload))
}
