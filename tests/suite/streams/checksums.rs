//! Wrong checksums: decoys, and segments that were damaged on their way. Which copy of the same bytes
//! counts, whether the wrong one came first or last, and whether it is written already, waits to be
//! written, or is held back.

use super::ways::all_ways;
use crate::common::Complaints;
use crate::common::program::{Program, run};
use crate::common::streams::{assert_same, payload, tcp_streams};
use pcap_flows::output::stream::HeaderStyle;
use std::fs;
use testkit::Random;
use testkit::conversation::{
    CLIENT, Ends, Segment, Trace, content, segments, with_unfinished_checksum, with_wrong_checksum,
};

/// A segment, and whether its checksum is right.
type Sent = (Segment, bool);

fn frame((segment, is_right): &Sent) -> Vec<u8> {
    if *is_right {
        segment.checked()
    } else {
        with_wrong_checksum(segment.frame())
    }
}

/// Segments behind a SYN.
fn trace(ends: Ends, sent: &[Sent]) -> Trace {
    let mut trace = Trace::of([ends.syn(1000).checked()]);
    sent.iter().for_each(|it| trace.add(frame(it)));
    trace
}

/// A byte of a stream: what it is, which contest put it there, and whether its checksum is right.
type Byte = Option<(u8, usize, bool)>;

/// What a stream is to hold, and how many segments differ from what came before them.
fn expected(sent: &[Sent]) -> (Vec<u8>, u64) {
    let mut bytes: Vec<Byte> = Vec::new();
    let (mut owners, mut conflicts) = (0, 0);
    for (segment, is_right) in sent {
        let start = usize::try_from(segment.sequence - 1001).unwrap();
        let end = start + segment.payload.len();
        bytes.resize(bytes.len().max(end), None);
        owners += 1;
        let mut differs = false;
        let mut at = start;
        while at < end {
            // Bytes of the same owner are contested together.
            let owner = |byte: &Byte| byte.map(|(_, owner, _)| owner);
            let first = bytes[at];
            let same = bytes[at..end]
                .iter()
                .take_while(|it| owner(it) == owner(&first));
            let stop = at + same.count();
            let new = &segment.payload[at - start..stop - start];
            let takes = match first {
                None => true,
                Some((_, _, was_right)) => {
                    let old = bytes[at..stop].iter().flatten().map(|it| it.0);
                    let is_other = !old.eq(new.iter().copied());
                    differs |= is_other;
                    is_other && *is_right && !was_right
                }
            };
            if takes {
                owners += usize::from(first.is_some());
                for (place, byte) in bytes[at..stop].iter_mut().zip(new) {
                    *place = Some((*byte, owners, *is_right));
                }
            }
            at = stop;
        }
        owners += 1;
        conflicts += u64::from(differs);
    }
    let bytes = bytes.into_iter().map(|it| it.unwrap().0);
    (bytes.collect(), conflicts)
}

/// Compares a stream, in all ways, with what it is to hold.
#[track_caller]
fn assert_all_ways(
    label: &str,
    ends: Ends,
    sent: &[Sent],
    options: &[&str],
    bytes: &[u8],
    conflicts: u64,
) {
    let mut wrong = Complaints::default();
    let name = ends.name("tcp");
    all_ways(&trace(ends, sent), options, |way, extracted, header| {
        let file = extracted.file(&name);
        let found = header.map_or_else(|| file.to_vec(), |style| payload(file, style));
        if found != bytes {
            let same = found.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            wrong.add(format!(
                "{label}, {way}: another stream from byte {same} on"
            ));
        }
        let found = &extracted.row(&name)["conflicts"];
        wrong.compare(
            format!("{label}, {way}: conflicts"),
            found,
            &conflicts.to_string(),
        );
    });
    wrong.none();
}

