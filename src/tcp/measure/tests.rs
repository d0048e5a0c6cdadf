//! Scripted connections with known answers, one for each case that the columns' definitions name.

use super::*;
use crate::tcp::Segment;

const SYN: u16 = Segment::SYN;
const ACK: u16 = Segment::ACK;
const FIN: u16 = Segment::FIN;
const RST: u16 = Segment::RST;
const MS: i64 = 1_000_000;
/// Initial numbers of the client and of the server: the server's wraps soon.
const ISN: [u32; 2] = [5000, u32::MAX - 500];

/// A connection that is told, segment by segment. Numbers are relative: 0 is the SYN.
struct Script {
    connection: Connection,
    packet: u64,
    time: i64,
    window: u16,
    options: Vec<u8>,
    ip_id: u16,
    isn: [u32; 2],
}

/// `>` is the sender of the first packet, `<` the other one.
#[derive(Clone, Copy)]
struct Told<'a>(&'a str, u16, u32, u32, u32);

impl Script {
    fn new() -> Self {
        Self {
            connection: Connection::new(None, false),
            packet: 0,
            time: 0,
            window: 50_000,
            options: Vec::new(),
            ip_id: 0,
            isn: ISN,
        }
    }

    fn keeping_duplicates() -> Self {
        Self {
            connection: Connection::new(None, true),
            ..Self::new()
        }
    }

    /// A segment at a time in ms: who sends it, flags, sequence number, acknowledgment, payload.
    fn at(&mut self, ms: i64, Told(from, flags, seq, ack, payload): Told<'_>) -> Measured {
        let side = if from == ">" {
            Side::First
        } else {
            Side::Second
        };
        let number = |side: Side, relative: u32| {
            self.isn[usize::from(side == Side::Second)].wrapping_add(relative)
        };
        let segment = Segment {
            sequence: number(side, seq),
            acknowledgment: if flags & ACK == 0 {
                0
            } else {
                number(side.other(), ack)
            },
            flags,
            window: self.window,
            checksum: 0,
            header_len: 20,
            window_scale: None,
        };
        self.packet += 1;
        self.time = ms * MS;
        self.ip_id += 1;
        self.connection.segment(
            side,
            &Seen {
                segment: &segment,
                options: &self.options,
                payload,
                wire_len: 54 + payload,
                time: self.time,
                packet: self.packet,
                ip_id: self.ip_id,
            },
        )
    }

    /// The same segment once more, as a mirror port shows it.
    fn copied(&mut self, ms: i64, told: Told<'_>) -> Measured {
        self.ip_id -= 1;
        self.at(ms, told)
    }

    fn with_options<T>(&mut self, options: &[u8], tell: impl FnOnce(&mut Self) -> T) -> T {
        self.options = options.to_vec();
        let told = tell(self);
        self.options.clear();
        told
    }

    fn with_window<T>(&mut self, window: u16, tell: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.window, window);
        let told = tell(self);
        self.window = before;
        told
    }

    /// SYN at 0 ms, its answer at 10 ms, the acknowledgment at 30 ms.
    fn handshake() -> Self {
        let mut script = Self::new();
        script.shake();
        script
    }

    fn shake(&mut self) {
        self.at(0, Told(">", SYN, 0, 0, 0));
        self.at(10, Told("<", SYN | ACK, 0, 1, 0));
        self.at(30, Told(">", ACK, 1, 1, 0));
    }

    fn report(&self) -> Report {
        self.connection.report()
    }
}

#[test]
fn a_connection_with_one_turn() {
    let mut script = Script::handshake();
    script.at(40, Told(">", ACK, 1, 1, 100));
    script.at(60, Told("<", ACK, 1, 101, 0));
    script.at(90, Told("<", ACK, 1, 101, 1000));
    script.at(95, Told("<", ACK, 1001, 101, 500));
    script.at(110, Told(">", ACK, 101, 1501, 0));
    script.at(120, Told(">", FIN | ACK, 101, 1501, 0));
    script.at(140, Told("<", FIN | ACK, 1501, 102, 0));
    script.at(150, Told(">", ACK, 102, 1502, 0));
    let report = script.report();
    let [client, server] = &report.sides;
    assert_eq!(report.client_by, ClientBy::Syn);
    assert_eq!((report.state.name(), &*report.history), ("SF", "ShADadFf"));
    assert_eq!(report.handshake_rtt, Some(30 * MS));
    assert_eq!(report.ack.unwrap().packet, 3);
    assert_eq!((client.counts.packets, server.counts.packets), (6, 5));
    assert_eq!(
        (client.counts.unique_bytes, server.counts.unique_bytes),
        (100, 1500)
    );
    assert_eq!(report.turns, 1);
    assert_eq!(
        (report.response_first, report.response_max_packet),
        (50 * MS, 6)
    );
    assert_eq!(report.response, 5 * MS);
    let to_server = client.rtt.unwrap();
    assert_eq!((to_server.samples, to_server.min), (1, 20 * MS));
    assert_eq!(report.server_time(), 30 * MS);
    let to_client = server.rtt.unwrap();
    assert_eq!((to_client.samples, to_client.min), (1, 15 * MS));
    assert_eq!(report.closed.unwrap().1.packet, 9);
    assert_eq!(report.end, Some(140 * MS));
    assert_eq!(report.opened, Some(30 * MS));
    // As tshark shows it in the last packet: 31.
    assert_eq!(report.completeness, 31);
    assert!(report.reset.is_none() && !report.is_premature);
}

