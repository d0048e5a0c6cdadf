//! What filters answer, by examples.

use super::*;
use crate::flow::key::MacAddr;

pub(super) fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn key(protocol: u8, src: (&str, u16), dst: (&str, u16)) -> NetworkKey {
    NetworkKey {
        src: src.0.parse().unwrap(),
        dst: dst.0.parse().unwrap(),
        protocol,
        src_port: src.1,
        dst_port: dst.1,
    }
}

/// Ethernet from `02:...:01` to `02:...:02`, with these VLAN tags.
pub(super) fn tagged(ids: &[u16]) -> LinkKey {
    let mut link = LinkKey::default();
    link.set_macs(MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
    for &id in ids {
        link.push_vlan(id);
    }
    link
}

/// Asserts what a filter answers for a key.
fn answers(network: Option<&NetworkKey>, link: &LinkKey, yes: &[&str], no: &[&str]) {
    for (texts, expected) in [(yes, true), (no, false)] {
        for text in texts {
            assert_eq!(
                filter(text).matches(link, network),
                expected,
                "{text} for {network:?}"
            );
            let not = filter(&format!("not ({text})"));
            assert_eq!(
                not.matches(link, network),
                !expected,
                "not ({text}) for {network:?}"
            );
        }
    }
}

#[test]
fn tcp_over_ipv4() {
    answers(
        Some(&key(6, ("10.0.0.1", 40000), ("192.168.7.9", 443))),
        &tagged(&[]),
        &[
            "ip",
            "tcp",
            "proto 6",
            "ip proto tcp",
            "host 10.0.0.1",
            "host 192.168.7.9",
            "src host 10.0.0.1",
            "dst 192.168.7.9",
            "src or dst 10.0.0.1",
            "net 10",
            "dst net 192.168",
            "net 192.168.0.0 mask 255.255.0.0",
            "src net 0.0.0.1 mask 0.0.0.1",
            "src and dst net 0.0.0.0/0",
            "port 443",
            "port https",
            "dst port 443",
            "tcp dst port 443",
            "src portrange 39999-40000",
            "src and dst portrange 443-40000",
            "tcp host 10.0.0.1",
            "ip port 443",
            "ether host 2:0:0:0:0:1",
            "ether src 2:0:0:0:0:1",
            "ether src or dst 2:0:0:0:0:2",
        ],
        &[
            "ip6",
            "udp",
            "sctp",
            "icmp",
            "ip6 proto tcp",
            "host 10.0.0.2",
            "src host 192.168.7.9",
            "dst 10.0.0.1",
            "src and dst 10.0.0.1",
            "src net 192.168",
            "net ::/0",
            "src port 443",
            "udp port 443",
            "ip6 port 443",
            "portrange 444-39999",
            "src and dst portrange 444-40000",
            "udp host 10.0.0.1",
            "ether dst 2:0:0:0:0:1",
            "ether src and dst 2:0:0:0:0:1",
            "vlan",
            "vlan 0",
        ],
    );
}

#[test]
fn udp_over_ipv6_in_vlans() {
    answers(
        Some(&key(17, ("2001:db8::1", 53), ("fe80::2", 9))),
        &tagged(&[100, 7]),
        &[
            "ip6",
            "udp",
            "host fe80::2",
            "src net 2001:db8::/32",
            "net ::/0",
            "ip6 src 2001:db8::1",
            "port domain",
            "vlan",
            "vlan 100",
            "vlan 7",
            // No shift: both conditions are about the same frame, and order does not matter.
            "vlan 7 and vlan 100 and udp and port 53",
        ],
        &[
            "ip",
            "icmp6",
            "net 0.0.0.0/0",
            "vlan 8",
            "tcp port 53",
            "host 2001:db8::2",
        ],
    );
}

#[test]
fn ports_are_of_tcp_udp_and_sctp_only() {
    for (protocol, has_ports) in [
        (6, true),
        (17, true),
        (132, true),
        (1, false),
        (33, false),
        (47, false),
        (136, false),
    ] {
        let key = key(protocol, ("10.0.0.1", 0), ("10.0.0.2", 0));
        let link = LinkKey::default();
        assert_eq!(
            filter("port 0").matches(&link, Some(&key)),
            has_ports,
            "{protocol}"
        );
        assert_eq!(
            filter("portrange 0-65535").matches(&link, Some(&key)),
            has_ports
        );
    }
}

#[test]
fn protocols_of_one_ip_version() {
    let over = |protocol, address| key(protocol, (address, 0), (address, 0));
    for (name, number, ipv4, ipv6) in [
        ("tcp", 6, true, true),
        ("udp", 17, true, true),
        ("sctp", 132, true, true),
        ("esp", 50, true, true),
        ("ah", 51, true, true),
        ("pim", 103, true, true),
        ("icmp", 1, true, false),
        ("igmp", 2, true, false),
        ("igrp", 9, true, false),
        ("vrrp", 112, true, false),
        ("carp", 112, true, false),
        ("icmp6", 58, false, true),
        ("proto gre", 47, true, true),
    ] {
        let filter = filter(name);
        let link = LinkKey::default();
        assert_eq!(
            filter.matches(&link, Some(&over(number, "10.0.0.1"))),
            ipv4,
            "{name}"
        );
        assert_eq!(
            filter.matches(&link, Some(&over(number, "::1"))),
            ipv6,
            "{name}"
        );
        assert!(
            !filter.matches(&link, Some(&over(number + 1, "10.0.0.1"))),
            "{name}"
        );
    }
}

#[test]
fn frames_that_are_not_ip() {
    answers(
        None,
        &tagged(&[5]),
        &[
            "not tcp",
            "not ip and not ip6",
            "vlan 5",
            "ether src 2:0:0:0:0:1",
            "not net 0.0.0.0/0",
        ],
        &[
            "ip", "ip6", "tcp", "proto 0", "net ::/0", "port 0", "vlan 6",
        ],
    );
}

#[test]
fn link_layers_without_addresses() {
    answers(
        Some(&key(6, ("10.0.0.1", 1), ("10.0.0.2", 2))),
        &LinkKey::default(),
        &["tcp", "not ether host 0:0:0:0:0:0", "not vlan"],
        &["ether src 0:0:0:0:0:0"],
    );
}

#[test]
fn a_filter_of_no_words_passes_everything() {
    for text in ["", "  \t"] {
        assert!(filter(text).matches(&LinkKey::default(), None));
        assert!(!filter(text).needs_link());
        assert!(!filter(text).is_directional());
    }
}

#[test]
fn what_a_filter_looks_at() {
    for (text, needs_link, needs_macs, directional) in [
        ("tcp and host 10.0.0.1", false, false, false),
        (
            "src or dst port 80 and src and dst net 10",
            false,
            false,
            false,
        ),
        ("tcp or not src port 80", false, false, true),
        ("dst net 10", false, false, true),
        ("vlan", true, false, false),
        ("tcp or vlan 7", true, false, false),
        ("ether host 1:2:3:4:5:6", true, true, false),
        ("ether dst 1:2:3:4:5:6", true, true, true),
    ] {
        assert_eq!(filter(text).needs_macs(), needs_macs, "{text}");
        assert_eq!(filter(text).needs_link(), needs_link, "{text}");
        assert_eq!(filter(text).is_directional(), directional, "{text}");
    }
}

#[test]
fn long_chains_are_evaluated_in_a_loop() {
    const TERMS: usize = 100_000;
    let key = key(6, ("10.0.0.1", 80), ("10.0.0.2", 65535));
    let link = LinkKey::default();
    let repeated = |head: &str, term: &str, tail: &str| {
        filter(&format!("{head}{}{tail}", term.repeat(TERMS))).matches(&link, Some(&key))
    };
    assert!(repeated("port 1", " or 2", " or 80"));
    assert!(!repeated("port 1", " or 2", ""));
    assert!(repeated("tcp", " and not udp", ""));
    assert!(!repeated("tcp", " and not udp", " and icmp"));
    assert!(repeated("udp", " and tcp or port 80", ""));
    assert!(repeated("udp", " or (tcp and not udp)", ""));
}
