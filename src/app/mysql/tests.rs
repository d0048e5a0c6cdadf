use super::*;
use crate::app::testing::{C, S, hear, line, lines, moment};

/// A message: length, sequence, payload.
fn packet(sequence: u8, payload: &[&[u8]]) -> Vec<u8> {
    let payload = payload.concat();
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let mut bytes = vec![a, b, c, sequence];
    bytes.extend(payload);
    bytes
}

fn greeting() -> Vec<u8> {
    packet(
        0,
        &[
            b"\x0a8.0.32\0", // protocol, version
            b"\x2a\0\0\0",   // thread
            b"abcdefgh\0",   // challenge, its start
            b"\xff\xf7",     // capabilities, low: no compression but 0x20
            b"\x21\x02\0",   // character set, status
            b"\xff\xff",     // capabilities, high
            b"\x15\0\0\0\0\0\0\0\0\0\0",
            b"ijklmnopqrst\0", // challenge, its rest
            b"caching_sha2_password\0",
        ],
    )
}

const HEAD: [&[u8]; 3] = [
    b"\x8d\xa6\x0f\x00", // capabilities: 4.1, secure, database, plugin
    b"\0\0\0\x01\x21",   // longest packet, character set
    &[0; 23],
];

fn login(user: &[u8], proof: &[u8], plugin: &[u8]) -> Vec<u8> {
    let len = [u8::try_from(proof.len()).unwrap()];
    packet(
        1,
        &[
            HEAD[0], HEAD[1], HEAD[2], user, b"\0", &len, proof, b"shop\0", plugin, b"\0",
        ],
    )
}

const OK: &[u8] = b"\x00\x00\x00\x02\x00\x00\x00";
const DENIED: &[u8] = b"\xff\x15\x04#28000Access denied";

#[test]
fn a_login_succeeds() {
    let proof = [7; 20];
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"root", &proof, b"mysql_native_password")),
        (S, &packet(2, &[OK])),
        (C, &packet(0, &[b"\x03select 1"])),
        (S, &packet(1, &[DENIED])),
    ]);
    let [login] = heard.logins()[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(login.user.as_deref(), Some(&b"root"[..]));
    assert_eq!(login.database.as_deref(), Some(&b"shop"[..]));
    assert_eq!(login.secret, Some(Secret::Digest(proof.to_vec())));
    assert_eq!(
        login.challenge.as_deref(),
        Some(&b"abcdefghijklmnopqrst"[..])
    );
    assert_eq!(login.mechanism.as_deref(), Some("mysql_native_password"));
    assert_eq!(login.outcome, Outcome::Success);
    assert_eq!(login.code.as_deref(), Some("0"));
    assert_eq!(heard.spans(), [(2, 3)]);
    assert_eq!(heard.next, Next::Continue);
}

#[test]
fn a_login_fails() {
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"root", b"", b"mysql_native_password")),
        (S, &packet(2, &[DENIED])),
    ]);
    assert_eq!(lines(&heard), ["root - mysql_native_password failure 1045"]);
    assert_eq!(
        heard.logins()[0].message.as_deref(),
        Some(&b"Access denied"[..])
    );
    assert_eq!(heard.logins()[0].challenge, None);
    assert_eq!(heard.next, Next::Stop);
}

#[test]
fn the_server_requests_another_plugin() {
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"root", &[7; 20], b"mysql_native_password")),
        (
            S,
            &packet(2, &[b"\xfecaching_sha2_password\0", &[b'y'; 20], b"\0"]),
        ),
        (C, &packet(3, &[&[b'z'; 32]])),
        (S, &packet(4, &[b"\x01\x03"])),
        (S, &packet(5, &[OK])),
    ]);
    let [login] = heard.logins()[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(login.secret, Some(Secret::Digest(vec![b'z'; 32])));
    assert_eq!(login.challenge, Some(vec![b'y'; 20]));
    assert_eq!(login.mechanism.as_deref(), Some("caching_sha2_password"));
    assert_eq!(heard.spans(), [(2, 6)]);
}

/// Full authentication: the client requests the server's key, and sends the password encrypted by
/// it.
#[test]
fn a_proof_stays_what_it_is() {
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"root", &[b'z'; 32], b"caching_sha2_password")),
        (S, &packet(2, &[b"\x01\x04"])),
        (C, &packet(3, &[b"\x02"])),
        (S, &packet(4, &[b"\x01-----BEGIN PUBLIC KEY-----"])),
        (C, &packet(5, &[&[1; 256]])),
        (S, &packet(6, &[OK])),
    ]);
    let secret = heard.logins()[0].secret.clone();
    assert_eq!(secret, Some(Secret::Digest(vec![b'z'; 32])));
}

