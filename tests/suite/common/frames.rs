//! Frames that chance makes.

use proptest::prelude::*;
use testkit::frames::{ethernet, ipv4, ipv6, tcp, udp};

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
