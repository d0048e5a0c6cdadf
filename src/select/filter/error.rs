//! Why a text is not a filter, and where in the text.

use std::fmt;

use crate::select::net::IpNet;
use crate::select::port::PortError;

/// A fault in the text of a filter, with its place.
///
/// Printed, it shows the text with a caret under the place:
///
/// ```text
/// filter: expected a port number or the name of a service here
///   tcp port and net 10.0.0.0/8
///            ^
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    kind: FilterErrorKind,
    offset: usize,
    text: String,
}

impl FilterError {
    pub(super) fn new(kind: FilterErrorKind, offset: usize, text: &str) -> Self {
        Self {
            kind,
            offset,
            text: text.to_owned(),
        }
    }

    /// What is wrong; its `Display` is the message without the place.
    pub const fn kind(&self) -> &FilterErrorKind {
        &self.kind
    }

    /// Where, as a byte offset into the text: the first byte of the word at fault, or the end of
    /// the text where something is missing there.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The text of the filter.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl std::error::Error for FilterError {}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, column) = excerpt(&self.text, self.offset);
        write!(f, "filter: {}\n  {shown}\n  {:column$}^", self.kind, "")
    }
}

/// What is wrong with a filter.
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

/// What was expected where something else stands.
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

/// The part of the text around a place, fit to be printed on one line, and the column (from 0) of
/// that place in it.
///
/// Each character of the result is one column wide, so the caret is right in any terminal: spaces
/// of all kinds become one space, and what is not a letter of a Western alphabet is escaped.
pub(in crate::select) fn excerpt(text: &str, offset: usize) -> (String, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let after = text.get(offset..).unwrap_or("");
    let start = before
        .char_indices()
        .rev()
        .nth(EXCERPT_BEFORE)
        .map(|(start, _)| start);
    let end = after.char_indices().nth(EXCERPT_AFTER).map(|(end, _)| end);

    let mut shown = String::new();
    if start.is_some() {
        shown.push_str("...");
    }
    show(
        &mut shown,
        start
            .and_then(|start| before.get(start..))
            .unwrap_or(before),
    );
    let column = shown.chars().count();
    show(
        &mut shown,
        end.and_then(|end| after.get(..end)).unwrap_or(after),
    );
    if end.is_some() {
        shown.push_str("...");
    }
    (shown, column)
}

fn show(shown: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            ' '..='~' => shown.push(character),
            LATIN_LETTERS_START..LATIN_LETTERS_END if character.is_alphabetic() => {
                shown.push(character);
            }
            _ if character.is_whitespace() => shown.push(' '),
            _ => shown.extend(character.escape_unicode()),
        }
    }
}

/// Latin-1 Supplement to Latin Extended-B: letters that are one column wide everywhere.
const LATIN_LETTERS_START: char = '\u{c0}';
const LATIN_LETTERS_END: char = '\u{250}';

/// How many characters of the text are shown before and after the place.
const EXCERPT_BEFORE: usize = 60;
const EXCERPT_AFTER: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, offset: usize) -> String {
        let kind = FilterErrorKind::Expected(Expected::Port);
        FilterError::new(kind, offset, text).to_string()
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(
            shown("tcp port and net 10.0.0.0/8", 9),
            "filter: expected a port number or the name of a service here\n\
             \x20 tcp port and net 10.0.0.0/8\n\
             \x20          ^"
        );
    }

    #[test]
    fn spaces_and_control_characters_do_not_move_the_caret() {
        assert_eq!(excerpt("a\tb\nc d", 6), ("a b c d".to_owned(), 6));
        assert_eq!(excerpt("a\u{1b}[1mb", 5), ("a\\u{1b}[1mb".to_owned(), 10));
        assert_eq!(excerpt("\0x", 1), ("\\u{0}x".to_owned(), 5));
    }

    #[test]
    fn letters_stay_and_wide_or_combining_characters_are_escaped() {
        assert_eq!(excerpt("m\u{fc}ller x", 8), ("m\u{fc}ller x".to_owned(), 7));
        assert_eq!(excerpt("\u{6f22}x", 3), ("\\u{6f22}x".to_owned(), 8));
        assert_eq!(
            excerpt("e\u{301}\u{202e}x", 6),
            ("e\\u{301}\\u{202e}x".to_owned(), 16)
        );
    }

    #[test]
    fn a_long_text_is_cut_around_the_place() {
        let text = format!("{}!{}", "a".repeat(1000), "b".repeat(1000));
        let (shown, column) = excerpt(&text, 1000);
        assert_eq!(
            shown,
            format!("...{}!{}...", "a".repeat(61), "b".repeat(59))
        );
        assert_eq!(column, 64);
    }

    #[test]
    fn a_place_outside_the_text_or_within_a_character_is_survived() {
        assert_eq!(excerpt("abc", 3), ("abc".to_owned(), 3));
        assert_eq!(excerpt("abc", 9), ("abc".to_owned(), 3));
        assert_eq!(excerpt("\u{6f22}", 1), ("\\u{6f22}".to_owned(), 8));
    }

    proptest! {
        #[test]
        fn an_excerpt_is_one_printable_line(text in "\\PC{0,90}|(?s:.{0,90})", at in 0usize..200) {
            let (shown, column) = excerpt(&text, at);
            prop_assert!(shown.chars().count() >= column);
            prop_assert!(shown.chars().all(|c| !c.is_control()));
        }
    }
}
