//! Bytes that come again with other content: which of them count, whether what came first is in
//! its file already, waits to be written, or is held back.

use super::ways::all_ways;
use crate::common::Complaints;
use crate::common::streams::{Extracted, assert_same, payload, records, tcp_streams};
use pcap_flows::output::stream::HeaderStyle;
use testkit::Random;
use testkit::conversation::{CLIENT, Segment, Trace, content, segments};

/// What the manifest is to say, and what the stream is to hold.
#[derive(Debug)]
struct Expected {
    bytes: Vec<u8>,
    retransmitted: usize,
    overlaps: usize,
    conflicts: usize,
}

/// A stream put together byte by byte, in the order of the capture.
fn expected(pieces: &[Segment], first: u32, is_last: bool) -> Expected {
    let mut bytes: Vec<Option<u8>> = Vec::new();
    let (mut retransmitted, mut overlaps, mut conflicts) = (0, 0, 0);
    for piece in pieces {
        let start = usize::try_from(piece.sequence.wrapping_sub(first)).unwrap();
        let end = start + piece.payload.len();
        bytes.resize(bytes.len().max(end), None);
        let places = bytes[start..end].iter_mut().zip(&piece.payload);
        let (mut again, mut other) = (0, 0);
        for (place, &byte) in places {
            again += usize::from(place.is_some());
            other += usize::from(place.is_some_and(|it| it != byte));
            if is_last || place.is_none() {
                *place = Some(byte);
            }
        }
        retransmitted += again;
        overlaps += usize::from(again > 0);
        conflicts += usize::from(other > 0);
    }
    let bytes = bytes.into_iter().collect::<Option<_>>();
    Expected {
        bytes: bytes.expect("nothing is missing"),
        retransmitted,
        overlaps,
        conflicts,
    }
}

/// Runs all ways to read and write these segments behind a SYN, and compares them with what they
/// are to be.
fn compare(label: &str, pieces: &[Segment], wrong: &mut Complaints) {
    let first = 1001;
    let mut trace = Trace::of([CLIENT.syn(first - 1)]);
    pieces.iter().for_each(|it| trace.add(it.clone()));
    let name = CLIENT.name("tcp");
    for overlap in ["first", "last"] {
        let expected = expected(pieces, first, overlap == "last");
        all_ways(&trace, &["--overlap", overlap], |way, extracted, header| {
            let label = format!("{label}, {way}");
            check(&label, &extracted, &name, header, &expected, wrong);
        });
    }
}

fn check(
    label: &str,
    extracted: &Extracted,
    name: &str,
    header: Option<HeaderStyle>,
    expected: &Expected,
    wrong: &mut Complaints,
) {
    let file = extracted.file(name);
    let found = header.map_or_else(|| file.to_vec(), |style| payload(file, style));
    if found != expected.bytes {
        let pairs = found.iter().zip(&expected.bytes);
        let differing = pairs.filter(|(found, expected)| found != expected).count();
        wrong.add(format!(
            "{label}: {} bytes instead of {}, {differing} of them other ones",
            found.len(),
            expected.bytes.len()
        ));
    }
    for (column, value) in [
        ("bytes", expected.bytes.len()),
        ("retransmitted_bytes", expected.retransmitted),
        ("overlaps", expected.overlaps),
        ("conflicts", expected.conflicts),
        ("gaps", 0),
    ] {
        let found = &extracted.row(name)[column];
        wrong.compare(format!("{label}: {column}"), found, &value.to_string());
    }
}

#[track_caller]
fn assert_all_ways(label: &str, pieces: &[Segment]) {
    let mut wrong = Complaints::default();
    compare(label, pieces, &mut wrong);
    wrong.none();
}

