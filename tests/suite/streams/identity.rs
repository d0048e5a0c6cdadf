//! Which conversation a segment belongs to: networks, unanswered SYNs, ports used again, directions
//! in files of their own.

use crate::common::streams::{Extracted, streams_of_files, tcp_streams};
use std::fs;
use testkit::conversation::{ACK, CLIENT, Ends, FIN, RST, SYN, Segment, Trace};

const SERVER: Ends = CLIENT.reversed();

/// Requests and answers of a conversation, with its handshake if it was captured.
struct Talk {
    ends: Ends,
    numbers: (u32, u32),
    name: &'static str,
    count: usize,
}

/// A conversation of the client with the server; its initial numbers, and how many requests.
const fn talk(name: &'static str, numbers: (u32, u32), count: usize) -> Talk {
    Talk {
        ends: CLIENT,
        numbers,
        name,
        count,
    }
}

impl Talk {
    fn request(&self, index: usize) -> String {
        format!("<{}-req{index}>", self.name)
    }

    fn answer(&self, index: usize) -> String {
        format!("<{}-ans{index}>", self.name)
    }

    fn texts(&self) -> [String; 2] {
        let all = 0..self.count;
        let requests = all.clone().map(|it| self.request(it)).collect();
        [requests, all.map(|it| self.answer(it)).collect()]
    }

    fn handshake(&self) -> Vec<Segment> {
        let (client, server) = (self.ends, self.ends.reversed());
        let (own, other) = self.numbers;
        vec![
            client.syn(own),
            server.syn_ack(other, own),
            answered(client.data(own.wrapping_add(1), ""), other.wrapping_add(1)),
        ]
    }

    /// Segments with data; `between` comes before the request with its index.
    fn data(&self, between: impl Fn(usize, u32, u32) -> Vec<Segment>) -> Vec<Segment> {
        let (mut own, mut other) = self.numbers;
        (own, other) = (own.wrapping_add(1), other.wrapping_add(1));
        let mut all = Vec::new();
        for index in 0..self.count {
            all.extend(between(index, own, other));
            let (request, answer) = (self.request(index), self.answer(index));
            all.push(answered(self.ends.data(own, &request), other));
            own = own.wrapping_add(u32::try_from(request.len()).unwrap());
            all.push(answered(self.ends.reversed().data(other, &answer), own));
            other = other.wrapping_add(u32::try_from(answer.len()).unwrap());
        }
        all
    }

    fn end(&self) -> Vec<Segment> {
        let [own, other] = self.texts().map(|it| u32::try_from(it.len()).unwrap());
        let own = self.numbers.0.wrapping_add(own + 1);
        let other = self.numbers.1.wrapping_add(other + 1);
        vec![
            answered(self.ends.fin(own), other),
            answered(self.ends.reversed().fin(other), own.wrapping_add(1)),
        ]
    }

    fn whole(&self) -> Vec<Segment> {
        [
            self.handshake(),
            self.data(|_, _, _| Vec::new()),
            self.end(),
        ]
        .concat()
    }
}

fn answered(segment: Segment, acknowledgment: u32) -> Segment {
    Segment {
        acknowledgment,
        ..segment
    }
}

fn trace(segments: impl IntoIterator<Item = Segment>) -> Trace {
    Trace::of(segments.into_iter().map(|it| it.checked()))
}

/// Segments, and others after a pause in ms.
fn later(first: Vec<Segment>, pause: u64, second: Vec<Segment>) -> Trace {
    let mut trace = trace(first);
    trace.pause_ms(pause);
    for segment in second {
        trace.add(segment.checked());
    }
    trace
}

const fn in_vlan(id: u16) -> Ends {
    Ends {
        vlan: Some(id),
        ..CLIENT
    }
}

