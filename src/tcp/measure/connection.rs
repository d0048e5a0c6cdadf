//! A connection, segment by segment.

use super::analysis::{Analysis, Facts};
use super::coverage::Brought;
use super::ends::{ClientBy, Measured, Seen, Side, Sides};
use super::flight::{Acknowledged, Sending};
use super::history::{End, History};
use super::options::Options;
use super::side::{Moment, Offer, SideState};
use super::turns::Turns;
use crate::number::{len_u32, modulo_u32};
use crate::tcp::Segment;

/// Times and packets of a handshake, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Handshake {
    pub(super) syn: Option<Moment>,
    /// The last SYN without an acknowledgment.
    pub(super) last_syn: Option<i64>,
    pub(super) synack: Option<Moment>,
    pub(super) ack: Option<Moment>,
    pub(super) rtt: Option<i64>,
    /// Payload of the client's SYN.
    pub(super) tfo: u32,
}

/// A connection that is measured.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) sides: Sides<SideState>,
    pub(super) keeps_duplicates: bool,
    pub(super) client: Side,
    pub(super) client_by: ClientBy,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) first_packet: u64,
    pub(super) last_packet: u64,
    /// Of the last packet that was seen.
    pub(super) last_time: i64,
    pub(super) time_back: u32,
    pub(super) idle_max: i64,
    pub(super) idle_max_packet: u64,
    pub(super) handshake: Handshake,
    pub(super) mptcp: bool,
    pub(super) completeness: u8,
    /// The same without the last packet.
    pub(super) completeness_before: u8,
    /// The first FIN or RST, and its side.
    pub(super) closed: Option<(Side, Moment)>,
    /// The first RST that counts.
    pub(super) reset: Option<(Side, Moment)>,
    pub(super) is_premature: bool,
    pub(super) turns: Turns,
    pub(super) history: History,
}

impl Connection {
    /// A connection. `server` is the side whose port says that it is the server, if one does;
    /// `keeps_duplicates` counts packets that were captured twice as repeated.
    pub fn new(server: Option<Side>, keeps_duplicates: bool) -> Self {
        Self {
            sides: Default::default(),
            keeps_duplicates,
            client: server.map_or(Side::First, Side::other),
            client_by: server.map_or(ClientBy::First, |_| ClientBy::Port),
            first: i64::MAX,
            last: i64::MIN,
            first_packet: 0,
            last_packet: 0,
            last_time: 0,
            time_back: 0,
            idle_max: 0,
            idle_max_packet: 0,
            handshake: Handshake::default(),
            mptcp: false,
            completeness: 0,
            completeness_before: 0,
            closed: None,
            reset: None,
            is_premature: false,
            turns: Turns::default(),
            history: History::default(),
        }
    }

    /// The ordinal of its first packet.
    pub const fn first_packet(&self) -> u64 {
        self.first_packet
    }

    /// The side that is taken for the client so far.
    pub const fn client(&self) -> Side {
        self.client
    }

    /// The number that relative sequence numbers of a side count from.
    pub const fn base(&self, side: Side) -> Option<u32> {
        self.sides.get(side).numbers.base()
    }

    /// The shift of a side's windows; `None` where it is not known.
    pub fn shift(&self, side: Side) -> Option<u8> {
        let (first, second) = (self.sides.get(Side::First), self.sides.get(Side::Second));
        match (first.offer, second.offer) {
            (Some(a), Some(b)) => match (a.window_scale, b.window_scale) {
                (Some(a), Some(b)) => Some(if side == Side::First { a } else { b }),
                _ => Some(0),
            },
            // Without the option on one side there is none, whatever the other one offers. Where
            // the other SYN was not captured, it is taken to have the option.
            (Some(it), None) if side == Side::First => Some(it.window_scale.unwrap_or(0)),
            (None, Some(it)) if side == Side::Second => Some(it.window_scale.unwrap_or(0)),
            (Some(it), None) | (None, Some(it)) if it.window_scale.is_none() => Some(0),
            _ => None,
        }
    }

    /// A segment comes.
    pub fn segment(&mut self, side: Side, seen: &Seen<'_>) -> Measured {
        let at = Moment {
            time: seen.time,
            packet: seen.packet,
        };
        self.note_time(at);
        let own = self.sides.get_mut(side);
        own.counts.packets += 1;
        own.counts.bytes += u64::from(seen.wire_len);
        if own.is_copy(print(seen), seen.time) {
            own.anomalies().duplicates += 1;
            if !self.keeps_duplicates {
                return Measured {
                    analysis: Analysis::DUPLICATE,
                    ..Measured::default()
                };
            }
        }
        let options = if seen.options.is_empty() {
            Options::default()
        } else {
            Options::parse(seen.options)
        };
        self.mptcp |= options.mptcp;
        if seen.segment.has(Segment::SYN) {
            self.note_syn(side, seen, &options, at);
        }
        let was_up = self.is_up();
        self.note_handshake(side, seen, at);
        let resets = seen.segment.has(Segment::RST) && self.is_in_window(side, seen.segment);
        let measured = self.measure(side, seen, &options, at);
        self.note_end(side, seen, at, was_up, resets);
        self.note_completeness(seen);
        self.note_history(side, seen, measured.analysis);
        measured
    }

