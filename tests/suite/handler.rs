//! Connections as a job of another program sees them: a handler on `stream`.

use pcap_flows::Error;
use pcap_flows::capture::{Input, Nanos, Position};
use pcap_flows::engine::{Config, Progress, Source, Tuning, Window, run};
use pcap_flows::flow::{FlowList, NetworkKey};
use pcap_flows::jobs::{Follow, Following};
use pcap_flows::select::IdSet;
use pcap_flows::stream::{
    Answer, Arrived, Handler, PayloadSpan, Selected, Shared, Side, Tracker, Wanted,
};
use pcap_flows::tcp::{Arrival, Piece, Step, StreamEnd};
use std::io::Cursor;
use std::path::PathBuf;
use testkit::conversation::{CLIENT, Ends, Trace, connections};

/// A call of the handler, and the packet that caused it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    /// `None`, for the end of the inputs, is the last.
    packet: (bool, Option<Position>),
    from: (std::net::IpAddr, u16),
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Opened,
    Segment(u32, bool),
    Data(u64, Vec<u8>),
    Gap(u64, u32),
    Arrived,
    Ended(bool),
}

/// Writes down what it is called for.
#[derive(Debug, Default)]
struct Recorder {
    calls: Vec<Call>,
    /// For each delivery the sender's port, and the bytes delivered of its direction and of the
    /// other one so far.
    turns: Vec<(u16, u64, Option<u64>)>,
    /// What it answers to the first data of a direction.
    answer: Answer,
}

impl Recorder {
    fn note(&mut self, side: &Side<'_, u64>, what: What) {
        let NetworkKey { src, src_port, .. } = side.network();
        let packet = side.packet();
        self.calls.push(Call {
            packet: (packet.is_none(), packet),
            from: (src, src_port),
            what,
        });
    }
}

impl Handler for Recorder {
    /// Bytes that were delivered.
    type State = u64;

    fn opened(&mut self, side: Side<'_, u64>) -> Answer {
        self.note(&side, What::Opened);
        Answer::Continue
    }

    fn segment(&mut self, side: Side<'_, u64>, arrived: &Arrived<'_>) -> Answer {
        let is_again = arrived.step == Step::Again;
        self.note(&side, What::Segment(arrived.payload, is_again));
        Answer::Continue
    }

    fn data(&mut self, side: Side<'_, u64>, offset: u64, span: PayloadSpan) -> Answer {
        let mut scratch = Vec::new();
        let bytes = span.read(0, span.len(), &side.source, &mut scratch);
        let bytes = bytes.unwrap().to_vec();
        *side.state += u64::from(span.len());
        let peer = side.peer.as_deref().copied();
        self.turns
            .push((side.network().src_port, *side.state, peer));
        self.note(&side, What::Data(offset, bytes));
        self.answer
    }

    fn gap(&mut self, side: Side<'_, u64>, offset: u64, len: u32, _: Nanos) -> Answer {
        self.note(&side, What::Gap(offset, len));
        Answer::Continue
    }

    fn arrived(&mut self, side: Side<'_, u64>, _: &Arrival) {
        self.note(&side, What::Arrived);
    }

    fn ended(&mut self, side: Side<'_, u64>, end: StreamEnd) {
        self.note(&side, What::Ended(end == StreamEnd::Fin));
    }
}

/// The job around it.
struct Recording {
    shared: Shared,
    answer: Answer,
    seen: Seen,
}

/// What the handlers of all shards were called for.
#[derive(Debug, Default)]
struct Seen {
    calls: Vec<Vec<Call>>,
    turns: Vec<(u16, u64, Option<u64>)>,
    /// Gaps that were given up to keep memory bounded.
    given_up: u64,
}

impl Follow for Recording {
    type Handler = Recorder;

