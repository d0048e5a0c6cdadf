use super::*;
use crate::app::found::{Content, Found, Moment, Note, Notes};
use crate::app::login::Outcome;
use crate::app::parser::{Next, Parser, Side};
use crate::app::testing::{C, S, hear};
use std::io::Write;

impl Default for HttpParser {
    fn default() -> Self {
        let options = HttpOptions {
            hash: true,
            ..HttpOptions::default()
        };
        Self::new(options, false)
    }
}

/// The exchanges of a conversation: request line, status, and bodies.
fn lines(found: &[Found]) -> Vec<String> {
    let mut lines = Vec::new();
    for it in found {
        let Content::Http(http) = &it.content else {
            continue;
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let request = http.request.as_ref().map(|it| {
            let body = text(&it.body.kept);
            format!("{} {} [{body}]", text(&it.method), text(&it.uri))
        });
        let response = http.response.as_ref().map(|it| {
            let body = text(&it.body.kept);
            format!("{} {} [{body}]", it.status, text(&it.reason))
        });
        let notes: Vec<&str> = it.notes.iter().map(Note::name).collect();
        let parts = [
            request.unwrap_or_default(),
            response.unwrap_or_default(),
            notes.join(","),
        ];
        lines.push(parts.join(" > ").trim_end_matches(" > ").to_owned());
    }
    lines
}

#[test]
fn requests_are_answered_in_order() {
    let heard = hear::<HttpParser>(&[
        (
            C,
            b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        ),
        (
            S,
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        ),
        (S, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        (C, b"HEAD /c HTTP/1.1\r\n\r\n"),
        (S, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    ]);
    assert_eq!(
        lines(&heard.found),
        [
            "GET /a [] > 200 OK [hi]",
            "POST /b [abc] > 304 Not Modified []",
            "HEAD /c [] > 200 OK []",
        ]
    );
}

#[test]
fn chunks_are_put_together() {
    let heard = hear::<HttpParser>(&[
        (C, b"GET / HTTP/1.1\r\n\r\n"),
        (
            S,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              4;x=\"y\"\r\nWiki\r\n5\r\npedia\r\n0\r\nTrailer: t\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
        ),
    ]);
    assert_eq!(
        lines(&heard.found),
        ["GET / [] > 200 OK [Wikipedia]", " > 204 No [] > no_request"]
    );
}

#[test]
fn content_is_decoded() {
    let text = b"to be or not to be, that is the question";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    let gzip = encoder.finish().unwrap();
    let zstd = zstd::encode_all(&gzip[..], 1).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, zstd\r\nContent-Length: {}\r\n\r\n",
        zstd.len()
    );
    let response = [head.as_bytes(), &zstd].concat();
    let heard = hear::<HttpParser>(&[(C, b"GET / HTTP/1.1\r\n\r\n"), (S, &response)]);
    assert_eq!(
        lines(&heard.found),
        ["GET / [] > 200 OK [to be or not to be, that is the question]"]
    );
    let Content::Http(http) = &heard.found[0].content else {
        panic!("a transaction");
    };
    let body = &http.response.as_ref().unwrap().body;
    assert_eq!((body.bytes, body.sha256.is_some()), (40, true));
}

#[test]
fn deflate_is_sent_in_two_ways() {
    for is_raw in [false, true] {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(b"hello hello").unwrap();
        let zlib = zlib.finish().unwrap();
        let body = if is_raw {
            &zlib[2..zlib.len() - 4]
        } else {
            &zlib[..]
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let response = [head.as_bytes(), body].concat();
        let heard = hear::<HttpParser>(&[(C, b"GET / HTTP/1.1\r\n\r\n"), (S, &response)]);
        assert_eq!(lines(&heard.found), ["GET / [] > 200 OK [hello hello]"]);
    }
}

#[test]
fn tunnels_are_recognized_anew() {
    let heard = hear::<HttpParser>(&[
        (C, b"CONNECT a:443 HTTP/1.1\r\n\r\n"),
        (S, b"HTTP/1.1 200 Connected\r\n\r\n"),
        (C, b"\x16\x03\x01"),
    ]);
    assert_eq!(lines(&heard.found), ["CONNECT a:443 [] > 200 Connected []"]);
    assert_eq!((heard.next, heard.packet), (Next::Recognize, 3));
}

#[test]
fn websockets_are_not_read() {
    let heard = hear::<HttpParser>(&[
        (C, b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
        (S, b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"),
        (S, b"\x81\x01a"),
    ]);
    assert_eq!(lines(&heard.found), ["GET /ws [] > 101 Switching []"]);
    assert_eq!((heard.next, heard.packet), (Next::Stop, 3));
}

#[test]
fn credentials_are_logins() {
    let heard = hear::<HttpParser>(&[
        (C, b"GET /a HTTP/1.1\r\nAuthorization: Basic YTpi\r\n\r\n"),
        (S, b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
        (C, b"GET /a HTTP/1.1\r\nAuthorization: Basic YTpj\r\n\r\nGET /b HTTP/1.1\r\nAuthorization: Basic YTpj\r\n\r\n"),
        (S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ]);
    let logins = heard.found.iter().filter_map(|it| match &it.content {
        Content::Login(login) => Some((login.user.clone().unwrap(), login.outcome, login.attempt)),
        _ => None,
    });
    let expected = [
        (b"a".to_vec(), Outcome::Failure, 1),
        (b"a".to_vec(), Outcome::Success, 2),
    ];
    assert_eq!(logins.collect::<Vec<_>>(), expected);
}

/// Reads parts of a conversation, where a number stands for bytes that were not captured.
fn read(parts: &[(Side, Result<&[u8], u64>)], closes: bool) -> Vec<String> {
    let mut parser = HttpParser::default();
    let mut found = Vec::new();
    for (packet, (side, part)) in (1..).zip(parts) {
        let at = Moment {
            packet,
            ..Moment::default()
        };
        let next = match part {
            Ok(bytes) => parser.data(*side, bytes, at, &mut found),
            Err(missing) => parser.gap(*side, *missing, at, &mut found),
        };
        assert_eq!(next, Next::Continue);
    }
    if closes {
        for side in [C, S] {
            parser.closed(side, Moment::default(), &mut found);
        }
    }
    parser.end(&mut found);
    lines(&found)
}

#[test]
fn gaps_in_bodies_are_counted() {
    let parts = [
        (C, Ok(&b"GET / HTTP/1.1\r\n\r\n"[..])),
        (S, Ok(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")),
        (S, Err(6)),
        (S, Ok(b"ij")),
        (C, Ok(b"GET /2 HTTP/1.1\r\n\r\n")),
        (S, Ok(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
    ];
    assert_eq!(
        read(&parts, false),
        ["GET / [] > 200 OK [abij] > gap", "GET /2 [] > 200 OK []"]
    );
}

#[test]
fn other_gaps_end_what_was_said_before() {
    let parts = [
        (C, Ok(&b"GET /1 HTTP/1.1\r\n\r\n"[..])),
        (S, Err(500)),
        (C, Ok(b"GET /2 HTTP/1.1\r\n\r\n")),
        (S, Ok(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
        (C, Err(100)),
        (S, Ok(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")),
        (C, Ok(b"GET /4 HTTP/1.1\r\n\r\n")),
        (S, Ok(b"HTTP/1.1 204 None\r\n\r\n")),
    ];
    assert_eq!(
        read(&parts, false),
        [
            "GET /1 [] >  > gap,no_response",
            "GET /2 [] > 200 OK [] > resync",
            " > 404 No [] > no_request",
            "GET /4 [] > 204 None [] > resync",
        ]
    );
}

#[test]
fn the_end_of_a_connection_ends_some_bodies() {
    let parts = [
        (C, Ok(&b"GET / HTTP/1.0\r\n\r\n"[..])),
        (S, Ok(b"HTTP/1.0 200 OK\r\n\r\nabc")),
    ];
    assert_eq!(read(&parts, true), ["GET / [] > 200 OK [abc]"]);
    assert_eq!(read(&parts, false), ["GET / [] > 200 OK [abc] > truncated"]);
    let parts = [
        (C, Ok(&b"GET / HTTP/1.1\r\n\r\n"[..])),
        (S, Ok(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")),
    ];
    assert_eq!(read(&parts, true), ["GET / [] > 200 OK [abc] > truncated"]);
}

#[test]
fn what_is_not_as_it_should_be_is_read_all_the_same() {
    let parts = [
        (C, Ok(&b"GET /a b HTTP/1.1\nHost : x\n\n"[..])),
        (S, Ok(b"HTTP/1.1 200\nX: 1\n 2\nContent-Length: 1\n\nz")),
    ];
    assert_eq!(read(&parts, false), ["GET /a b [] > 200  [z] > malformed"]);
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![0; 32 << 20];
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&zeros).unwrap();
    let gzip = encoder.finish().unwrap();
    let mut twice = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    twice.write_all(&gzip).unwrap();
    let twice = twice.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {}\r\n\r\n",
        twice.len()
    );
    let response = [head.as_bytes(), &twice].concat();
    let mut parser = HttpParser::default();
    let mut found = Vec::new();
    parser.data(C, b"GET / HTTP/1.1\r\n\r\n", Moment::default(), &mut found);
    parser.data(S, &response, Moment::default(), &mut found);
    assert_eq!(found[0].notes, Notes::default().with(Note::Limit));
    let Content::Http(http) = &found[0].content else {
        panic!("a transaction");
    };
    let body = &http.response.as_ref().unwrap().body;
    assert!(body.bytes < 2_000_000 && body.kept.len() <= 16 * 1024);
}

#[test]
fn requests_without_end_do_not_pile_up() {
    let mut parser = HttpParser::default();
    let mut found = Vec::new();
    for _ in 0..5000 {
        parser.data(C, b"GET / HTTP/1.1\r\n\r\n", Moment::default(), &mut found);
    }
    assert_eq!(found.len(), 4000);
    assert!(found.iter().all(|it| it.notes.has(Note::Limit)));
}
