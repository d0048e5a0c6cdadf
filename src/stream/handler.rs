//! The seam between connections and a job.

use super::bytes::{PackedPosition, PayloadSpan, SpanSource};
use super::checksums::ChecksumRule;
use super::direction::DirectionInfo;
use super::table::PairTable;
use crate::capture::{Nanos, Position};
use crate::decode::Checksum;
use crate::flow::{Contents, NetworkKey, PacketRef};
use crate::number::len_u32;
use crate::tcp::{Arrival, Overlap, Segment, Step, StreamEnd};

/// A job's part of a [`Tracker`](super::Tracker): what it does with the connections of a shard.
///
/// # Order
///
/// Calls come in capture order: in the order of the packets that cause them, whatever direction
/// of a connection these belong to. Bytes that arrive early are delivered by the packet that
/// completes what is missing before them, or that makes the tracker give it up. So requests and
/// answers interleave as they did at the place of capture, and the order depends neither on windows
/// nor on threads, nor on whether the capture is a file or a pipe. Three things do depend on windows:
/// where more than a pipe's bounds of memory allow waits for gaps, gaps are given up at the end of
/// a window; of a direction whose FlowID decides, calls come until the end of the window in which it
/// opened, though it is [refused](Handler::refused) then; and its number is given to another one
/// then, so that the order at the end of the inputs may differ.
///
/// For each packet of a direction: [`Handler::packet`]; for one with a whole transport header then
/// [`Handler::segment`], what it delivers to the other direction by its acknowledgment, what it
/// delivers to its own, and [`Handler::arrived`]. At the end of the inputs what still waits is
/// delivered, direction by direction, by their numbers.
///
/// # Errors
///
/// A handler cannot fail. One that does its own I/O keeps its first error, and the job asks for it
/// at the end of the window.
///
/// # Memory
///
/// A tracker keeps what waits for a gap, within bounds, and 104 bytes for each direction besides
/// [`Handler::State`]. Payload is not copied: a [`PayloadSpan`] says where it is, and can be read
/// while the call lasts, or later if [`Handler::spans`] shows it to the tracker.
pub trait Handler: Send + Sized {
    /// State of each direction of a connection.
    type State: Default + Send + std::fmt::Debug;

    /// Which bytes count where segments overlap.
    fn overlap(&self) -> Overlap {
        Overlap::First
    }

    /// Whether bytes that came twice are compared, so that [`Arrival::is_conflict`] is known.
    fn compares(&self) -> bool {
        true
    }

    /// How checksums count. Where copies of bytes differ that wait, the tracker prefers the one whose
    /// checksum is right. Bytes that were delivered stay what they were: a handler that can replace
    /// them compares those that are [repeated](Handler::repeated), and [`PayloadSpan::checksum`].
    fn checksums(&self) -> ChecksumRule {
        ChecksumRule::Prefer
    }

    /// Whether to wait for missing bytes that the receiver has acknowledged, up to 16 MiB, because
    /// they may come later in the capture. Otherwise they are given up at once, and without a SYN a
    /// stream starts as soon as its first segment is acknowledged.
    fn waits_for_acknowledged(&self) -> bool {
        true
    }

    /// Whether spans say if the windows of their segments are scaled.
    fn needs_window_scale(&self) -> bool {
        false
    }

    /// Whether [`Handler::packet`] is to be called.
    fn sees_packets(&self) -> bool {
        true
    }

    /// A packet without a transport header may open a direction: where packets count, not payload.
    fn follows_any_packet(&self) -> bool {
        false
    }

    /// A direction of a connection opens, with its first packet.
    fn opened(&mut self, side: Side<'_, Self::State>) -> Answer {
        let _ = side;
        Answer::Continue
    }

    /// A packet of the direction.
    #[inline]
    fn packet(&mut self, side: Side<'_, Self::State>, packet: &PacketRef, contents: &Contents<'_>) {
        let _ = (side, packet, contents);
    }

    /// A TCP segment, or a datagram: before anything is delivered that it brings.
    #[inline]
    fn segment(&mut self, side: Side<'_, Self::State>, arrived: &Arrived<'_>) -> Answer {
        let _ = (side, arrived);
        Answer::Continue
    }

