use super::*;

fn seen(client: &[u8], server: &[u8], port: u16) -> Recognized {
    recognize(&Opening {
        bytes: [client, server],
        ports: [50_000, port],
        client: Some(0),
    })
}

#[test]
fn protocols_are_recognized_by_content() {
    let cases: [(Protocol, &[u8], &[u8]); 14] = [
        (Protocol::Http, b"GET / HTTP/1.1\r\n", b""),
        (Protocol::Http, b"", b"HTTP/1.1 200 OK"),
        (
            Protocol::Tls,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"",
        ),
        (Protocol::Ssh, b"SSH-2.0-x", b""),
        (Protocol::Ssh, b"", b"hello\r\nSSH-2.0-x"),
        (Protocol::Rdp, b"\x03\x00\x00\x13\x0e\xe0\0\0\0\0\0", b""),
        (Protocol::Mysql, b"", b"\x4a\0\0\0\x0a5.7.1\0"),
        (Protocol::Pgsql, b"\0\0\0\x08\x04\xd2\x16\x2f", b""),
        (Protocol::Smtp, b"EHLO x\r\n", b"220 mail\r\n"),
        (Protocol::Ftp, b"USER x\r\n", b"220 mail\r\n"),
        (Protocol::Pop3, b"USER x\r\n", b"+OK\r\n"),
        (Protocol::Imap, b"", b"* OK IMAP4\r\n"),
        (Protocol::Redis, b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
        (Protocol::Socks, b"\x05\x01\x00", b"\x05\x00"),
    ];
    for (protocol, client, server) in cases {
        assert_eq!(
            seen(client, server, 9),
            Recognized::As(protocol, 0),
            "{protocol:?}"
        );
    }
}

/// A recognized protocol stays recognized with more bytes, and fewer bytes are not mistaken for
/// another protocol.
#[test]
fn fewer_bytes_mean_nothing_else() {
    let cases: [(Protocol, &[u8]); 4] = [
        (Protocol::Http, b"POST /a/b?c HTTP/1.0\r\n"),
        (
            Protocol::Tls,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ),
        (Protocol::Pgsql, b"\0\0\0\x20\0\x03\0\0user\0"),
        (Protocol::Rdp, b"\x03\x00\x00\x13\x0e\xe0\0\0\0\0\0"),
    ];
    for (protocol, bytes) in cases {
        for len in 1..=bytes.len() {
            match seen(&bytes[..len], b"", 9) {
                Recognized::NotYet => {}
                other => assert_eq!(other, Recognized::As(protocol, 0), "{len}"),
            }
        }
    }
}

#[test]
fn a_port_decides_where_content_does_not() {
    assert_eq!(seen(b"", b"220 hello\r\n", 9), Recognized::NotYet);
    assert_eq!(
        seen(b"", b"220 hello\r\n", 21),
        Recognized::As(Protocol::Ftp, 0)
    );
    assert_eq!(
        seen(b"", b"220 hello\r\n", 25),
        Recognized::As(Protocol::Smtp, 0)
    );
}

#[test]
fn nothing_known() {
    assert_eq!(
        seen(b"\x00\x01\x02\x03", b"\xff\xff", 9),
        Recognized::Unknown
    );
}

#[test]
fn without_a_syn_the_signature_says_who_is_the_client() {
    let opening = Opening {
        bytes: [b"HTTP/1.1 200 OK\r\n", b"GET / HTTP/1.1\r\n"],
        ports: [80, 81],
        client: None,
    };
    assert_eq!(recognize(&opening), Recognized::As(Protocol::Http, 1));
    let opening = Opening {
        bytes: [b"HTTP/1.1 200 OK\r\n", b""],
        ports: [81, 80],
        client: None,
    };
    assert_eq!(recognize(&opening), Recognized::As(Protocol::Http, 1));
}
