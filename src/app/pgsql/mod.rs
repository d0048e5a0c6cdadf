//! PostgreSQL: the login of a connection.
//!
//! Source: PostgreSQL documentation, "Frontend/Backend Protocol", version 3.

mod startup;
#[cfg(test)]
mod tests;

use super::attempts::{Attempt, Attempts, Verdict};
use super::by_side::BySide;
use super::fields::Fields;
use super::found::{Found, Moment, Note};
use super::login::{Outcome, Secret, Service};
use super::messages::{Measure, Message, Messages};
use super::parser::{Next, Parser, Side};
use super::scram;
use startup::Startup;

/// Parser of a connection's login. Nothing after the login is read.
#[derive(Debug, Default)]
pub struct Pgsql {
    sides: BySide<Messages>,
    attempts: Attempts,
    pending: Option<Attempt>,
    phase: Phase,
    /// Encryption requests not yet answered. Each answer is one byte.
    unanswered: u32,
    method: Method,
    /// Whether the server has accepted the user. An error may still follow.
    is_accepted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// The client has sent no user.
    #[default]
    Start,
    /// The client requested encryption in this packet.
    Encrypting(Moment),
    /// The client has sent a user.
    Login,
    /// Nothing more can be found.
    Over,
}

/// Requested proof of identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Method {
    #[default]
    Unknown,
    Cleartext,
    Md5,
    /// SCRAM.
    Sasl,
    /// Kerberos, GSSAPI or SSPI, all opaque.
    Token,
}

impl Pgsql {
    /// Creates a parser of a connection seen from its start.
    pub fn new() -> Self {
        Self::default()
    }

    fn client(&mut self, message: &Message<'_>, at: Moment, found: &mut Vec<Found>) {
        if self.phase == Phase::Login {
            self.attempts.seen(at);
            return self.password(&message.bytes);
        }
        match startup::startup(&message.bytes) {
            Some(Startup::Encryption) => {
                self.unanswered = self.unanswered.saturating_add(1);
                self.phase = Phase::Encrypting(message.first);
            }
            Some(Startup::Login { user, database }) => {
                let mut attempt = Attempt::new(Service::Pgsql, message.first);
                attempt.login.database = database.or_else(|| user.clone());
                attempt.login.user = user;
                attempt.login.mechanism = Some("none".to_owned());
                self.pending = Some(attempt);
                self.phase = Phase::Login;
            }
            Some(Startup::Cancel) => self.phase = Phase::Over,
            None => self.not_startup(at, found),
        }
    }

    /// Handles bytes after an accepted GSSENCRequest, or of another protocol.
    fn not_startup(&mut self, at: Moment, found: &mut Vec<Found>) {
        if let Phase::Encrypting(asked) = self.phase {
            self.attempts.encrypted(Service::Pgsql, asked, at, found);
        }
        self.phase = Phase::Over;
    }

    /// Handles a message of the client after its user.
    fn password(&mut self, bytes: &[u8]) {
        let Some(attempt) = &mut self.pending else {
            return;
        };
        let Some((&PASSWORD, payload)) = bytes.split_first() else {
            return;
        };
        let login = &mut attempt.login;
        let payload = payload.get(LEN_LEN..).unwrap_or_default();
        let text = payload.split(|it| *it == 0).next().unwrap_or_default();
        match self.method {
            Method::Cleartext => login.secret = Some(Secret::Password(text.to_vec())),
            Method::Md5 => login.secret = Some(Secret::Message(text.to_vec())),
            Method::Sasl => {
                if scram::client_final(payload, login) {
                    return;
                }
                if let Some((mechanism, data)) = sasl_initial(payload) {
                    login.mechanism = Some(mechanism);
                    scram::client_first(data, login);
                }
            }
            Method::Token => {}
            // The server side was not captured.
            Method::Unknown if scram::client_final(payload, login) => {}
            Method::Unknown if text.starts_with(b"SCRAM-") => {
                self.method = Method::Sasl;
                self.password(bytes);
            }
            Method::Unknown if is_md5(text) => login.secret = Some(Secret::Message(text.to_vec())),
            Method::Unknown => login.secret = Some(Secret::Password(text.to_vec())),
        }
    }

    fn server(&mut self, bytes: &[u8], at: Moment, found: &mut Vec<Found>) {
        let Some((kind, rest)) = bytes.split_first() else {
            return;
        };
        if bytes.len() == 1 {
            self.unanswered = self.unanswered.saturating_sub(1);
            return;
        }
        let payload = rest.get(LEN_LEN..).unwrap_or_default();
        self.attempts.seen(at);
        match *kind {
            AUTHENTICATION => self.authentication(payload),
            ERROR => {
                let error = startup::error(payload);
                let verdict = Verdict {
                    outcome: Outcome::Failure,
                    code: error.code,
                    message: error.message,
                };
                self.decide(verdict, at, found);
            }
            READY if self.is_accepted => self.decide(success(), at, found),
            _ => {}
        }
    }

