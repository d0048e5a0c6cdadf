//! Mails of a connection.

use super::body::Body;
use crate::app::found::{Content, Found, Moment, Note, Notes, Span};
use crate::app::mail::Mail;
use crate::app::replies::Reply;

/// Mails not yet reported, in order.
#[derive(Debug, Default)]
pub(super) struct Mails {
    helo: Option<Vec<u8>>,
    is_lmtp: bool,
    pending: Vec<Pending>,
    last_id: u32,
}

#[derive(Debug)]
struct Pending {
    id: u32,
    mail: Mail,
    span: Span,
    notes: Notes,
    body: Option<Body>,
    /// Number of accepted recipients.
    accepted: u32,
    /// Commands without a reply.
    unanswered: u32,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// More of the mail may follow.
    Open,
    /// Completely sent.
    Sent,
    /// Abandoned by the client.
    Abandoned,
}

impl Mails {
    /// Handles EHLO, HELO or LHLO.
    pub(super) fn hello(&mut self, name: &[u8], is_lmtp: bool, at: Moment, found: &mut Vec<Found>) {
        self.abandon(at, found);
        self.helo = Some(name.trim_ascii().to_vec());
        self.is_lmtp = is_lmtp;
    }

    /// Handles MAIL, which begins a mail. Returns the mail's number.
    pub(super) fn from(
        &mut self,
        arg: &[u8],
        first: Moment,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> u32 {
        self.abandon(at, found);
        if self.pending.len() == LIMIT {
            self.pending.remove(0).report(found);
        }
        self.start(first, at);
        if let Some(pending) = self.open() {
            pending.mail.from = Some(address(arg).to_vec());
            pending.unanswered = 1;
        }
        self.last_id
    }

    /// Handles RCPT, which names a recipient. Returns the mail's number.
    pub(super) fn to(&mut self, arg: &[u8], at: Moment) -> Option<u32> {
        let pending = self.open()?;
        pending.span.last = at;
        pending.unanswered += 1;
        if pending.mail.to.len() < RECIPIENTS_LIMIT {
            pending.mail.to.push(address(arg).to_vec());
        } else {
            pending.notes.add(Note::Limit);
        }
        Some(pending.id)
    }

    /// Handles DATA or BDAT, which precede the contents. Returns the mail's number.
    pub(super) fn data(&mut self, first: Moment, at: Moment) -> u32 {
        // The capture may begin after MAIL.
        if self.open().is_none() {
            self.start(first, at);
            if let Some(pending) = self.open() {
                pending.notes.add(Note::Midstream);
            }
        }
        let Some(pending) = self.open() else {
            return 0;
        };
        pending.span.last = at;
        pending.body.get_or_insert_default();
        pending.id
    }

    fn start(&mut self, first: Moment, last: Moment) {
        self.last_id = self.last_id.wrapping_add(1);
        self.pending.push(Pending {
            id: self.last_id,
            mail: Mail {
                helo: self.helo.clone(),
                ..Mail::default()
            },
            span: Span { first, last },
            notes: Notes::none(),
            body: None,
            accepted: 0,
            unanswered: 0,
            stage: Stage::Open,
        });
    }

    /// The mail being sent.
    fn open(&mut self) -> Option<&mut Pending> {
        self.pending.last_mut().filter(|it| it.stage == Stage::Open)
    }

    fn of(&mut self, id: u32) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|it| it.id == id)
    }

    fn body(&mut self, at: Moment) -> Option<&mut Body> {
        let pending = self.open()?;
        pending.span.last = at;
        pending.body.as_mut()
    }

    /// Adds a line of the mail, of `len` bytes including its line ending.
    pub(super) fn line(&mut self, line: &[u8], len: u64, at: Moment) {
        if let Some(body) = self.body(at) {
            body.line(line, len);
        }
    }

    /// Adds bytes of a BDAT.
    pub(super) fn chunk(&mut self, bytes: &[u8], at: Moment) {
        if let Some(body) = self.body(at) {
            body.chunk(bytes, at);
        }
    }

    /// Adds bytes of the mail that were not read.
    pub(super) fn skipped(&mut self, len: u64, at: Moment) {
        if let Some(body) = self.body(at) {
            body.skipped(len);
        }
    }

    /// Adds bytes of the mail that were not captured.
    pub(super) fn gap(&mut self, len: u64, at: Moment) {
        self.skipped(len, at);
        if let Some(pending) = self.open() {
            pending.notes.add(Note::Gap);
        }
    }

    /// Whether nothing more of the mail needs to be read.
    pub(super) fn is_header_over(&self) -> bool {
        let body = self.pending.last().and_then(|it| it.body.as_ref());
        body.is_some_and(Body::is_header_over)
    }

    /// Completes the mail. Returns its number.
    pub(super) fn end_body(&mut self, at: Moment) -> u32 {
        let Some(pending) = self.open() else {
            return 0;
        };
        pending.span.last = at;
        pending.stage = Stage::Sent;
        pending.id
    }

    /// Handles the reply to MAIL or RCPT.
    pub(super) fn envelope(&mut self, id: u32, reply: Reply, at: Moment, found: &mut Vec<Found>) {
        let Some(pending) = self.of(id) else {
            return;
        };
        pending.span.last = at;
        pending.unanswered = pending.unanswered.saturating_sub(1);
        if reply.code >= 400 {
            pending.answer(reply);
        } else {
            pending.accepted += 1;
        }
        self.report_abandoned(found);
    }

    /// Handles a reply that refuses DATA.
    pub(super) fn refused(&mut self, id: u32, reply: Reply, at: Moment) {
        if let Some(pending) = self.of(id) {
            pending.span.last = at;
            pending.body = None;
            pending.answer(reply);
        }
    }

    /// Handles a reply to the contents. Returns whether another one follows.
    pub(super) fn body_reply(
        &mut self,
        id: u32,
        reply: Reply,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> bool {
        let is_lmtp = self.is_lmtp;
        let Some(index) = self.pending.iter().position(|it| it.id == id) else {
            return false;
        };
        let Some(pending) = self.pending.get_mut(index) else {
            return false;
        };
        pending.span.last = at;
        pending.answer(reply);
        // `accepted` includes MAIL.
        if is_lmtp && pending.accepted > 2 {
            pending.accepted -= 1;
            return true;
        }
        self.pending.remove(index).report(found);
        false
    }

    /// Abandons the mail being sent.
    pub(super) fn abandon(&mut self, at: Moment, found: &mut Vec<Found>) {
        if let Some(pending) = self.open() {
            pending.stage = Stage::Abandoned;
            if pending.body.is_some() {
                pending.span.last = at;
            }
        }
        self.report_abandoned(found);
    }

    fn report_abandoned(&mut self, found: &mut Vec<Found>) {
        let is_over = |it: &mut Pending| it.stage == Stage::Abandoned && it.unanswered == 0;
        for pending in self.pending.extract_if(.., is_over) {
            pending.report(found);
        }
    }

    /// Notes that replies can no longer be matched with commands already sent.
    pub(super) fn realign(&mut self, note: Note) {
        for pending in &mut self.pending {
            pending.notes.add(note);
            pending.unanswered = 0;
        }
    }

    pub(super) fn end(&mut self, found: &mut Vec<Found>) {
        for mut pending in std::mem::take(&mut self.pending) {
            match pending.stage {
                Stage::Sent => pending.notes.add(Note::NoResponse),
                _ if pending.body.is_some() => pending.notes.add(Note::Truncated),
                _ => {}
            }
            pending.report(found);
        }
    }
}