    fn handler(&self) -> Recorder {
        Recorder {
            answer: self.answer,
            ..Recorder::default()
        }
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn shared_mut(&mut self) -> &mut Shared {
        &mut self.shared
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        mut trackers: Vec<&mut Tracker<Recorder>>,
    ) -> Result<u64, Error> {
        let given_up = self
            .shared
            .window_ends(window.bytes, flows, &mut trackers)?;
        self.seen.given_up += given_up;
        Ok(0)
    }

    fn finish(
        &mut self,
        _: &FlowList,
        mut trackers: Vec<&mut Tracker<Recorder>>,
    ) -> Result<u64, Error> {
        self.shared.finish(&mut trackers)?;
        for tracker in trackers {
            let Recorder { calls, turns, .. } = std::mem::take(&mut tracker.handler);
            self.seen.calls.push(calls);
            self.seen.turns.extend(turns);
        }
        Ok(0)
    }
}

/// A way to read a capture.
#[derive(Clone, Copy, Debug)]
struct Way {
    threads: usize,
    window_len: usize,
    chunk_len: usize,
    /// The capture comes as a stream, in buffers of this size.
    buffer_len: Option<usize>,
    /// Both directions are one flow.
    conversations: bool,
    memory_limit: u64,
}

const USUAL: Way = Way {
    threads: 2,
    window_len: 1 << 20,
    chunk_len: 1 << 16,
    buffer_len: None,
    conversations: false,
    memory_limit: 1 << 30,
};

/// What the handlers of all shards are called for.
fn calls_of(capture: &[u8], selected: Selected, answer: Answer, way: Way) -> Vec<Vec<Call>> {
    seen_of(capture, selected, answer, way).calls
}

fn seen_of(capture: &[u8], selected: Selected, answer: Answer, way: Way) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.pcap");
    std::fs::write(&path, capture).unwrap();
    let source = match way.buffer_len {
        None => Source::Path(path),
        Some(len) => {
            let stream = Box::new(Cursor::new(capture.to_vec()));
            Source::Input(Input::from_reader_with_buffer("stream", stream, len).unwrap())
        }
    };
    let config = Config {
        conversations: way.conversations,
        tuning: Tuning {
            threads: way.threads,
            window_len: way.window_len,
            chunk_len: way.chunk_len,
            ..Tuning::default()
        },
        ..Config::default()
    };
    let mut job = Following(Recording {
        shared: Shared::new(selected, way.conversations, way.memory_limit),
        answer,
        seen: Seen::default(),
    });
    run(&config, vec![source], &mut job, &Progress::default()).unwrap();
    job.0.seen
}

/// The calls of all shards, in the order of the packets that caused them.
fn in_order(calls: Vec<Vec<Call>>) -> Vec<Call> {
    for shard in &calls {
        let is_in_order = |pair: &[Call]| pair[0].packet <= pair[1].packet;
        assert!(shard.windows(2).all(is_in_order), "by packets: {shard:#?}");
    }
    let mut all: Vec<Call> = calls.into_iter().flatten().collect();
    // At the end of the inputs, shards are not in any order.
    let end = all.iter().filter(|it| it.packet.0).count();
    all.sort_by_key(|it| it.packet);
    let first_at_end = all.len() - end;
    all[first_at_end..].sort();
    all
}

/// A request and its answer, both out of order, so that bytes of both directions wait; a second
/// client beside them, whose capture has gaps; another one without SYN.
fn disordered() -> Trace {
    let server = CLIENT.reversed();
    let other = CLIENT.with_port(40_001);
    let midstream = CLIENT.with_port(40_002);
    Trace::of([
        CLIENT.syn(99),
        other.syn(49),
        server.syn_ack(899, 99),
        CLIENT.data(105, "hello"),
        server.data(902, "rld"),
        other.data(60, "late"),
        // Completes five bytes and five that wait.
        CLIENT.data(100, "GET /"),
        midstream.data(5, "second"),
        server.data(900, "wo"),
        midstream.data(1, "1st "),
        CLIENT.data(100, "GET /"),
        other.data(50, "0123"),
        CLIENT.fin(110),
        server.fin(905),
    ])
}

fn captures() -> Vec<(String, Vec<u8>)> {
    let mut captures = vec![
        ("disordered".to_owned(), disordered().file()),
        (
            "connections".to_owned(),
            connections(CLIENT, &["first", "second", "third"]).file(),
        ),
    ];
    for name in [
        "http.pcap",
        "lossy-client.pcap",
        "lossy-server.pcap",
        "dns.pcap",
        "ipv6.pcapng",
    ] {
        let path: PathBuf = crate::common::root().join("testdata/recorded").join(name);
        captures.push((name.to_owned(), std::fs::read(path).unwrap()));
    }
    captures
}

/// The contract of `Handler`: calls come in the order of the packets that cause them, whatever the
/// windows and threads, from a file or a pipe.
#[test]
fn calls_come_in_capture_order_however_the_capture_is_read() {
    for (name, capture) in captures() {
        let read = |way| in_order(calls_of(&capture, Selected::all(), Answer::Continue, way));
        let expected = read(USUAL);
        assert!(!expected.is_empty(), "{name}");
        let ways = [
            Way {
                threads: 1,
                ..USUAL
            },
            Way {
                threads: 4,
                window_len: 4096,
                chunk_len: 512,
                ..USUAL
            },
            Way {
                window_len: 1,
                ..USUAL
            },
            Way {
                buffer_len: Some(1 << 20),
                ..USUAL
            },
            Way {
                threads: 1,
                buffer_len: Some(2000),
                ..USUAL
            },
        ];
        for way in ways {
            let found = read(way);
            let differs = found.iter().zip(&expected).position(|(a, b)| a != b);
            assert_eq!(differs, None, "{name}, {way:?}");
            assert_eq!(found.len(), expected.len(), "{name}, {way:?}");
        }
    }
}

