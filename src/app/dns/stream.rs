//! DNS over TCP (RFC 7766): messages preceded by their length.

use super::message::{is_plausible, message};
use super::queries::Queries;
use super::record::Kind;
use crate::app::found::{Content, Found, Moment, Note, Notes, Span};
use crate::app::parser::{Next, Parser, Side};

/// Parser of DNS over TCP.
#[derive(Debug, Default)]
pub struct DnsStream {
    halves: [Half; 2],
    queries: Queries,
}

#[derive(Debug, Default)]
struct Half {
    /// An incomplete message, including its length.
    pending: Vec<u8>,
    began: Moment,
    /// Bytes were lost: everything is ignored until a segment begins with a message.
    is_lost: bool,
    is_resynced: bool,
}

impl Half {
    /// Takes the next bytes. Returns how many were used, and the message that they complete.
    fn next(&mut self, bytes: &[u8], at: Moment) -> (usize, Option<Vec<u8>>) {
        if self.pending.is_empty() {
            self.began = at;
        }
        let wanted = match self.len() {
            Some(len) => (2 + len).saturating_sub(self.pending.len()),
            None => 2 - self.pending.len(),
        };
        let part = bytes.get(..wanted).unwrap_or(bytes);
        self.pending.extend_from_slice(part);
        let is_whole = self.len().is_some_and(|len| self.pending.len() == 2 + len);
        let whole = is_whole.then(|| std::mem::take(&mut self.pending));
        (part.len(), whole)
    }

    /// The stated length of the message.
    fn len(&self) -> Option<usize> {
        let (len, _) = self.pending.split_first_chunk()?;
        Some(usize::from(u16::from_be_bytes(*len)))
    }
}

impl DnsStream {
    fn report(
        &mut self,
        bytes: &[u8],
        span: Span,
        mut notes: Notes,
        is_cut: bool,
        found: &mut Vec<Found>,
    ) {
        let Some((mut dns, faults, _)) = message(bytes, Kind::Dns, is_cut) else {
            return;
        };
        for note in faults.iter() {
            notes.add(note);
        }
        self.queries.pair(&mut dns, span.last);
        found.push(Found {
            span,
            notes,
            content: Content::Dns(Box::new(dns)),
        });
    }

    const fn half(&mut self, side: Side) -> &mut Half {
        let [client, server] = &mut self.halves;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }
}

impl Parser for DnsStream {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let half = self.half(side);
        if half.is_lost {
            let start = bytes.get(2..).unwrap_or_default();
            if !is_plausible(start, false) {
                return Next::Continue;
            }
            (half.is_lost, half.is_resynced) = (false, true);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let half = self.half(side);
            let (used, whole) = half.next(rest, at);
            rest = rest.get(used..).unwrap_or_default();
            let Some(whole) = whole else { continue };
            let mut notes = Notes::default();
            if std::mem::take(&mut half.is_resynced) {
                notes.add(Note::Resync);
            }
            let span = Span {
                first: half.began,
                last: at,
            };
            self.report(
                whole.get(2..).unwrap_or_default(),
                span,
                notes,
                false,
                found,
            );
        }
        Next::Continue
    }

    fn gap(&mut self, side: Side, _: u64, at: Moment, found: &mut Vec<Found>) -> Next {
        let half = self.half(side);
        let pending = std::mem::take(&mut half.pending);
        half.is_lost = true;
        let span = Span {
            first: half.began,
            last: at,
        };
        let notes = Notes::default().with(Note::Gap);
        self.report(
            pending.get(2..).unwrap_or_default(),
            span,
            notes,
            true,
            found,
        );
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        for side in [Side::Client, Side::Server] {
            let half = self.half(side);
            let pending = std::mem::take(&mut half.pending);
            let span = Span {
                first: half.began,
                last: half.began,
            };
            self.report(
                pending.get(2..).unwrap_or_default(),
                span,
                Notes::default(),
                true,
                found,
            );
        }
    }
}