#[test]
fn from_the_middle_on() {
    let mut script = Script::new();
    script.at(0, Told("<", ACK, 700, 90, 10));
    script.at(5, Told(">", ACK, 90, 710, 0));
    let report = script.report();
    assert_eq!(report.client_by, ClientBy::First);
    assert_eq!(
        (report.syn, report.synack, report.handshake_rtt),
        (None, None, None)
    );
    let lost = report.sides.iter().map(|it| it.anomalies.lost_segments);
    assert_eq!(lost.sum::<u64>(), 0, "nothing is known of what came before");
    assert_eq!(report.opened, Some(0));
    assert_eq!(report.state, State::Other);
}

#[test]
fn one_side_only() {
    let mut script = Script::new();
    script.at(0, Told(">", SYN, 0, 0, 0));
    script.at(20, Told(">", ACK, 1, 1, 0));
    script.at(30, Told(">", ACK, 1, 1, 50));
    script.at(60, Told(">", ACK, 51, 900, 0));
    let report = script.report();
    let [client, server] = &report.sides;
    assert_eq!(server.counts.packets, 0);
    assert!(client.rtt.is_none() && server.rtt.is_none());
    assert_eq!(report.synack, None);
    assert_eq!(
        report.handshake_rtt,
        Some(20 * MS),
        "to the first acknowledgment, as there is no answer"
    );
    assert_eq!(
        client.anomalies.acked_unseen, 0,
        "as nothing of the server was captured"
    );
}

#[test]
fn a_syn_that_is_repeated() {
    let mut script = Script::new();
    script.at(0, Told(">", SYN, 0, 0, 0));
    let again = script.at(1000, Told(">", SYN, 0, 0, 0));
    assert!(again.analysis.has(Analysis::RETRANSMISSION));
    script.at(1020, Told("<", SYN | ACK, 0, 1, 0));
    script.at(1050, Told(">", ACK, 1, 1, 0));
    let report = script.report();
    assert_eq!(report.sides[0].counts.syns, 2);
    assert_eq!(
        report.syn.unwrap().time,
        0,
        "the delay is from the first one"
    );
    assert_eq!(
        report.handshake_rtt,
        Some(50 * MS),
        "the round trip from the last"
    );
}

#[test]
fn a_server_that_starts_again() {
    let mut script = Script::new();
    script.at(0, Told(">", SYN, 0, 0, 0));
    script.at(10, Told("<", SYN | ACK, 0, 1, 0));
    script.isn[1] = 77_000;
    script.at(500, Told("<", SYN | ACK, 0, 1, 0));
    script.at(510, Told(">", ACK, 1, 1, 0));
    let report = script.report();
    assert_eq!(report.sides[1].counts.syns, 2);
    assert_eq!(report.sides[1].offer.unwrap().isn, 77_000);
    assert_eq!(report.synack.unwrap().packet, 2);
}

#[test]
fn simultaneous_open() {
    let mut script = Script::new();
    script.at(0, Told(">", SYN, 0, 0, 0));
    script.at(1, Told("<", SYN, 0, 0, 0));
    script.at(20, Told(">", SYN | ACK, 0, 1, 0));
    script.at(21, Told("<", SYN | ACK, 0, 1, 0));
    let report = script.report();
    assert_eq!(
        (report.client, report.client_by),
        (Side::First, ClientBy::Syn)
    );
    assert_eq!(&report.history, "SsHh");
    assert_eq!(report.state, State::S1);
}

