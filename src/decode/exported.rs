//! Exported PDUs, as Wireshark writes them (LINKTYPE_WIRESHARK_UPPER_PDU): what one protocol carried,
//! after fields (`epan/exported_pdu.h`) that name the protocol and say what was in front of it.
//!
//! Where IP, or something that leads to it, was exported, it is read like any other packet. Where
//! it was a protocol above, addresses and ports are in the fields. A packet then has a flow, but its
//! bytes have no place in a stream: sequence numbers are not exported.

use super::frame::{Frame, Layer, Step};
use super::headers::{Addresses, Headers};
use super::tunnels::Tunnels;
use super::{NotFlow, ip, protocol};
use crate::capture::{ByteOrder, LinkType};

/// The fields in front of a PDU, and where it starts.
#[derive(Debug, Default)]
struct Fields<'a> {
    /// The protocol's name, or that of a table of protocols with a number in it.
    name: &'a [u8],
    number: Option<u32>,
    addresses: Option<Addresses<'a>>,
    carrier: u32,
    ports: [u32; 2],
    pdu: usize,
}

/// The layer that was exported, if IP can be behind it.
pub(super) fn layer(frame: &mut Frame<'_, '_>) -> Step {
    let fields = Fields::read(frame.data, frame.at)?;
    frame.skip(fields.pdu - frame.at);
    match (fields.name, fields.number) {
        (b"ip" | b"ipv6" | b"raw_ip", _) => Ok(Layer::Ip),
        (b"eth" | b"eth_withoutfcs" | b"eth_withfcs" | b"eth_maybefcs", _) => Ok(Layer::Ethernet),
        (b"wlan" | b"wlan_withoutfcs" | b"wlan_withfcs", _) => Ok(Layer::Wifi { padded: false }),
        (b"radiotap", _) => Ok(Layer::Link(LinkType::IEEE802_11_RADIOTAP)),
        (b"sll", _) => Ok(Layer::Link(LinkType::LINUX_SLL)),
        (b"llc", _) => Ok(Layer::Llc),
        (b"mpls", _) => Ok(Layer::Mpls),
        (b"ppp" | b"ppp_hdlc", _) => Ok(Layer::Ppp),
        (b"chdlc", _) => Ok(Layer::CiscoHdlc),
        (b"fr", _) => Ok(Layer::FrameRelay),
        (b"ethertype", Some(kind)) => match u16::try_from(kind) {
            Ok(kind) => Ok(Layer::EtherType(kind)),
            Err(_) => Err(NotFlow::Family),
        },
        _ => Err(NotFlow::Family),
    }
}

/// The headers of a packet in which no IP header was found, for this `reason`: those that the fields
/// of an exported PDU tell.
#[cold]
pub(super) fn headers(
    link_type: LinkType,
    data: &[u8],
    reason: NotFlow,
) -> Result<Headers<'_>, NotFlow> {
    if link_type != LinkType::WIRESHARK_UPPER_PDU {
        return Err(reason);
    }
    let fields = Fields::read(data, 0)?;
    let Some(addresses) = fields.addresses else {
        return Err(reason);
    };
    // What a protocol carried has no header in front of it any more.
    let (protocol, transport, wire_end) = match (fields.transport(), fields.carried_by()) {
        (Some(protocol), _) => (protocol, fields.pdu, usize::MAX),
        (None, Some(protocol)) => (protocol, data.len(), data.len()),
        (None, None) => return Err(reason),
    };
    let [src_port, dst_port] = fields.ports.map(|port| u16::try_from(port).unwrap_or(0));
    let mut headers = Headers {
        addresses,
        protocol,
        src_port,
        dst_port,
        tcp_flags: 0,
        fragment: None,
        // There is no IP header: copies are told by all that there is.
        network: 0,
        transport,
        end: data.len(),
        wire_end,
        trailer_time: None,
        tunnels: Tunnels::default(),
    };
    ip::ports(data, &mut headers);
    Ok(headers)
}

impl<'a> Fields<'a> {
    /// The fields from `at` on, up to the one that ends them.
    fn read(data: &'a [u8], at: usize) -> Result<Self, NotFlow> {
        let mut fields = Self::default();
        let (mut v4, mut v6) = ([None; 2], None);
        let mut at = at;
        loop {
            let field = |ahead| ByteOrder::Big.u16(data, at + ahead);
            let tag = field(0).ok_or(NotFlow::ShortFrame)?;
            let len = usize::from(field(2).ok_or(NotFlow::ShortFrame)?);
            let value = data.get(at + 4..at + 4 + len).ok_or(NotFlow::ShortFrame)?;
            let number = ByteOrder::Big.u32(value, 0);
            match tag {
                END => break,
                PROTOCOL | TABLE => fields.name = without_padding(value),
                NUMBER => fields.number = number,
                IPV4_SRC => v4[0] = number,
                IPV4_DST => v4[1] = number,
                IPV6_SRC if field(4 + len) == Some(IPV6_DST) => {
                    v6 = data.get(at + 4..).and_then(<[u8]>::first_chunk);
                }
                CARRIER => fields.carrier = number.unwrap_or(0),
                SRC_PORT => fields.ports[0] = number.unwrap_or(0),
                DST_PORT => fields.ports[1] = number.unwrap_or(0),
                _ => {}
            }
            at += 4 + len;
        }
        fields.pdu = at + 4;
        fields.addresses = match (v4, v6) {
            ([Some(src), Some(dst)], _) => Some(Addresses::V4 { src, dst }),
            (_, Some(both)) => Some(Addresses::V6Apart(both)),
            _ => None,
        };
        Ok(fields)
    }

    /// The IP protocol whose header the PDU starts with.
    fn transport(&self) -> Option<u8> {
        match (self.name, self.number) {
            (b"tcp", _) => Some(protocol::TCP),
            (b"udp", _) => Some(protocol::UDP),
            (b"sctp", _) => Some(protocol::SCTP),
            (b"dccp", _) => Some(protocol::DCCP),
            (b"udplite", _) => Some(protocol::UDP_LITE),
            (b"ip.proto", Some(number)) => u8::try_from(number).ok(),
            _ => None,
        }
    }

    /// The IP protocol that carried it.
    const fn carried_by(&self) -> Option<u8> {
        match self.carrier {
            1 => Some(protocol::SCTP),
            2 => Some(protocol::TCP),
            3 => Some(protocol::UDP),
            4 => Some(protocol::DCCP),
            _ => None,
        }
    }
}

/// A name, which is filled up with zero bytes.
fn without_padding(value: &[u8]) -> &[u8] {
    let len = value.iter().position(|byte| *byte == 0);
    value.get(..len.unwrap_or(value.len())).unwrap_or(value)
}

/// Tags of fields.
const END: u16 = 0;
const PROTOCOL: u16 = 12;
const TABLE: u16 = 14;
const IPV4_SRC: u16 = 20;
const IPV4_DST: u16 = 21;
const IPV6_SRC: u16 = 22;
const IPV6_DST: u16 = 23;
const CARRIER: u16 = 24;
const SRC_PORT: u16 = 25;
const DST_PORT: u16 = 26;
const NUMBER: u16 = 32;