    fn note_time(&mut self, at: Moment) {
        self.first = self.first.min(at.time);
        self.last = self.last.max(at.time);
        if self.first_packet == 0 {
            self.first_packet = at.packet;
        } else if at.packet < self.last_packet {
            // It waited until it was known whose it is.
            self.first_packet = self.first_packet.min(at.packet);
            return;
        } else {
            let since = at.time.saturating_sub(self.last_time);
            self.time_back += u32::from(since < 0);
            if since > self.idle_max {
                self.idle_max = since;
                self.idle_max_packet = at.packet;
            }
        }
        self.last_packet = at.packet;
        self.last_time = at.time;
    }

    fn note_syn(&mut self, side: Side, seen: &Seen<'_>, options: &Options, at: Moment) {
        let segment = seen.segment;
        let is_answer = segment.has(Segment::ACK);
        let by = match is_answer {
            false => (ClientBy::Syn, side),
            true => (ClientBy::SynAck, side.other()),
        };
        // Of several SYNs, the first one; a SYN rather than an answer.
        if by.0 > self.client_by {
            (self.client_by, self.client) = by;
        }
        if is_answer && self.reset.is_some() && self.has_no_payload() {
            // What was refused is answered, after all.
            self.reset = None;
            self.handshake.rtt = None;
            self.closed = None;
            self.sides.get_mut(self.client).end = End::SynSent;
            self.sides.get_mut(side).end = End::Inactive;
        }
        let handshake = &mut self.handshake;
        if is_answer {
            handshake.synack.get_or_insert(at);
        } else {
            handshake.syn.get_or_insert(at);
            handshake.last_syn = Some(at.time);
            if side == self.client {
                handshake.tfo = handshake.tfo.max(seen.payload);
            }
        }
        let ecn = match is_answer {
            true => segment.has(Segment::ECE) && !segment.has(Segment::CWR),
            false => segment.has(Segment::ECE) && segment.has(Segment::CWR),
        };
        let own = self.sides.get_mut(side);
        own.counts.syns += 1;
        own.offer = Some(Offer {
            isn: segment.sequence,
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            timestamps: options.timestamps.is_some(),
            ecn,
        });
    }

    fn has_no_payload(&self) -> bool {
        self.sides.iter().all(|it| it.counts.data_packets == 0)
    }

    /// Whether its handshake was completed, or it was captured from its middle on.
    fn is_up(&self) -> bool {
        let handshake = &self.handshake;
        let is_midstream = handshake.syn.is_none() && handshake.synack.is_none();
        handshake.ack.is_some() || (is_midstream && self.first_packet != self.last_packet)
    }

    fn note_handshake(&mut self, side: Side, seen: &Seen<'_>, at: Moment) {
        let segment = seen.segment;
        if !segment.has(Segment::ACK) || segment.has(Segment::SYN) {
            return;
        }
        let peer = self.sides.get(side.other()).numbers.base();
        let handshake = &mut self.handshake;
        let is_reset = segment.has(Segment::RST);
        if handshake.synack.is_some() && side == self.client && !is_reset {
            handshake.ack.get_or_insert(at);
        }
        // A clock that has not moved on says nothing.
        let rtt = handshake.rtt.filter(|it| *it != 0);
        if let (Some(syn), None) = (handshake.last_syn, rtt) {
            let tfo = if side == self.client {
                0
            } else {
                handshake.tfo
            };
            let expected = peer.map(|it| it.wrapping_add(1).wrapping_add(tfo));
            let acknowledges = expected.is_none_or(|it| it == segment.acknowledgment);
            // A reset counts as the answer that it is to a SYN.
            let is_first = self.sides.get(side).counts.packets == 1;
            if acknowledges && (!is_reset || is_first) {
                handshake.rtt = Some(at.time.saturating_sub(syn));
            }
        }
    }

