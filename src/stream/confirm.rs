//! Connections that must be confirmed: a SYN beside an established connection by its answer, one
//! that repeats a SYN of another network by data that differ.

use super::direction::{Direction, HAS_ACKNOWLEDGED, HAS_DATA, IS_OVER, IS_UNCONFIRMED, NONE};
use super::handler::{Answer, Handler};
use super::place::Current;
use super::table::{Connection, MOST_SEARCHED, MOST_UNSETTLED};
use super::track::Tracker;
use super::wanted::Verdict;
use crate::tcp::{Extent, Standing};

/// What is known of a connection that repeats the SYN of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// Its data are those of the other one.
    Copy,
    /// It is one of its own.
    Own,
    /// Nothing yet.
    None,
}

impl<H: Handler> Tracker<H> {
    /// A connection is one of its own: delivers what it holds.
    pub(super) fn confirm(&mut self, pair: u32, place: usize, current: Current<'_>) {
        let Some(pair) = self.pairs.get_mut(pair) else {
            return;
        };
        pair.count += 1;
        let number = pair.count;
        pair.list().unsettled.retain(|it| *it != place);
        let Some(connection) = pair.list().all.get_mut(place) else {
            return;
        };
        connection.standing = Standing::Settled;
        connection.number = number;
        let directions = connection.directions;
        for (current, direction) in pair.current.iter_mut().zip(directions) {
            if direction != NONE {
                *current = direction;
            }
        }
        for direction in directions {
            self.release(direction, number, current);
        }
    }

    /// Delivers what a direction holds that is part of a connection from now on.
    fn release(&mut self, number: u32, connection: u32, current: Current<'_>) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        direction.info.connection = connection;
        direction.info.flags &= !IS_UNCONFIRMED;
        self.reassemble(number, current, |tcp, sink| {
            tcp.resume(sink);
            None
        });
    }

    /// A connection is part of the one that it is beside.
    fn absorb(&mut self, pair: u32, place: usize, current: Current<'_>) {
        let Some(pair) = self.pairs.get_mut(pair) else {
            return;
        };
        pair.list().unsettled.retain(|it| *it != place);
        let all = &mut pair.list().all;
        let Some(connection) = all.get_mut(place) else {
            return;
        };
        let absorbed = std::mem::replace(connection, Connection::new([NONE; 2], 0));
        let Some(into) = all.get_mut(absorbed.beside) else {
            return;
        };
        let mut moved = Vec::new();
        for (own, &number) in into.directions.iter_mut().zip(&absorbed.directions) {
            if *own == NONE {
                *own = number;
                moved.push((number, NONE));
            } else {
                moved.push((number, *own));
            }
        }
        let (connection, directions) = (into.number, into.directions);
        for (number, into) in moved {
            if into == NONE {
                self.release(number, connection, current);
            } else {
                self.merge(number, into, current);
            }
        }
        let [low, high] = directions;
        for (number, peer) in [(low, high), (high, low)] {
            if let Some(direction) = self.directions.get_mut(number as usize) {
                direction.info.peer = peer;
            }
        }
    }

    /// What came for a direction is another one's.
    fn merge(&mut self, number: u32, into: u32, current: Current<'_>) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        let held = direction.tcp.take_held();
        let state = std::mem::take(&mut direction.state);
        let (info, joined) = (direction.info, direction.info.flow);
        direction.info.verdict = Verdict::Refused;
        direction.info.flags |= IS_OVER;
        direction.info.flags &= !IS_UNCONFIRMED;
        let Some(target) = self.directions.get_mut(into as usize) else {
            return;
        };
        target.info.first = target.info.first.min(info.first);
        target.info.last = target.info.last.max(info.last);
        let network = self.network_id(joined);
        self.join_network_of(into, network);
        // It now has spans of this window that may have to be kept.
        self.touch(into);
        if self.is_followed(into) {
            self.with_side(into, current, |handler, side| {
                handler.absorbed(side, state);
                Answer::Continue
            });
        }
        let overlap = self.handler.overlap();
        for (sequence, piece) in held {
            if !self.is_stopped(into) {
                self.reassemble(into, current, |tcp, sink| {
                    Some(tcp.segment(sequence, piece, overlap, sink))
                });
            }
        }
    }

