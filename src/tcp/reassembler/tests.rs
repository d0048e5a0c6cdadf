use super::super::progress::Extent;
use super::super::testing::{Bytes, Collected};
use super::*;
use proptest::prelude::*;

const FIRST: Overlap = Overlap::First;

/// A stream whose SYN has the number 999: its bytes start at 1000.
fn after_syn() -> (Reassembler<Bytes>, Collected) {
    let mut stream = Reassembler::default();
    let mut sink = Collected::default();
    stream.syn(999, &mut sink);
    (stream, sink)
}

/// What comes out of segments, after a SYN and until the end.
fn reassembled(overlap: Overlap, segments: &[(u32, &str)]) -> (String, Vec<(u64, u64)>) {
    let (mut stream, mut sink) = after_syn();
    for &(sequence, text) in segments {
        stream.segment(sequence, Bytes::from(text), overlap, &mut sink);
    }
    stream.finish(&mut sink);
    (String::from_utf8(sink.bytes).unwrap(), sink.gaps)
}

fn text(segments: &[(u32, &str)]) -> String {
    let (text, gaps) = reassembled(FIRST, segments);
    assert_eq!(gaps, []);
    text
}

#[test]
fn orders() {
    assert_eq!(text(&[(1000, "abc"), (1003, "def")]), "abcdef", "in order");
    assert_eq!(text(&[(1003, "def"), (1000, "abc")]), "abcdef", "exchanged");
    assert_eq!(
        text(&[(1006, "g"), (1003, "def"), (1000, "abc")]),
        "abcdefg",
        "backwards"
    );
    assert_eq!(
        text(&[(1000, "abc"), (1000, "abc"), (1003, "d")]),
        "abcd",
        "twice"
    );
}

#[test]
fn overlaps_of_what_was_delivered() {
    assert_eq!(
        text(&[(1000, "abc"), (1001, "BCd")]),
        "abcd",
        "the front is old"
    );
    assert_eq!(
        text(&[(1000, "abc"), (1001, "B")]),
        "abc",
        "all of it is old"
    );
    let (mut stream, mut sink) = after_syn();
    stream.segment(1000, Bytes::from("abc"), FIRST, &mut sink);
    let arrival = stream.segment(1001, Bytes::from("BCd"), FIRST, &mut sink);
    assert_eq!(arrival.repeated, 2);
    assert_eq!(sink.repeated, [(1, Bytes::from("BC"))]);
}

#[test]
fn overlaps_of_what_is_held() {
    for (segments, first, last, shape) in [
        (
            &[(1002, "cd"), (1001, "XXX"), (1000, "a")][..],
            "aXcd",
            "aXXX",
            "around",
        ),
        (
            &[(1002, "cdef"), (1003, "XX"), (1000, "ab")],
            "abcdef",
            "abcXXf",
            "inside",
        ),
        (
            &[(1002, "cd"), (1001, "XX"), (1000, "a")],
            "aXcd",
            "aXXd",
            "left",
        ),
        (
            &[(1002, "cd"), (1003, "XX"), (1000, "ab")],
            "abcdX",
            "abcXX",
            "right",
        ),
        (
            &[(1001, "b"), (1003, "d"), (1000, "XXXXX")],
            "XbXdX",
            "XXXXX",
            "over two, in order",
        ),
    ] {
        assert_eq!(reassembled(Overlap::First, segments).0, first, "{shape}");
        assert_eq!(
            reassembled(Overlap::Last, segments).0,
            last,
            "{shape}, last"
        );
    }
}

#[test]
fn conflicts_are_noticed() {
    let (mut stream, mut sink) = after_syn();
    let mut add = |sequence, text| {
        let arrival = stream.segment(sequence, Bytes::from(text), FIRST, &mut sink);
        (arrival.repeated, arrival.is_conflict)
    };
    assert_eq!(add(1002, "cd"), (0, false));
    assert_eq!(add(1002, "cd"), (2, false), "the same");
    assert_eq!(add(1003, "Xe"), (1, true), "another byte");
}

#[test]
fn gaps() {
    assert_eq!(
        reassembled(FIRST, &[(1000, "ab"), (1004, "ef"), (1007, "h")]),
        ("ab??ef?h".to_owned(), vec![(2, 2), (6, 1)])
    );
    assert_eq!(
        reassembled(FIRST, &[(1002, "c")]),
        ("??c".to_owned(), vec![(0, 2)]),
        "right behind the SYN"
    );
}

