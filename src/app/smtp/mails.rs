//! The messages of a connection.

use super::body::Body;
use crate::app::found::{Content, Found, Moment, Note, Notes, Span};
use crate::app::mail::Mail;
use crate::app::replies::Reply;

/// Messages that are not reported yet, in order.
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
    /// How many recipients were accepted.
    accepted: u32,
    /// How many of its commands have no reply.
    unanswered: u32,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// More of it may come.
    Open,
    /// All of it was sent.
    Sent,
    /// The client began something else.
    Abandoned,
}

impl Mails {
    /// EHLO, HELO or LHLO.
    pub(super) fn hello(&mut self, name: &[u8], is_lmtp: bool, at: Moment, found: &mut Vec<Found>) {
        self.abandon(at, found);
        self.helo = Some(name.trim_ascii().to_vec());
        self.is_lmtp = is_lmtp;
    }

    /// MAIL begins a message. Its number.
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

    /// RCPT names a recipient. The number of its message.
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

    /// DATA or BDAT: the message itself follows. Its number.
    pub(super) fn data(&mut self, first: Moment, at: Moment) -> u32 {
        // The capture may begin behind MAIL.
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

    /// The message whose parts are being sent.
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

    /// A line of a message, of `len` bytes with its end.
    pub(super) fn line(&mut self, line: &[u8], len: u64, at: Moment) {
        if let Some(body) = self.body(at) {
            body.line(line, len);
        }
    }

    /// Bytes of a BDAT.
    pub(super) fn chunk(&mut self, bytes: &[u8], at: Moment) {
        if let Some(body) = self.body(at) {
            body.chunk(bytes, at);
        }
    }

    /// Bytes of a message that were not looked at.
    pub(super) fn skipped(&mut self, len: u64, at: Moment) {
        if let Some(body) = self.body(at) {
            body.skipped(len);
        }
    }

    /// Bytes of a message that were not captured.
    pub(super) fn gap(&mut self, len: u64, at: Moment) {
        self.skipped(len, at);
        if let Some(pending) = self.open() {
            pending.notes.add(Note::Gap);
        }
    }

    /// Whether nothing that follows in the message is of use.
    pub(super) fn is_header_over(&self) -> bool {
        let body = self.pending.last().and_then(|it| it.body.as_ref());
        body.is_some_and(Body::is_header_over)
    }

    /// The message is whole. Its number.
    pub(super) fn end_body(&mut self, at: Moment) -> u32 {
        let Some(pending) = self.open() else {
            return 0;
        };
        pending.span.last = at;
        pending.stage = Stage::Sent;
        pending.id
    }

    /// The reply to MAIL or RCPT.
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

    /// The reply to DATA, which refuses it.
    pub(super) fn refused(&mut self, id: u32, reply: Reply, at: Moment) {
        if let Some(pending) = self.of(id) {
            pending.span.last = at;
            pending.body = None;
            pending.answer(reply);
        }
    }

    /// A reply to the message itself. Whether there will be another one.
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
        // MAIL was accepted, too.
        if is_lmtp && pending.accepted > 2 {
            pending.accepted -= 1;
            return true;
        }
        self.pending.remove(index).report(found);
        false
    }

    /// The client begins something else.
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

    /// Replies to commands that were sent will not be known as such.
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

    /// Reports it, if there is anything of the message, or it was refused.
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

/// So many messages at a time may have no reply.
const LIMIT: usize = 16;

/// More recipients of a message are not kept.
const RECIPIENTS_LIMIT: usize = 100;
