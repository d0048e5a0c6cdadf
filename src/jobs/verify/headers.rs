//! A packet's headers, read in the simplest way: etherparse's slices one after the other.
//!
//! Nothing of `decode` but its plain types is used here. Headers that cannot be read without doubt
//! are not judged.

use crate::capture::LinkType;
use crate::decode::protocol::{
    AH, DCCP, DESTINATION_OPTIONS, ETHER_IP, ETHERNET, FRAGMENT, GRE, HOP_BY_HOP, IPCOMP, IPV4,
    IPV6, MPLS, PIM, ROUTING, SCTP, TCP, UDP, UDP_LITE,
};
use crate::decode::{
    DatagramId, DecodeOptions, LinkKey, MacAddr, NetworkKey, Tunnel, TunnelKind, Tunnels,
};
use etherparse::err::ipv4::HeaderSliceError;
use etherparse::{
    Ethernet2Slice, Ipv6FragmentHeaderSlice, Ipv6Header, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
    LaxIpv4Slice, SingleVlanSlice, TcpSlice, UdpHeaderSlice,
};
use std::fmt;

/// Why the simplest way cannot judge a packet's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Unjudged {
    /// Its link type is none of the simple ones.
    LinkType(LinkType),
    /// Its EtherType leads to headers that etherparse does not read.
    EtherType(u16),
    /// Its frame is of a kind that etherparse does not read (LLC, ISL, PPP), or truncated.
    Frame,
    /// Its IP header or extension headers are truncated, or in an impossible order.
    Ip,
    /// Its transport header is truncated, or its length impossible.
    Transport,
    /// A tunnel with more than an IP header or VXLAN before the packet that it carries.
    Tunnel,
    /// Time and port come from a Metamako trailer.
    Trailer,
}

/// Continues "3 packets".
impl fmt::Display for Unjudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(link_type) => write!(f, "of {link_type}"),
            Self::EtherType(kind) => write!(f, "with EtherType {kind:#06x}"),
            Self::Frame => f.write_str("in frames that are cut short, or of LLC, ISL or PPP"),
            Self::Ip => f.write_str("with IP headers that are cut short or contradict themselves"),
            Self::Transport => {
                f.write_str("with transport headers that are cut short or contradict themselves")
            }
            Self::Tunnel => f.write_str("of tunnels"),
            Self::Trailer => f.write_str("with Metamako trailers"),
        }
    }
}

/// The headers of a packet that a flow depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) link: LinkKey,
    pub(super) tunnels: Tunnels,
    pub(super) contents: Contents,
}

/// The contents of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    Ip(Ip),
    NotIp,
    Malformed,
}

/// The headers of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ip {
    pub(super) network: NetworkKey,
    pub(super) tcp_flags: u16,
    /// Which datagram it is a fragment of, and whether it is the first.
    pub(super) fragment: Option<(DatagramId, bool)>,
}

/// A reading of headers, or why the simplest way cannot judge them.
type Verdict<T> = Result<T, Unjudged>;

/// Reads a packet's headers.
pub(super) fn read(link_type: LinkType, data: &[u8], options: &DecodeOptions) -> Verdict<Reading> {
    let mut reader = Reader {
        link: LinkKey::default(),
        tunnels: Tunnels::NONE,
        options,
        depth: 0,
    };
    let contents = reader.packet(link_type, data)?;
    let Reader { link, tunnels, .. } = reader;
    Ok(Reading {
        link,
        tunnels,
        contents,
    })
}

struct Reader<'o> {
    link: LinkKey,
    tunnels: Tunnels,
    options: &'o DecodeOptions,
    /// How many headers that hold others of their kind have been passed.
    depth: usize,
}

