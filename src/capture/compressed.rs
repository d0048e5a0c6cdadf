//! Captures that are compressed, by whatever of the common formats, found by its magic.
//!
//! All of these formats allow several complete members one behind the other (as `cat`, `pigz`,
//! `bgzip`, `pzstd` and `xz` with several files make them), so that one mechanism does for all:
//! the bytes of a member, then of the next. Memory is bounded by the formats' own windows, however
//! much a member claims to hold.

use std::io::{self, BufRead, Read};

/// A format of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>
    Lz4,
    /// <https://tukaani.org/xz/xz-file-format.txt>
    Xz,
    /// <https://sourceware.org/bzip2/>
    Bzip2,
}

impl Compression {
    /// Bytes that tell one from the other.
    pub(super) const MAGIC_LEN: usize = 6;

    /// The compression of what starts with `head`.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 6] = [
            (b"\x1f\x8b\x08", Self::Gzip),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"\x04\x22\x4d\x18", Self::Lz4),
            (b"\x02\x21\x4c\x18", Self::Lz4),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"BZh", Self::Bzip2),
        ];
        let found = magics.iter().find(|(magic, _)| head.starts_with(magic));
        found.map(|(_, compression)| *compression)
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// The content of a compressed file, read from front to back.
pub(super) struct Content {
    reader: Box<dyn Read + Send>,
    position: u64,
}

impl Content {
    pub(super) fn open(path: &std::path::Path) -> io::Result<Option<Self>> {
        let mut head = [0; Compression::MAGIC_LEN];
        let mut file = std::fs::File::open(path)?;
        let len = file.read(&mut head)?;
        if Compression::of(head.get(..len).unwrap_or_default()).is_none() {
            return Ok(None);
        }
        let reader = unpacked(Box::new(std::fs::File::open(path)?));
        Ok(Some(Self {
            reader,
            position: 0,
        }))
    }

    pub(super) fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let skip = offset.saturating_sub(self.position);
        self.position += io::copy(&mut (&mut self.reader).take(skip), &mut io::sink())?;
        let len = self.reader.read(bytes)?;
        self.position += len as u64;
        Ok(len)
    }

    pub(super) const fn unpacked(&self) -> u64 {
        self.position
    }
}

/// The bytes of `reader`, unpacked if they are compressed.
pub(super) fn unpacked(reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    let mut packed = Packed::new(reader);
    match Compression::of(packed.peek()) {
        Some(first) => Box::new(Unpacker {
            state: State::Between(packed, first),
        }),
        None => Box::new(packed),
    }
}

/// Bytes as they are in the input.
struct Packed {
    inner: Box<dyn Read + Send>,
    /// `buffer[start..end]` is read and not taken.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes taken.
    offset: u64,
    /// What comes behind the bytes that are read.
    failed: Option<io::Error>,
}

impl Packed {
    fn new(inner: Box<dyn Read + Send>) -> Self {
        Self {
            inner,
            buffer: vec![0; BUFFER_LEN],
            start: 0,
            end: 0,
            offset: 0,
            failed: None,
        }
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The next bytes, without taking them: enough for a magic, unless the input ends before.
    fn peek(&mut self) -> &[u8] {
        while self.end - self.start < Compression::MAGIC_LEN {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            if self.failed.is_some() {
                break;
            }
            match self.inner.read(room) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed = Some(error),
            }
        }
        self.buffered()
    }

    fn read_more(
        &mut self,
        read: impl FnOnce(&mut dyn Read) -> io::Result<usize>,
    ) -> io::Result<usize> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => read(&mut self.inner),
        }
    }

    /// Takes `len` bytes.
    fn skip(&mut self, len: u64) -> io::Result<()> {
        match io::copy(&mut self.take(len), &mut io::sink())? {
            skipped if skipped < len => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Goes to the next member: what it is, or `None` at the end of the input.
    fn next_member(&mut self) -> io::Result<Option<Compression>> {
        loop {
            let head = self.peek();
            if let Some(compression) = Compression::of(head) {
                return Ok(Some(compression));
            }
            match *head {
                [] => return self.failed.take().map_or(Ok(None), Err),
                // Padding: tapes and xz have it.
                [0, ..] => {
                    let zeros = self.buffered().iter().take_while(|it| **it == 0).count();
                    self.consume(zeros);
                }
                // A frame of zstd or lz4 that is to be skipped (RFC 8878, section 3.1.2).
                [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                    self.skip(4)?;
                    let mut len = [0; 4];
                    self.read_exact(&mut len)?;
                    self.skip(u32::from_le_bytes(len).into())?;
                }
                _ => {
                    return Err(io::Error::other(
                        "something else follows the compressed data",
                    ));
                }
            }
        }
    }
}

impl Read for Packed {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = if self.start == self.end && room.len() >= self.buffer.len() {
            let count = self.read_more(|inner| inner.read(room))?;
            self.offset += count as u64;
            count
        } else {
            let count = self.fill_buf()?.read(room)?;
            self.consume(count);
            count
        };
        Ok(count)
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            let mut buffer = std::mem::take(&mut self.buffer);
            let count = self.read_more(|inner| inner.read(&mut buffer));
            self.buffer = buffer;
            self.end = count?;
        }
        Ok(self.buffered())
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }
}