impl Pending {
    fn answer(&mut self, reply: Reply) {
        self.mail.code = Some(reply.code.to_string());
        self.mail.message = Some(reply.text);
    }

    /// Reports the mail if it has any contents or was refused.
    fn report(mut self, found: &mut Vec<Found>) {
        if self.body.is_none() && self.mail.code.is_none() {
            return;
        }
        if let Some(body) = self.body {
            if body.is_limited() {
                self.notes.add(Note::Limit);
            }
            body.finish(&mut self.mail);
        }
        found.push(Found {
            span: self.span,
            notes: self.notes,
            content: Content::Mail(Box::new(self.mail)),
        });
    }
}

/// The address in `FROM:<a@example.org> SIZE=…`.
fn address(arg: &[u8]) -> &[u8] {
    let colon = arg.iter().position(|it| *it == b':');
    let arg = colon
        .and_then(|it| arg.get(it + 1..))
        .unwrap_or(arg)
        .trim_ascii();
    let (arg, end) = match arg.split_first() {
        Some((b'<', rest)) => (rest, b'>'),
        _ => (arg, b' '),
    };
    arg.split(|it| *it == end).next().unwrap_or_default()
}

/// Unanswered mails remembered at a time.
const LIMIT: usize = 16;

/// Recipients kept per mail.
const RECIPIENTS_LIMIT: usize = 100;
