use super::*;
use crate::app::found::Content;
use crate::app::login::{Login, Secret};
use crate::app::testing::{C, S, hear, line, lines, moment};

const HELLO: [(Side, &[u8]); 3] = [
    (S, b"220 mail.example.org ESMTP\r\n"),
    (C, b"EHLO client\r\n"),
    (S, b"250-mail.example.org\r\n250 AUTH PLAIN LOGIN\r\n"),
];

fn after_hello<'a>(script: &[(Side, &'a [u8])]) -> Vec<(Side, &'a [u8])> {
    [&HELLO, script].concat()
}

#[test]
fn plain_with_and_without_an_initial_response() {
    let heard = hear::<Smtp>(&after_hello(&[
        (C, b"AUTH PLAIN AHRpbQB4\r\n"),
        (S, b"535 5.7.8 no\r\n"),
        (C, b"AUTH PLAIN\r\n"),
        (S, b"334 \r\n"),
        (C, b"AHRpbQB0YW4=\r\n"),
        (S, b"235 2.7.0 yes\r\n"),
    ]));
    assert_eq!(
        lines(&heard),
        ["tim x plain failure 535", "tim tan plain success 235"]
    );
    assert_eq!(heard.logins()[0].crack_result(), 2);
    assert_eq!(heard.spans(), [(4, 5), (6, 9)]);
}

#[test]
fn user_and_password_one_by_one() {
    let heard = hear::<Smtp>(&after_hello(&[
        (C, b"AUTH LOGIN\r\n"),
        (S, b"334 VXNlcm5hbWU6\r\n"),
        (C, b"dGlt\r\n"),
        (S, b"334 UGFzc3dvcmQ6\r\n"),
        (C, b"REFUQQ==\r\n"),
        (S, b"235 yes\r\n"),
        (C, b"QUIT\r\n"),
        (S, b"221 bye\r\n"),
    ]));
    assert_eq!(lines(&heard), ["tim DATA login success 235"]);
}

#[test]
fn refused_at_once_and_given_up() {
    let heard = hear::<Smtp>(&after_hello(&[
        (C, b"AUTH LOGIN\r\n"),
        (S, b"503 AUTH command used when not advertised\r\n"),
        (C, b"AUTH CRAM-MD5\r\n"),
        (S, b"334 PDFAeD4=\r\n"),
        (C, b"*\r\n"),
        (S, b"501 aborted\r\n"),
    ]));
    assert_eq!(
        lines(&heard),
        ["- - login failure 503", "- - cram-md5 failure 501"]
    );
    assert_eq!(heard.logins()[1].challenge.as_deref(), Some(&b"<1@x>"[..]));
}

