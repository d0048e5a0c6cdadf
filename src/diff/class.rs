//! Classes, directions, flags and names of changes.

use super::side::Point;

/// Class of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// In both captures, one to one. Headers may differ where devices on a path change them.
    Same,
    /// All bytes are in the other capture, in different packets.
    Resegmented,
    /// Some bytes are in the other capture, in different packets.
    Partial,
    /// In both captures, with different contents.
    Mangled,
    /// Only in the sender's capture.
    Dropped,
    /// Only in the receiver's capture.
    Injected,
    /// Only in one capture, with an unknown direction.
    Only,
    /// Another copy of a packet that is in the other capture.
    Duplicate,
    /// Only in one capture, as is everything else between its two addresses.
    OneSided,
    /// Only in one capture, at a time when the other one was not running.
    Outside,
    /// Not IP.
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

    /// The name used in tables.
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

    /// Whether the class says anything about the path between both points.
    pub const fn is_judged(self) -> bool {
        !matches!(self, Self::OneSided | Self::Outside | Self::NotIp)
    }
}

/// Direction of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Passes A first.
    Ab,
    /// Passes B first.
    Ba,
}

impl Way {
    /// Both directions, in order.
    pub const ALL: [Self; 2] = [Self::Ab, Self::Ba];

    /// The name used in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ab => "ab",
            Self::Ba => "ba",
        }
    }

    /// The point that the packet passes first.
    pub const fn sender(self) -> Point {
        match self {
            Self::Ab => Point::A,
            Self::Ba => Point::B,
        }
    }
}

macro_rules! changes {
    ($($(#[doc = $doc:literal])* $name:ident = $bit:literal, $text:literal;)*) => {
        /// Differences between two captures of a packet.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct Changes(u32);

        impl Changes {
            $($(#[doc = $doc])* pub const $name: Self = Self(1 << $bit);)*

            /// All changes with their names, in order.
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
    /// Encapsulating tunnels.
    TUNNEL = 3, "tunnel";
    /// The link type.
    LINK = 4, "link";
    /// Time to live, or hop limit.
    TTL = 5, "ttl";
    /// Type of service, or traffic class, including ECN.
    TOS = 6, "tos";
    /// IPv4 identification.
    IP_ID = 7, "ip_id";
    /// IPv4 flags.
    IP_FLAGS = 8, "ip_flags";
    /// Source address.
    SRC = 9, "src";
    /// Destination address.
    DST = 10, "dst";
    /// Source port.
    SPORT = 11, "sport";
    /// Destination port.
    DPORT = 12, "dport";
    /// ICMP echo identifier.
    ICMP_ID = 13, "icmp_id";
    /// The packet that an ICMP error quotes.
    ICMP_QUOTE = 14, "icmp_quote";
    /// Checksum of TCP, UDP or ICMP, unless another change explains it.
    L4_CHECKSUM = 15, "l4_checksum";
    /// Sequence number, shifted by a constant.
    SEQ = 16, "seq";
    /// Acknowledgment number, shifted by a constant.
    ACK = 17, "ack";
    /// TCP options.
    TCP_OPTIONS = 18, "tcp_options";
    /// Captured length.
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
    /// TCP urgent pointer.
    URGENT = 25, "urgent";
    /// ICMP type or code.
    ICMP_TYPE = 26, "icmp_type";
}

impl Changes {
    /// No changes.
    pub const NONE: Self = Self(0);

    /// Changes that no device on a path makes.
    pub const MANGLED: Self = Self(0x7f << 21);

    /// The change with a given name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, it)| *it == name);
        found.map(|(change, _)| *change)
    }

    /// The union of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These changes without some.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// These changes if a condition holds, none otherwise.
    #[must_use]
    pub const fn only_if(self, is_so: bool) -> Self {
        if is_so { self } else { Self::NONE }
    }

    /// Whether the sets intersect.
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there are no changes.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names, in order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = Self::ALL.iter();
        all.filter(move |(it, _)| self.has_any(*it))
            .map(|(_, name)| *name)
    }
}

/// A correspondence of two packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Index of the packet of A.
    pub a: u32,
    /// Index of the packet of B.
    pub b: u32,
    /// The part of the packets that is the same.
    pub extent: Extent,
    /// Differences that no device on a path makes.
    pub changes: Changes,
}

/// The part of two packets that is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Everything: the packets correspond one to one.
    Whole,
    /// This many bytes of payload.
    Bytes(u32),
}
