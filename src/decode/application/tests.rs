//! Names in requests and ClientHellos, made and recorded.

use super::*;
use crate::capture::{Format, Walk};
use crate::decode::{DecodeOptions, LinkKey, decode};
use proptest::prelude::*;

/// As OpenSSL 3.0 sends it, without the padding behind it.
const RECORDED: &str = "1603010200010001fc030332742b1aef24965fc072092a23a5894f335f1f3ae128f559d093\
    1830d3e2d31d20263492d1d1fb517d1e0af2b7ec18a94bd1a4d688b9decf18fe0429cb88b3343d0010130213031301\
    c02cc030c02bc02f00ff010001a300000014001200000f7777772e6578616d706c652e6f7267000b00040300010200\
    0a00160014001d0017001e0019001801000101010201030104002300000016000000170000000d002a002804030503\
    0603080708080809080a080b080408050806040105010601030303010302040205020602002b000504030403030";

fn recorded() -> Vec<u8> {
    let digits = RECORDED.as_bytes().chunks_exact(2);
    digits
        .map(|it| u8::from_str_radix(std::str::from_utf8(it).unwrap(), 16).unwrap())
        .collect()
}

fn with_len16(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap();
    [&len.to_be_bytes(), bytes].concat()
}

/// A ClientHello's message with these extensions.
fn message(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let extensions: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, body)| [&kind.to_be_bytes()[..], &with_len16(body)].concat())
        .collect();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[4, 1, 2, 3, 4],
        &with_len16(&[0x13, 0x01, 0x13, 0x02]),
        &[1, 0],
        &with_len16(&extensions),
    ]
    .concat();
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &len[1..], &body].concat()
}

fn names(entries: &[(u8, &[u8])]) -> Vec<u8> {
    let entries: Vec<u8> = entries
        .iter()
        .flat_map(|(kind, name)| [&[*kind][..], &with_len16(name)].concat())
        .collect();
    with_len16(&entries)
}

/// A message in records of this length.
fn records(message: &[u8], len: usize) -> Vec<u8> {
    message
        .chunks(len)
        .flat_map(|it| [&[22, 3, 1][..], &with_len16(it)].concat())
        .collect()
}

/// A ClientHello for this name, between two other extensions.
fn hello(name: &[u8]) -> Vec<u8> {
    message(&[(10, vec![0; 6]), (0, names(&[(0, name)])), (16, vec![1; 9])])
}

/// Of each prefix, what is found: nothing, or the name from where it stands there whole.
fn assert_prefixes(payload: &[u8], name: &str) {
    let whole = payload
        .windows(name.len())
        .position(|it| it == name.as_bytes())
        .unwrap()
        + name.len();
    for end in 0..=payload.len() {
        match server_name(&payload[..end]) {
            None => assert!(end < whole + 2, "nothing in {end} bytes"),
            found => {
                assert_eq!(found, Some(name), "in {end} bytes");
                assert!(end >= whole);
            }
        }
    }
}

#[test]
fn a_recorded_client_hello() {
    assert_eq!(server_name(&recorded()), Some("www.example.org"));
    assert_prefixes(&recorded(), "www.example.org");
}

#[test]
fn client_hellos_in_one_record_and_several() {
    let name = "a-1._x.example";
    let message = hello(name.as_bytes());
    for len in 1..=message.len() {
        let cut = records(&message, len);
        // Only where the name itself is cut there is nothing to point at.
        let at = message
            .windows(name.len())
            .position(|it| it == name.as_bytes())
            .unwrap();
        let is_cut = at / len != (at + name.len() - 1) / len;
        assert_eq!(
            server_name(&cut),
            (!is_cut).then_some(name),
            "records of {len}"
        );
    }
    assert_prefixes(&records(&message, 4096), name);
}

#[test]
fn lists_of_names() {
    let found = |entries: &[(u8, &[u8])]| {
        server_name(&records(&message(&[(0, names(entries))]), 1000)).map(str::to_owned)
    };
    assert_eq!(found(&[(0, b"one")]).as_deref(), Some("one"));
    assert_eq!(
        found(&[(9, b"other"), (0, b"one"), (0, b"two")]).as_deref(),
        Some("one")
    );
    assert_eq!(found(&[(9, b"other")]), None);
    assert_eq!(found(&[(0, b"")]), None);
    assert_eq!(found(&[]), None);
    assert_eq!(
        server_name(&records(&message(&[(16, vec![0; 3])]), 1000)),
        None
    );
    assert_eq!(server_name(&records(&message(&[]), 1000)), None);
}

#[test]
fn structures_longer_than_those_around_them() {
    let extension = (0, names(&[(0, b"example.org")]));
    let whole = records(&message(&[extension]), 1000);
    let name = whole.len() - "example.org".len();
    // The length's last byte: of the name, the list of names, all extensions.
    for place in [name - 1, name - 4, name - 8] {
        let mut longer = whole.clone();
        longer[place] += 1;
        // There would be enough bytes.
        longer.push(b'x');
        longer[4] += 1;
        assert_eq!(server_name(&longer), None, "{place}");
    }
}

#[test]
fn other_records_and_messages() {
    let whole = records(&hello(b"example.org"), 1000);
    for (place, value) in [(0, 23), (1, 2), (2, 5), (3, 0x41), (5, 2)] {
        let mut other = whole.clone();
        other[place] = value;
        assert_eq!(server_name(&other), None, "{value} at {place}");
    }
    // A record without a payload says nothing.
    let empty = [&[22, 3, 1, 0, 0][..], &whole].concat();
    assert_eq!(server_name(&empty), None);
}

