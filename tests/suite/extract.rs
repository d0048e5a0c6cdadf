//! Extraction: the packets that were selected, all of them and no others, as they are, in the
//! order of the capture.

use crate::common::extraction::{extract, read, records, try_extract};
use crate::common::program::{Program, number, run, run_other};
use crate::common::reading::{Packet, Parsed, first_difference, parse};
use crate::common::{Complaints, captures, entries, root, testdata};
use std::fs;
use std::path::Path;
use std::process::Command;
use testkit::frames;

const HTTP: &str = "testdata/recorded/http.pcap";
const DNS: &str = "testdata/recorded/dns.pcap";
const IPV6: &str = "testdata/recorded/ipv6.pcapng";
const US: &str = "testdata/generated/formats/us-le.pcap";

/// Asserts that what was extracted of one capture are exactly the packets that `is_wanted` picks.
#[track_caller]
fn assert_extracts(capture: &str, options: &[&str], is_wanted: impl Fn(&Packet) -> bool) {
    let input = read(capture);
    let output = parse(&extract(&[&[capture], options].concat()));
    assert!(output.is_whole, "{capture} {options:?}");
    let expected: Vec<&[u8]> = input
        .packets
        .iter()
        .filter(|it| is_wanted(it))
        .map(|it| it.record.as_slice())
        .collect();
    assert!(
        !expected.is_empty(),
        "{capture} {options:?}: nothing is wanted"
    );
    let found = records(&output.packets);
    assert_eq!(
        found.len(),
        expected.len(),
        "{capture} {options:?}: packets"
    );
    assert!(
        found == expected,
        "{capture} {options:?}: other packets, or another order"
    );
    assert_eq!(
        output.header, input.header,
        "{capture} {options:?}: file header"
    );
}

// What the packets of recorded/http.pcap and dns.pcap are: untagged Ethernet, IPv4.

fn ports(packet: &Packet) -> Option<(u16, u16)> {
    let ip = packet.ipv4()?;
    let transport = ip.get(usize::from(ip[0] & 15) * 4..)?;
    let port = |at: usize| u16::from_be_bytes([transport[at], transport[at + 1]]);
    matches!(ip[9], 6 | 17).then(|| (port(0), port(2)))
}

fn addresses(packet: &Packet) -> Option<([u8; 4], [u8; 4])> {
    let ip = packet.ipv4()?;
    Some((
        ip[12..16].try_into().unwrap(),
        ip[16..20].try_into().unwrap(),
    ))
}

#[test]
fn everything_is_the_capture_itself() {
    for capture in captures() {
        let bytes = capture.read();
        let parsed = parse(&bytes);
        if capture.damaged || capture.refused || !parsed.is_whole {
            continue;
        }
        let output = parse(&extract(&[&capture.name]));
        assert!(output.is_whole, "{}", capture.name);
        let difference = first_difference(&output.packets, &parsed.packets);
        assert_eq!(difference, None, "{}", capture.name);
        let is_same = records(&output.packets) == records(&parsed.packets);
        assert_eq!(is_same, !is_rewritten(&capture.name), "{}", capture.name);
    }
}

/// Formats that are read but not written become common pcap.
fn is_rewritten(name: &str) -> bool {
    name.contains("snoop")
}

#[test]
fn by_flow_id() {
    // By hand: the first flow, the second, and both of the last connection.
    let first = |packet: &Packet| ports(packet) == Some((41001, 80));
    let second = |packet: &Packet| ports(packet) == Some((80, 41001));
    let last = |packet: &Packet| matches!(ports(packet), Some((41003, 80) | (80, 41003)));
    assert_extracts(HTTP, &["--extract", "1"], first);
    assert_extracts(HTTP, &["--extract", "5-6"], last);
    assert_extracts(HTTP, &["--extract", "5,1,6"], |it| first(it) || last(it));
    let twice = ["--extract", "2", "--extract", "1"];
    assert_extracts(HTTP, &twice, |it| first(it) || second(it));
}

/// Each flow of each recorded capture, by the packets and bytes that the list says it has.
#[test]
fn each_flow_by_its_id() {
    for capture in captures().iter().filter(|it| it.name.contains("recorded")) {
        let name = capture.name.as_str();
        let mut records_of_all = 0;
        for options in [vec![], vec!["--bidirectional"]] {
            let list = run(["--format", "csv", name].iter().chain(&options))
                .exits(0)
                .rows();
            for row in list.iter().step_by(if list.len() > 12 { 3 } else { 1 }) {
                let args = [&[name, "--extract", &row["flow_id"]], &options[..]].concat();
                let output = parse(&extract(&args));
                let bytes: i64 = output.packets.iter().map(|it| i64::from(it.wire_len)).sum();
                let packets = i64::try_from(output.packets.len()).unwrap();
                assert_eq!(
                    (packets, bytes),
                    (number(row, "packets"), number(row, "bytes"))
                );
                let times: Vec<i128> = output.packets.iter().filter_map(|it| it.time_ns).collect();
                assert_eq!(times.iter().min(), Some(&number(row, "first_ns").into()));
                assert_eq!(times.iter().max(), Some(&number(row, "last_ns").into()));
                records_of_all += output.packets.len();
            }
        }
        assert!(records_of_all > 0, "{name}");
    }
}

