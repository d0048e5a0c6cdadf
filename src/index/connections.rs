//! The optional table of TCP connections stored next to an index.

use super::notes::{Notes, PartNote};
use super::reader::Index;
use super::table::Table;
use crate::error::Error;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
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

    /// The values of a column, 0 for those that are missing.
    fn numbers(&self, batch: &RecordBatch, name: &str) -> Result<Vec<i64>, Error> {
        let column = self.table.column(batch, name)?;
        let column = column.as_primitive_opt::<Int64Type>();
        let column = column.ok_or_else(|| self.table.damaged(format!("{name} is no number")))?;
        Ok(column.iter().map(Option::unwrap_or_default).collect())
    }

    /// Reads which flows connections have.
    ///
    /// # Errors
    /// When the table cannot be read or is damaged.
    pub(crate) fn flows(&self) -> Result<ConnectionFlows, Error> {
        let names = ["connection_id", "flow_id", "reverse_flow_id"];
        let batches = self.table.read_all(&names, |batch| {
            let [ids, flows, reverse] = names.map(|name| self.numbers(batch, name));
            let flow = |it: i64| u32::try_from(it).unwrap_or(0);
            let rows = ids?.into_iter().zip(flows?).zip(reverse?);
            let rows = rows.map(|((id, a), b)| (id.cast_unsigned(), [flow(a), flow(b)]));
            Ok(rows.collect::<Vec<_>>())
        })?;
        Ok(ConnectionFlows(batches.concat()))
    }
}

/// Ids and flows of all connections, in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct ConnectionFlows(Vec<(u64, [u32; 2])>);

impl ConnectionFlows {
    /// How many connections there are.
    pub(crate) const fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The FlowIDs of some connections, in order.
    pub(crate) fn flows(&self, is_wanted: impl Fn(u64) -> bool) -> Vec<u32> {
        let wanted = self.0.iter().filter(|(id, _)| is_wanted(*id));
        let flows = wanted.flat_map(|(_, flows)| *flows);
        let mut flows: Vec<u32> = flows.filter(|it| *it > 0).collect();
        flows.sort_unstable();
        flows.dedup();
        flows
    }

    /// The ids of the connections with packets in flows, which are in order.
    pub(crate) fn ids(&self, flows: &[u32]) -> Vec<u64> {
        let has_some = |it: &[u32; 2]| it.iter().any(|flow| flows.binary_search(flow).is_ok());
        let some = self.0.iter().filter(|(_, own)| has_some(own));
        some.map(|(id, _)| *id).collect()
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
