//! Blocks of pcapng that are made: for packets that other formats hold.

use super::bytes::ByteOrder;
use super::linktype::LinkType;
use super::pcapng::block;
use crate::number::{len_u32, nearest_u32};

/// The description of an interface for the packets of another format. `unit_ns`: their unit of time, one
/// nanosecond or a thousand. A snaplen of 0 is no limit.
pub(crate) fn interface_block(
    order: ByteOrder,
    link_type: LinkType,
    unit_ns: u32,
    snaplen: u32,
) -> Vec<u8> {
    named_interface_block(order, link_type, unit_ns, snaplen, "")
}

/// An interface block with the interface's name, unless that is empty.
pub(crate) fn named_interface_block(
    order: ByteOrder,
    link_type: LinkType,
    unit_ns: u32,
    snaplen: u32,
    name: &str,
) -> Vec<u8> {
    let resolution = if unit_ns == 1 { 9 } else { 6 };
    let name = option(order, OPTION_NAME, name);
    let parts: [&[u8]; 6] = [
        &order.pair16(link_type.0, 0),
        &order.bytes32(snaplen),
        &name,
        &order.pair16(OPTION_TSRESOL, 1),
        &[resolution, 0, 0, 0],
        &order.pair16(OPTION_END, 0),
    ];
    let mut bytes = Vec::new();
    put_block(&mut bytes, order, block::INTERFACE, &parts);
    bytes
}

/// A text option; nothing for an empty text. Texts that do not fit into an option are truncated.
fn option(order: ByteOrder, code: u16, text: &str) -> Vec<u8> {
    let text = text.as_bytes();
    let text = text.get(..MOST_TEXT).unwrap_or(text);
    if text.is_empty() {
        return Vec::new();
    }
    let len = u16::try_from(text.len()).unwrap_or(0);
    let mut bytes = order.pair16(code, len).to_vec();
    bytes.extend_from_slice(text);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Appends an enhanced packet block. `time` counts units of the interface.
pub(crate) fn put_enhanced_packet(
    out: &mut Vec<u8>,
    order: ByteOrder,
    interface: u32,
    time: i64,
    wire_len: u32,
    data: &[u8],
) {
    put_commented_packet(out, order, interface, time, wire_len, data, "");
}

/// An enhanced packet block with a comment, unless that is empty.
pub(crate) fn put_commented_packet(
    out: &mut Vec<u8>,
    order: ByteOrder,
    interface: u32,
    time: i64,
    wire_len: u32,
    data: &[u8],
    comment: &str,
) {
    let [high, low] = [time >> 32, time & 0xffff_ffff].map(nearest_u32);
    let captured = len_u32(data.len());
    let padding = [0; 4];
    let padding = padding.get(..data.len().next_multiple_of(4) - data.len());
    let mut options = option(order, OPTION_COMMENT, comment);
    if !options.is_empty() {
        options.extend_from_slice(&order.pair16(OPTION_END, 0));
    }
    let parts: [&[u8]; 8] = [
        &order.bytes32(interface),
        &order.bytes32(high),
        &order.bytes32(low),
        &order.bytes32(captured),
        &order.bytes32(wire_len),
        data,
        padding.unwrap_or_default(),
        &options,
    ];
    put_block(out, order, block::ENHANCED_PACKET, &parts);
}

fn put_block(out: &mut Vec<u8>, order: ByteOrder, kind: u32, body: &[&[u8]]) {
    let body_len: usize = body.iter().map(|part| part.len()).sum();
    let padded = body_len.next_multiple_of(4);
    let len = order.bytes32(len_u32(padded + 12));
    out.extend_from_slice(&order.bytes32(kind));
    out.extend_from_slice(&len);
    for part in body {
        out.extend_from_slice(part);
    }
    out.resize(out.len() + (padded - body_len), 0);
    out.extend_from_slice(&len);
}

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_NAME: u16 = 2;
const OPTION_TSRESOL: u16 = 9;
/// Longest comment or name, in bytes.
const MOST_TEXT: usize = 4096;
