//! What one side of a connection sends.

use super::body::BodyReader;
use super::head;
use crate::app::found::Moment;
use crate::app::parser::Side;

/// What one side sends.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) side: Side,
    /// The start of a head that is not complete.
    pending: Vec<u8>,
    /// When its first byte came.
    pub(super) began: Moment,
    pub(super) state: State,
    /// The side sends nothing more.
    pub(super) is_closed: bool,
    /// It was lost once, and has just been found again.
    pub(super) is_resynced: bool,
}

/// What comes next.
#[derive(Debug, Default)]
pub(super) enum State {
    /// A head.
    #[default]
    Head,
    /// The body of the message whose head has been read.
    Body(Box<BodyReader>),
    /// The same, unless a head follows: the request is not known.
    Perhaps(Box<BodyReader>),
    /// Nothing that is understood, until a segment begins with a head.
    Lost,
    /// It depends on the response to CONNECT.
    Waiting,
    /// Another protocol.
    Switched,
    /// Nothing that is read.
    Over,
}

/// What the bytes of a head were.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// So many bytes, and the head is not complete.
    Part(usize),
    /// So many bytes complete it.
    Whole(usize, Vec<u8>),
    /// None of HTTP.
    Foreign,
    /// It is too long.
    TooLong,
}

impl Half {
    pub(super) const fn new(side: Side) -> Self {
        Self {
            side,
            pending: Vec::new(),
            began: Moment { packet: 0, time: 0 },
            state: State::Head,
            is_closed: false,
            is_resynced: false,
        }
    }

    /// Whether bytes begin a message of this side.
    pub(super) fn starts_message(&self, bytes: &[u8]) -> Option<bool> {
        match self.side {
            Side::Client => head::starts_request(bytes),
            Side::Server => head::starts_response(bytes),
        }
    }

    /// The next bytes of a head.
    pub(super) fn head(&mut self, bytes: &[u8], at: Moment) -> Head {
        if self.pending.is_empty() {
            let blank = bytes.iter().take_while(|it| matches!(it, b'\r' | b'\n'));
            let blank = blank.count();
            if blank > 0 {
                return Head::Part(blank);
            }
            self.began = at;
        }
        let before = self.pending.len();
        let room = MOST_OF_HEAD.saturating_sub(before);
        let new = bytes.get(..room).unwrap_or(bytes);
        if before == 0 {
            if self.starts_message(new) == Some(false) {
                return Head::Foreign;
            }
            if let Some(end) = head::end(new, 0) {
                return Head::Whole(end, new.get(..end).unwrap_or_default().to_vec());
            }
        }
        self.pending.extend_from_slice(new);
        if before > 0 && before < MOST_TO_TELL && self.starts_message(&self.pending) == Some(false)
        {
            self.pending.clear();
            return Head::Foreign;
        }
        match head::end(&self.pending, before) {
            Some(end) => {
                self.pending.truncate(end);
                Head::Whole(end - before, std::mem::take(&mut self.pending))
            }
            None if new.len() < bytes.len() => {
                self.pending = Vec::new();
                Head::TooLong
            }
            None => Head::Part(new.len()),
        }
    }

    /// Keeps the first bytes of what may be a body or a head, until it is known: `Some` with how
    /// many of the bytes were taken, and whether it is a head, or `None` where that is not known yet.
    pub(super) fn peek(&mut self, bytes: &[u8], at: Moment) -> (usize, Option<bool>) {
        if self.pending.is_empty() {
            self.began = at;
        }
        let room = MOST_TO_PEEK.saturating_sub(self.pending.len());
        let new = bytes.get(..room).unwrap_or(bytes);
        self.pending.extend_from_slice(new);
        (new.len(), self.starts_message(&self.pending))
    }

    /// What was kept of a head, or to be held back.
    pub(super) fn take_pending(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// Holds bytes back.
    pub(super) fn hold(&mut self, bytes: &[u8], at: Moment) {
        if self.pending.is_empty() {
            self.began = at;
        }
        let room = MOST_OF_HEAD.saturating_sub(self.pending.len());
        self.pending
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

/// Bytes of a head.
const MOST_OF_HEAD: usize = 64 * 1024;
/// Bytes after which it is known whether they are of HTTP.
const MOST_TO_TELL: usize = 10 * 1024;
/// `HTTP/1.1 200`.
const MOST_TO_PEEK: usize = 12;
