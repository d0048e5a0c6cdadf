//! Redis: logins (RESP2, RESP3, and inline commands).
//!
//! Source: Redis documentation, "Redis serialization protocol specification".

mod resp;
#[cfg(test)]
mod tests;

use super::attempts::{Attempt, Attempts, Verdict};
use super::by_side::BySide;
use super::found::{Found, Moment, Note};
use super::login::{Outcome, Secret, Service};
use super::parser::{Next, Parser, Side};
use resp::{Element, Elements, Reply};
use std::collections::VecDeque;

/// Parser of a Redis connection.
#[derive(Debug, Default)]
pub struct Redis {
    sides: BySide<Elements>,
    attempts: Attempts,
    /// The command being sent.
    command: Command,
    /// The reply being sent.
    reply: Reply,
    /// Commands without a reply, in order.
    queue: VecDeque<Expected>,
    /// Whether the client has subscribed to anything: messages may then arrive that answer no
    /// command.
    is_subscribed: bool,
    /// Whether the start of the next command is unknown.
    is_client_lost: bool,
    /// Whether the start of the next reply is unknown until the next command.
    is_server_lost: bool,
    /// Whether the server uses something unsupported.
    is_over: bool,
}

/// Expected replies.
#[derive(Debug)]
enum Expected {
    /// Replies to this many commands that are not logins.
    Others(u64),
    /// Reply to AUTH, or to HELLO with AUTH.
    Login(Box<Attempt>),
}

/// A command, possibly incomplete.
#[derive(Debug, Default)]
struct Command {
    words: Vec<Vec<u8>>,
    first: Moment,
    /// Words still to come.
    missing: u64,
    is_long: bool,
}

impl Redis {
    /// Creates a parser of one connection.
    pub fn new() -> Self {
        Self::default()
    }

    fn client(&mut self, element: Element, at: Moment, found: &mut Vec<Found>) {
        if self.command.missing > 0 {
            self.command.missing -= 1;
            self.command.add(element);
        } else if let Some(count) = element.array_len() {
            self.is_client_lost = false;
            self.command = Command {
                first: element.first,
                missing: count,
                ..Command::default()
            };
        } else {
            self.command = Command::inline(&element);
            let words = ["AUTH", "HELLO", "PING"];
            if self.is_client_lost && !words.iter().any(|it| self.command.is(it)) {
                return;
            }
            self.is_client_lost = false;
        }
        if self.command.missing == 0 && !self.command.words.is_empty() {
            let command = std::mem::take(&mut self.command);
            self.command(command, at, found);
        }
    }

    fn command(&mut self, command: Command, at: Moment, found: &mut Vec<Found>) {
        if std::mem::take(&mut self.is_server_lost) {
            self.sides.server = Elements::default();
            self.reply = Reply::default();
        }
        if let Some(attempt) = command.login() {
            self.attempts.seen(at);
            if self.queue.len() >= QUEUE_LIMIT {
                self.realign(Note::Limit, found);
            }
            self.queue.push_back(Expected::Login(Box::new(attempt)));
            return;
        }
        // Answered by a message for each word; those messages are skipped.
        if SUBSCRIPTIONS.iter().any(|it| command.is(it)) {
            self.is_subscribed = true;
            return;
        }
        match self.queue.back_mut() {
            Some(Expected::Others(count)) => *count += 1,
            _ => self.queue.push_back(Expected::Others(1)),
        }
    }

    fn server(&mut self, element: Element, at: Moment, found: &mut Vec<Found>) {
        match self.reply.add(element) {
            Some(answer) if self.is_subscribed && answer.is_message() => {}
            Some(answer) => self.answer(answer, at, found),
            None => self.is_over = self.reply.is_unknown(),
        }
    }

    fn answer(&mut self, answer: resp::Answer, at: Moment, found: &mut Vec<Found>) {
        match self.queue.front_mut() {
            Some(Expected::Others(count)) if *count > 1 => *count -= 1,
            Some(Expected::Others(_)) => {
                self.queue.pop_front();
            }
            Some(Expected::Login(_)) => {
                if let Some(Expected::Login(attempt)) = self.queue.pop_front() {
                    self.attempts.report(*attempt, verdict(answer), at, found);
                }
            }
            None => {}
        }
    }

    /// Resets the queue when it is unknown which reply answers which command.
    fn realign(&mut self, note: Note, found: &mut Vec<Found>) {
        for expected in std::mem::take(&mut self.queue) {
            if let Expected::Login(mut attempt) = expected {
                attempt.notes.add(note);
                self.attempts.give_up(*attempt, found);
            }
        }
    }
}

