//! POP3 (RFC 1939, RFC 2595, RFC 5034): logins.

#[cfg(test)]
mod tests;

use super::attempts::{TLS_HANDSHAKE, Verdict};
use super::found::{Found, Moment, Note};
use super::lines::{Lines, command};
use super::login::{Outcome, Service};
use super::parser::{Next, Parser, Side};
use super::sasl::{Exchange, digest_of_hex};
use super::user_pass::UserPass;
use std::collections::VecDeque;

/// Parser of a POP3 connection, until a user is logged in.
#[derive(Debug)]
pub struct Pop3 {
    client: Lines,
    server: Lines,
    logins: UserPass,
    exchange: Option<Exchange>,
    has_user: bool,
    /// Commands without a reply, in order.
    queue: VecDeque<Command>,
    /// Whether the server has sent anything.
    is_greeted: bool,
    /// The greeting's challenge for APOP.
    challenge: Option<Vec<u8>>,
    /// Whether the current reply continues until a line with a dot.
    is_long_reply: bool,
    /// The packet in which TLS was requested.
    tls: Option<Moment>,
    /// Whether a user is logged in.
    is_over: bool,
}

/// A command, for matching replies.
#[derive(Clone, Copy, Debug)]
enum Command {
    User(u32),
    /// PASS or APOP.
    Password(u32),
    /// AUTH.
    Exchange,
    /// STLS.
    Tls,
    /// A command whose successful reply has several lines.
    Long,
    Other,
}

impl Pop3 {
    /// Creates a parser of one connection.
    pub fn new() -> Self {
        Self {
            client: Lines::default(),
            server: Lines::default(),
            logins: UserPass::new(Service::Pop3),
            exchange: None,
            has_user: false,
            queue: VecDeque::new(),
            is_greeted: false,
            challenge: None,
            is_long_reply: false,
            tls: None,
            is_over: false,
        }
    }

    fn command(&mut self, line: &[u8], first: Moment, at: Moment, found: &mut Vec<Found>) {
        self.logins.seen(at);
        if let Some(exchange) = &mut self.exchange
            && exchange.client(line)
        {
            self.logins.attempts.seen(at);
            self.has_user |= exchange.has_user();
            return;
        }
        let (name, arg) = command(line);
        let expected = match name.as_str() {
            "USER" => Command::User(self.logins.user(arg, first, found)),
            "PASS" => Command::Password(self.logins.password(arg, first, found)),
            "APOP" => self.apop(arg, first, found),
            "AUTH" if !arg.trim_ascii().is_empty() => self.auth(arg, first, found),
            "STLS" => {
                self.tls = Some(first);
                Command::Tls
            }
            "LIST" | "UIDL" if !arg.trim_ascii().is_empty() => Command::Other,
            "AUTH" | "CAPA" | "LIST" | "UIDL" | "RETR" | "TOP" => Command::Long,
            _ => Command::Other,
        };
        if self.queue.len() == QUEUE_LIMIT {
            self.realign(Note::Limit);
        }
        self.queue.push_back(expected);
    }

    /// The user and a digest in hexadecimal digits.
    fn apop(&mut self, arg: &[u8], first: Moment, found: &mut Vec<Found>) -> Command {
        let mut words = arg.splitn(2, |it| *it == b' ');
        let id = self
            .logins
            .user(words.next().unwrap_or_default(), first, found);
        if let Some(login) = self.logins.login(id) {
            login.mechanism = Some("apop".to_owned());
            login.secret = words.next().map(|it| digest_of_hex(it.trim_ascii()));
            login.challenge.clone_from(&self.challenge);
        }
        Command::Password(id)
    }

    fn auth(&mut self, arg: &[u8], first: Moment, found: &mut Vec<Found>) -> Command {
        if let Some(exchange) = self.exchange.take() {
            self.logins.attempts.give_up(exchange.attempt, found);
        }
        let exchange = Exchange::new(Service::Pop3, arg, first);
        self.has_user |= exchange.has_user();
        self.exchange = Some(exchange);
        Command::Exchange
    }

