use super::*;
use crate::app::login::Outcome;
use crate::app::testing::{C, S, hear, line, lines, moment};

#[test]
fn a_login_and_a_transfer() {
    let heard = hear::<Ftp>(&[
        (S, b"220-Welcome\r\n220 here\r\n"),
        (C, b"USER alice\r\n"),
        (S, b"331 Please specify the password.\r\n"),
        (C, b"PASS secret word\r\n"),
        (S, b"230 Login successful.\r\n"),
        (C, b"PASV\r\n"),
        (S, b"227 Entering Passive Mode (192,0,2,1,4,1).\r\n"),
        (C, b"RETR a file\r\n"),
        (S, b"150 Opening\r\n"),
        (S, b"226 Transfer complete.\r\n"),
        (C, b"QUIT\r\n"),
        (S, b"221 Goodbye.\r\n"),
    ]);
    assert_eq!(lines(&heard), ["alice secret word user/pass success 230"]);
    assert_eq!(
        heard.logins()[0].message.as_deref(),
        Some(&b"Login successful."[..])
    );
    let [transfer] = heard.transfers()[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(transfer.user.as_deref(), Some(&b"alice"[..]));
    assert_eq!(
        (transfer.command, transfer.arg.as_deref()),
        ("RETR", Some(&b"a file"[..]))
    );
    assert_eq!(transfer.code.as_deref(), Some("226"));
    let data = DataEndpoint {
        address: Some([192, 0, 2, 1].into()),
        port: 1025,
        is_passive: true,
    };
    assert_eq!(transfer.data, Some(data));
    assert_eq!(heard.spans(), [(2, 5), (8, 10)]);
}

#[test]
fn refused_users_and_passwords() {
    let heard = hear::<Ftp>(&[
        (S, b"220 here\r\n"),
        (C, b"USER hello\r\n"),
        (S, b"530 This FTP server is anonymous only.\r\n"),
        (C, b"SYST\r\n"),
        (S, b"530 Please login with USER and PASS.\r\n"),
        (C, b"user bob\r\n"),
        (S, b"331 go on\r\n"),
        (C, b"pass \r\n"),
        (S, b"530 Login incorrect.\r\n"),
        (C, b"USER ftp\r\n"),
        (S, b"230 No password needed\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        [
            "hello - user/pass failure 530",
            "bob  user/pass failure 530",
            "ftp - user/pass success 230"
        ]
    );
    assert_eq!(heard.logins()[2].attempt, 3);
}

#[test]
fn pipelined_commands() {
    let heard = hear::<Ftp>(&[
        (S, b"220 here\r\n"),
        (
            C,
            b"USER a\r\nPASS x\r\nSYST\r\nUSER b\r\nPASS y\r\nPORT 192,0,2,9,0,99\r\nLIST\r\n",
        ),
        (
            S,
            b"331 ok\r\n530 no\r\n215 UNIX\r\n331 ok\r\n230 yes\r\n200 ok\r\n150 now\r\n226 ok\r\n",
        ),
    ]);
    assert_eq!(
        lines(&heard),
        ["a x user/pass failure 530", "b y user/pass success 230"]
    );
    let [transfer] = heard.transfers()[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(transfer.data.map(|it| it.port), Some(99));
    assert_eq!((transfer.command, transfer.arg.as_deref()), ("LIST", None));
}

/// The reply to a refused user's password belongs to that login, not to the next one.
#[test]
fn pipelined_refusals() {
    let heard = hear::<Ftp>(&[
        (S, b"220 here\r\n"),
        (C, b"USER a\r\nPASS x\r\nUSER b\r\nPASS y\r\n"),
        (S, b"530 no\r\n503 user first\r\n331 ok\r\n230 yes\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        ["a x user/pass failure 530", "b y user/pass success 230"]
    );
}

#[test]
fn logins_that_are_given_up() {
    let heard = hear::<Ftp>(&[
        (S, b"220 here\r\n"),
        (C, b"USER a\r\n"),
        (S, b"331 ok\r\n"),
        (C, b"USER b\r\n"),
        (S, b"331 ok\r\n"),
        (C, b"PASS y\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        ["a - user/pass unknown -", "b y user/pass unknown -"]
    );
}

#[test]
fn accounts() {
    let heard = hear::<Ftp>(&[
        (S, b"120 wait\r\n220 here\r\n"),
        (C, b"USER a\r\n"),
        (S, b"331 ok\r\n"),
        (C, b"PASS x\r\n"),
        (S, b"332 account\r\n"),
        (C, b"ACCT z\r\n"),
        (S, b"230 yes\r\n"),
    ]);
    assert_eq!(lines(&heard), ["a x user/pass success 230"]);
}

#[test]
fn tls_begins() {
    let heard = hear::<Ftp>(&[
        (S, b"220 here\r\n"),
        (C, b"AUTH TLS\r\n"),
        (S, b"234 go on\r\n"),
        (C, b"\x16\x03\x01\x02\x00"),
        (S, b"\x16\x03\x03"),
    ]);
    assert_eq!(lines(&heard), ["- - tls encrypted -"]);
    assert_eq!((heard.next, heard.packet), (Next::RecognizeAfter(0), 4));

    let heard = hear::<Ftp>(&[
        (S, b"220 here\r\n"),
        (C, b"AUTH TLS\r\n"),
        (S, b"500 what?\r\n"),
        (C, b"USER a\r\n"),
        (S, b"230 ok\r\n"),
    ]);
    assert_eq!(lines(&heard), ["a - user/pass success 230"]);
}

#[test]
fn gaps() {
    let mut parser = Ftp::new();
    let mut found = Vec::new();
    parser.data(S, b"220 here\r\n", moment(1), &mut found);
    parser.data(C, b"USER a\r\n", moment(2), &mut found);
    parser.data(C, b"PASS x\r\n", moment(4), &mut found);
    parser.gap(S, 10, moment(5), &mut found);
    parser.data(S, b"230 yes\r\n", moment(5), &mut found);
    assert_eq!(found.len(), 1);
    assert!(found[0].notes.has(Note::Gap));
    let Content::Login(login) = &found[0].content else {
        panic!("{found:?}");
    };
    assert_eq!(line(login), "a x user/pass success 230");
}

#[test]
fn from_the_middle_on() {
    let heard = hear::<Ftp>(&[(C, b"PASS x\r\n"), (S, b"230 yes\r\n")]);
    assert_eq!(lines(&heard), ["- x user/pass success 230"]);
}

#[test]
fn transfers_without_an_end() {
    let heard = hear::<Ftp>(&[
        (S, b"220 here\r\n"),
        (C, b"EPSV\r\n"),
        (S, b"229 ok (|||6446|)\r\n"),
        (C, b"STOR x\r\n"),
        (S, b"150 go on\r\n"),
    ]);
    let [transfer] = heard.transfers()[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(
        (transfer.code.as_deref(), transfer.user.as_deref()),
        (None, None)
    );
    assert_eq!(
        transfer.data.map(|it| (it.address, it.port)),
        Some((None, 6446))
    );
    assert_eq!(heard.notes(), [["no_response"]]);
}

#[test]
fn hostile_floods_are_bounded() {
    let mut parser = Ftp::new();
    let mut found = Vec::new();
    for packet in 0..5_000 {
        parser.data(C, b"USER a\r\nNOOP\r\n", moment(packet), &mut found);
    }
    assert!(parser.queue.len() <= QUEUE_LIMIT);
    parser.end(&mut found);
    assert_eq!(found.len(), 1000);
    assert!(found[999].notes.has(Note::Limit));
    let all =
        |it: &Found| matches!(&it.content, Content::Login(it) if it.outcome == Outcome::Unknown);
    assert!(found.iter().all(all));
}