impl Command {
    fn inline(element: &Element) -> Self {
        let words = element.text.split(u8::is_ascii_whitespace);
        let words = words.filter(|it| !it.is_empty()).take(WORDS_LIMIT);
        Self {
            words: words.map(|it| unquoted(it).to_vec()).collect(),
            first: element.first,
            missing: 0,
            is_long: element.is_long,
        }
    }

    fn add(&mut self, element: Element) {
        self.is_long |= element.is_long;
        // For other commands, only the name is needed.
        let is_wanted = self.words.is_empty() || self.is("AUTH") || self.is("HELLO");
        if is_wanted && self.words.len() < WORDS_LIMIT {
            self.words.push(element.text);
        }
    }

    fn is(&self, name: &str) -> bool {
        let first = self.words.first();
        first.is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// `AUTH [user] password`, or `HELLO version AUTH user password`.
    fn login(&self) -> Option<Attempt> {
        let (mechanism, user, secret) = match self.words.as_slice() {
            [_, secret] if self.is("AUTH") => ("auth", None, secret),
            [_, user, secret, ..] if self.is("AUTH") => ("auth", Some(user), secret),
            words if self.is("HELLO") => {
                let at = words
                    .iter()
                    .position(|it| it.eq_ignore_ascii_case(b"AUTH"))?;
                ("hello", Some(words.get(at + 1)?), words.get(at + 2)?)
            }
            _ => return None,
        };
        let mut attempt = Attempt::new(Service::Redis, self.first);
        if self.is_long {
            attempt.notes.add(Note::Limit);
        }
        let login = &mut attempt.login;
        login.mechanism = Some(mechanism.to_owned());
        login.user = Some(user.map_or_else(|| b"default".to_vec(), Clone::clone));
        login.secret = Some(Secret::Password(secret.clone()));
        Some(attempt)
    }
}

/// `OK`, the server properties (HELLO), or an error that starts with its code.
fn verdict(answer: resp::Answer) -> Verdict {
    let (outcome, code, message) = match answer.kind {
        b'-' | b'!' => {
            let code = answer
                .text
                .split(|it| *it == b' ')
                .next()
                .unwrap_or_default();
            let code = String::from_utf8_lossy(code).into_owned();
            (Outcome::Failure, Some(code), Some(answer.text))
        }
        b'+' | b'*' | b'%' => (Outcome::Success, Some("OK".to_owned()), None),
        _ => (Outcome::Unknown, None, None),
    };
    Verdict {
        outcome,
        code,
        message,
    }
}

fn unquoted(word: &[u8]) -> &[u8] {
    let inner = |quote: &[u8]| word.strip_prefix(quote)?.strip_suffix(quote);
    inner(b"\"").or_else(|| inner(b"'")).unwrap_or(word)
}

impl Parser for Redis {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        while !self.is_over {
            let elements = match side {
                Side::Client => &mut self.sides.client,
                Side::Server if self.is_server_lost => break,
                Side::Server => &mut self.sides.server,
            };
            let Some(element) = elements.next(&mut rest, at) else {
                break;
            };
            match side {
                Side::Client => self.client(element, at, found),
                Side::Server => self.server(element, at, found),
            }
        }
        if self.is_over {
            self.end(found);
            return Next::Stop;
        }
        Next::Continue
    }

    fn gap(&mut self, side: Side, missing: u64, _: Moment, found: &mut Vec<Found>) -> Next {
        let elements = self.sides.get_mut(side);
        if elements.gap(missing) {
            match side {
                Side::Client => {
                    self.command = Command::default();
                    self.is_client_lost = true;
                }
                Side::Server => self.is_server_lost = true,
            }
            self.realign(Note::Gap, found);
        }
        Next::Continue
    }

    fn skippable(&self, side: Side) -> u64 {
        self.sides.get(side).skippable()
    }

    fn skipped(&mut self, side: Side, len: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        self.sides.get_mut(side).skipped(len);
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        for expected in std::mem::take(&mut self.queue) {
            if let Expected::Login(attempt) = expected {
                self.attempts.give_up(*attempt, found);
            }
        }
    }
}

/// Commands answered by messages instead of replies.
const SUBSCRIPTIONS: [&str; 6] = [
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "SSUBSCRIBE",
    "UNSUBSCRIBE",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
];

/// No login has more words than `HELLO 3 AUTH user password SETNAME name`.
const WORDS_LIMIT: usize = 8;

/// Unanswered logins remembered per connection.
const QUEUE_LIMIT: usize = 1000;
