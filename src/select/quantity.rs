//! Sizes and durations as users write them: a decimal number and a unit.
//!
//! Options of the command line and conditions read them with the same tables.

use super::decimal::{Decimal, Rounded, hexadecimal};
use super::word::quote;

/// Suffixes that mean the same, and the factor that they are.
type Units = [(&'static [&'static str], u64)];

/// Units of sizes, in bytes.
const SIZES: &Units = &[
    (&["", "B"], 1),
    (&["K", "k", "Ki", "ki", "KiB", "kiB"], 1 << 10),
    (&["M", "m", "Mi", "MiB"], 1 << 20),
    (&["G", "g", "Gi", "GiB"], 1 << 30),
    (&["T", "t", "Ti", "TiB"], 1 << 40),
    (&["kB", "KB"], 1_000),
    (&["MB"], 1_000_000),
    (&["GB"], 1_000_000_000),
    (&["TB"], 1_000_000_000_000),
];

/// Units of durations, in nanoseconds. Two letters of `us` look alike: the micro sign, and the
/// Greek mu.
const DURATIONS: &Units = &[
    (&["", "s"], SECOND),
    (&["ns"], 1),
    (&["us", "\u{b5}s", "\u{3bc}s"], 1_000),
    (&["ms"], 1_000_000),
    (&["m"], 60 * SECOND),
    (&["h"], 3_600 * SECOND),
    (&["d"], 86_400 * SECOND),
];

const SECOND: u64 = 1_000_000_000;

/// Plain numbers have no units.
const PLAIN: &Units = &[(&[""], 1)];

/// A size, in bytes; fractions of a byte are dropped.
///
/// Units are those of GNU dd: `K M G T`, also `KiB MiB GiB TiB`, are powers of 1024, and
/// `kB MB GB TB` of 1000. Small letters may be used for `K M G T`, and the `B` after an `i` may be
/// left out. A number without a unit, or with `B`, is bytes. It may also be hexadecimal: `0x1000`.
///
/// ```
/// use pcap_flows::select::parse_size;
///
/// assert_eq!(parse_size("512M")?, 512 * 1024 * 1024);
/// assert_eq!(parse_size("1.5GB")?, 1_500_000_000);
/// # Ok::<(), pcap_flows::select::QuantityError>(())
/// ```
///
/// # Errors
///
/// If the text is no size, or its bytes are no number of 64 bits.
pub fn parse_size(text: &str) -> Result<u64, QuantityError> {
    let Rounded { floor, .. } = size(text).map_err(|fault| fault.of(text, QuantityError::Size))?;
    u64::try_from(floor).map_err(|_beyond| QuantityError::Size(quote(text)))
}

/// A duration, in nanoseconds; fractions of a nanosecond are dropped.
///
/// Units are `ns us ms s m h d`, a day being 24 hours; a number without one is seconds.
///
/// ```
/// use pcap_flows::select::parse_duration;
///
/// assert_eq!(parse_duration("1.5m")?, 90_000_000_000);
/// # Ok::<(), pcap_flows::select::QuantityError>(())
/// ```
///
/// # Errors
///
/// If the text is no duration, or its nanoseconds are no number of 64 bits.
pub fn parse_duration(text: &str) -> Result<u64, QuantityError> {
    let rounded = duration(text).map_err(|fault| fault.of(text, QuantityError::Duration))?;
    u64::try_from(rounded.floor).map_err(|_beyond| QuantityError::Duration(quote(text)))
}

