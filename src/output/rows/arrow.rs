//! Rows as columns in memory (<https://arrow.apache.org/docs/format/Columnar.html>).

use super::{Choice, Column, Kind, Row, Table};
use crate::select::condition::Cell;
use arrow_array::builder::{
    BooleanBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The columns that are written: each one's ordinal, or that of the time that it is a timestamp of.
#[derive(Clone, Copy, Debug)]
struct Written {
    ordinal: usize,
    name: &'static str,
    kind: Kind,
    is_timestamp: bool,
}

/// How rows become batches.
pub(super) struct Batches<'a, T> {
    table: &'a T,
    written: Vec<Written>,
    pub(super) schema: SchemaRef,
}

impl<'a, T: Table> Batches<'a, T> {
    pub(super) fn new(table: &'a T, choice: &Choice) -> Self {
        let ordinals = choice.columns_of(table.columns());
        let columns = ordinals.into_iter();
        let columns = columns.filter_map(|it| Some((it, *table.columns().get(it)?)));
        let written: Vec<Written> = columns
            .flat_map(|(ordinal, column)| written(ordinal, column, table.timestamps()))
            .collect();
        let fields: Vec<Field> = written
            .iter()
            .map(|it| Field::new(it.name, it.data_type(), true))
            .collect();
        Self {
            table,
            written,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    /// Some rows.
    pub(super) fn batch(&self, rows: &[usize]) -> RecordBatch {
        let mut builders: Vec<Builder> = self
            .written
            .iter()
            .map(|it| Builder::new(*it, rows.len()))
            .collect();
        for some in rows.chunks(ROWS_AT_ONCE) {
            let some: Vec<T::Row<'_>> = some.iter().map(|&row| self.table.row(row)).collect();
            for (builder, written) in builders.iter_mut().zip(&self.written) {
                for row in &some {
                    builder.push(row.cell(written.ordinal));
                }
            }
        }
        let arrays = builders.into_iter().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        debug_assert!(batch.is_ok(), "schema and arrays come from the same list");
        batch.unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(&self.schema)))
    }
}

/// Names of the columns of integers: stored as differences, at half the cost of dictionaries.
pub(super) fn integers(schema: &Schema) -> Vec<&str> {
    let fields = schema.fields().iter();
    let integers = fields.filter(|it| it.data_type().is_integer());
    integers.map(|it| it.name().as_str()).collect()
}

fn written(ordinal: usize, column: Column, timestamps: &[&'static str]) -> Vec<Written> {
    let plain = Written {
        ordinal,
        name: column.name,
        kind: column.kind,
        is_timestamp: false,
    };
    let short = column.name.strip_suffix("_ns");
    let timestamp = timestamps.iter().find(|it| short == Some(**it));
    let timestamp = timestamp.map(|name| Written {
        name,
        is_timestamp: true,
        ..plain
    });
    [Some(plain), timestamp].into_iter().flatten().collect()
}

impl Written {
    fn data_type(&self) -> DataType {
        match self.kind {
            Kind::Time if self.is_timestamp => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            Kind::Number | Kind::Time | Kind::Duration => DataType::Int64,
            Kind::Short => DataType::Int32,
            Kind::Bool => DataType::Boolean,
            Kind::Text | Kind::Address => DataType::Utf8,
        }
    }
}

/// A column that is being built.
enum Builder {
    Number(Int64Builder),
    Short(Int32Builder),
    Bool(BooleanBuilder),
    Text(StringBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Builder {
    fn new(written: Written, rows: usize) -> Self {
        match written.kind {
            Kind::Time if written.is_timestamp => {
                let builder = TimestampMicrosecondBuilder::with_capacity(rows);
                Self::Timestamp(builder.with_data_type(written.data_type()))
            }
            Kind::Number | Kind::Time | Kind::Duration => {
                Self::Number(Int64Builder::with_capacity(rows))
            }
            Kind::Short => Self::Short(Int32Builder::with_capacity(rows)),
            Kind::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            Kind::Text | Kind::Address => {
                Self::Text(StringBuilder::with_capacity(rows, rows * TYPICAL_TEXT))
            }
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Number(builder), cell) => builder.append_option(number(cell)),
            (Self::Short(builder), cell) => {
                builder.append_option(number(cell).and_then(|it| i32::try_from(it).ok()));
            }
            (Self::Timestamp(builder), cell) => {
                builder.append_option(number(cell).map(|it| it.div_euclid(1000)));
            }
            (Self::Bool(builder), Cell::Bool(is_true)) => builder.append_value(is_true),
            (Self::Bool(builder), _) => builder.append_null(),
            (Self::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (Self::Text(builder), Cell::Address(address)) => {
                builder.append_value(address.to_string());
            }
            (Self::Text(builder), _) => builder.append_null(),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Number(mut builder) => Arc::new(builder.finish()),
            Self::Short(mut builder) => Arc::new(builder.finish()),
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
        }
    }
}

fn number(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Signed(number) => Some(number),
        // No count, size or id is as large.
        Cell::Unsigned(number) => Some(i64::try_from(number).unwrap_or(i64::MAX)),
        _ => None,
    }
}

/// Rows that are put into columns at once: they fit into the cache, and each column's code runs many
/// times in a row.
const ROWS_AT_ONCE: usize = 64;
/// Bytes of an address as text.
const TYPICAL_TEXT: usize = 12;
