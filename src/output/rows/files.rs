//! Rows for other programs: Parquet files and Arrow streams.

use super::arrow::{Batches, integers};
use super::{Choice, Table};
use crate::output::parquet::{ParquetFile, Storage, arrow_failed};
use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use rayon::prelude::*;
use std::io::{self, Write};

/// Writes a Parquet file with these rows, including metadata.
pub(super) fn parquet<T: Table>(
    table: &T,
    choice: &Choice,
    rows: &[usize],
    note: Option<(&str, String)>,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let batches = Batches::new(table, choice);
    let storage = Storage {
        deltas: &integers(&batches.schema),
        ..Storage::default()
    };
    let mut file = ParquetFile::new(out, &batches.schema, storage)?;
    if let Some((key, value)) = note {
        file.note(key, value);
    }
    groups(&mut file, table, choice, rows)?;
    file.finish()?.flush()
}

/// Adds rows to a Parquet file.
pub(super) fn groups<T: Table, W: Write + Send>(
    file: &mut ParquetFile<W>,
    table: &T,
    choice: &Choice,
    rows: &[usize],
) -> io::Result<()> {
    let batches = Batches::new(table, choice);
    let groups: Vec<&[usize]> = rows.chunks(ROWS_IN_GROUP).collect();
    file.write(groups.len(), |number| {
        batches.batch(groups.get(number).copied().unwrap_or_default())
    })
}

/// Writes an Arrow stream with these rows.
pub(super) fn arrow<T: Table>(
    table: &T,
    choice: &Choice,
    rows: &[usize],
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let batches = Batches::new(table, choice);
    let mut stream = StreamWriter::try_new(out, &batches.schema).map_err(arrow_failed)?;
    self::batches(&mut stream, table, choice, rows)?;
    stream.finish().map_err(arrow_failed)?;
    stream.get_mut().flush()
}

/// Adds rows to an Arrow stream.
pub(super) fn batches<T: Table, W: Write>(
    stream: &mut StreamWriter<W>,
    table: &T,
    choice: &Choice,
    rows: &[usize],
) -> io::Result<()> {
    let batches = Batches::new(table, choice);
    for rows in rows.chunks(ROWS_IN_BATCH * rayon::current_num_threads()) {
        let some = rows.par_chunks(ROWS_IN_BATCH);
        let some: Vec<RecordBatch> = some.map(|rows| batches.batch(rows)).collect();
        for batch in some {
            stream.write(&batch).map_err(arrow_failed)?;
        }
    }
    Ok(())
}

/// Rows of a row group of a Parquet file: tables may have hundreds of columns.
const ROWS_IN_GROUP: usize = 32 * 1024;
/// Rows of a batch of an Arrow stream.
const ROWS_IN_BATCH: usize = 8 * 1024;
