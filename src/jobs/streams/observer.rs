//! A shard's packets go to their streams.

mod segments;

use super::options::{StreamRules, TCP};
use super::payload::{Captures, Kept, Payload, Position, Source};
use super::stream::{Delivery, NONE, Stream, Verdict};
use crate::capture::{ByteOrder, Nanos};
use crate::error::Error;
use crate::flow::{Contents, FlowKey, NetworkKey, Observer, PacketRef, Transport};
use crate::tcp::{Arrival, Reassembler};
use hashbrown::HashTable;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The streams of one shard.
#[derive(Debug)]
pub struct StreamObserver {
    pub(super) rules: Arc<StreamRules>,
    pub(super) window: WindowPlace,
    /// For each flow: the index of its pair, twice, and 1 if it goes from the pair's greater
    /// endpoint to the lower one; [`NONE`] for flows that are not wanted.
    flows: Vec<u32>,
    pub(super) pairs: Vec<Pair>,
    /// Finds a pair by its endpoints.
    numbers: HashTable<u32>,
    hasher: RandomState,
    pub(super) streams: Vec<Stream>,
    /// Streams that something came for in this window.
    pub(super) touched: Vec<u32>,
    /// Streams with something that is not written, as it was little.
    pub(super) waiting: Vec<u32>,
    /// About how many pieces these have.
    pub(super) carried: usize,
    /// Pairs that may be forgotten, while FlowIDs decide.
    pub(super) candidates: Vec<u32>,
    /// Streams that were made in this window, while FlowIDs decide.
    undecided: Vec<u32>,
    free_pairs: Vec<u32>,
    free_streams: Vec<u32>,
    /// Packets whose TCP or UDP header was not captured, or cannot be one: by pair and flow, as
    /// FlowIDs may decide whether anybody asked for them.
    cut_headers: BTreeMap<(u32, u32), u64>,
    /// Flows before this one started in earlier windows.
    first_flow: usize,
    /// What went wrong while pieces were compared.
    pub(super) error: Option<Error>,
}

/// Where the window stands that is being observed, and what was read before it.
#[derive(Clone, Debug)]
pub(super) struct WindowPlace {
    pub(super) base: Position,
    pub(super) captures: Arc<Captures>,
    /// Bytes kept in memory, by all shards together.
    pub(super) memory: Arc<AtomicU64>,
}

/// Two endpoints, the lower one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PairKey {
    protocol: u8,
    ends: [(IpAddr, u16); 2],
}

/// What is between two endpoints: the streams of the current connection, and those of the one
/// before; each from the lower endpoint and from the greater one.
#[derive(Debug)]
pub(super) struct Pair {
    key: PairKey,
    pub(super) current: [u32; 2],
    pub(super) previous: [u32; 2],
    connection: u32,
    verdict: Verdict,
}

/// Where a packet goes: the side of the pair that sent it, and its flow.
#[derive(Clone, Copy, Debug)]
struct Direction {
    pair: u32,
    side: usize,
    flow: u32,
}

impl StreamObserver {
    pub(super) fn new(rules: &Arc<StreamRules>, window: &WindowPlace) -> Self {
        Self {
            rules: Arc::clone(rules),
            window: window.clone(),
            flows: Vec::new(),
            pairs: Vec::new(),
            numbers: HashTable::new(),
            hasher: RandomState::new(),
            streams: Vec::new(),
            touched: Vec::new(),
            waiting: Vec::new(),
            carried: 0,
            candidates: Vec::new(),
            undecided: Vec::new(),
            free_pairs: Vec::new(),
            free_streams: Vec::new(),
            cut_headers: BTreeMap::new(),
            first_flow: 0,
            error: None,
        }
    }

    /// Where a flow's packets go: a pair of endpoints, and the side that sends.
    fn direction(&self, flow: u32, packet: &PacketRef) -> Option<Direction> {
        let direction = *self.flows.get(flow as usize)?;
        let is_reverse = if self.rules.conversations {
            packet.is_from_greater()
        } else {
            direction & 1 == 1
        };
        (direction != NONE).then_some(Direction {
            pair: direction >> 1,
            side: usize::from(is_reverse),
            flow,
        })
    }

    /// The pair of a flow's endpoints, which may be new.
    fn pair(&mut self, key: PairKey, verdict: Verdict) -> u32 {
        let hash = self.hasher.hash_one(key);
        let is_same = |&number: &u32| {
            let pair = self.pairs.get(number as usize);
            pair.is_some_and(|pair| pair.key == key)
        };
        if let Some(&number) = self.numbers.find(hash, is_same) {
            return number;
        }
        let pair = Pair {
            key,
            current: [NONE; 2],
            previous: [NONE; 2],
            connection: 1,
            verdict,
        };
        let number = put(&mut self.pairs, &mut self.free_pairs, pair);
        let Self { pairs, hasher, .. } = self;
        self.numbers.insert_unique(hash, number, |&number| {
            let pair = pairs.get(number as usize);
            pair.map_or(0, |pair| hasher.hash_one(pair.key))
        });
        if verdict == Verdict::ById {
            self.candidates.push(number);
        }
        number
    }

