//! Elements of BSON documents (bsonspec.org, version 1.1).
//!
//! Documents may be truncated: the elements before the end are found. The bson crate requires
//! complete documents, and pulls in dates, identifiers and random numbers.

use crate::app::fields::Fields;

/// The bytes of a document, starting with its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a>(&'a [u8]);

/// The value types needed here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Double(f64),
    Integer(i64),
    Bool(bool),
    Text(&'a [u8]),
    Binary(&'a [u8]),
    Document(Document<'a>),
    Other,
}

impl PartialEq for Document<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<'a> Document<'a> {
    /// Splits the document off the start of `fields`.
    pub(super) fn take(fields: &mut Fields<'a>) -> Option<Self> {
        let mut ahead = *fields;
        let len = usize::try_from(ahead.u32_le()?).ok()?;
        if len < EMPTY_LEN {
            return None;
        }
        let len = len.min(fields.0.len());
        fields.take(len).map(Self)
    }

    pub(super) fn get(&self, name: &str) -> Option<Value<'a>> {
        self.elements()
            .find(|it| it.0 == name.as_bytes())
            .map(|it| it.1)
    }

    /// The value of a text element.
    pub(super) fn text(&self, name: &str) -> Option<&'a [u8]> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a text or binary element.
    pub(super) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        match self.get(name)? {
            Value::Text(bytes) | Value::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn elements(&self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> {
        let mut fields = Fields(self.0.get(4..).unwrap_or_default());
        std::iter::from_fn(move || {
            let kind = fields.u8().filter(|it| *it != 0)?;
            let name = fields.until_nul()?;
            Some((name, value(kind, &mut fields)?))
        })
    }
}

impl Value<'_> {
    /// Whether the value is true or a number other than 0.
    pub(super) fn is_true(self) -> bool {
        match self {
            Self::Double(number) => number != 0.0,
            Self::Integer(number) => number != 0,
            Self::Bool(is_true) => is_true,
            _ => false,
        }
    }

    pub(super) const fn integer(self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(number),
            _ => None,
        }
    }
}

fn value<'a>(kind: u8, fields: &mut Fields<'a>) -> Option<Value<'a>> {
    Some(match kind {
        0x01 => Value::Double(f64::from_bits(fields.u64_le()?)),
        0x02 | 0x0d | 0x0e => Value::Text(string(fields)?),
        0x03 | 0x04 => Value::Document(Document::take(fields)?),
        0x05 => Value::Binary(binary(fields)?),
        0x06 | 0x0a | 0x7f | 0xff => Value::Other,
        0x07 => other(12, fields)?,
        0x08 => Value::Bool(fields.u8()? != 0),
        0x09 | 0x11 => other(8, fields)?,
        0x0b => {
            fields.until_nul()?;
            fields.until_nul()?;
            Value::Other
        }
        0x0c => {
            string(fields)?;
            other(12, fields)?
        }
        0x0f => {
            let len = usize::try_from(fields.u32_le()?).ok()?;
            other(len.checked_sub(4)?, fields)?
        }
        0x10 => Value::Integer(fields.u32_le()?.cast_signed().into()),
        0x12 => Value::Integer(fields.u64_le()?.cast_signed()),
        0x13 => other(16, fields)?,
        _ => return None,
    })
}

/// The stated length includes a final NUL.
fn string<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(fields.u32_le()?).ok()?;
    let text = fields.take(len)?;
    text.split_last().map(|(_, text)| text)
}

fn binary<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(fields.u32_le()?).ok()?;
    fields.u8()?;
    fields.take(len)
}

fn other<'a>(len: usize, fields: &mut Fields<'a>) -> Option<Value<'a>> {
    fields.take(len).map(|_| Value::Other)
}

/// The length, and a NUL.
const EMPTY_LEN: usize = 5;
