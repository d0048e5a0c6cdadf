//! Captures are what the head of this example promises.

use crate::capture::{Totals, write_capture};
use crate::parse_args;
use std::collections::BTreeMap;
use std::ffi::OsString;
use testkit::checksum::{fold, sum_words};
use testkit::low32;
use testkit::transport::{FIN, SYN};

fn capture(args: &str) -> (Vec<u8>, Totals) {
    let args = format!("{args} file");
    let options = parse_args(args.split_whitespace().map(OsString::from)).expect("right usage");
    let mut bytes = Vec::new();
    let totals = write_capture(&options, &mut bytes).expect("a Vec takes all");
    (bytes, totals)
}

/// The IP packets; asserts that records are whole and timestamps rise.
fn packets(capture: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    let mut last = (0, 0);
    let mut rest = &capture[24..];
    while let Some((header, body)) = rest.split_first_chunk::<16>() {
        let word = |at| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        assert!(last < (word(0), word(4)) && word(4) < 1_000_000_000);
        last = (word(0), word(4));
        assert_eq!(word(8), word(12));
        let (frame, next) = body.split_at(usize::try_from(word(8)).expect("a length"));
        let len = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        assert_eq!(frame.len(), 14 + len);
        packets.push(&frame[14..]);
        rest = next;
    }
    assert!(rest.is_empty());
    packets
}

/// The bytes of each stream by addresses and ports, and how often a segment was seen late or
/// again; asserts that nothing is missing between SYN and FIN.
fn streams(packets: &[&[u8]]) -> (BTreeMap<Vec<u8>, Vec<u8>>, u64, u64) {
    struct Stream {
        next: u32,
        waiting: BTreeMap<u32, Vec<u8>>,
        bytes: Vec<u8>,
        ended: bool,
    }
    let mut streams = BTreeMap::new();
    let (mut late, mut repeated) = (0, 0);
    for packet in packets {
        let key = packet[12..24].to_vec();
        let word = |at| u32::from_be_bytes(packet[at..at + 4].try_into().expect("four"));
        let (sequence, flags) = (word(24), packet[33]);
        if flags & SYN != 0 {
            let stream = Stream {
                next: sequence.wrapping_add(1),
                waiting: BTreeMap::new(),
                bytes: Vec::new(),
                ended: false,
            };
            assert!(streams.insert(key, stream).is_none(), "one SYN each");
            continue;
        }
        let stream = streams.get_mut(&key).expect("a SYN first");
        let payload = &packet[20 + usize::from(packet[32] >> 4) * 4..];
        let distance = sequence.wrapping_sub(stream.next);
        if distance == 0 {
            stream.bytes.extend_from_slice(payload);
            stream.next = sequence.wrapping_add(low32(payload.len().try_into().expect("u64")));
            while let Some(payload) = stream.waiting.remove(&stream.next) {
                let len = low32(payload.len().try_into().expect("u64"));
                stream.next = stream.next.wrapping_add(len);
                stream.bytes.extend(payload);
                late += 1;
            }
        } else if distance < 1 << 31 {
            stream.waiting.insert(sequence, payload.to_vec());
        } else if !payload.is_empty() {
            assert!(stream.bytes.ends_with(payload), "the same bytes again");
            repeated += 1;
        }
        if flags & FIN != 0 {
            stream.next = stream.next.wrapping_add(1);
            stream.ended = true;
        }
    }
    let bytes = streams.into_iter().map(|(key, stream)| {
        assert!(stream.ended && stream.waiting.is_empty());
        (key, stream.bytes)
    });
    (bytes.collect(), late, repeated)
}

#[test]
fn printed_totals_are_what_is_in_the_file() {
    for args in ["streams-bulk --scale 0.01", "streams-many --scale 0.01"] {
        let (bytes, totals) = capture(args);
        let packets = packets(&bytes);
        let (streams, late, repeated) = streams(&packets);
        let with_data = || streams.values().filter(|bytes| !bytes.is_empty());
        let count = |number: usize| u64::try_from(number).expect("u64");
        assert_eq!(count(bytes.len()), totals.bytes, "{args}");
        assert_eq!(count(packets.len()), totals.packets, "{args}");
        assert_eq!(count(streams.len()), 2 * totals.connections, "{args}");
        assert_eq!(count(with_data().count()), totals.streams, "{args}");
        let payload = with_data().map(|bytes| count(bytes.len())).sum::<u64>();
        assert_eq!(payload, totals.payload, "{args}");
        assert_eq!((late, repeated), (totals.late, totals.repeated), "{args}");
    }
}

#[test]
fn checksums_are_right() {
    for args in ["streams-bulk --scale 0.002", "streams-many --scale 0.002"] {
        for packet in packets(&capture(args).0) {
            assert_eq!(fold(sum_words(&packet[..20])), 0);
            let tcp_len = u32::try_from(packet.len() - 20).expect("u32");
            assert_eq!(fold(sum_words(&packet[12..]) + 6 + tcp_len), 0);
        }
    }
}

#[test]
fn seed_decides_every_byte() {
    let first = capture("streams-many --scale 0.001 --seed 7").0;
    assert!(first == capture("streams-many --scale 0.001 --seed 7").0);
    assert!(first != capture("streams-many --scale 0.001 --seed 8").0);
}

#[test]
fn scale_is_a_number_above_zero() {
    for (scale, count) in [("1", 483), ("0.01", 5), ("0.0001", 1), ("2", 966)] {
        let args = format!("streams-bulk {scale} --scale {scale}");
        let options = parse_args(args.split_whitespace().map(OsString::from));
        assert_eq!(options.map(|it| it.connection_count), Some(count));
    }
    for wrong in ["0", "-1", "nan", "inf", "1e9", "x"] {
        let args = format!("streams-bulk file --scale {wrong}");
        assert!(parse_args(args.split_whitespace().map(OsString::from)).is_none());
    }
}
