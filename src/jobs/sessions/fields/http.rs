//! The keys of HTTP exchanges.

use super::{Shown, Value, Visit};
use crate::app::http::{Body, Headers, Http, Request, Response};
use crate::jobs::sessions::json::{Json, base64, hex};
use crate::jobs::sessions::options::{Bodies, RecordFormat};

pub(super) fn fields(http: &Http, shown: &Shown<'_>, visit: &mut Visit<'_>) {
    if let Some(request) = &http.request {
        requested(request, shown, visit);
    }
    if let Some(response) = &http.response {
        responded(response, shown, visit);
    }
    visit("trans_depth", Value::Number(http.depth));
    if let Some(request) = &http.request {
        let keys = ["req_body_bytes", "req_body_sha256", "req_body_file"];
        measured(&request.body, keys, visit);
        if let Some(host) = host(request) {
            visit("host", Value::Text(host));
        }
    }
    if let Some(response) = &http.response {
        let body = &response.body;
        let keys = ["resp_body_bytes", "resp_body_sha256", "resp_body_file"];
        measured(body, keys, visit);
        if let Some(coding) = &body.coding {
            visit("resp_coding", Value::Text(coding));
        }
        if let Some(mime) = mime(&body.kept) {
            visit("resp_mime", Value::Str(mime));
        }
        if let Some(upgrade) = response
            .headers
            .first("upgrade")
            .filter(|_| response.status == 101)
        {
            visit("upgrade", Value::Text(upgrade));
        }
    }
    if !http.info_status.is_empty() {
        let list = |json: &mut Json| {
            json.list(|json| http.info_status.iter().for_each(|it| json.number(it)));
        };
        visit("info_status", Value::Nested(&list));
    }
}

fn requested(request: &Request, shown: &Shown<'_>, visit: &mut Visit<'_>) {
    visit("req_method", Value::Text(&request.method));
    let uri = shown.showing.secrets.uri(&request.uri, shown.hidden);
    visit("req_uri", Value::Text(&uri));
    visit("req_version", Value::Text(&request.version));
    headers("req_headers", &request.headers, shown, visit);
    body("req_body", &request.body, shown, visit);
}

fn responded(response: &Response, shown: &Shown<'_>, visit: &mut Visit<'_>) {
    visit("resp_version", Value::Text(&response.version));
    visit(
        "resp_status",
        Value::Str(&format!("{:03}", response.status)),
    );
    visit("resp_reason", Value::Text(&response.reason));
    headers("resp_headers", &response.headers, shown, visit);
    body("resp_body", &response.body, shown, visit);
}

/// Header fields by name. Repeated fields have a list of values.
fn headers(key: &'static str, headers: &Headers, shown: &Shown<'_>, visit: &mut Visit<'_>) {
    let secrets = &shown.showing.secrets;
    // The values of a column are all of the same type.
    let is_table = shown.showing.format == RecordFormat::Parquet;
    let write = |json: &mut Json| {
        json.object(|json| {
            for (name, values) in grouped(headers) {
                let name_text = String::from_utf8_lossy(name);
                let field = format!("{key}.{name_text}");
                json.key(&name_text);
                if let [value] = values.as_slice()
                    && !is_table
                {
                    json.text(&field, &secrets.field(name, value, shown.hidden));
                    continue;
                }
                json.list(|json| {
                    for value in values {
                        json.text(&field, &secrets.field(name, value, shown.hidden));
                    }
                });
            }
        });
    };
    visit(key, Value::Nested(&write));
}

/// The values of each name, in order of first occurrence.
fn grouped(headers: &Headers) -> Vec<(&[u8], Vec<&[u8]>)> {
    let mut groups: Vec<(&[u8], Vec<&[u8]>)> = Vec::with_capacity(headers.0.len());
    for (name, value) in &headers.0 {
        match groups.iter_mut().find(|it| it.0 == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

/// Whether a body is shown of which only a part was kept.
pub(super) fn has_part_of_a_body(http: &Http, bodies: Bodies) -> bool {
    let request = http.request.as_ref().map(|it| &it.body);
    let response = http.response.as_ref().map(|it| &it.body);
    let is_shown = |it: &Body| match bodies {
        Bodies::None => false,
        Bodies::Text => text(&it.kept, false).is_some(),
        Bodies::Base64 => true,
    };
    let mut both = request.into_iter().chain(response);
    both.any(|it| (it.kept.len() as u64) < it.bytes && is_shown(it))
}

fn body(key: &'static str, body: &Body, shown: &Shown<'_>, visit: &mut Visit<'_>) {
    match shown.showing.bodies {
        Bodies::None => {}
        Bodies::Base64 => visit(key, Value::Str(&base64(&body.kept))),
        Bodies::Text => {
            let is_whole = body.kept.len() as u64 == body.bytes;
            if let Some(text) = text(&body.kept, is_whole) {
                visit(key, Value::Str(text));
            }
        }
    }
}

/// Bytes as text, if they are UTF-8. If incomplete, the last character may be truncated.
fn text(bytes: &[u8], is_whole: bool) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if !is_whole && error.error_len().is_none() => {
            let whole = bytes.get(..error.valid_up_to())?;
            std::str::from_utf8(whole).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |it: char| !it.is_control() || matches!(it, '\n' | '\r' | '\t' | '\x0c');
    text.chars().all(is_text).then_some(text)
}

fn measured(body: &Body, [bytes, sha256, file]: [&'static str; 3], visit: &mut Visit<'_>) {
    visit(bytes, Value::Number(body.bytes));
    if let Some(digest) = body.sha256 {
        let name = hex(&digest);
        visit(sha256, Value::Str(&name));
        if body.is_stored {
            visit(file, Value::Str(&name));
        }
    }
}

/// The requested host: the Host field, or the authority of the target.
fn host(request: &Request) -> Option<&[u8]> {
    if let Some(host) = request.headers.first("host") {
        return Some(host);
    }
    let start = request.uri.windows(3).position(|it| it == b"://")? + 3;
    let rest = request.uri.get(start..)?;
    let end = rest.iter().position(|it| b"/?#".contains(it));
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    let user = authority.iter().rposition(|it| *it == b'@');
    authority.get(user.map_or(0, |it| it + 1)..)
}

/// The content type, judged by the first bytes (<https://mimesniff.spec.whatwg.org/>, common
/// types).
fn mime(bytes: &[u8]) -> Option<&'static str> {
    let known = MIMES.iter().find(|(start, _)| bytes.starts_with(start));
    if let Some((_, mime)) = known {
        return Some(mime);
    }
    let start = bytes.trim_ascii_start();
    let is_html = |tag: &[u8]| {
        start
            .get(..tag.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(tag))
    };
    match start.first() {
        None => None,
        Some(b'<') if is_html(b"<!doctype html") || is_html(b"<html") || is_html(b"<head") => {
            Some("text/html")
        }
        Some(b'<') if is_html(b"<?xml") => Some("text/xml"),
        Some(b'{' | b'[') if text(bytes, false).is_some() => Some("application/json"),
        Some(_) if text(bytes, false).is_some() => Some("text/plain"),
        Some(_) => Some("application/octet-stream"),
    }
}

const MIMES: [(&[u8], &str); 15] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "application/x-ole-storage",
    ),
    (b"\x00asm", "application/wasm"),
    (b"wOF2", "font/woff2"),
];
