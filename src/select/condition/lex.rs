//! The words of conditions.
//!
//! There is no arithmetic in the language, so signs, dots, slashes and colons are part of the word
//! they are in: numbers with units, addresses, networks and times are one word each.

use crate::select::language::lex;

pub(super) type TokenKind = lex::TokenKind<Word>;

/// Tokens besides `and`, `or`, `not` and parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Comma,
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

/// Longer symbols first: `<=` before `<`.
const SYMBOLS: [(&str, Word); 9] = [
    (",", Word::Comma),
    ("==", Word::Relation(Relation::Equal)),
    ("=", Word::Relation(Relation::Equal)),
    ("!=", Word::Relation(Relation::NotEqual)),
    ("<>", Word::Relation(Relation::NotEqual)),
    ("<=", Word::Relation(Relation::AtMost)),
    ("<", Word::Relation(Relation::Less)),
    (">=", Word::Relation(Relation::AtLeast)),
    (">", Word::Relation(Relation::Greater)),
];

const KEYWORDS: [(&str, TokenKind); 11] = [
    ("and", TokenKind::And),
    ("or", TokenKind::Or),
    ("not", TokenKind::Not),
    ("between", TokenKind::Word(Word::Between)),
    ("in", TokenKind::Word(Word::In)),
    ("like", TokenKind::Word(Word::Like)),
    ("ilike", TokenKind::Word(Word::ILike)),
    ("is", TokenKind::Word(Word::Is)),
    ("null", TokenKind::Word(Word::Null)),
    ("true", TokenKind::Word(Word::Bool(true))),
    ("false", TokenKind::Word(Word::Bool(false))),
];

impl lex::Word for Word {
    fn read(head: &str) -> (TokenKind, &str, usize) {
        let first = head.chars().next().unwrap_or('_');
        let (word, text, len) = match first {
            '\'' | '"' => quoted(head, first),
            _ if first.is_alphabetic() || first == '_' => return word(head),
            _ if begins_value(head) => value(head),
            _ => symbol(head, first),
        };
        (TokenKind::Word(word), text, len)
    }
}

/// A text in quotes at the head of a text, in which a quote is written twice, and its length.
fn quoted(head: &str, quote: char) -> (Word, &str, usize) {
    let mut quotes = head.match_indices(quote).skip(1).peekable();
    while let Some((end, _)) = quotes.next() {
        if quotes.next_if(|(next, _)| *next == end + 1).is_none() {
            let inner = head.get(1..end).unwrap_or("");
            return (Word::Quoted(quote), inner, end + 1);
        }
    }
    (Word::Unclosed, head, head.len())
}

/// A name or a keyword; or an IPv6 address, for these may begin with a letter.
fn word(head: &str) -> (TokenKind, &str, usize) {
    let end = head
        .find(|character| !is_of_name(character))
        .unwrap_or(head.len());
    let (word, rest) = head.split_at_checked(end).unwrap_or((head, ""));
    if rest.starts_with(':') {
        let (value, text, len) = value(head);
        return (TokenKind::Word(value), text, len);
    }
    let keyword = KEYWORDS
        .iter()
        .find(|(keyword, _)| word.eq_ignore_ascii_case(keyword));
    let kind = keyword.map_or(TokenKind::Word(Word::Name), |(_, kind)| *kind);
    (kind, word, end)
}

fn value(head: &str) -> (Word, &str, usize) {
    let end = head
        .find(|character| !is_of_value(character))
        .unwrap_or(head.len());
    (Word::Value, head.get(..end).unwrap_or(head), end)
}

fn symbol(head: &str, first: char) -> (Word, &str, usize) {
    let found = SYMBOLS.iter().find(|(symbol, _)| head.starts_with(symbol));
    let (word, len) = match found {
        Some((symbol, word)) => (*word, symbol.len()),
        None => (Word::Unknown, first.len_utf8()),
    };
    (word, head.get(..len).unwrap_or(head), len)
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
    use crate::select::language::lex::tokens;
    use proptest::prelude::*;

    const fn word(word: Word) -> TokenKind {
        TokenKind::Word(word)
    }

    #[test]
    fn words_and_symbols_need_no_spaces_between_them() {
        assert_eq!(
            tokens("!(a>=-5&&b<>.5)||c=='x'"),
            [
                (TokenKind::Not, "!", 0),
                (TokenKind::Open, "(", 1),
                (word(Word::Name), "a", 2),
                (word(Word::Relation(Relation::AtLeast)), ">=", 3),
                (word(Word::Value), "-5", 5),
                (TokenKind::And, "&&", 7),
                (word(Word::Name), "b", 9),
                (word(Word::Relation(Relation::NotEqual)), "<>", 10),
                (word(Word::Value), ".5", 12),
                (TokenKind::Close, ")", 14),
                (TokenKind::Or, "||", 15),
                (word(Word::Name), "c", 17),
                (word(Word::Relation(Relation::Equal)), "==", 18),
                (word(Word::Quoted('\'')), "x", 20),
            ]
        );
    }

    #[test]
    fn values_are_one_word_each() {
        let text = "10.0.0.0/8 fe80::1/64 ::1 2024-05-01T12:00:00+02:00 1.5e-3 -.5 4KiB 5\u{b5}s";
        let words: Vec<&str> = text.split(' ').collect();
        let found = tokens(text);
        assert!(
            found.iter().all(|(kind, ..)| *kind == word(Word::Value)),
            "{found:?}"
        );
        assert_eq!(found.iter().map(|token| token.1).collect::<Vec<_>>(), words);
    }

    #[test]
    fn keywords_may_be_in_capitals_and_only_whole_words_are() {
        let kinds: Vec<TokenKind> = tokens("AND Not iLike order _in is.null TRUE")
            .iter()
            .map(|token| token.0)
            .collect();
        let name = word(Word::Name);
        let not = TokenKind::Not;
        assert_eq!(
            kinds,
            [
                TokenKind::And,
                not,
                word(Word::ILike),
                name,
                name,
                name,
                word(Word::Bool(true))
            ]
        );
    }

    #[test]
    fn quotes_are_written_twice_within() {
        let single = word(Word::Quoted('\''));
        assert_eq!(tokens("'it''s'"), [(single, "it''s", 0)]);
        assert_eq!(tokens("'' ''''"), [(single, "", 0), (single, "''", 3)]);
        assert_eq!(tokens("\"it's\""), [(word(Word::Quoted('"')), "it's", 0)]);
        assert_eq!(
            tokens("a 'it''"),
            [
                (word(Word::Name), "a", 0),
                (word(Word::Unclosed), "'it''", 2)
            ]
        );
    }

    #[test]
    fn other_signs_are_told() {
        for text in ["&", "|", ";", "+", "- 1", "%", "\u{2019}", "..."] {
            assert_eq!(tokens(text)[0].0, word(Word::Unknown), "{text}");
        }
    }

    proptest! {
        #[test]
        fn tokens_lie_where_the_offsets_say(text in "[a-z0-9 '\"/!&|()<>=.,:\u{e9}\u{3000}-]{0,40}") {
            for (kind, token, offset) in tokens(&text) {
                let quote = usize::from(matches!(kind, TokenKind::Word(Word::Quoted(_))));
                prop_assert!(text.get(offset + quote..).unwrap().starts_with(token));
            }
        }
    }
}
