//! Copies of packets, as mirror ports make them: which packets are copies, that they are accounted for,
//! and that nothing else depends on them.

use crate::common::Complaints;
use crate::common::program::{Program, run};
use crate::common::streams::{assert_same, files_in, slashed};
use std::fs;
use std::path::{Path, PathBuf};
use testkit::Random;
use testkit::conversation::{CLIENT, Ends, content, segments};
use testkit::ethernet::{ARP, IPV4};
use testkit::frames;
use testkit::pcap::{Pcap, START_S};
use testkit::transport::UDP;

/// A packet, and when it was captured, in microseconds.
type Taken = (u32, Vec<u8>);

fn file(packets: &[Taken]) -> Vec<u8> {
    let mut file = Pcap::COMMON.file_header();
    for (micros, frame) in packets {
        let time = (START_S + micros / 1_000_000, micros % 1_000_000);
        let len = u32::try_from(frame.len()).unwrap();
        file.extend(Pcap::COMMON.record(time, len, frame));
    }
    file
}

/// A frame with another identification of its IPv4 packet.
fn with_id(mut frame: Vec<u8>, id: u16) -> Vec<u8> {
    frame[18..20].copy_from_slice(&id.to_be_bytes());
    frame
}

/// The same packet at another port of a switch: with other MAC addresses, VLANs, and after some hops.
fn mirrored(frame: &[u8], tap: u8, vlans: &[u16], hops: u8) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[4] = tap;
    frame[10] = tap;
    if frame[14] >> 4 == 4 {
        frame[22] -= hops;
        frame[24] ^= tap;
    } else {
        frame[21] -= hops;
    }
    let tags = vlans.iter().flat_map(|id| {
        let [high, low] = id.to_be_bytes();
        [0x81, 0x00, high, low]
    });
    frame.splice(12..12, tags);
    frame
}

/// Some packets of a conversation, each with an identification of its own.
fn conversation(ends: Ends) -> Vec<Vec<u8>> {
    let server = ends.reversed();
    let mut packets = vec![
        ends.syn(1000).frame(),
        server.syn_ack(5000, 1000).frame(),
        ends.data(1001, "GET / HTTP/1.0\r\n\r\n").frame(),
    ];
    packets.extend(
        segments(server, 5001, &content(1, 4000), 1400)
            .iter()
            .map(|it| it.frame()),
    );
    packets.push(server.fin(9001).frame());
    if !ends.is_ipv6 {
        let numbered = packets.into_iter().zip(1..);
        packets = numbered.map(|(frame, id)| with_id(frame, id)).collect();
    }
    packets
}

/// Each packet and its copy, 300 microseconds apart; sometimes one of both comes first, sometimes the
/// other.
fn doubled(packets: &[Vec<u8>]) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    for (packet, number) in packets.iter().zip(0_u32..) {
        let copies = [
            mirrored(packet, 1, &[10], 0),
            mirrored(packet, 2, &[20, 7], 1),
        ];
        for (copy, turn) in copies.into_iter().zip(0_u32..) {
            let at = number * 1000 + (turn ^ (number / 3 % 2)) * 300;
            taken.push((at, copy));
        }
    }
    taken.sort_by_key(|(at, _)| *at);
    taken
}

struct Folder {
    folder: tempfile::TempDir,
    capture: PathBuf,
}

impl Folder {
    fn new(packets: &[Taken]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("capture.pcap");
        fs::write(&capture, file(packets)).unwrap();
        Self { folder, capture }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self) -> Program {
        Program::new().args([&self.capture])
    }

    /// How many packets are copies, of all: as the statistics say.
    fn copies(&self, options: &[&str]) -> u64 {
        let stats = self.path("stats.json");
        let program = self.program().args(["--disable-display", "--stats"]);
        let ended = program.args([&stats]).args(options).run().exits(0);
        let stats: serde_json::Value = serde_json::from_slice(&fs::read(&stats).unwrap()).unwrap();
        let count = |name: &str| stats[name].as_u64().unwrap();
        let sum = ["in_flows", "not_ip", "malformed", "filtered", "duplicate"]
            .map(|it| count(&format!("packets_{it}")));
        assert_eq!(sum.iter().sum::<u64>(), count("packets"), "{ended}");
        let duplicates = count("packets_duplicate");
        let told = ended
            .stderr
            .contains(&format!(" + {duplicates} duplicate; "));
        assert_eq!(told, duplicates > 0, "{ended}");
        duplicates
    }
}