/// As in a capture of decrypted TLS.
#[test]
fn a_password_after_the_proof_is_better() {
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"root", &[b'z'; 32], b"caching_sha2_password")),
        (S, &packet(2, &[b"\x01\x04"])),
        (C, &packet(3, &[b"secret\0"])),
        (S, &packet(4, &[OK])),
    ]);
    let secret = heard.logins()[0].secret.clone();
    assert_eq!(secret, Some(Secret::Password(b"secret".to_vec())));
}

#[test]
fn passwords_in_the_clear() {
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"root", b"", b"mysql_native_password")),
        (S, &packet(2, &[b"\xfemysql_clear_password\0"])),
        (C, &packet(3, &[b"secret\0"])),
        (S, &packet(4, &[OK])),
    ]);
    assert_eq!(
        lines(&heard),
        ["root secret mysql_clear_password success 0"]
    );
    assert_eq!(
        heard.logins()[0].secret,
        Some(Secret::Password(b"secret".to_vec()))
    );
}

#[test]
fn a_change_of_user_is_another_attempt() {
    let change: [&[u8]; 4] = [
        b"\x11two\0",
        b"\x14",
        &[9; 20],
        b"\0\x21\0mysql_native_password\0",
    ];
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"one", &[7; 20], b"mysql_native_password")),
        (S, &packet(2, &[OK])),
        (C, &packet(0, &change)),
        (S, &packet(1, &[DENIED])),
    ]);
    let logins = heard.logins();
    assert_eq!(logins.len(), 2);
    assert_eq!((logins[0].attempt, logins[1].attempt), (1, 2));
    assert_eq!(logins[1].user.as_deref(), Some(&b"two"[..]));
    assert_eq!(logins[1].secret, Some(Secret::Digest(vec![9; 20])));
    assert_eq!(logins[1].outcome, Outcome::Failure);
    assert_eq!(heard.spans(), [(2, 3), (4, 5)]);
}

#[test]
fn before_version_4_1() {
    let heard = hear::<Mysql>(&[
        (S, &packet(0, &[b"\x0a3.23.54\0\x02\0\0\0abcdefgh\0\x2c\0"])),
        (C, &packet(1, &[b"\x85\x24\0\0\0danny\0JN[F_PPW"])),
        (S, &packet(2, &[b"\0\0\0"])),
    ]);
    assert_eq!(
        lines(&heard),
        ["danny JN[F_PPW mysql_old_password success 0"]
    );
    assert_eq!(
        heard.logins()[0].challenge.as_deref(),
        Some(&b"abcdefgh"[..])
    );
}

#[test]
fn old_passwords_after_a_switch() {
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"admin", &[7; 20], b"mysql_native_password")),
        (S, &packet(2, &[b"\xfe"])),
        (C, &packet(3, &[b"JN[F_PPW\0"])),
        (S, &packet(4, &[OK])),
    ]);
    assert_eq!(
        lines(&heard),
        ["admin JN[F_PPW mysql_old_password success 0"]
    );
}

#[test]
fn tls_begins() {
    let request = packet(1, &[b"\x8d\xae\x0f\x00", HEAD[1], HEAD[2]]);
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &request),
        (C, b"\x16\x03\x01\x00\x05"),
        (S, b"never seen"),
    ]);
    assert_eq!(lines(&heard), ["- - tls encrypted -"]);
    assert_eq!((heard.next, heard.packet), (Next::RecognizeAfter(0), 3));
    assert_eq!(heard.spans(), [(2, 3)]);

    // In the same piece.
    let together = [&request[..], b"\x16\x03\x01\x00\x05"].concat();
    let heard = hear_once(&[(S, &greeting()), (C, &together)]);
    assert_eq!(heard.1, Next::RecognizeAfter(request.len()));
    assert_eq!(heard.0.len(), 1);

    // Decrypted: the login follows in clear text.
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &request),
        (C, &login(b"root", &[7; 20], b"mysql_native_password")),
        (S, &packet(2, &[OK])),
    ]);
    assert_eq!(heard.logins().len(), 1);
    assert_eq!(heard.logins()[0].outcome, Outcome::Success);
}

