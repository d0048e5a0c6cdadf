use super::*;
use crate::app::testing::{C, S, hear, lines, moment};

#[test]
fn logins() {
    let heard = hear::<Imap>(&[
        (S, b"* OK ready\r\n"),
        (C, b"a1 LOGIN tim wrong\r\n"),
        (S, b"a1 NO [AUTHENTICATIONFAILED] no\r\n"),
        (C, b"a2 login \"tim \\\"t\\\"\" \"a b\"\r\n"),
        (S, b"* CAPABILITY IMAP4rev1\r\na2 OK in\r\n"),
        (C, b"a3 SELECT INBOX\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        [
            "tim wrong login failure NO",
            "tim \\\"t\\\" a b login success OK"
        ]
    );
    let message = heard.logins()[0].message.as_deref();
    assert_eq!(message, Some(&b"[AUTHENTICATIONFAILED] no"[..]));
    assert_eq!((heard.next, heard.packet), (Next::Stop, 5));
    assert_eq!(heard.spans(), [(2, 3), (4, 5)]);
}

#[test]
fn literals() {
    let heard = hear::<Imap>(&[
        (S, b"* OK ready\r\n"),
        (C, b"a1 LOGIN {3}\r\n"),
        (S, b"+ go on\r\n"),
        (C, b"tim {4+}\r\na\r\n\"\r\n"),
        (S, b"a1 BAD what\r\n"),
        (C, b"a2 LOGIN {0}\r\n \"x\"\r\n"),
        (S, b"a2 OK in\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        [r#"tim a\r\n\" login failure BAD"#, " x login success OK"]
    );
}

/// A literal that the server refuses is not sent.
#[test]
fn refused_literals() {
    let heard = hear::<Imap>(&[
        (S, b"* OK ready\r\n"),
        (C, b"a1 LOGIN {30000}\r\n"),
        (S, b"a1 NO too long\r\n"),
        (C, b"a2 LOGIN tim x\r\n"),
        (S, b"a2 OK in\r\n"),
    ]);
    assert_eq!(lines(&heard), ["tim x login success OK"]);
}

#[test]
fn exchanges() {
    let heard = hear::<Imap>(&[
        (S, b"* OK ready\r\n"),
        (C, b"a AUTHENTICATE PLAIN\r\n"),
        (S, b"+ \r\n"),
        (C, b"AHRpbQB4\r\n"),
        (S, b"a NO no\r\n"),
        (C, b"b AUTHENTICATE CRAM-MD5\r\n"),
        (S, b"+ PDFAeD4=\r\n"),
        (C, b"dGltIGI5MTM=\r\n"),
        (S, b"b NO no\r\n"),
        (C, b"c AUTHENTICATE LOGIN\r\n"),
        (S, b"+ VXNlciBOYW1lAA==\r\n"),
        (C, b"*\r\n"),
        (S, b"c BAD aborted\r\n"),
        (C, b"d AUTHENTICATE PLAIN AHRpbQB0YW4=\r\n"),
        (S, b"d OK in\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        [
            "tim x plain failure NO",
            "tim \\xb9\\x13 cram-md5 failure NO",
            "- - login failure BAD",
            "tim tan plain success OK"
        ]
    );
}

#[test]
fn tags_say_what_is_answered() {
    let heard = hear::<Imap>(&[
        (S, b"* OK ready\r\n"),
        (C, b"a LOGIN tim x\r\nb NOOP\r\nc LOGIN tom y\r\n"),
        (S, b"c NO no\r\nb OK\r\na NO no\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        ["tom y login failure NO", "tim x login failure NO"]
    );
}

#[test]
fn tls_begins() {
    let heard = hear::<Imap>(&[
        (S, b"* OK ready\r\n"),
        (C, b"a STARTTLS\r\n"),
        (S, b"a OK go on\r\n"),
        (C, b"\x16\x03\x01"),
    ]);
    assert_eq!(lines(&heard), ["- - tls encrypted -"]);
    assert_eq!((heard.next, heard.packet), (Next::RecognizeAfter(0), 4));
}

#[test]
fn gaps() {
    let mut parser = Imap::new();
    let mut found = Vec::new();
    parser.data(C, b"a LOGIN tim x\r\n", moment(1), &mut found);
    parser.gap(S, 5, moment(2), &mut found);
    assert_eq!(
        parser.data(S, b"a OK in\r\n", moment(4), &mut found),
        Next::Stop
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].notes.has(Note::Gap));
}

#[test]
fn hostile_literals_are_bounded() {
    let mut parser = Imap::new();
    let mut found = Vec::new();
    parser.data(
        C,
        b"a LOGIN {18446744073709551615}\r\n",
        moment(1),
        &mut found,
    );
    for packet in 2..10 {
        parser.data(C, &[b'"'; 10_000], moment(packet), &mut found);
    }
    assert!(parser.skippable(C) > 1 << 60);
    parser.skipped(C, u64::MAX - 80_000, moment(11), &mut found);
    parser.data(C, b"\r\n", moment(12), &mut found);
    parser.end(&mut found);
    assert_eq!(found.len(), 1);
    assert!(found[0].notes.has(Note::Limit));
}
