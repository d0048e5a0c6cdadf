//! State of a connection: its protocol, and its client.

use super::datagrams::Datagrams;
use super::ends::{Ends, Role};
use super::hint::PortHint;
use super::parsers::parser;
use super::record::{Entry, Transport};
use super::rules::Rules;
use crate::app::dns::Dns;
use crate::app::recognize::{Opening, Protocol, Recognized, recognize};
use crate::app::{Content, Found, Moment, Note};
use crate::app::{Next, Parser, Side};
use crate::decode::protocol::{TCP, UDP};
use crate::flow::NetworkKey;

/// A connection being parsed. Its sides are 0, the lower endpoint, and 1.
pub(super) struct Conversation {
    /// Addresses and ports, from side 0 to side 1.
    network: NetworkKey,
    /// Flows of the shard, by sending side.
    flows: [Option<u32>; 2],
    client: Option<usize>,
    /// Whether the first bytes of a side may be from the middle of a message.
    is_midstream: [bool; 2],
    /// No SYN was captured.
    began_before: bool,
    is_closed: [bool; 2],
    stage: Stage,
    transport: Transport,
    /// The protocol before the connection switched to another one.
    within: Option<Protocol>,
    /// Number of protocol switches.
    phases: u8,
    protocol: Option<Protocol>,
    /// The last packet with bytes that differ from those already captured.
    pub(super) conflict: Option<u64>,
    pub(super) has_gaps: bool,
    /// A record reached a limit of the parser.
    pub(super) is_limited: bool,
}

enum Stage {
    /// The protocol is not yet known.
    Opening(Box<First>),
    Parsing(Box<dyn Parser>),
    Datagrams(Box<Datagrams>),
}

