//! The server's name, from the first bytes that a client sends.

/// The name of the server that a client requests, from the first bytes that it sent over TCP: the
/// host name of a TLS ClientHello (RFC 8446, section 4.1.2; RFC 6066, section 3), or the Host field
/// of an HTTP/1 request (RFC 9112, section 3.2), without the port.
///
/// The bytes may end anywhere: a name that is complete in them is found. `None` where there is no name,
/// where it is not one that a server can have, and for a TLS name that two records share.
///
/// A name has 1 to 255 letters, digits and `.`, `-`, `_`, `:`, and does not start with `-`; an
/// address may be in brackets, as `[2001:db8::1]`. So it can be shown, and written to any
/// file, as it is. It is what the client says, and need not be true.
///
/// ```
/// use pcap_flows::decode::server_name;
///
/// let request = b"GET / HTTP/1.1\r\nHost: www.example.org:8080\r\n\r\n";
/// assert_eq!(server_name(request), Some("www.example.org"));
/// ```
pub fn server_name(payload: &[u8]) -> Option<&str> {
    match payload.first()? {
        &HANDSHAKE => client_hello(payload),
        b'A'..=b'Z' => request_host(payload),
        _ => None,
    }
}

/// The host name in a ClientHello. Of one that is encrypted (ECH), that of the outer one.
fn client_hello(payload: &[u8]) -> Option<&str> {
    let mut hello = Handshake::new(payload);
    if hello.byte()? != CLIENT_HELLO {
        return None;
    }
    let len = usize::from(hello.byte()?) << 16 | hello.u16()?;
    hello.left = len;
    hello.skip(VERSION_LEN + RANDOM_LEN)?;
    let session_id = usize::from(hello.byte()?);
    hello.skip(session_id)?;
    let cipher_suites = hello.u16()?;
    hello.skip(cipher_suites)?;
    let compression_methods = usize::from(hello.byte()?);
    hello.skip(compression_methods)?;
    hello.narrow()?;
    while hello.u16()? != SERVER_NAME {
        let extension = hello.u16()?;
        hello.skip(extension)?;
    }
    hello.narrow()?;
    hello.narrow()?;
    while hello.byte()? != HOST_NAME {
        let name = hello.u16()?;
        hello.skip(name)?;
    }
    let len = hello.u16()?;
    plausible(hello.slice(len)?)
}

/// A handshake message, read through the records that hold its parts (RFC 8446, section 5.1).
struct Handshake<'a> {
    /// The rest of the record.
    record: &'a [u8],
    /// What follows the record.
    behind: &'a [u8],
    /// The rest of the structure being read, in bytes: it may continue in other records.
    left: usize,
}

impl<'a> Handshake<'a> {
    const fn new(payload: &'a [u8]) -> Self {
        Self {
            record: &[],
            behind: payload,
            left: HEADER_LEN,
        }
    }

    /// What the record has left, which is something.
    fn record(&mut self) -> Option<&'a [u8]> {
        if self.record.is_empty() {
            let (header, behind) = self.behind.split_first_chunk()?;
            let &[HANDSHAKE, 3, 0..=4, high, low] = header else {
                return None;
            };
            let len = usize::from(u16::from_be_bytes([high, low]));
            if len > MOST_IN_RECORD {
                return None;
            }
            (self.record, self.behind) = behind.split_at(len.min(behind.len()));
        }
        (!self.record.is_empty()).then_some(self.record)
    }

    /// The next bytes, if one record has them all.
    fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (slice, rest) = self.record()?.split_at_checked(len)?;
        self.left = self.left.checked_sub(len)?;
        self.record = rest;
        Some(slice)
    }

    fn byte(&mut self) -> Option<u8> {
        self.slice(1)?.first().copied()
    }

    /// A number of two bytes; as a rule a length.
    fn u16(&mut self) -> Option<usize> {
        Some(usize::from(u16::from_be_bytes([
            self.byte()?,
            self.byte()?,
        ])))
    }

    fn skip(&mut self, len: usize) -> Option<()> {
        let mut wanted = len;
        while wanted > 0 {
            let here = self.record()?.len().min(wanted);
            self.slice(here)?;
            wanted -= here;
        }
        Some(())
    }

    /// Goes into a structure with its length in front, which the one around it must hold.
    fn narrow(&mut self) -> Option<()> {
        let len = self.u16()?;
        let is_inside = len <= self.left;
        self.left = len;
        is_inside.then_some(())
    }
}

