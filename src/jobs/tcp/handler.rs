//! The segments of a shard go to what measures their connections.

use super::beside::Sent;
use super::packets::Listed;
use super::recorder::Recorder;
use crate::capture::{ByteOrder, Position};
use crate::decode::protocol::TCP;
use crate::flow::{Contents, PacketRef};
use crate::number::index_u32;
use crate::stream::{Answer, Arrived, ChecksumRule, Handler, PayloadSpan, Side as Direction};
use crate::tcp::Segment;
use crate::tcp::measure::{Analysis, Connection, Options, Seen, Side};
use hashbrown::HashMap;
use std::hash::RandomState;

/// Measures the connections of a shard.
#[derive(Debug)]
pub(in crate::jobs) struct Meter {
    /// By place. Boxed, as moving them all whenever there are more would double the memory.
    #[expect(clippy::vec_box, reason = "they are large, and their number grows")]
    pub(super) connections: Vec<Box<Connection>>,
    /// Segments of connections that are not confirmed: they may be part of others.
    waiting: HashMap<u32, Vec<Waiting>, RandomState>,
    keeps_duplicates: bool,
    /// Where packets are kept, if some are requested.
    pub(super) recorder: Option<Recorder>,
    /// Payload segments by connection, if they are compared.
    pub(super) sent: Option<Vec<Vec<(Side, Sent)>>>,
}

/// Which connection a direction is of, and which side of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::jobs) struct Member {
    /// One more than the connection's place; 0 for none.
    number: u32,
    is_second: bool,
}

impl Member {
    fn new(place: usize, side: Side) -> Self {
        Self {
            number: index_u32(place + 1),
            is_second: side == Side::Second,
        }
    }

    /// The place of the connection.
    pub(super) fn place(self) -> Option<usize> {
        (self.number as usize).checked_sub(1)
    }

    pub(super) const fn side(self) -> Side {
        if self.is_second {
            Side::Second
        } else {
            Side::First
        }
    }

    const fn peer(self) -> Self {
        Self {
            is_second: !self.is_second,
            ..self
        }
    }
}

/// A segment that waits.
#[derive(Clone, Debug)]
struct Waiting {
    side: Side,
    segment: Segment,
    options: Vec<u8>,
    payload: u32,
    wire_len: u32,
    time: i64,
    packet: u64,
    place: Option<Position>,
    ip_id: u16,
}

impl Waiting {
    fn new(side: Side, seen: &Seen<'_>, place: Option<Position>) -> Self {
        Self {
            side,
            segment: *seen.segment,
            options: seen.options.to_vec(),
            payload: seen.payload,
            wire_len: seen.wire_len,
            time: seen.time,
            packet: seen.packet,
            place,
            ip_id: seen.ip_id,
        }
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            segment: &self.segment,
            options: &self.options,
            payload: self.payload,
            wire_len: self.wire_len,
            time: self.time,
            packet: self.packet,
            ip_id: self.ip_id,
        }
    }
}

impl Meter {
    pub(super) fn new(keeps_duplicates: bool, records: bool) -> Self {
        Self {
            connections: Vec::new(),
            waiting: HashMap::with_hasher(RandomState::new()),
            keeps_duplicates,
            recorder: records.then(Recorder::default),
            sent: None,
        }
    }

    /// The first packet of a connection, and whether it is certain that there is one.
    pub(super) fn first_packet(&self, place: usize) -> (u64, bool) {
        let waiting = self.waiting.get(&index_u32(place + 1));
        match waiting.and_then(|it| it.first()) {
            Some(first) => (first.packet, false),
            None => {
                let connection = self.connections.get(place);
                (connection.map_or(0, |it| it.first_packet()), true)
            }
        }
    }

    /// Measures a segment.
    #[inline]
    fn measure(&mut self, place: usize, side: Side, seen: &Seen<'_>, at: Option<Position>) {
        let Some(connection) = self.connections.get_mut(place) else {
            return;
        };
        let measured = connection.segment(side, seen);
        if let Some(sent) = &mut self.sent
            && seen.payload > 0
            && !measured.analysis.has(Analysis::DUPLICATE)
        {
            sent.resize_with(sent.len().max(place + 1), Vec::new);
            let segment = Sent {
                time: seen.time,
                sequence: seen.segment.sequence,
                len: seen.payload,
            };
            if let Some(sent) = sent.get_mut(place) {
                sent.push((side, segment));
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.add(place, || Listed {
                side,
                segment: *seen.segment,
                payload: seen.payload,
                time: seen.time,
                packet: seen.packet,
                place: at,
                sack: Options::parse(seen.options).sack,
                measured,
            });
        }
    }

    /// A direction that a tracker links to another one is of its connection: what waited for it is
    /// shown to that.
    fn join(&mut self, own: Member, into: Member) {
        let Some(waiting) = self.waiting.get_mut(&own.number) else {
            return;
        };
        let all = std::mem::take(waiting);
        let (joined, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|it| it.side == own.side());
        if rest.is_empty() {
            self.waiting.remove(&own.number);
        } else {
            *waiting = rest;
        }
        if let Some(place) = into.place() {
            for segment in joined {
                self.measure(place, into.side(), &segment.seen(), segment.place);
            }
        }
    }

    /// Connections that are confirmed take what waited for them.
    fn confirm(&mut self, own: Member) {
        let Some(waiting) = self.waiting.remove(&own.number) else {
            return;
        };
        if let Some(place) = own.place() {
            for segment in waiting {
                self.measure(place, segment.side, &segment.seen(), segment.place);
            }
        }
    }

    /// Nothing more comes: what waits is of its own connection.
    pub(super) fn finish(&mut self, members: &[(Member, Option<Member>)]) {
        if self.waiting.is_empty() {
            return;
        }
        for &(own, peer) in members {
            match peer {
                Some(peer) if peer.number != own.number => self.join(own, peer.peer()),
                _ => self.confirm(own),
            }
        }
    }
}

impl Handler for Meter {
    type State = Member;

