//! State of one direction of a connection.

use super::body::BodyReader;
use super::head;
use crate::app::found::Moment;
use crate::app::parser::Side;

/// State of one side's messages.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) side: Side,
    /// The start of an incomplete head.
    pending: Vec<u8>,
    /// Arrival of its first byte.
    pub(super) began: Moment,
    pub(super) state: State,
    /// The side sends nothing more.
    pub(super) is_closed: bool,
    /// The side was lost, and has just resynchronized.
    pub(super) is_resynced: bool,
}

/// Expected next bytes of a side.
#[derive(Debug, Default)]
pub(super) enum State {
    /// A head.
    #[default]
    Head,
    /// The body of a message whose head has been read.
    Body(Box<BodyReader>),
    /// A body, unless a head follows: the request is unknown.
    Perhaps(Box<BodyReader>),
    /// Unknown: everything is ignored until a segment begins with a head.
    Lost,
    /// Depends on the response to CONNECT.
    Waiting,
    /// Another protocol.
    Switched,
    /// Nothing that is read.
    Over,
}

/// Result of reading a head.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// This many bytes were taken; the head is incomplete.
    Part(usize),
    /// This many bytes complete the head.
    Whole(usize, Vec<u8>),
    /// Not HTTP.
    Foreign,
    /// Too long.
    TooLong,
}

impl Half {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            pending: Vec::new(),
            began: Moment::default(),
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

    /// Reads the next bytes of a head.
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

    /// Keeps the first bytes of a body or a head until it is known which. Returns how many bytes
    /// were taken, and whether they begin a head, or `None` if that is still unknown.
    pub(super) fn peek(&mut self, bytes: &[u8], at: Moment) -> (usize, Option<bool>) {
        if self.pending.is_empty() {
            self.began = at;
        }
        let room = MOST_TO_PEEK.saturating_sub(self.pending.len());
        let new = bytes.get(..room).unwrap_or(bytes);
        self.pending.extend_from_slice(new);
        (new.len(), self.starts_message(&self.pending))
    }

    /// Takes the kept bytes.
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

/// Longest head, in bytes.
const MOST_OF_HEAD: usize = 64 * 1024;
/// Bytes needed to decide whether they are HTTP.
const MOST_TO_TELL: usize = 10 * 1024;
/// `HTTP/1.1 200`.
const MOST_TO_PEEK: usize = 12;