fn copies(packets: &[Taken], options: &[&str]) -> u64 {
    Folder::new(packets).copies(options)
}

#[test]
fn flows_are_counted_once() {
    for ends in [CLIENT, CLIENT.with_ipv6()] {
        let packets = conversation(ends);
        let folder = Folder::new(&doubled(&packets));
        let list = |options: &[&str]| {
            let ended = folder
                .program()
                .args(["--format", "csv"])
                .args(options)
                .run();
            ended.exits(0)
        };
        let sizes = |options: &[&str]| {
            let rows = list(options).rows();
            let column = |name: &str| {
                let values = rows.iter().map(|row| row[name].parse().unwrap());
                values.collect::<Vec<u64>>()
            };
            (column("flow_id"), column("packets"))
        };
        let count = packets.len() as u64;
        assert_eq!(folder.copies(&[]), 0, "nothing is left out unasked");
        assert_eq!(folder.copies(&["--dedup"]), count);
        // The first copy stays, and with it the flow of its MAC addresses and VLANs.
        let (ids, all) = sizes(&[]);
        assert_eq!(all.iter().sum::<u64>(), 2 * count);
        let (ids_left, left) = sizes(&["--dedup"]);
        assert_eq!(left.iter().sum::<u64>(), count);
        assert!(
            ids_left.iter().all(|it| ids.contains(it)),
            "FlowIDs stay what they are"
        );
        let (_, left) = sizes(&["--dedup", "--flow-5tuple"]);
        assert_eq!(left, [2, count - 2]);
        let ended = list(&["--dedup", "--top", "1"]);
        ended.says(&format!("+ 0 filtered + {count} duplicate; "));
    }
}

#[test]
fn what_is_no_copy() {
    let packet = with_id(CLIENT.data(1, "something").frame(), 7);
    let v6 = CLIENT.with_ipv6().data(1, "something").frame();
    let changed = |at: usize, packet: &[u8]| {
        let mut packet = packet.to_vec();
        packet[at] ^= 1;
        packet
    };
    let arp = frames::ethernet((1, 2), &[], ARP, &[0; 28]);
    let last = packet.len() - 1;
    for (label, first, second, micros) in [
        ("sent again", &packet, with_id(packet.clone(), 8), 10),
        ("another payload", &packet, changed(last, &packet), 10),
        ("another class", &packet, changed(15, &packet), 10),
        ("another port", &packet, changed(35, &packet), 10),
        ("another address", &packet, changed(29, &packet), 10),
        ("another IPv6 address", &v6, changed(30, &v6), 10),
        (
            "another payload in IPv6",
            &v6,
            changed(v6.len() - 1, &v6),
            10,
        ),
        ("another flow label", &v6, changed(17, &v6), 10),
        ("too late", &packet, packet.clone(), 10_001),
        ("too late in IPv6", &v6, v6.clone(), 10_001),
        ("not IP", &arp, arp.clone(), 10),
    ] {
        let packets = [(0, first.clone()), (micros, second)];
        assert_eq!(copies(&packets, &["--dedup"]), 0, "{label}");
    }
}

