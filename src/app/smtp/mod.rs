//! SMTP (RFC 5321) and LMTP (RFC 2033): logins and mails.

mod body;
mod mails;
#[cfg(test)]
mod tests;
mod words;

use super::attempts::{Attempts, TLS_HANDSHAKE, Verdict};
use super::found::{Found, Moment, Note};
use super::lines::{Lines, command};
use super::login::{Outcome, Service};
use super::parser::{Next, Parser, Side};
use super::replies::{Replies, Reply};
use super::sasl::Exchange;
use mails::Mails;
use std::collections::VecDeque;

/// Parser of an SMTP or LMTP connection.
#[derive(Debug, Default)]
pub struct Smtp {
    client: Lines,
    server: Replies,
    mails: Mails,
    attempts: Attempts,
    login: Option<Exchange>,
    has_user: bool,
    /// Commands without a final reply, in order.
    queue: VecDeque<Command>,
    /// Whether the server has sent anything.
    is_greeted: bool,
    /// The packet in which TLS was requested.
    tls: Option<Moment>,
    /// Whether DATA was sent, and not refused: lines are then contents of a mail.
    is_body: bool,
    /// Bytes left of a BDAT.
    chunk: u64,
    is_last_chunk: bool,
}

/// A command, for matching replies.
#[derive(Clone, Copy, Debug)]
enum Command {
    Auth,
    Tls,
    /// MAIL or RCPT of this mail.
    Envelope(u32),
    /// DATA.
    Data(u32),
    /// The contents.
    Body(u32),
    Other,
}

impl Smtp {
    /// Creates a parser of one connection.
    pub fn new() -> Self {
        Self::default()
    }

    fn line(&mut self, line: &[u8], first: Moment, at: Moment, found: &mut Vec<Found>) {
        if let Some(exchange) = &mut self.login {
            self.attempts.seen(at);
            if exchange.client(line) {
                self.has_user |= exchange.has_user();
                return;
            }
        }
        let (name, arg) = command(line);
        let expected = match name.as_str() {
            "AUTH" => self.auth(arg, first, found),
            "STARTTLS" => {
                self.tls = Some(first);
                Command::Tls
            }
            "EHLO" | "HELO" | "LHLO" => {
                self.mails.hello(arg, name == "LHLO", at, found);
                Command::Other
            }
            "MAIL" => Command::Envelope(self.mails.from(arg, first, at, found)),
            "RCPT" => self
                .mails
                .to(arg, at)
                .map_or(Command::Other, Command::Envelope),
            "DATA" => {
                self.is_body = true;
                Command::Data(self.mails.data(first, at))
            }
            "BDAT" => {
                self.start_chunk(arg, first, at);
                return;
            }
            "RSET" | "QUIT" => {
                self.mails.abandon(at, found);
                Command::Other
            }
            _ => Command::Other,
        };
        self.expect(expected);
    }

    fn expect(&mut self, command: Command) {
        if self.queue.len() == QUEUE_LIMIT {
            self.realign(Note::Limit);
        }
        self.queue.push_back(command);
    }

    fn auth(&mut self, arg: &[u8], first: Moment, found: &mut Vec<Found>) -> Command {
        if let Some(exchange) = self.login.take() {
            self.attempts.give_up(exchange.attempt, found);
        }
        let exchange = Exchange::new(Service::Smtp, arg, first);
        self.has_user |= exchange.has_user();
        self.login = Some(exchange);
        Command::Auth
    }

    /// Handles BDAT (RFC 3030): the number of bytes that follow, and whether they are the last
    /// ones.
    fn start_chunk(&mut self, arg: &[u8], first: Moment, at: Moment) {
        let mut words = arg.split(|it| *it == b' ').filter(|it| !it.is_empty());
        let len = words.next().and_then(|it| std::str::from_utf8(it).ok());
        self.chunk = len.and_then(|it| it.parse().ok()).unwrap_or(0);
        self.is_last_chunk = words
            .next()
            .is_some_and(|it| it.eq_ignore_ascii_case(b"LAST"));
        self.mails.data(first, at);
        if self.chunk == 0 {
            self.end_chunk(at);
        }
    }

    fn end_chunk(&mut self, at: Moment) {
        let command = if self.is_last_chunk {
            Command::Body(self.mails.end_body(at))
        } else {
            Command::Other
        };
        self.expect(command);
    }

    fn chunk(&mut self, bytes: &mut &[u8], at: Moment) {
        let len = usize::try_from(self.chunk).unwrap_or(usize::MAX);
        let (chunk, rest) = bytes.split_at(len.min(bytes.len()));
        *bytes = rest;
        self.chunk -= chunk.len() as u64;
        self.mails.chunk(chunk, at);
        if self.chunk == 0 {
            self.end_chunk(at);
        }
    }

    fn body_line(&mut self, line: &[u8], len: u64, at: Moment) {
        if line == b"." {
            self.is_body = false;
            let id = self.mails.end_body(at);
            self.expect(Command::Body(id));
        } else {
            self.mails.line(line, len, at);
        }
    }

