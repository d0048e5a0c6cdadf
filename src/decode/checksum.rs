//! Checksums of TCP (RFC 9293, section 3.1) and UDP (RFC 768; RFC 8200, section 8.1): the Internet
//! checksum (RFC 1071) over a pseudo header and the segment.

use super::protocol;
use crate::number::len_u32;
use std::net::IpAddr;

/// What the checksum of a segment or datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The bytes are those that were sent.
    Right,
    /// They are not, or the checksum is still to be filled in by a network card that leaves
    /// something else there than the sum of the pseudo header.
    Wrong,
    /// Nothing: not all bytes were captured, UDP was sent without one, or the operating system left
    /// the rest of the sum to the network card.
    Unchecked,
}

/// How many checksums were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChecksumCounts {
    /// Right ones.
    pub right: u64,
    /// Wrong ones.
    pub wrong: u64,
    /// Those that say nothing.
    pub unchecked: u64,
}

impl ChecksumCounts {
    /// Counts one.
    pub const fn count(&mut self, checksum: Checksum) {
        match checksum {
            Checksum::Right => self.right += 1,
            Checksum::Wrong => self.wrong += 1,
            Checksum::Unchecked => self.unchecked += 1,
        }
    }

    /// Adds others.
    pub const fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.unchecked += other.unchecked;
    }

    /// How many are right or wrong.
    pub const fn checked(&self) -> u64 {
        self.right + self.wrong
    }
}

/// The pseudo header of a segment with this many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PseudoHeader {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) len: u32,
}

impl PseudoHeader {
    pub(crate) fn sum(&self) -> Sum {
        let addresses = [self.src, self.dst].into_iter();
        let addresses = addresses.fold(Sum(0), |sum, ip| match ip {
            IpAddr::V4(ip) => sum.with(&ip.octets()),
            IpAddr::V6(ip) => sum.with(&ip.octets()),
        });
        addresses
            .with(&self.len.to_be_bytes())
            .with(&[0, self.protocol])
    }

    /// Whether a checksum's two bytes, in little-endian order, are the sum of the pseudo header
    /// alone: the card adds the rest. With segmentation offload, some systems leave the length to it,
    /// too.
    pub(crate) fn is_all_of(&self, field: u16) -> bool {
        let without_len = Self { len: 0, ..*self };
        [self, &without_len]
            .iter()
            .any(|it| it.sum().folded() == field)
    }
}

/// A sum of 16-bit words. In little-endian order, whatever the machine's: the sum does not depend on
/// it but for the order of its own bytes (RFC 1071, section 2), and most machines load words so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum(u64);

impl Sum {
    /// A sum that was folded before.
    pub(crate) const fn of_folded(folded: u16) -> Self {
        Self(folded as u64)
    }

    /// The sum of these bytes as well. They must start at an even offset; an odd last byte counts as
    /// if a zero followed.
    pub(crate) fn with(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<4>();
        let words = words
            .iter()
            .map(|word| u64::from(u32::from_le_bytes(*word)));
        let mut last = [0; 4];
        for (place, byte) in last.iter_mut().zip(rest) {
            *place = *byte;
        }
        Self(self.0 + words.sum::<u64>() + u64::from(u32::from_le_bytes(last)))
    }

    /// The same sum in 16 bits, with end-around carries.
    pub(crate) const fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let [low, high, ..] = sum.to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// Whether this is the sum of a segment with its pseudo header and checksum, if that is right.
    pub(crate) const fn is_right(self) -> bool {
        self.folded() == 0xffff
    }
}

