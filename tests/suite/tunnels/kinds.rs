//! Each kind of tunnel, its variants, and what only looks like it.

use super::{is_entered, is_left, list, told};
use testkit::frames::{ethernet, ipv4, tcp, udp};
use testkit::transport::{ACK, Udp};
use testkit::tunnel::{
    BRIDGED, geneve, gtp, gtp_with, inner_frame, inner_packet, inner_wifi, lisp, mpls, outer,
    outer_v6, over_gre, over_udp, tzsp, vxlan,
};

const TZSP: u16 = 37008;

#[test]
fn tzsp_of_all_kinds() {
    let frame = inner_frame();
    let wifi = inner_wifi();
    let prism = [
        &0x44_u32.to_be_bytes()[..],
        &144_u32.to_be_bytes(),
        &[0; 136],
        &wifi,
    ]
    .concat();
    let avs = [
        &0x8021_1001_u32.to_be_bytes()[..],
        &64_u32.to_be_bytes(),
        &[0; 56],
        &wifi,
    ]
    .concat();
    let tags = [0, 0, 10, 1, 0xd0, 41, 2, 0, 99, 60, 6, 1, 1, 1, 1, 1, 1, 0];
    for (what, payload) in [
        ("received", tzsp(0, 1, &[], &frame)),
        ("to be sent", tzsp(1, 1, &[], &frame)),
        ("with tags", tzsp(0, 1, &tags, &frame)),
        ("802.11", tzsp(0, 18, &tags, &wifi)),
        ("prism", tzsp(0, 119, &[], &prism)),
        ("avs", tzsp(0, 127, &[], &avs)),
        ("IP", tzsp(0, 7, &[], &inner_packet())),
    ] {
        is_entered(what, over_udp(TZSP, &payload), "tzsp ", &[]);
    }
    let answer = outer(
        17,
        &Udp { ports: (TZSP, 9) }.datagram(&tzsp(0, 1, &[], &frame)),
    );
    is_entered("from the port", answer, "tzsp ", &[]);
    for (what, payload) in [
        ("keepalive", tzsp(4, 1, &[], &frame)),
        ("another version", [&[2, 0, 0, 1, 1], &frame[..]].concat()),
        ("unknown encapsulation", tzsp(0, 3, &[], &frame)),
        ("no end of tags", vec![1, 0, 0, 1, 10, 200, 1]),
        ("nothing", Vec::new()),
    ] {
        is_left(what, over_udp(TZSP, &payload), "udp", &[]);
    }
}

#[test]
fn ethernet_in_gre_version_1() {
    let frame = inner_frame();
    let len = u16::try_from(frame.len()).unwrap().to_be_bytes();
    let eoip = |id: [u8; 2]| over_gre(0x2001, 0x6400, &[&len, &id, &frame]);
    is_entered("tunnel 7", eoip([7, 0]), "eoip 7", &[]);
    is_entered("tunnel 258", eoip([2, 1]), "eoip 258", &[]);
    is_left(
        "keepalive",
        over_gre(0x2001, 0x6400, &[&[0, 0, 7, 0]]),
        "gre",
        &[],
    );
}

#[test]
fn gre_of_vendors() {
    let (packet, frame, wifi) = (inner_packet(), inner_frame(), inner_wifi());
    let swapped = [&[wifi[1], wifi[0]], &wifi[2..]].concat();
    let redirect: &[u8] = &[0x80, 0, 0, 1];
    let key = 5_u32.to_be_bytes();
    let route: &[u8] = &[0, 0, 0, 0, 0x08, 0, 0, 4, 10, 0, 0, 9, 0, 0, 0, 0];
    for (what, frame, tunnel) in [
        ("WCCP 1", over_gre(0, 0x883e, &[&packet]), "wccp "),
        ("WCCP 2", over_gre(0, 0x883e, &[redirect, &packet]), "wccp "),
        ("Aruba", over_gre(0, 0x8200, &[&wifi]), "aruba "),
        ("Aruba, last", over_gre(0, 0x82ff, &[&wifi]), "aruba "),
        ("Aruba, swapped", over_gre(0, 0x8210, &[&swapped]), "aruba "),
        (
            "Aruba, key",
            over_gre(0x2000, 0x8230, &[&key, &wifi]),
            "aruba 5",
        ),
        (
            "frame relay",
            over_gre(0, 0x6559, &[&[0x18, 0x41, 0x03, 0xcc], &packet]),
            "gre ",
        ),
        (
            "source route",
            over_gre(0x4000, 0x0800, &[route, &packet]),
            "gre ",
        ),
        (
            "PPTP",
            over_gre(
                0x3001,
                0x880b,
                &[&[0, 9, 1, 1], &[0, 0, 0, 1], &[0x21], &packet],
            ),
            "pptp 257",
        ),
        ("ERSPAN 1", over_gre(0, 0x88be, &[&frame]), "erspan "),
        (
            "ERSPAN 2",
            over_gre(
                0x1000,
                0x88be,
                &[&[0; 4], &[0x10, 1, 0xe4, 2, 0, 0, 0, 0], &frame],
            ),
            "erspan 2",
        ),
    ] {
        is_entered(what, frame, tunnel, &[]);
    }
    is_left(
        "Aruba, management",
        over_gre(0, 0x8200, &[&[0x80, 0], &wifi[2..]]),
        "gre",
        &[],
    );
    is_left("WCCP, nothing", over_gre(0, 0x883e, &[]), "gre", &[]);
    is_left(
        "source route without end",
        over_gre(0x4000, 0x0800, &[&[0; 4], &[8, 0, 0, 4]]),
        "gre",
        &[],
    );
}