    fn reply(&mut self, reply: Reply, at: Moment, found: &mut Vec<Found>) {
        let is_greeting = !std::mem::replace(&mut self.is_greeted, true);
        if is_greeting && [220, 421, 554].contains(&reply.code) {
            return;
        }
        let command = self.queue.front().copied();
        match command {
            Some(Command::Auth) | None => {
                if self.auth_reply(&reply, at, found) {
                    return;
                }
            }
            Some(Command::Tls) if reply.code >= 400 => self.tls = None,
            Some(Command::Data(id)) => {
                if reply.code != 354 {
                    self.is_body = false;
                    self.mails.refused(id, reply, at);
                }
            }
            Some(Command::Envelope(id)) => self.mails.envelope(id, reply, at, found),
            Some(Command::Body(id)) => {
                // LMTP replies once per recipient.
                if self.mails.body_reply(id, reply, at, found) {
                    return;
                }
            }
            Some(Command::Tls | Command::Other) => {}
        }
        self.queue.pop_front();
    }

    /// Handles a reply within an AUTH exchange. Returns whether another one follows.
    fn auth_reply(&mut self, reply: &Reply, at: Moment, found: &mut Vec<Found>) -> bool {
        let Some(exchange) = &mut self.login else {
            return false;
        };
        self.attempts.seen(at);
        let outcome = match reply.code {
            235 => Outcome::Success,
            400.. => Outcome::Failure,
            334 => {
                exchange.server(&reply.text);
                return true;
            }
            _ => return false,
        };
        let verdict = Verdict {
            outcome,
            code: Some(reply.code.to_string()),
            message: Some(reply.text.clone()),
        };
        if let Some(exchange) = self.login.take() {
            self.attempts.report(exchange.attempt, verdict, at, found);
        }
        false
    }

    /// Resets the queue when it is unknown which reply answers which command.
    fn realign(&mut self, note: Note) {
        self.queue.clear();
        self.mails.realign(note);
        if let Some(exchange) = &mut self.login {
            exchange.attempt.notes.add(note);
        }
    }

    fn is_tls(&self, side: Side, bytes: &[u8]) -> bool {
        let is_at_start = match side {
            Side::Client => self.client.is_at_start() && self.chunk == 0,
            Side::Server => self.server.is_at_start(),
        };
        self.tls.is_some() && is_at_start && bytes.first() == Some(&TLS_HANDSHAKE)
    }

    fn client(&mut self, bytes: &mut &[u8], at: Moment, found: &mut Vec<Found>) -> bool {
        if self.chunk > 0 {
            self.chunk(bytes, at);
            return !bytes.is_empty();
        }
        let Some(line) = self.client.next(bytes, at) else {
            return false;
        };
        if self.is_body {
            self.body_line(&line.text, line.len, at);
        } else {
            self.line(&line.text, line.first, at, found);
        }
        true
    }
}

impl Parser for Smtp {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        loop {
            if self.is_tls(side, rest) {
                if let (false, Some(asked)) = (self.has_user, self.tls) {
                    self.attempts.encrypted(Service::Smtp, asked, at, found);
                }
                self.end(found);
                return Next::RecognizeAfter(bytes.len() - rest.len());
            }
            let has_more = match side {
                Side::Client => self.client(&mut rest, at, found),
                Side::Server => match self.server.next(&mut rest, at) {
                    Some(reply) => {
                        self.reply(reply, at, found);
                        true
                    }
                    None => false,
                },
            };
            if !has_more {
                return Next::Continue;
            }
        }
    }

    fn gap(&mut self, side: Side, missing: u64, at: Moment, _: &mut Vec<Found>) -> Next {
        if side == Side::Client && self.chunk > 0 {
            let inside = missing.min(self.chunk);
            self.mails.gap(inside, at);
            self.chunk -= inside;
            if self.chunk == 0 {
                self.end_chunk(at);
            }
            if inside == missing {
                return Next::Continue;
            }
        }
        let is_lost = match side {
            // The mail continues to its end.
            Side::Client if self.is_body => {
                let lost = missing.saturating_add(self.client.partial_len());
                self.client.gap(missing);
                self.mails.gap(lost, at);
                false
            }
            Side::Client => self.client.gap(missing),
            Side::Server => self.server.gap(missing),
        };
        if is_lost {
            self.is_greeted = true;
            self.realign(Note::Gap);
        }
        Next::Continue
    }

    fn skippable(&self, side: Side) -> u64 {
        match side {
            Side::Client if self.mails.is_header_over() => self.chunk,
            _ => 0,
        }
    }

    fn skipped(&mut self, side: Side, len: u64, at: Moment, _: &mut Vec<Found>) -> Next {
        if side == Side::Client {
            self.mails.skipped(len, at);
            self.chunk = self.chunk.saturating_sub(len);
            if self.chunk == 0 {
                self.end_chunk(at);
            }
        }
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        if let Some(exchange) = self.login.take() {
            self.attempts.give_up(exchange.attempt, found);
        }
        self.mails.end(found);
    }
}

/// Unanswered commands remembered per connection.
const QUEUE_LIMIT: usize = 1000;
