//! Message bodies: where they end (RFC 9112, section 6), and their content.

use super::chunked::{Chunks, Step};
use super::coding::{Coding, Content};
use super::options::HttpOptions;
use super::record::{Body, Headers};
use crate::app::found::{Note, Notes};
use std::io::Write;

/// Delimiter of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By its length in bytes.
    Length(u64),
    Chunked(Chunks),
    /// By the end of the connection.
    UntilClose,
}

impl Framing {
    /// The framing of a message with these fields. A response with neither length nor chunks ends
    /// with the connection. Notes faults in the fields.
    pub(super) fn of(headers: &Headers, is_response: bool, notes: &mut Notes) -> Self {
        let last = headers.items("transfer-encoding").last();
        if last.is_some_and(|it| it.eq_ignore_ascii_case(b"chunked")) {
            return Self::Chunked(Chunks::default());
        }
        let mut lengths = headers.items("content-length").map(length);
        match lengths.next() {
            Some(Some(first)) if last.is_none() => {
                if lengths.any(|it| it != Some(first)) {
                    notes.add(Note::Malformed);
                }
                Self::Length(first)
            }
            other => {
                if other == Some(None) {
                    notes.add(Note::Malformed);
                }
                if is_response {
                    Self::UntilClose
                } else {
                    Self::Length(0)
                }
            }
        }
    }
}

fn length(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether a body is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Done,
    /// Not coded as its head says: what follows has no meaning.
    Broken,
}

/// Reader of one body.
#[derive(Debug)]
pub(super) struct BodyReader {
    framing: Framing,
    coding: Coding,
    names: Option<Vec<u8>>,
    /// The content cannot be decoded any further.
    has_failed: bool,
    /// Whether any bytes were read.
    pub(super) has_begun: bool,
    pub(super) notes: Notes,
}

impl BodyReader {
    pub(super) fn new(headers: &Headers, framing: Framing, options: &HttpOptions) -> Self {
        let content = Content::new(options);
        let names: Vec<&[u8]> = headers.items("content-encoding").collect();
        let transfer = headers.items("transfer-encoding");
        let transfer = transfer.filter(|it| !it.eq_ignore_ascii_case(b"chunked"));
        // The coding applied last is removed first.
        let codings = names.iter().copied().chain(transfer);
        let mut notes = Notes::default();
        let (coding, is_known) = Coding::new(codings, content);
        if !is_known {
            notes.add(Note::Malformed);
        }
        Self {
            framing,
            coding,
            names: (!names.is_empty()).then(|| names.join(&b","[..])),
            has_failed: false,
            has_begun: false,
            notes,
        }
    }

    /// Whether the body ends with the connection.
    pub(super) fn ends_with_connection(&self) -> bool {
        self.framing == Framing::UntilClose
    }

    /// Reads the next bytes. Returns how many of them belong to the body, and its progress.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, Progress) {
        self.has_begun = true;
        match &mut self.framing {
            Framing::Length(left) => {
                let len = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left -= len as u64;
                let is_done = *left == 0;
                self.push(bytes.get(..len).unwrap_or_default());
                (
                    len,
                    if is_done {
                        Progress::Done
                    } else {
                        Progress::More
                    },
                )
            }
            Framing::UntilClose => {
                self.push(bytes);
                (bytes.len(), Progress::More)
            }
            Framing::Chunked(_) => self.read_chunks(bytes),
        }
    }

    fn read_chunks(&mut self, bytes: &[u8]) -> (usize, Progress) {
        let mut used = 0;
        while let Framing::Chunked(chunks) = &mut self.framing {
            let rest = bytes.get(used..).unwrap_or_default();
            if rest.is_empty() && !chunks.is_over() {
                break;
            }
            match chunks.step(rest) {
                Step::Framing(len) => used += len,
                Step::Content(len) => {
                    self.push(rest.get(..len).unwrap_or_default());
                    used += len;
                }
                Step::End => return (used, Progress::Done),
                Step::Broken => {
                    self.notes.add(Note::Malformed);
                    return (used, Progress::Broken);
                }
            }
        }
        (used, Progress::More)
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.has_failed || bytes.is_empty() {
            return;
        }
        if self.coding.push(bytes).is_err() {
            self.has_failed = true;
            let is_over = self.coding.content().is_some_and(|it| it.is_over);
            self.notes.add(if is_over {
                Note::Limit
            } else {
                Note::Malformed
            });
        }
    }

    /// Skips bytes that were not captured. `None` if the position in the body is then unknown.
    pub(super) fn skip_lost(&mut self, missing: u64) -> Option<Progress> {
        let is_inside = match self.framing {
            Framing::Length(left) => missing <= left,
            Framing::Chunked(chunks) => missing <= chunks.content_left(),
            Framing::UntilClose => true,
        };
        if !is_inside {
            return None;
        }
        self.notes.add(Note::Gap);
        if !self.coding.is_identity() {
            self.has_failed = true;
        }
        Some(self.skip(missing))
    }

    /// Number of next bytes that need not be read.
    pub(super) fn skippable(&self) -> u64 {
        let is_needed = match &self.coding {
            _ if self.has_failed => false,
            Coding::Content(content) => !content.needs_only_length(),
            _ => true,
        };
        match self.framing {
            _ if is_needed => 0,
            Framing::Length(left) => left,
            Framing::Chunked(chunks) => chunks.content_left(),
            Framing::UntilClose => u64::MAX,
        }
    }

    /// Skips bytes of the content.
    pub(super) fn skip(&mut self, len: u64) -> Progress {
        self.has_begun = true;
        if !self.has_failed
            && let Some(content) = self.coding.content()
        {
            content.bytes = content.bytes.saturating_add(len);
        }
        match &mut self.framing {
            Framing::Length(left) => {
                *left = left.saturating_sub(len);
                if *left == 0 {
                    return Progress::Done;
                }
            }
            Framing::Chunked(chunks) => chunks.skip(len),
            Framing::UntilClose => {}
        }
        Progress::More
    }

    /// Finishes the body, complete or not.
    pub(super) fn finish(mut self, notes: &mut Notes) -> Body {
        if !self.has_failed && self.coding.flush().is_err() {
            self.has_failed = true;
        }
        for note in self.notes.iter() {
            notes.add(note);
        }
        let is_whole = !self.has_failed && !notes.has(Note::Gap) && !notes.has(Note::Truncated);
        let coding = self.names;
        let Some(content) = self.coding.content() else {
            return Body {
                coding,
                ..Body::default()
            };
        };
        let (sha256, is_stored) = if is_whole {
            content.complete()
        } else {
            (None, false)
        };
        Body {
            sha256,
            is_stored,
            kept: content.take_kept(),
            bytes: content.bytes,
            coding,
        }
    }
}
