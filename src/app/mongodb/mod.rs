//! MongoDB: logins.
//!
//! Source: MongoDB manual, "MongoDB Wire Protocol"; MongoDB specifications, "Authentication".

mod bson;
mod message;
#[cfg(test)]
mod tests;

use super::attempts::{Attempt, Attempts, Verdict};
use super::by_side::BySide;
use super::found::{Found, Moment, Note};
use super::login::{Login, Outcome, Secret, Service};
use super::messages::Messages;
use super::parser::{Next, Parser, Side};
use super::sasl::digest_of_hex;
use super::scram;
use bson::{Document, Value};
use message::{Message, measure, parse};

/// Parser of a MongoDB connection.
#[derive(Debug, Default)]
pub struct Mongodb {
    sides: BySide<Messages>,
    attempts: Attempts,
    pending: Option<Pending>,
    is_over: bool,
}

#[derive(Debug)]
struct Pending {
    attempt: Attempt,
    kind: Kind,
    /// Id of the unanswered request.
    request: u32,
    /// Whether the login came within another command, which the server may have ignored.
    is_speculative: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scram,
    Plain,
    /// One command and one reply.
    Single,
    Other,
}

impl Mongodb {
    /// Creates a parser of one connection.
    pub fn new() -> Self {
        Self::default()
    }

    fn request(
        &mut self,
        message: &Message<'_>,
        at: Moment,
        first: Moment,
        found: &mut Vec<Found>,
    ) {
        for document in message.documents() {
            let speculative = document.get("speculativeAuthenticate");
            let (command, is_speculative) = match speculative {
                Some(Value::Document(inner)) => (inner, true),
                _ => (document, false),
            };
            if command.get("saslContinue").is_some() {
                self.go_on(&command, message.request, at);
            } else if let Some((login, kind)) = start(&command, &document, message.database) {
                if let Some(pending) = self.pending.take() {
                    self.attempts.give_up(pending.attempt, found);
                }
                let mut attempt = Attempt::new(Service::Mongodb, first);
                attempt.login = login;
                self.attempts.seen(at);
                self.pending = Some(Pending {
                    attempt,
                    kind,
                    request: message.request,
                    is_speculative,
                });
            }
        }
    }

    fn go_on(&mut self, command: &Document<'_>, request: u32, at: Moment) {
        if let Some(pending) = &mut self.pending {
            pending.request = request;
            self.attempts.seen(at);
            if let (Kind::Scram, Some(payload)) = (pending.kind, command.bytes("payload")) {
                scram::client_final(payload, &mut pending.attempt.login);
            }
        }
    }

    fn answer(&mut self, message: &Message<'_>, at: Moment, found: &mut Vec<Found>) {
        let is_awaited = |it: &mut Pending| it.request == message.response_to;
        let Some(mut pending) = self.pending.take_if(is_awaited) else {
            return;
        };
        let Some(document) = message.documents().next() else {
            self.pending = Some(pending);
            return;
        };
        let answer = match document.get("speculativeAuthenticate") {
            Some(Value::Document(inner)) if pending.is_speculative => inner,
            // The server ignored it: the client begins again.
            _ if pending.is_speculative => return,
            _ => document,
        };
        pending.is_speculative = false;
        self.attempts.seen(at);
        let is_ok = document.get("ok").is_none_or(|it| it.is_true());
        let is_done = answer.get("done").is_some_and(|it| it.is_true());
        if !is_ok {
            let verdict = failure(&document);
            self.attempts.report(pending.attempt, verdict, at, found);
        } else if is_done || pending.kind == Kind::Single {
            self.attempts.report(pending.attempt, success(), at, found);
        } else {
            let has_proof = pending.attempt.login.secret.is_some();
            if let (Kind::Scram, false, Some(payload)) =
                (pending.kind, has_proof, answer.bytes("payload"))
            {
                scram::server_first(payload, &mut pending.attempt.login);
            }
            self.pending = Some(pending);
        }
    }
}

fn success() -> Verdict {
    Verdict {
        outcome: Outcome::Success,
        code: Some("0".to_owned()),
        message: None,
    }
}

fn failure(document: &Document<'_>) -> Verdict {
    Verdict {
        outcome: Outcome::Failure,
        code: document
            .get("code")
            .and_then(|it| it.integer())
            .map(|it| it.to_string()),
        message: document.text("errmsg").map(<[u8]>::to_vec),
    }
}

/// Handles a command that begins a login.
fn start(
    command: &Document<'_>,
    outer: &Document<'_>,
    database: Option<&[u8]>,
) -> Option<(Login, Kind)> {
    let mut login = Login::new(Service::Mongodb);
    let kind = if command.get("saslStart").is_some() {
        sasl(command, &mut login)
    } else if command.get("authenticate").is_some() {
        single(command, &mut login)?
    } else {
        return None;
    };
    let named = command.text("$db").or_else(|| command.text("db"));
    let named = named.or_else(|| outer.text("$db")).or(database);
    login.database = named.filter(|it| !it.is_empty()).map(<[u8]>::to_vec);
    Some((login, kind))
}

fn sasl(command: &Document<'_>, login: &mut Login) -> Kind {
    let mechanism = command.text("mechanism").unwrap_or_default();
    let mechanism = String::from_utf8_lossy(mechanism).to_ascii_lowercase();
    let payload = command.bytes("payload").unwrap_or_default();
    let kind = match mechanism.as_str() {
        "plain" => {
            plain(payload, login);
            Kind::Plain
        }
        name if name.starts_with("scram-") => {
            scram::client_first(payload, login);
            Kind::Scram
        }
        _ => Kind::Other,
    };
    login.mechanism = Some(mechanism);
    kind
}

/// MONGODB-CR, with a key in hexadecimal digits, or MONGODB-X509, with a certificate.
fn single(command: &Document<'_>, login: &mut Login) -> Option<Kind> {
    let mechanism = command.text("mechanism").unwrap_or(b"mongodb-cr");
    login.mechanism = Some(String::from_utf8_lossy(mechanism).to_ascii_lowercase());
    login.user = command.text("user").map(<[u8]>::to_vec);
    login.secret = command.text("key").map(digest_of_hex);
    login.challenge = command.text("nonce").map(<[u8]>::to_vec);
    // Replica sets use a command of this name for other purposes.
    (login.user.is_some() || command.get("mechanism").is_some()).then_some(Kind::Single)
}

fn plain(payload: &[u8], login: &mut Login) {
    let mut parts = payload.splitn(3, |it| *it == 0).skip(1);
    login.user = parts.next().map(<[u8]>::to_vec);
    login.secret = parts.next().map(|it| Secret::Password(it.to_vec()));
}

impl Parser for Mongodb {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        while !self.is_over {
            let messages = self.sides.get_mut(side);
            let Some(next) = messages.next(&mut rest, at, measure) else {
                return Next::Continue;
            };
            let Some(message) = parse(&next.bytes) else {
                self.is_over = true;
                break;
            };
            match side {
                Side::Client => self.request(&message, at, next.first, found),
                Side::Server => self.answer(&message, at, found),
            }
        }
        self.end(found);
        Next::Stop
    }

    fn gap(&mut self, side: Side, missing: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        let messages = self.sides.get_mut(side);
        if messages.gap(missing) {
            // If no message starts after the gap, parsing ends there.
            *messages = Messages::default();
            if let Some(pending) = &mut self.pending {
                pending.attempt.notes.add(Note::Gap);
            }
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
        if let Some(pending) = self.pending.take() {
            self.attempts.give_up(pending.attempt, found);
        }
    }
}
