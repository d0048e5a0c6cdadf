//! The table of TCP connections that an index may have beside it.

use super::notes::{Notes, PartNote};
use super::reader::Index;
use super::table::Table;
use crate::error::Error;
use arrow_array::RecordBatch;
use std::path::{Path, PathBuf};

/// The table of TCP connections of an index, open.
#[derive(Debug)]
pub(crate) struct ConnectionTable {
    table: Table,
}

impl ConnectionTable {
    /// Opens the table of an index at `path`; `None` if it has none.
    ///
    /// # Errors
    /// When it is not there, or is another index's.
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

    /// Reads these columns of all rows.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub(crate) fn read(&self, columns: &[&str]) -> Result<Vec<RecordBatch>, Error> {
        self.table.read_all(columns, |batch| Ok(batch.clone()))
    }
}

/// Whether a file is such a table, of any index.
pub(crate) fn is_connection_table(path: &Path) -> bool {
    Table::open(path).is_ok_and(|it| it.note(Notes::CONNECTIONS_KEY).is_some())
}

/// Where the table of an index is: `NAME.tcp`.
pub(crate) fn connections_path(index: &Path) -> PathBuf {
    let mut name = index.as_os_str().to_owned();
    name.push(".tcp");
    name.into()
}

/// The note about a table at `path` that was made with these captures.
pub(crate) fn connections_note(path: &Path, notes: &Notes) -> PartNote {
    let name = path.file_name().unwrap_or_default();
    PartNote {
        file: name.to_string_lossy().into_owned(),
        size: 0,
        digest: notes.digest(),
    }
}
