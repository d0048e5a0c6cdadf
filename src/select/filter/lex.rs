//! The words of the filter language.
//!
//! A word extends to the next space or symbol of pcap-filter(7); dashes, dots and colons are part
//! of it, so addresses, ranges and MAC addresses are one word each. A backslash before a word takes
//! away its meaning as a keyword, as in `proto \tcp`.

use crate::select::language::lex;

pub(super) type TokenKind = lex::TokenKind<Word>;

/// Tokens besides `and`, `or`, `not` and parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Slash,
    Keyword(Keyword),
    /// A word without meaning of its own: an address, a number, a name.
    Value,
    /// A symbol of pcap-filter(7)'s arithmetic.
    Arithmetic,
}

/// The words with a meaning of their own, besides `and`, `or` and `not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Src,
    Dst,
    Host,
    Net,
    Mask,
    Port,
    PortRange,
    Proto,
    Vlan,
    /// `ether` and its aliases.
    Link,
    Ip,
    Ip6,
    /// A transport protocol with ports, by its number: alone, or before `port`.
    Transport(u8),
    /// A protocol that can only stand alone, by its number, for both IP versions.
    Protocol(u8),
    /// As `Protocol`, for IPv4 only.
    Ip4Protocol(u8),
    /// As `Protocol`, for IPv6 only.
    Ip6Protocol(u8),
    /// A word of pcap-filter(7) that asks for what a flow key does not hold.
    Unsupported,
}

impl lex::Word for Word {
    fn read(head: &str) -> (TokenKind, &str, usize) {
        match head.chars().next() {
            Some('/') => (TokenKind::Word(Self::Slash), "/", 1),
            Some(first) if is_symbol(first) => {
                let symbol = head.get(..1).unwrap_or("");
                (TokenKind::Word(Self::Arithmetic), symbol, 1)
            }
            _ => word(head),
        }
    }
}

/// The word at the head of the text and its length in bytes, backslash included.
fn word(text: &str) -> (TokenKind, &str, usize) {
    let end = |text: &str| {
        text.find(|character: char| character.is_whitespace() || is_symbol(character))
            .unwrap_or(text.len())
    };
    if let Some(escaped) = text.strip_prefix('\\') {
        let len = end(escaped);
        return (
            TokenKind::Word(Word::Value),
            escaped.get(..len).unwrap_or(""),
            len + 1,
        );
    }
    let len = end(text);
    let word = text.get(..len).unwrap_or("");
    (meaning(word), word, len)
}

const fn is_symbol(character: char) -> bool {
    matches!(
        character,
        '(' | ')' | '/' | '!' | '&' | '|' | '<' | '>' | '=' | '[' | ']' | '+' | '*' | '%' | '^'
    )
}

/// What a word that was not escaped means.
pub(super) fn meaning(word: &str) -> TokenKind {
    TokenKind::Word(Word::Keyword(match word {
        "and" => return TokenKind::And,
        "or" => return TokenKind::Or,
        "not" => return TokenKind::Not,
        "src" => Keyword::Src,
        "dst" => Keyword::Dst,
        "host" => Keyword::Host,
        "net" => Keyword::Net,
        "mask" => Keyword::Mask,
        "port" => Keyword::Port,
        "portrange" => Keyword::PortRange,
        "proto" => Keyword::Proto,
        "vlan" => Keyword::Vlan,
        "ether" | "link" | "fddi" | "tr" | "wlan" => Keyword::Link,
        "ip" => Keyword::Ip,
        "ip6" => Keyword::Ip6,
        "tcp" => Keyword::Transport(6),
        "udp" => Keyword::Transport(17),
        "sctp" => Keyword::Transport(132),
        "icmp" => Keyword::Ip4Protocol(1),
        "igmp" => Keyword::Ip4Protocol(2),
        "igrp" => Keyword::Ip4Protocol(9),
        "vrrp" | "carp" => Keyword::Ip4Protocol(112),
        "icmp6" => Keyword::Ip6Protocol(58),
        "esp" => Keyword::Protocol(50),
        "ah" => Keyword::Protocol(51),
        "pim" => Keyword::Protocol(103),
        _ if is_unsupported(word) => Keyword::Unsupported,
        _ => return TokenKind::Word(Word::Value),
    }))
}

