//! Packet headers (RFC 9000, section 17.2).

use crate::app::tls::Bytes;

/// A long header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) kind: Kind,
    pub(super) version: u32,
    pub(super) destination: &'a [u8],
    pub(super) source: &'a [u8],
    /// Offset of the packet number.
    pub(super) number_at: usize,
    /// Length of the packet.
    pub(super) len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Initial,
    /// With a length field, like Initial packets.
    Handshake,
    Retry,
    /// Unreadable, or followed by anything.
    Other,
}

/// Parses the long header of a known version.
pub(super) fn header(packet: &[u8]) -> Option<Header<'_>> {
    let mut bytes = Bytes(packet);
    let first = bytes.u8()?;
    let version = bytes
        .take(4)?
        .first_chunk()
        .map(|it| u32::from_be_bytes(*it))?;
    // The second bit may have any value (RFC 9287).
    if first & 0x80 == 0 || !is_known(version) {
        return None;
    }
    let destination = bytes.short().filter(|it| it.len() <= LONGEST_ID)?;
    let source = bytes.short().filter(|it| it.len() <= LONGEST_ID)?;
    let kind = match (first >> 4 & 3, version == VERSION_2) {
        (0, false) | (1, true) => Kind::Initial,
        (3, false) | (0, true) => Kind::Retry,
        _ => Kind::Handshake,
    };
    let mut header = Header {
        kind,
        version,
        destination,
        source,
        number_at: 0,
        len: packet.len(),
    };
    if kind == Kind::Retry {
        return Some(header);
    }
    if kind == Kind::Initial {
        let token = varint(&mut bytes)?;
        bytes.take(usize::try_from(token).ok()?)?;
    }
    let len = usize::try_from(varint(&mut bytes)?).ok()?;
    header.number_at = packet.len() - bytes.0.len();
    if len > bytes.0.len() {
        header.kind = Kind::Other;
    }
    header.len = header.number_at.saturating_add(len).min(packet.len());
    Some(header)
}

/// A variable-length integer (RFC 9000, section 16).
pub(super) fn varint(bytes: &mut Bytes<'_>) -> Option<u64> {
    let first = bytes.u8()?;
    let rest = bytes.take((1 << (first >> 6)) - 1)?;
    let start = u64::from(first & 0x3f);
    Some(rest.iter().fold(start, |sum, it| sum << 8 | u64::from(*it)))
}

fn is_known(version: u32) -> bool {
    matches!(version, 1 | VERSION_2 | DRAFT_27..=DRAFT_34)
}

pub(super) const VERSION_2: u32 = 0x6b33_43cf;
pub(super) const DRAFT_27: u32 = 0xff00_001b;
pub(super) const DRAFT_28: u32 = 0xff00_001c;
pub(super) const DRAFT_29: u32 = 0xff00_001d;
pub(super) const DRAFT_32: u32 = 0xff00_0020;
const DRAFT_34: u32 = 0xff00_0022;
const LONGEST_ID: usize = 20;
