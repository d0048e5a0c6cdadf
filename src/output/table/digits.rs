//! Numbers and addresses as text, appended to bytes.
//!
//! This is what `core::fmt` does, but what is wanted is known when it is compiled: a row has some
//! thirty of these, and with `core::fmt` they took 1.4 µs, most of a whole run.

use crate::flow::{MacAddr, VlanStack};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

/// `{number}`
pub(super) fn number(text: &mut Vec<u8>, number: u64) {
    right::<1>(text, number);
}

/// `{value}`, where it is rare.
pub(super) fn display(text: &mut Vec<u8>, value: &impl std::fmt::Display) {
    let written = write!(text, "{value}");
    debug_assert!(written.is_ok(), "a vector takes all bytes");
}

/// `{number}`
pub(super) fn signed(text: &mut Vec<u8>, value: i64) {
    if value < 0 {
        text.push(b'-');
    }
    number(text, value.unsigned_abs());
}

/// `{number:WIDTH}`
pub(super) fn right<const WIDTH: usize>(text: &mut Vec<u8>, number: u64) {
    // 2^64 has 20 digits.
    let mut places = [b' '; 20];
    let mut rest = number;
    let mut start = places.len();
    for pair in places.rchunks_exact_mut(2) {
        pair.copy_from_slice(&PAIRS[(rest % 100) as usize]);
        start -= 2;
        if rest < 100 {
            break;
        }
        rest /= 100;
    }
    if rest < 10 {
        places[start] = b' ';
        start += 1;
    }
    match places.last_chunk::<WIDTH>() {
        // The length is known: no call to copy them.
        Some(last) if start + WIDTH >= places.len() => text.extend_from_slice(last),
        _ => text.extend_from_slice(&places[start..]),
    }
}

/// `{number:02}`
pub(super) fn two(text: &mut Vec<u8>, value: u64) {
    match value {
        0..100 => text.extend_from_slice(&PAIRS[(value % 100) as usize]),
        _ => number(text, value),
    }
}

/// A number in 16 places, with commas between thousands.
pub(super) fn grouped(text: &mut Vec<u8>, number: u64) {
    // 2^64 has 20 digits and 6 commas: seven groups.
    let mut places = [b' '; 28];
    let mut rest = number;
    for group in places.rchunks_exact_mut(4) {
        let [a, b, c] = THREES[(rest % 1000) as usize];
        if rest < 1000 {
            let shown = |digit, least| if rest < least { b' ' } else { digit };
            group.copy_from_slice(&[b' ', shown(a, 100), shown(b, 10), c]);
            break;
        }
        group.copy_from_slice(&[b',', a, b, c]);
        rest /= 1000;
    }
    match places.last_chunk::<16>() {
        Some(last) if number < 1_000_000_000_000 => text.extend_from_slice(last),
        _ => text.extend_from_slice(places.trim_ascii_start()),
    }
}

/// `58.000.316.568`: the seconds of a minute, given in nanoseconds.
pub(super) fn seconds(text: &mut Vec<u8>, ns: u64) {
    let [a, b] = PAIRS[(ns / 1_000_000_000 % 100) as usize];
    let [c, d, e] = THREES[(ns / 1_000_000 % 1000) as usize];
    let [f, g, h] = THREES[(ns / 1000 % 1000) as usize];
    let [i, j, k] = THREES[(ns % 1000) as usize];
    text.extend_from_slice(&[a, b, b'.', c, d, e, b'.', f, g, h, b'.', i, j, k]);
}

/// `{address}`
pub(super) fn mac(text: &mut Vec<u8>, MacAddr(bytes): MacAddr) {
    let mut places = [b':'; 17];
    for (pair, byte) in places.chunks_mut(3).zip(bytes) {
        pair[..2].copy_from_slice(&HEX[usize::from(byte)]);
    }
    text.extend_from_slice(&places);
}

/// Two digits for each byte.
pub(super) fn hex(text: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        text.extend_from_slice(&HEX[usize::from(byte)]);
    }
}

/// `{vlans}`
pub(super) fn vlans(text: &mut Vec<u8>, vlans: VlanStack) {
    for (index, id) in vlans.ids().enumerate() {
        if index > 0 {
            text.push(b'.');
        }
        number(text, id.into());
    }
}

/// `{address}`
pub(super) fn address(text: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => v4(text, address),
        IpAddr::V6(address) => {
            let written = write!(text, "{address}");
            debug_assert!(written.is_ok(), "a vector takes all bytes");
        }
    }
}

fn v4(text: &mut Vec<u8>, address: Ipv4Addr) {
    let mut places = [b'.'; 16];
    let mut end = 0;
    for byte in address.octets() {
        let digits = 1 + usize::from(byte > 9) + usize::from(byte > 99);
        // Three digits, the first of them where the number starts.
        let [a, b, c] = THREES[usize::from(byte)];
        let shown = match digits {
            1 => [c, b'.', b'.'],
            2 => [b, c, b'.'],
            _ => [a, b, c],
        };
        places[end..end + 3].copy_from_slice(&shown);
        end += digits + 1;
    }
    text.extend_from_slice(&places[..end - 1]);
}

