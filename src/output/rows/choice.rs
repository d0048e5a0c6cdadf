//! Which rows and columns of a table are written.

use super::{Column, Kind, Row, Table};
use crate::select::condition::{Cell, Condition, ConditionError, Kind as ConditionKind};
use rayon::prelude::*;
use std::net::IpAddr;

/// Which rows and columns of a table are written.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The columns, by their ordinals; all where there are none.
    columns: Vec<usize>,
    condition: Option<Condition>,
    /// For each column that the condition may name, its ordinal.
    named: Vec<usize>,
    order: Option<Order>,
    take: Take,
}

/// What rows are sorted by: ascending, equal ones and those without a value in their own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    column: usize,
}

/// How many of the rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Take {
    /// All.
    #[default]
    All,
    /// The first ones.
    First(usize),
    /// The last ones: the greatest.
    Last(usize),
}

/// A name that is no column's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no column {name:?}; the columns are {columns}")]
pub struct ColumnError {
    name: String,
    columns: String,
}

impl Choice {
    /// All rows and columns.
    pub fn all() -> Self {
        Self::default()
    }

    /// These columns, in this order.
    ///
    /// # Errors
    /// When a name is no column's.
    pub fn with_columns(
        mut self,
        columns: &[Column],
        names: &[String],
    ) -> Result<Self, ColumnError> {
        let ordinals = names.iter().map(|name| ordinal(columns, name));
        self.columns = ordinals.collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// The rows that meet a condition.
    ///
    /// # Errors
    /// What is wrong with the condition.
    pub fn with_condition(
        mut self,
        columns: &[Column],
        text: &str,
    ) -> Result<Self, ConditionError> {
        let names = condition_names(columns);
        let kinds: Vec<(&str, ConditionKind)> =
            names.iter().map(|(name, kind, _)| (*name, *kind)).collect();
        self.condition = Some(Condition::parse(text, &kinds)?);
        self.named = names.into_iter().map(|(.., ordinal)| ordinal).collect();
        Ok(self)
    }

    /// Sorted by a column, ascending.
    ///
    /// # Errors
    /// When the name is no column's.
    pub fn sorted_by(mut self, columns: &[Column], name: &str) -> Result<Self, ColumnError> {
        let column = ordinal(columns, name)?;
        self.order = Some(Order { column });
        Ok(self)
    }

    /// Some of the rows.
    #[must_use]
    pub const fn taking(mut self, take: Take) -> Self {
        self.take = take;
        self
    }

    /// Whether the value of a column is looked at or written.
    pub fn needs(&self, column: usize) -> bool {
        let by_condition = self.condition.as_ref().is_some_and(|it| {
            let mut used = it.columns().iter();
            used.any(|named| self.named.get(*named) == Some(&column))
        });
        let by_order = self.order.is_some_and(|it| it.column == column);
        by_condition || by_order || self.columns.is_empty() || self.columns.contains(&column)
    }

    /// The ordinals of the columns that are written.
    pub(super) fn columns_of(&self, columns: &[Column]) -> Vec<usize> {
        if self.columns.is_empty() {
            (0..columns.len()).collect()
        } else {
            self.columns.clone()
        }
    }

    /// Whether a row meets the condition.
    pub fn accepts(&self, row: &impl Row) -> bool {
        self.condition.as_ref().is_none_or(|condition| {
            condition.matches(|named| match self.named.get(named) {
                Some(&column) => row.cell(column),
                None => Cell::Null,
            })
        })
    }

    /// The ordinals of the rows that are written, in order.
    pub(super) fn rows<T: Table>(&self, table: &T) -> Vec<usize> {
        let all = (0..table.len()).into_par_iter().with_min_len(64);
        let mut rows: Vec<usize> = match (&self.condition, self.order) {
            (None, None) => (0..table.len()).collect(),
            (Some(_), None) => all.filter(|it| self.accepts(&table.row(*it))).collect(),
            (_, Some(order)) => {
                let keyed = all.filter_map(|ordinal| {
                    let row = table.row(ordinal);
                    let is_shown = self.accepts(&row);
                    is_shown.then(|| (Key::of(row.cell(order.column)), ordinal))
                });
                let mut keyed: Vec<(Key, usize)> = keyed.collect();
                keyed.par_sort_unstable();
                keyed.into_iter().map(|(_, ordinal)| ordinal).collect()
            }
        };
        match self.take {
            Take::All => {}
            Take::First(count) => rows.truncate(count),
            Take::Last(count) => {
                rows.drain(..rows.len().saturating_sub(count));
            }
        }
        rows
    }
}

/// What rows are sorted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    None,
    Number(i128),
    Text(Box<str>),
    Address(IpAddr),
}

impl Key {
    fn of(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null => Self::None,
            Cell::Unsigned(number) => Self::Number(number.into()),
            Cell::Signed(number) => Self::Number(number.into()),
            Cell::Bool(is_true) => Self::Number(is_true.into()),
            Cell::Text(text) => Self::Text(text.into()),
            Cell::Address(address) => Self::Address(address),
        }
    }
}

/// The ordinal of a column; `_ns` may be left out of its name.
fn ordinal(columns: &[Column], name: &str) -> Result<usize, ColumnError> {
    let exact = columns.iter().position(|it| it.name == name);
    let short = || columns.iter().position(|it| short_name(it) == Some(name));
    exact.or_else(short).ok_or_else(|| ColumnError {
        name: name.to_owned(),
        columns: columns
            .iter()
            .map(|it| it.name)
            .collect::<Vec<_>>()
            .join(" "),
    })
}

/// The name of a time or duration without its unit.
fn short_name(column: &Column) -> Option<&'static str> {
    match column.kind {
        Kind::Time | Kind::Duration => column.name.strip_suffix("_ns"),
        _ => None,
    }
}

/// The names that conditions may use, with the kinds of their values and their columns.
fn condition_names(columns: &[Column]) -> Vec<(&'static str, ConditionKind, usize)> {
    let exact = columns.iter().enumerate();
    let exact = exact.map(|(ordinal, it)| (it.name, it.kind.in_conditions(), ordinal));
    let short = columns.iter().enumerate().filter_map(|(ordinal, it)| {
        let kind = match it.kind {
            Kind::Duration => ConditionKind::Duration,
            kind => kind.in_conditions(),
        };
        Some((short_name(it)?, kind, ordinal))
    });
    exact.chain(short).collect()
}
