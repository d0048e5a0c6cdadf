//! Records to headers: from a link type and captured bytes to the fields of a flow key.
//!
//! [`decode`] walks the layers in front of the IP header (`link`), reads the IP header and its
//! extensions (`ip`), and goes on into tunnels where that is asked for (`tunnel`). It reads
//! what was captured, however little: a header cut off by the snaplen costs the fields behind the
//! cut, not the packet.

mod application;
mod frame;
mod ip;
mod key;
mod link;
mod link_table;
mod packet;
mod plain;
pub mod protocol;
mod trailer;
mod tunnel;
mod wireless;

use crate::capture::{LinkType, Nanos};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use application::server_name;
pub use key::{DevicePort, LinkKey, MacAddr, NetworkKey, VlanStack};
pub use packet::Packet;
pub use protocol::IpProtocol;
pub use trailer::TrailerOptions;

/// What is decoded beyond the outermost IP header.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecodeOptions {
    /// Take the innermost IP header instead of the outermost one, through tunnels.
    pub decap: bool,
    /// Look for Metamako trailers.
    pub trailer: Option<TrailerOptions>,
}

/// What a packet's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    /// Source and destination address.
    pub addresses: Addresses<'a>,
    /// IP protocol number; for IPv6 the one after the extension headers.
    pub protocol: u8,
    /// Source port; 0 where the protocol has none, or it was not captured.
    pub src_port: u16,
    /// Destination port; 0 where the protocol has none, or it was not captured.
    pub dst_port: u16,
    /// The twelve bits of TCP flags, 0 for other protocols.
    pub tcp_flags: u16,
    /// What part of a fragmented datagram this is; `None` for a whole one.
    ///
    /// Few packets are, and it is large: beside the others, not among them.
    pub fragment: Option<Box<Fragment>>,
    /// Where the transport header starts in the captured bytes.
    pub transport: usize,
    /// Where the IP datagram ends in the captured bytes: padding may follow.
    pub end: usize,
    /// Where it ends according to its header, also where that was not captured; `usize::MAX`
    /// where the header does not say (segmentation offload, jumbograms).
    pub wire_end: usize,
    /// The time from a Metamako trailer, if there is one.
    pub trailer_time: Option<Nanos>,
}

/// The two addresses of an IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// IPv4, as numbers in host byte order.
    V4 {
        /// Source address.
        src: u32,
        /// Destination address.
        dst: u32,
    },
    /// IPv6: source, then destination, in network byte order.
    V6(&'a [u8; 32]),
}

/// A fragment's place in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// What the datagram's fragments have in common.
    pub datagram: DatagramId,
    /// Whether this is the first fragment, which has the ports.
    pub is_first: bool,
    /// Whether this is the last fragment: where it ends, the datagram's payload does.
    pub is_last: bool,
    /// Place of its payload in the datagram's, in bytes.
    pub offset: u32,
    /// The protocol of the datagram's payload.
    pub protocol: u8,
    /// Where the IP header starts in the captured bytes.
    pub header: usize,
    /// Where the payload starts in the captured bytes.
    pub payload: usize,
    /// Where the payload ends in the captured bytes.
    pub end: usize,
    /// Whether all of it was captured.
    pub is_whole: bool,
}

/// What the fragments of one datagram have in common (RFC 791, section 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct DatagramId {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// The protocol for IPv4, nothing (0) for IPv6, whose later fragments do not know it.
    pub protocol: u8,
    /// The identification.
    pub id: u32,
    /// Different networks may use the same addresses.
    pub vlans: VlanStack,
}

impl Headers<'_> {
    /// The fields as a flow key has them.
    pub fn network_key(&self) -> NetworkKey {
        let (src, dst) = self.addresses.to_ip();
        let Self {
            protocol,
            src_port,
            dst_port,
            ..
        } = *self;
        NetworkKey {
            src,
            dst,
            protocol,
            src_port,
            dst_port,
        }
    }
}

