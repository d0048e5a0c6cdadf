//! Pieces that hold their bytes, and a sink that collects them.

use super::piece::Piece;
use super::sink::Sink;

/// Bytes, or how many of them were lost.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bytes {
    Known(Vec<u8>),
    Lost(u32),
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self::Known(text.as_bytes().to_vec())
    }
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

/// A stream as it was delivered.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Collected {
    /// The bytes; those that were lost are question marks.
    pub(super) bytes: Vec<u8>,
    /// Where there are gaps, and how long they are; neighbours in one piece.
    pub(super) gaps: Vec<(u64, u64)>,
    pub(super) repeated: Vec<(u64, Bytes)>,
}

impl Sink<Bytes> for Collected {
    fn deliver(&mut self, piece: Bytes) {
        let at = self.bytes.len() as u64;
        match piece {
            Bytes::Known(bytes) => {
                assert!(!bytes.is_empty());
                self.bytes.extend(bytes);
            }
            Bytes::Lost(len) => {
                match self.gaps.last_mut() {
                    Some((start, gap)) if *start + *gap == at => *gap += u64::from(len),
                    _ => self.gaps.push((at, len.into())),
                }
                self.bytes.extend(std::iter::repeat_n(b'?', len as usize));
            }
        }
    }

    fn repeated(&mut self, offset: u64, piece: Bytes) {
        self.repeated.push((offset, piece));
    }

    fn differ(&mut self, a: &Bytes, b: &Bytes) -> bool {
        assert_eq!(a.len(), b.len());
        a != b
    }
}
