//! Copies of packets, found in the simplest way: by their bytes.
#![expect(
    clippy::disallowed_types,
    reason = "looked up only: nothing goes by the order of this map"
)]

use crate::decode::{Addresses, Headers};
use crate::engine::Duplicates;
use sha1::{Digest, Sha1};
use std::collections::{HashMap, VecDeque};

/// A digest of all that a packet has in common with its copies.
pub(super) type Print = [u8; 20];

/// The digest of an IP packet as far as it was captured, without what changes on the way. Where the
/// snaplen truncated it, copies with VLAN tags have up to 8 bytes less: these are left out, unless they
/// are a TCP header's.
pub(super) fn print_of(data: &[u8], headers: &Headers<'_>) -> Print {
    let &Headers {
        network,
        transport,
        mut end,
        wire_end,
        ..
    } = headers;
    if end < wire_end && wire_end != usize::MAX && end == data.len() {
        let without_tags = network + data.len().saturating_sub(22);
        end = end.min(without_tags.max(transport + 20));
    }
    let mut packet = data.get(network..end).unwrap_or_default().to_vec();
    let mutable = match headers.addresses {
        Addresses::V4 { .. } => &[8, 10, 11][..],
        Addresses::V6(_) | Addresses::V6Apart(_) => &[7],
    };
    for &at in mutable {
        if let Some(byte) = packet.get_mut(at) {
            *byte = 0;
        }
    }
    Sha1::digest(&packet).into()
}

/// Packets that stay, of which copies may come.
#[derive(Debug)]
pub(super) struct Copies {
    window_ns: u64,
    /// In capture order.
    stay: VecDeque<(Print, i64, u64)>,
    /// Time and number of the last one with a digest.
    last: HashMap<Print, (i64, u64)>,
    next: u64,
}

impl Copies {
    pub(super) fn new(duplicates: Duplicates) -> Self {
        Self {
            window_ns: duplicates.window_ns,
            stay: VecDeque::new(),
            last: HashMap::new(),
            next: 0,
        }
    }

    /// Whether a packet with this time is a copy of one that stays.
    pub(super) fn is_copy(&mut self, print: Print, time: i64) -> bool {
        if time == 0 {
            return false;
        }
        while self.stay.len() > FEWEST
            && let Some((_, first, _)) = self.stay.front()
            && first.abs_diff(time) > self.window_ns
        {
            self.forget_first();
        }
        let before = self.last.get(&print);
        if before.is_some_and(|(it, _)| it.abs_diff(time) <= self.window_ns) {
            return true;
        }
        self.last.insert(print, (time, self.next));
        self.stay.push_back((print, time, self.next));
        self.next += 1;
        if self.stay.len() > MOST {
            self.forget_first();
        }
        false
    }

    fn forget_first(&mut self) {
        if let Some((print, _, number)) = self.stay.pop_front()
            && self.last.get(&print).is_some_and(|it| it.1 == number)
        {
            self.last.remove(&print);
        }
    }
}

/// Packets that are remembered in any case, and at most: the bounds are a part of the rule
/// (`engine/copies.rs`).
const FEWEST: usize = 64 * 1024;
const MOST: usize = 4 * 1024 * 1024;
