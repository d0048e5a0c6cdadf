use super::*;
use crate::app::testing::{C, S, hear};

fn message(kind: u8, data: &[u8]) -> Vec<u8> {
    let len = u8::try_from(11 + data.len()).unwrap();
    [&[3, 0, 0, len, len - 5, kind, 0, 0, 0, 0, 0], data].concat()
}

#[test]
fn a_request_and_its_answer() {
    let request = message(
        0xe0,
        b"Cookie: mstshash=eltons\r\n\x01\x00\x08\x00\x03\x00\x00\x00",
    );
    let answer = message(0xd0, b"\x02\x00\x08\x00\x01\x00\x00\x00");
    let heard = hear::<RdpParser>(&[(C, &request), (S, &answer), (C, b"\x16\x03")]);
    assert_eq!((heard.next, heard.packet), (Next::Recognize, 3));
    let Content::Rdp(rdp) = &heard.found[0].content else {
        panic!("a request");
    };
    assert_eq!(rdp.user(), Some(&b"eltons"[..]));
    assert_eq!((rdp.protocols, rdp.selected), (Some(3), Some(1)));
}

#[test]
fn tokens_name_a_server() {
    let rdp = Rdp::request(b"Cookie: msts=3640205228.15629.0000\r\n");
    assert_eq!(rdp.routing().as_deref(), Some("172.31.249.216:3389"));
}
