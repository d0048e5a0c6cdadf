//! Which packets of connections were captured, in which order.

use super::connection::{Connection, Weather, any_connection};
use super::packet::Packet;
use proptest::prelude::*;
use std::fmt;
use testkit::pcap::Pcap;

/// Connections that come one after the other, and at the same time.
pub(super) fn any_plan(weather: Weather) -> impl Strategy<Value = Plan> {
    let round = prop::collection::vec(any_connection(weather), 1..4);
    let rounds = prop::collection::vec(round, 1..4);
    (rounds, prop::bool::weighted(0.2)).prop_map(move |(rounds, clock_jumps)| Plan {
        clock_jumps,
        ..Plan::new(rounds, weather)
    })
}

#[derive(Clone)]
pub(super) struct Plan {
    pub(super) connections: Vec<Connection>,
    /// In the order of capture. Connections at the same place are in different rounds.
    pub(super) rounds: Vec<Vec<Packet>>,
    /// Times go back now and then.
    clock_jumps: bool,
}

/// Short enough to be read: the packets, in order.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clock jumps: {}", self.clock_jumps)?;
        for (number, round) in self.rounds.iter().enumerate() {
            for packet in round {
                let place = self.connections[packet.connection].place;
                write!(f, "\nround {number}, place {place}, {packet:?}")?;
            }
        }
        Ok(())
    }
}

impl Plan {
    fn new(rounds: Vec<Vec<Connection>>, weather: Weather) -> Self {
        let mut plan = Self {
            connections: Vec::new(),
            rounds: Vec::new(),
            clock_jumps: false,
        };
        for round in rounds {
            let mut packets: Vec<(u32, Packet)> = Vec::new();
            let before = plan.connections.len();
            for mut connection in round {
                let is_here = |it: &&Connection| it.place == connection.place;
                if plan.connections[before..].iter().any(|it| is_here(&it)) {
                    continue;
                }
                let earlier: Vec<&Connection> = plan.connections.iter().filter(is_here).collect();
                connection.settle(&earlier, weather);
                packets.extend(connection.packets(plan.connections.len()));
                plan.connections.push(connection);
            }
            packets.sort_by_key(|(order, _)| *order);
            let packets = packets.into_iter().map(|(_, packet)| packet);
            plan.rounds.push(packets.collect());
        }
        plan
    }

    /// The same, with whole copies of some packets that are cut: right in front of these, or
    /// right behind.
    pub(super) fn repaired(mut self, is_first: bool) -> Self {
        for round in &mut self.rounds {
            for packet in std::mem::take(round) {
                let mut copy = packet.clone();
                copy.touch.cut = None;
                let is_repaired = packet.cut() > 0 && packet.touch.order % 2 == 0;
                match (is_repaired, is_first) {
                    (false, _) => round.push(packet),
                    (true, true) => round.extend([copy, packet]),
                    (true, false) => round.extend([packet, copy]),
                }
            }
        }
        self
    }

    /// The capture.
    pub(super) fn file(&self) -> Vec<u8> {
        let mut capture = Capture {
            clock_jumps: self.clock_jumps,
            ..Capture::default()
        };
        let mut id = 0_u16;
        for round in &self.rounds {
            let mut frames = Vec::new();
            for (number, packet) in round.iter().enumerate() {
                id = id.wrapping_add(1);
                for (late, frame) in packet.frames(id) {
                    frames.push((number + late, frame, packet.cut()));
                }
            }
            frames.sort_by_key(|(number, ..)| *number);
            for (_, frame, cut) in frames {
                capture.add(&frame, cut);
            }
        }
        capture.file
    }
}

/// A file that is being written: a packet each microsecond.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) file: Vec<u8>,
    packets: u32,
    clock_jumps: bool,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            file: Pcap::COMMON.file_header(),
            packets: 0,
            clock_jumps: false,
        }
    }
}

impl Capture {
    /// Adds a frame of which `cut` bytes are not captured.
    pub(super) fn add(&mut self, frame: &[u8], cut: usize) {
        let wire_len = u32::try_from(frame.len()).unwrap();
        let captured = &frame[..frame.len() - cut];
        let is_ahead = self.clock_jumps && self.packets.is_multiple_of(3);
        let time = (1_700_000_000, self.packets + if is_ahead { 5 } else { 0 });
        self.file
            .extend(Pcap::COMMON.record(time, wire_len, captured));
        self.packets += 1;
    }

    pub(super) fn last_time_ns(&self) -> i64 {
        (1_700_000_000_000_000 + i64::from(self.packets) - 1) * 1000
    }
}
