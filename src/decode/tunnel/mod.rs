//! Tunnels: from an outer IP header to the innermost one.

mod gre;
mod ports;
mod udp;

pub use ports::{TunnelPort, TunnelPortError, TunnelPorts};

use crate::decode::frame::{Frame, Layer, Step};
use crate::decode::key::LinkKey;
use crate::decode::tunnels::{Tunnel, TunnelKind};
use crate::decode::{Addresses, Headers, NotFlow, ip, plain, protocol};

/// The headers of the innermost IP packet that can be reached from `outer`, or `outer` itself.
///
/// Where a tunnel carries Ethernet, `link` becomes that of the inner frame. Every level is
/// further into the packet, so that the walk ends.
#[inline(never)]
pub(super) fn innermost<'a>(
    data: &'a [u8],
    outer: Headers<'a>,
    ports: &TunnelPorts,
    link: &mut LinkKey,
) -> Headers<'a> {
    let mut headers = outer;
    loop {
        if !headers.has_transport() {
            return headers;
        }
        // Bytes after the datagram are not part of the tunnel.
        let Some(datagram) = data.get(..headers.end) else {
            return headers;
        };
        let found = match headers.protocol {
            protocol::AH => authenticated(datagram, &headers).map(|inner| (inner, *link)),
            _ => enter(datagram, &headers, ports, *link),
        };
        let Ok((inner, inner_link)) = found else {
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
    ports: &TunnelPorts,
    link: LinkKey,
) -> Result<(Headers<'a>, LinkKey), NotFlow> {
    let mut inner_link = link;
    let mut frame = Frame::new(data, &mut inner_link);
    frame.at = headers.transport;
    frame.is_inner = true;
    frame.tunnels = headers.tunnels;
    if headers.fragment.is_none() {
        frame.wire_end = headers.wire_end;
    }
    let layer = match headers.protocol {
        protocol::UDP => {
            let ends = (headers.src_port, headers.dst_port);
            udp::read(&mut frame, ends, |port| ports.kind_of(port))?
        }
        other => ip_protocol(&mut frame, other, &headers.addresses)?,
    };
    if layer == Layer::Ethernet {
        let mut plain_link = LinkKey::default();
        if let Some(mut inner) = plain::read(data, frame.at, &mut plain_link) {
            inner.tunnels = frame.tunnels;
            return Ok((inner, plain_link));
        }
    }
    if matches!(layer, Layer::Wifi { .. } | Layer::Link(_)) {
        *frame.link = frame.link.without_link_layer();
    }
    let at = frame.find_ip(layer)?;
    let tunnels = frame.tunnels;
    let mut inner = ip::read(data, at, frame.link.vlans())?;
    inner.set_tunnels(tunnels);
    Ok((inner, inner_link))
}

/// RFC 4302: what the authentication header stands in front of, be it a tunnel or a transport
/// header. It has at least eight bytes.
fn authenticated<'a>(data: &'a [u8], headers: &Headers<'a>) -> Result<Headers<'a>, NotFlow> {
    let mut link = LinkKey::default();
    let mut frame = Frame::new(data, &mut link);
    frame.at = headers.transport;
    let (next, words, index) = (frame.byte(0)?, frame.byte(1)?, frame.u32(4)?);
    let mut tunnels = headers.tunnels;
    tunnels.push(Tunnel::with(TunnelKind::Ah, index));
    let mut inner = Headers {
        protocol: next,
        transport: headers.transport + (usize::from(words) + 2) * 4,
        ..headers.clone()
    };
    if inner.transport > data.len() {
        return Err(NotFlow::ShortFrame);
    }
    // It is the same IP packet: its fragments are still told apart by what is outside.
    inner.tunnels = tunnels;
    ip::ports(data, &mut inner);
    Ok(inner)
}

/// Whether a plain packet may be a tunnel's: by its ports.
#[inline(always)]
pub(super) fn may_be(headers: &Headers<'_>, ports: &TunnelPorts) -> bool {
    headers.protocol == protocol::UDP
        && (udp::is_usual(headers.src_port)
            || udp::is_usual(headers.dst_port)
            || ports.has(headers.src_port)
            || ports.has(headers.dst_port))
}

/// Tunnels that are IP protocols of their own.
fn ip_protocol(frame: &mut Frame<'_, '_>, protocol: u8, outer: &Addresses<'_>) -> Step {
    match protocol {
        protocol::IPV4 | protocol::IPV6 => {
            let is_ipv4 = protocol == protocol::IPV4;
            frame.tunnels.push(Tunnel::of(match (outer, is_ipv4) {
                (Addresses::V4 { .. }, true) => TunnelKind::Ipip,
                (Addresses::V4 { .. }, false) => TunnelKind::Ip6In4,
                (Addresses::V6(_) | Addresses::V6Apart(_), true) => TunnelKind::Ip4In6,
                (Addresses::V6(_) | Addresses::V6Apart(_), false) => TunnelKind::Ip6In6,
            }));
            Ok(Layer::Ip)
        }
        protocol::MPLS => Ok(Layer::Mpls),
        protocol::GRE => gre::read(frame),
        protocol::ETHER_IP => Ok(over(frame, TunnelKind::EtherIp, 2, Layer::Ethernet)),
        protocol::ETHERNET => Ok(over(frame, TunnelKind::Ethernet, 0, Layer::Ethernet)),
        protocol::PIM => register(frame),
        _ => Err(NOT_A_TUNNEL),
    }
}

/// A tunnel whose header of `len` bytes says nothing that is needed.
fn over(frame: &mut Frame<'_, '_>, kind: TunnelKind, len: usize, layer: Layer) -> Layer {
    frame.tunnels.push(Tunnel::of(kind));
    frame.skip(len);
    layer
}

/// RFC 7761, section 4.9.3: a register message, unless it is a null one.
fn register(frame: &mut Frame<'_, '_>) -> Step {
    const VERSION_2_REGISTER: u8 = 0x21;
    const NULL: u32 = 0x4000_0000;
    if frame.byte(0)? != VERSION_2_REGISTER || frame.u32(4)? & NULL != 0 {
        return Err(NOT_A_TUNNEL);
    }
    Ok(over(frame, TunnelKind::Pim, 8, Layer::Ip))
}

/// Why the walk ends at the headers found so far; never counted.
const NOT_A_TUNNEL: NotFlow = NotFlow::Family;
