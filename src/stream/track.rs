//! The packets of a shard go to the directions of their connections.

use super::bytes::PayloadSpan;
use super::checksums::ChecksumRule;
use super::delivery::{Around, Delivery};
use super::direction::{
    Direction, DirectionInfo, HAS_ENDED, IS_FORGOTTEN, IS_STOPPED, IS_TOUCHED, NONE,
};
use super::handler::{Answer, Arrived, Handler, Side};
use super::place::{Current, WindowPlace};
use super::table::{PairKey, PairTable};
use super::wanted::{Selected, Verdict};
use crate::capture::ByteOrder;
use crate::decode::{ChecksumCounts, protocol};
use crate::error::Error;
use crate::flow::{Contents, FlowEnd, FlowKey, NetworkId, NetworkKey, Observer, PacketRef};
use crate::number::{index_u32, len_u32};
use crate::tcp::{Arrival, Piece, Reassembler, Step};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::hash::RandomState;
use std::sync::Arc;

/// The connections of one shard, and the handler that sees them.
#[derive(Debug)]
pub struct Tracker<H: Handler> {
    /// The job's part.
    pub handler: H,
    pub(super) selected: Arc<Selected>,
    pub(super) window: WindowPlace,
    /// Flows are conversations: both directions are one flow.
    pub(super) conversations: bool,
    /// For each flow: the index of its pair, twice, and 1 if it goes from the pair's greater
    /// endpoint to the lower one; [`NONE`] for flows that are not wanted.
    pub(super) flows: Vec<u32>,
    pub(super) pairs: PairTable,
    pub(super) directions: Vec<Direction<H::State>>,
    /// Directions for which anything came in this window that may have to be kept.
    pub(super) touched: Vec<u32>,
    /// Pairs that may be forgotten, while FlowIDs decide.
    pub(super) candidates: Vec<u32>,
    /// Directions that were made in this window, while FlowIDs decide.
    pub(super) undecided: Vec<u32>,
    pub(super) free: Vec<u32>,
    /// Pairs with a connection that must be confirmed.
    pub(super) unconfirmed: Vec<u32>,
    /// The networks of flows, by number; empty while there is only one.
    networks: Networks,
    /// Packets whose TCP or UDP header was not captured, or cannot be one: by pair and flow, as
    /// FlowIDs may decide whether they are wanted.
    pub(super) cut_headers: BTreeMap<(u32, u32), u64>,
    /// TCP fragments that do not complete their datagram.
    pub(crate) fragments: u64,
    /// Packets with a wrong checksum are left out.
    requires_checksums: bool,
    /// For each flow the checksums that were looked at, where wrong ones are left out.
    pub(super) checksums: Vec<ChecksumCounts>,
    /// Flows before this one started in earlier windows.
    pub(super) first_flow: usize,
    /// What went wrong while pieces were compared.
    pub(super) error: Option<Error>,
}

/// The networks of flows: numbers, in the order in which they were met. 0 is that of packets without
/// tags, and of flows that nothing is known of.
#[derive(Debug, Default)]
struct Networks {
    met: HashMap<NetworkId, u32, RandomState>,
    of_flows: Vec<u32>,
}

impl Networks {
    fn start(&mut self, flow: u32, network: NetworkId) {
        if network == NetworkId::default() {
            return;
        }
        let next = index_u32(self.met.len() + 1);
        let number = *self.met.entry(network).or_insert(next);
        if self.of_flows.len() <= flow as usize {
            self.of_flows.resize(flow as usize + 1, 0);
        }
        if let Some(place) = self.of_flows.get_mut(flow as usize) {
            *place = number;
        }
    }

    #[inline]
    fn of(&self, flow: u32) -> u32 {
        self.of_flows.get(flow as usize).copied().unwrap_or(0)
    }
}

/// Where a packet goes: the side of the pair that sent it, and its flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) pair: u32,
    pub(super) side: usize,
    pub(super) flow: u32,
}

impl<H: Handler> Tracker<H> {
    /// Follows the wanted flows of a shard for this handler.
    pub(super) fn new(
        handler: H,
        selected: &Arc<Selected>,
        window: &WindowPlace,
        conversations: bool,
    ) -> Self {
        Self {
            requires_checksums: handler.checksums() == ChecksumRule::Require,
            checksums: Vec::new(),
            handler,
            selected: Arc::clone(selected),
            window: window.clone(),
            conversations,
            flows: Vec::new(),
            pairs: PairTable::default(),
            directions: Vec::new(),
            touched: Vec::new(),
            candidates: Vec::new(),
            undecided: Vec::new(),
            free: Vec::new(),
            unconfirmed: Vec::new(),
            networks: Networks::default(),
            cut_headers: BTreeMap::new(),
            fragments: 0,
            first_flow: 0,
            error: None,
        }
    }

