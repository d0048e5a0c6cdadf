//! Several tables with the same columns, written as one.

use super::arrow::{Batches, integers};
use super::{Choice, ROWS_AT_A_TIME, Table, files, lines, text};
use crate::output::parquet::{ParquetFile, Storage, arrow_failed};
use crate::output::table::Format;
use arrow_ipc::writer::StreamWriter;
use std::io::{self, Write};

/// A table written in parts.
pub struct Appender<W: Write + Send> {
    choice: Choice,
    format: Format,
    out: Out<W>,
}

enum Out<W: Write + Send> {
    Lines(W),
    Parquet(Box<ParquetFile<W>>),
    Arrow(Box<StreamWriter<W>>),
}

impl<W: Write + Send> std::fmt::Debug for Appender<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appender")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl<W: Write + Send> Appender<W> {
    /// Starts a table with the columns of `first`, without writing its rows.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new<T: Table>(
        first: &T,
        choice: Choice,
        format: Format,
        mut out: W,
    ) -> io::Result<Self> {
        let schema = || Batches::new(first, &choice).schema;
        let out = match format {
            Format::Parquet => {
                let schema = schema();
                let storage = Storage {
                    deltas: &integers(&schema),
                    ..Storage::default()
                };
                Out::Parquet(Box::new(ParquetFile::new(out, &schema, storage)?))
            }
            Format::Arrow => {
                let writer = StreamWriter::try_new(out, &schema()).map_err(arrow_failed)?;
                Out::Arrow(Box::new(writer))
            }
            Format::Csv => {
                out.write_all(&text::header(first, &choice))?;
                Out::Lines(out)
            }
            Format::Json | Format::Text | Format::Table => Out::Lines(out),
        };
        Ok(Self {
            choice,
            format,
            out,
        })
    }

    /// Writes the rows of a table.
    ///
    /// # Errors
    /// When writing fails.
    pub fn append<T: Table>(&mut self, table: &T) -> io::Result<()> {
        let rows = self.choice.rows(table);
        match &mut self.out {
            Out::Lines(out) => {
                for some in rows.chunks(ROWS_AT_A_TIME) {
                    lines(table, &self.choice, self.format, some, out)?;
                }
                Ok(())
            }
            Out::Parquet(file) => files::groups(file, table, &self.choice, &rows),
            Out::Arrow(stream) => files::batches(stream, table, &self.choice, &rows),
        }
    }

    /// Flushes line-based formats.
    ///
    /// # Errors
    /// When writing fails.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Lines(out) => out.flush(),
            Out::Parquet(_) | Out::Arrow(_) => Ok(()),
        }
    }

    /// Ends the table, and returns its writer.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> io::Result<W> {
        match self.out {
            Out::Lines(out) => Ok(out),
            Out::Parquet(file) => file.finish(),
            Out::Arrow(mut stream) => {
                stream.finish().map_err(arrow_failed)?;
                stream.into_inner().map_err(arrow_failed)
            }
        }
    }
}
