//! The values of a row, and their kinds.

use std::fmt;
use std::net::IpAddr;

/// The kind of a column's values, which says what they can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers, signed or not.
    Number,
    /// Points in time, as nanoseconds since 1970 (UTC).
    Time,
    /// Lengths of time, as nanoseconds.
    Duration,
    /// Text.
    Text,
    /// IP addresses.
    Address,
    /// True or false.
    Bool,
}

/// As messages name it: `a number`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number",
            Self::Time => "a time",
            Self::Duration => "a duration",
            Self::Text => "text",
            Self::Address => "an IP address",
            Self::Bool => "true or false",
        })
    }
}

/// The value of a row in one column.
///
/// One that is not of the column's kind compares as [`Null`](Cell::Null) does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'c> {
    /// There is none.
    Null,
    /// A number, a time or a duration.
    Unsigned(u64),
    /// A number, a time or a duration.
    Signed(i64),
    /// A text.
    Text(&'c str),
    /// An IP address.
    Address(IpAddr),
    /// True or false.
    Bool(bool),
}

impl<'c> Cell<'c> {
    pub(super) fn integer(self) -> Option<i128> {
        match self {
            Self::Unsigned(value) => Some(value.into()),
            Self::Signed(value) => Some(value.into()),
            _ => None,
        }
    }

    pub(super) const fn text(self) -> Option<&'c str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
