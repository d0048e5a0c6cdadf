//! The internet checksum (RFC 1071).

/// Sum of big-endian 16-bit words; an odd last byte counts as if a zero followed. Packets are too
/// short for it to overflow.
#[must_use]
pub fn sum_words(bytes: &[u8]) -> u32 {
    let words = bytes.chunks_exact(2);
    let odd = words
        .remainder()
        .first()
        .map_or(0, |&byte| u32::from(byte) << 8);
    words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum::<u32>()
        + odd
}

/// The checksum of a sum of words.
#[must_use]
pub fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let [_, _, high, low] = sum.to_be_bytes();
    !u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 1071, section 3.
    #[test]
    fn the_example_of_the_rfc() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(sum_words(&bytes), 0x2_ddf0);
        assert_eq!(fold(0x2_ddf0), !0xddf2);
        assert_eq!(sum_words(&[1, 2, 3]), 0x0102 + 0x0300);
    }
}