    /// All directions, in the order in which they opened (places of refused ones are used again).
    pub fn directions(&self) -> &[Direction<H::State>] {
        &self.directions
    }

    /// The other direction of a connection, if it was captured.
    pub fn peer(&self, info: &DirectionInfo) -> Option<&Direction<H::State>> {
        self.directions.get(info.peer as usize)
    }

    pub(crate) const fn directions_mut(&mut self) -> &mut Vec<Direction<H::State>> {
        &mut self.directions
    }

    /// Addresses and ports of a direction, seen from its sender.
    pub fn network(&self, info: &DirectionInfo) -> NetworkKey {
        let pair = self.pairs.get(info.pair);
        pair.map_or_else(NetworkKey::default, |pair| pair.network(info.is_reverse()))
    }

    /// What went wrong since the last call.
    pub(crate) const fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// Takes the list of directions for which anything came since it was taken last, each once.
    pub(crate) fn take_touched(&mut self) -> Vec<u32> {
        let touched = std::mem::take(&mut self.touched);
        for &number in &touched {
            if let Some(direction) = self.directions.get_mut(number as usize) {
                direction.info.flags &= !IS_TOUCHED;
            }
        }
        touched
    }

    /// Nothing more comes for a direction: gives up what is missing, and lets the handler know that it
    /// has ended.
    pub(crate) fn finish(&mut self, number: u32) {
        let Some(direction) = self.directions.get(number as usize) else {
            return;
        };
        let time = direction.info.last;
        if self.protocol(number) == protocol::TCP && !self.is_stopped(number) {
            self.reassemble(number, self.window.nowhere(time), |tcp, sink| {
                tcp.finish(sink);
                None
            });
        }
        self.end(number, self.window.nowhere(time));
    }

    /// Lets the handler know that a direction has ended, if it does not.
    pub(super) fn end(&mut self, number: u32, current: Current<'_>) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        let (end, info) = (direction.end(), &mut direction.info);
        if info.is_followed() && !info.has(HAS_ENDED) {
            info.flags |= HAS_ENDED;
            self.with_side(number, current, |handler, side| {
                handler.ended(side, end);
                Answer::Continue
            });
        }
    }

    /// Where a flow's packets go.
    fn route(&self, flow: u32, packet: &PacketRef) -> Option<Route> {
        let direction = *self.flows.get(flow as usize)?;
        let is_reverse = if self.conversations {
            packet.is_from_greater()
        } else {
            direction & 1 == 1
        };
        (direction != NONE).then_some(Route {
            pair: direction >> 1,
            side: usize::from(is_reverse),
            flow,
        })
    }

    /// A number for the network of a flow.
    #[inline]
    pub(super) fn network_id(&self, flow: u32) -> u32 {
        self.networks.of(flow)
    }

    /// Whether the handler is to see what comes for a direction.
    pub(super) fn is_followed(&self, number: u32) -> bool {
        let direction = self.directions.get(number as usize);
        direction.is_some_and(|it| it.info.is_followed())
    }

    /// IP protocol of a direction.
    pub(crate) fn protocol(&self, number: u32) -> u8 {
        let direction = self.directions.get(number as usize);
        direction.map_or(0, |it| it.info.protocol())
    }

