//! Pairs of endpoints, and the connections between them.

use super::direction::NONE;
use super::wanted::Verdict;
use crate::flow::NetworkKey;
use crate::number::index_u32;
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// The pairs of a shard.
#[derive(Debug, Default)]
pub(super) struct PairTable {
    pairs: Vec<Pair>,
    /// Finds a pair by its endpoints.
    numbers: HashTable<u32>,
    hasher: RandomState,
    free: Vec<u32>,
}

/// Two endpoints, the lower one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PairKey {
    pub(super) protocol: u8,
    ends: [(IpAddr, u16); 2],
}

/// Two endpoints: the directions of the current connection between them, and of the one before;
/// each from the lower endpoint and from the greater one.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: PairKey,
    pub(super) current: [u32; 2],
    pub(super) previous: [u32; 2],
    pub(super) connection: u32,
    pub(super) verdict: Verdict,
}

impl PairTable {
    pub(super) fn get(&self, number: u32) -> Option<&Pair> {
        self.pairs.get(number as usize)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Pair> {
        self.pairs.get_mut(number as usize)
    }

    /// How many numbers were given to pairs.
    pub(super) const fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The pair of some endpoints, and whether it is new.
    pub(super) fn find_or_add(&mut self, key: PairKey, verdict: Verdict) -> (u32, bool) {
        let hash = self.hasher.hash_one(key);
        let is_same = |&number: &u32| self.get(number).is_some_and(|pair| pair.key == key);
        if let Some(&number) = self.numbers.find(hash, is_same) {
            return (number, false);
        }
        let pair = Pair {
            key,
            current: [NONE; 2],
            previous: [NONE; 2],
            connection: 1,
            verdict,
        };
        let number = put(&mut self.pairs, &mut self.free, pair);
        let Self { pairs, hasher, .. } = self;
        self.numbers.insert_unique(hash, number, |&number| {
            let pair = pairs.get(number as usize);
            pair.map_or(0, |pair| hasher.hash_one(pair.key))
        });
        (number, true)
    }

    /// Frees the number of a pair. Its endpoints are a new pair from now on.
    pub(super) fn remove(&mut self, number: u32) {
        let Some(pair) = self.get(number) else {
            return;
        };
        let hash = self.hasher.hash_one(pair.key);
        if let Ok(entry) = self.numbers.find_entry(hash, |&it| it == number) {
            entry.remove();
        }
        self.free.push(number);
    }
}

impl PairKey {
    /// The pair of a flow's endpoints, and whether the flow comes from the greater one.
    pub(super) fn new(network: &NetworkKey) -> (Self, bool) {
        let src = (network.src, network.src_port);
        let dst = (network.dst, network.dst_port);
        let is_reverse = src > dst;
        let key = Self {
            protocol: network.protocol,
            ends: if is_reverse { [dst, src] } else { [src, dst] },
        };
        (key, is_reverse)
    }
}

impl Pair {
    /// Addresses and ports of a direction, seen from its sender.
    pub(super) const fn network(&self, is_reverse: bool) -> NetworkKey {
        let [low, high] = self.key.ends;
        let (src, dst) = if is_reverse { (high, low) } else { (low, high) };
        NetworkKey {
            src: src.0,
            dst: dst.0,
            protocol: self.key.protocol,
            src_port: src.1,
            dst_port: dst.1,
        }
    }
}

/// Puts a value into a free place, or after all others, and returns where it is.
pub(super) fn put<T>(values: &mut Vec<T>, free: &mut Vec<u32>, value: T) -> u32 {
    if let Some(number) = free.pop()
        && let Some(place) = values.get_mut(number as usize)
    {
        *place = value;
        return number;
    }
    let number = index_u32(values.len());
    values.push(value);
    number
}
