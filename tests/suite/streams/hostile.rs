//! Captures that were made to be hard: they cost in proportion to their packets, and every byte
//! that was sent is in a file, or counted as one that came again or too late.

use crate::common::program::{Program, Row, number};
use crate::common::streams::{Extracted, assert_same, extracted, gaps};
use std::fs;
use testkit::Random;
use testkit::conversation::{ACK, CLIENT, FIN, Segment, Trace, content, segments};

/// In each of these ways to write gaps.
const GAPS: [&str; 3] = ["skip", "zero", "split"];

/// All TCP streams, with 4 GiB of address space: far more than is needed, and far less than what
/// sequence numbers can claim.
#[track_caller]
fn run(trace: &Trace, options: &[&str]) -> Extracted {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::write(&capture, trace.file()).unwrap();
    let program = Program::with_limit("-v 4194304").args(["--extract-tcp-all"]);
    extracted(program.args(options).args([&capture]))
}

/// Bytes of a stream, those that came again, and those that came too late.
fn sum(row: &Row) -> i64 {
    let columns = ["bytes", "retransmitted_bytes", "late_bytes"];
    columns.iter().map(|column| number(row, column)).sum()
}

fn total(pieces: &[Segment]) -> i64 {
    let total: usize = pieces.iter().map(|it| it.payload.len()).sum();
    i64::try_from(total).unwrap()
}

fn written(extracted: &Extracted) -> u64 {
    extracted.files.values().map(|file| file.len() as u64).sum()
}

/// Zeros for gaps are written, as long as that is in proportion.
const MOST_WRITTEN: u64 = 200_000_000;

/// Asserts that nothing is lost of these segments, whatever stands for gaps.
fn assert_accounted(pieces: &[Segment], has_syn: bool) {
    let mut trace = Trace::default();
    if has_syn {
        trace.add(CLIENT.syn(u32::MAX));
    }
    pieces.iter().for_each(|it| trace.add(it.clone()));
    for how in GAPS {
        for window in ["50000", "100000000"] {
            let extracted = run(&trace, &["--gaps", how, "--window-bytes", window]);
            let rows = &extracted.manifest;
            assert_eq!(rows.len(), 1, "one stream: {how}, window {window}");
            assert_eq!(
                sum(&rows[0]),
                total(pieces),
                "{how}, window {window}: {rows:?}"
            );
            let bytes = u64::try_from(number(&rows[0], "bytes")).unwrap();
            if how == "zero" {
                assert!(
                    (bytes..MOST_WRITTEN).contains(&written(&extracted)),
                    "{rows:?}"
                );
            } else {
                assert_eq!(written(&extracted), bytes, "{how}, window {window}");
            }
        }
    }
}

#[test]
fn segments_far_apart() {
    let apart = |step: fn(u32) -> u32| -> Vec<Segment> {
        let numbers = 0..500_u32;
        let piece = |number: u32| CLIENT.data(step(number), content(number.into(), 100));
        numbers.map(piece).collect()
    };
    const GIB: u32 = 1 << 30;
    for has_syn in [true, false] {
        assert_accounted(&apart(|it| it.wrapping_mul(GIB)), has_syn);
        assert_accounted(&apart(|it| it.wrapping_mul(GIB.wrapping_neg())), has_syn);
        assert_accounted(&apart(|it| it.wrapping_mul(GIB - 1)), has_syn);
        assert_accounted(&apart(|it| it.wrapping_mul(2 * GIB - 100)), has_syn);
        assert_accounted(&apart(|it| it.wrapping_mul(2 * GIB)), has_syn);
        assert_accounted(&apart(|it| it.wrapping_mul(10_000_000)), has_syn);
        assert_accounted(&apart(|it| it.wrapping_mul(0x9e37_79b9)), has_syn);
    }
}

/// Each 1 GiB ahead of the one before: nothing came twice, and nothing is too late.
#[test]
fn segments_one_gib_apart_are_one_stream() {
    let mut trace = Trace::of([CLIENT.syn(0)]);
    let mut expected = Vec::new();
    for number in 0..1000_u32 {
        let bytes = content(number.into(), 50);
        trace.add(CLIENT.data((number << 30).wrapping_add(1), &bytes));
        expected.extend(bytes);
    }
    let extracted = run(&trace, &[]);
    let name = CLIENT.name("tcp");
    assert_same(extracted.file(&name), &expected, "1 GiB apart");
    let missing = ((1_u64 << 30) - 50) * 999;
    let found = extracted.columns(&name, ["gaps", "gap_bytes"]);
    assert_eq!(found, ["999", &missing.to_string()]);
    let split = run(&trace, &["--gaps", "split"]);
    assert_eq!(split.names().len(), 1000);
}