/// Ids as lists show them: those of Geneve, GRE and NVGRE, labels of MPLS on either side of IP.
#[test]
fn ids_of_tunnels() {
    let (packet, frame) = (inner_packet(), inner_frame());
    let key = |key: u32| key.to_be_bytes();
    let bridged = |id: u32| over_gre(0x2000, BRIDGED, &[&key(id), &frame]);
    for (what, frame, tunnel) in [
        (
            "VXLAN",
            over_udp(4789, &vxlan(0xff_ffff, &frame)),
            "vxlan 16777215",
        ),
        (
            "Geneve",
            over_udp(6081, &geneve(7, BRIDGED, &frame)),
            "geneve 7",
        ),
        (
            "Geneve of IP",
            over_udp(6081, &geneve(0, 0x0800, &packet)),
            "geneve 0",
        ),
        ("GRE", over_gre(0, 0x0800, &[&packet]), "gre "),
        (
            "key",
            over_gre(0x2000, 0x0800, &[&key(u32::MAX), &packet]),
            "gre 4294967295",
        ),
        (
            "key behind a checksum",
            over_gre(0xa000, 0x0800, &[&[0; 4], &key(9), &packet]),
            "gre 9",
        ),
        ("bridged", over_gre(0, BRIDGED, &[&frame]), "gre "),
        // RFC 7637: 24 bits of network, 8 of entropy; small networks are reserved.
        ("NVGRE", bridged(0x0012_3456), "nvgre 4660"),
        ("NVGRE without entropy", bridged(100 << 8), "nvgre 100"),
        ("gretap", bridged(100), "gre 100"),
        (
            "GTP",
            over_udp(2152, &gtp(0xdead_beef, &packet)),
            "gtp 3735928559",
        ),
        (
            "MPLS in UDP",
            over_udp(6635, &mpls(&[16], &packet)),
            "mpls 16",
        ),
        (
            "MPLS in IP",
            outer(137, &mpls(&[16, 17], &packet)),
            "mpls 16.17",
        ),
        (
            "MPLS",
            ethernet((101, 102), &[], 0x8847, &mpls(&[1000, 16], &packet)),
            "mpls 1000.16",
        ),
        (
            "L2TP",
            over_udp(
                1701,
                &[&[0, 2, 0, 8, 0, 9, 0xff, 3, 0, 0x21], &packet[..]].concat(),
            ),
            "l2tp 8.9",
        ),
        (
            "GRE in UDP",
            over_udp(4754, &[&[0x20, 0, 8, 0, 0, 0, 0, 3], &packet[..]].concat()),
            "gre 3",
        ),
        (
            "GRE with a key in VXLAN",
            over_udp(
                4789,
                &vxlan(5, &over_gre(0x2000, 0x0800, &[&key(6), &packet])),
            ),
            "vxlan/gre 5/6",
        ),
        (
            "IP in IP in VXLAN",
            over_udp(4789, &vxlan(5, &outer(4, &packet))),
            "vxlan/ipip 5/-",
        ),
    ] {
        is_entered(what, frame, tunnel, &[]);
    }
    let plain = list(&[inner_frame()], &[]);
    assert_eq!(told(&plain[0]), "tcp 10.0.0.1:40000 10.0.0.2:80 |  ");
}

