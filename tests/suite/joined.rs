//! Captures of any format that were joined to one with `cat`: all of them are read.

use crate::common::Complaints;
use crate::common::answer::{Answer, Feed, Question, Way, answer};
use crate::common::program::{Program, run};
use crate::compressed::FORMATS as COMPRESSIONS;
use std::fs;
use std::path::Path;
use testkit::erf::Erf;
use testkit::frames;
use testkit::pcap::{ByteOrder, Pcap, START_S, Variant};
use testkit::pcapng;

/// A format that a capture may have.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Pcap(Pcap),
    Pcapng(ByteOrder),
    /// Records without a header in front of them.
    Erf,
}

const fn pcap(order: ByteOrder, variant: Variant, is_version_2_2: bool) -> Kind {
    Kind::Pcap(Pcap {
        order,
        variant,
        is_version_2_2,
        ..Pcap::COMMON
    })
}

const KINDS: [Kind; 13] = [
    pcap(ByteOrder::Little, Variant::Micros, false),
    pcap(ByteOrder::Big, Variant::Micros, false),
    pcap(ByteOrder::Little, Variant::Nanos, false),
    pcap(ByteOrder::Big, Variant::Nanos, false),
    pcap(ByteOrder::Little, Variant::Modified, false),
    pcap(ByteOrder::Big, Variant::Modified, false),
    pcap(ByteOrder::Little, Variant::IxiaHardware, false),
    pcap(ByteOrder::Big, Variant::IxiaSoftware, false),
    pcap(ByteOrder::Little, Variant::Micros, true),
    pcap(ByteOrder::Big, Variant::Micros, true),
    pcap(ByteOrder::Big, Variant::Snoop, false),
    Kind::Pcapng(ByteOrder::Little),
    Kind::Pcapng(ByteOrder::Big),
];

/// What may stand in front of another capture. Nothing tells that records of ERF start behind one.
fn firsts() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().chain([Kind::Erf])
}

/// Packets of a part.
const PACKETS: u8 = 5;

/// A capture of [`PACKETS`] packets, each a flow of its own.
fn part(kind: Kind, number: u8) -> Vec<u8> {
    part_of(kind, number, 60)
}

/// The same with this many bytes of payload in each packet.
fn part_of(kind: Kind, number: u8, payload_len: usize) -> Vec<u8> {
    let hosts = (0..PACKETS).map(|it| number * PACKETS + it);
    let packets = hosts.map(|host| {
        (
            host,
            frames::udp_frame((host, 200), (1000, 53), payload_len),
        )
    });
    let seconds = |host: u8| START_S + u32::from(host);
    match kind {
        Kind::Pcap(pcap) => {
            let mut file = pcap.file_header();
            for (host, packet) in packets {
                let len = u32::try_from(packet.len()).unwrap();
                file.extend(pcap.record((seconds(host), 7), len, &packet));
            }
            file
        }
        Kind::Pcapng(order) => {
            let mut file = pcapng::section(order);
            file.extend(pcapng::interface(order, 1, None, None));
            for (host, packet) in packets {
                let time = u64::from(seconds(host)) * 1_000_000;
                let len = u32::try_from(packet.len()).unwrap();
                file.extend(pcapng::packet(order, false, 0, time, len, &packet));
            }
            file
        }
        Kind::Erf => {
            let records =
                packets.map(|(host, it)| Erf::ETHERNET.record((seconds(host), 0), it.len(), &it));
            records.collect::<Vec<_>>().concat()
        }
    }
}

/// The ways to read a file, the plainest first.
fn ways(path: &Path, bytes: &[u8]) -> Vec<Way> {
    let plain = Way::plain(path);
    let stream = |buffer_len, piece_len| Way {
        feed: Feed::Stream {
            name: path.to_owned(),
            bytes: bytes.to_vec(),
            buffer_len,
            piece_len,
        },
        ..plain.clone()
    };
    vec![
        plain.clone(),
        Way {
            threads: 2,
            window_len: Some(1),
            chunk_len: Some(100),
            ..plain.clone()
        },
        Way {
            threads: 2,
            chunk_len: Some(150),
            ..plain.clone()
        },
        stream(1 << 20, 1 << 20),
        stream(64, 7),
    ]
}

