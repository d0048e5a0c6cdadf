//! PDUs that Wireshark exported: flows from the IP headers in them, or from the fields in front.

use crate::common::entries;
use crate::common::program::{Ended, Program, number, run};
use std::fs;
use testkit::frames::{ethernet, ipv4, ipv6, tcp, udp};
use testkit::pcap::Pcap;

const EXPORTED: Pcap = Pcap {
    link_type: 252,
    ..Pcap::COMMON
};

/// A field: tag, length, value.
fn field(tag: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).unwrap();
    [&tag.to_be_bytes(), &len.to_be_bytes(), value].concat()
}

/// A name, filled up as Wireshark does it.
fn name(tag: u16, name: &str) -> Vec<u8> {
    let mut value = name.as_bytes().to_vec();
    value.resize(value.len().next_multiple_of(4), 0);
    field(tag, &value)
}

fn numbers(fields: &[(u16, u32)]) -> Vec<u8> {
    let fields = fields
        .iter()
        .map(|(tag, value)| field(*tag, &value.to_be_bytes()));
    fields.collect::<Vec<_>>().concat()
}

/// Addresses, and the ports of what carried the PDU: 1 SCTP, 2 TCP, 3 UDP.
fn v4(carrier: u32) -> Vec<u8> {
    let addresses = [field(20, &[10, 0, 0, 1]), field(21, &[10, 0, 0, 2])].concat();
    [
        addresses,
        numbers(&[(24, carrier), (25, 40_000), (26, 443)]),
    ]
    .concat()
}

fn v6() -> Vec<u8> {
    let address = |last| [vec![0x20, 1, 0x0d, 0xb8], vec![0; 11], vec![last]].concat();
    let addresses = [field(22, &address(1)), field(23, &address(2))].concat();
    [addresses, numbers(&[(24, 2), (25, 40_000), (26, 443)])].concat()
}

/// A PDU behind fields.
fn pdu(fields: &[u8], payload: &[u8]) -> Vec<u8> {
    [fields, &field(0, &[]), payload].concat()
}

fn list(packets: impl IntoIterator<Item = Vec<u8>>) -> Ended {
    let program = Program::new().args(["--stdin", "--format", "csv"]);
    program.input(&EXPORTED.file(packets), 100).run().exits(0)
}

fn packet() -> Vec<u8> {
    ipv4((1, 2), 6, (0, 0), &tcp((40_000, 443), 0x18, 10))
}

/// What leads to IP is read like any other packet.
#[test]
fn layers_that_lead_to_ip() {
    let frame = ethernet((1, 2), &[], 0x0800, &packet());
    let v6 = ipv6((1, 2), 6, &tcp((40_000, 443), 2, 0));
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &packet()[..]].concat();
    let wlan = [&[8, 1], &[0; 22][..], &snap].concat();
    let cooked = [&[0, 0, 0, 1], &[0; 10][..], &[8, 0], &packet()].concat();
    let cases: [(&str, Vec<u8>); 9] = [
        ("ip", packet()),
        ("ipv6", v6),
        ("eth_withoutfcs", frame.clone()),
        ("eth_maybefcs", frame),
        ("wlan", wlan),
        ("llc", snap),
        ("sll", cooked),
        ("ppp", [&[0, 0x21], &packet()[..]].concat()),
        ("mpls", [&[0, 1, 1, 64], &packet()[..]].concat()),
    ];
    for (layer, payload) in cases {
        // Addresses in the fields are those of what carried it; the header in it counts.
        for fields in [
            name(12, layer),
            [name(12, layer), numbers(&[(24, 3)])].concat(),
        ] {
            let rows = list([pdu(&fields, &payload)]).rows();
            assert_eq!(rows.len(), 1, "{layer}");
            assert_eq!(number(&rows[0], "dst_port"), 443, "{layer}");
        }
    }
    let table = [name(14, "ethertype"), numbers(&[(32, 0x0800)])].concat();
    assert_eq!(list([pdu(&table, &packet())]).rows().len(), 1);
}

