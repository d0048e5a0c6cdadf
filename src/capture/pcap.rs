//! The classic pcap format: <https://www.tcpdump.org/manpages/pcap-savefile.5.html>, its variants
//! with other record headers, and snoop (RFC 1761), whose records hold the same in another order.

use super::bytes::ByteOrder;
use super::linktype::LinkType;
use super::prefetch;
use super::record::{DamageKind, PacketRecord, Stop};
use super::timestamp::Nanos;
use super::zeros;
use crate::number::nearest_u16;

/// What a pcap file header says about the records after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcapFormat {
    /// Byte order of file and record headers.
    pub order: ByteOrder,
    /// Which of the format's variants it is.
    pub variant: Variant,
    /// Link type of every packet.
    pub link_type: LinkType,
    /// The longest captured length that the header announces; it cannot be trusted.
    pub snaplen: u32,
    /// The longest captured length that is believed.
    pub max_captured: u32,
    /// Whether the two lengths of a record are in the order of version 2.2 and before.
    pub swapped_lengths: bool,
    /// Its records were found before, and may have other neighbours now: empty ones are packets.
    pub is_excerpt: bool,
}

/// The variants of the pcap format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
    /// Alexey Kuznetzov's modified libpcap: microseconds, 24-byte record headers.
    Modified,
    /// IXIA lcap with hardware timestamps: nanoseconds, 28-byte file header.
    IxiaHardware,
    /// IXIA lcap with software timestamps: microseconds, 28-byte file header.
    IxiaSoftware,
    /// Solaris snoop: microseconds, big-endian, 16-byte file and 24-byte record headers.
    Snoop,
}

impl Variant {
    const ALL: [Self; 5] = [
        Self::Micros,
        Self::Nanos,
        Self::Modified,
        Self::IxiaHardware,
        Self::IxiaSoftware,
    ];

    const fn magic(self) -> u32 {
        match self {
            Self::Micros => 0xa1b2_c3d4,
            Self::Nanos => 0xa1b2_3c4d,
            Self::Modified => 0xa1b2_cd34,
            Self::IxiaHardware => 0x1c00_01ac,
            Self::IxiaSoftware => 0x1c00_01ab,
            // "snoo"; "p" and three zero bytes follow.
            Self::Snoop => 0x736e_6f6f,
        }
    }

    /// The magic number that a file in this byte order starts with.
    pub const fn magic_bytes(self, order: ByteOrder) -> [u8; 4] {
        order.bytes32(self.magic())
    }

    const fn file_header_len(self) -> usize {
        match self {
            Self::IxiaHardware | Self::IxiaSoftware => 28,
            Self::Snoop => 16,
            _ => 24,
        }
    }
}

/// The start of a file that claims to be pcap but cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Not pcap at all.
    NotPcap,
    /// The file ends inside its header.
    Short,
    /// A version that is not read.
    Version(u16, u16),
}

impl PcapFormat {
    /// Length of the shortest file header but snoop's, in bytes.
    pub const MIN_HEADER_LEN: usize = 24;
    /// The bytes that snoop files start with (RFC 1761, section 2).
    pub(super) const SNOOP_MAGIC: &[u8] = b"snoop\0\0\0";

