//! What a connection comes to.

use super::connection::Connection;
use super::ends::{ClientBy, Side};
use super::history::{self, End, State};
use super::samples::Summary;
use super::side::{Anomalies, Counts, Moment, Offer, SideState};

/// A connection, measured. Times are nanoseconds since 1970, durations nanoseconds, sizes bytes.
#[derive(Clone, Debug)]
pub struct Report {
    /// The side that is the client, and why.
    pub client: Side,
    /// See above.
    pub client_by: ClientBy,
    /// The earliest and the latest time.
    pub first: i64,
    /// See above.
    pub last: i64,
    /// Ordinals of its first and last packet in the run.
    pub first_packet: u64,
    /// See above.
    pub last_packet: u64,
    /// Packets that are older than the one before.
    pub time_back: u32,
    /// The longest time without a packet, and the packet after it.
    pub idle_max: i64,
    /// See above.
    pub idle_max_packet: u64,
    /// The first SYN.
    pub syn: Option<Moment>,
    /// The first SYN-ACK.
    pub synack: Option<Moment>,
    /// The first acknowledgment of the client after it.
    pub ack: Option<Moment>,
    /// From the last SYN to the acknowledgment that ends the handshake.
    pub handshake_rtt: Option<i64>,
    /// Payload of the client's SYN.
    pub tfo: u32,
    /// Multipath TCP was offered.
    pub mptcp: bool,
    /// tshark's bits, as it shows them in the last packet, which does not count itself: 1 SYN, 2 SYN-ACK,
    /// 4 ACK, 8 data, 16 FIN, 32 RST.
    pub completeness: u8,
    /// Zeek's state.
    pub state: State,
    /// Zeek's history.
    pub history: String,
    /// The first FIN or RST, and who sent it.
    pub closed: Option<(Side, Moment)>,
    /// The first reset, and who sent it.
    pub reset: Option<(Side, Moment)>,
    /// It was reset after its handshake, and before any FIN.
    pub is_premature: bool,
    /// When it ended: with a reset, or the later of both FINs.
    pub end: Option<i64>,
    /// When its handshake was complete; of connections without one the first packet. `None` of
    /// attempts that failed.
    pub opened: Option<i64>,
    /// Both sides offered scaled windows.
    pub is_window_scaled: bool,
    /// Requests with an answer.
    pub turns: u64,
    /// From a request's last byte to the answer's first one: of the first turn, summed, and the
    /// longest with the packet that ended it.
    pub response_first: i64,
    /// See above.
    pub response_sum: i64,
    /// See above.
    pub response_max: i64,
    /// See above.
    pub response_max_packet: u64,
    /// From an answer's last byte to the next request's first one, summed.
    pub client_think: i64,
    /// From first to last byte of requests, and of responses, summed.
    pub request: i64,
    /// See above.
    pub response: i64,
    /// What the client sent, then the server.
    pub sides: [SideReport; 2],
}

/// What one side sent.
#[derive(Clone, Debug, Default)]
pub struct SideReport {
    /// Counted.
    pub counts: Counts,
    /// What is rare, counted.
    pub anomalies: Anomalies,
    /// Its last SYN.
    pub offer: Option<Offer>,
    /// Shift of its windows.
    pub shift: u8,
    /// Round trips of what it sent, to the acknowledgment.
    pub rtt: Option<Summary>,
    /// Bytes that were not captured.
    pub gap_bytes: u64,
    /// Those of them that were acknowledged.
    pub gap_acked_bytes: u64,
}

impl Report {
    /// The time of a response without the least round trip to the server: what the server took.
    pub fn think(&self, response: i64) -> i64 {
        let rtt = self.sides[0].rtt.map_or(0, |it| it.min);
        response.saturating_sub(rtt).max(0)
    }

    /// The same for all turns.
    pub fn server_time(&self) -> i64 {
        let turns = i64::try_from(self.turns).unwrap_or(i64::MAX);
        let rtt = self.sides[0].rtt.map_or(0, |it| it.min);
        let waited = rtt.saturating_mul(turns);
        self.response_sum.saturating_sub(waited).max(0)
    }

    /// Delays of retransmissions of both sides.
    pub fn retransmission_delay(&self) -> i64 {
        let delays = self
            .sides
            .iter()
            .map(|it| it.anomalies.retransmission_delay_ns);
        delays.fold(0, i64::saturating_add)
    }
}

impl Connection {
    /// What it comes to, if nothing follows.
    pub fn report(&self) -> Report {
        let ends = self.client_and_server(|it| it.end);
        let has_payload = self.sides.iter().any(|it| it.counts.payload_bytes > 0);
        let handshake = &self.handshake;
        let state = history::state(ends[0], ends[1], has_payload);
        let fins = self.sides.iter().map(|it| it.counts.fin);
        let fins = fins.collect::<Option<Vec<i64>>>();
        let closed = fins.and_then(|it| it.into_iter().max());
        Report {
            client: self.client,
            client_by: self.client_by,
            first: self.first,
            last: self.last,
            first_packet: self.first_packet,
            last_packet: self.last_packet,
            time_back: self.time_back,
            idle_max: self.idle_max,
            idle_max_packet: self.idle_max_packet,
            syn: handshake.syn,
            synack: handshake.synack,
            ack: handshake.ack,
            handshake_rtt: handshake.rtt.filter(|it| *it > 0),
            tfo: handshake.tfo,
            mptcp: self.mptcp,
            completeness: self.completeness_before,
            state,
            history: self.history.text(self.client),
            closed: self.closed,
            reset: self.reset,
            is_premature: self.is_premature,
            end: self
                .reset
                .map(|(_, at)| at.time)
                .into_iter()
                .chain(closed)
                .min(),
            opened: self.opened(),
            is_window_scaled: self.is_window_scaled(),
            turns: self.turns.count,
            response_first: self.turns.response_first,
            response_sum: self.turns.response_sum,
            response_max: self.turns.response_max,
            response_max_packet: self.turns.response_max_packet,
            client_think: self.turns.client_think,
            request: self.turns.request,
            response: self.turns.response,
            sides: [self.client, self.client.other()].map(|it| self.side_report(it)),
        }
    }

    fn client_and_server<T>(&self, of: impl Fn(&SideState) -> T) -> [T; 2] {
        [self.client, self.client.other()].map(|it| of(self.sides.get(it)))
    }

    fn is_window_scaled(&self) -> bool {
        let offers = self.sides.iter().map(|it| it.offer);
        offers
            .flatten()
            .filter(|it| it.window_scale.is_some())
            .count()
            == 2
    }

    fn opened(&self) -> Option<i64> {
        let handshake = &self.handshake;
        let [client, server] = self.client_and_server(|it| it.end);
        let is_refused = client == End::SynSent && matches!(server, End::Inactive | End::Reset);
        let complete = handshake.ack.or(handshake.synack).map(|it| it.time);
        match handshake.syn {
            _ if is_refused => None,
            Some(_) => complete,
            None => complete.or(Some(self.first)),
        }
    }

    fn side_report(&self, side: Side) -> SideReport {
        let own = self.sides.get(side);
        let peer = self.sides.get(side.other());
        let acknowledged = peer.numbers.acknowledged();
        SideReport {
            counts: own.counts,
            anomalies: own.anomalies_until(self.last),
            offer: own.offer,
            shift: self.shift(side).unwrap_or(0),
            rtt: own.rtt.summary(),
            gap_bytes: own.coverage.missing(),
            gap_acked_bytes: acknowledged.map_or(0, |it| own.coverage.missing_before(it)),
        }
    }
}
