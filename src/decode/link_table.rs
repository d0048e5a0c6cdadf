//! The layer that follows the header of each link type (<https://www.tcpdump.org/linktypes.html>).

use super::NotFlow;
use super::exported;
use super::frame::{Frame, Layer, Step};
use super::key::MacAddr;
use crate::capture::{ByteOrder, LinkType};

/// Link types whose header is skipped: its length in bytes, and the layer that follows.
const FIXED: &[(LinkType, usize, Layer)] = &[
    (LinkType::RAW, 0, Layer::Ip),
    (LinkType::ATM_CLIP, 0, Layer::Ip),
    (LinkType(16), 0, Layer::Ip), // ATM_CLIP as Linux wrote it
    (LinkType(18), 0, Layer::Ip),
    (LinkType(19), 0, Layer::Ip),
    (LinkType::RAW_BSD, 0, Layer::Ip),
    (LinkType::RAW_OPENBSD, 0, Layer::Ip),
    (LinkType::IPV4, 0, Layer::Ip),
    (LinkType::IPV6, 0, Layer::Ip),
    (LinkType::SLIP, 16, Layer::Ip),
    (LinkType::PPP, 0, Layer::Ppp),
    (LinkType::PPP_HDLC, 0, Layer::Ppp),
    (LinkType::PPP_ETHER, 0, Layer::Pppoe),
    (LinkType::PPP_PPPD, 1, Layer::Ppp),
    (LinkType::PPP_WITH_DIR, 1, Layer::Ppp),
    (LinkType::ATM_RFC1483, 0, Layer::Llc),
    (LinkType(11), 0, Layer::Llc), // ATM_RFC1483 as some BSDs wrote it
    (LinkType::IP_OVER_FC, 16, Layer::Llc),
    (LinkType::C_HDLC, 0, Layer::CiscoHdlc),
    (LinkType::NETBSD_HDLC, 0, Layer::CiscoHdlc),
    (LinkType::C_HDLC_WITH_DIR, 1, Layer::CiscoHdlc),
    (LinkType::FRELAY, 0, Layer::FrameRelay),
    (LinkType::FRELAY_WITH_DIR, 1, Layer::FrameRelay),
    (LinkType::IEEE802_11, 0, Layer::Wifi { padded: false }),
    (LinkType::APPLE_IP_OVER_IEEE1394, 16, Layer::EtherTypeField),
    (LinkType::MPLS, 0, Layer::Mpls),
    (LinkType::AX25, 0, Layer::Ax25),
    (LinkType::NETANALYZER, 4, Layer::Ethernet),
    (LinkType::NETANALYZER_TRANSPARENT, 12, Layer::Ethernet),
    (LinkType::EPON, 8, Layer::Ethernet),
    (LinkType::DSA_TAG_BRCM_PREPEND, 4, Layer::Ethernet),
];