#[track_caller]
fn assert_as_expected(label: &str, sent: &[Sent]) {
    let (bytes, conflicts) = expected(sent);
    for ends in [CLIENT, CLIENT.with_ipv6()] {
        let sent: Vec<Sent> = sent
            .iter()
            .map(|(segment, is_right)| {
                (
                    Segment {
                        ends,
                        ..segment.clone()
                    },
                    *is_right,
                )
            })
            .collect();
        assert_all_ways(label, ends, &sent, &[], &bytes, conflicts);
    }
}

/// A decoy before the segment that the receiver acknowledges.
fn decoy() -> Trace {
    let server = CLIENT.reversed();
    let answer = Segment {
        acknowledgment: 105,
        ..server.data(501, [])
    };
    Trace::of([
        CLIENT.syn(100).checked(),
        server.syn_ack(500, 100).checked(),
        with_wrong_checksum(CLIENT.data(101, "BAD!").frame()),
        CLIENT.data(101, "good").checked(),
        answer.checked(),
    ])
}

#[test]
fn the_segment_that_the_receiver_took() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, stats) = (
        folder.path().join("decoy.pcap"),
        folder.path().join("stats"),
    );
    fs::write(&capture, decoy().file()).unwrap();
    let run_with = |options: &[&str]| {
        let ended = Program::new()
            .args([capture.as_os_str(), "--stats".as_ref(), stats.as_os_str()])
            .args(["--extract-tcp", "1", "-o", "-", "--disable-display"])
            .args(options)
            .run()
            .exits(0);
        let stats: serde_json::Value = serde_json::from_slice(&fs::read(&stats).unwrap()).unwrap();
        let counts = ["checked", "wrong", "unchecked"]
            .map(|it| stats[format!("checksums_{it}")].as_u64().unwrap());
        (ended.text().to_owned(), counts, ended.stderr)
    };
    let (text, counts, notices) = run_with(&[]);
    assert_eq!((text.as_str(), counts), ("good", [2, 1, 0]));
    assert!(notices.contains("1 segments repeat bytes with other content"));
    assert!(
        notices
            .contains("1 segments whose bytes differ from those of a copy have a wrong checksum")
    );
    assert_eq!(run_with(&["--checksum", "prefer"]).0, "good");
    let (text, counts, notices) = run_with(&["--checksum", "require"]);
    assert_eq!((text.as_str(), counts), ("good", [3, 1, 0]));
    assert!(
        notices.contains("1 packets have a wrong TCP or UDP checksum, and are left out of streams")
    );
    let (text, counts, _) = run_with(&["--checksum", "ignore"]);
    assert_eq!((text.as_str(), counts), ("BAD!", [0, 0, 0]));
    assert_eq!(run_with(&["--overlap", "last"]).0, "good");
}

#[test]
fn first_or_last() {
    let (decoy, real) = (
        (CLIENT.data(1001, "BAD!"), false),
        (CLIENT.data(1001, "good"), true),
    );
    let after = (CLIENT.data(1005, " and more"), true);
    for (label, sent) in [
        (
            "decoy first",
            vec![decoy.clone(), real.clone(), after.clone()],
        ),
        (
            "decoy last",
            vec![real.clone(), decoy.clone(), after.clone()],
        ),
        (
            "decoy late",
            vec![decoy.clone(), after.clone(), real.clone()],
        ),
        ("both", vec![decoy.clone(), real, decoy, after]),
    ] {
        for overlap in ["first", "last"] {
            let options = ["--overlap", overlap];
            let conflicts = sent.len() as u64 - 2;
            assert_all_ways(label, CLIENT, &sent, &options, b"good and more", conflicts);
        }
    }
}

