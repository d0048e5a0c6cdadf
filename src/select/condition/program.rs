//! The compiled form of a condition, and its evaluation.
//!
//! Truth has three values here, but no step of a program needs more than two outcomes. The parser
//! moves each `not` down to the comparisons: not (a and b) is (not a) or (not b), of unknown ones
//! as well. So there is only "and" and "or" above them, which are true exactly when enough of what
//! they join is true; and a comparison that is not true, false or unknown, is not.
//!
//! As with [`Filter`](crate::select::Filter), a step says where to go on for either outcome, and
//! evaluation is one loop that passes over what the outcome no longer depends on.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::Cell;
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
    fn outcome<'c>(&self, cell: impl Fn(usize) -> Cell<'c>) -> Option<bool> {
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

    fn columns(&self) -> [usize; 2] {
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

impl<'c> Cell<'c> {
    fn integer(self) -> Option<i128> {
        match self {
            Self::Unsigned(value) => Some(value.into()),
            Self::Signed(value) => Some(value.into()),
            _ => None,
        }
    }

    const fn text(self) -> Option<&'c str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
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

/// A part of a condition as it is read: what an operator joins stands before it.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A comparison, and whether it must be true, or false.
    Test(Test, bool),
    /// Joins the last two.
    Join(Operator),
}

/// How two conditions are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
}

impl Operator {
    /// What joins the opposites of two conditions to the opposite of the whole.
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::And => Self::Or,
            Self::Or => Self::And,
        }
    }
}

/// A finished program. Of no steps, it holds for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// The last one is the first to be taken.
    steps: Vec<Step>,
}

/// A test, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    test: Test,
    /// What the test's outcome must be.
    wanted: bool,
    exits: Exits,
}

/// The index of the step to go on with, or a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exits {
    met: usize,
    not_met: usize,
}

/// The two verdicts, beyond the index of any step.
const PASS: usize = usize::MAX;
const FAIL: usize = usize::MAX - 1;

/// The step that is the last one when the exits are needed.
const NEXT: usize = usize::MAX - 2;

impl Program {
    /// Takes the parts from the last to the first, so that what stands behind a part, where one of
    /// its exits leads, is there already.
    pub(super) fn new(items: Vec<Item>) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut pending = vec![Exits {
            met: PASS,
            not_met: FAIL,
        }];
        for item in items.into_iter().rev() {
            let Some(exits) = pending.pop() else {
                break;
            };
            let last = steps.len().wrapping_sub(1);
            let exits = exits.with_next(last);
            match item {
                Item::Test(test, wanted) => steps.push(Step {
                    test,
                    wanted,
                    exits,
                }),
                Item::Join(Operator::And) => {
                    pending.push(Exits { met: NEXT, ..exits });
                    pending.push(exits);
                }
                Item::Join(Operator::Or) => {
                    pending.push(Exits {
                        not_met: NEXT,
                        ..exits
                    });
                    pending.push(exits);
                }
            }
        }
        Self { steps }
    }

    pub(super) fn holds<'c>(&self, cell: impl Fn(usize) -> Cell<'c>) -> bool {
        let Some(mut place) = self.steps.len().checked_sub(1) else {
            return true;
        };
        while let Some(step) = self.steps.get(place) {
            place = if step.test.outcome(&cell) == Some(step.wanted) {
                step.exits.met
            } else {
                step.exits.not_met
            };
        }
        place == PASS
    }

    /// The columns that are looked at, ascending.
    pub(super) fn columns(&self) -> Vec<usize> {
        let tests = self.steps.iter().map(|step| &step.test);
        let mut columns: Vec<usize> = tests.flat_map(Test::columns).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

impl Exits {
    fn with_next(self, next: usize) -> Self {
        let resolve = |place| if place == NEXT { next } else { place };
        Self {
            met: resolve(self.met),
            not_met: resolve(self.not_met),
        }
    }
}