    fn line(&mut self, line: &[u8], at: Moment, found: &mut Vec<Found>) {
        if self.is_long_reply {
            self.is_long_reply = line != b".";
            return;
        }
        let (is_good, text) = match (line.strip_prefix(b"+OK"), line.strip_prefix(b"-ERR")) {
            (Some(text), _) => (true, text),
            (None, Some(text)) => (false, text),
            (None, None) => {
                if let (Some(text), Some(exchange)) = (line.strip_prefix(b"+"), &mut self.exchange)
                {
                    self.logins.attempts.seen(at);
                    exchange.server(text);
                }
                return;
            }
        };
        self.logins.seen(at);
        if !std::mem::replace(&mut self.is_greeted, true) && self.queue.is_empty() {
            self.challenge = challenge(text);
            return;
        }
        self.reply(is_good, text.trim_ascii(), at, found);
    }

    fn reply(&mut self, is_good: bool, text: &[u8], at: Moment, found: &mut Vec<Found>) {
        let (outcome, code) = if is_good {
            (Outcome::Success, "+OK")
        } else {
            (Outcome::Failure, "-ERR")
        };
        let verdict = Verdict {
            outcome,
            code: Some(code.to_owned()),
            message: (!text.is_empty()).then(|| text.to_vec()),
        };
        match self.queue.pop_front() {
            // The password follows.
            Some(Command::User(id)) if is_good => self.logins.reply(id, None, at, found),
            Some(Command::User(id)) => self.logins.reply(id, Some(verdict), at, found),
            Some(Command::Password(id)) => {
                self.logins.reply(id, Some(verdict), at, found);
                self.is_over = is_good;
            }
            Some(Command::Exchange) => {
                if let Some(exchange) = self.exchange.take() {
                    self.logins
                        .attempts
                        .report(exchange.attempt, verdict, at, found);
                    self.is_over = is_good;
                }
            }
            Some(Command::Tls) if !is_good => self.tls = None,
            Some(Command::Long) => self.is_long_reply = is_good,
            Some(Command::Tls | Command::Other) | None => {}
        }
    }

    /// Resets the queue when it is unknown which reply answers which command.
    fn realign(&mut self, note: Note) {
        self.queue.clear();
        self.is_long_reply = false;
        self.logins.realign(note);
    }

    fn is_tls(&self, side: Side, bytes: &[u8]) -> bool {
        let lines = match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        };
        self.tls.is_some() && lines.is_at_start() && bytes.first() == Some(&TLS_HANDSHAKE)
    }
}

impl Default for Pop3 {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser for Pop3 {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        loop {
            if self.is_over {
                self.end(found);
                return Next::Stop;
            }
            if self.is_tls(side, rest) {
                if !self.has_user {
                    self.logins.encrypted(self.tls, at, found);
                }
                self.end(found);
                return Next::RecognizeAfter(bytes.len() - rest.len());
            }
            let lines = match side {
                Side::Client => &mut self.client,
                Side::Server => &mut self.server,
            };
            let Some(line) = lines.next(&mut rest, at) else {
                return Next::Continue;
            };
            match side {
                Side::Client => self.command(&line.text, line.first, at, found),
                Side::Server => self.line(&line.text, at, found),
            }
        }
    }

    fn gap(&mut self, side: Side, missing: u64, _: Moment, found: &mut Vec<Found>) -> Next {
        let lines = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        lines.gap(missing);
        self.is_greeted = true;
        // Replies have no codes, so an unmatched one decides nothing.
        self.realign(Note::Gap);
        if let Some(mut exchange) = self.exchange.take() {
            exchange.attempt.notes.add(Note::Gap);
            self.logins.attempts.give_up(exchange.attempt, found);
        }
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        if let Some(exchange) = self.exchange.take() {
            self.logins.attempts.give_up(exchange.attempt, found);
        }
        self.logins.end(found);
    }
}

/// The timestamp in a greeting, with its brackets (RFC 1939, section 7).
fn challenge(greeting: &[u8]) -> Option<Vec<u8>> {
    let start = greeting.iter().rposition(|it| *it == b'<')?;
    let rest = greeting.get(start..)?;
    let end = rest.iter().position(|it| *it == b'>')?;
    Some(rest.get(..=end)?.to_vec())
}

/// Unanswered commands remembered per connection.
const QUEUE_LIMIT: usize = 1000;
