//! Headers in front of IP that capture devices, radios, meshes and other programs put there: one
//! packet of TCP behind each, found in the list by its port.

mod devices;

use crate::common::program::{Ended, Program, number};
use std::collections::BTreeSet;
use testkit::frames::{ethernet, ipv4, ipv6, mac, tcp};
use testkit::pcap::{ByteOrder, Pcap};
use testkit::pcapng;

const ETHERNET: u16 = 1;
/// LLC and SNAP in front of IPv4.
const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
const FIRST_PORT: u16 = 20_000;

/// Packets behind headers, each with a port of its own.
#[derive(Default)]
struct Cases {
    /// What is in front, the link type, and the frame.
    frames: Vec<(String, u16, Vec<u8>)>,
}

impl Cases {
    /// A case: what `frame` makes of an IPv4 packet.
    fn v4(&mut self, name: &str, link_type: u16, frame: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let packet = ipv4((1, 2), 6, (0, 0), &self.segment());
        self.add(name, link_type, frame(packet));
    }

    /// The same of an IPv6 packet.
    fn v6(&mut self, name: &str, link_type: u16, frame: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let packet = ipv6((1, 2), 6, &self.segment());
        self.add(name, link_type, frame(packet));
    }

    /// A case: an EtherType whose payload `behind` makes of an IPv4 packet.
    fn ether(&mut self, name: &str, kind: u16, behind: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        self.v4(name, ETHERNET, |packet| {
            ethernet((8, 9), &[], kind, &behind(packet))
        });
    }

    fn segment(&self) -> Vec<u8> {
        tcp((port(self.frames.len()), 80), 0x18, 20)
    }

    fn add(&mut self, name: &str, link_type: u16, frame: Vec<u8>) {
        self.frames.push((name.to_owned(), link_type, frame));
    }

    /// All of them as one capture, with an interface for each.
    fn list(&self) -> Ended {
        let order = ByteOrder::Little;
        let mut capture = pcapng::section(order);
        for (_, link_type, _) in &self.frames {
            capture.extend(pcapng::interface(order, *link_type, None, None));
        }
        for ((_, _, frame), interface) in self.frames.iter().zip(0..) {
            let len = u32::try_from(frame.len()).unwrap();
            let time = 1_700_000_000_000_000 + u64::from(interface);
            capture.extend(pcapng::packet_with(order, interface, time, len, frame, &[]));
        }
        let program = Program::new().args(["--stdin", "--format", "csv"]);
        program.input(&capture, 1 << 20).run().exits(0)
    }

    /// Asserts that each is a flow with its addresses and ports, and nothing else is.
    #[track_caller]
    fn are_opened(&self) {
        let ended = self.list();
        let found: BTreeSet<i64> = ended
            .rows()
            .iter()
            .filter(|row| row["protocol"] == "tcp" && row["dst_port"] == "80")
            .filter(|row| {
                let ends = (row["src_ip"].as_str(), row["dst_ip"].as_str());
                matches!(
                    ends,
                    ("10.0.0.1", "10.0.0.2") | ("2001:db8::1", "2001:db8::2")
                )
            })
            .map(|row| number(row, "src_port"))
            .collect();
        let missing: Vec<&String> = (self.frames.iter().enumerate())
            .filter(|(place, _)| !found.contains(&port(*place).into()))
            .map(|(_, (name, ..))| name)
            .collect();
        assert!(missing.is_empty(), "no flow behind {missing:?}");
        assert_eq!(ended.rows().len(), self.frames.len(), "{ended}");
    }

    /// Asserts that none is a flow, nor malformed.
    #[track_caller]
    fn are_not_ip(&self) {
        let ended = self.list();
        assert_eq!(ended.rows().len(), 0, "{ended}");
        let count = self.frames.len();
        ended.says(&format!("{count} packets = 0 in flows + {count} not IP"));
    }
}

fn port(place: usize) -> u16 {
    FIRST_PORT + u16::try_from(place).unwrap()
}

