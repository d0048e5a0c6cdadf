//! Length-prefixed messages, independent of how the bytes are divided.

use super::found::Moment;
use std::borrow::Cow;

/// Assembles messages from the bytes of one side.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The start of the next message.
    partial: Vec<u8>,
    /// Arrival of its first byte, if any.
    first: Option<Moment>,
    /// Bytes left of the previous message.
    skip: u64,
}

/// A message, or its start.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// The requested bytes.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Arrival of the first byte.
    pub(super) first: Moment,
}

/// Length of a message, judged by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Unknown until this many bytes are available.
    Needs(usize),
    /// The message has `len` bytes, of which the first `keep` are requested. `keep` covers at least
    /// the bytes that state the length.
    Known { len: u64, keep: usize },
}

impl Messages {
    /// Returns the next message if `bytes` completes its requested bytes, and advances `bytes` past
    /// them.
    pub(super) fn next<'a>(
        &mut self,
        bytes: &mut &'a [u8],
        at: Moment,
        measure: impl Fn(&[u8]) -> Measure,
    ) -> Option<Message<'a>> {
        self.leave_out(bytes);
        if bytes.is_empty() {
            return None;
        }
        let first = *self.first.get_or_insert(at);
        loop {
            let seen: &[u8] = if self.partial.is_empty() {
                bytes
            } else {
                &self.partial
            };
            match measure(seen) {
                Measure::Needs(len) if !self.collect(len, bytes) => return None,
                Measure::Needs(_) => {}
                Measure::Known { len, keep } => {
                    let keep = usize::try_from(len).unwrap_or(usize::MAX).min(keep);
                    let kept = self.take(keep, bytes)?;
                    self.first = None;
                    self.skip = len.saturating_sub(kept.len() as u64);
                    self.leave_out(bytes);
                    return Some(Message { bytes: kept, first });
                }
            }
        }
    }

    /// Whether the first `len` bytes are available in one piece. If not, keeps what is available.
    fn collect(&mut self, len: usize, bytes: &mut &[u8]) -> bool {
        if self.partial.is_empty() && bytes.len() >= len {
            return true;
        }
        let wanted = len.saturating_sub(self.partial.len()).min(bytes.len());
        let (more, rest) = bytes.split_at(wanted);
        self.partial.extend_from_slice(more);
        *bytes = rest;
        self.partial.len() >= len
    }

    fn take<'a>(&mut self, keep: usize, bytes: &mut &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.partial.is_empty()
            && let Some((message, rest)) = bytes.split_at_checked(keep)
        {
            *bytes = rest;
            return Some(Cow::Borrowed(message));
        }
        if !self.collect(keep, bytes) {
            return None;
        }
        Some(Cow::Owned(std::mem::take(&mut self.partial)))
    }

    /// Bytes left of a message whose start was taken.
    pub(super) const fn skippable(&self) -> u64 {
        self.skip
    }

    /// Notes that skippable bytes were skipped.
    pub(super) const fn skipped(&mut self, len: u64) {
        self.skip = self.skip.saturating_sub(len);
    }

    /// Skips bytes that were not captured, and returns whether they exceed the current message. The
    /// start of the next message is then unknown.
    pub(super) const fn gap(&mut self, missing: u64) -> bool {
        let is_lost = missing > self.skip;
        self.skipped(missing);
        is_lost
    }

    /// Whether the next byte starts a message.
    pub(super) const fn is_at_start(&self) -> bool {
        self.first.is_none() && self.skip == 0
    }

    fn leave_out(&mut self, bytes: &mut &[u8]) {
        let len = usize::try_from(self.skip).unwrap_or(usize::MAX);
        let len = len.min(bytes.len());
        *bytes = bytes.get(len..).unwrap_or_default();
        self.skipped(len as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of a length byte and that many more bytes, of which four are kept in all.
    fn measure(seen: &[u8]) -> Measure {
        match seen.first() {
            None => Measure::Needs(1),
            Some(len) => Measure::Known {
                len: 1 + u64::from(*len),
                keep: 4,
            },
        }
    }

    fn messages(pieces: &[&[u8]]) -> Vec<(Vec<u8>, u64)> {
        let mut reader = Messages::default();
        let mut found = Vec::new();
        for (packet, mut bytes) in (1..).zip(pieces.iter().copied()) {
            let at = Moment {
                packet,
                ..Moment::default()
            };
            while let Some(it) = reader.next(&mut bytes, at, measure) {
                found.push((it.bytes.into_owned(), it.first.packet));
            }
        }
        found
    }

    #[test]
    fn messages_are_the_same_however_their_bytes_are_divided() {
        let bytes = b"\x02ab\x00\x06cdefgh\x01i";
        let expected: [&[u8]; 4] = [b"\x02ab", b"\x00", b"\x06cde", b"\x01i"];
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            let found = messages(&[left, right]);
            let texts: Vec<&[u8]> = found.iter().map(|it| it.0.as_slice()).collect();
            assert_eq!(texts, expected, "cut at {cut}");
        }
    }

    #[test]
    fn messages_start_with_the_packet_of_their_first_byte() {
        let found = messages(&[b"\x02", b"ab\x01", b"", b"c"]);
        assert_eq!(found.iter().map(|it| it.1).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn gaps_in_what_is_left_out_do_no_harm() {
        let mut reader = Messages::default();
        let mut bytes: &[u8] = b"\xffabc";
        assert!(
            reader
                .next(&mut bytes, Moment::default(), measure)
                .is_some()
        );
        assert_eq!(reader.skippable(), 252);
        assert!(!reader.gap(252));
        assert!(reader.is_at_start());
        assert!(reader.gap(1));
    }
}
