//! Tunnels: from an outer IP header to the innermost one.

use super::frame::{Frame, Layer};
use super::key::LinkKey;
use super::{Headers, NotFlow, ip, plain, protocol};
use crate::capture::ByteOrder;

/// The headers of the innermost IP packet that can be reached from `outer`, or `outer` itself.
///
/// Where a tunnel carries Ethernet, `link` becomes that of the inner frame. Every level is
/// further into the packet, so that the walk ends.
#[inline(never)]
pub(super) fn innermost<'a>(data: &'a [u8], outer: Headers<'a>, link: &mut LinkKey) -> Headers<'a> {
    let mut headers = outer;
    loop {
        if !headers.has_transport() {
            return headers;
        }
        // Bytes after the datagram are not part of the tunnel.
        let Some(datagram) = data.get(..headers.end) else {
            return headers;
        };
        let Ok((inner, inner_link)) = enter(datagram, &headers, *link) else {
            return headers;
        };
        // The pieces of a fragmented tunnel packet follow its first piece into the inner flow.
        let fragment = inner.fragment.or(headers.fragment);
        headers = Headers { fragment, ..inner };
        *link = inner_link;
    }
}

/// One level further in.
fn enter<'a>(
    data: &'a [u8],
    headers: &Headers<'a>,
    link: LinkKey,
) -> Result<(Headers<'a>, LinkKey), NotFlow> {
    let mut inner_link = link;
    let mut frame = Frame::new(data, &mut inner_link);
    frame.at = headers.transport;
    frame.is_inner = true;
    let layer = match headers.protocol {
        protocol::IPV4 | protocol::IPV6 => Layer::Ip,
        protocol::MPLS => Layer::Mpls,
        protocol::GRE => gre(&mut frame)?,
        protocol::ETHER_IP => over(&mut frame, 2, Layer::Ethernet),
        protocol::AH => authentication_header(&mut frame)?,
        protocol::UDP => udp(&mut frame, headers)?,
        _ => return Err(NOT_A_TUNNEL),
    };
    if layer == Layer::Ethernet {
        let mut plain_link = LinkKey::default();
        if let Some(inner) = plain::read(data, frame.at, &mut plain_link) {
            return Ok((inner, plain_link));
        }
    }
    let at = frame.find_ip(layer)?;
    Ok((ip::read(data, at, frame.link.vlans())?, inner_link))
}

/// Whether a plain packet may be a tunnel's: by its ports.
#[inline(always)]
pub(super) const fn may_be(headers: &Headers<'_>) -> bool {
    const fn is_port(port: u16) -> bool {
        matches!(
            port,
            1701 | 2152 | 3544 | 4789 | 4790 | 5072 | 5247 | 6081 | 6635 | 8472
        )
    }
    headers.protocol == protocol::UDP && (is_port(headers.src_port) || is_port(headers.dst_port))
}

fn over(frame: &mut Frame<'_, '_>, len: usize, layer: Layer) -> Layer {
    frame.skip(len);
    layer
}

/// RFC 2784 and RFC 2890; version 1 is PPTP's (RFC 2637).
fn gre(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGMENT: u16 = 0x0080;
    let (flags, kind) = (frame.u16(0)?, frame.u16(2)?);
    let is_pptp = flags & 0x0007 == 1;
    let optional = [
        flags & (CHECKSUM | ROUTING) != 0,
        flags & KEY != 0,
        flags & SEQUENCE != 0,
        is_pptp && flags & ACKNOWLEDGMENT != 0,
    ];
    frame.skip(4 + 4 * optional.into_iter().filter(|&present| present).count());
    Ok(match kind {
        0x880b => Layer::Ppp,
        // ERSPAN type I has no header of its own, type II eight bytes; GRE's sequence number
        // distinguishes them (draft-foschiano-erspan-03).
        0x88be if flags & SEQUENCE == 0 => Layer::Ethernet,
        0x88be => over(frame, 8, Layer::Ethernet),
        0x22eb => erspan_3(frame)?,
        kind => Layer::EtherType(kind),
    })
}

/// ERSPAN type III: twelve bytes, and eight more if its last bit says so.
fn erspan_3(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    let has_subheader = frame.byte(11)? & 1 != 0;
    Ok(over(
        frame,
        if has_subheader { 20 } else { 12 },
        Layer::Ethernet,
    ))
}

/// RFC 4302: in tunnel mode an IP header follows.
fn authentication_header(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    let (next, len) = (frame.byte(0)?, frame.byte(1)?);
    match next {
        protocol::IPV4 | protocol::IPV6 => Ok(over(frame, (usize::from(len) + 2) * 4, Layer::Ip)),
        _ => Err(NOT_A_TUNNEL),
    }
}

