//! Logins of a user and a password, each a command with a reply (FTP, POP3). Commands may be sent
//! before earlier ones are answered.

use super::attempts::{Attempt, Attempts, Verdict};
use super::found::{Found, Moment, Note};
use super::login::{Login, Secret, Service};

/// Logins that are not decided, in order.
#[derive(Debug)]
pub(super) struct UserPass {
    service: Service,
    /// All logins of the connection.
    pub(super) attempts: Attempts,
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

impl UserPass {
    pub(super) fn new(service: Service) -> Self {
        Self {
            service,
            attempts: Attempts::default(),
            open: Vec::new(),
            last_id: 0,
            name: None,
        }
    }

    /// The user begins a login. Its number.
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

    /// The password continues the last one, or, if there is none, begins one without a user.
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

    /// Something else continues the last one, if there is one.
    pub(super) fn more(&mut self) -> Option<u32> {
        let open = self.open.last_mut()?;
        open.unanswered += 1;
        Some(open.id)
    }

    fn start(&mut self, user: Option<&[u8]>, first: Moment) {
        self.last_id = self.last_id.wrapping_add(1);
        let mut attempt = Attempt::new(self.service, first);
        attempt.login.user = user.map(<[u8]>::to_vec);
        attempt.login.mechanism = Some("user/pass".to_owned());
        self.open.push(Open {
            id: self.last_id,
            attempt,
            unanswered: 1,
        });
    }

    /// The reply to a command of a login, which may decide it.
    pub(super) fn reply(
        &mut self,
        id: u32,
        verdict: Option<Verdict>,
        at: Moment,
        found: &mut Vec<Found>,
    ) {
        let Some(index) = self.open.iter().position(|it| it.id == id) else {
            return;
        };
        if let Some(verdict) = verdict {
            let open = self.open.remove(index);
            self.attempts.report(open.attempt, verdict, at, found);
        } else if let Some(open) = self.open.get_mut(index) {
            open.unanswered = open.unanswered.saturating_sub(1);
        }
    }

    /// A reply to a command that is not known decides a login, if there is one.
    pub(super) fn unmatched(&mut self, verdict: Verdict, at: Moment, found: &mut Vec<Found>) {
        if let Some(id) = self.open.first().map(|it| it.id) {
            self.reply(id, Some(verdict), at, found);
        }
    }

    /// TLS begins.
    pub(super) fn encrypted(&mut self, asked: Option<Moment>, at: Moment, found: &mut Vec<Found>) {
        if let (None, Some(asked)) = (&self.name, asked) {
            self.attempts.encrypted(self.service, asked, at, found);
        }
    }

    /// A login that is not decided.
    pub(super) fn login(&mut self, id: u32) -> Option<&mut Login> {
        let open = self.open.iter_mut().find(|it| it.id == id)?;
        Some(&mut open.attempt.login)
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
