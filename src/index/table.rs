//! Parts of a Parquet file: some columns, some rows.

use super::packets;
use crate::error::{Error, ErrorKind};
use crate::number::{memory_usize, not_negative};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::statistics::Statistics;
use rayon::prelude::*;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A Parquet file that is read in parts.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
        let options = ArrowReaderOptions::new()
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = guarded(path, || {
            ArrowReaderMetadata::load(&file, options).map_err(|error| damaged(path, error))
        })?;
        Ok(Self {
            path: path.to_owned(),
            metadata,
        })
    }

    pub(super) fn note(&self, key: &str) -> Option<&str> {
        let notes = self
            .metadata
            .metadata()
            .file_metadata()
            .key_value_metadata()?;
        notes.iter().find(|note| note.key == key)?.value.as_deref()
    }

    /// Whether there is a column of this name.
    pub(super) fn has(&self, column: &str) -> bool {
        self.metadata.schema().field_with_name(column).is_ok()
    }

    pub(super) fn rows(&self) -> u64 {
        let rows = self.metadata.metadata().file_metadata().num_rows();
        not_negative(rows)
    }

    pub(super) fn damaged(&self, what: impl ToString) -> Error {
        damaged(&self.path, what)
    }

    /// Reads columns of all rows: row groups in parallel, the results in order.
    pub(super) fn read_all<T: Send>(
        &self,
        columns: &[&str],
        see: impl Fn(&RecordBatch) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        let groups = 0..self.metadata.metadata().num_row_groups();
        let read = |group| self.read_group(group, None, columns, &see);
        let groups: Vec<Vec<T>> = groups.into_par_iter().map(read).collect::<Result<_, _>>()?;
        Ok(groups.into_iter().flatten().collect())
    }

    /// Reads columns of some rows, which are in order.
    pub(super) fn read_rows<T: Send>(
        &self,
        rows: &[u64],
        columns: &[&str],
        see: impl Fn(&RecordBatch) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        let mut parts = Vec::new();
        let mut rest = rows;
        let mut start = 0;
        for (number, group) in self.metadata.metadata().row_groups().iter().enumerate() {
            let end = start + not_negative(group.num_rows());
            let (own, others) = rest.split_at(rest.partition_point(|&row| row < end));
            if !own.is_empty() {
                let own: Vec<usize> = own.iter().map(|row| memory_usize(row - start)).collect();
                parts.push((number, self.selection(&own, group.num_rows())?));
            }
            (rest, start) = (others, end);
        }
        let read = |(group, rows)| self.read_group(group, Some(rows), columns, &see);
        let groups: Vec<Vec<T>> = parts.into_par_iter().map(read).collect::<Result<_, _>>()?;
        Ok(groups.into_iter().flatten().collect())
    }

    fn read_group<T>(
        &self,
        group: usize,
        rows: Option<RowSelection>,
        columns: &[&str],
        see: impl Fn(&RecordBatch) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        // A file of its own: reading moves the place where the next read starts.
        let file = File::open(&self.path).map_err(|error| Error::io("open", &self.path, error))?;
        guarded(&self.path, || {
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            let mut builder = builder
                .with_row_groups(vec![group])
                .with_projection(mask)
                .with_batch_size(ROWS_IN_BATCH);
            if let Some(rows) = rows {
                builder = builder.with_row_selection(rows);
            }
            let reader = builder.build().map_err(|error| self.damaged(error))?;
            reader
                .map(|batch| see(&batch.map_err(|error| self.damaged(error))?))
                .collect()
        })
    }

    /// The places of these flows' records, row by row: capture, and offsets.
    pub(super) fn places(&self, ids: &[u32]) -> Result<Vec<(u32, Vec<u64>)>, Error> {
        let groups = self.metadata.metadata().row_groups();
        let may_have = |group: usize| {
            let column = groups.get(group).and_then(|it| it.columns().first());
            match column.and_then(|it| it.statistics()) {
                Some(Statistics::Int64(range)) => {
                    let bounds = (range.min_opt(), range.max_opt());
                    let (Some(least), Some(greatest)) = bounds else {
                        return true;
                    };
                    let from = ids.partition_point(|&id| i64::from(id) < *least);
                    ids.get(from).is_some_and(|&id| i64::from(id) <= *greatest)
                }
                _ => true,
            }
        };
        let read = |group: usize| -> Result<Vec<(u32, Vec<u64>)>, Error> {
            let found = self.read_group(group, None, &[packets::FLOW_ID], |batch| {
                let flows = self.numbers::<Int64Type>(batch, packets::FLOW_ID)?;
                let is_wanted =
                    |id: &i64| u32::try_from(*id).is_ok_and(|id| ids.binary_search(&id).is_ok());
                Ok(flows.iter().map(is_wanted).collect::<Vec<bool>>())
            })?;
            let rows = found.into_iter().flatten().enumerate();
            let rows: Vec<usize> = rows.filter_map(|(row, it)| it.then_some(row)).collect();
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let count = groups.get(group).map_or(0, |it| it.num_rows());
            let wanted = [packets::CAPTURE, "offsets.list.item"];
            let rows = Some(self.selection(&rows, count)?);
            let batches = self.read_group(group, rows, &wanted, |batch| self.places_of(batch))?;
            Ok(batches.concat())
        };
        let groups: Vec<usize> = (0..groups.len()).filter(|&group| may_have(group)).collect();
        let rows: Vec<Vec<(u32, Vec<u64>)>> =
            groups.into_par_iter().map(read).collect::<Result<_, _>>()?;
        Ok(rows.concat())
    }

    fn places_of(&self, batch: &RecordBatch) -> Result<Vec<(u32, Vec<u64>)>, Error> {
        let captures = self.numbers::<Int64Type>(batch, packets::CAPTURE)?;
        let lists = self.column(batch, packets::OFFSETS)?.as_list_opt::<i32>();
        let lists = lists.ok_or_else(|| self.damaged("offsets are no list"))?;
        let rows = captures.iter().zip(lists.iter()).map(|(&capture, list)| {
            let offsets = list
                .as_ref()
                .and_then(|it| it.as_primitive_opt::<Int64Type>());
            let offsets = offsets.map_or(&[][..], |it| it.values());
            let offsets = offsets.iter().map(|it| it.cast_unsigned());
            // No index has this many captures.
            let capture = u32::try_from(capture).unwrap_or(u32::MAX);
            (capture, offsets.collect())
        });
        Ok(rows.collect())
    }

    /// Shows the places of records in the wanted captures: capture, and offsets in order.
    pub(super) fn all_places(
        &self,
        wanted: impl Fn(u32) -> bool + Sync,
        see: impl Fn(u32, &[i64]) + Sync,
    ) -> Result<(), Error> {
        let columns = [packets::CAPTURE, "offsets.list.item"];
        self.read_all(&columns, |batch| {
            let captures = self.numbers::<Int64Type>(batch, packets::CAPTURE)?;
            let lists = self.column(batch, packets::OFFSETS)?.as_list_opt::<i32>();
            let lists = lists.ok_or_else(|| self.damaged("offsets are no list"))?;
            for (&capture, list) in captures.iter().zip(lists.iter()) {
                let capture = u32::try_from(capture).unwrap_or(u32::MAX);
                let offsets = list
                    .as_ref()
                    .and_then(|it| it.as_primitive_opt::<Int64Type>());
                if let Some(offsets) = offsets.filter(|_| wanted(capture)) {
                    see(capture, offsets.values());
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Rows of a row group with `count` rows; they are in order.
    fn selection(&self, rows: &[usize], count: i64) -> Result<RowSelection, Error> {
        let count = memory_usize(not_negative(count));
        if rows.last().is_some_and(|last| *last >= count) {
            return Err(self.damaged("a row group has more rows than it says"));
        }
        let ranges = rows.chunk_by(|a, b| a + 1 == *b).filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            Some(Range {
                start: *first,
                end: last + 1,
            })
        });
        Ok(RowSelection::from_consecutive_ranges(ranges, count))
    }

    pub(super) fn column<'b>(
        &self,
        batch: &'b RecordBatch,
        name: &str,
    ) -> Result<&'b ArrayRef, Error> {
        let column = batch.column_by_name(name);
        column.ok_or_else(|| self.damaged(format!("it has no column {name}")))
    }

    /// The values of a column without nulls.
    pub(super) fn numbers<'b, T: ArrowPrimitiveType>(
        &self,
        batch: &'b RecordBatch,
        name: &str,
    ) -> Result<&'b [T::Native], Error> {
        let column = self.column(batch, name)?.as_primitive_opt::<T>();
        let column = column.filter(|it| it.null_count() == 0);
        let column = column.ok_or_else(|| self.damaged(format!("{name} has another type")))?;
        Ok(column.values())
    }

    pub(super) fn texts<'b>(
        &self,
        batch: &'b RecordBatch,
        name: &str,
    ) -> Result<&'b StringArray, Error> {
        let column = self.column(batch, name)?.as_string_opt::<i32>();
        column.ok_or_else(|| self.damaged(format!("{name} has another type")))
    }
}

/// The library that decodes a file does not promise what it does with a damaged one: it may panic.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(damaged(path, "it is damaged")))
}

fn damaged(path: &Path, what: impl ToString) -> Error {
    ErrorKind::NotAnIndex {
        path: path.to_owned(),
        what: what.to_string(),
    }
    .into()
}

/// Rows that are decoded at a time.
const ROWS_IN_BATCH: usize = 8192;