#[test]
fn what_is_a_copy() {
    let packet = with_id(CLIENT.data(1, "something").frame(), 7);
    let v6 = CLIENT.with_ipv6().data(1, "something").frame();
    let mut padded = packet.clone();
    padded.extend_from_slice(b"########");
    // Without an identification, packets that are equal are copies.
    let plain = CLIENT.data(1, []).frame();
    let other = frames::ipv4((1, 2), 47, (9, 0), b"0123456789");
    let other = frames::ethernet((1, 2), &[], IPV4, &other);
    let mut options = packet.clone();
    options[14] = 0x46;
    options[17] += 4;
    options.splice(34..34, [1, 1, 1, 1]);
    for (label, first, second, micros) in [
        ("the same frame", &packet, packet.clone(), 0),
        ("at the window's end", &packet, packet.clone(), 10_000),
        (
            "other MAC addresses",
            &packet,
            mirrored(&packet, 9, &[], 0),
            10,
        ),
        ("another VLAN", &packet, mirrored(&packet, 0, &[5], 0), 10),
        (
            "some hops later",
            &packet,
            mirrored(&packet, 3, &[5, 6], 3),
            10,
        ),
        ("IPv6", &v6, mirrored(&v6, 3, &[5], 3), 10),
        ("padded", &packet, padded, 10),
        ("no identification", &plain, plain.clone(), 10),
        ("another protocol", &other, mirrored(&other, 3, &[], 1), 10),
        ("options", &options, mirrored(&options, 3, &[4], 1), 10),
    ] {
        let packets = [(0, first.clone()), (micros, second)];
        assert_eq!(copies(&packets, &["--dedup"]), 1, "{label}");
        assert_eq!(
            copies(&packets, &["--dedup", "--flow-5tuple"]),
            1,
            "{label}"
        );
        assert_eq!(
            copies(&packets, &["--dedup", "--bidirectional"]),
            1,
            "{label}"
        );
    }
}

/// A copy with VLAN tags lacks more of the packet's end.
#[test]
fn truncated_packets() {
    for ends in [CLIENT, CLIENT.with_ipv6()] {
        let packet = ends.data(1, content(1, 600)).frame();
        let copy = mirrored(&packet, 2, &[5, 6], 1);
        let mut other = packet.clone();
        let header = if ends.is_ipv6 { 54 } else { 34 };
        // A bit of the window, in the header's last bytes.
        other[header + 14] ^= 1;
        for snaplen in [74, 96, 128, 300] {
            let cut = |frame: &[u8]| frame[..snaplen].to_vec();
            let packets = [(0, cut(&packet)), (5, cut(&copy)), (9, cut(&other))];
            let mut file = Pcap::COMMON.file_header();
            for (micros, frame) in packets {
                file.extend(Pcap::COMMON.record((START_S, micros), 700, &frame));
            }
            let folder = Folder::new(&[]);
            fs::write(&folder.capture, file).unwrap();
            // In 74 bytes there is all of an untagged TCP header of IPv6, and no more.
            let expected = u64::from(snaplen > 74 || !ends.is_ipv6);
            assert_eq!(folder.copies(&["--dedup"]), expected, "{snaplen} {ends:?}");
            assert_eq!(folder.copies(&["--dedup", "--verify"]), expected);
        }
    }
}

#[test]
fn windows_of_time() {
    let packet = with_id(CLIENT.data(1, "something").frame(), 7);
    let at =
        |times: &[u32]| -> Vec<Taken> { times.iter().map(|&it| (it, packet.clone())).collect() };
    let times = at(&[0, 400, 5000, 11_000]);
    for (option, expected) in [
        ("--dedup=399us", 0),
        ("--dedup=400us", 1),
        ("--dedup=5ms", 2),
        ("--dedup", 2),
        ("--dedup=1s", 3),
    ] {
        assert_eq!(copies(&times, &[option]), expected, "{option}");
    }
    // A clock that is behind; the same from a packet that stays.
    assert_eq!(copies(&at(&[500, 0]), &["--dedup"]), 1);
    assert_eq!(copies(&at(&[0, 8000, 16_000]), &["--dedup"]), 1);
    let capture = "testdata/recorded/http.pcap";
    run([capture, "--dedup=0"])
        .exits(2)
        .says("it must be above zero");
    run([capture, "--dedup=soon"]).exits(2);
}

