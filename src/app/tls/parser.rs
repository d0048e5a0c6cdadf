//! Parser of TLS handshakes.

use super::certificate::certificates;
use super::messages::{Messages, Said};
use super::{ClientHello, ServerHello, Tls};
use crate::app::found::{Content, Found, Moment, Note, Notes, Span};
use crate::app::parser::{Next, Parser, Side};

/// Parser of a handshake over TCP. The encrypted rest of the connection is not read.
#[derive(Debug, Default)]
pub struct TlsParser {
    tls: Tls,
    client: Messages,
    server: Messages,
    span: Option<Span>,
    notes: Notes,
    is_reported: bool,
}

impl TlsParser {
    fn said(&mut self, side: Side, said: Said) -> bool {
        match said {
            Said::Message(CLIENT_HELLO, body) if self.tls.client.is_none() => {
                self.tls.client = ClientHello::parse(&body);
                self.expect(self.tls.client.is_some());
            }
            Said::OldHello(body) if self.tls.client.is_none() => {
                self.tls.client = ClientHello::parse_old(&body);
                self.expect(self.tls.client.is_some());
            }
            Said::Message(SERVER_HELLO, body) => return self.server_hello(&body),
            Said::Message(CERTIFICATE, body) if side == Side::Server => {
                if self.tls.certificates.is_empty() {
                    self.tls.certificates = certificates(&body);
                }
            }
            Said::Alert(description) => {
                self.tls.alert.get_or_insert(description);
            }
            // Not before, as the client may refuse the certificate by an alert.
            Said::Encrypts => return side == Side::Server && self.tls.server.is_some(),
            Said::TooLong => self.notes.add(Note::Limit),
            Said::Message(..) | Said::OldHello(_) => {}
        }
        false
    }

    /// Handles a ServerHello. Returns whether nothing more of the handshake can be seen.
    fn server_hello(&mut self, body: &[u8]) -> bool {
        let hello = ServerHello::parse(body);
        self.expect(hello.is_some());
        let Some(hello) = hello else { return false };
        if hello.is_retry {
            self.tls.hello_retry = true;
            self.tls.server.get_or_insert(hello);
            return false;
        }
        let is_encrypted =
            (0x0304..0x0400).contains(&hello.version()) || hello.version() >> 8 == 0x7f;
        self.tls.server.get_or_insert(hello);
        is_encrypted
    }

    fn expect(&mut self, is_right: bool) {
        if !is_right {
            self.notes.add(Note::Malformed);
        }
    }

    fn report(&mut self, found: &mut Vec<Found>) {
        let is_empty = self.tls.client.is_none() && self.tls.server.is_none();
        let Some(span) = self.span.filter(|_| !self.is_reported && !is_empty) else {
            return;
        };
        // An apparent SSL 2 hello only counts if it is answered.
        if self.tls.client.as_ref().is_some_and(|it| it.is_old) && self.tls.server.is_none() {
            return;
        }
        self.is_reported = true;
        match (&self.tls.client, &self.tls.server) {
            (None, _) => self.notes.add(Note::NoRequest),
            (_, None) => self.notes.add(Note::NoResponse),
            _ => {}
        }
        found.push(Found {
            span,
            notes: self.notes,
            content: Content::Tls(Box::new(std::mem::take(&mut self.tls))),
        });
    }
}

impl Parser for TlsParser {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let messages = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        if messages.is_over {
            return Next::Continue;
        }
        let mut said = Vec::new();
        messages.read(bytes, &mut said);
        let span = self.span.get_or_insert(Span {
            first: at,
            last: at,
        });
        span.last = span.last.max(at);
        let mut is_over = false;
        for it in said {
            is_over |= self.said(side, it);
        }
        let both = self.client.is_over && self.server.is_over;
        if is_over || both {
            self.report(found);
            return Next::Stop;
        }
        Next::Continue
    }

    fn gap(&mut self, side: Side, _: u64, _: Moment, found: &mut Vec<Found>) -> Next {
        self.notes.add(Note::Gap);
        match side {
            Side::Client => self.client.is_over = true,
            Side::Server => self.server.is_over = true,
        }
        if self.client.is_over && self.server.is_over
            || side == Side::Server && self.tls.server.is_some()
        {
            self.report(found);
            return Next::Stop;
        }
        Next::Continue
    }

    fn closed(&mut self, side: Side, _: Moment, found: &mut Vec<Found>) {
        if side == Side::Server {
            self.report(found);
        }
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        self.report(found);
    }
}

/// Message types (RFC 8446, section 4; RFC 5246, section 7.4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
