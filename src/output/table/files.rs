//! Flow lists for other programs: Parquet files and Arrow streams.

use super::column::{self, Columns};
use super::columnar;
use crate::flow::{Flow, Flows};
use crate::output::parquet::{ParquetFile, ROWS_IN_GROUP, Storage, arrow_failed};
use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use rayon::prelude::*;
use std::io::{self, Write};

/// Writes a Parquet file with these flows.
pub(super) fn parquet(
    out: &mut (dyn Write + Send),
    flows: &dyn Flows,
    rows: &[(u64, u64)],
    columns: Columns,
) -> io::Result<()> {
    let schema = columnar::schema(columns);
    let mut file = ParquetFile::new(out, &schema, storage())?;
    let groups: Vec<_> = rows.chunks(ROWS_IN_GROUP).collect();
    file.write(groups.len(), |number| {
        let rows = groups.get(number).copied().unwrap_or_default();
        columnar::batch(&schema, columns, found(flows, rows).iter())
    })?;
    file.finish()?.flush()
}

/// How the columns that all flow lists have are stored.
pub(crate) const fn storage() -> Storage<'static> {
    Storage {
        deltas: &[column::FLOW_ID, column::FIRST_NS, column::LAST_NS],
        plain: &[],
        bloom: &[
            column::SRC_IP,
            column::DST_IP,
            column::SRC_PORT,
            column::DST_PORT,
            column::SRC_IP_BYTES,
            column::DST_IP_BYTES,
        ],
        without_statistics: &[],
    }
}

/// Writes an Arrow stream (<https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format>)
/// with these flows.
pub(super) fn arrow(
    out: &mut (dyn Write + Send),
    flows: &dyn Flows,
    rows: &[(u64, u64)],
    columns: Columns,
) -> io::Result<()> {
    let schema = columnar::schema(columns);
    let mut stream = StreamWriter::try_new(out, &schema).map_err(arrow_failed)?;
    let at_a_time = ROWS_IN_BATCH * rayon::current_num_threads();
    for rows in rows.chunks(at_a_time) {
        let batch = |rows| columnar::batch(&schema, columns, found(flows, rows).iter());
        let batches: Vec<RecordBatch> = rows.par_chunks(ROWS_IN_BATCH).map(batch).collect();
        for batch in batches {
            stream.write(&batch).map_err(arrow_failed)?;
        }
    }
    stream.finish().map_err(arrow_failed)?;
    stream.get_mut().flush()
}

fn found(flows: &dyn Flows, rows: &[(u64, u64)]) -> Vec<Flow> {
    let found = rows.iter().filter_map(|&(_, id)| flows.get(id));
    found.collect()
}

/// Rows of a batch of an Arrow stream.
const ROWS_IN_BATCH: usize = 32 * 1024;
