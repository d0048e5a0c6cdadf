//! Records in front of each segment, as the library's reader finds them.

use crate::common::streams::{
    assert_same, gaps, payload, records, streams, streams_of_files, tcp_streams,
};
use crate::common::testdata;
use pcap_flows::capture::Nanos;
use pcap_flows::output::stream::{HeaderStyle, Record, TcpFields};
use testkit::conversation::{ACK, CLIENT, Ends, FIN, PSH, Segment, Trace, content};

/// What is typed for each of the styles, behind `--tcpheader` or `--udpheader`.
const STYLES: [(&str, HeaderStyle); 5] = [
    ("", HeaderStyle::Packed),
    ("=packed", HeaderStyle::Packed),
    ("=c", HeaderStyle::C),
    ("=extended", HeaderStyle::Extended),
    ("=wide", HeaderStyle::Wide),
];

/// Time, length and stream id of records.
fn heads(records: &[Record]) -> Vec<(Nanos, u32, u32)> {
    let heads = records
        .iter()
        .map(|it| (it.header.time, it.header.len, it.header.stream_id));
    heads.collect()
}

#[test]
fn each_segment_is_a_record() {
    let trace = Trace::of([
        CLIENT.reversed().data(1, "first flow"),
        CLIENT.syn(1000),
        CLIENT.data(1001, "one"),
        CLIENT.data(1004, ""),
        CLIENT.data(1004, "three"),
        CLIENT.data(1013, "six bytes"),
        CLIENT.data(1009, "four"),
        CLIENT.data(1018, "some over"),
        CLIENT.fin(1027),
    ]);
    let expected = [
        (2, "one"),
        (4, "three"),
        (6, "four"),
        (5, "six bytes"),
        // What came a second time is left out.
        (7, " over"),
    ];
    for (style_name, style) in STYLES {
        for window in ["1", "1000000"] {
            let option = format!("--tcpheader{style_name}");
            let extracted = tcp_streams(&trace, &[&option, "--window-bytes", window]);
            let records = records(extracted.file(&CLIENT.name("tcp")), style);
            for (record, (packet, text)) in records.iter().zip(expected) {
                assert_eq!(record.payload, text.as_bytes());
                assert_eq!(record.header.time, Nanos(Trace::time_ns(packet)));
                assert_eq!(record.header.len as usize, record.payload.len());
                assert_eq!(record.header.stream_id, 2, "the FlowID");
            }
            assert_eq!(records.len(), expected.len());
        }
    }
}

/// A reader of its own, for the bytes as they stand in the file.
#[test]
fn records_have_the_documented_layout() {
    let trace = Trace::of([CLIENT.syn(0x1000), CLIENT.data(0x1001, "abc")]);
    let file = |option: &str| {
        let extracted = tcp_streams(&trace, &[option]);
        extracted.file(&CLIENT.name("tcp")).to_vec()
    };
    let time = u64::try_from(Trace::time_ns(1)).unwrap();
    let short = [&time.to_le_bytes()[..], &[3, 0, 1, 0]].concat();
    let packed = [&short[..], b"abc"].concat();
    assert_eq!(file("--tcpheader"), packed);
    assert_eq!(file("--tcpheader=packed"), packed);
    assert_eq!(
        file("--tcpheader=c"),
        [&short[..], &[0; 4], b"abc"].concat()
    );
    let wide = [&time.to_le_bytes()[..], &[3, 0, 0, 0, 1, 0, 0, 0], b"abc"].concat();
    assert_eq!(file("--tcpheader=wide"), wide);
    let [low, high, ..] = time.to_le_bytes();
    let flags = 0x8000 | u16::from(ACK | PSH);
    let sum = [
        u16::from_le_bytes([low, high]),
        3,
        1,
        0x1001,
        1,
        0x2000,
        flags,
    ];
    let sum = sum.into_iter().fold(0, u16::wrapping_add);
    let mut extended = short;
    extended.extend([0x01, 0x10, 0, 0, 1, 0, 0, 0, 0, 0x20, 0, 0]);
    extended.extend(flags.to_le_bytes());
    extended.extend(sum.to_le_bytes());
    extended.extend(*b"\0\0\0\0abc");
    assert_eq!(file("--tcpheader=extended"), extended);
}

#[test]
fn extended_records_have_the_fields_of_the_header() {
    let with = |segment: Segment, acknowledgment: u32, window: u16| Segment {
        acknowledgment,
        window,
        ..segment
    };
    let trace = Trace::of([
        CLIENT.syn(1000),
        with(CLIENT.data(1001, "one "), 0xfeed_beef, 17),
        CLIENT.data(1011, "three").with_flags(ACK | FIN),
        with(CLIENT.data(1003, "e  two"), 3, 0xffff),
    ]);
    let fields = |sequence, acknowledgment, window, flags| TcpFields {
        sequence,
        acknowledgment,
        window,
        flags,
        is_start: false,
        is_reassembled: false,
    };
    // Bytes 1003 and 1004 came before, and 1009 and 1010 never.
    let expected = [
        TcpFields {
            is_start: true,
            ..fields(1001, 0xfeed_beef, 17, ACK | PSH)
        },
        fields(1005, 3, 0xffff, ACK | PSH),
        TcpFields {
            is_reassembled: true,
            ..fields(1011, 1, 0x2000, ACK | FIN)
        },
    ];
    let extracted = tcp_streams(&trace, &["--tcpheader=extended"]);
    let records = records(extracted.file(&CLIENT.name("tcp")), HeaderStyle::Extended);
    let found: Vec<TcpFields> = records.iter().map(|it| it.header.tcp).collect();
    assert_eq!(found, expected);
}

