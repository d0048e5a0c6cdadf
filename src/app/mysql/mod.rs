//! MySQL and MariaDB: logins.
//!
//! Sources: MySQL Internals, "Client/Server Protocol"; MariaDB Knowledge Base, "Connection".

mod client;
mod server;
#[cfg(test)]
mod tests;

use super::attempts::{Attempt, Attempts, Verdict};
use super::by_side::BySide;
use super::found::{Found, Moment, Note};
use super::login::{Outcome, Secret, Service};
use super::messages::{Measure, Message, Messages};
use super::parser::{Next, Parser, Side};
use client::{First, Response};
use server::{Answer, Greeting};

/// Parser of a connection's logins and changes of user.
#[derive(Debug, Default)]
pub struct Mysql {
    sides: BySide<Messages>,
    attempts: Attempts,
    pending: Option<Attempt>,
    phase: Phase,
    is_greeted: bool,
    greeting: Greeting,
    /// The capabilities used by the client.
    capabilities: u32,
    /// Whether the start of the server's next message is unknown.
    is_server_lost: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// The client has sent nothing.
    #[default]
    Start,
    /// The client requested TLS in this packet.
    Encrypting(Moment),
    /// The client has sent a user.
    Login,
    /// The client is logged in.
    Commands,
    /// Nothing more can be found.
    Over,
}

impl Mysql {
    /// Creates a parser of a connection seen from its start.
    pub fn new() -> Self {
        Self::default()
    }

    fn client(&mut self, message: &Message<'_>, at: Moment, found: &mut Vec<Found>) {
        let Some((&[.., sequence], payload)) = message.bytes.split_first_chunk::<HEADER_LEN>()
        else {
            return;
        };
        match self.phase {
            Phase::Start | Phase::Encrypting(_) => self.first(payload, message.first),
            Phase::Login => self.response(payload),
            Phase::Commands if sequence == 0 => {
                self.is_server_lost = false;
                if let Some((&COM_CHANGE_USER, rest)) = payload.split_first() {
                    self.change_user(rest, message.first, at, found);
                }
            }
            Phase::Commands | Phase::Over => {}
        }
    }

    /// Handles the client's first message, or its first one after requesting TLS.
    fn first(&mut self, payload: &[u8], first: Moment) {
        match client::first(payload) {
            Some(First::Tls) => self.phase = Phase::Encrypting(first),
            Some(First::Login(response)) => {
                self.capabilities = response.capabilities;
                self.start(response, first);
            }
            None => self.phase = Phase::Over,
        }
    }

    fn change_user(&mut self, payload: &[u8], first: Moment, at: Moment, found: &mut Vec<Found>) {
        if let Some(attempt) = self.pending.take() {
            self.attempts.give_up(attempt, found);
        }
        if let Some(response) = client::change_user(payload, self.capabilities) {
            self.start(response, first);
            self.attempts.seen(at);
        }
    }

    fn start(&mut self, response: Response, first: Moment) {
        let mut attempt = Attempt::new(Service::Mysql, first);
        if response.is_malformed {
            attempt.notes.add(Note::Malformed);
        }
        let login = &mut attempt.login;
        login.user = Some(response.user);
        login.database = response.database;
        login.mechanism = response.plugin;
        login.secret = proof(&response.proof, login.mechanism.as_deref());
        if matches!(login.secret, Some(Secret::Digest(_))) && self.is_greeted {
            login.challenge = Some(self.greeting.challenge.clone());
        }
        self.pending = Some(attempt);
        self.phase = Phase::Login;
    }

    /// Handles the client's answer to a server request.
    fn response(&mut self, payload: &[u8]) {
        let Some(attempt) = &mut self.pending else {
            return;
        };
        let login = &mut attempt.login;
        let mechanism = login.mechanism.as_deref();
        // After a proof, the client sends the password encrypted by the server's key, or requests
        // that key. Only an unencrypted password says more than the proof.
        let has_proof = matches!(login.secret, Some(Secret::Digest(_)));
        let is_plain = payload.last() == Some(&0) && payload.len() > 1;
        if has_proof && SHA2.contains(&mechanism.unwrap_or_default()) {
            if let Some((_, password)) = payload.split_last().filter(|_| is_plain)
                && !password.contains(&0)
                && payload.len() != RSA_LEN
            {
                login.secret = Some(Secret::Password(password.to_vec()));
                login.challenge = None;
            }
        } else if let Some(secret) = proof(payload, mechanism) {
            login.secret = Some(secret);
        }
    }

