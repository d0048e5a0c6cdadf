//! Juniper's headers before packets that its routers captured: "MGC", flags, extensions, then the
//! link layer with a cookie of the interface card, unless the flags say that it was left out.
//!
//! The only description is Wireshark's and tcpdump's: cards tell little of what follows, and the
//! first bytes decide.

use super::NotFlow;
use super::frame::{Frame, Layer, Step};
use crate::capture::{ByteOrder, LinkType};

impl Frame<'_, '_> {
    /// The header of one of Juniper's link types.
    pub(super) fn juniper(&mut self, link_type: LinkType) -> Step {
        if link_type == LinkType::JUNIPER_VN {
            return self.juniper_virtual_network();
        }
        let flags = self.byte(3)?;
        if [self.byte(0)?, self.byte(1)?, self.byte(2)?] != *b"MGC" {
            return Err(NotFlow::Family);
        }
        let extensions = match flags & EXTENSIONS {
            0 => 0,
            _ => 2 + usize::from(self.u16(4)?),
        };
        self.skip(4 + extensions);
        if flags & NO_LINK_LAYER != 0 {
            let protocol = self.host_u32(ByteOrder::Little)?;
            return self.juniper_protocol(4, protocol);
        }
        let is_incoming = flags & INCOMING != 0;
        match link_type {
            LinkType::JUNIPER_PPP => Ok(Layer::Ppp),
            LinkType::JUNIPER_FRELAY => Ok(Layer::FrameRelay),
            LinkType::JUNIPER_CHDLC => Ok(Layer::CiscoHdlc),
            LinkType::JUNIPER_GGSN => {
                let protocol = self.u16(0)?.swap_bytes();
                self.juniper_protocol(4, protocol.into())
            }
            LinkType::JUNIPER_SERVICES => self.over(if is_incoming { 16 } else { 12 }, Layer::Ip),
            LinkType::JUNIPER_VP => self.over(18, Layer::Ip),
            LinkType::JUNIPER_ST => self.juniper_secure_tunnel(),
            LinkType::JUNIPER_ATM1 => self.juniper_atm(4),
            LinkType::JUNIPER_ATM2 => self.juniper_atm_2(is_incoming),
            LinkType::JUNIPER_MLPPP => self.juniper_multilink_ppp(is_incoming),
            LinkType::JUNIPER_MLFR => self.juniper_multilink_frame_relay(),
            _ => Ok(Layer::Ethernet),
        }
    }

    /// A protocol number that takes the place of the link layer, in a header of `len` bytes.
    fn juniper_protocol(&mut self, len: usize, protocol: u32) -> Step {
        self.skip(len);
        match protocol {
            2 | 3 | 6 | 7 => Ok(Layer::Ip),
            4 | 5 | 8 | 32 => Ok(Layer::Mpls),
            200 => Ok(Layer::Ppp),
            10 | 33 | 201 => Ok(Layer::Nlpid),
            202 | 203 => Ok(Layer::Llc),
            204 => Ok(Layer::Ethernet),
            207 => Ok(Layer::FrameRelay),
            208 => Ok(Layer::CiscoHdlc),
            0xa248 => self.over(4, Layer::Ip),
            _ => Err(NotFlow::Family),
        }
    }

    /// Fields of type, length, value, up to type 255.
    fn juniper_virtual_network(&mut self) -> Step {
        loop {
            let (kind, len) = (self.byte(0)?, usize::from(self.byte(1)?));
            self.skip(2 + len);
            match kind {
                1..=4 => {}
                255 => return Ok(Layer::Ethernet),
                _ => return Err(NotFlow::Family),
            }
        }
    }

    /// The tunnel's Ethernet, IPv4 and ESP headers before the packet as it is inside.
    fn juniper_secure_tunnel(&mut self) -> Step {
        const ETHERNET_LEN: usize = 14;
        const ESP: u8 = 50;
        const ESP_LEN: usize = 8 + 16;
        let (kind, protocol) = (self.u16(12)?, self.byte(ETHERNET_LEN + 9)?);
        let header_len = usize::from(self.byte(ETHERNET_LEN)? & 0x0f) * 4;
        if kind != 0x0800 || protocol != ESP {
            return Err(NotFlow::Family);
        }
        self.over(ETHERNET_LEN + header_len + ESP_LEN, Layer::Ip)
    }

    /// A cookie, then one of the ways in which AAL5 carries packets.
    fn juniper_atm(&mut self, cookie_len: usize) -> Step {
        const OPERATION: u8 = 0x80;
        if cookie_len == 4 && self.byte(0)? == OPERATION {
            return Err(NotFlow::Family);
        }
        self.skip(cookie_len);
        let first = self.byte(0)?;
        match (first, self.byte(1)?, self.byte(2)?) {
            (0xaa, 0xaa, 0x03) | (0xfe, 0xfe, 0x03) => Ok(Layer::Llc),
            (0x03, ..) => self.over(1, Layer::Nlpid),
            _ if matches!(first >> 4, 4 | 6) => Ok(Layer::Ip),
            _ => Err(NotFlow::Family),
        }
    }

