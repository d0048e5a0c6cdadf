//! IMAP (RFC 9051, RFC 3501): logins.

mod commands;
#[cfg(test)]
mod tests;

use super::attempts::{Attempt, Attempts, TLS_HANDSHAKE, Verdict};
use super::found::{Found, Moment, Note};
use super::lines::Lines;
use super::login::{Outcome, Secret, Service};
use super::parser::{Next, Parser, Side};
use super::sasl::Exchange;
use commands::{Command, Commands, words};

/// Parser of an IMAP connection, until a user is logged in.
#[derive(Debug, Default)]
pub struct Imap {
    client: Commands,
    server: Lines,
    attempts: Attempts,
    /// The pending AUTHENTICATE, with its tag.
    exchange: Option<(Vec<u8>, Exchange)>,
    /// Pending LOGIN commands, with their tags.
    logins: Vec<(Vec<u8>, Attempt)>,
    /// The pending STARTTLS: its tag, and its packet.
    tls: Option<(Vec<u8>, Moment)>,
    has_user: bool,
    /// Whether a user is logged in.
    is_over: bool,
}

impl Imap {
    /// Creates a parser of one connection.
    pub fn new() -> Self {
        Self::default()
    }

    fn command(&mut self, command: &Command, at: Moment, found: &mut Vec<Found>) {
        if let Some((_, exchange)) = &mut self.exchange
            && exchange.client(&command.text)
        {
            self.attempts.seen(at);
            self.has_user |= exchange.has_user();
            return;
        }
        let mut words = words(&command.text);
        let (Some(tag), Some(name)) = (words.next(), words.next()) else {
            return;
        };
        match name.to_ascii_uppercase().as_slice() {
            b"LOGIN" => {
                self.attempts.seen(at);
                let mut attempt = Attempt::new(Service::Imap, command.first);
                attempt.login.mechanism = Some("login".to_owned());
                attempt.login.user = words.next();
                attempt.login.secret = words.next().map(Secret::Password);
                if command.is_long {
                    attempt.notes.add(Note::Limit);
                }
                self.has_user = true;
                if self.logins.len() == LIMIT {
                    self.attempts.give_up(self.logins.remove(0).1, found);
                }
                self.logins.push((tag, attempt));
            }
            b"AUTHENTICATE" => {
                self.attempts.seen(at);
                if let Some((_, exchange)) = self.exchange.take() {
                    self.attempts.give_up(exchange.attempt, found);
                }
                let arg = words.collect::<Vec<_>>().join(&b' ');
                let exchange = Exchange::new(Service::Imap, &arg, command.first);
                self.has_user |= exchange.has_user();
                self.exchange = Some((tag, exchange));
            }
            b"STARTTLS" => self.tls = Some((tag, command.first)),
            _ => {}
        }
    }

    fn line(&mut self, line: &[u8], at: Moment, found: &mut Vec<Found>) {
        if let Some(len) = commands::literal(line) {
            self.server.skip(len.len);
        }
        let mut words = line.splitn(3, |it| *it == b' ');
        let (tag, status) = (words.next().unwrap_or_default(), words.next());
        if tag == b"+" {
            if let Some((_, exchange)) = &mut self.exchange {
                self.attempts.seen(at);
                exchange.server(line.get(2..).unwrap_or_default());
            }
            return;
        }
        let status = status.unwrap_or_default().to_ascii_uppercase();
        let (outcome, code) = match status.as_slice() {
            b"OK" => (Outcome::Success, "OK"),
            b"NO" => (Outcome::Failure, "NO"),
            b"BAD" => (Outcome::Failure, "BAD"),
            _ => return,
        };
        self.client.answered(tag);
        if self.tls.as_ref().is_some_and(|it| it.0 == tag) && outcome == Outcome::Failure {
            self.tls = None;
        }
        if let Some(attempt) = self.take(tag) {
            let verdict = Verdict {
                outcome,
                code: Some(code.to_owned()),
                message: words.next().map(<[u8]>::to_vec),
            };
            self.attempts.report(attempt, verdict, at, found);
            self.is_over = outcome == Outcome::Success;
        }
    }

    /// Removes the login with a tag.
    fn take(&mut self, tag: &[u8]) -> Option<Attempt> {
        if let Some((_, exchange)) = self.exchange.take_if(|it| it.0 == tag) {
            return Some(exchange.attempt);
        }
        let index = self.logins.iter().position(|it| it.0 == tag)?;
        Some(self.logins.remove(index).1)
    }

    fn is_tls(&self, side: Side, bytes: &[u8]) -> bool {
        let is_at_start = match side {
            Side::Client => self.client.is_at_start(),
            Side::Server => self.server.is_at_start(),
        };
        self.tls.is_some() && is_at_start && bytes.first() == Some(&TLS_HANDSHAKE)
    }
}

impl Parser for Imap {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        loop {
            if self.is_over {
                self.end(found);
                return Next::Stop;
            }
            if self.is_tls(side, rest) {
                if let (false, Some((_, asked))) = (self.has_user, &self.tls) {
                    self.attempts.encrypted(Service::Imap, *asked, at, found);
                }
                self.end(found);
                return Next::RecognizeAfter(bytes.len() - rest.len());
            }
            match side {
                Side::Client => {
                    let Some(command) = self.client.next(&mut rest, at) else {
                        return Next::Continue;
                    };
                    self.command(&command, at, found);
                }
                Side::Server => {
                    let Some(line) = self.server.next(&mut rest, at) else {
                        return Next::Continue;
                    };
                    self.line(&line.text, at, found);
                }
            }
        }
    }

    fn gap(&mut self, side: Side, missing: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        let is_lost = match side {
            Side::Client => self.client.gap(missing),
            Side::Server => self.server.gap(missing),
        };
        // Tags match replies to commands, so nothing needs to be realigned.
        if is_lost {
            for (_, attempt) in &mut self.logins {
                attempt.notes.add(Note::Gap);
            }
            if let Some((_, exchange)) = &mut self.exchange {
                exchange.attempt.notes.add(Note::Gap);
            }
        }
        Next::Continue
    }

    fn skippable(&self, side: Side) -> u64 {
        match side {
            Side::Client => self.client.skippable(),
            Side::Server => self.server.skippable(),
        }
    }

    fn skipped(&mut self, side: Side, len: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        match side {
            Side::Client => self.client.skipped(len),
            Side::Server => self.server.skipped(len),
        }
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        for (_, attempt) in std::mem::take(&mut self.logins) {
            self.attempts.give_up(attempt, found);
        }
        if let Some((_, exchange)) = self.exchange.take() {
            self.attempts.give_up(exchange.attempt, found);
        }
    }
}

/// Unanswered logins remembered at a time.
const LIMIT: usize = 16;
