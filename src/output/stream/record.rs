//! Header records: what `--tcpheader` and `--udpheader` write before each segment of a stream.
//!
//! All fields are little-endian. [`HeaderStyle::Extended`] is pcap_flow's `TCPOutputHeader_t` as
//! compilers lay it out on 64-bit machines.

use crate::capture::Nanos;
use std::io::{self, Read};
use std::iter::FusedIterator;

/// The layout of header records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderStyle {
    /// 12 bytes, packed: u64 time in nanoseconds, u16 length, u16 stream id.
    Packed,
    /// 16 bytes: the same as a C structure is laid out, with 4 bytes of zero at the end.
    C,
    /// 32 bytes: as [`HeaderStyle::Packed`], then u32 sequence number, u32 acknowledgment number,
    /// u32 window, u16 flags, u16 checksum, and 4 bytes of zero.
    ///
    /// Of the flags, bit 15 is `is_start`, bit 14 `is_reassembled`, the low byte those of TCP. The
    /// checksum is the low 16 bits of the sum of all fields before it.
    Extended,
    /// 16 bytes: u64 time in nanoseconds, u32 length, u32 stream id.
    Wide,
}

/// What a header record says of the segment behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordHeader {
    /// When the segment was captured. Written as u64; times before 1970 wrap, and come back so.
    pub time: Nanos,
    /// How many bytes of the stream follow, at most [`HeaderStyle::max_payload`].
    pub len: u32,
    /// The FlowID. Styles that have 16 bits for it keep the low ones.
    pub stream_id: u32,
    /// What TCP's header says; only [`HeaderStyle::Extended`] has a place for it.
    pub tcp: TcpFields,
}

/// What TCP's header says of a segment, and what became of the segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFields {
    /// The number of the segment's first byte.
    pub sequence: u32,
    /// The number of the byte that the sender waits for.
    pub acknowledgment: u32,
    /// How much the sender can receive, in bytes.
    pub window: u32,
    /// FIN (bit 0), SYN, RST, PSH, ACK, URG, ECE and CWR (bit 7).
    pub flags: u8,
    /// A connection starts here.
    pub is_start: bool,
    /// The segment came out of order and waited for those before it.
    pub is_reassembled: bool,
}

impl HeaderStyle {
    /// The length of a header, in bytes.
    pub const fn header_len(self) -> usize {
        match self {
            Self::Packed => 12,
            Self::C | Self::Wide => 16,
            Self::Extended => 32,
        }
    }

    /// The most bytes that one header can announce. Longer segments need several records.
    pub const fn max_payload(self) -> u32 {
        match self {
            Self::Packed | Self::C | Self::Extended => 0xffff,
            Self::Wide => u32::MAX,
        }
    }

    /// Appends the header to `out`. Its length must be within [`HeaderStyle::max_payload`].
    pub fn encode(self, header: &RecordHeader, out: &mut Vec<u8>) {
        debug_assert!(header.len <= self.max_payload(), "one record is too short");
        out.extend(header.time.0.to_le_bytes());
        if self == Self::Wide {
            out.extend(header.len.to_le_bytes());
            out.extend(header.stream_id.to_le_bytes());
            return;
        }
        out.extend(low_half(header.len).to_le_bytes());
        out.extend(low_half(header.stream_id).to_le_bytes());
        match self {
            Self::Packed | Self::Wide => {}
            Self::C => out.extend([0; 4]),
            Self::Extended => {
                let fields = Extension::of(header);
                out.extend(fields.sequence.to_le_bytes());
                out.extend(fields.acknowledgment.to_le_bytes());
                out.extend(fields.window.to_le_bytes());
                out.extend(fields.flags.to_le_bytes());
                out.extend(fields.checksum(header).to_le_bytes());
                out.extend([0; 4]);
            }
        }
    }

    /// Reads a header from the first [`HeaderStyle::header_len`] bytes; `None` if there are fewer.
    /// What the style has no place for is zero. The checksum is not looked at.
    pub fn decode(self, bytes: &[u8]) -> Option<RecordHeader> {
        Some(self.split(bytes)?.0)
    }

    fn split(self, bytes: &[u8]) -> Option<(RecordHeader, Extension)> {
        let mut fields = Fields(bytes.get(..self.header_len())?);
        let time = Nanos(i64::from_le_bytes(fields.next()?));
        let (len, stream_id) = match self {
            Self::Wide => (fields.u32()?, fields.u32()?),
            _ => (fields.u16()?.into(), fields.u16()?.into()),
        };
        let extension = match self {
            Self::Extended => Extension {
                sequence: fields.u32()?,
                acknowledgment: fields.u32()?,
                window: fields.u32()?,
                flags: fields.u16()?,
                stored: fields.u16()?,
            },
            _ => Extension::default(),
        };
        let header = RecordHeader {
            time,
            len,
            stream_id,
            tcp: extension.tcp(),
        };
        Some((header, extension))
    }
}

/// The fields that only [`HeaderStyle::Extended`] has, as they are written.
#[derive(Default)]
struct Extension {
    sequence: u32,
    acknowledgment: u32,
    window: u32,
    flags: u16,
    /// The checksum that was read.
    stored: u16,
}

