//! Captures that chance makes, and what a walk must find in them.

use crate::common::frames::any_frame;
use crate::common::reading;
use proptest::prelude::*;
use proptest::sample::Index;
use std::fmt;
use testkit::pcap::{ByteOrder, Pcap, Variant};
use testkit::pcapng::{block, interface, packet, section, simple_packet};

/// A packet as it was made: nanoseconds, length on the wire, link type, captured bytes.
pub(super) type Made = (i128, u32, u16, Vec<u8>);

/// What a walk must find: the packets, and where each of their records starts.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) packets: Vec<Made>,
    pub(super) starts: Vec<usize>,
}

/// Short enough to be read, and what a capture can be made of again (`xxd -r -p`).
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets in ", self.packets.len())?;
        self.bytes
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn any_order() -> impl Strategy<Value = ByteOrder> {
    prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)]
}

/// Mostly frames, sometimes anything.
fn any_data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any_frame(),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// pcap in all its variants.
fn any_pcap() -> impl Strategy<Value = Written> {
    let variants = prop::sample::select(vec![
        Variant::Micros,
        Variant::Nanos,
        Variant::Modified,
        Variant::IxiaHardware,
        Variant::IxiaSoftware,
        Variant::Snoop,
    ]);
    let time = (1_600_000_000_u32..1_600_050_000, 0_u32..1_000_000);
    let packet = (time, 1_u32..2000, any_data());
    let packets = prop::collection::vec(packet, 0..100);
    (any_order(), variants, any::<bool>(), packets).prop_map(
        |(order, variant, is_version_2_2, packets)| {
            let is_version_2_2 = is_version_2_2 && variant == Variant::Micros;
            let pcap = Pcap {
                order,
                variant,
                is_version_2_2,
                ..Pcap::COMMON
            };
            let unit_ns = match variant {
                Variant::Nanos | Variant::IxiaHardware => 1,
                _ => 1000,
            };
            let mut written = Written {
                bytes: pcap.file_header(),
                packets: Vec::new(),
                starts: Vec::new(),
            };
            for (time, more, data) in packets {
                let wire_len = u32::try_from(data.len()).unwrap() + more;
                written.starts.push(written.bytes.len());
                written.bytes.extend(pcap.record(time, wire_len, &data));
                let time_ns = i128::from(time.0) * 1_000_000_000 + i128::from(time.1) * unit_ns;
                written.packets.push((time_ns, wire_len, 1, data));
            }
            written
        },
    )
}

/// What may stand in a pcapng file.
#[derive(Clone, Debug)]
enum Piece {
    Section(ByteOrder),
    Interface {
        link_type: u16,
        resolution: Option<u8>,
        offset: Option<i64>,
    },
    /// Any block that is neither of these nor a packet.
    Other {
        kind: u32,
        body: Vec<u8>,
    },
    Packet {
        is_obsolete: bool,
        interface: Index,
        count: u64,
        more: u32,
        data: Vec<u8>,
    },
    Simple(Vec<u8>),
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let link_type = prop::sample::select(vec![1_u16, 1, 1, 101, 147]);
    // Powers of ten and two, as far as they go and beyond.
    let resolution = prop::option::of(prop_oneof![Just(9_u8), Just(0x8a), any::<u8>()]);
    let offset = prop::option::weighted(0.2, -10_000_i64..10_000);
    let kind = prop::sample::select(vec![4_u32, 5, 10, 0x0bad, 0x4000_0bad, 0x1234_5678]);
    prop_oneof![
        1 => any_order().prop_map(Piece::Section),
        3 => (link_type, resolution, offset).prop_map(|(link_type, resolution, offset)| {
            Piece::Interface { link_type, resolution, offset }
        }),
        3 => (kind, prop::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(kind, body)| Piece::Other { kind, body }),
        20 => (any::<bool>(), any::<Index>(), 0_u64..1 << 60, 0_u32..2000, any_data()).prop_map(
            |(is_obsolete, interface, count, more, data)| Piece::Packet {
                is_obsolete, interface, count, more, data,
            }
        ),
        3 => any_data().prop_map(Piece::Simple),
    ]
}

/// pcapng in both byte orders, with several sections and interfaces.
fn any_pcapng() -> impl Strategy<Value = Written> {
    let pieces = prop::collection::vec(any_piece(), 0..120);
    (any_order(), pieces).prop_map(|(first, pieces)| {
        let mut order = first;
        let mut interfaces: Vec<(u16, u8, i128)> = Vec::new();
        let mut written = Written {
            bytes: section(order),
            packets: Vec::new(),
            starts: Vec::new(),
        };
        for piece in pieces {
            let start = written.bytes.len();
            let made = match piece {
                Piece::Section(new) => {
                    order = new;
                    interfaces.clear();
                    written.bytes.extend(section(order));
                    continue;
                }
                Piece::Interface {
                    link_type,
                    resolution,
                    offset,
                } => {
                    interfaces.push((
                        link_type,
                        resolution.unwrap_or(6),
                        offset.unwrap_or(0).into(),
                    ));
                    written
                        .bytes
                        .extend(interface(order, link_type, resolution, offset));
                    continue;
                }
                Piece::Other { kind, body } => {
                    written.bytes.extend(block(order, kind, &body));
                    continue;
                }
                // A packet needs an interface.
                Piece::Packet { .. } | Piece::Simple(_) if interfaces.is_empty() => continue,
                Piece::Packet {
                    is_obsolete,
                    interface,
                    count,
                    more,
                    data,
                } => {
                    let id = interface.index(interfaces.len());
                    let (link_type, resolution, offset) = interfaces[id];
                    let time_ns = reading::time_ns(count, resolution, offset);
                    let wire_len = u32::try_from(data.len()).unwrap() + more;
                    let id = u16::try_from(id).unwrap();
                    written
                        .bytes
                        .extend(packet(order, is_obsolete, id, count, wire_len, &data));
                    (time_ns, wire_len, link_type, data)
                }
                Piece::Simple(data) => {
                    written.bytes.extend(simple_packet(order, &data));
                    let wire_len = u32::try_from(data.len()).unwrap();
                    (0, wire_len, interfaces[0].0, data)
                }
            };
            written.starts.push(start);
            written.packets.push(made);
        }
        written
    })
}

pub(super) fn any_capture() -> impl Strategy<Value = Written> {
    prop_oneof![any_pcap(), any_pcapng()]
}
