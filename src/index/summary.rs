//! What an index knows of a flow beyond its row in the flow list, and where its packets are.
//!
//! While packets are observed, one line is noted for each. Later, all lines of a gigabyte are
//! sorted by flow, so that a flow's state is in a register while its packets go by, not somewhere
//! in memory for each of them.

use super::packets::Postings;
use crate::decode::protocol::{TCP, UDP};
use crate::decode::server_name;
use crate::flow::{PacketRef, Payload};
use crate::tcp::{Candidate, Choice, Extent, Progress, Segment, Step, choose};

/// Facts about a flow beyond its row in the flow list.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Bytes after the transport headers, those that were not captured included.
    pub payload_bytes: u64,
    /// TCP segments with payload, or a SYN, that start before bytes of the same direction that were
    /// sent already: repeated in whole or in part, or late. Probes are none.
    pub retransmissions: u32,
    /// Packets that are fragments.
    pub fragments: u32,
    /// How far the connection has come: in each direction of a conversation.
    sides: [Progress; 2],
    /// The same of the connection before it.
    previous: Option<Box<[Progress; 2]>>,
    state: u8,
    first_len: u8,
    first: [u8; FIRST_LEN],
}

/// A summary, and the name of the server.
pub type NamedSummary = (Summary, Option<Box<str>>);

/// What an index has noted of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resumed<'a> {
    /// See [`Summary`].
    pub payload_bytes: u64,
    /// See [`Summary`].
    pub retransmissions: u32,
    /// See [`Summary`].
    pub fragments: u32,
    /// See [`Summary::tcp_state`].
    pub tcp_state: u8,
    /// See [`Summary::first_payload`].
    pub first_payload: &'a [u8],
    /// See [`Summary::next_seq`].
    pub next_seq: Option<u64>,
}

/// The summaries of one shard's flows, by their indices.
#[derive(Debug, Default)]
pub struct Summaries {
    all: Vec<Summary>,
    /// Names of servers, where first payloads told them, in the order of flows.
    names: Vec<(u32, Box<str>)>,
}

impl Summaries {
    /// A flow's summary, and the name of its server.
    pub fn get(&self, flow: u32) -> Option<(&Summary, Option<&str>)> {
        let summary = self.all.get(flow as usize)?;
        let name = self.names.binary_search_by_key(&flow, |(flow, _)| *flow);
        let name = name.ok().and_then(|place| self.names.get(place));
        Some((summary, name.map(|(_, name)| &**name)))
    }
}

impl Summary {
    const KNOWN: [u8; 2] = [1, 2];
    const SYN: [u8; 2] = [4, 8];
    const HANDSHAKE: u8 = 16;
    const CONVERSATION: u8 = 32;

    /// Whether a connection was established, as far as the flow's packets show.
    pub const fn has_handshake(&self) -> bool {
        self.state & Self::HANDSHAKE != 0
    }

    /// The first bytes of the first payload, if any was captured.
    pub fn first_payload(&self) -> Option<&[u8]> {
        let first = self.first.get(..usize::from(self.first_len));
        first.filter(|it| !it.is_empty())
    }

    /// Of TCP flows, the sequence number that is expected next; for conversations that of the lower
    /// endpoint in the lower half, that of the greater one in the upper half.
    pub fn next_seq(&self) -> Option<u64> {
        let is_known = self.state & (Self::KNOWN[0] | Self::KNOWN[1]) != 0;
        let [low, high] = self.sides.map(|side| side.next().unwrap_or(0));
        is_known.then(|| u64::from(low) | u64::from(high) << 32)
    }

    /// State of a connection: bits 0 and 1 for each direction's sequence numbers, 2 and 3
    /// for its SYN, 4 for the handshake, 5 for anything from the greater endpoint.
    pub const fn tcp_state(&self) -> u8 {
        self.state
    }

    /// What an index has noted of a flow, to continue from. Of a connection it has the end of what
    /// was sent and the bytes of payload, from which its initial sequence number is concluded: see
    /// [`Progress::resumed`]. Of conversations, whose payload is that of both sides, that is right
    /// for a side that sent all of it.
    pub fn resumed(known: &Resumed<'_>) -> Self {
        let [a, b, c, d, e, f, g, h] = known.next_seq.unwrap_or(0).to_le_bytes();
        let [low, high] = [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes);
        let side = |side: usize, next| {
            let has = |bits: [u8; 2]| bits.get(side).is_some_and(|bit| known.tcp_state & bit != 0);
            if has(Self::KNOWN) {
                Progress::resumed(next, has(Self::SYN), known.payload_bytes)
            } else {
                Progress::default()
            }
        };
        let mut summary = Self {
            payload_bytes: known.payload_bytes,
            retransmissions: known.retransmissions,
            fragments: known.fragments,
            sides: [side(0, low), side(1, high)],
            state: known.tcp_state,
            ..Self::default()
        };
        summary.set_first(known.first_payload);
        summary
    }

