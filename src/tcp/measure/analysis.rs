//! How a segment advances its direction, in Wireshark's terms.
//!
//! The rules are those of tshark 4.0 (`tcp_analyze_sequence_number`), with one departure: a number
//! that is not known is not 0.

use crate::tcp::Segment;
use std::fmt;

/// What a segment is, as a set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Analysis(u32);

impl Analysis {
    /// Captured a second time: counted in packets and bytes only.
    pub const DUPLICATE: Self = Self(1);
    /// 0 or 1 byte right before the next number (RFC 9293, section 3.8.4).
    pub const KEEP_ALIVE: Self = Self(1 << 1);
    /// The answer to a keep-alive.
    pub const KEEP_ALIVE_ACK: Self = Self(1 << 2);
    /// A window of 0, without SYN, FIN or RST.
    pub const ZERO_WINDOW: Self = Self(1 << 3);
    /// One new byte for a window of 0.
    pub const ZERO_WINDOW_PROBE: Self = Self(1 << 4);
    /// The answer to such a probe.
    pub const ZERO_WINDOW_PROBE_ACK: Self = Self(1 << 5);
    /// Payload that was acknowledged before.
    pub const SPURIOUS_RETRANSMISSION: Self = Self(1 << 6);
    /// Repeats the segment that two or more duplicate acknowledgments of the last 20 ms ask for.
    pub const FAST_RETRANSMISSION: Self = Self(1 << 7);
    /// Before the next number, but too soon for a retransmission.
    pub const OUT_OF_ORDER: Self = Self(1 << 8);
    /// Before the next number, for any other reason.
    pub const OTHER_RETRANSMISSION: Self = Self(1 << 9);
    /// Beyond the next number: a hole is before it.
    pub const LOST_SEGMENT: Self = Self(1 << 10);
    /// Acknowledges bytes that were not captured.
    pub const ACKED_UNSEEN: Self = Self(1 << 11);
    /// Repeats an acknowledgment.
    pub const DUPLICATE_ACK: Self = Self(1 << 12);
    /// Changes nothing but the window.
    pub const WINDOW_UPDATE: Self = Self(1 << 13);
    /// Fills the receiver's window to its end.
    pub const WINDOW_FULL: Self = Self(1 << 14);
    /// Any retransmission.
    pub const RETRANSMISSION: Self = Self(
        Self::SPURIOUS_RETRANSMISSION.0
            | Self::FAST_RETRANSMISSION.0
            | Self::OTHER_RETRANSMISSION.0,
    );

    /// Whether it has any of these flags.
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    pub(super) const fn add(&mut self, flags: Self) {
        self.0 |= flags.0;
    }
}

/// The names of the flags, with spaces between them.
impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = NAMES.iter().filter(|(flags, _)| self.has(*flags));
        for (number, (_, name)) in set.enumerate() {
            if number > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

const NAMES: [(Analysis, &str); 16] = [
    (Analysis::DUPLICATE, "duplicate"),
    (Analysis::RETRANSMISSION, "retransmission"),
    (Analysis::FAST_RETRANSMISSION, "fast"),
    (Analysis::SPURIOUS_RETRANSMISSION, "spurious"),
    (Analysis::OUT_OF_ORDER, "out_of_order"),
    (Analysis::LOST_SEGMENT, "lost_segment"),
    (Analysis::ACKED_UNSEEN, "acked_unseen"),
    (Analysis::DUPLICATE_ACK, "dup_ack"),
    (Analysis::KEEP_ALIVE, "keep_alive"),
    (Analysis::KEEP_ALIVE_ACK, "keep_alive_ack"),
    (Analysis::ZERO_WINDOW, "zero_window"),
    (Analysis::ZERO_WINDOW_PROBE, "zero_window_probe"),
    (Analysis::ZERO_WINDOW_PROBE_ACK, "zero_window_probe_ack"),
    (Analysis::WINDOW_UPDATE, "window_update"),
    (Analysis::WINDOW_FULL, "window_full"),
    (Analysis(0), ""),
];

/// What is known of the numbers that one side has sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// The number that relative numbers count from: that of the SYN, or the one before the first
    /// that was seen or acknowledged.
    base: Option<u32>,
    /// The highest end of what was sent, when and in which packet it was.
    next: Option<u32>,
    pub(super) next_time: i64,
    pub(super) next_packet: u64,
    /// The end of what was sent without a hole.
    contiguous: Option<u32>,
    /// Of the last segment: its acknowledgment, window, time and flags.
    acknowledged: Option<u32>,
    window: Option<u16>,
    last_time: i64,
    last: Analysis,
    duplicate_acks: u32,
    /// An acknowledgment beyond everything captured was counted, and this side has acknowledged
    /// nothing new since.
    is_unseen_counted: bool,
}