/// A network card fills in the checksums of what its own host sends: as it is captured there, all are
/// wrong, or hold the sum of the pseudo header.
#[test]
fn where_all_are_wrong_nothing_is_lost() {
    let texts = ["first", "again", "other"];
    let sent = |is_right| texts.map(|text| (CLIENT.data(1001, text), is_right));
    for is_right in [false, true] {
        for (overlap, expected) in [("first", "first"), ("last", "other")] {
            let options = ["--overlap", overlap];
            assert_all_ways(
                "alike",
                CLIENT,
                &sent(is_right),
                &options,
                expected.as_bytes(),
                2,
            );
        }
    }
    let text = |trace: &Trace, rule| {
        let extracted = tcp_streams(trace, &["--checksum", rule]);
        String::from_utf8(extracted.file(&CLIENT.name("tcp")).to_vec()).unwrap()
    };
    let unfinished = |text| with_unfinished_checksum(CLIENT.data(1001, text).frame());
    let mut alike = Trace::of([CLIENT.syn(1000).checked()]);
    alike.add(unfinished("first"));
    alike.add(unfinished("again"));
    // One that was injected below the host's own TCP is complete.
    let mut injected = Trace::of([CLIENT.syn(1000).checked(), unfinished("first")]);
    injected.add(CLIENT.data(1001, "other").checked());
    for rule in ["ignore", "prefer", "require"] {
        assert_eq!(text(&alike, rule), "first", "{rule}");
        assert_eq!(text(&injected, rule), "first", "{rule}");
    }
}

#[test]
fn several_decoys_and_parts_of_segments() {
    let at = |sequence, text: &str, is_right| (CLIENT.data(sequence, text), is_right);
    assert_as_expected(
        "several decoys",
        &[
            at(1001, "BAD1", false),
            at(1001, "BAD2", false),
            at(1001, "good", true),
            at(1001, "BAD3", false),
            at(1001, "GOOD", true),
            at(1005, "end", true),
        ],
    );
    assert_as_expected(
        "a decoy over several segments",
        &[
            at(1001, "aaaa", true),
            at(1005, "XXXXXXXXXXXX", false),
            at(1005, "bbbb", true),
            at(1009, "cccc", true),
            at(1013, "dddd", true),
            at(1017, "end", true),
        ],
    );
    assert_as_expected(
        "segments over parts of decoys",
        &[
            at(1001, "XXXXXXXX", false),
            at(1009, "bbbbbbbb", true),
            at(1005, "yyyyzzzz", true),
            at(1001, "YYYYYYYY", true),
            at(1017, "XXXX", false),
            at(1015, "QQccccdd", true),
        ],
    );
}

#[test]
fn what_is_held_back() {
    let at = |sequence, text: &str, is_right| (CLIENT.data(sequence, text), is_right);
    assert_as_expected(
        "decoys first",
        &[
            at(1005, "BADBAD", false),
            at(1005, "behind", true),
            at(1011, "XXXX", false),
            at(1009, "ndXX", false),
            at(1011, "more", true),
            at(1001, "once", true),
        ],
    );
    assert_as_expected(
        "decoys last",
        &[
            at(1005, "behind", true),
            at(1003, "XXXXXXXXXX", false),
            at(1001, "onceBEHIN", true),
            at(1013, "end", true),
        ],
    );
    assert_as_expected(
        "delivered and held",
        &[
            at(1001, "XXXX", false),
            at(1009, "YYYY", false),
            at(1001, "this is right", true),
        ],
    );
}

/// Large enough to be in its file before the right copy comes; some only in part.
#[test]
fn what_was_written() {
    let at = |number: u64, start: u32, len: usize, is_right| {
        (CLIENT.data(1001 + start, content(number, len)), is_right)
    };
    assert_as_expected(
        "written",
        &[
            at(1, 0, 20_000, true),
            at(2, 20_000, 20_000, false),
            at(3, 40_000, 20_000, false),
            at(4, 60_000, 20_000, true),
            at(5, 20_000, 20_000, true),
            at(6, 50_000, 30_000, true),
            at(7, 10_000, 10_001, false),
            at(8, 80_000, 20_001, false),
            at(9, 79_000, 10_000, true),
            at(10, 95_000, 20_000, true),
            at(11, 115_000, 20_000, true),
        ],
    );
}

