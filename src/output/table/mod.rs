//! Flow lists: which rows, in which order, in which format.
//!
//! Rows are formatted in parallel, in blocks, and written in order.

mod aligned;
mod amount;
mod clock;
pub(crate) mod column;
pub(crate) mod columnar;
pub(crate) mod condition;
pub(crate) mod csv;
mod digits;
mod files;
mod json;
mod order;
mod text;

use crate::error::Error;
use crate::flow::{Flow, Flows};
use crate::select::condition::Condition;
use rayon::prelude::*;
use std::io::{self, Write};

pub use clock::TimeZone;
pub(crate) use clock::time_text;
pub use column::Columns;
pub use condition::condition_columns;
pub use order::{Order, Sort, Window};

/// The format of a flow list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// pcap_flow's lines, for people.
    #[default]
    Text,
    /// Aligned columns, for people. Other tables than flow lists are written as [`Self::Text`].
    Table,
    /// Comma separated values with a header (RFC 4180).
    Csv,
    /// One JSON object a line.
    Json,
    /// A Parquet file.
    Parquet,
    /// An Arrow stream.
    Arrow,
}

impl Format {
    /// Whether it is no text.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }

    /// Whether it is for people rather than programs.
    pub const fn is_for_people(self) -> bool {
        matches!(self, Self::Text | Self::Table)
    }
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
    /// Which of the flows.
    pub shown: Shown,
    /// Most characters in a line of [`Format::Table`]; 100 if it is not given.
    pub width: Option<usize>,
}

/// Which flows a list shows, in addition to what [`Order`] says.
#[derive(Clone, Debug, Default)]
pub enum Shown {
    /// All.
    #[default]
    All,
    /// Those that meet a condition on the columns of the list ([`condition_columns`]).
    Matching(Condition),
    /// Those with these FlowIDs, which are in order.
    Ids(Vec<u32>),
}

impl TableOptions {
    /// Rank and id of the flows that are shown, in order.
    fn rows(&self, flows: &dyn Flows) -> Vec<(u64, u64)> {
        self.order.rows(flows, |mut rows| {
            match &self.shown {
                Shown::All => {}
                Shown::Matching(condition) => rows = self.matching(condition, flows, &rows),
                Shown::Ids(ids) => rows.retain(|(_, id)| {
                    u32::try_from(*id).is_ok_and(|id| ids.binary_search(&id).is_ok())
                }),
            }
            rows
        })
    }

    fn matching(
        &self,
        condition: &Condition,
        flows: &dyn Flows,
        rows: &[(u64, u64)],
    ) -> Vec<(u64, u64)> {
        let some = rows.par_chunks(ROWS_IN_BLOCK).flat_map_iter(|rows| {
            let found: Vec<Flow> = rows.iter().filter_map(|row| flows.get(row.1)).collect();
            let is_shown = condition::matching(condition, self.columns, &found);
            let rows = rows.iter().zip(is_shown);
            rows.filter_map(|(row, is_shown)| is_shown.then_some(*row))
        });
        some.collect()
    }
}

/// Writes a flow list. `keep_going` is called from time to time.
///
/// # Errors
/// When writing fails, and what `keep_going` says.
pub fn write(
    flows: &dyn Flows,
    options: &TableOptions,
    out: &mut (dyn Write + Send),
    failed: &(dyn Fn(io::Error) -> Error + Sync),
    keep_going: &KeepGoing<'_>,
) -> Result<(), Error> {
    let rows = options.rows(flows);
    let files: Option<WriteAll> = match options.format {
        Format::Parquet => Some(files::parquet),
        Format::Arrow => Some(files::arrow),
        Format::Text | Format::Table | Format::Csv | Format::Json => None,
    };
    if let Some(write) = files {
        let mut out = Watched { out, keep_going };
        return write(&mut out, flows, &rows, options.columns).map_err(|error| {
            match keep_going() {
                Ok(()) => failed(error),
                Err(why) => why,
            }
        });
    }
    let blocks = Blocks::new(flows, &rows, options);
    out.write_all(&blocks.header()).map_err(failed)?;
    let mut write = |bytes: &[u8]| {
        keep_going()?;
        out.write_all(bytes).map_err(failed)
    };
    // Some rows are formatted while those before them are written.
    let [mut ready, mut next] = [const { Vec::new() }; 2];
    for some in rows.chunks(ROWS_AT_A_TIME).chain([&[][..]]) {
        let (written, ()) = rayon::join(
            || ready.iter().try_for_each(|block: &Vec<u8>| write(block)),
            || blocks.fill(&mut next, some),
        );
        written?;
        std::mem::swap(&mut ready, &mut next);
    }
    Ok(())
}