    /// The stream of a direction in the current connection, which may be new.
    fn stream(&mut self, to: Direction) -> u32 {
        let Some(pair) = self.pairs.get_mut(to.pair as usize) else {
            return NONE;
        };
        let peer = pair.current.get(1 - to.side).copied().unwrap_or(NONE);
        let was_reset = self
            .streams
            .get(peer as usize)
            .is_some_and(|it| it.was_reset);
        let Some(current) = pair.current.get_mut(to.side) else {
            return NONE;
        };
        if *current == NONE {
            let mut stream = Stream::new(to.flow, to.pair, pair.connection, pair.verdict);
            stream.is_reverse = to.side == 1;
            stream.was_reset = was_reset;
            *current = put(&mut self.streams, &mut self.free_streams, stream);
            if pair.verdict == Verdict::ById {
                self.undecided.push(*current);
            }
        }
        *current
    }

    /// Works on a stream's segments, and notes what comes of it.
    #[inline]
    pub(super) fn reassemble(
        &mut self,
        number: u32,
        time: Nanos,
        window: &[u8],
        work: impl FnOnce(&mut Reassembler<Payload>, &mut Delivery<'_>) -> Arrival,
    ) {
        let Some(stream) = self.streams.get_mut(number as usize) else {
            return;
        };
        let mut delivery = Delivery {
            offset: stream.tcp.delivered(),
            content: &mut stream.content,
            time,
            rules: &self.rules,
            is_wanted: stream.verdict != Verdict::Refused,
            source: self.window.source(window),
            error: &mut self.error,
        };
        let repeated = delivery.content.repeated_len();
        let arrival = work(&mut stream.tcp, &mut delivery);
        stream.content.count(&arrival, repeated);
        let has_work = stream.content.has_work() || stream.tcp.is_holding();
        if has_work && !stream.is_touched {
            stream.is_touched = true;
            self.touched.push(number);
        }
    }

    fn udp(&mut self, to: Direction, packet: &PacketRef, contents: &Contents<'_>) {
        let Some(transport) = &contents.transport else {
            return self.without_transport(to, packet, contents);
        };
        let number = self.stream(to);
        self.packet_of(number, packet, contents);
        let (Some(stream), Some(len)) = (
            self.streams.get_mut(number as usize),
            ByteOrder::Big.u16(transport.bytes, 4),
        ) else {
            self.count_cut_header(to);
            return;
        };
        let captured = u32::try_from(transport.bytes.len()).unwrap_or(u32::MAX);
        let datagram = captured.saturating_add(transport.missing);
        // A length below that of the header is that of a jumbogram (RFC 2675, section 4), or open.
        let on_wire = match u32::from(len) {
            0..UDP_HEADER_LEN => datagram,
            len => datagram.min(len),
        }
        .saturating_sub(UDP_HEADER_LEN);
        let payload = captured.saturating_sub(UDP_HEADER_LEN).min(on_wire);
        let content = &mut stream.content;
        content.segments += 1;
        if self.rules.as_pcap || stream.verdict == Verdict::Refused {
            content.bytes += u64::from(payload);
            return;
        }
        let offset = content.offset();
        if payload > 0 {
            let piece = self
                .window
                .piece(transport, UDP_HEADER_LEN, payload, packet.time);
            content.bytes += u64::from(payload);
            content.push(piece);
        }
        if on_wire > payload {
            let offset = offset + u64::from(payload);
            content.lose(offset, on_wire - payload, packet.time, &self.rules);
        }
        if content.has_work() && !stream.is_touched {
            stream.is_touched = true;
            self.touched.push(number);
        }
    }

    #[cold]
    fn count_cut_header(&mut self, to: Direction) {
        *self.cut_headers.entry((to.pair, to.flow)).or_default() += 1;
    }

    /// A fragment that completes nothing, or less than a header: no stream starts with it, unless
    /// packets are what is written.
    #[cold]
    fn without_transport(&mut self, to: Direction, packet: &PacketRef, contents: &Contents<'_>) {
        let current = self.pairs.get(to.pair as usize).map(|it| it.current);
        let current = current.and_then(|it| it.get(to.side).copied());
        let number = match current {
            None | Some(NONE) if !self.rules.as_pcap => return,
            _ => self.stream(to),
        };
        self.packet_of(number, packet, contents);
    }

    /// Notes a packet of a stream, and its record where packets are what is written.
    #[inline]
    fn packet_of(&mut self, number: u32, packet: &PacketRef, contents: &Contents<'_>) {
        let Some(stream) = self.streams.get_mut(number as usize) else {
            return;
        };
        let is_first = stream.first > stream.last;
        if is_first {
            stream.started = packet.time;
        }
        stream.first = stream.first.min(packet.time);
        stream.last = stream.last.max(packet.time);
        if !self.rules.as_pcap || stream.verdict == Verdict::Refused {
            return;
        }
        if is_first {
            stream.link_type = contents.link_type;
        }
        if stream.link_type != contents.link_type {
            stream.content.rare().mixed_link_types += 1;
            return;
        }
        let len = u32::try_from(contents.data.len()).unwrap_or(u32::MAX);
        let missing = packet.wire_len.saturating_sub(len);
        let data = self.window.base.behind(contents.data_start.into());
        let record = Payload::record(data, len, missing, packet.time);
        stream.content.push(record);
        if !stream.is_touched {
            stream.is_touched = true;
            self.touched.push(number);
        }
    }

    /// FlowIDs are final: decides on the streams that waited for theirs. `id_of` tells the id of
    /// a flow; `are_all_known` that all flows that are asked for have started.
    pub(super) fn decide(&mut self, id_of: impl Fn(u32) -> u64, are_all_known: bool) {
        for number in self.undecided.drain(..) {
            if let Some(stream) = self.streams.get_mut(number as usize) {
                decide(stream, &self.pairs, &self.rules, &id_of);
            }
        }
        // A flow that is yet to start may be between the same endpoints: what came before it has a
        // say in its stream.
        if !are_all_known {
            return;
        }
        let is_wanted = self.pairs_of_wanted_flows(&id_of);
        let mut refused = Vec::new();
        for number in std::mem::take(&mut self.candidates) {
            let Some(pair) = self.pairs.get(number as usize) else {
                continue;
            };
            if is_wanted.get(number as usize) != Some(&true) {
                let hash = self.hasher.hash_one(pair.key);
                if let Ok(entry) = self.numbers.find_entry(hash, |&it| it == number) {
                    entry.remove();
                }
                refused.push(number);
            }
        }
        if !refused.is_empty() {
            self.forget(&refused);
        }
        self.first_flow = self.flows.len();
    }

    /// For each pair, whether one of the flows that started since pairs were forgotten last is
    /// asked for by its FlowID: any stream between its endpoints may be that of the flow, one that
    /// is yet to start among them.
    fn pairs_of_wanted_flows(&self, id_of: impl Fn(u32) -> u64) -> Vec<bool> {
        let mut is_wanted = vec![false; self.pairs.len()];
        let flows = self.flows.iter().zip(0..).skip(self.first_flow);
        for (&direction, flow) in flows.filter(|(direction, _)| **direction != NONE) {
            let number = (direction >> 1) as usize;
            if self.is_asked_for(number, flow, &id_of)
                && let Some(place) = is_wanted.get_mut(number)
            {
                *place = true;
            }
        }
        is_wanted
    }

    /// Whether a flow between a pair of endpoints is asked for by its FlowID.
    fn is_asked_for(&self, pair: usize, flow: u32, id_of: impl Fn(u32) -> u64) -> bool {
        let options = self.pairs.get(pair).map(|it| it.key.protocol);
        let options = options.and_then(|protocol| self.rules.of(protocol));
        options.is_some_and(|it| it.ids.contains(id_of(flow)))
    }

    /// Packets of streams that were asked for whose TCP or UDP header was not captured, or cannot
    /// be one.
    pub(super) fn cut_headers(&self, id_of: impl Fn(u32) -> u64) -> u64 {
        let counts = self.cut_headers.iter();
        let asked_for = counts.filter(|((pair, flow), _)| {
            let verdict = self.pairs.get(*pair as usize).map(|it| it.verdict);
            verdict == Some(Verdict::Wanted) || self.is_asked_for(*pair as usize, *flow, &id_of)
        });
        asked_for.map(|(_, packets)| packets).sum()
    }

    /// Streams that hold bytes that cannot be read again, and where the first of these stood.
    pub(super) fn oldest_held(&mut self) -> impl Iterator<Item = (Position, u32)> {
        let streams = self.streams.iter_mut().zip(0..);
        streams.filter_map(|(stream, number)| {
            let mut kept = stream.tcp.held_mut().filter(|it| it.is_kept());
            kept.next().map(|piece| (piece.position(), number))
        })
    }

    /// Gives up the first gap of a stream.
    pub(super) fn give_up(&mut self, number: u32, window: &[u8]) {
        let last = self
            .streams
            .get(number as usize)
            .map_or(Nanos(0), |it| it.last);
        self.reassemble(number, last, window, |stream, sink| {
            stream.give_up_first(sink);
            Arrival::default()
        });
    }

    /// Forgets pairs that were made in this window, with all of their streams.
    fn forget(&mut self, refused: &[u32]) {
        let mut is_refused = vec![false; self.pairs.len()];
        for number in refused {
            if let Some(place) = is_refused.get_mut(*number as usize) {
                *place = true;
            }
        }
        let is_refused = |pair: u32| is_refused.get(pair as usize) == Some(&true);
        for direction in self.flows.iter_mut().skip(self.first_flow) {
            if *direction != NONE && is_refused(*direction >> 1) {
                *direction = NONE;
            }
        }
        for (stream, number) in self.streams.iter_mut().zip(0..) {
            if is_refused(stream.pair) {
                *stream = Stream::new(NONE, NONE, 0, Verdict::Refused);
                self.free_streams.push(number);
            }
        }
        self.cut_headers.retain(|(pair, _), _| !is_refused(*pair));
        self.free_pairs.extend_from_slice(refused);
    }
}

/// Decides on a stream, if its FlowID does.
fn decide(stream: &mut Stream, pairs: &[Pair], rules: &StreamRules, id_of: impl Fn(u32) -> u64) {
    if stream.verdict != Verdict::ById {
        return;
    }
    let pair = pairs.get(stream.pair as usize);
    let options = pair.and_then(|pair| rules.of(pair.key.protocol));
    if options.is_some_and(|it| it.ids.contains(id_of(stream.flow))) {
        stream.verdict = Verdict::Wanted;
    } else {
        stream.verdict = Verdict::Refused;
        stream.content.pending = Vec::new();
        stream.content.rare = None;
    }
}

impl Observer for StreamObserver {
    fn start(&mut self, _: u32, is_excluded: bool, key: impl Fn() -> FlowKey) {
        let mut direction = NONE;
        if !is_excluded {
            let network = key().network;
            let accepts = self
                .rules
                .of(network.protocol)
                .map(|options| options.accepts(&network));
            let verdict = match accepts {
                Some(Some(true)) => Verdict::Wanted,
                Some(None) => Verdict::ById,
                Some(Some(false)) | None => Verdict::Refused,
            };
            if verdict != Verdict::Refused {
                let (key, is_reverse) = PairKey::new(&network);
                direction = self.pair(key, verdict) << 1 | u32::from(is_reverse);
            }
        }
        self.flows.push(direction);
    }

