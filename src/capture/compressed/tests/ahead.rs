//! What is unpacked ahead is what is unpacked in sequence.

use super::*;
use crate::capture::compressed::ahead::{Ahead, Limits};
use crate::capture::compressed::packed::Packed;
use crate::capture::compressed::unpacker::unpacked_with;
use proptest::prelude::*;

/// Small enough for tests.
const LIMITS: Limits = Limits {
    threads: 3,
    batch: 2000,
    part: 4000,
    all: 20_000,
};

/// What can be read, and how it ends, in pieces as the reading thread takes them.
fn outcome(bytes: &[u8], ahead: Option<Limits>) -> (Vec<u8>, Option<String>) {
    let reader = Box::new(io::Cursor::new(bytes.to_vec()));
    let mut reader = unpacked_with(reader, || ahead.and_then(Ahead::new));
    let mut content = Vec::new();
    let mut piece = [0; 6000];
    let mut end = 0;
    loop {
        match reader.read(&mut piece[end..]) {
            Ok(0) => break,
            Ok(count) => {
                content.extend_from_slice(&piece[end..][..count]);
                end = (end + count) % piece.len();
            }
            Err(error) => return (content, Some(error.to_string())),
        }
    }
    (content, None)
}

#[track_caller]
fn same_as_in_sequence(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
    let in_sequence = outcome(bytes, None);
    let ahead = outcome(bytes, Some(LIMITS));
    assert_eq!(ahead.1, in_sequence.1);
    // Of whole captures, nobody wants to see the bytes.
    assert!(ahead.0 == in_sequence.0, "other bytes");
    in_sequence
}

fn starts_ahead(bytes: Vec<u8>) -> bool {
    let mut packed = Packed::new(Box::new(io::Cursor::new(bytes)));
    let has_started = Ahead::new(LIMITS).unwrap().start(&mut packed);
    assert!(has_started || packed.offset() == 0);
    has_started
}

fn blocks(content: &[u8], len: usize) -> Vec<u8> {
    let mut blocks: Vec<u8> = content.chunks(len).flat_map(bgzf_block).collect();
    blocks.extend(bgzf_block(&[]));
    blocks
}

fn frames(content: &[u8], len: usize, tells: bool) -> Vec<u8> {
    let frame = |it| zstd_frame(it, tells, true);
    content.chunks(len).flat_map(frame).collect()
}

#[test]
fn only_several_parts_are_worth_it() {
    let content = content();
    assert!(starts_ahead(blocks(&content, 900)));
    assert!(starts_ahead(frames(&content, 900, true)));
    assert!(starts_ahead(frames(&content, 900, false)));
    // One part, parts that are too large, no parts, little.
    assert!(!starts_ahead(zstd_frame(&content, true, true)));
    assert!(!starts_ahead(frames(&content, 5000, true)));
    assert!(!starts_ahead(packed(Compression::Gzip, &content).repeat(5)));
    assert!(!starts_ahead(bgzf_block(&content[..300]).repeat(4)));
    assert!(
        Ahead::new(Limits {
            threads: 1,
            ..LIMITS
        })
        .is_none()
    );
}

#[test]
fn many_parts() {
    let content = content();
    for len in [700, 2001, 4000, 4001, 30_000] {
        let all = [
            blocks(&content, len),
            frames(&content, len, true),
            frames(&content, len, false),
        ];
        for bytes in all {
            assert!(same_as_in_sequence(&bytes) == (content.clone(), None));
        }
    }
}

#[test]
fn parts_with_usual_limits() {
    let content = content().repeat(40);
    for bytes in [blocks(&content, 60_000), frames(&content, 1_300_000, false)] {
        let limits = Limits {
            threads: 3,
            ..Limits::usual()
        };
        assert!(outcome(&bytes, Some(limits)) == (content.clone(), None));
    }
}

#[test]
fn damage_comes_behind_what_is_before_it() {
    let content = &content()[..20_000];
    for bytes in [
        blocks(content, 700),
        frames(content, 700, true),
        frames(content, 700, false),
    ] {
        for place in (0..bytes.len()).step_by(61) {
            let (read, _) = same_as_in_sequence(&bytes[..place]);
            assert_eq!(read, content[..read.len()]);
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x04;
            same_as_in_sequence(&flipped);
        }
    }
}

#[test]
fn parts_that_lie() {
    let content = content();
    let bytes = blocks(&content[..9000], 900);
    let block_len = bgzf_block(&content[..900]).len();
    // Of the third block: its own length, that of its content.
    for place in [2 * block_len + 16, 3 * block_len - 4] {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x01;
        same_as_in_sequence(&bytes);
    }
    // Twice as long as it is: what is behind it is not part of it.
    let mut bytes = bytes;
    let both = u16::try_from(block_len + bgzf_block(&content[900..1800]).len() - 1).unwrap();
    bytes[16..18].copy_from_slice(&both.to_le_bytes());
    assert!(same_as_in_sequence(&bytes) == (content[..9000].to_vec(), None));
}

/// Delivers the same bytes again and again, and never ends.
struct Endless(Vec<u8>, usize);

impl Read for Endless {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = (&self.0[self.1..]).read(room)?;
        self.1 = (self.1 + count) % self.0.len();
        Ok(count)
    }
}

#[test]
fn a_reader_that_is_dropped_ends_its_threads() {
    let content = content();
    for read in [0, 1, 10_000, 200_000] {
        let bytes = [blocks(&content, 900), frames(&content, 900, false)].concat();
        let reader = Box::new(Endless(bytes, 0));
        let mut reader = unpacked_with(reader, || Ahead::new(LIMITS));
        reader.read_exact(&mut vec![0; read]).unwrap();
        // Dropping it waits for them.
        drop(reader);
    }
}

/// What may stand in a file: what it is, from where its content is, and how long that is.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0..50_usize, 300..900_usize, 0..5000_usize];
    (0..10_u8, 0..60_000_usize, len).prop_map(|(kind, from, len)| {
        let content = &content()[from..from + len];
        match kind {
            0 => packed(Compression::Gzip, content),
            1 => packed(Compression::Lz4, content),
            2 => vec![0; len],
            3 => {
                let len = u32::try_from(len).unwrap().to_le_bytes();
                [b"\x57\x2a\x4d\x18", &len[..], content].concat()
            }
            4..=6 => bgzf_block(content),
            kind => zstd_frame(content, kind == 7, kind == 8),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_stands_in_a_file(
        pieces in prop::collection::vec((piece(), 1..5_usize), 1..12),
        cut in 0..100_000_usize,
        flipped in prop::option::of((0..100_000_usize, 0..8_u8)),
    ) {
        let pieces: Vec<_> = pieces.into_iter().map(|(it, times)| it.repeat(times)).collect();
        let mut bytes = pieces.concat();
        if let Some((place, bit)) = flipped && let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1 << bit;
        }
        bytes.truncate(bytes.len().min(cut));
        same_as_in_sequence(&bytes);
    }
}