    fn server(&mut self, message: &Message<'_>, at: Moment, found: &mut Vec<Found>) {
        let payload = message.bytes.get(HEADER_LEN..).unwrap_or_default();
        if !self.is_greeted {
            self.is_greeted = true;
            return self.greet(payload);
        }
        if self.phase != Phase::Login {
            return;
        }
        self.attempts.seen(at);
        match server::answer(payload) {
            Some(Answer::Ok) => self.decide(Outcome::Success, "0".to_owned(), None, at, found),
            Some(Answer::Error { code, message }) => {
                let code = code.to_string();
                self.decide(Outcome::Failure, code, Some(message), at, found);
            }
            Some(Answer::Switch { plugin, challenge }) => self.switch(plugin, challenge),
            Some(Answer::More) | None => {}
        }
    }

    fn greet(&mut self, payload: &[u8]) {
        match server::greeting(payload) {
            Some(greeting) => {
                self.greeting = greeting;
                // The login may precede the capture.
                if let Some(attempt) = &mut self.pending
                    && matches!(attempt.login.secret, Some(Secret::Digest(_)))
                {
                    attempt.login.challenge = Some(self.greeting.challenge.clone());
                }
            }
            // The server refuses the client's address, or has too many connections.
            None => self.phase = Phase::Over,
        }
    }

    fn switch(&mut self, plugin: String, challenge: Option<Vec<u8>>) {
        if let Some(attempt) = &mut self.pending {
            attempt.login.secret = None;
            attempt.login.challenge = challenge.or_else(|| Some(self.greeting.challenge.clone()));
            attempt.login.mechanism = Some(plugin);
        }
    }

    fn decide(
        &mut self,
        outcome: Outcome,
        code: String,
        message: Option<Vec<u8>>,
        at: Moment,
        found: &mut Vec<Found>,
    ) {
        let is_compressed =
            self.capabilities & self.greeting.capabilities & client::COMPRESSION != 0;
        self.phase = match outcome {
            Outcome::Success if !is_compressed => Phase::Commands,
            _ => Phase::Over,
        };
        let verdict = Verdict {
            outcome,
            code: Some(code),
            message,
        };
        if let Some(mut attempt) = self.pending.take() {
            if attempt.login.secret.is_none() {
                attempt.login.challenge = None;
            }
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

impl Parser for Mysql {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        while self.phase != Phase::Over {
            if self.is_tls(side, rest) {
                if let Phase::Encrypting(asked) = self.phase {
                    self.attempts.encrypted(Service::Mysql, asked, at, found);
                }
                self.phase = Phase::Over;
                return Next::RecognizeAfter(bytes.len() - rest.len());
            }
            match side {
                Side::Client => {
                    let Some(message) = self.sides.client.next(&mut rest, at, measure) else {
                        break;
                    };
                    self.client(&message, at, found);
                }
                Side::Server if self.is_server_lost => break,
                Side::Server => {
                    let Some(message) = self.sides.server.next(&mut rest, at, measure) else {
                        break;
                    };
                    self.server(&message, at, found);
                }
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
        if side == Side::Server && self.phase == Phase::Commands {
            // The server's next message starts after the client's next command.
            self.sides.server = Messages::default();
            self.is_server_lost = true;
            return Next::Continue;
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
        if let Some(attempt) = self.pending.take() {
            self.attempts.give_up(attempt, found);
        }
    }
}

/// The client's answer to a challenge. A single byte is not a proof but requests the server's key.
fn proof(bytes: &[u8], mechanism: Option<&str>) -> Option<Secret> {
    let mechanism = mechanism.unwrap_or_default();
    if PASSWORDS.contains(&mechanism) {
        let password = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        return (!bytes.is_empty()).then(|| Secret::Password(password.to_vec()));
    }
    let bytes = match mechanism {
        OLD_PASSWORD => bytes.strip_suffix(&[0]).unwrap_or(bytes),
        _ => bytes,
    };
    (bytes.len() > 1).then(|| Secret::Digest(bytes.to_vec()))
}

fn measure(seen: &[u8]) -> Measure {
    let Some((&[a, b, c, _], _)) = seen.split_first_chunk::<HEADER_LEN>() else {
        return Measure::Needs(HEADER_LEN);
    };
    Measure::Known {
        len: HEADER_LEN as u64 + u64::from(u32::from_le_bytes([a, b, c, 0])),
        keep: KEPT_LEN,
    }
}

/// Three bytes of length, one of sequence number.
const HEADER_LEN: usize = 4;

/// Longer than a login, except for attributes of the client program.
const KEPT_LEN: usize = 4 << 10;

const COM_CHANGE_USER: u8 = 0x11;

const OLD_PASSWORD: &str = "mysql_old_password";

/// Plugins that send the password itself.
const PASSWORDS: [&str; 2] = ["mysql_clear_password", "dialog"];

/// Plugins that may send the password after the proof, encrypted by the server's key or within TLS.
const SHA2: [&str; 2] = ["caching_sha2_password", "sha256_password"];

/// Length of a password encrypted by a 2048-bit RSA key.
const RSA_LEN: usize = 256;
