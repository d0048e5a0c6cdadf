//! Captures written byte by byte, from the format's description and not with the library.

use pcap_flows::capture::{ByteOrder, Variant};

/// Fields in a byte order.
pub(crate) fn u16_bytes(order: ByteOrder, value: u16) -> [u8; 2] {
    match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    }
}

pub(crate) fn u32_bytes(order: ByteOrder, value: u32) -> [u8; 4] {
    match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    }
}

pub(crate) fn u64_bytes(order: ByteOrder, value: u64) -> [u8; 8] {
    match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    }
}

/// How a pcap file is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pcap {
    pub(crate) order: ByteOrder,
    pub(crate) variant: Variant,
    pub(crate) link_type: u16,
    /// The lengths of a record stand in the order of version 2.2.
    pub(crate) is_version_2_2: bool,
}

impl Pcap {
    /// What tcpdump writes: microseconds, Ethernet.
    pub(crate) const COMMON: Self = Self {
        order: ByteOrder::Little,
        variant: Variant::Micros,
        link_type: 1,
        is_version_2_2: false,
    };

    pub(crate) fn file_header(&self) -> Vec<u8> {
        let magic = match self.variant {
            // Always big-endian, and with another list of link types: 4 is Ethernet.
            Variant::Snoop => return b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec(),
            Variant::Micros => 0xa1b2_c3d4,
            Variant::Nanos => 0xa1b2_3c4d,
            Variant::Modified => 0xa1b2_cd34,
            Variant::IxiaHardware => 0x1c00_01ac,
            Variant::IxiaSoftware => 0x1c00_01ab,
        };
        let minor = if self.is_version_2_2 { 2 } else { 4 };
        let mut header = u32_bytes(self.order, magic).to_vec();
        header.extend(u16_bytes(self.order, 2));
        header.extend(u16_bytes(self.order, minor));
        for field in [0, 0, 262_144, self.link_type.into()] {
            header.extend(u32_bytes(self.order, field));
        }
        if matches!(self.variant, Variant::IxiaHardware | Variant::IxiaSoftware) {
            // Length of the rest of the file; nobody looks at it.
            header.extend([0; 4]);
        }
        header
    }

    pub(crate) fn record(&self, time: (u32, u32), wire_len: u32, data: &[u8]) -> Vec<u8> {
        let captured = u32::try_from(data.len()).unwrap();
        if self.variant == Variant::Snoop {
            let padded = data.len().next_multiple_of(4);
            let len = u32::try_from(24 + padded).unwrap();
            let fields = [wire_len, captured, len, 0, time.0, time.1];
            let mut record: Vec<u8> = fields.into_iter().flat_map(u32::to_be_bytes).collect();
            record.extend_from_slice(data);
            record.resize(24 + padded, 0);
            return record;
        }
        let lengths = if self.is_version_2_2 {
            [wire_len, captured]
        } else {
            [captured, wire_len]
        };
        let fields = [time.0, time.1, lengths[0], lengths[1]];
        let mut record: Vec<u8> = fields
            .into_iter()
            .flat_map(|it| u32_bytes(self.order, it))
            .collect();
        if self.variant == Variant::Modified {
            // Index of the interface, protocol, type of the packet, padding.
            record.extend([1, 0, 0, 0, 8, 0, 0, 0]);
        }
        record.extend_from_slice(data);
        record
    }

    /// A whole file: a packet each microsecond.
    pub(crate) fn file(&self, packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
        let mut file = self.file_header();
        for (data, micros) in packets.into_iter().zip(0_u32..) {
            let time = (1_700_000_000 + micros / 1_000_000, micros % 1_000_000);
            file.extend(self.record(time, u32::try_from(data.len()).unwrap(), &data));
        }
        file
    }
}

/// A pcapng block: type, length, body, padding, length.
pub(crate) fn block(order: ByteOrder, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let len = u32_bytes(order, u32::try_from(padded + 12).unwrap());
    let mut block = u32_bytes(order, kind).to_vec();
    block.extend(len);
    block.extend_from_slice(body);
    block.resize(8 + padded, 0);
    block.extend(len);
    block
}

/// Options, as they end a block's body.
fn options(order: ByteOrder, options: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (code, value) in options {
        bytes.extend(u16_bytes(order, *code));
        bytes.extend(u16_bytes(order, u16::try_from(value.len()).unwrap()));
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    if !bytes.is_empty() {
        bytes.extend([0; 4]);
    }
    bytes
}

pub(crate) fn section(order: ByteOrder) -> Vec<u8> {
    let mut body = u32_bytes(order, 0x1a2b_3c4d).to_vec();
    body.extend(u16_bytes(order, 1));
    body.extend(u16_bytes(order, 0));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

/// An interface description with the options `if_tsresol` and `if_tsoffset` where given.
pub(crate) fn interface(
    order: ByteOrder,
    link_type: u16,
    resolution: Option<u8>,
    offset: Option<i64>,
) -> Vec<u8> {
    let mut body = u16_bytes(order, link_type).to_vec();
    body.extend([0; 6]);
    let mut list = vec![(2, b"lo".to_vec())];
    list.extend(resolution.map(|value| (9, vec![value])));
    list.extend(offset.map(|value| (14, u64_bytes(order, value.cast_unsigned()).to_vec())));
    body.extend(options(order, &list));
    block(order, 1, &body)
}

/// An enhanced packet block, or the obsolete packet block with the same content.
pub(crate) fn packet(
    order: ByteOrder,
    is_obsolete: bool,
    interface: u16,
    count: u64,
    wire_len: u32,
    data: &[u8],
) -> Vec<u8> {
    let captured = u32::try_from(data.len()).unwrap();
    let high = u32::try_from(count >> 32).unwrap();
    let low = u32::try_from(count & 0xffff_ffff).unwrap();
    let mut body = Vec::new();
    if is_obsolete {
        body.extend(u16_bytes(order, interface));
        // Packets that were dropped before this one.
        body.extend(u16_bytes(order, 7));
    } else {
        body.extend(u32_bytes(order, interface.into()));
    }
    for field in [high, low, captured, wire_len] {
        body.extend(u32_bytes(order, field));
    }
    body.extend_from_slice(data);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(options(order, &[(1, b"a comment".to_vec())]));
    block(order, if is_obsolete { 2 } else { 6 }, &body)
}

/// A simple packet block: all of a packet of the first interface, without a time.
pub(crate) fn simple_packet(order: ByteOrder, data: &[u8]) -> Vec<u8> {
    let mut body = u32_bytes(order, u32::try_from(data.len()).unwrap()).to_vec();
    body.extend_from_slice(data);
    block(order, 3, &body)
}
