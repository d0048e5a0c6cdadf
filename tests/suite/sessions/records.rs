//! Contents of records, and hidden secrets.

use super::{CLIENT, PAGE, capture, connection, records, sessions};
use std::fs;

fn page() -> Vec<u8> {
    capture(&connection(CLIENT, &PAGE, 1000))
}

#[test]
fn records_name_their_connection() {
    let all = records(&page(), &[]);
    let kinds: Vec<&str> = all
        .iter()
        .map(|it| it["record"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["http", "login", "http", "login"]);
    let first = &all[0];
    assert_eq!(first["src_ip"], "10.0.0.1");
    assert_eq!(
        (&first["src_port"], &first["dst_port"]),
        (&40_000.into(), &80.into())
    );
    assert_eq!(
        (&first["flow_id"], &first["reverse_flow_id"]),
        (&1.into(), &2.into())
    );
    assert_eq!(
        (&first["first_packet"], &first["last_packet"]),
        (&3.into(), &4.into())
    );
    assert_eq!(first["req_headers"]["host"], "www.example.org");
    assert_eq!(
        (&first["resp_status"], &first["resp_body"]),
        (&"401".into(), &"wrong".into())
    );
    assert_eq!(
        (&all[2]["resp_body"], &all[2]["trans_depth"]),
        (&"right".into(), &2.into())
    );
    assert_eq!(
        (&all[1]["user"], &all[1]["outcome"]),
        (&"me".into(), &"failure".into())
    );
    assert_eq!(
        (&all[3]["outcome"], &all[3]["crack_result"]),
        (&"success".into(), &1.into())
    );
}

#[test]
fn secrets_are_hidden_unless_they_are_asked_for() {
    let secrets = ["secret", "bWU6c2VjcmV0", "bWU6c2VjcmV1"];
    let ended = sessions(&page(), [] as [&str; 0]).exits(0);
    for secret in secrets {
        assert!(
            !ended.text().replace("\"secret", "").contains(secret),
            "{secret}"
        );
    }
    ended.says("secrets hidden (--secrets show)");
    let hashed = sessions(&page(), ["--secrets", "hash"]).exits(0);
    assert!(hashed.text().contains("\"secret\":\"hmac:"));
    for secret in ["me:secret", "bWU6c2VjcmV0"] {
        assert!(!hashed.text().contains(secret), "{secret}");
    }
    let shown = records(&page(), &["--secrets", "show", "--protocol", "login"]);
    assert_eq!(shown[0]["secret"], "secret");
    assert_eq!(shown[1]["crack_detail"], "me\0secreu");
}

#[test]
fn records_say_what_they_lack() {
    let notes = |bytes: &[u8], args: &[&str]| records(bytes, args)[0].get("notes").cloned();
    assert_eq!(notes(&page(), &[]), None);
    let truncated = notes(&page(), &["--body-limit", "3"]);
    assert_eq!(truncated, Some(serde_json::json!(["body_truncated"])));
    assert_eq!(
        notes(&page(), &["--body-limit", "3", "--bodies", "none"]),
        None
    );
    let segments = connection(CLIENT, &PAGE, 1000);
    let midstream = capture(&segments[2..]);
    assert_eq!(
        notes(&midstream, &[]),
        Some(serde_json::json!(["midstream"]))
    );
}

#[test]
fn some_records() {
    let chosen = records(
        &page(),
        &["--protocol", "http", "--where", "resp_status = '200'"],
    );
    assert_eq!(chosen.len(), 1);
    let chosen = records(
        &page(),
        &["--where", "outcome = 'failure' and src_ip = 10.0.0.0/8"],
    );
    assert_eq!((chosen.len(), &chosen[0]["record"]), (1, &"login".into()));
    assert!(records(&page(), &["--protocol", "dns"]).is_empty());
    sessions(&page(), ["--protocol", "gopher"])
        .exits(2)
        .says("gopher");
    sessions(&page(), ["--where", "nothing = 1"])
        .exits(2)
        .says("--where");
}

#[test]
fn bodies_are_shown_as_requested() {
    let none = records(
        &page(),
        &["--protocol", "http", "--bodies", "none", "--hash"],
    );
    assert!(none[0].get("resp_body").is_none());
    assert_eq!(none[0]["resp_body_bytes"], 5);
    // SHA-256 of "wrong".
    let digest = none[0]["resp_body_sha256"].as_str().unwrap();
    assert_eq!(digest.len(), 64);
    let short = records(&page(), &["--protocol", "http", "--body-limit", "2"]);
    assert_eq!(
        (&short[0]["resp_body"], &short[0]["resp_body_bytes"]),
        (&"wr".into(), &5.into())
    );
    let coded = records(&page(), &["--protocol", "http", "--bodies", "base64"]);
    assert_eq!(coded[0]["resp_body"], "d3Jvbmc=");
}

#[test]
fn a_file_for_each_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out/");
    let ended = sessions(&page(), [std::path::Path::new("-o"), &path]).exits(0);
    ended.says("4 records (2 http, 2 login)").prints_nothing();
    for (name, count) in [("http.jsonl", 2), ("login.jsonl", 2)] {
        let text = fs::read_to_string(path.join(name)).unwrap();
        assert_eq!(text.lines().count(), count, "{name}");
    }
}

#[test]
fn what_comes_from_the_network_is_escaped() {
    let script = [
        (
            super::Client,
            &b"GET /\x1b[2J\xff HTTP/1.1\r\nX: \x07\x9b\r\n\r\n"[..],
        ),
        (
            super::Server,
            b"HTTP/1.1 200 \x1b]0;x\x07\r\nContent-Length: 0\r\n\r\n",
        ),
    ];
    let ended = sessions(
        &capture(&connection(CLIENT, &script, 1000)),
        [] as [&str; 0],
    )
    .exits(0);
    assert!(
        ended
            .text()
            .bytes()
            .all(|it| it == b'\n' || !it.is_ascii_control())
    );
    assert!(ended.text().contains("\"raw\":{\"req_uri\":"));
}
