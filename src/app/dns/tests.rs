use super::*;
use crate::app::found::{Content, Note};
use crate::app::testing::{C, S, hear};

/// A query for `a.b`, of type A.
const QUERY: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x01b\x00\x00\x01\x00\x01";

fn response(answer: &[u8]) -> Vec<u8> {
    let mut bytes = QUERY.to_vec();
    bytes[2] = 0x81;
    bytes[7] = 1;
    bytes.extend_from_slice(answer);
    bytes
}

fn record(rtype: u8, data: &[u8]) -> Vec<u8> {
    let len = u8::try_from(data.len()).unwrap();
    [&[0xc0, 12, 0, rtype, 0, 1, 0, 0, 0, 60, 0, len], data].concat()
}

#[test]
fn queries_are_found_again() {
    let framed = |bytes: &[u8]| {
        let len = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        [&len, bytes].concat()
    };
    let two = [framed(QUERY), framed(QUERY)].concat();
    let answer = framed(&response(&record(1, &[10, 0, 0, 1])));
    let heard = hear::<DnsStream>(&[(C, &two), (S, &answer)]);
    let Content::Dns(last) = &heard.found[2].content else {
        panic!("a message");
    };
    assert_eq!(last.query.unwrap().packet, 1);
    assert_eq!(last.sections[0][0].data, "10.0.0.1");
}

#[test]
fn data_are_in_presentation_format() {
    let cases: [(u8, &[u8], &str); 7] = [
        (2, b"\x02ns\xc0\x0c", "ns.a.b."),
        (15, b"\x00\x0a\xc0\x0c", "10 a.b."),
        (16, b"\x02hi\x01\"", "\"hi\" \"\\\"\""),
        (33, b"\x00\x01\x00\x02\x00\x50\xc0\x0c", "1 2 80 a.b."),
        (
            28,
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            "2001:db8::1",
        ),
        (5, b"\x03x.y\xc0\x0c", "x\\.y.a.b."),
        (99, b"\x01", "\\# 1 01"),
    ];
    for (rtype, data, expected) in cases {
        let bytes = response(&record(rtype, data));
        let (dns, notes, rest) = message(&bytes, Kind::Dns, false).unwrap();
        assert_eq!(dns.sections[0][0].data, expected);
        assert_eq!(dns.sections[0][0].name, "a.b.");
        assert!(notes.is_empty() && rest == 0);
    }
}

#[test]
fn what_is_wrong_is_noted() {
    // Address data that is too short is shown raw.
    let bytes = response(&record(1, &[10, 0, 0]));
    let (dns, notes, _) = message(&bytes, Kind::Dns, false).unwrap();
    assert_eq!(dns.sections[0][0].data, "\\# 3 0a0000");
    assert!(notes.has(Note::Malformed));
    // A name that points to itself.
    let mut looped = QUERY.to_vec();
    looped.splice(12.., [0xc0, 12, 0, 1, 0, 1]);
    let (dns, notes, _) = message(&looped, Kind::Dns, false).unwrap();
    assert!(dns.questions.is_empty() && notes.has(Note::Malformed));
}

#[test]
fn messages_may_end_anywhere() {
    let bytes = response(&record(16, b"\x02hi\x01x"));
    for len in 0..bytes.len() {
        let cut = &bytes[..len];
        match message(cut, Kind::Dns, true) {
            Some((_, notes, _)) => assert!(notes.has(Note::Truncated), "{len}"),
            None => assert!(len < 12),
        }
        is_plausible(cut, true);
        is_plausible(cut, false);
    }
}

#[test]
fn multicast_has_another_meaning_for_a_bit() {
    let mut bytes = QUERY.to_vec();
    bytes[19] = 0x80;
    let (dns, ..) = message(&bytes, Kind::Mdns, false).unwrap();
    assert_eq!((dns.questions[0].class, dns.questions[0].flush), (1, true));
    let (dns, ..) = message(&bytes, Kind::Dns, false).unwrap();
    assert_eq!(
        (dns.questions[0].class, dns.questions[0].flush),
        (0x8001, false)
    );
}