    fn join_network_of(&mut self, direction: u32, network: u32) {
        let Some(info) = self.directions.get(direction as usize).map(|it| it.info) else {
            return;
        };
        let Some(pair) = self.pairs.get_mut(info.pair) else {
            return;
        };
        let all = &pair.list().all;
        let mut newest = all.iter().enumerate().rev().take(MOST_SEARCHED);
        let found = newest.find(|(_, it)| it.directions.contains(&direction));
        if let Some((place, _)) = found {
            self.join_network(info.pair, place, network);
        }
    }

    /// Data came: compares connections that have the same SYN in two networks.
    #[cold]
    pub(super) fn compare_twins(&mut self, pair: u32, current: Current<'_>) {
        while let Some((place, evidence)) = self.next_evidence(pair) {
            match evidence {
                Evidence::Copy => self.absorb(pair, place, current),
                Evidence::Own | Evidence::None => self.confirm(pair, place, current),
            }
        }
    }

    /// A twin of which enough is known.
    fn next_evidence(&self, pair: u32) -> Option<(usize, Evidence)> {
        let list = self.pairs.get(pair)?.listed.as_ref()?;
        let all = &list.all;
        let unsettled = list.unsettled.iter();
        let twins = unsettled.filter_map(|&place| Some((place, all.get(place)?)));
        let mut twins = twins.filter(|(_, it)| it.standing == Standing::Twin);
        twins.find_map(|(place, twin)| {
            let evidence = self.evidence(twin, all.get(twin.beside)?, false);
            (evidence != Evidence::None).then_some((place, evidence))
        })
    }

    /// What the data of a connection, and of the one whose SYN it repeats, show. `is_final` says
    /// that no more will come.
    fn evidence(&self, twin: &Connection, of: &Connection, is_final: bool) -> Evidence {
        let at =
            |connection: &Connection, side| self.directions.get(connection.side(side) as usize);
        let has_data = |it: &Connection| {
            (0..2).any(|side| at(it, side).is_some_and(|it| it.info.has(HAS_DATA)))
        };
        for side in 0..2 {
            let both = at(twin, side).zip(at(of, side));
            let both = both.map(|(a, b)| (&a.info, &b.info));
            let both = both.filter(|(a, b)| a.has(HAS_DATA) && b.has(HAS_DATA));
            if let Some((a, b)) = both {
                let is_copy = (a.first_data, a.first_print) == (b.first_data, b.first_print);
                return if is_copy {
                    Evidence::Copy
                } else {
                    Evidence::Own
                };
            }
        }
        // Only one of both carries data. An original that nobody has answered is this one.
        let held = |side| at(twin, side).map_or(0, |it| it.tcp.held_len());
        let is_answered = of.directions.iter().all(|it| *it != NONE);
        match (has_data(twin), has_data(of)) {
            (true, false) if is_final || held(0) + held(1) >= ENOUGH => match is_answered {
                true => Evidence::Own,
                false => Evidence::Copy,
            },
            (false, true) if is_final && self.is_half_copied(twin, of) => Evidence::Copy,
            (false, true) if is_final => Evidence::Own,
            (false, false) if is_final => Evidence::Copy,
            _ => Evidence::None,
        }
    }

