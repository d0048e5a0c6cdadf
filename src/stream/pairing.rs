//! Segments to connections: which of those between two endpoints, and when there is another one.

use super::direction::{
    Direction, DirectionInfo, HAS_ACKNOWLEDGED, HAS_DATA, IS_FORGOTTEN, IS_OVER, IS_REVERSE,
    IS_STOPPED, IS_UDP, IS_UNCONFIRMED, NONE, WAS_RESET,
};
use super::handler::Handler;
use super::place::Current;
use super::table::{Connection, MOST_SEARCHED, Pair, put};
use super::track::{Route, Tracker};
use super::wanted::Verdict;
use crate::capture::Nanos;
use crate::decode::protocol;
use crate::tcp::{
    Candidate, Choice, Closed, Extent, Network, Reassembler, Segment, Standing, choose,
};

/// The only connection of a pair, or one of several.
type Place = Option<usize>;

impl<H: Handler> Tracker<H> {
    /// The direction that a segment belongs to, which may be new.
    #[inline]
    pub(super) fn direction_of(&mut self, to: Route, seen: Seen<'_>, current: Current<'_>) -> u32 {
        match self.only_direction(to, seen.segment, current.time) {
            Some(number) => number,
            None => self.choose_direction(to, seen, current),
        }
    }

    /// The usual case: nothing suggests that a segment is not of the only connection.
    #[inline]
    fn only_direction(&self, to: Route, segment: &Segment, time: Nanos) -> Option<u32> {
        let pair = self.pairs.get(to.pair)?;
        let number = pair.current(to.side);
        let direction = self.directions.get(number as usize)?;
        let info = &direction.info;
        let is_usual = pair.listed.is_none()
            && !segment.has(Segment::SYN)
            && !info.has(WAS_RESET | IS_OVER)
            && !direction.tcp.has_fin()
            && (info.flow == to.flow || self.network_id(info.flow) == self.network_id(to.flow))
            && time.0.saturating_sub(info.last.0) < USUAL_PAUSE;
        is_usual.then_some(number)
    }

    #[inline(never)]
    fn choose_direction(&mut self, to: Route, seen: Seen<'_>, current: Current<'_>) -> u32 {
        let Some(pair) = self.pairs.get_mut(to.pair) else {
            return NONE;
        };
        if pair.listed.is_none() && pair.current == [NONE; 2] {
            return self.open(to, None, current);
        }
        let number = pair.current(to.side);
        if self.continues_exactly(to, number, seen, current.time) {
            return number;
        }
        let Some(pair) = self.pairs.get_mut(to.pair) else {
            return NONE;
        };
        let near = pair.listed.as_mut().map(|it| it.near(to.side, number));
        let weigh = |connection: &Connection| self.weigh(connection, to, seen, current.time);
        let (choice, places) = match (self.pairs.get(to.pair), near) {
            (
                Some(Pair {
                    listed: Some(list), ..
                }),
                Some(near),
            ) => {
                let weighed = near.into_iter().filter_map(|place| {
                    let candidate = weigh(list.all.get(place)?)?;
                    Some((candidate, place))
                });
                let (mut candidates, places): (Vec<_>, Vec<usize>) = weighed.unzip();
                mark_superseded(&mut candidates, &places);
                (choose(&candidates, seen.segment, seen.payload), places)
            }
            (Some(pair), _) => {
                let candidate = weigh(&Connection::new(pair.current, 1));
                (
                    choose(candidate.as_slice(), seen.segment, seen.payload),
                    Vec::new(),
                )
            }
            (None, _) => return NONE,
        };
        let place = |index: usize| places.get(index).copied();
        match choice {
            Choice::Existing(index) => self.continue_in(to, place(index), seen, current),
            Choice::Renewed(index) => {
                let number = self.continue_in(to, place(index), seen, current);
                if let Some(direction) = self.directions.get_mut(number as usize) {
                    direction.tcp.forget_syn();
                }
                number
            }
            Choice::Next => self.start(to, current),
            Choice::Unanswered(index) => {
                self.start_unconfirmed(to, place(index), Standing::Unanswered, current)
            }
            Choice::Twin(index) => {
                self.start_unconfirmed(to, place(index), Standing::Twin, current)
            }
        }
    }

