//! SOCKS (RFC 1928, and version 4): negotiation with a proxy, after which another protocol follows.
//! Nothing is reported.

use super::found::{Found, Moment};
use super::parser::{Next, Parser, Side};

/// Parser of a SOCKS negotiation.
#[derive(Debug, Default)]
pub struct SocksParser {
    client: Vec<u8>,
    server: Vec<u8>,
    /// Whether each side has finished.
    is_done: [bool; 2],
}

/// Length of a side's next message, if known.
#[derive(Debug, PartialEq, Eq)]
enum Len {
    Open,
    Is(usize),
    Refused,
}

impl SocksParser {
    fn client_len(&self) -> Len {
        match self.client.as_slice() {
            [4, 1, ..] => self.request_4(),
            [5, methods, rest @ ..] => {
                let methods = usize::from(*methods);
                let asks_password = self.server.get(1) == Some(&2);
                let mut at = 2 + methods;
                if rest.len() < methods || self.server.len() < 2 {
                    return Len::Open;
                }
                if asks_password {
                    match Self::password(self.client.get(at..).unwrap_or_default()) {
                        Some(len) => at += len,
                        None => return Len::Open,
                    }
                }
                match Self::address(self.client.get(at..).unwrap_or_default()) {
                    Len::Is(len) => Len::Is(at + len),
                    other => other,
                }
            }
            [] | [4 | 5] => Len::Open,
            _ => Len::Refused,
        }
    }

    /// Version, command, port, address, and a NUL-terminated user. A name follows if the address is
    /// 0.0.0.x (SOCKS 4a).
    fn request_4(&self) -> Len {
        let bytes = self.client.as_slice();
        let (Some(address), Some(rest)) = (bytes.get(4..8), bytes.get(8..)) else {
            return Len::Open;
        };
        let Some(user) = rest.iter().position(|it| *it == 0) else {
            return Len::Open;
        };
        let end = 8 + user + 1;
        if !matches!(address, [0, 0, 0, last] if *last > 0) {
            return Len::Is(end);
        }
        let name = bytes
            .get(end..)
            .and_then(|it| it.iter().position(|it| *it == 0));
        name.map_or(Len::Open, |name| Len::Is(end + name + 1))
    }

    /// User and password (RFC 1929).
    fn password(bytes: &[u8]) -> Option<usize> {
        let user = usize::from(*bytes.get(1)?);
        let password = usize::from(*bytes.get(2 + user)?);
        let len = 3 + user + password;
        (bytes.len() >= len).then_some(len)
    }

    /// A request or a reply with an address.
    fn address(bytes: &[u8]) -> Len {
        let len = match bytes {
            [5, _, 0, 1, ..] => 10,
            [5, _, 0, 4, ..] => 22,
            [5, _, 0, 3, len, ..] => 7 + usize::from(*len),
            [5, _, 0, _, ..] => return Len::Refused,
            [] | [5] | [5, _] | [5, _, 0] => return Len::Open,
            _ => return Len::Refused,
        };
        Len::Is(len)
    }

    fn server_len(&self) -> Len {
        match self.server.as_slice() {
            [0, 90, ..] => Len::Is(8),
            [5, 0, rest @ ..] => after(2, rest),
            [5, 2, 1, 0, rest @ ..] => after(4, rest),
            [] | [0 | 5] | [5, 2] | [5, 2, 1] => Len::Open,
            _ => Len::Refused,
        }
    }
}

/// The reply after `before` bytes.
fn after(before: usize, rest: &[u8]) -> Len {
    match (rest, SocksParser::address(rest)) {
        ([5, code, ..], _) if *code > 0 => Len::Refused,
        (_, Len::Is(len)) => Len::Is(before + len),
        (_, other) => other,
    }
}

impl Parser for SocksParser {
    fn data(&mut self, side: Side, bytes: &[u8], _: Moment, _: &mut Vec<Found>) -> Next {
        if self.is_done == [true; 2] {
            return Next::Recognize;
        }
        let (own, place) = match side {
            Side::Client => (&mut self.client, 0),
            Side::Server => (&mut self.server, 1),
        };
        let before = own.len();
        own.extend_from_slice(bytes);
        if own.len() > MOST {
            return Next::Stop;
        }
        let have = own.len();
        let lens = [self.client_len(), self.server_len()];
        if lens.contains(&Len::Refused) {
            return Next::Stop;
        }
        for (is_done, (len, own)) in self
            .is_done
            .iter_mut()
            .zip(lens.iter().zip([self.client.len(), self.server.len()]))
        {
            *is_done = matches!(len, Len::Is(len) if own >= *len);
        }
        match lens.get(place) {
            Some(Len::Is(len)) if self.is_done == [true; 2] && have > *len => {
                Next::RecognizeAfter(len.saturating_sub(before))
            }
            _ => Next::Continue,
        }
    }

    fn gap(&mut self, _: Side, _: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        Next::Stop
    }

    fn end(&mut self, _: &mut Vec<Found>) {}
}

const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::found::Moment;

    fn read(parts: &[(Side, &[u8])]) -> Vec<Next> {
        let mut parser = SocksParser::default();
        let mut found = Vec::new();
        let parts = parts.iter();
        parts
            .map(|(side, bytes)| parser.data(*side, bytes, Moment::default(), &mut found))
            .collect()
    }

    #[test]
    fn another_protocol_follows_the_reply() {
        let next = read(&[
            (Side::Client, b"\x05\x01\x00"),
            (Side::Server, b"\x05\x00"),
            (Side::Client, b"\x05\x01\x00\x03\x03a.b\x00\x50"),
            (Side::Server, b"\x05\x00\x00\x01\0\0\0\0\0\0"),
            (Side::Client, b"GET / HTTP/1.1\r\n"),
        ]);
        assert_eq!(next.last(), Some(&Next::Recognize));
        assert!(next.iter().rev().skip(1).all(|it| *it == Next::Continue));
    }

    #[test]
    fn a_reply_may_bring_bytes_of_it() {
        let next = read(&[
            (Side::Client, b"\x04\x01\x00\x50\x0a\x00\x00\x01me\0"),
            (Side::Server, b"\x00\x5a\0\0\0\0\0\0SSH-2.0"),
        ]);
        assert_eq!(next, [Next::Continue, Next::RecognizeAfter(8)]);
    }

    #[test]
    fn a_refusal_is_the_end() {
        let next = read(&[(Side::Client, b"\x05\x01\x00"), (Side::Server, b"\x05\xff")]);
        assert_eq!(next.last(), Some(&Next::Stop));
    }
}