/// Anything goes: segments of any length, anywhere, right or wrong.
#[test]
fn segments_of_chance() {
    for (seed, longest, total) in [(1, 40, 400), (2, 3000, 60_000), (3, 20_000, 200_000)] {
        let mut chance = Random::new(seed);
        let mut sent: Vec<Sent> = segments(CLIENT, 1001, &content(seed, 2000), 1000)
            .into_iter()
            .map(|it| (it, true))
            .collect();
        let mut end = 2000;
        for number in 0..80 {
            // Most are near the end of what has come, so that few are held back.
            let back = chance.below(2 * longest).min(end);
            let start = end - back + chance.below(8) / 7;
            let len = 2 + chance.below(longest);
            end = end.max((start + len).min(total + 2000));
            let bytes = content(100 + number, usize::try_from(len).unwrap());
            let start = 1001 + u32::try_from(start).unwrap();
            sent.push((CLIENT.data(start, bytes), chance.below(2) == 0));
        }
        // What nobody sent comes at last.
        let last = sent
            .iter()
            .map(|(it, _)| it.sequence as usize - 1001 + it.payload.len());
        let all = content(99, last.max().unwrap());
        let all = segments(CLIENT, 1001, &all, 20_000).into_iter();
        sent.extend(all.map(|it| (it, false)));
        assert_as_expected(&format!("seed {seed}"), &sent);
    }
}

/// How many pieces may come between two copies does not depend on how the capture is read.
#[test]
fn a_decoy_gives_way_for_some_time() {
    for (between, is_replaced) in [(255, true), (256, false)] {
        let mut sent = vec![(CLIENT.data(1001, content(1, 1000)), false)];
        let rest = segments(CLIENT, 2001, &content(2, between * 1000), 1000);
        sent.extend(rest.into_iter().map(|it| (it, true)));
        sent.push((CLIENT.data(1001, content(3, 1000)), true));
        let front = content(if is_replaced { 3 } else { 1 }, 1000);
        let bytes = [front, content(2, between * 1000)].concat();
        assert_all_ways(
            &format!("{between} segments"),
            CLIENT,
            &sent,
            &[],
            &bytes,
            1,
        );
    }
}

#[test]
fn in_archives_and_behind_gaps() {
    let large = content(1, 70_000);
    let mut sent: Vec<Sent> = segments(CLIENT, 1001, &large, 10_000)
        .into_iter()
        .map(|it| (it, true))
        .collect();
    sent.remove(3);
    sent[3].1 = false;
    let wrong = Segment {
        payload: content(2, 10_000),
        ..sent[3].0.clone()
    };
    let right = (std::mem::replace(&mut sent[3].0, wrong), true);
    sent.push(right);
    let parts = [&large[..30_000], &large[40_000..]];
    for window in ["1", "1000000"] {
        for header in [None, Some(HeaderStyle::Packed)] {
            let mut options = vec!["--gaps", "split", "--window-bytes", window];
            options.extend(header.map(|_| "--tcpheader"));
            let extracted = tcp_streams(&trace(CLIENT, &sent), &options);
            let names = [CLIENT.name("tcp"), CLIENT.name("tcp.gap1")];
            for (name, part) in names.iter().zip(parts) {
                let file = extracted.file(name);
                let found = header.map_or_else(|| file.to_vec(), |style| payload(file, style));
                assert_same(&found, part, name);
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (capture, archive) = (folder.path().join("a.pcap"), folder.path().join("a.tar"));
    fs::write(&capture, trace(CLIENT, &sent).file()).unwrap();
    let args = [
        capture.as_os_str(),
        "--extract-tcp-all".as_ref(),
        "-o".as_ref(),
        archive.as_os_str(),
    ];
    run(args.iter().chain(&["--disable-display".as_ref()])).exits(0);
    let entries = crate::common::streams::files_of_archive(&archive);
    assert_same(&entries[0].1, &parts.concat(), "archive");
}