    /// Whether a segment continues or repeats the current connection of several, which is that of no
    /// other one then: most segments on ports that are used again.
    fn continues_exactly(&self, to: Route, number: u32, seen: Seen<'_>, time: Nanos) -> bool {
        let pair = self.pairs.get(to.pair);
        let list = pair.and_then(|it| it.listed.as_ref());
        let mut newest = list
            .iter()
            .flat_map(|it| it.all.iter().rev().take(MOST_SEARCHED));
        let current = newest.find(|it| number != NONE && it.side(to.side) == number);
        let candidate = current.and_then(|it| self.weigh(it, to, seen, time));
        candidate.is_some_and(|it| it.continues_exactly(seen.segment, seen.payload))
    }

    /// A connection as a segment's side sees it; `None` if no packet can belong to it.
    fn weigh(
        &self,
        connection: &Connection,
        to: Route,
        seen: Seen<'_>,
        time: Nanos,
    ) -> Option<Candidate<'_, Reassembler<super::PayloadSpan>>> {
        let at = |side| self.directions.get(connection.side(side) as usize);
        let (own, peer) = (at(to.side), at(1 - to.side));
        let last = own.or(peer).map(|it| it.info.last)?;
        let last = last.max(peer.map_or(last, |it| it.info.last));
        let is_over = match (own, peer) {
            (Some(own), _) => own.info.has(IS_OVER),
            (None, peer) => peer.is_some_and(|it| it.info.has(IS_OVER)),
        };
        if is_over {
            return None;
        }
        let has_fin = |it: Option<&Direction<_>>| it.is_some_and(|it| it.tcp.has_fin());
        let was_reset = [own, peer]
            .iter()
            .flatten()
            .any(|it| it.info.has(WAS_RESET));
        let closed = match (has_fin(own), has_fin(peer)) {
            _ if was_reset => Closed::Both,
            (true, true) => Closed::Both,
            (true, false) => Closed::Own,
            (false, _) => Closed::No,
        };
        Some(Candidate {
            own: own.map(|it| &it.tcp),
            peer: peer.map(|it| &it.tcp),
            acknowledged: peer
                .filter(|it| it.info.has(HAS_ACKNOWLEDGED))
                .map(|it| it.info.acknowledged),
            pause: time.0.saturating_sub(last.0).max(0),
            closed,
            network: self.network_of(connection, to, seen),
            is_superseded: false,
            standing: connection.standing,
        })
    }

    /// Where a connection was seen, compared with a packet of a flow.
    fn network_of(&self, connection: &Connection, to: Route, seen: Seen<'_>) -> Network {
        let network = self.network_id(to.flow);
        let mut directions = connection.directions.iter();
        let is_same = directions.any(|&it| {
            let direction = self.directions.get(it as usize);
            direction.is_some_and(|it| self.network_id(it.info.flow) == network)
        });
        let own = self.directions.get(connection.side(to.side) as usize);
        if is_same || connection.joined.contains(&network) {
            Network::Same
        } else {
            own.map_or(Network::Other, |own| elsewhere(own, seen))
        }
    }

    /// A segment belongs to a connection that there is.
    fn continue_in(
        &mut self,
        to: Route,
        place: Place,
        seen: Seen<'_>,
        current: Current<'_>,
    ) -> u32 {
        let Some(pair) = self.pairs.get_mut(to.pair) else {
            return NONE;
        };
        let Some(connection) = pair.connection(place) else {
            return NONE;
        };
        let is_answered = connection.side(to.side) == NONE || !seen.segment.has(Segment::SYN);
        if let (Standing::Unanswered, Some(place), true) = (connection.standing, place, is_answered)
        {
            self.confirm(to.pair, place, current);
        }
        let network = self.network_id(to.flow);
        let is_new_here =
            seen.payload > 0 && self.network_of(&connection, to, seen) != Network::Same;
        if is_new_here && connection.side(to.side) != NONE {
            self.join_network(to.pair, place.unwrap_or(0), network);
        }
        match connection.side(to.side) {
            NONE => self.open(to, place, current),
            number => {
                self.make_current(to, place, number, connection.standing);
                number
            }
        }
    }

    /// Notes that a connection is the current one of a side: late segments of another one do not
    /// make that the current one again.
    fn make_current(&mut self, to: Route, place: Place, number: u32, standing: Standing) {
        let Some(pair) = self.pairs.get_mut(to.pair) else {
            return;
        };
        let current = pair.current(to.side);
        let before = pair.listed.as_ref().and_then(|list| {
            let mut newest = list.all.iter().enumerate().rev().take(MOST_SEARCHED);
            let found = newest.find(|(_, it)| current != NONE && it.side(to.side) == current);
            found.map(|(place, _)| place)
        });
        if let Some(current) = pair.current.get_mut(to.side)
            && standing == Standing::Settled
            && place >= before
        {
            *current = number;
        }
    }

    pub(super) fn join_network(&mut self, pair: u32, place: usize, network: u32) {
        let Some(pair) = self.pairs.get_mut(pair) else {
            return;
        };
        if let Some(connection) = pair.list().all.get_mut(place)
            && connection.joined.len() < MOST_NETWORKS
            && !connection.joined.contains(&network)
        {
            connection.joined.push(network);
        }
    }

    /// Another connection between the same endpoints.
    pub(super) fn start(&mut self, to: Route, current: Current<'_>) -> u32 {
        let Some(pair) = self.pairs.get_mut(to.pair) else {
            return NONE;
        };
        if !pair.list().all.is_empty() {
            pair.count += 1;
        }
        let number = pair.count;
        let all = &mut pair.list().all;
        all.push(Connection::new([NONE; 2], number));
        let place = all.len() - 1;
        self.open(to, Some(place), current)
    }

    /// A connection that there may be, beside another one.
    fn start_unconfirmed(
        &mut self,
        to: Route,
        beside: Place,
        standing: Standing,
        current: Current<'_>,
    ) -> u32 {
        self.settle(to.pair, current, |it| {
            it.standing == Standing::Unanswered && it.side(to.side) != NONE
        });
        let Some(pair) = self.pairs.get_mut(to.pair) else {
            return NONE;
        };
        let number = pair.count + 1;
        let all = &mut pair.list().all;
        all.push(Connection {
            standing,
            beside: beside.unwrap_or(0),
            ..Connection::new([NONE; 2], number)
        });
        let place = all.len() - 1;
        pair.list().unsettled.push(place);
        self.bound_unsettled(to.pair, current);
        if self.unconfirmed.last() != Some(&to.pair) {
            self.unconfirmed.push(to.pair);
        }
        self.open(to, Some(place), current)
    }

    /// Opens a direction of a connection.
    fn open(&mut self, to: Route, place: Place, current: Current<'_>) -> u32 {
        let Some(pair) = self.pairs.get_mut(to.pair) else {
            return NONE;
        };
        let Some(connection) = pair.connection(place) else {
            return NONE;
        };
        let peer = connection.side(1 - to.side);
        let is_confirmed = connection.standing == Standing::Settled;
        let mut info = DirectionInfo::new(to.flow, to.pair, connection.number, pair.verdict);
        info.set(IS_REVERSE, to.side == 1);
        info.set(IS_UDP, pair.key.protocol == protocol::UDP);
        info.set(IS_UNCONFIRMED, !is_confirmed);
        info.note_time(current.time);
        info.peer = peer;
        if let Some(peer) = self.directions.get(peer as usize) {
            info.flags |= peer.info.flags & (WAS_RESET | IS_STOPPED | IS_FORGOTTEN);
        }
        let mut direction = Direction::new(info, H::State::default());
        if !is_confirmed {
            direction.tcp.suspend();
        }
        let number = put(&mut self.directions, &mut self.free, direction);
        if let (Some(list), Some(place)) = (&mut pair.listed, place)
            && let Some(connection) = list.all.get_mut(place)
            && let Some(own) = connection.directions.get_mut(to.side)
        {
            *own = number;
        }
        if is_confirmed && let Some(current) = pair.current.get_mut(to.side) {
            *current = number;
        }
        if pair.verdict == Verdict::ById {
            self.undecided.push(number);
        }
        if let Some(peer) = self.directions.get_mut(peer as usize) {
            peer.info.peer = number;
        }
        if self.is_followed(number) {
            self.with_side(number, current, Handler::opened);
        }
        number
    }

    /// The direction of a packet that has no sequence number: by its network alone.
    pub(super) fn direction_without_number(&mut self, to: Route, current: Current<'_>) -> u32 {
        let Some(pair) = self.pairs.get(to.pair) else {
            return NONE;
        };
        let network = self.network_id(to.flow);
        let is_here = |number: u32| {
            let direction = self.directions.get(number as usize);
            direction
                .is_some_and(|it| !it.info.has(IS_OVER) && self.network_id(it.info.flow) == network)
        };
        if is_here(pair.current(to.side)) {
            return pair.current(to.side);
        }
        let is_over = |number: u32| {
            let direction = self.directions.get(number as usize);
            direction.is_some_and(|it| it.info.has(IS_OVER))
        };
        let Some(list) = &pair.listed else {
            let peer = pair.current(1 - to.side);
            return match pair.current(to.side) {
                NONE if !is_over(peer) => self.open(to, None, current),
                _ => self.start(to, current),
            };
        };
        let newest = list.all.iter().enumerate().rev().take(MOST_SEARCHED);
        let is_free = |it: &Connection| it.side(to.side) == NONE && !is_over(it.side(1 - to.side));
        let known = newest.clone().find(|(_, it)| is_here(it.side(to.side)));
        let known = known.map(|(place, it)| (place, it.side(to.side)));
        let mut free = newest.filter(|(_, it)| is_free(it) && it.directions != [NONE; 2]);
        let beside = free.clone().find(|(_, it)| is_here(it.side(1 - to.side)));
        let beside = beside.or_else(|| free.next()).map(|(place, _)| place);
        match (known, beside) {
            (Some((_, number)), _) => {
                let pair = self.pairs.get_mut(to.pair);
                if let Some(current) = pair.and_then(|it| it.current.get_mut(to.side)) {
                    *current = number;
                }
                number
            }
            (None, Some(place)) => self.open(to, Some(place), current),
            (None, None) => self.start(to, current),
        }
    }

    /// A flow has ended: what comes later is of other connections.
    pub(super) fn end_flow(&mut self, flow: u32) {
        let Some(&packed) = self.flows.get(flow as usize).filter(|it| **it != NONE) else {
            return;
        };
        let Some(pair) = self.pairs.get(packed >> 1) else {
            return;
        };
        let listed = pair
            .listed
            .iter()
            .flat_map(|it| it.all.iter().rev().take(MOST_SEARCHED));
        let listed = listed.flat_map(|it| it.directions);
        for number in listed.chain(pair.current) {
            if let Some(direction) = self.directions.get_mut(number as usize)
                && direction.info.flow == flow
            {
                direction.info.flags |= IS_OVER;
            }
        }
    }
}

