use super::*;
use crate::app::found::{Content, Note};
use crate::app::parser::Next;
use crate::app::testing::{C, S, hear};

fn vector(len: usize, bytes: &[u8]) -> Vec<u8> {
    let all = bytes.len().to_be_bytes();
    [&all[8 - len..], bytes].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &vector(3, body)[..]].concat()
}

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1], &vector(2, payload)[..]].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &vector(2, data)[..]].concat()
}

fn client_hello() -> Vec<u8> {
    let name = [&[0], &vector(2, b"www.example.org")[..]].concat();
    let extensions = [
        extension(0x0a0a, b""),
        extension(0, &vector(2, &name)),
        extension(16, &vector(2, b"\x02h2")),
        extension(43, &vector(1, &[0x0a, 0x0a, 3, 4, 3, 3])),
        extension(10, &vector(2, &[0, 29])),
        extension(11, &vector(1, &[0])),
        extension(13, &vector(2, &[4, 3, 8, 4])),
    ];
    let body = [
        &[3, 3][..],
        &[7; 32],
        &vector(1, b""),
        &vector(2, &[0x1a, 0x1a, 0x13, 1, 0xc0, 0x2f]),
        &vector(1, &[0]),
        &vector(2, &extensions.concat()),
    ];
    message(1, &body.concat())
}

fn server_hello(extensions: &[u8]) -> Vec<u8> {
    let body = [
        &[3, 3][..],
        &[9; 32],
        &[0],
        &[0x13, 1],
        &[0],
        &vector(2, extensions),
    ];
    message(2, &body.concat())
}

fn handshake(heard: &crate::app::testing::Heard) -> &Tls {
    match &heard.found[0].content {
        Content::Tls(tls) => tls,
        _ => panic!("a handshake"),
    }
}

#[test]
fn both_hellos_make_a_record() {
    let hello = client_hello();
    let (front, back) = hello.split_at(60);
    // One message in two records.
    let client = [record(22, front), record(22, back)].concat();
    let server = record(22, &server_hello(&extension(43, &[3, 4])));
    let heard = hear::<TlsParser>(&[(C, &client), (S, &server)]);
    let tls = handshake(&heard);
    assert_eq!((heard.next, heard.packet), (Next::Stop, 2));
    let client = tls.client.as_ref().unwrap();
    assert_eq!(client.server_name.as_deref(), Some(&b"www.example.org"[..]));
    assert_eq!(client.alpn, [b"h2"]);
    assert_eq!(tls.server.as_ref().unwrap().version(), 0x0304);
    assert!(heard.found[0].notes.is_empty() && !tls.is_resumed());
}

#[test]
fn fingerprints_leave_out_what_means_nothing() {
    let hello = ClientHello::parse(&client_hello()[4..]).unwrap();
    // md5 of 771,4865-49199,0-16-43-10-11-13,29,0
    assert_eq!(
        hello.ja3(),
        crate::app::digest::hex(&{
            use md5::{Digest, Md5};
            Md5::digest("771,4865-49199,0-16-43-10-11-13,29,0")
        })
    );
    assert!(hello.ja4(Carrier::Tcp).starts_with("t13d0206h2_"));
    assert!(hello.ja4(Carrier::Quic).starts_with("q13d"));
    let bare = ClientHello {
        legacy_version: 0x0301,
        ciphers: vec![0x2f],
        ..ClientHello::default()
    };
    // sha256 of "_"
    assert!(bare.ja4(Carrier::Tcp).ends_with("_d2e2adf7177b"));
}

#[test]
fn a_client_that_is_refused() {
    let client = record(22, &client_hello());
    let heard = hear::<TlsParser>(&[(C, &client), (S, &record(21, &[2, 40]))]);
    assert_eq!(handshake(&heard).alert, Some(40));
    assert!(heard.found[0].notes.has(Note::NoResponse));
}

#[test]
fn a_certificate_that_is_refused() {
    let client = record(22, &client_hello());
    let server = [server_hello(&[]), message(14, b"")].concat();
    let server = record(22, &server);
    let refused = record(21, &[2, 48]);
    let heard = hear::<TlsParser>(&[(C, &client), (S, &server), (C, &refused)]);
    assert_eq!(handshake(&heard).alert, Some(48));
    assert!(heard.found[0].notes.is_empty());

    // Accepted: the key, and both sides change to the cipher.
    let change = record(20, &[1]);
    let key = [record(22, &message(16, &[1, 2])), change.clone()].concat();
    let heard = hear::<TlsParser>(&[(C, &client), (S, &server), (C, &key), (S, &change)]);
    assert_eq!((heard.next, heard.packet), (Next::Stop, 4));
    assert_eq!(handshake(&heard).alert, None);
}

#[test]
fn what_is_broken_ends_it() {
    for bytes in [
        &b"\x16\x03\x01\x00\x00"[..],
        b"\x80\x00\x01",
        b"\x16\x03\x01\xff\xff\x01",
        b"GET /",
    ] {
        let heard = hear::<TlsParser>(&[(C, bytes), (S, bytes), (C, &[0; 8]), (S, &[0; 8])]);
        assert_eq!(heard.found, []);
    }
}
