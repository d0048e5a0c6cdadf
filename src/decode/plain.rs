//! The kind of packet that nearly all are, read in one go: Ethernet with two VLAN tags at most, IPv4 or
//! IPv6 without options, extensions and fragments, TCP or UDP.
//!
//! Everything else is left to the general walk, which reads these packets to the same result. Measured on 20 M packets of 84 bytes: reading them here takes a
//! third of the time.

use super::{Addresses, Headers, LinkKey, Tunnels, protocol};
use crate::capture::ByteOrder;

/// The headers of a packet whose frame starts at `at`, if it is as plain as that.
#[inline(always)]
pub(super) fn read<'a>(data: &'a [u8], at: usize, link: &mut LinkKey) -> Option<Headers<'a>> {
    let ethernet: &[u8; 14] = data.get(at..)?.first_chunk()?;
    // Cisco Inter-Switch Link is Ethernet only at first sight.
    if let [0x01 | 0x03, 0x00, 0x0c, 0x00, 0x00, ..] = ethernet {
        return None;
    }
    let mut found = LinkKey::default();
    found.set_ethernet(ethernet);
    let mut kind = [ethernet[12], ethernet[13]];
    let mut at = at + ethernet.len();
    for _ in 0..MOST_TAGS {
        if kind != VLAN && kind != SERVICE_VLAN {
            break;
        }
        let tag: &[u8; 4] = data.get(at..)?.first_chunk()?;
        found.push_vlan(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff);
        kind = [tag[2], tag[3]];
        at += tag.len();
    }
    let headers = match kind {
        IPV4 => ipv4(data, at),
        IPV6 => ipv6(data, at),
        _ => None,
    }?;
    *link = found;
    Some(headers)
}

#[inline(always)]
fn ipv4(data: &[u8], at: usize) -> Option<Headers<'_>> {
    const LEN: usize = 20;
    let header: &[u8; LEN + ABOVE] = data.get(at..)?.first_chunk()?;
    let field = |from| ByteOrder::Big.u16(header, from);
    let address = |from| ByteOrder::Big.u32(header, from);
    let total_len = usize::from(field(2)?);
    let is_fragment = field(6)? & 0x3fff != 0;
    if header[0] != 0x45 || is_fragment || total_len < header.len() {
        return None;
    }
    let (src, dst) = (address(12)?, address(16)?);
    let addresses = Addresses::V4 { src, dst };
    let above = header.last_chunk()?;
    let place = (data.len(), at, at + LEN, at + total_len);
    headers(addresses, header[9], above, place)
}

#[inline(always)]
fn ipv6(data: &[u8], at: usize) -> Option<Headers<'_>> {
    const LEN: usize = 40;
    let header: &[u8; LEN + ABOVE] = data.get(at..)?.first_chunk()?;
    let payload_len = usize::from(ByteOrder::Big.u16(header, 4)?);
    if header[0] >> 4 != 6 || payload_len < ABOVE {
        return None;
    }
    let addresses = Addresses::V6(header.get(8..)?.first_chunk()?);
    let above = header.last_chunk()?;
    let place = (data.len(), at, at + LEN, at + LEN + payload_len);
    headers(addresses, header[6], above, place)
}

/// Headers from `above`, the start of a transport header. `place`: how many bytes were captured,
/// where the IP header and the transport header start, and where the datagram ends on the wire.
#[inline(always)]
fn headers<'a>(
    addresses: Addresses<'a>,
    protocol: u8,
    above: &[u8; ABOVE],
    place: (usize, usize, usize, usize),
) -> Option<Headers<'a>> {
    let tcp_flags = match protocol {
        protocol::TCP => u16::from_be_bytes([above[12], above[13]]) & 0x0fff,
        protocol::UDP => 0,
        _ => return None,
    };
    let (captured, network, transport, wire_end) = place;
    Some(Headers {
        addresses,
        protocol,
        src_port: u16::from_be_bytes([above[0], above[1]]),
        dst_port: u16::from_be_bytes([above[2], above[3]]),
        tcp_flags,
        fragment: None,
        network,
        transport,
        end: captured.min(wire_end),
        wire_end,
        trailer_time: None,
        tunnels: Tunnels::NONE,
    })
}

/// How much of a transport header is read: ports and TCP's flags. Shorter datagrams are not plain.
const ABOVE: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const VLAN: [u8; 2] = [0x81, 0x00];
const SERVICE_VLAN: [u8; 2] = [0x88, 0xa8];
/// VLAN tags of a plain packet.
const MOST_TAGS: usize = 2;