/// An id that is found late, in a window far behind the flow's neighbours.
#[test]
fn an_id_of_a_later_window() {
    let small = ["--window-bytes", "2048", "--chunk-bytes", "300"];
    let last = |packet: &Packet| ports(packet) == Some((80, 41003));
    assert_extracts(HTTP, &[&["--extract", "6"], &small[..]].concat(), last);
    let first = |packet: &Packet| ports(packet) == Some((41001, 80));
    assert_extracts(HTTP, &[&["--extract", "1"], &small[..]].concat(), first);
}

#[test]
fn by_address() {
    let from_or_to = |wanted: fn([u8; 4]) -> bool| {
        move |packet: &Packet| {
            addresses(packet).is_some_and(|(src, dst)| wanted(src) || wanted(dst))
        }
    };
    let dns = "testdata/generated/ip/addresses-apart.pcap";
    // Address, network, mask, and a mask with holes.
    let any = from_or_to(|it| it[3] % 4 == 1);
    assert_extracts(dns, &["--extract-ip", "0.0.0.1/0.0.0.3"], any);
    assert_extracts(
        HTTP,
        &["--extract-ip", "10.77.0.1"],
        from_or_to(|it| it == [10, 77, 0, 1]),
    );
    assert_extracts(
        HTTP,
        &["--extract-ip", "10.77.0.0/16"],
        from_or_to(|it| it[..2] == [10, 77]),
    );
    let mask = ["--extract-ip", "10.77.0.9/255.255.0.0"];
    assert_extracts(HTTP, &mask, from_or_to(|it| it[..2] == [10, 77]));
    assert_extracts(
        HTTP,
        &["--extract_ip", "10.0.0.0/8"],
        from_or_to(|it| it[0] == 10),
    );
    assert_eq!(
        parse(&extract(&[HTTP, "--extract-ip", "10.78.0.0/16"]))
            .packets
            .len(),
        0
    );
}

#[test]
fn by_ipv6_address() {
    let has = |packet: &Packet, address: &[u8; 16]| {
        packet.ether_type() == Some(0x86dd)
            && (packet.data[22..38] == *address || packet.data[38..54] == *address)
    };
    let mut client = [0; 16];
    client[..2].copy_from_slice(&[0xfd, 0x77]);
    client[15] = 1;
    assert_extracts(IPV6, &["--extract-ip", "fd77::1"], |it| has(it, &client));
    let is_below = |packet: &Packet| {
        packet.ether_type() == Some(0x86dd)
            && (packet.data[22..24] == [0xfd, 0x77] || packet.data[38..40] == [0xfd, 0x77])
    };
    assert_extracts(IPV6, &["--extract-ip", "fd77::/16"], is_below);
    assert_extracts(IPV6, &["--extract-ip", "::/0"], |it| {
        it.ether_type() == Some(0x86dd)
    });
    assert_eq!(
        parse(&extract(&[IPV6, "--extract-ip", "0.0.0.0/0"]))
            .packets
            .len(),
        0
    );
}

#[test]
fn by_port() {
    let any = |low: u16, high: u16| {
        move |packet: &Packet| {
            let range = low..=high;
            ports(packet).is_some_and(|(src, dst)| range.contains(&src) || range.contains(&dst))
        }
    };
    assert_extracts(
        HTTP,
        &["--extract-port", "41002", "41003"],
        any(41002, 41003),
    );
    assert_extracts(HTTP, &["--extract_port", "80", "80"], any(80, 80));
    assert_extracts(DNS, &["--extract-port", "0", "53"], any(0, 53));
    let twice = [
        "--extract-port",
        "41001",
        "41001",
        "--extract-port",
        "41003",
        "50000",
    ];
    assert_extracts(HTTP, &twice, |it| {
        any(41001, 41001)(it) || any(41003, 50000)(it)
    });
    // TCP and UDP only: SCTP has ports, but is not meant; ICMP has none.
    let sctp = [
        "testdata/generated/ip/protocols.pcap",
        "--extract-port",
        "0",
        "65535",
    ];
    assert_eq!(parse(&extract(&sctp)).packets.len(), 0);
}

