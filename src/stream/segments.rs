//! TCP segments go to their connections.

use super::bytes::PayloadSpan;
use super::direction::{Direction, HAS_ACKNOWLEDGED, NONE, WAS_RESET};
use super::handler::{Answer, Arrived, Handler};
use super::place::Current;
use super::track::{Route, Tracker};
use crate::flow::{Contents, PacketRef, Transport};
use crate::number::len_u32;
use crate::tcp::{Candidates, Connection, Extent, Piece, Segment, Step};

/// Effects of a segment.
struct Noted {
    step: Step,
    answer: Answer,
    /// Whether the other direction holds bytes back.
    is_peer_waiting: bool,
}

impl<H: Handler> Tracker<H> {
    /// The direction that a segment belongs to.
    fn direction_of(&mut self, to: Route, segment: &Segment, current: Current<'_>) -> u32 {
        let Some(pair) = self.pairs.get_mut(to.pair) else {
            return NONE;
        };
        let at = |numbers: [u32; 2], side: usize| {
            let number = numbers.get(side).copied().unwrap_or(NONE);
            self.directions.get(number as usize)
        };
        let peer = at(pair.current, 1 - to.side);
        let candidates = Candidates {
            current: at(pair.current, to.side).map(|it| &it.tcp),
            previous: at(pair.previous, to.side).map(|it| &it.tcp),
            peer: peer.map(|it| &it.tcp),
            acknowledged: peer
                .filter(|it| it.info.has(HAS_ACKNOWLEDGED))
                .map(|it| it.info.acknowledged),
        };
        let number = |numbers: [u32; 2]| numbers.get(to.side).copied().unwrap_or(NONE);
        match candidates.connection(segment) {
            Connection::Current => {}
            Connection::Renewed => {
                let number = number(pair.current) as usize;
                if let Some(direction) = self.directions.get_mut(number) {
                    direction.tcp.forget_syn();
                }
            }
            Connection::Previous => return number(pair.previous),
            Connection::Next => {
                pair.previous = std::mem::replace(&mut pair.current, [NONE; 2]);
                pair.connection += 1;
            }
        }
        self.direction(to, current)
    }

    pub(super) fn tcp(&mut self, to: Route, packet: &PacketRef, contents: &Contents<'_>) {
        let transport = contents.transport.as_ref();
        let segment = transport.and_then(|it| Segment::parse(it.bytes));
        let (Some(transport), Some(segment)) = (transport, segment) else {
            if transport.is_some() {
                self.count_cut_header(to);
            }
            return self.without_transport(to, packet, contents);
        };
        let current = self.current(packet, contents);
        let number = self.direction_of(to, &segment, current);
        let on_wire = len_u32(transport.bytes.len()).saturating_add(transport.missing);
        let arrived = Arrived {
            tcp: Some(&segment),
            payload: on_wire.saturating_sub(segment.header_len),
            step: Step::Empty,
        };
        let Some(noted) = self.note(number, arrived, packet, contents) else {
            return;
        };
        self.obey(number, noted.answer);
        if noted.is_peer_waiting && segment.has(Segment::ACK) {
            self.acknowledge(number, &segment, current);
        }
        if segment.has(Segment::RST) {
            self.reset(number);
        }
        let is_control = segment.has(Segment::SYN | Segment::FIN | Segment::RST);
        if noted.step == Step::Probe || (arrived.payload == 0 && !is_control) {
            return;
        }
        if self.is_stopped(number) {
            self.skip(number, &segment, arrived.payload, current);
        } else {
            self.segment(number, &segment, transport, arrived.payload, current);
        }
    }

