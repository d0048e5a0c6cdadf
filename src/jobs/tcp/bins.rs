//! The packets of connections in stretches of time, for plotting.

use super::packets::Recorded;
use crate::output::rows::{Column, Kind, Row, Table, columns_of};
use crate::select::condition::Cell;
use crate::tcp::measure::Analysis;
use std::collections::BTreeMap;

/// A row for each connection, stretch of time and direction with packets.
#[derive(Debug)]
pub(super) struct Bins {
    rows: Vec<BinRow>,
}

/// What one side of a connection sent in a stretch of time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BinRow {
    id: u64,
    bin: i64,
    is_client: bool,
    bytes: u64,
    unique_bytes: u64,
    packets: u64,
    retransmissions: u64,
    in_flight_max: Option<u32>,
    window_min: Option<u64>,
    rtt_min: Option<i64>,
}

impl Bins {
    /// Sums up packets in stretches of `bin_ns` from each connection's first packet on.
    pub(super) fn new(recorded: &[Recorded], bin_ns: u64) -> Self {
        let bin = i64::try_from(bin_ns.max(1)).unwrap_or(i64::MAX);
        let rows = recorded.iter().flat_map(|it| of_connection(it, bin));
        Self {
            rows: rows.collect(),
        }
    }
}

fn of_connection(recorded: &Recorded, bin: i64) -> Vec<BinRow> {
    let connection = &recorded.entry.connection;
    let first = recorded.packets.first().map_or(0, |it| it.time);
    let mut rows: BTreeMap<(i64, bool), BinRow> = BTreeMap::new();
    for listed in &recorded.packets {
        let relative = listed.time.saturating_sub(first);
        let start = relative.div_euclid(bin).saturating_mul(bin);
        let is_client = listed.side == connection.client();
        let row = rows.entry((start, !is_client)).or_insert_with(|| BinRow {
            id: recorded.id,
            bin: start,
            is_client,
            ..BinRow::default()
        });
        let measured = &listed.measured;
        row.packets += 1;
        row.bytes += u64::from(listed.payload);
        row.unique_bytes += measured.new_bytes;
        row.retransmissions += u64::from(measured.analysis.has(Analysis::RETRANSMISSION));
        row.in_flight_max = row.in_flight_max.max(measured.in_flight);
        row.rtt_min = least(row.rtt_min, measured.rtt);
        if let Some(window) = listed.window(connection) {
            row.window_min = least(row.window_min, Some(window));
        }
    }
    rows.into_values().collect()
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    a.into_iter().chain(b).min()
}

type ValueOf = fn(&BinRow) -> Cell<'static>;

const DEFINITIONS: [(&str, Kind, ValueOf); 10] = [
    ("connection_id", Kind::Number, |it| Cell::Unsigned(it.id)),
    ("bin_ns", Kind::Duration, |it| Cell::Signed(it.bin)),
    ("direction", Kind::Short, |it| {
        Cell::Signed(if it.is_client { 1 } else { -1 })
    }),
    ("bytes", Kind::Number, |it| Cell::Unsigned(it.bytes)),
    ("unique_bytes", Kind::Number, |it| {
        Cell::Unsigned(it.unique_bytes)
    }),
    ("packets", Kind::Number, |it| Cell::Unsigned(it.packets)),
    ("retransmissions", Kind::Number, |it| {
        Cell::Unsigned(it.retransmissions)
    }),
    ("in_flight_max", Kind::Number, |it| {
        it.in_flight_max
            .map_or(Cell::Null, |it| Cell::Unsigned(it.into()))
    }),
    ("window_min", Kind::Number, |it| {
        it.window_min.map_or(Cell::Null, Cell::Unsigned)
    }),
    ("rtt_min_ns", Kind::Duration, |it| {
        it.rtt_min.map_or(Cell::Null, Cell::Signed)
    }),
];

/// The columns of stretches of time, in order.
pub(super) const BIN_COLUMNS: [Column; 10] = columns_of(&DEFINITIONS);

impl Row for &BinRow {
    fn cell(&self, column: usize) -> Cell<'_> {
        let definition = DEFINITIONS.get(column);
        definition.map_or(Cell::Null, |(.., value)| value(self))
    }
}

impl Table for Bins {
    type Row<'r> = &'r BinRow;

    fn columns(&self) -> &[Column] {
        &BIN_COLUMNS
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, ordinal: usize) -> &BinRow {
        // The caller goes by `len`.
        &self.rows[ordinal]
    }

    fn line(&self, row: &&BinRow, text: &mut Vec<u8>) {
        let arrow = if row.is_client { "-->" } else { "<--" };
        let ms = row.bin / 1_000_000;
        let line = format!(
            "{:>5} {:>6}.{:03}s {arrow} {:>8} packets {:>12} bytes {:>6} retransmissions\n",
            row.id,
            ms / 1000,
            ms % 1000,
            row.packets,
            row.bytes,
            row.retransmissions,
        );
        text.extend_from_slice(line.as_bytes());
    }
}
