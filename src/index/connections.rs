//! The optional table of TCP connections stored next to an index.

use super::notes::{Notes, PartNote};
use super::reader::Index;
use super::table::Table;
use crate::error::Error;
use arrow_array::RecordBatch;
use std::path::{Path, PathBuf};

/// The open table of TCP connections of an index.
#[derive(Debug)]
pub(crate) struct ConnectionTable {
    table: Table,
}

impl ConnectionTable {
    /// Opens the table of an index at `path`; `None` if it has none.
    ///
    /// # Errors
    /// When the table is missing, or belongs to another index.
    pub(crate) fn open(index: &Index, path: &Path) -> Result<Option<Self>, Error> {
        let Some(note) = &index.notes().connections else {
            return Ok(None);
        };
        let table = Table::open(&path.with_file_name(&note.file))?;
        if table.note(Notes::CONNECTIONS_KEY) != Some(&note.digest) {
            return Err(table.damaged("it is not the one that was made with the index"));
        }
        Ok(Some(Self { table }))
    }

    /// Reads the given columns of all rows.
    ///
    /// # Errors
    /// When the table cannot be read or is damaged.
    pub(crate) fn read(&self, columns: &[&str]) -> Result<Vec<RecordBatch>, Error> {
        self.table.read_all(columns, |batch| Ok(batch.clone()))
    }
}

/// Whether a file is a table of TCP connections, of any index.
pub(crate) fn is_connection_table(path: &Path) -> bool {
    Table::open(path).is_ok_and(|it| it.note(Notes::CONNECTIONS_KEY).is_some())
}

/// The path of an index's table: `NAME.tcp`.
pub(crate) fn connections_path(index: &Path) -> PathBuf {
    let mut name = index.as_os_str().to_owned();
    name.push(".tcp");
    name.into()
}

/// The note in the index about a table at `path` made from these captures.
pub(crate) fn connections_note(path: &Path, notes: &Notes) -> PartNote {
    let name = path.file_name().unwrap_or_default();
    PartNote {
        file: name.to_string_lossy().into_owned(),
        size: 0,
        digest: notes.digest(),
    }
}
