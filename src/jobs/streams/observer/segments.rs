//! TCP segments go to the streams of their connections.

use super::super::payload::Payload;
use super::super::stream::{NONE, Stream};
use super::{Direction, StreamObserver};
use crate::flow::{Contents, PacketRef, Transport};
use crate::tcp::{Arrival, Neighbours, Piece, Place, Segment};

impl StreamObserver {
    /// The stream that a segment belongs to.
    fn stream_of_segment(&mut self, to: Direction, segment: &Segment) -> u32 {
        let Some(pair) = self.pairs.get_mut(to.pair as usize) else {
            return NONE;
        };
        let at = |streams: [u32; 2], side: usize| {
            let number = streams.get(side).copied().unwrap_or(NONE);
            self.streams.get(number as usize)
        };
        let peer = at(pair.current, 1 - to.side);
        let neighbours = Neighbours {
            current: at(pair.current, to.side).map(|it| &it.tcp),
            previous: at(pair.previous, to.side).map(|it| &it.tcp),
            peer: peer.map(|it| &it.tcp),
            acknowledged: peer
                .filter(|it| it.has_acknowledged)
                .map(|it| it.acknowledged),
        };
        let number = |streams: [u32; 2]| streams.get(to.side).copied().unwrap_or(NONE);
        match neighbours.place(segment) {
            Place::Current => {}
            Place::CurrentAgain => {
                if let Some(stream) = self.streams.get_mut(number(pair.current) as usize) {
                    stream.tcp.forget_syn();
                }
            }
            Place::Previous => return number(pair.previous),
            Place::Next => {
                pair.previous = std::mem::replace(&mut pair.current, [NONE; 2]);
                pair.connection += 1;
            }
        }
        self.stream(to)
    }

    pub(super) fn tcp(&mut self, to: Direction, packet: &PacketRef, contents: &Contents<'_>) {
        let transport = contents.transport.as_ref();
        let segment = transport.and_then(|it| Segment::parse(it.bytes));
        let (Some(transport), Some(segment)) = (transport, segment) else {
            if transport.is_some() {
                self.count_cut_header(to);
            }
            return self.without_transport(to, packet, contents);
        };
        let number = self.stream_of_segment(to, &segment);
        self.packet_of(number, packet, contents);
        if segment.has(Segment::ACK) {
            self.acknowledge(to, number, &segment, packet, contents);
        }
        self.segment(number, &segment, transport, packet, contents);
    }

    /// What a segment says to the other direction.
    #[inline]
    fn acknowledge(
        &mut self,
        to: Direction,
        number: u32,
        segment: &Segment,
        packet: &PacketRef,
        contents: &Contents<'_>,
    ) {
        if let Some(stream) = self.streams.get_mut(number as usize) {
            stream.acknowledged = segment.acknowledgment;
            stream.has_acknowledged = true;
        }
        let Some(pair) = self.pairs.get(to.pair as usize) else {
            return;
        };
        let is_current = pair.current.get(to.side) == Some(&number);
        let streams = if is_current {
            pair.current
        } else {
            pair.previous
        };
        let peer = streams.get(1 - to.side).copied().unwrap_or(NONE);
        let is_waiting = |stream: &Stream| stream.tcp.is_holding();
        if self.streams.get(peer as usize).is_some_and(is_waiting) {
            self.reassemble(peer, packet.time, contents.window, |stream, sink| {
                stream.acknowledged(segment.acknowledgment, sink);
                Arrival::default()
            });
        }
    }

    fn segment(
        &mut self,
        number: u32,
        segment: &Segment,
        transport: &Transport<'_>,
        packet: &PacketRef,
        contents: &Contents<'_>,
    ) {
        let captured = u32::try_from(transport.bytes.len()).unwrap_or(u32::MAX);
        let on_wire = captured.saturating_add(transport.missing);
        let payload_on_wire = on_wire.saturating_sub(segment.header_len);
        let payload = captured.saturating_sub(segment.header_len);
        let sequence = segment.payload_sequence();
        let Some(stream) = self.streams.get_mut(number as usize) else {
            return;
        };
        if segment.has(Segment::SYN) {
            stream.window_scale = segment.window_scale;
        }
        let is_reset = segment.has(Segment::RST);
        let is_control = is_reset || segment.has(Segment::SYN | Segment::FIN);
        let is_probe_of = stream.tcp.is_probe(sequence);
        if payload_on_wire == 0 && !segment.has(Segment::SYN) {
            stream.tcp.empty(sequence);
        }
        if is_reset {
            self.reset(number);
        }
        // A probe repeats the last byte, whatever it holds, to be answered.
        let is_probe = payload_on_wire <= 1 && !is_control && is_probe_of;
        if is_probe || (payload_on_wire == 0 && !is_control) {
            return;
        }
        if let Some(stream) = self.streams.get_mut(number as usize) {
            stream.content.segments += u64::from(payload_on_wire > 0);
        }
        let mut piece = (payload > 0).then(|| {
            self.window
                .piece(transport, segment.header_len, payload, packet.time)
        });
        if self.rules.needs_window()
            && self.is_scaled(number)
            && let Some(piece) = &mut piece
        {
            piece.set_scaled();
        }
        let overlap = self.rules.overlap;
        self.reassemble(number, packet.time, contents.window, |stream, sink| {
            if segment.has(Segment::SYN) {
                stream.syn(segment.sequence, sink);
            }
            let arrival = piece.map(|piece| stream.segment(sequence, piece, overlap, sink));
            if payload_on_wire > payload {
                let behind = sequence.wrapping_add(payload);
                let lost = Payload::lost(payload_on_wire - payload);
                stream.segment(behind, lost, overlap, sink);
            }
            if segment.has(Segment::FIN) {
                stream.fin(sequence.wrapping_add(payload_on_wire));
            }
            arrival.unwrap_or_default()
        });
    }

    /// Whether windows of a stream are scaled from here on. RFC 7323, section 2.2: both sides must
    /// offer it, as far as their SYNs were seen.
    fn is_scaled(&self, number: u32) -> bool {
        let Some(stream) = self.streams.get(number as usize) else {
            return false;
        };
        let refuses =
            |peer: &Stream| peer.tcp.initial_sequence().is_some() && peer.window_scale.is_none();
        let peer = self.streams.get(self.peer(number) as usize);
        stream.window_scale.is_some() && !peer.is_some_and(refuses)
    }

    /// The other direction of a stream's connection, as long as it is known.
    fn peer(&self, number: u32) -> u32 {
        let stream = self.streams.get(number as usize);
        let pair = stream.and_then(|it| self.pairs.get(it.pair as usize));
        let (Some(stream), Some(pair)) = (stream, pair) else {
            return NONE;
        };
        let side = usize::from(stream.is_reverse);
        let is_of = |streams: &[u32; 2]| streams.get(side) == Some(&number);
        let streams = [pair.current, pair.previous].into_iter().find(is_of);
        streams
            .and_then(|it| it.get(1 - side).copied())
            .unwrap_or(NONE)
    }

    /// A reset ends both directions.
    #[cold]
    fn reset(&mut self, number: u32) {
        let Some(stream) = self.streams.get_mut(number as usize) else {
            return;
        };
        stream.was_reset = true;
        let peer = self.peer(number);
        if let Some(peer) = self.streams.get_mut(peer as usize) {
            peer.was_reset = true;
        }
    }
}