/// What the Host field of an HTTP/1 request says. Only the header is looked at, and only the
/// first of several fields.
fn request_host(payload: &[u8]) -> Option<&str> {
    let header = payload.get(..MOST_OF_REQUEST).unwrap_or(payload);
    let mut lines = whole_lines(header);
    lines.next().filter(|line| is_request(line))?;
    let host = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        match line.split_at_checked(HOST.len()) {
            Some((name, value)) if name.eq_ignore_ascii_case(HOST) => Some(value),
            _ => None,
        }
    })?;
    plausible(without_port(host.trim_ascii()))
}

/// Lines with their end, which is left off. A lone line feed ends one, too (RFC 9112, section 2.2).
fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether this is a request line: a method, a target and a version (RFC 9112, section 3).
fn is_request(line: &[u8]) -> bool {
    let mut words = line.split(|&byte| byte == b' ');
    let (method, target, version, rest) = (words.next(), words.next(), words.next(), words.next());
    let is_method = |it: &[u8]| {
        it.iter()
            .all(|&byte| byte.is_ascii_uppercase() || byte == b'-')
    };
    let is_target = |it: &[u8]| !it.is_empty() && !it.iter().any(u8::is_ascii_control);
    method.is_some_and(is_method)
        && target.is_some_and(is_target)
        && matches!(
            version,
            Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'])
        )
        && rest.is_none()
}

/// A host without its port. Several colons are an IPv6 address that lacks its brackets.
fn without_port(host: &[u8]) -> &[u8] {
    let Some(colon) = host.iter().rposition(|&byte| byte == b':') else {
        return host;
    };
    let (name, port) = host.split_at(colon);
    let is_port = port.iter().skip(1).all(u8::is_ascii_digit);
    let is_name = name.ends_with(b"]") || !name.contains(&b':');
    if is_port && is_name { name } else { host }
}

/// A name that a server can have, as text.
fn plausible(name: &[u8]) -> Option<&str> {
    let is_name = |it: &[u8]| {
        it.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(byte))
    };
    let is_address = |it: &[u8]| {
        it.iter()
            .all(|byte| byte.is_ascii_hexdigit() || b".:".contains(byte))
    };
    let is_plausible = match name {
        [] | [b'-', ..] => false,
        [b'[', address @ .., b']'] => !address.is_empty() && is_address(address),
        name => is_name(name),
    };
    let name = std::str::from_utf8(name).ok()?;
    (is_plausible && name.len() <= MOST_OF_NAME).then_some(name)
}

/// Content type of a TLS record (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// Longest payload of a record, in bytes.
const MOST_IN_RECORD: usize = 1 << 14;
/// Handshake type (section 4), and length of the header that has it.
const CLIENT_HELLO: u8 = 1;
const HEADER_LEN: usize = 4;
/// Fields of a ClientHello without a length of their own.
const VERSION_LEN: usize = 2;
const RANDOM_LEN: usize = 32;
/// Extension type, and name type in it (RFC 6066, section 3).
const SERVER_NAME: usize = 0;
const HOST_NAME: u8 = 0;
/// In bytes: as long as a host name in DNS can be.
const MOST_OF_NAME: usize = 255;
/// Bytes of a request that are searched; what is longer is mostly no header.
const MOST_OF_REQUEST: usize = 16 * 1024;
const HOST: &[u8] = b"host:";

#[cfg(test)]
mod tests;