#[test]
fn single_bytes_out_of_order() {
    let content = content(1, 100_000);
    let pieces = segments(CLIENT, 1001, &content, 1);
    let name = CLIENT.name("tcp");
    let mut shuffled = pieces.clone();
    Random::new(3).shuffle(&mut shuffled);
    let mut reversed = pieces;
    reversed.reverse();
    // The two halves in turns, the later one first.
    let (early, late) = reversed.split_at(50_000);
    let halves = early
        .iter()
        .zip(late)
        .flat_map(|(a, b)| [a.clone(), b.clone()]);
    for (order, pieces) in [
        ("shuffled", &shuffled),
        ("reversed", &reversed),
        ("halves", &halves.collect()),
    ] {
        let mut trace = Trace::of([CLIENT.syn(1000)]);
        pieces.iter().for_each(|it| trace.add(it.clone()));
        for how in GAPS {
            let extracted = run(&trace, &["--gaps", how]);
            assert_same(extracted.file(&name), &content, &format!("{order}, {how}"));
            let found = extracted.columns(&name, ["gaps", "bytes", "retransmitted_bytes"]);
            assert_eq!(found, ["0", "100000", "0"], "{order}, {how}");
        }
    }
}

/// Nothing tells where the stream starts.
#[test]
fn small_segments_out_of_order_in_the_middle() {
    let content = content(1, 60_000);
    let mut pieces = segments(CLIENT, 0xffff_f000, &content, 2);
    let name = CLIENT.name("tcp");
    for turn in 0..2 {
        if turn == 0 {
            pieces.reverse();
        } else {
            Random::new(3).shuffle(&mut pieces);
        }
        let trace = Trace::of(pieces.clone());
        for window in ["10000", "100000000"] {
            let extracted = run(&trace, &["--window-bytes", window]);
            assert_same(extracted.file(&name), &content, "in the middle");
        }
    }
}

#[test]
fn a_first_gap_that_is_never_filled() {
    let content = content(1, 1_000_000);
    let mut trace = Trace::of([CLIENT.syn(0)]);
    segments(CLIENT, 2, &content, 50)
        .into_iter()
        .for_each(|it| trace.add(it));
    let name = CLIENT.name("tcp");
    for window in ["100000", "100000000"] {
        let extracted = run(&trace, &["--window-bytes", window]);
        assert_same(extracted.file(&name), &content, "behind the gap");
        assert_eq!(gaps(extracted.row(&name)), [(0, 1)]);
        let zero = run(&trace, &["--gaps", "zero", "--window-bytes", window]);
        assert_same(
            zero.file(&name),
            &[&[0], &content[..]].concat(),
            "behind a zero",
        );
        let split = run(&trace, &["--gaps", "split", "--window-bytes", window]);
        let parts: Vec<&Vec<u8>> = split.files.values().collect();
        assert_eq!(parts, [&content]);
    }
}

#[test]
fn every_second_byte_is_missing() {
    let content = content(1, 4000);
    let mut trace = Trace::of([CLIENT.syn(0)]);
    let pieces = segments(CLIENT, 1, &content, 1);
    pieces.into_iter().step_by(2).for_each(|it| trace.add(it));
    let name = CLIENT.name("tcp");
    let kept: Vec<u8> = content.iter().step_by(2).copied().collect();
    assert_same(run(&trace, &[]).file(&name), &kept, "skipped");
    let mut zeros = content;
    zeros.iter_mut().skip(1).step_by(2).for_each(|it| *it = 0);
    zeros.pop();
    assert_same(
        run(&trace, &["--gaps", "zero"]).file(&name),
        &zeros,
        "zeros",
    );
    let split = run(&trace, &["--gaps", "split"]);
    assert_eq!((split.names().len(), written(&split)), (2000, 2000));
}

#[test]
fn overlaps_with_other_content() {
    let mut chance = Random::new(1);
    let anywhere: Vec<Segment> = (0..5000)
        .map(|number| {
            let start = u32::try_from(chance.below(100_000)).unwrap();
            let len = usize::try_from(2 + chance.below(3000)).unwrap();
            CLIENT.data(start, content(number, len))
        })
        .collect();
    assert_accounted(&anywhere, false);
    let mut from_start = vec![CLIENT.data(0, content(5000, 10))];
    from_start.extend(anywhere);
    assert_accounted(&from_start, true);
    // Always the same place, held back, and then not.
    let same =
        |number: u64| CLIENT.data(if number == 3900 { 0 } else { 700 }, content(number, 700));
    let same: Vec<Segment> = [0].into_iter().chain(0..4000).map(same).collect();
    assert_accounted(&same, true);
    // Each a byte further than the one before, backwards and forwards.
    let forwards = |number: u32| CLIENT.data(number, content(number.into(), 1000));
    let forwards: Vec<Segment> = (0..1500).map(forwards).collect();
    assert_accounted(&forwards, true);
    let backwards: Vec<Segment> = forwards.iter().rev().cloned().collect();
    let backwards = [&forwards[..1], &backwards].concat();
    assert_accounted(&backwards, true);
}