/// Fails when the list is not wanted any more, and says why.
pub type KeepGoing<'a> = dyn Fn() -> Result<(), Error> + Sync + 'a;

/// Writes these rows of a list, whole.
type WriteAll = fn(&mut (dyn Write + Send), &dyn Flows, &[(u64, u64)], Columns) -> io::Result<()>;

/// Fails when the rest is not wanted any more.
pub(crate) struct Watched<'a> {
    pub(crate) out: &'a mut (dyn Write + Send),
    pub(crate) keep_going: &'a KeepGoing<'a>,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.keep_going)().map_err(io::Error::other)?;
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Formats rows.
struct Blocks<'a> {
    flows: &'a dyn Flows,
    columns: Columns,
    lines: Lines,
}

/// What rows become.
enum Lines {
    Text(text::Lines),
    Aligned(aligned::Aligned),
    Csv,
    Json,
    /// Not made of lines.
    None,
}

impl<'a> Blocks<'a> {
    fn new(flows: &'a dyn Flows, rows: &[(u64, u64)], options: &TableOptions) -> Self {
        let columns = options.columns;
        let lines = match options.format {
            Format::Text => Lines::Text(text::Lines::new(&options.time_zone, columns)),
            Format::Table => Lines::Aligned(aligned::Aligned::new(flows, rows, options)),
            Format::Csv => Lines::Csv,
            Format::Json => Lines::Json,
            Format::Parquet | Format::Arrow => Lines::None,
        };
        Self {
            flows,
            columns,
            lines,
        }
    }

    /// The line before all rows, if there is one.
    fn header(&self) -> Vec<u8> {
        match &self.lines {
            Lines::Aligned(aligned) => aligned.header(),
            Lines::Csv => csv::header(self.columns),
            Lines::Text(_) | Lines::Json | Lines::None => Vec::new(),
        }
    }

    /// Fills blocks with the text of rows. They keep their memory.
    fn fill(&self, blocks: &mut Vec<Vec<u8>>, rows: &[(u64, u64)]) {
        blocks.resize_with(rows.len().div_ceil(ROWS_IN_BLOCK), Vec::new);
        let rows = rows.par_chunks(ROWS_IN_BLOCK);
        blocks.par_iter_mut().zip(rows).for_each(|(block, rows)| {
            block.clear();
            self.append(block, rows);
        });
    }

    fn append(&self, text: &mut Vec<u8>, rows: &[(u64, u64)]) {
        // Records are somewhere in memory: looked up in one go, the waits for them overlap.
        let found = rows
            .iter()
            .filter_map(|&(rank, id)| Some((rank, self.flows.get(id)?)));
        let flows: Vec<(u64, Flow)> = found.collect();
        match &self.lines {
            Lines::Text(lines) => lines.append(text, &flows),
            Lines::Aligned(aligned) => aligned.append(text, &flows),
            Lines::Csv => csv::append(text, &flows, self.columns),
            Lines::Json => json::append(text, &flows, self.columns),
            Lines::None => {}
        }
    }
}

/// Flows and text of a block, about 100 KB, stay in the second cache.
const ROWS_IN_BLOCK: usize = 256;
/// Bounds what is held in memory: twice 2 MB of text.
const ROWS_AT_A_TIME: usize = 32 * ROWS_IN_BLOCK;
