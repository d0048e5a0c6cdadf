use super::*;
use crate::app::testing::{C, S, hear, lines, moment};

fn message(kind: &[u8], payload: &[&[u8]]) -> Vec<u8> {
    let payload = payload.concat();
    let len = u32::try_from(payload.len() + 4).unwrap();
    [kind, &len.to_be_bytes(), &payload].concat()
}

fn startup() -> Vec<u8> {
    message(
        b"",
        &[
            b"\0\x03\0\0",
            b"user\0zeek\0database\0shop\0application_name\0psql\0\0",
        ],
    )
}

const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

fn authentication(kind: u8, rest: &[u8]) -> Vec<u8> {
    message(b"R", &[&[0, 0, 0, kind], rest])
}

fn ready() -> Vec<u8> {
    message(b"Z", &[b"I"])
}

fn error(code: &str) -> Vec<u8> {
    let code = format!("SFATAL\0C{code}\0Mno such thing\0\0");
    message(b"E", &[code.as_bytes()])
}

#[test]
fn no_password() {
    let heard = hear::<Pgsql>(&[
        (C, SSL),
        (S, b"N"),
        (C, &startup()),
        (
            S,
            &[authentication(0, b""), message(b"S", &[b"a\0b\0"]), ready()].concat(),
        ),
        (C, b"never read"),
    ]);
    assert_eq!(lines(&heard), ["zeek - none success 0"]);
    assert_eq!(heard.logins()[0].database.as_deref(), Some(&b"shop"[..]));
    assert_eq!((heard.next, heard.packet), (Next::Stop, 4));
    assert_eq!(heard.spans(), [(3, 4)]);
}

#[test]
fn the_database_is_the_user_s() {
    let startup = message(b"", &[b"\0\x03\0\0", b"user\0zeek\0\0"]);
    let heard = hear::<Pgsql>(&[(C, &startup)]);
    assert_eq!(heard.logins()[0].database.as_deref(), Some(&b"zeek"[..]));
    assert_eq!(lines(&heard), ["zeek - none unknown -"]);
}

#[test]
fn passwords_in_the_clear() {
    let heard = hear::<Pgsql>(&[
        (C, &startup()),
        (S, &authentication(3, b"")),
        (C, &message(b"p", &[b"secret\0"])),
        (S, &error("28P01")),
    ]);
    assert_eq!(lines(&heard), ["zeek secret cleartext failure 28P01"]);
    assert_eq!(
        heard.logins()[0].message.as_deref(),
        Some(&b"no such thing"[..])
    );
    assert_eq!(heard.logins()[0].crack_result(), 2);
}

