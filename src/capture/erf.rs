//! Endace's Extensible Record Format: <https://www.endace.com/erf-extensible-record-format-types.pdf>.
//!
//! Records follow each other without a file header, and pcap and pcapng hold whole records as the
//! packets of link type 197. A record is 16 bytes: time (64 bits, little-endian, in units of 2^-32
//! seconds), type, flags, length of the record, loss counter or colour, length on the wire, the last
//! three 16 bits in network byte order; extension headers of eight bytes, as long as the topmost bit
//! of the type says so; a header of the type; the packet; padding.

use super::bytes::ByteOrder;
use super::joined::{Joined, may_hold_header};
use super::linktype::LinkType;
use super::record::{DamageKind, PacketRecord, Stop};
use super::timestamp::Nanos;
use super::zeros;
use crate::number::len_u32;

/// Length of a record's first header, in bytes.
pub(super) const HEADER_LEN: usize = 16;

/// Bytes at the start of an input that tell whether it is such a capture: more than four of the
/// longest records.
pub(super) const PROBE_LEN: usize = 320 * 1024;

/// A record's first header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The type, without the bit for extension headers.
    pub(super) kind: u8,
    has_extension: bool,
    /// Length of the record, in bytes.
    pub(super) len: usize,
    /// Length of the packet on the wire, in bytes.
    pub(super) wire_len: usize,
    pub(super) seconds: u32,
    fraction: u32,
}

/// What stands at a place of a capture.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Packet(PacketRecord<'a>),
    /// A record of this length that only fills space.
    Padding(usize),
}

/// The packet of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Where it starts in the record, in bytes.
    pub(crate) start: usize,
    /// Where it ends, according to the headers.
    end: usize,
    /// How it starts; [`LinkType::ERF`] where the type's contents are not read.
    pub(crate) link_type: LinkType,
}

impl Header {
    /// The header at `at`; `None` where the bytes end before.
    pub(super) fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let header: &[u8; HEADER_LEN] = bytes.get(at..)?.first_chunk()?;
        Some(Self {
            kind: header[8] & !EXTENSION,
            has_extension: header[8] & EXTENSION != 0,
            len: ByteOrder::Big.u16(header, 10)?.into(),
            wire_len: ByteOrder::Big.u16(header, 14)?.into(),
            seconds: ByteOrder::Little.u32(header, 4)?,
            fraction: ByteOrder::Little.u32(header, 0)?,
        })
    }

    /// Whether the record fills space: it has no time.
    pub(super) const fn is_padding(&self) -> bool {
        self.kind == PADDING
    }

    /// Whether a record may look like this: its type is one that exists, and it has not much more
    /// bytes than its packet and what belongs to it.
    pub(super) fn is_plausible(&self) -> bool {
        const LAST_KIND: u8 = 29;
        const MOST_AROUND: usize = 256;
        let is_kind = matches!(self.kind, 1..=LAST_KIND) || self.is_padding();
        let most = self.wire_len + MOST_AROUND;
        is_kind && self.len >= HEADER_LEN && (self.is_padding() || self.len <= most)
    }

    fn time(&self) -> Nanos {
        // Rounded to the nearest nanosecond; neither sum can overflow.
        let nanos = (u64::from(self.fraction) * 1_000_000_000 + (1 << 31)) >> 32;
        Nanos(i64::from(self.seconds) * 1_000_000_000 + nanos.cast_signed())
    }
}

/// Whether the header at `at` is seen, and is none of a record: all headers of other captures are like
/// this, as the type is zero in that of pcap and of snoop, and a section header of pcapng says by its
/// version, in the place of the length on the wire, that the record is longer than its packet.
pub(super) fn is_odd(bytes: &[u8], at: usize) -> bool {
    Header::read(bytes, at).is_some_and(|header| !header.is_plausible())
}

/// The record at `at`.
pub(super) fn record(bytes: &[u8], at: usize) -> Result<Found<'_>, Stop> {
    let needed = HEADER_LEN;
    let header = Header::read(bytes, at).ok_or(Stop::Partial { needed })?;
    let len = header.len;
    if len < HEADER_LEN {
        let claimed = len_u32(len);
        return Err(zeros::or(bytes, at, DamageKind::RecordLength { claimed }));
    }
    let whole = bytes.get(at..at + len);
    let whole = whole.ok_or(Stop::Partial { needed: len })?;
    if header.is_padding() {
        return Ok(Found::Padding(len));
    }
    let contents = contents(whole).ok_or(Stop::Partial { needed })?;
    let start = contents.start.min(len);
    let data = whole.get(start..contents.end.min(len)).unwrap_or_default();
    Ok(Found::Packet(PacketRecord {
        start: at,
        len,
        time: header.time(),
        data_start: at + start,
        data,
        // Records of the devices' own have none.
        wire_len: len_u32(match contents.link_type {
            LinkType::ERF => len,
            _ => header.wire_len,
        }),
        link_type: Some(contents.link_type),
    }))
}