/// A segment, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) segment: &'a Segment,
    /// Payload on the wire, in bytes.
    pub(super) payload: u32,
    /// Nanoseconds since 1970.
    pub(super) time: i64,
    pub(super) packet: u64,
    /// How much later than what came before a segment counts as repeated, not as out of order.
    pub(super) disorder_ns: i64,
    /// The shift of the receiver's window, if it is known.
    pub(super) peer_shift: Option<u8>,
}

impl Facts<'_> {
    /// The number after the segment: SYN and FIN count one.
    pub(super) fn end(&self) -> u32 {
        let control = self.segment.has(Segment::SYN | Segment::FIN);
        let end = self.segment.sequence.wrapping_add(self.payload);
        end.wrapping_add(control.into())
    }

    fn is_control(&self) -> bool {
        self.segment.has(Segment::SYN | Segment::FIN | Segment::RST)
    }

    fn ack(&self) -> Option<u32> {
        let has_ack = self.segment.has(Segment::ACK);
        has_ack.then_some(self.segment.acknowledgment)
    }
}

impl Numbers {
    pub(super) const fn next(&self) -> Option<u32> {
        self.next
    }

    pub(super) const fn base(&self) -> Option<u32> {
        self.base
    }

    pub(super) const fn acknowledged(&self) -> Option<u32> {
        self.acknowledged
    }

    pub(super) const fn window(&self) -> Option<u16> {
        self.window
    }

    /// Analyses a segment of this side, and takes note of it.
    pub(super) fn advance(&mut self, peer: &mut Self, facts: &Facts<'_>) -> Analysis {
        self.set_bases(peer, facts);
        let mut found = self.of_acknowledgment(peer, facts);
        if self.acknowledged != facts.ack() {
            self.duplicate_acks = 0;
            self.is_unseen_counted = false;
        }
        if let Some(ack) = facts.ack()
            && peer.misses(ack)
        {
            found.add(Analysis::ACKED_UNSEEN);
        }
        found.add(self.of_sequence(peer, facts, found));
        self.note(facts, found);
        found
    }

    fn set_bases(&mut self, peer: &mut Self, facts: &Facts<'_>) {
        let segment = facts.segment;
        if self.base.is_none() {
            let is_before = !segment.has(Segment::SYN);
            self.base = Some(segment.sequence.wrapping_sub(is_before.into()));
        }
        if peer.base.is_none() {
            peer.base = facts.ack().map(|it| it.wrapping_sub(1));
        }
    }

    /// Rules about windows, probes and acknowledgments.
    fn of_acknowledgment(&mut self, peer: &mut Self, facts: &Facts<'_>) -> Analysis {
        let Facts {
            segment, payload, ..
        } = *facts;
        let mut found = Analysis::default();
        let is_control = facts.is_control();
        let is_next = self.next == Some(segment.sequence);
        if payload == 1 && is_next && peer.window == Some(0) {
            return Analysis::ZERO_WINDOW_PROBE;
        }
        if segment.window == 0 && !is_control {
            found.add(Analysis::ZERO_WINDOW);
        }
        let is_beyond = self.next.is_some_and(|it| is_before(it, segment.sequence));
        if is_beyond && !segment.has(Segment::RST) {
            found.add(Analysis::LOST_SEGMENT);
        }
        if is_control {
            return found;
        }
        if payload <= 1 && self.next == Some(segment.sequence.wrapping_add(1)) {
            found.add(Analysis::KEEP_ALIVE);
        }
        if payload > 0 {
            if facts.fills(peer) {
                found.add(Analysis::WINDOW_FULL);
            }
            return found;
        }
        let ack = facts.ack();
        let repeats_ack = ack.is_some() && ack == self.acknowledged;
        if !is_next || ack.is_none() {
            return found;
        }
        let is_same_window = self.window == Some(segment.window);
        if segment.window > 0 && repeats_ack {
            if !is_same_window {
                found.add(Analysis::WINDOW_UPDATE);
            } else if peer.last.has(Analysis::KEEP_ALIVE) {
                found.add(Analysis::KEEP_ALIVE_ACK);
            } else {
                self.duplicate_acks += 1;
                found.add(Analysis::DUPLICATE_ACK);
            }
        }
        let takes_byte = self.acknowledged.map(|it| it.wrapping_add(1)) == ack;
        let answers = peer.last.has(Analysis::ZERO_WINDOW_PROBE) && (repeats_ack || takes_byte);
        if segment.window == 0 && is_same_window && answers {
            found.add(Analysis::ZERO_WINDOW_PROBE_ACK);
            if takes_byte {
                peer.next = ack;
                peer.contiguous = ack;
            }
        }
        found
    }

