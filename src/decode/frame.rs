//! The walk over the layers before an IP header.

use super::NotFlow;
use super::key::{LinkKey, MacAddr};
use super::tunnels::Tunnels;
use crate::capture::{ByteOrder, LinkType};

/// A frame being walked: its bytes, and where the walk is.
#[derive(Debug)]
pub(super) struct Frame<'a, 'k> {
    pub(super) data: &'a [u8],
    /// Where the next layer starts.
    pub(super) at: usize,
    /// The link layer's half of the flow key, from the layers so far.
    pub(super) link: &'k mut LinkKey,
    /// Whether this is inside a tunnel: a frame in there has tags of its own.
    pub(super) is_inner: bool,
    /// The tunnels so far.
    pub(super) tunnels: Tunnels,
    /// Where the packet that carries this ends on the wire, captured or not; `usize::MAX` where
    /// nothing says it.
    pub(super) wire_end: usize,
}

/// The layer that starts at a frame's next place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// The header of a link type.
    Link(LinkType),
    /// Ethernet: addresses, then EtherType or length.
    Ethernet,
    /// The payload of an EtherType that has been read.
    EtherType(u16),
    /// An EtherType, followed by its payload.
    EtherTypeField,
    /// Logical link control (IEEE 802.2).
    Llc,
    /// PPP, with address and control fields or without; or Cisco HDLC in its place.
    Ppp,
    /// PPP's protocol field.
    PppProtocol,
    /// Cisco HDLC.
    CiscoHdlc,
    /// Frame relay.
    FrameRelay,
    /// A network layer protocol id (RFC 2427).
    Nlpid,
    /// A PPPoE session header.
    Pppoe,
    /// An MPLS label stack.
    Mpls,
    /// A network service header.
    Nsh,
    /// An AX.25 frame.
    Ax25,
    /// An 802.11 frame; `padded` if its header is padded to a multiple of four bytes.
    Wifi { padded: bool },
    /// An 802.11 frame from a card that decrypted it but left the mark and the vector in place.
    DecryptedWifi,
    /// An IP header of either version.
    Ip,
    /// An IPv6 header, never IPv4.
    Ipv6,
}

/// The result of a step of the walk.
pub(super) type Step = Result<Layer, NotFlow>;

impl<'a, 'k> Frame<'a, 'k> {
    pub(super) const fn new(data: &'a [u8], link: &'k mut LinkKey) -> Self {
        Self {
            data,
            at: 0,
            link,
            is_inner: false,
            tunnels: Tunnels::NONE,
            wire_end: usize::MAX,
        }
    }

    /// Walks from `layer` on until an IP header; returns where it starts.
    ///
    /// Every step goes forward, or to a step that does, so that the walk ends with the frame.
    #[inline(always)]
    pub(super) fn find_ip(&mut self, first: Layer) -> Result<usize, NotFlow> {
        let mut layer = first;
        loop {
            layer = match layer {
                Layer::Ip => return Ok(self.at),
                Layer::Link(LinkType::ETHERNET) | Layer::Ethernet => self.ethernet()?,
                Layer::EtherType(0x0800) => Layer::Ip,
                Layer::EtherType(0x86dd) | Layer::Ipv6 => self.ipv6()?,
                other => self.step(other)?,
            };
        }
    }

    /// The steps that are not on every packet's way.
    #[inline(never)]
    fn step(&mut self, layer: Layer) -> Step {
        match layer {
            Layer::Link(link_type) => self.link_header(link_type),
            Layer::Ethernet => self.ethernet(),
            Layer::EtherType(kind) => self.ether_type(kind),
            Layer::EtherTypeField => self.ether_type_field(),
            Layer::Llc => self.llc(),
            Layer::Ppp => self.ppp(),
            Layer::PppProtocol => self.ppp_protocol(),
            Layer::CiscoHdlc => self.cisco_hdlc(),
            Layer::FrameRelay => self.frame_relay(),
            Layer::Nlpid => self.nlpid(),
            Layer::Pppoe => self.pppoe(),
            Layer::Mpls => self.mpls(),
            Layer::Nsh => self.nsh(),
            Layer::Ax25 => self.ax25(),
            Layer::Wifi { padded } => self.wifi(padded),
            Layer::DecryptedWifi => self.decrypted_wifi(),
            Layer::Ipv6 => self.ipv6(),
            Layer::Ip => Ok(Layer::Ip),
        }
    }

    /// IPv6 has an EtherType of its own, where nothing else is right. (IPv4's is also used for
    /// both versions.)
    #[inline]
    fn ipv6(&self) -> Step {
        if self.byte(0)? >> 4 == 6 {
            Ok(Layer::Ip)
        } else {
            Err(NotFlow::IpVersion)
        }
    }

    /// Whether an IP packet seems to start here: the length in its header is that of the rest, or
    /// one of both is not known.
    pub(super) fn is_ip(&self) -> bool {
        let len = self.ip_len();
        // No length is segmentation offload, or a jumbogram.
        len.is_some_and(|len| len == 0 || self.wire_end == usize::MAX) || self.is_exactly_ip()
    }

    /// Whether an IP packet seems to start here, whose length is that of the rest.
    pub(super) fn is_exactly_ip(&self) -> bool {
        let end = self.ip_len().and_then(|len| self.at.checked_add(len));
        self.wire_end != usize::MAX && end == Some(self.wire_end)
    }

    /// The length that an IP header at the current place gives, in bytes.
    fn ip_len(&self) -> Option<usize> {
        let len = match self.byte(0).ok()? {
            0x45..=0x4f => self.u16(2).ok()?.into(),
            0x60..=0x6f => match self.u16(4).ok()? {
                0 => 0,
                len => 40 + usize::from(len),
            },
            _ => return None,
        };
        Some(len)
    }

    /// The byte `ahead` of the current place.
    #[inline]
    pub(super) fn byte(&self, ahead: usize) -> Result<u8, NotFlow> {
        self.data
            .get(self.at + ahead)
            .copied()
            .ok_or(NotFlow::ShortFrame)
    }

    /// The 16-bit number in network byte order `ahead` of the current place.
    #[inline]
    pub(super) fn u16(&self, ahead: usize) -> Result<u16, NotFlow> {
        ByteOrder::Big
            .u16(self.data, self.at + ahead)
            .ok_or(NotFlow::ShortFrame)
    }

    /// The 32-bit number in network byte order `ahead` of the current place.
    #[inline]
    pub(super) fn u32(&self, ahead: usize) -> Result<u32, NotFlow> {
        ByteOrder::Big
            .u32(self.data, self.at + ahead)
            .ok_or(NotFlow::ShortFrame)
    }

    /// The MAC address `ahead` of the current place.
    #[inline]
    pub(super) fn mac(&self, ahead: usize) -> Result<MacAddr, NotFlow> {
        let bytes = self
            .data
            .get(self.at + ahead..)
            .and_then(<[u8]>::first_chunk);
        bytes
            .map(|bytes| MacAddr(*bytes))
            .ok_or(NotFlow::ShortFrame)
    }

    /// Goes on by `len` bytes. Going beyond the end shows at the next read.
    #[inline]
    pub(super) const fn skip(&mut self, len: usize) {
        self.at += len;
    }
}