/// A filter alone decides on all packets, also on those that are not IP.
#[test]
fn by_filter() {
    let is_arp = |packet: &Packet| packet.ether_type() == Some(0x0806);
    let is_tcp = |packet: &Packet| packet.ipv4_protocol() == Some(6);
    assert_extracts(HTTP, &["--filter", "not tcp"], is_arp);
    assert_extracts(DNS, &["--filter", "not udp"], |it| is_arp(it) || is_tcp(it));
    assert_extracts(DNS, &["--filter", "tcp"], is_tcp);
    assert_extracts(DNS, &["--filter", "not ip"], is_arp);
    let from_server = |packet: &Packet| ports(packet).is_some_and(|(src, _)| src == 53);
    assert_extracts(DNS, &["--filter", "src port 53"], from_server);
    assert_extracts(DNS, &["--filter", "not src port 53"], |it| !from_server(it));
    let macs = |packet: &Packet| packet.data[6..12] == [2, 0, 0, 0, 0, 1];
    assert_extracts(
        HTTP,
        &["--filter", "ether src host 02:00:00:00:00:01"],
        macs,
    );
    let five_tuple = [
        "--filter",
        "ether src host 02:00:00:00:00:01",
        "--flow-5tuple",
    ];
    assert_extracts(HTTP, &five_tuple, macs);
    let not_ip = "testdata/generated/ethernet/not-ip.pcap";
    assert_extracts(not_ip, &[], |_| true);
    assert_extracts(not_ip, &["--filter", "not vlan"], |it| {
        it.ether_type() != Some(0x8100)
    });
    assert_extracts(not_ip, &["--filter", "vlan"], |it| {
        it.ether_type() == Some(0x8100)
    });
}

#[test]
fn addresses_left_out() {
    let is_arp = |packet: &Packet| packet.ether_type() == Some(0x0806);
    assert_extracts(HTTP, &["--exclude-ip", "10.77.0.2"], is_arp);
    let fragments = "testdata/recorded/icmp.pcap";
    let is_udp = |packet: &Packet| packet.ipv4_protocol() == Some(17);
    let only_udp = ["--filter", "not icmp", "--exclude-ip", "192.0.2.1"];
    assert_extracts(fragments, &only_udp, |it| is_udp(it) || is_arp(it));
}

/// Criteria are a union; the filter holds for all of them.
#[test]
fn several_criteria() {
    let wanted = |packet: &Packet| {
        ports(packet)
            .is_some_and(|(src, dst)| (src, dst) == (41001, 80) || [src, dst].contains(&41003))
    };
    let union = ["--extract", "1", "--extract-port", "41003", "41003"];
    assert_extracts(HTTP, &union, wanted);
    let with_net = [&union[..], &["--extract-ip", "192.0.2.0/24"]].concat();
    assert_extracts(HTTP, &with_net, wanted);
    let everything = [&union[..], &["--extract-ip", "10.77.0.2"]].concat();
    assert_extracts(HTTP, &everything, |it| it.ipv4().is_some());
    let filtered = [&union[..], &["--filter", "src port 80"]].concat();
    assert_extracts(HTTP, &filtered, |it| ports(it) == Some((80, 41003)));
}

#[test]
fn the_first_packets_only() {
    for count in [1, 2, 30, 66, 100] {
        let count_text = count.to_string();
        let input = read(HTTP);
        let output = parse(&extract(&[HTTP, "--packet-max", &count_text]));
        let expected = &input.packets[..count.min(66)];
        assert!(records(&output.packets) == records(expected), "{count}");
    }
    let ended = parse(&extract(&[HTTP, "--packet-max", "30", "--extract", "1"]));
    let expected: Vec<Packet> = read(HTTP).packets.into_iter().take(30).collect();
    let expected: Vec<&[u8]> = expected
        .iter()
        .filter(|it| ports(it) == Some((41001, 80)))
        .map(|it| it.record.as_slice())
        .collect();
    assert_eq!(records(&ended.packets), expected);
}

/// Later fragments have no ports, and still go with their flow.
#[test]
fn fragments_go_with_their_flow() {
    for version in ["ipv4", "ipv6"] {
        let name = format!("testdata/generated/ip/{version}-fragments-interleaved.pcap");
        let rows = run([name.as_str(), "--format", "csv"]).exits(0).rows();
        assert_eq!(rows.len(), 2);
        for row in rows {
            let by_id = extract(&[&name, "--extract", &row["flow_id"]]);
            assert_eq!(parse(&by_id).packets.len(), 3);
            let port = &row["src_port"];
            assert_eq!(extract(&[&name, "--extract-port", port, port]), by_id);
            assert_eq!(
                extract(&[&name, "--filter", &format!("src port {port}")]),
                by_id
            );
        }
    }
}

