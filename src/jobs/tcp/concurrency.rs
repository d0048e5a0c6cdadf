//! How many connections were open at the same time.

use super::facts::{Facts, Place};
use super::open::Span;
use super::options::{Grouping, OpenUntil};
use crate::output::rows::{Column, Kind, Row, Table, columns_of};
use crate::select::condition::Cell;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Open connections over time: a row for each group and stretch of time in which their number
/// changed.
#[derive(Debug)]
pub(super) struct Concurrency {
    rows: Vec<OpenRow>,
    has_bins: bool,
}

/// The connections of a group in a stretch of time.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenRow {
    bin: i64,
    key: String,
    /// Open at the end of the stretch.
    open: i64,
    open_max: i64,
    /// When the most were open first.
    open_max_ns: i64,
    opened: u64,
    closed: u64,
    reset: u64,
    attempts: u64,
    refused: u64,
}

/// What happens, in this order at the same time: what ends at a time is not open then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Closed,
    Reset,
    /// It counts as open no longer, but has not ended.
    Unknown,
    Opened,
    Attempt,
    Refused,
}

impl Concurrency {
    /// Counts connections in stretches of `bin_ns`, or as a whole.
    pub(super) fn new(
        table: &impl Table,
        grouping: Grouping,
        bin_ns: Option<u64>,
        until: OpenUntil,
    ) -> Self {
        let rows = (0..table.len()).into_par_iter().with_min_len(64);
        let connections: Vec<Lasted> = rows.map(|it| Lasted::of(&table.row(it))).collect();
        let mut groups: BTreeMap<String, Vec<(i64, Event)>> = BTreeMap::new();
        for connection in &connections {
            let span = &connection.span;
            let key = match grouping {
                Grouping::All => "all".to_owned(),
                Grouping::Client => span.client.to_string(),
                Grouping::Server => span.server.to_string(),
                Grouping::Pair => format!("{} -> {}", span.client, span.server),
            };
            connection.add_to(groups.entry(key).or_default(), until);
        }
        let bin = bin_ns.map(|it| i64::try_from(it.max(1)).unwrap_or(i64::MAX));
        let mut rows = Vec::new();
        for (key, mut events) in groups {
            events.sort_unstable();
            sweep(&key, &events, bin, &mut rows);
        }
        // By time, then by group.
        rows.sort_by_key(|it| it.bin);
        Self {
            rows,
            has_bins: bin.is_some(),
        }
    }
}

impl Concurrency {
    /// For each interval: its start, the number of open connections at its end, and their maximum.
    pub(super) fn counts(&self) -> impl Iterator<Item = (i64, i64, i64)> {
        self.rows.iter().map(|it| (it.bin, it.open, it.open_max))
    }
}

/// Lifetime of a connection, and how it ended.
struct Lasted {
    span: Span,
    is_refused: bool,
    is_reset: bool,
}

impl Lasted {
    fn of(row: &impl Row) -> Self {
        let facts = Facts(row);
        let reset = facts.signed(Place::Reset);
        Self {
            span: Span::of(row),
            is_refused: facts.text(Place::State) == Some("REJ"),
            is_reset: reset.is_some() && reset == facts.signed(Place::End),
        }
    }

    /// Adds the events of the connection.
    fn add_to(&self, events: &mut Vec<(i64, Event)>, until: OpenUntil) {
        let Some((from, to)) = self.span.interval(until) else {
            if self.span.opened.is_none() {
                let event = if self.is_refused {
                    Event::Refused
                } else {
                    Event::Attempt
                };
                events.push((self.span.first, event));
            }
            return;
        };
        events.push((from, Event::Opened));
        let end = match (self.span.end, self.is_reset) {
            (Some(_), true) => Event::Reset,
            (Some(_), false) => Event::Closed,
            (None, _) => Event::Unknown,
        };
        if to < i64::MAX {
            events.push((to, end));
        }
    }
}

/// The rows of a group, whose events are in order.
fn sweep(key: &str, events: &[(i64, Event)], bin: Option<i64>, rows: &mut Vec<OpenRow>) {
    let start = |time: i64| bin.map_or(0, |bin| time.div_euclid(bin).saturating_mul(bin));
    let mut open = 0_i64;
    let mut current: Option<OpenRow> = None;
    for &(time, event) in events {
        if current.as_ref().is_some_and(|it| it.bin != start(time)) {
            rows.extend(current.take());
        }
        let row = current.get_or_insert_with(|| OpenRow {
            bin: start(time),
            key: key.to_owned(),
            open,
            open_max: open,
            open_max_ns: bin.map_or(time, |_| start(time)),
            ..OpenRow::default()
        });
        match event {
            Event::Opened => {
                open += 1;
                row.opened += 1;
            }
            Event::Closed | Event::Reset | Event::Unknown => {
                open -= 1;
                row.closed += u64::from(event == Event::Closed);
                row.reset += u64::from(event == Event::Reset);
            }
            Event::Attempt => row.attempts += 1,
            Event::Refused => row.refused += 1,
        }
        row.open = open;
        if open > row.open_max {
            row.open_max = open;
            row.open_max_ns = time;
        }
    }
    rows.extend(current);
}

type ValueOf = for<'r> fn(&'r OpenRow) -> Cell<'r>;

const DEFINITIONS: [(&str, Kind, ValueOf); 10] = [
    ("bin_ns", Kind::Time, |it| Cell::Signed(it.bin)),
    ("key", Kind::Text, |it| Cell::Text(&it.key)),
    ("open", Kind::Number, |it| Cell::Signed(it.open)),
    ("open_max", Kind::Number, |it| Cell::Signed(it.open_max)),
    ("open_max_ns", Kind::Time, |it| Cell::Signed(it.open_max_ns)),
    ("opened", Kind::Number, |it| Cell::Unsigned(it.opened)),
    ("closed", Kind::Number, |it| Cell::Unsigned(it.closed)),
    ("reset", Kind::Number, |it| Cell::Unsigned(it.reset)),
    ("attempts", Kind::Number, |it| Cell::Unsigned(it.attempts)),
    ("refused", Kind::Number, |it| Cell::Unsigned(it.refused)),
];

/// The columns of open connections, in order.
pub(super) const OPEN_COLUMNS: [Column; 10] = columns_of(&DEFINITIONS);

impl Row for &OpenRow {
    fn cell(&self, column: usize) -> Cell<'_> {
        let definition = DEFINITIONS.get(column);
        definition.map_or(Cell::Null, |(.., value)| value(self))
    }
}

impl Table for Concurrency {
    type Row<'r> = &'r OpenRow;

    fn columns(&self) -> &[Column] {
        &OPEN_COLUMNS
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, ordinal: usize) -> &OpenRow {
        // The caller goes by `len`.
        &self.rows[ordinal]
    }

    fn line(&self, row: &&OpenRow, text: &mut Vec<u8>) {
        let time = |ns| crate::output::table::time_text(&Default::default(), ns);
        let start = if self.has_bins {
            format!("{} ", time(row.bin))
        } else {
            String::new()
        };
        let line = format!(
            "{start}{}: {} open, at most {} at {} | {} opened, {} closed, {} reset | {} attempts, {} refused\n",
            row.key,
            row.open,
            row.open_max,
            time(row.open_max_ns),
            row.opened,
            row.closed,
            row.reset,
            row.attempts,
            row.refused,
        );
        text.extend_from_slice(line.as_bytes());
    }
}
