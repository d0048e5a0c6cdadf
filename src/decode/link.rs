//! The layers that many link types share: Ethernet and what its types lead to, LLC, PPP, HDLC,
//! frame relay, MPLS.

use super::NotFlow;
use super::frame::{Frame, Layer, Step};
use super::tunnels::{Tunnel, TunnelKind};

impl Frame<'_, '_> {
    /// IEEE 802.3, section 3: destination, source, type or length.
    #[inline(always)]
    pub(super) fn ethernet(&mut self) -> Step {
        let header: Option<&[u8; 14]> = self.data.get(self.at..).and_then(<[u8]>::first_chunk);
        let header = header.ok_or(NotFlow::ShortFrame)?;
        if self.is_inner {
            *self.link = self.link.without_link_layer();
        }
        self.link.set_ethernet(header);
        // Cisco Inter-Switch Link: the original frame follows 26 bytes of its header.
        if let [0x01 | 0x03, 0x00, 0x0c, 0x00, 0x00, ..] = header {
            self.skip(26);
            return Ok(Layer::Ethernet);
        }
        self.skip(14);
        Ok(Layer::EtherType(u16::from_be_bytes([
            header[12], header[13],
        ])))
    }

    /// An EtherType field and what it says.
    pub(super) fn ether_type_field(&mut self) -> Step {
        let kind = self.u16(0)?;
        self.skip(2);
        Ok(Layer::EtherType(kind))
    }

    /// The payload of an EtherType (IEEE 802 numbers registry); up to 1500 it is a length.
    pub(super) fn ether_type(&mut self, kind: u16) -> Step {
        match kind {
            0x0800 => Ok(Layer::Ip),
            0x86dd => Ok(Layer::Ipv6),
            0..=1500 => self.ieee_802_3(),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => self.vlan_tag(),
            0x8847 | 0x8848 => Ok(Layer::Mpls),
            0x8864 => Ok(Layer::Pppoe),
            0x880b => Ok(Layer::Ppp),
            0x894f => Ok(Layer::Nsh),
            0x6558 => Ok(Layer::Ethernet),
            // Provider backbone bridge: a service tag, then the customer's frame.
            0x88e7 => {
                let instance = self.u32(0)? & 0x00ff_ffff;
                self.tunnels.push(Tunnel::with(TunnelKind::Pbb, instance));
                self.over(4, Layer::Ethernet)
            }
            // VN-tag, Cisco metadata, IEEE 802.1BR: tags before the real type.
            0x8926 => self.over(4, Layer::EtherTypeField),
            0x8909 | 0x893f => self.over(6, Layer::EtherTypeField),
            // Seamless redundancy (IEC 62439-3) and the redundancy tag of IEEE 802.1CB.
            0x892f | 0xf1c1 => self.over(4, Layer::EtherTypeField),
            0x88e5 => self.macsec(),
            0x22f3 => self.trill(),
            0x8870 => Ok(Layer::Llc),
            0x0806 | 0x8035 => Err(NotFlow::Arp),
            kind => self.shim(kind),
        }
    }

    pub(super) fn over(&mut self, len: usize, layer: Layer) -> Step {
        self.skip(len);
        Ok(layer)
    }

    /// A length is followed by LLC, or raw IPX, which starts with a checksum of all ones.
    fn ieee_802_3(&self) -> Step {
        match self.u16(0) {
            Ok(0xffff) => Err(NotFlow::Llc),
            _ => Ok(Layer::Llc),
        }
    }

    /// IEEE 802.1Q, section 9: priority and id, then the next type.
    fn vlan_tag(&mut self) -> Step {
        let id = self.u16(0)? & 0x0fff;
        let kind = self.u16(2)?;
        self.link.push_vlan(id);
        self.skip(4);
        Ok(Layer::EtherType(kind))
    }

