//! Records as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::io::Write;

/// A writer of JSON objects and lists into a buffer.
#[derive(Debug, Default)]
pub(super) struct Json {
    pub(super) text: Vec<u8>,
    /// Whether a comma is needed.
    has_before: bool,
    /// Texts that are not UTF-8, with the names of their fields.
    raws: Vec<(String, Vec<u8>)>,
}

impl Json {
    /// Writes a record on its own line.
    pub(super) fn record(&mut self, fields: impl FnOnce(&mut Self)) {
        self.has_before = false;
        self.object(|json| {
            fields(json);
            if !json.raws.is_empty() {
                json.key("raw");
                json.write_raws();
            }
        });
        self.text.push(b'\n');
    }

    /// Writes the kept bytes, if there are any, as the value of a key.
    pub(super) fn write_raws(&mut self) {
        let raws = std::mem::take(&mut self.raws);
        if raws.is_empty() {
            return;
        }
        self.object(|json| {
            for (name, bytes) in &raws {
                json.key(name);
                json.str(&STANDARD.encode(bytes));
            }
        });
    }

    pub(super) fn object(&mut self, fields: impl FnOnce(&mut Self)) {
        self.enclosed(b'{', b'}', fields);
    }

    pub(super) fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.enclosed(b'[', b']', items);
    }

    fn enclosed(&mut self, open: u8, close: u8, inner: impl FnOnce(&mut Self)) {
        self.separate();
        self.text.push(open);
        self.has_before = false;
        inner(self);
        self.text.push(close);
        self.has_before = true;
    }

    fn separate(&mut self) {
        if self.has_before {
            self.text.push(b',');
        }
        self.has_before = true;
    }

    /// Writes a key, whose value must follow.
    pub(super) fn key(&mut self, name: &str) {
        self.separate();
        self.quoted(name);
        self.text.push(b':');
        self.has_before = false;
    }

    pub(super) fn number(&mut self, number: impl std::fmt::Display) {
        self.separate();
        let written = write!(self.text, "{number}");
        debug_assert!(written.is_ok(), "a vector takes all bytes");
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.number(value);
    }

    pub(super) fn str(&mut self, text: &str) {
        self.separate();
        self.quoted(text);
    }

    /// Writes a text from the network as a value of this field.
    pub(super) fn text(&mut self, field: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        if matches!(text, Cow::Owned(_)) {
            self.keep_raw(field, bytes);
        }
        self.str(&text);
    }

    /// Keeps the bytes of a field whose text does not show them.
    pub(super) fn keep_raw(&mut self, field: &str, bytes: &[u8]) {
        self.raws.push((field.to_owned(), bytes.to_vec()));
    }

    /// Starts over, without what was written.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.has_before = false;
    }

    /// Writes nanoseconds as seconds: exact, with six digits, or nine if needed.
    pub(super) fn seconds(&mut self, ns: i64) {
        let sign = if ns < 0 { "-" } else { "" };
        let ns = ns.unsigned_abs();
        let (seconds, fraction) = (ns / 1_000_000_000, ns % 1_000_000_000);
        if fraction % 1000 == 0 {
            self.number(format_args!("{sign}{seconds}.{:06}", fraction / 1000));
        } else {
            self.number(format_args!("{sign}{seconds}.{fraction:09}"));
        }
    }

    fn quoted(&mut self, text: &str) {
        self.text.push(b'"');
        let mut plain = 0;
        let bytes = text.as_bytes();
        for (place, &byte) in bytes.iter().enumerate() {
            if byte >= 0x20 && !matches!(byte, b'"' | b'\\' | 0x7f) {
                continue;
            }
            self.text
                .extend_from_slice(bytes.get(plain..place).unwrap_or_default());
            self.escape(byte);
            plain = place + 1;
        }
        self.text
            .extend_from_slice(bytes.get(plain..).unwrap_or_default());
        self.text.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                let written = write!(self.text, "\\u{byte:04x}");
                debug_assert!(written.is_ok(), "a vector takes all bytes");
                return;
            }
        };
        self.text.extend_from_slice(&[b'\\', short]);
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::Json;

    fn written(fields: impl FnOnce(&mut Json)) -> String {
        let mut json = Json::default();
        json.record(fields);
        String::from_utf8(json.text).unwrap()
    }

    #[test]
    fn objects_and_lists_have_commas_between() {
        let text = written(|json| {
            json.key("a");
            json.number(1);
            json.key("b");
            json.list(|json| {
                json.str("x");
                json.object(|_| {});
            });
        });
        assert_eq!(text, "{\"a\":1,\"b\":[\"x\",{}]}\n");
    }

    #[test]
    fn what_is_no_text_is_kept_beside_it() {
        let text = written(|json| {
            json.key("a");
            json.text("a", b"\xff\"\x1b\n");
        });
        assert_eq!(
            text,
            "{\"a\":\"\u{fffd}\\\"\\u001b\\n\",\"raw\":{\"a\":\"/yIbCg==\"}}\n"
        );
    }

    #[test]
    fn times_are_exact() {
        let text = written(|json| {
            for (name, ns) in [
                ("a", 1_268_758_265_098_157_000),
                ("b", 1_000_000_001),
                ("c", -1_500_000_000),
            ] {
                json.key(name);
                json.seconds(ns);
            }
        });
        assert_eq!(
            text,
            "{\"a\":1268758265.098157,\"b\":1.000000001,\"c\":-1.500000}\n"
        );
    }
}
