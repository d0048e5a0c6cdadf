//! Copies of packets, as mirror ports make them: found in capture order, between the phases.
//!
//! A copy is the same IP packet as one before it, byte for byte but for TTL or hop limit and the IPv4
//! header checksum, whatever precedes and follows the packet in its frame. With tunnels entered, the
//! innermost packet decides. The workers reduce each packet to a digest; here digests are compared.
//!
//! A packet is compared with those that stay, within a span of time before or after it: their clocks
//! may differ. At least the last [`FEWEST`] are remembered, so that a single wrong time does no harm,
//! and at most the last [`MOST`], so that memory is bounded whatever the clocks say.
//!
//! A packet that is sent again has another identification in IPv4, as a rule. Where it has none (zero;
//! IPv6), packets that are equal within the span count as copies, as for editcap and Arkime.
//! A packet without a time is no copy.

use super::config::Duplicates;
use crate::capture::Nanos;
use crate::decode::{Addresses, Headers};
use crate::flow::{Digest, HashKey};
use hashbrown::HashTable;
use std::collections::VecDeque;

/// What a packet has in common with its copies, and where its reference is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    pub(super) digest: Digest,
    pub(super) time: Nanos,
    /// The list of a shard and the index there; `None` for the next fragment that waits.
    pub(super) at: Option<(u32, u32)>,
}

/// Where an IP packet is in the captured bytes of its frame. Headers are not passed on, which would
/// have to be in memory for that (`engine/chunk.rs` says why they are not).
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    is_ipv6: bool,
    network: usize,
    transport: usize,
    end: usize,
    wire_end: usize,
}

impl Extent {
    #[inline(always)]
    pub(super) const fn of(headers: &Headers<'_>) -> Self {
        Self {
            is_ipv6: matches!(headers.addresses, Addresses::V6(_) | Addresses::V6Apart(_)),
            network: headers.network,
            transport: headers.transport,
            end: headers.end,
            wire_end: headers.wire_end,
        }
    }
}

/// The digest of a packet's IP header and what it carries, as far as these were captured.
pub(super) fn digest(key: &HashKey, data: &[u8], extent: Extent) -> Digest {
    let packet = data.get(extent.network..compared_end(data, extent));
    let packet = packet.unwrap_or_default();
    let mut head = [0; IPV6_HEADER_LEN];
    let (len, mutable): (usize, &[usize]) = if extent.is_ipv6 {
        (IPV6_HEADER_LEN, &[7])
    } else {
        (IPV4_HEADER_LEN, &[8, 10, 11])
    };
    let (fixed, rest) = packet.split_at_checked(len).unwrap_or((packet, &[]));
    for (place, byte) in head.iter_mut().zip(fixed) {
        *place = *byte;
    }
    for &at in mutable {
        if let Some(byte) = head.get_mut(at) {
            *byte = 0;
        }
    }
    key.digest(&[&head, rest])
}

/// Where the bytes end that are compared. Of a packet that the snaplen truncated, a copy with VLAN tags
/// has fewer bytes: the last ones do not count, but a TCP header does.
const fn compared_end(data: &[u8], extent: Extent) -> usize {
    let Extent {
        network,
        transport,
        end,
        wire_end,
        ..
    } = extent;
    if end != data.len() || end >= wire_end || wire_end == usize::MAX {
        return end;
    }
    let tagged = data.len().saturating_sub(MOST_BEFORE_IP) + network;
    let header = transport + TCP_HEADER_LEN;
    let least = if tagged > header { tagged } else { header };
    if least < end { least } else { end }
}

/// Packets of which copies may come.
#[derive(Debug)]
pub(super) struct CopyTable {
    window_ns: u64,
    /// How many packets are remembered in any case, and at most.
    bounds: (usize, usize),
    /// In capture order.
    packets: VecDeque<(Digest, Nanos)>,
    /// How many were forgotten: the number of the first in `packets`.
    gone: u64,
    /// The number of the last packet with a digest.
    numbers: HashTable<u64>,
}

impl CopyTable {
    pub(super) fn new(duplicates: Duplicates) -> Self {
        Self {
            window_ns: duplicates.window_ns,
            bounds: (FEWEST, MOST),
            packets: VecDeque::new(),
            gone: 0,
            numbers: HashTable::new(),
        }
    }

