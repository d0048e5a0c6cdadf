//! Passes the bytes of a shard's connections to parsers.

use super::conversation::Conversation;
use super::ends::{Ends, Role};
use super::record::Entry;
use super::rules::Rules;
use crate::app::{Found, Moment};
use crate::capture::Nanos;
use crate::decode::protocol::TCP;
use crate::error::Error;
use crate::number::index_u32;
use crate::stream::{Answer, Arrived, ChecksumRule, Handler, PayloadSpan, Side as Direction};
use crate::tcp::{Arrival, Piece, Segment, StreamEnd};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;

/// Parses the connections of a shard.
#[derive(Debug)]
pub(super) struct Sessions {
    rules: Arc<Rules>,
    /// Conversations by number, from 0. Numbers of finished ones are reused.
    conversations: Vec<Option<Box<Conversation>>>,
    free: Vec<u32>,
    /// Records found in this window.
    pub(super) entries: Vec<Entry>,
    /// The current packet, and the length of its payload on the wire.
    now: Moment,
    payload: u32,
    /// Whether the current packet delivered anything.
    has_delivered: bool,
    scratch: Vec<u8>,
    found: Vec<Found>,
    pub(super) counts: Counts,
    /// The first error.
    pub(super) error: Option<Error>,
}

/// Counts of connections with payload, and of the exchanges of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Those of a known protocol.
    pub recognized: u64,
    /// Those of an unknown protocol.
    pub unknown: u64,
    /// Recognized ones that are, or have become, encrypted.
    pub encrypted: u64,
    /// Recognized ones with gaps.
    pub gaps: u64,
    /// Recognized ones that reached a limit of their parser.
    pub limited: u64,
}

impl Counts {
    pub(super) const fn add(&mut self, other: &Self) {
        let Self {
            recognized,
            unknown,
            encrypted,
            gaps,
            limited,
        } = *other;
        self.recognized += recognized;
        self.unknown += unknown;
        self.encrypted += encrypted;
        self.gaps += gaps;
        self.limited += limited;
    }
}

/// State of a direction.
#[derive(Debug, Default)]
pub(super) struct Seat {
    /// The conversation's number plus one; 0 for none.
    number: u32,
    /// The flow's number plus one; 0 for none.
    flow: u32,
    role: Role,
    /// The last packet.
    last: Moment,
    /// Packets whose payload waits for a gap to close or for an acknowledgment.
    held: VecDeque<Moment>,
}

impl Seat {
    fn flow(&self) -> Option<u32> {
        self.flow.checked_sub(1)
    }

    /// The packet that brought a span: `now`, or one whose payload waited.
    fn packet_of(&mut self, span: &PayloadSpan, now: Option<Moment>) -> Moment {
        let Nanos(time) = span.time();
        match now {
            Some(now) if now.time == time => return now,
            _ => {}
        }
        let place = self.held.iter().position(|it| it.time == time);
        match place.and_then(|it| self.held.remove(it)) {
            Some(moment) => {
                // Another part of its payload may follow.
                self.held.push_front(moment);
                self.held.truncate(MOST_HELD);
                moment
            }
            None => now.unwrap_or(self.last),
        }
    }
}

impl Sessions {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            conversations: Vec::new(),
            free: Vec::new(),
            entries: Vec::new(),
            now: Moment::default(),
            payload: 0,
            has_delivered: false,
            scratch: Vec::new(),
            found: Vec::new(),
            counts: Counts::default(),
            error: None,
        }
    }

    /// The conversation of a direction, created if needed.
    fn conversation(&mut self, side: &mut Direction<'_, Seat>) -> usize {
        let peer = side.peer.as_deref();
        let known = [side.state.number, peer.map_or(0, |it| it.number)];
        let number = match known.into_iter().find(|it| *it > 0) {
            Some(number) => number,
            None => self.start(side, peer.map_or(Role::Unknown, |it| it.role)),
        };
        side.state.number = number;
        if let Some(peer) = side.peer.as_deref_mut() {
            peer.number = number;
        }
        number as usize - 1
    }

    fn start(&mut self, side: &Direction<'_, Seat>, peer: Role) -> u32 {
        let place = usize::from(side.info.is_reverse());
        let roles = [side.state.role, peer];
        let network = match place {
            0 => side.network(),
            _ => side.network().reversed(),
        };
        let conversation = Box::new(Conversation::new(network, place, roles));
        let number = match self.free.pop() {
            Some(free) => free as usize,
            None => {
                self.conversations.push(None);
                self.conversations.len() - 1
            }
        };
        if let Some(place) = self.conversations.get_mut(number) {
            *place = Some(conversation);
        }
        index_u32(number + 1)
    }

    /// Calls a conversation, and collects its records.
    fn with(
        &mut self,
        side: &mut Direction<'_, Seat>,
        call: impl FnOnce(&mut Conversation, usize, &Rules, &[u8], Moment, &mut Vec<Found>) -> Ends,
        span: Option<&PayloadSpan>,
    ) -> Answer {
        let number = self.conversation(side);
        let place = usize::from(side.info.is_reverse());
        let Some(mut conversation) = self.conversations.get_mut(number).and_then(Option::take)
        else {
            return Answer::Forget;
        };
        let now = side.packet().map(|_| self.now);
        let at = match span {
            Some(span) => side.state.packet_of(span, now),
            None => now.unwrap_or(side.state.last),
        };
        let now = now.unwrap_or(side.state.last);
        self.has_delivered = true;
        conversation.set_flow(place, side.state.flow());
        conversation.set_flow(1 - place, side.peer.as_deref().and_then(|it| it.flow()));
        let mut scratch = std::mem::take(&mut self.scratch);
        let bytes = match span {
            Some(span) => span.read(0, span.len(), &side.source, &mut scratch),
            None => Ok(&[] as &[u8]),
        };
        let ends = match bytes {
            Ok(bytes) => call(
                &mut conversation,
                place,
                &self.rules,
                bytes,
                at,
                &mut self.found,
            ),
            Err(error) => {
                self.error.get_or_insert(error);
                Ends::Unknown
            }
        };
        self.scratch = scratch;
        self.take_found(&mut conversation, now.packet);
        if ends == Ends::Not {
            if let Some(place) = self.conversations.get_mut(number) {
                *place = Some(conversation);
            }
            return Answer::Continue;
        }
        self.count(&conversation, ends);
        self.free.push(index_u32(number));
        side.state.number = 0;
        if let Some(peer) = side.peer.as_deref_mut() {
            peer.number = 0;
        }
        match ends {
            Ends::Closed | Ends::Not => Answer::Continue,
            Ends::Unknown | Ends::Over => Answer::Forget,
        }
    }

    fn count(&mut self, conversation: &Conversation, ends: Ends) {
        if conversation.is_recognized() {
            self.counts.add(&Counts {
                recognized: 1,
                unknown: 0,
                encrypted: conversation.is_encrypted().into(),
                gaps: conversation.has_gaps.into(),
                limited: conversation.is_limited.into(),
            });
        } else if ends != Ends::Over {
            self.counts.unknown += 1;
        }
    }

    fn take_found(&mut self, conversation: &mut Conversation, completed: u64) {
        for found in self.found.drain(..) {
            let entry = conversation.entry(found, completed);
            if self.rules.services.writes(entry.kind()) {
                self.entries.push(entry);
            }
        }
    }

    /// Ends all conversations.
    pub(super) fn finish(&mut self) {
        for number in 0..self.conversations.len() {
            let taken = self.conversations.get_mut(number).and_then(Option::take);
            let Some(mut conversation) = taken else {
                continue;
            };
            conversation.end(&mut self.found);
            self.take_found(&mut conversation, u64::MAX);
            self.count(&conversation, Ends::Closed);
        }
    }
}

