//! Mail contents: header fields and length.

use super::words::decoded;
use crate::app::found::Moment;
use crate::app::lines::Lines;
use crate::app::mail::Mail;

/// Contents of a mail so far.
#[derive(Debug, Default)]
pub(super) struct Body {
    size: u64,
    /// Bytes of the header so far.
    header_len: u64,
    is_header_over: bool,
    is_limited: bool,
    /// Lines of chunks.
    lines: Lines,
    /// The field that a folded line continues.
    field: Option<Field>,
    subject: Vec<u8>,
    message_id: Vec<u8>,
    date: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Subject,
    MessageId,
    Date,
}

impl Body {
    /// Adds a line of `len` bytes including its line ending. It may start with a dot added by SMTP.
    pub(super) fn line(&mut self, line: &[u8], len: u64) {
        let stuffed = u64::from(line.first() == Some(&b'.'));
        self.size = self.size.saturating_add(len - stuffed);
        self.header(line.strip_prefix(b".").unwrap_or(line), len);
    }

    /// Adds the bytes of a chunk.
    pub(super) fn chunk(&mut self, mut bytes: &[u8], at: Moment) {
        self.skipped(bytes.len() as u64);
        while !self.is_header_over {
            let Some(line) = self.lines.next(&mut bytes, at) else {
                return;
            };
            self.header(&line.text, line.len);
        }
    }

    /// Adds bytes that were not read.
    pub(super) const fn skipped(&mut self, len: u64) {
        self.size = self.size.saturating_add(len);
    }

    pub(super) const fn is_header_over(&self) -> bool {
        self.is_header_over
    }

    /// Whether the header is longer than the part that was read.
    pub(super) const fn is_limited(&self) -> bool {
        self.is_limited
    }

    fn header(&mut self, line: &[u8], len: u64) {
        if self.is_header_over {
            return;
        }
        self.header_len += len;
        self.is_limited = self.header_len > HEADER_LIMIT;
        self.is_header_over = line.is_empty() || self.is_limited;
        if line.first().is_some_and(|it| *it == b' ' || *it == b'\t') {
            self.append(line);
            return;
        }
        self.field = None;
        let Some(colon) = line.iter().position(|it| *it == b':') else {
            return;
        };
        let (name, value) = line.split_at(colon);
        let field = FIELDS
            .into_iter()
            .find(|it| it.0.as_bytes().eq_ignore_ascii_case(name.trim_ascii()));
        self.field = field.map(|it| it.1).filter(|it| self.value(*it).is_empty());
        self.append(value.get(1..).unwrap_or_default().trim_ascii_start());
    }

    fn append(&mut self, text: &[u8]) {
        if let Some(field) = self.field {
            let value = self.value(field);
            let room = VALUE_LIMIT.saturating_sub(value.len());
            value.extend_from_slice(text.get(..room).unwrap_or(text));
        }
    }

    const fn value(&mut self, field: Field) -> &mut Vec<u8> {
        match field {
            Field::Subject => &mut self.subject,
            Field::MessageId => &mut self.message_id,
            Field::Date => &mut self.date,
        }
    }

    pub(super) fn finish(self, mail: &mut Mail) {
        let present = |value: Vec<u8>| (!value.is_empty()).then_some(value);
        mail.size = Some(self.size);
        mail.subject = present(decoded(&self.subject));
        mail.message_id = present(self.message_id);
        mail.date = present(self.date);
    }
}

const FIELDS: [(&str, Field); 3] = [
    ("Subject", Field::Subject),
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
];

/// Bytes read of a header.
const HEADER_LIMIT: u64 = 64 << 10;

/// Bytes kept of a field.
const VALUE_LIMIT: usize = 4 << 10;
