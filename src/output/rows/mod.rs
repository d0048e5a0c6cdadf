//! Tables of any kind of row: which rows, in which order, which columns, in which format.
//!
//! A job describes its rows as a [`Table`]; conditions, sorting and formats follow from the kinds of
//! its columns. The types in Parquet and Arrow are those that every reader takes: numbers and times
//! are int64, ports int32, and of times named in [`Table::timestamps`] there is also a column of
//! timestamps in microseconds, UTC.

mod append;
mod arrow;
mod choice;
mod files;
mod text;

pub use append::Appender;
pub use choice::{Choice, ColumnError, Order, Take};

use crate::error::Error;
use crate::output::table::{Format, KeepGoing, Watched};
use crate::select::condition::{Cell, Kind as ConditionKind};
use rayon::prelude::*;
use std::io::{self, Write};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name: lower case, digits, `_`. Times and durations end in `_ns`.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
}

/// The kind of a column's values; any of them may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers of 64 bits: counts, sizes, ids.
    Number,
    /// Numbers of 32 bits: ports, shifts.
    Short,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// IP addresses.
    Address,
    /// Nanoseconds since 1970, UTC.
    Time,
    /// Nanoseconds.
    Duration,
}

/// The columns of a list that also has their values.
pub const fn columns_of<V: Copy, const N: usize>(
    definitions: &[(&'static str, Kind, V); N],
) -> [Column; N] {
    let mut columns = [Column {
        name: "",
        kind: Kind::Number,
    }; N];
    let mut ordinal = 0;
    while ordinal < N {
        let (name, kind, _) = definitions[ordinal];
        columns[ordinal] = Column { name, kind };
        ordinal += 1;
    }
    columns
}

impl Kind {
    /// The kind of the values to conditions. One that is named as a duration or time is a number in
    /// conditions that name it with `_ns`.
    const fn in_conditions(self) -> ConditionKind {
        match self {
            Self::Number | Self::Short | Self::Duration => ConditionKind::Number,
            Self::Bool => ConditionKind::Bool,
            Self::Text => ConditionKind::Text,
            Self::Address => ConditionKind::Address,
            Self::Time => ConditionKind::Time,
        }
    }
}

/// Rows that can be written.
pub trait Table: Sync {
    /// A row, ready to be read.
    type Row<'a>: Row
    where
        Self: 'a;

    /// All columns, in order.
    fn columns(&self) -> &[Column];

    /// How many rows there are.
    fn len(&self) -> usize;

    /// A row by its ordinal, from 0.
    fn row(&self, ordinal: usize) -> Self::Row<'_>;

    /// Appends the line of a row for people.
    fn line(&self, row: &Self::Row<'_>, text: &mut Vec<u8>);

    /// Names for times without `_ns`, which Parquet and Arrow have as timestamps, too.
    fn timestamps(&self) -> &[&'static str] {
        &[]
    }

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A row of a table.
pub trait Row {
    /// The value in a column, by its ordinal.
    fn cell(&self, column: usize) -> Cell<'_>;
}

/// Writes the rows of a table. `keep_going` is called from time to time.
///
/// # Errors
/// When writing fails, and what `keep_going` says.
pub fn write<T: Table>(
    table: &T,
    choice: &Choice,
    format: Format,
    out: &mut (dyn Write + Send),
    failed: &(dyn Fn(io::Error) -> Error + Sync),
    keep_going: &KeepGoing<'_>,
) -> Result<(), Error> {
    let rows = choice.rows(table);
    if format.is_binary() {
        let out = &mut Watched { out, keep_going };
        let written = match format {
            Format::Parquet => files::parquet(table, choice, &rows, None, out),
            _ => files::arrow(table, choice, &rows, out),
        };
        return written.map_err(|error| match keep_going() {
            Ok(()) => failed(error),
            Err(why) => why,
        });
    }
    if format == Format::Csv {
        out.write_all(&text::header(table, choice))
            .map_err(failed)?;
    }
    for some in rows.chunks(ROWS_AT_A_TIME) {
        keep_going()?;
        lines(table, choice, format, some, out).map_err(failed)?;
    }
    Ok(())
}

/// Writes all rows of a table as a Parquet file with a metadata entry.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_noted<T: Table>(
    table: &T,
    note: (&str, String),
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let rows: Vec<usize> = (0..table.len()).collect();
    files::parquet(table, &Choice::all(), &rows, Some(note), out)
}

/// Writes rows in line-based formats.
fn lines<T: Table>(
    table: &T,
    choice: &Choice,
    format: Format,
    rows: &[usize],
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    let blocks = rows.par_chunks(ROWS_IN_BLOCK);
    let blocks: Vec<Vec<u8>> = blocks
        .map(|rows| text::block(table, choice, format, rows))
        .collect();
    blocks.iter().try_for_each(|block| out.write_all(block))
}

const ROWS_IN_BLOCK: usize = 256;
const ROWS_AT_A_TIME: usize = 32 * ROWS_IN_BLOCK;