/// `bytes` in front of `packet`.
fn behind(bytes: &[u8], packet: &[u8]) -> Vec<u8> {
    [bytes, packet].concat()
}

/// `len` zero bytes in front.
fn over(len: usize, packet: &[u8]) -> Vec<u8> {
    behind(&vec![0; len], packet)
}

/// The packet in an Ethernet frame.
fn frame(packet: &[u8]) -> Vec<u8> {
    let kind = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    ethernet((1, 2), &[], kind, packet)
}

/// An 802.11 data frame with these two bytes of frame control and of quality of service.
fn wifi(control: [u8; 2], quality: [u8; 2], body: &[u8]) -> Vec<u8> {
    let mut frame = [control.as_slice(), &[0, 0], &mac(3), &mac(4), &mac(5)].concat();
    frame.extend([0x10, 0]);
    if control[1] & 3 == 3 {
        frame.extend(mac(6));
    }
    if control[0] & 0x80 != 0 {
        frame.extend(quality);
    }
    behind(&frame, body)
}

#[test]
fn arista_headers() {
    let mut cases = Cases::default();
    // Subtype, version, length of what follows, whether a frame follows or a type.
    let typed = |head: [u8; 4], len: usize| {
        move |packet: Vec<u8>| [head.to_vec(), vec![7; len], vec![8, 0], packet].concat()
    };
    for (high, name) in [(0, "TAI"), (1, "UTC")] {
        for low in [0x10, 0x11] {
            let head = [0, 1, high, low];
            cases.ether(
                &format!("64 bits, {name}, {low:#x}"),
                0xd28b,
                typed(head, 8),
            );
        }
        for low in [0x20, 0x21] {
            let head = [0, 1, high, low];
            cases.ether(
                &format!("48 bits, {name}, {low:#x}"),
                0xd28b,
                typed(head, 6),
            );
        }
        cases.ether("GRE tap", 0xd28b, typed([0, 3, high, 0x20], 6));
    }
    for (subtype, len) in [(7, 8), (8, 4), (9, 16)] {
        cases.ether(&format!("mirror {subtype}"), 0xd28b, |packet| {
            [vec![0, subtype, 0, 1], vec![0; len], frame(&packet)].concat()
        });
    }
    cases.v6("IPv6 with a VLAN tag in front", ETHERNET, |packet| {
        let stamp = [&[0, 1, 0, 0x20, 1, 2, 3, 4, 5, 6, 0x86, 0xdd], &packet[..]].concat();
        ethernet((8, 9), &[100], 0xd28b, &stamp)
    });
    cases.are_opened();

    let mut others = Cases::default();
    others.ether("test traffic", 0xd28b, |packet| {
        behind(&[0xca, 0xfe, 0, 1], &packet)
    });
    others.ether("an unknown version", 0xd28b, typed([0, 1, 0, 0x30], 8));
    others.are_not_ip();
}