/// Checks a TCP segment or a UDP datagram of which all bytes were captured.
pub fn checksum(src: IpAddr, dst: IpAddr, protocol: u8, transport: &[u8]) -> Checksum {
    let (field, segment) = match protocol {
        protocol::TCP => (16, Some(transport)),
        protocol::UDP => (6, datagram(transport)),
        _ => return Checksum::Unchecked,
    };
    let Some(segment) = segment else {
        return Checksum::Unchecked;
    };
    let Some(&[a, b]) = segment.get(field..).and_then(<[u8]>::first_chunk) else {
        return Checksum::Unchecked;
    };
    let found = u16::from_le_bytes([a, b]);
    if protocol == protocol::UDP && found == 0 {
        return Checksum::Unchecked;
    }
    let pseudo_header = PseudoHeader {
        src,
        dst,
        protocol,
        len: len_u32(segment.len()),
    };
    if pseudo_header.sum().with(segment).is_right() {
        Checksum::Right
    } else if pseudo_header.is_all_of(found) {
        Checksum::Unchecked
    } else {
        Checksum::Wrong
    }
}

/// The bytes that UDP's length field says are the datagram; `None` where it contradicts the captured
/// ones. Jumbograms have zero there (RFC 2675, section 4).
fn datagram(transport: &[u8]) -> Option<&[u8]> {
    let &[a, b] = transport.get(4..)?.first_chunk()?;
    match usize::from(u16::from_be_bytes([a, b])) {
        0 => Some(transport),
        len @ 8.. => transport.get(..len),
        _ => None,
    }
}

/// Whether an IP header's destination is not yet that of the pseudo header: a source route (RFC 791,
/// section 3.1) or a routing header (RFC 8200, sections 4.4 and 8.1) leads on from there. `headers`
/// is what precedes the transport header.
pub(crate) fn is_on_its_way(headers: &[u8], src: IpAddr, dst: IpAddr) -> bool {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let both = [src.octets(), dst.octets()].concat();
            let found = headers.windows(both.len()).rposition(|it| it == both);
            let at = found.and_then(|it| it.checked_sub(12));
            at.is_some_and(|at| has_source_route(headers, at))
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let both = [src.octets(), dst.octets()].concat();
            let found = headers.windows(both.len()).rposition(|it| it == both);
            let at = found.and_then(|it| it.checked_sub(8));
            at.is_some_and(|at| has_next_segment(headers, at))
        }
        _ => false,
    }
}

/// Whether the IPv4 header at `at` has a source route that has not been followed to its end.
fn has_source_route(headers: &[u8], at: usize) -> bool {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const LOOSE: u8 = 131;
    const STRICT: u8 = 137;
    let mut options = headers.get(at + 20..).unwrap_or_default();
    loop {
        options = match *options {
            [] | [END, ..] | [_] => return false,
            [NO_OPERATION, ref rest @ ..] => rest,
            [LOOSE | STRICT, len, pointer, ..] if pointer <= len => return true,
            [_, len, ..] => options.get(usize::from(len).max(2)..).unwrap_or_default(),
        };
    }
}

