//! Link-layer header types, as registered at <https://www.tcpdump.org/linktypes.html>.

use std::fmt;

/// The registry number of a link-layer header type. Unknown numbers are kept, counted and named.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

macro_rules! link_types {
    ($($name:ident = $number:literal,)*) => {
        #[allow(missing_docs, reason = "the names are the registry's")]
        impl LinkType {
            $(pub const $name: Self = Self($number);)*
        }

        impl LinkType {
            /// The registry's name, where this program knows the type.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    NULL = 0,
    ETHERNET = 1,
    AX25 = 3,
    IEEE802_5 = 6,
    ARCNET_BSD = 7,
    SLIP = 8,
    PPP = 9,
    FDDI = 10,
    RAW_BSD = 12,
    RAW_OPENBSD = 14,
    REDBACK_SMARTEDGE = 32,
    PPP_HDLC = 50,
    PPP_ETHER = 51,
    SYMANTEC_FIREWALL = 99,
    ATM_RFC1483 = 100,
    RAW = 101,
    C_HDLC = 104,
    IEEE802_11 = 105,
    ATM_CLIP = 106,
    FRELAY = 107,
    LOOP = 108,
    ENC = 109,
    NETBSD_HDLC = 112,
    LINUX_SLL = 113,
    PFLOG = 117,
    IEEE802_11_PRISM = 119,
    IP_OVER_FC = 122,
    SUNATM = 123,
    IEEE802_11_RADIOTAP = 127,
    TZSP = 128,
    ARCNET_LINUX = 129,
    JUNIPER_MLPPP = 130,
    JUNIPER_MLFR = 131,
    JUNIPER_GGSN = 133,
    JUNIPER_ATM2 = 135,
    JUNIPER_SERVICES = 136,
    JUNIPER_ATM1 = 137,
    APPLE_IP_OVER_IEEE1394 = 138,
    DOCSIS = 143,
    USER0 = 147,
    IEEE802_11_AVS = 163,
    PPP_PPPD = 166,
    JUNIPER_PPPOE = 167,
    GFP_T = 170,
    GFP_F = 171,
    JUNIPER_ETHER = 178,
    JUNIPER_PPP = 179,
    JUNIPER_FRELAY = 180,
    JUNIPER_CHDLC = 181,
    MFR = 182,
    JUNIPER_VP = 183,
    JUNIPER_VN = 184,
    PPI = 192,
    IEEE802_15_4_WITHFCS = 195,
    SITA = 196,
    ERF = 197,
    JUNIPER_ST = 200,
    AX25_KISS = 202,
    PPP_WITH_DIR = 204,
    C_HDLC_WITH_DIR = 205,
    FRELAY_WITH_DIR = 206,
    MPLS = 219,
    FC_2 = 224,
    FC_2_WITH_FRAME_DELIMS = 225,
    IPNET = 226,
    CAN_SOCKETCAN = 227,
    IPV4 = 228,
    IPV6 = 229,
    NFLOG = 239,
    NETANALYZER = 240,
    NETANALYZER_TRANSPARENT = 241,
    IPOIB = 242,
    WIRESHARK_UPPER_PDU = 252,
    PKTAP = 258,
    EPON = 259,
    ETHERNET_MPACKET = 274,
    LINUX_SLL2 = 276,
    EBHSCR = 279,
    VPP_DISPATCH = 280,
    DSA_TAG_BRCM = 281,
    DSA_TAG_BRCM_PREPEND = 282,
    DSA_TAG_DSA = 284,
    DSA_TAG_EDSA = 285,
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "link type {}", self.0),
        }
    }
}

impl fmt::Debug for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