/// Sessions of 5G carry Ethernet, those before IP or PPP: nothing but the packet says which.
#[test]
fn gtp_carries_more_than_ip() {
    let (packet, frame) = (inner_packet(), inner_frame());
    let container: &[u8] = &[0, 0, 0, 0x85, 1, 0, 9, 0];
    // Addresses that start as IP does.
    let with = |first: u8| [&[first], &frame[1..]].concat();
    for (what, payload) in [
        ("Ethernet", gtp_with(0x34, 1, container, &frame)),
        ("no container", gtp(1, &frame)),
        ("to an address like IPv4", gtp(1, &with(0x46))),
        ("to an address like IPv6", gtp(1, &with(0x60))),
        ("VLAN", gtp(1, &ethernet((1, 2), &[7], 0x0800, &packet))),
        ("IP", gtp_with(0x34, 1, container, &packet)),
        ("PPP", gtp(1, &[&[0xff, 3, 0, 0x21], &packet[..]].concat())),
        (
            "version 0",
            [&[0x1e, 255, 0, 60][..], &[0; 12], &[0, 0, 0, 1], &packet].concat(),
        ),
    ] {
        is_entered(what, over_udp(2152, &payload), "gtp 1", &[]);
    }
    let port_of_version_0 = [&[0x1e, 255, 0, 60][..], &[0; 12], &[0, 0, 0, 1], &packet].concat();
    is_entered(
        "port of version 0",
        over_udp(3386, &port_of_version_0),
        "gtp 1",
        &[],
    );
    is_left(
        "echo",
        over_udp(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0]),
        "udp",
        &[],
    );
    is_left(
        "no packet",
        over_udp(2152, &gtp(1, &[0xee; 40])),
        "udp",
        &[],
    );
    // A packet that the snaplen truncated is IP all the same.
    let cut = over_udp(2152, &gtp(1, &packet));
    let mut capture = testkit::pcap::Pcap::COMMON.file_header();
    let len = u32::try_from(cut.len()).unwrap();
    capture.extend(testkit::pcap::Pcap::COMMON.record((1, 0), len, &cut[..cut.len() - 12]));
    let ended = crate::common::program::Program::new().args(["-", "--decap", "--format", "csv"]);
    let rows = ended.input(&capture, 4096).run().exits(0).rows();
    assert_eq!(told(&rows[0]), "tcp 10.0.0.1:40000 10.0.0.2:80 | gtp 1");
}

#[test]
fn lisp_of_all_kinds() {
    let (packet, frame) = (inner_packet(), inner_frame());
    for (what, payload, tunnel) in [
        ("IP", lisp(0xc0, 0, 0, &packet), "lisp "),
        ("instance", lisp(0x08, 0, 77, &packet), "lisp 77"),
        ("protocol: IP", lisp(0x0c, 1, 77, &packet), "lisp 77"),
        ("protocol: Ethernet", lisp(0x0c, 3, 77, &frame), "lisp 77"),
    ] {
        is_entered(what, over_udp(4341, &payload), tunnel, &[]);
    }
    // The port may be anybody's.
    is_left("something else", over_udp(4341, &[0x45; 60]), "udp", &[]);
    is_left("short", over_udp(4341, &[0xc0, 0, 0]), "udp", &[]);
}

#[test]
fn ethernet_in_ip() {
    let (packet, frame) = (inner_packet(), inner_frame());
    is_entered("next header 143", outer_v6(143, &frame), "ethernet ", &[]);
    is_entered("protocol 143", outer(143, &frame), "ethernet ", &[]);
    is_entered(
        "EtherIP",
        outer(97, &[&[0x30, 0], &frame[..]].concat()),
        "etherip ",
        &[],
    );
    // RFC 8754: a segment routing header with one segment.
    let routing = |next: u8| [&[next, 2, 4, 0, 0, 0, 0, 0], &[0xfd; 16][..]].concat();
    let routed = |next, payload: &[u8]| outer_v6(43, &[&routing(next), payload].concat());
    is_entered("segment routing", routed(143, &frame), "ethernet ", &[]);
    is_entered("segment routing of IP", routed(4, &packet), "4in6 ", &[]);
    let tagged = ethernet((1, 2), &[5], 0x0800, &packet);
    let rows = list(&[outer_v6(143, &tagged)], &[]);
    assert_eq!(
        (rows[0]["vlan"].as_str(), rows[0]["src_mac"].as_str()),
        ("5", "02:00:00:00:00:01")
    );
}

/// Multicast on its way to a rendezvous point, and headers of AH around tunnels.
#[test]
fn tunnels_of_their_own_protocol() {
    let packet = inner_packet();
    let register = |flags: u8| [&[0x21, 0, 0, 0, flags, 0, 0, 0], &packet[..]].concat();
    is_entered("register", outer(103, &register(0)), "pim ", &[]);
    is_left("null register", outer(103, &register(0x40)), "pim", &[]);
    is_left(
        "hello",
        outer(103, &[0x20, 0, 0, 0, 0, 1, 0, 2, 0, 105]),
        "pim",
        &[],
    );
    let authenticated =
        |next: u8, payload: &[u8]| [&[next, 4, 0, 0, 0, 0, 0, 9], &[0; 16][..], payload].concat();
    is_entered(
        "AH",
        outer(51, &authenticated(4, &packet)),
        "ah/ipip 9/-",
        &[],
    );
    let gre = [&[0, 0, 8, 0], &packet[..]].concat();
    is_entered(
        "GRE in AH",
        outer(51, &authenticated(47, &gre)),
        "ah/gre 9/-",
        &[],
    );
    let rows = list(&[outer(51, &authenticated(6, &tcp((7, 8), ACK, 9)))], &[]);
    assert_eq!(told(&rows[0]), "tcp 10.0.0.101:7 10.0.0.102:8 | ah 9");
    is_left(
        "AH that is cut short",
        outer(51, &[6, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0]),
        "ah",
        &[],
    );
}