#[test]
fn a_message() {
    let heard = hear::<Smtp>(&after_hello(&[
        (C, b"MAIL FROM:<a@example.org> SIZE=100\r\nRCPT TO: <b@example.org>\r\nRCPT TO:c@example.org\r\nDATA\r\n"),
        (S, b"250 ok\r\n250 ok\r\n550 no such user\r\n354 go on\r\n"),
        (C, b"Subject: =?utf-8?q?caf=C3=A9?=\r\n folded\r\nDate: today\r\nMessage-Id:<1@x>\r\n\r\nDate: no\r\n..\r\n.\r\n"),
        (S, b"250 2.0.0 Ok: queued\r\n"),
    ]));
    let [mail] = heard.mails()[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(mail.helo.as_deref(), Some(&b"client"[..]));
    assert_eq!(mail.from.as_deref(), Some(&b"a@example.org"[..]));
    assert_eq!(mail.to, [b"b@example.org", b"c@example.org"]);
    assert_eq!(mail.subject.as_deref(), Some("café folded".as_bytes()));
    assert_eq!(mail.date.as_deref(), Some(&b"today"[..]));
    assert_eq!(mail.message_id.as_deref(), Some(&b"<1@x>"[..]));
    assert_eq!(mail.size, Some(32 + 9 + 13 + 18 + 2 + 10 + 3));
    assert_eq!(mail.code.as_deref(), Some("250"));
    assert_eq!(heard.spans(), [(4, 7)]);
    assert_eq!(heard.notes(), [[""; 0]]);
}

#[test]
fn a_message_in_chunks() {
    let heard = hear::<Smtp>(&after_hello(&[
        (C, b"MAIL FROM:<>\r\nRCPT TO:<b@x>\r\nBDAT 9\r\nSubject: BDAT 6 LAST\r\nx\r\n\r\nyMAIL FROM:<n>\r\n"),
        (S, b"250 ok\r\n250 ok\r\n250 ok\r\n250 done\r\n250 ok\r\n"),
    ]));
    let [mail] = heard.mails()[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(mail.from.as_deref(), Some(&b""[..]));
    assert_eq!(mail.subject.as_deref(), Some(&b"x"[..]));
    assert_eq!(
        (mail.size, mail.message.as_deref()),
        (Some(15), Some(&b"done"[..]))
    );
}

#[test]
fn refused_messages() {
    let heard = hear::<Smtp>(&after_hello(&[
        (C, b"MAIL FROM:<a@x>\r\n"),
        (S, b"250 ok\r\n"),
        (C, b"RCPT TO:<b@x>\r\n"),
        (S, b"553 5.7.1 rejected\r\n"),
        (C, b"RSET\r\n"),
        (S, b"250 ok\r\n"),
        (C, b"MAIL FROM:<c@x>\r\nRCPT TO:<d@x>\r\nDATA\r\n"),
        (S, b"250 ok\r\n550 no\r\n554 no valid recipients\r\n"),
        (C, b"MAIL FROM:<e@x>\r\n"),
        (S, b"250 ok\r\n"),
    ]));
    let codes: Vec<_> = heard
        .mails()
        .iter()
        .map(|it| (it.code.as_deref(), it.size))
        .collect();
    assert_eq!(codes, [(Some("553"), None), (Some("554"), None)]);
}

#[test]
fn local_delivery_answers_for_each_recipient() {
    let heard = hear::<Smtp>(&[
        (S, b"220 x LMTP\r\n"),
        (C, b"LHLO client\r\n"),
        (S, b"250 x\r\n"),
        (
            C,
            b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n",
        ),
        (S, b"250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n"),
        (C, b"\r\nx\r\n.\r\nMAIL FROM:<d@x>\r\n"),
        (S, b"250 one\r\n452 two\r\n250 ok\r\n"),
        (C, b"RCPT TO:<e@x>\r\n"),
        (S, b"550 no\r\n"),
    ]);
    let codes: Vec<_> = heard.mails().iter().map(|it| it.code.as_deref()).collect();
    assert_eq!(codes, [Some("452"), Some("550")]);
}

#[test]
fn the_client_alone() {
    let heard = hear::<Smtp>(&[
        (C, b"EHLO client\r\n"),
        (C, b"AUTH PLAIN AHRpbQB4\r\n"),
        (C, b"MAIL FROM:<a@x>\r\n"),
        (C, b"RCPT TO:<b@x>\r\n"),
        (C, b"DATA\r\n"),
        (C, b"Subject: x\r\n\r\nQUIT\r\n.\r\nQUIT\r\n"),
    ]);
    assert_eq!(lines(&heard), ["tim x plain unknown -"]);
    assert_eq!(heard.mails()[0].size, Some(20));
    assert_eq!(heard.notes(), [vec![], vec!["no_response"]]);
}

#[test]
fn tls_begins() {
    let heard = hear::<Smtp>(&after_hello(&[
        (C, b"STARTTLS\r\n"),
        (S, b"220 go on\r\n"),
        (C, b"\x16\x03\x01"),
    ]));
    assert_eq!(lines(&heard), ["- - tls encrypted -"]);
    assert_eq!((heard.next, heard.packet), (Next::RecognizeAfter(0), 6));

    // Decrypted.
    let heard = hear::<Smtp>(&after_hello(&[
        (C, b"STARTTLS\r\n"),
        (S, b"220 go on\r\n"),
        (C, b"EHLO client\r\n"),
        (S, b"250 ok\r\n"),
        (C, b"AUTH PLAIN AHRpbQB4\r\n"),
        (S, b"235 ok\r\n"),
    ]));
    assert_eq!(lines(&heard), ["tim x plain success 235"]);
}

fn login_of(found: &[Found]) -> &Login {
    let mut logins = found.iter().filter_map(|it| match &it.content {
        Content::Login(login) => Some(&**login),
        _ => None,
    });
    logins.next_back().unwrap()
}

#[test]
fn gaps() {
    let mut parser = Smtp::new();
    let mut found = Vec::new();
    parser.data(S, b"220 x\r\n", moment(1), &mut found);
    parser.data(C, b"AUTH LOGIN\r\n", moment(2), &mut found);
    parser.gap(S, 137, moment(3), &mut found);
    parser.data(S, b"334 VXNlcm5hbWU6\r\n", moment(3), &mut found);
    parser.data(C, b"dGlt\r\n", moment(4), &mut found);
    parser.data(C, b"eA==\r\n", moment(5), &mut found);
    parser.end(&mut found);
    assert_eq!(line(login_of(&found)), "tim x login unknown -");
    assert!(found[0].notes.has(Note::Gap));

    // Within a mail, which continues to its end.
    let mut parser = Smtp::new();
    let mut found = Vec::new();
    parser.data(
        C,
        b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nabc",
        moment(1),
        &mut found,
    );
    parser.gap(C, 1000, moment(2), &mut found);
    parser.data(
        C,
        b"x\r\n.\r\nAUTH PLAIN AHRpbQB4\r\n",
        moment(3),
        &mut found,
    );
    parser.end(&mut found);
    let Content::Mail(mail) = &found[1].content else {
        panic!("{found:?}");
    };
    assert_eq!(mail.size, Some(1006));
    assert_eq!(
        login_of(&found).secret,
        Some(Secret::Password(b"x".to_vec()))
    );
}

#[test]
fn hostile_floods_are_bounded() {
    let mut parser = Smtp::new();
    let mut found = Vec::new();
    for packet in 0..5_000 {
        let text = b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 18446744073709551615 LAST\r\nx";
        parser.data(C, text, moment(packet), &mut found);
        parser.skipped(C, u64::MAX - 1, moment(packet), &mut found);
    }
    assert!(parser.queue.len() <= QUEUE_LIMIT);
    parser.end(&mut found);
    assert_eq!(found.len(), 5_000);
}
