//! Client commands: lines, and the literals between them.

use crate::app::found::Moment;
use crate::app::lines::Lines;

/// Assembles commands from the bytes of a client.
#[derive(Debug, Default)]
pub(super) struct Commands {
    lines: Lines,
    /// The start of the next command. Literals are kept as quoted strings.
    partial: Vec<u8>,
    first: Option<Moment>,
    is_long: bool,
    /// Bytes left of a literal.
    literal: u64,
    is_in_literal: bool,
}

/// A command, without its line ending.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) text: Vec<u8>,
    pub(super) first: Moment,
    /// Whether the command is longer than `text`.
    pub(super) is_long: bool,
}

/// A literal announced at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// Length in bytes.
    pub(super) len: u64,
    /// Length of the announcement.
    announcement: usize,
}

impl Commands {
    /// Returns the next command if `bytes` completes it, and advances `bytes` past it.
    pub(super) fn next(&mut self, bytes: &mut &[u8], at: Moment) -> Option<Command> {
        loop {
            if self.is_in_literal && !self.literal(bytes) {
                return None;
            }
            let line = self.lines.next(bytes, at)?;
            let first = *self.first.get_or_insert(line.first);
            self.is_long |= line.is_long;
            let literal = literal(&line.text);
            let kept = line.text.len() - literal.map_or(0, |it| it.announcement);
            self.keep(line.text.get(..kept).unwrap_or_default());
            if let Some(literal) = literal {
                self.is_in_literal = true;
                self.literal = literal.len;
                self.keep(b"\"");
                continue;
            }
            let command = Command {
                text: std::mem::take(&mut self.partial),
                first,
                is_long: std::mem::take(&mut self.is_long),
            };
            self.first = None;
            return Some(command);
        }
    }

    /// Reads bytes of a literal. Returns whether it is complete.
    fn literal(&mut self, bytes: &mut &[u8]) -> bool {
        let len = usize::try_from(self.literal).unwrap_or(usize::MAX);
        let (literal, rest) = bytes.split_at(len.min(bytes.len()));
        *bytes = rest;
        self.literal -= literal.len() as u64;
        let room = LIMIT.saturating_sub(self.partial.len());
        for byte in literal.iter().take(room) {
            if matches!(byte, b'"' | b'\\') {
                self.keep(b"\\");
            }
            self.keep(&[*byte]);
        }
        self.is_long |= literal.len() > room;
        self.end_literal()
    }

    fn end_literal(&mut self) -> bool {
        if self.literal == 0 {
            self.is_in_literal = false;
            self.keep(b"\"");
        }
        self.literal == 0
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LIMIT.saturating_sub(self.partial.len());
        self.is_long |= bytes.len() > room;
        self.partial
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Notes a tagged reply. If it answers the command being sent, the server refused its literal.
    pub(super) fn answered(&mut self, tag: &[u8]) {
        let is_next = words(&self.partial).next().is_some_and(|it| it == tag);
        if is_next && self.lines.is_at_start() {
            *self = Self::default();
        }
    }

    /// Whether the next byte starts a command.
    pub(super) const fn is_at_start(&self) -> bool {
        self.first.is_none() && self.lines.is_at_start()
    }

    /// Number of next bytes that need not be read.
    pub(super) const fn skippable(&self) -> u64 {
        if self.partial.len() >= LIMIT {
            self.literal
        } else {
            0
        }
    }

    /// Skips bytes of a literal.
    pub(super) fn skipped(&mut self, len: u64) {
        self.is_long = true;
        self.literal = self.literal.saturating_sub(len);
        self.end_literal();
    }

    /// Skips bytes that were not captured, and returns whether a command was lost. If so, the next
    /// bytes start a command.
    pub(super) fn gap(&mut self, missing: u64) -> bool {
        if self.is_in_literal && missing <= self.skippable() {
            self.skipped(missing);
            return false;
        }
        *self = Self::default();
        true
    }
}

/// `{5}`, `{5+}` or `~{5}` at the end of a line.
pub(super) fn literal(line: &[u8]) -> Option<Literal> {
    let rest = line.strip_suffix(b"}")?;
    let rest = rest.strip_suffix(b"+").unwrap_or(rest);
    let start = rest.iter().rposition(|it| *it == b'{')?;
    let digits = std::str::from_utf8(rest.get(start + 1..)?).ok()?;
    if !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    Some(Literal {
        len: digits.parse().ok()?,
        announcement: line.len() - start,
    })
}

/// The words of a command: atoms, and quoted strings without their quotes.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while let Some((b' ', after)) = rest.split_first() {
            rest = after;
        }
        let (word, after) = match rest.split_first()? {
            (b'"', after) => quoted(after),
            _ => {
                let end = rest.iter().position(|it| *it == b' ');
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                (word.to_vec(), after)
            }
        };
        rest = after;
        Some(word)
    })
}

/// Splits off a quoted string, after its opening quote.
fn quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut word = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.split_first()) {
            (b'"', _) => break,
            (b'\\', Some((&escaped, after))) => {
                word.push(escaped);
                rest = after;
            }
            _ => word.push(byte),
        }
    }
    (word, rest)
}

/// Bytes kept of a command.
const LIMIT: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        let len = |line: &str| literal(line.as_bytes()).map(|it| it.len);
        assert_eq!(len("a LOGIN {5}"), Some(5));
        assert_eq!(len("a LOGIN {05+}"), Some(5));
        for line in ["", "}", "{}", "{+5}", "{5", "{99999999999999999999}", "{a}"] {
            assert_eq!(len(line), None, "{line}");
        }
    }

    #[test]
    fn words_of_a_command() {
        let found: Vec<Vec<u8>> = words(br#"a  LOGIN "x \"y\\" "" z"q"#).collect();
        assert_eq!(found, [&b"a"[..], b"LOGIN", br#"x "y\"#, b"", br#"z"q"#]);
        assert_eq!(words(br#""open"#).collect::<Vec<_>>(), [b"open"]);
    }
}