    /// Reads a file header. Returns what it says, and its length in bytes.
    ///
    /// # Errors
    /// When the bytes are not a pcap file header that is read.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        if bytes.starts_with(Self::SNOOP_MAGIC) {
            return Self::parse_snoop(bytes);
        }
        let (order, variant) = Self::magic(bytes).ok_or(HeaderError::NotPcap)?;
        let header = bytes
            .get(..variant.file_header_len())
            .ok_or(HeaderError::Short)?;
        let field16 = |at| order.u16(header, at).ok_or(HeaderError::Short);
        let field32 = |at| order.u32(header, at).ok_or(HeaderError::Short);
        let (major, minor) = (field16(4)?, field16(6)?);
        if major != 2 {
            return Err(HeaderError::Version(major, minor));
        }
        let snaplen = field32(16)?;
        // The upper half of the field holds the length of a frame check sequence, if any.
        let [link_low, link_high, ..] = field32(20)?.to_le_bytes();
        let link_type = LinkType(u16::from_le_bytes([link_low, link_high]));
        let format = Self {
            order,
            variant,
            link_type,
            snaplen,
            max_captured: max_captured(link_type, snaplen),
            swapped_lengths: minor < 3,
            is_excerpt: false,
        };
        Ok((format, variant.file_header_len()))
    }

    /// RFC 1761, section 2: magic, version, link type (as in the table of Wireshark's snoop.c).
    fn parse_snoop(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        let order = ByteOrder::Big;
        let version = order.u32(bytes, 8).ok_or(HeaderError::Short)?;
        let data_link = order.u32(bytes, 12).ok_or(HeaderError::Short)?;
        if version != 2 {
            return Err(HeaderError::Version(nearest_u16(version), 0));
        }
        let link_type = match data_link {
            0 | 4 => LinkType::ETHERNET,
            2 => LinkType::IEEE802_5,
            8 => LinkType::FDDI,
            18 => LinkType::SUNATM,
            26 => LinkType::IPNET,
            _ => LinkType::USER0,
        };
        let format = Self {
            order,
            variant: Variant::Snoop,
            link_type,
            snaplen: 0,
            max_captured: max_captured(link_type, 0),
            swapped_lengths: false,
            is_excerpt: false,
        };
        Ok((format, Variant::Snoop.file_header_len()))
    }

    /// Length of a file header that starts like this, in bytes.
    pub(super) fn header_len(bytes: &[u8]) -> usize {
        let variant = match Self::magic(bytes) {
            Some((_, variant)) => variant,
            None if bytes.starts_with(Self::SNOOP_MAGIC) => Variant::Snoop,
            None => Variant::Micros,
        };
        variant.file_header_len()
    }

    /// Byte order and variant that the first four bytes tell; of snoop, eight are needed.
    pub(super) fn magic(bytes: &[u8]) -> Option<(ByteOrder, Variant)> {
        [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find_map(|order| {
                let magic = order.u32(bytes, 0)?;
                let variant = Variant::ALL
                    .into_iter()
                    .find(|variant| variant.magic() == magic)?;
                Some((order, variant))
            })
    }

    /// A file header (version 2.4) that says this.
    pub fn file_header(&self, snaplen: u32) -> Vec<u8> {
        let order = self.order;
        [
            self.variant.magic_bytes(order),
            order.pair16(2, 4),
            [0; 4],
            [0; 4],
            order.bytes32(snaplen),
            order.bytes32(u32::from(self.link_type.0)),
        ]
        .concat()
    }

    /// Length of a record's header, in bytes.
    pub const fn record_header_len(&self) -> usize {
        match self.variant {
            Variant::Modified | Variant::Snoop => 24,
            _ => 16,
        }
    }

    /// Nanoseconds in one unit of a record's sub-second field.
    pub const fn unit_ns(&self) -> u32 {
        match self.variant {
            Variant::Nanos | Variant::IxiaHardware => 1,
            _ => 1000,
        }
    }

    /// Captured length and length on the wire of the record at `at`.
    #[inline]
    pub(super) fn lengths(&self, bytes: &[u8], at: usize) -> Option<(u32, u32)> {
        let is_snoop = matches!(self.variant, Variant::Snoop);
        let at = if is_snoop { at } else { at + 8 };
        let (first, second) = (self.order.u32(bytes, at)?, self.order.u32(bytes, at + 4)?);
        Some(if self.swapped_lengths || is_snoop {
            (second, first)
        } else {
            (first, second)
        })
    }

    /// Seconds and sub-second field of the record at `at`.
    #[inline]
    pub(super) fn time_fields(&self, bytes: &[u8], at: usize) -> Option<(u32, u32)> {
        let at = if matches!(self.variant, Variant::Snoop) {
            at + 16
        } else {
            at
        };
        Some((self.order.u32(bytes, at)?, self.order.u32(bytes, at + 4)?))
    }

    /// Length of a whole record: snoop's are padded, and say how long they are.
    #[inline]
    pub(super) fn record_len(&self, bytes: &[u8], at: usize, captured: u32) -> Option<usize> {
        let unpadded = self.record_header_len() + captured as usize;
        if !matches!(self.variant, Variant::Snoop) {
            return Some(unpadded);
        }
        let len = self.order.u32(bytes, at + 8)? as usize;
        (len >= unpadded && len <= unpadded + MAX_PADDING).then_some(len)
    }

    /// Whether records have the usual header, and packets in them that are none themselves:
    /// [`UsualRecords`] can read them.
    pub(super) const fn is_usual(&self) -> bool {
        let is_plain = matches!(self.variant, Variant::Micros | Variant::Nanos);
        is_plain && !self.swapped_lengths && self.link_type.0 != LinkType::ERF.0
    }

    /// Whether the header at `at` is seen, and says what few records do: of too few or too many bytes, more
    /// bytes captured than there were, a second or more behind the second. Most bytes that are no header
    /// do, and all headers of captures, which have zeros in the place of the captured length (pcap),
    /// the byte order magic (pcapng, 439,041,101 or 1,295,788,826), or the version (snoop, 2 or
    /// 33,554,432).
    pub(super) fn is_odd(&self, bytes: &[u8], at: usize) -> bool {
        let (Some((_, fraction)), Some((captured, wire_len))) =
            (self.time_fields(bytes, at), self.lengths(bytes, at))
        else {
            return false;
        };
        are_odd(captured, wire_len, STANDARD_CAPTURED)
            || fraction >= self.per_second()
            || self.record_len(bytes, at, captured).is_none()
    }

    /// Units of a record's sub-second field in a second.
    const fn per_second(&self) -> u32 {
        1_000_000_000 / self.unit_ns()
    }

    /// The record at `at`.
    pub(super) fn record<'a>(&self, bytes: &'a [u8], at: usize) -> Result<PacketRecord<'a>, Stop> {
        let header_len = self.record_header_len();
        let Some(body) = bytes.get(at + header_len..) else {
            return Err(Stop::Partial { needed: header_len });
        };
        let partial = Stop::Partial { needed: header_len };
        let (seconds, fraction) = self.time_fields(bytes, at).ok_or(partial)?;
        let (captured, wire_len) = self.lengths(bytes, at).ok_or(partial)?;
        if captured > self.max_captured {
            return Err(Stop::Damaged(DamageKind::ImpossibleLength {
                claimed: captured,
                limit: self.max_captured,
            }));
        }
        let Some(len) = self.record_len(bytes, at, captured) else {
            let claimed = self.order.u32(bytes, at + 8).unwrap_or(0);
            return Err(zeros::or(bytes, at, DamageKind::BlockLength { claimed }));
        };
        let data = match body.get(..captured as usize) {
            Some(data) if body.len() >= len - header_len => data,
            _ => return Err(Stop::Partial { needed: len }),
        };
        Ok(PacketRecord {
            start: at,
            len,
            time: Nanos::from_pcap(seconds, fraction, self.unit_ns()),
            data_start: at + header_len,
            data,
            wire_len,
            link_type: Some(self.link_type),
        })
    }
}

