//! One direction of a connection, put in order.
//!
//! Bytes are counted from 0, the first one behind the SYN. What comes in order is delivered at
//! once; what comes early is held until what is missing in front of it has come, or is given up.
//! Where no SYN was captured, the first segments are held until it is safe to say which of them
//! is the first.
//!
//! Invariants: all that is held starts behind `next`; held pieces do not overlap.

mod extent;

use super::out_of_order::OutOfOrderQueue;
use super::piece::Piece;
use super::sink::{Arrival, Better, Overlap, Sink};
use crate::number::{at_most_u32, modulo_u32, piece_u32};

/// One direction of a connection.
#[derive(Debug)]
pub struct Reassembler<P> {
    /// Offset of the next byte to be delivered.
    next: u64,
    /// Offset of the segment that came last.
    reference: u64,
    /// Sequence number of `next`; of the first segment until the start is known.
    next_sequence: u32,
    initial_sequence: u32,
    fin_sequence: u32,
    state: u8,
    held: Option<Box<OutOfOrderQueue<P>>>,
}

impl<P> Default for Reassembler<P> {
    fn default() -> Self {
        Self {
            next: 0,
            reference: 0,
            next_sequence: 0,
            initial_sequence: 0,
            fin_sequence: 0,
            state: 0,
            held: None,
        }
    }
}

/// A SYN was seen.
const HAS_SYN: u8 = 1;
/// Payload was seen.
const HAS_PAYLOAD: u8 = 2;
/// It is decided where the stream starts.
const IS_ANCHORED: u8 = 4;
/// A FIN was seen.
const HAS_FIN: u8 = 8;
/// Bytes were sent behind the FIN.
const IS_PAST_FIN: u8 = 16;
/// A segment was seen that is none of these.
const HAS_EMPTY: u8 = 32;
/// All that comes is held.
const IS_SUSPENDED: u8 = 64;

impl<P: Piece> Reassembler<P> {
    /// Takes note of a SYN.
    pub fn syn(&mut self, sequence: u32, sink: &mut impl Sink<P>) {
        if self.has(HAS_SYN) {
            return;
        }
        let first = sequence.wrapping_add(1);
        if self.has(HAS_PAYLOAD) && !self.has(IS_ANCHORED) {
            let held = self.held.as_ref().and_then(|held| held.first());
            let start = self.offset_of(first).unsigned_abs();
            self.anchor(held.map_or(start, |(first, _)| start.min(*first)));
        } else if !self.has(IS_ANCHORED) {
            self.next_sequence = first;
        }
        self.initial_sequence = sequence;
        self.state |= HAS_SYN | IS_ANCHORED;
        self.drain(sink);
    }

    /// Forgets a SYN that was answered by another one, before there was any payload.
    pub fn forget_syn(&mut self) {
        *self = Self::default();
    }

    /// Takes a segment's payload. `sequence` is the number of its first byte.
    #[inline]
    pub fn segment(
        &mut self,
        sequence: u32,
        piece: P,
        overlap: Overlap,
        sink: &mut impl Sink<P>,
    ) -> Arrival {
        if !self.has(IS_ANCHORED) {
            return self.unanchored(sequence, piece, overlap, sink);
        }
        self.state |= HAS_PAYLOAD;
        let in_order = sequence == self.next_sequence && self.held.is_none();
        if in_order && !self.has(IS_SUSPENDED) {
            self.reference = self.next;
            self.deliver(piece, sink);
            return Arrival::default();
        }
        self.place(sequence, piece, overlap, sink)
    }

    /// Delivers the next bytes of a stream of datagrams, which come in order.
    #[inline]
    pub fn append(&mut self, piece: P, sink: &mut impl Sink<P>) {
        self.state |= HAS_PAYLOAD | IS_ANCHORED;
        self.deliver(piece, sink);
    }

    /// Holds all payload that comes, until [`Reassembler::resume`].
    pub const fn suspend(&mut self) {
        self.state |= IS_SUSPENDED;
    }

    /// Delivers what was held since [`Reassembler::suspend`].
    pub fn resume(&mut self, sink: &mut impl Sink<P>) {
        self.state &= !IS_SUSPENDED;
        self.drain(sink);
    }