/// The first bytes of both sides.
#[derive(Debug, Default)]
struct First {
    bytes: [Vec<u8>; 2],
    /// Deliveries: side, number of bytes, packet.
    pieces: Vec<(usize, usize, Moment)>,
    /// Number of times recognition started over.
    tries: u32,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation")
            .field("network", &self.network)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl Conversation {
    /// `place` is the side of the first item of `roles`.
    pub(super) fn new(network: NetworkKey, place: usize, roles: [Role; 2]) -> Self {
        let of = |role| roles.iter().position(|it| *it == role);
        let side = |at: usize| if at == 0 { place } else { 1 - place };
        let client = match (of(Role::Client), of(Role::Server)) {
            (Some(at), _) => Some(side(at)),
            (None, Some(at)) => Some(1 - side(at)),
            (None, None) => None,
        };
        let [own, other] = roles.map(|it| it == Role::Unknown);
        Self {
            network,
            flows: [None; 2],
            client,
            is_midstream: if place == 0 {
                [own, other]
            } else {
                [other, own]
            },
            began_before: roles == [Role::Unknown; 2],
            is_closed: [false; 2],
            stage: Stage::Opening(Box::default()),
            transport: Transport::Tcp,
            within: None,
            phases: 0,
            protocol: None,
            conflict: None,
            has_gaps: false,
            is_limited: false,
        }
    }

    pub(super) fn set_flow(&mut self, place: usize, flow: Option<u32>) {
        if let Some(own) = self.flows.get_mut(place) {
            *own = own.or(flow);
        }
    }

    pub(super) fn is_recognized(&self) -> bool {
        match &self.stage {
            Stage::Datagrams(it) => it.is_recognized(),
            _ => self.protocol.is_some(),
        }
    }

    /// Whether its protocol is an encrypted one, from the start or since a switch.
    pub(super) fn is_encrypted(&self) -> bool {
        self.transport == Transport::Quic
            || matches!(self.protocol, Some(Protocol::Tls | Protocol::Ssh))
    }

    /// The parser's side for an endpoint.
    fn side(&self, place: usize) -> Side {
        if self.client == Some(place) {
            Side::Client
        } else {
            Side::Server
        }
    }

    /// Handles the next bytes of a side.
    pub(super) fn data(
        &mut self,
        place: usize,
        rules: &Rules,
        bytes: &[u8],
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Ends {
        let side = self.side(place);
        match &mut self.stage {
            Stage::Opening(first) => {
                first.add(place, bytes, at);
                self.recognize(rules, place, found)
            }
            Stage::Parsing(parser) => match parser.data(side, bytes, at, found) {
                Next::Continue => Ends::Not,
                Next::Stop => Ends::Over,
                Next::Recognize => self.change(place, rules, bytes, at, found),
                Next::RecognizeAfter(used) => {
                    let rest = bytes.get(used..).unwrap_or_default();
                    self.change(place, rules, rest, at, found)
                }
            },
            Stage::Datagrams(_) => Ends::Over,
        }
    }

    /// Switches to another protocol.
    fn change(
        &mut self,
        place: usize,
        rules: &Rules,
        bytes: &[u8],
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Ends {
        if let Stage::Parsing(parser) = &mut self.stage {
            parser.end(found);
        }
        self.phases += 1;
        if self.phases > MOST_PHASES {
            return Ends::Over;
        }
        self.within = self.protocol;
        self.stage = Stage::Opening(Box::default());
        if bytes.is_empty() {
            return Ends::Not;
        }
        self.data(place, rules, bytes, at, found)
    }

    fn recognize(&mut self, rules: &Rules, place: usize, found: &mut Vec<Found>) -> Ends {
        let Stage::Opening(first) = &mut self.stage else {
            return Ends::Not;
        };
        let [a, b] = &first.bytes;
        let opening = Opening {
            bytes: [a, b],
            ports: [self.network.src_port, self.network.dst_port],
            client: self.client,
        };
        let recognized = match recognize(&opening) {
            Recognized::NotYet if !first.is_full() => Recognized::NotYet,
            Recognized::NotYet | Recognized::Unknown => {
                let hint = PortHint::find(&rules.hints, TCP, opening.ports);
                hint.map_or(Recognized::Unknown, |(protocol, server)| {
                    Recognized::As(protocol, self.client.unwrap_or(1 - server))
                })
            }
            known @ Recognized::As(..) => known,
        };
        match recognized {
            Recognized::NotYet => Ends::Not,
            Recognized::Unknown => {
                // Both sides of a text protocol may switch to TLS.
                let may_begin = self.is_midstream.get(place) == Some(&true) || first.is_text();
                if may_begin && first.tries < MOST_TRIES {
                    let tries = first.tries + 1;
                    **first = First {
                        tries,
                        ..First::default()
                    };
                    return Ends::Not;
                }
                match self.protocol {
                    Some(_) => Ends::Over,
                    None => Ends::Unknown,
                }
            }
            Recognized::As(protocol, client) => {
                self.client = Some(client);
                self.protocol = Some(protocol);
                let first = std::mem::take(&mut **first);
                let is_midstream = self.is_midstream.get(client) == Some(&true);
                match parser(protocol, rules, is_midstream) {
                    Some(parser) => self.stage = Stage::Parsing(parser),
                    None => return Ends::Over,
                }
                self.replay(first, rules, found)
            }
        }
    }

    /// Feeds a parser the bytes that preceded recognition.
    fn replay(&mut self, first: First, rules: &Rules, found: &mut Vec<Found>) -> Ends {
        let mut done = [0; 2];
        for (place, len, at) in first.pieces {
            let (Some(all), Some(start)) = (first.bytes.get(place), done.get_mut(place)) else {
                continue;
            };
            let piece = all.get(*start..*start + len).unwrap_or_default();
            *start += len;
            let ends = self.data(place, rules, piece, at, found);
            if ends != Ends::Not {
                return ends;
            }
        }
        Ends::Not
    }

    /// Handles bytes of a side that were not captured.
    pub(super) fn gap(
        &mut self,
        place: usize,
        rules: &Rules,
        missing: u64,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Ends {
        self.has_gaps = true;
        let side = self.side(place);
        match &mut self.stage {
            Stage::Opening(first) => {
                **first = First::default();
                if let Some(is_midstream) = self.is_midstream.get_mut(place) {
                    *is_midstream = true;
                }
                Ends::Not
            }
            Stage::Parsing(parser) => match parser.gap(side, missing, at, found) {
                Next::Continue => Ends::Not,
                Next::Stop => Ends::Over,
                Next::Recognize | Next::RecognizeAfter(_) => {
                    self.change(place, rules, &[], at, found)
                }
            },
            Stage::Datagrams(_) => Ends::Not,
        }
    }

    pub(super) fn skippable(&self, place: usize) -> u64 {
        match &self.stage {
            Stage::Parsing(parser) => parser.skippable(self.side(place)),
            _ => 0,
        }
    }

    /// Notes that skippable bytes were skipped.
    pub(super) fn skipped(
        &mut self,
        place: usize,
        len: u64,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Ends {
        let side = self.side(place);
        match &mut self.stage {
            Stage::Parsing(parser) => match parser.skipped(side, len, at, found) {
                Next::Continue | Next::Recognize | Next::RecognizeAfter(_) => Ends::Not,
                Next::Stop => Ends::Over,
            },
            _ => Ends::Not,
        }
    }

    /// Handles a datagram of a side.
    pub(super) fn datagram(
        &mut self,
        place: usize,
        rules: &Rules,
        bytes: &[u8],
        is_cut: bool,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Ends {
        if let Stage::Opening(_) = &self.stage {
            self.transport = Transport::Udp;
            let ports = [self.network.src_port, self.network.dst_port];
            let is_dns = PortHint::find(&rules.hints, UDP, ports).is_some();
            let datagrams = Datagrams::new(ports, &rules.services, is_dns);
            self.stage = Stage::Datagrams(Box::new(datagrams));
        }
        let Stage::Datagrams(datagrams) = &mut self.stage else {
            return Ends::Not;
        };
        let ends = datagrams.read(place, bytes, is_cut, at, found);
        (self.transport, self.client) = match datagrams.quic_client() {
            Some(client) => (Transport::Quic, Some(client)),
            // Records belong to the sender of the datagram.
            None => (Transport::Udp, Some(place)),
        };
        ends
    }

    /// Notes that a side sends nothing more.
    pub(super) fn closed(&mut self, place: usize, at: Moment, found: &mut Vec<Found>) -> Ends {
        let side = self.side(place);
        if let Some(is_closed) = self.is_closed.get_mut(place) {
            *is_closed = true;
        }
        if let Stage::Parsing(parser) = &mut self.stage {
            parser.closed(side, at, found);
        }
        if self.is_closed != [true; 2] {
            return Ends::Not;
        }
        self.end(found);
        Ends::Closed
    }

    /// Ends the connection.
    pub(super) fn end(&mut self, found: &mut Vec<Found>) {
        match &mut self.stage {
            Stage::Parsing(parser) => parser.end(found),
            Stage::Datagrams(datagrams) => datagrams.end(found),
            Stage::Opening(_) => {}
        }
    }

    /// A record of this connection.
    pub(super) fn entry(&mut self, mut found: Found, completed: u64) -> Entry {
        let mut source = self.client.unwrap_or(0);
        if let Content::Dns(dns) = &found.content
            && self.transport == Transport::Tcp
            && is_response(dns)
        {
            source = 1 - source;
        }
        if self.began_before && self.transport == Transport::Tcp {
            found.notes.add(Note::Midstream);
        }
        self.is_limited |= found.notes.has(Note::Limit);
        if let Some(conflict) = self.conflict {
            if found.span.first.packet <= conflict {
                found.notes.add(Note::Conflict);
            } else {
                self.conflict = None;
            }
        }
        // Reordered bytes belong to packets before those that deliver them.
        let span = &mut found.span;
        if span.first > span.last {
            std::mem::swap(&mut span.first, &mut span.last);
        }
        let network = match source {
            0 => self.network,
            _ => self.network.reversed(),
        };
        let [to, back] = self.flows;
        Entry {
            completed,
            flows: if source == 0 { [to, back] } else { [back, to] },
            network,
            transport: self.transport,
            within: self.within.map(super::protocols::name),
            found,
        }
    }
}

const fn is_response(dns: &Dns) -> bool {
    dns.header.is_response()
}

impl First {
    fn add(&mut self, place: usize, bytes: &[u8], at: Moment) {
        if let Some(own) = self.bytes.get_mut(place) {
            own.extend_from_slice(bytes);
            self.pieces.push((place, bytes.len(), at));
        }
    }

    fn is_text(&self) -> bool {
        let mut all = self.bytes.iter().flatten();
        all.all(|it| it.is_ascii_graphic() || it.is_ascii_whitespace() || !it.is_ascii())
    }

    fn is_full(&self) -> bool {
        self.pieces.len() > MOST_PIECES || self.bytes.iter().any(|it| it.len() > MOST_BYTES)
    }
}

/// Bytes of each side used for recognition.
const MOST_BYTES: usize = 4 * 1024;
const MOST_PIECES: usize = 64;
/// Deliveries tried for connections that began before the capture.
const MOST_TRIES: u32 = 64;
const MOST_PHASES: u8 = 8;