    fn compares(&self) -> bool {
        false
    }

    fn checksums(&self) -> ChecksumRule {
        ChecksumRule::Ignore
    }

    fn sees_packets(&self) -> bool {
        false
    }

    fn opened(&mut self, side: Direction<'_, Member>) -> Answer {
        let is_unconfirmed = side.info.is_unconfirmed();
        *side.state = match side.peer {
            Some(peer) if peer.number > 0 => peer.peer(),
            _ => {
                let network = side.network();
                let server = server_by_port(network.src_port, network.dst_port);
                let connection = Connection::new(server, self.keeps_duplicates);
                self.connections.push(Box::new(connection));
                if let Some(recorder) = &mut self.recorder {
                    recorder.start();
                }
                Member::new(self.connections.len() - 1, Side::First)
            }
        };
        if is_unconfirmed {
            self.waiting.entry(side.state.number).or_default();
            Answer::Continue
        } else {
            Answer::Stop
        }
    }

    #[inline]
    fn segment(&mut self, mut side: Direction<'_, Member>, arrived: &Arrived<'_>) -> Answer {
        let (Some(segment), Some(transport)) = (arrived.tcp, &arrived.contents.transport) else {
            return Answer::Continue;
        };
        let end = transport.bytes.len().min(segment.header_len as usize);
        let seen = Seen {
            segment,
            options: transport.bytes.get(20..end).unwrap_or_default(),
            payload: arrived.payload,
            wire_len: arrived.packet.wire_len,
            time: arrived.packet.time.0,
            packet: arrived.contents.ordinal,
            ip_id: ip_id(arrived.packet, arrived.contents),
        };
        if !self.waiting.is_empty()
            && !self.settle(
                side.info.is_unconfirmed(),
                side.state,
                side.peer.as_deref_mut(),
            )
        {
            let waiting = self.waiting.entry(side.state.number).or_default();
            waiting.push(Waiting::new(side.state.side(), &seen, side.packet()));
            return Answer::Continue;
        }
        if let Some(place) = side.state.place() {
            self.measure(place, side.state.side(), &seen, side.packet());
        }
        Answer::Continue
    }

    fn data(&mut self, _: Direction<'_, Member>, _: u64, _: PayloadSpan) -> Answer {
        Answer::Stop
    }

    fn absorbed(&mut self, side: Direction<'_, Member>, state: Member) {
        self.join(state, *side.state);
    }
}

impl Meter {
    /// Gives what waits to its connection, if that is known; returns whether it is.
    #[cold]
    fn settle(
        &mut self,
        is_unconfirmed: bool,
        own: &mut Member,
        peer: Option<&mut Member>,
    ) -> bool {
        if is_unconfirmed {
            return false;
        }
        match peer {
            Some(peer) if peer.number != own.number && peer.number > 0 => {
                let into = peer.peer();
                if self.waiting.contains_key(&own.number) {
                    self.join(*own, into);
                    *own = into;
                } else {
                    self.join(*peer, own.peer());
                    *peer = own.peer();
                }
            }
            _ => self.confirm(*own),
        }
        true
    }
}

/// The side that is the server, as the ports of the first packet say: the one whose port is below
/// those that clients are given.
fn server_by_port(src: u16, dst: u16) -> Option<Side> {
    match (src < LEAST_OF_CLIENTS, dst < LEAST_OF_CLIENTS) {
        (false, true) => Some(Side::Second),
        (true, false) => Some(Side::First),
        _ => None,
    }
}

/// Identification of the IPv4 header before the TCP header; 0 where there is none.
#[inline]
fn ip_id(packet: &PacketRef, contents: &Contents<'_>) -> u16 {
    let start = contents.transport.as_ref().and_then(|it| it.start);
    let before = start.and_then(|it| it.checked_sub(contents.data_start));
    let Some(headers) = before.and_then(|it| contents.data.get(..it as usize)) else {
        return 0;
    };
    if packet.has(PacketRef::IPV6) {
        return 0;
    }
    for words in 5..=15_u8 {
        let start = headers.len().checked_sub(usize::from(words) * 4);
        let Some(header) = start.and_then(|it| headers.get(it..)) else {
            break;
        };
        if header.first() == Some(&(0x40 | words)) && header.get(9) == Some(&TCP) {
            return ByteOrder::Big.u16(header, 4).unwrap_or(0);
        }
    }
    0
}

/// The lowest port that systems give to clients (Linux: `ip_local_port_range`).
const LEAST_OF_CLIENTS: u16 = 32_768;
