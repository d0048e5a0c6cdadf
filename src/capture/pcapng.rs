//! The pcapng format: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html>.

use super::bytes::ByteOrder;
use super::linktype::LinkType;
use super::pcap::max_captured;
use super::record::{DamageKind, PacketRecord, Stop};
use super::timestamp::{Nanos, TimeUnit};
use crate::number::len_u32;

/// Block types that are read; all others are skipped.
pub(crate) mod block {
    pub(crate) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub(crate) const INTERFACE: u32 = 1;
    pub(crate) const OBSOLETE_PACKET: u32 = 2;
    pub(crate) const SIMPLE_PACKET: u32 = 3;
    pub(crate) const NAME_RESOLUTION: u32 = 4;
    pub(crate) const INTERFACE_STATISTICS: u32 = 5;
    pub(crate) const ENHANCED_PACKET: u32 = 6;
    pub(crate) const DECRYPTION_SECRETS: u32 = 10;
    pub(crate) const CUSTOM: u32 = 0x0000_0bad;
    pub(crate) const CUSTOM_NO_COPY: u32 = 0x4000_0bad;
}

/// An interface, as its description block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Link type of its packets.
    pub link_type: LinkType,
    /// Most bytes captured of a packet; 0 for no limit.
    pub snaplen: u32,
    /// Unit of its timestamps.
    pub time_unit: TimeUnit,
    /// Seconds to add to its timestamps.
    pub time_offset_s: i64,
}

/// The part of a section that is needed to read its packets, up to the current block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Byte order of its blocks.
    pub order: ByteOrder,
    /// Its interfaces; packets name them by their place here.
    pub interfaces: Vec<Interface>,
}

/// A block of a pcapng capture, or why there is none.
#[derive(Clone, Copy, Debug)]
pub(super) enum Block<'a> {
    /// A packet.
    Packet(PacketRecord<'a>),
    /// A new section starts, in this byte order; the block has this length.
    Section(ByteOrder, usize),
    /// An interface is described; the block has this length.
    Interface(Interface, usize),
    /// Names or secrets that belong with the packets; the block has this length.
    Side(usize),
    /// Anything else; the block has this length.
    Other(usize),
}

/// The byte order of the section whose header is at `at`; `None` if there is none.
pub(super) fn section_order(bytes: &[u8], at: usize) -> Option<ByteOrder> {
    [ByteOrder::Little, ByteOrder::Big]
        .into_iter()
        .find(|order| {
            order.u32(bytes, at) == Some(block::SECTION_HEADER)
                && order.u32(bytes, at + 8) == Some(BYTE_ORDER_MAGIC)
        })
}

/// A section header block that says nothing but the byte order; the section's length is not known.
pub(crate) fn new_section_header(order: ByteOrder) -> Vec<u8> {
    let len = order.bytes32(28);
    let kind = order.bytes32(block::SECTION_HEADER);
    let magic = order.bytes32(BYTE_ORDER_MAGIC);
    let version = order.pair16(1, 0);
    [kind, len, magic, version, [0xff; 4], [0xff; 4], len].concat()
}

/// Whether a capture that starts with these bytes is pcapng.
pub(super) fn is_pcapng(bytes: &[u8]) -> bool {
    ByteOrder::Little.u32(bytes, 0) == Some(block::SECTION_HEADER)
}

/// Type and length of the block at `at`, its two lengths checked against each other.
#[inline]
pub(super) fn block_bounds(
    bytes: &[u8],
    at: usize,
    order: ByteOrder,
) -> Result<(u32, usize), Stop> {
    let partial = Stop::Partial {
        needed: MIN_BLOCK_LEN,
    };
    let kind = order.u32(bytes, at).ok_or(partial)?;
    let claimed = order.u32(bytes, at + 4).ok_or(partial)?;
    if (kind, claimed) == (0, 0) {
        return Err(Stop::Damaged(DamageKind::Zeros));
    }
    // Some tools wrote lengths without the padding that is there.
    let len = (claimed as usize).next_multiple_of(4);
    if !(MIN_BLOCK_LEN..=MAX_BLOCK_LEN).contains(&len) {
        return Err(Stop::Damaged(DamageKind::BlockLength { claimed }));
    }
    match order.u32(bytes, at + len - 4) {
        None => Err(Stop::Partial { needed: len }),
        Some(trailing) if trailing != claimed => Err(Stop::Damaged(DamageKind::TrailingLength {
            leading: claimed,
            trailing,
        })),
        Some(_) => Ok((kind, len)),
    }
}

