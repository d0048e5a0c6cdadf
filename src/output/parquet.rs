//! Parquet files (<https://parquet.apache.org/docs/file-format/>): row groups are encoded in
//! parallel, and written in order.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;
use std::io::{self, Write};
use std::sync::Arc;

/// A Parquet file that is being written.
pub(crate) struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<Slot<W>>,
    factory: ArrowRowGroupWriterFactory,
    groups: usize,
}

/// How the columns of a file are stored, where not as dictionaries with statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Storage<'a> {
    /// Numbers that differ in nearly every row: as differences.
    pub(crate) deltas: &'a [&'a str],
    /// What is too long, and too random, for either.
    pub(crate) plain: &'a [&'a str],
    /// What is searched for one value: with Bloom filters.
    pub(crate) bloom: &'a [&'a str],
    /// What nobody asks the least and the greatest of.
    pub(crate) without_statistics: &'a [&'a str],
}

impl Storage<'_> {
    fn properties(&self, schema: &SchemaRef) -> WriterProperties {
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("pcap_flows ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_dictionary_page_size_limit(DICTIONARY_LEN);
        type Setting = fn(WriterPropertiesBuilder, ColumnPath) -> WriterPropertiesBuilder;
        let settings: [(&[&str], Setting); 4] = [
            (self.deltas, |it, column| {
                it.set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
            }),
            (self.plain, |it, column| {
                it.set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::PLAIN)
            }),
            (self.bloom, |it, column| {
                it.set_column_bloom_filter_fpp(column.clone(), FALSE_POSITIVES)
                    .set_column_bloom_filter_max_ndv(column, ROWS_IN_GROUP as u64)
            }),
            (self.without_statistics, |it, column| {
                it.set_column_statistics_enabled(column, EnabledStatistics::None)
            }),
        ];
        for (names, set) in settings {
            for name in names {
                properties = set(properties, leaf(schema, name));
            }
        }
        properties.build()
    }
}

/// Where a column's values stand: those of a list are its items.
fn leaf(schema: &SchemaRef, name: &str) -> ColumnPath {
    let is_list = schema
        .field_with_name(name)
        .is_ok_and(|field| field.data_type().is_list());
    let parts: &[&str] = if is_list {
        &[name, "list", "item"]
    } else {
        &[name]
    };
    ColumnPath::new(parts.iter().map(|&part| part.to_owned()).collect())
}

impl<W: Write + Send> ParquetFile<W> {
    /// Starts a file.
    pub(crate) fn new(out: W, schema: &SchemaRef, storage: Storage<'_>) -> io::Result<Self> {
        let properties = Arc::new(storage.properties(schema));
        let converted = ArrowSchemaConverter::new()
            .convert(schema)
            .map_err(failed)?;
        let root = converted.root_schema_ptr();
        let writer =
            SerializedFileWriter::new(Slot(Some(out)), root, properties).map_err(failed)?;
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(schema));
        Ok(Self {
            writer,
            factory,
            groups: 0,
        })
    }

    /// Writes row groups; `batch` makes the rows of one of them.
    pub(crate) fn write(
        &mut self,
        count: usize,
        batch: impl Fn(usize) -> RecordBatch + Sync,
    ) -> io::Result<()> {
        // What has been encoded waits in memory for what comes before it.
        let at_a_time = rayon::current_num_threads() * GROUPS_PER_WORKER;
        for first in (0..count).step_by(at_a_time) {
            let some = first..count.min(first + at_a_time);
            let before = self.groups;
            let factory = &self.factory;
            let encoded: Vec<Vec<ArrowColumnChunk>> = some
                .into_par_iter()
                .with_max_len(1)
                .map(|number| encode(factory, before + number - first, &batch(number)))
                .collect::<Result<_, _>>()
                .map_err(failed)?;
            for chunks in encoded {
                let mut group = self.writer.next_row_group().map_err(failed)?;
                for chunk in chunks {
                    chunk.append_to_row_group(&mut group).map_err(failed)?;
                }
                group.close().map_err(failed)?;
                self.groups += 1;
            }
        }
        Ok(())
    }

    /// Adds a key and a value to what the file says about itself.
    pub(crate) fn note(&mut self, key: &str, value: String) {
        let note = KeyValue::new(key.to_owned(), value);
        self.writer.append_key_value_metadata(note);
    }

    /// Whether any row group was written.
    pub(crate) const fn has_rows(&self) -> bool {
        self.groups > 0
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.writer.finish().map_err(failed)?;
        let out = self.writer.inner_mut().0.take();
        out.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// What is written to, until it is handed back. The writer's own way to do that keeps nothing of
/// an error but its text.
struct Slot<W>(Option<W>);

impl<W: Write> Write for Slot<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(out) => out.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn encode(
    factory: &ArrowRowGroupWriterFactory,
    group: usize,
    batch: &RecordBatch,
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    let mut writers = factory.create_column_writers(group)?.into_iter();
    let mut chunks = Vec::new();
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        for leaf in compute_leaves(field, array)? {
            let Some(mut writer) = writers.next() else {
                return Err(ParquetError::General("a column without a place".to_owned()));
            };
            writer.write(&leaf)?;
            chunks.push(writer.close()?);
        }
    }
    Ok(chunks)
}

/// What the system said, where that is the cause.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}

/// The same for what Arrow says.
pub(crate) fn arrow_failed(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, source) => source,
        error => io::Error::other(error),
    }
}

/// Rows of a row group: as many as DuckDB advises, for it works on row groups in parallel.
pub(crate) const ROWS_IN_GROUP: usize = 122_880;
const GROUPS_PER_WORKER: usize = 2;
/// Of one column in one row group; with more, values are stored as they are.
const DICTIONARY_LEN: usize = 4 * 1024 * 1024;
/// How often a Bloom filter says "perhaps" of what is not there.
const FALSE_POSITIVES: f64 = 0.01;
