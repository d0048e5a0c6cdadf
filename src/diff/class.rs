//! The words of a comparison: classes, directions, flags, names of what changed.

use super::side::Point;

/// What became of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// It is in both captures, one to one; headers may differ in what devices on a path change.
    Same,
    /// All of its bytes are in the other capture, in other packets.
    Resegmented,
    /// The same of some of its bytes.
    Partial,
    /// It is in both, but with other contents.
    Mangled,
    /// It is in the sender's capture alone.
    Dropped,
    /// It is in the receiver's capture alone.
    Injected,
    /// It is in one capture alone, and nothing tells which way it went.
    Only,
    /// A further copy of a packet that is in the other capture.
    Duplicate,
    /// It is in one capture alone, as everything between its two addresses is.
    OneSided,
    /// It is in one capture alone, and the other one was not running then.
    Outside,
    /// It is not IP.
    #[default]
    NotIp,
}

impl Class {
    /// All classes, in order.
    pub const ALL: [Self; 11] = [
        Self::Same,
        Self::Resegmented,
        Self::Partial,
        Self::Mangled,
        Self::Dropped,
        Self::Injected,
        Self::Only,
        Self::Duplicate,
        Self::OneSided,
        Self::Outside,
        Self::NotIp,
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Resegmented => "resegmented",
            Self::Partial => "partial",
            Self::Mangled => "mangled",
            Self::Dropped => "dropped",
            Self::Injected => "injected",
            Self::Only => "only",
            Self::Duplicate => "duplicate",
            Self::OneSided => "one_sided",
            Self::Outside => "outside",
            Self::NotIp => "not_ip",
        }
    }

    /// Whether captures with such packets differ.
    pub const fn differs(self) -> bool {
        match self {
            Self::Partial
            | Self::Mangled
            | Self::Dropped
            | Self::Injected
            | Self::Only
            | Self::Duplicate => true,
            Self::Same | Self::Resegmented | Self::OneSided | Self::Outside | Self::NotIp => false,
        }
    }

    /// Whether it says something of the path between both points.
    pub const fn is_judged(self) -> bool {
        !matches!(self, Self::OneSided | Self::Outside | Self::NotIp)
    }
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// It passes A first.
    Ab,
    /// It passes B first.
    Ba,
}

impl Way {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::Ab, Self::Ba];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ab => "ab",
            Self::Ba => "ba",
        }
    }

    /// Where it is seen first.
    pub const fn sender(self) -> Point {
        match self {
            Self::Ab => Point::A,
            Self::Ba => Point::B,
        }
    }
}

macro_rules! changes {
    ($($(#[doc = $doc:literal])* $name:ident = $bit:literal, $text:literal;)*) => {
        /// What differs between two captures of a packet.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct Changes(u32);

        impl Changes {
            $($(#[doc = $doc])* pub const $name: Self = Self(1 << $bit);)*

            /// All, with their names, in order.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $text)),*];
        }
    };
}

changes! {
    /// MAC addresses.
    MAC = 0, "mac";
    /// VLAN tags.
    VLAN = 1, "vlan";
    /// MPLS labels.
    MPLS = 2, "mpls";
    /// Tunnels that the packet came through.
    TUNNEL = 3, "tunnel";
    /// The link type.
    LINK = 4, "link";
    /// Time to live, or hop limit.
    TTL = 5, "ttl";
    /// Type of service, or traffic class, with ECN.
    TOS = 6, "tos";
    /// Identification of IPv4.
    IP_ID = 7, "ip_id";
    /// Flags of IPv4.
    IP_FLAGS = 8, "ip_flags";
    /// Source address.
    SRC = 9, "src";
    /// Destination address.
    DST = 10, "dst";
    /// Source port.
    SPORT = 11, "sport";
    /// Destination port.
    DPORT = 12, "dport";
    /// Identifier of an ICMP echo.
    ICMP_ID = 13, "icmp_id";
    /// The packet that an ICMP error quotes.
    ICMP_QUOTE = 14, "icmp_quote";
    /// Checksum of TCP, UDP or ICMP, where no other change explains it.
    L4_CHECKSUM = 15, "l4_checksum";
    /// Sequence number, moved by a constant.
    SEQ = 16, "seq";
    /// Acknowledgment number, moved by a constant.
    ACK = 17, "ack";
    /// TCP options.
    TCP_OPTIONS = 18, "tcp_options";
    /// How much of it was captured.
    CAPLEN = 19, "caplen";
    /// Bytes after the datagram.
    PADDING = 20, "padding";
    /// Payload.
    PAYLOAD = 21, "payload";
    /// Length of the payload.
    LENGTH = 22, "length";
    /// TCP flags.
    TCP_FLAGS = 23, "tcp_flags";
    /// TCP window.
    WINDOW = 24, "window";
    /// TCP's urgent pointer.
    URGENT = 25, "urgent";
    /// ICMP type or code.
    ICMP_TYPE = 26, "icmp_type";
}

impl Changes {
    /// None.
    pub const NONE: Self = Self(0);

    /// What no device on a path changes.
    pub const MANGLED: Self = Self(0x7f << 21);

    /// The change with this name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, it)| *it == name);
        found.map(|(change, _)| *change)
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without some.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// These, if something is so.
    #[must_use]
    pub const fn only_if(self, is_so: bool) -> Self {
        if is_so { self } else { Self::NONE }
    }

    /// Whether there are any of these.
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names, in order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = Self::ALL.iter();
        all.filter(move |(it, _)| self.has_any(*it))
            .map(|(_, name)| *name)
    }
}

/// How packets of both captures belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The packet of A, by its place there.
    pub a: u32,
    /// The packet of B.
    pub b: u32,
    /// How much of them is the same.
    pub extent: Extent,
    /// What differs, of what no device on a path changes.
    pub changes: Changes,
}

/// How much of two packets is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// One to one.
    Whole,
    /// So many bytes of payload.
    Bytes(u32),
}