impl Addresses<'_> {
    /// Source and destination as the standard library's types.
    pub fn to_ip(self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4 { src, dst } => (Ipv4Addr::from(src).into(), Ipv4Addr::from(dst).into()),
            Self::V6(both) => {
                let (src, dst) = split_v6(both);
                (Ipv6Addr::from(src).into(), Ipv6Addr::from(dst).into())
            }
        }
    }
}

/// Source and destination of an IPv6 header's 32 bytes of addresses, in host byte order.
pub(crate) fn split_v6(both: &[u8; 32]) -> (u128, u128) {
    let mut src = [0; 16];
    let mut dst = [0; 16];
    let (front, back) = both.split_at(16);
    src.copy_from_slice(front);
    dst.copy_from_slice(back);
    (u128::from_be_bytes(src), u128::from_be_bytes(dst))
}

macro_rules! not_flow {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $malformed:literal, $text:literal;)*) => {
        /// Why a packet belongs to no flow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum NotFlow {
            $($(#[doc = $doc])* $variant,)*
        }

        impl NotFlow {
            /// All reasons, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// A short stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The reason in words that go on from "3 packets".
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whether the packet is malformed; otherwise it holds something else than IP.
            pub const fn is_malformed(self) -> bool {
                match self { $(Self::$variant => $malformed,)* }
            }
        }
    };
}

not_flow! {
    /// Address resolution.
    Arp = "arp", false, "of address resolution";
    /// An EtherType that does not lead to IP.
    EtherType = "ethertype", false, "with an EtherType that does not lead to IP";
    /// An LLC or SNAP protocol that does not lead to IP: spanning tree, IS-IS, CDP, …
    Llc = "llc", false, "with an LLC protocol that does not lead to IP";
    /// A PPP protocol that does not lead to IP: link control, authentication, …
    Ppp = "ppp", false, "with a PPP protocol that does not lead to IP";
    /// An 802.11 frame that carries no data.
    Wireless = "802.11", false, "of 802.11 that carry no data";
    /// Encrypted on the link layer (802.11, MACsec).
    Encrypted = "encrypted", false, "encrypted on the link layer";
    /// A later piece of a frame that the link layer cut up.
    LinkFragment = "link_fragment", false, "that continue a frame of the link layer";
    /// An address family or protocol number of the link layer that is not IP.
    Family = "family", false, "with a protocol family that is not IP";
    /// A link type that is not decoded.
    LinkType = "link_type", false, "of a link type that is not decoded";
    /// The frame ends inside its link-layer headers.
    ShortFrame = "short_frame", true, "that end inside their link-layer headers";
    /// The frame ends before the IP addresses.
    ShortIp = "short_ip", true, "that end before their IP addresses";
    /// Neither 4 nor 6 where an IP version should stand.
    IpVersion = "ip_version", true, "whose IP version is neither 4 nor 6, or not the one announced";
    /// An IPv4 header shorter than 20 bytes.
    Ipv4HeaderLength = "ipv4_header_length", true, "with an IPv4 header length below 20";
    /// An IPv4 datagram shorter than its header.
    Ipv4TotalLength = "ipv4_total_length", true, "with an IPv4 total length below the header length";
    /// A pcapng packet of an interface that its section does not describe.
    NoInterface = "no_interface", true, "of interfaces that their section does not describe";
}

/// Decodes one packet. The link layer's part of the key goes into `link`, also where the packet
/// turns out to belong to no flow.
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
    if options.decap && tunnel::may_be(&headers) {
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
            let mut frame = frame::Frame::new(data, link);
            let at = frame.find_ip(frame::Layer::Link(link_type))?;
            ip::read(data, at, frame.link.vlans())?
        }
    };
    if options.decap {
        headers = tunnel::innermost(data, headers, link);
    }
    if let Some(trailer) = options.trailer {
        headers = trailer::read(data, headers, trailer, link);
    }
    Ok(headers)
}
