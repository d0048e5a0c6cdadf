//! Which reader decodes a packet: the plain one, the general one, those of tunnels and trailers.

use super::frame::{Frame, Layer};
use super::headers::Headers;
use super::key::LinkKey;
use super::not_flow::NotFlow;
use super::trailer::{self, TrailerOptions};
use super::tunnel::{self, TunnelPorts};
use super::{exported, ip, plain};
use crate::capture::LinkType;

/// Layers decoded beyond the outermost IP header.
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions {
    /// Take the innermost IP header instead of the outermost one, through tunnels.
    pub decap: bool,
    /// UDP ports of tunnels, besides the usual ones.
    pub tunnel_ports: TunnelPorts,
    /// Look for Metamako trailers.
    pub trailer: Option<TrailerOptions>,
}

/// Decodes one packet. The link layer's part of the key goes into `link`, also where the packet
/// turns out to belong to no flow. Compressed payload is opened by [`Unpacked`](super::Unpacked).
///
/// # Errors
/// Why the packet belongs to no flow.
#[inline]
pub fn decode<'a>(
    link_type: LinkType,
    data: &'a [u8],
    options: &DecodeOptions,
    link: &mut LinkKey,
) -> Result<Headers<'a>, NotFlow> {
    match decode_plain(link_type, data, options, link) {
        Some(headers) => Ok(headers),
        None => decode_any(link_type, data, options, link),
    }
}

/// Decodes a packet of the kind that most are; `None` for all others, without a change to `link`.
#[inline(always)]
pub(crate) fn decode_plain<'a>(
    link_type: LinkType,
    data: &'a [u8],
    options: &DecodeOptions,
    link: &mut LinkKey,
) -> Option<Headers<'a>> {
    if link_type != LinkType::ETHERNET || options.trailer.is_some() {
        return None;
    }
    let mut found = LinkKey::default();
    let headers = plain::read(data, 0, &mut found)?;
    if options.decap && tunnel::may_be(&headers, &options.tunnel_ports) {
        return None;
    }
    *link = found;
    Some(headers)
}

/// Decodes any packet.
///
/// # Errors
/// Why the packet belongs to no flow.
#[inline(never)]
pub(crate) fn decode_any<'a>(
    link_type: LinkType,
    data: &'a [u8],
    options: &DecodeOptions,
    link: &mut LinkKey,
) -> Result<Headers<'a>, NotFlow> {
    *link = LinkKey::default();
    // Tunnels are mostly plain outside.
    let outer = if options.decap && link_type == LinkType::ETHERNET {
        plain::read(data, 0, link)
    } else {
        None
    };
    let mut headers = match outer {
        Some(headers) => headers,
        None => {
            let mut frame = Frame::new(data, link);
            match frame.find_ip(Layer::Link(link_type)) {
                Ok(at) => {
                    let tunnels = frame.tunnels;
                    let mut headers = ip::read(data, at, frame.link.vlans())?;
                    if options.decap {
                        headers.set_tunnels(tunnels);
                    }
                    headers
                }
                Err(reason) => exported::headers(link_type, data, reason)?,
            }
        }
    };
    if options.decap {
        headers = tunnel::innermost(data, headers, &options.tunnel_ports, link);
    }
    if let Some(trailer) = options.trailer {
        headers = trailer::read(data, headers, trailer, link);
    }
    Ok(headers)
}
