//! Which segments make a stream: connections on the same ports, and what networks and taps do to
//! them.

use crate::common::streams::{Extracted, assert_same, streams, tcp_streams};
use testkit::conversation::{
    ACK, CLIENT, Ends, FIN, PSH, SYN, Segment, Trace, content, segments, without_length,
};

const SERVER: Ends = CLIENT.reversed();

/// Asserts that there are these streams from the client, each a connection of its own.
#[track_caller]
fn assert_connections(extracted: &Extracted, ends: Ends, expected: &[&str]) {
    let name = |number: usize| match number {
        1 => ends.name("tcp"),
        number => format!("{}.{number}", ends.name("tcp")),
    };
    for (number, content) in (1..).zip(expected) {
        assert_same(
            extracted.file(&name(number)),
            content.as_bytes(),
            &name(number),
        );
        let connection = &extracted.row(&name(number))["connection"];
        assert_eq!(connection, &number.to_string());
    }
    let more = name(expected.len() + 1);
    assert!(
        !extracted.files.contains_key(&more),
        "{more} is one too many"
    );
}

/// Asserts that the client's stream is this one, and whole.
#[track_caller]
fn assert_stream(extracted: &Extracted, expected: &str) {
    assert_connections(extracted, CLIENT, &[expected]);
    let found = extracted.columns(&CLIENT.name("tcp"), ["gaps", "conflicts"]);
    assert_eq!(found, ["0", "0"], "{extracted:?}");
}

// Connections on the same ports.

#[test]
fn a_syn_with_a_new_number_starts_the_next_connection() {
    let trace = Trace::of([
        CLIENT.syn(1000),
        SERVER.syn_ack(7000, 1000),
        CLIENT.data(1001, "first"),
        SERVER.data(7001, "answer"),
        // Nobody said that it ends.
        CLIENT.syn(5_000_000),
        SERVER.syn_ack(9_000_000, 5_000_000),
        CLIENT.data(5_000_001, "second"),
        SERVER.data(9_000_001, "other answer"),
        CLIENT.syn(900),
        CLIENT.data(901, "third"),
    ]);
    for options in [&[][..], &["--bidirectional"], &["--window-bytes", "1"]] {
        let extracted = tcp_streams(&trace, options);
        assert_connections(&extracted, CLIENT, &["first", "second", "third"]);
        assert_connections(&extracted, SERVER, &["answer", "other answer"]);
    }
}

/// Only one of the two SYNs was captured, or the wrong one first: still the next connection for
/// both directions.
#[test]
fn one_syn_starts_the_next_connection_for_both_directions() {
    let first = [
        CLIENT.syn(1000),
        SERVER.syn_ack(7000, 1000),
        CLIENT.data(1001, "first"),
        SERVER.data(7001, "answer"),
    ];
    let (syn, answer) = (CLIENT.syn(5_000_000), SERVER.syn_ack(9_000_000, 5_000_000));
    let answered = |number: u32, text: &str| Segment {
        acknowledgment: 9_000_001,
        ..CLIENT.data(number, text)
    };
    let second = [
        answered(5_000_001, "second"),
        Segment {
            acknowledgment: 5_000_007,
            ..SERVER.data(9_000_001, "other answer")
        },
    ];
    for start in [
        vec![syn.clone()],
        vec![answer.clone()],
        vec![answer.clone(), syn.clone()],
        vec![syn, answer],
    ] {
        let count = start.len();
        let all = [&first[..], &start, &second].concat();
        let extracted = tcp_streams(&Trace::of(all), &[]);
        assert_connections(&extracted, CLIENT, &["first", "second"]);
        assert_connections(&extracted, SERVER, &["answer", "other answer"]);
        assert_eq!(extracted.names().len(), 4, "{count}");
    }
}

