//! Compressed payload (IPComp).

use super::{is_entered, is_left, list, told};
use crate::common::program::Program;
use crate::common::streams::streams_of_files;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;
use testkit::frames::{ethernet, ipv4, ipv6, tcp};
use testkit::pcap::Pcap;
use testkit::transport::{ACK, Tcp, Udp};
use testkit::tunnel::{inner_frame, inner_packet, outer, outer_v6, over_udp, vxlan};

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
    packer.write_all(payload).unwrap();
    packer.finish().unwrap()
}

/// RFC 3173, section 3.3: next header, flags, parameter index.
fn ipcomp(next: u8, index: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = index.to_be_bytes();
    [&[next, 0, high, low], &deflated(payload)[..]].concat()
}

const IPCOMP: u8 = 108;

#[test]
fn compressed_payload_is_opened() {
    let packet = inner_packet();
    is_entered(
        "tunnel",
        outer(IPCOMP, &ipcomp(4, 2, &packet)),
        "ipcomp/ipip 2/-",
        &[],
    );
    is_entered(
        "negotiated",
        outer(IPCOMP, &ipcomp(4, 0x1234, &packet)),
        "ipcomp/ipip 4660/-",
        &[],
    );
    is_entered(
        "IPv6",
        outer_v6(IPCOMP, &ipcomp(4, 2, &packet)),
        "ipcomp/4in6 2/-",
        &[],
    );
    let twice = ipcomp(IPCOMP, 2, &ipcomp(4, 2, &packet));
    is_entered(
        "twice",
        outer(IPCOMP, &twice),
        "ipcomp/ipcomp/ipip 2/2/-",
        &[],
    );
    let within = vxlan(9, &outer(IPCOMP, &ipcomp(4, 2, &packet)));
    is_entered(
        "in VXLAN",
        over_udp(4789, &within),
        "vxlan/ipcomp/ipip 9/2/-",
        &[],
    );
    let carrying = Udp { ports: (5, 4789) }.datagram(&vxlan(9, &inner_frame()));
    is_entered(
        "of VXLAN",
        outer(IPCOMP, &ipcomp(17, 2, &carrying)),
        "ipcomp/vxlan 2/9",
        &[],
    );
    let host = ipv4(
        (1, 2),
        IPCOMP,
        (0, 0),
        &ipcomp(6, 2, &tcp((40000, 80), ACK, 100)),
    );
    is_entered(
        "between hosts",
        ethernet((1, 2), &[], 0x0800, &host),
        "ipcomp 2",
        &[],
    );
    let v6 = ipv6((1, 2), IPCOMP, &ipcomp(6, 2, &tcp((40000, 80), ACK, 100)));
    let rows = list(&[ethernet((1, 2), &[], 0x86dd, &v6)], &[]);
    assert_eq!(
        told(&rows[0]),
        "tcp 2001:db8::1:40000 2001:db8::2:80 | ipcomp 2"
    );
}

#[test]
fn what_is_not_deflate_stays_compressed() {
    let packet = inner_packet();
    let whole = ipcomp(4, 2, &packet);
    let zeros = ipcomp(17, 2, &vec![0; 10 << 20]);
    for (what, payload) in [
        ("LZS", ipcomp(4, 3, &packet)),
        ("its end is missing", whole[..whole.len() - 9].to_vec()),
        ("damaged", [&whole[..4], &[0xff; 40]].concat()),
        ("header alone", whole[..4].to_vec()),
        ("too short", whole[..3].to_vec()),
        (
            "more than a datagram can be",
            zeros[..1400.min(zeros.len())].to_vec(),
        ),
        ("nothing", Vec::new()),
    ] {
        is_left(what, outer(IPCOMP, &payload), "108", &[]);
    }
    // Ten megabytes in a jumbo frame.
    assert!(zeros.len() < 12_000);
    is_left("a bomb", outer(IPCOMP, &zeros), "108", &[]);
}

