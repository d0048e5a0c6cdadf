//! IP networks: an address and a mask.
//!
//! What is accepted is what `--extract-ip` takes: a bare address, `ADDR/LEN` (CIDR, RFC 4632 and
//! RFC 4291), and for IPv4 also `ADDR/MASK`, where the mask may have holes. An address is in the
//! network when both agree in every bit that the mask has set, so host bits in the text are
//! accepted and forgotten.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::word::{is_digits, quote};

/// An IP network: the addresses that agree with one address in the bits of a mask.
///
/// Invariant: the address has no bit set that the mask has not, so two networks are equal exactly
/// when they hold the same addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpNet(Parts);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Parts {
    V4 { address: Ipv4Addr, mask: Ipv4Addr },
    V6 { address: Ipv6Addr, mask: Ipv6Addr },
}

impl IpNet {
    /// The network of this one address.
    pub const fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self(Parts::V4 {
                address,
                mask: Ipv4Addr::BROADCAST,
            }),
            IpAddr::V6(address) => Self(Parts::V6 {
                address,
                mask: Ipv6Addr::from_bits(u128::MAX),
            }),
        }
    }

    /// The network of the addresses that share their first `prefix_len` bits with `address`;
    /// `None` where an address of that version has fewer bits.
    pub fn with_prefix(address: IpAddr, prefix_len: u8) -> Option<Self> {
        match address {
            IpAddr::V4(address) => {
                let host_bits = u32::BITS.checked_sub(prefix_len.into())?;
                let mask = Ipv4Addr::from_bits(u32::MAX.checked_shl(host_bits).unwrap_or(0));
                Some(Self::with_mask(address, mask))
            }
            IpAddr::V6(address) => {
                let host_bits = u128::BITS.checked_sub(prefix_len.into())?;
                let mask = Ipv6Addr::from_bits(u128::MAX.checked_shl(host_bits).unwrap_or(0));
                Some(Self(Parts::V6 {
                    address: address & mask,
                    mask,
                }))
            }
        }
    }

    /// The network of the addresses that agree with `address` in the bits set in `mask`, which
    /// need not be contiguous.
    pub fn with_mask(address: Ipv4Addr, mask: Ipv4Addr) -> Self {
        Self(Parts::V4 {
            address: address & mask,
            mask,
        })
    }

    /// Whether the address is in this network. Addresses of the other IP version never are:
    /// `::ffff:10.0.0.1` is an IPv6 address.
    pub fn contains(&self, other: IpAddr) -> bool {
        match (self.0, other) {
            (Parts::V4 { address, mask }, IpAddr::V4(other)) => other & mask == address,
            (Parts::V6 { address, mask }, IpAddr::V6(other)) => other & mask == address,
            _ => false,
        }
    }

    /// The network's lowest address: all bits outside the mask are 0.
    pub const fn address(&self) -> IpAddr {
        match self.0 {
            Parts::V4 { address, .. } => IpAddr::V4(address),
            Parts::V6 { address, .. } => IpAddr::V6(address),
        }
    }

    /// How many leading bits are fixed; `None` for a mask with holes.
    pub const fn prefix_len(&self) -> Option<u8> {
        let (len, ones) = match self.0 {
            Parts::V4 { mask, .. } => (mask.to_bits().leading_ones(), mask.to_bits().count_ones()),
            Parts::V6 { mask, .. } => (mask.to_bits().leading_ones(), mask.to_bits().count_ones()),
        };
        // At most 128, so its lowest byte is all of it.
        let [len_byte, ..] = len.to_le_bytes();
        if len == ones { Some(len_byte) } else { None }
    }

    /// Whether the network is one of IPv6 addresses.
    pub const fn is_ipv6(&self) -> bool {
        matches!(self.0, Parts::V6 { .. })
    }
}

/// A bare address for a single host, else `ADDR/LEN`, else (a mask with holes) `ADDR/MASK`; what
/// is printed parses to an equal network.
impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address())?;
        match (self.0, self.prefix_len()) {
            (Parts::V4 { .. }, Some(32)) | (Parts::V6 { .. }, Some(128)) => Ok(()),
            (_, Some(len)) => write!(f, "/{len}"),
            (Parts::V4 { mask, .. }, None) => write!(f, "/{mask}"),
            (Parts::V6 { mask, .. }, None) => write!(f, "/{mask}"),
        }
    }
}

impl FromStr for IpNet {
    type Err = IpNetError;