/// Marks those that started before another one whose direction has been seen in the same network.
fn mark_superseded<E>(candidates: &mut [Candidate<'_, E>], places: &[usize]) {
    let is_established = |it: &Candidate<'_, E>| {
        it.own.is_some() && it.standing == Standing::Settled && it.network == Network::Same
    };
    let both = candidates.iter().zip(places);
    let newest = both
        .filter(|(it, _)| is_established(it))
        .map(|(_, place)| *place)
        .max();
    for (candidate, place) in candidates.iter_mut().zip(places) {
        candidate.is_superseded = Some(*place) < newest && candidate.network == Network::Same;
    }
}

/// A segment in a network where its direction was not seen: whether it was captured before, as the
/// first or the last one with data; or others were in the place of the first one.
fn elsewhere<S>(own: &Direction<S>, seen: Seen<'_>) -> Network {
    let Seen {
        segment, payload, ..
    } = seen;
    let info = &own.info;
    if payload == 0 || !info.has(HAS_DATA) {
        return Network::Other;
    }
    let end = segment.payload_sequence().wrapping_add(payload);
    let is_at_end = own.tcp.sent().is_some_and(|sent| sent.end == end);
    if segment.sequence == info.first_data {
        if seen.print() == info.first_print {
            Network::Copied
        } else {
            Network::Differs
        }
    } else if is_at_end && seen.quick_print() == info.last_print {
        Network::Copied
    } else {
        Network::Other
    }
}

