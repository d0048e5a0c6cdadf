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
    /// What is said of the segment.
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
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STYLES: [HeaderStyle; 4] = [
        HeaderStyle::Packed,
        HeaderStyle::C,
        HeaderStyle::Extended,
        HeaderStyle::Wide,
    ];

    const HEADER: RecordHeader = RecordHeader {
        time: Nanos(0x0102_0304_0506_0708),
        len: 0x0005,
        stream_id: 0x0001_4321,
        tcp: TcpFields {
            sequence: 0x1111_2222,
            acknowledgment: 0x3333_4444,
            window: 0x0001_0000,
            flags: 0x18,
            is_start: false,
            is_reassembled: true,
        },
    };

    fn encoded(style: HeaderStyle, header: &RecordHeader) -> Vec<u8> {
        let mut out = Vec::new();
        style.encode(header, &mut out);
        assert_eq!(out.len(), style.header_len());
        out
    }

    #[test]
    fn layouts() {
        let time = [8, 7, 6, 5, 4, 3, 2, 1];
        let short = [5, 0, 0x21, 0x43];
        let packed = [&time[..], &short].concat();
        assert_eq!(encoded(HeaderStyle::Packed, &HEADER), packed);
        let padded = [&packed[..], &[0; 4]].concat();
        assert_eq!(encoded(HeaderStyle::C, &HEADER), padded);
        let wide = [&time[..], &[5, 0, 0, 0, 0x21, 0x43, 1, 0]].concat();
        assert_eq!(encoded(HeaderStyle::Wide, &HEADER), wide);

        let mut extended = packed;
        extended.extend([0x22, 0x22, 0x11, 0x11]); // sequence
        extended.extend([0x44, 0x44, 0x33, 0x33]); // acknowledgment
        extended.extend([0, 0, 1, 0]); // window
        extended.extend([0x18, 0x40]); // flags: reassembled, ACK and PSH
        // 0x0708 + 0x0005 + 0x4321 + 0x2222 + 0x4444 + 0x0000 + 0x4018 = 0xf0ac
        extended.extend([0xac, 0xf0]);
        extended.extend([0; 4]);
        assert_eq!(encoded(HeaderStyle::Extended, &HEADER), extended);
    }

    #[test]
    fn the_sum_wraps_and_the_start_is_bit_15() {
        let header = RecordHeader {
            time: Nanos(-1),
            tcp: TcpFields {
                flags: 0x02,
                is_start: true,
                ..TcpFields::default()
            },
            ..RecordHeader::default()
        };
        let bytes = encoded(HeaderStyle::Extended, &header);
        assert_eq!(bytes[..8], [0xff; 8]);
        // 0xffff + 0x8002
        assert_eq!(bytes[24..28], [0x02, 0x80, 0x01, 0x80]);
        assert_eq!(HeaderStyle::Extended.decode(&bytes), Some(header));
    }

    #[test]
    fn bits_that_have_no_name_are_part_of_the_sum() {
        let mut bytes = encoded(HeaderStyle::Extended, &RecordHeader::default());
        bytes[25] |= 0x01; // flags, bit 8
        bytes[27] |= 0x01; // checksum
        assert_eq!(
            read(&bytes, HeaderStyle::Extended)[0]
                .as_ref()
                .unwrap()
                .header,
            RecordHeader::default()
        );
    }

    #[test]
    fn too_few_bytes_are_no_header() {
        for style in STYLES {
            let bytes = encoded(style, &HEADER);
            assert!(style.decode(&bytes[1..]).is_none());
            assert!(style.decode(&[]).is_none());
            assert!(style.decode(&[bytes, vec![0xff]].concat()).is_some());
        }
    }

    fn read(bytes: &[u8], style: HeaderStyle) -> Vec<Result<Record, RecordError>> {
        RecordReader::new(bytes, style).collect()
    }

    fn two_records(style: HeaderStyle) -> Vec<u8> {
        let mut bytes = encoded(style, &HEADER);
        bytes.extend(b"hello");
        let empty = RecordHeader { len: 0, ..HEADER };
        bytes.extend(encoded(style, &empty));
        bytes
    }

    #[test]
    fn records_are_read_to_the_end() {
        for style in STYLES {
            let records = read(&two_records(style), style);
            let payloads: Vec<&[u8]> = records
                .iter()
                .map(|it| &it.as_ref().unwrap().payload[..])
                .collect();
            assert_eq!(payloads, [&b"hello"[..], b""]);
            assert!(read(b"", style).is_empty());
        }
    }

    #[test]
    fn a_cut_is_told_and_ends_it() {
        for style in STYLES {
            let (header_len, bytes) = (style.header_len(), two_records(style));
            let second = header_len + 5;
            for (cut, offset, needed) in [
                (1, 0, header_len),
                (header_len - 1, 0, header_len),
                (header_len, 0, second),
                (second - 1, 0, second),
                (second + 1, second, header_len),
            ] {
                let mut reader = RecordReader::new(&bytes[..cut], style);
                let error = reader.by_ref().find_map(Result::err).unwrap();
                let told = match error {
                    RecordError::CutShort {
                        offset,
                        needed,
                        left,
                    } => (offset, needed, left),
                    error => panic!("{error}"),
                };
                assert_eq!(told, (offset as u64, needed, cut - offset), "{style:?}");
                assert!(reader.next().is_none());
            }
        }
        let error = read(b"abc", HeaderStyle::Packed).remove(0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the record at byte 0 is cut short: it needs 12 bytes, 3 are left"
        );
    }

    #[test]
    fn a_length_that_is_not_there_costs_no_memory() {
        let mut bytes = vec![0; 8];
        bytes.extend([0xff; 8]);
        bytes.push(1);
        let records = read(&bytes, HeaderStyle::Wide);
        assert!(matches!(
            records[..],
            [Err(RecordError::CutShort { left: 17, .. })]
        ));
    }

    #[test]
    fn damage_is_told_by_the_checksum() {
        let mut bytes = two_records(HeaderStyle::Extended);
        bytes[32 + 5 + 12] ^= 1; // the second record's sequence number
        let records = read(&bytes, HeaderStyle::Extended);
        assert!(records[0].is_ok() && records.len() == 2);
        assert_eq!(
            records[1].as_ref().unwrap_err().to_string(),
            "the record at byte 37 is damaged, or of another style: its checksum is 0xf0a7, that \
             of its fields 0xf0a8"
        );
    }

    #[test]
    fn what_the_system_says_is_passed_on() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut reader = RecordReader::new(Broken, HeaderStyle::Packed);
        assert!(matches!(reader.next(), Some(Err(RecordError::Io(_)))));
        assert!(reader.next().is_none());
    }

    fn any_tcp() -> impl Strategy<Value = TcpFields> {
        let numbers = any::<(u32, u32, u32, u8, bool, bool)>();
        numbers.prop_map(
            |(sequence, acknowledgment, window, flags, is_start, is_reassembled)| TcpFields {
                sequence,
                acknowledgment,
                window,
                flags,
                is_start,
                is_reassembled,
            },
        )
    }

    /// What a style keeps of a header.
    fn kept(style: HeaderStyle, header: RecordHeader) -> RecordHeader {
        let is_wide = style == HeaderStyle::Wide;
        let has_tcp = style == HeaderStyle::Extended;
        RecordHeader {
            stream_id: if is_wide {
                header.stream_id
            } else {
                header.stream_id & 0xffff
            },
            tcp: if has_tcp {
                header.tcp
            } else {
                TcpFields::default()
            },
            ..header
        }
    }

    proptest! {
        #[test]
        fn headers_come_back(
            time in any::<i64>(), len in any::<u32>(), stream_id in any::<u32>(), tcp in any_tcp()
        ) {
            for style in STYLES {
                let len = len.min(style.max_payload());
                let header = RecordHeader { time: Nanos(time), len, stream_id, tcp };
                let bytes = encoded(style, &header);
                prop_assert_eq!(style.decode(&bytes), Some(kept(style, header)));
            }
        }

        #[test]
        fn records_come_back(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8),
            tcp in any_tcp()
        ) {
            for style in STYLES {
                let mut bytes = Vec::new();
                let mut expected = Vec::new();
                for payload in &payloads {
                    let len = u32::try_from(payload.len()).unwrap();
                    let header = RecordHeader { len, tcp, ..HEADER };
                    style.encode(&header, &mut bytes);
                    bytes.extend(payload);
                    let header = kept(style, header);
                    expected.push(Record { header, payload: payload.clone() });
                }
                let records: Result<Vec<Record>, _> = RecordReader::new(&bytes[..], style).collect();
                prop_assert_eq!(records.unwrap(), expected);
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for style in STYLES {
                let whole = read(&bytes, style);
                prop_assert!(whole.iter().rev().skip(1).all(Result::is_ok));
            }
        }
    }
}
