//! The connections of a run, as rows.

use super::columns::{COLUMNS, ValueOf};
use super::line::Line;
use super::open::open_at_end;
use super::options::OpenUntil;
use super::row::{ConnectionRow, Entry, Open};
use crate::output::rows::{Column, Row, Table};
use crate::output::table::TimeZone;
use crate::select::condition::Cell;

/// The connections of a run, in the order of their first packets.
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub(super) all: Vec<Entry>,
    /// Those that are shown, by their ordinals; all where that is not given.
    pub(super) shown: Option<Vec<usize>>,
    /// How many others were open, where that is requested.
    pub(super) open: Vec<Open>,
    pub(super) time_zone: TimeZone,
}

impl Connections {
    /// Counts the other open connections for each ended connection.
    pub(super) fn measure_open(&mut self, until: OpenUntil) {
        let shown = self.shown.take();
        self.open = open_at_end(self, until);
        self.shown = shown;
    }
}

/// Times written also as timestamps in tables for other programs.
pub(super) const TIMESTAMPS: &[&str] = &["first", "last"];

impl Row for ConnectionRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        let value: Option<&ValueOf> = COLUMNS.values.get(column);
        value.map_or(Cell::Null, |it| it(self))
    }
}

impl Table for Connections {
    type Row<'a> = ConnectionRow<'a>;

    fn columns(&self) -> &[Column] {
        &COLUMNS.columns
    }

    fn len(&self) -> usize {
        self.shown.as_ref().map_or(self.all.len(), Vec::len)
    }

    fn row(&self, ordinal: usize) -> ConnectionRow<'_> {
        let shown = self.shown.as_ref().map(|it| it[ordinal]);
        let ordinal = shown.unwrap_or(ordinal);
        // The caller goes by `len`.
        let entry = &self.all[ordinal];
        let open = self.open.get(ordinal).copied().unwrap_or_default();
        ConnectionRow::new(ordinal as u64 + 1, entry, open)
    }

    fn line(&self, row: &ConnectionRow<'_>, text: &mut Vec<u8>) {
        Line::new(&self.time_zone).append(row, text);
    }

    fn timestamps(&self) -> &[&'static str] {
        TIMESTAMPS
    }
}
