use super::*;
use crate::app::testing::{C, S, hear, lines, moment};

#[test]
fn users_and_passwords() {
    let heard = hear::<Redis>(&[
        (C, b"*2\r\n$4\r\nAUTH\r\n$4\r\nzeek\r\n"),
        (S, b"+OK\r\n"),
        (C, b"*3\r\n$4\r\nauth\r\n$5\r\nnoone\r\n$6\r\na\r\nbc \r\n"),
        (S, b"-WRONGPASS invalid username-password pair\r\n"),
        (C, b"AUTH \"tim\" x\r\n"),
        (S, b"-ERR invalid password\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        [
            "default zeek auth success OK",
            r"noone a\r\nbc  auth failure WRONGPASS",
            "tim x auth failure ERR"
        ]
    );
    let results: Vec<i8> = heard.logins().iter().map(|it| it.crack_result()).collect();
    assert_eq!(results, [1, 2, 2]);
    assert_eq!(heard.spans(), [(1, 2), (3, 4), (5, 6)]);
}

#[test]
fn hello() {
    let heard = hear::<Redis>(&[
        (
            C,
            b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$3\r\ntim\r\n$1\r\nx\r\n",
        ),
        (
            S,
            b"|1\r\n+a\r\n+b\r\n%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*0\r\n",
        ),
        (C, b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"),
        (S, b"%0\r\n"),
        (C, b"AUTH y\r\n"),
        (S, b"!9\r\nWRONGPASS\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        ["tim x hello success OK", "default y auth failure WRONGPASS"]
    );
}

#[test]
fn replies_are_counted() {
    let heard = hear::<Redis>(&[
        (
            C,
            b"PING\r\nGET a\r\nAUTH x\r\n*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nAUTH\r\n$1\r\ny\r\n",
        ),
        (S, b"+PONG\r\n*2\r\n*1\r\n$-1\r\n$7\r\n-ERR\r\n-\r\n"),
        (S, b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n"),
        (S, b"-NOAUTH no\r\n+PONG\r\n+OK\r\n"),
    ]);
    assert_eq!(
        lines(&heard),
        ["default x auth failure NOAUTH", "default y auth success OK"]
    );
}

#[test]
fn subscriptions() {
    let heard = hear::<Redis>(&[
        (C, b"SUBSCRIBE a b\r\n"),
        (
            S,
            b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n",
        ),
        (C, b"AUTH x\r\n"),
        (
            S,
            b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n-ERR no\r\n",
        ),
    ]);
    assert_eq!(lines(&heard), ["default x auth failure ERR"]);
}

#[test]
fn long_strings_are_left_out() {
    let mut parser = Redis::new();
    let mut found = Vec::new();
    parser.data(
        C,
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n",
        moment(1),
        &mut found,
    );
    parser.data(C, &[b'x'; 5000], moment(2), &mut found);
    let left = 1_000_000 + 2 - 5000;
    assert_eq!(parser.skippable(C), left);
    parser.skipped(C, left - 10, moment(3), &mut found);
    assert_eq!(parser.gap(C, 10, moment(3), &mut found), Next::Continue);
    parser.data(C, b"AUTH x\r\n", moment(4), &mut found);
    parser.data(S, b"+OK\r\n+OK\r\n", moment(5), &mut found);
    assert_eq!(found.len(), 1);
    assert!(found[0].notes.is_empty());
}

#[test]
fn gaps() {
    let mut parser = Redis::new();
    let mut found = Vec::new();
    parser.data(C, b"GET a\r\nAUTH x\r\n", moment(1), &mut found);
    parser.gap(S, 10, moment(2), &mut found);
    parser.data(S, b"of a string\r\n+OK\r\n", moment(3), &mut found);
    parser.data(C, b"AUTH y\r\n", moment(4), &mut found);
    parser.data(S, b"+OK\r\n", moment(5), &mut found);
    parser.gap(C, 10, moment(6), &mut found);
    parser.data(
        C,
        b"of a string\r\n*2\r\n$4\r\nAUTH\r\n$1\r\nz\r\n",
        moment(7),
        &mut found,
    );
    parser.data(S, b"+OK\r\n", moment(8), &mut found);
    let spans: Vec<_> = found
        .iter()
        .map(|it| (it.span.last.packet, it.notes.has(Note::Gap)))
        .collect();
    assert_eq!(spans, [(1, true), (5, false), (8, false)]);
}

#[test]
fn what_is_not_understood_ends_it() {
    let heard = hear::<Redis>(&[(C, b"AUTH x\r\n"), (S, b"*?\r\n+a\r\n.\r\n")]);
    assert_eq!(lines(&heard), ["default x auth unknown -"]);
    assert_eq!(heard.next, Next::Stop);
}

#[test]
fn no_resp() {
    let heard = hear::<Redis>(&[
        (C, b"AUTH noone password\r\nPING\r\n"),
        (S, b"+OK\r\n+OK\r\nnot RESP\r\nStill not RESP\r\n"),
    ]);
    assert_eq!(lines(&heard), ["noone password auth success OK"]);
}

#[test]
fn hostile_lengths() {
    let heard = hear::<Redis>(&[
        (C, b"*18446744073709551615\r\n$18446744073709551615\r\n"),
        (
            S,
            b"%18446744073709551615\r\n*18446744073709551615\r\n*-1\r\n$-1\r\n",
        ),
    ]);
    assert_eq!(heard.found, []);
}
