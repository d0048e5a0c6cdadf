//! Result of matching bytes with a protocol.

/// Whether bytes belong to a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    No,
    /// Too few bytes to decide.
    Maybe,
    Yes,
}

impl Match {
    pub(super) const fn of(holds: Option<bool>) -> Self {
        match holds {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Maybe,
        }
    }

    /// Whether bytes begin with a text, ignoring case.
    pub(super) fn prefix(bytes: &[u8], text: &[u8]) -> Self {
        let len = bytes.len().min(text.len());
        let is_same = matches!((bytes.get(..len), text.get(..len)), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b));
        match is_same {
            false => Self::No,
            true if len < text.len() => Self::Maybe,
            true => Self::Yes,
        }
    }

    /// A match of at least one of both.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Maybe, _) | (_, Self::Maybe) => Self::Maybe,
            _ => Self::No,
        }
    }
}
