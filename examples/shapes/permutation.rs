//! Numbers in another order.

use testkit::Random;

/// Rearranges the numbers below `len`, each one into another one, without a table.
///
/// Each step maps the numbers of so many bits one to one; an image that is too large is mapped
/// again until it fits.
pub(crate) struct Permutation {
    len: u64,
    mask: u64,
    shift: u32,
    factors: [u64; 3],
}

impl Permutation {
    pub(crate) fn new(len: u64, random: &mut Random) -> Self {
        let bits = (u64::BITS - len.leading_zeros()).max(2);
        let factors = [
            random.next_u64() | 1,
            random.next_u64() | 1,
            random.next_u64() | 1,
        ];
        Self {
            len,
            mask: (1 << bits) - 1,
            shift: bits.div_ceil(2),
            factors,
        }
    }

    /// `number` is below `len`.
    pub(crate) fn image(&self, number: u64) -> u64 {
        let mut image = number;
        loop {
            for factor in self.factors {
                image = image.wrapping_mul(factor).wrapping_add(factor >> 32) & self.mask;
                image ^= image >> self.shift;
            }
            if image < self.len {
                return image;
            }
        }
    }
}
