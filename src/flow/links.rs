//! Link keys, numbered: MAC pairs and VLAN stacks are few, so that packet references and flow
//! records hold a number for them.

use super::key::LinkKey;
use crate::number::index_u32;
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

/// Link keys and their numbers, in the order in which they were first seen.
#[derive(Debug)]
pub struct LinkTable {
    keys: Vec<LinkKey>,
    numbers: HashTable<u32>,
    hasher: RandomState,
    /// Keys met lately and their numbers, each at a place of its own.
    recent: Box<[(LinkKey, u32); RECENT]>,
}

impl Default for LinkTable {
    fn default() -> Self {
        let mut table = Self {
            keys: Vec::new(),
            numbers: HashTable::new(),
            hasher: RandomState::new(),
            recent: Box::new([(LinkKey::default(), Self::NONE); RECENT]),
        };
        table.clear();
        table
    }
}

impl LinkTable {
    /// The number of the key without addresses and tags.
    pub const NONE: u32 = 0;

    /// Forgets all keys but the empty one.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.numbers.clear();
        self.recent.fill((LinkKey::default(), Self::NONE));
        let empty = LinkKey::default();
        self.find_or_insert(&empty, recent_slot(&empty));
    }

    /// The number of a key; a new one if it has none yet.
    #[inline]
    pub fn number(&mut self, key: &LinkKey) -> u32 {
        // Consecutive packets mostly go between the same few pairs of machines.
        let slot = recent_slot(key);
        match self.recent.get(slot) {
            Some((recent, number)) if recent == key => *number,
            _ => self.find_or_insert(key, slot),
        }
    }

    #[inline(never)]
    fn find_or_insert(&mut self, key: &LinkKey, slot: usize) -> u32 {
        let Self {
            keys,
            numbers,
            hasher,
            recent,
        } = self;
        let at = |number: u32| keys.get(number as usize);
        let hash = hasher.hash_one(key);
        let found = numbers
            .find(hash, |&number| at(number) == Some(key))
            .copied();
        let number = found.unwrap_or_else(|| {
            let number = index_u32(keys.len());
            numbers.insert_unique(hash, number, |&number| {
                at(number).map_or(0, |key| hasher.hash_one(key))
            });
            number
        });
        if found.is_none() {
            keys.push(*key);
        }
        if let Some(recent) = recent.get_mut(slot) {
            *recent = (*key, number);
        }
        number
    }

    /// The key of a number.
    pub fn get(&self, number: u32) -> LinkKey {
        self.keys.get(number as usize).copied().unwrap_or_default()
    }

    /// All keys, in the order of their numbers.
    pub fn keys(&self) -> &[LinkKey] {
        &self.keys
    }
}

/// A slot for a key among the recent ones: the upper bits of a product depend on all of its
/// factors' bits.
#[inline]
fn recent_slot(key: &LinkKey) -> usize {
    usize::from(key.mixed().to_be_bytes()[0]) % RECENT
}

const RECENT: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::key::MacAddr;

    #[test]
    fn numbers_are_stable_and_dense() {
        let mut table = LinkTable::default();
        let keys: Vec<LinkKey> = (0..1000_u16)
            .map(|n| {
                let [a, b] = n.to_be_bytes();
                let mac = MacAddr([2, 0, 0, 0, a, b]);
                let mut key = LinkKey::default();
                key.set_macs(mac, mac);
                key
            })
            .collect();
        for (index, key) in keys.iter().enumerate() {
            assert_eq!(table.number(key) as usize, index + 1);
        }
        for (index, key) in keys.iter().enumerate().rev() {
            assert_eq!(table.number(key) as usize, index + 1);
            assert_eq!(table.get(u32::try_from(index + 1).unwrap()), *key);
        }
        assert_eq!(table.number(&LinkKey::default()), LinkTable::NONE);
    }
}
