//! Hashing of flow keys.
//!
//! The hash is keyed anew for each run, so that no capture can be prepared whose flows collide.
//! No result depends on it: it only says which shard works on a flow, and where in its table the
//! flow is found.

use crate::decode::{Addresses, joined, split_v6};
use std::hash::{BuildHasher, RandomState};

/// The secret that a run's hashes are keyed with.
#[derive(Clone, Copy, Debug)]
pub struct HashKey([u64; 3]);

/// The hash of a 5-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyHash {
    /// Equal for both directions of a conversation: chooses the shard.
    pub(crate) conversation: u32,
    /// Differs by direction: finds the flow in its shard's table.
    pub(crate) flow: u32,
    /// Whether the source is the greater of the two endpoints.
    pub(crate) is_reverse: bool,
}

impl HashKey {
    /// A key that cannot be guessed.
    pub fn random() -> Self {
        let random = RandomState::new();
        Self([0_u64, 1, 2].map(|n| random.hash_one(n)))
    }

    /// A key for tests: results must not depend on it.
    pub const fn fixed(seed: u64) -> Self {
        Self([
            seed ^ 0x9e37_79b9_7f4a_7c15,
            seed ^ 0xd1b5_4a32_d192_ed03,
            seed ^ 0x94d0_49bb_1331_11eb,
        ])
    }

    /// Mixes the endpoints of IPv6, and tells whether they were exchanged.
    #[inline(always)]
    fn ipv6(&self, both: &[u8; 32], src_port: u16, dst_port: u16) -> (u64, bool) {
        let [k0, k1, k2] = self.0;
        let (src, dst) = split_v6(both);
        let is_reverse = (src, src_port) > (dst, dst_port);
        let (low, high) = if is_reverse { (dst, src) } else { (src, dst) };
        let (low_port, high_port) = if is_reverse {
            (dst_port, src_port)
        } else {
            (src_port, dst_port)
        };
        let ports = u64::from(low_port) << 16 | u64::from(high_port);
        let mixed = [low, high].into_iter().fold(ports ^ k2, |state, address| {
            let [a, b] = halves(address);
            fold(state ^ a ^ k0, b ^ k1)
        });
        (mixed, is_reverse)
    }

    #[cold]
    #[inline(never)]
    fn ipv6_apart(&self, apart: &[u8; 36], src_port: u16, dst_port: u16) -> (u64, bool) {
        self.ipv6(&joined(apart), src_port, dst_port)
    }

    /// Hashes a 5-tuple. The endpoints are sorted before they are mixed: sums or XORs of both
    /// would make conversations collide that share no endpoint.
    #[inline(always)]
    pub(crate) fn tuple(
        &self,
        addresses: &Addresses<'_>,
        protocol: u8,
        src_port: u16,
        dst_port: u16,
    ) -> KeyHash {
        let [k0, k1, k2] = self.0;
        let (mixed, is_reverse) = match *addresses {
            Addresses::V4 { src, dst } => {
                let src = u64::from(src) << 16 | u64::from(src_port);
                let dst = u64::from(dst) << 16 | u64::from(dst_port);
                (fold(src.min(dst) ^ k0, src.max(dst) ^ k1), src > dst)
            }
            Addresses::V6(both) => self.ipv6(both, src_port, dst_port),
            Addresses::V6Apart(apart) => self.ipv6_apart(apart, src_port, dst_port),
        };
        let mixed = fold(mixed ^ u64::from(protocol), k2);
        let [low, high] = words(mixed);
        KeyHash {
            conversation: high,
            flow: if is_reverse { !low } else { low },
            is_reverse,
        }
    }

    /// The digest of the bytes of some parts, where parts of other lengths are other bytes.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> Digest {
        let [k0, k1, k2] = self.0;
        let mut state = [k2, k0];
        let mut mix = |x: u64, y: u64| {
            let [a, b] = state;
            state = [fold(a ^ x ^ k0, y ^ k1), fold(b ^ y ^ k2, x ^ !k0)];
        };
        for part in parts {
            let (blocks, rest) = part.as_chunks::<16>();
            for block in blocks {
                let [x, y] = halves(u128::from_le_bytes(*block));
                mix(x, y);
            }
            let mut last = [0; 16];
            for (place, byte) in last.iter_mut().zip(rest) {
                *place = *byte;
            }
            let [x, y] = halves(u128::from_le_bytes(last));
            mix(x, y);
            mix(part.len() as u64, 0);
        }
        Digest(state)
    }

    /// Mixes a flow's hash and its link key's number.
    #[inline]
    pub(crate) fn slot(&self, flow: u32, link: u32) -> u32 {
        let [k0, k1, _] = self.0;
        let [low, _] = words(fold((u64::from(flow) << 32 | u64::from(link)) ^ k0, k1 | 1));
        low
    }
}

/// A digest of bytes in 128 bits, keyed as hashes are. That any two of a billion packets share one by
/// chance is less likely than one in 10^20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest([u64; 2]);

impl Digest {
    /// A hash of it.
    pub(crate) const fn hash(self) -> u64 {
        let Self([hash, _]) = self;
        hash
    }
}

/// Both halves of a 128-bit product: every bit of the result depends on all bits of both factors.
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    let [low, high] = halves(product);
    low ^ high
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves are what is wanted"
)]
const fn halves(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves are what is wanted"
)]
const fn words(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_shard_but_not_a_slot() {
        let key = HashKey::fixed(7);
        let there = key.tuple(&Addresses::V4 { src: 1, dst: 2 }, 6, 1000, 80);
        let back = key.tuple(&Addresses::V4 { src: 2, dst: 1 }, 6, 80, 1000);
        assert_eq!(there.conversation, back.conversation);
        assert_ne!(there.flow, back.flow);
        assert_ne!(there.is_reverse, back.is_reverse);

        let mut addresses = [0; 32];
        addresses[15] = 1;
        addresses[31] = 2;
        let there = key.tuple(&Addresses::V6(&addresses), 17, 53, 5353);
        addresses.rotate_left(16);
        let back = key.tuple(&Addresses::V6(&addresses), 17, 5353, 53);
        assert_eq!(there.conversation, back.conversation);
        assert_ne!(there.flow, back.flow);
    }

    #[test]
    fn pairs_with_equal_xor_spread() {
        let key = HashKey::fixed(7);
        let mut shards: Vec<u32> = (0..65_536_u32)
            .map(|n| {
                key.tuple(
                    &Addresses::V4 {
                        src: n,
                        dst: n ^ 0xffff,
                    },
                    17,
                    9,
                    9,
                )
                .conversation
            })
            .collect();
        shards.sort_unstable();
        shards.dedup();
        // Each pair and its reverse are one conversation: 32,768 of them, a few may collide.
        assert!(
            shards.len() > 32_700,
            "{} conversations told apart",
            shards.len()
        );
    }
}