/// By hand, what first and last mean.
#[test]
fn first_or_last() {
    let trace = Trace::of([
        CLIENT.syn(0),
        CLIENT.data(1, "aaaaaaaaaa"),
        CLIENT.data(6, "bbbbbbbbbb"),
    ]);
    let name = CLIENT.name("tcp");
    for (options, expected) in [
        (&[][..], "aaaaaaaaaabbbbb"),
        (&["--overlap", "first"], "aaaaaaaaaabbbbb"),
        (&["--overlap", "last"], "aaaaabbbbbbbbbb"),
    ] {
        let extracted = tcp_streams(&trace, options);
        assert_same(extracted.file(&name), expected.as_bytes(), expected);
        let columns = ["conflicts", "overlaps", "retransmitted_bytes", "bytes"];
        assert_eq!(extracted.columns(&name, columns), ["1", "1", "5", "15"]);
        extracted
            .ended
            .says("1 segments repeat bytes with other content");
    }
}

#[test]
fn what_was_delivered_is_repeated_with_other_content() {
    let pieces = [
        CLIENT.data(1001, "0123456789"),
        CLIENT.data(1011, "abcdefghij"),
        CLIENT.data(1006, "##########"),
        CLIENT.data(1021, "end"),
        CLIENT.data(1003, "*"),
        CLIENT.data(1023, "d and"),
    ];
    assert_all_ways("delivered", &pieces);
}

/// Large enough to be in its file before it comes again.
#[test]
fn what_was_written_is_repeated_with_other_content() {
    let pieces = [
        CLIENT.data(1001, content(1, 20_000)),
        CLIENT.data(21_001, content(2, 20_000)),
        CLIENT.data(41_001, content(3, 20_000)),
        CLIENT.data(11_001, content(4, 25_000)),
        CLIENT.data(61_001, content(5, 30_000)),
        CLIENT.data(51_001, content(6, 25_000)),
        CLIENT.data(1001, content(7, 10)),
        CLIENT.data(91_001, content(8, 20_000)),
        CLIENT.data(101_001, content(9, 20_000)),
    ];
    assert_all_ways("written", &pieces);
}

#[test]
fn what_is_held_back_is_repeated_with_other_content() {
    let pieces = [
        CLIENT.data(1001, "start"),
        CLIENT.data(1016, "0123456789"),
        CLIENT.data(1018, "####"),
        CLIENT.data(1024, "**and on"),
        CLIENT.data(1011, "before and over"),
        CLIENT.data(1006, "middle and over all of it, with more"),
    ];
    assert_all_ways("held", &pieces);
}

/// A segment of which the front was delivered, and the rest is held back.
#[test]
fn what_is_delivered_and_held_back_is_repeated_at_once() {
    let pieces = [
        CLIENT.data(1001, "0123456789"),
        CLIENT.data(1021, "abcdefghij"),
        CLIENT.data(1006, "******************************"),
    ];
    assert_all_ways("delivered and held", &pieces);
}

/// The same bytes again are no conflict.
#[test]
fn retransmissions_are_no_conflicts() {
    let content = content(1, 60_000);
    let mut pieces = segments(CLIENT, 1001, &content, 1000);
    pieces.extend(segments(CLIENT, 1001 + 500, &content[500..], 7000));
    assert_all_ways("retransmissions", &pieces);
}

/// Anything goes: segments of any length, anywhere, with any content, until all is covered.
#[test]
fn segments_of_chance() {
    let mut wrong = Complaints::default();
    for (seed, longest, total) in [(1, 40, 400), (2, 3000, 60_000), (3, 30_000, 200_000)] {
        let mut chance = Random::new(seed);
        let mut pieces: Vec<Segment> = (0..60)
            .map(|number| {
                let start = chance.below(total);
                let len = (2 + chance.below(longest)).min(total + 2 - start);
                let start = 1001 + u32::try_from(start).unwrap();
                CLIENT.data(start, content(number, usize::try_from(len).unwrap()))
            })
            .collect();
        // What nobody sent comes at last.
        let all = usize::try_from(total + 2).unwrap();
        pieces.extend(segments(CLIENT, 1001, &content(99, all), 20_000));
        compare(&format!("seed {seed}"), &pieces, &mut wrong);
    }
    wrong.none();
}

