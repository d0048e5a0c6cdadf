//! The logins of one connection.

use super::found::{Content, Found, Moment, Note, Notes, Span};
use super::login::{Login, Outcome, Service};

/// A login whose outcome is not known yet.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) login: Login,
    /// Arrival of its first byte.
    pub(super) first: Moment,
    pub(super) notes: Notes,
}

impl Attempt {
    pub(super) const fn new(service: Service, first: Moment) -> Self {
        Self {
            login: Login::new(service),
            first,
            notes: Notes::none(),
        }
    }
}

/// The server's answer to a login.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) code: Option<String>,
    pub(super) message: Option<Vec<u8>>,
}

impl Verdict {
    pub(super) const fn unknown() -> Self {
        Self {
            outcome: Outcome::Unknown,
            code: None,
            message: None,
        }
    }
}

/// Numbers the logins of a connection.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    reported: u32,
    /// The last packet that was part of a login.
    last: Moment,
}

impl Attempts {
    /// Reports a login, up to [`LIMIT`] of them.
    pub(super) fn report(
        &mut self,
        attempt: Attempt,
        verdict: Verdict,
        last: Moment,
        found: &mut Vec<Found>,
    ) {
        if self.reported == LIMIT {
            return;
        }
        self.reported += 1;
        let Attempt {
            mut login,
            first,
            mut notes,
        } = attempt;
        if self.reported == LIMIT {
            notes.add(Note::Limit);
        }
        login.attempt = self.reported;
        login.outcome = verdict.outcome;
        login.code = verdict.code;
        login.message = verdict.message;
        let last = last.max(first);
        found.push(Found {
            span: Span { first, last },
            notes,
            content: Content::Login(Box::new(login)),
        });
    }

    /// Reports an abandoned login.
    pub(super) fn give_up(&mut self, attempt: Attempt, found: &mut Vec<Found>) {
        let last = self.last;
        self.report(attempt, Verdict::unknown(), last, found);
    }

    /// Reports that encryption began before a user was seen. `asked` is when it was requested.
    pub(super) fn encrypted(
        &mut self,
        service: Service,
        asked: Moment,
        at: Moment,
        found: &mut Vec<Found>,
    ) {
        let mut attempt = Attempt::new(service, asked);
        attempt.login.mechanism = Some("tls".to_owned());
        let verdict = Verdict {
            outcome: Outcome::Encrypted,
            ..Verdict::unknown()
        };
        self.report(attempt, verdict, at, found);
    }

    /// The last packet that was part of a login.
    pub(super) const fn last(&self) -> Moment {
        self.last
    }

    /// Notes a packet that was part of a login.
    pub(super) fn seen(&mut self, at: Moment) {
        self.last = self.last.max(at);
    }
}

/// First byte of a TLS handshake record. No message of a protocol with STARTTLS begins with it.
pub(super) const TLS_HANDSHAKE: u8 = 0x16;

/// Logins reported per connection.
const LIMIT: u32 = 1000;
