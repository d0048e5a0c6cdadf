//! What is counted of one side of a connection.

use super::analysis::{Analysis, Numbers};
use super::coverage::Coverage;
use super::flight::Flight;
use super::history::End;
use super::options::SackBlocks;
use super::samples::Samples;
use crate::number::modulo_u32;

/// A moment: a time in nanoseconds since 1970, and the packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// The packet's ordinal in the run, from 1.
    pub packet: u64,
}

/// What one side has sent, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets.
    pub packets: u64,
    /// Their length on the wire.
    pub bytes: u64,
    /// Payload, whatever comes again counted again.
    pub payload_bytes: u64,
    /// Payload, each byte once.
    pub unique_bytes: u64,
    /// Packets with payload.
    pub data_packets: u64,
    /// Packets with an acknowledgment, and with neither payload nor SYN, FIN, RST.
    pub pure_acks: u64,
    /// Packets with PSH.
    pub pushes: u64,
    /// The most payload in one of the stretches of 100 ms from its first data on.
    pub most_in_100_ms: u64,
    /// Times of the first and the last packet with payload.
    pub data: Option<(i64, i64)>,
    /// Time of the first FIN.
    pub fin: Option<i64>,
    /// The longest payload.
    pub max_segment: u32,
    /// The most bytes in flight.
    pub max_in_flight: u32,
    /// Packets with SYN.
    pub syns: u32,
    /// Packets with FIN.
    pub fins: u32,
    /// Packets with RST.
    pub rsts: u32,
    /// The least and the greatest window of packets without SYN and RST, as headers have it.
    pub window: Option<(u16, u16)>,
}

/// What most connections have little of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    /// Time of the first RST.
    pub rst: Option<i64>,
    /// Packets with URG.
    pub urgent: u64,
    /// Packets with ECE.
    pub ece: u64,
    /// Packets with CWR.
    pub cwr: u64,
    /// Segments that are longer than the other side's MSS: offloading, at the place of capture.
    pub above_mss: u64,
    /// Packets that were captured before.
    pub duplicates: u64,
    /// See [`Analysis`].
    pub keep_alives: u64,
    /// See [`Analysis`].
    pub keep_alive_acks: u64,
    /// See [`Analysis`].
    pub zero_window_probes: u64,
    /// See [`Analysis`].
    pub zero_window_probe_acks: u64,
    /// See [`Analysis`].
    pub spurious_retransmissions: u64,
    /// See [`Analysis`].
    pub fast_retransmissions: u64,
    /// See [`Analysis`].
    pub out_of_order: u64,
    /// All kinds of retransmissions.
    pub retransmissions: u64,
    /// See [`Analysis`].
    pub lost_segments: u64,
    /// See [`Analysis`].
    pub acked_unseen: u64,
    /// See [`Analysis`].
    pub dup_acks: u64,
    /// See [`Analysis`].
    pub window_updates: u64,
    /// See [`Analysis`].
    pub window_full: u64,
    /// See [`Analysis`].
    pub zero_windows: u64,
    /// Repeats of bytes that were captured before: lost after the place of capture, or the
    /// acknowledgment was.
    pub lost_downstream: u64,
    /// Late bytes that fill a hole: lost before the place of capture.
    pub lost_upstream: u64,
    /// From the first transmission to each repetition, summed.
    pub retransmission_delay_ns: i64,
    /// The longest of these.
    pub rto_max_ns: i64,
    /// Episodes of a closed window.
    pub zero_window_episodes: u64,
    /// How long the window was closed.
    pub zero_window_ns: i64,
    /// The longest episode, and its first packet.
    pub zero_window_max_ns: i64,
    /// See above.
    pub zero_window_max_packet: u64,
    /// When its window closed, if it is closed.
    closed: Option<Moment>,
}

impl Anomalies {
    fn note(&mut self, found: Analysis) {
        let counts = [
            (Analysis::KEEP_ALIVE, &mut self.keep_alives),
            (Analysis::KEEP_ALIVE_ACK, &mut self.keep_alive_acks),
            (Analysis::ZERO_WINDOW_PROBE, &mut self.zero_window_probes),
            (
                Analysis::ZERO_WINDOW_PROBE_ACK,
                &mut self.zero_window_probe_acks,
            ),
            (
                Analysis::SPURIOUS_RETRANSMISSION,
                &mut self.spurious_retransmissions,
            ),
            (
                Analysis::FAST_RETRANSMISSION,
                &mut self.fast_retransmissions,
            ),
            (Analysis::OUT_OF_ORDER, &mut self.out_of_order),
            (Analysis::RETRANSMISSION, &mut self.retransmissions),
            (Analysis::LOST_SEGMENT, &mut self.lost_segments),
            (Analysis::ACKED_UNSEEN, &mut self.acked_unseen),
            (Analysis::DUPLICATE_ACK, &mut self.dup_acks),
            (Analysis::WINDOW_UPDATE, &mut self.window_updates),
            (Analysis::WINDOW_FULL, &mut self.window_full),
            (Analysis::ZERO_WINDOW, &mut self.zero_windows),
        ];
        for (flag, count) in counts {
            *count += u64::from(found.has(flag));
        }
    }

