//! What of a packet is payload: what its headers say, as far as it was captured.

use crate::common::program::Program;
use crate::common::streams::{assert_same, extracted, streams, tcp_streams};
use testkit::conversation::{
    ACK, CLIENT, Ends, FIN, Segment, Trace, content, padded, segments, without_length,
};

/// Headers of Ethernet, IPv4 and TCP, as the tests write them.
const HEADERS: usize = 14 + 20 + 20;
const UDP_HEADERS: usize = 14 + 20 + 8;

#[test]
fn padding_is_no_payload() {
    for client in [
        CLIENT,
        Ends {
            vlan: Some(5),
            ..CLIENT
        },
    ] {
        let trace = Trace::of([
            padded(client.syn(10).frame()),
            padded(client.reversed().syn_ack(50, 10).frame()),
            padded(client.data(11, "").frame()),
            padded(client.data(11, "a").frame()),
            padded(client.data(12, "bcd").frame()),
            padded(client.data(15, "").frame()),
            padded(client.data(15, "e").with_flags(FIN | ACK).frame()),
            padded(client.data(16, "").frame()),
        ]);
        let extracted = tcp_streams(&trace, &[]);
        let name = client.name("tcp");
        assert_eq!(extracted.names(), [&name], "nothing came back");
        assert_eq!(extracted.file(&name), b"abcde");
        let found = extracted.columns(&name, ["segments", "gaps", "retransmitted_bytes", "end"]);
        assert_eq!(found, ["3", "0", "0", "fin"]);
    }
    let trace = Trace::of(["one", "", "two"].map(|it| padded(CLIENT.datagram(it))));
    let extracted = streams(&trace, &["--extract-udp-all"]);
    assert_eq!(extracted.file(&CLIENT.name("udp")), b"onetwo");
}

/// Bytes behind the packet that are no padding to a least length: a trailer.
#[test]
fn trailers_are_no_payload() {
    let with_trailer = |mut frame: Vec<u8>| {
        frame.extend([0xee; 20]);
        frame
    };
    let content = content(1, 3000);
    let frames = segments(CLIENT, 1, &content, 1000);
    let frames = frames.into_iter().map(|it| with_trailer(it.frame()));
    let extracted = tcp_streams(&Trace::of(frames), &[]);
    assert_same(
        extracted.file(&CLIENT.name("tcp")),
        &content,
        "with trailers",
    );
}

/// RFC 768: the datagram may be shorter than what IP carries.
#[test]
fn a_datagram_ends_where_its_length_says() {
    let mut frame = CLIENT.datagram("payload and surplus");
    frame[UDP_HEADERS - 4..UDP_HEADERS - 2].copy_from_slice(&[0, 8 + 7]);
    let extracted = streams(&Trace::of([frame]), &["--extract-udp-all"]);
    assert_eq!(extracted.file(&CLIENT.name("udp")), b"payload");
}

/// More than IP carries is not there.
#[test]
fn a_datagram_is_no_longer_than_its_packet() {
    let mut frame = padded(CLIENT.datagram("payload"));
    frame[UDP_HEADERS - 4..UDP_HEADERS - 2].copy_from_slice(&[1, 0]);
    let extracted = streams(&Trace::of([frame]), &["--extract-udp-all"]);
    let name = CLIENT.name("udp");
    assert_eq!(extracted.file(&name), b"payload");
    assert_eq!(extracted.columns(&name, ["gaps"]), ["0"]);
}

/// A header says where the payload starts: not inside itself, and not behind the packet.
#[test]
fn offsets_that_cannot_be_bring_no_payload() {
    let with_offset = |segment: Segment, words: u8| {
        let mut frame = segment.frame();
        frame[HEADERS - 8] = words << 4;
        frame
    };
    let trace = Trace::of([
        CLIENT.data(1, "one ").frame(),
        with_offset(CLIENT.data(5, "never"), 4),
        with_offset(CLIENT.data(5, "never"), 0),
        with_offset(CLIENT.data(5, "never"), 15),
        CLIENT.data(5, "two").frame(),
        with_offset(CLIENT.data(8, "\x01\x01\x01\x01, with options"), 6),
    ]);
    let extracted = tcp_streams(&trace, &[]);
    let name = CLIENT.name("tcp");
    assert_eq!(extracted.file(&name), b"one two, with options");
    assert_eq!(extracted.columns(&name, ["gaps", "conflicts"]), ["0", "0"]);
}

