//! Messages: a header of 16 bytes, and documents.

use super::bson::Document;
use crate::app::fields::Fields;
use crate::app::messages::Measure;

/// A request or an answer.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) request: u32,
    pub(super) response_to: u32,
    /// The database that the header names.
    pub(super) database: Option<&'a [u8]>,
    /// The commands or answers: two at most.
    documents: [Option<Document<'a>>; 2],
}

impl<'a> Message<'a> {
    pub(super) fn documents(&self) -> impl Iterator<Item = Document<'a>> {
        self.documents.into_iter().flatten()
    }
}

/// `None` of what is no message.
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
    // One whose contents are not as they should be is passed over by its length.
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
        // Commands of logins are not compressed ("OP_COMPRESSED", specifications), nor are their
        // answers; the others are not of use.
        _ => {}
    }
    Some(())
}

/// The document of the section of kind 0. Other sections are passed over.
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

/// The length is the first field. What has none that can be is no message, as its header shows.
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

/// All opcodes that there were.
const OPCODES: [u32; 14] = [
    1, 1000, 2001, 2002, 2003, 2004, 2005, 2006, 2007, 2008, 2010, 2011, 2012, 2013,
];

const HEADER_LEN: u64 = 16;

/// Servers accept no longer ones.
const LEN_LIMIT: u64 = 48_000_000;

/// A login, and what its client says of itself, is shorter.
const KEPT_LEN: usize = 8 << 10;