#[test]
fn headers_of_switches_and_meshes() {
    let mut cases = Cases::default();
    for len in [1, 5, 20] {
        cases.ether("Gigamon", 0x22e5, |packet| {
            let fields = vec![0; usize::from(len) - 1];
            [&[len][..], &fields, &[8, 0], &packet].concat()
        });
    }
    cases.ether("heartbeat backup", 0x8988, |packet| {
        behind(&[0, 0, 0, 0, 0, 1, 8, 0], &packet)
    });
    cases.ether("Extreme", 0xe555, |packet| over(38, &frame(&packet)));
    cases.ether("SNA", 0x80d5, |packet| {
        behind(&[0, 50, 0], &behind(&SNAP, &packet))
    });
    cases.ether("802.1BR", 0x893f, |packet| {
        behind(&[0, 0, 0, 1, 0, 0, 8, 0], &packet)
    });
    cases.ether("Realtek, 4 bytes", 0x8899, |packet| {
        behind(&[0xa2, 1, 8, 0], &packet)
    });
    cases.ether("Realtek, 8 bytes", 0x8899, |packet| {
        behind(&[4, 0, 0, 0, 0, 1, 8, 0], &packet)
    });
    for (link_type, ahead) in [(ETHERNET, 14), (224, 0), (225, 4)] {
        for (control, network) in [(0, 0), (0x20, 16)] {
            let fibre = |packet: &[u8]| {
                let mut head = vec![0; ahead + 24 + network];
                (head[ahead], head[ahead + 8], head[ahead + 13]) = (4, 5, control);
                [&head, &SNAP[..], packet].concat()
            };
            match link_type {
                ETHERNET => cases.ether("FCoE", 0x8906, |packet| fibre(&packet)),
                _ => cases.v4("Fibre Channel", link_type, |packet| fibre(&packet)),
            }
        }
    }
    cases.ether("RTnet", 0x9021, |packet| behind(&[8, 0, 2, 1], &packet));
    cases.ether("VMware Lab Manager", 0x88de, |packet| {
        over(10, &frame(&packet))
    });
    for kind in [3, 10] {
        cases.ether("TECMP", 0x99fe, |packet| {
            let message = [0, 1, 0, 1, 3, kind, 0, 0x80, 0, 0, 0, 15];
            [&message[..], &[0; 16], &frame(&packet)].concat()
        });
    }
    for kind in [0x88bb, 0xbbbb] {
        cases.ether("LWAPP", kind, |packet| {
            over(6, &wifi([8, 1], [0, 0], &behind(&SNAP, &packet)))
        });
    }
    // Packet type and version; the length of the header that they begin.
    let mesh = [
        (3, 6, 9),
        (3, 13, 9),
        (3, 14, 10),
        (4, 6, 10),
        (4, 9, 10),
        (4, 10, 13),
        (4, 13, 13),
        (4, 14, 14),
        (9, 14, 18),
        (0x40, 15, 10),
        (0x42, 15, 18),
        (1, 15, 14),
    ];
    for (kind, version, len) in mesh {
        cases.ether(
            &format!("B.A.T.M.A.N. {version}, {kind}"),
            0x4305,
            |packet| [vec![kind, version], vec![0; len - 2], frame(&packet)].concat(),
        );
    }
    cases.ether("first fragment of B.A.T.M.A.N. 14", 0x4305, |packet| {
        let mut head = vec![0; 20];
        (head[0], head[1], head[10]) = (6, 14, 1);
        behind(&head, &frame(&packet))
    });
    cases.are_opened();

    let mut others = Cases::default();
    for (kind, version) in [(6, 14), (0x41, 15), (2, 14), (0, 15), (0x40, 16), (3, 5)] {
        others.ether("B.A.T.M.A.N.", 0x4305, |packet| {
            [vec![kind, version], vec![0; 18], frame(&packet)].concat()
        });
    }
    others.ether("LWAPP control", 0x88bb, |packet| {
        behind(&[4, 0, 0, 0, 0, 0], &packet)
    });
    others.ether("TECMP with CAN", 0x99fe, |packet| {
        behind(&[0, 1, 0, 1, 3, 3, 0, 2, 0, 0, 0, 15], &over(16, &packet))
    });
    others.are_not_ip();
}

