//! Message heads: start line and fields.

use super::record::{Headers, Request, Response};

/// Length of the head at the start of `bytes`, including its empty line. The search begins at
/// `from`, before which there is no end.
pub(super) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.saturating_sub(2);
    while let Some(step) = bytes.get(at..)?.iter().position(|&byte| byte == b'\n') {
        at += step + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Whether bytes begin a request. `None` if there are too few to decide.
pub(crate) fn starts_request(bytes: &[u8]) -> Option<bool> {
    let method = bytes.iter().take_while(|&&it| is_method(it)).count();
    match bytes.get(method) {
        None if method <= MOST_OF_METHOD => return None,
        Some(b' ') if (1..=MOST_OF_METHOD).contains(&method) => {}
        _ => return Some(false),
    }
    let line = bytes.get(method + 1..).unwrap_or_default();
    match line.iter().position(|&byte| byte == b'\n') {
        Some(end) => Some(has_version(line.get(..end).unwrap_or_default())),
        // The target is too long for the version to be visible.
        None if line.len() > MOST_OF_LINE => Some(false),
        None => match line.first() {
            None => None,
            Some(first) if first.is_ascii_graphic() => None,
            Some(_) => Some(false),
        },
    }
}

/// Whether a request line ends with its version, followed only by spaces.
fn has_version(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let words = line.rsplit(|&byte| byte == b' ');
    let mut words = words.filter(|it| !it.is_empty());
    let (version, target) = (words.next(), words.next());
    target.is_some()
        && matches!(version, Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor]) if minor.is_ascii_digit())
}

/// Whether bytes begin a response. `None` if there are too few to decide.
pub(crate) fn starts_response(bytes: &[u8]) -> Option<bool> {
    let pattern = b"HTTP/1.d ddd";
    for (place, &expected) in pattern.iter().enumerate() {
        let byte = *bytes.get(place)?;
        let is_right = match expected {
            b'd' => byte.is_ascii_digit(),
            _ => byte == expected,
        };
        if !is_right {
            return Some(false);
        }
    }
    Some(true)
}

/// Parses a request head. Also returns whether it conforms to RFC 9112.
pub(super) fn request(head: &[u8]) -> Option<(Request, bool)> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    if matches!(parsed.parse(head), Ok(httparse::Status::Complete(_)))
        && let (Some(method), Some(uri), Some(minor)) = (parsed.method, parsed.path, parsed.version)
    {
        let request = Request {
            method: method.as_bytes().to_vec(),
            uri: uri.as_bytes().to_vec(),
            version: vec![b'1', b'.', b'0' + minor],
            headers: headers(parsed.headers),
            ..Request::default()
        };
        return Some((request, true));
    }
    let (line, rest) = first_line(head);
    let line = line.trim_ascii();
    let start = line.iter().position(|&byte| byte == b' ')?;
    let (method, rest_of_line) = line.split_at(start);
    let end = rest_of_line.iter().rposition(|&byte| byte == b' ')?;
    let (uri, version) = rest_of_line.split_at(end);
    let request = Request {
        method: method.to_vec(),
        uri: uri.trim_ascii().to_vec(),
        version: version.trim_ascii().strip_prefix(b"HTTP/")?.to_vec(),
        headers: lenient(rest),
        ..Request::default()
    };
    Some((request, false))
}

/// Parses a response head. Also returns whether it conforms to RFC 9112.
pub(super) fn response(head: &[u8]) -> Option<(Response, bool)> {
    let (line, rest) = first_line(head);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (version, status) = line.strip_prefix(b"HTTP/")?.split_first_chunk::<3>()?;
    let status = status.trim_ascii_start();
    let (digits, reason) = status.split_at_checked(3)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let mut response = Response {
        version: version.to_vec(),
        status: number,
        reason: reason.strip_prefix(b" ").unwrap_or(reason).to_vec(),
        ..Response::default()
    };
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let is_whole = matches!(parsed.parse(head), Ok(httparse::Status::Complete(_)));
    response.headers = if is_whole {
        headers(parsed.headers)
    } else {
        lenient(rest)
    };
    Some((response, is_whole))
}

fn headers(fields: &[httparse::Header<'_>]) -> Headers {
    let fields = fields.iter();
    let fields = fields.map(|it| {
        (
            it.name.as_bytes().to_ascii_lowercase(),
            it.value.trim_ascii().to_vec(),
        )
    });
    Headers(fields.collect())
}

/// Fields of a malformed head: lines without a colon are skipped, and lines that begin with a space
/// continue the one before (RFC 9112, section 5.2).
fn lenient(mut rest: &[u8]) -> Headers {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    while !rest.is_empty() {
        let (line, behind) = first_line(rest);
        rest = behind;
        if let ([b' ' | b'\t', ..], Some((_, value))) = (line, fields.last_mut()) {
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            continue;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        if fields.len() < MOST_FIELDS {
            fields.push((
                name.trim_ascii().to_ascii_lowercase(),
                value.trim_ascii().to_vec(),
            ));
        }
    }
    Headers(fields)
}

fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(end) => {
            let (line, rest) = bytes.split_at(end);
            (line, rest.get(1..).unwrap_or_default())
        }
        None => (bytes, &[]),
    }
}

/// The token characters (RFC 9110, section 5.6.2) found in methods in use.
const fn is_method(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

const MOST_OF_METHOD: usize = 24;
/// Longest start line, in bytes.
const MOST_OF_LINE: usize = 8 * 1024;
/// Most fields of a head.
const MOST_FIELDS: usize = 256;
