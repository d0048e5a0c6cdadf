//! Cuts a text into tokens.
//!
//! Tokens are read one at a time, so that the first fault from the left is the one reported.

/// A token and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t, W> {
    pub(crate) kind: TokenKind<W>,
    /// As typed, without the quotes or the backslash that are no part of its value; empty at the
    /// end.
    pub(crate) text: &'t str,
    /// Byte offset of the token in the text.
    pub(crate) offset: usize,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind<W> {
    /// The end of the text.
    End,
    Open,
    Close,
    And,
    Or,
    Not,
    /// A token of one of the languages.
    Word(W),
}

/// The tokens that a language adds to those of both.
pub(crate) trait Word: Copy {
    /// The token at the head of a text that is not empty and starts with neither a space nor a
    /// [symbol of both languages](symbol): its kind, its text, and the bytes it takes up, which
    /// are at least one.
    fn read(head: &str) -> (TokenKind<Self>, &str, usize);
}

/// Reads tokens from a text.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { text, offset: 0 }
    }

    /// The next token. The end, which lies right after the last token, can be read any number of
    /// times.
    pub(crate) fn next_token<W: Word>(&mut self) -> Token<'t, W> {
        let rest = self.text.get(self.offset..).unwrap_or("");
        let head = rest.trim_start();
        if head.is_empty() {
            return Token {
                kind: TokenKind::End,
                text: "",
                offset: self.text.trim_end().len(),
            };
        }
        let offset = self.offset + (rest.len() - head.len());
        let (kind, text, len) = symbol(head).unwrap_or_else(|| W::read(head));
        self.offset = offset + len;
        Token { kind, text, offset }
    }
}

/// The symbol of both languages at the head of a text, if there is one. `!=` is none: one language
/// has it as a whole, and the other does not know it.
fn symbol<W>(head: &str) -> Option<(TokenKind<W>, &str, usize)> {
    let (kind, len) = match head.as_bytes() {
        [b'(', ..] => (TokenKind::Open, 1),
        [b')', ..] => (TokenKind::Close, 1),
        [b'&', b'&', ..] => (TokenKind::And, 2),
        [b'|', b'|', ..] => (TokenKind::Or, 2),
        [b'!', b'=', ..] => return None,
        [b'!', ..] => (TokenKind::Not, 1),
        _ => return None,
    };
    Some((kind, head.get(..len)?, len))
}

/// All tokens of a text but its end, for tests of a language's words.
#[cfg(test)]
pub(crate) fn tokens<W: Word + PartialEq>(text: &str) -> Vec<(TokenKind<W>, &str, usize)> {
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::new();
    loop {
        let Token { kind, text, offset } = lexer.next_token::<W>();
        if kind == TokenKind::End {
            assert!(lexer.next_token::<W>().kind == TokenKind::End);
            return tokens;
        }
        tokens.push((kind, text, offset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Character(char);

    impl Word for Character {
        fn read(head: &str) -> (TokenKind<Self>, &str, usize) {
            let first = head.chars().next().unwrap();
            let len = first.len_utf8();
            (TokenKind::Word(Self(first)), head.get(..len).unwrap(), len)
        }
    }

    #[test]
    fn symbols_need_no_spaces_between_them() {
        let word = |character| TokenKind::Word(Character(character));
        assert_eq!(
            tokens("!(a&&!=||)&\u{e9}"),
            [
                (TokenKind::Not, "!", 0),
                (TokenKind::Open, "(", 1),
                (word('a'), "a", 2),
                (TokenKind::And, "&&", 3),
                (word('!'), "!", 5),
                (word('='), "=", 6),
                (TokenKind::Or, "||", 7),
                (TokenKind::Close, ")", 9),
                (word('&'), "&", 10),
                (word('\u{e9}'), "\u{e9}", 11),
            ]
        );
    }

    #[test]
    fn spaces_of_any_kind_separate() {
        let offsets: Vec<usize> = tokens::<Character>("\u{a0}a\u{3000}\r\nb\t")
            .iter()
            .map(|token| token.2)
            .collect();
        assert_eq!(offsets, [2, 8]);
    }

    #[test]
    fn the_end_is_right_after_the_last_token() {
        let mut lexer = Lexer::new(" a \t\n");
        assert_eq!(lexer.next_token::<Character>().offset, 1);
        let end = Token::<Character> {
            kind: TokenKind::End,
            text: "",
            offset: 2,
        };
        assert_eq!(lexer.next_token(), end);
        assert_eq!(lexer.next_token(), end);
    }
}