    /// Takes what is held, in order, with sequence numbers.
    pub fn take_held(&mut self) -> Vec<(u32, P)> {
        let (next, sequence) = (self.next, self.next_sequence);
        let mut held = self.held.take();
        let held = held.iter_mut().flat_map(|it| it.iter_mut());
        let held = held.map(|(offset, piece)| {
            let ahead = modulo_u32(offset.wrapping_sub(next));
            (sequence.wrapping_add(ahead), piece.clone())
        });
        held.collect()
    }

    /// Its payload is not needed any more: lets go of what is held.
    pub fn stop(&mut self) {
        if !self.has(IS_ANCHORED) {
            self.anchor_at_first();
        }
        let ahead = self.highest() - self.next;
        self.next += ahead;
        self.next_sequence = self.next_sequence.wrapping_add(modulo_u32(ahead));
        self.held = None;
    }

    /// Takes note of a segment after [`Reassembler::stop`]: nothing is held, and nothing delivered.
    pub fn skip(&mut self, sequence: u32, len: u32) {
        if !self.has(IS_ANCHORED) {
            self.next_sequence = sequence;
        }
        self.state |= HAS_PAYLOAD | IS_ANCHORED;
        let Ok(offset) = u64::try_from(self.offset_of(sequence)) else {
            return;
        };
        self.refer_to(offset);
        let ahead = (offset + u64::from(len)).saturating_sub(self.next);
        self.next += ahead;
        self.next_sequence = self.next_sequence.wrapping_add(modulo_u32(ahead));
    }

    /// Takes note of a segment without SYN and payload: all that may be known of a stream.
    #[inline]
    pub const fn empty(&mut self, sequence: u32) {
        if self.state & (HAS_SYN | HAS_PAYLOAD) == 0 {
            self.next_sequence = sequence;
            self.state |= HAS_EMPTY;
        }
    }

    /// Takes note of a FIN, which stands behind the payload of its segment.
    pub fn fin(&mut self, sequence: u32) {
        // The first one counts: it cannot be taken back.
        if !self.has(HAS_FIN) {
            self.fin_sequence = sequence;
            self.state |= HAS_FIN;
        }
    }

    /// The receiver has everything in front of this sequence number: what is missing there, the
    /// capture has missed. It is given up when much has come behind it.
    #[inline]
    pub fn acknowledged(&mut self, sequence: u32, sink: &mut impl Sink<P>) {
        self.give_up_acknowledged(sequence, MOST_HELD_ACKNOWLEDGED, sink);
    }

    /// Like [`acknowledged`](Self::acknowledged), but gives up missing bytes at once. A stream
    /// without a SYN starts at its first segment, if the receiver has that.
    #[inline]
    pub fn acknowledged_at_once(&mut self, sequence: u32, sink: &mut impl Sink<P>) {
        if !self.has(IS_ANCHORED)
            && let Some((first, _)) = self.held.as_ref().and_then(|held| held.first())
            && i64::try_from(*first).is_ok_and(|it| it < self.offset_of(sequence))
        {
            self.anchor_at_first();
            self.drain(sink);
        }
        self.give_up_acknowledged(sequence, 0, sink);
    }

    /// Gives up what is missing before a sequence number if at least `most_held` bytes follow it.
    fn give_up_acknowledged(&mut self, sequence: u32, most_held: u64, sink: &mut impl Sink<P>) {
        if self.held.is_some() && self.has(IS_ANCHORED) {
            let until = self.offset_of(sequence);
            self.give_up_while(sink, |first, held_bytes| {
                held_bytes >= most_held && i64::try_from(first).is_ok_and(|it| it <= until)
            });
        }
    }

    /// Gives up the first gap, if there is one.
    pub fn give_up_first(&mut self, sink: &mut impl Sink<P>) {
        if !self.has(IS_ANCHORED) {
            self.anchor_at_first();
        }
        let mut is_first = true;
        self.give_up_while(sink, |_, _| std::mem::take(&mut is_first));
    }

