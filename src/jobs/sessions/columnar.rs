//! Records as Parquet files: one for each type.

use super::record::Kind;
use super::schema::{Key, Shape};
use crate::output::parquet::{ParquetFile, Storage, arrow_failed};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_json::ReaderBuilder;
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use std::io::{self, Write};
use std::sync::Arc;

/// A Parquet file of records.
pub(super) struct Columns<W: Write + Send> {
    file: ParquetFile<W>,
    schema: SchemaRef,
    /// The same with integers instead of timestamps, which the JSON reader takes as texts.
    plain: SchemaRef,
    /// Records of the next row group, as lines of JSON in the form of [`keys`](fields_of).
    lines: Vec<u8>,
    count: usize,
}

impl<W: Write + Send> Columns<W> {
    pub(super) fn new(kind: Kind, out: W) -> io::Result<Self> {
        let fields: Vec<Field> = kind.keys().flat_map(fields_of).collect();
        let plain: Vec<Field> = fields.iter().map(without_timestamp).collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Self {
            file: ParquetFile::new(out, &schema, Storage::default())?,
            schema,
            plain: Arc::new(Schema::new(plain)),
            lines: Vec::new(),
            count: 0,
        })
    }

    /// Adds a record.
    pub(super) fn add(&mut self, line: &[u8]) -> io::Result<()> {
        self.lines.extend_from_slice(line);
        self.count += 1;
        if self.count == ROWS_IN_GROUP || self.lines.len() >= GROUP_LEN {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let batch = self.batch().map_err(arrow_failed)?;
        self.lines.clear();
        self.count = 0;
        self.file.write(1, |_| batch.clone())
    }

    /// A key that is not in the schema is an error: nothing may be left out silently.
    fn batch(&self) -> Result<RecordBatch, ArrowError> {
        let builder = ReaderBuilder::new(Arc::clone(&self.plain));
        let builder = builder.with_batch_size(self.count).with_strict_mode(true);
        let mut decoder = builder.build_decoder()?;
        decoder.decode(&self.lines)?;
        let batch = decoder.flush()?;
        let batch = batch.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&self.plain)));
        let columns = self.schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, array)| with_timestamps(field, array));
        RecordBatch::try_new(Arc::clone(&self.schema), columns.collect())
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.write_group()?;
        self.file.finish()
    }
}

fn without_timestamp(field: &Field) -> Field {
    match field.data_type() {
        DataType::Timestamp(..) => Field::new(field.name(), DataType::Int64, true),
        _ => field.clone(),
    }
}

fn with_timestamps(field: &Field, array: &ArrayRef) -> ArrayRef {
    match (field.data_type(), array.as_primitive_opt::<Int64Type>()) {
        (DataType::Timestamp(_, zone), Some(array)) => {
            let (values, nulls) = (array.values().clone(), array.nulls().cloned());
            let array = TimestampMicrosecondArray::new(values, nulls);
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        _ => Arc::clone(array),
    }
}

/// The columns of a key: two of a time, in nanoseconds and as a timestamp.
fn fields_of(key: &Key) -> Vec<Field> {
    let nanoseconds = || format!("{}_ns", key.name);
    match key.shape {
        Shape::Time => vec![
            Field::new(nanoseconds(), DataType::Int64, true),
            Field::new(key.name, microseconds(), true),
        ],
        Shape::Duration => vec![Field::new(nanoseconds(), DataType::Int64, true)],
        shape => vec![Field::new(key.name, data_type(shape), true)],
    }
}

fn data_type(shape: Shape) -> DataType {
    match shape {
        Shape::Number | Shape::Duration => DataType::Int64,
        Shape::Short => DataType::Int32,
        Shape::Time => microseconds(),
        Shape::Bool => DataType::Boolean,
        Shape::Text | Shape::Address => DataType::Utf8,
        Shape::Texts => list(DataType::Utf8),
        Shape::Numbers => list(DataType::Int64),
        Shape::Fields => map(list(DataType::Utf8)),
        Shape::Map => map(DataType::Utf8),
        Shape::Object(keys) => object(keys),
        Shape::Objects(keys) => list(object(keys)),
    }
}

fn microseconds() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn map(value: DataType) -> DataType {
    let entry = [
        Field::new("key", DataType::Utf8, false),
        Field::new("value", value, true),
    ];
    let entries = DataType::Struct(Fields::from_iter(entry));
    DataType::Map(Arc::new(Field::new("key_value", entries, false)), false)
}

fn object(keys: &'static [Key]) -> DataType {
    DataType::Struct(keys.iter().flat_map(fields_of).collect())
}

/// Rows of a row group, and the most bytes of their lines.
const ROWS_IN_GROUP: usize = 32 * 1024;
const GROUP_LEN: usize = 64 * 1024 * 1024;
