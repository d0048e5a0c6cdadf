//! The logins of a control connection: USER, PASS, ACCT.

use crate::app::attempts::{Attempt, Attempts, Verdict};
use crate::app::found::{Found, Moment, Note};
use crate::app::login::{Outcome, Secret, Service};
use crate::app::replies::Reply;

/// Logins that are not decided, in order.
#[derive(Debug, Default)]
pub(super) struct Logins {
    attempts: Attempts,
    open: Vec<Open>,
    last_id: u32,
    /// The last user that was named.
    name: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Open {
    id: u32,
    attempt: Attempt,
    /// How many of its commands have no reply.
    unanswered: u32,
}

impl Logins {
    /// USER begins a login. Its number.
    pub(super) fn user(&mut self, name: &[u8], first: Moment, found: &mut Vec<Found>) -> u32 {
        // One that could have gone on, and did not.
        while self.open.first().is_some_and(|it| it.unanswered == 0) || self.open.len() == LIMIT {
            let open = self.open.remove(0);
            self.attempts.give_up(open.attempt, found);
        }
        self.start(Some(name), first);
        self.name = Some(name.to_vec());
        self.last_id
    }

    /// PASS continues the last one, or, if there is none, begins one without a user.
    pub(super) fn password(
        &mut self,
        password: &[u8],
        first: Moment,
        found: &mut Vec<Found>,
    ) -> u32 {
        let last = self.open.last();
        if last.is_none_or(|it| it.attempt.login.secret.is_some()) {
            if self.open.len() == LIMIT {
                let open = self.open.remove(0);
                self.attempts.give_up(open.attempt, found);
            }
            self.start(None, first);
        } else if let Some(open) = self.open.last_mut() {
            open.unanswered += 1;
        }
        let Some(open) = self.open.last_mut() else {
            return self.last_id;
        };
        open.attempt.login.secret = Some(Secret::Password(password.to_vec()));
        open.id
    }

    /// ACCT continues the last one.
    pub(super) fn account(&mut self) -> Option<u32> {
        let open = self.open.last_mut()?;
        open.unanswered += 1;
        Some(open.id)
    }

    fn start(&mut self, user: Option<&[u8]>, first: Moment) {
        self.last_id = self.last_id.wrapping_add(1);
        let mut attempt = Attempt::new(Service::Ftp, first);
        attempt.login.user = user.map(<[u8]>::to_vec);
        attempt.login.mechanism = Some("user/pass".to_owned());
        self.open.push(Open {
            id: self.last_id,
            attempt,
            unanswered: 1,
        });
    }

    /// The reply to a command of a login.
    pub(super) fn reply(&mut self, id: u32, reply: Reply, at: Moment, found: &mut Vec<Found>) {
        let Some(index) = self.open.iter().position(|it| it.id == id) else {
            return;
        };
        if let Some(open) = self.open.get_mut(index) {
            open.unanswered = open.unanswered.saturating_sub(1);
        }
        let has_secret = |it: &Open| it.attempt.login.secret.is_some();
        let outcome = match reply.code {
            230 | 232 => Outcome::Success,
            // Superfluous: the user alone was enough.
            202 if self.open.get(index).is_some_and(has_secret) => Outcome::Success,
            400.. => Outcome::Failure,
            _ => return,
        };
        self.decide(index, outcome, reply, at, found);
    }

    /// A reply to a command that is not known.
    pub(super) fn unmatched(&mut self, reply: Reply, at: Moment, found: &mut Vec<Found>) {
        let outcome = match reply.code {
            230 | 232 => Outcome::Success,
            530 => Outcome::Failure,
            _ => return,
        };
        if !self.open.is_empty() {
            self.decide(0, outcome, reply, at, found);
        }
    }

    fn decide(
        &mut self,
        index: usize,
        outcome: Outcome,
        reply: Reply,
        at: Moment,
        found: &mut Vec<Found>,
    ) {
        let open = self.open.remove(index);
        let verdict = Verdict {
            outcome,
            code: Some(reply.code.to_string()),
            message: Some(reply.text),
        };
        self.attempts.report(open.attempt, verdict, at, found);
    }

    /// TLS begins.
    pub(super) fn encrypted(&mut self, asked: Option<Moment>, at: Moment, found: &mut Vec<Found>) {
        if let (None, Some(asked)) = (&self.name, asked) {
            self.attempts.encrypted(Service::Ftp, asked, at, found);
        }
    }

    /// The last user that was named.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    pub(super) fn seen(&mut self, at: Moment) {
        if !self.open.is_empty() {
            self.attempts.seen(at);
        }
    }

    /// Replies to commands that were sent will not be known as such.
    pub(super) fn realign(&mut self, note: Note) {
        for open in &mut self.open {
            open.attempt.notes.add(note);
            open.unanswered = 0;
        }
    }

    pub(super) fn end(&mut self, found: &mut Vec<Found>) {
        for open in std::mem::take(&mut self.open) {
            self.attempts.give_up(open.attempt, found);
        }
    }
}

/// So many logins at a time may have no answer.
const LIMIT: usize = 16;