#[test]
fn a_fin_tells_what_is_missing_in_front_of_it() {
    let (mut stream, mut sink) = after_syn();
    stream.segment(1000, Bytes::from("ab"), FIRST, &mut sink);
    stream.fin(1005);
    assert!(!stream.is_complete());
    stream.finish(&mut sink);
    assert_eq!((sink.bytes, sink.gaps), (b"ab???".to_vec(), vec![(2, 3)]));
}

#[test]
fn a_fin_is_no_byte() {
    let in_order = [(1002, "c"), (1003, "d")];
    let exchanged = [(1003, "d"), (1002, "c")];
    // Some senders go on with the number of the FIN, as if there had been none.
    let without_its_number = [(1001, "c"), (1002, "d")];
    for segments in [in_order, exchanged, without_its_number] {
        let (mut stream, mut sink) = after_syn();
        stream.segment(1000, Bytes::from("b"), FIRST, &mut sink);
        stream.fin(1001);
        assert!(stream.is_complete());
        for (sequence, text) in segments {
            stream.segment(sequence, Bytes::from(text), FIRST, &mut sink);
        }
        stream.finish(&mut sink);
        assert_eq!((sink.bytes, sink.gaps), (b"bcd".to_vec(), vec![]));
    }
}

#[test]
fn cut_segments_leave_gaps_that_others_fill() {
    let (mut stream, mut sink) = after_syn();
    let mut add = |sequence, piece| stream.segment(sequence, piece, FIRST, &mut sink);
    add(1004, Bytes::from("e"));
    add(1005, Bytes::lost(2));
    add(1007, Bytes::from("h"));
    add(1005, Bytes::from("f"));
    add(1000, Bytes::from("abcd"));
    stream.finish(&mut sink);
    assert_eq!(
        (sink.bytes, sink.gaps),
        (b"abcdef?h".to_vec(), vec![(6, 1)])
    );
}

#[test]
fn without_a_syn_the_lowest_of_the_first_segments_is_the_first() {
    let mut stream = Reassembler::default();
    let mut sink = Collected::default();
    for (sequence, text) in [(5, "fg"), (0_u32.wrapping_sub(1), "?a"), (1, "bcde")] {
        stream.segment(sequence, Bytes::from(text), FIRST, &mut sink);
    }
    assert_eq!(sink.bytes, b"");
    stream.finish(&mut sink);
    assert_eq!(sink.bytes, b"?abcdefg");
}

#[test]
fn without_a_syn_nothing_is_held_for_long() {
    let mut stream = Reassembler::default();
    let mut sink = Collected::default();
    let block = Bytes::Known(vec![7; 1000]);
    for number in 0..66 {
        stream.segment(number * 1000, block.clone(), FIRST, &mut sink);
    }
    assert_eq!(sink.bytes.len(), 66_000);
    let late = stream.segment(0_u32.wrapping_sub(10), block, FIRST, &mut sink);
    assert_eq!((late.before_start, late.repeated), (10, 990));
}

#[test]
fn a_syn_may_come_after_its_data() {
    let mut stream = Reassembler::default();
    let mut sink = Collected::default();
    stream.segment(1001, Bytes::from("bc"), FIRST, &mut sink);
    assert!(stream.accepts_late_syn(999));
    assert!(!stream.accepts_late_syn(1005));
    stream.syn(999, &mut sink);
    stream.segment(1000, Bytes::from("a"), FIRST, &mut sink);
    assert_eq!(sink.bytes, b"abc");
}

#[test]
fn a_stray_segment_far_away_does_not_stop_the_stream() {
    for stray in [
        1_000_000_000_u32,
        2_147_483_648,
        3_000_000_000,
        4_000_000_000,
    ] {
        let (mut stream, mut sink) = after_syn();
        stream.segment(1000, Bytes::from("ab"), FIRST, &mut sink);
        stream.segment(stray, Bytes::from("!"), FIRST, &mut sink);
        stream.segment(1002, Bytes::from("cd"), FIRST, &mut sink);
        assert_eq!(sink.bytes, b"abcd", "{stray}");
    }
}

#[test]
fn a_gap_that_is_acknowledged_is_given_up_when_much_waits() {
    let block = || Bytes::Known(vec![7; 1 << 20]);
    for (acknowledges, blocks_until_given_up) in [(true, 16), (false, 256)] {
        let (mut stream, mut sink) = after_syn();
        let mut blocks = 0;
        while sink.bytes.is_empty() {
            stream.segment(1010 + (blocks << 20), block(), FIRST, &mut sink);
            blocks += 1;
            if acknowledges {
                stream.acknowledged(1010, &mut sink);
            }
        }
        assert_eq!(blocks, blocks_until_given_up);
        assert_eq!(sink.gaps, [(0, 10)]);
    }
}

