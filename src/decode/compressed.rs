//! Compressed payload of IP packets (IPComp, RFC 3173) with DEFLATE (RFC 2394).
//!
//! What is unpacked is not among the captured bytes, and gone after its packet: whoever needs it again
//! unpacks it again. So hostile captures cost time, never memory.

use super::dispatch::{DecodeOptions, decode_any};
use super::key::LinkKey;
use super::tunnels::{Tunnel, TunnelKind, Tunnels};
use super::{Addresses, Headers, NotFlow, ip, joined, protocol, tunnel};
use crate::capture::{ByteOrder, LinkType};
use flate2::{Decompress, FlushDecompress, Status};

/// A packet whose payload was compressed, as it was before.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// An IP packet: the addresses of the compressed one, and the payload.
    data: Vec<u8>,
    options: DecodeOptions,
    /// Of the compressed packet.
    link: LinkKey,
    tunnels: Tunnels,
}

impl Unpacked {
    /// Unpacks a packet with these headers, where they lead to compressed payload that `options`
    /// say should be opened. `data` are the captured bytes, `link` what [`decode`](super::decode)
    /// found with the headers.
    ///
    /// `None` where there is none, its compression is not DEFLATE, or it is damaged.
    pub fn of(
        data: &[u8],
        headers: &Headers<'_>,
        link: LinkKey,
        options: &DecodeOptions,
    ) -> Option<Self> {
        if headers.protocol != protocol::IPCOMP || !options.decap || !headers.has_transport() {
            return None;
        }
        let mut unpacked = Self::level(data, headers, link, options)?;
        for _ in 1..DEEPEST {
            let Some((inner, link)) = unpacked.headers().ok() else {
                break;
            };
            if inner.protocol != protocol::IPCOMP || !inner.has_transport() {
                break;
            }
            let Some(deeper) = Self::level(&unpacked.data, &inner, link, options) else {
                break;
            };
            unpacked = deeper;
        }
        Some(unpacked)
    }

    /// The same for captured bytes whose headers are not known.
    pub fn find(link_type: LinkType, data: &[u8], options: &DecodeOptions) -> Option<Self> {
        let mut link = LinkKey::default();
        let headers = decode_any(link_type, data, options, &mut link).ok()?;
        Self::of(data, &headers, link, options)
    }

    fn level(
        data: &[u8],
        headers: &Headers<'_>,
        link: LinkKey,
        options: &DecodeOptions,
    ) -> Option<Self> {
        let compressed = data.get(headers.transport..headers.end)?;
        let (header, packed) = compressed.split_at_checked(HEADER_LEN)?;
        let index = ByteOrder::Big.u16(header, 2)?;
        if matches!(index, OTHER | LZS | LZJH) {
            return None;
        }
        let is_whole = headers.fragment.is_none() && headers.end == headers.wire_end;
        let payload = inflate(packed, is_whole)?;
        let mut tunnels = headers.tunnels;
        tunnels.push(Tunnel::with(TunnelKind::IpComp, index.into()));
        Some(Self {
            data: packet(&headers.addresses, *header.first()?, &payload),
            options: options.clone(),
            link,
            tunnels,
        })
    }

    /// The packet's bytes, from an IP header on.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Its headers, as places in [`Unpacked::data`], and the link layer's half of its flow key.
    ///
    /// # Errors
    /// Where its payload is none that belongs to a flow.
    pub fn headers(&self) -> Result<(Headers<'_>, LinkKey), NotFlow> {
        let mut link = self.link;
        let mut headers = ip::read(&self.data, 0, link.vlans())?;
        headers.set_tunnels(self.tunnels);
        let ports = &self.options.tunnel_ports;
        let headers = tunnel::innermost(&self.data, headers, ports, &mut link);
        if let Some(device) = self.link.device() {
            link.set_device(device);
        }
        Ok((headers, link))
    }
}

/// An IP packet. Its length is 0, which means "up to the end", so that the payload may be longer
/// than a header can say.
fn packet(addresses: &Addresses<'_>, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(IPV6_HEADER_LEN + payload.len());
    match addresses {
        Addresses::V4 { src, dst } => {
            packet.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0]);
            packet.extend(src.to_be_bytes());
            packet.extend(dst.to_be_bytes());
        }
        Addresses::V6(both) => {
            packet.extend([0x60, 0, 0, 0, 0, 0, protocol, 64]);
            packet.extend(both.iter());
        }
        Addresses::V6Apart(apart) => {
            packet.extend([0x60, 0, 0, 0, 0, 0, protocol, 64]);
            packet.extend(joined(apart));
        }
    }
    packet.extend(payload);
    packet
}

/// Unpacks raw DEFLATE. Where not all of it was captured, what there is of it.
fn inflate(packed: &[u8], is_whole: bool) -> Option<Vec<u8>> {
    let mut inflater = Decompress::new(false);
    let mut unpacked = Vec::with_capacity((packed.len() * 4).clamp(LEAST, MOST));
    loop {
        let taken = usize::try_from(inflater.total_in()).ok()?;
        let rest = packed.get(taken..)?;
        match inflater.decompress_vec(rest, &mut unpacked, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return Some(unpacked),
            Err(_) => return None,
            Ok(_) if unpacked.len() < unpacked.capacity() => {
                // All of the input is used up.
                return (!is_whole && !unpacked.is_empty()).then_some(unpacked);
            }
            // No datagram was that long.
            Ok(_) if unpacked.len() >= MOST => return None,
            Ok(_) => unpacked.reserve_exact(unpacked.len().min(MOST - unpacked.len())),
        }
    }
}

/// RFC 3173, section 3.3: next header, flags, parameter index.
const HEADER_LEN: usize = 4;
/// Well-known parameter indices of other algorithms (IANA, "IPCOMP Transform Identifiers"). DEFLATE is 2;
/// negotiated ones may be anything.
const OTHER: u16 = 1;
const LZS: u16 = 3;
const LZJH: u16 = 4;
const IPV6_HEADER_LEN: usize = 40;
/// Compressed payload in compressed payload.
const DEEPEST: usize = 4;
/// Bytes of a payload: what is unpacked first, and what a datagram can have (RFC 791).
const LEAST: usize = 2048;
const MOST: usize = 65_535;