    /// Nothing more will come: gives up all gaps, that in front of the FIN among them.
    pub fn finish(&mut self, sink: &mut impl Sink<P>) {
        if !self.has(IS_ANCHORED) {
            self.anchor_at_first();
        }
        self.drain(sink);
        self.give_up_while(sink, |_, _| true);
        if self.has(HAS_FIN) && self.has(IS_ANCHORED) && !self.has(IS_PAST_FIN) {
            let fin = self.offset_of(self.fin_sequence);
            if let Ok(missing @ 1..=FARTHEST_FIN) =
                u64::try_from(fin.saturating_sub_unsigned(self.next))
            {
                self.lose(missing, sink);
            }
        }
    }

    /// Offset of the next byte to be delivered.
    pub const fn delivered(&self) -> u64 {
        if self.has(IS_ANCHORED) { self.next } else { 0 }
    }

    /// Whether a FIN was seen.
    pub const fn has_fin(&self) -> bool {
        self.has(HAS_FIN)
    }

    /// Whether everything up to the FIN has been delivered, and nothing is held.
    pub fn is_complete(&self) -> bool {
        let is_at_fin = || {
            self.offset_of(self.fin_sequence)
                .saturating_sub_unsigned(self.next)
                <= 0
        };
        self.has(HAS_FIN) && self.held.is_none() && (self.has(IS_PAST_FIN) || is_at_fin())
    }

    /// OutOfOrderQueue pieces, in order.
    pub fn held_mut(&mut self) -> impl Iterator<Item = &mut P> {
        let held = self.held.iter_mut().flat_map(|held| held.iter_mut());
        held.map(|(_, piece)| piece)
    }