    /// The same with a longer cookie, and with PPP and bridged Ethernet.
    fn juniper_atm_2(&mut self, is_incoming: bool) -> Step {
        const COOKIE_LEN: usize = 8;
        const IS_OPERATION: u8 = 0x70;
        const GAPS: u8 = 0x3f;
        if self.byte(COOKIE_LEN - 1)? & IS_OPERATION != 0 {
            return Err(NotFlow::Family);
        }
        let (first, second) = (self.byte(COOKIE_LEN)?, self.byte(COOKIE_LEN + 1)?);
        let is_llc = matches!((first, second), (0xaa, 0xaa) | (0xfe, 0xfe));
        if !is_llc && !is_incoming && self.byte(3)? & GAPS != 0 {
            self.over(COOKIE_LEN, Layer::Ethernet)
        } else if is_ppp(u16::from_be_bytes([first, second])) {
            self.over(COOKIE_LEN, Layer::PppProtocol)
        } else {
            self.juniper_atm(COOKIE_LEN)
        }
    }

    fn juniper_multilink_ppp(&mut self, is_incoming: bool) -> Step {
        match self.byte(0)? {
            SHORT_COOKIE => self.over(4, Layer::Ppp),
            LONG_COOKIE | OLD_LONG_COOKIE => {
                let is_ppp = is_incoming && self.byte(4)? & BOTH_DIRECTIONS != BOTH_DIRECTIONS;
                self.juniper_cookie(if is_ppp { Layer::Ppp } else { Layer::Ip })
            }
            0xff => Ok(Layer::Ppp),
            // A bundle's cookie, or none.
            _ if is_ppp(self.u16(2)?) => self.over(2, Layer::PppProtocol),
            _ if is_ppp(self.u16(0)?) => Ok(Layer::PppProtocol),
            _ => Err(NotFlow::Family),
        }
    }

    fn juniper_multilink_frame_relay(&mut self) -> Step {
        match self.byte(0)? {
            SHORT_COOKIE => {
                self.skip(4);
                if matches!(self.u16(0)?, 0x0003 | 0x0300) {
                    self.skip(2);
                }
                let control = usize::from(self.byte(0)? == UNNUMBERED);
                self.over(control, Layer::Nlpid)
            }
            LONG_COOKIE | OLD_LONG_COOKIE => {
                let is_open = self.byte(4)? & BOTH_DIRECTIONS == BOTH_DIRECTIONS;
                self.juniper_cookie(if is_open { Layer::Nlpid } else { Layer::Ip })
            }
            _ if matches!(self.u16(2)?, 0x0003 | 0x0300) => self.over(4, Layer::Nlpid),
            _ if self.byte(2)? == UNNUMBERED => self.over(3, Layer::Nlpid),
            _ => Err(NotFlow::Family),
        }
    }

    /// A cookie of eight bytes: the sixth has the protocol; the first of them is `first`.
    fn juniper_cookie(&mut self, first: Layer) -> Step {
        let protocol = self.byte(5)? & 0xf0;
        self.skip(8);
        match protocol {
            0x00 if first == Layer::Nlpid && self.byte(0)? == UNNUMBERED => self.over(1, first),
            0x00 => Ok(first),
            0x10 => Ok(Layer::Ipv6),
            0x20 => Ok(Layer::Mpls),
            0x30 => Ok(Layer::Nlpid),
            _ => Err(NotFlow::Family),
        }
    }
}

/// Whether a number is one of the PPP protocols that these routers send.
const fn is_ppp(protocol: u16) -> bool {
    matches!(
        protocol,
        0x0021
            | 0x0023
            | 0x003d
            | 0x0057
            | 0x0281
            | 0x0283
            | 0x8021
            | 0x8023
            | 0x8057
            | 0x8281
            | 0xc021
            | 0xc023
            | 0xc223
    )
}

/// Flags.
const EXTENSIONS: u8 = 0x80;
const NO_LINK_LAYER: u8 = 0x02;
const INCOMING: u8 = 0x01;
/// First bytes of cookies, of four and of eight bytes.
const SHORT_COOKIE: u8 = 0x54;
const LONG_COOKIE: u8 = 0x47;
const OLD_LONG_COOKIE: u8 = 0x40;
const BOTH_DIRECTIONS: u8 = 0x03;
/// LLC's control field of unnumbered information.
const UNNUMBERED: u8 = 0x03;
