//! Cuts the text of a condition into tokens.
//!
//! There is no arithmetic in the language, so signs, dots, slashes and colons are part of the word
//! they stand in: numbers with units, addresses, networks and times are one word each.

/// A token and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    /// As typed; of a text in quotes, what stands between them.
    pub(super) text: &'t str,
    /// Byte offset of the token in the condition's text.
    pub(super) offset: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The text is over.
    End,
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
    Relation(Relation),
    Between,
    In,
    Like,
    ILike,
    Is,
    Null,
    Bool(bool),
    /// The name of a column, if there is such a column.
    Name,
    /// A value without quotes.
    Value,
    /// A value in these quotes.
    Quoted(char),
    /// A quote without its second half.
    Unclosed,
    /// A sign that is not of the language.
    Unknown,
}

/// How the sides of a comparison are to stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Relation {
    /// The same relation, seen from the other side.
    pub(super) const fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            Self::Equal | Self::NotEqual => self,
        }
    }
}

/// Those that others begin with stand behind them.
const SYMBOLS: [(&str, Kind); 14] = [
    ("(", Kind::Open),
    (")", Kind::Close),
    (",", Kind::Comma),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("==", Kind::Relation(Relation::Equal)),
    ("=", Kind::Relation(Relation::Equal)),
    ("!=", Kind::Relation(Relation::NotEqual)),
    ("!", Kind::Not),
    ("<>", Kind::Relation(Relation::NotEqual)),
    ("<=", Kind::Relation(Relation::AtMost)),
    ("<", Kind::Relation(Relation::Less)),
    (">=", Kind::Relation(Relation::AtLeast)),
    (">", Kind::Relation(Relation::Greater)),
];

const KEYWORDS: [(&str, Kind); 11] = [
    ("and", Kind::And),
    ("or", Kind::Or),
    ("not", Kind::Not),
    ("between", Kind::Between),
    ("in", Kind::In),
    ("like", Kind::Like),
    ("ilike", Kind::ILike),
    ("is", Kind::Is),
    ("null", Kind::Null),
    ("true", Kind::Bool(true)),
    ("false", Kind::Bool(false)),
];

/// Reads tokens from the text of a condition.
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
        let head = rest.trim_start();
        let offset = self.offset + (rest.len() - head.len());
        let Some(first) = head.chars().next() else {
            return Token {
                kind: Kind::End,
                text: "",
                offset: self.text.trim_end().len(),
            };
        };
        let (kind, text, len) = match first {
            '\'' | '"' => quoted(head, first),
            '_' => word(head),
            _ if first.is_alphabetic() => word(head),
            _ if begins_value(head) => value(head),
            _ => symbol(head, first),
        };
        self.offset = offset + len;
        Token { kind, text, offset }
    }
}

/// A text in quotes at the head of a text, in which a quote is written twice, and its length.
fn quoted(head: &str, quote: char) -> (Kind, &str, usize) {
    let mut quotes = head.match_indices(quote).skip(1).peekable();
    while let Some((end, _)) = quotes.next() {
        if quotes.next_if(|(next, _)| *next == end + 1).is_none() {
            let inner = head.get(1..end).unwrap_or("");
            return (Kind::Quoted(quote), inner, end + 1);
        }
    }
    (Kind::Unclosed, head, head.len())
}

/// A name or a keyword; or an IPv6 address, for these may begin with a letter.
fn word(head: &str) -> (Kind, &str, usize) {
    let end = head
        .find(|character| !is_of_name(character))
        .unwrap_or(head.len());
    let (word, rest) = head.split_at_checked(end).unwrap_or((head, ""));
    if rest.starts_with(':') {
        return value(head);
    }
    let keyword = KEYWORDS
        .iter()
        .find(|(keyword, _)| word.eq_ignore_ascii_case(keyword));
    (keyword.map_or(Kind::Name, |(_, kind)| *kind), word, end)
}

fn value(head: &str) -> (Kind, &str, usize) {
    let end = head
        .find(|character| !is_of_value(character))
        .unwrap_or(head.len());
    (Kind::Value, head.get(..end).unwrap_or(head), end)
}

fn symbol(head: &str, first: char) -> (Kind, &str, usize) {
    let found = SYMBOLS.iter().find(|(symbol, _)| head.starts_with(symbol));
    let (kind, len) = match found {
        Some((symbol, kind)) => (*kind, symbol.len()),
        None => (Kind::Unknown, first.len_utf8()),
    };
    (kind, head.get(..len).unwrap_or(head), len)
}