#[test]
fn packets_that_stay_are_extracted() {
    let arp = frames::ethernet((1, 2), &[], ARP, &[0; 28]);
    let mut packets = doubled(&conversation(CLIENT));
    packets.insert(3, (packets[3].0, arp.clone()));
    packets.insert(4, (packets[3].0, arp));
    let folder = Folder::new(&packets);
    let output = folder.path("out.pcap");
    let args = ["--dedup", "--disable-display", "-o"];
    folder.program().args(args).args([&output]).run().exits(0);
    // What is no IP is never a copy.
    let mut seen = Vec::new();
    let stays = |(_, frame): &&Taken| {
        let ip = frame.windows(2).position(|it| it == [0x45, 0]);
        let Some(ip) = ip else { return true };
        let id = frame[ip + 4..ip + 6].to_vec();
        let is_first = !seen.contains(&id);
        seen.push(id);
        is_first
    };
    let left: Vec<Taken> = packets.iter().filter(stays).cloned().collect();
    assert_same(&fs::read(&output).unwrap(), &file(&left), "packets");
    // A flow of which nothing is left is still known by its FlowID.
    let only = Folder::new(&[packets[0].clone(), packets[1].clone()]);
    let args = ["--dedup", "--extract", "2", "-o"];
    let ended = only
        .program()
        .args(args)
        .args([only.path("none.pcap")])
        .run();
    ended.exits(0).says("keeps out FlowID 2");
}

#[test]
fn streams_repeat_nothing() {
    for ends in [CLIENT, CLIENT.with_ipv6()] {
        let folder = Folder::new(&doubled(&conversation(ends)));
        let (output, manifest) = (folder.path("out"), folder.path("streams.csv"));
        let program = folder
            .program()
            .args(["--extract-tcp-all", "--dedup", "-o"]);
        let program = program.args([slashed(&output).as_os_str(), "--manifest".as_ref()]);
        program
            .args([&manifest])
            .args(["--disable-display"])
            .run()
            .exits(0);
        let files = files_in(&output);
        assert_same(
            &files[&ends.reversed().name("tcp")],
            &content(1, 4000),
            "answer",
        );
        let rows = crate::common::program::rows(&fs::read_to_string(&manifest).unwrap());
        let repeated: Vec<&str> = rows
            .iter()
            .map(|it| it["retransmitted_bytes"].as_str())
            .collect();
        assert_eq!(repeated, ["0", "0"]);
    }
}

/// The fragments that come first may be those of different VLANs.
#[test]
fn fragments_are_put_together_from_the_first_copies() {
    for ends in [CLIENT, CLIENT.with_ipv6()] {
        let payload = content(5, 900);
        let fragments = ends.datagram_fragments(77, &payload, 320);
        let folder = Folder::new(&doubled(&[&fragments[..], &conversation(ends)].concat()));
        let output = folder.path("out");
        let program = folder
            .program()
            .args(["--extract-udp-all", "--dedup", "-o"]);
        let program = program.args([slashed(&output)]).args(["--disable-display"]);
        let ended = program.run().exits(0);
        assert!(
            !ended.stderr.contains("lack some of their fragments"),
            "{ended}"
        );
        let files = files_in(&output);
        assert_same(&files[&ends.name("udp")], &payload, "datagram");
        assert_eq!(files.len(), 1);
    }
}

/// What a filter keeps out is no first copy of what it lets through.
#[test]
fn filters_come_first() {
    let packets = conversation(CLIENT);
    let folder = Folder::new(&doubled(&packets));
    let count = packets.len() as u64;
    for filter in [
        "vlan 20",
        "vlan 10",
        "ether host 02:00:00:00:02:01 or ether host 02:00:00:00:02:02",
    ] {
        assert_eq!(
            folder.copies(&["--dedup", "--filter", filter]),
            0,
            "{filter}"
        );
    }
    assert_eq!(
        folder.copies(&["--dedup", "--filter", "tcp port 80"]),
        count
    );
    assert_eq!(folder.copies(&["--dedup", "--exclude-ip", "10.0.0.1"]), 0);
}

/// With tunnels entered, the packet inside decides.
#[test]
fn packets_in_tunnels() {
    let inner = with_id(CLIENT.data(1, "something").frame(), 7);
    let vxlan = |inner: &[u8], id: u16| {
        let datagram = [
            &[0x12, 0x34, 0x12, 0xb5][..],
            &[0; 4],
            &[8, 0, 0, 0, 0, 0, 1, 0],
            inner,
        ];
        let mut datagram = datagram.concat();
        let len = u16::try_from(datagram.len()).unwrap();
        datagram[4..6].copy_from_slice(&len.to_be_bytes());
        let packet = frames::ipv4((8, 9), UDP, (id, 0), &datagram);
        frames::ethernet((8, 9), &[], IPV4, &packet)
    };
    let packets = [
        (0, vxlan(&inner, 1)),
        (10, vxlan(&mirrored(&inner, 3, &[], 1), 2)),
        (20, inner),
    ];
    assert_eq!(copies(&packets, &["--dedup"]), 0);
    assert_eq!(copies(&packets, &["--dedup", "--decap"]), 2);
}