    /// How many pieces are held.
    pub fn held_len(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.len())
    }

    /// Whether anything is held.
    pub const fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    const fn has(&self, state: u8) -> bool {
        self.state & state != 0
    }

    /// The offset of a sequence number: that which is nearest to the segment before, so that a
    /// stream may miss gigabytes, and a stray segment leads nowhere. A number more than 1 GiB (the
    /// largest window) back, and not near the next byte, is taken as ahead: the capture missed even
    /// more.
    fn offset_of(&self, sequence: u32) -> i64 {
        let [next, before] = [self.next, self.reference].map(u64::cast_signed);
        let from_next = modulo_u32(before.wrapping_sub(next).cast_unsigned());
        let sequence_before = self.next_sequence.wrapping_add(from_next);
        let distance = i64::from(sequence.wrapping_sub(sequence_before).cast_signed());
        let offset = before.saturating_add(distance);
        let is_near_next = offset >= 0 && offset.abs_diff(next) <= LARGEST_WINDOW;
        if distance < 0 && distance.unsigned_abs() > LARGEST_WINDOW && !is_near_next {
            offset.saturating_add(1 << 32)
        } else {
            offset
        }
    }

    /// The next segments are looked for around this one, unless it is itself far away.
    fn refer_to(&mut self, offset: u64) {
        if offset.abs_diff(self.reference) < 1 << 31 {
            self.reference = offset;
        }
    }

    /// No SYN was seen: what comes is held, until it is enough to tell where it starts.
    #[cold]
    fn unanchored(
        &mut self,
        sequence: u32,
        piece: P,
        overlap: Overlap,
        sink: &mut impl Sink<P>,
    ) -> Arrival {
        if !self.has(HAS_PAYLOAD) {
            self.state |= HAS_PAYLOAD;
            self.next = BEFORE_START;
            self.reference = BEFORE_START;
            self.next_sequence = sequence;
        }
        let offset = self.offset_of(sequence).unsigned_abs();
        self.refer_to(offset);
        let arrival = self.hold(offset, piece, overlap, sink);
        if self
            .held
            .as_ref()
            .is_some_and(|held| held.bytes >= UNANCHORED)
        {
            self.anchor_at_first();
            self.drain(sink);
        }
        arrival
    }

    fn anchor_at_first(&mut self) {
        if let Some((first, _)) = self.held.as_ref().and_then(|held| held.first()) {
            self.anchor(*first);
        }
    }

    /// Decides that the stream starts at an offset counted from [`BEFORE_START`].
    fn anchor(&mut self, start: u64) {
        let moved = modulo_u32(start.wrapping_sub(self.next));
        self.next_sequence = self.next_sequence.wrapping_add(moved);
        self.next = 0;
        self.state |= IS_ANCHORED;
        self.reference = self.reference.saturating_sub(start);
        for (offset, _) in self.held.iter_mut().flat_map(|held| held.iter_mut()) {
            *offset = offset.saturating_sub(start);
        }
    }

    /// A segment that does not come in order, or for which others wait.
    fn place(
        &mut self,
        sequence: u32,
        mut piece: P,
        overlap: Overlap,
        sink: &mut impl Sink<P>,
    ) -> Arrival {
        let mut arrival = Arrival::default();
        let len = piece.len();
        let Ok(mut offset) = u64::try_from(self.offset_of(sequence)) else {
            let before = self.offset_of(sequence).unsigned_abs();
            let before = at_most_u32(before).min(len);
            arrival.before_start = before;
            if before == len {
                return arrival;
            }
            return Arrival {
                before_start: before,
                ..self.place(
                    sequence.wrapping_add(before),
                    piece.part(before, len),
                    overlap,
                    sink,
                )
            };
        };
        self.refer_to(offset);
        if offset < self.next {
            let old = at_most_u32(self.next - offset).min(len);
            let front = piece.part(0, old);
            if !front.is_lost() {
                arrival.repeated = old;
                sink.repeated(offset, front);
            }
            if old == len {
                return arrival;
            }
            piece = piece.part(old, len);
            offset = self.next;
        }
        if offset == self.next + 1 && self.is_at_fin() {
            self.pass_fin();
            offset = self.next;
        }
        let is_early = offset > self.next;
        let end = offset + u64::from(piece.len());
        let meets_held = self.held.as_ref().and_then(|held| held.first());
        let must_wait = is_early || self.has(IS_SUSPENDED);
        if !must_wait && meets_held.is_none_or(|(first, _)| end <= *first) {
            arrival.is_out_of_order = end < self.highest();
            self.deliver(piece, sink);
        } else {
            if is_early {
                piece.set_waited();
            }
            let held = self.hold(offset, piece, overlap, sink);
            arrival.repeated += held.repeated;
            arrival.is_out_of_order = held.is_out_of_order;
            arrival.is_conflict = held.is_conflict;
        }
        self.drain(sink);
        if !self.has(IS_SUSPENDED) {
            self.give_up_while(sink, |_, held_bytes| held_bytes >= MOST_HELD);
        }
        arrival
    }

    /// Keeps a piece until what is missing in front of it has come. Where it overlaps others
    /// that are held, they or it are cut.
    fn hold(
        &mut self,
        offset: u64,
        piece: P,
        overlap: Overlap,
        sink: &mut impl Sink<P>,
    ) -> Arrival {
        let end = offset + u64::from(piece.len());
        let highest = self.highest();
        let held = self.held.get_or_insert_default();
        let part =
            |from: u64, to: u64| piece.part(piece_u32(from - offset), piece_u32(to - offset));
        let mut arrival = Arrival::default();
        let mut has_new = false;
        // Whether any of what is held counts, though it came first, and the last would.
        let mut keeps_old = false;
        let mut at = offset;
        while at < end {
            let covering = held
                .at_or_before(at)
                .filter(|(start, other)| start + u64::from(other.len()) > at);
            let Some((start, other)) = covering else {
                let stop = held.behind(at).map_or(end, |(start, _)| end.min(*start));
                held.insert(at, part(at, stop));
                has_new = true;
                at = stop;
                continue;
            };
            let (start, stop) = (*start, end.min(start + u64::from(other.len())));
            if other.is_lost() && !piece.is_lost() {
                held.cut(at, stop);
                held.insert(at, part(at, stop));
                has_new = true;
            } else if !other.is_lost() && !piece.is_lost() {
                let theirs = other.part(piece_u32(at - start), piece_u32(stop - start));
                let mine = part(at, stop);
                arrival.repeated += piece_u32(stop - at);
                if sink.differ(&mine, &theirs) {
                    arrival.is_conflict = true;
                    let better = sink.better(&mine, &theirs);
                    keeps_old |= better == Some(Better::Old);
                    let by_order = (overlap == Overlap::Last).then_some(Better::New);
                    if better.or(by_order) == Some(Better::New) {
                        held.cut(at, stop);
                        held.insert(at, mine);
                    }
                }
            }
            at = stop;
        }
        if arrival.is_conflict && overlap == Overlap::Last && !keeps_old {
            // In one piece, so that segments that overlap over and over are not cut ever smaller.
            held.cut(offset, end);
            held.insert(offset, piece);
        }
        arrival.is_out_of_order = has_new && end < highest;
        arrival
    }

    #[inline]
    fn deliver(&mut self, piece: P, sink: &mut impl Sink<P>) {
        let len = piece.len();
        self.next += u64::from(len);
        self.next_sequence = self.next_sequence.wrapping_add(len);
        sink.deliver(piece);
    }

    /// Delivers what is held and needs to wait no longer.
    fn drain(&mut self, sink: &mut impl Sink<P>) {
        if !self.has(IS_ANCHORED) || self.has(IS_SUSPENDED) {
            return;
        }
        while let Some(held) = &mut self.held {
            let Some((first, _)) = held.first() else {
                self.held = None;
                return;
            };
            if *first == self.next {
                if let Some((_, piece)) = held.pop_first() {
                    self.deliver(piece, sink);
                }
            } else if *first < self.next {
                // Cannot be: what is held starts behind what was delivered.
                held.pop_first();
            } else if *first == self.next + 1 && self.is_at_fin() {
                self.pass_fin();
            } else {
                return;
            }
        }
    }

    /// Behind all bytes that have come.
    fn highest(&self) -> u64 {
        let last = self.held.as_ref().and_then(|held| held.last());
        last.map_or(self.next, |(start, piece)| start + u64::from(piece.len()))
    }

    /// Whether the next byte would have the FIN's sequence number.
    const fn is_at_fin(&self) -> bool {
        self.has(HAS_FIN) && !self.has(IS_PAST_FIN) && self.fin_sequence == self.next_sequence
    }

    /// Pieces held after the FIN move up to its place: the FIN is no byte.
    #[cold]
    fn pass_fin(&mut self) {
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.state |= IS_PAST_FIN;
        self.reference = self.next;
        for (offset, _) in self.held.iter_mut().flat_map(|held| held.iter_mut()) {
            *offset -= 1;
        }
    }

    /// Gives up gaps, the first of them first, while `wanted` says so: it is asked with the
    /// offset behind the gap, and the bytes that wait.
    fn give_up_while(&mut self, sink: &mut impl Sink<P>, mut wanted: impl FnMut(u64, u64) -> bool) {
        while let Some(held) = &self.held {
            let Some((first, _)) = held.first() else {
                break;
            };
            let missing = first.saturating_sub(self.next);
            if !wanted(*first, held.bytes) {
                break;
            }
            self.lose(missing, sink);
            self.drain(sink);
        }
    }

    fn lose(&mut self, mut missing: u64, sink: &mut impl Sink<P>) {
        while missing > 0 {
            let len = at_most_u32(missing);
            self.deliver(P::lost(len), sink);
            missing -= u64::from(len);
        }
    }
}

/// Offset of the first segment while it is not known whether the stream starts there.
const BEFORE_START: u64 = 1 << 40;
/// Bytes that must have come before a stream without a SYN is thought to start at the first of
/// them. Segments that overtake each other on the way are far closer together.
const UNANCHORED: u64 = 64 * 1024;
/// Bytes that wait for a gap before it is given up: as many as the largest windows in use let a
/// sender send before it repeats what was lost.
const MOST_HELD: u64 = 256 * 1024 * 1024;
/// The same where the receiver has said that it has the missing bytes.
const MOST_HELD_ACKNOWLEDGED: u64 = 16 * 1024 * 1024;
/// RFC 7323, section 2.3: windows have at most 30 bits.
const LARGEST_WINDOW: u64 = 1 << 30;
/// A FIN further ahead says nothing about what is missing.
const FARTHEST_FIN: u64 = 1 << 30;

#[cfg(test)]
mod tests;