/// A whole number of anything: `1000`, `10e6`, `1_000`.
///
/// # Errors
///
/// If the text is no such number, or it has more than 64 bits.
pub fn parse_count(text: &str) -> Result<u64, QuantityError> {
    match plain(text) {
        Ok(Rounded { ceiling, floor }) if ceiling == floor => {
            u64::try_from(floor).map_err(|_beyond| QuantityError::Count(quote(text)))
        }
        _ => Err(QuantityError::Count(quote(text))),
    }
}

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// Not a size, or one beyond 64 bits.
    #[error("{0} is not a size such as 512M or 2G")]
    Size(String),
    /// Not a duration, or one beyond 64 bits.
    #[error("{0} is not a duration such as 60s or 5ms")]
    Duration(String),
    /// Not a whole number, or one beyond 64 bits.
    #[error("{0} is not a whole number")]
    Count(String),
    /// The answer depends on more than 38 digits.
    #[error("{0} has too many digits: 38 can be told apart")]
    TooManyDigits(String),
}

/// Why a word is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is no number, or its unit is none.
    Malformed,
    /// The answer depends on more than 38 digits.
    TooManyDigits,
}

impl Unreadable {
    fn of(self, text: &str, malformed: fn(String) -> QuantityError) -> QuantityError {
        match self {
            Self::Malformed => malformed(quote(text)),
            Self::TooManyDigits => QuantityError::TooManyDigits(quote(text)),
        }
    }
}

/// A size in bytes, or any number.
pub(super) fn size(word: &str) -> Result<Rounded, Unreadable> {
    hexadecimal(word).map_or_else(|| decimal(word, SIZES), Ok)
}

/// A duration in nanoseconds.
pub(super) fn duration(word: &str) -> Result<Rounded, Unreadable> {
    decimal(word, DURATIONS)
}

/// A decimal number without a unit.
pub(super) fn plain(word: &str) -> Result<Rounded, Unreadable> {
    decimal(word, PLAIN)
}