    /// Whether a packet is a copy of one before it. One that is not is remembered.
    pub(super) fn is_copy(&mut self, print: &Print) -> bool {
        let &Print { digest, time, .. } = print;
        if time == Nanos(0) {
            return false;
        }
        let (fewest, most) = self.bounds;
        while self.packets.len() > fewest && !self.is_first_within(time) {
            self.forget_first();
        }
        let next = self.gone + self.packets.len() as u64;
        let Self {
            window_ns,
            packets,
            gone,
            numbers,
            ..
        } = self;
        let at = |number: u64| {
            let index = usize::try_from(number.checked_sub(*gone)?).ok()?;
            packets.get(index).copied()
        };
        let is_same = |&number: &u64| at(number).is_some_and(|(it, _)| it == digest);
        match numbers.find_mut(digest.hash(), is_same) {
            Some(number) => {
                let first = at(*number);
                if first.is_some_and(|(_, it)| it.0.abs_diff(time.0) <= *window_ns) {
                    return true;
                }
                *number = next;
            }
            None => {
                let hash = |&number: &u64| at(number).map_or(0, |(it, _)| it.hash());
                numbers.insert_unique(digest.hash(), next, hash);
            }
        }
        packets.push_back((digest, time));
        if packets.len() > most {
            self.forget_first();
        }
        false
    }

    fn is_first_within(&self, time: Nanos) -> bool {
        let first = self.packets.front();
        first.is_some_and(|(_, first)| first.0.abs_diff(time.0) <= self.window_ns)
    }

    fn forget_first(&mut self) {
        let Some((digest, _)) = self.packets.pop_front() else {
            return;
        };
        let number = self.gone;
        self.gone += 1;
        // A later packet with this digest may have its place.
        if let Ok(entry) = self.numbers.find_entry(digest.hash(), |&it| it == number) {
            entry.remove();
        }
    }
}

const IPV4_HEADER_LEN: usize = 20;
const IPV6_HEADER_LEN: usize = 40;
/// TCP without options (RFC 9293, section 3.1).
const TCP_HEADER_LEN: usize = 20;
/// Ethernet with two VLAN tags.
const MOST_BEFORE_IP: usize = 14 + 2 * 4;
/// Packets that are remembered in any case: they take 2.5 MB.
const FEWEST: usize = 64 * 1024;
/// Packets that are remembered at most, the last ones: 10 ms of 400 million a second. They take about
/// 170 MB.
const MOST: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn print(number: u64, time: i64) -> Print {
        Print {
            digest: HashKey::fixed(1).digest(&[&number.to_be_bytes()]),
            time: Nanos(time),
            at: None,
        }
    }

    fn table() -> CopyTable {
        CopyTable::new(Duplicates { window_ns: 100 })
    }

    #[test]
    fn copies_are_near_in_time_to_a_packet_that_stays() {
        let mut table = table();
        assert!(!table.is_copy(&print(1, 1000)));
        assert!(table.is_copy(&print(1, 1000)));
        assert!(table.is_copy(&print(1, 1100)), "at the end of the window");
        assert!(table.is_copy(&print(1, 900)), "of a clock that is behind");
        assert!(!table.is_copy(&print(2, 1100)), "another packet");
        assert!(!table.is_copy(&print(1, 1101)), "too late");
        assert!(table.is_copy(&print(1, 1201)), "of the one before");
        assert!(!table.is_copy(&print(3, 0)) && !table.is_copy(&print(3, 0)));
        assert!(!table.is_copy(&print(4, i64::MIN)));
        assert!(!table.is_copy(&print(4, i64::MAX)));
    }

    #[test]
    fn a_single_wrong_time_does_no_harm() {
        let mut table = table();
        assert!(!table.is_copy(&print(1, 1000)));
        assert!(!table.is_copy(&print(2, 1_000_000_000_000)));
        assert!(table.is_copy(&print(1, 1001)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut table = CopyTable {
            bounds: (100, 1000),
            ..table()
        };
        for number in 0..1010 {
            assert!(!table.is_copy(&print(number, 1000)), "clocks stand still");
        }
        assert_eq!((table.packets.len(), table.numbers.len()), (1000, 1000));
        assert!(table.is_copy(&print(10, 1000)));
        assert!(!table.is_copy(&print(9, 1000)), "forgotten");
        assert!(!table.is_copy(&print(5, 5000)));
        assert_eq!((table.packets.len(), table.numbers.len()), (101, 101));
        assert!(table.is_copy(&print(9, 1000)), "one of the last");
    }
}