impl Reader<'_> {
    fn packet(&mut self, link_type: LinkType, data: &[u8]) -> Verdict<Contents> {
        match link_type {
            LinkType::ETHERNET => self.ethernet(data),
            LinkType::RAW
            | LinkType::RAW_BSD
            | LinkType::RAW_OPENBSD
            | LinkType::IPV4
            | LinkType::IPV6 => self.ip(data),
            LinkType::NULL => self.null(data),
            LinkType::LOOP => match data {
                &[a, b, c, d, ref packet @ ..] => {
                    self.family(u32::from_be_bytes([a, b, c, d]), packet)
                }
                _ => Ok(Contents::Malformed),
            },
            LinkType::LINUX_SLL => self.cooked(data),
            LinkType::LINUX_SLL2 => self.cooked_2(data),
            other => Err(Unjudged::LinkType(other)),
        }
    }

    /// A protocol family in the byte order of the capturing machine: the smaller of both numbers.
    fn null(&mut self, data: &[u8]) -> Verdict<Contents> {
        let &[a, b, c, d, ref packet @ ..] = data else {
            return match data {
                [0xff, 0x03, ..] => Err(Unjudged::Frame),
                _ => Ok(Contents::Malformed),
            };
        };
        let bytes = [a, b, c, d];
        let family = u32::from_be_bytes(bytes).min(u32::from_le_bytes(bytes));
        match (bytes, family) {
            ([0xff, 0x03, ..], _) | (_, 1501..=0xffff) => Err(Unjudged::Frame),
            _ => self.family(family, packet),
        }
    }

    fn family(&mut self, family: u32, packet: &[u8]) -> Verdict<Contents> {
        if IP_FAMILIES.contains(&family) {
            self.ip(packet)
        } else {
            Ok(Contents::NotIp)
        }
    }

    /// Linux cooked capture: kind, hardware, length of the address, 8 bytes of it, protocol.
    fn cooked(&mut self, data: &[u8]) -> Verdict<Contents> {
        let Some((header, packet)) = data.split_at_checked(16) else {
            return Ok(Contents::Malformed);
        };
        self.sender(number(header, 4), header.get(6..12));
        self.linux_protocol(number(header, 2), number(header, 14), packet)
    }

    /// Version 2: protocol, reserved, interface, hardware, kind, length of the address, 8 bytes
    /// of it.
    fn cooked_2(&mut self, data: &[u8]) -> Verdict<Contents> {
        let Some((header, packet)) = data.split_at_checked(20) else {
            // That it is not IP may be known before the end.
            return Err(Unjudged::Frame);
        };
        self.sender(number(header, 10) & 0xff, header.get(12..18));
        self.linux_protocol(number(header, 8), number(header, 0), packet)
    }

    fn sender(&mut self, len: u16, address: Option<&[u8]>) {
        if let (6, Some(&[a, b, c, d, e, f])) = (len, address) {
            let address = MacAddr([a, b, c, d, e, f]);
            self.link.set_macs(address, MacAddr::default());
        }
    }

    /// Numbers below 1536 are Linux' own: 3 is an Ethernet frame, 4 one of LLC, 7 one of PPP.
    fn linux_protocol(&mut self, hardware: u16, protocol: u16, packet: &[u8]) -> Verdict<Contents> {
        const FRAME_RELAY: u16 = 770;
        const GRE: u16 = 778;
        const RADIO: std::ops::RangeInclusive<u16> = 801..=803;
        match (hardware, protocol) {
            (FRAME_RELAY | GRE, _) | (_, 3 | 4 | 7) => Err(Unjudged::Frame),
            (hardware, _) if RADIO.contains(&hardware) => Err(Unjudged::Frame),
            (_, ..1536) => Ok(Contents::NotIp),
            (_, kind) => self.ether_type(kind, packet),
        }
    }

    fn ethernet(&mut self, data: &[u8]) -> Verdict<Contents> {
        let Ok(frame) = Ethernet2Slice::from_slice_without_fcs(data) else {
            return Ok(Contents::Malformed);
        };
        let (src, dst) = (frame.source(), frame.destination());
        if let [0x01 | 0x03, 0x00, 0x0c, 0x00, 0x00, _] = dst {
            // Cisco Inter-Switch Link.
            return Err(Unjudged::Frame);
        }
        self.link.set_macs(MacAddr(src), MacAddr(dst));
        self.ether_type(frame.ether_type().0, frame.payload_slice())
    }

    fn ether_type(&mut self, kind: u16, payload: &[u8]) -> Verdict<Contents> {
        let (mut kind, mut payload) = (kind, payload);
        while let 0x8100 | 0x88a8 | 0x9100 | 0x9200 = kind {
            let Ok(tag) = SingleVlanSlice::from_slice(payload) else {
                return Ok(Contents::Malformed);
            };
            self.link.push_vlan(tag.vlan_identifier().value());
            kind = tag.ether_type().0;
            payload = tag.payload_slice();
        }
        match kind {
            0x0800 => self.ip(payload),
            // This number is IPv6's alone.
            0x86dd if payload.first().is_some_and(|byte| byte >> 4 != 6) => Ok(Contents::Malformed),
            0x86dd => self.ip(payload),
            ..=1500 => self.llc(payload),
            kind if LEADING_ON.contains(&kind) => Err(Unjudged::EtherType(kind)),
            _ => Ok(Contents::NotIp),
        }
    }

    /// IEEE 802.2: few of its service access points lead to IP.
    fn llc(&mut self, payload: &[u8]) -> Verdict<Contents> {
        match payload {
            // Raw IPX.
            [0xff, 0xff, ..] => Ok(Contents::NotIp),
            [] | [_] | [_, _] => Ok(Contents::Malformed),
            [0xaa, 0xaa, 0x03, 0, 0, 0, high, low, packet @ ..] if self.depth == 0 => {
                self.depth += 1;
                self.ether_type(u16::from_be_bytes([*high, *low]), packet)
            }
            // Bridged frames, and another number for the same as above.
            [0xaa, 0xaa, 0x03, 0, 0x80, 0xc2, ..] | [0xaa, 0xaa, 0x03, 0, 0, 0xf8, ..] => {
                Err(Unjudged::Frame)
            }
            [0xaa, 0xaa, 0x03, a, b, c, _, _, ..] if [*a, *b, *c] != [0; 3] => Ok(Contents::NotIp),
            [dsap, ssap, ..] => match (dsap & 0xfe, ssap & 0xfe) {
                (0xaa, 0xaa) | (0x06 | 0xfe, _) => Err(Unjudged::Frame),
                _ => Ok(Contents::NotIp),
            },
        }
    }

    fn ip(&mut self, packet: &[u8]) -> Verdict<Contents> {
        match packet.first().map(|byte| byte >> 4) {
            Some(4) => self.ipv4(packet),
            Some(6) => self.ipv6(packet),
            _ => Ok(Contents::Malformed),
        }
    }

    fn ipv4(&mut self, packet: &[u8]) -> Verdict<Contents> {
        let slice = match LaxIpv4Slice::from_slice(packet) {
            Ok((slice, _)) => slice,
            // Truncated options.
            Err(HeaderSliceError::Len(_)) if packet.len() >= 20 => return Err(Unjudged::Ip),
            Err(_) => return Ok(Contents::Malformed),
        };
        let header = slice.header();
        let total_len = usize::from(header.total_len());
        // None at all is segmentation offload.
        if total_len != 0 && total_len < header.slice().len() {
            return Ok(Contents::Malformed);
        }
        let (src, dst) = (
            header.source_addr().into(),
            header.destination_addr().into(),
        );
        let protocol = header.protocol().0;
        let fragment = header.is_fragmenting_payload().then(|| {
            let datagram = DatagramId {
                src,
                dst,
                protocol,
                id: u32::from(header.identification()),
                vlans: self.link.vlans(),
                networks: self.tunnels.networks(),
            };
            (datagram, header.fragments_offset().value() == 0)
        });
        let network = NetworkKey {
            src,
            dst,
            protocol,
            ..NetworkKey::default()
        };
        self.transport(network, fragment, slice.payload().payload)
    }

    /// The iterator that etherparse has for extension headers is not used: where it parsed them
    /// laxly, version 0.21 reads beyond their end.
    fn ipv6(&mut self, packet: &[u8]) -> Verdict<Contents> {
        let Ok(header) = Ipv6HeaderSlice::from_slice(packet) else {
            return Ok(Contents::Malformed);
        };
        let (src, dst) = (
            header.source_addr().into(),
            header.destination_addr().into(),
        );
        let mut protocol = header.next_header().0;
        let mut rest = packet.get(Ipv6Header::LEN..).unwrap_or_default();
        // None at all is a jumbogram, or segmentation offload.
        if header.payload_length() != 0 {
            let len = usize::from(header.payload_length());
            rest = rest.get(..len).unwrap_or(rest);
        }
        let mut fragment = None;
        loop {
            let len = match protocol {
                HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                    let header = Ipv6RawExtHeaderSlice::from_slice(rest);
                    let header = header.map_err(|_short| Unjudged::Ip)?;
                    protocol = header.next_header().0;
                    header.slice().len()
                }
                FRAGMENT => {
                    let header = Ipv6FragmentHeaderSlice::from_slice(rest);
                    let header = header.map_err(|_short| Unjudged::Ip)?;
                    protocol = header.next_header().0;
                    if header.is_fragmenting_payload() {
                        let datagram = DatagramId {
                            src,
                            dst,
                            protocol: 0,
                            id: header.identification(),
                            vlans: self.link.vlans(),
                            networks: self.tunnels.networks(),
                        };
                        fragment = Some((datagram, header.fragment_offset().value() == 0));
                    }
                    header.slice().len()
                }
                _ => break,
            };
            rest = rest.get(len..).unwrap_or_default();
            if let Some((_, false)) = fragment {
                break;
            }
        }
        let network = NetworkKey {
            src,
            dst,
            protocol,
            ..NetworkKey::default()
        };
        self.transport(network, fragment, rest)
    }

    fn transport(
        &mut self,
        mut network: NetworkKey,
        fragment: Option<(DatagramId, bool)>,
        payload: &[u8],
    ) -> Verdict<Contents> {
        let mut tcp_flags = 0;
        let is_later = matches!(fragment, Some((_, false)));
        let ports = match network.protocol {
            _ if is_later => (0, 0),
            TCP => {
                let tcp = TcpSlice::from_slice(payload).map_err(|_refused| Unjudged::Transport)?;
                if let Some(&[.., high, low, _, _, _, _, _, _]) = tcp.header_slice().get(..20) {
                    tcp_flags = u16::from_be_bytes([high, low]) & 0x0fff;
                }
                (tcp.source_port(), tcp.destination_port())
            }
            UDP => {
                let udp = UdpHeaderSlice::from_slice(payload);
                let udp = udp.map_err(|_short| Unjudged::Transport)?;
                (udp.source_port(), udp.destination_port())
            }
            SCTP | DCCP | UDP_LITE => match *payload {
                [a, b, c, d, ..] => (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
                _ => return Err(Unjudged::Transport),
            },
            _ => (0, 0),
        };
        (network.src_port, network.dst_port) = ports;
        let outer = Ip {
            network,
            tcp_flags,
            fragment,
        };
        if !self.options.decap || is_later {
            return Ok(Contents::Ip(outer));
        }
        let (outer_link, outer_tunnels) = (self.link, self.tunnels);
        // The inner packet counts if it is IP. Fragments of a tunnel follow the first of them.
        if let Some(Contents::Ip(inner)) = self.inner(&network, payload)? {
            let fragment = inner.fragment.or(outer.fragment);
            return Ok(Contents::Ip(Ip { fragment, ..inner }));
        }
        (self.link, self.tunnels) = (outer_link, outer_tunnels);
        Ok(Contents::Ip(outer))
    }

    /// The contents of the packet that another one carries, if it carries one.
    fn inner(&mut self, outer: &NetworkKey, payload: &[u8]) -> Verdict<Option<Contents>> {
        self.depth += 1;
        let named = self.options.tunnel_ports.ports();
        let is_named = |port| named.iter().any(|it| it.port == port);
        match (outer.protocol, outer.src_port, outer.dst_port) {
            (IPV4 | IPV6 | UDP, ..) if self.depth > DEEPEST => Err(Unjudged::Tunnel),
            (IPV4 | IPV6, ..) => {
                self.tunnels.push(Tunnel::of(
                    match (outer.is_ipv6(), outer.protocol == IPV6) {
                        (false, false) => TunnelKind::Ipip,
                        (false, true) => TunnelKind::Ip6In4,
                        (true, false) => TunnelKind::Ip4In6,
                        (true, true) => TunnelKind::Ip6In6,
                    },
                ));
                self.ip(payload).map(Some)
            }
            (UDP, src, dst) if is_named(src) || is_named(dst) => Err(Unjudged::Tunnel),
            (UDP, _, VXLAN | OLD_VXLAN) => {
                let Some((header, frame)) = payload.split_at_checked(16) else {
                    return Ok(None);
                };
                let network =
                    u32::from(number(header, 12)) << 8 | u32::from(number(header, 14) >> 8);
                self.tunnels.push(Tunnel::with(TunnelKind::Vxlan, network));
                self.link = LinkKey::default();
                self.ethernet(frame).map(Some)
            }
            (UDP, src, dst) if TUNNEL_PORTS.iter().any(|it| [src, dst].contains(it)) => {
                Err(Unjudged::Tunnel)
            }
            (GRE | AH | ETHER_IP | PIM | MPLS | ETHERNET | IPCOMP, ..) => Err(Unjudged::Tunnel),
            _ => Ok(None),
        }
    }
}

