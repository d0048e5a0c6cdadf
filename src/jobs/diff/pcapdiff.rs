//! Output in the format of EFF's pcapdiff with `-VV`: IPv4 packets between two addresses.

use crate::capture::ByteOrder;
use crate::diff::{Class, Comparison, Packet, Pair, Point};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

/// The two addresses, the first one on A's side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
}

/// A packet missing from one capture.
struct Lone<'a> {
    point: Point,
    packet: &'a Packet,
    is_outbound: bool,
}

impl Lone<'_> {
    /// Whether only the receiver's capture has the packet.
    fn is_forged(&self) -> bool {
        (self.point == Point::A) != self.is_outbound
    }
}

/// The output in pcapdiff format.
pub(super) fn pcapdiff(pair: Pair<'_>, comparison: &Comparison, between: Between) -> String {
    let found = [Point::A, Point::B]
        .into_iter()
        .flat_map(|point| lone(pair, comparison, between, point));
    let found: Vec<Lone<'_>> = found.collect();
    let copies = pair.sides.a.packets.iter().zip(&comparison.fates.a);
    let copies = copies.filter(|(packet, fate)| {
        fate.class == Class::Duplicate && way(pair, between, Point::A, packet).is_some()
    });
    let mut text = String::new();
    let mut line = |part: std::fmt::Arguments<'_>| {
        let written = text.write_fmt(part).and_then(|()| text.write_str("\n"));
        debug_assert!(written.is_ok(), "a string takes all text");
    };
    line(format_args!(
        "Parsed.  Local num of unique packets: {}, num of duplicate packets: {}",
        found.len(),
        copies.count()
    ));
    line(format_args!(
        "Remote num of unmatching packets: {}",
        found.len()
    ));
    for it in &found {
        line(format_args!("{}", described(pair, it)));
    }
    line(format_args!(
        "Here are the IP identification fields for forged and dropped packets:\n"
    ));
    for (name, is_outbound, is_forged) in LISTS {
        let some = found
            .iter()
            .filter(|it| it.is_outbound == is_outbound && it.is_forged() == is_forged);
        let ids: Vec<String> = some.map(|it| it.packet.ip_id.to_string()).collect();
        line(format_args!("list of {name} packets:  {}\n", ids.join(" ")));
    }
    line(format_args!("-------------\nPacket counts\n-------------"));
    line(format_args!("               inbound    outbound"));
    counts(pair, between, &found, &mut line);
    text
}

const LISTS: [(&str, bool, bool); 4] = [
    (" inbound forged ", false, true),
    ("outbound forged ", true, true),
    (" inbound dropped", false, false),
    ("outbound dropped", true, false),
];

fn counts(
    pair: Pair<'_>,
    between: Between,
    found: &[Lone<'_>],
    line: &mut impl FnMut(std::fmt::Arguments<'_>),
) {
    let seen = |point: Point, is_outbound| {
        let packets = pair.side(point).packets.iter();
        packets
            .filter(|it| way(pair, between, point, it) == Some(is_outbound))
            .count()
    };
    let alone = |is_outbound, is_forged| {
        let some = found.iter();
        some.filter(|it| it.is_outbound == is_outbound && it.is_forged() == is_forged)
            .count()
    };
    let rows = [
        ("sent:", seen(Point::B, false), seen(Point::A, true)),
        ("received:", seen(Point::A, false), seen(Point::B, true)),
        ("forged:", alone(false, true), alone(true, true)),
        ("dropped:", alone(false, false), alone(true, false)),
    ];
    for (name, inbound, outbound) in rows {
        line(format_args!("{name:<13}{inbound:>9}   {outbound:>9}"));
    }
    // Packets not counted in the other rows.
    let column = |of: fn(&(&str, usize, usize)) -> usize| {
        let [sent, received, forged, dropped] = rows.each_ref().map(of);
        (received + dropped).cast_signed() - (sent + forged).cast_signed()
    };
    let (inbound, outbound) = (column(|it| it.1), column(|it| it.2));
    if (inbound, outbound) != (0, 0) {
        line(format_args!(
            "{:<13}{inbound:>9}   {outbound:>9}",
            "mystery:"
        ));
    }
}

/// Whether a packet goes from the local address to the remote one, or back; `None` for other
/// packets.
fn way(pair: Pair<'_>, between: Between, point: Point, packet: &Packet) -> Option<bool> {
    let (src, dst) = pair.side(point).addresses(packet)?;
    if (src, dst) == (between.local, between.remote) {
        Some(true)
    } else {
        ((src, dst) == (between.remote, between.local)).then_some(false)
    }
}

/// Packets of a side that are missing, or have different contents, on the other one.
fn lone<'a>(
    pair: Pair<'a>,
    comparison: &Comparison,
    between: Between,
    point: Point,
) -> Vec<Lone<'a>> {
    let packets = pair
        .side(point)
        .packets
        .iter()
        .zip(comparison.fates.get(point));
    let lone = packets.filter_map(|(packet, fate)| {
        let is_outbound = way(pair, between, point, packet)?;
        let is_lone = match fate.class {
            Class::Dropped
            | Class::Injected
            | Class::Only
            | Class::OneSided
            | Class::Outside
            | Class::Mangled => true,
            Class::Same | Class::Resegmented | Class::Partial | Class::Duplicate | Class::NotIp => {
                false
            }
        };
        is_lone.then_some(Lone {
            point,
            packet,
            is_outbound,
        })
    });
    lone.collect()
}

/// Description of a packet's fields.
fn described(pair: Pair<'_>, lone: &Lone<'_>) -> String {
    let count = if lone.point == Point::A { 1 } else { -1 };
    let verdict = if lone.is_forged() {
        "!!! FORGED"
    } else {
        "DROPPED"
    };
    let frame = pair.frame(lone.point, lone.packet);
    let headers = frame.as_ref().and_then(|it| it.headers(pair.decode));
    let ip = match (&frame, &headers) {
        (Some(frame), Some((headers, _))) => frame.data.get(headers.network..headers.end),
        _ => None,
    };
    let ip = ip.unwrap_or_default();
    let byte = |at: usize| ip.get(at).copied().unwrap_or(0);
    let half = |at| ByteOrder::Big.u16(ip, at).unwrap_or(0);
    let address = |at: usize| Ipv4Addr::new(byte(at), byte(at + 1), byte(at + 2), byte(at + 3));
    let header_len = usize::from(byte(0) & 0x0f) * 4;
    let options = ip.get(20..header_len).unwrap_or_default();
    let payload = ip.get(header_len..).unwrap_or_default();
    format!(
        "--------------\n{verdict}: {count}\nip_version: {}\nip_header_length: {}\nip_total_length: {}\n\
         ip_ident: {}\nip_flags_plus_offset: {:04x}\nip_protocol: {}\nip_src: {}\nip_dest: {}\n\
         ip_options: {}\nip_payload_length: {}\nip_payload_data: {}\n",
        byte(0) >> 4,
        byte(0) & 0x0f,
        half(2),
        half(4),
        half(6),
        byte(9),
        address(12),
        address(16),
        escaped(options),
        payload.len(),
        escaped(payload),
    )
}

/// Bytes in the format of Python 2's `string_escape`.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\'' => text.push_str("\\'"),
            b'\\' => text.push_str("\\\\"),
            0x20..0x7f => text.push(char::from(*byte)),
            other => {
                let written = write!(text, "\\x{other:02x}");
                debug_assert!(written.is_ok(), "a string takes all text");
            }
        }
    }
    text
}
