//! Why a packet belongs to no flow.

use std::fmt;

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

            /// The reason, in words that continue "3 packets".
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

impl fmt::Display for NotFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packets {} belong to no flow", self.description())
    }
}

impl std::error::Error for NotFlow {}

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
    /// A later piece of a frame that the link layer fragmented.
    LinkFragment = "link_fragment", false, "that continue a frame of the link layer";
    /// An address family or protocol number of the link layer that is not IP.
    Family = "family", false, "with a protocol family that is not IP";
    /// A link type that is not decoded.
    LinkType = "link_type", false, "of a link type that is not decoded";
    /// The frame ends inside its link-layer headers.
    ShortFrame = "short_frame", true, "that end inside their link-layer headers";
    /// The frame ends before the IP addresses.
    ShortIp = "short_ip", true, "that end before their IP addresses";
    /// An IP version that is neither 4 nor 6.
    IpVersion = "ip_version", true, "whose IP version is neither 4 nor 6, or not the one announced";
    /// An IPv4 header shorter than 20 bytes.
    Ipv4HeaderLength = "ipv4_header_length", true, "with an IPv4 header length below 20";
    /// An IPv4 datagram shorter than its header.
    Ipv4TotalLength = "ipv4_total_length", true, "with an IPv4 total length below the header length";
    /// A pcapng packet of an interface that its section does not describe.
    NoInterface = "no_interface", true, "of interfaces that their section does not describe";
}