    /// Whether an acknowledgment is of bytes of this side that were not captured.
    fn misses(&mut self, ack: u32) -> bool {
        let Some(contiguous) = self.contiguous else {
            return false;
        };
        if !is_before(contiguous, ack) {
            return false;
        }
        if self.next == self.contiguous {
            return !std::mem::replace(&mut self.is_unseen_counted, true);
        }
        self.contiguous = self.next;
        true
    }

    /// Rules about segments before the next number.
    fn of_sequence(&self, peer: &Self, facts: &Facts<'_>, found: Analysis) -> Analysis {
        let none = Analysis::default();
        let Facts {
            segment, payload, ..
        } = *facts;
        let occupies = payload > 0 || segment.has(Segment::SYN | Segment::FIN);
        if !occupies || found.has(Analysis::KEEP_ALIVE) {
            return none;
        }
        let end_of_payload = segment.sequence.wrapping_add(payload);
        let is_acked = |ack: u32| !is_before(ack, end_of_payload);
        if payload > 0 && peer.acknowledged.is_some_and(is_acked) {
            return Analysis::SPURIOUS_RETRANSMISSION;
        }
        let Some(next) = self.next else { return none };
        let follows_probe = payload > 1 && segment.sequence.wrapping_add(1) == next;
        if !is_before(segment.sequence, next) || follows_probe {
            return none;
        }
        let since = |time: i64| facts.time.saturating_sub(time);
        if peer.duplicate_acks >= 2
            && peer.acknowledged == Some(segment.sequence)
            && since(peer.last_time) < FAST_NS
        {
            return Analysis::FAST_RETRANSMISSION;
        }
        if since(self.next_time) < facts.disorder_ns && next != facts.end() {
            return Analysis::OUT_OF_ORDER;
        }
        Analysis::OTHER_RETRANSMISSION
    }

    fn note(&mut self, facts: &Facts<'_>, found: Analysis) {
        let end = facts.end();
        if !found.has(Analysis::ZERO_WINDOW_PROBE) {
            if self.next.is_none_or(|next| is_before(next, end)) {
                self.next = Some(end);
                self.next_time = facts.time;
                self.next_packet = facts.packet;
            }
            let continues = |it| it == facts.segment.sequence;
            if self.contiguous.is_none_or(continues) {
                self.contiguous = self.next;
            }
        }
        self.window = Some(facts.segment.window);
        self.acknowledged = facts.ack();
        self.last_time = facts.time;
        self.last = found;
    }
}

impl Facts<'_> {
    /// Whether payload goes right to the end of the receiver's window.
    fn fills(&self, peer: &Numbers) -> bool {
        let (Some(shift), Some(window), Some(ack)) =
            (self.peer_shift, peer.window, peer.acknowledged)
        else {
            return false;
        };
        let edge = ack.wrapping_add(u32::from(window) << shift);
        self.segment.sequence.wrapping_add(self.payload) == edge
    }
}

/// Whether a sequence number is before another one (RFC 9293, section 3.4: modulo 2³²).
pub(super) const fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

/// How soon after a duplicate acknowledgment a fast retransmission comes.
const FAST_NS: i64 = 20_000_000;
