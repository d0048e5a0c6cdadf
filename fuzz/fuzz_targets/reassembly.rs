//! Segments in any order: the stream is what a table of bytes says.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pcap_flows::tcp::{Overlap, Piece, Reassembler, Sink};

/// A segment of the stream: where it starts, behind the first byte or before it, and its bytes.
#[derive(Arbitrary, Debug)]
struct Sent {
    offset: i16,
    len: u8,
    value: u8,
}

#[derive(Arbitrary, Debug)]
struct Stream {
    /// Number of the SYN: streams wrap at any place.
    initial: u32,
    /// After how many segments the SYN comes; none where it was not captured.
    syn: Option<u8>,
    is_last: bool,
    segments: Vec<Sent>,
}

/// Bytes, or how many of them were lost.
#[derive(Clone, Debug, PartialEq)]
enum Bytes {
    Known(Vec<u8>),
    Lost(u32),
}

impl Piece for Bytes {
    fn len(&self) -> u32 {
        match self {
            Self::Known(bytes) => u32::try_from(bytes.len()).unwrap(),
            Self::Lost(len) => *len,
        }
    }

    fn part(&self, from: u32, to: u32) -> Self {
        match self {
            Self::Known(bytes) => Self::Known(bytes[from as usize..to as usize].to_vec()),
            Self::Lost(_) => Self::Lost(to - from),
        }
    }

    fn lost(len: u32) -> Self {
        Self::Lost(len)
    }

    fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    fn set_waited(&mut self) {}
}

#[derive(Default)]
struct Delivered(Vec<Option<u8>>);

impl Sink<Bytes> for Delivered {
    fn deliver(&mut self, piece: Bytes) {
        match piece {
            Bytes::Known(bytes) => self.0.extend(bytes.into_iter().map(Some)),
            Bytes::Lost(len) => self.0.extend((0..len).map(|_| None)),
        }
    }

    fn repeated(&mut self, offset: u64, piece: Bytes) {
        assert!(offset + u64::from(piece.len()) <= self.0.len() as u64);
    }

    fn differ(&mut self, a: &Bytes, b: &Bytes) -> bool {
        assert_eq!(a.len(), b.len());
        a != b
    }
}

/// The stream as a table of bytes, by their places in front of and behind the SYN's.
struct Model {
    bytes: Vec<Option<u8>>,
    /// What stands in front of this is delivered, and cannot be changed any more.
    next: Option<usize>,
    first: usize,
}

/// Where the byte behind the SYN stands in the table.
const ORIGIN: usize = 1 << 15;

impl Model {
    fn new() -> Self {
        let bytes = vec![None; 2 * ORIGIN + 256];
        Self {
            bytes,
            next: None,
            first: 2 * ORIGIN,
        }
    }

    fn add(&mut self, start: usize, bytes: &[u8], overlap: Overlap) {
        self.first = self.first.min(start);
        for (&byte, place) in bytes.iter().zip(start..) {
            let is_done = self.next.is_some_and(|next| place < next);
            let slot = &mut self.bytes[place];
            if !is_done && (slot.is_none() || overlap == Overlap::Last) {
                *slot = Some(byte);
            }
        }
        self.deliver();
    }

    /// All in front of the first gap.
    fn deliver(&mut self) {
        if let Some(next) = &mut self.next {
            while self.bytes.get(*next).is_some_and(Option::is_some) {
                *next += 1;
            }
        }
    }

    /// The stream starts here, or at what came and stands in front of it.
    fn start(&mut self, at: usize) {
        self.next.get_or_insert(self.first.min(at));
        self.deliver();
    }

    fn stream(&self, start: usize) -> &[Option<u8>] {
        let last = self.bytes.iter().rposition(Option::is_some);
        last.map_or(&[], |last| self.bytes.get(start..=last).unwrap_or(&[]))
    }
}

fuzz_target!(|stream: Stream| {
    let overlap = if stream.is_last {
        Overlap::Last
    } else {
        Overlap::First
    };
    let mut reassembler = Reassembler::default();
    let (mut sink, mut model) = (Delivered::default(), Model::new());
    let mut start = None;
    // Until the start is known everything is held, up to 64 KiB.
    let most = 64 * 1024 / 256;
    for (number, sent) in stream.segments.iter().enumerate().take(most) {
        if stream.syn.is_some_and(|syn| usize::from(syn) == number) {
            reassembler.syn(stream.initial, &mut sink);
            model.start(ORIGIN);
            start = Some(model.first.min(ORIGIN));
        }
        let len = usize::from(sent.len);
        if len == 0 {
            continue;
        }
        let place = ORIGIN.checked_add_signed(sent.offset.into()).unwrap();
        let bytes: Vec<u8> = (0..sent.len)
            .map(|it| it.wrapping_mul(31) ^ sent.value)
            .collect();
        let first = stream.initial.wrapping_add(1);
        let sequence = first.wrapping_add_signed(sent.offset.into());
        // What stands in front of the start is too late.
        let early = start.map_or(0, |start: usize| start.saturating_sub(place).min(len));
        model.add(place + early, &bytes[early..], overlap);
        reassembler.segment(sequence, Bytes::Known(bytes), overlap, &mut sink);
    }
    reassembler.finish(&mut sink);
    let start = start.unwrap_or(model.first);
    assert_eq!(sink.0, model.stream(start));
});
