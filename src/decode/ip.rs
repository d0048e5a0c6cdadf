//! IPv4 and IPv6 headers, their extensions, and the ports that follow.
//!
//! Headers are read strictly first (etherparse checks every length). Where that fails because the
//! snaplen truncated the packet, the captured fields are taken.

use super::{Addresses, DatagramId, Fragment, Headers, NotFlow, Tunnels, VlanStack, protocol};
use crate::capture::ByteOrder;
use etherparse::{Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice};

/// Reads the IP header at `at` and the ports that follow.
///
/// # Errors
/// When there is no IP header with both of its addresses.
#[inline(always)]
pub(super) fn read(data: &[u8], at: usize, vlans: VlanStack) -> Result<Headers<'_>, NotFlow> {
    let mut headers = network(data, at, vlans)?;
    if headers.has_transport() {
        ports(data, &mut headers);
    }
    Ok(headers)
}

/// Reads both addresses of the IP header at `at`, and nothing else.
///
/// # Errors
/// When there is no IP header with both of its addresses.
pub(super) fn addresses(data: &[u8], at: usize) -> Result<Addresses<'_>, NotFlow> {
    let packet = data.get(at..).ok_or(NotFlow::ShortFrame)?;
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => {
            let fixed: &[u8; 20] = packet.first_chunk().ok_or(NotFlow::ShortIp)?;
            let address = |from| ByteOrder::Big.u32(fixed, from).unwrap_or(0);
            let (src, dst) = (address(12), address(16));
            Ok(Addresses::V4 { src, dst })
        }
        Some(6) => {
            let fixed: &[u8; IPV6_HEADER_LEN] = packet.first_chunk().ok_or(NotFlow::ShortIp)?;
            let addresses = fixed.last_chunk().ok_or(NotFlow::ShortIp)?;
            Ok(Addresses::V6(addresses))
        }
        Some(_) => Err(NotFlow::IpVersion),
        None => Err(NotFlow::ShortFrame),
    }
}

/// Reads the IP header at `at` and its extensions, but no ports.
///
/// # Errors
/// When there is no IP header with both of its addresses.
#[inline(always)]
pub(super) fn network(data: &[u8], at: usize, vlans: VlanStack) -> Result<Headers<'_>, NotFlow> {
    let packet = data.get(at..).ok_or(NotFlow::ShortFrame)?;
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(data, at, packet, vlans),
        Some(6) => ipv6(data, at, packet, vlans),
        Some(_) => Err(NotFlow::IpVersion),
        None => Err(NotFlow::ShortFrame),
    }
}

/// RFC 791, section 3.1.
#[inline(always)]
fn ipv4<'a>(
    data: &'a [u8],
    at: usize,
    packet: &'a [u8],
    vlans: VlanStack,
) -> Result<Headers<'a>, NotFlow> {
    let fixed: &[u8; 20] = packet.first_chunk().ok_or(NotFlow::ShortIp)?;
    let Some(header_len) = ipv4_header_len(packet) else {
        return Err(NotFlow::Ipv4HeaderLength);
    };
    let field = |from| ByteOrder::Big.u16(fixed, from).unwrap_or(0);
    let address = |from| ByteOrder::Big.u32(fixed, from).unwrap_or(0);
    let total_len = usize::from(field(2));
    // A length of zero is segmentation offload: the card would have filled it in.
    if total_len < header_len && total_len != 0 {
        return Err(NotFlow::Ipv4TotalLength);
    }
    let wire_end = match total_len {
        0 => usize::MAX,
        len => at + len,
    };
    let end = data.len().min(wire_end);
    let (flags_and_offset, id) = (field(6), field(4));
    let offset = flags_and_offset & 0x1fff;
    let more_fragments = flags_and_offset & 0x2000 != 0;
    let mut headers = Headers {
        addresses: Addresses::V4 {
            src: address(12),
            dst: address(16),
        },
        protocol: fixed[9],
        src_port: 0,
        dst_port: 0,
        tcp_flags: 0,
        fragment: None,
        network: at,
        transport: at + header_len,
        end,
        wire_end,
        trailer_time: None,
        tunnels: Tunnels::NONE,
    };
    if offset != 0 || more_fragments {
        let place = FragmentPlace {
            header: at,
            offset: u32::from(offset) * 8,
            is_last: !more_fragments,
        };
        let part = fragment(&headers, headers.protocol, id.into(), place, vlans);
        headers.fragment = Some(Box::new(part));
    }
    Ok(headers)
}

/// The header's length; `None` if its length field is less than 20. Read strictly, all of it is
/// there. Otherwise only the snaplen can have truncated its options, and the field is believed.
#[inline(always)]
fn ipv4_header_len(packet: &[u8]) -> Option<usize> {
    if let Ok(header) = Ipv4HeaderSlice::from_slice(packet) {
        return Some(header.slice().len());
    }
    let len = usize::from(packet.first()? & 0x0f) * 4;
    (len >= 20).then_some(len)
}