/// Asserts which streams there are, by connection: what the client and the server sent. Nothing is
/// missing in them, and the manifest has no further rows.
#[track_caller]
fn assert_talks(extracted: &Extracted, expected: &[[String; 2]]) {
    let mut found = Vec::new();
    for (connection, texts) in (1..).zip(expected) {
        for (ends, text) in [CLIENT, SERVER].into_iter().zip(texts) {
            let name = match connection {
                1 => ends.name("tcp"),
                number => format!("{}.{number}", ends.name("tcp")),
            };
            let content = String::from_utf8_lossy(extracted.file(&name));
            assert_eq!(content, *text, "{name}\n{}", extracted.ended);
            let columns = ["connection", "gaps", "conflicts", "late_bytes"];
            let number = connection.to_string();
            assert_eq!(extracted.columns(&name, columns), [&*number, "0", "0", "0"]);
            found.push(name);
        }
    }
    assert_eq!(
        extracted.names().len(),
        found.len(),
        "{:?}",
        extracted.names()
    );
    assert_eq!(
        extracted.manifest.len(),
        found.len(),
        "{:?}",
        extracted.manifest
    );
}

#[track_caller]
fn assert_all_ways(trace: &Trace, expected: &[[String; 2]]) {
    for options in [&[][..], &["--window-bytes", "1"], &["--bidirectional"]] {
        assert_talks(&tcp_streams(trace, options), expected);
    }
}

// Networks.

#[test]
fn the_same_addresses_in_two_vlans_are_two_conversations() {
    for apart in [0, 1, 30, 1000, 50_000_000, 3_000_000_000_u32] {
        for has_syn in [true, false] {
            // Without SYNs, the very same numbers are told apart by what they carry.
            let red = Talk {
                ends: in_vlan(10),
                ..talk("red", (1000, 500_000), 6)
            };
            let numbers = (
                1000_u32.wrapping_add(apart),
                500_000_u32.wrapping_add(apart),
            );
            let blue = Talk {
                ends: in_vlan(20),
                ..talk("blue", numbers, 6)
            };
            let segments = |talk: &Talk| {
                let start = if has_syn {
                    talk.handshake()
                } else {
                    Vec::new()
                };
                trace([start, talk.data(|_, _, _| Vec::new())].concat())
            };
            let mixed = Trace::mixed(&[segments(&red), segments(&blue)]);
            let extracted = tcp_streams(&mixed, &["--window-bytes", "1"]);
            assert_talks(&extracted, &[red.texts(), blue.texts()]);
        }
    }
}

#[test]
fn a_conversation_that_changes_its_vlan_is_one() {
    let talk = talk("one", (1000, 500_000), 6);
    let whole = talk.whole();
    for at in 1..whole.len() {
        let moved = whole
            .iter()
            .cloned()
            .enumerate()
            .map(|(index, mut segment)| {
                segment.ends.vlan = Some(if index < at { 10 } else { 20 });
                segment
            });
        let extracted = tcp_streams(&trace(moved), &[]);
        assert_talks(&extracted, &[talk.texts()]);
    }
}

#[test]
fn directions_in_vlans_of_their_own_are_one_conversation() {
    let talk = talk("one", (1000, 500_000), 4);
    for segments in [talk.whole(), talk.data(|_, _, _| Vec::new())] {
        let tagged = segments.into_iter().map(|mut segment| {
            segment.ends.vlan = Some(if segment.ends.ports.0 == 80 { 20 } else { 10 });
            segment
        });
        let trace = trace(tagged);
        assert_talks(&tcp_streams(&trace, &[]), &[talk.texts()]);
    }
}

/// Each packet past two taps: in two VLANs, in the same order or, for answers, in the other one.
#[test]
fn copies_in_another_vlan_are_the_same_conversation() {
    let talk = talk("one", (1000, 500_000), 5);
    for is_routed in [false, true] {
        for segments in [talk.whole(), talk.data(|_, _, _| Vec::new())] {
            let twice = segments.into_iter().flat_map(|segment| {
                let mut vlans = [10, 20];
                if is_routed && segment.ends.ports.0 == 80 {
                    vlans.reverse();
                }
                vlans.map(|vlan| {
                    let mut copy = segment.clone();
                    copy.ends.vlan = Some(vlan);
                    copy
                })
            });
            let trace = trace(twice);
            for options in [&[][..], &["--window-bytes", "1"]] {
                let extracted = tcp_streams(&trace, options);
                assert_talks(&extracted, &[talk.texts()]);
            }
        }
    }
}