impl Frame<'_, '_> {
    /// The header of a link type.
    pub(super) fn link_header(&mut self, link_type: LinkType) -> Step {
        if let Some((_, len, behind)) = FIXED.iter().find(|(known, ..)| *known == link_type) {
            self.skip(*len);
            return Ok(*behind);
        }
        match link_type {
            LinkType::ETHERNET => Ok(Layer::Ethernet),
            LinkType::NULL => self.null(),
            LinkType::LOOP => self.family(ByteOrder::Big, 4),
            LinkType::ENC => self.enc(),
            LinkType::PFLOG => self.pflog(),
            LinkType::IPNET => self.ipnet(),
            LinkType::LINUX_SLL => self.linux_sll(),
            LinkType::LINUX_SLL2 => self.linux_sll2(),
            LinkType::IEEE802_5 => self.token_ring(),
            LinkType::FDDI => self.fddi(),
            LinkType::ARCNET_BSD => self.arcnet(2),
            LinkType::ARCNET_LINUX => self.arcnet(4),
            LinkType::SUNATM => self.sun_atm(),
            LinkType::MFR => self.multilink_frame_relay(),
            LinkType::JUNIPER_ETHER
            | LinkType::JUNIPER_PPPOE
            | LinkType::JUNIPER_PPP
            | LinkType::JUNIPER_FRELAY
            | LinkType::JUNIPER_CHDLC
            | LinkType::JUNIPER_MLPPP
            | LinkType::JUNIPER_MLFR
            | LinkType::JUNIPER_GGSN
            | LinkType::JUNIPER_ATM1
            | LinkType::JUNIPER_ATM2
            | LinkType::JUNIPER_SERVICES
            | LinkType::JUNIPER_VP
            | LinkType::JUNIPER_VN
            | LinkType::JUNIPER_ST => self.juniper(link_type),
            LinkType::IEEE802_11_RADIOTAP => self.radiotap(),
            LinkType::IEEE802_11_PRISM => self.prism(),
            LinkType::IEEE802_11_AVS => self.avs(),
            LinkType::PPI => self.ppi(),
            LinkType::PKTAP => self.pktap(),
            LinkType::NFLOG => self.nflog(),
            LinkType::IPOIB => self.ip_over_infiniband(),
            LinkType::ETHERNET_MPACKET => self.mpacket(),
            LinkType::DSA_TAG_BRCM => self.switch_tag(12, 4),
            LinkType::DSA_TAG_DSA => self.dsa_tag(12),
            LinkType::DSA_TAG_EDSA => self.dsa_tag(16),
            LinkType::ERF => self.erf(),
            LinkType::AX25_KISS => self.kiss(),
            LinkType::FC_2 => self.fibre_channel(0),
            LinkType::FC_2_WITH_FRAME_DELIMS => self.fibre_channel(4),
            LinkType::DOCSIS => self.docsis(),
            LinkType::GFP_T | LinkType::GFP_F => self.generic_framing(),
            LinkType::SYMANTEC_FIREWALL => self.symantec(),
            LinkType::REDBACK_SMARTEDGE => self.redback(),
            LinkType::SITA => self.sita(),
            LinkType::TZSP => self.tzsp(),
            LinkType::EBHSCR => self.ebhscr(),
            LinkType::VPP_DISPATCH => self.vpp_dispatch(),
            LinkType::WIRESHARK_UPPER_PDU => exported::layer(self),
            _ => Err(NotFlow::LinkType),
        }
    }

    /// The 32-bit number here in the byte order of the machine that captured.
    pub(super) fn host_u32(&self, order: ByteOrder) -> Result<u32, NotFlow> {
        order.u32(self.data, self.at).ok_or(NotFlow::ShortFrame)
    }

    /// BSD loopback: an address family in the byte order of the capturing machine, so in either.
    fn null(&mut self) -> Step {
        if self.u16(0)? == 0xff03 {
            return Ok(Layer::Ppp);
        }
        let order = if self.u16(0)? == 0 {
            ByteOrder::Big
        } else {
            ByteOrder::Little
        };
        let number = self.host_u32(order)?;
        match u16::try_from(number) {
            // Some systems put an EtherType here.
            Ok(kind) if kind > 1500 => {
                self.skip(4);
                Ok(Layer::EtherType(kind))
            }
            _ => self.family(order, 4),
        }
    }

    /// An address family at the start of a header of `len` bytes: those of IP on all systems.
    fn family(&mut self, order: ByteOrder, len: usize) -> Step {
        let family = self.host_u32(order)?;
        self.skip(len);
        Self::ip_family(family)
    }

    fn ip_family(family: u32) -> Step {
        match family {
            // AF_INET everywhere; AF_INET6 of Linux, Windows, NetBSD and OpenBSD, Solaris,
            // FreeBSD, macOS.
            2 | 10 | 23 | 24 | 26 | 28 | 30 => Ok(Layer::Ip),
            _ => Err(NotFlow::Family),
        }
    }

    /// OpenBSD IPsec: family, security parameters, flags.
    fn enc(&mut self) -> Step {
        let order = if self.u16(0)? == 0 {
            ByteOrder::Big
        } else {
            ByteOrder::Little
        };
        self.family(order, 12)
    }

    /// OpenBSD packet filter log: its own length, the address family, more.
    fn pflog(&mut self) -> Step {
        let (len, family) = (usize::from(self.byte(0)?), u32::from(self.byte(1)?));
        self.skip(len.next_multiple_of(4).max(4));
        Self::ip_family(family)
    }

    /// Solaris IP observability: version, family, 24 bytes in all.
    fn ipnet(&mut self) -> Step {
        let family = u32::from(self.byte(1)?);
        self.skip(24);
        Self::ip_family(family)
    }

    /// Linux cooked capture: only the sender's address is there.
    fn linux_sll(&mut self) -> Step {
        let (hardware, address_len, protocol) = (self.u16(2)?, self.u16(4)?, self.u16(14)?);
        if address_len == 6 {
            self.link.set_macs(self.mac(6)?, MacAddr::default());
        }
        self.skip(16);
        Self::linux_protocol(hardware, protocol)
    }