    /// Sequence numbers, round trips, windows and payload.
    fn measure(&mut self, side: Side, seen: &Seen<'_>, options: &Options, at: Moment) -> Measured {
        let &Seen {
            segment, payload, ..
        } = seen;
        let peer_shift = self.shift(side.other());
        let disorder_ns = match self.handshake.rtt {
            Some(rtt) if rtt > 0 => rtt,
            _ => DISORDER_NS,
        };
        let (own, peer) = self.sides.both_mut(side);
        let facts = Facts {
            segment,
            payload,
            time: at.time,
            packet: at.packet,
            disorder_ns,
            peer_shift,
        };
        let next_time = own.numbers.next_time;
        let analysis = own.numbers.advance(&mut peer.numbers, &facts);
        own.note_analysis(analysis);
        if analysis.has(Analysis::LOST_SEGMENT) {
            own.flight.note_hole();
        }
        own.sack = options.sack;
        let echo = options.timestamps.map(|it| it.1);
        let acknowledged = segment.has(Segment::ACK).then(|| {
            peer.flight
                .acknowledge(segment.acknowledgment, at.time, echo)
        });
        let acknowledged: Option<Acknowledged> = acknowledged.flatten();
        if let Some(rtt) = acknowledged.and_then(|it| it.rtt) {
            peer.rtt.add(rtt);
        }
        let is_control = segment.has(Segment::SYN | Segment::FIN | Segment::RST);
        if !segment.has(Segment::SYN | Segment::RST) {
            own.note_window(segment.window, is_control, at);
        }
        if payload == 0 && segment.has(Segment::ACK) && !is_control {
            own.counts.pure_acks += 1;
        }
        own.counts.pushes += u64::from(segment.has(Segment::PSH));
        if segment.has(Segment::URG | Segment::ECE | Segment::CWR) {
            let anomalies = own.anomalies();
            anomalies.urgent += u64::from(segment.has(Segment::URG));
            anomalies.ece += u64::from(segment.has(Segment::ECE));
            anomalies.cwr += u64::from(segment.has(Segment::CWR));
        }
        if payload > 0 {
            let mss = peer.offer.and_then(|it| it.mss);
            if mss.is_some_and(|mss| payload > mss.into()) {
                own.anomalies().above_mss += 1;
            }
        }
        let mut measured = Measured {
            analysis,
            acks: acknowledged.map(|it| it.packet),
            rtt: acknowledged.and_then(|it| it.rtt).filter(|it| *it > 0),
            ..Measured::default()
        };
        if payload > 0 || segment.has(Segment::SYN | Segment::FIN) {
            self.send(side, &facts, next_time, options, &mut measured);
        }
        measured
    }

    /// What a segment with payload, SYN or FIN brings.
    fn send(
        &mut self,
        side: Side,
        facts: &Facts<'_>,
        next_time: i64,
        options: &Options,
        measured: &mut Measured,
    ) {
        let &Facts {
            segment,
            payload,
            time,
            packet,
            ..
        } = facts;
        let sack = self.sides.get(side.other()).sack;
        let own = self.sides.get_mut(side);
        let mut brought = Brought::default();
        if payload > 0 {
            own.note_data(payload, time);
            brought = own.coverage.add(segment.payload_sequence(), payload, time);
            own.counts.unique_bytes += brought.new;
            measured.new_bytes = brought.new;
        }
        let analysis = measured.analysis;
        let is_late = analysis.has(Analysis::RETRANSMISSION);
        let repeats = brought.new < u64::from(payload);
        let first_time = own.flight.send(&Sending {
            start: segment.sequence,
            end: facts.end(),
            payload,
            time,
            packet,
            stamp: options.timestamps.map(|it| it.0),
            is_repeated: repeats || is_late,
        });
        if is_late {
            let anomalies = own.anomalies();
            if brought.filled > 0 {
                anomalies.lost_upstream += 1;
            } else {
                anomalies.lost_downstream += 1;
            }
            let since = brought.hole_since.or(first_time).unwrap_or(next_time);
            let delay = time.saturating_sub(since).max(0);
            measured.rto = Some(delay);
            anomalies.note_delay(delay);
        }
        if payload > 0 {
            // SYN and FIN are in flight, but no bytes.
            let control = u32::from(segment.has(Segment::SYN | Segment::FIN));
            let in_flight = own.flight.bytes(&sack);
            measured.in_flight = in_flight.map(|it| it.saturating_sub(control));
            let most = &mut own.counts.max_in_flight;
            *most = (*most).max(measured.in_flight.unwrap_or(0));
        }
        if brought.new > 0 {
            self.turns.add(side == self.client, time, packet);
        }
    }