/// RFC 7348: eight bytes, and a frame behind them.
#[test]
fn streams_inside_a_tunnel() {
    let outer = Ends {
        hosts: (100, 101),
        ports: (50_000, 4789),
        ..CLIENT
    };
    let content = content(1, 5000);
    let wrapped = |frame: Vec<u8>| [&[8, 0, 0, 0, 0, 0, 1, 0], &frame[..]].concat();
    let mut trace = Trace::of([outer.datagram(wrapped(CLIENT.syn(0).frame()))]);
    let mut sent = wrapped(CLIENT.syn(0).frame());
    for (number, segment) in segments(CLIENT, 1, &content, 1000).into_iter().enumerate() {
        let payload = wrapped(padded(segment.frame()));
        sent.extend_from_slice(&payload);
        // One of them in fragments of the outer packet.
        if number == 2 {
            let fragments = outer.datagram_fragments(7, &payload, 512);
            fragments.into_iter().rev().for_each(|it| trace.add(it));
        } else {
            trace.add(outer.datagram(payload));
        }
    }
    let all = ["--extract-tcp-all", "--extract-udp-all"];
    let plain = streams(&trace, &all);
    assert_eq!(plain.names(), [outer.name("udp")]);
    assert_same(plain.file(&outer.name("udp")), &sent, "the tunnel");
    let inner = streams(&trace, &[&all[..], &["--decap"]].concat());
    let name = CLIENT.name("tcp");
    assert_same(inner.file(&name), &content, "inside");
    assert_eq!(inner.columns(&name, ["gaps", "midstream"]), ["0", "false"]);
}

// Offload.

#[test]
fn segments_without_a_length_are_taken_as_captured() {
    let content = content(1, 30_000);
    for client in [CLIENT, CLIENT.with_ipv6()] {
        let mut trace = Trace::of([client.syn(0)]);
        for segment in segments(client, 1, &content, 7000) {
            trace.add(without_length(segment.frame()));
        }
        let extracted = tcp_streams(&trace, &[]);
        let name = client.name("tcp");
        assert_same(extracted.file(&name), &content, "length 0");
        assert_eq!(extracted.columns(&name, ["segments", "gaps"]), ["5", "0"]);
    }
}

#[test]
fn a_segment_over_64_kib() {
    let content = content(1, 100_000 + 70_000 + 5);
    let (large, rest) = content.split_at(100_000);
    let (middle, small) = rest.split_at(70_000);
    for client in [CLIENT, CLIENT.with_ipv6()] {
        for order in [[0, 1, 2], [0, 2, 1], [2, 1, 0]] {
            let pieces = [
                client.data(1, large),
                client.data(100_001, middle),
                client.data(170_001, small),
            ];
            let mut trace = Trace::of([client.syn(0)]);
            order
                .into_iter()
                .for_each(|at: usize| trace.add(pieces[at].clone()));
            let name = client.name("tcp");
            for window in ["1", "1000000"] {
                let extracted = tcp_streams(&trace, &["--window-bytes", window]);
                assert_same(extracted.file(&name), &content, "over 64 KiB");
                assert_eq!(extracted.columns(&name, ["segments", "gaps"]), ["3", "0"]);
            }
            let piped = Program::new().args(["-", "--extract-tcp-all"]);
            let piped = extracted(piped.input(&trace.file(), 4096));
            assert_same(piped.file(&name), &content, "over 64 KiB, from a pipe");
        }
    }
}

/// RFC 2675 without its option, as coalesced datagrams are captured.
#[test]
fn a_datagram_over_64_kib() {
    let content = content(1, 90_000);
    let trace = Trace::of([CLIENT.datagram(&content), CLIENT.datagram("behind")]);
    let extracted = streams(&trace, &["--extract-udp-all"]);
    let expected = [&content[..], b"behind"].concat();
    assert_same(
        extracted.file(&CLIENT.name("udp")),
        &expected,
        "over 64 KiB",
    );
}

// Snaplen.