/// Cuts, repeats, shuffles.
#[derive(Clone, Debug)]
struct Plan {
    isn: u32,
    content: Vec<u8>,
    /// Ranges of the content, in the order in which they come.
    segments: Vec<(usize, usize)>,
    syn_at: Option<usize>,
    fin_at: Option<usize>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let content = prop::collection::vec(any::<u8>(), 1..600);
    content
        .prop_flat_map(|content| {
            let len = content.len();
            let cuts = prop::collection::btree_set(1..len.max(2), 0..40);
            let extra = prop::collection::vec((0..len, 1..80_usize), 0..20);
            let places = (prop::option::of(0..60_usize), prop::option::of(0..60_usize));
            (any::<u32>(), Just(content), cuts, extra, places).prop_flat_map(
                move |(isn, content, cuts, extra, (syn_at, fin_at))| {
                    let mut bounds: Vec<usize> =
                        cuts.into_iter().filter(|&cut| cut < len).collect();
                    bounds.insert(0, 0);
                    bounds.push(len);
                    let mut segments: Vec<_> =
                        bounds.windows(2).map(|pair| (pair[0], pair[1])).collect();
                    segments.extend(extra.into_iter().map(|(from, n)| (from, len.min(from + n))));
                    (
                        Just(isn),
                        Just(content),
                        Just(segments).prop_shuffle(),
                        Just(syn_at),
                        Just(fin_at),
                    )
                },
            )
        })
        .prop_map(|(isn, content, segments, syn_at, fin_at)| Plan {
            isn,
            content,
            segments,
            syn_at,
            fin_at,
        })
}

fn play(plan: &Plan, is_removed: impl Fn(usize) -> bool, overlap: Overlap) -> Collected {
    let mut stream = Reassembler::default();
    let mut sink = Collected::default();
    let first = plan.isn.wrapping_add(1);
    for (number, &(from, to)) in plan.segments.iter().enumerate() {
        if plan
            .syn_at
            .is_some_and(|at| at.min(plan.segments.len() - 1) == number)
        {
            stream.syn(plan.isn, &mut sink);
        }
        if plan.fin_at == Some(number) {
            stream.fin(first.wrapping_add(u32::try_from(plan.content.len()).unwrap()));
        }
        if !is_removed(number) {
            let sequence = first.wrapping_add(u32::try_from(from).unwrap());
            let piece = Bytes::Known(plan.content[from..to].to_vec());
            stream.segment(sequence, piece, overlap, &mut sink);
        }
    }
    stream.finish(&mut sink);
    for (offset, piece) in &sink.repeated {
        let Bytes::Known(bytes) = piece else {
            panic!("a lost piece was repeated")
        };
        let at = usize::try_from(*offset).unwrap();
        assert_eq!(&sink.bytes[at..at + bytes.len()], bytes);
    }
    sink
}

proptest! {
    #[test]
    fn anything_that_was_sent_comes_back(plan in plan(), last in any::<bool>()) {
        let overlap = if last { Overlap::Last } else { Overlap::First };
        let found = play(&plan, |_| false, overlap);
        prop_assert_eq!(found.bytes, plan.content);
        prop_assert_eq!(found.gaps, vec![]);
    }

    #[test]
    fn what_was_removed_is_what_is_missing(mut plan in plan(), removed in any::<u64>()) {
        plan.syn_at = Some(plan.syn_at.unwrap_or(0));
        let is_removed = |number: usize| removed >> (number % 64) & 1 == 1;
        let mut expected = vec![b'?'; plan.content.len()];
        let mut came = vec![false; plan.content.len()];
        for (number, &(from, to)) in plan.segments.iter().enumerate() {
            if !is_removed(number) {
                expected[from..to].copy_from_slice(&plan.content[from..to]);
                came[from..to].fill(true);
            }
        }
        // Without a FIN nothing shows what is missing at the end.
        let ends_with_fin = plan.fin_at.is_some_and(|at| at < plan.segments.len());
        let end = if ends_with_fin { came.len() } else { came.iter().rposition(|it| *it).map_or(0, |at| at + 1) };
        let mut gaps = Vec::new();
        for at in (0..end).filter(|&at| !came[at]) {
            match gaps.last_mut() {
                Some((start, len)) if *start + *len == at as u64 => *len += 1,
                _ => gaps.push((at as u64, 1)),
            }
        }
        let found = play(&plan, is_removed, Overlap::First);
        prop_assert_eq!(found.bytes, &expected[..end]);
        prop_assert_eq!(found.gaps, gaps);
    }
}
