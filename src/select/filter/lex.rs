//! Cuts the text of a filter into tokens.
//!
//! Tokens are read one at a time, so that the first fault from the left is the one reported. A
//! word is what stands between spaces and the symbols of pcap-filter(7); dashes, dots and colons
//! are part of it, so addresses, ranges and MAC addresses are one word each. A backslash before a
//! word takes away its meaning as a keyword, as in `proto \tcp`.

/// A token and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    /// The word as typed, without the backslash before it; empty for symbols and at the end.
    pub(super) word: &'t str,
    /// Byte offset of the token in the filter's text.
    pub(super) offset: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The text is over.
    End,
    Open,
    Close,
    And,
    Or,
    Not,
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

/// Reads tokens from the text of a filter.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Lexer<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, offset: 0 }
    }

    /// The next token; `End`, just behind the last token, as often as it is asked for.
    pub(super) fn next_token(&mut self) -> Token<'t> {
        let rest = self.text.get(self.offset..).unwrap_or("");
        let token_text = rest.trim_start();
        let offset = self.offset + (rest.len() - token_text.len());
        let Some(first) = token_text.chars().next() else {
            return Token {
                kind: Kind::End,
                word: "",
                offset: self.text.trim_end().len(),
            };
        };
        let (kind, word, len) = match symbol(first, token_text) {
            Some((kind, len)) => (kind, "", len),
            None => word(token_text),
        };
        self.offset = offset + len;
        Token { kind, word, offset }
    }
}

/// The symbol at the head of the text and its length in bytes, if there is one.
fn symbol(first: char, text: &str) -> Option<(Kind, usize)> {
    let found = match first {
        '(' => (Kind::Open, 1),
        ')' => (Kind::Close, 1),
        '/' => (Kind::Slash, 1),
        '!' if !text.starts_with("!=") => (Kind::Not, 1),
        '&' if text.starts_with("&&") => (Kind::And, 2),
        '|' if text.starts_with("||") => (Kind::Or, 2),
        _ if is_symbol(first) => (Kind::Arithmetic, 1),
        _ => return None,
    };
    Some(found)
}

/// The word at the head of the text and its length in bytes, backslash included.
fn word(text: &str) -> (Kind, &str, usize) {
    let end = |text: &str| {
        text.find(|character: char| character.is_whitespace() || is_symbol(character))
            .unwrap_or(text.len())
    };
    if let Some(escaped) = text.strip_prefix('\\') {
        let len = end(escaped);
        return (Kind::Value, escaped.get(..len).unwrap_or(""), len + 1);
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
pub(super) fn meaning(word: &str) -> Kind {
    Kind::Keyword(match word {
        "and" => return Kind::And,
        "or" => return Kind::Or,
        "not" => return Kind::Not,
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
        _ => return Kind::Value,
    })
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
    use proptest::prelude::*;

    fn tokens(text: &str) -> Vec<(Kind, &str, usize)> {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        loop {
            let Token { kind, word, offset } = lexer.next_token();
            if kind == Kind::End {
                assert_eq!(lexer.next_token().kind, Kind::End);
                return tokens;
            }
            tokens.push((kind, word, offset));
        }
    }

    #[test]
    fn words_and_symbols_need_no_spaces_between_them() {
        assert_eq!(
            tokens("!(tcp&&port 80)||net 10.0.0.0/8"),
            [
                (Kind::Not, "", 0),
                (Kind::Open, "", 1),
                (Kind::Keyword(Keyword::Transport(6)), "tcp", 2),
                (Kind::And, "", 5),
                (Kind::Keyword(Keyword::Port), "port", 7),
                (Kind::Value, "80", 12),
                (Kind::Close, "", 14),
                (Kind::Or, "", 15),
                (Kind::Keyword(Keyword::Net), "net", 17),
                (Kind::Value, "10.0.0.0", 21),
                (Kind::Slash, "", 29),
                (Kind::Value, "8", 30),
            ]
        );
    }

    #[test]
    fn addresses_ranges_and_escaped_keywords_are_one_word() {
        assert_eq!(
            tokens("2001:db8::1 00-11-22-33-44-55 80-90 \\tcp \\"),
            [
                (Kind::Value, "2001:db8::1", 0),
                (Kind::Value, "00-11-22-33-44-55", 12),
                (Kind::Value, "80-90", 30),
                (Kind::Value, "tcp", 36),
                (Kind::Value, "", 41),
            ]
        );
    }

    #[test]
    fn the_signs_of_arithmetic_are_told_from_operators() {
        let kinds: Vec<Kind> = tokens("& | != [ ] < > = + * % ^")
            .iter()
            .map(|t| t.0)
            .collect();
        // `!=` is one sign to the reader, and its `=` is the next token.
        assert!(kinds.iter().all(|kind| *kind == Kind::Arithmetic));
    }

    #[test]
    fn the_end_is_just_behind_the_last_token() {
        let mut lexer = Lexer::new(" tcp \t\n");
        assert_eq!(lexer.next_token().offset, 1);
        assert_eq!(
            lexer.next_token(),
            Token {
                kind: Kind::End,
                word: "",
                offset: 4
            }
        );
    }

    #[test]
    fn spaces_of_any_kind_separate() {
        assert_eq!(tokens("\u{a0}tcp\u{3000}\r\nudp\t").len(), 2);
    }

    proptest! {
        #[test]
        fn words_lie_where_the_offsets_say(text in "[a-z0-9 \\\\/!&|().\u{e9}\u{3000}-]{0,40}") {
            for (_, word, offset) in tokens(&text) {
                let at = text.get(offset..).unwrap();
                prop_assert!(at.strip_prefix('\\').unwrap_or(at).starts_with(word));
                prop_assert!(!at.starts_with(char::is_whitespace));
            }
        }
    }
}
