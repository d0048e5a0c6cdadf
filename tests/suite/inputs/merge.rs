//! Captures that are merged by time.

use super::{Packet, capture, frame, hosts, put, write};
use crate::common::answer::{Question, Way, answer};
use crate::common::program::{Ended, Program, run};
use crate::common::reading;
use crate::compressed::FORMATS as COMPRESSIONS;
use pcap_flows::engine::{
    Config, InputOrder, Progress, Source, Tuning, arrange, run as run_engine,
};
use std::fs;
use std::path::{Path, PathBuf};
use testkit::Random;
use testkit::conversation::CLIENT;
use testkit::erf::Erf;
use testkit::pcap::{ByteOrder, Pcap, START_S, Variant};
use testkit::pcapng;

const LITTLE: Pcap = Pcap::COMMON;
const BIG: Pcap = Pcap {
    order: ByteOrder::Big,
    ..LITTLE
};

fn merged(paths: &[PathBuf], options: &[&str]) -> Ended {
    Program::new()
        .args(["--merge", "--format", "csv"])
        .args(paths)
        .args(options)
        .run()
}

/// The packets of several captures by time, those of the first ones first where it is equal.
fn by_time(captures: &[Vec<Packet>]) -> Vec<Packet> {
    let mut all: Vec<Packet> = captures.concat();
    all.sort_by_key(|it| it.0);
    all
}

/// Extracts all packets of merged captures.
fn extracted(paths: &[PathBuf], options: &[&str]) -> (Ended, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let to = ["-o", output.to_str().unwrap(), "--disable-display"];
    let ended = merged(paths, &[&to[..], options].concat());
    (ended, fs::read(output).unwrap_or_default())
}

fn chance(seed: u64) -> Vec<Vec<Packet>> {
    let mut random = Random::new(seed);
    let count = 2 + random.below(5);
    let capture = |number: u64| {
        let mut millis = 0;
        let packets = 0..random.below(40);
        let packet = |_| {
            millis += u32::try_from(random.below(3)).unwrap();
            (millis, u8::try_from(number * 10 + random.below(3)).unwrap())
        };
        packets.map(packet).collect()
    };
    (0..count).map(capture).collect()
}

#[test]
fn packets_come_by_time_and_stay_in_one_format() {
    for seed in 0..20 {
        let captures = chance(seed);
        let folder = tempfile::tempdir().unwrap();
        for forms in [[LITTLE, LITTLE], [BIG, LITTLE], [LITTLE, Pcap::NANOS]] {
            let named: Vec<(String, Vec<u8>)> = captures
                .iter()
                .enumerate()
                .map(|(at, it)| (at.to_string(), capture(forms[at % 2], it)))
                .collect();
            let named: Vec<(&str, Vec<u8>)> =
                named.iter().map(|(a, b)| (a.as_str(), b.clone())).collect();
            let paths = write(folder.path(), &named);
            let (ended, bytes) = extracted(&paths, &[]);
            ended.exits(0);
            let form = Pcap {
                variant: forms[1].variant,
                ..forms[0]
            };
            assert!(
                bytes == capture(form, &by_time(&captures)),
                "seed {seed}, {forms:?}"
            );
        }
    }
}

