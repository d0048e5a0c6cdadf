//! The faults of filters.

use crate::select::language::error::{FaultKind, TextError};
use crate::select::net::IpNet;
use crate::select::port::PortError;

/// A fault in the text of a filter, with its place.
pub type FilterError = TextError<FilterErrorKind>;

impl FaultKind for FilterErrorKind {
    const TEXT: &'static str = "filter";
}

/// The fault of a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterErrorKind {
    /// Something else must stand here.
    #[error("expected {0} here")]
    Expected(Expected),
    /// A word that begins no primitive.
    #[error("unknown word {0}; the primitives are {PRIMITIVES}")]
    UnknownWord(String),
    /// A keyword in capitals.
    #[error("unknown word {word}: keywords are lower case, '{keyword}'")]
    NotLowerCase {
        /// The word, quoted.
        word: String,
        /// The keyword it would be.
        keyword: String,
    },
    /// A value that no qualifier precedes, and none can be taken over from the left.
    #[error(
        "{0} needs 'host', 'net', 'port', 'portrange' or 'proto' before it (they are taken over only \
         from a condition with a value, right before this 'and' or 'or')"
    )]
    Unqualified(String),
    /// A primitive of pcap-filter(7) that cannot be decided on a flow key.
    #[error(
        "'{0}' is pcap-filter, but a flow does not tell it, so it is not supported here; the \
         primitives are {PRIMITIVES}"
    )]
    Unsupported(String),
    /// The packet-data accessors, relations and arithmetic of pcap-filter(7).
    #[error(
        "packet bytes, comparisons and arithmetic (as in tcp[13] & 2 != 0) are pcap-filter, but a \
         flow does not tell them, so they are not supported here; to combine conditions write \
         'and' or '&&', 'or' or '||', 'not' or '!'"
    )]
    Arithmetic,
    /// A qualifier that does not go with the one before it.
    #[error("{second} does not go with {first}: {hint}")]
    Mismatch {
        /// The qualifier that came first.
        first: &'static str,
        /// The one at fault.
        second: &'static str,
        /// What does go.
        hint: &'static str,
    },
    /// A name where an address belongs.
    #[error("{0} is not an IP address; host names are not looked up, write the address")]
    HostName(String),
    /// A port number where an address belongs.
    #[error("{0} is not an IP address; for a port write 'port'")]
    PortForHost(String),
    /// Digits and dots (or colons) that make no address.
    #[error("{0} is not an IP address")]
    NotAnAddress(String),
    /// A network, or a part of an address, after `host`.
    #[error("'host' takes one whole address; for a network write 'net' in its place")]
    NetworkForHost,
    /// Digits and dots that make no network number.
    #[error("{0} is not a network: write it as in 10.0.0.0/8, 192.168 or 2001:db8::/32")]
    NotANetwork(String),
    /// The prefix length does not fit the address.
    #[error("{length} is no prefix length: for {version} it goes from 0 to {max}")]
    PrefixLen {
        /// The length, quoted.
        length: String,
        /// `IPv4` or `IPv6`.
        version: &'static str,
        /// 32 or 128.
        max: u8,
    },
    /// A mask that is not written as one.
    #[error("{0} is not an IPv4 mask such as 255.255.255.0")]
    NotAMask(String),
    /// `mask` after an IPv6 network.
    #[error("'mask' is for IPv4 networks; for IPv6 write ADDRESS/LENGTH")]
    MaskForIpv6,
    /// The address has bits that the mask leaves out: one of the two is a slip.
    #[error("the address has bits set outside its mask; the network is {0}")]
    HostBits(IpNet),
    /// `ip` with an IPv6 address, or `ip6` with an IPv4 address.
    #[error("'{qualifier}' does not go with an {version} address")]
    Version {
        /// The qualifier.
        qualifier: &'static str,
        /// `IPv4` or `IPv6`.
        version: &'static str,
    },
    /// A MAC address where an IP address belongs.
    #[error("{0} is a MAC address: write 'ether' before 'host', 'src' or 'dst'")]
    MacForHost(String),
    /// What stands after `ether host`, `ether src` or `ether dst` is no MAC address.
    #[error("{0} is not a MAC address such as 00:1b:21:3c:9d:f8")]
    NotAMac(String),
    /// The port is wrong.
    #[error(transparent)]
    Port(PortError),
    /// A range where a single port belongs.
    #[error("'port' takes one port; for a range write 'portrange' in its place")]
    RangeForPort,
    /// The number is too large.
    #[error("{number} is out of range: {what} goes from 0 to {max}")]
    OutOfRange {
        /// The number, quoted.
        number: String,
        /// What it would be the number of.
        what: &'static str,
        /// The highest valid number.
        max: u16,
    },
    /// `010` is octal in pcap-filter(7), and ten to most readers.
    #[error("{0} has a leading zero, which could mean octal: write it without")]
    LeadingZero(String),
    /// The name is not in the built-in table.
    #[error("unknown protocol name {0}: write its number")]
    UnknownProtocol(String),
    /// An opening parenthesis without its closing one.
    #[error("this '(' is never closed")]
    NeverClosed,
    /// A closing parenthesis without its opening one.
    #[error("this ')' closes nothing")]
    NeverOpened,
    /// Parentheses within parentheses, beyond any need.
    #[error("more than {0} parentheses within each other")]
    TooDeep(usize),
}

/// The token that was expected instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Expected {
    /// The begin of a condition.
    #[error("a condition such as 'tcp port 443', 'host 10.0.0.1' or 'vlan 100'")]
    Condition,
    /// What may follow a complete condition.
    #[error("'and', 'or' or the end of the filter")]
    Operator,
    /// As `Operator`, within parentheses.
    #[error("'and', 'or' or ')'")]
    OperatorOrClose,
    /// The second half of `src or dst`.
    #[error("'src or dst' or 'src and dst'")]
    BothDirections,
    /// A host address.
    #[error("an IP address")]
    Address,
    /// A network.
    #[error("a network such as 10.0.0.0/8 or 2001:db8::/32")]
    Network,
    /// A prefix length.
    #[error("a prefix length")]
    PrefixLen,
    /// An IPv4 mask.
    #[error("an IPv4 mask such as 255.255.255.0")]
    Mask,
    /// A MAC address.
    #[error("a MAC address")]
    Mac,
    /// `host`, `src` or `dst`, after `ether`.
    #[error("'host', 'src' or 'dst' and a MAC address after 'ether'")]
    LinkQualifier,
    /// A port.
    #[error("a port number or the name of a service")]
    Port,
    /// A range of ports.
    #[error("a port range such as 1000-2000")]
    PortRange,
    /// An IP protocol.
    #[error("a protocol number or name")]
    Protocol,
    /// A VLAN id.
    #[error("a VLAN id (0 to 4095)")]
    Vlan,
}

/// For messages: the primitives there are.
const PRIMITIVES: &str = "host, net, port, portrange (after any of ip, ip6, tcp, udp, sctp, src, \
    dst), proto, ip, ip6, tcp, udp, sctp, icmp, icmp6, igmp, igrp, pim, vrrp, carp, esp, ah, \
    vlan, ether host, ether src, ether dst";