impl Section {
    /// A section whose byte order alone is known.
    pub const fn new(order: ByteOrder) -> Self {
        Self {
            order,
            interfaces: Vec::new(),
        }
    }

    /// The block at `at`.
    #[inline]
    pub(super) fn block<'a>(&self, bytes: &'a [u8], at: usize) -> Result<Block<'a>, Stop> {
        // The type of a section header reads the same in both byte orders, its length does not.
        if self.order.u32(bytes, at) == Some(block::SECTION_HEADER) {
            return section_header(bytes, at);
        }
        let (kind, len) = block_bounds(bytes, at, self.order)?;
        let body = bytes
            .get(at + 8..at + len - 4)
            .ok_or(Stop::Partial { needed: len })?;
        let packet = match kind {
            block::ENHANCED_PACKET => self.enhanced_packet(body),
            block::OBSOLETE_PACKET => self.obsolete_packet(body),
            block::SIMPLE_PACKET => self.simple_packet(body),
            block::INTERFACE => {
                return interface(self.order, body).map(|i| Block::Interface(i, len));
            }
            block::NAME_RESOLUTION | block::DECRYPTION_SECRETS => return Ok(Block::Side(len)),
            _ => return Ok(Block::Other(len)),
        };
        packet.map(|packet| {
            Block::Packet(PacketRecord {
                start: at,
                len,
                // The body starts after type and length.
                data_start: at + 8 + packet.data_start,
                ..packet
            })
        })
    }

    fn enhanced_packet<'a>(&self, body: &'a [u8]) -> Result<PacketRecord<'a>, Stop> {
        let interface = self.order.u32(body, 0).ok_or(TOO_SMALL)?;
        self.timed_packet(body, interface)
    }

    fn obsolete_packet<'a>(&self, body: &'a [u8]) -> Result<PacketRecord<'a>, Stop> {
        // Interface and count of dropped packets share the four bytes of the interface.
        let interface = self.order.u16(body, 0).ok_or(TOO_SMALL)?;
        self.timed_packet(body, u32::from(interface))
    }

    /// Sections 4.3 and A: both packet blocks are alike after the interface.
    #[inline]
    fn timed_packet<'a>(&self, body: &'a [u8], interface: u32) -> Result<PacketRecord<'a>, Stop> {
        let field = |at| self.order.u32(body, at).ok_or(TOO_SMALL);
        let (high, low, captured, wire_len) = (field(4)?, field(8)?, field(12)?, field(16)?);
        let room = body.get(20..).ok_or(TOO_SMALL)?;
        let data = room
            .get(..captured as usize)
            .ok_or_else(|| overflow(captured, room))?;
        let interface = self.interfaces.get(interface as usize);
        let limit = interface.map_or(u32::MAX, |i| max_captured(i.link_type, i.snaplen));
        if captured > limit {
            return Err(Stop::Damaged(DamageKind::ImpossibleLength {
                claimed: captured,
                limit,
            }));
        }
        let count = u64::from(high) << 32 | u64::from(low);
        let time = interface.map_or(Nanos(0), |i| i.time_unit.to_nanos(count, i.time_offset_s));
        let link_type = interface.map(|i| i.link_type);
        Ok(PacketRecord {
            start: 0,
            len: 0,
            time,
            data_start: 20,
            data,
            wire_len,
            link_type,
        })
    }

    /// Section 4.4: no time, no interface (the first is meant), no captured length.
    fn simple_packet<'a>(&self, body: &'a [u8]) -> Result<PacketRecord<'a>, Stop> {
        let wire_len = self.order.u32(body, 0).ok_or(TOO_SMALL)?;
        let room = body.get(4..).ok_or(TOO_SMALL)?;
        let interface = self.interfaces.first();
        let snaplen = match interface.map(|i| i.snaplen) {
            None | Some(0) => u32::MAX,
            Some(snaplen) => snaplen,
        };
        let captured = wire_len.min(snaplen);
        let data = room
            .get(..captured as usize)
            .ok_or_else(|| overflow(captured, room))?;
        let link_type = interface.map(|i| i.link_type);
        Ok(PacketRecord {
            start: 0,
            len: 0,
            time: Nanos(0),
            data_start: 4,
            data,
            wire_len,
            link_type,
        })
    }
}