/// A segment, and what tells it from others with the same numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) segment: &'a Segment,
    /// Its length on the wire, in bytes.
    pub(super) payload: u32,
    /// From the header on.
    pub(super) bytes: &'a [u8],
}

impl Seen<'_> {
    /// Of the checksum, which may be that of the pseudo header alone, the length, and the first bytes
    /// of payload.
    pub(super) fn print(&self) -> u32 {
        let start = self.segment.header_len as usize;
        let end = self.bytes.len().min(start + PRINTED);
        let first = self.bytes.get(start..end).unwrap_or_default();
        let mut print = self.quick_print();
        for word in first.chunks(4) {
            let mut bytes = [0; 4];
            for (byte, own) in bytes.iter_mut().zip(word) {
                *byte = *own;
            }
            print = (print ^ u32::from_le_bytes(bytes))
                .wrapping_mul(0x9e37_79b1)
                .rotate_left(15);
        }
        print
    }

    /// Of the checksum and the length: cheap enough for each segment.
    #[inline]
    pub(super) const fn quick_print(&self) -> u32 {
        self.payload ^ (self.segment.checksum as u32) << 16
    }
}

/// Bytes of payload that tell segments apart: those next to the header.
const PRINTED: usize = 16;
/// Packets of a connection come within this time, in ns, as a rule.
const USUAL_PAUSE: i64 = 60_000_000_000;
/// Networks that a connection may change to.
const MOST_NETWORKS: usize = 8;
