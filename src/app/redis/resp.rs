//! RESP elements, and replies assembled from them.

use crate::app::found::Moment;
use crate::app::lines::Lines;

/// Assembles elements from the bytes of one side.
#[derive(Debug, Default)]
pub(super) struct Elements {
    lines: Lines,
    bulk: Option<Bulk>,
}

/// An incomplete bulk string.
#[derive(Debug)]
struct Bulk {
    element: Element,
    /// Bytes still to be kept.
    wanted: usize,
    /// Bytes after those, including the line ending.
    rest: u64,
}

/// A line, or a bulk string.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// `+`, `$` …; for a line that is not RESP, its first byte.
    kind: u8,
    /// The string, or the line, including the first byte if that is not a kind.
    pub(super) text: Vec<u8>,
    pub(super) first: Moment,
    /// Whether the element is longer than `text`.
    pub(super) is_long: bool,
}

impl Elements {
    /// Returns the next element if `bytes` completes it, and advances `bytes` past it. Strings are
    /// complete once their kept part is.
    pub(super) fn next(&mut self, bytes: &mut &[u8], at: Moment) -> Option<Element> {
        loop {
            if let Some(element) = self.bulk(bytes) {
                return Some(element);
            }
            if self.bulk.is_some() {
                return None;
            }
            let line = self.lines.next(bytes, at)?;
            let Some((&kind, text)) = line.text.split_first() else {
                continue;
            };
            let is_bulk = BULKS.contains(&kind);
            let text = if KINDS.contains(&kind) {
                text
            } else {
                &*line.text
            };
            let element = Element {
                kind,
                text: text.to_vec(),
                first: line.first,
                is_long: line.is_long,
            };
            match number(text).filter(|_| is_bulk) {
                Some(len) => self.bulk = Some(Bulk::new(element, len)),
                // `$-1` is null.
                None => return Some(element),
            }
        }
    }

    fn bulk(&mut self, bytes: &mut &[u8]) -> Option<Element> {
        let bulk = self.bulk.as_mut()?;
        let (kept, rest) = bytes.split_at(bulk.wanted.min(bytes.len()));
        bulk.element.text.extend_from_slice(kept);
        bulk.wanted -= kept.len();
        *bytes = rest;
        if bulk.wanted > 0 {
            return None;
        }
        let bulk = self.bulk.take()?;
        self.lines.skip(bulk.rest);
        Some(bulk.element)
    }

    /// Number of next bytes that need not be read.
    pub(super) const fn skippable(&self) -> u64 {
        self.lines.skippable()
    }

    /// Notes that skippable bytes were skipped.
    pub(super) const fn skipped(&mut self, len: u64) {
        self.lines.skipped(len);
    }

    /// Skips bytes that were not captured. Returns whether any of them were needed.
    pub(super) fn gap(&mut self, missing: u64) -> bool {
        let is_lost = self.lines.gap(missing) || self.bulk.is_some();
        self.bulk = None;
        is_lost
    }
}

impl Bulk {
    fn new(element: Element, len: u64) -> Self {
        let wanted = usize::try_from(len).unwrap_or(usize::MAX).min(BULK_LIMIT);
        let rest = len.saturating_sub(wanted as u64);
        Self {
            element: Element {
                text: Vec::with_capacity(wanted),
                is_long: rest > 0,
                ..element
            },
            wanted,
            rest: rest.saturating_add(END_LEN),
        }
    }
}

impl Element {
    /// The number of elements of an array.
    pub(super) fn array_len(&self) -> Option<u64> {
        let len = || number(&self.text).unwrap_or(0);
        (self.kind == b'*').then(len)
    }
}

/// A reply, possibly incomplete.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// Elements still to come, regardless of their depth.
    missing: u64,
    answer: Option<Answer>,
    is_unknown: bool,
}

/// A complete reply, identified by its first element.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) kind: u8,
    pub(super) text: Vec<u8>,
    /// The first element of a list.
    child: Option<Vec<u8>>,
}

impl Reply {
    /// Adds an element. Returns the answer that it completes.
    pub(super) fn add(&mut self, element: Element) -> Option<Answer> {
        let Some(children) = children(&element) else {
            self.is_unknown = true;
            return None;
        };
        let is_attribute = element.kind == b'|';
        if self.missing == 0 {
            self.missing = children;
            // Attributes precede the reply, and push messages answer nothing.
            self.answer = (!is_attribute && element.kind != b'>').then_some(Answer {
                kind: element.kind,
                text: element.text,
                child: None,
            });
        } else {
            if let Some(answer) = &mut self.answer {
                answer.child.get_or_insert(element.text);
            }
            let own = u64::from(!is_attribute);
            self.missing = (self.missing - own).saturating_add(children);
        }
        self.answer.take_if(|_| self.missing == 0)
    }

    /// Whether the end of the reply cannot be found: streamed strings and lists have no stated
    /// length.
    pub(super) const fn is_unknown(&self) -> bool {
        self.is_unknown
    }
}

impl Answer {
    /// Whether the reply concerns a subscription.
    pub(super) fn is_message(&self) -> bool {
        let child = self.child.as_deref().unwrap_or_default();
        self.kind == b'*' && (child.ends_with(b"subscribe") || child.ends_with(b"message"))
    }
}

/// The number of children of an element. `None` if it is not stated.
fn children(element: &Element) -> Option<u64> {
    if !b"*~>%|$=!".contains(&element.kind) {
        return Some(0);
    }
    if element.text == b"?" {
        return None;
    }
    let len = || number(&element.text).unwrap_or(0);
    match element.kind {
        b'*' | b'~' | b'>' => Some(len()),
        b'%' | b'|' => Some(len().saturating_mul(2)),
        _ => Some(0),
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

const KINDS: &[u8] = b"+-:$*_#,(!=%~>|";
const BULKS: &[u8] = b"$!=";

/// CR and LF.
const END_LEN: u64 = 2;

/// Bytes kept of a string.
const BULK_LIMIT: usize = 1 << 10;
