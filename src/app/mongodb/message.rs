//! Messages: a 16-byte header, and documents.

use super::bson::Document;
use crate::app::fields::Fields;
use crate::app::messages::Measure;

/// A request or a reply.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) request: u32,
    pub(super) response_to: u32,
    /// The database named by the header.
    pub(super) database: Option<&'a [u8]>,
    /// The commands or replies, at most two.
    documents: [Option<Document<'a>>; 2],
}

impl<'a> Message<'a> {
    pub(super) fn documents(&self) -> impl Iterator<Item = Document<'a>> {
        self.documents.into_iter().flatten()
    }
}

/// Parses a message. `None` if it is not one.
pub(super) fn parse(bytes: &[u8]) -> Option<Message<'_>> {
    let mut fields = Fields(bytes);
    let len = fields.u32_le()?;
    let mut message = Message {
        request: fields.u32_le()?,
        response_to: fields.u32_le()?,
        database: None,
        documents: [None; 2],
    };
    let opcode = fields.u32_le()?;
    if !(HEADER_LEN..=LEN_LIMIT).contains(&u64::from(len)) || !OPCODES.contains(&opcode) {
        return None;
    }
    // A message with malformed contents is skipped by its length.
    let _: Option<()> = contents(opcode, fields, &mut message);
    Some(message)
}

fn contents<'a>(opcode: u32, mut fields: Fields<'a>, message: &mut Message<'a>) -> Option<()> {
    match opcode {
        OP_MSG => {
            fields.u32_le()?;
            message.documents[0] = body(fields);
        }
        OP_QUERY => {
            fields.u32_le()?;
            message.database = fields.until_nul()?.split(|it| *it == b'.').next();
            fields.take(8)?;
            message.documents[0] = Document::take(&mut fields);
        }
        OP_REPLY => {
            fields.take(20)?;
            message.documents[0] = Document::take(&mut fields);
        }
        OP_COMMAND => {
            message.database = Some(fields.until_nul()?);
            fields.until_nul()?;
            message.documents = [Document::take(&mut fields), Document::take(&mut fields)];
        }
        OP_COMMANDREPLY => {
            message.documents = [Document::take(&mut fields), Document::take(&mut fields)];
        }
        // Login commands and their replies are never compressed ("OP_COMPRESSED", specifications).
        // Other messages are not needed.
        _ => {}
    }
    Some(())
}

/// The document of the section of kind 0. Other sections are skipped.
fn body(mut fields: Fields<'_>) -> Option<Document<'_>> {
    loop {
        if fields.u8()? == 0 {
            return Document::take(&mut fields);
        }
        let mut ahead = fields;
        let len = usize::try_from(ahead.u32_le()?).ok()?;
        fields.take(len.max(4))?;
    }
}

/// The length is the first field. If it is impossible, only the header is taken, which shows that
/// this is not a message.
pub(super) fn measure(seen: &[u8]) -> Measure {
    let mut fields = Fields(seen);
    match fields.u32_le().filter(|_| seen.len() as u64 >= HEADER_LEN) {
        Some(len) => Measure::Known {
            len: match u64::from(len) {
                len @ HEADER_LEN..=LEN_LIMIT => len,
                _ => HEADER_LEN,
            },
            keep: KEPT_LEN,
        },
        None => Measure::Needs(16),
    }
}

const OP_REPLY: u32 = 1;
const OP_QUERY: u32 = 2004;
const OP_COMMAND: u32 = 2010;
const OP_COMMANDREPLY: u32 = 2011;
const OP_MSG: u32 = 2013;

/// All opcodes, including obsolete ones.
const OPCODES: [u32; 14] = [
    1, 1000, 2001, 2002, 2003, 2004, 2005, 2006, 2007, 2008, 2010, 2011, 2012, 2013,
];

const HEADER_LEN: u64 = 16;

/// Servers reject longer messages.
const LEN_LIMIT: u64 = 48_000_000;

/// Longer than a login with its client metadata.
const KEPT_LEN: usize = 8 << 10;
