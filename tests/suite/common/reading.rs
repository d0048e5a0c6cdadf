//! A reader of captures that owes nothing to the library: it knows well-formed files only, and is
//! as plain as it can be.

use std::ops::Range;

/// A capture, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The file header of a pcap file.
    pub(crate) header: Vec<u8>,
    pub(crate) packets: Vec<Packet>,
    /// Blocks of a pcapng file that are no packets: type and bytes.
    pub(crate) blocks: Vec<(u32, Vec<u8>)>,
    /// Whether all of it could be taken apart.
    pub(crate) is_whole: bool,
}

/// A packet, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// The whole record or block.
    pub(crate) place: Range<usize>,
    pub(crate) record: Vec<u8>,
    /// Nanoseconds since 1970; `None` for simple packets, which have no time.
    pub(crate) time_ns: Option<i128>,
    pub(crate) wire_len: u32,
    pub(crate) link_type: u16,
    pub(crate) data: Vec<u8>,
}

impl Packet {
    /// All but the place and the form: what a conversion keeps.
    pub(crate) fn content(&self) -> (Option<i128>, u32, u16, &[u8]) {
        (self.time_ns, self.wire_len, self.link_type, &self.data)
    }

    /// The EtherType of an untagged Ethernet frame.
    pub(crate) fn ether_type(&self) -> Option<u16> {
        let field = self.data.get(12..14)?;
        Some(u16::from_be_bytes(field.try_into().unwrap()))
    }

    /// The IPv4 header of an untagged Ethernet frame.
    pub(crate) fn ipv4(&self) -> Option<&[u8]> {
        (self.ether_type()? == 0x0800).then(|| self.data.get(14..))?
    }

    /// The IP protocol of an untagged Ethernet frame with IPv4.
    pub(crate) fn ipv4_protocol(&self) -> Option<u8> {
        self.ipv4()?.get(9).copied()
    }
}

/// Where lists of packets differ in what packets are, whatever their records; `None` if nowhere.
pub(crate) fn first_difference(found: &[Packet], expected: &[Packet]) -> Option<String> {
    let is_same = |(found, expected): (&Packet, &Packet)| found.content() == expected.content();
    let same = found
        .iter()
        .zip(expected)
        .take_while(|pair| is_same(*pair))
        .count();
    if same == found.len() && same == expected.len() {
        return None;
    }
    let at = |packets: &[Packet]| {
        packets
            .get(same)
            .map(Packet::content)
            .map(|it| format!("{it:?}"))
    };
    Some(format!(
        "{} packets instead of {}; packet {}: {:?}\n  instead of {:?}",
        found.len(),
        expected.len(),
        same + 1,
        at(found),
        at(expected)
    ))
}

impl Parsed {
    /// The capture's parts as files of their own: cut into `count` at record boundaries. pcap only.
    pub(crate) fn cut(&self, bytes: &[u8], count: usize) -> Vec<Vec<u8>> {
        let per_part = self.packets.len().div_ceil(count).max(1);
        self.packets
            .chunks(per_part)
            .map(|packets| {
                let (first, last) = (&packets[0], &packets[packets.len() - 1]);
                let mut part = self.header.clone();
                part.extend_from_slice(&bytes[first.place.start..last.place.end]);
                part
            })
            .collect()
    }
}

/// Takes a capture apart, as far as it is well-formed.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    if bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        let mut parsed = Parsed::default();
        parsed.is_whole = parse_pcapng(bytes, &mut parsed).is_some();
        return parsed;
    }
    let parsed = if bytes.starts_with(b"snoop\0\0\0") {
        parse_snoop(bytes)
    } else {
        parse_pcap(bytes)
    };
    parsed.unwrap_or_default()
}

/// RFC 1761; Ethernet only.
fn parse_snoop(bytes: &[u8]) -> Option<Parsed> {
    let mut parsed = Parsed {
        header: bytes.get(..16)?.to_vec(),
        ..Parsed::default()
    };
    let mut at = 16;
    while at < bytes.len() {
        let field = |place| number(bytes, at + place, 4, true);
        let record = bytes.get(at..at + length(bytes, at + 8, true)?)?;
        let nanos = i128::from(field(16)?) * 1_000_000_000 + i128::from(field(20)?) * 1000;
        parsed.packets.push(Packet {
            place: at..at + record.len(),
            record: record.to_vec(),
            time_ns: Some(nanos),
            wire_len: u32::try_from(field(0)?).ok()?,
            link_type: 1,
            data: record.get(24..24 + length(bytes, at + 4, true)?)?.to_vec(),
        });
        at += record.len();
    }
    parsed.is_whole = true;
    Some(parsed)
}