/// Asks in all ways, which must give one answer.
fn ask(bytes: &[u8], label: &str, wrong: &mut Complaints) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("joined");
    fs::write(&path, bytes).unwrap();
    let question = Question::default();
    let mut ways = ways(&path, bytes).into_iter();
    let expected = answer(&question, &ways.next().unwrap());
    for way in ways {
        expected.compare(&answer(&question, &way), &format!("{label}, {way}"), wrong);
    }
    expected
}

#[test]
fn captures_of_any_two_formats_may_be_joined() {
    let mut wrong = Complaints::default();
    for first in firsts() {
        for second in KINDS {
            let bytes = [part(first, 0), part(second, 1)].concat();
            let label = format!("{first:?} and {second:?}");
            let found = ask(&bytes, &label, &mut wrong);
            let expected = (2 * u64::from(PACKETS), true);
            let all = (found.balance.in_flows, found.is_whole);
            wrong.compare(&label, all, expected);
            wrong.compare(&label, found.flows, 2 * u64::from(PACKETS));
        }
    }
    wrong.none();
}

#[test]
fn any_number_of_captures_may_be_joined() {
    let mut wrong = Complaints::default();
    for turn in 0..KINDS.len() {
        let numbers = (0_u8..).take(KINDS.len());
        let parts = numbers.map(|it| part(KINDS[(turn + 3 * usize::from(it)) % KINDS.len()], it));
        let bytes = parts.collect::<Vec<_>>().concat();
        let label = format!("turn {turn}");
        let found = ask(&bytes, &label, &mut wrong);
        let packets = KINDS.len() as u64 * u64::from(PACKETS);
        wrong.compare(
            &label,
            (found.balance.in_flows, found.is_whole),
            (packets, true),
        );
    }
    wrong.none();
}

/// Headers without packets: a capture that was started and stopped, in front, between, and at the end.
#[test]
fn a_joined_capture_may_be_empty() {
    let mut wrong = Complaints::default();
    let header = |kind: Kind| match kind {
        Kind::Pcap(pcap) => pcap.file_header(),
        Kind::Pcapng(order) => pcapng::section(order),
        Kind::Erf => Vec::new(),
    };
    for empty in KINDS {
        for full in KINDS {
            let parts = [header(empty), part(full, 0), header(empty), header(full)];
            let label = format!("{empty:?}, empty, around {full:?}");
            let found = ask(&parts.concat(), &label, &mut wrong);
            let expected = (u64::from(PACKETS), true);
            wrong.compare(&label, (found.balance.in_flows, found.is_whole), expected);
        }
    }
    wrong.none();
}

/// The capture in front ends inside its last packet: the one behind it is read from its header on.
#[test]
fn a_truncated_capture_may_stand_in_front() {
    let mut wrong = Complaints::default();
    for first in firsts() {
        for second in KINDS {
            for missing in [150, 200, 300] {
                let mut bytes = part_of(first, 0, 300);
                bytes.truncate(bytes.len() - missing);
                let joint = bytes.len() as u64;
                bytes.extend(part_of(second, 1, 300));
                let label = format!("{first:?} without {missing} bytes, and {second:?}");
                let found = ask(&bytes, &label, &mut wrong);
                let packets = 2 * u64::from(PACKETS) - 1;
                wrong.compare(&label, found.balance.in_flows, packets);
                wrong.compare(&label, found.damage_count, 1);
                let ends: Vec<u64> = found.damages.iter().map(|it| it.0 + it.3).collect();
                wrong.compare(&label, ends, vec![joint]);
            }
        }
    }
    wrong.none();
}

/// Where few bytes are missing, those of the next capture's header may look like a record of the first
/// one: it is not silent, and there is one answer.
#[test]
fn a_truncated_capture_in_front_is_told_however_little_is_missing() {
    let mut wrong = Complaints::default();
    for first in firsts() {
        for second in KINDS {
            for missing in [1, 5, 20, 30, 70] {
                let mut bytes = part(first, 0);
                bytes.truncate(bytes.len() - missing);
                bytes.extend(part(second, 1));
                let label = format!("{first:?} without {missing} bytes, and {second:?}");
                let found = ask(&bytes, &label, &mut wrong);
                wrong.compare(&label, found.is_whole, false);
            }
        }
    }
    wrong.none();
}