    fn from_str(text: &str) -> Result<Self, IpNetError> {
        let Some((address, mask)) = text.split_once('/') else {
            return Ok(Self::host(parse_address(text)?));
        };
        let address = parse_address(address)?;
        if let Ok(len) = parse_prefix_len(mask) {
            return Self::with_prefix(address, len).ok_or_else(|| IpNetError::PrefixLen {
                mask: quote(mask),
                address,
            });
        }
        match (address, mask.parse()) {
            (IpAddr::V4(address), Ok(mask)) => Ok(Self::with_mask(address, mask)),
            _ if is_digits(mask) => Err(IpNetError::PrefixLen {
                mask: quote(mask),
                address,
            }),
            _ => Err(IpNetError::Mask {
                mask: quote(mask),
                address,
            }),
        }
    }
}

/// Why a text is not an IP network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IpNetError {
    /// What stands before the slash, or the whole text, is no address.
    #[error(
        "{text} is not an IP address; write an address, ADDRESS/LENGTH or, for IPv4, ADDRESS/MASK"
    )]
    Address {
        /// The offending piece, quoted and cut to a readable length.
        text: String,
    },
    /// The prefix length is longer than an address of that version, or has a leading zero.
    #[error(
        "{mask} is not a prefix length for {address}: {} expected",
        expected_len(address)
    )]
    PrefixLen {
        /// The offending piece, quoted and cut to a readable length.
        mask: String,
        /// The address before the slash.
        address: IpAddr,
    },
    /// What stands after the slash is neither a prefix length nor a mask.
    #[error(
        "{mask} is not a mask for {address}: {} expected",
        expected_mask(address)
    )]
    Mask {
        /// The offending piece, quoted and cut to a readable length.
        mask: String,
        /// The address before the slash.
        address: IpAddr,
    },
}

const fn expected_len(address: &IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "0 to 32",
        IpAddr::V6(_) => "0 to 128",
    }
}

const fn expected_mask(address: &IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "a length from 0 to 32 or a mask such as 255.255.255.0",
        IpAddr::V6(_) => "a length from 0 to 128",
    }
}

fn parse_address(text: &str) -> Result<IpAddr, IpNetError> {
    text.parse()
        .map_err(|_not_an_address| IpNetError::Address { text: quote(text) })
}