/// What is one flow to the list is two directions to a handler.
#[test]
fn conversations_are_two_directions_all_the_same() {
    for (name, capture) in captures() {
        let read = |conversations| {
            let way = Way {
                conversations,
                ..USUAL
            };
            in_order(calls_of(&capture, Selected::all(), Answer::Continue, way))
        };
        assert!(read(true) == read(false), "{name}");
    }
}

/// A handler sees what it keeps for the other direction.
#[test]
fn the_other_direction_is_at_hand() {
    let seen = seen_of(&dialogue(), Selected::all(), Answer::Continue, USUAL);
    let expected = [
        (40_000, 3, Some(0)),
        (80, 3, Some(3)),
        (40_000, 8, Some(3)),
        (80, 7, Some(8)),
    ];
    assert_eq!(seen.turns, expected);
}

/// Bytes of a pipe that wait for a gap are kept up to a limit; then the gap is given up. Those of a
/// file wait where they are.
#[test]
fn what_waits_in_memory_is_bounded() {
    let mut trace = Trace::of([CLIENT.syn(999), CLIENT.data(1000, "first")]);
    // Five bytes are missing, and 64 KiB follow.
    for start in (0..64_u32).map(|number| 1010 + 1024 * number) {
        trace.add(CLIENT.data(start, [b'x'; 1024]));
    }
    let capture = trace.file();
    let pipe = Way {
        buffer_len: Some(8 * 1024),
        ..USUAL
    };
    let small = Way {
        memory_limit: 16 * 1024,
        ..pipe
    };
    let file = Way {
        buffer_len: None,
        window_len: 8 * 1024,
        ..small
    };
    for (way, is_given_up) in [(pipe, false), (small, true), (file, false)] {
        let seen = seen_of(&capture, Selected::all(), Answer::Continue, way);
        assert_eq!(seen.given_up > 0, is_given_up, "{way:?}");
        let calls: Vec<Call> = seen.calls.into_iter().flatten().collect();
        let bytes = calls.iter().map(|call| match &call.what {
            What::Data(_, bytes) => bytes.len(),
            _ => 0,
        });
        assert_eq!(bytes.sum::<usize>(), 5 + 64 * 1024, "{way:?}");
        let gap = calls.iter().position(|it| it.what == What::Gap(5, 5));
        let gap = gap.unwrap_or_else(|| panic!("{way:?}: no gap"));
        assert_eq!(calls[gap].packet, (true, None), "{way:?}: no packet's call");
        // At the end, or while packets still come.
        let follows = calls[gap..].iter().any(|it| it.packet.1.is_some());
        assert_eq!(follows, is_given_up, "{way:?}");
    }
}

/// Requests and answers interleave by the packets that complete them.
#[test]
fn both_directions_interleave_as_they_were_completed() {
    let calls = in_order(calls_of(
        &disordered().file(),
        Selected::all(),
        Answer::Continue,
        USUAL,
    ));
    let data: Vec<(u16, u64, String)> = calls
        .iter()
        .filter_map(|call| match &call.what {
            What::Data(offset, bytes) => Some((
                call.from.1,
                *offset,
                String::from_utf8(bytes.clone()).unwrap(),
            )),
            _ => None,
        })
        .collect();
    let data: Vec<(u16, u64, &str)> = data.iter().map(|(a, b, c)| (*a, *b, c.as_str())).collect();
    let expected = [
        (40_000, 0, "GET /"),
        (40_000, 5, "hello"),
        (80, 0, "wo"),
        (80, 2, "rld"),
        (40_001, 0, "0123"),
        (40_001, 10, "late"),
        (40_002, 0, "1st "),
        (40_002, 4, "second"),
    ];
    assert_eq!(data, expected);
    let gaps: Vec<_> = calls
        .iter()
        .filter(|it| matches!(it.what, What::Gap(..)))
        .collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].from.1, &gaps[0].what), (40_001, &What::Gap(4, 6)));
    let again = calls
        .iter()
        .filter(|it| matches!(it.what, What::Segment(5, true)));
    assert_eq!(
        again.count(),
        2,
        "one that filled a gap, one that repeats it"
    );
}

/// The calls of one client's connection, by kind, in order.
fn kinds(calls: &[Call], ends: Ends) -> Vec<char> {
    let ports = [ends.ports.0, ends.ports.1];
    let is_own = |call: &&Call| ports.contains(&call.from.1);
    let kind = |call: &Call| match call.what {
        What::Opened => 'o',
        What::Segment(..) => 's',
        What::Data(..) => 'd',
        What::Gap(..) => 'g',
        What::Arrived => 'a',
        What::Ended(true) => 'f',
        What::Ended(false) => 'e',
    };
    calls.iter().filter(is_own).map(kind).collect()
}

