//! Segments of one direction, in order and in all kinds of disorder.

use crate::inputs::Random;
use criterion::{Criterion, Throughput};
use pcap_flows::tcp::{Overlap, Piece, Reassembler, Sink};
use std::hint::black_box;

const SEGMENTS: u32 = 16 * 1024;
const SEGMENT_LEN: u32 = 1460;
const INITIAL: u32 = 0xffff_0000;

/// A piece as jobs have it: a place and a length, without the bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u64,
    len: u32,
    is_lost: bool,
    has_waited: bool,
}

impl Piece for Span {
    fn len(&self) -> u32 {
        self.len
    }

    fn part(&self, from: u32, to: u32) -> Self {
        Self {
            start: self.start + u64::from(from),
            len: to - from,
            ..*self
        }
    }

    fn lost(len: u32) -> Self {
        Self {
            start: 0,
            len,
            is_lost: true,
            has_waited: false,
        }
    }

    fn is_lost(&self) -> bool {
        self.is_lost
    }

    fn set_waited(&mut self) {
        self.has_waited = true;
    }
}

/// What came out; a span's place is its offset in the stream, so that it shows whether it is right.
#[derive(Debug, Default, PartialEq, Eq)]
struct Delivered {
    bytes: u64,
    repeated: u64,
    misplaced: u64,
    waited: u64,
}

impl Sink<Span> for Delivered {
    fn deliver(&mut self, piece: Span) {
        self.misplaced += u64::from(piece.is_lost || piece.start != self.bytes);
        self.waited += u64::from(piece.has_waited);
        self.bytes += u64::from(piece.len);
    }

    fn repeated(&mut self, offset: u64, piece: Span) {
        self.misplaced += u64::from(piece.start != offset);
    }

    fn differ(&mut self, a: &Span, b: &Span) -> bool {
        a.start != b.start
    }
}

pub(crate) fn benches(criterion: &mut Criterion) {
    let in_order: Vec<Span> = (0..SEGMENTS).map(|n| span(n, SEGMENT_LEN)).collect();
    // Each one repeats half of the one before it.
    let overlapping: Vec<Span> = (0..SEGMENTS)
        .map(|n| span(n, SEGMENT_LEN + SEGMENT_LEN / 2))
        .collect();
    let rearranged = |segments: &[Span], run: usize, rearrange: &mut dyn FnMut(&mut [Span])| {
        let mut segments = segments.to_vec();
        segments.chunks_mut(run).for_each(rearrange);
        segments
    };
    let mut random = Random::new(7);
    let shuffle = &mut |run: &mut [Span]| random.shuffle(run);
    let cases = [
        (
            "neighbours_exchanged",
            rearranged(&in_order, 2, &mut <[_]>::reverse),
        ),
        // What a lost segment looks like.
        (
            "first_of_64_last",
            rearranged(&in_order, 64, &mut |run| run.rotate_left(1)),
        ),
        ("shuffled_16", rearranged(&in_order, 16, shuffle)),
        ("shuffled_4096", rearranged(&in_order, 4096, shuffle)),
        (
            "backwards_4096",
            rearranged(&in_order, 4096, &mut <[_]>::reverse),
        ),
        (
            "first_of_all_last",
            rearranged(&in_order, in_order.len(), &mut |run| run.rotate_left(1)),
        ),
        (
            "all_twice",
            in_order.iter().flat_map(|it| [*it, *it]).collect(),
        ),
        (
            "overlapping_shuffled_16",
            rearranged(&overlapping, 16, shuffle),
        ),
        ("overlapping", overlapping),
        ("in_order", in_order),
    ];
    let mut group = criterion.benchmark_group("reassembly");
    for (name, segments) in cases {
        let sent: u64 = segments.iter().map(|it| u64::from(it.len)).sum();
        let end = segments.iter().map(|it| it.start + u64::from(it.len)).max();
        let delivered = reassemble(&segments);
        assert_eq!(Some(delivered.bytes), end, "{name}");
        assert_eq!(delivered.repeated, sent - delivered.bytes, "{name}");
        assert_eq!(delivered.misplaced, 0, "{name}");
        group.throughput(Throughput::Elements(segments.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| reassemble(black_box(&segments)));
        });
    }
    group.finish();
}

fn span(number: u32, len: u32) -> Span {
    Span {
        start: u64::from(number * SEGMENT_LEN),
        len,
        is_lost: false,
        has_waited: false,
    }
}

fn reassemble(segments: &[Span]) -> Delivered {
    let mut sink = Delivered::default();
    let mut stream = Reassembler::default();
    stream.syn(INITIAL, &mut sink);
    for segment in segments {
        let start = u32::try_from(segment.start).expect("the stream is short");
        let sequence = INITIAL.wrapping_add(1).wrapping_add(start);
        let arrival = stream.segment(sequence, *segment, Overlap::First, &mut sink);
        sink.repeated += u64::from(arrival.repeated);
    }
    stream.finish(&mut sink);
    sink
}
