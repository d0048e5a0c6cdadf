use super::*;
use crate::app::ntlm::tests::{challenge as ntlm_challenge, proof as ntlm_proof};
use crate::app::testing::{C, S, base64, hear, lines, moment};

#[test]
fn users_and_passwords() {
    let heard = hear::<Pop3>(&[
        (S, b"+OK ready\r\n"),
        (C, b"CAPA\r\n"),
        (S, b"+OK list\r\nUSER\r\n+OK is no reply here\r\n.\r\n"),
        (C, b"USER tim\r\n"),
        (S, b"+OK\r\n"),
        (C, b"PASS a b\r\n"),
        (S, b"-ERR [AUTH] no\r\n"),
        (C, b"USER tom\r\n"),
        (S, b"-ERR who?\r\n"),
        (C, b"user tim\r\npass c\r\n"),
        (S, b"+OK\r\n+OK in\r\n"),
        (C, b"LIST\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        [
            "tim a b user/pass failure -ERR",
            "tom - user/pass failure -ERR",
            "tim c user/pass success +OK"
        ]
    );
    assert_eq!(
        heard.logins()[0].message.as_deref(),
        Some(&b"[AUTH] no"[..])
    );
    assert_eq!(heard.logins()[0].crack_result(), 2);
    assert_eq!(heard.spans(), [(4, 7), (8, 9), (10, 11)]);
    assert_eq!((heard.next, heard.packet), (Next::Stop, 11));
}

#[test]
fn apop() {
    let heard = hear::<Pop3>(&[
        (S, b"+OK ready <1896.6971@mail.example.org>\r\n"),
        (C, b"APOP tim c4c9334bac560ecc979e58001b3e22fb\r\n"),
        (S, b"+OK in\r\n"),
    ]);
    let login = heard.logins()[0];
    let secret = login.secret.as_ref().unwrap();
    assert_eq!((secret.kind(), secret.bytes().len()), ("proof", 16));
    assert_eq!(
        login.challenge.as_deref(),
        Some(&b"<1896.6971@mail.example.org>"[..])
    );
    assert_eq!(
        (login.mechanism.as_deref(), login.code.as_deref()),
        (Some("apop"), Some("+OK"))
    );
}

#[test]
fn exchanges() {
    let heard = hear::<Pop3>(&[
        (S, b"+OK ready\r\n"),
        (C, b"AUTH\r\n"),
        (S, b"+OK\r\nPLAIN\r\n.\r\n"),
        (C, b"AUTH PLAIN\r\n"),
        (S, b"+ \r\n"),
        (C, b"AHRpbQB4\r\n"),
        (S, b"-ERR no\r\n"),
        (C, b"AUTH PLAIN AHRpbQB0YW4=\r\n"),
        (S, b"+OK in\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        ["tim x plain failure -ERR", "tim tan plain success +OK"]
    );
}

#[test]
fn ntlm() {
    let hello = base64(b"NTLMSSP\0\x01\0\0\0");
    let challenge = [b"+ ", &base64(&ntlm_challenge(b"12345678"))[..], b"\r\n"].concat();
    let proof = [&base64(&ntlm_proof("liam", "D", &[7; 24]))[..], b"\r\n"].concat();
    let hello = [&hello[..], b"\r\n"].concat();
    let heard = hear::<Pop3>(&[
        (S, b"+OK ready\r\n"),
        (C, b"AUTH NTLM\r\n"),
        (S, b"+\r\n"),
        (C, &hello),
        (S, &challenge),
        (C, &proof),
        (S, b"+OK in\r\n"),
    ]);
    let login = heard.logins()[0];
    assert_eq!(login.user.as_deref(), Some(&b"liam"[..]));
    assert_eq!(login.challenge.as_deref(), Some(&b"12345678"[..]));
    assert_eq!(login.outcome, Outcome::Success);
}

#[test]
fn tls_begins() {
    let heard = hear::<Pop3>(&[
        (S, b"+OK ready\r\n"),
        (C, b"STLS\r\n"),
        (S, b"+OK\r\n"),
        (C, b"\x16\x03\x01"),
    ]);
    assert_eq!(lines(&heard), ["- - tls encrypted -"]);
    assert_eq!((heard.next, heard.packet), (Next::RecognizeAfter(0), 4));
    let heard = hear::<Pop3>(&[
        (S, b"+OK ready\r\n"),
        (C, b"STLS\r\n"),
        (S, b"-ERR\r\n"),
        (C, b"USER tim\r\n"),
    ]);
    assert_eq!(lines(&heard), ["tim - user/pass unknown -"]);
}

#[test]
fn gaps() {
    let mut parser = Pop3::new();
    let mut found = Vec::new();
    parser.data(C, b"USER tim\r\n", moment(1), &mut found);
    parser.gap(S, 5, moment(2), &mut found);
    parser.data(C, b"PASS x\r\n", moment(3), &mut found);
    assert_eq!(
        parser.data(S, b"+OK in\r\n", moment(4), &mut found),
        Next::Stop
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].notes.has(Note::Gap));
}
