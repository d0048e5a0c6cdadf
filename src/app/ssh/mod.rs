//! SSH handshakes: versions and offers of both sides (RFC 4253, sections 4.2 and 7.1).

pub(in crate::app) mod record;

pub use record::{Offer, Ssh};

use crate::app::found::{Content, Found, Moment, Note, Notes, Span};
use crate::app::parser::{Next, Parser, Side};

/// Parser of a handshake. The encrypted rest of the connection is not read.
#[derive(Debug, Default)]
pub struct SshParser {
    ssh: Ssh,
    client: Half,
    server: Half,
    span: Option<Span>,
    notes: Notes,
}

#[derive(Debug, Default)]
struct Half {
    pending: Vec<u8>,
    has_version: bool,
    is_over: bool,
}

/// Messages of a side.
enum Said {
    Version(Vec<u8>),
    Offer(Option<Offer>),
}

impl Half {
    /// The next complete message.
    fn next(&mut self) -> Option<Said> {
        while !self.has_version {
            let end = self.pending.iter().position(|it| *it == b'\n')?;
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            if line.starts_with(b"SSH-") {
                self.has_version = true;
                return Some(Said::Version(line.trim_ascii_end().to_vec()));
            }
        }
        let (len, rest) = self.pending.split_first_chunk()?;
        let len = u32::from_be_bytes(*len) as usize;
        if len > MOST_OF_PACKET {
            return Some(Said::Offer(None));
        }
        let packet = rest.get(..len)?;
        let payload = packet.split_first().and_then(|(padding, rest)| {
            let len = rest.len().checked_sub(usize::from(*padding))?;
            rest.get(..len)
        });
        let offer = Offer::parse(payload.unwrap_or_default());
        Some(Said::Offer(offer))
    }
}

impl SshParser {
    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn said(&mut self, side: Side, said: Said) {
        match (side, said) {
            (Side::Client, Said::Version(version)) => self.ssh.client = Some(version),
            (Side::Server, Said::Version(version)) => self.ssh.server = Some(version),
            (side, Said::Offer(offer)) => {
                // SSH 1 has another format.
                self.half(side).is_over = true;
                match side {
                    Side::Client => self.ssh.client_offer = offer,
                    Side::Server => self.ssh.server_offer = offer,
                }
            }
        }
    }

    fn report(&mut self, found: &mut Vec<Found>) {
        let ssh = std::mem::take(&mut self.ssh);
        let Some(span) = self.span.filter(|_| ssh != Ssh::default()) else {
            return;
        };
        self.span = None;
        found.push(Found {
            span,
            notes: self.notes,
            content: Content::Ssh(Box::new(ssh)),
        });
    }
}

impl Parser for SshParser {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let half = self.half(side);
        if half.is_over {
            return Next::Continue;
        }
        half.pending.extend_from_slice(bytes);
        let span = self.span.get_or_insert(Span {
            first: at,
            last: at,
        });
        span.last = span.last.max(at);
        while !self.half(side).is_over {
            let Some(said) = self.half(side).next() else {
                break;
            };
            self.said(side, said);
        }
        let half = self.half(side);
        if half.pending.len() > MOST_PENDING {
            half.is_over = true;
            self.notes.add(Note::Limit);
        }
        if self.client.is_over && self.server.is_over {
            self.report(found);
            return Next::Stop;
        }
        Next::Continue
    }

    fn gap(&mut self, side: Side, _: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        self.notes.add(Note::Gap);
        self.half(side).is_over = true;
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        self.report(found);
    }
}

/// RFC 4253, section 6.1.
const MOST_OF_PACKET: usize = 35_000;
const MOST_PENDING: usize = 64 * 1024;

#[cfg(test)]
mod tests;