/// A packet that is a record, as the packet that this carries: with its time and length on the
/// wire, where it has them. Other packets stay as they are.
#[inline]
pub(super) fn unwrapped(packet: PacketRecord<'_>) -> PacketRecord<'_> {
    match packet.link_type {
        Some(LinkType::ERF) => unwrap(packet).unwrap_or(packet),
        _ => packet,
    }
}

#[cold]
fn unwrap(packet: PacketRecord<'_>) -> Option<PacketRecord<'_>> {
    let header = Header::read(packet.data, 0)?;
    let contents = contents(packet.data).filter(|it| it.link_type != LinkType::ERF)?;
    let end = contents.end.min(packet.data.len());
    let has_time = (header.seconds, header.fraction) != (0, 0);
    Some(PacketRecord {
        time: if has_time { header.time() } else { packet.time },
        data_start: packet.data_start + contents.start,
        data: packet.data.get(contents.start..end)?,
        wire_len: len_u32(header.wire_len),
        link_type: Some(contents.link_type),
        ..packet
    })
}

/// The packet that a packet carries which is a record: how it starts, and its bytes. Other packets
/// stay as they are.
pub(crate) fn carried(link_type: LinkType, data: &[u8]) -> (LinkType, &[u8]) {
    if link_type != LinkType::ERF {
        return (link_type, data);
    }
    let contents = contents(data).filter(|it| it.link_type != LinkType::ERF);
    let carried = contents.and_then(|it| {
        let bytes = data.get(it.start..it.end.min(data.len()))?;
        Some((it.link_type, bytes))
    });
    carried.unwrap_or((link_type, data))
}

/// What a record carries; `None` where it ends inside its headers.
pub(crate) fn contents(record: &[u8]) -> Option<Contents> {
    let header = Header::read(record, 0)?;
    let mut start = HEADER_LEN;
    let mut has_extension = header.has_extension;
    while has_extension {
        has_extension = record.get(start)? & EXTENSION != 0;
        start += EXTENSION_LEN;
    }
    let (before, link_type) = match header.kind {
        ETH | COLOR_ETH | DSM_COLOR_ETH | COLOR_HASH_ETH => (2, LinkType::ETHERNET),
        HDLC_POS | COLOR_HDLC_POS | DSM_COLOR_HDLC_POS | COLOR_HASH_POS => (0, LinkType::PPP_HDLC),
        MC_HDLC | COLOR_MC_HDLC_POS => (CHANNEL_LEN, LinkType::PPP_HDLC),
        IPV4 => (0, LinkType::IPV4),
        IPV6 => (0, LinkType::IPV6),
        AAL5 => (0, LinkType::ATM_RFC1483),
        MC_AAL5 => (CHANNEL_LEN, LinkType::ATM_RFC1483),
        _ => {
            return Some(Contents {
                start: 0,
                end: header.len,
                link_type: LinkType::ERF,
            });
        }
    };
    start += before;
    let end = start + header.wire_len;
    if link_type != LinkType::ATM_RFC1483 {
        return Some(Contents {
            start,
            end,
            link_type,
        });
    }
    // The header of the first cell is part of the packet. No field says whether LLC follows, or
    // LAN emulation: the client's id and a frame.
    start += CELL_HEADER_LEN;
    let (start, link_type) = match record.get(start..start + 3) {
        Some([0xaa, 0xaa, 0x03] | [0xfe, 0xfe, 0x03]) => (start, LinkType::ATM_RFC1483),
        _ => (start + 2, LinkType::ETHERNET),
    };
    Some(Contents {
        start,
        end,
        link_type,
    })
}

/// Whether a capture of such records starts with these bytes: nothing else tells it. They are all
/// of it, or [`PROBE_LEN`].
pub(super) fn is_capture(bytes: &[u8]) -> bool {
    const ENOUGH: usize = 20;
    const CUT_SHORT: usize = 3;
    let (mut at, mut previous) = (0, 0);
    let mut last: Option<u32> = None;
    for records in 0..ENOUGH {
        if at == bytes.len() {
            return records > 0;
        }
        let Some(header) = Header::read(bytes, at) else {
            return records >= CUT_SHORT;
        };
        let is_near = header.is_padding()
            || last.is_none_or(|last| {
                header.seconds <= last.saturating_add(MOST_LATER_S)
                    && header.seconds >= last.saturating_sub(MOST_EARLIER_S)
            });
        let contents = bytes.get(at..).and_then(contents);
        let holds_it = contents.is_none_or(|it| it.start <= header.len);
        if !header.is_plausible() || !is_near || !holds_it {
            // Another capture may be joined to its end, or to one inside the last record.
            let is_joined = records > 0 && matches!(Joined::at(bytes, at), Ok(Some(_)));
            return is_joined || (records > CUT_SHORT && may_hold_header(bytes, previous + 1, at));
        }
        if bytes.len() - at < header.len {
            return records >= CUT_SHORT;
        }
        if !header.is_padding() {
            last = Some(header.seconds);
        }
        previous = at;
        at += header.len;
    }
    true
}

/// The topmost bit of a type: an extension header follows.
const EXTENSION: u8 = 0x80;
const EXTENSION_LEN: usize = 8;
/// The header of types with channels.
const CHANNEL_LEN: usize = 4;
/// An ATM cell's header without its check.
const CELL_HEADER_LEN: usize = 4;
/// Interfaces are not in strict order; captures have pauses.
const MOST_EARLIER_S: u32 = 1;
const MOST_LATER_S: u32 = 365 * 86_400;

/// Types of records that carry packets.
const HDLC_POS: u8 = 1;
const ETH: u8 = 2;
const AAL5: u8 = 4;
const MC_HDLC: u8 = 5;
const MC_AAL5: u8 = 9;
const COLOR_HDLC_POS: u8 = 10;
const COLOR_ETH: u8 = 11;
const DSM_COLOR_HDLC_POS: u8 = 15;
const DSM_COLOR_ETH: u8 = 16;
const COLOR_MC_HDLC_POS: u8 = 17;
const COLOR_HASH_POS: u8 = 19;
const COLOR_HASH_ETH: u8 = 20;
const IPV4: u8 = 22;
const IPV6: u8 = 23;
/// The type of records that only fill space.
const PADDING: u8 = 48;
