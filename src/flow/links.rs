//! Link keys, numbered: MAC pairs and VLAN stacks are few, so that packet references and flow
//! records hold a number for them. Networks of tunnels are few, too, and are numbered with them.

use super::key::{LinkKey, Tunnels};
use crate::number::index_u32;
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

/// Link keys and their numbers, in the order in which they were first seen.
#[derive(Debug)]
pub struct LinkTable {
    keys: Vec<Link>,
    numbers: HashTable<u32>,
    hasher: RandomState,
    /// Keys of no tunnel met lately and their numbers, each at a place of its own.
    recent: Box<[(LinkKey, u32); RECENT]>,
    /// The same of tunnels; empty until there is one.
    recent_tunnels: Vec<(Link, u32)>,
}

/// A link key, and the networks of the tunnels that the packets came through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    pub(crate) key: LinkKey,
    pub(crate) networks: Tunnels,
}

impl Default for LinkTable {
    fn default() -> Self {
        let mut table = Self {
            keys: Vec::new(),
            numbers: HashTable::new(),
            hasher: RandomState::new(),
            recent: Box::new([(LinkKey::default(), Self::NONE); RECENT]),
            recent_tunnels: Vec::new(),
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
        self.recent_tunnels.fill((Link::default(), Self::NONE));
        self.find_or_insert(&Link::default());
    }

    /// The number of a key; a new one if it has none yet.
    #[inline]
    pub fn number(&mut self, key: &LinkKey) -> u32 {
        // Consecutive packets mostly go between the same few pairs of machines.
        let slot = recent_slot(key);
        match self.recent.get(slot) {
            Some((recent, number)) if recent == key => *number,
            _ => self.number_plain(key, slot),
        }
    }

    #[inline(never)]
    fn number_plain(&mut self, key: &LinkKey, slot: usize) -> u32 {
        let number = self.find_or_insert(&Link {
            key: *key,
            networks: Tunnels::NONE,
        });
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = (*key, number);
        }
        number
    }

    /// The number of a key in the networks of tunnels.
    #[inline(never)]
    pub(crate) fn number_in(&mut self, link: &Link) -> u32 {
        if link.networks.is_empty() {
            return self.number(&link.key);
        }
        // Most tunnels go between the same two machines: networks are what differs.
        let slot = recent_slot(&link.key) ^ (link.networks.slot() % RECENT);
        match self.recent_tunnels.get(slot) {
            Some((recent, number)) if recent == link => *number,
            _ => {
                let number = self.find_or_insert(link);
                let none = (Link::default(), Self::NONE);
                self.recent_tunnels.resize(RECENT, none);
                if let Some(recent) = self.recent_tunnels.get_mut(slot) {
                    *recent = (*link, number);
                }
                number
            }
        }
    }

    fn find_or_insert(&mut self, link: &Link) -> u32 {
        let Self {
            keys,
            numbers,
            hasher,
            ..
        } = self;
        let at = |number: u32| keys.get(number as usize);
        let hash = hasher.hash_one(link);
        let found = numbers.find(hash, |&number| at(number) == Some(link));
        if let Some(&number) = found {
            return number;
        }
        let number = index_u32(keys.len());
        numbers.insert_unique(hash, number, |&number| {
            at(number).map_or(0, |link| hasher.hash_one(link))
        });
        keys.push(*link);
        number
    }

    /// The key of a number.
    pub fn get(&self, number: u32) -> LinkKey {
        self.link(number).key
    }

    /// The key of a number, and its networks.
    pub(crate) fn link(&self, number: u32) -> Link {
        self.keys.get(number as usize).copied().unwrap_or_default()
    }

    /// All keys with their networks, in the order of their numbers.
    pub(crate) fn links(&self) -> &[Link] {
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
    use crate::decode::{Tunnel, TunnelKind};
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

    #[test]
    fn networks_have_numbers_of_their_own() {
        let mut table = LinkTable::default();
        let mut key = LinkKey::default();
        key.push_vlan(7);
        let links: Vec<Link> = (0..1000)
            .map(|id| Link {
                key,
                networks: Tunnels::from_iter([Tunnel::with(TunnelKind::Vxlan, id)]),
            })
            .collect();
        assert_eq!(table.number(&key), 1);
        for (link, number) in links.iter().zip(2..) {
            assert_eq!(table.number_in(link), number);
        }
        for (link, number) in links.iter().rev().zip((2..1002).rev()) {
            assert_eq!(table.number_in(link), number);
            assert_eq!(table.link(number), *link);
        }
        let plain = Link {
            key,
            networks: Tunnels::NONE,
        };
        assert_eq!((table.number_in(&plain), table.number(&key)), (1, 1));
        table.clear();
        assert_eq!(table.number_in(&links[5]), 1);
        assert_eq!(table.links().len(), 2);
    }
}