fn decimal(word: &str, units: &Units) -> Result<Rounded, Unreadable> {
    let (number, suffix) = Decimal::scan(word).ok_or(Unreadable::Malformed)?;
    let unit = units.iter().find(|(names, _)| names.contains(&suffix));
    let (_, factor) = unit.ok_or(Unreadable::Malformed)?;
    number.times(*factor).ok_or(Unreadable::TooManyDigits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::condition::{Cell, Condition, Kind};
    use proptest::prelude::*;

    fn suffixes(units: &'static Units) -> impl Iterator<Item = (&'static str, u64)> {
        let each = |&(names, factor): &(&'static [&'static str], u64)| {
            names.iter().map(move |name| (*name, factor))
        };
        units.iter().flat_map(each)
    }

    /// By the words of GNU's manual: the letter is the power, and what follows it the base.
    fn bytes(suffix: &str) -> u64 {
        let mut letters = suffix.chars();
        let power = match letters.next().map(|letter| letter.to_ascii_uppercase()) {
            None | Some('B') => 0,
            Some(letter) => 1 + "KMGT".find(letter).unwrap(),
        };
        let base: u64 = match letters.as_str() {
            "B" => 1000,
            "" | "i" | "iB" => 1024,
            _ => panic!("{suffix}"),
        };
        base.pow(u32::try_from(power).unwrap())
    }

    #[test]
    fn every_suffix_of_a_size() {
        for (suffix, factor) in suffixes(SIZES) {
            assert_eq!(bytes(suffix), factor, "{suffix}");
            assert_eq!(parse_size(&format!("3{suffix}")), Ok(3 * factor));
            let half = parse_size(&format!("1.5{suffix}"));
            assert_eq!(half, Ok(factor + factor / 2), "{suffix}");
        }
        for letter in ["K", "M", "G", "T"] {
            for suffix in ["", "i", "iB", "B"] {
                let name = format!("{letter}{suffix}");
                assert!(suffixes(SIZES).any(|(it, _)| it == name), "{name}");
            }
        }
    }

    #[test]
    fn every_suffix_of_a_duration() {
        for (suffix, nanoseconds) in [
            ("", 3_000_000_000),
            ("ns", 3),
            ("us", 3_000),
            ("\u{b5}s", 3_000),
            ("\u{3bc}s", 3_000),
            ("ms", 3_000_000),
            ("s", 3_000_000_000),
            ("m", 180_000_000_000),
            ("h", 10_800_000_000_000),
            ("d", 259_200_000_000_000),
        ] {
            assert_eq!(parse_duration(&format!("3{suffix}")), Ok(nanoseconds));
        }
        assert_eq!(suffixes(DURATIONS).count(), 10);
        assert_eq!(parse_duration("0.999"), Ok(999_000_000));
        assert_eq!(parse_duration("1.5h"), Ok(5_400_000_000_000));
        assert_eq!(parse_duration("1e-3m"), Ok(60_000_000));
        assert_eq!(parse_duration("1.9ns"), Ok(1));
    }

    #[test]
    fn options_and_conditions_agree_on_every_suffix() {
        fn check(
            column: (&str, Kind),
            units: &'static Units,
            parse: fn(&str) -> Result<u64, QuantityError>,
        ) {
            for (suffix, _) in suffixes(units) {
                for number in ["1", "3", "1.5", "0.25", "1e3"] {
                    let word = format!("{number}{suffix}");
                    let value = parse(&word).unwrap();
                    let holds = |relation: &str, value| {
                        let text = format!("{} {relation} {word}", column.0);
                        let condition = Condition::parse(&text, &[column]).unwrap();
                        condition.matches(|_| Cell::Unsigned(value))
                    };
                    assert!(holds("<=", value), "{word}");
                    assert!(holds(">", value + 1), "{word}");
                    // A condition compares with the exact number, of which options drop a fraction.
                    assert_eq!(holds("=", value), holds(">=", value), "{word}");
                }
            }
        }
        check(("bytes", Kind::Number), SIZES, parse_size);
        check(("duration", Kind::Duration), DURATIONS, parse_duration);
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(parse_size("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse_size("16777215T"), Ok(16_777_215 << 40));
        assert_eq!(parse_size("0x10"), Ok(16));
        assert_eq!(parse_size("0.1G"), Ok(107_374_182));
        assert_eq!(parse_count("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse_count("10e6"), Ok(10_000_000));
        assert_eq!(parse_duration("213503d"), Ok(213_503 * 86_400 * SECOND));
        for text in ["18446744073709551616", "16777216T", "1e99", "-1", "-0.1K"] {
            assert_eq!(parse_size(text), Err(QuantityError::Size(quote(text))));
        }
        for text in ["213504d", "1e99ns", "-1s"] {
            assert_eq!(
                parse_duration(text),
                Err(QuantityError::Duration(quote(text)))
            );
        }
        let digits = format!("0.{}K", "3".repeat(1000));
        assert_eq!(parse_size(&digits), Ok(341));
        let digits = format!("0.01{}m", "6".repeat(1000));
        let error = parse_duration(&digits).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("...' has too many digits: 38 can be told apart")
        );
    }

    #[test]
    fn what_is_no_quantity() {
        for text in [
            "", "K", "much", "1kb", "1mb", "1KIB", "1mB", "1Kib", "1P", "1KK", "1 K", "10s", "1b",
            "nan", "inf", "1,5",
        ] {
            let error = parse_size(text).unwrap_err();
            assert_eq!(error, QuantityError::Size(quote(text)));
        }
        for text in [
            "", "s", "1S", "1M", "1min", "1h30m", "0x10", "inf", "NaN", "1 s",
        ] {
            let error = parse_duration(text).unwrap_err();
            assert_eq!(error, QuantityError::Duration(quote(text)));
        }
        for text in ["", "1.5", "1K", "0x10", "-1", "1e-1", "1e20", "inf"] {
            let error = parse_count(text).unwrap_err();
            assert_eq!(error, QuantityError::Count(quote(text)));
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "\\PC{0,12}|[0-9._e-]{1,12}[a-zA-Z]{0,3}") {
            for parse in [parse_size, parse_duration, parse_count] {
                if let Err(error) = parse(&text) {
                    prop_assert!(error.to_string().len() < 400);
                }
            }
        }
    }
}
