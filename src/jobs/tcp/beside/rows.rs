//! Rows of connections compared with another capture.

use super::super::columns::columns;
use super::super::facts::Facts;
use super::super::line::duration;
use super::super::row::{ConnectionRow, Entry};
use super::super::rows::Connections;
use super::compare::{Both, compare};
use crate::output::rows::{Column, Kind, Row, Table};
use crate::select::condition::Cell;
use std::sync::LazyLock;

/// The connections of one capture, compared with another one.
#[derive(Debug)]
pub(in crate::jobs::tcp) struct Beside<'a> {
    near: &'a Connections,
    far: &'a [Entry],
    both: Vec<Option<Both>>,
}

/// A connection, compared with another capture.
#[derive(Debug)]
pub(in crate::jobs::tcp) struct BesideRow<'a> {
    own: ConnectionRow<'a>,
    both: Option<(&'a Both, &'a Entry)>,
}

impl<'a> Beside<'a> {
    /// Compares the connections of two captures.
    pub(in crate::jobs::tcp) fn new(near: &'a Connections, far: &'a Connections) -> Self {
        Self {
            near,
            far: &far.all,
            both: compare(&near.all, &far.all),
        }
    }
}

type ValueOf = for<'r> fn(&'r Both, &'r Entry) -> Cell<'r>;

const DEFINITIONS: [(&str, Kind, ValueOf); 18] = [
    ("far_connection_id", Kind::Number, |it, _| {
        Cell::Unsigned(it.far as u64 + 1)
    }),
    ("matched_by", Kind::Text, |it, _| {
        Cell::Text(if it.by_isn { "isn" } else { "endpoints" })
    }),
    ("far_client_ip", Kind::Address, |_, far| {
        Cell::Address(far.ends()[0].0)
    }),
    ("far_client_port", Kind::Short, |_, far| {
        Cell::Unsigned(far.ends()[0].1.into())
    }),
    ("far_server_ip", Kind::Address, |_, far| {
        Cell::Address(far.ends()[1].0)
    }),
    ("far_server_port", Kind::Short, |_, far| {
        Cell::Unsigned(far.ends()[1].1.into())
    }),
    ("client_both", Kind::Number, |it, _| {
        Cell::Unsigned(it.passed[0].both)
    }),
    ("client_only_near", Kind::Number, |it, _| {
        Cell::Unsigned(it.passed[0].only_sender)
    }),
    ("client_only_far", Kind::Number, |it, _| {
        Cell::Unsigned(it.passed[0].only_receiver)
    }),
    ("server_both", Kind::Number, |it, _| {
        Cell::Unsigned(it.passed[1].both)
    }),
    ("server_only_near", Kind::Number, |it, _| {
        Cell::Unsigned(it.passed[1].only_receiver)
    }),
    ("server_only_far", Kind::Number, |it, _| {
        Cell::Unsigned(it.passed[1].only_sender)
    }),
    ("tap_rtt_ns", Kind::Duration, |it, _| {
        it.tap_rtt.map_or(Cell::Null, Cell::Signed)
    }),
    ("loss_between_ns", Kind::Duration, |it, _| {
        Cell::Signed(it.lost()[0])
    }),
    ("loss_beyond_near_ns", Kind::Duration, |it, _| {
        Cell::Signed(it.lost()[1])
    }),
    ("loss_beyond_far_ns", Kind::Duration, |it, _| {
        Cell::Signed(it.lost()[2])
    }),
    ("stall_server_ns", Kind::Duration, |it, _| {
        Cell::Signed(it.stall())
    }),
    ("longest", Kind::Text, |it, _| Cell::Text(longest(it))),
];

/// The columns of the comparison, then those of the main captures' connections.
pub(in crate::jobs::tcp) static BESIDE_COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let compared = DEFINITIONS
        .iter()
        .map(|&(name, kind, _)| Column { name, kind });
    let id = columns().first().copied();
    let rest = columns().iter().skip(1).copied();
    id.into_iter().chain(compared).chain(rest).collect()
});

/// The zone with the longest waiting time.
fn longest(both: &Both) -> &'static str {
    let [between, near, far] = both.lost();
    let all = [
        (between, "loss_between"),
        (near, "loss_beyond_near"),
        (far, "loss_beyond_far"),
        (both.stall(), "stall_server"),
    ];
    let most = all.into_iter().rev().max_by_key(|it| it.0);
    most.filter(|it| it.0 > 0).map_or("none", |it| it.1)
}

impl Row for BesideRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        // The id comes first.
        let Some(place) = column.checked_sub(1) else {
            return self.own.cell(0);
        };
        match DEFINITIONS.get(place) {
            Some((.., value)) => {
                let both = self.both.as_ref();
                both.map_or(Cell::Null, |(both, far)| value(both, far))
            }
            None => self.own.cell(column - DEFINITIONS.len()),
        }
    }
}

impl Table for Beside<'_> {
    type Row<'r>
        = BesideRow<'r>
    where
        Self: 'r;

    fn columns(&self) -> &[Column] {
        &BESIDE_COLUMNS
    }

    fn len(&self) -> usize {
        self.near.len()
    }

    fn row(&self, ordinal: usize) -> BesideRow<'_> {
        let both = self.both.get(ordinal).and_then(Option::as_ref);
        BesideRow {
            own: self.near.row(ordinal),
            both: both.and_then(|it| Some((it, self.far.get(it.far)?))),
        }
    }

    fn line(&self, row: &BesideRow<'_>, text: &mut Vec<u8>) {
        let [client, server] = Facts(&row.own).ends();
        let mut line = format!("connection {:>5}: {client} -> {server}", row.own.id);
        match &row.both {
            Some((both, _)) => append(both, &mut line),
            None => line += " | not in the other capture",
        }
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
}

fn append(both: &Both, line: &mut String) {
    let [client, server] = &both.passed;
    let [between, near, far] = both.lost().map(duration);
    *line += &format!(
        " | beside {:>5} | -> {} at both, {} only near, {} only far | <- {} at both, {} only near, {} only far \
         | {} apart | lost between {between}, beyond near {near}, beyond far {far}, server {} | {}",
        both.far + 1,
        client.both,
        client.only_sender,
        client.only_receiver,
        server.both,
        server.only_receiver,
        server.only_sender,
        both.tap_rtt.map_or_else(|| "-".to_owned(), duration),
        duration(both.stall()),
        longest(both),
    );
}
