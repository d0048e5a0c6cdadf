//! Signatures of binary protocols.

use super::matching::Match;
use crate::app::dns;
use crate::capture::ByteOrder;

/// Combines checks of fields, which are `None` where bytes are missing.
fn all(fields: &[Option<bool>]) -> Match {
    for field in fields {
        match field {
            Some(true) => {}
            Some(false) => return Match::No,
            None => return Match::Maybe,
        }
    }
    Match::Yes
}

fn is(bytes: &[u8], at: usize, expected: u8) -> Option<bool> {
    bytes.get(at).map(|it| *it == expected)
}

/// A handshake record (RFC 8446, section 5.1) that starts with a message of type `kind`.
fn hello(bytes: &[u8], kind: u8) -> Match {
    all(&[
        is(bytes, 0, 22),
        is(bytes, 1, 3),
        bytes.get(2).map(|it| *it <= 4),
        ByteOrder::Big
            .u16(bytes, 3)
            .map(|it| (4..=MOST_IN_RECORD).contains(&it)),
        is(bytes, 5, kind),
        bytes.get(6).map(|it| *it < 2),
    ])
}

pub(super) fn client_hello(bytes: &[u8]) -> Match {
    hello(bytes, 1).or(old_hello(bytes))
}

/// A ClientHello in SSL 2 format (RFC 5246, appendix E.2).
fn old_hello(bytes: &[u8]) -> Match {
    all(&[
        bytes.first().map(|it| *it == 0x80),
        bytes.get(1).map(|it| *it >= 9),
        is(bytes, 2, 1),
        is(bytes, 3, 3),
        bytes.get(4).map(|it| *it <= 3),
        ByteOrder::Big.u16(bytes, 5).map(|it| it > 0 && it % 3 == 0),
        ByteOrder::Big.u16(bytes, 7).map(|it| it <= 32),
        ByteOrder::Big
            .u16(bytes, 9)
            .map(|it| (16..=32).contains(&it)),
    ])
}

pub(super) fn server_hello(bytes: &[u8]) -> Match {
    hello(bytes, 2).or(alert(bytes))
}

/// An alert: the server refuses at once.
fn alert(bytes: &[u8]) -> Match {
    all(&[
        is(bytes, 0, 21),
        is(bytes, 1, 3),
        bytes.get(2).map(|it| *it <= 4),
        ByteOrder::Big.u16(bytes, 3).map(|it| it == 2),
        bytes.get(5).map(|it| matches!(it, 1 | 2)),
    ])
}

/// A TPKT connection request (RFC 1006; X.224, section 13.3).
pub(super) fn rdp_request(bytes: &[u8]) -> Match {
    tpkt(bytes, 0xe0)
}

pub(super) fn rdp_response(bytes: &[u8]) -> Match {
    tpkt(bytes, 0xd0)
}

fn tpkt(bytes: &[u8], kind: u8) -> Match {
    let len = ByteOrder::Big.u16(bytes, 2);
    all(&[
        is(bytes, 0, 3),
        is(bytes, 1, 0),
        len.map(|it| (11..=2048).contains(&it)),
        bytes.get(4).map(|it| len == Some(u16::from(*it) + 5)),
        bytes.get(5).map(|it| it & 0xf0 == kind),
    ])
}

/// A greeting, or an error instead of one.
pub(super) fn mysql_server(bytes: &[u8]) -> Match {
    let len = bytes.get(..3).map(|it| {
        it.iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    });
    let error = all(&[
        len.map(|it| (9..=1024).contains(&it)),
        is(bytes, 3, 0),
        is(bytes, 4, 0xff),
        ByteOrder::Little
            .u16(bytes, 5)
            .map(|it| matches!(it, 1040 | 1043 | 1129 | 1130 | 1203)),
    ]);
    let greeting = all(&[
        len.map(|it| (20..=1024).contains(&it)),
        is(bytes, 3, 0),
        bytes.get(4).map(|it| matches!(it, 9 | 10)),
        is_version(bytes.get(5..).unwrap_or_default()),
    ]);
    error.or(greeting)
}

/// A NUL-terminated text with a digit and a dot.
fn is_version(bytes: &[u8]) -> Option<bool> {
    let len = bytes
        .iter()
        .take_while(|it| it.is_ascii_graphic() || **it == b' ')
        .count();
    match bytes.get(len) {
        Some(0) => Some(len >= 3 && bytes.iter().take(len).any(u8::is_ascii_digit)),
        None if len < 128 => None,
        _ => Some(false),
    }
}

/// The client's first packet, which is the second of the connection.
pub(super) fn mysql_client(bytes: &[u8]) -> Match {
    let len = bytes.get(..3).map(|it| {
        it.iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    });
    all(&[len.map(|it| (1..=0x10_0000).contains(&it)), is(bytes, 3, 1)])
}

