//! Lines, independent of how the bytes are divided.

use super::found::Moment;
use std::borrow::Cow;

/// Assembles lines from the bytes of one side.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The start of the next line.
    partial: Vec<u8>,
    /// Arrival of its first byte, if any.
    first: Option<Moment>,
    /// Bytes of the line that are not kept.
    dropped: u64,
    /// Bytes still to be skipped.
    skip: u64,
}

/// A line, without its line ending.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) text: Cow<'a, [u8]>,
    /// Arrival of the first byte.
    pub(super) first: Moment,
    /// Length in bytes, including the line ending.
    pub(super) len: u64,
    /// Whether the line is longer than `text`.
    pub(super) is_long: bool,
}

/// Bytes kept of a line.
pub(super) const LINE_LIMIT: usize = 8 << 10;

impl Lines {
    /// Returns the next line if `bytes` completes it, and advances `bytes` past it. Lines end with
    /// LF or CR LF.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8], at: Moment) -> Option<Line<'a>> {
        self.leave_out(bytes);
        if bytes.is_empty() {
            return None;
        }
        let first = *self.first.get_or_insert(at);
        let Some(end) = bytes.iter().position(|it| *it == b'\n') else {
            self.keep(std::mem::take(bytes));
            return None;
        };
        let (line, rest) = bytes.split_at(end);
        *bytes = rest.get(1..).unwrap_or_default();
        let mut text = if self.partial.is_empty() && line.len() <= LINE_LIMIT {
            Cow::Borrowed(line)
        } else {
            self.keep(line);
            Cow::Owned(std::mem::take(&mut self.partial))
        };
        let dropped = std::mem::take(&mut self.dropped);
        let len = text.len() as u64 + dropped + 1;
        if text.last() == Some(&b'\r') {
            text = without_last(text);
        }
        self.first = None;
        Some(Line {
            text,
            first,
            len,
            is_long: dropped > 0,
        })
    }

    /// Skips the next bytes, which belong to no line.
    pub(super) const fn skip(&mut self, len: u64) {
        self.skip = self.skip.saturating_add(len);
    }

    /// Number of next bytes that need not be read.
    pub(super) const fn skippable(&self) -> u64 {
        self.skip
    }

    /// Notes that skippable bytes were skipped.
    pub(super) const fn skipped(&mut self, len: u64) {
        self.skip = self.skip.saturating_sub(len);
    }

    /// Whether the next byte starts a line.
    pub(super) const fn is_at_start(&self) -> bool {
        self.first.is_none() && self.skip == 0
    }

    /// Bytes of the next line so far.
    pub(super) const fn partial_len(&self) -> u64 {
        self.dropped.saturating_add(self.partial.len() as u64)
    }

    /// Skips bytes that were not captured, and returns whether any of them belonged to lines. If
    /// so, the next bytes start a line.
    pub(super) fn gap(&mut self, missing: u64) -> bool {
        let is_lost = missing > self.skip;
        self.skipped(missing);
        if is_lost {
            *self = Self::default();
        }
        is_lost
    }

    fn leave_out(&mut self, bytes: &mut &[u8]) {
        let len = usize::try_from(self.skip).unwrap_or(usize::MAX);
        let len = len.min(bytes.len());
        *bytes = bytes.get(len..).unwrap_or_default();
        self.skipped(len as u64);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_LIMIT - self.partial.len();
        let (kept, dropped) = bytes.split_at(room.min(bytes.len()));
        self.partial.extend_from_slice(kept);
        self.dropped += dropped.len() as u64;
    }
}

fn without_last(mut text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match &mut text {
        Cow::Borrowed(text) => *text = text.split_last().map_or(&[], |(_, rest)| rest),
        Cow::Owned(text) => {
            text.pop();
        }
    }
    text
}

/// Splits a line into its command, in upper case, and the rest.
pub(super) fn command(line: &[u8]) -> (String, &[u8]) {
    let end = line.iter().position(|it| *it == b' ');
    let (name, rest) = line.split_at(end.unwrap_or(line.len()));
    let name = name.get(..COMMAND_LIMIT).unwrap_or(name);
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    (name, rest.get(1..).unwrap_or_default())
}

/// Longer than any command.
const COMMAND_LIMIT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<(Vec<u8>, u64, u64)> {
        let mut reader = Lines::default();
        let mut found = Vec::new();
        for (packet, mut bytes) in (1..).zip(pieces.iter().copied()) {
            let at = Moment {
                packet,
                ..Moment::default()
            };
            while let Some(line) = reader.next(&mut bytes, at) {
                found.push((line.text.into_owned(), line.first.packet, line.len));
            }
        }
        found
    }

    #[test]
    fn lines_are_the_same_however_their_bytes_are_divided() {
        let text = b"one\r\ntwo\n\r\nthree\r\nrest";
        let expected = ["one", "two", "", "three"];
        for cut in 0..=text.len() {
            let (left, right) = text.split_at(cut);
            let found = lines(&[left, right]);
            let texts: Vec<&[u8]> = found.iter().map(|it| it.0.as_slice()).collect();
            assert_eq!(texts, expected.map(str::as_bytes), "cut at {cut}");
            assert_eq!(
                found.iter().map(|it| it.2).collect::<Vec<_>>(),
                [5, 4, 2, 7]
            );
        }
    }

    #[test]
    fn lines_start_with_the_packet_of_their_first_byte() {
        let found = lines(&[b"a", b"b\nc", b"", b"d\n"]);
        assert_eq!(found.iter().map(|it| it.1).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn long_lines_are_truncated() {
        let long = vec![b'x'; 3 * LINE_LIMIT];
        let mut reader = Lines::default();
        let mut bytes = long.as_slice();
        assert!(reader.next(&mut bytes, Moment::default()).is_none());
        assert_eq!(reader.partial.len(), LINE_LIMIT);
        let mut bytes: &[u8] = b"y\nshort\n";
        let line = reader.next(&mut bytes, Moment::default()).unwrap();
        assert_eq!((line.text.len(), line.is_long), (LINE_LIMIT, true));
        assert_eq!(line.len, long.len() as u64 + 2);
        let line = reader.next(&mut bytes, Moment::default()).unwrap();
        assert_eq!((&*line.text, line.is_long), (b"short".as_slice(), false));
    }

    #[test]
    fn bytes_are_left_out() {
        let mut reader = Lines::default();
        reader.skip(3);
        let mut bytes: &[u8] = b"ab";
        assert!(reader.next(&mut bytes, Moment::default()).is_none());
        assert_eq!(reader.skippable(), 1);
        let mut bytes: &[u8] = b"\nline\n";
        let line = reader.next(&mut bytes, Moment::default()).unwrap();
        assert_eq!(&*line.text, b"line");
        reader.skip(10);
        assert!(!reader.gap(10));
        assert!(reader.gap(1));
    }

    #[test]
    fn commands_are_in_upper_case() {
        assert_eq!(command(b"user a b"), ("USER".to_owned(), b"a b".as_slice()));
        assert_eq!(command(b"QUIT"), ("QUIT".to_owned(), b"".as_slice()));
    }
}