#[test]
fn fast_open() {
    let mut script = Script::new();
    script.at(0, Told(">", SYN, 0, 0, 40));
    script.at(10, Told("<", SYN | ACK, 0, 41, 0));
    script.at(12, Told("<", ACK, 1, 41, 300));
    script.at(30, Told(">", ACK, 41, 301, 0));
    let report = script.report();
    assert_eq!(report.tfo, 40);
    assert_eq!(report.sides[0].counts.unique_bytes, 40);
    assert_eq!(
        report.handshake_rtt,
        Some(12 * MS),
        "the SYN's data are acknowledged"
    );
    assert_eq!(report.turns, 1);
}

#[test]
fn keep_alives_and_their_answers() {
    let mut script = Script::handshake();
    script.at(40, Told(">", ACK, 1, 1, 10));
    script.at(50, Told("<", ACK, 1, 11, 0));
    for (ms, payload) in [(10_000, 0), (20_000, 1)] {
        let probe = script.at(ms, Told(">", ACK, 10, 1, payload));
        assert!(probe.analysis.has(Analysis::KEEP_ALIVE), "{payload} bytes");
        assert!(!probe.analysis.has(Analysis::RETRANSMISSION));
        let answer = script.at(ms + 10, Told("<", ACK, 1, 11, 0));
        assert!(answer.analysis.has(Analysis::KEEP_ALIVE_ACK));
    }
    let report = script.report();
    let [client, server] = &report.sides;
    assert_eq!(
        (
            client.anomalies.keep_alives,
            server.anomalies.keep_alive_acks
        ),
        (2, 2)
    );
    assert_eq!(
        (client.counts.unique_bytes, client.counts.payload_bytes),
        (10, 11)
    );
    assert_eq!((report.idle_max, report.idle_max_packet), (9_990 * MS, 8));
}

#[test]
fn a_closed_window_and_its_probe() {
    let mut script = Script::handshake();
    script.at(40, Told(">", ACK, 1, 1, 1000));
    script.with_window(0, |it| it.at(50, Told("<", ACK, 1, 1001, 0)));
    let probe = script.at(300, Told(">", ACK, 1001, 1, 1));
    assert_eq!(probe.analysis, Analysis::ZERO_WINDOW_PROBE);
    let answer = script.with_window(0, |it| it.at(310, Told("<", ACK, 1, 1001, 0)));
    assert!(answer.analysis.has(Analysis::ZERO_WINDOW_PROBE_ACK));
    let open = script.at(600, Told("<", ACK, 1, 1001, 0));
    assert!(open.analysis.has(Analysis::WINDOW_UPDATE));
    let data = script.at(610, Told(">", ACK, 1001, 1, 500));
    assert_eq!(
        data.analysis,
        Analysis::default(),
        "not repeated, but for the probe's byte"
    );
    script.with_window(0, |it| it.at(700, Told("<", ACK, 1, 1501, 0)));
    script.at(1000, Told(">", ACK, 1501, 1, 0));
    let server = &script.report().sides[1].anomalies;
    assert_eq!((server.zero_windows, server.zero_window_episodes), (3, 2));
    assert_eq!(
        server.zero_window_ns,
        (550 + 300) * MS,
        "the last one until the end"
    );
    assert_eq!(
        (server.zero_window_max_ns, server.zero_window_max_packet),
        (550 * MS, 5)
    );
}

#[test]
fn lost_before_and_after_the_tap() {
    let mut script = Script::handshake();
    script.at(40, Told("<", ACK, 1, 1, 1000));
    let hole = script.at(41, Told("<", ACK, 2001, 1, 1000));
    assert!(hole.analysis.has(Analysis::LOST_SEGMENT));
    let late = script.at(241, Told("<", ACK, 1001, 1, 1000));
    assert!(late.analysis.has(Analysis::RETRANSMISSION));
    assert_eq!((late.new_bytes, late.rto), (1000, Some(200 * MS)));
    let again = script.at(641, Told("<", ACK, 2001, 1, 1000));
    assert_eq!((again.new_bytes, again.rto), (0, Some(600 * MS)));
    let server = &script.report().sides[1];
    assert_eq!(
        (
            server.anomalies.lost_upstream,
            server.anomalies.lost_downstream
        ),
        (1, 1)
    );
    assert_eq!(server.anomalies.retransmission_delay_ns, 800 * MS);
    assert_eq!(server.anomalies.rto_max_ns, 600 * MS);
    assert_eq!((server.gap_bytes, server.counts.unique_bytes), (0, 3000));
}

#[test]
fn out_of_order_within_a_round_trip() {
    let mut script = Script::handshake();
    script.at(40, Told("<", ACK, 1001, 1, 1000));
    let late = script.at(41, Told("<", ACK, 1, 1, 1000));
    assert_eq!(late.analysis, Analysis::OUT_OF_ORDER);
    let anomalies = &script.report().sides[1].anomalies;
    assert_eq!((anomalies.retransmissions, anomalies.lost_upstream), (0, 0));
}