/// Packets of ERF's records come at their own times, with link types of their own; those in blocks of
/// pcapng stay the records that they are.
#[test]
fn records_of_erf_are_merged_as_their_packets() {
    let folder = tempfile::tempdir().unwrap();
    let record = |form: Erf<'_>, host: u8, data: &[u8]| {
        let fraction = u32::try_from((u64::from(host) << 32) / 1000).unwrap();
        form.record((START_S, fraction), data.len(), data)
    };
    let ethernet = |host: u8| record(Erf::ETHERNET, host, &frame(host));
    let ip = |host: u8| frame(host).split_off(14);
    let erf = [
        ethernet(1),
        Erf::padding(64),
        record(Erf::IPV4, 5, &ip(5)),
        ethernet(9),
    ];
    let in_pcap = |form: Pcap, hosts: [u8; 3]| {
        let link_type = 197;
        let form = Pcap { link_type, ..form };
        let mut file = form.file_header();
        for host in hosts {
            // Another time, which does not count.
            let packet = record(Erf::IPV4, host, &ip(host));
            put(form, u32::from(host) * 7, &packet, &mut file);
        }
        file
    };
    let order = ByteOrder::Big;
    let interface = pcapng::interface(order, 197, None, None);
    let mut blocks = [pcapng::section(order), interface].concat();
    for host in [4, 8, 12] {
        let time = (u64::from(START_S) * 1000 + u64::from(host)) * 1000;
        let packet = ethernet(host);
        let len = u32::try_from(packet.len()).unwrap();
        blocks.extend(pcapng::packet(order, false, 0, time, len, &packet));
    }
    let captures = [
        ("a", erf.concat()),
        ("b", capture(LITTLE, &[(2, 2), (6, 6), (10, 10)])),
        ("c", in_pcap(BIG, [3, 7, 11])),
        ("d", blocks),
        ("e", in_pcap(Pcap::NANOS, [13, 14, 15])),
    ];
    let paths = write(folder.path(), &captures);
    let listed = merged(&paths, &[]).exits(0);
    assert_eq!(hosts(&listed), (1..=15).collect::<Vec<u8>>());
    // Nothing but records of ERF, in one or more files.
    for some in [vec![0], vec![2], vec![0, 2], vec![2, 4], vec![0, 3]] {
        let paths: Vec<PathBuf> = some.iter().map(|it: &usize| paths[*it].clone()).collect();
        let listed = merged(&paths, &[]).exits(0);
        assert_eq!(hosts(&listed).len(), 3 * some.len(), "{some:?}");
    }
    let (ended, bytes) = extracted(&paths, &[]);
    ended.exits(0);
    let parsed = reading::parse(&bytes);
    assert!(parsed.is_whole);
    let expected = (1..=15_u8).map(|host| {
        let time = i128::from(START_S) * 1_000_000_000 + i128::from(host) * 1_000_000;
        let (link_type, data) = match host {
            4 | 8 | 12 => (197, ethernet(host)),
            1 | 2 | 6 | 9 | 10 => (1, frame(host)),
            _ => (228, ip(host)),
        };
        (Some(time), link_type, data)
    });
    let found = parsed.packets.into_iter();
    let found = found.map(|it| (it.time_ns, it.link_type, it.data));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

/// Link types, units of time, options and comments stay, whatever is merged.
#[test]
fn captures_of_any_format_are_merged_to_pcapng() {
    let folder = tempfile::tempdir().unwrap();
    let section =
        |order: ByteOrder, resolution: Option<u8>, offset: Option<i64>, millis: &[u64]| {
            let mut blocks = pcapng::section(order);
            blocks.extend(pcapng::interface(order, 101, None, None));
            blocks.extend(pcapng::interface(order, 1, resolution, offset));
            let per_milli = if resolution.is_some() {
                1_000_000
            } else {
                1000
            };
            let start = u64::from(START_S) - offset.map_or(0, i64::cast_unsigned);
            for (at, millis) in millis.iter().enumerate() {
                let time = (start * 1000 + millis) * per_milli;
                let frame = frame(u8::try_from(*millis).unwrap());
                let len = u32::try_from(frame.len()).unwrap();
                blocks.extend(pcapng::packet(order, at % 2 == 1, 1, time, len, &frame));
            }
            blocks
        };
    let snoop = Pcap {
        variant: Variant::Snoop,
        ..BIG
    };
    let captures = [
        ("a", section(ByteOrder::Little, None, None, &[1, 7, 13])),
        ("b", section(ByteOrder::Big, Some(9), None, &[2, 8, 14])),
        (
            "c",
            section(ByteOrder::Little, Some(9), Some(1000), &[3, 9, 15]),
        ),
        ("d", capture(snoop, &[(4, 4), (10, 10), (16, 16)])),
        ("e", capture(Pcap::NANOS, &[(5, 5), (11, 11), (17, 17)])),
        ("f", capture(LITTLE, &[(6, 6), (12, 12), (18, 18)])),
    ];
    let paths = write(folder.path(), &captures);
    let listed = merged(&paths, &[]).exits(0);
    assert_eq!(hosts(&listed), (1..=18).collect::<Vec<u8>>());
    let (ended, bytes) = extracted(&paths, &[]);
    ended.exits(0);
    let parsed = reading::parse(&bytes);
    assert!(parsed.is_whole);
    let expected = (1..=18_u8).map(|it| {
        let time = i128::from(START_S) * 1_000_000_000 + i128::from(it) * 1_000_000;
        (Some(time), 1, frame(it))
    });
    let found = parsed
        .packets
        .iter()
        .map(|it| (it.time_ns, it.link_type, it.data.clone()));
    assert!(found.eq(expected));
    let comments = bytes.windows(9).filter(|it| *it == b"a comment").count();
    assert_eq!(comments, 9, "comments of the packets that have one");
}

