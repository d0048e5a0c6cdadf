//! The tests that conditions compile to.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::cell::Cell;
use super::lex::Relation;
use super::like::Pattern;
use super::set::Set;

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// A number, a time or a duration in a column is of the set.
    Integer(usize, Set<i128>),
    /// A text is of the set.
    Text(usize, Set<Box<str>>),
    /// An address is of the set.
    Address(usize, Set<IpAddr>),
    /// True or false is of the set.
    Bool(usize, Set<bool>),
    /// A text has this form.
    Like(usize, Pattern),
    /// There is no value.
    Null(usize),
    /// The values of two columns stand to each other like this.
    Columns(usize, Relation, usize),
}

impl Test {
    /// Whether it is met; `None` if that is unknown.
    pub(super) fn outcome<'c>(&self, cell: impl Fn(usize) -> Cell<'c>) -> Option<bool> {
        match self {
            Self::Integer(column, set) => Some(set.contains(&cell(*column).integer()?)),
            Self::Text(column, set) => Some(set.contains(cell(*column).text()?)),
            Self::Address(column, set) => match cell(*column) {
                Cell::Address(address) => Some(set.contains(&address)),
                _ => None,
            },
            Self::Bool(column, set) => match cell(*column) {
                Cell::Bool(value) => Some(set.contains(&value)),
                _ => None,
            },
            Self::Like(column, pattern) => Some(pattern.matches(cell(*column).text()?)),
            Self::Null(column) => Some(cell(*column) == Cell::Null),
            Self::Columns(left, relation, right) => {
                Some(relation.allows(compare(cell(*left), cell(*right))?))
            }
        }
    }

    /// The columns that it looks at; one column twice.
    pub(super) fn columns(&self) -> [usize; 2] {
        match self {
            Self::Integer(column, _)
            | Self::Text(column, _)
            | Self::Address(column, _)
            | Self::Bool(column, _)
            | Self::Like(column, _)
            | Self::Null(column) => [*column; 2],
            Self::Columns(left, _, right) => [*left, *right],
        }
    }
}

impl Relation {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// How two values of the same kind stand to each other.
fn compare(left: Cell<'_>, right: Cell<'_>) -> Option<Ordering> {
    match (left, right) {
        (Cell::Text(left), Cell::Text(right)) => Some(left.cmp(right)),
        (Cell::Address(left), Cell::Address(right)) => Some(left.cmp(&right)),
        (Cell::Bool(left), Cell::Bool(right)) => Some(left.cmp(&right)),
        _ => Some(left.integer()?.cmp(&right.integer()?)),
    }
}