    /// Linux cooked capture, version 2.
    fn linux_sll2(&mut self) -> Step {
        let (protocol, hardware, address_len) = (self.u16(0)?, self.u16(8)?, self.byte(11)?);
        if address_len == 6 {
            self.link.set_macs(self.mac(12)?, MacAddr::default());
        }
        self.skip(20);
        Self::linux_protocol(hardware, protocol)
    }

    /// `ETH_P_*` of `<linux/if_ether.h>`; below 1536 they are Linux' own, not EtherTypes.
    fn linux_protocol(hardware: u16, protocol: u16) -> Step {
        const ARPHRD_FRAD: u16 = 770;
        const ARPHRD_IPGRE: u16 = 778;
        const ARPHRD_80211: u16 = 801;
        const ARPHRD_PRISM: u16 = 802;
        const ARPHRD_RADIOTAP: u16 = 803;
        const ETH_P_80211_RAW: u16 = 0x0019;
        match (hardware, protocol) {
            (ARPHRD_FRAD, _) => Ok(Layer::FrameRelay),
            (ARPHRD_RADIOTAP, _) => Ok(Layer::Link(LinkType::IEEE802_11_RADIOTAP)),
            (ARPHRD_PRISM, ETH_P_80211_RAW) => Ok(Layer::Link(LinkType::IEEE802_11_PRISM)),
            (ARPHRD_80211, ETH_P_80211_RAW) => Ok(Layer::Wifi { padded: false }),
            // GRE's protocol numbers are EtherTypes, but for a few.
            (ARPHRD_IPGRE, 0x6400) => Ok(Layer::Ethernet),
            (ARPHRD_IPGRE, 0x6559) => Ok(Layer::FrameRelay),
            (ARPHRD_IPGRE, 0x8881 | 0x88d2) => Ok(Layer::Ppp),
            (_, 0x0003) => Ok(Layer::Ethernet),
            (_, 0x0004) => Ok(Layer::Llc),
            // Of PPP interfaces (ARPHRD 512) and of those of serial cards: ETH_P_WAN_PPP.
            (_, 0x0007) => Ok(Layer::Ppp),
            (_, 0..=1535) => Err(NotFlow::Family),
            (_, kind) => Ok(Layer::EtherType(kind)),
        }
    }

    /// Access control, frame control, addresses, and a route if the source's top bit is set.
    fn token_ring(&mut self) -> Step {
        let (dst, src) = (self.mac(2)?, self.mac(8)?);
        let [first, rest @ ..] = src.0;
        let is_routed = first & 0x80 != 0;
        let [a, b, c, d, e] = rest;
        self.link
            .set_macs(MacAddr([first & 0x7f, a, b, c, d, e]), dst);
        self.skip(14);
        if is_routed {
            let route = usize::from(self.byte(0)? & 0x1f);
            self.skip(route);
        }
        Ok(Layer::Llc)
    }

    /// Frame control, addresses; only LLC frames carry data.
    fn fddi(&mut self) -> Step {
        let control = self.byte(0)?;
        self.link.set_macs(self.mac(7)?, self.mac(1)?);
        self.skip(13);
        match control & 0xf0 {
            0x50 | 0xd0 => Ok(Layer::Llc),
            _ => Err(NotFlow::Llc),
        }
    }

    /// One-byte addresses (and, from Linux, an offset), then a protocol id: RFC 1051 has the
    /// datagram right after it, RFC 1201 a header for its fragments.
    fn arcnet(&mut self, addresses_len: usize) -> Step {
        let protocol = self.byte(addresses_len)?;
        self.skip(addresses_len + 1);
        match protocol {
            240 => Ok(Layer::Ip),
            212 | 196 => {
                // An exception packet has four bytes more.
                if self.byte(0)? == 0xff {
                    self.skip(4);
                }
                let split = self.byte(0)?;
                self.skip(3);
                match split {
                    0 | 1 => Ok(Layer::Ip),
                    split if split & 1 == 1 => Ok(Layer::Ip),
                    _ => Err(NotFlow::LinkFragment),
                }
            }
            205 => Ok(Layer::Llc),
            213 | 241 => Err(NotFlow::Arp),
            _ => Err(NotFlow::Family),
        }
    }

    /// Kind of traffic, virtual path and circuit.
    fn sun_atm(&mut self) -> Step {
        let kind = self.byte(0)? & 0x0f;
        self.skip(4);
        match kind {
            // LAN emulation: the client's id, then a frame.
            1 => {
                self.skip(2);
                Ok(Layer::Ethernet)
            }
            2 => Ok(Layer::Llc),
            _ => Err(NotFlow::Family),
        }
    }