/// Decimal, without sign and leading zeros (which elsewhere mean octal).
fn parse_prefix_len(text: &str) -> Result<u8, ()> {
    let plain = is_digits(text) && (text == "0" || !text.starts_with('0'));
    if plain {
        text.parse().map_err(|_too_large| ())
    } else {
        Err(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn message(text: &str) -> String {
        text.parse::<IpNet>().unwrap_err().to_string()
    }

    #[test]
    fn a_bare_address_is_one_host() {
        assert!(net("10.0.0.1").contains(ip("10.0.0.1")));
        assert!(!net("10.0.0.1").contains(ip("10.0.0.2")));
        assert!(net("2001:db8::1").contains(ip("2001:db8::1")));
        assert!(!net("2001:db8::1").contains(ip("2001:db8::2")));
    }

    #[test]
    fn host_bits_in_the_text_are_accepted_and_forgotten() {
        assert_eq!(net("1.2.3.4/255.255.255.0"), net("1.2.3.0/24"));
        assert_eq!(net("2001:db8::1/32"), net("2001:db8::/32"));
        assert!(net("1.2.3.4/255.255.255.0").contains(ip("1.2.3.200")));
        assert!(!net("1.2.3.4/255.255.255.0").contains(ip("1.2.4.4")));
        assert_eq!(net("1.2.3.4/24").address(), ip("1.2.3.0"));
    }

    #[test]
    fn a_mask_may_have_holes() {
        let odd_rows = net("10.0.0.1/255.0.0.1");
        assert!(odd_rows.contains(ip("10.9.8.7")));
        assert!(!odd_rows.contains(ip("10.9.8.6")));
        assert_eq!(odd_rows.prefix_len(), None);
        assert_eq!(odd_rows.to_string(), "10.0.0.1/255.0.0.1");
    }

    #[test]
    fn the_shortest_and_the_longest_prefix() {
        assert!(net("0.0.0.0/0").contains(ip("255.255.255.255")));
        assert!(net("::/0").contains(ip("ffff::1")));
        assert!(!net("0.0.0.0/0").contains(ip("::")));
        assert!(!net("::/0").contains(ip("0.0.0.0")));
        assert_eq!(net("10.0.0.1/32"), net("10.0.0.1"));
        assert_eq!(net("::1/128"), net("::1"));
        assert_eq!(net("10.0.0.1/0.0.0.0"), net("0.0.0.0/0"));
    }

    #[test]
    fn an_ipv4_mapped_address_is_ipv6() {
        assert!(!net("10.0.0.1").contains(ip("::ffff:10.0.0.1")));
        assert!(net("::ffff:10.0.0.0/120").contains(ip("::ffff:10.0.0.1")));
        assert!(net("::ffff:10.0.0.0/120").is_ipv6());
    }

    #[test]
    fn display_is_the_shortest_form() {
        for (text, shown) in [
            ("10.0.0.1/32", "10.0.0.1"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.2.3/255.0.0.0", "10.0.0.0/8"),
            ("2001:DB8:0:0::/32", "2001:db8::/32"),
            ("::1/128", "::1"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(net(text).to_string(), shown);
        }
    }

    #[test]
    fn errors_name_the_piece() {
        for (text, expected) in [
            ("", "'' is not an IP address; "),
            ("/8", "'' is not an IP address; "),
            ("10.0.0.300", "'10.0.0.300' is not an IP address; "),
            ("10.0.0", "'10.0.0' is not an IP address; "),
            ("010.0.0.1", "'010.0.0.1' is not an IP address; "),
            (" 10.0.0.1", "' 10.0.0.1' is not an IP address; "),
            ("example.com/24", "'example.com' is not an IP address; "),
            ("fe80::1%eth0", "'fe80::1%eth0' is not an IP address; "),
            (
                "10.0.0.0/33",
                "'33' is not a prefix length for 10.0.0.0: 0 to 32 expected",
            ),
            (
                "10.0.0.0/08",
                "'08' is not a prefix length for 10.0.0.0: 0 to 32 expected",
            ),
            (
                "10.0.0.0/999",
                "'999' is not a prefix length for 10.0.0.0: 0 to 32 expected",
            ),
            (
                "::/129",
                "'129' is not a prefix length for ::: 0 to 128 expected",
            ),
            (
                "::/ffff::",
                "'ffff::' is not a mask for ::: a length from 0 to 128 expected",
            ),
            (
                "10.0.0.0/",
                "'' is not a mask for 10.0.0.0: a length from 0 to 32 or a mask ",
            ),
            (
                "10.0.0.0/-1",
                "'-1' is not a mask for 10.0.0.0: a length from 0 to 32 ",
            ),
            (
                "10.0.0.0/+8",
                "'+8' is not a mask for 10.0.0.0: a length from 0 to 32 ",
            ),
            (
                "10.0.0.0/8/8",
                "'8/8' is not a mask for 10.0.0.0: a length from 0 to 32 ",
            ),
        ] {
            let message = message(text);
            assert!(message.starts_with(expected), "{text:?} gave {message}");
        }
    }

    #[test]
    fn messages_stay_short_and_printable() {
        assert!(message(&"9".repeat(1_000_000)).len() < 200);
        assert!(message("10.0.0.1\u{1b}[2J\n").starts_with("'10.0.0.1\\u{1b}[2J\\n' is"));
    }

    proptest! {
        #[test]
        fn contains_is_the_masked_comparison(address: u32, mask: u32, other: u32, flips: u32) {
            let net = IpNet::with_mask(Ipv4Addr::from_bits(address), Ipv4Addr::from_bits(mask));
            let near = address ^ (flips & !mask);
            prop_assert!(net.contains(IpAddr::V4(Ipv4Addr::from_bits(near))));
            prop_assert_eq!(
                net.contains(IpAddr::V4(Ipv4Addr::from_bits(other))),
                (other & mask) == (address & mask)
            );
        }

        #[test]
        fn a_prefix_is_a_comparison_of_leading_bits(
            address: u128,
            len in 0u8..=128,
            flip in 0u8..128,
        ) {
            let net = IpNet::with_prefix(IpAddr::V6(Ipv6Addr::from_bits(address)), len).unwrap();
            prop_assert_eq!(net.prefix_len(), Some(len));
            let other = address ^ (1 << (127 - flip));
            prop_assert_eq!(net.contains(IpAddr::V6(Ipv6Addr::from_bits(other))), flip >= len);
        }

        #[test]
        fn what_is_printed_parses_to_the_same(v6: bool, address: u128, mask: u32, len: u8) {
            let low = u32::try_from(address & u128::from(u32::MAX)).unwrap();
            let net = if v6 {
                IpNet::with_prefix(IpAddr::V6(Ipv6Addr::from_bits(address)), len % 129).unwrap()
            } else {
                IpNet::with_mask(Ipv4Addr::from_bits(low), Ipv4Addr::from_bits(mask))
            };
            prop_assert_eq!(net.to_string().parse::<IpNet>().unwrap(), net);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[0-9a-f:./]{0,12}|\\PC{0,20}") {
            if let Ok(net) = text.parse::<IpNet>() {
                prop_assert!(net.contains(net.address()));
            }
        }
    }
}