// Unanswered SYNs.

#[test]
fn a_stray_syn_changes_nothing() {
    let talk = talk("talk", (100, 500), 12);
    let distances = [
        1,
        2,
        7,
        11,
        100,
        1000,
        65_536,
        10_000_000,
        100_000_000,
        1 << 30,
        (1 << 31) - 1,
    ];
    for distance in distances
        .into_iter()
        .flat_map(|it: u32| [it, it.wrapping_neg()])
    {
        let strays: [&dyn Fn(u32, u32) -> Vec<Segment>; 5] = [
            &|own, other| {
                let challenged = answered(SERVER.data(other, ""), own);
                vec![CLIENT.syn(own.wrapping_add(distance)), challenged]
            },
            &|own, other| {
                vec![answered(
                    SERVER
                        .syn(other.wrapping_add(distance))
                        .with_flags(SYN | ACK),
                    own,
                )]
            },
            &|_, other| vec![SERVER.syn(other.wrapping_add(distance))],
            &|own, _| vec![CLIENT.syn(own.wrapping_add(distance)).with_flags(SYN | FIN)],
            &|own, other| vec![answered(CLIENT.rst(own.wrapping_add(distance)), other)],
        ];
        for (number, stray) in strays.into_iter().enumerate() {
            let between = |index: usize, own: u32, other: u32| {
                if index == 5 {
                    stray(own, other)
                } else {
                    Vec::new()
                }
            };
            let segments = [talk.handshake(), talk.data(between), talk.end()].concat();
            let extracted = tcp_streams(&trace(segments), &[]);
            let what = format!("{distance} {number}");
            assert_eq!(
                extracted.names().len(),
                2,
                "{what}: {:?}",
                extracted.manifest
            );
            assert_talks(&extracted, &[talk.texts()]);
            let ends = [CLIENT, SERVER].map(|it| extracted.columns(&it.name("tcp"), ["end"]));
            assert_eq!(ends, [["fin"], ["fin"]], "{what}");
        }
    }
}

#[test]
fn a_second_syn_before_the_answer_to_the_first_one() {
    let talk = talk("talk", (100, 500), 6);
    for distance in [1, 30, 1000, 1_000_000_000_u32] {
        let mut segments = talk.whole();
        segments.insert(1, CLIENT.syn(100 + distance));
        assert_all_ways(&trace(segments), &[talk.texts()]);
    }
}

/// A SYN that is answered starts a connection, also beside one that nobody has closed.
#[test]
fn an_answered_syn_starts_a_connection() {
    let first = talk("first", (100, 500), 4);
    for (own, other) in [(1100, 90_000), (3_000_000_000, 10), (5_000_000, 600)] {
        let second = talk("second", (own, other), 4);
        let open = [first.handshake(), first.data(|_, _, _| Vec::new())].concat();
        let segments = [open, second.whole()].concat();
        assert_all_ways(&trace(segments), &[first.texts(), second.texts()]);
    }
}

// Ports that are used again.

/// The second conversation's SYNs were not captured.
#[test]
fn ports_used_again_without_a_syn() {
    let first = talk("first", (100, 500), 4);
    let numbers = [
        (1_000_000_000, 1_500_000_000),
        (100_000, 100_500),
        (4_000_000_000, 3_500_000_000),
        (4_294_900_000, 4_294_800_000),
        (100, 500),
    ];
    for (numbers, is_reset) in numbers.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let second = talk("second", numbers, 4);
        let mut first_part = first.whole();
        if is_reset {
            first_part.pop();
            let last = first_part.pop().unwrap();
            first_part.push(last.with_flags(RST | ACK));
        }
        let trace = later(first_part, 600_000, second.data(|_, _, _| Vec::new()));
        assert_all_ways(&trace, &[first.texts(), second.texts()]);
    }
}

