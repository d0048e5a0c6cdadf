//! The patterns of `like` and `ilike`.

/// A pattern: texts to be found one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// What the text begins with.
    head: Box<str>,
    /// What follows the first `%`; `None` if there is none, and the head is all of the pattern.
    rest: Option<Rest>,
    case: Case,
}

/// What follows the first `%` of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    /// What stands between two `%`.
    middle: Vec<Box<str>>,
    /// What the text ends with.
    tail: Box<str>,
}

/// Whether capitals are told from small letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Sensitive,
    Insensitive,
}

impl Pattern {
    pub(super) fn new(pattern: &str, case: Case) -> Self {
        let mut pieces = pattern.split('%');
        let head = pieces.next().unwrap_or("").into();
        let rest = pieces.next_back().map(|tail| Rest {
            middle: pieces
                .filter(|piece| !piece.is_empty())
                .map(Box::from)
                .collect(),
            tail: tail.into(),
        });
        Self { head, rest, case }
    }

    /// Whether all of the text has this form. Takes, at worst, the product of both lengths: a
    /// piece has one length, so that the first place where it stands is as good as any.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(mut text) = self.behind(&self.head, text) else {
            return false;
        };
        let Some(rest) = &self.rest else {
            return text.is_empty();
        };
        for piece in &rest.middle {
            match self.find(piece, text) {
                Some(behind) => text = behind,
                None => return false,
            }
        }
        self.ends_with(text, &rest.tail)
    }

    /// What stands behind the piece, if the text begins with it.
    fn behind<'t>(&self, piece: &str, text: &'t str) -> Option<&'t str> {
        let mut rest = text.chars();
        for wanted in piece.chars() {
            if !self.meets(wanted, rest.next()?) {
                return None;
            }
        }
        Some(rest.as_str())
    }

    /// What stands behind the first place of the piece in the text.
    fn find<'t>(&self, piece: &str, text: &'t str) -> Option<&'t str> {
        let mut places = text.chars();
        loop {
            if let Some(behind) = self.behind(piece, places.as_str()) {
                return Some(behind);
            }
            places.next()?;
        }
    }

    fn ends_with(&self, text: &str, piece: &str) -> bool {
        let mut rest = text.chars().rev();
        piece
            .chars()
            .rev()
            .all(|wanted| rest.next().is_some_and(|found| self.meets(wanted, found)))
    }

    fn meets(&self, wanted: char, found: char) -> bool {
        wanted == '_'
            || wanted == found
            || (self.case == Case::Insensitive && wanted.to_lowercase().eq(found.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn like(text: &str, pattern: &str) -> bool {
        Pattern::new(pattern, Case::Sensitive).matches(text)
    }

    #[test]
    fn signs() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "%d%", false),
            ("abc", "a_c", true),
            ("abc", "a__c", false),
            ("abc", "%%%", true),
            ("aba", "ab%ba", false),
            ("abba", "ab%ba", true),
            ("aXbXc", "a%X%X%c", true),
            ("m\u{fc}ller", "m_ller", true),
            ("aab", "%ab", true),
            ("aaxaab", "%a_b", true),
            ("ABC", "abc", false),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} like {pattern}");
        }
    }

    #[test]
    fn capitals() {
        let ilike = |text, pattern| Pattern::new(pattern, Case::Insensitive).matches(text);
        assert!(ilike("WWW.Example.ORG", "www.%.org"));
        assert!(ilike("M\u{dc}LLER", "m\u{fc}%"));
        assert!(!ilike("abc", "ABD"));
    }

    /// By the book: each `%` may be any text.
    fn plain(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|from| plain(&text[from..], rest)),
            [first, rest @ ..] => {
                !text.is_empty() && (*first == '_' || *first == text[0]) && plain(&text[1..], rest)
            }
        }
    }

    proptest! {
        #[test]
        fn a_pattern_means_what_the_book_says(text in "[ab]{0,8}", pattern in "[ab_%]{0,7}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            prop_assert_eq!(like(&text, &pattern), plain(&chars(&text), &chars(&pattern)));
        }
    }
}