/// A client sends twice, the server answers twice, both close.
fn dialogue() -> Vec<u8> {
    let server = CLIENT.reversed();
    Trace::of([
        CLIENT.syn(99),
        server.syn_ack(899, 99),
        CLIENT.data(100, "one"),
        server.data(900, "two"),
        CLIENT.data(103, "three"),
        server.data(903, "four"),
        CLIENT.fin(108),
        server.fin(907),
    ])
    .file()
}

#[test]
fn an_answer_decides_for_both_directions() {
    let calls = |answer| in_order(calls_of(&dialogue(), Selected::all(), answer, USUAL));
    let shown = |answer| {
        kinds(&calls(answer), CLIENT)
            .into_iter()
            .collect::<String>()
    };
    assert_eq!(shown(Answer::Continue), "osaosasdasdasdasdasafsaf");
    // Data of neither direction come after the first; segments and ends do.
    assert_eq!(shown(Answer::Stop), "osaosasdssssfsf");
    // Nothing comes.
    assert_eq!(shown(Answer::Forget), "osaosasd");
}

/// After a handler has stopped a connection, bytes that wait and bytes that are missing are nothing
/// to it; the end still is.
#[test]
fn a_stopped_connection_has_no_gaps_but_an_end() {
    let shown = |trace: Trace| {
        let calls = calls_of(&trace.file(), Selected::all(), Answer::Stop, USUAL);
        kinds(&in_order(calls), CLIENT)
            .into_iter()
            .collect::<String>()
    };
    // Ten bytes are missing after the stop.
    let hole = [
        CLIENT.syn(99),
        CLIENT.data(100, "one"),
        CLIENT.data(113, "later"),
        CLIENT.fin(118),
    ];
    assert_eq!(shown(Trace::of(hole)), "osasdssf");
    // Bytes wait, and the FIN has come, when the first bytes are delivered.
    let waiting = [
        CLIENT.syn(99),
        CLIENT.data(113, "later"),
        CLIENT.fin(118),
        CLIENT.data(100, "one"),
    ];
    assert_eq!(shown(Trace::of(waiting)), "osasasasdf");
    // The FIN never comes.
    let open = [
        CLIENT.syn(99),
        CLIENT.data(100, "one"),
        CLIENT.data(113, "later"),
    ];
    assert_eq!(shown(Trace::of(open)), "osasdse");
}

/// Connections that follow a forgotten one on the same ports are seen.
#[test]
fn a_forgotten_connection_does_not_hide_the_next_one() {
    let capture = connections(CLIENT, &["first", "second", "third"]).file();
    for (answer, expected) in [
        (Answer::Continue, 3),
        (Answer::Stop, 3),
        (Answer::Forget, 3),
    ] {
        let calls = in_order(calls_of(&capture, Selected::all(), answer, USUAL));
        let first = calls
            .iter()
            .filter(|it| matches!(it.what, What::Data(0, _)));
        assert_eq!(first.count(), expected, "{answer:?}");
    }
}

/// A handler sees the directions that FlowIDs select; those of others until the window in which
/// they open has ended.
#[test]
fn flow_ids_select_directions() {
    let ids: IdSet = "2".parse().unwrap();
    let selected = Selected {
        tcp: Some(Wanted {
            ids,
            ..Wanted::default()
        }),
        udp: None,
    };
    let one_by_one = Way {
        window_len: 1,
        ..USUAL
    };
    for way in [USUAL, one_by_one] {
        let capture = disordered().file();
        let calls = calls_of(&capture, selected.clone(), Answer::Continue, way);
        let calls: Vec<Call> = calls.into_iter().flatten().collect();
        let data = |is_wanted: bool| {
            let calls = calls
                .iter()
                .filter(move |it| (it.from.1 == 40_001) == is_wanted);
            let bytes = calls.filter_map(|call| match &call.what {
                What::Data(_, bytes) => Some(bytes.clone()),
                _ => None,
            });
            bytes.flatten().collect::<Vec<u8>>()
        };
        assert_eq!(data(true), b"0123late", "{way:?}");
        assert_eq!(data(false).is_empty(), way.window_len == 1, "{way:?}");
        let others = calls.iter().filter(|it| it.from.1 != 40_001);
        let ended = others.filter(|it| matches!(it.what, What::Ended(_)) && it.packet.0);
        assert_eq!(ended.count(), 0, "{way:?}: nothing at the end");
    }
}
