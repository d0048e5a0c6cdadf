//! Words a user typed: read as numbers, or quoted in a message.

/// Whether the word consists of decimal digits, and has at least one.
pub(super) fn is_digits(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a word means as an unsigned number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A decimal number, or a hexadecimal one after `0x`.
    Value(u64),
    /// Written as a number, but beyond 64 bits.
    TooLarge,
    /// `010`: in pcap-filter(7) as in C this is octal, and to most readers it is ten.
    LeadingZero,
    /// Anything else: a name, a sign, a fraction.
    Other,
}

/// Reads a word as an unsigned number.
pub(super) fn number(word: &str) -> Number {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let value = match hex {
        Some(hex) if !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u64::from_str_radix(hex, 16)
        }
        Some(_) => return Number::Other,
        None if !is_digits(word) => return Number::Other,
        None if word.len() > 1 && word.starts_with('0') => return Number::LeadingZero,
        None => word.parse(),
    };
    value.map_or(Number::TooLarge, Number::Value)
}

/// The word in single quotes for a message: control characters escaped, cut when long.
pub(super) fn quote(word: &str) -> String {
    let mut quoted = String::from("'");
    for (index, character) in word.chars().enumerate() {
        if index == QUOTED_CHARS {
            quoted.push_str("...");
            break;
        }
        // Escaping quotes and backslashes as well would make a message hard to read, and nothing
        // parses it.
        if matches!(character, '\'' | '"' | '\\') {
            quoted.push(character);
        } else {
            quoted.extend(character.escape_debug());
        }
    }
    quoted.push('\'');
    quoted
}

/// Enough for the longest IPv6 address with a prefix length.
const QUOTED_CHARS: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (word, expected) in [
            ("0", Number::Value(0)),
            ("443", Number::Value(443)),
            ("0x1bb", Number::Value(443)),
            ("0X1BB", Number::Value(443)),
            ("0x00000000000000000001", Number::Value(1)),
            ("18446744073709551615", Number::Value(u64::MAX)),
            ("18446744073709551616", Number::TooLarge),
            ("0x10000000000000000", Number::TooLarge),
            ("00", Number::LeadingZero),
            ("080", Number::LeadingZero),
            ("", Number::Other),
            ("0x", Number::Other),
            ("0x+1", Number::Other),
            ("-1", Number::Other),
            ("+1", Number::Other),
            ("1.0", Number::Other),
            ("\u{661}", Number::Other),
        ] {
            assert_eq!(number(word), expected, "{word:?}");
        }
    }

    #[test]
    fn quoting() {
        assert_eq!(quote("a'b\\c\t\u{1b}[1m"), "'a'b\\c\\t\\u{1b}[1m'");
        assert_eq!(quote("caf\u{e9} \u{202e}"), "'caf\u{e9} \\u{202e}'");
        assert_eq!(quote(&"x".repeat(49)), format!("'{}...'", "x".repeat(48)));
        assert_eq!(quote(&"x".repeat(48)), format!("'{}'", "x".repeat(48)));
    }
}
