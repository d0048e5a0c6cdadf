//! Sizes and durations in three digits and a unit, as options and conditions read them.

use super::digits;

/// `957B`, `13.1kB`, `2.06GB`: powers of 1000.
pub(super) fn size(text: &mut Vec<u8>, bytes: u64) {
    append(text, bytes, &SIZES);
}

/// `967us`, `16.2ms`, `1.50h`
pub(super) fn duration(text: &mut Vec<u8>, ns: u64) {
    match ns {
        0 => text.extend_from_slice(b"0s"),
        _ => append(text, ns, &DURATIONS),
    }
}

/// Appends an amount in the first unit in which it is less than one of the next, when rounded.
fn append(text: &mut Vec<u8>, amount: u64, units: &[(u64, &str)]) {
    for (ordinal, &(unit, name)) in units.iter().enumerate() {
        let (number, decimals) = rounded(amount, unit);
        let next = units.get(ordinal + 1).map(|&(next, _)| next / unit);
        let limit = next.map(|it| it * 10_u64.pow(decimals));
        if limit.is_none_or(|limit| number < limit) {
            decimal(text, number, decimals);
            text.extend_from_slice(name.as_bytes());
            return;
        }
    }
}

/// How many units an amount is, in three digits: a number without its point, and how many decimals
/// it has. The smallest unit has none.
fn rounded(amount: u64, unit: u64) -> (u64, u32) {
    if unit == 1 {
        return (amount, 0);
    }
    let units = |decimals: u32| {
        let scaled = u128::from(amount) * 10_u128.pow(decimals) + u128::from(unit / 2);
        // One of the larger units, or less than the amount itself.
        u64::try_from(scaled / u128::from(unit)).unwrap_or(u64::MAX)
    };
    let fitting = [2, 1]
        .into_iter()
        .map(|decimals| (units(decimals), decimals));
    let mut fitting = fitting.filter(|(number, _)| *number < 1000);
    fitting.next().unwrap_or_else(|| (units(0), 0))
}

/// `1.50` for 150 and 2.
fn decimal(text: &mut Vec<u8>, number: u64, decimals: u32) {
    let one = 10_u64.pow(decimals);
    digits::number(text, number / one);
    if decimals > 0 {
        text.push(b'.');
        let rest = number % one;
        if decimals == 2 {
            digits::two(text, rest);
        } else {
            digits::number(text, rest);
        }
    }
}

/// Units of bytes, ascending.
const SIZES: [(u64, &str); 5] = [
    (1, "B"),
    (1_000, "kB"),
    (1_000_000, "MB"),
    (1_000_000_000, "GB"),
    (1_000_000_000_000, "TB"),
];

/// Units of nanoseconds, ascending.
const DURATIONS: [(u64, &str); 7] = [
    (1, "ns"),
    (1_000, "us"),
    (1_000_000, "ms"),
    (1_000_000_000, "s"),
    (60_000_000_000, "m"),
    (3_600_000_000_000, "h"),
    (86_400_000_000_000, "d"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::{parse_duration, parse_size};

    fn text(append: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut text = Vec::new();
        append(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, expected) in [
            (0, "0B"),
            (957, "957B"),
            (999, "999B"),
            (1000, "1.00kB"),
            (9_994, "9.99kB"),
            (9_996, "10.0kB"),
            (13_069, "13.1kB"),
            (217_286, "217kB"),
            (999_499, "999kB"),
            (999_500, "1.00MB"),
            (2_060_000_000, "2.06GB"),
            (1_234_567_000_000_000, "1235TB"),
            (u64::MAX, "18446744TB"),
        ] {
            assert_eq!(text(|it| size(it, bytes)), expected);
        }
    }

    #[test]
    fn durations_have_three_digits() {
        for (ns, expected) in [
            (0, "0s"),
            (1, "1ns"),
            (999, "999ns"),
            (967_000, "967us"),
            (16_232_000, "16.2ms"),
            (59_600_000_000, "59.6s"),
            (59_960_000_000, "1.00m"),
            (3_723_000_000_001, "1.03h"),
            (86_400_000_000_000, "1.00d"),
            (i64::MAX.unsigned_abs(), "106752d"),
        ] {
            assert_eq!(text(|it| duration(it, ns)), expected);
        }
    }

    /// What is shown can be typed: it is the amount, to three digits.
    #[test]
    fn amounts_are_those_of_options() {
        let is_near = |value: u64, read: u64| read.abs_diff(value) <= value / 198;
        for value in (0..17).flat_map(|power| [1, 7, 12, 999].map(|it| it * 10_u64.pow(power))) {
            let read = parse_size(&text(|it| size(it, value))).unwrap();
            assert!(is_near(value, read), "{value}: {read}");
            let read = parse_duration(&text(|it| duration(it, value))).unwrap();
            assert!(is_near(value, read), "{value}: {read}");
        }
    }
}