/// Both directions of a tap, where the client uses its port twice.
#[test]
fn a_tap_in_two_files_is_one_capture() {
    let server = CLIENT.reversed();
    let put_all = |frames: Vec<(u32, Vec<u8>)>| {
        let mut file = LITTLE.file_header();
        for (millis, frame) in frames {
            put(LITTLE, millis, &frame, &mut file);
        }
        file
    };
    let sent = put_all(vec![
        (0, CLIENT.syn(100).into()),
        (20, CLIENT.data(101, "request-1").into()),
        (40, CLIENT.fin(110).into()),
        (60, CLIENT.syn(900_100).into()),
        (80, CLIENT.data(900_101, "request-2").into()),
        (100, CLIENT.fin(900_110).into()),
    ]);
    let received = put_all(vec![
        (10, server.syn_ack(500, 100).into()),
        (30, server.data(501, "answer--1").into()),
        (50, server.fin(510).into()),
        (70, server.syn_ack(700_500, 900_100).into()),
        (90, server.data(700_501, "answer--2").into()),
        (110, server.fin(700_510).into()),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), &[("tx", sent), ("rx", received)]);
    for paths in [paths.clone(), paths.iter().rev().cloned().collect()] {
        let output = folder.path().join("out");
        drop(fs::remove_dir_all(&output));
        let to = format!("{}/", output.display());
        merged(
            &paths,
            &["--extract-tcp-all", "-o", &to, "--disable-display"],
        )
        .exits(0);
        let read = |name: String| fs::read(output.join(name)).unwrap();
        assert_eq!(read(CLIENT.name("tcp")), b"request-1");
        assert_eq!(read(server.name("tcp")), b"answer--1");
        assert_eq!(read(format!("{}.2", CLIENT.name("tcp"))), b"request-2");
        assert_eq!(read(format!("{}.2", server.name("tcp"))), b"answer--2");
    }
}

/// 600 files, of which 300 overlap, with few descriptors; compressed ones among them.
#[test]
fn any_number_of_files_is_merged() {
    let folder = tempfile::tempdir().unwrap();
    let mut captures = Vec::new();
    for number in 0..600_u32 {
        let start = if number < 300 { number } else { number * 1000 };
        let packets: Vec<Packet> = (0..4)
            .map(|it| (start + it * 300, u8::try_from(number % 200).unwrap()))
            .collect();
        captures.push(packets);
    }
    for (number, packets) in captures.iter().enumerate() {
        let mut bytes = capture(LITTLE, packets);
        if number % 3 == 0 {
            bytes = COMPRESSIONS[number % COMPRESSIONS.len()].1(&bytes);
        }
        fs::write(folder.path().join(format!("{number:03}")), bytes).unwrap();
    }
    let output = folder.path().join("out");
    Program::with_limit("-n 40")
        .args([
            "--merge",
            folder.path().to_str().unwrap(),
            "--disable-display",
        ])
        .args(["-o", output.to_str().unwrap()])
        .run()
        .exits(0)
        .says("2400 packets");
    assert!(fs::read(&output).unwrap() == capture(LITTLE, &by_time(&captures)));
    // One after the other as well.
    fs::remove_file(&output).unwrap();
    Program::with_limit("-n 40")
        .args([folder.path().to_str().unwrap(), "--disable-display"])
        .run()
        .exits(0)
        .says("2400 packets");
}

