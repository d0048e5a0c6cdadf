//! The faults of conditions.

use super::cell::Kind;
use crate::select::language::error::{FaultKind, TextError};
use crate::select::net::{IpNet, IpNetError};

/// A fault in the text of a condition, with its place.
pub type ConditionError = TextError<ConditionErrorKind>;

impl FaultKind for ConditionErrorKind {
    const TEXT: &'static str = "condition";
}

/// The fault of a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionErrorKind {
    /// Something else must stand here.
    #[error("expected {0} here")]
    Expected(Expected),
    /// A sign that is not of the language.
    #[error(
        "{0} means nothing here: columns and values are compared with =, !=, <, <=, > or >=, and \
         conditions joined with 'and', 'or' and 'not'"
    )]
    UnknownSign(String),
    /// A quote without its second half.
    #[error("this quote is never closed; within a text, a quote is written twice")]
    Unclosed,
    /// An opening parenthesis without its closing one.
    #[error("this '(' is never closed")]
    NeverClosed,
    /// A closing parenthesis without its opening one.
    #[error("this ')' closes nothing")]
    NeverOpened,
    /// A name that no column has.
    #[error("there is no column {word}; {hint}")]
    UnknownColumn {
        /// The name, quoted.
        word: String,
        /// What there is.
        hint: String,
    },
    /// A column that is not true or false, where a condition belongs.
    #[error("'{column}' is {kind}, and no condition by itself: compare it with something")]
    NotACondition {
        /// The column.
        column: String,
        /// What it holds.
        kind: Kind,
    },
    /// A comparison of values.
    #[error("{0} is a value, and so is what it is compared with: one of them must be a column")]
    NoColumn(String),
    /// A value where only a column makes sense.
    #[error("{0} is a value, but only columns can be null or like a pattern")]
    NotAColumn(String),
    /// Columns of two kinds.
    #[error("'{left}' is {left_kind} and '{right}' is {right_kind}: they cannot be compared")]
    Kinds {
        /// The column on the left.
        left: String,
        /// What it holds.
        left_kind: Kind,
        /// The column on the right.
        right: String,
        /// What it holds.
        right_kind: Kind,
    },
    /// A comparison with `null`, which no row meets.
    #[error("nothing is equal to null, nor different from it: write 'is null' or 'is not null'")]
    ComparedWithNull,
    /// A value that is not of the column's kind, or not written as it must be.
    #[error("'{column}' is {kind}, but {value} is not: write it as {}", how(*kind))]
    Value {
        /// The column.
        column: String,
        /// What it holds.
        kind: Kind,
        /// The value, quoted.
        value: String,
    },
    /// A value in quotes that must stand without.
    #[error("'{column}' is {kind}, but {value} is in quotes and so text: write it as {}", how(*kind))]
    Quoted {
        /// The column.
        column: String,
        /// What it holds.
        kind: Kind,
        /// The value, quoted.
        value: String,
    },
    /// A value without quotes that must stand in them.
    #[error("'{column}' is text, and there is no column {value}: a text stands in quotes")]
    NotQuoted {
        /// The column.
        column: String,
        /// The value, quoted.
        value: String,
    },
    /// The answer depends on more digits of the value than are kept.
    #[error("{0} has too many digits: 38 can be told apart")]
    TooManyDigits(String),
    /// The value is no address and no network.
    #[error(transparent)]
    Address(IpNetError),
    /// The address has bits that the mask leaves out: one of the two is a slip.
    #[error("the address has bits set outside its mask; the network is {0}")]
    HostBits(IpNet),
    /// A mask with holes.
    #[error("{0} is no network, but has holes: write it as in 10.0.0.0/8")]
    Holes(IpNet),
    /// A network where order matters.
    #[error("a network such as {0} has no order: compare with =, != or in, or with one address")]
    NetworkOrder(IpNet),
    /// `like` with a column that is not text.
    #[error("'{column}' is {kind}, and only text is like a pattern")]
    Like {
        /// The column.
        column: String,
        /// What it holds.
        kind: Kind,
    },
}

/// How values of a kind are written, for messages.
const fn how(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => {
            "1500, 0xff, 1.5e9, 4K or 10kB (units: K, M, G, T are powers of 1024, kB, MB, GB, TB of 1000)"
        }
        Kind::Time => {
            "'2024-05-01T12:00:00Z', '2024-05-01 12:00:00', '2024-05-01' or nanoseconds since 1970"
        }
        Kind::Duration => "10s, 1.5ms or 2m (units: ns, us, ms, s, m, h, d)",
        Kind::Text => "'text'",
        Kind::Address => "10.0.0.1, 2001:db8::1 or 10.0.0.0/8",
        Kind::Bool => "true or false",
    }
}

/// The token that was expected instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Expected {
    /// The begin of a condition.
    #[error("a condition such as 'bytes > 1e6'")]
    Condition,
    /// What may follow the first side of a comparison.
    #[error("a comparison such as '= 443', 'in (80, 443)', 'between 1 and 9' or 'is null'")]
    Comparison,
    /// What may follow `not` behind the first side of a comparison.
    #[error("'in', 'between', 'like' or 'ilike'")]
    AfterNot,
    /// The second side of a comparison.
    #[error("a value or a column")]
    Value,
    /// What follows `in`.
    #[error("a list in parentheses such as '(80, 443)'")]
    List,
    /// What follows a value of a list.
    #[error("',' or ')'")]
    CommaOrClose,
    /// What follows the lower end behind `between`.
    #[error("'and' and the upper end")]
    UpperEnd,
    /// What follows `like` and `ilike`.
    #[error("a pattern in quotes such as 'www.%'")]
    Pattern,
    /// What follows `is`.
    #[error("'null' or 'not null'")]
    Null,
    /// What may follow a complete condition.
    #[error("'and', 'or' or the end of the condition")]
    Operator,
    /// As `Operator`, within parentheses.
    #[error("'and', 'or' or ')'")]
    OperatorOrClose,
}