    fn authentication(&mut self, payload: &[u8]) {
        let mut fields = Fields(payload);
        let (Some(kind), Some(attempt)) = (fields.u32_be(), &mut self.pending) else {
            return;
        };
        let login = &mut attempt.login;
        let (method, name) = match kind {
            0 => {
                self.is_accepted = true;
                return;
            }
            2 => (Method::Token, "kerberos5"),
            3 => (Method::Cleartext, "cleartext"),
            5 => {
                login.challenge = fields.take(SALT_LEN).map(<[u8]>::to_vec);
                (Method::Md5, "md5")
            }
            7 => (Method::Token, "gssapi"),
            9 => (Method::Token, "sspi"),
            10 => (Method::Sasl, "scram-sha-256"),
            11 => return scram::server_first(fields.0, login),
            _ => return,
        };
        self.method = method;
        login.mechanism = Some(name.to_owned());
    }

    fn decide(&mut self, verdict: Verdict, at: Moment, found: &mut Vec<Found>) {
        self.phase = Phase::Over;
        if let Some(attempt) = self.pending.take() {
            self.attempts.report(attempt, verdict, at, found);
        }
    }

    fn is_tls(&self, side: Side, bytes: &[u8]) -> bool {
        matches!(self.phase, Phase::Encrypting(_)) && self.sides.is_tls(side, bytes)
    }

    fn next(&self) -> Next {
        match self.phase {
            Phase::Over => Next::Stop,
            _ => Next::Continue,
        }
    }
}

impl Parser for Pgsql {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        while self.phase != Phase::Over {
            if self.is_tls(side, rest) {
                self.not_startup(at, found);
                return Next::RecognizeAfter(bytes.len() - rest.len());
            }
            if side == Side::Client {
                let measure = match self.phase {
                    Phase::Login => typed,
                    _ => startup::measure,
                };
                let Some(message) = self.sides.client.next(&mut rest, at, measure) else {
                    break;
                };
                self.client(&message, at, found);
            } else {
                let measure = if self.unanswered > 0 { answer } else { typed };
                let Some(message) = self.sides.server.next(&mut rest, at, measure) else {
                    break;
                };
                self.server(&message.bytes, at, found);
            }
        }
        self.next()
    }

    fn gap(&mut self, side: Side, missing: u64, _: Moment, found: &mut Vec<Found>) -> Next {
        let is_lost = self.sides.get_mut(side).gap(missing);
        if !is_lost {
            return self.next();
        }
        if let Some(attempt) = &mut self.pending {
            attempt.notes.add(Note::Gap);
        }
        self.phase = Phase::Over;
        self.end(found);
        Next::Stop
    }

    fn skippable(&self, side: Side) -> u64 {
        self.sides.get(side).skippable()
    }

    fn skipped(&mut self, side: Side, len: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        self.sides.get_mut(side).skipped(len);
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        match self.pending.take() {
            Some(attempt) if self.is_accepted => {
                let last = self.attempts.last();
                self.attempts.report(attempt, success(), last, found);
            }
            Some(attempt) => self.attempts.give_up(attempt, found),
            None => {}
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

/// SASLInitialResponse: the mechanism, and the client's first message, preceded by its length.
fn sasl_initial(payload: &[u8]) -> Option<(String, &[u8])> {
    let mut fields = Fields(payload);
    let mechanism = fields.until_nul()?;
    fields.u32_be()?;
    let mechanism = String::from_utf8_lossy(mechanism).to_ascii_lowercase();
    Some((mechanism, fields.0))
}

/// `md5` and 32 hexadecimal digits.
fn is_md5(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"md5").unwrap_or_default();
    digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// A message preceded by its type. The stated length includes itself, but not the type.
fn typed(seen: &[u8]) -> Measure {
    let mut fields = Fields(seen);
    match (fields.u8(), fields.u32_be()) {
        (Some(_), Some(len)) => Measure::Known {
            len: 1 + u64::from(len).max(LEN_LEN as u64),
            keep: KEPT_LEN,
        },
        _ => Measure::Needs(1 + LEN_LEN),
    }
}

/// The answer to an encryption request: one byte, or an error.
fn answer(seen: &[u8]) -> Measure {
    match seen.first() {
        None => Measure::Needs(1),
        Some(&ERROR) => typed(seen),
        Some(_) => Measure::Known { len: 1, keep: 1 },
    }
}

const PASSWORD: u8 = b'p';
const AUTHENTICATION: u8 = b'R';
const ERROR: u8 = b'E';
const READY: u8 = b'Z';

const LEN_LEN: usize = 4;
const SALT_LEN: usize = 4;

/// Longer than passwords, errors and SCRAM messages.
const KEPT_LEN: usize = 4 << 10;