/// Section 4.1. A section of another major version cannot be read: it is damage.
pub(super) fn section_header(bytes: &[u8], at: usize) -> Result<Block<'_>, Stop> {
    let partial = Stop::Partial {
        needed: MIN_SECTION_HEADER_LEN,
    };
    if bytes.len().saturating_sub(at) < MIN_SECTION_HEADER_LEN {
        return Err(partial);
    }
    let Some(order) = section_order(bytes, at) else {
        let found = ByteOrder::Big.u32(bytes, at + 8).ok_or(partial)?;
        return Err(Stop::Damaged(DamageKind::ByteOrderMagic { found }));
    };
    let (_, len) = block_bounds(bytes, at, order)?;
    if len < MIN_SECTION_HEADER_LEN {
        let claimed = order.u32(bytes, at + 4).ok_or(partial)?;
        return Err(Stop::Damaged(DamageKind::BlockLength { claimed }));
    }
    let major = order.u16(bytes, at + 12).ok_or(partial)?;
    let minor = order.u16(bytes, at + 14).ok_or(partial)?;
    if major != 1 {
        return Err(Stop::Damaged(DamageKind::SectionVersion { major, minor }));
    }
    Ok(Block::Section(order, len))
}

/// Section 4.2, with the options `if_tsresol` and `if_tsoffset`.
fn interface(order: ByteOrder, body: &[u8]) -> Result<Interface, Stop> {
    let short = Stop::Damaged(DamageKind::InterfaceDescription);
    let mut interface = Interface {
        link_type: LinkType(order.u16(body, 0).ok_or(short)?),
        snaplen: order.u32(body, 4).ok_or(short)?,
        time_unit: TimeUnit::MICROS,
        time_offset_s: 0,
    };
    let mut at = 8;
    while let (Some(code), Some(len)) = (order.u16(body, at), order.u16(body, at + 2)) {
        let value = body.get(at + 4..at + 4 + usize::from(len)).unwrap_or(&[]);
        match (code, value) {
            (OPTION_END, _) => break,
            (OPTION_TSRESOL, [resolution]) => {
                interface.time_unit = TimeUnit::from_tsresol(*resolution);
            }
            (OPTION_TSOFFSET, _) => {
                if let Some(offset) = order.u64(value, 0) {
                    interface.time_offset_s = offset.cast_signed();
                }
            }
            _ => {}
        }
        at += 4 + usize::from(len).next_multiple_of(4);
    }
    Ok(interface)
}

#[cold]
fn overflow(claimed: u32, room: &[u8]) -> Stop {
    let room = len_u32(room.len());
    Stop::Damaged(DamageKind::BlockOverflow { claimed, room })
}

const TOO_SMALL: Stop = Stop::Damaged(DamageKind::BlockLength { claimed: 0 });
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const MIN_BLOCK_LEN: usize = 12;
const MIN_SECTION_HEADER_LEN: usize = 28;
/// No block is longer. Wireshark's limit is 16 MiB; secrets and custom blocks may be larger.
pub(super) const MAX_BLOCK_LEN: usize = 64 * 1024 * 1024;
const OPTION_END: u16 = 0;
const OPTION_TSRESOL: u16 = 9;
const OPTION_TSOFFSET: u16 = 14;