#[test]
fn a_snaplen_leaves_gaps_of_the_right_size() {
    let content = content(1, 3500);
    let mut trace = Trace::of([CLIENT.syn(0)]);
    for segment in segments(CLIENT, 1, &content, 1000) {
        trace.add_cut(segment, HEADERS + 100);
    }
    trace.add(CLIENT.fin(3501));
    let name = CLIENT.name("tcp");
    let extracted = tcp_streams(&trace, &[]);
    let kept: Vec<u8> = content
        .chunks(1000)
        .flat_map(|it| &it[..100])
        .copied()
        .collect();
    assert_same(extracted.file(&name), &kept, "cut segments");
    let columns = ["bytes", "gaps", "gap_bytes", "gap_list", "end", "segments"];
    let list = "100+900 1100+900 2100+900 3100+400";
    let found = extracted.columns(&name, columns);
    assert_eq!(found, ["400", "4", "3100", list, "fin", "4"]);
    // With zeros everything stands in its place.
    let extracted = tcp_streams(&trace, &["--gaps", "zero"]);
    let mut expected = content;
    for chunk in expected.chunks_mut(1000) {
        chunk[100..].fill(0);
    }
    assert_same(extracted.file(&name), &expected, "zeros");
}

/// Nothing of the payload may have been captured, nor all of the header.
#[test]
fn a_snaplen_may_leave_nothing() {
    let mut trace = Trace::of([CLIENT.syn(0)]);
    trace.add_cut(CLIENT.data(1, content(1, 1000)), HEADERS);
    trace.add(CLIENT.data(1001, "behind"));
    trace.add_cut(CLIENT.data(1007, content(2, 1000)), HEADERS - 5);
    trace.add(CLIENT.data(2007, "end"));
    let extracted = tcp_streams(&trace, &[]);
    let name = CLIENT.name("tcp");
    assert_eq!(extracted.file(&name), b"behindend");
    let found = extracted.columns(&name, ["gap_list", "bytes"]);
    assert_eq!(found, ["0+1000 1006+1000", "9"]);
    extracted
        .ended
        .says("1 packets end inside their TCP or UDP header");
}

/// What was cut the first time may come whole the second time.
#[test]
fn a_retransmission_fills_what_a_snaplen_cut() {
    let content = content(1, 2000);
    let pieces = segments(CLIENT, 1, &content, 1000);
    let mut trace = Trace::of([CLIENT.syn(0)]);
    // Held back, as the first segment comes later.
    trace.add_cut(pieces[1].clone(), HEADERS + 10);
    trace.add(pieces[1].clone());
    trace.add(pieces[0].clone());
    let extracted = tcp_streams(&trace, &[]);
    let name = CLIENT.name("tcp");
    assert_same(extracted.file(&name), &content, "the second time");
    let found = extracted.columns(&name, ["gaps", "retransmitted_bytes", "conflicts"]);
    assert_eq!(found, ["0", "10", "0"]);
}

#[test]
fn a_snaplen_cuts_segments_without_a_length_too() {
    let mut trace = Trace::of([CLIENT.syn(0)]);
    trace.add_cut(
        without_length(CLIENT.data(1, content(1, 50_000)).frame()),
        HEADERS + 9000,
    );
    trace.add(CLIENT.data(50_001, "behind"));
    let extracted = tcp_streams(&trace, &[]);
    let name = CLIENT.name("tcp");
    let found = extracted.columns(&name, ["gap_list", "bytes"]);
    assert_eq!(found, ["9000+41000", "9006"]);
}

#[test]
fn a_snaplen_cuts_datagrams() {
    let mut trace = Trace::of([CLIENT.datagram("whole, ")]);
    trace.add_cut(CLIENT.datagram("beginning and end"), UDP_HEADERS + 9);
    trace.add(CLIENT.datagram(", whole"));
    let extracted = streams(&trace, &["--extract-udp-all"]);
    let name = CLIENT.name("udp");
    assert_eq!(extracted.file(&name), b"whole, beginning, whole");
    assert_eq!(
        extracted.columns(&name, ["gap_list", "bytes"]),
        ["16+8", "23"]
    );
    let extracted = streams(&trace, &["--extract-udp-all", "--gaps", "zero"]);
    assert_eq!(
        extracted.file(&name),
        b"whole, beginning\0\0\0\0\0\0\0\0, whole"
    );
}

// Fragments.

/// Orders in which three fragments may come.
const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