impl Extension {
    fn of(header: &RecordHeader) -> Self {
        let tcp = &header.tcp;
        let mut flags = u16::from(tcp.flags);
        if tcp.is_start {
            flags |= IS_START;
        }
        if tcp.is_reassembled {
            flags |= IS_REASSEMBLED;
        }
        Self {
            sequence: tcp.sequence,
            acknowledgment: tcp.acknowledgment,
            window: tcp.window,
            flags,
            stored: 0,
        }
    }

    fn tcp(&self) -> TcpFields {
        let [tcp_flags, _] = self.flags.to_le_bytes();
        TcpFields {
            sequence: self.sequence,
            acknowledgment: self.acknowledgment,
            window: self.window,
            flags: tcp_flags,
            is_start: self.flags & IS_START != 0,
            is_reassembled: self.flags & IS_REASSEMBLED != 0,
        }
    }

    /// Fields that are wider than the sum add their low bits alone.
    fn checksum(&self, header: &RecordHeader) -> u16 {
        let [a, b, ..] = header.time.0.to_le_bytes();
        [
            u16::from_le_bytes([a, b]),
            low_half(header.len),
            low_half(header.stream_id),
            low_half(self.sequence),
            low_half(self.acknowledgment),
            low_half(self.window),
            self.flags,
        ]
        .into_iter()
        .fold(0, u16::wrapping_add)
    }
}

/// Bytes, read field by field.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u16(&mut self) -> Option<u16> {
        self.next().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.next().map(u32::from_le_bytes)
    }
}

const fn low_half(number: u32) -> u16 {
    let [a, b, ..] = number.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// One segment of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Fields of the segment.
    pub header: RecordHeader,
    /// The segment's bytes.
    pub payload: Vec<u8>,
}

/// Reads a stream that was written with header records. After an error there is nothing more: no
/// byte tells where the next record starts.
///
/// ```
/// use pcap_flows::output::stream::{HeaderStyle, RecordReader};
///
/// let bytes = b"\x01\0\0\0\0\0\0\0\x05\0\x07\0hello\x02\0\0\0\0\0\0\0\x01\0\x07\0!";
/// let mut text = Vec::new();
/// for record in RecordReader::new(&bytes[..], HeaderStyle::Packed) {
///     let record = record?;
///     assert_eq!(record.header.stream_id, 7);
///     text.extend(record.payload);
/// }
/// assert_eq!(text, b"hello!");
/// # Ok::<(), pcap_flows::output::stream::RecordError>(())
/// ```
#[derive(Debug)]
pub struct RecordReader<R> {
    reader: R,
    style: HeaderStyle,
    /// Of the next record, in bytes.
    offset: u64,
    is_done: bool,
}

impl<R: Read> RecordReader<R> {
    /// Reads records of this style. Small reads are made, so a file is best behind a
    /// [`BufReader`](io::BufReader).
    pub const fn new(reader: R, style: HeaderStyle) -> Self {
        Self {
            reader,
            style,
            offset: 0,
            is_done: false,
        }
    }

    fn read(&mut self) -> Result<Option<Record>, RecordError> {
        let header_len = self.style.header_len();
        let bytes = self.read_up_to(header_len)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let offset = self.offset;
        let Some((header, extension)) = self.style.split(&bytes) else {
            return Err(RecordError::CutShort {
                offset,
                needed: header_len,
                left: bytes.len(),
            });
        };
        // Before the payload: a length that is not proved is not believed.
        let (stored, computed) = (extension.stored, extension.checksum(&header));
        if self.style == HeaderStyle::Extended && stored != computed {
            return Err(RecordError::Checksum {
                offset,
                stored,
                computed,
            });
        }
        let len = header.len as usize;
        let payload = self.read_up_to(len)?;
        if payload.len() < len {
            return Err(RecordError::CutShort {
                offset,
                needed: header_len.saturating_add(len),
                left: header_len + payload.len(),
            });
        }
        self.offset += (header_len + len) as u64;
        Ok(Some(Record { header, payload }))
    }

    /// Fewer bytes than asked for only at the end. Memory grows with what is there, not with what
    /// a header claims.
    fn read_up_to(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader
            .by_ref()
            .take(len as u64)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Read> Iterator for RecordReader<R> {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let outcome = self.read().transpose();
        self.is_done = !matches!(outcome, Some(Ok(_)));
        outcome
    }
}

impl<R: Read> FusedIterator for RecordReader<R> {}

/// Why records cannot be read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Reading failed.
    #[error("cannot read the next record: {0}")]
    Io(#[from] io::Error),
    /// The input ends within a record.
    #[error("the record at byte {offset} is cut short: it needs {needed} bytes, {left} are left")]
    CutShort {
        /// Where the record starts, in bytes.
        offset: u64,
        /// The length of the record with its header, in bytes; of the header alone where that is
        /// cut.
        needed: usize,
        /// How many bytes there are from `offset` on.
        left: usize,
    },
    /// A header is not what was written.
    #[error(
        "the record at byte {offset} is damaged, or of another style: its checksum is \
         {stored:#06x}, that of its fields {computed:#06x}"
    )]
    Checksum {
        /// Where the record starts, in bytes.
        offset: u64,
        /// What the record says.
        stored: u16,
        /// What its fields say.
        computed: u16,
    },
}

/// Extended flags: pcap_flow calls this one `TCPHEADER_FLAG_RESET`.
const IS_START: u16 = 1 << 15;
/// `TCPHEADER_FLAG_REASSEMBLE`.
const IS_REASSEMBLED: u16 = 1 << 14;

#[cfg(test)]
mod tests;