#[test]
fn wireless_frames() {
    let mut cases = Cases::default();
    let llc = |packet: &[u8]| behind(&SNAP, packet);
    cases.ether("Centrino", 0x2452, |packet| {
        wifi([8, 1], [0, 0], &llc(&packet))
    });
    cases.ether("Centrino with quality of service", 0x2452, |packet| {
        wifi([0x88, 2], [0, 0], &llc(&packet))
    });
    cases.ether("Centrino, decrypted WEP", 0x2452, |packet| {
        wifi([8, 0x41], [0, 0], &over(4, &llc(&packet)))
    });
    cases.ether("Centrino, decrypted TKIP", 0x2452, |packet| {
        let vector = [1, 0x20, 0, 0x20, 0, 0, 0, 0];
        wifi([8, 0x41], [0, 0], &behind(&vector, &llc(&packet)))
    });
    for (mode, len) in [(0, 6), (1, 12), (2, 18)] {
        for (flags, says) in [(2, 1), (3, 1), (3, 0)] {
            let name = format!("mesh control {mode}, {flags}, {says}");
            cases.v4(&name, 105, |packet| {
                let mut control = vec![0; len];
                (control[0], control[1]) = (mode, 31);
                wifi([0x88, flags], [0, says], &behind(&control, &llc(&packet)))
            });
        }
    }
    cases.v4("mesh control with HT control", 105, |packet| {
        wifi([0x88, 0x83], [0, 1], &over(4 + 6, &llc(&packet)))
    });
    cases.v4("mesh control in an aggregate", 105, |packet| {
        let inner = [vec![0; 14], vec![0; 6], llc(&packet)].concat();
        wifi([0x88, 3], [0x80, 1], &inner)
    });
    cases.v4("an access point's buffer state is none", 105, |packet| {
        wifi([0x88, 2], [0, 1], &llc(&packet))
    });
    cases.are_opened();
}

#[test]
fn serial_lines() {
    let mut cases = Cases::default();
    for link_type in [9, 50] {
        cases.v4("Cisco HDLC", link_type, |packet| {
            behind(&[0x0f, 0, 8, 0], &packet)
        });
        cases.v6("Cisco HDLC", link_type, |packet| {
            behind(&[0x8f, 0, 0x86, 0xdd], &packet)
        });
        cases.v4("PPP", link_type, |packet| {
            behind(&[0xff, 3, 0, 0x21], &packet)
        });
        cases.v4("PPP with an EtherType", link_type, |packet| {
            behind(&[8, 0], &packet)
        });
        cases.v4("PPP with LLC", link_type, |packet| {
            behind(&[0, 0x4b], &behind(&SNAP, &packet))
        });
    }
    cases.v4("Cisco HDLC behind a direction", 204, |packet| {
        behind(&[1, 0x0f, 0, 8, 0], &packet)
    });
    cases.v4("NetBSD's HDLC", 112, |packet| {
        behind(&[0x0f, 0, 8, 0], &packet)
    });
    for link_type in [16, 18, 19, 106] {
        cases.v4("classical IP over ATM", link_type, |packet| packet);
    }
    for (name, hardware, protocol, head) in [
        ("PPP", 512, 0x0007, &[0xff, 3, 0, 0x21][..]),
        ("PPP without address", 512, 0x0007, &[0, 0x21]),
        ("Cisco HDLC", 513, 0x0007, &[0x0f, 0, 8, 0]),
        ("IP of PPP", 512, 0x0800, &[]),
        ("PPP in GRE", 778, 0x880b, &[0, 0x21]),
        ("frame relay in GRE", 778, 0x6559, &[0x18, 0x41, 3, 0xcc]),
        ("A10 in GRE", 778, 0x8881, &[0, 0x21]),
    ] {
        let hardware = u16::to_be_bytes(hardware);
        let protocol = u16::to_be_bytes(protocol);
        cases.v4(name, 113, |packet| {
            let cooked = [&[0, 0], &hardware[..], &[0; 10], &protocol].concat();
            behind(&cooked, &behind(head, &packet))
        });
        cases.v4(name, 276, |packet| {
            let cooked = [&protocol[..], &[0; 6], &hardware, &[0; 10]].concat();
            behind(&cooked, &behind(head, &packet))
        });
    }
    cases.are_opened();
}

/// Addresses of AX.25, with this many repeaters, and control and protocol id.
fn ax25(repeaters: usize, control: u8, protocol: u8) -> Vec<u8> {
    let mut bytes = b"\x82\x82\x82\x82\x82\x82\x60".repeat(2 + repeaters);
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    bytes.extend([control, protocol]);
    bytes
}

