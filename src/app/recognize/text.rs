//! Signatures of text protocols.

use super::matching::Match;
use crate::app::http::{starts_request, starts_response};

pub(super) fn http_request(bytes: &[u8]) -> Match {
    Match::of(starts_request(bytes))
}

pub(super) fn http_response(bytes: &[u8]) -> Match {
    Match::of(starts_response(bytes))
}

/// RFC 4253, section 4.2.
pub(super) fn ssh(bytes: &[u8]) -> Match {
    let version = match bytes.get(..7) {
        Some([b'S', b'S', b'H', b'-', digit, b'.', minor]) => {
            return Match::of(Some(digit.is_ascii_digit() && minor.is_ascii_digit()));
        }
        Some(_) => return Match::No,
        None => b"SSH-",
    };
    match Match::prefix(bytes, version) {
        Match::No => Match::No,
        _ => Match::Maybe,
    }
}

/// The server may send other lines first (RFC 4253, section 4.2).
pub(super) fn ssh_server(bytes: &[u8]) -> Match {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    for line in lines.take(MOST_LINES) {
        match ssh(line) {
            Match::No if is_text(line) => {}
            found => return found,
        }
    }
    Match::No
}

/// A greeting with a three-digit status.
fn status(bytes: &[u8], digits: &[u8]) -> Match {
    match (Match::prefix(bytes, digits), bytes.get(3)) {
        (Match::Yes, Some(b' ' | b'-' | b'\r' | b'\n')) => Match::Yes,
        (Match::Yes, Some(_)) => Match::No,
        (Match::Yes, None) => Match::Maybe,
        (found, _) => found,
    }
}

fn any_of(bytes: &[u8], words: &[&[u8]]) -> Match {
    let found = words.iter().map(|word| Match::prefix(bytes, word));
    found.fold(Match::No, Match::or)
}

pub(super) fn smtp_client(bytes: &[u8]) -> Match {
    any_of(
        bytes,
        &[b"EHLO", b"HELO", b"LHLO", b"STARTTLS", b"MAIL FROM:"],
    )
}

/// Greetings need not name the protocol.
pub(super) fn smtp_server(bytes: &[u8]) -> Match {
    status(bytes, b"220")
        .or(status(bytes, b"554"))
        .or(status(bytes, b"421"))
}

pub(super) fn ftp_client(bytes: &[u8]) -> Match {
    any_of(
        bytes,
        &[
            b"USER ",
            b"AUTH TLS",
            b"AUTH SSL",
            b"FEAT",
            b"SYST",
            b"OPTS ",
            b"PASS ",
            b"CLNT ",
            b"HOST ",
        ],
    )
}

pub(super) fn ftp_server(bytes: &[u8]) -> Match {
    status(bytes, b"220")
        .or(status(bytes, b"530"))
        .or(status(bytes, b"331"))
}

pub(super) fn pop3_client(bytes: &[u8]) -> Match {
    any_of(
        bytes,
        &[
            b"USER ", b"APOP ", b"AUTH", b"CAPA", b"STLS", b"QUIT", b"PASS ",
        ],
    )
}

pub(super) fn pop3_server(bytes: &[u8]) -> Match {
    any_of(bytes, &[b"+OK", b"-ERR"])
}

/// A tag and a command (RFC 9051, section 2.2.1).
pub(super) fn imap_client(bytes: &[u8]) -> Match {
    let tag = bytes
        .iter()
        .take_while(|it| it.is_ascii_alphanumeric() || **it == b'.')
        .count();
    match bytes.get(tag) {
        None if tag < 32 => Match::Maybe,
        Some(b' ') if tag > 0 => any_of(
            bytes.get(tag + 1..).unwrap_or_default(),
            &[
                b"LOGIN ",
                b"AUTHENTICATE ",
                b"CAPABILITY",
                b"STARTTLS",
                b"ID ",
                b"NOOP",
                b"LOGOUT",
                b"SELECT ",
            ],
        ),
        _ => Match::No,
    }
}

pub(super) fn imap_server(bytes: &[u8]) -> Match {
    any_of(bytes, &[b"* OK", b"* PREAUTH", b"* BYE"])
}

/// An array of bulk strings, or an inline command.
pub(super) fn redis_client(bytes: &[u8]) -> Match {
    if bytes.first() == Some(&b'*') {
        return resp_array(bytes);
    }
    any_of(
        bytes,
        &[
            b"AUTH ", b"HELLO", b"PING", b"INFO", b"SELECT ", b"CLIENT ", b"CONFIG ", b"COMMAND",
            b"GET ", b"SET ", b"KEYS ", b"ECHO ", b"QUIT", b"MONITOR",
        ],
    )
}

/// `*2\r\n$4\r\n`.
fn resp_array(bytes: &[u8]) -> Match {
    let mut rest = bytes;
    for sign in [b'*', b'$'] {
        let Some((first, behind)) = rest.split_first() else {
            return Match::Maybe;
        };
        if *first != sign {
            return Match::No;
        }
        let digits = behind.iter().take_while(|it| it.is_ascii_digit()).count();
        if digits == 0 && !behind.is_empty() || digits > 9 {
            return Match::No;
        }
        rest = behind.get(digits..).unwrap_or_default();
        match Match::prefix(rest, b"\r\n") {
            Match::Yes => rest = rest.get(2..).unwrap_or_default(),
            found => return found,
        }
    }
    Match::Yes
}

pub(super) fn redis_server(bytes: &[u8]) -> Match {
    let is_reply = bytes
        .first()
        .is_some_and(|it| b"+-:$*%~,#(_=>".contains(it));
    Match::of(Some(is_reply))
}

fn is_text(line: &[u8]) -> bool {
    line.iter()
        .all(|it| !it.is_ascii_control() || matches!(it, b'\r' | b'\n' | b'\t'))
}

/// Lines before the version line.
const MOST_LINES: usize = 64;
