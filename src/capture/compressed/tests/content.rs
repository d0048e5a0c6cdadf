//! What is read at any place is what is there when all is read.

use super::*;
use crate::capture::Content;
use proptest::prelude::*;
use std::fs;

/// A file with these bytes. It goes when this is dropped.
struct Written(tempfile::TempDir);

impl Written {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("packed"), bytes).unwrap();
        Self(folder)
    }

    fn open(&self) -> Content {
        Content::open(&self.0.path().join("packed"))
            .unwrap()
            .unwrap()
    }
}

fn at(content: &mut Content, offset: usize, len: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0xee; len];
    let outcome = content.read_at(offset as u64, &mut bytes);
    let count = outcome.map_err(|it| it.to_string())?;
    bytes.truncate(count);
    Ok(bytes)
}

/// The part of some bytes that is there.
fn slice(bytes: &[u8], offset: usize, len: usize) -> &[u8] {
    let offset = offset.min(bytes.len());
    &bytes[offset..bytes.len().min(offset + len)]
}

/// Many parts that tell how much they hold, as BGZF and as zstd, and how much a part holds.
fn with_parts(content: &[u8]) -> [(Vec<u8>, usize); 2] {
    let blocks = content.chunks(50_000).flat_map(bgzf_block).collect();
    let frames = content.chunks(200_000);
    let frames = frames.flat_map(|it| zstd_frame(it, true, true)).collect();
    [(blocks, 50_000), (frames, 200_000)]
}

#[test]
fn only_compressed_files_have_content() {
    for bytes in [&b""[..], b"P", b"plain text"] {
        let file = Written::new(bytes);
        let content = Content::open(&file.0.path().join("packed")).unwrap();
        assert!(content.is_none());
        assert!(Content::open(file.0.path()).is_err());
    }
}

#[test]
fn all_kinds_forward_and_backward() {
    let content = content();
    for compression in ALL {
        let (first, second) = content.split_at(70_000);
        let zeros = vec![0; 9];
        let parts = [
            packed(compression, first),
            zeros,
            packed(compression, second),
        ];
        let file = Written::new(&parts.concat());
        let mut reader = file.open();
        assert!(!reader.seeks() || compression == Compression::Zstd);
        for offset in [
            0, 10, 69_990, 110_000, 119_990, 119_999, 120_000, 500_000, 69_000, 3, 0,
        ] {
            for len in [0, 1, 100, 200_000] {
                let expected = slice(&content, offset, len);
                assert!(at(&mut reader, offset, len).unwrap() == expected);
            }
        }
    }
}

#[test]
fn parts_are_passed_over() {
    let content = content().repeat(30);
    for (bytes, part_len) in with_parts(&content) {
        let file = Written::new(&bytes);
        let mut reader = file.open();
        assert!(reader.seeks());
        // To the start of a part, into one, on in the same, over the rest of it, back.
        let mut unpacked = 0;
        for (offset, parts) in [
            (2_000_000, 1),
            (2_400_090, 1),
            (2_430_000, 0),
            (3_100_000, 1),
            (3_500_000, 1),
            (70_000, 1),
        ] {
            assert_eq!(
                at(&mut reader, offset, 100).unwrap(),
                &content[offset..][..100]
            );
            unpacked += parts * part_len as u64;
            assert!(reader.unpacked() <= unpacked, "{offset}: {reader:?}");
        }
        assert!(at(&mut reader, content.len(), 1).unwrap().is_empty());
        assert!(reader.unpacked() <= unpacked);
    }
}

#[test]
fn what_has_one_part_or_does_not_tell_is_unpacked() {
    let content = content();
    let frames = |tells| {
        content
            .chunks(9000)
            .flat_map(move |it| zstd_frame(it, tells, false))
    };
    let one = zstd_frame(&content, true, true);
    for bytes in [
        one,
        frames(false).collect(),
        packed(Compression::Gzip, &content).repeat(2),
    ] {
        let file = Written::new(&bytes);
        let mut reader = file.open();
        assert!(!reader.seeks());
        assert_eq!(
            at(&mut reader, 100_000, 9).unwrap(),
            &content[100_000..][..9]
        );
        assert!(reader.unpacked() >= 100_009);
    }
    let file = Written::new(&frames(true).collect::<Vec<_>>());
    assert!(file.open().seeks());
}