#[test]
fn labels_and_packet_radio() {
    let mut cases = Cases::default();
    cases.v4("MPLS", 219, |packet| behind(&[0, 1, 1, 64], &packet));
    cases.v6("two MPLS labels", 219, |packet| {
        behind(&[0, 1, 0, 64, 0, 2, 1, 64], &packet)
    });
    for (name, channel) in [
        ("an associated channel", &[0x10, 0, 0, 0x21][..]),
        ("a management channel", &[0x10, 0, 0, 1, 0, 0x21]),
        ("a signalling channel", &[0x10, 0, 0, 2, 0, 0x21]),
    ] {
        cases.v4(name, 219, |packet| {
            [&[0, 1, 1, 64], channel, &packet].concat()
        });
        let labels = [0, 1, 1, 64];
        cases.ether(name, 0x8847, |packet| [&labels, channel, &packet].concat());
    }
    cases.v4("a pseudowire in MPLS", 219, |packet| {
        behind(&[0, 1, 1, 64, 0, 0, 0, 0], &frame(&packet))
    });
    for (link_type, head) in [(3, &[][..]), (202, &[0]), (202, &[0x10])] {
        for (repeaters, control) in [(0, 0x03), (2, 0x13), (8, 0x03), (0, 0x22)] {
            let name = format!("AX.25 {link_type}, {repeaters} repeaters, {control:#x}");
            cases.v4(&name, link_type, |packet| {
                [head, &ax25(repeaters, control, 0xcc), &packet].concat()
            });
        }
    }
    cases.ether("BPQ", 0x08ff, |packet| {
        [vec![0, 0], ax25(0, 0x03, 0xcc), packet].concat()
    });
    cases.are_opened();

    let mut others = Cases::default();
    others.v4("a command to the modem", 202, |packet| {
        behind(&[1], &packet)
    });
    others.v4("receive ready", 202, |packet| {
        [vec![0], ax25(0, 0x01, 0xcc), packet].concat()
    });
    others.v4("NET/ROM", 3, |packet| behind(&ax25(0, 3, 0xcf), &packet));
    others.are_not_ip();
}

/// Each of them cut anywhere is no reason to stop.
#[test]
fn headers_that_are_cut_short() {
    let mut cases = Cases::default();
    let heads: [(u16, &[u8]); 14] = [
        (143, &[1, 9, 0, 90, 0x44]),
        (184, &[1, 4]),
        (130, b"MGC\0"),
        (131, b"MGC\0\x54"),
        (135, b"MGC\0"),
        (137, b"MGC\0"),
        (200, b"MGC\0"),
        (202, &[0, 2, 2]),
        (219, &[0, 1, 0, 64]),
        (252, &[0, 12, 0, 4, b'i']),
        (280, &[1, 0, 4, 0, 0, 0, 0, 0, b'a']),
        (197, &[0; 15]),
        (279, &[0x50]),
        (171, &[0, 0]),
    ];
    for (link_type, head) in heads {
        for len in 0..=head.len() {
            cases.add("", link_type, head[..len].to_vec());
        }
    }
    for kind in [
        0x4305_u16, 0x8899, 0x88bb, 0x9021, 0x99fe, 0xd28b, 0x2452, 0x08ff,
    ] {
        for len in 0..12 {
            cases.add("", ETHERNET, ethernet((1, 2), &[], kind, &vec![0; len]));
        }
    }
    let ended = cases.list();
    assert_eq!(ended.rows().len(), 0, "{ended}");
}

/// A pcap file has one link type, and its name is in the message where it is not decoded.
#[test]
fn link_types_have_their_names() {
    let pcap = Pcap {
        link_type: 195,
        ..Pcap::COMMON
    };
    let program = Program::new().args(["--stdin"]);
    let ended = program.input(&pcap.file([vec![0; 40]]), 100).run();
    ended.exits(0).says("IEEE802_15_4_WITHFCS (195)");
}
