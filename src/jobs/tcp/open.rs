//! Which connections were open at the same time.

use super::facts::{Facts, Place};
use super::options::{Instant, OpenUntil};
use super::row::Open;
use crate::output::rows::{Row, Table};
use hashbrown::HashMap;
use rayon::prelude::*;
use std::hash::RandomState;
use std::net::IpAddr;

/// When a connection was open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) client: IpAddr,
    pub(super) server: IpAddr,
    /// Its first packet.
    pub(super) first: i64,
    /// In nanoseconds; `None` of attempts.
    pub(super) opened: Option<i64>,
    /// When it ended, if it did.
    pub(super) end: Option<i64>,
    /// Its last packet.
    pub(super) last: i64,
    /// When others are counted: at its reset, or when the first side closed it.
    pub(super) closed: Option<i64>,
}

impl Span {
    pub(super) fn of(row: &impl Row) -> Self {
        let facts = Facts(row);
        let time = |place| facts.signed(place);
        let (first, last) = (time(Place::First), time(Place::Last));
        Self {
            client: facts.address(Place::ClientIp),
            server: facts.address(Place::ServerIp),
            first: first.unwrap_or(0),
            opened: opened(&facts),
            end: time(Place::End),
            last: last.unwrap_or(0),
            closed: time(Place::Reset).or_else(|| time(Place::Close)),
        }
    }

    /// The spans of all connections.
    pub(super) fn of_all(table: &impl Table) -> Vec<Self> {
        let rows = (0..table.len()).into_par_iter().with_min_len(64);
        rows.map(|it| Self::of(&table.row(it))).collect()
    }

    /// From when to when it was open; it is not any more at the end.
    pub(super) fn interval(&self, until: OpenUntil) -> Option<(i64, i64)> {
        let open_end = match until {
            OpenUntil::End => i64::MAX,
            OpenUntil::LastPacket => self.last,
        };
        let (from, to) = (self.opened?, self.end.unwrap_or(open_end));
        (from < to).then_some((from, to))
    }
}

/// Completion of the handshake; for connections that began before the capture, their first packet.
/// `None` for failed attempts.
fn opened<R: Row>(facts: &Facts<'_, R>) -> Option<i64> {
    if matches!(facts.text(Place::State), Some("S0" | "REJ")) {
        return None;
    }
    let complete = facts
        .signed(Place::Ack)
        .or_else(|| facts.signed(Place::SynAck));
    match facts.signed(Place::Syn) {
        Some(_) => complete,
        None => complete.or_else(|| facts.signed(Place::First)),
    }
}

/// What happens at a time; in this order at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Opens,
    Ends,
    /// Its last packet has passed.
    Rests,
    Asks,
}

/// How many are open, and of these how many sent nothing later.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    open: i64,
    active: i64,
}

/// For each connection that ended, the others that were open then.
pub(super) fn open_at_end(table: &impl Table, until: OpenUntil) -> Vec<Open> {
    let spans = Span::of_all(table);
    let mut events: Vec<(i64, Event, usize)> = Vec::with_capacity(spans.len() * 4);
    for (number, span) in spans.iter().enumerate() {
        if let Some((from, to)) = span.interval(until) {
            events.push((from, Event::Opens, number));
            events.push((to, Event::Ends, number));
            if span.last < to {
                // It is still active at its last packet.
                events.push((span.last.saturating_add(1), Event::Rests, number));
            }
        }
        events.extend(span.closed.map(|at| (at, Event::Asks, number)));
    }
    events.par_sort_unstable();
    let mut counts = Counts::default();
    let mut found = vec![Open::default(); spans.len()];
    let mut is_active = vec![false; spans.len()];
    for (_, event, number) in events {
        let (Some(span), Some(found), Some(active)) = (
            spans.get(number),
            found.get_mut(number),
            is_active.get_mut(number),
        ) else {
            continue;
        };
        match event {
            Event::Opens => {
                *active = true;
                counts.add(span, 1, 1);
            }
            Event::Ends => counts.add(span, -1, -i64::from(std::mem::take(active))),
            Event::Rests => counts.add(span, 0, -i64::from(std::mem::take(active))),
            Event::Asks => *found = counts.of(span, until),
        }
    }
    found
}

/// The connections that were open at a time, by their ordinals.
pub(super) fn open_at(table: &impl Table, instant: Instant, until: OpenUntil) -> Vec<usize> {
    let spans = Span::of_all(table);
    let time = match instant {
        Instant::At(time) => time,
        Instant::After(ns) => {
            let first = spans.iter().map(|it| it.first).min().unwrap_or(0);
            first.saturating_add_unsigned(ns)
        }
    };
    let numbered = spans.iter().enumerate();
    let open = numbered.filter(|(_, span)| {
        let interval = span.interval(until);
        interval.is_some_and(|(from, to)| from <= time && time < to)
    });
    open.map(|(ordinal, _)| ordinal).collect()
}

/// Open connections of clients, servers, and between both.
#[derive(Debug, Default)]
struct Counts {
    clients: HashMap<IpAddr, Count, RandomState>,
    servers: HashMap<IpAddr, Count, RandomState>,
    pairs: HashMap<(IpAddr, IpAddr), Count, RandomState>,
}

impl Counts {
    fn add(&mut self, span: &Span, open: i64, active: i64) {
        let Self {
            clients,
            servers,
            pairs,
        } = self;
        let all = [
            clients.entry(span.client).or_default(),
            servers.entry(span.server).or_default(),
            pairs.entry((span.client, span.server)).or_default(),
        ];
        for count in all {
            count.open += open;
            count.active += active;
        }
    }

    fn of(&self, span: &Span, until: OpenUntil) -> Open {
        let client = self.clients.get(&span.client).copied().unwrap_or_default();
        let server = self.servers.get(&span.server).copied().unwrap_or_default();
        let pair = self.pairs.get(&(span.client, span.server));
        let pair = pair.copied().unwrap_or_default();
        // A connection that only one side has closed is open itself.
        let own = span.closed.zip(span.interval(until));
        let own = own.is_some_and(|(at, (from, to))| from <= at && at < to);
        let number = |count: i64| u32::try_from(count).unwrap_or(0);
        let (open, active) = (client.open - pair.open, client.active - pair.active);
        Open {
            is_known: true,
            others: number(open),
            others_idle: number(open - active),
            pair: number(pair.open - i64::from(own)),
            server: number(server.open - i64::from(own)),
        }
    }
}
