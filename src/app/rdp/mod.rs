//! RDP connection requests (MS-RDPBCGR, sections 2.2.1.1 and 2.2.1.2), in TPKT and X.224.

pub(in crate::app) mod record;

pub use record::Rdp;

use crate::app::found::{Content, Found, Moment, Note, Notes, Span};
use crate::app::parser::{Next, Parser, Side};
use crate::capture::ByteOrder;

/// Parser of a connection request and its confirmation, which TLS may follow.
#[derive(Debug, Default)]
pub struct RdpParser {
    rdp: Option<Rdp>,
    pending: [Vec<u8>; 2],
    span: Option<Span>,
    notes: Notes,
    /// The parser's answer after the confirmation.
    follows: Option<Next>,
}

impl RdpParser {
    fn report(&mut self, found: &mut Vec<Found>) {
        let (Some(rdp), Some(span)) = (self.rdp.take(), self.span) else {
            return;
        };
        found.push(Found {
            span,
            notes: self.notes,
            content: Content::Rdp(Box::new(rdp)),
        });
    }

    /// Handles a complete message.
    fn message(&mut self, side: Side, data: &[u8], found: &mut Vec<Found>) {
        match side {
            Side::Client if self.rdp.is_none() => self.rdp = Some(Rdp::request(data)),
            Side::Client => {}
            Side::Server => {
                let rdp = self.rdp.get_or_insert_default();
                rdp.answer(data);
                let is_encrypted = rdp.selected.is_some_and(|it| it > 0);
                self.report(found);
                self.follows = Some(if is_encrypted {
                    Next::Recognize
                } else {
                    Next::Stop
                });
            }
        }
    }
}

impl Parser for RdpParser {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        match self.follows {
            Some(next) if !bytes.is_empty() => return next,
            Some(_) => return Next::Continue,
            None => {}
        }
        let span = self.span.get_or_insert(Span {
            first: at,
            last: at,
        });
        span.last = span.last.max(at);
        let [client, server] = &mut self.pending;
        let pending = match side {
            Side::Client => client,
            Side::Server => server,
        };
        let before = pending.len();
        pending.extend_from_slice(bytes.get(..MOST).unwrap_or(bytes));
        let len = match ByteOrder::Big.u16(pending, 2) {
            Some(len) => usize::from(len),
            None => return Next::Continue,
        };
        let Some(message) = pending.get(..len) else {
            return if pending.len() > MOST {
                Next::Stop
            } else {
                Next::Continue
            };
        };
        let data = message.get(HEADERS_LEN..).unwrap_or_default().to_vec();
        let used = len.saturating_sub(before);
        pending.clear();
        self.message(side, &data, found);
        match self.follows {
            Some(Next::Recognize) if used < bytes.len() => Next::RecognizeAfter(used),
            Some(Next::Stop) => Next::Stop,
            _ => Next::Continue,
        }
    }

    fn gap(&mut self, _: Side, _: u64, _: Moment, found: &mut Vec<Found>) -> Next {
        self.notes.add(Note::Gap);
        self.report(found);
        Next::Stop
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        self.notes.add(Note::NoResponse);
        self.report(found);
    }
}

/// TPKT, and X.224 up to its class field.
const HEADERS_LEN: usize = 11;
const MOST: usize = 4096;

#[cfg(test)]
mod tests;