/// Whether a number or an IPv6 address begins here: a digit, behind a sign or a point or not, or
/// a colon.
fn begins_value(head: &str) -> bool {
    let digits = head.trim_start_matches(['-', '+', '.']);
    head.starts_with(':')
        || (head.len() - digits.len() <= 2
            && digits.starts_with(|first: char| first.is_ascii_digit()))
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.')
}

fn is_of_value(character: char) -> bool {
    is_of_name(character) || matches!(character, ':' | '/' | '-' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(text: &str) -> Vec<(Kind, &str, usize)> {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        loop {
            let Token { kind, text, offset } = lexer.next_token();
            if kind == Kind::End {
                assert_eq!(lexer.next_token().kind, Kind::End);
                return tokens;
            }
            tokens.push((kind, text, offset));
        }
    }

    #[test]
    fn words_and_symbols_need_no_spaces_between_them() {
        assert_eq!(
            tokens("!(a>=-5&&b<>.5)||c=='x'"),
            [
                (Kind::Not, "!", 0),
                (Kind::Open, "(", 1),
                (Kind::Name, "a", 2),
                (Kind::Relation(Relation::AtLeast), ">=", 3),
                (Kind::Value, "-5", 5),
                (Kind::And, "&&", 7),
                (Kind::Name, "b", 9),
                (Kind::Relation(Relation::NotEqual), "<>", 10),
                (Kind::Value, ".5", 12),
                (Kind::Close, ")", 14),
                (Kind::Or, "||", 15),
                (Kind::Name, "c", 17),
                (Kind::Relation(Relation::Equal), "==", 18),
                (Kind::Quoted('\''), "x", 20),
            ]
        );
    }

    #[test]
    fn values_are_one_word_each() {
        let text = "10.0.0.0/8 fe80::1/64 ::1 2024-05-01T12:00:00+02:00 1.5e-3 -.5 4KiB 5\u{b5}s";
        let words: Vec<&str> = text.split(' ').collect();
        let found = tokens(text);
        assert!(
            found.iter().all(|(kind, ..)| *kind == Kind::Value),
            "{found:?}"
        );
        assert_eq!(found.iter().map(|token| token.1).collect::<Vec<_>>(), words);
    }

    #[test]
    fn keywords_may_be_in_capitals_and_only_whole_words_are() {
        let kinds: Vec<Kind> = tokens("AND Not iLike order _in is.null TRUE")
            .iter()
            .map(|token| token.0)
            .collect();
        let name = Kind::Name;
        let not = Kind::Not;
        assert_eq!(
            kinds,
            [
                Kind::And,
                not,
                Kind::ILike,
                name,
                name,
                name,
                Kind::Bool(true)
            ]
        );
    }

    #[test]
    fn quotes_are_written_twice_within() {
        let single = Kind::Quoted('\'');
        assert_eq!(tokens("'it''s'"), [(single, "it''s", 0)]);
        assert_eq!(tokens("'' ''''"), [(single, "", 0), (single, "''", 3)]);
        assert_eq!(tokens("\"it's\""), [(Kind::Quoted('"'), "it's", 0)]);
        assert_eq!(
            tokens("a 'it''"),
            [(Kind::Name, "a", 0), (Kind::Unclosed, "'it''", 2)]
        );
    }

    #[test]
    fn other_signs_are_told() {
        for text in ["&", "|", ";", "+", "- 1", "%", "\u{2019}", "..."] {
            assert_eq!(tokens(text)[0].0, Kind::Unknown, "{text}");
        }
    }

    #[test]
    fn the_end_is_just_behind_the_last_token() {
        let mut lexer = Lexer::new(" a \t\n");
        assert_eq!(lexer.next_token().offset, 1);
        assert_eq!(
            (lexer.next_token().kind, lexer.next_token().offset),
            (Kind::End, 2)
        );
    }

    proptest! {
        #[test]
        fn tokens_lie_where_the_offsets_say(text in "[a-z0-9 '\"/!&|()<>=.,:\u{e9}\u{3000}-]{0,40}") {
            for (kind, token, offset) in tokens(&text) {
                let quote = usize::from(matches!(kind, Kind::Quoted(_)));
                prop_assert!(text.get(offset + quote..).unwrap().starts_with(token));
            }
        }
    }
}