/// Behind gaps, places in the file are not those in the stream.
#[test]
fn what_was_written_behind_gaps_is_repeated_with_other_content() {
    // Of each segment, that many bytes were captured.
    const KEPT: usize = 18_000;
    let mut trace = Trace::of([CLIENT.syn(1000)]);
    let sent = content(1, 100_000);
    for segment in segments(CLIENT, 1001, &sent, 20_000) {
        trace.add_cut(segment, 14 + 20 + 20 + KEPT);
    }
    // Over what is known and what is missing; then all that was missing once.
    let again = [
        (10_000, 35_000),
        (61_000, 10_000),
        (79_000, 3000),
        (99_000, 500),
    ];
    for (number, (start, len)) in (2..).zip(again) {
        let first = u32::try_from(1001 + start).unwrap();
        trace.add(CLIENT.data(first, content(number, len)));
    }
    let name = CLIENT.name("tcp");
    let is_known = |at: usize| at % 20_000 < KEPT;
    for overlap in ["first", "last"] {
        let mut known = sent.clone();
        let (mut repeated, mut late, mut conflicts) = (0, 0, 0);
        for (number, (start, len)) in (2..).zip(again) {
            // Where all of it is missing, there is nothing to contradict.
            conflicts += u64::from((start..start + len).any(is_known));
            for (at, byte) in (start..).zip(content(number, len)) {
                repeated += u64::from(is_known(at));
                late += u64::from(!is_known(at));
                if overlap == "last" {
                    known[at] = byte;
                }
            }
        }
        for (gaps, window) in [
            ("skip", "1"),
            ("zero", "1"),
            ("split", "1"),
            ("split", "30000"),
        ] {
            for header in [None, Some(HeaderStyle::Packed)] {
                let options = [
                    "--overlap",
                    overlap,
                    "--gaps",
                    gaps,
                    "--window-bytes",
                    window,
                ];
                let mut options = options.to_vec();
                options.extend(header.map(|_| "--tcpheader"));
                let extracted = tcp_streams(&trace, &options);
                let columns = ["gaps", "retransmitted_bytes", "late_bytes", "conflicts"];
                let found = extracted.columns(&name, columns);
                let expected = [5, repeated, late, conflicts].map(|it| it.to_string());
                assert_eq!(found, expected, "{options:?}");
                let parts = extracted
                    .files
                    .values()
                    .map(|file| header.map_or_else(|| file.clone(), |style| payload(file, style)));
                let found: Vec<u8> = parts.flatten().collect();
                let bytes = known
                    .iter()
                    .enumerate()
                    .filter_map(|(at, &byte)| match gaps {
                        "zero" => Some(if is_known(at) { byte } else { 0 }),
                        _ => is_known(at).then_some(byte),
                    });
                let expected: Vec<u8> = bytes.collect();
                assert_same(&found, &expected, &format!("{options:?}"));
            }
        }
    }
}

/// Headers stay what they were where the bytes behind them are replaced.
#[test]
fn headers_are_those_of_the_segment_that_came_first() {
    let mut trace = Trace::of([CLIENT.syn(1000)]);
    let large = [content(1, 20_000), content(2, 20_000)];
    trace.add(CLIENT.data(1001, &large[0]));
    trace.add(CLIENT.data(21_001, &large[1]));
    trace.add(CLIENT.data(11_001, content(3, 20_000)));
    let name = CLIENT.name("tcp");
    for window in ["1", "1000000"] {
        let options = [
            "--tcpheader",
            "--overlap",
            "first",
            "--window-bytes",
            window,
        ];
        let extracted = tcp_streams(&trace, &options);
        let records = records(extracted.file(&name), HeaderStyle::Packed);
        let found: Vec<_> = records
            .iter()
            .map(|it| (it.header.time.0, it.header.len))
            .collect();
        let times = [Trace::time_ns(1), Trace::time_ns(2)];
        assert_eq!(found, [(times[0], 20_000), (times[1], 20_000)]);
    }
}