    /// Notes a segment in its direction, and shows it to the handler.
    #[inline]
    fn note(
        &mut self,
        number: u32,
        mut arrived: Arrived<'_>,
        packet: &PacketRef,
        contents: &Contents<'_>,
    ) -> Option<Noted> {
        let current = self.current(packet, contents);
        if self.handler.sees_packets() {
            self.touch(number);
        }
        let segment = arrived.tcp?;
        let (handler, own, peer, side) = self.parts(number)?;
        let Direction { tcp, info, state } = own;
        info.note_time(current.time);
        if segment.has(Segment::SYN) {
            info.window_scale = segment.window_scale;
        }
        if segment.has(Segment::ACK) {
            info.acknowledged = segment.acknowledgment;
            info.flags |= HAS_ACKNOWLEDGED;
        }
        arrived.step = Step::of(tcp, segment, arrived.payload);
        let is_peer_waiting = peer.as_ref().is_some_and(|it| it.tcp.is_holding());
        let mut answer = Answer::Continue;
        if info.is_followed() {
            let peer = peer.map(|it| &mut it.state);
            let mut side = side.of(info, state, peer, current);
            if handler.sees_packets() {
                handler.packet(side.reborrow(), packet, contents);
            }
            answer = handler.segment(side, &arrived);
        }
        if arrived.payload == 0 && !segment.has(Segment::SYN) {
            tcp.empty(segment.sequence);
        }
        Some(Noted {
            step: arrived.step,
            answer,
            is_peer_waiting,
        })
    }

    /// A segment says to the other direction, which waits for a gap, what has been received of it.
    #[cold]
    fn acknowledge(&mut self, number: u32, segment: &Segment, current: Current<'_>) {
        if let Some(direction) = self.directions.get(number as usize) {
            self.reassemble(direction.info.peer, current, |tcp, sink| {
                tcp.acknowledged(segment.acknowledgment, sink);
                None
            });
        }
    }

    /// Puts a segment into its place.
    fn segment(
        &mut self,
        number: u32,
        segment: &Segment,
        transport: &Transport<'_>,
        payload_on_wire: u32,
        current: Current<'_>,
    ) {
        let captured = len_u32(transport.bytes.len());
        let payload = captured.saturating_sub(segment.header_len);
        let sequence = segment.payload_sequence();
        let mut piece = (payload > 0).then(|| {
            self.window
                .span(transport, segment.header_len, payload, current.time)
        });
        if self.handler.needs_window_scale()
            && self.is_scaled(number)
            && let Some(piece) = &mut piece
        {
            piece.set_scaled();
        }
        let overlap = self.handler.overlap();
        self.reassemble(number, current, |tcp, sink| {
            if segment.has(Segment::SYN) {
                tcp.syn(segment.sequence, sink);
            }
            let arrival = piece.map(|piece| tcp.segment(sequence, piece, overlap, sink));
            if payload_on_wire > payload {
                let rest = sequence.wrapping_add(payload);
                let lost = PayloadSpan::lost(payload_on_wire - payload);
                tcp.segment(rest, lost, overlap, sink);
            }
            if segment.has(Segment::FIN) {
                tcp.fin(sequence.wrapping_add(payload_on_wire));
            }
            Some(arrival.unwrap_or_default())
        });
    }

    /// A segment of a direction whose payload is not needed.
    fn skip(&mut self, number: u32, segment: &Segment, payload: u32, current: Current<'_>) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        let sequence = segment.payload_sequence();
        if segment.has(Segment::SYN) {
            direction.tcp.syn(segment.sequence, &mut ());
        }
        if payload > 0 {
            direction.tcp.skip(sequence, payload);
        }
        if segment.has(Segment::FIN) {
            direction.tcp.fin(sequence.wrapping_add(payload));
            if direction.tcp.is_complete() {
                self.end(number, current);
            }
        }
    }

    /// Whether windows of a direction are scaled from here on. RFC 7323, section 2.2: both sides
    /// must offer it, if their SYNs were seen.
    fn is_scaled(&self, number: u32) -> bool {
        let Some(direction) = self.directions.get(number as usize) else {
            return false;
        };
        let refuses = |peer: &Direction<_>| {
            peer.tcp.initial_sequence().is_some() && peer.info.window_scale.is_none()
        };
        let peer = self.directions.get(direction.info.peer as usize);
        direction.info.window_scale.is_some() && !peer.is_some_and(refuses)
    }

    /// A reset ends both directions.
    #[cold]
    fn reset(&mut self, number: u32) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        direction.info.flags |= WAS_RESET;
        let peer = direction.info.peer;
        if let Some(peer) = self.directions.get_mut(peer as usize) {
            peer.info.flags |= WAS_RESET;
        }
    }
}