fn is_unsupported(word: &str) -> bool {
    UNSUPPORTED
        .iter()
        .any(|group| group.split(' ').any(|keyword| keyword == word))
}

/// The other keywords of pcap-filter(7), as of libpcap 1.10, in groups.
const UNSUPPORTED: &[&str] = &[
    // Other network protocols: such frames have no flow key.
    "arp rarp atalk aarp decnet lat sca moprc mopdl iso esis es-is isis is-is l1 l2 iih lsp snp",
    "csnp psnp clnp stp ipx netbeui",
    // Link layers and what is peculiar to one of them.
    "ppp slip radio llc lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg",
    "metaconnect fisu lssu lsu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls type",
    "subtype direction dir ra ta addr1 addr2 addr3 addr4 address1 address2 address3 address4",
    // Encapsulations other than VLAN.
    "mpls pppoed pppoes geneve",
    // Properties of single packets and of how they were captured.
    "protochain gateway less greater len length byte broadcast multicast inbound outbound ifindex",
    "on ifname rset ruleset rnr rulenum srnr subrulenum reason action",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::language::lex::tokens;
    use proptest::prelude::*;

    const VALUE: TokenKind = TokenKind::Word(Word::Value);

    const fn keyword(keyword: Keyword) -> TokenKind {
        TokenKind::Word(Word::Keyword(keyword))
    }

    #[test]
    fn words_and_symbols_need_no_spaces_between_them() {
        assert_eq!(
            tokens("!(tcp&&port 80)||net 10.0.0.0/8"),
            [
                (TokenKind::Not, "!", 0),
                (TokenKind::Open, "(", 1),
                (keyword(Keyword::Transport(6)), "tcp", 2),
                (TokenKind::And, "&&", 5),
                (keyword(Keyword::Port), "port", 7),
                (VALUE, "80", 12),
                (TokenKind::Close, ")", 14),
                (TokenKind::Or, "||", 15),
                (keyword(Keyword::Net), "net", 17),
                (VALUE, "10.0.0.0", 21),
                (TokenKind::Word(Word::Slash), "/", 29),
                (VALUE, "8", 30),
            ]
        );
    }

    #[test]
    fn addresses_ranges_and_escaped_keywords_are_one_word() {
        assert_eq!(
            tokens("2001:db8::1 00-11-22-33-44-55 80-90 \\tcp \\"),
            [
                (VALUE, "2001:db8::1", 0),
                (VALUE, "00-11-22-33-44-55", 12),
                (VALUE, "80-90", 30),
                (VALUE, "tcp", 36),
                (VALUE, "", 41),
            ]
        );
    }

    #[test]
    fn the_signs_of_arithmetic_are_told_from_operators() {
        let kinds: Vec<TokenKind> = tokens("& | != [ ] < > = + * % ^")
            .iter()
            .map(|token| token.0)
            .collect();
        // `!=` is one sign to the reader, and its `=` is the next token.
        let arithmetic = TokenKind::Word(Word::Arithmetic);
        assert_eq!(kinds, [arithmetic; 13]);
    }

    #[test]
    fn spaces_of_any_kind_separate() {
        assert_eq!(tokens::<Word>("\u{a0}tcp\u{3000}\r\nudp\t").len(), 2);
    }

    proptest! {
        #[test]
        fn words_lie_where_the_offsets_say(text in "[a-z0-9 \\\\/!&|().\u{e9}\u{3000}-]{0,40}") {
            for (_, word, offset) in tokens::<Word>(&text) {
                let at = text.get(offset..).unwrap();
                prop_assert!(at.strip_prefix('\\').unwrap_or(at).starts_with(word));
                prop_assert!(!at.starts_with(char::is_whitespace));
            }
        }
    }
}
