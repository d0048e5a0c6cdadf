//! Logins by user and password, each a command with a reply (FTP, POP3). Commands may be pipelined.

use super::attempts::{Attempt, Attempts, Verdict};
use super::found::{Found, Moment, Note};
use super::login::{Login, Secret, Service};

/// Undecided logins, in order.
#[derive(Debug)]
pub(super) struct UserPass {
    service: Service,
    /// The logins of the connection.
    pub(super) attempts: Attempts,
    open: Vec<Open>,
    last_id: u32,
    /// The last user name.
    name: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Open {
    id: u32,
    attempt: Attempt,
    /// Commands of the login without a reply.
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

    /// Begins a login with its user. Returns its number.
    pub(super) fn user(&mut self, name: &[u8], first: Moment, found: &mut Vec<Found>) -> u32 {
        // Abandoned: all of its commands are answered, but none decided it.
        while self.open.first().is_some_and(|it| it.unanswered == 0) || self.open.len() == LIMIT {
            let open = self.open.remove(0);
            self.attempts.give_up(open.attempt, found);
        }
        self.start(Some(name), first);
        self.name = Some(name.to_vec());
        self.last_id
    }

    /// Continues the last login with its password, or begins one without a user.
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

    /// Continues the last login, if any, with another command.
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

    /// Handles the reply to a command of a login, which may decide the login.
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

    /// Decides a login, if there is one, by a reply to an unknown command.
    pub(super) fn unmatched(&mut self, verdict: Verdict, at: Moment, found: &mut Vec<Found>) {
        if let Some(id) = self.open.first().map(|it| it.id) {
            self.reply(id, Some(verdict), at, found);
        }
    }

    /// Reports that TLS begins.
    pub(super) fn encrypted(&mut self, asked: Option<Moment>, at: Moment, found: &mut Vec<Found>) {
        if let (None, Some(asked)) = (&self.name, asked) {
            self.attempts.encrypted(self.service, asked, at, found);
        }
    }

    /// An undecided login.
    pub(super) fn login(&mut self, id: u32) -> Option<&mut Login> {
        let open = self.open.iter_mut().find(|it| it.id == id)?;
        Some(&mut open.attempt.login)
    }

    /// The last user name.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    pub(super) fn seen(&mut self, at: Moment) {
        if !self.open.is_empty() {
            self.attempts.seen(at);
        }
    }

    /// Notes that replies can no longer be matched with commands already sent.
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

/// Undecided logins remembered at a time.
const LIMIT: usize = 16;