#[test]
fn lengths_are_not_trusted() {
    let content = content();
    for (bytes, part_len) in with_parts(&content) {
        let mut lying = bytes.clone();
        if part_len == 50_000 {
            let block_len = bgzf_block(&content[..50_000]).len();
            lying[block_len - 4] ^= 1;
        } else {
            // A frame of one segment tells it behind its descriptor.
            lying[5] ^= 1;
        }
        let (_, error) = read(lying.clone());
        let file = Written::new(&lying);
        let mut reader = file.open();
        // Most of the part is there, and then not its end.
        let mut count = 0;
        while let Ok(bytes) = at(&mut reader, count, 30_000) {
            assert!(bytes == slice(&content, count, bytes.len()));
            count += bytes.len();
        }
        let told = at(&mut reader, count, 30_000).unwrap_err();
        assert!(
            error.unwrap().split(':').next() == told.split(':').next(),
            "{told}"
        );
    }
    // A block with something behind its end that it says is part of it.
    let mut bytes = bgzf_block(&content[..500]);
    bytes.extend(500_u32.to_le_bytes());
    let len = u16::try_from(bytes.len() - 1).unwrap();
    bytes[16..18].copy_from_slice(&len.to_le_bytes());
    let file = Written::new(&bytes);
    let mut reader = file.open();
    assert_eq!(at(&mut reader, 0, 500).unwrap(), &content[..500]);
    let error = at(&mut reader, 500, 1).unwrap_err();
    assert!(
        error.ends_with("a block is not as long as it says"),
        "{error}"
    );
    assert_eq!(at(&mut reader, 3, 5).unwrap(), &content[3..8]);
}

#[test]
fn damage_is_told_as_in_sequence() {
    let content = content();
    for compression in ALL {
        let mut bytes = packed(compression, &content);
        bytes.extend(packed(compression, &content));
        bytes.truncate(bytes.len() - 300);
        let file = Written::new(&bytes);
        let mut reader = file.open();
        let (whole, error) = read(bytes);
        assert!(at(&mut reader, 5, 90_000).unwrap() == content[5..90_005]);
        let until = "data is damaged at about byte ";
        let error = error.unwrap();
        let (_, what) = error.split_once(until).unwrap();
        let (_, what) = what.split_once(':').unwrap();
        for offset in [whole.len() + 200_000, whole.len() + 200_000, 500_000] {
            let told = at(&mut reader, offset, 9).unwrap_err();
            assert!(
                told.contains(until) && told.ends_with(what),
                "{told}: {error}"
            );
        }
        assert!(at(&mut reader, 5, 90_000).unwrap() == content[5..90_005]);
    }
}

#[test]
fn what_is_cut_or_flipped_reads_as_in_sequence() {
    let content = &content()[..20_000];
    let blocks: Vec<u8> = content.chunks(900).flat_map(bgzf_block).collect();
    let frames = content
        .chunks(900)
        .flat_map(|it| zstd_frame(it, true, true));
    for bytes in [blocks, frames.collect()] {
        for place in (6..bytes.len()).step_by(397) {
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x04;
            for damaged in [flipped, bytes[..place].to_vec()] {
                let file = Written::new(&damaged);
                let (expected, error) = read(damaged);
                let (mut reader, mut count) = (file.open(), 0);
                let told = loop {
                    match at(&mut reader, count, 700) {
                        Ok(bytes) if bytes.is_empty() => break None,
                        Ok(bytes) => {
                            let expected = expected.iter().skip(count);
                            assert!(bytes.iter().zip(expected).all(|(a, b)| a == b));
                            count += bytes.len();
                        }
                        Err(error) => break Some(error),
                    }
                };
                // More or less of the last part may be there.
                assert_eq!(
                    told.is_some(),
                    error.is_some(),
                    "{place}: {told:?}, {error:?}"
                );
            }
        }
    }
}

#[test]
fn something_else_behind_is_told() {
    for (mut bytes, _) in with_parts(&content()) {
        bytes.extend(b"and so on");
        let (_, error) = read(bytes.clone());
        let file = Written::new(&bytes);
        let told = at(&mut file.open(), 1_000_000, 1).unwrap_err();
        assert_eq!(Some(told), error);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_is_read(
        pieces in prop::collection::vec((0..6_u8, 0..20_000_usize, 0..40_000_usize), 1..12),
        reads in prop::collection::vec((0..400_000_usize, 0..50_000_usize), 1..20),
        sorted in any::<bool>(),
    ) {
        let all = content();
        let (mut bytes, mut expected) = (bgzf_block(b"first"), b"first".to_vec());
        for (kind, from, len) in pieces {
            let content = &all[from..from + len];
            match kind {
                0 => bytes.extend(packed(Compression::Gzip, content)),
                1 => {
                    bytes.extend(b"\x50\x2a\x4d\x18\x03\0\0\0abc\0\0\0");
                    continue;
                }
                2 | 3 => bytes.extend(bgzf_block(content)),
                kind => bytes.extend(zstd_frame(content, kind == 4, true)),
            }
            expected.extend(content);
        }
        let mut reads = reads;
        if sorted {
            reads.sort_unstable();
        }
        let file = Written::new(&bytes);
        let mut reader = file.open();
        for (offset, len) in reads {
            let offset = offset % (expected.len() + 100);
            prop_assert!(at(&mut reader, offset, len).unwrap() == slice(&expected, offset, len));
        }
    }
}