    /// IEEE 802.1AE: a security tag; the payload is readable if neither encrypted nor changed.
    fn macsec(&mut self) -> Step {
        const ENCRYPTED: u8 = 0x08;
        const CHANGED: u8 = 0x04;
        const CHANNEL_ID: u8 = 0x20;
        let control = self.byte(0)?;
        if control & (ENCRYPTED | CHANGED) != 0 {
            return Err(NotFlow::Encrypted);
        }
        self.over(
            if control & CHANNEL_ID != 0 { 14 } else { 6 },
            Layer::EtherTypeField,
        )
    }

    /// RFC 6325, section 3: six bytes and options, then the original frame.
    fn trill(&mut self) -> Step {
        let options = usize::from(self.u16(0)? >> 6 & 0x1f) * 4;
        self.over(6 + options, Layer::Ethernet)
    }

    /// IEEE 802.2, then SNAP.
    pub(super) fn llc(&mut self) -> Step {
        let (dsap, ssap, control) = (self.byte(0)?, self.byte(1)?, self.byte(2)?);
        let is_unnumbered = control & 0x03 == 0x03;
        self.skip(if is_unnumbered { 3 } else { 4 });
        match (dsap & 0xfe, ssap & 0xfe) {
            (0xaa, 0xaa) => self.snap(),
            (0x06, _) => Ok(Layer::Ip),
            (0xfe, _) => Ok(Layer::Nlpid),
            _ => Err(NotFlow::Llc),
        }
    }

    /// RFC 1042 and RFC 2684: an organisation and its protocol.
    fn snap(&mut self) -> Step {
        let organisation = [self.byte(0)?, self.byte(1)?, self.byte(2)?];
        let protocol = self.u16(3)?;
        self.skip(5);
        match (organisation, protocol) {
            ([0, 0, 0] | [0, 0, 0xf8], kind) => Ok(Layer::EtherType(kind)),
            // Bridged Ethernet, with two bytes of padding to align it.
            ([0, 0x80, 0xc2], 1 | 7) => self.over(2, Layer::Ethernet),
            _ => Err(NotFlow::Llc),
        }
    }

    /// RFC 1662, section 3.1: address and control may be left out. Routers send Cisco HDLC on the
    /// same lines, whose unicast and multicast address start no PPP frame (RFC 1547, section 4.3).
    pub(super) fn ppp(&mut self) -> Step {
        match self.u16(0)? {
            0xff03 => self.over(2, Layer::PppProtocol),
            0x0f00..=0x0fff | 0x8f00..=0x8fff => Ok(Layer::CiscoHdlc),
            _ => Ok(Layer::PppProtocol),
        }
    }

    /// RFC 1661, section 2: an odd first byte is a protocol number compressed to one byte.
    pub(super) fn ppp_protocol(&mut self) -> Step {
        let first = self.byte(0)?;
        let protocol = if first & 1 == 1 {
            u16::from(first)
        } else {
            self.u16(0)?
        };
        self.skip(if first & 1 == 1 { 1 } else { 2 });
        match protocol {
            // Some senders put EtherTypes here.
            0x0021 | 0x0800 => Ok(Layer::Ip),
            0x0057 | 0x86dd => Ok(Layer::Ipv6),
            0x004b => Ok(Layer::Llc),
            0x0281 | 0x0283 => Ok(Layer::Mpls),
            // RFC 3518: flags, a MAC type, then the bridged frame.
            0x0031 => match self.byte(1)? {
                1 => self.over(2, Layer::Ethernet),
                _ => Err(NotFlow::Ppp),
            },
            // RFC 1990: only a fragment that begins a packet has a protocol field.
            0x003d => match self.byte(0)? & 0x80 {
                0 => Err(NotFlow::LinkFragment),
                _ => self.over(4, Layer::PppProtocol),
            },
            _ => Err(NotFlow::Ppp),
        }
    }

    /// RFC 2516, section 4: a session's header, then PPP without address and control.
    pub(super) fn pppoe(&mut self) -> Step {
        let code = self.byte(1)?;
        self.skip(6);
        if code == 0 {
            Ok(Layer::PppProtocol)
        } else {
            Err(NotFlow::Ppp)
        }
    }