/// Unpacks one member after the other.
struct Unpacker {
    state: State,
}

enum State {
    /// A member of this kind is next.
    Between(Packed, Compression),
    /// In the middle of one.
    Inside(Box<Member>),
    /// At the end, or behind an error.
    Ended,
}

/// A member that is being unpacked.
enum Member {
    Gzip(flate2::bufread::GzDecoder<Packed>),
    Zstd(zstd::Decoder<'static, Packed>),
    Lz4(lz4_flex::frame::FrameDecoder<Packed>),
    Xz(liblzma::bufread::XzDecoder<Packed>),
    Bzip2(bzip2::bufread::BzDecoder<Packed>),
}

impl Member {
    fn new(packed: Packed, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::Gzip => Self::Gzip(flate2::bufread::GzDecoder::new(packed)),
            Compression::Zstd => Self::Zstd(zstd::Decoder::with_buffer(packed)?.single_frame()),
            Compression::Lz4 => Self::Lz4(lz4_flex::frame::FrameDecoder::new(packed)),
            Compression::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0)?;
                Self::Xz(liblzma::bufread::XzDecoder::new_stream(packed, stream))
            }
            Compression::Bzip2 => Self::Bzip2(bzip2::bufread::BzDecoder::new(packed)),
        })
    }

    fn parts(&mut self) -> (&mut dyn Read, Compression) {
        match self {
            Self::Gzip(it) => (it, Compression::Gzip),
            Self::Zstd(it) => (it, Compression::Zstd),
            Self::Lz4(it) => (it, Compression::Lz4),
            Self::Xz(it) => (it, Compression::Xz),
            Self::Bzip2(it) => (it, Compression::Bzip2),
        }
    }

    fn into_packed(self) -> Packed {
        match self {
            Self::Gzip(it) => it.into_inner(),
            Self::Zstd(it) => it.finish(),
            Self::Lz4(it) => it.into_inner(),
            Self::Xz(it) => it.into_inner(),
            Self::Bzip2(it) => it.into_inner(),
        }
    }
}

impl Read for Unpacker {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Between(packed, compression) => {
                    self.state = State::Inside(Box::new(Member::new(packed, compression)?));
                }
                State::Inside(mut member) => {
                    let (reader, compression) = member.parts();
                    let outcome = reader.read(room);
                    match outcome {
                        Ok(0) => {
                            let mut packed = member.into_packed();
                            match packed.next_member() {
                                Ok(Some(next)) => self.state = State::Between(packed, next),
                                Ok(None) => return Ok(0),
                                Err(error) => return Err(damaged(compression, &packed, error)),
                            }
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                            self.state = State::Inside(member);
                            return Err(error);
                        }
                        Err(error) => {
                            return Err(damaged(compression, &member.into_packed(), error));
                        }
                        count => {
                            self.state = State::Inside(member);
                            return count;
                        }
                    }
                }
                State::Ended => return Ok(0),
            }
        }
    }
}

/// Says where compressed data is damaged or cut short, as far as that can be told.
fn damaged(compression: Compression, packed: &Packed, error: io::Error) -> io::Error {
    let (name, offset) = (compression.name(), packed.offset);
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut short".to_owned(),
        _ => error.to_string(),
    };
    let text = format!("{name} data is damaged at about byte {offset}: {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Compressed bytes that are read at a time.
const BUFFER_LEN: usize = 256 * 1024;
/// Most of what xz may use: four times what its strongest preset does.
const XZ_MEMORY: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Hands out its bytes in odd pieces.
    struct Trickle(io::Cursor<Vec<u8>>);

    impl Read for Trickle {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let most = self.0.position() % 5 + 1;
            Read::take(&mut self.0, most).read(room)
        }
    }

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
}