    fn set_first(&mut self, payload: &[u8]) {
        let len = payload.len().min(FIRST_LEN);
        for (place, byte) in self.first.iter_mut().zip(payload) {
            *place = *byte;
        }
        self.first_len = u8::try_from(len).unwrap_or(0);
    }

    fn add(&mut self, line: &Line) {
        self.payload_bytes += u64::from(line.payload());
        self.fragments += u32::from(line.has(Line::FRAGMENT));
        if line.has(Line::TCP) {
            self.segment(line);
        }
    }

    fn segment(&mut self, line: &Line) {
        let side = usize::from(line.has(Line::GREATER));
        let (known, syn) = (Self::KNOWN[side], Self::SYN[side]);
        if side == 1 {
            self.state |= Self::CONVERSATION;
        }
        self.state |= known;
        let segment = line.tcp_segment();
        let step = self
            .progress(side, &segment, line.payload())
            .advance(&segment, line.payload());
        self.retransmissions += u32::from(step == Step::Again);
        let is_syn = segment.has(Segment::SYN);
        if is_syn {
            self.state |= syn;
        } else if segment.has(Segment::ACK) && !segment.has(Segment::RST) {
            let both = Self::SYN[0] | Self::SYN[1];
            let seen = self.state & both;
            let is_complete = if self.state & Self::CONVERSATION != 0 {
                seen == both
            } else {
                seen != 0
            };
            if is_complete {
                self.state |= Self::HANDSHAKE;
            }
        }
    }

    /// The connection that a segment belongs to, in its direction. A line has neither time nor
    /// acknowledgment number, and what an index keeps of a side must not depend on the other one.
    fn progress(&mut self, side: usize, segment: &Segment, payload: u32) -> &mut Progress {
        let own = Candidate::alone(&self.sides[side]);
        let choice = match self.previous.as_deref() {
            Some(previous) => {
                let previous = Candidate {
                    is_superseded: true,
                    ..Candidate::alone(&previous[side])
                };
                choose(&[own, previous], segment, payload)
            }
            None => choose(&[own], segment, payload),
        };
        match (choice, &mut self.previous) {
            (Choice::Existing(1), Some(sides)) => return &mut sides[side],
            (Choice::Existing(_), _) => {}
            (Choice::Renewed(_), _) => self.sides[side] = Progress::default(),
            (Choice::Next | Choice::Unanswered(_) | Choice::Twin(_), previous) => {
                let before = std::mem::take(&mut self.sides[side]);
                // A SYN that nothing followed does not hide the connection before it.
                if before.has_payload() || previous.is_none() {
                    previous.get_or_insert_default()[side] = before;
                }
            }
        }
        &mut self.sides[side]
    }
}

/// Note of a packet.
#[derive(Clone, Copy, Debug)]
struct Line {
    flow: u32,
    /// Where its record is, from the start of the stretch.
    place: u32,
    seq: u32,
    /// Length of the payload, and what the packet is.
    what: u32,
}

impl Line {
    const SYN: u32 = 1;
    const FIN: u32 = 2;
    const ACK: u32 = 4;
    const RST: u32 = 8;
    const TCP: u32 = 16;
    const GREATER: u32 = 32;
    const FRAGMENT: u32 = 64;
    const LEN_SHIFT: u32 = 7;
    const MAX_LEN: u32 = u32::MAX >> Self::LEN_SHIFT;

    const fn has(&self, what: u32) -> bool {
        self.what & what != 0
    }

    const fn payload(&self) -> u32 {
        self.what >> Self::LEN_SHIFT
    }

    /// The segment, by what is noted of it.
    fn tcp_segment(&self) -> Segment {
        let flags = [
            (Self::SYN, Segment::SYN),
            (Self::FIN, Segment::FIN),
            (Self::ACK, Segment::ACK),
            (Self::RST, Segment::RST),
        ];
        let flags = flags.into_iter().filter(|(bit, _)| self.has(*bit));
        Segment {
            sequence: self.seq,
            flags: flags.fold(0, |all, (_, flag)| all | flag),
            ..Segment::default()
        }
    }
}

/// One shard's packets of a gigabyte of the captures, and its flows.
#[derive(Debug, Default)]
pub struct Stretch {
    lines: Vec<Line>,
    /// Whether a first payload has been met, of each flow.
    has_payload: Vec<bool>,
    summaries: Vec<Summary>,
    names: Vec<(u32, Box<str>)>,
}

impl Stretch {
    /// A flow starts.
    #[inline]
    pub fn start(&mut self) {
        self.has_payload.push(false);
        self.summaries.push(Summary::default());
    }

