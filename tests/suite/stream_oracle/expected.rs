//! What is to be found in a plan's capture: slow, and obvious.

use super::connection::PLACES;
use super::packet::Packet;
use super::plan::Plan;
use crate::common::program::Row;
use pcap_flows::jobs::streams::Gaps;
use pcap_flows::tcp::Overlap;
use std::collections::{BTreeMap, BTreeSet};
use testkit::conversation::{ACK, CLIENT, Ends, FIN, RST, SYN, Segment};

impl Plan {
    /// The streams that are in it.
    pub(super) fn expected(&self, overlap: Overlap) -> Vec<Expected> {
        let mut streams: BTreeMap<(usize, usize), Expected> = BTreeMap::new();
        let mut tries: BTreeMap<usize, Tries> = BTreeMap::new();
        for packet in self.rounds.iter().flatten() {
            if packet.captured().is_some() {
                let tries = tries.entry(packet.connection).or_default();
                tries.packet(packet.side, packet.segment.flags);
            }
            let stream = streams.entry((packet.connection, packet.side));
            stream.or_default().packet(packet, overlap);
        }
        // Of which connections anything was captured, and which were reset.
        let captured: BTreeSet<usize> = streams.keys().map(|(number, _)| *number).collect();
        let reset = tries.iter().filter(|(_, it)| it.is_reset);
        let reset: BTreeSet<usize> = reset.map(|(number, _)| *number).collect();
        for (&(number, side), stream) in &mut streams {
            let place = self.connections[number].place;
            let is_here = |it: &&usize| self.connections[**it].place == place;
            let ends = PLACES[place];
            stream.ends = if side == 0 { ends } else { ends.reversed() };
            stream.connection = captured.range(..=number).filter(is_here).count();
            stream.is_reset = reset.contains(&number);
            stream.sent = self.connections[number].sides[side].content();
            if stream.flags & SYN == 0 {
                // Nobody knows what was in front of the first byte.
                let first = stream.bytes.iter().position(Option::is_some);
                stream.bytes.drain(..first.unwrap_or(stream.bytes.len()));
            }
        }
        streams.into_values().collect()
    }
}

/// Whether a connection was reset. A SYN repeated after a refusal, and before anything else, is
/// another attempt.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    is_reset: bool,
    has_syn: [bool; 2],
    /// Whether each side sent more than SYN and RST.
    has_taken_part: [bool; 2],
}

impl Tries {
    fn packet(&mut self, side: usize, flags: u8) {
        let is_refused = self.has_taken_part == [false; 2] && !self.has_syn[1 - side];
        if flags & (SYN | ACK) == SYN && self.has_syn[side] && is_refused {
            self.is_reset = false;
        }
        self.is_reset |= flags & RST != 0;
        self.has_syn[side] |= flags & SYN != 0;
        self.has_taken_part[side] |= flags & (SYN | RST) == 0;
    }
}

/// What is to be found of a stream.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    ends: Ends,
    connection: usize,
    /// Its bytes, as far as anything is known of them; `None` for those that were not captured.
    pub(super) bytes: Vec<Option<u8>>,
    /// Segments with a byte that differs from the one that counts.
    conflicts: usize,
    /// All flags that were seen.
    flags: u8,
    has_payload: bool,
    is_reset: bool,
    /// What was sent.
    pub(super) sent: Vec<u8>,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            ends: CLIENT,
            connection: 0,
            bytes: Vec::new(),
            conflicts: 0,
            flags: 0,
            has_payload: false,
            is_reset: false,
            sent: Vec::new(),
        }
    }
}