    /// The next bytes of the direction, from `offset` on (counted from 0, the first one after the
    /// SYN).
    fn data(&mut self, side: Side<'_, Self::State>, offset: u64, span: PayloadSpan) -> Answer;

    /// The next bytes, from `offset` on, were not captured, or given up; `time` is that of the
    /// packet that made it known.
    fn gap(&mut self, side: Side<'_, Self::State>, offset: u64, len: u32, time: Nanos) -> Answer {
        let _ = (side, offset, len, time);
        Answer::Continue
    }

    /// Bytes from `offset` on that were delivered before.
    fn repeated(&mut self, side: Side<'_, Self::State>, offset: u64, span: PayloadSpan) {
        let _ = (side, offset, span);
    }

    /// A checksum was looked at, as copies of bytes that wait differ.
    fn checked(&mut self, side: Side<'_, Self::State>, checksum: Checksum) {
        let _ = (side, checksum);
    }

    /// The segment of [`Handler::segment`] has been worked in. Not called for segments without
    /// payload, SYN, FIN or RST, for probes, and after an answer other than [`Answer::Continue`].
    #[inline]
    fn arrived(&mut self, side: Side<'_, Self::State>, arrival: &Arrival) {
        let _ = (side, arrival);
    }

    /// The direction has ended: its FIN was reached, or the inputs end. Called once. Segments may
    /// follow, data only where the sender continued after its FIN.
    fn ended(&mut self, side: Side<'_, Self::State>, end: StreamEnd) {
        let _ = (side, end);
    }

    /// The direction's FlowID has decided that it is not wanted: nothing more will come.
    fn refused(&mut self, state: &mut Self::State) {
        *state = Self::State::default();
    }

    /// What seemed to start another connection is part of this one: a SYN that nobody answered, or
    /// copies of its packets from another network. `state` is what the handler kept for it; nothing
    /// was delivered for it, but packets and segments were shown.
    fn absorbed(&mut self, side: Side<'_, Self::State>, state: Self::State) {
        let _ = (side, state);
    }

    /// The spans that a state keeps to read them later.
    fn spans(state: &mut Self::State) -> impl Iterator<Item = &mut PayloadSpan> {
        let _ = state;
        std::iter::empty()
    }
}

/// The work still to be done for a connection, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// All.
    #[default]
    Continue,
    /// Its payload is not needed any more: nothing is held back or delivered, packets and segments
    /// still come.
    Stop,
    /// Nothing: its states are dropped, no call comes for it any more. It is only followed to tell
    /// it from later connections between the same endpoints.
    Forget,
}

/// The direction that a handler is called for.
#[derive(Debug)]
pub struct Side<'a, S> {
    /// Its index in the tracker's [directions](super::Tracker::directions).
    pub number: u32,
    /// Facts about it.
    pub info: &'a DirectionInfo,
    /// What the handler keeps for it.
    pub state: &'a mut S,
    /// What the handler keeps for the other direction, if that has been seen.
    pub peer: Option<&'a mut S>,
    /// Where spans are read.
    pub source: SpanSource<'a>,
    pub(super) pairs: &'a PairTable,
    pub(super) packet: Option<PackedPosition>,
}

impl<S> Side<'_, S> {
    /// The same for another call.
    pub fn reborrow(&mut self) -> Side<'_, S> {
        Side {
            state: &mut *self.state,
            peer: self.peer.as_deref_mut(),
            ..*self
        }
    }

    /// Where the captured bytes of the packet are that causes the call.
    pub(crate) fn record(&self, packet: &PacketRef, contents: &Contents<'_>) -> PayloadSpan {
        let len = len_u32(contents.data.len());
        let missing = packet.wire_len.saturating_sub(len);
        let data = self.source.base.after(contents.data_start.into());
        PayloadSpan::record(data, len, missing, packet.time)
    }

    /// Addresses and ports of the direction, seen from its sender.
    pub fn network(&self) -> NetworkKey {
        let pair = self.pairs.get(self.info.pair);
        pair.map_or_else(NetworkKey::default, |it| it.network(self.info.is_reverse()))
    }

    /// Where the record of the packet starts that causes the call; `None` where none does: at the
    /// end of the inputs, and where gaps are given up to keep memory bounded.
    pub fn packet(&self) -> Option<Position> {
        self.packet.map(PackedPosition::unpack)
    }
}

/// A TCP segment or a datagram that has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// The header, if it is a TCP segment.
    pub tcp: Option<&'a Segment>,
    /// Length of its payload on the wire, in bytes.
    pub payload: u32,
    /// How it advances its direction.
    pub step: Step,
    /// The packet that brought it, and its contents.
    pub packet: &'a PacketRef,
    /// See above.
    pub contents: &'a Contents<'a>,
}
