//! A fault in a text, and how it is shown.

use std::fmt;

/// A fault in a text, with its place. Its language is that of its kind.
///
/// Printed, it shows the text with a caret under the place:
///
/// ```text
/// filter: expected a port number or the name of a service here
///   tcp port and net 10.0.0.0/8
///            ^
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError<K> {
    kind: K,
    offset: usize,
    text: String,
}

/// The kinds of faults of one language; printed, they are messages without the place.
pub trait FaultKind: fmt::Debug + fmt::Display {
    /// The name of a text of the language.
    const TEXT: &'static str;
}

/// A fault, and the byte offset where it is, as parsers hand it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault<K> {
    pub(crate) kind: K,
    pub(crate) offset: usize,
}

impl<K> Fault<K> {
    pub(crate) fn in_text(self, text: &str) -> TextError<K> {
        TextError {
            kind: self.kind,
            offset: self.offset,
            text: text.to_owned(),
        }
    }
}

impl<K> TextError<K> {
    /// The kind of the fault; its `Display` is the message without the place.
    pub const fn kind(&self) -> &K {
        &self.kind
    }

    /// The place, as a byte offset into the text: the first byte of the word at fault, or the end
    /// of the text where something is missing there.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The text at fault.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<K: FaultKind> std::error::Error for TextError<K> {}

impl<K: FaultKind> fmt::Display for TextError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, column) = excerpt(&self.text, self.offset);
        write!(
            f,
            "{}: {}\n  {shown}\n  {:column$}^",
            K::TEXT,
            self.kind,
            ""
        )
    }
}

/// The part of the text around a place, fit to be printed on one line, and the column (from 0) of
/// that place in it.
///
/// Each character of the result is one column wide, so the caret is right in any terminal: spaces
/// of all kinds become one space, and what is not a letter of a Western alphabet is escaped.
fn excerpt(text: &str, offset: usize) -> (String, usize) {
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

    /// The only fault of a language.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("expected a port number or the name of a service here")]
    struct Missing;

    impl FaultKind for Missing {
        const TEXT: &'static str = "filter";
    }

    fn shown(text: &str, offset: usize) -> String {
        Fault {
            kind: Missing,
            offset,
        }
        .in_text(text)
        .to_string()
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