/// The 16-bit number at a place; 0 where there is none.
fn number(header: &[u8], at: usize) -> u16 {
    match header.get(at..) {
        Some(&[high, low, ..]) => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

/// UDP ports.
const VXLAN: u16 = 4789;
const OLD_VXLAN: u16 = 8472;
const TUNNEL_PORTS: [u16; 17] = [
    434, 1701, 2152, 2268, 3386, 3544, 4341, 4754, 4790, 5000, 5072, 5247, 6080, 6081, 6635, 30030,
    37008,
];
/// Address families of IP, on all systems.
const IP_FAMILIES: [u32; 7] = [2, 10, 23, 24, 26, 28, 30];
/// EtherTypes that IP may follow, and that etherparse does not read.
const LEADING_ON: [u16; 30] = [
    0x6558, 0x8847, 0x8848, 0x8864, 0x8870, 0x880b, 0x8909, 0x8926, 0x892f, 0x88e5, 0x88e7, 0x894f,
    0x22f3, 0xf1c1, 0x08ff, 0x2452, 0x4305, 0x8899, 0x88bb, 0x88de, 0x8906, 0x893f, 0x9021, 0x99fe,
    0xbbbb, 0xd28b, 0x22e5, 0x80d5, 0x8988, 0xe555,
];
/// Tunnels in tunnels: a hostile packet may hold thousands.
const DEEPEST: usize = 16;