#[test]
fn fragments_of_segments_are_put_together() {
    let content = content(1, 2500);
    for client in [CLIENT, CLIENT.with_ipv6()] {
        for order in ORDERS {
            let pieces: [Segment; 3] = [
                client.data(1, &content[..500]),
                client.data(501, &content[500..2000]),
                client.data(2001, &content[2000..]),
            ];
            let fragments = pieces[1].fragments(77, 512);
            assert_eq!(fragments.len(), 3);
            let mut trace = Trace::of([client.syn(0), pieces[0].clone()]);
            order
                .iter()
                .for_each(|&at| trace.add(fragments[at].clone()));
            trace.add(pieces[2].clone());
            for options in [&[][..], &["--window-bytes", "1"], &["--tcpheader=wide"]] {
                let extracted = tcp_streams(&trace, options);
                let name = client.name("tcp");
                let found = extracted.columns(&name, ["bytes", "gaps", "segments", "connection"]);
                assert_eq!(found, ["2500", "0", "3", "1"], "{order:?}");
                if options.first() != Some(&"--tcpheader=wide") {
                    assert_same(extracted.file(&name), &content, &format!("{order:?}"));
                }
                assert_eq!(extracted.names().len(), 1);
            }
        }
    }
}

#[test]
fn fragments_of_datagrams_are_put_together() {
    let content = content(1, 1500);
    for client in [CLIENT, CLIENT.with_ipv6()] {
        for order in ORDERS {
            let fragments = client.datagram_fragments(5, &content, 512);
            let mut trace = Trace::of([client.datagram("in front")]);
            order
                .iter()
                .for_each(|&at| trace.add(fragments[at].clone()));
            trace.add(client.datagram("behind"));
            let expected = [b"in front", &content[..], b"behind"].concat();
            for options in [&[][..], &["--window-bytes", "1"]] {
                let options = [&["--extract-udp-all"], options].concat();
                let extracted = streams(&trace, &options);
                let name = client.name("udp");
                assert_same(extracted.file(&name), &expected, &format!("{order:?}"));
                assert_eq!(extracted.columns(&name, ["segments", "gaps"]), ["3", "0"]);
                assert_eq!(extracted.names().len(), 1, "{order:?}");
            }
        }
    }
}

/// Two datagrams at once, each fragment twice, the last ones first.
#[test]
fn fragments_of_several_datagrams_come_mixed() {
    let contents = [content(1, 2000), content(2, 2000)];
    let traces = [0, 1].map(|at: usize| {
        let id = u16::try_from(at).unwrap();
        let mut fragments = CLIENT.datagram_fragments(id, &contents[at], 400);
        fragments.reverse();
        Trace::of(fragments)
    });
    let trace = Trace::mixed(&traces).doubled();
    let extracted = streams(&trace, &["--extract-udp-all"]);
    let expected = contents.concat();
    assert_same(extracted.file(&CLIENT.name("udp")), &expected, "both");
}

#[test]
fn a_missing_fragment_is_a_gap() {
    let content = content(1, 3000);
    let pieces = segments(CLIENT, 1, &content, 1000);
    for lost in 0..2 {
        let mut trace = Trace::of([CLIENT.syn(0), pieces[0].clone()]);
        let fragments = pieces[1].fragments(3, 512);
        trace.add(fragments[1 - lost].clone());
        trace.add(pieces[2].clone());
        let extracted = tcp_streams(&trace, &[]);
        let name = CLIENT.name("tcp");
        let expected = [&content[..1000], &content[2000..]].concat();
        assert_same(
            extracted.file(&name),
            &expected,
            "without the second segment",
        );
        assert_eq!(extracted.columns(&name, ["gap_list"]), ["1000+1000"]);
        extracted
            .ended
            .says("1 datagrams lack some of their fragments");
    }
}

/// A datagram put together is as large as IP allows, which 16 bits tell, and a bit more.
#[test]
fn fragments_of_the_largest_datagram() {
    let content = content(1, 65_507);
    let fragments = CLIENT.datagram_fragments(9, &content, 1480);
    let trace = Trace::of(fragments);
    let extracted = streams(&trace, &["--extract-udp-all"]);
    assert_same(extracted.file(&CLIENT.name("udp")), &content, "the largest");
}