/// A walk over records as nearly all are: whole, and with the usual header. It stops at the first
/// that is not, or that starts after the walk's end, and leaves it to a walk that can say why.
///
/// It is all that happens between two packets, and small enough to stay in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UsualRecords<'a> {
    bytes: &'a [u8],
    pub(super) position: usize,
    end: usize,
    /// Up to where memory has been asked for.
    asked: usize,
    order: ByteOrder,
    unit_ns: u32,
    per_second: u32,
    most_captured: u32,
    link_type: LinkType,
    /// Where the record before `position` starts; `position` itself where there is none.
    previous: usize,
}

impl<'a> UsualRecords<'a> {
    /// Over the records that start in `range`; none, if `format` is none of pcap's usual ones.
    pub(super) fn new(
        bytes: &'a [u8],
        range: std::ops::Range<usize>,
        format: Option<&PcapFormat>,
    ) -> Self {
        let format = format.filter(|it| it.is_usual());
        Self {
            bytes,
            position: range.start,
            end: if format.is_some() {
                range.end
            } else {
                range.start
            },
            asked: range.start,
            order: format.map_or(ByteOrder::Little, |it| it.order),
            unit_ns: format.map_or(1, PcapFormat::unit_ns),
            per_second: format.map_or(0, PcapFormat::per_second),
            most_captured: format.map_or(0, |it| it.max_captured.min(STANDARD_CAPTURED)),
            link_type: format.map_or_else(LinkType::default, |it| it.link_type),
            previous: range.start,
        }
    }

    /// Where the last record starts, if there was one.
    pub(super) fn previous(&self) -> Option<usize> {
        (self.previous != self.position).then_some(self.previous)
    }

    /// The next record.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<PacketRecord<'a>> {
        let at = self.position;
        if at >= self.end {
            return None;
        }
        prefetch::stream(self.bytes, &mut self.asked, at);
        let (header, body) = self.bytes.get(at..)?.split_first_chunk::<16>()?;
        let field = |at| self.order.u32(header, at);
        let (captured, wire_len) = (field(8)?, field(12)?);
        let fraction = field(4)?;
        // It may be another capture's header, or none at all.
        if are_odd(captured, wire_len, self.most_captured) || fraction >= self.per_second {
            return None;
        }
        let data = body.get(..captured as usize)?;
        let len = header.len() + data.len();
        self.position = at + len;
        self.previous = at;
        Some(PacketRecord {
            start: at,
            len,
            time: Nanos::from_pcap(field(0)?, fraction, self.unit_ns),
            data_start: at + header.len(),
            data,
            wire_len,
            link_type: Some(self.link_type),
        })
    }
}