/// Tunnels over UDP are known by their port, at either end.
fn udp(frame: &mut Frame<'_, '_>, headers: &Headers<'_>) -> Result<Layer, NotFlow> {
    let is_port = |port| headers.dst_port == port || headers.src_port == port;
    frame.skip(8);
    if headers.dst_port == 4789 || headers.dst_port == 8472 {
        // RFC 7348; 8472 is Linux' older default.
        Ok(over(frame, 8, Layer::Ethernet))
    } else if headers.dst_port == 4790 {
        vxlan_gpe(frame)
    } else if headers.dst_port == 6081 {
        geneve(frame)
    } else if is_port(2152) {
        gtp_u(frame)
    } else if is_port(3544) {
        teredo(frame)
    } else if headers.dst_port == 6635 {
        Ok(Layer::Mpls)
    } else if is_port(1701) {
        l2tp(frame)
    } else if is_port(5247) {
        capwap(frame)
    } else if is_port(5072) {
        ayiya(frame)
    } else {
        Err(NOT_A_TUNNEL)
    }
}

/// draft-ietf-nvo3-vxlan-gpe: the last byte of the first word names what follows.
fn vxlan_gpe(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    let next = frame.byte(3)?;
    frame.skip(8);
    match next {
        1 | 2 => Ok(Layer::Ip),
        3 => Ok(Layer::Ethernet),
        4 => Ok(Layer::Nsh),
        5 => Ok(Layer::Mpls),
        _ => Err(NOT_A_TUNNEL),
    }
}

/// RFC 8926, section 3.4.
fn geneve(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    let options = usize::from(frame.byte(0)? & 0x3f) * 4;
    let kind = frame.u16(2)?;
    frame.skip(8 + options);
    Ok(if kind == 0x6558 {
        Layer::Ethernet
    } else {
        Layer::EtherType(kind)
    })
}

/// 3GPP TS 29.281, section 5: only G-PDUs carry packets; extension headers form a chain.
fn gtp_u(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    const G_PDU: u8 = 255;
    let (flags, kind) = (frame.byte(0)?, frame.byte(1)?);
    let is_version_1 = flags & 0xf0 == 0x30;
    if !is_version_1 || kind != G_PDU {
        return Err(NOT_A_TUNNEL);
    }
    frame.skip(8);
    if flags & 0x07 != 0 {
        let mut next = frame.byte(3)?;
        frame.skip(4);
        while next != 0 {
            let len = usize::from(frame.byte(0)?).max(1) * 4;
            next = frame.byte(len - 1)?;
            frame.skip(len);
        }
    }
    Ok(Layer::Ip)
}

/// RFC 4380, section 5.1.1: authentication and origin may precede the IPv6 packet.
fn teredo(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    if frame.u16(0)? == 0x0001 {
        let (client, authentication) = (frame.byte(2)?, frame.byte(3)?);
        frame.skip(13 + usize::from(client) + usize::from(authentication));
    }
    if frame.u16(0)? == 0x0000 {
        frame.skip(8);
    }
    let is_ipv6 = ByteOrder::Big
        .u16(frame.data, frame.at)
        .is_some_and(|word| word >> 12 == 6);
    if is_ipv6 {
        Ok(Layer::Ip)
    } else {
        Err(NOT_A_TUNNEL)
    }
}

/// RFC 2661, section 3.1: data messages carry PPP.
fn l2tp(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    let flags = frame.u16(0)?;
    let is_version_2 = flags & 0x000f == 2;
    if !is_version_2 || flags & CONTROL != 0 {
        return Err(NOT_A_TUNNEL);
    }
    let length = if flags & LENGTH != 0 { 2 } else { 0 };
    let sequence = if flags & SEQUENCE != 0 { 4 } else { 0 };
    frame.skip(6 + length + sequence);
    if flags & OFFSET != 0 {
        let padding = frame.u16(0)?;
        frame.skip(2 + usize::from(padding));
    }
    Ok(Layer::Ppp)
}

/// RFC 5415, section 4.3: 802.3 frames, or those of 802.11 (binding 1, RFC 5416, section 2.5).
fn capwap(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    const IS_NATIVE: u8 = 0x01;
    const IS_FRAGMENT: u8 = 0x80;
    let (preamble, words, kind, flags) = (
        frame.byte(0)?,
        frame.byte(1)? >> 3,
        frame.byte(2)?,
        frame.byte(3)?,
    );
    let binding = kind >> 1 & 0x1f;
    if preamble != 0 || flags & IS_FRAGMENT != 0 {
        return Err(NOT_A_TUNNEL);
    }
    frame.skip(usize::from(words) * 4);
    match (kind & IS_NATIVE != 0, binding) {
        (false, _) => Ok(Layer::Ethernet),
        (true, 1) => Ok(Layer::Wifi { padded: false }),
        (true, _) => Err(NOT_A_TUNNEL),
    }
}

/// draft-massar-v6ops-ayiya-02, section 3: identity and signature have variable lengths.
fn ayiya(frame: &mut Frame<'_, '_>) -> Result<Layer, NotFlow> {
    const FORWARD: u8 = 1;
    let (identity, signature) = (frame.byte(0)? >> 4, frame.byte(1)? >> 4);
    let (operation, next) = (frame.byte(2)? & 0x0f, frame.byte(3)?);
    if operation != FORWARD || !matches!(next, protocol::IPV4 | protocol::IPV6) {
        return Err(NOT_A_TUNNEL);
    }
    frame.skip(8 + (1 << identity) + usize::from(signature) * 4);
    Ok(Layer::Ip)
}

/// Why the walk ends at the headers found so far; never counted.
const NOT_A_TUNNEL: NotFlow = NotFlow::Family;