#[test]
fn md5() {
    let proof = b"md5d47dfe4b3c0e9cbf539949db664f528b";
    let heard = hear::<Pgsql>(&[
        (C, &startup()),
        (S, &authentication(5, b"salt")),
        (C, &message(b"p", &[proof, b"\0"])),
        (S, &authentication(0, b"")),
        (S, &ready()),
    ]);
    let [login] = heard.logins()[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(login.secret, Some(Secret::Message(proof.to_vec())));
    assert_eq!(login.challenge.as_deref(), Some(&b"salt"[..]));
    assert_eq!(login.outcome, Outcome::Success);
}

#[test]
fn scram() {
    let first = b"SCRAM-SHA-256\0\0\0\0\x0bn,,n=,r=abc";
    let heard = hear::<Pgsql>(&[
        (C, &startup()),
        (S, &authentication(10, b"SCRAM-SHA-256\0\0")),
        (C, &message(b"p", &[first])),
        (S, &authentication(11, b"r=abcdef,s=c2FsdA==,i=4096")),
        (C, &message(b"p", &[b"c=biws,r=abcdef,p=cHJvb2Y="])),
        (
            S,
            &[
                authentication(12, b"v=eA=="),
                authentication(0, b""),
                ready(),
            ]
            .concat(),
        ),
    ]);
    let proof = "c=biws,r=abcdef,p=cHJvb2Y=";
    assert_eq!(
        lines(&heard),
        [format!("zeek {proof} scram-sha-256 success 0")]
    );
    let challenge = heard.logins()[0].challenge.clone();
    let expected = b"n=,r=abc,r=abcdef,s=c2FsdA==,i=4096";
    assert_eq!(challenge.as_deref(), Some(&expected[..]));

    // Without the server side.
    let heard = hear::<Pgsql>(&[
        (C, &startup()),
        (C, &message(b"p", &[first])),
        (C, &message(b"p", &[proof.as_bytes()])),
    ]);
    assert_eq!(
        lines(&heard),
        [format!("zeek {proof} scram-sha-256 unknown -")]
    );
}

/// The role is looked up after the password is accepted.
#[test]
fn an_error_after_the_acceptance_is_a_failure() {
    let heard = hear::<Pgsql>(&[
        (C, &startup()),
        (
            S,
            &[
                authentication(0, b""),
                message(b"S", &[b"a\0b\0"]),
                error("28000"),
            ]
            .concat(),
        ),
    ]);
    assert_eq!(lines(&heard), ["zeek - none failure 28000"]);
}

#[test]
fn accepted_at_the_end_of_the_capture() {
    let heard = hear::<Pgsql>(&[(C, &startup()), (S, &authentication(0, b""))]);
    assert_eq!(lines(&heard), ["zeek - none success 0"]);
    assert_eq!(heard.spans(), [(1, 2)]);
}

#[test]
fn a_client_that_asks_for_its_password() {
    let heard = hear::<Pgsql>(&[(C, &startup()), (S, &authentication(5, b"salt"))]);
    assert_eq!(lines(&heard), ["zeek - md5 unknown -"]);
}

#[test]
fn tls_begins() {
    let heard = hear::<Pgsql>(&[(C, SSL), (S, b"S"), (C, b"\x16\x03\x01\x02\x00"), (S, b"x")]);
    assert_eq!(lines(&heard), ["- - tls encrypted -"]);
    assert_eq!((heard.next, heard.packet), (Next::RecognizeAfter(0), 3));
    assert_eq!(heard.spans(), [(1, 3)]);

    // Decrypted: the login follows in clear text.
    let heard = hear::<Pgsql>(&[
        (C, SSL),
        (S, b"S"),
        (C, &startup()),
        (S, &[authentication(0, b""), ready()].concat()),
    ]);
    assert_eq!(lines(&heard), ["zeek - none success 0"]);
}

#[test]
fn gssapi_first_then_tls() {
    let heard = hear::<Pgsql>(&[
        (C, b"\0\0\0\x08\x04\xd2\x16\x30"),
        (S, b"N"),
        (C, SSL),
        (S, b"S"),
        (C, b"\x16\x03\x01\x02\x00"),
    ]);
    assert_eq!(lines(&heard), ["- - tls encrypted -"]);
    assert_eq!(heard.spans(), [(3, 5)]);

    let token = [b"\0\0\x02\x00\x60\x82".as_slice(), &[1; 600]].concat();
    let heard = hear::<Pgsql>(&[(C, b"\0\0\0\x08\x04\xd2\x16\x30"), (S, b"G"), (C, &token)]);
    assert_eq!(heard.logins()[0].outcome, Outcome::Encrypted);
    assert_eq!(heard.next, Next::Stop);
}

#[test]
fn requests_to_cancel_are_no_logins() {
    let heard = hear::<Pgsql>(&[(C, b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02")]);
    assert_eq!((heard.found.len(), heard.next), (0, Next::Stop));
}

#[test]
fn gaps() {
    let mut parser = Pgsql::new();
    let mut found = Vec::new();
    parser.data(C, &startup(), moment(1), &mut found);
    assert_eq!(parser.gap(S, 13, moment(2), &mut found), Next::Stop);
    parser.end(&mut found);
    assert_eq!(found.len(), 1);
    assert!(found[0].notes.has(Note::Gap));
}

#[test]
fn hostile_lengths() {
    assert_eq!(
        hear::<Pgsql>(&[(C, b"\0\0\0\0\0\x03\0\0\0\0\0\0")])
            .logins()
            .len(),
        1
    );
    let heard = hear::<Pgsql>(&[
        (C, &startup()),
        (S, b"R\0\0\0\0R\0\0\0\x04R\xff\xff\xff\xff\0\0\0\0"),
        (C, b"p\0\0\0\x04p\xff\xff\xff\xff"),
    ]);
    assert_eq!(lines(&heard), ["zeek  none unknown -"]);
}
