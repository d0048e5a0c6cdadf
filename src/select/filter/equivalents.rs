//! What the language means: pairs of filters that must compile to the same program, and texts that
//! try to hurt the parser.

use super::parse::MAX_DEPTH;
use super::{Filter, FilterErrorKind};

/// Asserts that both texts compile to the same program.
fn same(short: &str, long: &str) {
    assert_eq!(program(short), program(long), "{short:?} is not {long:?}");
}

fn different(one: &str, other: &str) {
    assert_ne!(program(one), program(other), "{one:?} is {other:?}");
}

fn program(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn and_and_or_bind_equally_tight_from_left_to_right() {
    same("tcp or udp and port 53", "(tcp or udp) and port 53");
    different("tcp or udp and port 53", "tcp or (udp and port 53)");
    same("ip and tcp or udp and ip6", "((ip and tcp) or udp) and ip6");
}

#[test]
fn not_binds_tightest() {
    same("not tcp and udp", "(not tcp) and udp");
    different("not tcp and udp", "not (tcp and udp)");
    same("not not tcp", "tcp");
    same("!!!tcp", "not tcp");
    same("not (not tcp or udp)", "tcp and not udp");
}

#[test]
fn operators_have_two_spellings() {
    same("!tcp&&ip||udp", "not tcp and ip or udp");
    same("\ttcp\r\n  or(udp)", "tcp or udp");
}

#[test]
fn parentheses_only_group() {
    same("((((tcp))))", "tcp");
    same("(tcp)or(udp)", "tcp or udp");
    different("tcp and (udp or ip)", "tcp and udp or ip");
}

#[test]
fn a_bare_value_takes_over_the_qualifiers_before_the_operator() {
    same(
        "host 10.0.0.1 or 10.0.0.2",
        "host 10.0.0.1 or host 10.0.0.2",
    );
    same(
        "tcp dst port 20 or 21 or 53",
        "tcp dst port 20 or tcp dst port 21 or tcp dst port 53",
    );
    same(
        "not host 10.0.0.1 and 10.0.0.2",
        "not host 10.0.0.1 and host 10.0.0.2",
    );
    same("src net 10 and not 10.1", "src net 10 and not src net 10.1");
    same(
        "net 10.0.0.0/8 or 172.16.0.0/12",
        "net 10.0.0.0/8 or net 172.16.0.0/12",
    );
    same("portrange 1-2 or 80", "portrange 1-2 or portrange 80-80");
    same("ip proto 6 or 17", "ip proto 6 or ip proto 17");
    same(
        "ether src 1:2:3:4:5:6 or 2:2:3:4:5:6",
        "ether src 1:2:3:4:5:6 or ether src 2:2:3:4:5:6",
    );
    same(
        "src 10.0.0.1 or 10.0.0.2",
        "src host 10.0.0.1 or src host 10.0.0.2",
    );
    same(
        "host 10.0.0.1 or port 80 or 443",
        "host 10.0.0.1 or port 80 or port 443",
    );
}

#[test]
fn a_parenthesis_hands_on_what_was_in_force_before_it() {
    same(
        "host 10.0.0.1 and (port 80 or 443) or 10.0.0.2",
        "host 10.0.0.1 and (port 80 or port 443) or host 10.0.0.2",
    );
    same(
        "host 10.0.0.1 and not (port 80) or 10.0.0.2",
        "host 10.0.0.1 and not port 80 or host 10.0.0.2",
    );
    same("port 80 and (tcp) or 443", "port 80 and tcp or port 443");
    same(
        "host 10.0.0.1 and (10.0.0.2 or not 10.0.0.3)",
        "host 10.0.0.1 and (host 10.0.0.2 or not host 10.0.0.3)",
    );
    // Beyond libpcap, where such a parenthesis is a syntax error.
    same("port 80 or (443 or udp)", "port 80 or (port 443 or udp)");
}

#[test]
fn values_in_parentheses_share_the_qualifiers_before_them() {
    same("port (80 or 443)", "port 80 or 443");
    same(
        "tcp port (80 or not 443)",
        "tcp port 80 or not tcp port 443",
    );
    same("host not 10.0.0.1", "not host 10.0.0.1");
    same("port !80 and 443", "not port 80 and port 443");
    same("not port not 80", "port 80");
    same("not port (not 80 or 443)", "not (not port 80 or port 443)");
    same("port ((80 or 443) or (22))", "port 80 or 443 or 22");
    same("port (80 or 443) and tcp", "(port 80 or port 443) and tcp");
    same("port (80 or 443) or 22", "port 80 or 443 or 22");
}

#[test]
fn a_bare_value_has_nothing_to_take_over_after_a_name_or_a_leading_parenthesis() {
    let unqualified = |text: &str, offset: usize| {
        let error = Filter::parse(text).unwrap_err();
        assert!(
            matches!(error.kind(), FilterErrorKind::Unqualified(_)),
            "{error}"
        );
        assert_eq!(error.offset(), offset, "{error}");
    };
    unqualified("10.0.0.1", 0);
    unqualified("tcp and 80", 8);
    unqualified("tcp port 80 or udp or 443", 22);
    unqualified("(port 80) or 443", 13);
    unqualified("not (port 80) or 443", 17);
    unqualified("vlan 100 or 200", 12);
    unqualified("port 80 or (udp or 53)", 19);
    unqualified("port 80 and vlan and 443", 21);
}

#[test]
fn host_is_meant_where_the_type_is_left_out() {
    same("src 10.0.0.1", "src host 10.0.0.1");
    same("src or dst 10.0.0.1", "host 10.0.0.1");
    same("ip src 10.0.0.1", "ip src host 10.0.0.1");
    same("ip6 ::1", "ip6 host ::1");
    same("tcp 10.0.0.1", "tcp and host 10.0.0.1");
    same("ether 1:2:3:4:5:6", "ether host 1:2:3:4:5:6");
}

#[test]
fn both_orders_of_a_joined_direction() {
    same("src or dst port 80", "port 80");
    same("dst or src port 80", "port 80");
    same("src and dst net 10", "dst and src net 10");
    different("src and dst net 10", "net 10");
    same(
        "src 10.0.0.1 or dst 10.0.0.1",
        "src host 10.0.0.1 or dst host 10.0.0.1",
    );
}

#[test]
fn a_scope_is_one_more_condition() {
    same("tcp port 80", "tcp and port 80");
    same("udp src port domain", "udp and src port 53");
    same("ip6 port 80", "ip6 and port 80");
    same("ip proto 6", "ip and proto 6");
    same("sctp net 10", "sctp and net 10");
    same("ip net 10", "ip and net 10");
}

#[test]
fn names_of_protocols() {
    same("tcp", "proto 6");
    same("udp", "proto \\udp");
    same("sctp", "proto sctp");
    same("icmp", "ip proto icmp");
    same("icmp6", "ip6 proto 58");
    same("proto icmpv6", "proto ipv6-icmp");
    same("igmp", "ip proto 2");
    same("igrp", "ip proto 9");
    same("vrrp", "ip proto 112");
    same("carp", "ip proto 112");
    same("esp", "proto 50");
    same("ah", "proto 51");
    same("pim", "proto 103");
    same("proto gre or 0x2f", "proto 47 or proto 47");
    same("ip proto \\tcp or \\udp", "ip proto 6 or ip proto 17");
    // As in libpcap, a keyword after an operator is a condition of its own.
    same("ip proto tcp or udp", "ip proto 6 or proto 17");
}

#[test]
fn networks() {
    same("net 10", "net 10.0.0.0/8");
    same("net 172.16", "net 172.16.0.0/16");
    same("net 192.168.1", "net 192.168.1.0/24");
    same("net 192.168.1.7", "host 192.168.1.7");
    same("net 10.1/16", "net 10.1.0.0 mask 255.255.0.0");
    same("net 10.1 mask 255.255", "net 10.1.0.0/16");
    same("net 10.0.0.0 / 8", "net 10.0.0.0/8");
    same("net 10/0x8", "net 10.0.0.0/8");
    same("net 0/0 and ::/0", "net 0.0.0.0/0 and net ::/0");
    same("net 2001:db8::1", "host 2001:db8::1");
    different("net 10.0.0.1 mask 255.0.0.1", "net 10.0.0.0/8");
}

#[test]
fn mac_addresses() {
    for mac in [
        "00:1b:21:3c:9d:f8",
        "0:1B:21:3C:9D:F8",
        "00-1b-21-3c-9d-f8",
        "00.1b.21.3c.9d.f8",
        "001b.213c.9df8",
        "001b213c9df8",
    ] {
        same(&format!("ether host {mac}"), "ether host 00:1b:21:3c:9d:f8");
    }
    // Twelve characters, and separators among them.
    same("ether dst 1:2:3:4:5:66", "ether dst host 01:02:03:04:05:66");
    for link in ["link", "wlan", "fddi", "tr"] {
        same(&format!("{link} src 1:2:3:4:5:6"), "ether src 1:2:3:4:5:6");
    }
}

#[test]
fn numbers_may_be_hexadecimal() {
    same("port 0x1bb or 0X1BB", "port 443 or 443");
    same("vlan 0xfff", "vlan 4095");
    same("portrange 0x10-32", "portrange 16-32");
}

#[test]
fn a_filter_of_no_words_is_the_default() {
    assert_eq!(program(""), Filter::default());
    assert_eq!(program(" \t\n"), Filter::default());
    assert_eq!("tcp".parse::<Filter>().unwrap(), program("tcp"));
}

#[test]
fn deep_parentheses_are_an_error_and_not_a_crash() {
    let deep = |depth: usize| format!("{}tcp{}", "(".repeat(depth), ")".repeat(depth));
    same(&deep(MAX_DEPTH), "tcp");
    let error = Filter::parse(&deep(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error.kind(), &FilterErrorKind::TooDeep(MAX_DEPTH));
    assert_eq!(error.offset(), MAX_DEPTH);
    assert!(Filter::parse(&"(".repeat(200_000)).is_err());
    assert!(Filter::parse(&"port (".repeat(200_000)).is_err());
    assert!(Filter::parse(&"not (".repeat(200_000)).is_err());
    assert!(Filter::parse(&")".repeat(200_000)).is_err());
}

#[test]
fn very_many_words_are_no_trouble() {
    same(&format!("{}tcp", "not ".repeat(200_000)), "tcp");
    same(&format!("{}tcp", "!".repeat(200_001)), "not tcp");
    assert!(Filter::parse(&"not ".repeat(200_000)).is_err());
    assert!(Filter::parse(&"src or ".repeat(200_000)).is_err());
    assert!(Filter::parse(&"x".repeat(200_000)).is_err());
    assert!(Filter::parse(&format!("port {}", "1-".repeat(200_000))).is_err());
    assert!(Filter::parse(&format!("net {}", "1.".repeat(200_000))).is_err());
    assert!(Filter::parse(&format!("ether src {}", "1:".repeat(200_000))).is_err());
    assert!(Filter::parse(&format!("host {}", ":".repeat(200_000))).is_err());
    let list = format!("port (1{})", " or 2".repeat(200_000));
    assert!(Filter::parse(&list).is_ok());
}