#[test]
fn pipes_and_files_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let captures = chance(77);
    let named: Vec<_> = captures.iter().map(|it| capture(LITTLE, it)).collect();
    let paths: Vec<PathBuf> = (0..named.len())
        .map(|it| folder.path().join(it.to_string()))
        .collect();
    for (path, bytes) in paths.iter().zip(&named) {
        fs::write(path, bytes).unwrap();
    }
    let expected = merged(&paths, &[]).exits(0);
    let (first, second) = (paths[0].display(), paths[1].display());
    let feed = format!(
        "cd {}; mkfifo p q; gzip -c {first} > p & cat {second} > q & :",
        folder.path().display()
    );
    let piped = Program::after(&feed)
        .args(["--merge", "--format", "csv", "p", "q"])
        .args(&paths[2..])
        .run()
        .exits(0);
    assert_eq!(piped.text(), expected.text());
    let stdin = Program::new()
        .args(["--merge", "--format", "csv", "-"])
        .args(&paths[1..])
        .input(&named[0], 50)
        .run()
        .exits(0);
    assert_eq!(stdin.text(), expected.text());
}

/// Whatever threads, windows and chunks; and the counts of each capture, also where reading ends early.
#[test]
fn the_same_answer_whatever_the_windows() {
    let folder = tempfile::tempdir().unwrap();
    let captures = chance(5);
    let paths: Vec<PathBuf> = (0..captures.len())
        .map(|it| folder.path().join(it.to_string()))
        .collect();
    for (path, packets) in paths.iter().zip(&captures) {
        fs::write(path, capture(LITTLE, packets)).unwrap();
    }
    let stats = folder.path().join("stats");
    let all = by_time(&captures).len();
    for max in [1, 7, all - 1, all, all + 1] {
        let mut answers = Vec::new();
        for (threads, window) in [("1", "100000"), ("2", "1"), ("3", "700")] {
            let max = max.to_string();
            let ended = merged(
                &paths,
                &[
                    "--progress",
                    "never",
                    "--threads",
                    threads,
                    "--window-bytes",
                    window,
                    "--chunk-bytes",
                    "300",
                    "--packet-max",
                    &max,
                    "--stats",
                    stats.to_str().unwrap(),
                ],
            );
            let ended = ended.exits(0);
            let stats: serde_json::Value =
                serde_json::from_slice(&fs::read(&stats).unwrap()).unwrap();
            let packets = stats["inputs"].as_array().unwrap().iter();
            let packets: Vec<u64> = packets.map(|it| it["packets"].as_u64().unwrap()).collect();
            assert_eq!(
                packets.iter().sum::<u64>(),
                max.parse::<usize>().unwrap().min(all) as u64
            );
            answers.push((ended.stdout, ended.stderr, packets));
        }
        assert!(answers.iter().all(|it| *it == answers[0]), "{max} packets");
    }
}

#[test]
fn damage_is_told_with_its_file_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let form = LITTLE;
    let packets: Vec<Packet> = (0..20).map(|it| (it * 10, 1)).collect();
    let others: Vec<Packet> = (0..20).map(|it| (it * 10 + 5, 2)).collect();
    let mut damaged = capture(form, &packets);
    let record = (damaged.len() - 24) / 20;
    damaged.splice(24 + 5 * record..24 + 5 * record, [0xff; 30]);
    let mut cut = capture(form, &others);
    cut.truncate(cut.len() - 3);
    let paths = write(folder.path(), &[("damaged", damaged), ("cut", cut)]);
    let ended = merged(&paths, &[]).exits(3);
    ended
        .says(&format!(
            "damaged: packet 6 at byte {}: captured length",
            24 + 5 * record
        ))
        .says("skipped 30 bytes and went on")
        .says("cut: packet 20 at byte")
        .says("39 packets = 39 in flows");
}

#[test]
fn a_capture_that_cannot_be_read_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let captures = [
        ("a", capture(LITTLE, &[(1, 1)])),
        ("b", b"this is no capture, but it is long enough".to_vec()),
        ("c", capture(LITTLE, &[(2, 2)])),
        (
            "d",
            COMPRESSIONS[0].1(&capture(LITTLE, &[(3, 3), (4, 4)]))[..60].to_vec(),
        ),
    ];
    let paths = write(folder.path(), &captures);
    let ended = merged(&paths, &[]).exits(3);
    ended
        .says("b: not a capture")
        .says("nothing of it was read")
        .says("d");
    // Nothing can be read at all.
    merged(&[paths[1].clone(), paths[1].clone()], &[])
        .exits(1)
        .says("b: not a capture");
    let missing = [folder.path().join("missing"), paths[0].clone()];
    merged(&missing, &[]).exits(1).says("missing");
}