    /// The handler, a direction, the other one of its connection, and what is known of its place.
    #[inline]
    pub(super) fn parts(&mut self, number: u32) -> Option<Parts<'_, H>> {
        let Self {
            handler,
            directions,
            pairs,
            window,
            ..
        } = self;
        let (own, peer) = with_peer(directions, number)?;
        let around = Around {
            number,
            pairs,
            window,
        };
        Some((handler, own, peer, around))
    }

    /// Calls the handler for a direction, and does what it answers.
    #[inline]
    pub(super) fn with_side(
        &mut self,
        number: u32,
        current: Current<'_>,
        call: impl FnOnce(&mut H, Side<'_, H::State>) -> Answer,
    ) {
        let Some((handler, own, peer, around)) = self.parts(number) else {
            return;
        };
        let peer = peer.map(|it| &mut it.state);
        let side = around.of(&own.info, &mut own.state, peer, current);
        let answer = call(handler, side);
        self.obey(number, answer);
    }

    /// Works on what a direction holds, and hands over what comes of it; `work` returns what a
    /// segment brought, if there was one.
    #[inline]
    pub(super) fn reassemble(
        &mut self,
        number: u32,
        current: Current<'_>,
        work: impl FnOnce(&mut Reassembler<PayloadSpan>, &mut Delivery<'_, H>) -> Option<Arrival>,
    ) {
        let Self {
            handler,
            directions,
            pairs,
            window,
            error,
            ..
        } = self;
        let Some((own, peer)) = with_peer(directions, number) else {
            return;
        };
        let Direction { tcp, info, state } = own;
        let is_followed = info.is_followed();
        let mut delivery = Delivery {
            handler,
            info,
            state,
            peer: peer.map(|it| &mut it.state),
            around: Around {
                number,
                pairs,
                window,
            },
            offset: tcp.delivered(),
            current,
            answer: Answer::Continue,
            error,
        };
        let arrival = work(tcp, &mut delivery);
        let wants_more = is_followed && delivery.answer == Answer::Continue;
        if let Some(arrival) = arrival.filter(|_| wants_more) {
            let (handler, side) = delivery.side();
            handler.arrived(side, &arrival);
        }
        let answer = delivery.answer;
        self.touch(number);
        self.obey(number, answer);
        self.end_at_fin(number, current);
    }

    /// Lets the handler know that a direction has ended, if its FIN was reached.
    #[inline]
    fn end_at_fin(&mut self, number: u32, current: Current<'_>) {
        let Some(direction) = self.directions.get(number as usize) else {
            return;
        };
        if direction.tcp.has_fin() && !direction.info.has(HAS_ENDED) && direction.tcp.is_complete()
        {
            self.end(number, current);
        }
    }

    /// Notes that something came for a direction in this window.
    #[inline]
    pub(super) fn touch(&mut self, number: u32) {
        if let Some(direction) = self.directions.get_mut(number as usize)
            && !direction.info.has(IS_TOUCHED)
        {
            direction.info.flags |= IS_TOUCHED;
            self.touched.push(number);
        }
    }

    /// Does what a handler has answered, for both directions of the connection.
    #[inline]
    pub(super) fn obey(&mut self, number: u32, answer: Answer) {
        if answer != Answer::Continue {
            self.obey_refusal(number, answer);
        }
    }

    #[cold]
    fn obey_refusal(&mut self, number: u32, answer: Answer) {
        let Some(direction) = self.directions.get(number as usize) else {
            return;
        };
        for number in [number, direction.info.peer] {
            let Some(direction) = self.directions.get_mut(number as usize) else {
                continue;
            };
            direction.info.flags |= IS_STOPPED;
            direction.tcp.stop();
            if answer == Answer::Forget {
                direction.info.flags |= IS_FORGOTTEN;
                direction.state = H::State::default();
            }
        }
    }

    fn udp(&mut self, to: Route, packet: &PacketRef, contents: &Contents<'_>) {
        let current = self.current(packet, contents);
        let Some(transport) = &contents.transport else {
            return self.without_transport(to, packet, contents);
        };
        let number = self.direction_without_number(to, current);
        self.packet_of(number, packet, contents);
        let Some(len) = ByteOrder::Big.u16(transport.bytes, 4) else {
            self.count_cut_header(to);
            return;
        };
        if !self.is_followed(number) {
            return;
        }
        let captured = len_u32(transport.bytes.len());
        let datagram = captured.saturating_add(transport.missing);
        // A length below that of the header is that of a jumbogram (RFC 2675, section 4), or open.
        let on_wire = match u32::from(len) {
            0..UDP_HEADER_LEN => datagram,
            len => datagram.min(len),
        }
        .saturating_sub(UDP_HEADER_LEN);
        let payload = captured.saturating_sub(UDP_HEADER_LEN).min(on_wire);
        let arrived = Arrived {
            tcp: None,
            payload: on_wire,
            step: Step::New,
            packet,
            contents,
        };
        self.with_side(number, current, |handler, side| {
            handler.segment(side, &arrived)
        });
        if self.is_stopped(number) {
            return;
        }
        let piece = (payload > 0).then(|| {
            self.window
                .span(transport, UDP_HEADER_LEN, payload, packet.time)
        });
        self.reassemble(number, current, |stream, sink| {
            if let Some(piece) = piece {
                stream.append(piece, sink);
            }
            if on_wire > payload {
                stream.append(PayloadSpan::lost(on_wire - payload), sink);
            }
            Some(Arrival::default())
        });
    }

    /// Whether the handler wants no payload of a direction.
    pub(super) fn is_stopped(&self, number: u32) -> bool {
        let direction = self.directions.get(number as usize);
        direction.is_none_or(|it| it.info.has(IS_STOPPED))
    }

    #[cold]
    pub(super) fn count_cut_header(&mut self, to: Route) {
        *self.cut_headers.entry((to.pair, to.flow)).or_default() += 1;
    }

    /// A fragment that completes nothing, or less than a header: no direction opens with it, unless
    /// packets are what counts.
    #[cold]
    pub(super) fn without_transport(
        &mut self,
        to: Route,
        packet: &PacketRef,
        contents: &Contents<'_>,
    ) {
        let pair = self.pairs.get(to.pair);
        let number = pair.and_then(|it| it.current.get(to.side).copied());
        let number = match number {
            None | Some(NONE) if !self.handler.follows_any_packet() => return,
            _ => self.direction_without_number(to, self.current(packet, contents)),
        };
        self.packet_of(number, packet, contents);
    }

    /// Notes a packet of a direction.
    #[inline]
    pub(super) fn packet_of(&mut self, number: u32, packet: &PacketRef, contents: &Contents<'_>) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        direction.info.note_time(packet.time);
        if direction.info.is_followed() && self.handler.sees_packets() {
            self.touch(number);
            let current = self.current(packet, contents);
            self.with_side(number, current, |handler, side| {
                handler.packet(side, packet, contents);
                Answer::Continue
            });
        }
    }

    /// The packet that is being worked in.
    pub(super) fn current<'a>(&self, packet: &PacketRef, contents: &Contents<'a>) -> Current<'a> {
        Current {
            time: packet.time,
            at: Some(self.window.base.after(packet.offset.into())),
            window: contents.window,
        }
    }
}

