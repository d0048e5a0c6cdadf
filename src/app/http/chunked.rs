//! Framing of the chunked transfer coding (RFC 9112, section 7.1).

/// Position of a reader in a chunked body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    place: Place,
    /// Size read so far on a size line; within a chunk, the bytes left of it.
    left: u64,
    /// Bytes of the current line so far.
    line: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In the digits of a size.
    #[default]
    Size,
    /// After the size, before the end of its line.
    Extension,
    Data,
    /// At the line end after a chunk.
    DataEnd,
    /// At the start of a line after the last chunk.
    Trailer,
    /// Within a trailer line.
    TrailerLine,
    End,
}

/// Role of the next bytes of a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This many bytes are framing.
    Framing(usize),
    /// This many bytes are content.
    Content(usize),
    /// The body ended before these bytes.
    End,
    /// Not a chunked body.
    Broken,
}

impl Chunks {
    /// Classifies the next bytes, of which there must be at least one.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        match self.place {
            Place::Data => {
                let len = usize::try_from(self.left).unwrap_or(usize::MAX);
                let len = len.min(bytes.len());
                self.left -= len as u64;
                if self.left == 0 {
                    self.place = Place::DataEnd;
                }
                Step::Content(len)
            }
            Place::End => Step::End,
            _ => self.framing(bytes),
        }
    }

    fn framing(&mut self, bytes: &[u8]) -> Step {
        for (place, &byte) in bytes.iter().enumerate() {
            if !self.read(byte) {
                return Step::Broken;
            }
            if matches!(self.place, Place::Data | Place::End) {
                return Step::Framing(place + 1);
            }
        }
        Step::Framing(bytes.len())
    }

    fn read(&mut self, byte: u8) -> bool {
        self.line += 1;
        match (self.place, byte) {
            (Place::Size | Place::Extension, b'\n') => {
                let has_digits = self.line > 1;
                self.line = 0;
                self.place = if self.left > 0 {
                    Place::Data
                } else {
                    Place::Trailer
                };
                return has_digits;
            }
            (Place::Size, b'\r' | b' ' | b'\t' | b';') => self.place = Place::Extension,
            (Place::Size, _) => match (char::from(byte).to_digit(16), self.left.checked_mul(16)) {
                (Some(digit), Some(left)) => self.left = left + u64::from(digit),
                _ => return false,
            },
            (Place::DataEnd, b'\n') => {
                self.place = Place::Size;
                self.line = 0;
            }
            (Place::DataEnd, b'\r') | (Place::Trailer, b'\r') => {}
            (Place::Trailer, b'\n') => self.place = Place::End,
            (Place::Trailer, _) => self.place = Place::TrailerLine,
            (Place::TrailerLine, b'\n') => {
                self.place = Place::Trailer;
                self.line = 0;
            }
            (Place::DataEnd, _) => return false,
            _ => {}
        }
        self.line <= MOST_OF_LINE
    }

    pub(super) fn is_over(self) -> bool {
        self.place == Place::End
    }

    /// Bytes left of the chunk whose content comes next. They may be skipped.
    pub(super) const fn content_left(&self) -> u64 {
        match self.place {
            Place::Data => self.left,
            _ => 0,
        }
    }

    /// Skips content, at most to the end of the chunk.
    pub(super) const fn skip(&mut self, len: u64) {
        self.left = self.left.saturating_sub(len);
        if self.left == 0 && matches!(self.place, Place::Data) {
            self.place = Place::DataEnd;
        }
    }
}

const MOST_OF_LINE: u32 = 8 * 1024;