impl Handler for Sessions {
    type State = Seat;

    fn checksums(&self) -> ChecksumRule {
        ChecksumRule::Prefer
    }

    fn waits_for_acknowledged(&self) -> bool {
        false
    }

    fn sees_packets(&self) -> bool {
        false
    }

    fn opened(&mut self, side: Direction<'_, Seat>) -> Answer {
        side.state.flow = side.info.flow.saturating_add(1);
        Answer::Continue
    }

    #[inline]
    fn segment(&mut self, side: Direction<'_, Seat>, arrived: &Arrived<'_>) -> Answer {
        let place = side.packet().unwrap_or_default();
        self.now = Moment {
            packet: arrived.contents.ordinal,
            time: arrived.packet.time.0,
            input: index_u32(place.input),
            offset: place.offset,
        };
        self.payload = arrived.payload;
        if let Some(segment) = arrived.tcp
            && segment.has(Segment::SYN)
        {
            side.state.role = match segment.has(Segment::ACK) {
                true => Role::Server,
                false => Role::Client,
            };
        }
        side.state.last = self.now;
        self.has_delivered = false;
        Answer::Continue
    }

    fn data(&mut self, mut side: Direction<'_, Seat>, _: u64, span: PayloadSpan) -> Answer {
        if side.info.protocol() == TCP {
            if let Some(answer) = self.skip(&mut side, &span) {
                return answer;
            }
            return self.with(&mut side, Conversation::data, Some(&span));
        }
        let is_cut = self.payload > span.len();
        self.with(
            &mut side,
            |conversation, place, rules, bytes, now, found| {
                conversation.datagram(place, rules, bytes, is_cut, now, found)
            },
            Some(&span),
        )
    }

    fn gap(&mut self, mut side: Direction<'_, Seat>, _: u64, len: u32, _: Nanos) -> Answer {
        if side.info.protocol() != TCP {
            return Answer::Continue;
        }
        self.with(
            &mut side,
            |conversation, place, rules, _, now, found| {
                conversation.gap(place, rules, len.into(), now, found)
            },
            None,
        )
    }

    fn arrived(&mut self, side: Direction<'_, Seat>, arrival: &Arrival) {
        if !self.has_delivered && self.payload > 0 && arrival.repeated == 0 {
            side.state.held.push_back(self.now);
        }
        if arrival.is_conflict
            && let Some(number) = (side.state.number as usize).checked_sub(1)
            && let Some(Some(conversation)) = self.conversations.get_mut(number)
        {
            conversation.conflict = Some(self.now.packet);
        }
    }

    fn ended(&mut self, mut side: Direction<'_, Seat>, _: StreamEnd) {
        if side.state.number == 0 {
            return;
        }
        self.with(
            &mut side,
            |conversation, place, _, _, now, found| conversation.closed(place, now, found),
            None,
        );
    }
}

impl Sessions {
    /// Skips bytes that the parser does not need, without reading them.
    fn skip(&mut self, side: &mut Direction<'_, Seat>, span: &PayloadSpan) -> Option<Answer> {
        let number = (side.state.number as usize).checked_sub(1)?;
        let conversation = self.conversations.get(number)?.as_ref()?;
        let place = usize::from(side.info.is_reverse());
        let len = u64::from(span.len());
        if conversation.skippable(place) < len {
            return None;
        }
        Some(self.with(
            side,
            |conversation, place, _, _, now, found| conversation.skipped(place, len, now, found),
            None,
        ))
    }
}

/// Packets remembered for a direction's waiting segments.
const MOST_HELD: usize = 16 * 1024;