/// Whether the IPv6 header at `at` is followed by a routing header with segments left.
fn has_next_segment(headers: &[u8], at: usize) -> bool {
    let mut next = headers.get(at + 6).copied();
    let mut rest = headers.get(at + 40..).unwrap_or_default();
    while let (Some(kind), &[following, len, _, segments_left, ..]) = (next, rest) {
        let len = match kind {
            protocol::ROUTING if segments_left > 0 => return true,
            protocol::FRAGMENT => 8,
            protocol::ROUTING | protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS => {
                8 + 8 * usize::from(len)
            }
            _ => return false,
        };
        next = Some(following);
        rest = rest.get(len..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const V4: (IpAddr, IpAddr) = (
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
    );
    const V6: (IpAddr, IpAddr) = (
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
    );

    fn pseudo_header(ends: (IpAddr, IpAddr), len: u32) -> PseudoHeader {
        PseudoHeader {
            src: ends.0,
            dst: ends.1,
            protocol: protocol::TCP,
            len,
        }
    }

    /// A segment with the checksum that testkit's sums give.
    fn segment(ends: (IpAddr, IpAddr), protocol: u8, payload: &[u8]) -> Vec<u8> {
        let (mut bytes, field) = if protocol == protocol::TCP {
            (vec![0x11; 20], 16)
        } else {
            let len = u8::try_from(8 + payload.len()).unwrap();
            (vec![0x9c, 0x40, 0, 53, 0, len, 0, 0], 6)
        };
        bytes[field..field + 2].fill(0);
        bytes.extend_from_slice(payload);
        let octets = |ip| match ip {
            IpAddr::V4(ip) => Ipv4Addr::octets(&ip).to_vec(),
            IpAddr::V6(ip) => Ipv6Addr::octets(&ip).to_vec(),
        };
        let len = u32::try_from(bytes.len()).unwrap();
        let sum = testkit::checksum::sum_words(&bytes)
            + testkit::transport::pseudo_header_sum(
                &octets(ends.0),
                &octets(ends.1),
                protocol,
                len,
            );
        let sum = testkit::checksum::fold(sum).to_be_bytes();
        bytes[field..field + 2].copy_from_slice(&sum);
        bytes
    }

    #[test]
    fn one_wrong_byte_is_noticed_anywhere() {
        for ends in [V4, V6] {
            for protocol in [protocol::TCP, protocol::UDP] {
                for len in 0..9 {
                    let mut bytes = segment(ends, protocol, &b"abcdefgh"[..len]);
                    assert_eq!(checksum(ends.0, ends.1, protocol, &bytes), Checksum::Right);
                    // A port, and the last byte, whether that stands alone or not.
                    for at in [1, bytes.len() - 1] {
                        bytes[at] ^= 0x40;
                        assert_eq!(
                            checksum(ends.0, ends.1, protocol, &bytes),
                            Checksum::Wrong,
                            "{protocol} {len} {at}"
                        );
                        bytes[at] ^= 0x40;
                    }
                    assert_eq!(checksum(ends.1, ends.0, protocol, &bytes), Checksum::Right);
                    let other = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));
                    assert_eq!(
                        checksum(other, ends.1, protocol, &bytes),
                        Checksum::Wrong,
                        "addresses are part of it"
                    );
                }
            }
        }
    }

    #[test]
    fn an_unfinished_one_says_nothing() {
        for (ends, len) in [(V4, 24), (V4, 0), (V6, 24), (V6, 0)] {
            let mut bytes = segment(ends, protocol::TCP, b"abcd");
            let sum = pseudo_header(ends, len).sum().folded();
            bytes[16..18].copy_from_slice(&sum.to_le_bytes());
            assert_eq!(
                checksum(ends.0, ends.1, protocol::TCP, &bytes),
                Checksum::Unchecked
            );
        }
    }

    #[test]
    fn udp_may_have_none_and_says_how_long_it_is() {
        let check = |bytes: &[u8]| checksum(V4.0, V4.1, protocol::UDP, bytes);
        let mut bytes = segment(V4, protocol::UDP, b"abc");
        // Padding of IP after the datagram.
        bytes.extend_from_slice(b"####");
        assert_eq!(check(&bytes), Checksum::Right);
        assert_eq!(check(&bytes[..10]), Checksum::Unchecked, "too short");
        bytes[6..8].fill(0);
        assert_eq!(check(&bytes), Checksum::Unchecked, "without");
        bytes[5] = 7;
        assert_eq!(check(&bytes), Checksum::Unchecked, "an impossible length");
        assert_eq!(
            checksum(V4.0, V4.1, protocol::SCTP, &bytes),
            Checksum::Unchecked
        );
        assert_eq!(
            checksum(V4.0, V4.1, protocol::TCP, b"short"),
            Checksum::Unchecked
        );
    }

    #[test]
    fn sums_may_be_taken_in_parts() {
        let bytes = segment(V4, protocol::TCP, b"whatever it is");
        let len = len_u32(bytes.len());
        let front = pseudo_header(V4, len).sum().with(&bytes[..20]);
        let sum = Sum::of_folded(front.folded()).with(&bytes[20..]);
        assert!(sum.is_right());
    }
}
