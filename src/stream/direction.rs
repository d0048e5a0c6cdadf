//! One direction of a connection.

use super::bytes::PayloadSpan;
use super::wanted::Verdict;
use crate::capture::Nanos;
use crate::decode::protocol;
use crate::tcp::{Extent, Reassembler, StreamEnd};

/// The index of no direction, no pair.
pub(crate) const NONE: u32 = u32::MAX;

/// One direction of a connection; of UDP, of all datagrams between two endpoints.
#[derive(Debug)]
pub struct Direction<S> {
    pub(crate) tcp: Reassembler<PayloadSpan>,
    /// What does not depend on the handler.
    pub info: DirectionInfo,
    /// What the handler keeps.
    pub state: S,
}

/// Facts about a direction, whatever its handler keeps.
#[derive(Clone, Copy, Debug)]
pub struct DirectionInfo {
    /// The earliest time of a packet.
    pub first: Nanos,
    /// The latest time of a packet.
    pub last: Nanos,
    /// The time of its first packet in the capture: names do not change when clocks jump.
    pub started: Nanos,
    /// The shard's index of the flow of its first packet.
    pub flow: u32,
    /// From 1 for each pair of endpoints.
    pub connection: u32,
    /// The endpoints that it is between.
    pub(super) pair: u32,
    /// The other direction of the connection, if it has been seen.
    pub(super) peer: u32,
    /// The last acknowledgment number that was sent.
    pub(super) acknowledged: u32,
    /// The sequence number of the last reset that it sent.
    pub(super) reset: u32,
    /// The sequence number of the first data that came, and the print of their segment.
    pub(super) first_data: u32,
    pub(super) first_print: u32,
    /// The quick print of the last segment with data.
    pub(super) last_print: u32,
    pub(super) flags: u16,
    /// Shift of the window, as the SYN of this side has it, or [`UNSCALED`].
    pub(super) window_scale: u8,
    pub(crate) verdict: Verdict,
}

const _: () = assert!(
    size_of::<Direction<()>>() == 104,
    "two for each connection that is followed"
);

/// It goes from the greater endpoint of its pair to the lower one.
pub(super) const IS_REVERSE: u16 = 1;
/// An acknowledgment number was sent.
pub(super) const HAS_ACKNOWLEDGED: u16 = 2;
/// The connection was reset, by either side.
pub(super) const WAS_RESET: u16 = 4;
/// It is in the list of those for which anything came in this window.
pub(super) const IS_TOUCHED: u16 = 8;
/// The handler wants no payload of it.
pub(super) const IS_STOPPED: u16 = 16;
/// The handler wants nothing of it.
pub(super) const IS_FORGOTTEN: u16 = 32;
/// The handler knows that it has ended.
pub(super) const HAS_ENDED: u16 = 64;
/// It is of UDP, not of TCP.
pub(super) const IS_UDP: u16 = 128;
/// It sent the reset.
pub(super) const HAS_RESET: u16 = 256;
/// Its flow has ended: what comes later is of another connection.
pub(super) const IS_OVER: u16 = 512;
/// Its connection is not confirmed yet: nothing is delivered.
pub(super) const IS_UNCONFIRMED: u16 = 1024;
/// Data came.
pub(super) const HAS_DATA: u16 = 2048;
/// Sent a segment that neither opens nor resets a connection.
pub(super) const HAS_TAKEN_PART: u16 = 4096;
/// No SYN of this side has a window scale option.
pub(super) const UNSCALED: u8 = u8::MAX;

impl DirectionInfo {
    pub(super) const fn new(flow: u32, pair: u32, connection: u32, verdict: Verdict) -> Self {
        Self {
            first: Nanos::MAX,
            last: Nanos::MIN,
            started: Nanos(0),
            flow,
            connection,
            pair,
            peer: NONE,
            acknowledged: 0,
            reset: 0,
            first_data: 0,
            first_print: 0,
            last_print: 0,
            flags: 0,
            window_scale: UNSCALED,
            verdict,
        }
    }

    /// Notes when a packet was captured.
    pub(super) fn note_time(&mut self, time: Nanos) {
        if self.first > self.last {
            self.started = time;
        }
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn set(&mut self, flag: u16, is_set: bool) {
        if is_set {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }

    /// Whether it goes from the greater endpoint of its pair to the lower one: the other direction
    /// of the connection goes the other way.
    pub fn is_reverse(&self) -> bool {
        self.has(IS_REVERSE)
    }

    /// Whether the handler is to see what comes: it is wanted, or its FlowID will decide, and the
    /// handler has not had enough.
    pub(super) fn is_followed(&self) -> bool {
        self.verdict != Verdict::Refused && !self.has(IS_FORGOTTEN)
    }

    /// IP protocol: TCP or UDP.
    pub fn protocol(&self) -> u8 {
        if self.has(IS_UDP) {
            protocol::UDP
        } else {
            protocol::TCP
        }
    }

    /// Shift of the window, as the SYN of this side offers it; 0 for none.
    pub fn window_scale(&self) -> u8 {
        if self.window_scale == UNSCALED {
            0
        } else {
            self.window_scale
        }
    }

    /// Whether its connection is not confirmed yet: it may turn out to be part of another one.
    /// Nothing is delivered for it until then.
    pub fn is_unconfirmed(&self) -> bool {
        self.has(IS_UNCONFIRMED)
    }
}

impl<S> Direction<S> {
    pub(super) fn new(info: DirectionInfo, state: S) -> Self {
        Self {
            tcp: Reassembler::default(),
            info,
            state,
        }
    }

    /// A direction that nothing belongs to.
    pub(crate) fn nothing(state: S) -> Self {
        Self::new(DirectionInfo::new(NONE, NONE, 0, Verdict::Refused), state)
    }

    /// How it has ended so far.
    pub fn end(&self) -> StreamEnd {
        if self.tcp.has_fin() {
            StreamEnd::Fin
        } else if self.info.has(WAS_RESET) {
            StreamEnd::Rst
        } else {
            StreamEnd::Open
        }
    }

    /// Whether it was captured from its middle on: payload, but no SYN. Of TCP.
    pub fn is_midstream(&self) -> bool {
        self.tcp.has_payload() && self.tcp.initial_sequence().is_none()
    }
}
