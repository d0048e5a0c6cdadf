//! Matching of the connections of two captures, and comparison of what both points saw.

use super::super::row::Entry;
use super::sent::{Passed, Sent};
use crate::tcp::measure::{Report, Side};
use hashbrown::HashMap;
use std::hash::{Hash, RandomState};

/// A connection seen by both points. The near point is that of the main captures.
#[derive(Clone, Debug)]
pub(super) struct Both {
    /// Ordinal of the other capture's connection.
    pub(super) far: usize,
    /// Whether both initial sequence numbers match, rather than only the endpoints.
    pub(super) by_isn: bool,
    /// Segments sent by the client, then by the server.
    pub(super) passed: [Passed; 2],
    /// Least round trip from the near point to the server minus that from the far point, in ns.
    /// Negative if the far point is farther from the server.
    pub(super) tap_rtt: Option<i64>,
    /// Time that the server took for its answers, as seen by the far point, in ns.
    pub(super) server_think: i64,
    /// Time that the server's window was closed, as seen by the far point, in ns.
    pub(super) server_closed: i64,
}

impl Both {
    /// Waiting for losses between the points, beyond the near one, and beyond the far one, in ns.
    pub(super) fn lost(&self) -> [i64; 3] {
        let [client, server] = &self.passed;
        [
            client
                .lost_between_ns
                .saturating_add(server.lost_between_ns),
            server.lost_beyond_ns,
            client.lost_beyond_ns,
        ]
    }

    /// Waiting for the server, in ns.
    pub(super) const fn stall(&self) -> i64 {
        self.server_think.saturating_add(self.server_closed)
    }
}

/// Finds the connection of `far` for each connection of `near`.
pub(super) fn compare(near: &[Entry], far: &[Entry]) -> Vec<Option<Both>> {
    let mut by_isn = Candidates::new(far, isns);
    let mut by_ends = Candidates::new(far, |it| Some(it.ends()));
    let mut taken = vec![false; far.len()];
    let mut found: Vec<Option<(usize, bool)>> = vec![None; near.len()];
    // Initial sequence numbers of both sides are more reliable than addresses.
    for (place, own) in found.iter_mut().zip(near) {
        *place = by_isn.take(isns(own), &mut taken).map(|it| (it, true));
    }
    for (place, own) in found.iter_mut().zip(near) {
        if place.is_none() {
            *place = by_ends
                .take(Some(own.ends()), &mut taken)
                .map(|it| (it, false));
        }
    }
    let both = found.into_iter().zip(near).map(|(found, own)| {
        let (number, by_isn) = found?;
        Some(both(own, far.get(number)?, number, by_isn))
    });
    both.collect()
}

/// Connections by key, in order.
struct Candidates<K>(HashMap<K, Vec<usize>, RandomState>);

impl<K: Hash + Eq> Candidates<K> {
    fn new(entries: &[Entry], key: impl Fn(&Entry) -> Option<K>) -> Self {
        let mut all: HashMap<K, Vec<usize>, RandomState> = HashMap::default();
        // In reverse, because they are taken from the end.
        for (number, entry) in entries.iter().enumerate().rev() {
            if let Some(key) = key(entry) {
                all.entry(key).or_default().push(number);
            }
        }
        Self(all)
    }

    /// The first untaken connection with this key.
    fn take(&mut self, key: Option<K>, taken: &mut [bool]) -> Option<usize> {
        let numbers = self.0.get_mut(&key?)?;
        while let Some(number) = numbers.pop() {
            if let Some(taken) = taken.get_mut(number).filter(|it| !**it) {
                *taken = true;
                return Some(number);
            }
        }
        None
    }
}

/// Initial sequence numbers of client and server, if both are known.
fn isns(entry: &Entry) -> Option<(u32, u32)> {
    let report = entry.connection.report();
    let [client, server] = report.sides.map(|it| it.offer.map(|it| it.isn));
    client.zip(server)
}

fn both(near: &Entry, far: &Entry, number: usize, by_isn: bool) -> Both {
    let (own, other) = (near.connection.report(), far.connection.report());
    let near_sent = |is_client| near.sent_by(side(&own, is_client));
    let far_sent = |is_client| far.sent_by(side(&other, is_client));
    let least = |it: &Report| it.sides[0].rtt.map(|it| it.min).or(it.handshake_rtt);
    Both {
        far: number,
        by_isn,
        passed: [
            Passed::of(&near_sent(true), &far_sent(true)),
            Passed::of(&far_sent(false), &near_sent(false)),
        ],
        tap_rtt: least(&own)
            .zip(least(&other))
            .map(|(near, far)| near.saturating_sub(far)),
        server_think: other.server_time(),
        server_closed: other.sides[1].anomalies.zero_window_ns,
    }
}

const fn side(report: &Report, is_client: bool) -> Side {
    if is_client {
        report.client
    } else {
        report.client.other()
    }
}

impl Entry {
    /// Segments of a side, with relative sequence numbers.
    fn sent_by(&self, side: Side) -> Vec<Sent> {
        let base = self.connection.base(side).unwrap_or(0);
        let own = self.sent.iter().filter(|(it, _)| *it == side);
        let relative = own.map(|(_, it)| Sent {
            sequence: it.sequence.wrapping_sub(base),
            ..*it
        });
        relative.collect()
    }
}
