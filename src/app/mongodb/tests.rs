use super::*;
use crate::app::testing::{C, S, hear, lines, moment};

/// An element of this kind, name and value.
fn element(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], name.as_bytes(), &[0], value].concat()
}

fn text(name: &str, text: &str) -> Vec<u8> {
    let len = u32::try_from(text.len() + 1).unwrap().to_le_bytes();
    element(2, name, &[&len, text.as_bytes(), &[0]].concat())
}

fn binary(name: &str, bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    element(5, name, &[&len, &[0][..], bytes].concat())
}

fn int(name: &str, number: i32) -> Vec<u8> {
    element(0x10, name, &number.to_le_bytes())
}

fn ok(number: f64) -> Vec<u8> {
    element(1, "ok", &number.to_le_bytes())
}

fn done(is_done: bool) -> Vec<u8> {
    element(8, "done", &[is_done.into()])
}

fn document(elements: &[Vec<u8>]) -> Vec<u8> {
    let elements = elements.concat();
    let len = u32::try_from(elements.len() + 5).unwrap().to_le_bytes();
    [&len, &elements[..], &[0]].concat()
}

fn message(opcode: u32, request: u32, response_to: u32, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let len = u32::try_from(body.len() + 16).unwrap();
    let header = [len, request, response_to, opcode].map(u32::to_le_bytes);
    [header.concat(), body].concat()
}

/// OP_MSG, with a section of documents before the command.
fn msg(request: u32, response_to: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    let sequence = b"\x01\x0c\0\0\0docs\0\xff\0\0";
    message(
        2013,
        request,
        response_to,
        &[&[0; 4], sequence, b"\0", &document(elements)],
    )
}

fn query(request: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    message(
        2004,
        request,
        u32::MAX,
        &[&[0; 4], b"test.$cmd\0", &[0; 8], &document(elements)],
    )
}

fn reply(response_to: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    message(1, 99, response_to, &[&[0; 20], &document(elements)])
}

fn start(payload: &[u8]) -> [Vec<u8>; 4] {
    [
        int("saslStart", 1),
        text("mechanism", "SCRAM-SHA-256"),
        binary("payload", payload),
        text("$db", "admin"),
    ]
}

const FIRST: &[u8] = b"n,,n=t=2Cim,r=abc";
const SERVER: &[u8] = b"r=abcdef,s=c2FsdA==,i=4096";
const FINAL: &[u8] = b"c=biws,r=abcdef,p=cHJvb2Y=";

fn goes_on(payload: &[u8]) -> [Vec<u8>; 3] {
    [
        int("saslContinue", 1),
        int("conversationId", 1),
        binary("payload", payload),
    ]
}

#[test]
fn scram() {
    let heard = hear::<Mongodb>(&[
        (C, &msg(7, 0, &start(FIRST))),
        (
            S,
            &msg(
                50,
                7,
                &[
                    int("conversationId", 1),
                    done(false),
                    binary("payload", SERVER),
                    ok(1.0),
                ],
            ),
        ),
        (C, &msg(8, 0, &goes_on(FINAL))),
        (
            S,
            &msg(51, 8, &[done(false), binary("payload", b"v=x"), ok(1.0)]),
        ),
        (C, &msg(9, 0, &goes_on(b""))),
        (S, &msg(52, 9, &[done(true), ok(1.0)])),
    ]);
    let proof = "c=biws,r=abcdef,p=cHJvb2Y=";
    assert_eq!(
        lines(&heard),
        [format!("t,im {proof} scram-sha-256 success 0")]
    );
    let login = heard.logins()[0];
    assert_eq!(login.database.as_deref(), Some(&b"admin"[..]));
    let challenge = b"n=t=2Cim,r=abc,r=abcdef,s=c2FsdA==,i=4096";
    assert_eq!(login.challenge.as_deref(), Some(&challenge[..]));
    assert_eq!(heard.spans(), [(1, 6)]);
}

#[test]
fn wrong_passwords() {
    let heard = hear::<Mongodb>(&[
        (C, &msg(7, 0, &start(FIRST))),
        (
            S,
            &msg(50, 7, &[done(false), binary("payload", SERVER), ok(1.0)]),
        ),
        (C, &msg(8, 0, &goes_on(FINAL))),
        // Answers another request.
        (S, &msg(51, 6, &[ok(0.0)])),
        (
            S,
            &msg(
                52,
                8,
                &[
                    ok(0.0),
                    text("errmsg", "Authentication failed."),
                    int("code", 18),
                ],
            ),
        ),
    ]);
    let login = heard.logins()[0];
    assert_eq!(
        (login.outcome, login.code.as_deref()),
        (Outcome::Failure, Some("18"))
    );
    assert_eq!(
        login.message.as_deref(),
        Some(&b"Authentication failed."[..])
    );
    assert_eq!(login.crack_result(), 2);
}

