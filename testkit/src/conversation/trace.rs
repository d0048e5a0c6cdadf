//! Packets in the order in which they are captured.

use crate::pcap::{Pcap, START_S};

/// Packets as they are captured: one each microsecond.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    packets: Vec<Taken>,
    /// What passes before the next packet, in ms.
    pause: u64,
}

/// A packet, and its length before it was truncated.
#[derive(Clone, Debug)]
struct Taken {
    frame: Vec<u8>,
    wire_len: usize,
    /// What passes before it besides the usual microsecond, in ms.
    pause: u64,
}

impl Trace {
    /// A trace of these frames.
    pub fn of<F: Into<Vec<u8>>>(frames: impl IntoIterator<Item = F>) -> Self {
        let mut trace = Self::default();
        frames.into_iter().for_each(|frame| trace.add(frame));
        trace
    }

    /// Adds a packet.
    pub fn add(&mut self, frame: impl Into<Vec<u8>>) {
        self.add_cut(frame, usize::MAX);
    }

    /// Adds a packet whose first `snaplen` bytes are captured.
    pub fn add_cut(&mut self, frame: impl Into<Vec<u8>>, snaplen: usize) {
        let mut frame = frame.into();
        let wire_len = frame.len();
        frame.truncate(snaplen);
        self.packets.push(Taken {
            frame,
            wire_len,
            pause: std::mem::take(&mut self.pause),
        });
    }

    /// Nothing is captured for this long.
    pub fn pause_ms(&mut self, pause: u64) {
        self.pause += pause;
    }

    /// Consecutive traces.
    pub fn chained(traces: impl IntoIterator<Item = Self>) -> Self {
        Self {
            packets: traces.into_iter().flat_map(|it| it.packets).collect(),
            pause: 0,
        }
    }

    /// One packet of each in turn.
    #[must_use]
    pub fn mixed(traces: &[Self]) -> Self {
        let longest = traces.iter().map(|it| it.packets.len()).max();
        let turns = 0..longest.unwrap_or(0);
        let turn = |at: usize| traces.iter().filter_map(move |it| it.packets.get(at));
        Self {
            packets: turns.flat_map(turn).cloned().collect(),
            pause: 0,
        }
    }

    /// Each packet twice in a row.
    #[must_use]
    pub fn doubled(&self) -> Self {
        Self::mixed(&[self.clone(), self.clone()])
    }

    /// The trace in parts of `count` packets each.
    #[must_use]
    pub fn cut(&self, count: usize) -> Vec<Self> {
        let part = |packets: &[Taken]| Self {
            packets: packets.to_vec(),
            pause: 0,
        };
        self.packets.chunks(count).map(part).collect()
    }

    /// Time of a packet in nanoseconds since 1970, where there were no pauses.
    ///
    /// # Panics
    ///
    /// If there is no such time.
    #[must_use]
    pub fn time_ns(index: usize) -> i64 {
        i64::from(START_S) * 1_000_000_000 + i64::try_from(index).unwrap() * 1000
    }

    /// The capture as a pcap file.
    ///
    /// # Panics
    ///
    /// If a packet is longer than a record can say.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let mut file = Pcap::COMMON.file_header();
        let mut paused = 0;
        for (index, packet) in self.packets.iter().enumerate() {
            paused += i64::try_from(packet.pause).unwrap() * 1000;
            let micros = Self::time_ns(index) / 1000 + paused;
            let part = |number: i64| u32::try_from(number).unwrap();
            let time = (part(micros / 1_000_000), part(micros % 1_000_000));
            let wire_len = u32::try_from(packet.wire_len).unwrap();
            file.extend(Pcap::COMMON.record(time, wire_len, &packet.frame));
        }
        file
    }
}