#[test]
fn requests() {
    for (request, name) in [
        ("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "example.org"),
        (
            "GET / HTTP/1.0\r\nAccept: */*\r\nhOST:example.org:8080 \t\r\n",
            "example.org",
        ),
        (
            "GET /a?b=c%20d HTTP/1.1\nHost:\texample.org:\n\n",
            "example.org",
        ),
        ("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "h"),
        (
            "GET http://one/ HTTP/1.1\r\nHost: two\r\nHost: three\r\n\r\n",
            "two",
        ),
        (
            "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
            "239.255.255.250",
        ),
        (
            "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
            "[2001:db8::1]",
        ),
        (
            "GET / HTTP/1.1\r\nHost: [::ffff:192.0.2.1]\r\n\r\n",
            "[::ffff:192.0.2.1]",
        ),
        ("GET / HTTP/1.1\r\nHost: 2001:db8::1\r\n\r\n", "2001:db8::1"),
    ] {
        assert_eq!(server_name(request.as_bytes()), Some(name), "{request}");
    }
    assert_prefixes(
        b"GET / HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n",
        "example.org",
    );
}

#[test]
fn what_is_no_request() {
    for payload in [
        "",
        "G",
        "GET / HTTP/1.1\r\n\r\nHost: example.org\r\n",
        "GET / HTTP/1.1\r\nHost: example.org",
        "GET / HTTP/1.1\r\n Host: example.org\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : example.org\r\n\r\n",
        "GET / HTTP/1.1\r\nX-Host: example.org\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \r\n\r\n",
        "GET / HTTP/1.1\r\nHost: :80\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: example.org\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: example.org\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: example.org\r\n\r\n",
        "GET  HTTP/1.1\r\nHost: example.org\r\n\r\n",
        "get / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        "Get / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        "DESCRIBE rtsp://a/ RTSP/1.0\r\nHost: example.org\r\n\r\n",
        "EHLO example.org\r\nHost: example.org\r\n",
    ] {
        assert_eq!(server_name(payload.as_bytes()), None, "{payload}");
    }
}

#[test]
fn names_that_attack() {
    for name in [
        &b"\x1b[31mred"[..],
        b"a,b",
        b"a\"b",
        b"=1+1",
        b"-rf",
        b"a b",
        b"a\0",
        b"a\r",
        "\u{e4}".as_bytes(),
        b"\xff",
        b"<b>",
        b"a/../b",
        b"[a",
        b"a]",
        b"[]",
        b"[fe80::1%eth0]",
        &[b'a'; 256],
    ] {
        assert_eq!(server_name(&records(&hello(name), 1000)), None, "{name:?}");
        let request = [b"GET / HTTP/1.1\r\nHost: ", name, b"\r\n\r\n"].concat();
        if name != b"a\r" {
            assert_eq!(server_name(&request), None, "{name:?}");
        }
    }
    let long = [b'a'; 255];
    assert_eq!(
        server_name(&records(&hello(&long), 1000)).map(str::len),
        Some(255)
    );
}

#[test]
fn recorded_requests() {
    for (path, count, name) in [
        ("testdata/recorded/http.pcap", 4, "10.77.0.2"),
        ("testdata/recorded/ipv6.pcapng", 3, "[fd77::2]"),
    ] {
        let capture = std::fs::read(path).unwrap();
        let (format, start) = Format::probe(&capture).unwrap();
        let mut walk = Walk::new(&capture, start..capture.len(), format);
        let mut found = Vec::new();
        while let Ok(record) = walk.next() {
            let options = DecodeOptions::default();
            let link_type = record.link_type.unwrap();
            let headers = decode(link_type, record.data, &options, &mut LinkKey::default());
            let Ok(headers) = headers else { continue };
            let Some(segment) = record.data.get(headers.transport..headers.end) else {
                continue;
            };
            if headers.protocol == 6 {
                let payload = &segment[usize::from(segment[12] >> 4) * 4..];
                found.extend(server_name(payload).map(str::to_owned));
            }
        }
        assert_eq!(found, vec![name; count], "{path}");
    }
}

fn is_harmless(name: &str) -> bool {
    let is_allowed = |it: char| it.is_ascii_alphanumeric() || ".-_:[]".contains(it);
    (1..=255).contains(&name.len()) && name.chars().all(is_allowed)
}

proptest! {
    #[test]
    fn any_bytes(bytes: Vec<u8>) {
        prop_assert!(server_name(&bytes).is_none_or(is_harmless));
    }

    #[test]
    fn any_bytes_behind_a_start(rest: Vec<u8>, is_tls: bool) {
        let start = if is_tls { records(&hello(b"a"), 60) } else { b"GET / HTTP/1.1\r\nHost:".to_vec() };
        let start = &start[..start.len().min(60)];
        prop_assert!(server_name(&[start, &rest].concat()).is_none_or(is_harmless));
    }

    #[test]
    fn any_change(place in 0_usize..130, value: u8, record_len in 1_usize..200) {
        let mut bytes = records(&hello(b"host.example.org"), record_len);
        let place = place % bytes.len();
        bytes[place] = value;
        prop_assert!(server_name(&bytes).is_none_or(is_harmless));
    }
}
