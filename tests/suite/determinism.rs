//! The everything-matrix: the same capture gives the same answer, whatever the number of threads,
//! the sizes of windows and chunks, the number of shards and their hashes, and whether it comes
//! from a file, a stream or several files.

use crate::common::answer::{Answer, Feed, Question, Way, answer};
use crate::common::effort::is_full;
use crate::common::program::{Program, run};
use crate::common::{Capture, Complaints, captures, reading, testdata};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use testkit::frames;
use testkit::pcap::ByteOrder;
use testkit::pcap::Pcap;
use testkit::pcapng;

const THREADS: [usize; 4] = [1, 2, 3, 7];
const WINDOWS: [Option<usize>; 4] = [Some(2048), Some(7 * 1024), Some(64 * 1024), None];
const CHUNKS: [Option<usize>; 4] = [Some(256), Some(1500), Some(4096), None];
/// Windows of a stream are its buffers; pieces are what one read brings.
const BUFFERS: [usize; 4] = [2048, 7 * 1024, 64 * 1024, 1024 * 1024];
const PIECES: [usize; 4] = [1 << 20, 13, 700, 4096];

/// What is asked: flows as they are, with what the filter leaves of everything; innermost 5-tuples,
/// with the packets of some flows; conversations that end after a while, of the first packets.
fn questions(capture: &Capture) -> [Question; 3] {
    let flows = capture.inner_flows.or(capture.flows).unwrap_or(0);
    let ids = match flows {
        0 => String::new(),
        flows => format!("1-{}", flows.min(3)),
    };
    [
        Question {
            filter: "not tcp",
            ..Question::default()
        },
        Question {
            five_tuple: true,
            decap: true,
            ids,
            ..Question::default()
        },
        Question {
            conversations: true,
            filter: "not src port 80",
            idle_ns: Some(1_000_000),
            max_packets: Some(capture.packets * 2 / 3),
            ..Question::default()
        },
    ]
}

/// Places of a number of threads, a window and a chunk in their lists.
type Triple = [usize; 3];

/// All 64 of them.
fn all_triples() -> Vec<Triple> {
    let places = || 0..4;
    places()
        .flat_map(|threads| places().map(move |window| (threads, window)))
        .flat_map(|(threads, window)| places().map(move |chunk| [threads, window, chunk]))
        .collect()
}

/// The 16 that hold each pair of two sizes once: an orthogonal array of strength 2, a Latin square.
fn covering_triples() -> Vec<Triple> {
    let is_chosen = |it: &Triple| it[2] == (it[0] + it[1]) % 4;
    all_triples().into_iter().filter(is_chosen).collect()
}

/// Files, in these sizes and numbers of threads.
fn file_ways(capture: &Capture, triples: &[Triple]) -> Vec<Way> {
    let plain = Way::plain(&capture.path());
    let way = |&[threads, window, chunk]: &Triple| Way {
        threads: THREADS[threads],
        window_len: WINDOWS[window],
        chunk_len: CHUNKS[chunk],
        ..plain.clone()
    };
    triples.iter().map(way).collect()
}

fn stream_ways(capture: &Capture) -> Vec<Way> {
    let plain = Way::plain(&capture.path());
    let bytes = capture.read();
    let mut ways = Vec::new();
    for (turn, buffer_len) in BUFFERS.into_iter().enumerate() {
        for (threads, chunk_len) in THREADS.into_iter().zip(CHUNKS) {
            let feed = Feed::Stream {
                name: capture.path(),
                bytes: bytes.clone(),
                buffer_len,
                piece_len: PIECES[(turn + threads) % PIECES.len()],
            };
            ways.push(Way {
                feed,
                threads,
                chunk_len,
                ..plain.clone()
            });
        }
    }
    ways
}

/// Shards, hash keys, and the smallest sizes there are.
fn odd_ways(capture: &Capture) -> Vec<Way> {
    let plain = Way::plain(&capture.path());
    let small = Way {
        window_len: Some(1),
        chunk_len: Some(1),
        threads: 2,
        ..plain.clone()
    };
    vec![
        Way {
            shards: Some(1),
            hash_seed: Some(1),
            ..plain.clone()
        },
        Way {
            shards: Some(2),
            hash_seed: Some(u64::MAX),
            chunk_len: Some(700),
            ..plain.clone()
        },
        Way {
            shards: Some(128),
            hash_seed: None,
            threads: 2,
            ..plain.clone()
        },
        Way {
            shards: Some(3),
            hash_seed: None,
            window_len: Some(1000),
            ..plain
        },
        small,
    ]
}