/// The longest captured length that is believed: 256 KiB as in libpcap and Wireshark, more for
/// link types that need it and files that announce it.
pub(super) fn max_captured(link_type: LinkType, snaplen: u32) -> u32 {
    const LARGE: u32 = 128 * 1024 * 1024;
    // D-Bus, USBPcap, EBHSCR and USB: messages, not packets (Wireshark's WTAP_MAX_PACKET_SIZE_*).
    match link_type.0 {
        231 | 249 | 279 | 220 => LARGE,
        _ if snaplen > STANDARD_CAPTURED && snaplen <= LARGE => snaplen,
        _ => STANDARD_CAPTURED,
    }
}

/// Whether few records have these lengths.
#[inline(always)]
const fn are_odd(captured: u32, wire_len: u32, most_captured: u32) -> bool {
    captured < LEAST_USUAL || captured > most_captured || wire_len.wrapping_sub(captured) > MOST_CUT
}

const STANDARD_CAPTURED: u32 = 256 * 1024;
/// Records with fewer bytes captured than this are looked at twice.
const LEAST_USUAL: u32 = 3;
/// And those of which more was not captured.
const MOST_CUT: u32 = 1024 * 1024;

/// Records are aligned; more padding than this is damage.
const MAX_PADDING: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(magic: [u8; 4], big: bool) -> Vec<u8> {
        let mut bytes = magic.to_vec();
        for (value, size) in [(2, 2), (4, 2), (0, 4), (0, 4), (65535, 4), (1, 4)] {
            let field: [u8; 4] = if big {
                u32::to_be_bytes(value)
            } else {
                u32::to_le_bytes(value)
            };
            bytes.extend_from_slice(match (big, size) {
                (_, 4) => &field,
                (true, _) => &field[2..],
                (false, _) => &field[..2],
            });
        }
        bytes
    }

    #[test]
    fn all_magics() {
        for (magic, big, variant, unit, record_header) in [
            ([0xd4, 0xc3, 0xb2, 0xa1], false, Variant::Micros, 1000, 16),
            ([0xa1, 0xb2, 0xc3, 0xd4], true, Variant::Micros, 1000, 16),
            ([0x4d, 0x3c, 0xb2, 0xa1], false, Variant::Nanos, 1, 16),
            ([0xa1, 0xb2, 0x3c, 0x4d], true, Variant::Nanos, 1, 16),
            ([0x34, 0xcd, 0xb2, 0xa1], false, Variant::Modified, 1000, 24),
            ([0xa1, 0xb2, 0xcd, 0x34], true, Variant::Modified, 1000, 24),
        ] {
            let (format, len) = PcapFormat::parse(&header(magic, big)).unwrap();
            assert_eq!(len, 24);
            assert_eq!(format.variant, variant);
            assert_eq!(format.unit_ns(), unit);
            assert_eq!(format.record_header_len(), record_header);
            assert_eq!(format.link_type, LinkType::ETHERNET);
            assert!(!format.swapped_lengths);
        }
    }

    #[test]
    fn refused_headers() {
        let mut bytes = header([0xd4, 0xc3, 0xb2, 0xa1], false);
        assert_eq!(PcapFormat::parse(&bytes[..23]), Err(HeaderError::Short));
        assert_eq!(
            PcapFormat::parse(b"not a capture at all....."),
            Err(HeaderError::NotPcap)
        );
        assert_eq!(PcapFormat::parse(&[]), Err(HeaderError::NotPcap));
        bytes[4] = 7;
        assert_eq!(PcapFormat::parse(&bytes), Err(HeaderError::Version(7, 4)));
    }

    #[test]
    fn fcs_bits_are_not_part_of_the_link_type() {
        let mut bytes = header([0xd4, 0xc3, 0xb2, 0xa1], false);
        bytes[23] = 0x44;
        assert_eq!(
            PcapFormat::parse(&bytes).unwrap().0.link_type,
            LinkType::ETHERNET
        );
    }

    #[test]
    fn a_claimed_length_is_checked_before_it_is_used() {
        let (format, _) = PcapFormat::parse(&header([0xd4, 0xc3, 0xb2, 0xa1], false)).unwrap();
        let mut record = vec![0; 20];
        record[8..12].copy_from_slice(&[4, 0, 0, 0]);
        record[12..16].copy_from_slice(&[60, 0, 0, 0]);
        let packet = format.record(&record, 0).unwrap();
        assert_eq!(
            (packet.len, packet.data.len(), packet.wire_len),
            (20, 4, 60)
        );
        assert_eq!(
            format.record(&record[..19], 0).err(),
            Some(Stop::Partial { needed: 20 })
        );
        assert_eq!(
            format.record(&record[..15], 0).err(),
            Some(Stop::Partial { needed: 16 })
        );
        record[8..12].copy_from_slice(&[0xff; 4]);
        assert!(matches!(
            format.record(&record, 0),
            Err(Stop::Damaged(DamageKind::ImpossibleLength {
                claimed: u32::MAX,
                ..
            }))
        ));
    }
}