/// What TCP, UDP or SCTP carried: addresses, ports and protocol are in the fields.
#[test]
fn protocols_above() {
    for (carrier, protocol) in [(1, "sctp"), (2, "tcp"), (3, "udp"), (4, "dccp")] {
        let fields = [name(12, "http"), v4(carrier), numbers(&[(30, 17)])].concat();
        let rows = list([pdu(&fields, b"GET / HTTP/1.1\r\n"), pdu(&fields, b"\r\n")]).rows();
        assert_eq!(rows.len(), 1, "{protocol}");
        let ends = ["src_ip", "src_port", "dst_ip", "dst_port"].map(|it| rows[0][it].as_str());
        assert_eq!(ends, ["10.0.0.1", "40000", "10.0.0.2", "443"]);
        assert_eq!(rows[0]["protocol"], protocol);
        assert_eq!(number(&rows[0], "packets"), 2);
    }
    let rows = list([pdu(&[name(12, "tls"), v6()].concat(), &[22, 3, 1])]).rows();
    let ends = ["src_ip", "src_port", "dst_ip", "dst_port"].map(|it| rows[0][it].as_str());
    assert_eq!(ends, ["2001:db8::1", "40000", "2001:db8::2", "443"]);
}

/// Both directions are one conversation, and filters see addresses and ports.
#[test]
fn conversations_and_filters() {
    let there = [name(12, "http"), v4(2)].concat();
    let addresses = [field(20, &[10, 0, 0, 2]), field(21, &[10, 0, 0, 1])].concat();
    let ports = numbers(&[(24, 2), (25, 443), (26, 40_000)]);
    let back = [name(12, "http"), addresses, ports].concat();
    let bytes = EXPORTED.file([pdu(&there, b"GET"), pdu(&back, b"200"), pdu(&there, b"GET")]);
    let csv = |options: &[&str]| {
        let program = Program::new()
            .args(["--stdin", "--format", "csv"])
            .args(options);
        program.input(&bytes, 100).run().exits(0).rows()
    };
    assert_eq!(csv(&[]).len(), 2);
    assert_eq!(csv(&["--bidirectional"]).len(), 1);
    assert_eq!(csv(&["--filter", "tcp src port 443"]).len(), 1);
    assert_eq!(csv(&["--filter", "udp"]).len(), 0);
}

/// The header of a transport protocol, behind fields with addresses.
#[test]
fn transport_headers() {
    for (layer, payload, flags) in [
        ("tcp", tcp((7, 8), 0x12, 4), 0x12),
        ("udp", udp((7, 8), 4), 0),
    ] {
        for fields in [name(12, layer), name(14, "ip.proto")] {
            let number_of = if layer == "tcp" { 6 } else { 17 };
            let fields = [fields, numbers(&[(32, number_of)]), v4(0)].concat();
            let rows = list([pdu(&fields, &payload)]).rows();
            assert_eq!(rows.len(), 1, "{layer}");
            assert_eq!(rows[0]["protocol"], layer);
            assert_eq!(number(&rows[0], "src_port"), 7, "{layer}");
            assert_eq!(number(&rows[0], "tcp_flags"), flags, "{layer}");
        }
    }
}

/// Bytes without a sequence number are in no stream, and invent none.
#[test]
fn there_are_no_streams() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    let fields = [name(12, "http"), v4(2)].concat();
    fs::write(
        &path,
        EXPORTED.file([pdu(&fields, b"GET / HTTP/1.1\r\n\r\n")]),
    )
    .unwrap();
    let output = folder.path().join("streams/");
    let manifest = folder.path().join("manifest.csv");
    let options = ["--extract-tcp-all", "--disable-display", "-o"].map(AsRef::as_ref);
    let names = [
        output.as_os_str(),
        "--manifest".as_ref(),
        manifest.as_os_str(),
    ];
    let args = [path.as_os_str()].into_iter().chain(options).chain(names);
    let ended = run(args);
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    let streams = if output.exists() {
        entries(&output)
    } else {
        Vec::new()
    };
    for stream in streams {
        let len = fs::metadata(output.join(&stream)).unwrap().len();
        assert_eq!(len, 0, "{stream}");
    }
}

/// What has neither is counted.
#[test]
fn what_is_not_ip() {
    let only_source = [
        name(12, "http"),
        field(20, &[10, 0, 0, 1]),
        numbers(&[(24, 2)]),
    ]
    .concat();
    let ended = list([
        pdu(&name(12, "http"), b"GET"),
        pdu(&only_source, b"GET"),
        pdu(&[name(12, "mtp3"), v4(0)].concat(), &[0; 9]),
        pdu(&name(13, "some heuristic"), &packet()),
    ]);
    ended.says("4 packets = 0 in flows + 4 not IP (4 family) + 0 malformed");
    let cut = pdu(&[name(12, "http"), v4(2)].concat(), b"");
    let ended = list((0..cut.len()).map(|len| cut[..len].to_vec()));
    assert_eq!(ended.rows().len(), 0, "{ended}");
}