/// The same, however the capture is read.
#[test]
fn in_all_ways() {
    let mut chance = Random::new(3);
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for port in 0..40 {
        let ends = CLIENT.with_port(40_000 + port);
        let ends = if port % 3 == 0 {
            ends.with_ipv6()
        } else {
            ends
        };
        let mut own = conversation(ends);
        own.extend(ends.datagram_fragments(port, &content(port.into(), 700), 240));
        packets.extend(own);
    }
    let mut taken: Vec<Taken> = Vec::new();
    for (packet, number) in packets.iter().zip(0..) {
        for copy in 0..chance.below(4) {
            let copy = u8::try_from(copy).unwrap();
            let vlans = [100 + u16::from(copy)];
            let vlans = if copy == 0 { &[][..] } else { &vlans };
            let late = u32::try_from(chance.below(14_000)).unwrap();
            taken.push((number * 40 + late, mirrored(packet, copy, vlans, copy)));
        }
    }
    // Not quite in the order of their times.
    taken.sort_by_key(|(at, _)| at / 500);
    let folder = Folder::new(&taken);
    let answer = |way: &[&str], is_pipe: bool| {
        let (output, streams) = (folder.path("out.pcap"), folder.path("out.tar"));
        let program = if is_pipe {
            Program::new().args(["-"]).input(&file(&taken), 4000)
        } else {
            folder.program()
        };
        let list = program
            .args([
                "--dedup",
                "--format",
                "csv",
                "--extract-port",
                "0",
                "65535",
                "-o",
            ])
            .args([&output])
            .args(["--extract-tcp-all", "--extract-udp-all", "--output-tcp"])
            .args([&streams])
            .args(["--output-udp"])
            .args([&streams])
            .args(way)
            .run()
            .exits(0);
        let balance = list.stderr.lines().last().unwrap_or_default().to_owned();
        (
            list.text().to_owned(),
            balance,
            read(&output),
            read(&streams),
        )
    };
    let plain = answer(&["--threads", "1"], false);
    assert!(plain.1.contains(" duplicate; "), "{}", plain.1);
    let mut wrong = Complaints::default();
    for (way, is_pipe) in [
        (&["--threads", "2", "--chunk-bytes", "300"][..], false),
        (
            &[
                "--threads",
                "7",
                "--chunk-bytes",
                "4000",
                "--window-bytes",
                "50000",
            ],
            false,
        ),
        (&["--threads", "2", "--window-bytes", "1"], false),
        (
            &[
                "--threads",
                "3",
                "--window-bytes",
                "2000",
                "--chunk-bytes",
                "1",
            ],
            false,
        ),
        (&["--threads", "3"], true),
        (&["--threads", "1", "--window-bytes", "1"], true),
    ] {
        if answer(way, is_pipe) != plain {
            wrong.add(format!("{way:?}, pipe {is_pipe}: another answer"));
        }
    }
    wrong.none();
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn where_it_has_no_meaning() {
    let capture = "testdata/recorded/http.pcap";
    run(["index", capture, "--dedup", "-o", "/nowhere/day.idx"])
        .exits(2)
        .prints_nothing()
        .says("an index has the places of all packets, copies among them");
    run(["--index", "day.idx", "--dedup"])
        .exits(2)
        .says("--dedup");
}

#[test]
fn a_second_opinion() {
    let folder = Folder::new(&doubled(&conversation(CLIENT)));
    for options in [&["--dedup"][..], &["--dedup", "--filter", "vlan 20"]] {
        let program = folder.program().args(["--verify", "--disable-display"]);
        program.args(options).run().exits(0).says("verified");
    }
}