    /// Adds what a segment that repeats bytes took.
    pub(super) fn note_delay(&mut self, delay: i64) {
        self.retransmission_delay_ns = self.retransmission_delay_ns.saturating_add(delay);
        self.rto_max_ns = self.rto_max_ns.max(delay);
    }

    /// Counts an episode of a closed window, from its first packet until a time.
    fn note_episode(&mut self, from: Moment, until: i64) {
        let lasted = until.saturating_sub(from.time).max(0);
        self.zero_window_episodes += 1;
        self.zero_window_ns = self.zero_window_ns.saturating_add(lasted);
        if lasted > self.zero_window_max_ns || self.zero_window_episodes == 1 {
            self.zero_window_max_ns = lasted;
            self.zero_window_max_packet = from.packet;
        }
    }
}

/// Options and numbers of a side's last SYN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Initial sequence number.
    pub isn: u32,
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window shift.
    pub window_scale: Option<u8>,
    /// Selective acknowledgments.
    pub sack_permitted: bool,
    /// Time stamps.
    pub timestamps: bool,
    /// Explicit congestion notification: ECE and CWR in a SYN, ECE in a SYN-ACK.
    pub ecn: bool,
}

/// The state of one side.
#[derive(Clone, Debug, Default)]
pub(super) struct SideState {
    pub(super) numbers: Numbers,
    pub(super) flight: Flight,
    pub(super) counts: Counts,
    anomalies: Option<Box<Anomalies>>,
    /// Of its last SYN.
    pub(super) offer: Option<Offer>,
    /// Blocks of its last segment.
    pub(super) sack: SackBlocks,
    pub(super) coverage: Coverage,
    /// Round trips of what this side sent.
    pub(super) rtt: Samples,
    pub(super) end: End,
    /// The current stretch of 100 ms, and its payload.
    stretch: (i64, u64),
    recent: Recent,
}

impl SideState {
    /// What is rare, to be counted.
    #[cold]
    pub(super) fn anomalies(&mut self) -> &mut Anomalies {
        self.anomalies.get_or_insert_default()
    }

    /// What is rare, as it is if nothing follows `time`.
    pub(super) fn anomalies_until(&self, time: i64) -> Anomalies {
        let mut found = self.anomalies.as_deref().copied().unwrap_or_default();
        if let Some(closed) = found.closed {
            found.note_episode(closed, time);
        }
        found
    }

    /// Counts a window without SYN and RST.
    pub(super) fn note_window(&mut self, window: u16, is_control: bool, at: Moment) {
        let (least, most) = self.counts.window.unwrap_or((window, window));
        self.counts.window = Some((least.min(window), most.max(window)));
        if window == 0 && !is_control {
            self.anomalies().closed.get_or_insert(at);
        } else if window > 0
            && let Some(anomalies) = &mut self.anomalies
            && let Some(closed) = anomalies.closed.take()
        {
            anomalies.note_episode(closed, at.time);
        }
    }

    /// Counts payload.
    pub(super) fn note_data(&mut self, payload: u32, time: i64) {
        let counts = &mut self.counts;
        counts.data_packets += 1;
        counts.payload_bytes += u64::from(payload);
        counts.max_segment = counts.max_segment.max(payload);
        let (first, _) = counts.data.unwrap_or((time, time));
        counts.data = Some((first, time));
        let stretch = time.saturating_sub(first) / STRETCH_NS;
        if stretch != self.stretch.0 {
            self.stretch = (stretch, 0);
        }
        self.stretch.1 += u64::from(payload);
        counts.most_in_100_ms = counts.most_in_100_ms.max(self.stretch.1);
    }

    /// Counts what the analysis of a segment says.
    #[inline]
    pub(super) fn note_analysis(&mut self, found: Analysis) {
        if found != Analysis::default() {
            self.anomalies().note(found);
        }
    }

    /// Whether a packet with this print was captured before, within 2 ms.
    pub(super) fn is_copy(&mut self, print: u32, time: i64) -> bool {
        let time = modulo_u32(time.cast_unsigned() >> 10);
        self.recent.has(print, time) || {
            self.recent.push(print, time);
            false
        }
    }
}

/// The last packets that were no copies: a part of their prints, and of their times.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    prints: [u32; 4],
    /// In units of 1,024 ns; they come around after more than an hour.
    times: [u32; 4],
    next: u8,
    len: u8,
}

impl Recent {
    fn has(&self, print: u32, time: u32) -> bool {
        let all = self.prints.iter().zip(&self.times).take(self.len.into());
        let mut same = all.filter(|(it, _)| **it == print);
        same.any(|(_, it)| time.wrapping_sub(*it).cast_signed().unsigned_abs() <= COPIED)
    }

    fn push(&mut self, print: u32, time: u32) {
        let place = usize::from(self.next & 3);
        let slot = self.prints.get_mut(place).zip(self.times.get_mut(place));
        if let Some(slot) = slot {
            (*slot.0, *slot.1) = (print, time);
        }
        self.next = self.next.wrapping_add(1);
        if self.len < 4 {
            self.len += 1;
        }
    }
}

/// A packet that was captured twice comes within this time: 2 ms, in units of 1,024 ns.
const COPIED: u32 = 1953;
/// Throughput is measured over this time.
const STRETCH_NS: i64 = 100_000_000;