#[test]
fn three_kinds_of_retransmissions() {
    let mut script = Script::handshake();
    for number in 0..4 {
        script.at(40, Told("<", ACK, 1 + number * 100, 1, 100));
    }
    script.at(60, Told(">", ACK, 1, 101, 0));
    for _ in 0..3 {
        let again = script.at(61, Told(">", ACK, 1, 101, 0));
        assert!(again.analysis.has(Analysis::DUPLICATE_ACK));
    }
    let fast = script.at(75, Told("<", ACK, 101, 1, 100));
    assert!(fast.analysis.has(Analysis::FAST_RETRANSMISSION));
    script.at(95, Told(">", ACK, 1, 401, 0));
    let spurious = script.at(96, Told("<", ACK, 201, 1, 100));
    assert!(spurious.analysis.has(Analysis::SPURIOUS_RETRANSMISSION));
    script.at(100, Told("<", ACK, 401, 1, 100));
    let other = script.at(500, Told("<", ACK, 401, 1, 100));
    assert_eq!(other.analysis, Analysis::OTHER_RETRANSMISSION);
    let server = &script.report().sides[1];
    let anomalies = &server.anomalies;
    assert_eq!(
        (
            anomalies.fast_retransmissions,
            anomalies.spurious_retransmissions
        ),
        (1, 1)
    );
    assert_eq!(anomalies.retransmissions, 3);
    // Karn: what was sent twice gives no sample.
    script.at(600, Told(">", ACK, 1, 501, 0));
    assert_eq!(script.report().sides[1].rtt, server.rtt);
}

#[test]
fn copies_count_as_nothing_else() {
    let mut told = [Script::new(), Script::keeping_duplicates()].map(|mut script| {
        script.shake();
        script.at(40, Told(">", ACK, 1, 1, 100));
        let copy = script.copied(41, Told(">", ACK, 1, 1, 100));
        // The same numbers, but another packet.
        script.at(42, Told(">", ACK, 1, 1, 100));
        // Too late for a copy.
        script.copied(45, Told(">", ACK, 1, 1, 100));
        (script.report(), copy)
    });
    let [(left_out, copy), (kept, _)] = &mut told;
    assert_eq!(copy.analysis, Analysis::DUPLICATE);
    let (counts, anomalies) = (&left_out.sides[0].counts, &left_out.sides[0].anomalies);
    assert_eq!((counts.packets, anomalies.duplicates), (6, 1));
    assert_eq!((anomalies.retransmissions, counts.data_packets), (2, 3));
    let anomalies = &kept.sides[0].anomalies;
    assert_eq!((anomalies.duplicates, anomalies.retransmissions), (1, 3));
}

#[test]
fn offloaded_segments_are_longer_than_the_other_sides_mss() {
    let mut script = Script::new();
    script.with_options(&[2, 4, 5, 180], |it| it.at(0, Told(">", SYN, 0, 0, 0)));
    script.with_options(&[2, 4, 4, 0], |it| it.at(1, Told("<", SYN | ACK, 0, 1, 0)));
    script.at(2, Told(">", ACK, 1, 1, 60_000));
    script.at(3, Told(">", ACK, 60_001, 1, 1024));
    script.at(4, Told("<", ACK, 1, 61_025, 1460));
    let [client, server] = &script.report().sides;
    assert_eq!(
        (client.anomalies.above_mss, server.anomalies.above_mss),
        (1, 0)
    );
    assert_eq!(client.counts.max_segment, 60_000);
}

#[test]
fn windows_are_scaled_where_both_sides_offer_it() {
    let [scaled, plain]: [&[u8]; 2] = [&[3, 3, 7, 1], &[]];
    for (client, server, expected) in [
        (Some(scaled), Some(scaled), (true, 128_000)),
        (Some(scaled), Some(plain), (false, 1000)),
        (Some(plain), Some(scaled), (false, 1000)),
        (Some(scaled), None, (false, 128_000)),
        (None, Some(scaled), (false, 1000)),
    ] {
        let mut script = Script::new();
        if let Some(options) = client {
            script.with_options(options, |it| it.at(0, Told(">", SYN, 0, 0, 0)));
        }
        if let Some(options) = server {
            script.with_options(options, |it| it.at(1, Told("<", SYN | ACK, 0, 1, 0)));
        }
        script.with_window(1000, |it| it.at(2, Told(">", ACK, 1, 1, 0)));
        let report = script.report();
        let side = report.sides.iter().find(|it| it.counts.window.is_some());
        let client = side
            .map(|it| (it.counts.window.unwrap(), it.shift))
            .unwrap();
        let window = u32::from(client.0.0) << client.1;
        assert_eq!((report.is_window_scaled, window), expected);
    }
}