/// An IPv4 address with three places for each number.
pub(super) fn v4_padded(text: &mut Vec<u8>, address: Ipv4Addr) {
    let mut places = [b'.'; 15];
    for (place, byte) in places.chunks_mut(4).zip(address.octets()) {
        place[..3].copy_from_slice(&SPACED[usize::from(byte)]);
    }
    text.extend_from_slice(&places);
}

/// `00` to `99`.
static PAIRS: [[u8; 2]; 100] = {
    let mut all = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        all[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    all
};

/// `000` to `999`.
static THREES: [[u8; 3]; 1000] = {
    let mut all = [[b'0'; 3]; 1000];
    let mut number = 0;
    while number < 1000 {
        let [a, b] = PAIRS[number / 10];
        let [_, c] = PAIRS[number % 10];
        all[number] = [a, b, c];
        number += 1;
    }
    all
};

/// `  0` to `255`.
static SPACED: [[u8; 3]; 256] = {
    let mut all = [[b' '; 3]; 256];
    let mut number = 0;
    while number < 256 {
        let [a, b, c] = THREES[number];
        all[number] = match number {
            0..10 => [b' ', b' ', c],
            10..100 => [b' ', b, c],
            _ => [a, b, c],
        };
        number += 1;
    }
    all
};

/// `00` to `ff`.
static HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut all = [[b'0'; 2]; 256];
    let mut number = 0;
    while number < 256 {
        all[number] = [digits[number / 16], digits[number % 16]];
        number += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(append: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut text = Vec::new();
        append(&mut text);
        String::from_utf8(text).unwrap()
    }

    /// Numbers around each change of their length, and what does not fit.
    fn edges() -> impl Iterator<Item = u64> {
        let powers = (0..20).map(|exponent| 10_u64.pow(exponent));
        powers
            .flat_map(|power| [power - 1, power, power + 1])
            .chain([u64::from(u32::MAX), i64::MAX as u64, u64::MAX - 1, u64::MAX])
    }

    #[test]
    fn numbers_are_those_of_the_library() {
        for value in edges() {
            assert_eq!(text(|it| number(it, value)), format!("{value}"));
            assert_eq!(text(|it| right::<5>(it, value)), format!("{value:5}"));
            assert_eq!(text(|it| right::<6>(it, value)), format!("{value:6}"));
            assert_eq!(text(|it| right::<8>(it, value)), format!("{value:8}"));
            assert_eq!(text(|it| right::<20>(it, value)), format!("{value:20}"));
            assert_eq!(text(|it| two(it, value)), format!("{value:02}"));
        }
        for value in [i64::MIN, i64::MIN + 1, -10, -1, 0, 1, i64::MAX] {
            assert_eq!(text(|it| signed(it, value)), format!("{value}"));
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [
            (0, "               0"),
            (10, "              10"),
            (999, "             999"),
            (1000, "           1,000"),
            (1_002_003, "       1,002,003"),
            (245_630_927, "     245,630,927"),
            (999_999_999_999, " 999,999,999,999"),
            (1_000_000_000_000, "1,000,000,000,000"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(text(|it| grouped(it, number)), expected);
        }
    }

    #[test]
    fn grouped_numbers_are_numbers() {
        for value in edges() {
            let text = text(|it| grouped(it, value));
            assert_eq!(text.replace([' ', ','], ""), format!("{value}"));
            assert!(text.len() == 16 || value >= 1_000_000_000_000);
        }
    }

    #[test]
    fn seconds_have_nine_more_places() {
        for (ns, expected) in [
            (0, "00.000.000.000"),
            (1, "00.000.000.001"),
            (1_002_003_004, "01.002.003.004"),
            (59_999_999_999, "59.999.999.999"),
        ] {
            assert_eq!(text(|it| seconds(it, ns)), expected);
        }
    }

    #[test]
    fn each_byte_has_its_text() {
        for byte in 0..=255 {
            let at = Ipv4Addr::from([byte, 255 - byte, byte, 7]);
            let [a, b, c, d] = at.octets();
            assert_eq!(text(|it| address(it, at.into())), format!("{at}"));
            assert_eq!(
                text(|it| v4_padded(it, at)),
                format!("{a:3}.{b:3}.{c:3}.{d:3}")
            );
            let from = MacAddr([byte, 0, 0x10, 0xff, 255 - byte, byte]);
            assert_eq!(text(|it| mac(it, from)), format!("{from}"));
        }
    }

    #[test]
    fn vlans_are_those_of_their_type() {
        let mut stack = VlanStack::default();
        for id in [0, 1, 99, 100, 4095] {
            assert_eq!(text(|it| vlans(it, stack)), format!("{stack}"));
            stack.push(id);
        }
        assert_eq!(text(|it| vlans(it, stack)), "0.1.99.100.4095");
    }

    proptest! {
        #[test]
        fn any_number_is_that_of_the_library(value: u64, address_bits: u32) {
            prop_assert_eq!(text(|it| number(it, value)), format!("{value}"));
            prop_assert_eq!(text(|it| right::<8>(it, value >> 32)), format!("{:8}", value >> 32));
            let at = Ipv4Addr::from(address_bits);
            prop_assert_eq!(text(|it| address(it, at.into())), format!("{at}"));
        }
    }
}