#[test]
fn speculative_logins() {
    let inner = document(&[
        int("saslStart", 1),
        text("mechanism", "SCRAM-SHA-256"),
        binary("payload", FIRST),
        text("db", "shop"),
    ]);
    let hello = [
        int("hello", 1),
        element(3, "speculativeAuthenticate", &inner),
        text("$db", "admin"),
    ];
    let answer = document(&[done(false), binary("payload", SERVER)]);
    let heard = hear::<Mongodb>(&[
        (C, &query(1, &hello)),
        (
            S,
            &reply(
                1,
                &[element(3, "speculativeAuthenticate", &answer), ok(1.0)],
            ),
        ),
        (C, &msg(2, 0, &goes_on(FINAL))),
        (S, &msg(52, 2, &[done(true), ok(1.0)])),
    ]);
    assert_eq!(heard.logins().len(), 1);
    assert_eq!(heard.logins()[0].database.as_deref(), Some(&b"shop"[..]));
    assert_eq!(heard.logins()[0].outcome, Outcome::Success);

    // Ignored by the server.
    let heard = hear::<Mongodb>(&[(C, &msg(1, 0, &hello)), (S, &msg(9, 1, &[ok(1.0)]))]);
    assert_eq!(heard.found, []);
}

#[test]
fn keys_and_nonces() {
    let authenticate = [
        int("authenticate", 1),
        text("user", "sa"),
        text("nonce", "2375531c32080ae8"),
        text("key", "0c85e3f74adce5d037426791940c820a"),
    ];
    let heard = hear::<Mongodb>(&[
        (C, &query(1, &authenticate)),
        (S, &reply(1, &[ok(1.0)])),
        (C, &query(2, &authenticate)),
        (S, &reply(2, &[text("errmsg", "auth fails"), ok(0.0)])),
    ]);
    let logins = heard.logins();
    assert_eq!(
        logins[0].secret.as_ref().map(|it| it.bytes().len()),
        Some(16)
    );
    assert_eq!(
        logins[0].challenge.as_deref(),
        Some(&b"2375531c32080ae8"[..])
    );
    assert_eq!(logins[0].database.as_deref(), Some(&b"test"[..]));
    assert_eq!(logins[0].mechanism.as_deref(), Some("mongodb-cr"));
    assert_eq!(
        (logins[0].outcome, logins[0].code.as_deref()),
        (Outcome::Success, Some("0"))
    );
    assert_eq!(
        (logins[1].outcome, logins[1].code.as_deref()),
        (Outcome::Failure, None)
    );
}

#[test]
fn passwords_and_certificates() {
    let plain = [
        int("saslStart", 1),
        text("mechanism", "PLAIN"),
        binary("payload", b"\0tim\0x"),
        text("$db", "$external"),
    ];
    let certificate = [
        int("authenticate", 1),
        text("mechanism", "MONGODB-X509"),
        text("user", "CN=tim"),
    ];
    let heard = hear::<Mongodb>(&[
        (C, &msg(1, 0, &plain)),
        (S, &msg(9, 1, &[done(true), ok(1.0)])),
        (C, &msg(2, 0, &certificate)),
        (S, &msg(9, 2, &[ok(1.0)])),
    ]);
    assert_eq!(
        lines(&heard),
        ["tim x plain success 0", "CN=tim - mongodb-x509 success 0"]
    );
}

#[test]
fn gaps() {
    let mut parser = Mongodb::new();
    let mut found = Vec::new();
    parser.data(C, &msg(7, 0, &start(FIRST)), moment(1), &mut found);
    assert_eq!(parser.gap(S, 100, moment(2), &mut found), Next::Continue);
    // Within a message.
    assert_eq!(
        parser.data(S, &[b'x'; 100], moment(3), &mut found),
        Next::Stop
    );
    assert!(found[0].notes.has(Note::Gap));
}

#[test]
fn other_messages_are_passed_over() {
    let insert = message(2012, 5, 0, &[&[7; 300]]);
    let heard = hear::<Mongodb>(&[
        (C, &insert),
        (C, &msg(7, 0, &[int("find", 1)])),
        (S, &msg(8, 7, &[ok(0.0)])),
    ]);
    assert_eq!((heard.found.len(), heard.next), (0, Next::Continue));
    assert_eq!(
        hear::<Mongodb>(&[(C, b"GET / HTTP/1.1\r\n\r\n")]).next,
        Next::Stop
    );
}

/// Every document, truncated at every length and with every byte changed.
#[test]
fn hostile_documents() {
    let whole = msg(7, 0, &start(FIRST));
    for at in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            let mut parser = Mongodb::new();
            let mut found = Vec::new();
            parser.data(C, &bytes, moment(1), &mut found);
            parser.data(S, &bytes, moment(2), &mut found);
            parser.end(&mut found);
        }
        let mut bytes = whole.clone();
        bytes.truncate(at);
        parse(&bytes);
    }
}