/// Captures that were made to be hard, and some real ones.
fn is_hard(capture: &Capture) -> bool {
    [
        "recorded/http",
        "recorded/ipv6",
        "false-chain",
        "sections",
        "two-files",
    ]
    .iter()
    .any(|name| capture.name.contains(name))
}

/// Compares ways with the plainest one. Hard captures are asked every question in every way; the
/// others one question in each way, by turns.
fn compare(capture: &Capture, turn: usize, ways: &[Way], wrong: &mut Complaints) {
    let is_hard = is_hard(capture);
    let plain = Way::plain(&capture.path());
    let questions = questions(capture);
    let expected = questions
        .each_ref()
        .map(|question| answer(question, &plain));
    for (place, way) in ways.iter().enumerate() {
        for (number, (question, expected)) in questions.iter().zip(&expected).enumerate() {
            if is_hard || (place + turn) % questions.len() == number {
                let label = format!("{}, question {number}, {way}", capture.name);
                expected.compare(&answer(question, way), &label, wrong);
            }
        }
    }
    for expected in expected {
        assert!(expected.balance.is_even(), "{}", capture.name);
    }
}

#[test]
fn files_in_all_sizes_and_numbers_of_threads() {
    let mut wrong = Complaints::default();
    let (all, covering) = (all_triples(), covering_triples());
    for (number, capture) in captures().iter().enumerate() {
        let is_thorough = is_full() || is_hard(capture);
        let triples = if is_thorough { &all } else { &covering };
        compare(capture, number, &file_ways(capture, triples), &mut wrong);
    }
    wrong.none();
}

/// A guard for the choice of sizes: each pair of two of them is read, and there are hard captures.
#[test]
fn each_pair_of_sizes_is_chosen() {
    let chosen = covering_triples();
    assert_eq!((chosen.len(), all_triples().len()), (16, 64));
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let pairs: BTreeSet<(usize, usize)> = chosen.iter().map(|it| (it[a], it[b])).collect();
        assert_eq!(pairs.len(), 16, "sizes {a} and {b}");
    }
    let hard = captures().into_iter().filter(is_hard).count();
    assert!(hard >= 6, "{hard} captures are read in all ways");
}

#[test]
fn streams_in_all_sizes_and_pieces() {
    let mut wrong = Complaints::default();
    for (number, capture) in captures().iter().enumerate() {
        compare(capture, number, &stream_ways(capture), &mut wrong);
    }
    wrong.none();
}

#[test]
fn shards_hash_keys_and_the_smallest_sizes() {
    let mut wrong = Complaints::default();
    for (number, capture) in captures().iter().enumerate() {
        compare(capture, number, &odd_ways(capture), &mut wrong);
    }
    wrong.none();
}

/// A pcap capture cut into three at record boundaries, read as three files.
#[test]
fn several_files() {
    let mut wrong = Complaints::default();
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for (number, capture) in captures().iter().enumerate() {
        let bytes = capture.read();
        let parsed = reading::parse(&bytes);
        if capture.is_pcapng() || capture.damaged || !parsed.is_whole || parsed.packets.len() < 3 {
            continue;
        }
        let paths: Vec<PathBuf> = parsed
            .cut(&bytes, 3)
            .iter()
            .enumerate()
            .map(|(part, bytes)| {
                let path = folder.path().join(format!("{number}-{part}"));
                fs::write(&path, bytes).unwrap();
                path
            })
            .collect();
        let plain = Way {
            feed: Feed::Files(paths),
            ..Way::plain(&capture.path())
        };
        let ways = [
            plain.clone(),
            Way {
                threads: 2,
                window_len: Some(2048),
                chunk_len: Some(256),
                ..plain.clone()
            },
            Way {
                threads: 3,
                window_len: Some(700),
                chunk_len: Some(1500),
                ..plain
            },
        ];
        compare(capture, number, &ways, &mut wrong);
        compared += 1;
    }
    assert!(compared > 100, "only {compared} captures were cut");
    wrong.none();
}