#[test]
fn an_output_is_none_of_the_captures_that_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let captures = [
        ("a", capture(LITTLE, &[(1, 1)])),
        ("b", capture(LITTLE, &[(2, 2)])),
    ];
    let paths = write(folder.path(), &captures);
    merged(&paths, &["-o", paths[1].to_str().unwrap()])
        .exits(1)
        .says("also an input");
    run([paths[0].to_str().unwrap(), "--merge", "--verify"])
        .exits(2)
        .says("--verify");
    run([paths[0].to_str().unwrap(), "--merge", "--as-given"]).exits(2);
    // One capture alone is as it is.
    let alone = merged(&paths[..1], &[]).exits(0);
    assert_eq!(hosts(&alone), [1]);
}

/// A capture keeps its own order: what is earlier than the packet before it stays behind it.
#[test]
fn a_capture_keeps_its_own_order() {
    let folder = tempfile::tempdir().unwrap();
    let captures = [
        ("a", capture(LITTLE, &[(10, 1), (5, 2), (30, 3)])),
        ("b", capture(LITTLE, &[(7, 4), (20, 5)])),
    ];
    let ended = merged(&write(folder.path(), &captures), &[]).exits(0);
    assert_eq!(hosts(&ended), [4, 1, 2, 5, 3]);
    ended.says("1 packet earlier than the packet before");
}

/// Captures that change their format on the way: they were joined with `cat`.
#[test]
fn joined_captures_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let order = ByteOrder::Big;
    let mut blocks = pcapng::section(order);
    blocks.extend(pcapng::interface(order, 1, None, None));
    let time = u64::from(START_S) * 1_000_000 + 30_000;
    let data = frame(3);
    blocks.extend(pcapng::packet(order, false, 0, time, 60, &data));
    let captures = [
        (
            "a",
            [
                capture(LITTLE, &[(10, 1)]),
                blocks,
                capture(Pcap::NANOS, &[(50, 5)]),
            ]
            .concat(),
        ),
        ("b", capture(LITTLE, &[(20, 2), (40, 4), (60, 6)])),
    ];
    let paths = write(folder.path(), &captures);
    let ended = merged(&paths, &[]).exits(0);
    assert_eq!(hosts(&ended), [1, 2, 3, 4, 5, 6]);
    let (ended, bytes) = extracted(&paths, &["--output-format", "pcapng"]);
    ended.exits(0);
    assert_eq!(reading::parse(&bytes).packets.len(), 6);
}

/// From a program of one's own: the report has each capture.
#[test]
fn the_library_merges() {
    let folder = tempfile::tempdir().unwrap();
    let captures = [
        ("a", capture(LITTLE, &[(1, 1), (3, 1)])),
        ("b", capture(BIG, &[(2, 2)])),
    ];
    let paths = write(folder.path(), &captures);
    let sources = paths.iter().cloned().map(Source::Path).collect();
    let progress = Progress::default();
    let arranged = arrange(sources, InputOrder::Merged, false, &progress).unwrap();
    let config = Config {
        tuning: Tuning {
            threads: 1,
            ..Tuning::default()
        },
        ..Config::default()
    };
    let outcome = run_engine(&config, arranged.sources, &mut (), &progress).unwrap();
    let found: Vec<(&Path, u64)> = outcome
        .captures()
        .map(|it| (it.path.as_path(), it.packets))
        .collect();
    assert_eq!(found, [(paths[0].as_path(), 2), (paths[1].as_path(), 1)]);
    assert_eq!(outcome.overlaps(), None);
    assert_eq!(outcome.inputs.len(), 1);
    let plain = answer(&Question::default(), &Way::plain(&paths[0]));
    assert_eq!(plain.balance.packets, 2);
}