fn hear_once(script: &[(Side, &[u8])]) -> (Vec<Found>, Next) {
    let mut parser = Mysql::new();
    let mut found = Vec::new();
    let mut next = Next::Continue;
    for (side, bytes) in script {
        next = parser.data(*side, bytes, moment(1), &mut found);
    }
    (found, next)
}

#[test]
fn refused_before_a_login_is_no_login() {
    let heard = hear::<Mysql>(&[(S, &packet(0, &[b"\xff\x6a\x04Host is not allowed"]))]);
    assert_eq!(heard.found, []);
    assert_eq!(heard.next, Next::Stop);
}

#[test]
fn no_answer_is_unknown() {
    let heard = hear::<Mysql>(&[
        (S, &greeting()),
        (C, &login(b"root", &[7; 20], b"mysql_native_password")),
    ]);
    assert_eq!(heard.logins()[0].outcome, Outcome::Unknown);
    assert_eq!(heard.spans(), [(2, 2)]);
}

#[test]
fn the_client_alone_and_the_server_late() {
    let login = login(b"root", &[7; 20], b"mysql_native_password");
    let heard = hear::<Mysql>(&[(C, &login)]);
    assert_eq!(heard.logins()[0].challenge, None);
    let heard = hear::<Mysql>(&[(C, &login), (S, &greeting()), (S, &packet(2, &[OK]))]);
    assert_eq!(heard.logins()[0].outcome, Outcome::Success);
    assert!(heard.logins()[0].challenge.is_some());
}

#[test]
fn compressed_commands_are_not_read() {
    let head: [&[u8]; 2] = [b"\xad\xa6\x0f\x00", HEAD[1]];
    let login = packet(
        1,
        &[
            head[0],
            head[1],
            HEAD[2],
            b"root\0\0shop\0mysql_native_password\0",
        ],
    );
    let heard = hear::<Mysql>(&[(S, &greeting()), (C, &login), (S, &packet(2, &[OK]))]);
    assert_eq!(heard.logins()[0].outcome, Outcome::Success);
    assert_eq!(heard.next, Next::Stop);
}

#[test]
fn gaps() {
    let mut parser = Mysql::new();
    let mut found = Vec::new();
    let login = login(b"root", &[7; 20], b"mysql_native_password");
    parser.data(S, &greeting(), moment(1), &mut found);
    parser.data(C, &login, moment(2), &mut found);
    parser.data(S, &packet(2, &[OK]), moment(3), &mut found);
    // A result whose end, and complete messages after it, are missing.
    parser.data(C, &packet(0, &[b"\x03select 1"]), moment(4), &mut found);
    let long = packet(1, &[&[3; 9000]]);
    parser.data(S, &long[..5000], moment(5), &mut found);
    assert_eq!(parser.skippable(S), 4004);
    assert_eq!(parser.gap(S, 5000, moment(6), &mut found), Next::Continue);
    parser.data(S, &[1; 77], moment(7), &mut found);
    let change: [&[u8]; 2] = [b"\x11two\0\x00", b"\0\x21\0mysql_native_password\0"];
    parser.data(C, &packet(0, &change), moment(8), &mut found);
    parser.data(S, &packet(1, &[DENIED]), moment(9), &mut found);
    let logins: Vec<String> = found
        .iter()
        .filter_map(|it| match &it.content {
            crate::app::Content::Login(login) => Some(line(login)),
            _ => None,
        })
        .collect();
    assert_eq!(logins[1..], ["two - mysql_native_password failure 1045"]);

    // Within the login.
    let mut parser = Mysql::new();
    let mut found = Vec::new();
    parser.data(C, &login, moment(2), &mut found);
    assert_eq!(parser.gap(S, 50, moment(3), &mut found), Next::Stop);
    assert!(found[0].notes.has(Note::Gap));
}

#[test]
fn hostile_lengths() {
    let heard = hear::<Mysql>(&[
        (S, b"\xff\xff\xff\x00\x0a5.1\0abcd"),
        (
            C,
            &packet(1, &[b"\x8d\xa6\x0f\x00", HEAD[1], HEAD[2], b"root\0\xfa"]),
        ),
        (S, &packet(2, &[OK])),
    ]);
    assert_eq!(heard.notes(), [["malformed"]]);
    assert_eq!(
        hear::<Mysql>(&[(C, b"\0\0\0\0"), (C, b"\x01\0\0\0\0")]).found,
        []
    );
}
