//! Flow lists: which rows, in which order, in which format.
//!
//! Rows are formatted in parallel, in blocks, and written in order.

mod csv;
mod json;
mod order;
mod row;
mod text;

use crate::error::{Error, ErrorKind};
use crate::flow::FlowList;
use rayon::prelude::*;
use std::io::{self, Write};

pub use order::{Order, Sort, Window};
pub use row::Columns;
pub(super) use row::ProtocolName;

/// The format of a flow list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// pcap_flow's lines, for people.
    #[default]
    Text,
    /// Comma separated values with a header (RFC 4180).
    Csv,
    /// One JSON object a line.
    Json,
}

/// How times are written in text.
#[derive(Clone, Debug, Default)]
pub enum TimeZone {
    /// Coordinated universal time.
    #[default]
    Utc,
    /// The zone that the system is set to.
    Local,
}

/// How a flow list is written.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// The format.
    pub format: Format,
    /// Which rows, in which order.
    pub order: Order,
    /// The zone of times in text.
    pub time_zone: TimeZone,
    /// Columns beyond those that are always there.
    pub columns: Columns,
}

/// Writes a flow list. `keep_going` is asked from time to time.
///
/// # Errors
/// When writing fails.
pub fn write(
    flows: &FlowList,
    options: &TableOptions,
    out: &mut dyn Write,
    failed: &(dyn Fn(io::Error) -> Error + Sync),
    keep_going: &(dyn Fn() -> bool + Sync),
) -> Result<(), Error> {
    let rows = options.order.rows(flows);
    let columns = options.columns;
    let text = text::Lines::new(&options.time_zone, columns);
    if options.format == Format::Csv {
        out.write_all(&csv::header(columns)).map_err(failed)?;
    }
    let block = |rows: &[(u64, u64)]| -> Vec<u8> {
        let flows = rows
            .iter()
            .filter_map(|&(rank, id)| Some((rank, flows.get(id)?)));
        match options.format {
            Format::Text => text.block(flows),
            Format::Csv => csv::block(flows.map(|(_, flow)| flow), columns),
            Format::Json => json::block(flows.map(|(_, flow)| flow), columns),
        }
    };
    for some in rows.chunks(ROWS_AT_A_TIME) {
        let blocks: Vec<Vec<u8>> = some.par_chunks(ROWS_IN_BLOCK).map(block).collect();
        for block in blocks {
            if !keep_going() {
                return Err(ErrorKind::Interrupted.into());
            }
            out.write_all(&block).map_err(failed)?;
        }
    }
    Ok(())
}

const ROWS_IN_BLOCK: usize = 1024;
/// Bounds what is held in memory: about 16 MB of text.
const ROWS_AT_A_TIME: usize = 64 * 1024;
