//! Numbers as they are written, of any length, and the whole numbers next to them.

/// A number times a unit, as far as whole numbers can be compared with it: those from `ceiling`
/// are at or above it, those up to `floor` at or below.
///
/// Beyond the range of `i128`, both are the end of the range: no cell comes near it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rounded {
    pub(super) ceiling: i128,
    pub(super) floor: i128,
}

impl Rounded {
    const fn exact(value: i128) -> Self {
        Self {
            ceiling: value,
            floor: value,
        }
    }

    fn negated_if(self, negative: bool) -> Self {
        if negative {
            Self {
                ceiling: -self.floor,
                floor: -self.ceiling,
            }
        } else {
            self
        }
    }
}

/// A decimal number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// From the highest, each 0 to 9; the first is not 0.
    digits: Vec<u8>,
    /// How many digits stand before the point; may lie beyond either end of them.
    point: i64,
}

impl Decimal {
    /// Reads the number at the head of a word; what is left of the word is its unit.
    pub(super) fn scan(word: &str) -> Option<(Self, &str)> {
        let negative = word.starts_with('-');
        let rest = word.strip_prefix(['-', '+']).unwrap_or(word);
        let (whole, rest) = digits(rest)?;
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => digits(rest)?,
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (exponent, unit) = exponent(rest)?;
        let zeros = values(whole).chain(values(fraction)).take_while(is_zero);
        let zeros = zeros.count();
        let point = i64::try_from(values(whole).count()).ok()? - i64::try_from(zeros).ok()?;
        let number = Self {
            negative,
            digits: values(whole).chain(values(fraction)).skip(zeros).collect(),
            point: point + exponent,
        };
        Some((number, unit))
    }

    /// This many times a unit. Exact, however many digits there are.
    pub(super) fn times(self, unit: u64) -> Rounded {
        // As at school: from the right, with a carry.
        let mut product = Vec::with_capacity(self.digits.len() + 20);
        let mut carry = 0_u128;
        for digit in self.digits.iter().rev() {
            carry += u128::from(*digit) * u128::from(unit);
            product.push(carry % 10);
            carry /= 10;
        }
        let mut point = self.point;
        while carry > 0 {
            product.push(carry % 10);
            carry /= 10;
            point += 1;
        }
        round(product.iter().rev().copied(), point).negated_if(self.negative)
    }
}

/// Rounds digits, of which so many stand before the point.
fn round(mut digits: impl ExactSizeIterator<Item = u128>, point: i64) -> Rounded {
    if digits.len() == 0 {
        return Rounded::exact(0);
    }
    if point > I128_DIGITS {
        return Rounded::exact(i128::MAX);
    }
    let mut floor = 0;
    for _ in 0..point {
        let digit = digits.next().and_then(|digit| i128::try_from(digit).ok());
        floor = floor * 10 + digit.unwrap_or(0);
    }
    let more = digits.any(|digit| digit != 0);
    Rounded {
        ceiling: floor + i128::from(more),
        floor,
    }
}

/// Any number of so many digits is in the range of `i128`.
const I128_DIGITS: i64 = 38;

/// Reads a hexadecimal number, which is all of the word.
pub(super) fn hexadecimal(word: &str) -> Option<Rounded> {
    let negative = word.starts_with('-');
    let word = word.strip_prefix(['-', '+']).unwrap_or(word);
    let hex = word
        .strip_prefix("0x")
        .or_else(|| word.strip_prefix("0X"))?;
    if !is_well_separated(hex) || hex.is_empty() {
        return None;
    }
    let mut value = 0_i128;
    for digit in hex.chars().filter(|character| *character != '_') {
        let digit = i128::from(digit.to_digit(16)?);
        value = value.saturating_mul(16).saturating_add(digit);
    }
    Some(Rounded::exact(value).negated_if(negative))
}

/// The exponent at the head of a text, 0 if there is none, and what follows it.
fn exponent(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix(['e', 'E']) else {
        return Some((0, text));
    };
    let negative = rest.starts_with('-');
    let (run, unit) = digits(rest.strip_prefix(['-', '+']).unwrap_or(rest))?;
    if run.is_empty() {
        return None;
    }
    let exponent = values(run).fold(0_i64, |exponent, digit| {
        (exponent * 10 + i64::from(digit)).min(MAX_EXPONENT)
    });
    Some((if negative { -exponent } else { exponent }, unit))
}

/// Beyond this, a number of any length that can be written is 0 or infinite for our purposes.
const MAX_EXPONENT: i64 = i64::MAX / 100;

/// The digits at the head of a text, with `_` between them, and what follows.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '_')
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    is_well_separated(digits).then_some((digits, rest))
}