/// See [`Tracker::parts`].
type Parts<'a, H> = (
    &'a mut H,
    &'a mut Direction<<H as Handler>::State>,
    Option<&'a mut Direction<<H as Handler>::State>>,
    Around<'a>,
);

/// A direction, and the other one of its connection.
#[inline]
fn with_peer<S>(
    directions: &mut [Direction<S>],
    number: u32,
) -> Option<(&mut Direction<S>, Option<&mut Direction<S>>)> {
    let peer = directions.get(number as usize)?.info.peer;
    if peer == NONE {
        return directions.get_mut(number as usize).map(|it| (it, None));
    }
    let both = directions.get_disjoint_mut([number as usize, peer as usize]);
    both.ok().map(|[own, peer]| (own, Some(peer)))
}

impl<H: Handler> Observer for Tracker<H> {
    fn start(&mut self, flow: u32, is_excluded: bool, key: impl Fn() -> FlowKey) {
        let mut direction = NONE;
        if !is_excluded {
            let key = key();
            let network = key.network;
            self.networks.start(flow, key.network_id());
            let verdict = self.selected.verdict(&network);
            if verdict != Verdict::Refused {
                let (key, is_reverse) = PairKey::new(&network);
                let (pair, is_new) = self.pairs.find_or_add(key, verdict);
                if is_new && verdict == Verdict::ById {
                    self.candidates.push(pair);
                }
                direction = pair << 1 | u32::from(is_reverse);
            }
        }
        self.flows.push(direction);
    }

    fn end(&mut self, flow: u32, why: FlowEnd) {
        if why == FlowEnd::Timeout {
            self.end_flow(flow);
        }
    }

    #[inline]
    fn packet(&mut self, flow: u32, packet: &PacketRef, contents: Option<&Contents<'_>>) {
        // Without contents, which no packet of a run has that needs none, all of this is compiled
        // away: so they come first.
        let Some(contents) = contents else { return };
        let Some(to) = self.route(flow, packet) else {
            return;
        };
        if self.requires_checksums && !self.admits(to, contents) {
            return;
        }
        if packet.protocol == protocol::TCP {
            self.tcp(to, packet, contents);
        } else {
            self.udp(to, packet, contents);
        }
    }
}

/// RFC 768.
const UDP_HEADER_LEN: u32 = 8;