/// Both ways to decide give as many bytes.
#[test]
fn overlaps_with_other_content_last() {
    let mut chance = Random::new(2);
    let mut trace = Trace::of([CLIENT.syn(0)]);
    let mut all = 0;
    for number in 0..5000 {
        let start = u32::try_from(chance.below(100_000)).unwrap();
        let len = usize::try_from(2 + chance.below(3000)).unwrap();
        trace.add(CLIENT.data(start + 1, content(number, len)));
        all += i64::try_from(len).unwrap();
    }
    for window in ["50000", "100000000"] {
        let rows = ["first", "last"].map(|overlap| {
            let extracted = run(&trace, &["--overlap", overlap, "--window-bytes", window]);
            let row = extracted.manifest[0].clone();
            assert_eq!(sum(&row), all, "{overlap}, window {window}");
            assert_eq!(
                written(&extracted),
                u64::try_from(number(&row, "bytes")).unwrap()
            );
            row
        });
        assert_eq!(rows[0]["bytes"], rows[1]["bytes"]);
        assert_eq!(rows[0]["gap_list"], rows[1]["gap_list"]);
    }
}

/// A FIN that claims that gigabytes are missing.
#[test]
fn a_fin_far_ahead() {
    let name = CLIENT.name("tcp");
    for far in [1 << 31, (1 << 31) - 1, 1 << 30, (1 << 30) + 77, 3 << 30] {
        let trace = Trace::of([
            CLIENT.syn(0),
            CLIENT.data(1, "content"),
            CLIENT.data(far, "").with_flags(FIN | ACK),
        ]);
        for how in GAPS {
            let extracted = run(&trace, &["--gaps", how]);
            let file = extracted.file(&name);
            assert!(file.starts_with(b"content"));
            assert!((file.len() as u64) < MOST_WRITTEN, "{far}: {}", file.len());
            assert_eq!(extracted.columns(&name, ["bytes", "end"]), ["7", "fin"]);
        }
    }
}

/// Each SYN starts a connection, and each of them has a byte.
#[test]
fn thousands_of_connections_on_the_same_ports() {
    let mut trace = Trace::default();
    let count = 3000_u32;
    for number in 0..count {
        let start = number.wrapping_mul(0x0765_4321);
        trace.add(CLIENT.syn(start));
        trace.add(CLIENT.data(start.wrapping_add(1), number.to_string()));
    }
    let extracted = run(&trace, &["--window-bytes", "50000"]);
    assert_eq!(extracted.names().len(), count as usize);
    for number in 1..count {
        let name = format!("{}.{}", CLIENT.name("tcp"), number + 1);
        assert_eq!(extracted.file(&name), number.to_string().as_bytes());
    }
}

/// SYNs and nothing else.
#[test]
fn a_flood_of_syns() {
    let mut trace = Trace::default();
    for number in 0..30_000_u32 {
        trace.add(CLIENT.syn(number.wrapping_mul(0x0765_4321)));
    }
    let extracted = run(&trace, &[]);
    assert!(extracted.names().is_empty());
}

/// Any flags, any numbers, from both sides: nothing is lost, as far as it is not a probe.
#[test]
fn segments_of_chance() {
    for seed in 0..2 {
        let mut chance = Random::new(seed);
        let mut trace = Trace::default();
        let mut all = 0;
        for number in 0..3000 {
            let ends = if chance.below(2) == 0 {
                CLIENT
            } else {
                CLIENT.reversed()
            };
            let len = [0, 2, 100, 1400][usize::try_from(chance.below(4)).unwrap()];
            let any = u32::try_from(chance.next_u64() >> 32).unwrap();
            let sequence = if chance.below(4) == 0 {
                any
            } else {
                any % 100_000
            };
            let flags = chance.byte() & if chance.below(8) == 0 { 0x17 } else { 0x10 };
            trace.add(ends.data(sequence, content(number, len)).with_flags(flags));
            all += i64::try_from(len).unwrap();
        }
        for how in GAPS {
            for window in ["50000", "100000000"] {
                let extracted = run(&trace, &["--gaps", how, "--window-bytes", window]);
                let found: i64 = extracted.manifest.iter().map(sum).sum();
                assert_eq!(found, all, "seed {seed}, {how}, window {window}");
                assert!(written(&extracted) < 10 * MOST_WRITTEN);
            }
        }
    }
}