#[test]
fn what_stands_behind_damage_is_extracted_too() {
    let whole = read(US);
    for name in [
        "garbage-middle.pcap",
        "length-past-end.pcap",
        "length-ffffffff.pcap",
    ] {
        let name = format!("testdata/generated/damage/{name}");
        let (ended, bytes) = try_extract(&[&name]);
        ended.exits(3);
        let output = parse(&bytes.unwrap());
        assert!(output.is_whole, "{name}: the output is not damaged");
        assert!(output.packets.len() >= 23, "{name}");
        let known: Vec<&[u8]> = whole.packets.iter().map(|it| it.data.as_slice()).collect();
        assert!(
            output
                .packets
                .iter()
                .all(|it| known.contains(&it.data.as_slice())),
            "{name}"
        );
    }
}

/// From a pipe the format is that of what comes.
#[test]
fn the_format_of_a_pipe_is_kept() {
    for name in [
        HTTP,
        DNS,
        IPV6,
        "testdata/generated/formats/kuznetzov-be.pcap",
    ] {
        let bytes = fs::read(root().join(name)).unwrap();
        let ended = Program::new()
            .args(["-", "-o", "-"])
            .input(&bytes, 999)
            .run()
            .exits(0);
        assert_eq!(ended.stdout, extract(&[name]), "{name}");
    }
}

/// An output that another program reads while it is written.
#[test]
fn an_output_may_be_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let program = Program::new().args([HTTP.as_ref(), "-o".as_ref(), pipe.as_os_str()]);
    let running = program.start();
    let bytes = fs::read(&pipe).unwrap();
    running.wait().exits(0);
    assert_eq!(bytes, fs::read(root().join(HTTP)).unwrap());
    assert_eq!(entries(folder.path()), ["pipe"], "it is still there");
}

/// Far more packets than the matrix has, with every second one selected.
#[test]
fn many_packets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.pcap");
    let bytes = frames::many_flows(20_000);
    fs::write(&path, &bytes).unwrap();
    let input = parse(&bytes);
    let name = path.to_str().unwrap();
    let output = parse(&extract(&[
        name,
        "--extract-ip",
        "10.0.0.2/0.0.0.1",
        "--threads",
        "3",
    ]));
    // Destinations go through 10.0.0.0 to 10.0.0.78; sources are odd.
    let even = |packet: &&Packet| addresses(packet).is_some_and(|(_, dst)| dst[3] % 2 == 0);
    let expected: Vec<Packet> = input.packets.iter().filter(even).cloned().collect();
    assert!(expected.len() > 9000 && records(&output.packets) == records(&expected));
}

// Another program's opinion.

/// The same condition for both programs: here, and as tshark says it. Fragments are not put
/// together, so that each packet is looked at by itself.
const CONDITIONS: [(&str, &str); 6] = [
    ("tcp", "tcp"),
    ("not tcp", "not tcp"),
    (
        "udp port 53 or tcp port 80",
        "udp.port == 53 or tcp.port == 80",
    ),
    (
        "src host 10.77.0.2 or src host fd77::2",
        "ip.src == 10.77.0.2 or ipv6.src == fd77::2",
    ),
    (
        "dst portrange 1-1023",
        "(tcp.dstport in {1..1023}) or (udp.dstport in {1..1023})",
    ),
    ("ip6 and not icmp6", "ipv6 and not icmpv6"),
];

#[test]
fn tshark_picks_the_same_packets() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("tshark.pcapng");
    let names = [
        "recorded/http.pcap",
        "recorded/dns.pcap",
        "recorded/ipv6.pcapng",
        "recorded/lossy-client.pcap",
        "generated/ethernet/vlan.pcap",
        "generated/formats/sections.pcapng",
        "generated/linktypes/sll2.pcap",
    ];
    let mut wrong = Complaints::default();
    for (turn, name) in names.into_iter().enumerate() {
        let path = testdata(name);
        // All conditions on each capture would take long.
        for (ours, theirs) in CONDITIONS.iter().skip(turn % 2).step_by(2) {
            let Some(expected) = tshark(&path, theirs, &output) else {
                eprintln!("tshark is not installed: nothing to compare with");
                return;
            };
            let found = parse(&extract(&[path.to_str().unwrap(), "--filter", ours]));
            if let Some(text) = first_difference(&found.packets, &expected.packets) {
                wrong.add(format!("{name}, {ours}, compared with tshark: {text}"));
            }
        }
    }
    wrong.none();
}

/// What tshark picks of a capture; `None` where it is not installed.
fn tshark(path: &Path, condition: &str, output: &Path) -> Option<Parsed> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-Q", "-F", "pcapng", "-Y", condition]);
    command.args(["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]);
    command.args([
        "-r".as_ref(),
        path.as_os_str(),
        "-w".as_ref(),
        output.as_os_str(),
    ]);
    run_other(command)?.exits(0);
    let parsed = parse(&fs::read(output).unwrap());
    assert!(parsed.is_whole, "{} {condition}", path.display());
    Some(parsed)
}