/// Records of ERF have no header that tells where they start: behind other captures they are damage.
#[test]
fn records_of_erf_behind_another_capture_are_told() {
    let mut wrong = Complaints::default();
    for first in KINDS {
        let bytes = [part(first, 0), part(Kind::Erf, 1)].concat();
        let label = format!("{first:?} and ERF");
        let found = ask(&bytes, &label, &mut wrong);
        let expected = (u64::from(PACKETS), false);
        wrong.compare(&label, (found.balance.in_flows, found.is_whole), expected);
    }
    let bytes = [part(Kind::Erf, 0), part(Kind::Erf, 1)].concat();
    let found = ask(&bytes, "ERF and ERF", &mut wrong);
    let expected = (2 * u64::from(PACKETS), true);
    wrong.compare("ERF", (found.balance.in_flows, found.is_whole), expected);
    wrong.none();
}

/// A packet may hold a capture that was transferred: it stays a packet, wherever it stands.
#[test]
fn a_capture_inside_a_packet_is_no_joined_one() {
    let mut wrong = Complaints::default();
    for inner in KINDS {
        for outer in KINDS {
            let Kind::Pcap(outer) = outer else { continue };
            let mut payload = frames::udp_frame((1, 2), (3, 4), 0);
            payload.extend(part(inner, 0));
            let len = u32::try_from(payload.len()).unwrap();
            let mut bytes = outer.file_header();
            for second in 0..3 {
                bytes.extend(outer.record((START_S + second, 0), len, &payload));
            }
            let label = format!("{inner:?} in a packet of {outer:?}");
            let found = ask(&bytes, &label, &mut wrong);
            wrong.compare(&label, (found.balance.packets, found.is_whole), (3, true));
            // The same where the last packet is cut short, and where something else follows.
            bytes.truncate(bytes.len() - 20);
            let cut = ask(&bytes, &format!("{label}, cut"), &mut wrong);
            wrong.compare(&label, (cut.balance.packets, cut.damage_count), (2, 1));
        }
    }
    wrong.none();
}

#[test]
fn compressed_members_of_several_formats_are_one_capture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day");
    for (name, pack) in COMPRESSIONS {
        let parts: Vec<Vec<u8>> = (0_u8..)
            .zip(KINDS)
            .map(|(number, kind)| part(kind, number))
            .collect();
        let members: Vec<u8> = parts.iter().flat_map(|it| pack(it)).collect();
        let packets = parts.len() * usize::from(PACKETS);
        let balance = format!("{packets} packets = {packets} in flows");
        for bytes in [members, pack(&parts.concat())] {
            fs::write(&path, &bytes).unwrap();
            run([path.as_os_str(), "--disable-display".as_ref()])
                .exits(0)
                .says(&balance);
            Program::new()
                .args(["--stdin", "--disable-display"])
                .input(&bytes, 1 << 16)
                .run()
                .exits(0)
                .says(&balance);
        }
        assert!(!name.is_empty());
    }
}

/// Packets of all parts can be extracted: to pcapng whatever they are, and by FlowID from an index.
#[test]
fn packets_of_joined_captures_are_extracted() {
    let folder = tempfile::tempdir().unwrap();
    let (joined, index) = (folder.path().join("joined"), folder.path().join("idx"));
    let order = [0, 11, 10, 12, 3];
    let parts = (0_u8..)
        .zip(order)
        .map(|(number, kind)| part(KINDS[kind], number));
    fs::write(&joined, parts.collect::<Vec<_>>().concat()).unwrap();
    let count = order.len() * usize::from(PACKETS);
    let [joined, index] = [&joined, &index].map(|it| it.to_str().unwrap());
    run(["index", joined, "-o", index]).exits(0);
    for (source, ids, packets) in [
        (vec![joined], "1-25", count),
        (vec!["--index", index], "1-25", count),
        (vec!["--index", index], "3,8,13,18,23", 5),
    ] {
        for format in ["pcap", "pcapng"] {
            let output = folder.path().join("extracted");
            let output = output.to_str().unwrap();
            let options = ["--extract", ids, "-o", output, "--disable-display"];
            Program::new()
                .args(&source)
                .args(options)
                .args(["--output-format", format])
                .run()
                .exits(0);
            run([output, "--disable-display"])
                .exits(0)
                .says(&format!("{packets} packets = {packets} in flows"));
        }
    }
}
