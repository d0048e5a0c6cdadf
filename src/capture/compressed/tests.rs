//! All formats, in sequence; what is unpacked ahead is in [`ahead`],
//! what is read at any place in [`content`].

mod ahead;
mod content;

use super::*;
use std::io::{self, Read, Write};

/// Hands out its bytes in odd pieces.
struct Trickle(io::Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = self.0.position() % 5 + 1;
        Read::take(&mut self.0, most).read(room)
    }
}

/// A member of this kind.
fn packed(compression: Compression, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match compression {
        Compression::Gzip => {
            let mut it = flate2::write::GzEncoder::new(&mut out, flate2::Compression::new(1));
            it.write_all(content).unwrap();
            it.finish().unwrap();
        }
        Compression::Zstd => out = zstd::encode_all(content, 1).unwrap(),
        Compression::Lz4 => {
            let mut it = lz4_flex::frame::FrameEncoder::new(&mut out);
            it.write_all(content).unwrap();
            it.finish().unwrap();
        }
        Compression::Xz => {
            let mut it = liblzma::write::XzEncoder::new(&mut out, 1);
            it.write_all(content).unwrap();
            it.finish().unwrap();
        }
        Compression::Bzip2 => {
            let mut it = bzip2::write::BzEncoder::new(&mut out, bzip2::Compression::fast());
            it.write_all(content).unwrap();
            it.finish().unwrap();
        }
    }
    out
}

/// A block of BGZF.
fn bgzf_block(content: &[u8]) -> Vec<u8> {
    let fast = flate2::Compression::fast();
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), fast);
    packer.write_all(content).unwrap();
    let deflated = packer.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let len = u16::try_from(deflated.len() + 25).unwrap();
    let mut block = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0".to_vec();
    block.extend(len.to_le_bytes());
    block.extend(deflated);
    block.extend(crc.sum().to_le_bytes());
    block.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    block
}

/// A frame of zstd that tells the length of its content, or does not.
fn zstd_frame(content: &[u8], tells: bool, has_checksum: bool) -> Vec<u8> {
    let mut packer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packer.include_checksum(has_checksum).unwrap();
    if tells {
        packer
            .set_pledged_src_size(Some(content.len() as u64))
            .unwrap();
    }
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

fn read(bytes: Vec<u8>) -> (Vec<u8>, Option<String>) {
    let mut content = Vec::new();
    let mut reader = unpacked(Box::new(Trickle(io::Cursor::new(bytes))));
    let outcome = reader.read_to_end(&mut content);
    (content, outcome.err().map(|it| it.to_string()))
}

const ALL: [Compression; 5] = [
    Compression::Gzip,
    Compression::Zstd,
    Compression::Lz4,
    Compression::Xz,
    Compression::Bzip2,
];

fn content() -> Vec<u8> {
    (0..30_000_u32)
        .flat_map(|n| (n * n / 7).to_le_bytes())
        .collect()
}

#[test]
fn members_of_all_kinds_behind_each_other() {
    let content = content();
    let mut bytes = Vec::new();
    for compression in ALL {
        let one = packed(compression, &content);
        assert_eq!(Compression::of(&one), Some(compression));
        assert_eq!(
            read(one.clone()),
            (content.clone(), None),
            "{compression:?}"
        );
        bytes.extend(one);
        // Padding, a frame to be skipped, an empty member.
        bytes.extend([0; 12]);
        bytes.extend(b"\x53\x2a\x4d\x18\x03\0\0\0abc");
        bytes.extend(packed(compression, &[]));
    }
    let (all, error) = read(bytes);
    assert_eq!(error, None);
    assert_eq!(all.len(), content.len() * ALL.len());
    assert!(all.chunks(content.len()).all(|it| it == content));
}

/// As pzstd writes it.
#[test]
fn a_frame_to_be_skipped_may_be_the_first() {
    let mut bytes = b"P*M\x18\x04\0\0\0\x01\x02\x03\x04".to_vec();
    bytes.extend(packed(Compression::Zstd, b"content"));
    assert_eq!(Compression::of_input(&bytes), Some(Compression::Zstd));
    assert_eq!(read(bytes), (b"content".to_vec(), None));
}

#[test]
fn what_is_not_compressed_is_left_as_it_is() {
    for bytes in [vec![], vec![0x1f], b"plain text".to_vec(), content()] {
        assert_eq!(read(bytes.clone()), (bytes, None));
    }
}

#[test]
fn damage_is_told_behind_what_could_be_read() {
    let content = content();
    for compression in ALL {
        let mut bytes = packed(compression, &content);
        let name = compression.name();
        bytes.extend(packed(compression, &content));
        bytes.truncate(bytes.len() - bytes.len() / 4);
        let (read_so_far, error) = read(bytes.clone());
        assert!(read_so_far.len() >= content.len(), "{name}");
        assert!(
            read_so_far
                .iter()
                .zip(content.iter().cycle())
                .all(|(a, b)| a == b)
        );
        let error = error.unwrap_or_default();
        assert!(
            error.starts_with(&format!("{name} data is damaged at about byte ")),
            "{error}"
        );

        let mut bytes = packed(compression, &content);
        bytes.extend(b"and so on");
        let (whole, error) = read(bytes);
        assert_eq!(whole, content, "{name}");
        assert!(
            error
                .unwrap_or_default()
                .ends_with("something else follows the compressed data")
        );
    }
}

#[test]
fn a_frame_to_be_skipped_that_is_cut_short_is_damage() {
    let mut bytes = packed(Compression::Zstd, b"content");
    bytes.extend(b"\x53\x2a\x4d\x18\x03\0\0\0ab");
    let (content, error) = read(bytes);
    assert_eq!(content, b"content");
    assert!(error.unwrap_or_default().ends_with("it is cut short"));
}

#[test]
fn flipped_bits_never_pass_unseen() {
    let content = content();
    // lz4 has no checksum of its content unless it is asked for.
    for compression in [Compression::Gzip, Compression::Xz, Compression::Bzip2] {
        let bytes = packed(compression, &content);
        for place in (0..bytes.len()).step_by(bytes.len() / 37 + 1).skip(1) {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x10;
            let (read, error) = read(bytes);
            assert!(
                error.is_some() || read == content,
                "{compression:?} at {place}"
            );
        }
    }
}