/// Some segments of a connection, each compressed; the stream is what was in them.
fn segments(wrap: impl Fn(usize, &[u8]) -> Vec<Vec<u8>>) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut frames = Vec::new();
    let mut stream = Vec::new();
    for number in 0..40_usize {
        let text = format!("line {number} of a text that is worth compressing ").repeat(20);
        let header = Tcp {
            ports: (40000, 80),
            sequence: 1 + u32::try_from(stream.len()).unwrap(),
            acknowledgment: 1,
            flags: ACK,
            window: 1000,
            options: &[],
        };
        frames.extend(wrap(number, &header.segment(text.as_bytes())));
        stream.extend(text.as_bytes());
    }
    (frames, stream)
}

/// Streams of compressed segments: also where segments are fragments before or after that.
#[test]
fn streams_are_unpacked() {
    let frame = |packet: &[u8]| ethernet((1, 2), &[], 0x0800, packet);
    let compressed = |segment: &[u8]| ipcomp(6, 2, segment);
    let pieces = |protocol: u8, id: usize, payload: &[u8]| {
        let id = u16::try_from(id).unwrap();
        let half = payload.len() / 2 / 8 * 8;
        let offset = u16::try_from(half / 8).unwrap();
        [
            ipv4((1, 2), protocol, (id, 0x2000), &payload[..half]),
            ipv4((1, 2), protocol, (id, offset), &payload[half..]),
        ]
    };
    let folder = tempfile::tempdir().unwrap();
    for (what, (frames, expected)) in [
        (
            "each in a packet",
            segments(|_, segment| vec![frame(&ipv4((1, 2), IPCOMP, (0, 0), &compressed(segment)))]),
        ),
        (
            "compressed, then in fragments",
            segments(|id, segment| {
                pieces(IPCOMP, id, &compressed(segment))
                    .map(|it| frame(&it))
                    .to_vec()
            }),
        ),
        (
            "in fragments, then compressed",
            segments(|id, segment| {
                let pieces = pieces(6, id, segment);
                pieces.map(|it| outer(IPCOMP, &ipcomp(4, 2, &it))).to_vec()
            }),
        ),
        (
            "some compressed",
            segments(|number, segment| {
                let (protocol, payload) = match number % 2 {
                    0 => (IPCOMP, compressed(segment)),
                    _ => (6, segment.to_vec()),
                };
                vec![frame(&ipv4((1, 2), protocol, (0, 0), &payload))]
            }),
        ),
    ] {
        let path = folder.path().join("packed.pcap");
        std::fs::write(&path, Pcap::COMMON.file(frames)).unwrap();
        for options in [
            &["--threads", "1"][..],
            &["--threads", "3", "--chunk-bytes", "4096"],
        ] {
            let options = [&["--decap", "--extract-tcp-all"], options].concat();
            let found = streams_of_files(&[&path], &options);
            assert_eq!(found.files.len(), 1, "{what}: {:?}", found.files.keys());
            assert!(found.files.values().all(|it| *it == expected), "{what}");
        }
    }
}

/// A capture whose packets unpack to a thousand times their size takes no more memory.
#[test]
fn unpacking_takes_no_memory() {
    let payload = [&Udp { ports: (1, 2) }.datagram(&[])[..], &[0; 60_000]].concat();
    let frame = outer(IPCOMP, &ipcomp(17, 2, &payload));
    assert!(frame.len() < 200, "{}", frame.len());
    let capture = Pcap::COMMON.file(std::iter::repeat_n(frame, 20_000));
    // All of it together is 1.2 GB.
    let program = Program::with_limit("-v 1000000");
    let folder = tempfile::tempdir().unwrap();
    let output = format!("{}/", folder.path().display());
    let args = [
        "-",
        "--decap",
        "--extract-tcp-all",
        "-o",
        &output,
        "--format",
        "csv",
        "--threads",
        "2",
    ];
    let rows = program
        .args(args)
        .input(&capture, 1 << 20)
        .run()
        .exits(0)
        .rows();
    assert_eq!(rows[0]["packets"], "20000");
}
