//! The values of the filter language: addresses, networks, ports, protocols.
//!
//! Each function reads one word and says what is wrong with it; where the word stands is the
//! parser's business.

use std::net::{IpAddr, Ipv4Addr};

use super::error::{Expected, FilterErrorKind};
use super::lex::{TokenKind, Word, meaning};
use crate::flow::key::MacAddr;
use crate::select::names::{protocol_number, service_port};
use crate::select::net::IpNet;
use crate::select::port::{PortRange, parse_port};
use crate::select::word::{Number, is_digits, number, quote};

/// What a condition is restricted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Any,
    Ip,
    Ip6,
    /// A transport protocol, by its number.
    Transport(u8),
    Link,
}

/// One whole address, of the IP version that the scope allows.
pub(super) fn host(word: &str, scope: Scope) -> Result<IpNet, FilterErrorKind> {
    let Ok(address) = word.parse() else {
        return Err(not_a_host(word));
    };
    check_version(address, scope)?;
    Ok(IpNet::host(address))
}

fn not_a_host(word: &str) -> FilterErrorKind {
    let quoted = quote(word);
    if is_digits(word) {
        FilterErrorKind::PortForHost(quoted)
    } else if ipv4_number(word).is_some() {
        FilterErrorKind::NetworkForHost
    } else if mac(word).is_ok() {
        FilterErrorKind::MacForHost(quoted)
    } else if word.contains(':')
        || word
            .bytes()
            .all(|byte| byte == b'.' || byte.is_ascii_digit())
    {
        FilterErrorKind::NotAnAddress(quoted)
    } else {
        FilterErrorKind::HostName(quoted)
    }
}

fn check_version(address: IpAddr, scope: Scope) -> Result<(), FilterErrorKind> {
    match (scope, address) {
        (Scope::Ip, IpAddr::V6(_)) => Err(FilterErrorKind::Version {
            qualifier: "ip",
            version: "IPv6",
        }),
        (Scope::Ip6, IpAddr::V4(_)) => Err(FilterErrorKind::Version {
            qualifier: "ip6",
            version: "IPv4",
        }),
        _ => Ok(()),
    }
}

/// The address of a network, and the prefix length it has by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct NetNumber {
    pub(super) address: IpAddr,
    /// Bits in the octets that were written: 16 for `10.1`.
    pub(super) implied_prefix_len: u8,
}

/// The address of a network; an IPv4 one may leave out octets at its end.
pub(super) fn net_number(word: &str, scope: Scope) -> Result<NetNumber, FilterErrorKind> {
    let number = if let Some((address, implied_prefix_len)) = ipv4_number(word) {
        NetNumber {
            address: IpAddr::V4(address),
            implied_prefix_len,
        }
    } else if let Ok(address) = word.parse() {
        NetNumber {
            address: IpAddr::V6(address),
            implied_prefix_len: 128,
        }
    } else {
        return Err(FilterErrorKind::NotANetwork(quote(word)));
    };
    check_version(number.address, scope)?;
    Ok(number)
}

/// One to four decimal octets, and the number of bits in them.
fn ipv4_number(word: &str) -> Option<(Ipv4Addr, u8)> {
    let mut octets = [0; 4];
    let mut bits = 0;
    let mut slots = octets.iter_mut();
    for piece in word.split('.') {
        let Number::Value(value) = number(piece) else {
            return None;
        };
        if !is_digits(piece) {
            return None;
        }
        *slots.next()? = u8::try_from(value).ok()?;
        bits += 8;
    }
    Some((Ipv4Addr::from(octets), bits))
}

/// The length in `ADDRESS/LENGTH`.
pub(super) fn prefix_len(word: &str, net: NetNumber) -> Result<u8, FilterErrorKind> {
    let (version, max) = match net.address {
        IpAddr::V4(_) => ("IPv4", 32),
        IpAddr::V6(_) => ("IPv6", 128),
    };
    let wrong = || FilterErrorKind::PrefixLen {
        length: quote(word),
        version,
        max,
    };
    match number(word) {
        Number::Value(length) if length <= u64::from(max) => {
            u8::try_from(length).map_err(|_beyond_max| wrong())
        }
        Number::LeadingZero => Err(FilterErrorKind::LeadingZero(quote(word))),
        _ => Err(wrong()),
    }
}

/// The network of `ADDRESS/LENGTH`, if the address has no bits beyond the length.
pub(super) fn net_with_prefix(number: NetNumber, len: u8) -> Result<IpNet, FilterErrorKind> {
    let net = IpNet::with_prefix(number.address, len)
        .ok_or(FilterErrorKind::Expected(Expected::PrefixLen))?;
    without_host_bits(number.address, net)
}

/// The address before `mask`.
pub(super) fn ipv4_only(number: NetNumber) -> Result<Ipv4Addr, FilterErrorKind> {
    match number.address {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(FilterErrorKind::MaskForIpv6),
    }
}

