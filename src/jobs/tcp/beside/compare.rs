//! Which connection of one capture is which of the other, and what both points saw of it.

use super::super::row::Entry;
use super::sent::{Passed, Sent};
use crate::tcp::measure::{Report, Side};
use hashbrown::HashMap;
use std::hash::{Hash, RandomState};

/// A connection that both points saw. The near point is the first capture's.
#[derive(Clone, Debug)]
pub(super) struct Both {
    /// Ordinal of the other capture's connection.
    pub(super) far: usize,
    /// Both initial sequence numbers are the same; else the endpoints are.
    pub(super) by_isn: bool,
    /// What the client sent, then the server.
    pub(super) passed: [Passed; 2],
    /// The least round trip from the near point to the server without that from the far point, in ns:
    /// negative where the far point is farther from the server.
    pub(super) tap_rtt: Option<i64>,
    /// The time that the server took for its answers, as the far point saw it, in ns.
    pub(super) server_think: i64,
    /// How long the server's window was closed, as the far point saw it, in ns.
    pub(super) server_closed: i64,
}

impl Both {
    /// Waiting for what was lost between the points, beyond the near one, and beyond the far one, in ns.
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

/// For each connection of `near`, the one of `far` that it is.
pub(super) fn compare(near: &[Entry], far: &[Entry]) -> Vec<Option<Both>> {
    let mut by_isn = Candidates::new(far, isns);
    let mut by_ends = Candidates::new(far, |it| Some(it.ends()));
    let mut taken = vec![false; far.len()];
    let mut found: Vec<Option<(usize, bool)>> = vec![None; near.len()];
    // Numbers that both sides chose say more than addresses.
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

/// Connections by a key, in order.
struct Candidates<K>(HashMap<K, Vec<usize>, RandomState>);

impl<K: Hash + Eq> Candidates<K> {
    fn new(entries: &[Entry], key: impl Fn(&Entry) -> Option<K>) -> Self {
        let mut all: HashMap<K, Vec<usize>, RandomState> = HashMap::default();
        // The last ones first: they are taken from the end.
        for (number, entry) in entries.iter().enumerate().rev() {
            if let Some(key) = key(entry) {
                all.entry(key).or_default().push(number);
            }
        }
        Self(all)
    }

    /// The first one with this key that is not taken.
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

/// The numbers that client and server began with, if both are known.
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
    /// What a side sent, with relative numbers.
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