/// A file header amid the records of captures that were joined: wherever the window ends.
#[test]
fn a_window_may_end_anywhere_in_a_joined_file_header() {
    let mut wrong = Complaints::default();
    let capture = captures()
        .into_iter()
        .find(|it| it.name.ends_with("two-files.pcap"))
        .unwrap();
    let bytes = capture.read();
    let parsed = reading::parse(&bytes);
    let joint = parsed.packets[11].place.end;
    let plain = Way::plain(&capture.path());
    let question = Question::default();
    let expected = answer(&question, &plain);
    for end in joint - 2..joint + 30 {
        let window_len = Some(end - parsed.header.len());
        let way = Way {
            window_len,
            ..plain.clone()
        };
        expected.compare(&answer(&question, &way), &way.to_string(), &mut wrong);
        let feed = Feed::Stream {
            name: capture.path(),
            bytes: bytes.clone(),
            buffer_len: end,
            piece_len: 1 << 20,
        };
        let way = Way {
            feed,
            ..plain.clone()
        };
        expected.compare(&answer(&question, &way), &way.to_string(), &mut wrong);
    }
    wrong.none();
}

/// A limit of packets at each packet: what stands behind the last one that is wanted, damage or
/// blocks, is not looked at, whatever the chunks.
#[test]
fn a_limit_of_packets_ends_at_the_same_place() {
    let names = [
        "generated/formats/all-blocks-le.pcapng",
        "generated/formats/sections.pcapng",
        "generated/damage/garbage-middle.pcap",
        "generated/damage/garbage-middle.pcapng",
        "generated/damage/two-files.pcap",
        "recorded/http.pcap",
    ];
    let mut cases: Vec<(String, Vec<u8>)> = names
        .map(|name| (name.to_owned(), fs::read(testdata(name)).unwrap()))
        .to_vec();
    let packets = || (0..40_u8).map(|n| frames::udp_frame((n, 1), (1000, 53), n.into()));

    // Long enough for chunks between the damages, or between the blocks.
    let mut damaged = Pcap::COMMON.file(packets());
    damaged.extend([0xff; 50]);
    damaged.extend_from_slice(&Pcap::COMMON.file(packets())[24..]);
    cases.push(("pcap with damage".to_owned(), damaged));
    let order = ByteOrder::Little;
    let mut blocks = pcapng::section(order);
    for link_type in 1..=3 {
        blocks.extend(pcapng::interface(order, link_type, None, None));
        for frame in packets() {
            let len = u32::try_from(frame.len()).unwrap();
            blocks.extend(pcapng::packet(
                order,
                false,
                0,
                1_700_000_000_000_000,
                len,
                &frame,
            ));
        }
        blocks.extend(pcapng::block(order, 4, &[0; 4]));
    }
    cases.push(("pcapng with blocks".to_owned(), blocks));

    let mut wrong = Complaints::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    for (name, bytes) in cases {
        fs::write(&path, &bytes).unwrap();
        let plain = Way::plain(&path);
        let all = answer(&Question::default(), &plain).balance.packets;
        for packets in 0..=all + 1 {
            let question = Question {
                max_packets: Some(packets),
                ..Question::default()
            };
            let expected = answer(&question, &plain);
            assert_eq!(expected.balance.packets, packets.min(all), "{name}");
            for way in [
                Way {
                    chunk_len: Some(100),
                    ..plain.clone()
                },
                Way {
                    chunk_len: Some(500),
                    threads: 2,
                    ..plain.clone()
                },
                Way {
                    chunk_len: Some(300),
                    window_len: Some(900),
                    ..plain.clone()
                },
            ] {
                let label = format!("{name}, at most {packets} packets, {way}");
                expected.compare(&answer(&question, &way), &label, &mut wrong);
            }
        }
    }
    wrong.none();
}

/// What follows damage is believed sooner if it is from about the time of the last packet before:
/// of that packet alone, for which other packets are in its window depends on the windows.
#[test]
fn the_time_before_damage_is_that_of_one_packet() {
    let order = ByteOrder::Little;
    let frame = frames::udp_frame((1, 2), (1000, 53), 20);
    let len = u32::try_from(frame.len()).unwrap();
    let packet = |id: u16| pcapng::packet(order, false, id, 1_700_000_000_000_000, len, &frame);
    let head = [
        pcapng::section(order),
        pcapng::interface(order, 1, None, None),
        // Times before 1970 are none that a pcap header can tell.
        pcapng::interface(order, 1, None, Some(-1_800_000_000)),
        packet(0),
    ]
    .concat();
    let capture = [head.clone(), packet(1), vec![0xff; 50], packet(0)].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    fs::write(&path, capture).unwrap();
    let plain = Way::plain(&path);
    let question = Question::default();
    let expected = answer(&question, &plain);
    let mut wrong = Complaints::default();
    for window_len in [1, head.len(), head.len() + 10] {
        let way = Way {
            window_len: Some(window_len),
            ..plain.clone()
        };
        expected.compare(&answer(&question, &way), &way.to_string(), &mut wrong);
    }
    wrong.none();
}

