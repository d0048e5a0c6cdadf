//! Three-digit replies of one or more lines (RFC 959, section 4.2; RFC 5321, section 4.2).

use super::found::Moment;
use super::lines::Lines;

/// Assembles replies from the bytes of a server.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pub(super) lines: Lines,
    /// A reply whose last line is missing.
    open: Option<Reply>,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text after the code of each line, separated by LF.
    pub(super) text: Vec<u8>,
}

impl Replies {
    /// Returns the next reply if `bytes` completes it, and advances `bytes` past it. Lines that
    /// belong to no reply are skipped.
    pub(super) fn next(&mut self, bytes: &mut &[u8], at: Moment) -> Option<Reply> {
        while let Some(line) = self.lines.next(bytes, at) {
            let head = head(&line.text);
            let Some(reply) = &mut self.open else {
                let Some((code, is_last, text)) = head else {
                    continue;
                };
                let text = text.to_vec();
                let reply = Reply { code, text };
                if is_last {
                    return Some(reply);
                }
                self.open = Some(reply);
                continue;
            };
            let (is_last, text) = match head {
                Some((code, is_last, text)) if code == reply.code => (is_last, text),
                _ => (false, &*line.text),
            };
            if reply.text.len() + text.len() < TEXT_LIMIT {
                reply.text.push(b'\n');
                reply.text.extend_from_slice(text);
            }
            if is_last {
                return self.open.take();
            }
        }
        None
    }

    /// Skips bytes that were not captured. Returns whether a reply was lost.
    pub(super) fn gap(&mut self, missing: u64) -> bool {
        self.open = None;
        self.lines.gap(missing)
    }

    /// Whether the next byte starts a reply.
    pub(super) const fn is_at_start(&self) -> bool {
        self.open.is_none() && self.lines.is_at_start()
    }
}

/// The code, whether the line is the last one of its reply, and the text.
fn head(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = code
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// Bytes kept of a reply.
const TEXT_LIMIT: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_several_lines() {
        let text = b"220-one\r\n 220 two\r\n331 three\r\n220 four\r\nnoise\r\n250\r\n550-x\r\n";
        let mut reader = Replies::default();
        let mut bytes = text.as_slice();
        let mut found = Vec::new();
        while let Some(reply) = reader.next(&mut bytes, Moment::default()) {
            found.push((reply.code, String::from_utf8(reply.text).unwrap()));
        }
        let first = "one\n 220 two\n331 three\nfour".to_owned();
        assert_eq!(found, [(220, first), (250, String::new())]);
        assert!(!reader.is_at_start());
    }
}
