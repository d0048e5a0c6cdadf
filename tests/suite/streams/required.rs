//! Packets with wrong checksums, left out of streams.

use crate::common::program::run;
use crate::common::streams::{assert_same, streams, tcp_streams};
use testkit::conversation::{
    CLIENT, Trace, content, with_checksum, with_unfinished_checksum, with_wrong_checksum,
    without_length,
};

/// Segments that are left out, whatever they would do to the connection.
#[test]
fn required_checksums() {
    let server = CLIENT.reversed();
    let trace = Trace::of([
        CLIENT.syn(1000).checked(),
        server.syn_ack(5000, 1000).checked(),
        CLIENT.data(1001, "one ").checked(),
        with_wrong_checksum(CLIENT.rst(1005).frame()),
        with_wrong_checksum(CLIENT.syn(77_000).frame()),
        with_wrong_checksum(CLIENT.data(1005, "XXXX").frame()),
        with_wrong_checksum(CLIENT.fin(1005).frame()),
        CLIENT.data(1005, "two").checked(),
        with_wrong_checksum(CLIENT.data(1008, " never sent again").frame()),
    ]);
    let extracted = tcp_streams(&trace, &["--checksum", "require"]);
    let name = CLIENT.name("tcp");
    assert_same(extracted.file(&name), b"one two", "stream");
    assert_eq!(
        extracted.columns(&name, ["connection", "conflicts", "end"]),
        ["1", "0", "open"]
    );
    extracted
        .ended
        .says("5 packets have a wrong TCP or UDP checksum, and are left out of streams");
    // Packets of streams are left out, too.
    let packets = tcp_streams(&trace, &["--checksum", "require", "--output-pcap"]);
    let file = packets.file(&CLIENT.name("tcp.pcap"));
    assert!(!file.windows(4).any(|it| it == b"XXXX"));
    assert!(file.windows(4).any(|it| it == b"one "));
    assert_eq!(packets.row(&CLIENT.name("tcp.pcap"))["end"], "open");
}

#[test]
fn required_checksums_of_datagrams() {
    for ends in [CLIENT, CLIENT.with_ipv6()] {
        let mut trace = Trace::of([
            with_checksum(ends.datagram("right ")),
            with_wrong_checksum(ends.datagram("WRONG ")),
            ends.datagram("without"),
        ]);
        // Fragments are put together first.
        let whole = with_checksum(ends.datagram("0123456789abcdefgh"));
        let transport = if ends.is_ipv6 { 54 } else { 34 };
        let checksum = &whole[transport + 6..transport + 8];
        for (id, change) in [(1, 0), (2, 1)] {
            let mut fragments = ends.datagram_fragments(id, b"0123456789abcdefgh", 16);
            let at = fragments[0].len() - 16 + 6;
            fragments[0][at] = checksum[0];
            fragments[0][at + 1] = checksum[1] ^ change;
            fragments.into_iter().for_each(|it| trace.add(it));
        }
        let options = ["--extract-udp-all", "--checksum", "require"];
        let extracted = streams(&trace, &options);
        let found = extracted.file(&ends.name("udp"));
        assert_same(found, b"right without0123456789abcdefgh", "stream");
        extracted
            .ended
            .says("2 packets have a wrong TCP or UDP checksum");
    }
}

/// Packets whose checksum says nothing stay.
#[test]
fn required_checksums_that_cannot_be_checked() {
    let large = content(1, 70_000);
    let mut trace = Trace::of([CLIENT.syn(1000).checked()]);
    trace.add_cut(CLIENT.data(1001, "truncated").checked(), 14 + 40 + 5);
    trace.add(with_unfinished_checksum(
        CLIENT.data(1010, "unfinished").frame(),
    ));
    // Segmentation offload leaves no length: where the segment ends is a guess.
    trace.add(without_length(with_wrong_checksum(
        CLIENT
            .data(1020, "open end, as far as the frame goes")
            .frame(),
    )));
    trace.add(CLIENT.data(1054, &large));
    let extracted = tcp_streams(&trace, &["--checksum", "require"]);
    let expected = [
        &b"truncunfinishedopen end, as far as the frame goes"[..],
        &large,
    ]
    .concat();
    assert_same(extracted.file(&CLIENT.name("tcp")), &expected, "stream");
    assert!(!extracted.ended.stderr.contains("checksum"));
}

/// The destination of a packet that a header still leads elsewhere is not that of its checksum.
#[test]
fn required_checksums_of_packets_on_their_way() {
    let ends = CLIENT.with_ipv6();
    let segment = ends.data(1001, "by way of another").checked();
    let (ethernet, rest) = segment.split_at(14);
    let (ip, transport) = rest.split_at(40);
    let mut ip = ip.to_vec();
    // A segment routing header (RFC 8754) that leads to the destination of the checksum.
    let last = ip[24..40].to_vec();
    let mut routing = vec![6, 2, 4, 1, 0, 0, 0, 0];
    routing.extend(last);
    ip[39] = 0x77;
    ip[6] = 43;
    ip[5] += 24;
    let frame = [ethernet, &ip, &routing, transport].concat();
    let trace = Trace::of([frame]);
    let extracted = tcp_streams(&trace, &["--checksum", "require"]);
    let (_, file) = extracted.files.first_key_value().unwrap();
    assert_same(file, b"by way of another", "stream");
}

#[test]
fn it_is_for_streams() {
    run(["testdata/recorded/http.pcap", "--checksum", "require"])
        .exits(2)
        .prints_nothing()
        .says("--checksum is for streams");
}