    #[inline]
    fn packet(&mut self, flow: u32, packet: &PacketRef, contents: Option<&Contents<'_>>) {
        let (Some(to), Some(contents)) = (self.direction(flow, packet), contents) else {
            return;
        };
        if packet.protocol == TCP {
            self.tcp(to, packet, contents);
        } else {
            self.udp(to, packet, contents);
        }
    }
}

impl WindowPlace {
    /// The payload of a transport header.
    fn piece(&self, transport: &Transport<'_>, skip: u32, len: u32, time: Nanos) -> Payload {
        match transport.start {
            Some(start) => Payload::segment(self.base.behind(start.into()), skip, len, time),
            None => Payload::segment(self.base, skip, len, time)
                .with(Kept::new(transport.bytes, &self.memory)),
        }
    }

    pub(super) fn source<'a>(&'a self, window: &'a [u8]) -> Source<'a> {
        Source {
            window,
            base: self.base,
            captures: &self.captures,
            memory: &self.memory,
        }
    }
}

impl PairKey {
    /// The pair of a flow's endpoints, and whether the flow comes from the greater one.
    fn new(network: &NetworkKey) -> (Self, bool) {
        let src = (network.src, network.src_port);
        let dst = (network.dst, network.dst_port);
        let is_reverse = src > dst;
        let key = Self {
            protocol: network.protocol,
            ends: if is_reverse { [dst, src] } else { [src, dst] },
        };
        (key, is_reverse)
    }
}

impl Pair {
    /// Addresses and ports of a stream, seen from its sender.
    pub(super) const fn network(&self, is_reverse: bool) -> NetworkKey {
        let [low, high] = self.key.ends;
        let (src, dst) = if is_reverse { (high, low) } else { (low, high) };
        NetworkKey {
            src: src.0,
            dst: dst.0,
            protocol: self.key.protocol,
            src_port: src.1,
            dst_port: dst.1,
        }
    }
}

/// Puts a value into a free place, or behind all others, and returns where it is.
fn put<T>(values: &mut Vec<T>, free: &mut Vec<u32>, value: T) -> u32 {
    if let Some(number) = free.pop()
        && let Some(place) = values.get_mut(number as usize)
    {
        *place = value;
        return number;
    }
    let number = u32::try_from(values.len()).unwrap_or(NONE);
    values.push(value);
    number
}

/// RFC 768.
const UDP_HEADER_LEN: u32 = 8;
