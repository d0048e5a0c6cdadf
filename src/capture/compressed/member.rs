//! One member, unpacked from its start to its end, and what is said of one that is damaged.

use super::magic::Compression;
use super::packed::Packed;
use std::io::{self, Read};

/// A member that is being unpacked.
pub(super) enum Member {
    Gzip(flate2::bufread::GzDecoder<Packed>),
    Zstd(zstd::Decoder<'static, Packed>),
    Lz4(lz4_flex::frame::FrameDecoder<Packed>),
    Xz(liblzma::bufread::XzDecoder<Packed>),
    Bzip2(bzip2::bufread::BzDecoder<Packed>),
}

impl Member {
    /// The member of this kind that is next.
    pub(super) fn new(packed: Packed, compression: Compression) -> io::Result<Self> {
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

    pub(super) const fn compression(&self) -> Compression {
        match self {
            Self::Gzip(_) => Compression::Gzip,
            Self::Zstd(_) => Compression::Zstd,
            Self::Lz4(_) => Compression::Lz4,
            Self::Xz(_) => Compression::Xz,
            Self::Bzip2(_) => Compression::Bzip2,
        }
    }

    /// The input after the bytes that were taken for it.
    pub(super) fn into_packed(self) -> Packed {
        match self {
            Self::Gzip(it) => it.into_inner(),
            Self::Zstd(it) => it.finish(),
            Self::Lz4(it) => it.into_inner(),
            Self::Xz(it) => it.into_inner(),
            Self::Bzip2(it) => it.into_inner(),
        }
    }

    /// Gives it up because of damage: the error that reports it.
    pub(super) fn damaged(self, error: &io::Error) -> io::Error {
        let compression = self.compression();
        damaged(compression, &self.into_packed(), error)
    }
}

impl Read for Member {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(it) => it.read(room),
            Self::Zstd(it) => it.read(room),
            Self::Lz4(it) => it.read(room),
            Self::Xz(it) => it.read(room),
            Self::Bzip2(it) => it.read(room),
        }
    }
}

/// The error of compressed data that is damaged or truncated, with the place if it is known.
pub(super) fn damaged(compression: Compression, packed: &Packed, error: &io::Error) -> io::Error {
    let (name, offset) = (compression.name(), packed.offset());
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut short".to_owned(),
        _ => error.to_string(),
    };
    let text = format!("{name} data is damaged at about byte {offset}: {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Most of what xz may use: four times what its strongest preset does.
const XZ_MEMORY: u64 = 256 * 1024 * 1024;