/// The program itself, from a file and through a pipe: list, statistics, extraction.
#[test]
fn the_program_from_a_file_and_from_a_pipe() {
    let mut wrong = Complaints::default();
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "recorded/http.pcap",
        "recorded/ipv6.pcapng",
        "recorded/dns.pcap",
        "generated/formats/sections.pcapng",
        "generated/formats/ns-be.pcap",
        "generated/damage/garbage-middle.pcap",
        "generated/damage/length-ffffffff.pcapng",
    ] {
        let path = format!("testdata/{name}");
        let bytes = fs::read(testdata(name)).unwrap();
        let (output, stats) = (folder.path().join("output"), folder.path().join("stats"));
        let mut expected: Option<(Vec<u8>, Vec<u8>, String)> = None;
        let mut see = |label: &str, extra: &[&str], input: Option<(&[u8], usize)>| {
            let mut program = Program::new()
                .args([
                    "--format",
                    "csv",
                    "--extract",
                    "1-2",
                    "--extract-port",
                    "53",
                    "53",
                ])
                .args(extra)
                .args([
                    "-o".as_ref(),
                    output.as_os_str(),
                    "--stats".as_ref(),
                    stats.as_os_str(),
                ]);
            program = match input {
                Some((bytes, piece_len)) => program.input(bytes, piece_len),
                None => program.args([&path]),
            };
            let ended = program.run();
            let code = if name.contains("damage") { 3 } else { 0 };
            let ended = ended.exits(code);
            let found = (
                ended.stdout.clone(),
                fs::read(&output).unwrap(),
                balance_of(&stats),
            );
            match &expected {
                None => expected = Some(found),
                Some(expected) if *expected == found => {}
                Some((list, extracted, balance)) => wrong.add(format!(
                    "{path}, {label}: list same {}, extraction same {}, balance {balance} and {}\n{ended}",
                    *list == found.0,
                    *extracted == found.1,
                    found.2
                )),
            }
        };
        see("file", &[], None);
        see(
            "file, small",
            &[
                "--window-bytes",
                "2048",
                "--chunk-bytes",
                "256",
                "--threads",
                "3",
            ],
            None,
        );
        see(
            "file, one thread",
            &["--window-bytes", "1", "--threads", "1"],
            None,
        );
        see("--stdin", &["--stdin"], Some((&bytes, usize::MAX)));
        see("- in pieces of 1000", &["-"], Some((&bytes, 1000)));
        see(
            "- in pieces of 37",
            &["-", "--threads", "2", "--chunk-bytes", "300"],
            Some((&bytes, 37)),
        );
    }
    wrong.none();
}

/// The part of the statistics that does not depend on the machine.
fn balance_of(stats: &std::path::Path) -> String {
    let mut stats: serde_json::Value = serde_json::from_slice(&fs::read(stats).unwrap()).unwrap();
    let fields = stats.as_object_mut().unwrap();
    for name in ["seconds", "gbps", "threads", "inputs"] {
        assert!(fields.remove(name).is_some(), "{name}");
    }
    stats.to_string()
}

/// The list for people, too, and in the order of packets.
#[test]
fn the_list_for_people() {
    let lists: Vec<String> = [
        vec!["--threads", "1"],
        vec![
            "--threads",
            "7",
            "--window-bytes",
            "2048",
            "--chunk-bytes",
            "256",
        ],
    ]
    .into_iter()
    .map(|extra| {
        let ended = run(["testdata/recorded/lossy-client.pcap"]
            .into_iter()
            .chain(extra))
        .exits(0);
        ended.text().to_owned()
    })
    .collect();
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[0].lines().count(), 6);
}

/// A guard for the matrix itself: the answers it compares are not empty.
#[test]
fn the_questions_have_answers() {
    let capture = captures()
        .into_iter()
        .find(|it| it.name.ends_with("recorded/http.pcap"))
        .unwrap();
    let answers: Vec<Answer> = questions(&capture)
        .iter()
        .map(|question| answer(question, &Way::plain(&capture.path())))
        .collect();
    let records = |answer: &Answer| reading::parse(&answer.extracted).packets.len();
    // ARP alone is not TCP; the first three flows; what clients sent of the first two thirds.
    assert_eq!(records(&answers[0]), 2);
    assert!(records(&answers[1]) > 30);
    assert!(answers[2].balance.packets == 44 && answers[2].balance.filtered > 10);
    // Two connections, of which one pauses for more than a millisecond.
    assert_eq!(answers[2].flows, 3, "{}", answers[2].list);
}
