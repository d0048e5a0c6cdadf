//! TCP segments go to their connections.

use super::bytes::PayloadSpan;
use super::direction::{
    Direction, DirectionInfo, HAS_ACKNOWLEDGED, HAS_DATA, HAS_RESET, HAS_TAKEN_PART, UNSCALED,
    WAS_RESET,
};
use super::handler::{Answer, Arrived, Handler};
use super::pairing::Seen;
use super::place::Current;
use super::track::{Route, Tracker};
use crate::flow::{Contents, PacketRef, Transport};
use crate::number::len_u32;
use crate::tcp::{Extent, Piece, Segment, Step};

/// Effects of a segment.
struct Noted {
    step: Step,
    answer: Answer,
    /// Whether the other direction holds bytes back.
    is_peer_waiting: bool,
}

impl<H: Handler> Tracker<H> {
    pub(super) fn tcp(&mut self, to: Route, packet: &PacketRef, contents: &Contents<'_>) {
        let transport = contents.transport.as_ref();
        let segment = transport.and_then(|it| Segment::parse(it.bytes));
        let (Some(transport), Some(segment)) = (transport, segment) else {
            if transport.is_some() {
                self.count_cut_header(to);
            } else {
                self.fragments += 1;
            }
            return self.without_transport(to, packet, contents);
        };
        let current = self.current(packet, contents);
        let on_wire = len_u32(transport.bytes.len()).saturating_add(transport.missing);
        let payload = on_wire.saturating_sub(segment.header_len);
        let seen = Seen {
            segment: &segment,
            payload,
            bytes: transport.bytes,
        };
        let number = self.direction_of(to, seen, current);
        let arrived = Arrived {
            tcp: Some(&segment),
            payload,
            step: Step::Empty,
            packet,
            contents,
        };
        let Some(noted) = self.note(number, arrived, seen, packet, contents) else {
            return;
        };
        self.obey(number, noted.answer);
        if noted.is_peer_waiting && segment.has(Segment::ACK) {
            self.acknowledge(number, &segment, current);
        }
        if segment.has(Segment::RST) {
            self.reset(number, &segment);
        }
        let is_control = segment.has(Segment::SYN | Segment::FIN | Segment::RST);
        if noted.step == Step::Probe || (payload == 0 && !is_control) {
            return;
        }
        if self.is_stopped(number) {
            self.skip(number, &segment, payload, current);
        } else {
            self.segment(number, &segment, transport, payload, current);
        }
        if payload > 0 && !self.unconfirmed.is_empty() {
            self.compare_twins(to.pair, current);
        }
    }

    /// Notes a segment in its direction, and shows it to the handler.
    #[inline]
    fn note(
        &mut self,
        number: u32,
        mut arrived: Arrived<'_>,
        seen: Seen<'_>,
        packet: &PacketRef,
        contents: &Contents<'_>,
    ) -> Option<Noted> {
        let current = self.current(packet, contents);
        if self.handler.sees_packets() {
            self.touch(number);
        }
        let segment = arrived.tcp?;
        let (handler, own, mut peer, side) = self.parts(number)?;
        let Direction { tcp, info, state } = own;
        info.note_time(current.time);
        if segment.has(Segment::SYN) {
            info.window_scale = segment.window_scale.unwrap_or(UNSCALED);
            let repeats = tcp.initial_sequence() == Some(segment.sequence);
            if info.has(WAS_RESET) && repeats && !segment.has(Segment::ACK) {
                try_again(info, peer.as_deref_mut());
            }
        }
        if !segment.has(Segment::SYN | Segment::RST) {
            info.flags |= HAS_TAKEN_PART;
        }
        arrived.step = Step::of(tcp, segment, arrived.payload);
        if info.has(HAS_RESET) {
            let peer = peer.as_deref_mut().map(|it| &mut it.info);
            doubt_reset(info, peer, segment, arrived.step);
        }
        if segment.has(Segment::ACK) {
            info.acknowledged = segment.acknowledgment;
            info.flags |= HAS_ACKNOWLEDGED;
        }
        if arrived.payload > 0 && arrived.step != Step::Probe {
            info.last_print = seen.quick_print();
            if !info.has(HAS_DATA) {
                info.flags |= HAS_DATA;
                info.first_data = segment.sequence;
                info.first_print = seen.print();
            }
        }
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
        let is_patient = self.handler.waits_for_acknowledged();
        if let Some(direction) = self.directions.get(number as usize) {
            self.reassemble(direction.info.peer, current, |tcp, sink| {
                if is_patient {
                    tcp.acknowledged(segment.acknowledgment, sink);
                } else {
                    tcp.acknowledged_at_once(segment.acknowledgment, sink);
                }
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
            peer.tcp.initial_sequence().is_some() && peer.info.window_scale == UNSCALED
        };
        let peer = self.directions.get(direction.info.peer as usize);
        direction.info.window_scale != UNSCALED && !peer.is_some_and(refuses)
    }

    /// A reset ends both directions.
    #[cold]
    fn reset(&mut self, number: u32, segment: &Segment) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        direction.info.flags |= WAS_RESET | HAS_RESET;
        direction.info.reset = segment.sequence;
        let peer = direction.info.peer;
        if let Some(peer) = self.directions.get_mut(peer as usize) {
            peer.info.flags |= WAS_RESET;
        }
    }
}

/// A SYN is repeated: if it was refused, and nothing else came of it, the connection is not reset any
/// more.
#[cold]
fn try_again<S>(info: &mut DirectionInfo, peer: Option<&mut Direction<S>>) {
    let is_silent =
        |it: &Direction<S>| !it.info.has(HAS_TAKEN_PART) && it.tcp.initial_sequence().is_none();
    if let Some(peer) = peer.filter(|it| !info.has(HAS_TAKEN_PART) && is_silent(it)) {
        info.flags &= !(WAS_RESET | HAS_RESET);
        peer.info.flags &= !(WAS_RESET | HAS_RESET);
    }
}

/// A side that sends data after the number of its reset has not sent that.
#[cold]
fn doubt_reset(
    info: &mut DirectionInfo,
    peer: Option<&mut DirectionInfo>,
    segment: &Segment,
    step: Step,
) {
    let is_after = segment.sequence.wrapping_sub(info.reset).cast_signed() >= 0;
    let is_reset = segment.has(Segment::RST | Segment::SYN);
    if step == Step::New && is_after && !is_reset {
        info.flags &= !(WAS_RESET | HAS_RESET);
        if let Some(peer) = peer.filter(|it| !it.has(HAS_RESET)) {
            peer.flags &= !WAS_RESET;
        }
    }
}