/// A startup message (PostgreSQL documentation, message formats).
pub(super) fn pgsql_client(bytes: &[u8]) -> Match {
    let len = ByteOrder::Big.u32(bytes, 0);
    let code = ByteOrder::Big.u32(bytes, 4);
    match code {
        None => all(&[len.map(|it| (8..=MOST_OF_STARTUP).contains(&it)), None]),
        Some(SSL_REQUEST | GSS_REQUEST) => all(&[len.map(|it| it == 8)]),
        Some(CANCEL) => all(&[len.map(|it| it == 16)]),
        Some(0x0003_0000..=0x0003_00ff) => all(&[
            len.map(|it| (12..=MOST_OF_STARTUP).contains(&it)),
            bytes.get(8).map(u8::is_ascii_lowercase),
        ]),
        Some(_) => Match::No,
    }
}

pub(super) fn pgsql_server(bytes: &[u8]) -> Match {
    Match::of(bytes.first().map(|it| b"RENSGv".contains(it)))
}

pub(super) fn mongodb_request(bytes: &[u8]) -> Match {
    mongodb(bytes, true)
}

pub(super) fn mongodb_reply(bytes: &[u8]) -> Match {
    mongodb(bytes, false)
}

/// A message header, and the length of the first document.
fn mongodb(bytes: &[u8], is_request: bool) -> Match {
    let field = |at| ByteOrder::Little.u32(bytes, at);
    let (len, response_to, code) = (field(0), field(8), field(12));
    let document = match code {
        Some(2013) => match bytes.get(20) {
            Some(0) => field(21),
            Some(1) => return all(&[len.map(|it| (26..=MOST_OF_MONGODB).contains(&it))]),
            Some(_) => return Match::No,
            None => None,
        },
        Some(1) => field(36),
        Some(2004) => {
            let name = bytes.get(20..).unwrap_or_default();
            match name.iter().take(256).position(|it| *it == 0) {
                Some(end) if is_collection(name.get(..end).unwrap_or_default()) => {
                    field(20 + end + 1 + 8)
                }
                Some(_) => return Match::No,
                None if name.len() < 256 => None,
                None => return Match::No,
            }
        }
        Some(2012) => {
            return all(&[
                len.map(|it| (25..=MOST_OF_MONGODB).contains(&it)),
                bytes.get(24).map(|it| *it <= 3),
            ]);
        }
        Some(_) => return Match::No,
        None => None,
    };
    all(&[
        len.map(|it| (16..=MOST_OF_MONGODB).contains(&it)),
        response_to.map(|it| !is_request || code == Some(2004) || matches!(it, 0 | u32::MAX)),
        code.map(|it| {
            if it == 1 {
                !is_request
            } else {
                it != 2004 || is_request
            }
        }),
        response_to.map(|it| is_request || code != Some(2013) || !matches!(it, 0 | u32::MAX)),
        document.map(|it| it >= 5 && Some(it) <= len),
    ])
}

/// A database and a collection.
fn is_collection(name: &[u8]) -> bool {
    name.contains(&b'.') && name.iter().all(|it| it.is_ascii_graphic())
}

/// A message preceded by its length.
pub(super) fn dns(bytes: &[u8]) -> Match {
    let Some(len) = ByteOrder::Big.u16(bytes, 0) else {
        return Match::Maybe;
    };
    let message = bytes.get(2..).unwrap_or_default();
    if len < 12 {
        return Match::No;
    }
    match message.get(..usize::from(len)) {
        Some(whole) => Match::of(Some(has_question(whole) && dns::is_plausible(whole, true))),
        None if message.len() < ENOUGH_OF_DNS => match message.get(..12) {
            // The Z bit and the opcode.
            Some([_, _, high, low, ..]) if low & 0x40 != 0 || high >> 3 & 15 > 6 => Match::No,
            _ => Match::Maybe,
        },
        None => Match::of(Some(
            has_question(message) && dns::is_plausible(message, false),
        )),
    }
}

/// Messages over TCP usually have one question.
fn has_question(message: &[u8]) -> bool {
    ByteOrder::Big.u16(message, 4) == Some(1)
}

/// A version 4 request, or version 5 methods (RFC 1928, section 3).
pub(super) fn socks_client(bytes: &[u8]) -> Match {
    let version_4 = all(&[is(bytes, 0, 4), is(bytes, 1, 1), bytes.get(8).map(|_| true)]);
    let version_5 = all(&[
        is(bytes, 0, 5),
        bytes
            .get(1)
            .map(|it| (1..=9).contains(it) && bytes.len() >= usize::from(*it) + 2),
    ]);
    version_4.or(version_5)
}

pub(super) fn socks_server(bytes: &[u8]) -> Match {
    let version_4 = all(&[
        is(bytes, 0, 0),
        is(bytes, 1, 90),
        bytes.get(7).map(|_| true),
    ]);
    let version_5 = all(&[is(bytes, 0, 5), bytes.get(1).map(|it| matches!(it, 0 | 2))]);
    version_4.or(version_5)
}

/// RFC 8446, section 5.2, plus the expansion of older versions.
const MOST_IN_RECORD: u16 = 16_384 + 2_048;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
const MOST_OF_STARTUP: u32 = 10_000;
const MOST_OF_MONGODB: u32 = 48_000_000;
/// The header and a question with the longest possible name.
const ENOUGH_OF_DNS: usize = 12 + 255 + 4;