/// RFC 7323: a window counts in units that both SYNs agree on.
#[test]
fn windows_are_scaled() {
    let with_scale = |segment: Segment, shift: u8| {
        let mut frame = segment.frame();
        let header = frame.len() - 20;
        frame[header + 12] = 0x60;
        frame.extend([1, 3, 3, shift]);
        let len = u16::try_from(frame.len() - 14).unwrap();
        frame[16..18].copy_from_slice(&len.to_be_bytes());
        frame
    };
    let server = CLIENT.reversed();
    let windows = |answer: Vec<u8>| {
        let trace = Trace::of([
            with_scale(CLIENT.syn(10), 3),
            answer,
            CLIENT.data(11, "request").frame(),
            server.data(51, "answer").frame(),
        ]);
        let extracted = tcp_streams(&trace, &["--tcpheader=extended"]);
        [CLIENT, server].map(|ends| {
            let file = extracted.file(&ends.name("tcp"));
            records(file, HeaderStyle::Extended)[0].header.tcp.window
        })
    };
    assert_eq!(
        windows(with_scale(server.syn_ack(50, 10), 7)),
        [0x2000 << 3, 0x2000 << 7]
    );
    assert_eq!(windows(server.syn_ack(50, 10).frame()), [0x2000, 0x2000]);
}

#[test]
fn a_long_segment_becomes_several_records() {
    let content = content(1, 65_535 * 2 + 7);
    let trace = Trace::of([
        CLIENT.syn(0),
        CLIENT.data(1, &content),
        CLIENT.data(131_078, "end"),
    ]);
    for (style_name, style) in STYLES {
        let option = format!("--tcpheader{style_name}");
        let extracted = tcp_streams(&trace, &[&option]);
        let file = extracted.file(&CLIENT.name("tcp"));
        let (time, last) = (Nanos(Trace::time_ns(1)), Nanos(Trace::time_ns(2)));
        let found = records(file, style);
        let expected = if style == HeaderStyle::Wide {
            vec![(time, 131_077, 1), (last, 3, 1)]
        } else {
            vec![
                (time, 65_535, 1),
                (time, 65_535, 1),
                (time, 7, 1),
                (last, 3, 1),
            ]
        };
        assert_eq!(heads(&found), expected, "{option}");
        assert_same(
            &payload(file, style),
            &[&content[..], b"end"].concat(),
            &option,
        );
        if style == HeaderStyle::Extended {
            let sequences: Vec<u32> = found.iter().map(|it| it.header.tcp.sequence).collect();
            assert_eq!(sequences, [1, 65_536, 131_071, 131_078]);
            let starts: Vec<bool> = found.iter().map(|it| it.header.tcp.is_start).collect();
            assert_eq!(starts, [true, false, false, false]);
        }
    }
}

#[test]
fn each_datagram_is_a_record() {
    let other = Ends {
        ports: (53, 40_000),
        ..CLIENT
    };
    let long = content(1, 70_000);
    let mut trace = Trace::of([
        other.datagram("other"),
        CLIENT.datagram("one"),
        CLIENT.datagram("two"),
        CLIENT.datagram("two"),
    ]);
    CLIENT
        .datagram_fragments(1, b"several fragments", 8)
        .into_iter()
        .for_each(|it| trace.add(it));
    trace.add(CLIENT.datagram(&long));
    for (style_name, style) in STYLES {
        let option = format!("--udpheader{style_name}");
        let extracted = streams(&trace, &["--extract-udp-all", &option]);
        let file = extracted.file(&CLIENT.name("udp"));
        // Four fragments make a datagram, which has the time of the last of them.
        let mut expected = vec![(1, 3, 2), (2, 3, 2), (3, 3, 2), (7, 17, 2)];
        if style == HeaderStyle::Wide {
            expected.push((8, 70_000, 2));
        } else {
            expected.extend([(8, 65_535, 2), (8, 4465, 2)]);
        }
        let expected = expected
            .into_iter()
            .map(|(packet, len, id)| (Nanos(Trace::time_ns(packet)), len, id));
        assert_eq!(
            heads(&records(file, style)),
            expected.collect::<Vec<_>>(),
            "{option}"
        );
        let all = [b"onetwotwoseveral fragments", &long[..]].concat();
        assert_same(&payload(file, style), &all, &option);
    }
}