    /// FRF.15 and FRF.16: beginning, end, control, sequence number.
    fn multilink_frame_relay(&mut self) -> Step {
        const BEGIN: u8 = 0x80;
        const CONTROL: u8 = 0x20;
        let flags = self.byte(0)?;
        self.skip(2);
        if flags & CONTROL != 0 {
            Err(NotFlow::Family)
        } else if flags & BEGIN == 0 {
            Err(NotFlow::LinkFragment)
        } else {
            Ok(Layer::FrameRelay)
        }
    }

    /// Per-packet information: version, flags, length, and the real link type.
    fn ppi(&mut self) -> Step {
        let field = |at| {
            ByteOrder::Little
                .u16(self.data, at)
                .ok_or(NotFlow::ShortFrame)
        };
        let (len, link_type) = (field(self.at + 2)?, field(self.at + 4)?);
        self.skip(usize::from(len).max(8));
        Ok(Layer::Link(LinkType(link_type)))
    }

    /// Apple's packet tap: length, kind, and the real link type. Version 2 has shorter fields,
    /// so that the first four bytes are no length that version 1 could have.
    fn pktap(&mut self) -> Step {
        const PACKET_FOLLOWS: u32 = 1;
        let field = |at| {
            ByteOrder::Little
                .u32(self.data, at)
                .ok_or(NotFlow::ShortFrame)
        };
        if field(self.at)? > 0xffff {
            let link_type = ByteOrder::Little.u16(self.data, self.at + 6);
            let len = usize::from(self.byte(0)?);
            self.skip(len.max(8));
            return Ok(Layer::Link(LinkType(link_type.ok_or(NotFlow::ShortFrame)?)));
        }
        let (len, kind, link_type) = (field(self.at)?, field(self.at + 4)?, field(self.at + 8)?);
        if kind != PACKET_FOLLOWS {
            return Err(NotFlow::Family);
        }
        self.skip((len as usize).max(12));
        u16::try_from(link_type).map_or(Err(NotFlow::LinkType), |n| Ok(Layer::Link(LinkType(n))))
    }

    /// Linux netfilter log: family, version, resource id, then attributes in the byte order of
    /// the machine that captured; the packet is one of them.
    fn nflog(&mut self) -> Step {
        const PAYLOAD: u16 = 9;
        let family = u32::from(self.byte(0)?);
        self.skip(4);
        // The first attribute is short: its length is the smaller number in its own byte order.
        let len = self.u16(0)?;
        let order = if len < len.swap_bytes() {
            ByteOrder::Big
        } else {
            ByteOrder::Little
        };
        loop {
            let field = |at| order.u16(self.data, at).ok_or(NotFlow::ShortFrame);
            let (len, kind) = (field(self.at)?, field(self.at + 2)? & 0x7fff);
            if kind == PAYLOAD {
                self.skip(4);
                return Self::ip_family(family);
            }
            self.skip(usize::from(len).max(4).next_multiple_of(4));
        }
    }

    /// RFC 4391: a global routing header, EtherType, reserved.
    fn ip_over_infiniband(&mut self) -> Step {
        let kind = self.u16(40)?;
        self.skip(44);
        Ok(Layer::EtherType(kind))
    }

    /// IEEE 802.3br: preamble and a start delimiter that says whether a frame starts here.
    fn mpacket(&mut self) -> Step {
        let delimiter = self.byte(7)?;
        self.skip(8);
        match delimiter {
            0x61 | 0x52 | 0x9e | 0x2a => Err(NotFlow::LinkFragment),
            0x07 | 0x19 => Err(NotFlow::EtherType),
            _ => Ok(Layer::Ethernet),
        }
    }

    /// Ethernet with a switch's tag between addresses and type.
    fn switch_tag(&mut self, tag_at: usize, tag_len: usize) -> Step {
        self.link.set_macs(self.mac(6)?, self.mac(0)?);
        self.skip(tag_at + tag_len);
        Ok(Layer::EtherTypeField)
    }

    /// Marvell DSA and EtherType DSA: a tag that holds the VLAN of a tagged frame.
    fn dsa_tag(&mut self, tag_at: usize) -> Step {
        const TAGGED: u8 = 0x20;
        let (is_tagged, id) = (self.byte(tag_at)? & TAGGED != 0, self.u16(tag_at + 2)?);
        if is_tagged {
            self.link.push_vlan(id);
        }
        self.switch_tag(tag_at, 4)
    }
}