/// The mask behind `mask`; it may leave out octets at its end, as in libpcap.
pub(super) fn mask(word: &str) -> Result<Ipv4Addr, FilterErrorKind> {
    ipv4_number(word)
        .map(|(mask, _bits)| mask)
        .ok_or_else(|| FilterErrorKind::NotAMask(quote(word)))
}

/// The network of `ADDRESS mask MASK`, if the address has no bits that the mask has not.
pub(super) fn net_with_mask(address: Ipv4Addr, mask: Ipv4Addr) -> Result<IpNet, FilterErrorKind> {
    without_host_bits(IpAddr::V4(address), IpNet::with_mask(address, mask))
}

fn without_host_bits(address: IpAddr, net: IpNet) -> Result<IpNet, FilterErrorKind> {
    if net.address() == address {
        Ok(net)
    } else {
        Err(FilterErrorKind::HostBits(net))
    }
}

/// One port.
pub(super) fn port(word: &str) -> Result<PortRange, FilterErrorKind> {
    match parse_port(word) {
        Ok(port) => Ok(PortRange::single(port)),
        Err(_) if word.contains('-') && word.parse::<PortRange>().is_ok() => {
            Err(FilterErrorKind::RangeForPort)
        }
        Err(error) => Err(FilterErrorKind::Port(error)),
    }
}

/// A range of ports.
pub(super) fn port_range(word: &str) -> Result<PortRange, FilterErrorKind> {
    word.parse().map_err(FilterErrorKind::Port)
}

/// Whether a keyword is also the name of a service.
pub(super) fn is_service(keyword: &str) -> bool {
    service_port(keyword).is_some()
}

/// Whether a keyword is also the name of an IP protocol.
pub(super) fn is_protocol(keyword: &str) -> bool {
    protocol_number(keyword).is_some()
}

/// An IP protocol, as a number or a name.
pub(super) fn protocol(word: &str) -> Result<u8, FilterErrorKind> {
    number_up_to(word, "an IP protocol", u8::MAX.into()).unwrap_or_else(|| {
        protocol_number(word).ok_or_else(|| FilterErrorKind::UnknownProtocol(quote(word)))
    })
}

/// A VLAN id.
pub(super) fn vlan(word: &str) -> Result<u16, FilterErrorKind> {
    number_up_to(word, "a VLAN id", MAX_VLAN)
        .unwrap_or(Err(FilterErrorKind::Expected(Expected::Vlan)))
}

/// The word as a number; `None` where it is not one at all.
fn number_up_to<N: TryFrom<u64>>(
    word: &str,
    what: &'static str,
    max: u16,
) -> Option<Result<N, FilterErrorKind>> {
    let value = match number(word) {
        Number::Value(value) if value <= max.into() => N::try_from(value).ok(),
        Number::Value(_) | Number::TooLarge => None,
        Number::LeadingZero => {
            return Some(Err(FilterErrorKind::LeadingZero(quote(word))));
        }
        Number::Other => return None,
    };
    Some(value.ok_or_else(|| FilterErrorKind::OutOfRange {
        number: quote(word),
        what,
        max,
    }))
}

/// IEEE 802.1Q: ids have 12 bits.
const MAX_VLAN: u16 = 0x0fff;

/// A MAC address in one of the forms of pcap-filter(7): six groups of one or two hexadecimal
/// digits between colons, dashes or dots, three groups of four between dots, or twelve digits.
pub(super) fn mac(word: &str) -> Result<MacAddr, FilterErrorKind> {
    let pairs = |word: &'_ str| mac_bytes(word.split('.').flat_map(|run| run.as_bytes().chunks(2)));
    let bytes = match word
        .chars()
        .find(|character| matches!(character, ':' | '-' | '.'))
    {
        None if word.len() == 12 => pairs(word),
        None => None,
        Some('.') if word.split('.').all(|run| run.len() == 4) => pairs(word),
        Some(separator) => mac_bytes(word.split(separator).map(str::as_bytes)),
    };
    bytes
        .map(MacAddr)
        .ok_or_else(|| FilterErrorKind::NotAMac(quote(word)))
}

/// Six groups of one or two hexadecimal digits.
fn mac_bytes<'w>(groups: impl Iterator<Item = &'w [u8]>) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut slots = bytes.iter_mut();
    for group in groups {
        *slots.next()? = hex_byte(group)?;
    }
    slots.next().is_none().then_some(bytes)
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    if !(1..=2).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0, |byte, digit| {
        let digit = u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        Some(byte << 4 | digit)
    })
}

/// The keyword that a word would be in lower case, if it is not that already.
pub(super) fn keyword_in_capitals(word: &str) -> Option<String> {
    if !word.bytes().any(|byte| byte.is_ascii_uppercase()) || word.len() > LONGEST_KEYWORD {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    (meaning(&lower) != TokenKind::Word(Word::Value)).then_some(lower)
}

/// `metaconnect`; longer words need not be looked up.
const LONGEST_KEYWORD: usize = 11;