/// Each protocol has its own headers, or none.
#[test]
fn headers_are_those_of_their_protocol() {
    let trace = Trace::of([
        CLIENT.data(1, "segment").frame(),
        CLIENT.datagram("datagram"),
    ]);
    let both = ["--extract-tcp-all", "--extract-udp-all"];
    let files = |options: &[&str]| {
        let extracted = streams(&trace, &[&both, options].concat());
        ["tcp", "udp"].map(|it| extracted.file(&CLIENT.name(it)).len())
    };
    assert_eq!(files(&["--tcpheader=wide"]), [7 + 16, 8]);
    assert_eq!(files(&["--udpheader=extended"]), [7, 8 + 32]);
    assert_eq!(files(&["--tcpheader", "--udpheader=c"]), [7 + 12, 8 + 16]);
}

/// FlowIDs beyond 16 bits: their low half, and all of it where there is room.
#[test]
fn the_stream_id_is_the_flow_id() {
    let count = 65_600_u32;
    let mut trace = Trace::default();
    for number in 0..count {
        let [_, _, high, low] = number.to_be_bytes();
        let ports = (
            u16::from_be_bytes([high, low]),
            if number >> 16 == 0 { 80 } else { 81 },
        );
        trace.add(Ends { ports, ..CLIENT }.data(1, "x"));
    }
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    std::fs::write(&capture, trace.file()).unwrap();
    for (style_name, style, expected) in [
        ("=packed", HeaderStyle::Packed, [0, 64]),
        ("=c", HeaderStyle::C, [0, 64]),
        ("=extended", HeaderStyle::Extended, [0, 64]),
        ("=wide", HeaderStyle::Wide, [65_536, 65_600]),
    ] {
        let option = format!("--tcpheader{style_name}");
        let ids = ["--extract-tcp", "65536,65600", &option];
        let extracted = streams_of_files(&[&capture], &ids);
        let found = extracted.manifest.iter().map(|row| {
            records(extracted.file(&row["file"]), style)[0]
                .header
                .stream_id
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{option}");
    }
}

/// With and without headers, whatever the gaps: the same bytes.
#[test]
fn payloads_make_the_plain_stream() {
    for capture in [
        "lossy-client.pcap",
        "lossy-server.pcap",
        "ipv6.pcapng",
        "dns.pcap",
    ] {
        let path = testdata(&format!("recorded/{capture}"));
        let all = ["--extract-tcp-all", "--extract-udp-all"];
        for (gaps_name, window) in [("skip", "1"), ("zero", "9000"), ("split", "1000000")] {
            let options = ["--gaps", gaps_name, "--window-bytes", window];
            let options = [&all[..], &options].concat();
            let plain = streams_of_files(&[&path], &options);
            for (style_name, style) in STYLES {
                let styles = ["tcp", "udp"].map(|it| format!("--{it}header{style_name}"));
                let styles = [styles[0].as_str(), &styles[1]];
                let framed = streams_of_files(&[&path], &[&options[..], &styles].concat());
                assert_eq!(framed.names(), plain.names());
                assert_eq!(framed.manifest, plain.manifest);
                for (name, file) in &framed.files {
                    assert_same(&payload(file, style), plain.file(name), name);
                    let is_early = |pair: &[Record]| pair[0].header.time > pair[1].header.time;
                    let records = records(file, style);
                    let swaps = records.windows(2).filter(|it| is_early(it)).count();
                    let waited = &framed.row(name)["out_of_order"];
                    assert!(swaps == 0 || waited != "0", "{name}: {swaps} swaps");
                }
            }
        }
    }
}

#[test]
fn gaps_with_headers() {
    let long = content(1, 200_000);
    let trace = Trace::of([
        CLIENT.syn(0),
        CLIENT.data(1, &long[..1000]),
        CLIENT.data(100_001, &long[100_000..100_500]),
        CLIENT.data(150_001, &long[150_000..]),
    ]);
    let name = CLIENT.name("tcp");
    for (style_name, style) in STYLES {
        let option = format!("--tcpheader{style_name}");
        for window in ["1", "1000000"] {
            let run =
                |gaps| tcp_streams(&trace, &[&option, "--gaps", gaps, "--window-bytes", window]);
            let mut zeros = long.clone();
            zeros[1000..100_000].fill(0);
            zeros[100_500..150_000].fill(0);
            assert_same(&payload(run("zero").file(&name), style), &zeros, "zeros");
            let kept = [&long[..1000], &long[100_000..100_500], &long[150_000..]];
            let skipped = run("skip");
            assert_same(
                &payload(skipped.file(&name), style),
                &kept.concat(),
                "skipped",
            );
            assert_eq!(
                gaps(skipped.row(&name)),
                [(1000, 99_000), (100_500, 49_500)]
            );
            let split = run("split");
            for (number, part) in kept.iter().enumerate() {
                let name = match number {
                    0 => name.clone(),
                    number => format!("{name}.gap{number}"),
                };
                assert_same(&payload(split.file(&name), style), part, &name);
            }
        }
    }
}