#[test]
fn a_full_window() {
    let mut script = Script::handshake();
    script.with_window(300, |it| it.at(40, Told("<", ACK, 1, 1, 0)));
    let full = script.at(50, Told(">", ACK, 1, 1, 300));
    assert!(full.analysis.has(Analysis::WINDOW_FULL));
    assert_eq!(full.in_flight, Some(300));
}

#[test]
fn clocks_that_run_back() {
    let mut script = Script::handshake();
    script.at(-5000, Told(">", ACK, 1, 1, 10));
    script.at(-4990, Told("<", ACK, 1, 11, 0));
    let report = script.report();
    assert_eq!(
        (report.time_back, report.first, report.last),
        (1, -5000 * MS, 30 * MS)
    );
    assert_eq!(report.sides[0].rtt.unwrap().min, 10 * MS);
}

#[test]
fn sequence_numbers_wrap_and_may_have_passed_4_gib() {
    let mut script = Script::handshake();
    let step = 1 << 30;
    for number in 0..6_u32 {
        let seq = number.wrapping_mul(step).wrapping_add(1);
        let told = script.at(i64::from(number) + 40, Told("<", ACK, seq, 1, step));
        assert_eq!(told.analysis, Analysis::default(), "{number}");
        let ack = seq.wrapping_add(step);
        script.at(i64::from(number) + 40, Told(">", ACK, 1, ack, 0));
    }
    let server = &script.report().sides[1];
    assert_eq!(server.counts.unique_bytes, 6 << 30);
    assert_eq!((server.gap_bytes, server.anomalies.retransmissions), (0, 0));
}

#[test]
fn resets() {
    // Refused.
    let mut script = Script::new();
    script.at(0, Told(">", SYN, 0, 0, 0));
    script.at(5, Told("<", RST | ACK, 0, 1, 0));
    let report = script.report();
    assert_eq!(
        (report.state, &*report.history, report.is_premature),
        (State::Rej, "Sr", false)
    );
    assert_eq!(report.opened, None);

    // Before any FIN, with payload.
    let mut script = Script::handshake();
    script.at(40, Told(">", ACK, 1, 1, 10));
    script.at(50, Told(">", RST | ACK, 11, 1, 5));
    let report = script.report();
    assert_eq!((report.state, report.is_premature), (State::RstO, true));
    assert_eq!(report.reset.unwrap().1.packet, 5);
    assert_eq!(report.sides[0].counts.unique_bytes, 15);

    // An application in a hurry: after its FIN.
    let mut script = Script::handshake();
    script.at(40, Told(">", FIN | ACK, 1, 1, 0));
    script.at(50, Told(">", RST, 2, 0, 0));
    let report = script.report();
    assert!(!report.is_premature && report.reset.is_some());

    // Neither at the next number nor in the window.
    let mut script = Script::handshake();
    script.at(40, Told("<", ACK, 1, 1, 10));
    script.at(50, Told("<", RST, 500_000_000, 0, 0));
    let report = script.report();
    assert_eq!(report.sides[1].counts.rsts, 1);
    assert!(report.reset.is_none());
    assert_eq!(report.state, State::S1);
}

#[test]
fn acknowledged_but_not_captured() {
    let mut script = Script::handshake();
    script.at(40, Told("<", ACK, 1, 1, 100));
    script.at(41, Told("<", ACK, 201, 1, 100));
    let unseen = script.at(50, Told(">", ACK, 1, 301, 0));
    assert!(unseen.analysis.has(Analysis::ACKED_UNSEEN));
    let beyond = script.at(60, Told(">", ACK, 1, 5001, 0));
    assert!(beyond.analysis.has(Analysis::ACKED_UNSEEN));
    let server = &script.report().sides[1];
    assert_eq!((server.gap_bytes, server.gap_acked_bytes), (100, 100));
    assert_eq!(script.report().sides[0].anomalies.acked_unseen, 2);
}

#[test]
fn the_side_whose_port_is_one_of_servers() {
    let connection = Connection::new(Some(Side::First), false);
    let report = connection.report();
    assert_eq!(
        (report.client, report.client_by),
        (Side::Second, ClientBy::Port)
    );
}

#[test]
fn memory_of_a_connection() {
    assert_eq!(size_of::<Connection>(), 1224);
}