#[test]
fn less_known_tunnels_over_udp() {
    let (packet, frame) = (inner_packet(), inner_frame());
    let behind = |head: &[u8], payload: &[u8]| [head, payload].concat();
    for (what, port, payload, tunnel) in [
        ("GUE", 6080, behind(&[0, 4, 0, 0], &packet), "gue "),
        (
            "GUE with a field",
            6080,
            behind(&[1, 4, 0, 0, 9, 9, 9, 9], &packet),
            "gue ",
        ),
        (
            "GUE of Ethernet",
            6080,
            behind(&[0, 143, 0, 0], &frame),
            "gue ",
        ),
        ("GUE version 1", 6080, packet.clone(), "gue "),
        ("AMT", 2268, behind(&[6, 0], &packet), "amt "),
        (
            "Juniper's mirror",
            30030,
            behind(&[0, 0, 0, 1, 0, 0, 0, 2], &packet),
            "jmirror 2",
        ),
        ("Mobile IP", 434, behind(&[4, 4, 0, 0], &packet), "mip "),
        (
            "PeekRemote",
            5000,
            [
                &[0, 0xff, 0xab, 0xcd, 2, 0, 0, 0, 55][..],
                &[0; 46],
                &inner_wifi(),
            ]
            .concat(),
            "peekremote ",
        ),
    ] {
        is_entered(what, over_udp(port, &payload), tunnel, &[]);
    }
    for (what, port, payload) in [
        ("GUE, control", 6080, behind(&[0x20, 4, 0, 0], &packet)),
        ("AMT, discovery", 2268, behind(&[1, 0], &packet)),
        ("AMT, something else", 2268, behind(&[6, 0], &[0x45; 40])),
        (
            "Mobile IP, registration",
            434,
            behind(&[1, 4, 0, 0], &packet),
        ),
        ("Juniper's port", 30030, vec![0x45; 60]),
    ] {
        is_left(what, over_udp(port, &payload), "udp", &[]);
    }
}

/// Outer tags are of the network between the tunnel's ends: they are no part of inner frames' keys.
#[test]
fn outer_tags_do_not_count() {
    let tagged = |id: u16, payload: &[u8]| {
        let datagram = Udp { ports: (5, TZSP) }.datagram(payload);
        ethernet(
            (101, 102),
            &[id],
            0x0800,
            &ipv4((101, 102), 17, (0, 0), &datagram),
        )
    };
    for payload in [
        tzsp(0, 1, &[], &inner_frame()),
        tzsp(0, 18, &[], &inner_wifi()),
    ] {
        let rows = list(&[tagged(5, &payload), tagged(6, &payload)], &[]);
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0]["vlan"].as_str(), rows[0]["packets"].as_str()),
            ("", "2")
        );
    }
}

/// Without --decap lists are what they were: no columns, outer headers.
#[test]
fn nothing_is_entered_unasked() {
    let frames = [
        over_udp(TZSP, &tzsp(0, 1, &[], &inner_frame())),
        over_gre(0, 0x8200, &[&inner_wifi()]),
    ];
    let capture = testkit::pcap::Pcap::COMMON.file(frames);
    let program = crate::common::program::Program::new().args(["-", "--format", "csv"]);
    let rows = program.input(&capture, 4096).run().exits(0).rows();
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .all(|row| row["src_ip"] == "10.0.0.101" && !row.contains_key("tunnel"))
    );
}

/// Datagrams of these ports that hold something else stay what they are.
#[test]
fn ports_alone_are_no_tunnel() {
    for port in [
        434, 1701, 2152, 2268, 3386, 3544, 4341, 4754, 4790, 5000, 5072, 5247, 6080, 6081, 30030,
        37008,
    ] {
        for len in [0, 1, 3, 7, 8, 12, 30, 80] {
            let frame = outer(17, &udp((40000, port), len));
            is_left(&format!("{port}, {len} bytes"), frame, "udp", &[]);
        }
    }
    let segment = tcp((40000, TZSP), ACK, 30);
    is_left("TCP", outer(6, &segment), "tcp", &[]);
}