/// Without an end and without a SYN, numbers of both sides far off and a minute without a packet.
#[test]
fn without_an_end_far_numbers_of_both_sides_are_another_connection() {
    let first = talk("first", (100, 500), 4);
    let second = talk("second", (1_000_000_000, 2_000_000_000), 4);
    let nothing = |_, _, _| Vec::new();
    for (pause, connections) in [(600_000, 2), (1000, 1)] {
        let trace = later(
            [first.handshake(), first.data(nothing)].concat(),
            pause,
            second.data(nothing),
        );
        let extracted = tcp_streams(&trace, &[]);
        assert_eq!(extracted.manifest.len(), 2 * connections, "{pause}");
    }
}

#[test]
fn the_same_initial_number_again() {
    let first = talk("first", (100, 500), 4);
    let second = Talk {
        name: "other",
        ..first
    };
    for (has_end, pause) in [(true, 100), (true, 600_000), (false, 600_000)] {
        let mut segments = first.whole();
        if !has_end {
            segments.truncate(segments.len() - 2);
        }
        let trace = later(segments, pause, second.whole());
        assert_all_ways(&trace, &[first.texts(), second.texts()]);
    }
}

/// A SYN that was sent again, or captured twice, is the same connection: until its end.
#[test]
fn a_repeated_syn_is_no_other_connection() {
    let talk = talk("talk", (100, 500), 4);
    let mut trace = Trace::default();
    for pause in [1000, 2000, 4000, 64_000] {
        trace.add(CLIENT.syn(100).checked());
        trace.pause_ms(pause);
    }
    for segment in talk.whole() {
        trace.add(segment.checked());
    }
    assert_all_ways(&trace, &[talk.texts()]);
    let doubled = self::trace(talk.whole()).doubled();
    assert_all_ways(&doubled, &[talk.texts()]);
}

// Timeouts.

/// What splits a flow splits its stream.
#[test]
fn timeouts_split_streams_as_they_split_flows() {
    let trace = Trace::of([
        SERVER.data(1, "earlier"),
        CLIENT.syn(10),
        CLIENT.data(11, "one "),
        SERVER.data(8, ", later"),
        CLIENT.data(15, "two"),
    ]);
    for timeout in ["--idle-timeout", "--active-timeout"] {
        let extracted = tcp_streams(&trace, &[timeout, "0.0000005"]);
        let rows = extracted.manifest.iter();
        let streams: Vec<_> = rows
            .filter(|row| !row["file"].is_empty())
            .map(|row| (&*row["flow_id"], extracted.file(&row["file"])))
            .collect();
        assert_eq!(
            streams,
            [
                ("1", &b"earlier"[..]),
                ("3", b"one "),
                ("4", b", later"),
                ("5", b"two"),
            ]
        );
        extracted.ended.says("; 5 flows");
    }
}

// Directions in files of their own.

#[test]
fn answers_of_another_file_belong_to_their_requests() {
    let talks = [
        talk("first", (100, 50_000), 2),
        talk("second", (200_000, 90_000), 3),
        talk("third", (3_000_000_000, 1), 2),
    ];
    let folder = tempfile::tempdir().unwrap();
    let files = ["tx.pcap", "rx.pcap"].map(|name| folder.path().join(name));
    for (file, port) in files.iter().zip([40_000, 80]) {
        let mut trace = Trace::default();
        for (segment, index) in talks.iter().flat_map(Talk::whole).zip(1..) {
            trace.pause_ms(index);
            if segment.ends.ports.0 == port {
                trace.add(segment.checked());
            }
        }
        fs::write(file, trace.file()).unwrap();
    }
    let expected: Vec<_> = talks.iter().map(Talk::texts).collect();
    let [tx, rx] = &files;
    for order in [[tx, rx], [rx, tx]] {
        let extracted = streams_of_files(&order, &["--extract-tcp-all"]);
        assert_talks(&extracted, &expected);
    }
}
