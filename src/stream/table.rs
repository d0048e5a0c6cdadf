//! Pairs of endpoints, and the connections between them.

use super::direction::NONE;
use super::wanted::Verdict;
use crate::flow::NetworkKey;
use crate::number::index_u32;
use crate::tcp::Standing;
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

/// Two endpoints, and the connections between them.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: PairKey,
    /// The directions that the last packets from the lower endpoint and from the greater one
    /// belonged to.
    pub(super) current: [u32; 2],
    /// All connections, once there is more to say than which directions are current.
    pub(super) listed: Option<Box<Connections>>,
    /// How many connections there are.
    pub(super) count: u32,
    pub(super) verdict: Verdict,
}

/// The connections between two endpoints, in the order in which they started.
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub(super) all: Vec<Connection>,
    /// For each side: connections before this one have a direction of it.
    pub(super) one_sided: [usize; 2],
    /// Connections to be confirmed, in order.
    pub(super) unsettled: Vec<usize>,
}

/// A connection between two endpoints.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// From the lower endpoint, and from the greater one.
    pub(super) directions: [u32; 2],
    /// From 1, in the order in which they started.
    pub(super) number: u32,
    pub(super) standing: Standing,
    /// Which connection it is part of, if nothing confirms it.
    pub(super) beside: usize,
    /// Networks in which it was seen, besides those in which its directions started.
    pub(super) joined: Vec<u32>,
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
            listed: None,
            count: 1,
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

impl Connection {
    pub(super) const fn new(directions: [u32; 2], number: u32) -> Self {
        Self {
            directions,
            number,
            standing: Standing::Settled,
            beside: 0,
            joined: Vec::new(),
        }
    }

    /// Its direction from a side.
    pub(super) fn side(&self, side: usize) -> u32 {
        self.directions.get(side).copied().unwrap_or(NONE)
    }
}

impl Connections {
    /// Where the connections are that a packet from a side may belong to: that of the packet
    /// before it, the newest ones, and the first ones that nothing came for from this side.
    pub(super) fn near(&mut self, side: usize, current: u32) -> Vec<usize> {
        let Self { all, one_sided, .. } = self;
        let has =
            |place: usize, number: u32| all.get(place).is_some_and(|it| it.side(side) == number);
        // Absorbed connections have no directions.
        let is_waiting = |place: usize| {
            let connection = all.get(place);
            connection.is_some_and(|it| it.side(side) == NONE && it.directions != [NONE; 2])
        };
        let first = one_sided.get_mut(side);
        let first = first.map_or(0, |first| {
            while *first < all.len() && !is_waiting(*first) {
                *first += 1;
            }
            *first
        });
        let newest = (0..all.len()).rev();
        let mut near: Vec<usize> = Vec::new();
        near.extend(
            newest
                .clone()
                .take(MOST_SEARCHED)
                .find(|&it| current != NONE && has(it, current)),
        );
        near.extend(newest.take(MOST_WEIGHED));
        let oldest = (first..all.len()).take(MOST_SCANNED);
        let waiting = oldest.filter(|&it| is_waiting(it));
        near.extend(waiting.take(MOST_WEIGHED));
        let mut known = Vec::with_capacity(near.len());
        near.retain(|it| {
            !known.contains(it) && {
                known.push(*it);
                true
            }
        });
        near
    }
}

impl Pair {
    /// Its connections, listed from now on.
    pub(super) fn list(&mut self) -> &mut Connections {
        let Self {
            current, listed, ..
        } = self;
        listed.get_or_insert_with(|| {
            let all = if *current == [NONE; 2] {
                Vec::new()
            } else {
                vec![Connection::new(*current, 1)]
            };
            Box::new(Connections {
                all,
                one_sided: [0; 2],
                unsettled: Vec::new(),
            })
        })
    }

    /// One of its connections; without a place, its only one.
    pub(super) fn connection(&self, place: Option<usize>) -> Option<Connection> {
        match (&self.listed, place) {
            (Some(list), Some(place)) => list.all.get(place).cloned(),
            _ => Some(Connection::new(self.current, 1)),
        }
    }

    /// The current direction of a side.
    pub(super) fn current(&self, side: usize) -> u32 {
        self.current.get(side).copied().unwrap_or(NONE)
    }

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

/// Newest connections searched for that of a side's last packet.
pub(super) const MOST_SEARCHED: usize = 64;
/// Connections searched for those that wait for their other direction, starting from the oldest of
/// them.
const MOST_SCANNED: usize = 1024;
/// Connections to be confirmed at a time. Beyond this, the oldest one is decided.
pub(super) const MOST_UNSETTLED: usize = 64;
/// Connections that are weighed against a packet: of those that started last, and of those that
/// wait for their other direction.
const MOST_WEIGHED: usize = 32;