    /// Address, control, EtherType.
    pub(super) fn cisco_hdlc(&mut self) -> Step {
        let kind = self.u16(2)?;
        self.skip(4);
        match kind {
            0..=1500 | 0x8035 => Err(NotFlow::EtherType),
            kind => Ok(Layer::EtherType(kind)),
        }
    }

    /// ITU-T Q.922: an address of two to four bytes; then RFC 2427, or Cisco's EtherType.
    pub(super) fn frame_relay(&mut self) -> Step {
        let Some(last) = (0..4).find(|&ahead| self.byte(ahead).is_ok_and(|byte| byte & 1 == 1))
        else {
            return Err(NotFlow::ShortFrame);
        };
        self.skip(last + 1);
        match self.byte(0)? {
            0x03 => {
                // One byte of padding may align what follows.
                let padding = usize::from(self.byte(1)? == 0);
                self.over(1 + padding, Layer::Nlpid)
            }
            _ => Ok(Layer::EtherTypeField),
        }
    }

    /// RFC 2427, section 4; ISO/IEC TR 9577.
    pub(super) fn nlpid(&mut self) -> Step {
        let protocol = self.byte(0)?;
        self.skip(1);
        match protocol {
            0xcc | 0x8e => Ok(Layer::Ip),
            0x80 => self.snap(),
            0xcf => Ok(Layer::PppProtocol),
            _ => Err(NotFlow::Llc),
        }
    }

    /// RFC 3032: labels up to the bottom of the stack. No field says what follows; its first nibble
    /// decides (RFC 4928), as in routers and Wireshark.
    pub(super) fn mpls(&mut self) -> Step {
        const BOTTOM: u32 = 0x100;
        let mut continues = false;
        loop {
            let entry = self.u32(0)?;
            self.skip(4);
            self.tunnels.push(Tunnel {
                kind: TunnelKind::Mpls,
                id: Some(entry >> 12),
                continues,
            });
            if entry & BOTTOM != 0 {
                break;
            }
            continues = true;
        }
        match self.byte(0)? >> 4 {
            4 | 6 => Ok(Layer::Ip),
            1 => self.associated_channel(),
            // A pseudowire with a control word (RFC 4448), if a frame follows.
            0 if self.is_ethernet(4) => self.over(4, Layer::Ethernet),
            _ if self.is_ethernet(0) => Ok(Layer::Ethernet),
            _ => Err(NotFlow::EtherType),
        }
    }

    /// RFC 5586: operation and maintenance, which may use IP (RFC 4385, section 5.1), also in the
    /// channels for management and signalling (RFC 5718, section 2).
    fn associated_channel(&mut self) -> Step {
        let (kind, len) = match self.u16(2)? {
            1 | 2 => (self.u16(4)?, 6),
            kind => (kind, 4),
        };
        match kind {
            0x0021 => self.over(len, Layer::Ip),
            0x0057 => self.over(len, Layer::Ipv6),
            _ => Err(NotFlow::EtherType),
        }
    }

    /// Whether an Ethernet frame seems to start `ahead`: its type is one that leads to IP.
    pub(super) fn is_ethernet(&self, ahead: usize) -> bool {
        let kind = self.u16(ahead + 12).unwrap_or(0xffff);
        let left = self.data.len().saturating_sub(self.at + ahead + 14);
        matches!(
            kind,
            0x0800 | 0x86dd | 0x0806 | 0x8100 | 0x88a8 | 0x8847 | 0x8863 | 0x8864
        ) || (kind <= 1500 && usize::from(kind) <= left && kind > 2)
    }

    /// RFC 8300, section 2.2.
    pub(super) fn nsh(&mut self) -> Step {
        let len = usize::from(self.byte(1)? & 0x3f) * 4;
        let next = self.byte(3)?;
        self.skip(len.max(8));
        match next {
            1 | 2 => Ok(Layer::Ip),
            3 => Ok(Layer::Ethernet),
            4 => Ok(Layer::Nsh),
            5 => Ok(Layer::Mpls),
            _ => Err(NotFlow::EtherType),
        }
    }
}
