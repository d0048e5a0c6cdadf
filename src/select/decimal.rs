//! Decimal numbers as they are written, and the whole numbers next to them.
//!
//! 38 digits count, as many as 128 bits hold; of any others only whether they are zero. Where an
//! answer would depend on them, there is none: it is never a wrong one.

/// A number times a unit, as the whole numbers next to it: those from `ceiling` are at or above
/// it, those up to `floor` at or below.
///
/// From 10^38, both are `i128::MAX`: no value of 64 bits comes near it.
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

/// A decimal number: `mantissa` times a power of ten, or further from zero by less than one such
/// power if there is `more`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// The first 38 digits, less than [`LIMIT`].
    mantissa: u128,
    exponent: i64,
    /// Whether any digit after those is not 0.
    more: bool,
}

/// 10^38: mantissas are below it, and what reaches it is the end of the range.
const LIMIT: u128 = 10_u128.pow(38);

impl Decimal {
    /// Reads the number at the head of a word; the rest of the word is its unit.
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
        let mut number = Self {
            negative,
            mantissa: 0,
            exponent: exponent - i64::try_from(values(fraction).count()).ok()?,
            more: false,
        };
        for digit in values(whole).chain(values(fraction)) {
            number.push(digit);
        }
        Some((number, unit))
    }

    /// Appends a digit, which the exponent takes into account already.
    fn push(&mut self, digit: u8) {
        if self.mantissa < LIMIT / 10 {
            self.mantissa = self.mantissa * 10 + u128::from(digit);
        } else {
            self.exponent += 1;
            self.more |= digit != 0;
        }
    }

    /// This many times a unit.
    ///
    /// `None` where the answer depends on more digits of the product than 128 bits hold. With a
    /// power of ten as the unit it never does.
    pub(super) fn times(mut self, unit: u64) -> Option<Rounded> {
        let (unit, zeros) = without_zeros(unit);
        let unit = u128::from(unit);
        self.exponent += zeros;
        while self.exponent < 0 && self.mantissa.checked_mul(unit).is_none() {
            self.more |= !self.mantissa.is_multiple_of(10);
            self.mantissa /= 10;
            self.exponent += 1;
        }
        let product = self.mantissa.saturating_mul(unit);
        let (floor, rest, one) = match power_of_ten(self.exponent.saturating_abs()) {
            Some(power) if self.exponent < 0 => (product / power, product % power, power),
            None if self.exponent < 0 => (0, product, u128::MAX),
            power => (product.saturating_mul(power.unwrap_or(u128::MAX)), 0, 1),
        };
        let rounded = if floor >= LIMIT {
            Rounded::exact(i128::MAX)
        } else if self.more && rest.saturating_add(unit) > one {
            // The digits that were dropped add up to one more unit: to the next whole number or not.
            return None;
        } else {
            let floor = i128::try_from(floor).unwrap_or(i128::MAX);
            Rounded {
                ceiling: floor + i128::from(self.more || rest > 0),
                floor,
            }
        };
        Some(rounded.negated_if(self.negative))
    }
}

/// A number without the zeros at its end, and how many those were.
const fn without_zeros(mut number: u64) -> (u64, i64) {
    let mut zeros = 0;
    while number > 0 && number.is_multiple_of(10) {
        number /= 10;
        zeros += 1;
    }
    (number, zeros)
}

/// `None` beyond 38, which would not fit.
fn power_of_ten(exponent: i64) -> Option<u128> {
    10_u128.checked_pow(u32::try_from(exponent).ok()?)
}

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

/// With a greater one, a number of any length is next to 0, or beyond the range.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(word: &str, unit: u64) -> (i128, i128) {
        let (decimal, rest) = Decimal::scan(word).unwrap();
        assert_eq!(rest, "", "{word}");
        let Rounded { ceiling, floor } = decimal.times(unit).unwrap();
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
        let sixtieth = format!("0.01{}", "6".repeat(36));
        assert_eq!(times(&sixtieth, 60), (0, 1));
        assert_eq!(times(&format!("{sixtieth}7"), 60), (1, 2));
    }

    #[test]
    fn digits_beyond_38_give_the_right_answer_or_none() {
        let ones = "1".repeat(38);
        let floor = 11_111_111_111_111_111_111_111_111_111_111_111_111;
        assert_eq!(times(&format!("{ones}.0000"), 1), (floor, floor));
        assert_eq!(times(&format!("{ones}.0001"), 1), (floor, floor + 1));
        assert_eq!(times(&format!("0.{ones}1"), 1), (0, 1));
        let thousandths = "1".repeat(1000);
        assert_eq!(
            times(&format!("0.{thousandths}"), 1_000_000),
            (111_111, 111_112)
        );
        assert_eq!(times(&format!("0.{thousandths}"), 60), (6, 7));
        assert_eq!(
            times(&format!("0.{thousandths}"), 1 << 20),
            (116_508, 116_509)
        );
        let none = |word: &str, unit| Decimal::scan(word).unwrap().0.times(unit).is_none();
        // 59.99... seconds with enough digits could be a minute, and more.
        assert!(none(&format!("0.01{}", "6".repeat(1000)), 60));
        assert!(none(&format!("0.01{}7", "6".repeat(1000)), 60));
        assert!(none(&format!("{ones}.1"), 7));
        assert!(none(&format!("{}.{ones}", "1".repeat(20)), 1 << 40));
        // More than 38 digits only in the product.
        let third = format!("0.{}", "3".repeat(38));
        assert_eq!(times(&third, 1 << 40), (366_503_875_925, 366_503_875_926));
        assert_eq!(times(&"3".repeat(38), 1 << 40), (i128::MAX, i128::MAX));
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

        /// Long division, as at school, with any number of digits.
        #[test]
        fn any_number_of_digits_is_read_as_at_school(
            whole in "[0-9]{0,20}",
            fraction in "[0-9]{1,60}|9{30,60}|6{30,60}",
            unit in prop::sample::select(vec![1, 60, 1000, 1 << 10, 1 << 40, 86_400_000_000_000]),
        ) {
            let digits = whole.bytes().chain(fraction.bytes()).map(|byte| u64::from(byte - b'0'));
            let mut product: Vec<u64> = digits.collect();
            let mut carry = 0;
            for digit in product.iter_mut().rev() {
                carry += *digit * unit;
                *digit = carry % 10;
                carry /= 10;
            }
            let (before, after) = product.split_at(whole.len());
            let floor = before.iter().fold(i128::from(carry), |floor, &digit| floor * 10 + i128::from(digit));
            let ceiling = floor + i128::from(after.iter().any(|&digit| digit != 0));
            let (number, _) = Decimal::scan(&format!("{whole}.{fraction}")).unwrap();
            match number.times(unit) {
                Some(rounded) if floor < 10_i128.pow(38) => prop_assert_eq!(rounded, Rounded { ceiling, floor }),
                Some(rounded) => prop_assert_eq!(rounded, Rounded::exact(i128::MAX)),
                None => prop_assert!(unit != 1 && unit != 1000 && whole.len() + fraction.len() > 20),
            }
        }
    }
}