fn number(bytes: &[u8], at: usize, len: usize, is_big: bool) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(len)?)?;
    let in_order: Box<dyn Iterator<Item = &u8>> = if is_big {
        Box::new(field.iter())
    } else {
        Box::new(field.iter().rev())
    };
    Some(in_order.fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn length(bytes: &[u8], at: usize, is_big: bool) -> Option<usize> {
    usize::try_from(number(bytes, at, 4, is_big)?).ok()
}

fn parse_pcap(bytes: &[u8]) -> Option<Parsed> {
    // Magic as big-endian bytes: nanoseconds per unit, file and record header length.
    let variants = [
        (0xa1b2_c3d4_u64, 1000, 24, 16),
        (0xa1b2_3c4d, 1, 24, 16),
        (0xa1b2_cd34, 1000, 24, 24),
        (0x1c00_01ac, 1, 28, 16),
        (0x1c00_01ab, 1000, 28, 16),
    ];
    let is_big = |magic| number(bytes, 0, 4, true) == Some(magic);
    let is_little = |magic| number(bytes, 0, 4, false) == Some(magic);
    let (magic, unit_ns, header_len, record_header_len) = variants
        .into_iter()
        .find(|(magic, ..)| is_big(*magic) || is_little(*magic))?;
    let big = is_big(magic);
    let swapped = number(bytes, 6, 2, big)? < 3;
    let link_type = u16::try_from(number(bytes, 20, 4, big)? & 0xffff).ok()?;
    let mut parsed = Parsed {
        header: bytes.get(..header_len)?.to_vec(),
        ..Parsed::default()
    };
    let mut at = header_len;
    while at < bytes.len() {
        let (first, second) = (
            number(bytes, at + 8, 4, big),
            number(bytes, at + 12, 4, big),
        );
        let (Some(first), Some(second)) = (first, second) else {
            return Some(parsed);
        };
        let (captured, wire_len) = if swapped {
            (second, first)
        } else {
            (first, second)
        };
        let start = at + record_header_len;
        let end = start.saturating_add(usize::try_from(captured).ok()?);
        let Some(data) = bytes.get(start..end) else {
            return Some(parsed);
        };
        let seconds = i128::from(number(bytes, at, 4, big)?);
        let fraction = i128::from(number(bytes, at + 4, 4, big)?);
        parsed.packets.push(Packet {
            place: at..end,
            record: bytes[at..end].to_vec(),
            time_ns: Some(seconds * 1_000_000_000 + fraction * unit_ns),
            wire_len: u32::try_from(wire_len).ok()?,
            link_type,
            data: data.to_vec(),
        });
        at = end;
    }
    parsed.is_whole = true;
    Some(parsed)
}

/// Link type, snaplen, resolution and offset of an interface.
type Interface = (u16, u64, u8, i128);

/// `None` where the file is not well-formed.
fn parse_pcapng(bytes: &[u8], parsed: &mut Parsed) -> Option<()> {
    let (mut at, mut big) = (0, false);
    let mut interfaces: Vec<Interface> = Vec::new();
    while at < bytes.len() {
        let mut kind = number(bytes, at, 4, big)?;
        if bytes.get(at..at + 4)? == [0x0a, 0x0d, 0x0d, 0x0a] {
            big = bytes.get(at + 8)? == &0x1a;
            kind = 0x0a0d_0d0a;
            interfaces.clear();
        }
        let claimed = length(bytes, at + 4, big)?;
        // Some tools left padding out of the length.
        let len = claimed.checked_next_multiple_of(4)?;
        let block = bytes
            .get(at..at.checked_add(len)?)
            .filter(|block| block.len() >= 12)?;
        if length(block, len - 4, big)? != claimed {
            return None;
        }
        match kind {
            2 | 6 => {
                let id = if kind == 2 {
                    number(block, 8, 2, big)?
                } else {
                    number(block, 8, 4, big)?
                };
                let (link_type, _, resolution, offset) =
                    *interfaces.get(usize::try_from(id).ok()?)?;
                let count = number(block, 12, 4, big)? << 32 | number(block, 16, 4, big)?;
                parsed.packets.push(Packet {
                    place: at..at + len,
                    record: block.to_vec(),
                    time_ns: Some(time_ns(count, resolution, offset)),
                    wire_len: u32::try_from(number(block, 24, 4, big)?).ok()?,
                    link_type,
                    data: block.get(28..28 + length(block, 20, big)?)?.to_vec(),
                });
            }
            3 => {
                let wire_len = number(block, 8, 4, big)?;
                let (link_type, snaplen, ..) = *interfaces.first()?;
                let limit = if snaplen == 0 { u64::MAX } else { snaplen };
                let captured = usize::try_from(wire_len.min(limit)).ok()?;
                parsed.packets.push(Packet {
                    place: at..at + len,
                    record: block.to_vec(),
                    time_ns: None,
                    wire_len: u32::try_from(wire_len).ok()?,
                    link_type,
                    data: block.get(12..12 + captured)?.to_vec(),
                });
            }
            1 => {
                interfaces.push(interface(block, big)?);
                parsed.blocks.push((1, block.to_vec()));
            }
            _ => parsed
                .blocks
                .push((u32::try_from(kind).ok()?, block.to_vec())),
        }
        at += len;
    }
    Some(())
}

fn interface(block: &[u8], big: bool) -> Option<Interface> {
    let link_type = u16::try_from(number(block, 8, 2, big)?).ok()?;
    let snaplen = number(block, 12, 4, big)?;
    let (mut resolution, mut offset) = (6, 0);
    let mut at = 16;
    while at + 4 <= block.len() - 4 {
        let (code, len) = (number(block, at, 2, big)?, number(block, at + 2, 2, big)?);
        let len = usize::try_from(len).ok()?;
        match code {
            0 => break,
            9 => resolution = *block.get(at + 4)?,
            14 => offset = i128::from(number(block, at + 4, 8, big)?.cast_signed()),
            _ => {}
        }
        at += 4 + len.next_multiple_of(4);
    }
    Some((link_type, snaplen, resolution, offset))
}

/// `count` units of an interface with this `if_tsresol` and `if_tsoffset`, in whole nanoseconds.
pub(crate) fn time_ns(count: u64, resolution: u8, offset_s: i128) -> i128 {
    let exponent = u32::from(resolution & 0x7f);
    let nanos = i128::from(count) * 1_000_000_000;
    let units = if resolution & 0x80 != 0 {
        1_i128.checked_shl(exponent).filter(|units| *units > 0)
    } else {
        10_i128.checked_pow(exponent)
    };
    // More units in a second than fit: nothing is left of any count.
    units.map_or(0, |units| nanos / units) + offset_s * 1_000_000_000
}
