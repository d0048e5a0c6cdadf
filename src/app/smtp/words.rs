//! Encoded words in header fields (RFC 2047).
//!
//! The rfc2047-decoder crate pulls in a parser framework with its own dependencies. The hard part
//! is character sets, which encoding_rs handles.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::{Encoding, UTF_8};

/// The text as UTF-8, with encoded words decoded. Malformed words are left unchanged.
pub(super) fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Decoder::default();
    let mut rest = text;
    while let Some(start) = rest.windows(2).position(|it| it == b"=?") {
        let (plain, word) = rest.split_at(start);
        let Some((word, after)) = word_at(word) else {
            out.plain(rest.get(..start + 2).unwrap_or_default());
            rest = rest.get(start + 2..).unwrap_or_default();
            continue;
        };
        // Space between two encoded words is only a separator.
        if out.encoding.is_none() || !plain.iter().all(u8::is_ascii_whitespace) {
            out.plain(plain);
        }
        out.word(word);
        rest = after;
    }
    out.plain(rest);
    out.text
}

#[derive(Default)]
struct Decoder {
    text: Vec<u8>,
    /// Bytes of consecutive words: a character may be split between two.
    pending: Vec<u8>,
    encoding: Option<&'static Encoding>,
}

impl Decoder {
    fn plain(&mut self, bytes: &[u8]) {
        self.flush();
        self.text.extend_from_slice(bytes);
    }

    fn word(&mut self, word: Word) {
        if self.encoding != Some(word.encoding) {
            self.flush();
        }
        self.encoding = Some(word.encoding);
        self.pending.extend_from_slice(&word.bytes);
    }

    fn flush(&mut self) {
        let encoding = self.encoding.take().unwrap_or(UTF_8);
        let (text, _) = encoding.decode_without_bom_handling(&self.pending);
        self.text.extend_from_slice(text.as_bytes());
        self.pending.clear();
    }
}

struct Word {
    encoding: &'static Encoding,
    bytes: Vec<u8>,
}

/// Splits `=?charset?encoding?text?=` off the start of a text.
fn word_at(text: &[u8]) -> Option<(Word, &[u8])> {
    let mut parts = text
        .get(..WORD_LIMIT)
        .unwrap_or(text)
        .get(2..)?
        .splitn(3, |it| *it == b'?');
    let (charset, kind, coded) = (parts.next()?, parts.next()?, parts.next()?);
    let end = coded.windows(2).position(|it| it == b"?=")?;
    let coded = coded.get(..end)?;
    // A language may follow the name (RFC 2231, section 5).
    let label = charset.split(|it| *it == b'*').next()?;
    let encoding = Encoding::for_label(label)?;
    let bytes = match kind {
        b"B" | b"b" => base64(coded)?,
        b"Q" | b"q" => quoted(coded),
        _ => return None,
    };
    let len = 2 + charset.len() + 1 + kind.len() + 1 + end + 2;
    Some((Word { encoding, bytes }, text.get(len..)?))
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 4 * 3 + 3];
    let len = STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(len);
    Some(bytes)
}

/// `_` is a space, and `=` with two hexadecimal digits a byte.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let coded = after.split_first_chunk::<2>().filter(|_| byte == b'=');
        match coded.and_then(|(digits, after)| Some((hex(*digits)?, after))) {
            Some((byte, after)) => {
                out.push(byte);
                rest = after;
            }
            None if byte == b'_' => out.push(b' '),
            None => out.push(byte),
        }
    }
    out
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|it| char::from(it).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

/// RFC 2047 allows 75, but longer ones occur.
const WORD_LIMIT: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        String::from_utf8(decoded(text.as_bytes())).unwrap()
    }

    /// The examples of RFC 2047, section 8, and others.
    #[test]
    fn words() {
        let cases = [
            ("plain =? text", "plain =? text"),
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?=", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
            ("x =?iso-8859-1*en?q?caf=E9?= y", "x café y"),
            (
                "=?utf-8?B?w6?= =?utf-8?B?k=?=",
                "=?utf-8?B?w6?= =?utf-8?B?k=?=",
            ),
            ("=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "ä"),
            ("=?UTF-8?B?w6Q=?=", "ä"),
            ("=?gb2312?B?xOO6ww==?=", "你好"),
            ("=?no-such?Q?a?=", "=?no-such?Q?a?="),
            ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
            ("=?utf-8?Q?a=zz=?=", "a=zz="),
            ("=?utf-8?Q??=", ""),
            ("=?", "=?"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_words_take_no_longer() {
        let text = "=?".repeat(100_000);
        assert_eq!(shown(&text), text);
    }
}