impl Expected {
    fn packet(&mut self, packet: &Packet, overlap: Overlap) {
        let Some(captured) = packet.captured() else {
            return;
        };
        let Segment { flags, payload, .. } = &packet.segment;
        self.flags |= flags;
        if payload.is_empty() && flags & FIN == 0 {
            return;
        }
        self.has_payload |= !payload.is_empty();
        if payload.len() == 1 && flags & (SYN | FIN | RST) == 0 && self.is_last(packet.offset) {
            return;
        }
        let end = packet.offset + payload.len();
        self.bytes.resize(self.bytes.len().max(end), None);
        let mut is_conflict = false;
        let places = self.bytes[packet.offset..].iter_mut();
        for (place, &byte) in places.zip(&payload[..captured]) {
            is_conflict |= place.is_some_and(|known| known != byte);
            if place.is_none() || overlap == Overlap::Last {
                *place = Some(byte);
            }
        }
        self.conflicts += usize::from(is_conflict);
    }

    /// Whether a byte is the last one, or the last one in front of what is missing. Single bytes
    /// for such places are keep-alive probes: they ask for an answer, whatever they are.
    fn is_last(&self, place: usize) -> bool {
        let gap = self.bytes.iter().position(Option::is_none);
        let last = self.bytes.iter().rposition(Option::is_some);
        place + 1 == gap.unwrap_or(self.bytes.len()) || Some(place) == last
    }

    /// Stretches of bytes that were captured, or were not: where each starts, and its bytes.
    fn runs(&self, is_captured: bool) -> Vec<(usize, Vec<u8>)> {
        let mut place = 0;
        let mut runs = Vec::new();
        for run in self.bytes.chunk_by(|a, b| a.is_some() == b.is_some()) {
            if run[0].is_some() == is_captured {
                runs.push((place, run.iter().map(|byte| byte.unwrap_or(0)).collect()));
            }
            place += run.len();
        }
        runs
    }

    /// Its files.
    pub(super) fn files(&self, gaps: Gaps) -> Vec<(String, Vec<u8>)> {
        let mut name = self.ends.name("tcp");
        if self.connection > 1 {
            name = format!("{name}.{}", self.connection);
        }
        let whole: Vec<u8> = match gaps {
            Gaps::Skip => self.bytes.iter().copied().flatten().collect(),
            Gaps::Zero => self.bytes.iter().map(|byte| byte.unwrap_or(0)).collect(),
            Gaps::Split => {
                let gaps = self.runs(false);
                let number = |place| gaps.iter().filter(|(start, _)| *start < place).count();
                let runs = self.runs(true).into_iter();
                let named = runs.map(|(place, run)| match number(place) {
                    0 => (name.clone(), run),
                    number => (format!("{name}.gap{number}"), run),
                });
                return named.collect();
            }
        };
        let is_there = !whole.is_empty();
        is_there.then_some((name, whole)).into_iter().collect()
    }

    /// Its row in the manifest.
    pub(super) fn row(&self, gaps: Gaps) -> Row {
        let lost = self.runs(false);
        let gap_list: Vec<String> = lost
            .iter()
            .map(|(place, run)| format!("{place}+{}", run.len()))
            .collect();
        let end = match self.flags & FIN {
            0 if self.is_reset => "rst",
            0 => "open",
            _ => "fin",
        };
        let mut files = self.files(gaps).into_iter();
        let file = files.next().map_or_else(String::new, |(name, _)| name);
        let is_ipv6 = self.ends.is_ipv6;
        let prefix = if is_ipv6 { "2001:db8::" } else { "10.0.0." };
        let address = |host: u8| format!("{prefix}{host}");
        let is_midstream = self.has_payload && self.flags & SYN == 0;
        let columns = [
            ("protocol", "tcp".to_owned()),
            ("src_ip", address(self.ends.hosts.0)),
            ("src_port", self.ends.ports.0.to_string()),
            ("dst_ip", address(self.ends.hosts.1)),
            ("dst_port", self.ends.ports.1.to_string()),
            ("connection", self.connection.to_string()),
            ("bytes", self.bytes.iter().flatten().count().to_string()),
            ("conflicts", self.conflicts.to_string()),
            ("gaps", lost.len().to_string()),
            ("gap_list", gap_list.join(" ")),
            ("late_bytes", "0".to_owned()),
            ("midstream", is_midstream.to_string()),
            ("end", end.to_owned()),
            ("file", file),
        ];
        columns.map(|(name, text)| (name.to_owned(), text)).into()
    }
}
