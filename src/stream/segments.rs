//! TCP segments go to their connections.

use super::bytes::PayloadSpan;
use super::direction::{Direction, HAS_ACKNOWLEDGED, NONE, WAS_RESET};
use super::handler::{Arrived, Handler};
use super::place::Current;
use super::track::{Route, Tracker};
use crate::flow::{Contents, PacketRef, Transport};
use crate::tcp::{Candidates, Connection, Extent, Piece, Segment, Step};

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
        self.packet_of(number, packet, contents);
        self.segment(number, &segment, transport, current);
    }

    /// A segment says to the other direction what has been received of it.
    #[inline]
    fn acknowledge(&mut self, number: u32, segment: &Segment, current: Current<'_>) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        direction.info.acknowledged = segment.acknowledgment;
        direction.info.flags |= HAS_ACKNOWLEDGED;
        let peer = direction.info.peer;
        let is_waiting = |direction: &Direction<_>| direction.tcp.is_holding();
        if self.directions.get(peer as usize).is_some_and(is_waiting) {
            self.reassemble(peer, current, |tcp, sink| {
                tcp.acknowledged(segment.acknowledgment, sink);
                None
            });
        }
    }

    fn segment(
        &mut self,
        number: u32,
        segment: &Segment,
        transport: &Transport<'_>,
        current: Current<'_>,
    ) {
        let captured = u32::try_from(transport.bytes.len()).unwrap_or(u32::MAX);
        let on_wire = captured.saturating_add(transport.missing);
        let payload_on_wire = on_wire.saturating_sub(segment.header_len);
        let payload = captured.saturating_sub(segment.header_len);
        let sequence = segment.payload_sequence();
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        if segment.has(Segment::SYN) {
            direction.info.window_scale = segment.window_scale;
        }
        let step = Step::of(&direction.tcp, segment, payload_on_wire);
        let is_followed = direction.info.is_followed();
        if is_followed {
            let arrived = Arrived {
                tcp: Some(segment),
                payload: payload_on_wire,
                step,
            };
            self.with_side(number, current, |handler, side| {
                handler.segment(side, &arrived)
            });
        }
        if segment.has(Segment::ACK) {
            self.acknowledge(number, segment, current);
        }
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        if payload_on_wire == 0 && !segment.has(Segment::SYN) {
            direction.tcp.empty(sequence);
        }
        if segment.has(Segment::RST) {
            self.reset(number);
        }
        let is_control = segment.has(Segment::SYN | Segment::FIN | Segment::RST);
        if step == Step::Probe || (payload_on_wire == 0 && !is_control) {
            return;
        }
        if self.is_stopped(number) {
            return self.skip(number, segment, payload_on_wire, current);
        }
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
