//! The elements of RESP, and replies made of them.

use crate::app::found::Moment;
use crate::app::lines::Lines;

/// Makes elements of what one side sends.
#[derive(Debug, Default)]
pub(super) struct Elements {
    lines: Lines,
    bulk: Option<Bulk>,
}

/// A string whose length is stated, as far as it has come.
#[derive(Debug)]
struct Bulk {
    element: Element,
    /// How many bytes are still to be kept.
    wanted: usize,
    /// How many bytes follow those, with the end of the line.
    rest: u64,
}

/// A line, or a string whose length is stated.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// `+`, `$` …; the first byte of a line that is no RESP.
    kind: u8,
    /// The string, or the line: with its first byte if that is no kind.
    pub(super) text: Vec<u8>,
    pub(super) first: Moment,
    /// It is longer than its text.
    pub(super) is_long: bool,
}

impl Elements {
    /// The next element, which `bytes` completes; they are then what follows it. Strings are
    /// complete as soon as what is kept of them is there.
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

    /// How many of the next bytes are of no use.
    pub(super) const fn skippable(&self) -> u64 {
        self.lines.skippable()
    }

    /// Bytes of no use did not come.
    pub(super) const fn skipped(&mut self, len: u64) {
        self.lines.skipped(len);
    }

    /// Bytes are missing. Whether any of use.
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
    /// Of an array, how many elements it has.
    pub(super) fn array_len(&self) -> Option<u64> {
        let len = || number(&self.text).unwrap_or(0);
        (self.kind == b'*').then(len)
    }
}

/// A reply, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// How many elements are still to come. However deep they are, this is all that counts.
    missing: u64,
    answer: Option<Answer>,
    is_unknown: bool,
}

/// A whole reply: its first element.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) kind: u8,
    pub(super) text: Vec<u8>,
    /// The first element of a list.
    child: Option<Vec<u8>>,
}

impl Reply {
    /// Takes an element. The answer that it completes.
    pub(super) fn add(&mut self, element: Element) -> Option<Answer> {
        let Some(children) = children(&element) else {
            self.is_unknown = true;
            return None;
        };
        let is_attribute = element.kind == b'|';
        if self.missing == 0 {
            self.missing = children;
            // Attributes precede the reply, and what was not requested answers nothing.
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

    /// Whether its end cannot be found (strings and lists whose lengths are not stated).
    pub(super) const fn is_unknown(&self) -> bool {
        self.is_unknown
    }
}

impl Answer {
    /// Whether it is about a subscription.
    pub(super) fn is_message(&self) -> bool {
        let child = self.child.as_deref().unwrap_or_default();
        self.kind == b'*' && (child.ends_with(b"subscribe") || child.ends_with(b"message"))
    }
}

/// How many elements an element has. `None` if it is not stated.
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

/// More of a string is not kept.
const BULK_LIMIT: usize = 1 << 10;
