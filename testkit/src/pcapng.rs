//! pcapng blocks (draft-ietf-opsawg-pcapng).

use crate::pcap::ByteOrder;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

const COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// Code and value of an option.
pub type Choice = (u16, Vec<u8>);

/// A block: type, length, body, padding, length.
///
/// # Panics
///
/// If it is longer than its length can say.
#[must_use]
pub fn block(order: ByteOrder, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let len = order.u32(u32::try_from(padded + 12).unwrap());
    let mut block = order.u32(kind).to_vec();
    block.extend(len);
    block.extend_from_slice(body);
    block.resize(8 + padded, 0);
    block.extend(len);
    block
}

/// Options, as they end a block's body.
fn options(order: ByteOrder, options: &[Choice]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (code, value) in options {
        bytes.extend(order.u16(*code));
        bytes.extend(order.u16(u16::try_from(value.len()).unwrap()));
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    if !bytes.is_empty() {
        bytes.extend([0; 4]);
    }
    bytes
}

/// A section header, of a section of unknown length.
#[must_use]
pub fn section(order: ByteOrder) -> Vec<u8> {
    let mut body = order.u32(BYTE_ORDER_MAGIC).to_vec();
    body.extend(order.u16(1));
    body.extend(order.u16(0));
    body.extend([0xff; 8]);
    block(order, SECTION, &body)
}

/// An interface description with a name, and `if_tsresol` and `if_tsoffset` where given.
#[must_use]
pub fn interface(
    order: ByteOrder,
    link_type: u16,
    resolution: Option<u8>,
    offset: Option<i64>,
) -> Vec<u8> {
    let mut list = vec![(IF_NAME, b"lo".to_vec())];
    list.extend(resolution.map(|value| (IF_TSRESOL, vec![value])));
    list.extend(offset.map(|value| (IF_TSOFFSET, order.u64(value.cast_unsigned()).to_vec())));
    interface_with(order, link_type, &list)
}

/// An interface description with these options, and no limit of a packet's length.
#[must_use]
pub fn interface_with(order: ByteOrder, link_type: u16, list: &[Choice]) -> Vec<u8> {
    let mut body = order.u16(link_type).to_vec();
    body.extend([0; 6]);
    body.extend(options(order, list));
    block(order, INTERFACE, &body)
}

/// An enhanced packet block with a comment, or the obsolete packet block with the same content.
/// `time` counts units of the interface's resolution.
#[must_use]
pub fn packet(
    order: ByteOrder,
    is_obsolete: bool,
    interface: u16,
    time: u64,
    wire_len: u32,
    data: &[u8],
) -> Vec<u8> {
    let comment = (COMMENT, b"a comment".to_vec());
    if !is_obsolete {
        return packet_with(order, interface, time, wire_len, data, &[comment]);
    }
    let mut body = order.u16(interface).to_vec();
    // Packets that were dropped before this one.
    body.extend(order.u16(7));
    put_packet(order, time, wire_len, data, &mut body);
    body.extend(options(order, &[comment]));
    block(order, OBSOLETE_PACKET, &body)
}

/// An enhanced packet block with these options.
#[must_use]
pub fn packet_with(
    order: ByteOrder,
    interface: u16,
    time: u64,
    wire_len: u32,
    data: &[u8],
    list: &[Choice],
) -> Vec<u8> {
    let mut body = order.u32(interface.into()).to_vec();
    put_packet(order, time, wire_len, data, &mut body);
    body.extend(options(order, list));
    block(order, ENHANCED_PACKET, &body)
}

/// Time, lengths and bytes of a packet, with their padding.
fn put_packet(order: ByteOrder, time: u64, wire_len: u32, data: &[u8], body: &mut Vec<u8>) {
    let captured = u32::try_from(data.len()).unwrap();
    let [high, low] = [time >> 32, time & 0xffff_ffff].map(|it| u32::try_from(it).unwrap());
    for field in [high, low, captured, wire_len] {
        body.extend(order.u32(field));
    }
    body.extend_from_slice(data);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// A simple packet block: all of a packet of the first interface, without a time.
///
/// # Panics
///
/// If the packet is longer than the block can say.
#[must_use]
pub fn simple_packet(order: ByteOrder, data: &[u8]) -> Vec<u8> {
    let mut body = order.u32(u32::try_from(data.len()).unwrap()).to_vec();
    body.extend_from_slice(data);
    block(order, SIMPLE_PACKET, &body)
}
