//! Link types of capture devices and of networks whose frames only devices see: the header of each,
//! before the link layer that follows.

use super::NotFlow;
use super::frame::{Frame, Layer, Step};
use crate::capture::{LinkType, erf_contents};

impl Frame<'_, '_> {
    /// A record of Endace's format, with its own header and those of its type.
    pub(super) fn erf(&mut self) -> Step {
        let record = self.data.get(self.at..).unwrap_or_default();
        let contents = erf_contents(record).ok_or(NotFlow::ShortFrame)?;
        match contents.link_type {
            LinkType::ERF => Err(NotFlow::Family),
            link_type => self.over(contents.start, Layer::Link(link_type)),
        }
    }

    /// KISS (<https://www.ax25.net/kiss.aspx>): port and command; 0 is data.
    pub(super) fn kiss(&mut self) -> Step {
        match self.byte(0)? & 0x0f {
            0 => self.over(1, Layer::Ax25),
            _ => Err(NotFlow::Family),
        }
    }

    /// DOCSIS, MULPI 3.1, section 6.2: frame control, a parameter, length, extended header, check
    /// sequence; then a frame of Ethernet.
    pub(super) fn docsis(&mut self) -> Step {
        const HAS_EXTENDED: u8 = 0x01;
        const MAC_SPECIFIC: u8 = 0x03;
        let (control, parameter) = (self.byte(0)?, usize::from(self.byte(1)?));
        if control >> 6 == MAC_SPECIFIC {
            return Err(NotFlow::Family);
        }
        let extended = match control & HAS_EXTENDED {
            0 => 0,
            _ => parameter,
        };
        if self.docsis_is_encrypted(extended)? {
            return Err(NotFlow::Encrypted);
        }
        self.over(4 + extended + 2, Layer::Ethernet)
    }

    /// Whether one of the elements of an extended header of this length says so: of type and
    /// length in one byte, and value.
    fn docsis_is_encrypted(&self, len: usize) -> Result<bool, NotFlow> {
        const IS_ENCRYPTED: u8 = 0x80;
        let mut at = 0;
        while at < len {
            let element = self.byte(4 + at)?;
            let is_privacy = matches!(element >> 4, 3 | 4 | 7);
            if is_privacy && self.byte(4 + at + 2)? & IS_ENCRYPTED != 0 {
                return Ok(true);
            }
            at += 1 + usize::from(element & 0x0f);
        }
        Ok(false)
    }

    /// ITU-T G.7041, section 6.1: length and check, type and check, an extension, then what the
    /// lower byte of the type says.
    pub(super) fn generic_framing(&mut self) -> Step {
        const CLIENT_DATA: u16 = 0;
        let kind = self.u16(4)?;
        let extension = match kind >> 8 & 0x0f {
            0 => 0,
            1 => 4,
            _ => return Err(NotFlow::Family),
        };
        if kind >> 13 != CLIENT_DATA {
            return Err(NotFlow::Family);
        }
        self.skip(8 + extension);
        match kind & 0x00ff {
            0x01 => Ok(Layer::Ethernet),
            0x02 => Ok(Layer::Ppp),
            0x0c..=0x0e => Ok(Layer::Mpls),
            0x10 => Ok(Layer::Ip),
            0x11 => Ok(Layer::Ipv6),
            _ => Err(NotFlow::Family),
        }
    }

    /// TaZmen Sniffer Protocol (<https://en.wikipedia.org/wiki/TZSP>): version, type, encapsulation,
    /// then fields up to the one that ends them.
    pub(super) fn tzsp(&mut self) -> Step {
        const PADDING: u8 = 0;
        const END: u8 = 1;
        let (version, kind, encapsulation) = (self.byte(0)?, self.byte(1)?, self.u16(2)?);
        // Other types carry no frames.
        if version != 1 || kind > 1 {
            return Err(NotFlow::Family);
        }
        self.skip(4);
        loop {
            let len = match self.byte(0)? {
                END => break self.skip(1),
                PADDING => 1,
                _ => 2 + usize::from(self.byte(1)?),
            };
            self.skip(len);
        }
        // Not the numbers of link types, although some are the same.
        match encapsulation {
            1 => Ok(Layer::Ethernet),
            2 => Ok(Layer::Link(LinkType::IEEE802_5)),
            4 => Ok(Layer::Ppp),
            5 => Ok(Layer::Link(LinkType::FDDI)),
            7 => Ok(Layer::Ip),
            18 => Ok(Layer::Wifi { padded: false }),
            119 => Ok(Layer::Link(LinkType::IEEE802_11_PRISM)),
            127 => Ok(Layer::Link(LinkType::IEEE802_11_AVS)),
            _ => Err(NotFlow::Family),
        }
    }

    /// SITA's routers: signals and errors, then the kind of line.
    pub(super) fn sita(&mut self) -> Step {
        const FRAME_RELAY: u8 = 0x12;
        match self.byte(4)? {
            FRAME_RELAY => self.over(5, Layer::FrameRelay),
            _ => Err(NotFlow::Family),
        }
    }

    /// Axent Raptor, later Symantec Enterprise Firewall: 44 bytes, with an EtherType.
    pub(super) fn symantec(&mut self) -> Step {
        let kind = self.u16(6)?;
        self.over(44, Layer::EtherType(kind))
    }

    /// Redback's routers: context, flags, circuit, length, protocol, and where the packet starts;
    /// if its data start later, behind an Ethernet header.
    pub(super) fn redback(&mut self) -> Step {
        const HEADER_LEN: u16 = 24;
        let (protocol, start, data) = (self.u16(18)?, self.u16(20)?, self.u16(22)?);
        self.skip(start.max(HEADER_LEN).into());
        match protocol {
            _ if data > start => Ok(Layer::Ethernet),
            1 => Ok(Layer::Ip),
            3 | 4 | 8 => Ok(Layer::Ethernet),
            _ => Err(NotFlow::Family),
        }
    }

    /// Elektrobit High Speed Capture and Replay: the kind of the bus, times, and the frame.
    pub(super) fn ebhscr(&mut self) -> Step {
        const ETHERNET: u8 = 0x50;
        match self.byte(0)? {
            ETHERNET => self.over(32, Layer::Ethernet),
            _ => Err(NotFlow::Family),
        }
    }

    /// fd.io's dispatch trace: version, number of strings, a hint of the protocol, the buffer's
    /// index, the strings, and the packet as a node saw it.
    pub(super) fn vpp_dispatch(&mut self) -> Step {
        let (version, strings, hint) = (self.byte(0)?, self.byte(2)?, self.byte(3)?);
        if version != 1 {
            return Err(NotFlow::Family);
        }
        self.skip(8);
        for _ in 0..strings.max(4) {
            let rest = self.data.get(self.at..).unwrap_or_default();
            let len = rest.iter().position(|byte| *byte == 0);
            self.skip(len.ok_or(NotFlow::ShortFrame)? + 1);
        }
        match (hint, self.byte(0)?) {
            (0, 0x45 | 0x60) | (2 | 3, _) => Ok(Layer::Ip),
            (0 | 1, _) => Ok(Layer::Ethernet),
            _ => Err(NotFlow::Family),
        }
    }
}
