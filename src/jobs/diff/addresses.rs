//! Checks that given addresses are in the captures.

use crate::diff::{Both, Options, Side};
use crate::error::{Error, ErrorKind};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Checks that each given network has an address in some packet.
///
/// # Errors
/// When one has none. The error lists pairs of addresses in the captures, those with the most
/// packets first.
pub(super) fn check(sides: Both<&Side>, options: &Options) -> Result<(), Error> {
    let mut given = options.side_a.iter().chain(&options.side_b).peekable();
    if given.peek().is_none() {
        return Ok(());
    }
    let mut pairs: BTreeMap<(IpAddr, IpAddr), usize> = BTreeMap::new();
    for side in [sides.a, sides.b] {
        for (number, it) in side.conversations.iter().enumerate() {
            let packets = side.of(crate::number::index_u32(number)).len();
            let (low, high) = (it.key.src.min(it.key.dst), it.key.src.max(it.key.dst));
            *pairs.entry((low, high)).or_default() += packets;
        }
    }
    let is_there = |net: &crate::select::IpNet| {
        let mut ends = pairs.keys();
        ends.any(|(low, high)| net.contains(*low) || net.contains(*high))
    };
    match given.find(|it| !is_there(it)) {
        None => Ok(()),
        Some(missing) => Err(ErrorKind::UnknownAddress {
            address: missing.to_string(),
            pairs: listed(&pairs),
        }
        .into()),
    }
}

/// The pairs with the most packets.
fn listed(pairs: &BTreeMap<(IpAddr, IpAddr), usize>) -> String {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort_by_key(|(_, packets)| std::cmp::Reverse(**packets));
    let some = sorted.iter().take(MOST_PAIRS);
    let some = some.map(|((low, high), packets)| format!("{low} and {high} ({packets})"));
    some.collect::<Vec<_>>().join(", ")
}

/// Listed pairs.
const MOST_PAIRS: usize = 5;