/// Whether `_` stands only between digits, one at a time.
fn is_well_separated(digits: &str) -> bool {
    !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__")
}

fn values(digits: &str) -> impl Iterator<Item = u8> {
    digits
        .bytes()
        .filter(|byte| *byte != b'_')
        .map(|byte| byte - b'0')
}

const fn is_zero(digit: &u8) -> bool {
    *digit == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(word: &str, unit: u64) -> (i128, i128) {
        let (decimal, rest) = Decimal::scan(word).unwrap();
        assert_eq!(rest, "", "{word}");
        let Rounded { ceiling, floor } = decimal.times(unit);
        (floor, ceiling)
    }

    #[test]
    fn numbers_are_rounded_to_both_sides() {
        for (word, floor, ceiling) in [
            ("0", 0, 0),
            ("-0.000", 0, 0),
            ("443", 443, 443),
            ("+443", 443, 443),
            ("00443.000", 443, 443),
            ("1_000_000", 1_000_000, 1_000_000),
            ("1.5", 1, 2),
            ("-1.5", -2, -1),
            (".5", 0, 1),
            ("5.", 5, 5),
            ("1e6", 1_000_000, 1_000_000),
            ("1.5E+1", 15, 15),
            ("15e-1", 1, 2),
            ("150e-1", 15, 15),
            ("1e-999999999999999999999999", 0, 1),
            ("-1e-999999999999999999999999", -1, 0),
            ("0e999999999999999999999999", 0, 0),
            ("18446744073709551615", u64::MAX.into(), u64::MAX.into()),
            (
                "18446744073709551615.0000000000000000000000000000000001",
                u64::MAX.into(),
                i128::from(u64::MAX) + 1,
            ),
        ] {
            assert_eq!(times(word, 1), (floor, ceiling), "{word}");
        }
    }

    #[test]
    fn what_no_cell_reaches_is_the_end_of_the_range() {
        let end = (i128::MAX, i128::MAX);
        assert_eq!(times("1e38", 1), end);
        assert_eq!(times("1e999999999999999999999999", 1), end);
        assert_eq!(times(&"9".repeat(100_000), 1), end);
        assert_eq!(times("-1e99", 1), (-i128::MAX, -i128::MAX));
        assert_eq!(
            times(&"9".repeat(38), 1).0,
            99_999_999_999_999_999_999_999_999_999_999_999_999
        );
        let far = hexadecimal(&format!("0x{}", "f".repeat(40))).unwrap();
        assert_eq!(far, Rounded::exact(i128::MAX));
    }

    #[test]
    fn units_are_multiplied_before_rounding() {
        assert_eq!(times("1.5", 1000), (1500, 1500));
        assert_eq!(times("0.0015", 1000), (1, 2));
        assert_eq!(times("0.1", 1024), (102, 103));
        assert_eq!(times("99999999999999999999e-20", 60), (59, 60));
        // A sixtieth, more and more closely: at no length is it one.
        let sixtieth = format!("0.01{}", "6".repeat(1000));
        assert_eq!(times(&sixtieth, 60), (0, 1));
        assert_eq!(times(&format!("{sixtieth}7"), 60), (1, 2));
    }

    #[test]
    fn the_unit_is_what_is_left() {
        for (word, rest) in [("10MB", "MB"), ("1e6k", "k"), ("10.0.0.1", ".0.1")] {
            assert_eq!(Decimal::scan(word).unwrap().1, rest);
        }
        for word in [
            "", "-", ".", "_1", "1_", "1__0", "1._5", "e5", "1e", "1em", "1e_5",
        ] {
            assert_eq!(Decimal::scan(word), None, "{word}");
        }
    }

    #[test]
    fn hexadecimal_numbers() {
        for (word, value) in [("0xff", 255), ("-0XFF", -255), ("0xffff_ffff", 0xffff_ffff)] {
            assert_eq!(hexadecimal(word), Some(Rounded::exact(value)));
        }
        for word in ["ff", "0x", "0x_1", "0x1g", "0x1.5", "12"] {
            assert_eq!(hexadecimal(word), None, "{word}");
        }
    }

    proptest! {
        #[test]
        fn rounding_is_division(mantissa in -1_000_000_i64..1_000_000, scale in 0_u32..9, unit in 1_u64..5000) {
            let (exact, by) = (i128::from(mantissa) * i128::from(unit), 10_i128.pow(scale));
            let floor = exact.div_euclid(by);
            let ceiling = -(-exact).div_euclid(by);
            prop_assert_eq!(times(&format!("{mantissa}e-{scale}"), unit), (floor, ceiling));
        }
    }
}