    /// Whether what there is of a connection is a copy: both of its SYNs have the numbers of another
    /// one's, or one side acknowledges what only that one's other side has sent.
    fn is_half_copied(&self, twin: &Connection, of: &Connection) -> bool {
        let initial = |it: &Connection, side| {
            let direction = self.directions.get(it.side(side) as usize);
            direction.and_then(|it| it.tcp.initial_sequence())
        };
        let has_number = |side| initial(twin, side).is_some();
        let is_same = |side| initial(twin, side) == initial(of, side);
        if (0..2).all(|side| has_number(side) && is_same(side)) {
            return true;
        }
        (0..2).any(|side| {
            let own = self.directions.get(twin.side(side) as usize);
            let own = own.filter(|it| it.info.has(HAS_ACKNOWLEDGED));
            let sent = self.directions.get(of.side(1 - side) as usize);
            let sent = sent.and_then(|it| it.tcp.sent());
            let is_silent = twin.side(1 - side) == NONE;
            let both = own.zip(sent).filter(|_| is_silent);
            both.is_some_and(|(own, sent)| sent.holds(own.info.acknowledged, 0, 1))
        })
    }

    /// Decides on those connections of a pair that need to be confirmed, and that `is_meant` picks.
    pub(super) fn settle(
        &mut self,
        pair: u32,
        current: Current<'_>,
        is_meant: impl Fn(&Connection) -> bool,
    ) {
        let list = self.pairs.get(pair).and_then(|it| it.listed.as_ref());
        let unsettled = list.map_or_else(Vec::new, |it| it.unsettled.clone());
        for place in unsettled {
            let list = self.pairs.get(pair).and_then(|it| it.listed.as_ref());
            let connection = list.and_then(|it| it.all.get(place));
            if connection.is_some_and(&is_meant) {
                self.settle_place(pair, place, current);
            }
        }
    }

    /// If too many connections must be confirmed, decides on the oldest one.
    pub(super) fn bound_unsettled(&mut self, pair: u32, current: Current<'_>) {
        let list = self.pairs.get(pair).and_then(|it| it.listed.as_ref());
        let unsettled = list.map(|it| &it.unsettled);
        let oldest = unsettled.filter(|it| it.len() > MOST_UNSETTLED);
        if let Some(&place) = oldest.and_then(|it| it.first()) {
            self.settle_place(pair, place, current);
        }
    }

    fn settle_place(&mut self, pair: u32, place: usize, current: Current<'_>) {
        let list = self.pairs.get(pair).and_then(|it| it.listed.as_ref());
        let both = list.and_then(|list| {
            let connection = list.all.get(place)?;
            Some((connection, list.all.get(connection.beside)?))
        });
        let Some((connection, beside)) = both else {
            return;
        };
        let is_part = match connection.standing {
            Standing::Settled => return,
            Standing::Unanswered => self.has_taken_part(beside),
            Standing::Twin => self.evidence(connection, beside, true) == Evidence::Copy,
        };
        if is_part {
            self.absorb(pair, place, current);
        } else {
            self.confirm(pair, place, current);
        }
    }

    /// Whether a connection is more than a SYN that nobody answered.
    fn has_taken_part(&self, connection: &Connection) -> bool {
        let directions = connection.directions.iter();
        let directions = directions.filter_map(|it| self.directions.get(*it as usize));
        let is_answered = connection.directions.iter().all(|it| *it != NONE);
        let has_data = |it: &Direction<_>| it.info.has(HAS_DATA);
        is_answered || directions.into_iter().any(has_data)
    }

    /// The inputs end: decides on all connections that nothing has confirmed.
    pub(crate) fn settle_all(&mut self) {
        for pair in std::mem::take(&mut self.unconfirmed) {
            let place = self.window.clone();
            let last = self.pairs.get(pair).and_then(|it| {
                let number = it.current.into_iter().find(|it| *it != NONE)?;
                Some(self.directions.get(number as usize)?.info.last)
            });
            self.settle(pair, place.nowhere(last.unwrap_or_default()), |_| true);
        }
    }

    /// What a direction holds is to be let go of: decides on its connection.
    pub(super) fn settle_direction(&mut self, number: u32, current: Current<'_>) {
        let Some(info) = self.directions.get(number as usize).map(|it| it.info) else {
            return;
        };
        if info.is_unconfirmed() {
            self.settle(info.pair, current, |it| it.directions.contains(&number));
        }
    }
}

/// Segments with data of one of two connections that have the same SYN: the other one will have
/// none.
const ENOUGH: usize = 8;