/// RFC 8200, sections 3 and 4.
#[inline(never)]
fn ipv6<'a>(
    data: &'a [u8],
    at: usize,
    packet: &'a [u8],
    vlans: VlanStack,
) -> Result<Headers<'a>, NotFlow> {
    let header = Ipv6HeaderSlice::from_slice(packet).map_err(|_short| NotFlow::ShortIp)?;
    let addresses = packet
        .get(8..)
        .and_then(<[u8]>::first_chunk)
        .ok_or(NotFlow::ShortIp)?;
    let wire_end = match usize::from(header.payload_length()) {
        0 if header.next_header().0 == protocol::NO_NEXT_HEADER => at + IPV6_HEADER_LEN,
        // Jumbograms have their length in a hop-by-hop option (RFC 2675, section 3); before
        // segmentation by the card there is none.
        0 => usize::MAX,
        len => at + IPV6_HEADER_LEN + len,
    };
    let end = data.len().min(wire_end);
    let mut headers = Headers {
        addresses: Addresses::V6(addresses),
        protocol: header.next_header().0,
        src_port: 0,
        dst_port: 0,
        tcp_flags: 0,
        fragment: None,
        network: at,
        transport: at + IPV6_HEADER_LEN,
        end,
        wire_end,
        trailer_time: None,
        tunnels: Tunnels::NONE,
    };
    extensions(data, at, &mut headers, vlans);
    Ok(headers)
}

/// Skips the extension headers. AH and ESP stay opaque, as does everything after the header of a
/// later fragment. Each header is at least eight bytes, so that the walk ends with
/// the packet.
#[inline]
fn extensions(data: &[u8], at: usize, headers: &mut Headers<'_>, vlans: VlanStack) {
    while let Some(rest) = data.get(headers.transport..headers.end) {
        match headers.protocol {
            protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => {
                let (Some(&next), Some(&len)) = (rest.first(), rest.get(1)) else {
                    return;
                };
                headers.protocol = next;
                headers.transport += 8 + 8 * usize::from(len);
            }
            protocol::FRAGMENT => {
                let Ok(header) = Ipv6FragmentHeaderSlice::from_slice(rest) else {
                    return;
                };
                headers.protocol = header.next_header().0;
                headers.transport += 8;
                if header.is_fragmenting_payload() {
                    let place = FragmentPlace {
                        header: at,
                        offset: u32::from(header.fragment_offset().value()) * 8,
                        is_last: !header.more_fragments(),
                    };
                    let id = header.identification();
                    headers.fragment = Some(Box::new(fragment(headers, 0, id, place, vlans)));
                    if place.offset != 0 {
                        return;
                    }
                }
            }
            _ => return,
        }
    }
}

/// A fragment's place in its datagram, as the header gives it.
#[derive(Clone, Copy)]
struct FragmentPlace {
    header: usize,
    offset: u32,
    is_last: bool,
}

/// The fragment whose payload starts at the transport header of `headers`.
#[cold]
fn fragment(
    headers: &Headers<'_>,
    protocol: u8,
    id: u32,
    place: FragmentPlace,
    vlans: VlanStack,
) -> Fragment {
    let (src, dst) = headers.addresses.to_ip();
    Fragment {
        datagram: DatagramId {
            src,
            dst,
            protocol,
            id,
            vlans,
            networks: Tunnels::NONE,
        },
        is_first: place.offset == 0,
        is_last: place.is_last,
        offset: place.offset,
        protocol: headers.protocol,
        header: place.header,
        payload: headers.transport,
        end: headers.end,
        is_whole: headers.end == headers.wire_end,
    }
}

/// Source and destination port are the first four bytes of every protocol that has them.
#[inline(always)]
pub(super) fn ports(data: &[u8], headers: &mut Headers<'_>) {
    let Some(transport) = data
        .get(headers.transport..headers.end)
        .filter(|_| has_ports(headers.protocol))
    else {
        return;
    };
    let Some(&[a, b, c, d]) = transport.first_chunk() else {
        return;
    };
    headers.src_port = u16::from_be_bytes([a, b]);
    headers.dst_port = u16::from_be_bytes([c, d]);
    if headers.protocol == protocol::TCP {
        headers.tcp_flags = ByteOrder::Big.u16(transport, 12).unwrap_or(0) & 0x0fff;
    }
}

/// Whether a protocol has ports.
#[inline(always)]
pub(super) const fn has_ports(protocol: u8) -> bool {
    matches!(
        protocol,
        protocol::TCP | protocol::UDP | protocol::SCTP | protocol::DCCP | protocol::UDP_LITE
    )
}

const IPV6_HEADER_LEN: usize = 40;