    /// A flow that has started is one of which something is known.
    pub fn resume(&mut self, flow: u32, summary: Summary, server_name: Option<&str>) {
        self.names
            .extend(server_name.map(|name| (flow, name.into())));
        if let Some(has_payload) = self.has_payload.get_mut(flow as usize) {
            *has_payload = summary.first_len > 0;
        }
        if let Some(place) = self.summaries.get_mut(flow as usize) {
            *place = summary;
        }
    }

    /// Forgets all packets that were noted.
    pub fn clear(&mut self) {
        self.lines.clear();
    }

    /// Notes a packet of a flow; `place` is where its record is, from the stretch's start.
    #[inline]
    pub fn add(
        &mut self,
        flow: u32,
        place: u32,
        packet: &PacketRef,
        payload: &Payload,
        window: &[u8],
    ) {
        let mut what = payload.wire_len.min(Line::MAX_LEN) << Line::LEN_SHIFT;
        if packet.is_fragment() {
            what |= Line::FRAGMENT;
        }
        if packet.protocol == TCP && payload.has_header {
            what |= tcp_bits(packet);
        }
        self.lines.push(Line {
            flow,
            place,
            seq: payload.sequence,
            what,
        });
        if payload.captured > 0
            && payload.has_header
            && self.has_payload.get(flow as usize) == Some(&false)
        {
            let start = payload.start as usize;
            let bytes = window.get(start..start + usize::from(payload.captured));
            self.first_payload(flow, packet.protocol, bytes.unwrap_or_default());
        }
    }

    #[cold]
    fn first_payload(&mut self, flow: u32, protocol: u8, payload: &[u8]) {
        let index = flow as usize;
        let (Some(seen), Some(summary)) = (
            self.has_payload.get_mut(index),
            self.summaries.get_mut(index),
        ) else {
            return;
        };
        if payload.is_empty() || !matches!(protocol, TCP | UDP) {
            return;
        }
        *seen = true;
        summary.set_first(payload);
        if protocol == TCP {
            let name = server_name(payload);
            self.names.extend(name.map(|name| (flow, name.into())));
        }
    }

    /// Takes what is noted of the packets before a place, sorted by flow; that place is the start
    /// from now on.
    pub fn take(&mut self, end: u32) -> Postings {
        let taken = self.lines.partition_point(|line| line.place < end);
        let lines = self.lines.get(..taken).unwrap_or_default();
        let order = sorted_by_flow(lines, self.summaries.len());
        let mut postings = Postings::with_capacity(taken);
        let mut rest = order.as_slice();
        let line = |&index: &u32| lines.get(index as usize);
        while let Some(first) = rest.first().and_then(line) {
            let same =
                rest.partition_point(|index| line(index).is_some_and(|it| it.flow <= first.flow));
            let (own, others) = rest.split_at(same);
            if let Some(summary) = self.summaries.get_mut(first.flow as usize) {
                own.iter()
                    .filter_map(line)
                    .for_each(|line| summary.add(line));
            }
            postings.add(
                first.flow,
                own.iter().filter_map(line).map(|line| line.place),
            );
            rest = others;
        }
        self.lines.drain(..taken);
        for line in &mut self.lines {
            line.place -= end;
        }
        postings
    }

    /// The summaries of all flows.
    pub fn into_summaries(mut self) -> Summaries {
        self.names.sort_unstable_by_key(|(flow, _)| *flow);
        Summaries {
            all: self.summaries,
            names: self.names,
        }
    }
}

/// The indices of lines, sorted by flow, those of a flow in order.
fn sorted_by_flow(lines: &[Line], flows: usize) -> Vec<u32> {
    let mut ends = vec![0_u32; flows + 1];
    for line in lines {
        if let Some(count) = ends.get_mut(line.flow as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let mut order = vec![0; lines.len()];
    for (line, index) in lines.iter().zip(0..) {
        if let Some(next) = ends.get_mut(line.flow as usize) {
            if let Some(place) = order.get_mut(*next as usize) {
                *place = index;
            }
            *next += 1;
        }
    }
    order
}

fn tcp_bits(packet: &PacketRef) -> u32 {
    let has = |flag: u16| packet.tcp_flags & flag != 0;
    let bits = [
        (has(Segment::SYN), Line::SYN),
        (has(Segment::FIN), Line::FIN),
        (has(Segment::ACK), Line::ACK),
        (has(Segment::RST), Line::RST),
        (packet.is_from_greater(), Line::GREATER),
    ];
    let set = bits.into_iter().filter(|(is_set, _)| *is_set);
    set.fold(Line::TCP, |all, (_, bit)| all | bit)
}

/// Bytes of the first payload that are kept: enough to tell protocols apart.
const FIRST_LEN: usize = 8;
