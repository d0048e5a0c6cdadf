//! Rows of connections stored in an index.

use super::columns::{columns, open_columns};
use super::line::Line;
use super::row::Open;
use crate::error::Error;
use crate::index::ConnectionTable;
use crate::output::rows::{Column, Kind, Row, Table};
use crate::output::table::TimeZone;
use crate::select::condition::Cell;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};

/// Connections stored in an index.
#[derive(Debug)]
pub(super) struct Stored {
    batches: Vec<RecordBatch>,
    /// The first row of each batch.
    starts: Vec<usize>,
    len: usize,
    /// For each column, its position in the batches.
    places: Vec<Option<usize>>,
    /// Ordinals of the rows to show; all if `None`.
    pub(super) shown: Option<Vec<usize>>,
    /// Numbers of other open connections, if they differ from the stored ones.
    pub(super) open: Vec<Open>,
    pub(super) time_zone: TimeZone,
}

/// A stored connection.
#[derive(Debug)]
pub(super) struct StoredRow<'a> {
    table: &'a Stored,
    batch: Option<&'a RecordBatch>,
    row: usize,
    open: Option<Open>,
}

impl Stored {
    /// Reads the columns with the `needed` ordinals.
    pub(super) fn read(
        table: &ConnectionTable,
        needed: impl Fn(usize) -> bool,
    ) -> Result<Self, Error> {
        let wanted = columns().iter().enumerate();
        let wanted = wanted.filter(|(ordinal, _)| needed(*ordinal));
        let names: Vec<&str> = wanted.map(|(_, it)| it.name).collect();
        let batches = table.read(&names)?;
        let place = |it: &Column| {
            let schema = batches.first()?.schema();
            schema.index_of(it.name).ok()
        };
        let places = columns().iter().map(place).collect();
        let mut len = 0;
        let mut starts = Vec::with_capacity(batches.len());
        for batch in &batches {
            starts.push(len);
            len += batch.num_rows();
        }
        Ok(Self {
            batches,
            starts,
            len,
            places,
            shown: None,
            open: Vec::new(),
            time_zone: TimeZone::default(),
        })
    }
}

impl Row for StoredRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        if let Some(open) = &self.open
            && let Some(place) = open_columns().position(|it| it == column)
        {
            return open.cell(place);
        }
        let kind = columns().get(column).map(|it| it.kind);
        let place = self.table.places.get(column).copied().flatten();
        let array = place
            .zip(self.batch)
            .map(|(place, batch)| batch.column(place));
        match kind.zip(array) {
            Some((kind, array)) => value(kind, array, self.row),
            None => Cell::Null,
        }
    }
}

fn value(kind: Kind, array: &dyn Array, row: usize) -> Cell<'_> {
    if row >= array.len() || array.is_null(row) {
        return Cell::Null;
    }
    let long = || Some(array.as_primitive_opt::<Int64Type>()?.value(row));
    let short = || Some(array.as_primitive_opt::<Int32Type>()?.value(row));
    let text = || Some(array.as_string_opt::<i32>()?.value(row));
    let cell = match kind {
        Kind::Number => long().map(|it| Cell::Unsigned(it.cast_unsigned())),
        Kind::Short => short().map(|it| Cell::Unsigned(it.cast_unsigned().into())),
        Kind::Time | Kind::Duration => long().map(Cell::Signed),
        Kind::Bool => array.as_boolean_opt().map(|it| Cell::Bool(it.value(row))),
        Kind::Text => text().map(Cell::Text),
        Kind::Address => text().and_then(|it| it.parse().ok()).map(Cell::Address),
    };
    cell.unwrap_or(Cell::Null)
}

impl Table for Stored {
    type Row<'a> = StoredRow<'a>;

    fn columns(&self) -> &[Column] {
        columns()
    }

    fn len(&self) -> usize {
        self.shown.as_ref().map_or(self.len, Vec::len)
    }

    fn row(&self, ordinal: usize) -> StoredRow<'_> {
        let shown = self.shown.as_ref().and_then(|it| it.get(ordinal));
        let ordinal = shown.copied().unwrap_or(ordinal);
        let batch = self
            .starts
            .partition_point(|it| *it <= ordinal)
            .saturating_sub(1);
        let start = self.starts.get(batch).copied().unwrap_or(0);
        StoredRow {
            table: self,
            batch: self.batches.get(batch),
            row: ordinal - start,
            open: self.open.get(ordinal).copied(),
        }
    }

    fn line(&self, row: &StoredRow<'_>, text: &mut Vec<u8>) {
        Line::new(&self.time_zone).append(row, text);
    }

    fn timestamps(&self) -> &[&'static str] {
        super::rows::TIMESTAMPS
    }
}