    fn note_end(&mut self, side: Side, seen: &Seen<'_>, at: Moment, was_up: bool, resets: bool) {
        let segment = seen.segment;
        let is_reset = segment.has(Segment::RST);
        let peer_end = self.sides.get(side.other()).end;
        let own = self.sides.get_mut(side);
        let mut end = own.end;
        if segment.has(Segment::SYN) {
            end = match (segment.has(Segment::ACK), end) {
                (false, End::Inactive | End::Partial) => End::SynSent,
                (true, End::Inactive | End::SynSent | End::Partial) => match peer_end {
                    End::SynSent | End::Established => End::Established,
                    _ => End::SynAckSent,
                },
                (_, end) => end,
            };
        } else if end == End::Inactive {
            end = End::Partial;
        }
        if segment.has(Segment::FIN) {
            own.counts.fins += 1;
            own.counts.fin.get_or_insert(at.time);
            end = End::Closed;
        }
        if is_reset {
            own.counts.rsts += 1;
            own.anomalies().rst.get_or_insert(at.time);
            if resets && end != End::Closed {
                end = End::Reset;
            }
        }
        own.end = end;
        let peer = &mut self.sides.get_mut(side.other()).end;
        if end == End::Established && *peer == End::SynSent {
            *peer = End::Established;
        }
        if resets && self.reset.is_none() {
            self.is_premature = was_up && self.closed.is_none();
            self.reset = Some((side, at));
        }
        if (resets || segment.has(Segment::FIN)) && self.closed.is_none() {
            self.closed = Some((side, at));
        }
    }

    /// Whether a reset is at the next number, or in the window that the other side has offered; that
    /// of a side that has sent nothing else always is.
    fn is_in_window(&self, side: Side, segment: &Segment) -> bool {
        let (own, peer) = (
            self.sides.get(side).numbers,
            self.sides.get(side.other()).numbers,
        );
        let (Some(expected), Some(window)) = (peer.acknowledged(), peer.window()) else {
            return true;
        };
        let shift = self.shift(side.other()).unwrap_or(14);
        let window = (u32::from(window) << shift).max(1);
        own.next() == Some(segment.sequence)
            || segment.sequence.wrapping_sub(expected) <= window
            || self.sides.get(side).counts.packets == 1
    }

    /// As tshark shows it: the last packet does not count itself, and the first one only if it is a SYN.
    fn note_completeness(&mut self, seen: &Seen<'_>) {
        self.completeness_before = self.completeness;
        let segment = seen.segment;
        let is_first = self.first_packet == self.last_packet;
        if is_first && (!segment.has(Segment::SYN) || segment.has(Segment::ACK)) {
            return;
        }
        let is_ack = segment.has(Segment::ACK);
        let is_syn = segment.has(Segment::SYN);
        self.completeness |= match (is_syn, is_ack) {
            (true, false) => 1,
            (true, true) => 2,
            (false, true) if seen.payload == 0 => 4,
            (false, true) => 8,
            (false, false) => 0,
        };
        if segment.has(Segment::FIN) {
            self.completeness |= 16;
        }
        if segment.has(Segment::RST) {
            self.completeness |= 32;
        }
    }

    fn note_history(&mut self, side: Side, seen: &Seen<'_>, analysis: Analysis) {
        let segment = seen.segment;
        let is_control = segment.has(Segment::SYN | Segment::FIN | Segment::RST);
        if segment.has(Segment::SYN) {
            let letter = if segment.has(Segment::ACK) {
                b'H'
            } else {
                b'S'
            };
            self.history.note(side, letter);
        }
        if seen.payload > 0 {
            self.history.note(side, b'D');
        } else if !is_control && segment.has(Segment::ACK) {
            self.history.note(side, b'A');
        }
        if segment.has(Segment::FIN) {
            self.history.note(side, b'F');
        }
        if segment.has(Segment::RST) {
            self.history.note(side, b'R');
        }
        if analysis == Analysis::default() {
            return;
        }
        let counts = *self.sides.get_mut(side).anomalies();
        if analysis.has(Analysis::RETRANSMISSION) && seen.payload > 0 {
            self.history.count(side, b'T', counts.retransmissions);
        }
        if analysis.has(Analysis::ZERO_WINDOW) {
            self.history.count(side, b'W', counts.zero_windows);
        }
        if analysis.has(Analysis::ACKED_UNSEEN) {
            let times = counts.acked_unseen;
            self.history.count(side.other(), b'G', times);
        }
    }
}

/// What a packet has in common with its copies.
fn print(seen: &Seen<'_>) -> u32 {
    let segment = seen.segment;
    let words = [
        u64::from(segment.sequence) << 32 | u64::from(segment.acknowledgment),
        u64::from(seen.payload) << 32 | u64::from(segment.flags) << 16 | u64::from(segment.window),
        u64::from(seen.ip_id) << 16 | u64::from(segment.checksum),
    ];
    let hash = words
        .into_iter()
        .fold(len_u32(words.len()).into(), |hash: u64, word| {
            (hash ^ word)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29)
        });
    modulo_u32(hash >> 32)
}

/// A segment that comes sooner than this after what it should have preceded is out of order, where the
/// handshake has not shown the round-trip time.
const DISORDER_NS: i64 = 3_000_000;