/// A server that keeps nothing of a first answer gives another one.
#[test]
fn an_answer_with_another_number_is_the_same_connection() {
    let trace = Trace::of([
        CLIENT.syn(1000),
        SERVER.syn_ack(7000, 1000),
        CLIENT.syn(1000),
        SERVER.syn_ack(4_000_000, 1000),
        CLIENT.data(1001, "question"),
        SERVER.data(4_000_001, "answer"),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "question");
    assert_connections(&extracted, SERVER, &["answer"]);
    assert_eq!(extracted.columns(&SERVER.name("tcp"), ["gaps"]), ["0"]);
}

/// The end of the first connection is captured behind the start of the next one.
#[test]
fn what_comes_late_belongs_to_the_connection_before() {
    let trace = Trace::of([
        CLIENT.syn(1000),
        CLIENT.data(1001, "first"),
        CLIENT.syn(1_000_000_000),
        CLIENT.data(1_000_000_001, "second"),
        CLIENT.data(1006, ", late"),
        CLIENT.fin(1012),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_connections(&extracted, CLIENT, &["first, late", "second"]);
    let name = CLIENT.name("tcp");
    assert_eq!(extracted.columns(&name, ["end", "gaps"]), ["fin", "0"]);
}

#[test]
fn a_syn_sent_again_does_not_start_another_connection() {
    let trace = Trace::of([
        CLIENT.syn(1000),
        CLIENT.syn(1000),
        SERVER.syn_ack(7000, 1000),
        SERVER.syn_ack(7000, 1000),
        CLIENT.data(1001, "some "),
        CLIENT.syn(1000),
        SERVER.data(7001, "answer"),
        SERVER.syn_ack(7000, 1000),
        CLIENT.data(1006, "content"),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "some content");
    assert_connections(&extracted, SERVER, &["answer"]);
}

/// A SYN that was overtaken by the data behind it.
#[test]
fn a_syn_may_come_late() {
    let trace = Trace::of([
        CLIENT.data(1006, "content"),
        CLIENT.data(1001, "some "),
        CLIENT.syn(1000),
        CLIENT.data(1013, "."),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "some content.");
    let name = CLIENT.name("tcp");
    assert_eq!(extracted.columns(&name, ["midstream"]), ["false"]);
}

/// RFC 7413: a SYN may carry the first bytes.
#[test]
fn a_syn_with_data() {
    let with_data = || CLIENT.data(1000, "early ").with_flags(SYN);
    let trace = Trace::of([with_data(), CLIENT.data(1007, "and late")]);
    assert_stream(&tcp_streams(&trace, &[]), "early and late");
    // The server did not take it, or it was lost: the data are sent again.
    let again = Trace::of([
        with_data(),
        CLIENT.syn(1000),
        SERVER.syn_ack(7000, 1000),
        CLIENT.data(1001, "early "),
        CLIENT.data(1007, "and late"),
    ]);
    let extracted = tcp_streams(&again, &[]);
    assert_stream(&extracted, "early and late");
    let name = CLIENT.name("tcp");
    let found = extracted.columns(&name, ["bytes", "retransmitted_bytes", "segments"]);
    assert_eq!(found, ["14", "6", "3"]);
}

#[test]
fn a_stream_of_one_segment() {
    let all = CLIENT
        .data(1000, "all of it")
        .with_flags(SYN | FIN | ACK | PSH);
    let extracted = tcp_streams(&Trace::of([all]), &[]);
    assert_stream(&extracted, "all of it");
    let name = CLIENT.name("tcp");
    assert_eq!(extracted.columns(&name, ["end", "segments"]), ["fin", "1"]);
}

// Taps.

#[test]
fn a_change_of_mac_or_vlan_does_not_split_a_stream() {
    for other in [
        Ends { tap: 9, ..CLIENT },
        Ends {
            vlan: Some(100),
            ..CLIENT
        },
        Ends {
            tap: 9,
            vlan: Some(100),
            ..CLIENT
        },
    ] {
        let trace = Trace::of([
            SERVER.data(1, "before everything"),
            CLIENT.syn(1000),
            CLIENT.data(1001, "on one way "),
            other.data(1012, "and on "),
            CLIENT.data(1019, "another"),
            other.fin(1026),
        ]);
        for options in [&["--extract-tcp-all"][..], &["--extract-tcp", "2"]] {
            for window in ["1", "1000000"] {
                let window = ["--window-bytes", window];
                let extracted = streams(&trace, &[options, &window].concat());
                assert_stream(&extracted, "on one way and on another");
                let name = CLIENT.name("tcp");
                let found = extracted.columns(&name, ["flow_id", "segments", "end"]);
                assert_eq!(found, ["2", "3", "fin"], "the FlowID of its first packet");
            }
        }
        let third = streams(&trace, &["--extract-tcp", "3"]);
        assert!(third.files.is_empty(), "{third:?}");
        let packets = tcp_streams(&trace, &["--output-pcap"]);
        assert_eq!(packets.names().len(), 2);
    }
}

/// The names of a stream are those of its first packet, too.
#[test]
fn a_stream_over_two_taps_has_the_names_of_the_first() {
    let other = Ends {
        tap: 9,
        vlan: Some(7),
        ..CLIENT
    };
    let trace = Trace::of([CLIENT.data(1, "one "), other.data(5, "two")]);
    let template = "{src_mac} {vlan} {flow_id}";
    let extracted = tcp_streams(&trace, &["--name-template", template]);
    assert_eq!(extracted.file("02-00-00-00-00-01  1"), b"one two");
}

#[test]
fn each_packet_twice_is_the_same_stream() {
    let content = content(1, 50_000);
    let mut trace = Trace::of([CLIENT.syn(1000), SERVER.syn_ack(5000, 1000)]);
    segments(CLIENT, 1001, &content, 1000)
        .into_iter()
        .for_each(|it| trace.add(it));
    trace.add(CLIENT.fin(51_001));
    let name = CLIENT.name("tcp");
    for options in [&[][..], &["--overlap", "last"], &["--window-bytes", "1"]] {
        let extracted = tcp_streams(&trace.doubled(), options);
        assert_same(extracted.file(&name), &content, "each packet twice");
        let columns = [
            "bytes",
            "retransmitted_bytes",
            "overlaps",
            "conflicts",
            "segments",
        ];
        let found = extracted.columns(&name, columns);
        assert_eq!(found, ["50000", "50000", "50", "0", "100"], "{options:?}");
        let found = extracted.columns(&name, ["connection", "out_of_order", "gaps", "end"]);
        assert_eq!(found, ["1", "0", "0", "fin"]);
        assert_eq!(extracted.names().len(), 1);
    }
}

/// The same, the second time on another VLAN, as two taps in a row see it.
#[test]
fn the_same_packet_at_two_taps_is_a_retransmission() {
    let other = Ends {
        vlan: Some(2),
        ..CLIENT
    };
    let traces = [CLIENT, other].map(|ends| {
        Trace::of([
            ends.syn(10),
            ends.data(11, "hello "),
            ends.data(17, "world"),
            ends.fin(22),
        ])
    });
    let extracted = tcp_streams(&Trace::mixed(&traces), &[]);
    assert_stream(&extracted, "hello world");
    let name = CLIENT.name("tcp");
    let found = extracted.columns(&name, ["flow_id", "retransmitted_bytes", "segments"]);
    assert_eq!(found, ["1", "11", "4"]);
}

// Ends.

#[test]
fn a_reset_ends_both_directions() {
    let trace = Trace::of([
        CLIENT.syn(10),
        SERVER.syn_ack(50, 10),
        CLIENT.data(11, "request"),
        SERVER.data(51, "half an ans"),
        SERVER.rst(62),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "request");
    assert_connections(&extracted, SERVER, &["half an ans"]);
    for ends in [CLIENT, SERVER] {
        let found = extracted.columns(&ends.name("tcp"), ["end", "gaps"]);
        assert_eq!(found, ["rst", "0"]);
    }
}

/// A reset says nothing about the bytes that are still on their way.
#[test]
fn data_behind_a_reset_are_kept() {
    let trace = Trace::of([
        CLIENT.syn(10),
        CLIENT.data(11, "one "),
        CLIENT.rst(19),
        CLIENT.data(15, "two "),
    ]);
    assert_stream(&tcp_streams(&trace, &[]), "one two ");
}

#[test]
fn a_fin_before_late_data() {
    let trace = Trace::of([
        CLIENT.syn(10),
        CLIENT.data(11, "one "),
        CLIENT.data(19, "three").with_flags(FIN | ACK),
        CLIENT.data(15, "two "),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "one two three");
    let name = CLIENT.name("tcp");
    assert_eq!(
        extracted.columns(&name, ["end", "out_of_order"]),
        ["fin", "1"]
    );
    // Alone, and the first of all.
    let trace = Trace::of([
        CLIENT.fin(19),
        CLIENT.data(15, "two "),
        CLIENT.data(11, "one "),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "one two ");
    assert_eq!(extracted.columns(&name, ["end"]), ["fin"]);
}

/// A FIN takes a sequence number, so that what is missing in front of it shows.
#[test]
fn what_is_missing_in_front_of_a_fin_is_a_gap() {
    let trace = Trace::of([CLIENT.syn(10), CLIENT.data(11, "one"), CLIENT.fin(20)]);
    let extracted = tcp_streams(&trace, &[]);
    let name = CLIENT.name("tcp");
    assert_eq!(extracted.file(&name), b"one");
    assert_eq!(
        extracted.columns(&name, ["gap_list", "end"]),
        ["3+6", "fin"]
    );
}

/// Against the rules, and kept as it was sent; the FIN itself is no byte.
#[test]
fn data_behind_a_fin_are_kept() {
    let trace = Trace::of([
        CLIENT.syn(10),
        CLIENT.data(11, "before"),
        CLIENT.fin(17),
        CLIENT.fin(17),
        CLIENT.data(18, " and behind"),
    ]);
    assert_stream(&tcp_streams(&trace, &[]), "before and behind");
}

#[test]
fn an_end_that_was_not_captured_is_open() {
    let trace = Trace::of([CLIENT.syn(10), CLIENT.data(11, "one"), SERVER.fin(7)]);
    let extracted = tcp_streams(&trace, &[]);
    assert_eq!(extracted.columns(&CLIENT.name("tcp"), ["end"]), ["open"]);
}

// Starts.

#[test]
fn a_start_in_the_middle_keeps_its_first_byte() {
    let trace = Trace::of([CLIENT.data(77, "some "), CLIENT.data(82, "content")]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "some content");
    let name = CLIENT.name("tcp");
    assert_eq!(
        extracted.columns(&name, ["midstream", "end"]),
        ["true", "open"]
    );
    // Also where the first two were swapped, and where nothing came before but an ACK.
    let swapped = Trace::of([
        SERVER.data(1, "earlier"),
        CLIENT.data(77, ""),
        CLIENT.data(82, "content"),
        CLIENT.data(77, "some "),
        CLIENT.data(89, ", more"),
    ]);
    for window in ["1", "100000"] {
        let extracted = tcp_streams(&swapped, &["--window-bytes", window]);
        assert_stream(&extracted, "some content, more");
    }
}

#[test]
fn the_middle_may_be_long() {
    let content = content(1, 300_000);
    let mut pieces = segments(CLIENT, 0xffff_0000, &content, 1000);
    pieces.swap(0, 1);
    pieces.swap(150, 151);
    let trace = Trace::of(pieces);
    for window in ["1", "30000", "10000000"] {
        let extracted = tcp_streams(&trace, &["--window-bytes", window]);
        assert_same(extracted.file(&CLIENT.name("tcp")), &content, window);
    }
}

#[test]
fn both_directions_may_start_in_the_middle() {
    let trace = Trace::of([
        SERVER.data(4_000_000_000, "answer one, "),
        CLIENT.data(500, "question two"),
        SERVER.data(4_000_000_012, "answer two"),
        SERVER.fin(4_000_000_022),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "question two");
    assert_connections(&extracted, SERVER, &["answer one, answer two"]);
    let found = extracted.columns(&SERVER.name("tcp"), ["midstream", "end"]);
    assert_eq!(found, ["true", "fin"]);
}

// Probes.

/// RFC 9293, section 3.8.4: the byte in front of the next one, whatever it holds, or none.
#[test]
fn keep_alive_probes_are_not_in_the_stream() {
    let trace = Trace::of([
        CLIENT.syn(10),
        CLIENT.data(11, "some "),
        CLIENT.data(15, "\0"),
        CLIENT.data(15, ""),
        CLIENT.data(15, "\0"),
        SERVER.data(51, ""),
        CLIENT.data(16, "content"),
        CLIENT.data(22, "\0"),
    ]);
    for overlap in ["first", "last"] {
        let extracted = tcp_streams(&trace, &["--overlap", overlap]);
        assert_stream(&extracted, "some content");
        let found = extracted.columns(&CLIENT.name("tcp"), ["bytes", "conflicts"]);
        assert_eq!(found, ["12", "0"]);
    }
    // Before there was any content, the byte in front is the SYN's.
    let idle = Trace::of([
        CLIENT.syn(10),
        CLIENT.data(10, "\0"),
        CLIENT.data(11, "content"),
    ]);
    assert_stream(&tcp_streams(&idle, &[]), "content");
}

/// Nothing tells which byte was the last one but the segment that brought it.
#[test]
fn keep_alive_probes_in_the_middle() {
    let trace = Trace::of([
        CLIENT.data(77, "some "),
        CLIENT.data(81, "\0"),
        CLIENT.data(82, "content"),
        CLIENT.data(88, "\0"),
    ]);
    for overlap in ["first", "last"] {
        let extracted = tcp_streams(&trace, &["--overlap", overlap]);
        assert_stream(&extracted, "some content");
    }
}

/// A byte in front of the first one may have been overtaken, and be no probe.
#[test]
fn single_bytes_in_the_middle() {
    let typed = Trace::of([
        CLIENT.data(78, "b"),
        CLIENT.data(77, "a"),
        CLIENT.data(79, "c"),
    ]);
    assert_stream(&tcp_streams(&typed, &[]), "abc");
}

/// Where the receiver has no room, its sender tries a byte from time to time: the next one.
#[test]
fn zero_window_probes_are_in_the_stream_once() {
    let trace = Trace::of([
        CLIENT.syn(10),
        CLIENT.data(11, "full "),
        SERVER.data(1, ""),
        CLIENT.data(16, "n"),
        CLIENT.data(16, "n"),
        CLIENT.data(16, "now room"),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_stream(&extracted, "full now room");
}

// Sequence numbers.

#[test]
fn numbers_wrap_inside_a_stream() {
    let content = content(1, 5000);
    for start in [0xffff_ffff_u32, 0xffff_fffe, 0xffff_fc18, 0xffff_f000, 0] {
        let mut pieces = segments(CLIENT, start.wrapping_add(1), &content, 500);
        pieces.swap(1, 2);
        pieces.swap(5, 8);
        let mut trace = Trace::of([CLIENT.syn(start)]);
        pieces.into_iter().for_each(|it| trace.add(it));
        trace.add(CLIENT.fin(start.wrapping_add(5001)));
        let extracted = tcp_streams(&trace, &[]);
        let name = CLIENT.name("tcp");
        assert_same(extracted.file(&name), &content, &format!("from {start}"));
        let found = extracted.columns(&name, ["gaps", "end", "retransmitted_bytes"]);
        assert_eq!(found, ["0", "fin", "0"]);
    }
}

/// A stream that goes round the sequence numbers: more than 4 GiB, most of it lost.
#[test]
fn numbers_may_come_round() {
    let mut trace = Trace::of([CLIENT.syn(0)]);
    let step = 500_000_000_u32;
    for number in 0..20_u32 {
        trace.add(CLIENT.data(
            step.wrapping_mul(number).wrapping_add(1),
            format!("{number:04}"),
        ));
    }
    let extracted = tcp_streams(&trace, &[]);
    let name = CLIENT.name("tcp");
    let expected: String = (0..20).map(|number| format!("{number:04}")).collect();
    assert_same(
        extracted.file(&name),
        expected.as_bytes(),
        "20 times 500 MB",
    );
    let missing = (u64::from(step) - 4) * 19;
    let found = extracted.columns(&name, ["bytes", "gaps", "gap_bytes"]);
    assert_eq!(found, ["80", "19", &missing.to_string()]);
}

#[test]
fn ipv6_is_no_different() {
    let client = CLIENT.with_ipv6();
    let trace = Trace::of([
        client.syn(1000).frame(),
        client.data(1006, "content").frame(),
        without_length(client.data(1001, "some ").frame()),
        client.fin(1013).frame(),
        client.syn(90_000_000).frame(),
        client.data(90_000_001, "more").frame(),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    assert_connections(&extracted, client, &["some content", "more"]);
}
