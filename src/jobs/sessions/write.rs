//! Selection and formatting of a window's records.

use super::csv::CsvLines;
use super::fields::{Showing, Shown, Value};
use super::json::Json;
use super::options::RecordFormat;
use super::record::{Entry, Kind};
use super::schema::record_columns;
use super::secrets::Hidden;
use crate::flow::{FlowList, VlanStack};
use crate::select::condition::{Cell, Condition};
use std::net::IpAddr;
use std::ops::Range;

/// Formatted records of a shard.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) lines: Vec<Line>,
    pub(super) text: Vec<u8>,
    pub(super) hidden: u64,
}

/// A record in a block.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Sort key: packet and flow.
    pub(super) key: (u64, u64),
    pub(super) kind: Kind,
    pub(super) text: Range<usize>,
}

/// Whether everything has been read. Records written at the end are sorted by their first packets,
/// because nothing completed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Window,
    End,
}

/// Formats the records of a shard that meet a condition.
pub(super) fn block(
    shard: usize,
    entries: &[Entry],
    flows: &FlowList,
    condition: Option<&Condition>,
    showing: &Showing,
    phase: Phase,
) -> Block {
    let hidden = Hidden::new(0);
    let mut lines = Vec::with_capacity(entries.len());
    let mut json = Json::default();
    let mut csv = CsvLines::default();
    for entry in entries {
        let ids = entry
            .flows
            .map(|it| it.map_or(0, |flow| flows.id_of(shard, flow)));
        let shown = Shown {
            entry,
            ids,
            vlans: vlans(flows, ids),
            showing,
            hidden: &hidden,
        };
        if condition.is_some_and(|it| !meets(it, &shown)) {
            continue;
        }
        let start = json.text.len();
        match showing.format {
            RecordFormat::Json => shown.write_json(&mut json),
            RecordFormat::Parquet => shown.write_columns(&mut json),
            RecordFormat::Csv => csv.append(&shown, &mut json.text),
        }
        let packet = match phase {
            Phase::Window => entry.completed,
            Phase::End => entry.found.span.first.packet,
        };
        lines.push(Line {
            key: (packet, ids[0]),
            kind: entry.kind(),
            text: start..json.text.len(),
        });
    }
    Block {
        lines,
        text: json.text,
        hidden: hidden.get(),
    }
}

/// The VLAN ids of the flow from source to destination, or else of the other one.
fn vlans(flows: &FlowList, ids: [u64; 2]) -> VlanStack {
    let flow = ids.into_iter().find_map(|id| flows.get(id));
    flow.map_or_else(VlanStack::default, |it| it.key.link.vlans())
}

/// A column value for conditions.
enum Owned {
    Unsigned(u64),
    Signed(i64),
    Text(String),
    Address(IpAddr),
    Bool(bool),
}

/// Whether a record meets a condition.
fn meets(condition: &Condition, shown: &Shown<'_>) -> bool {
    let mut values: Vec<(usize, Owned)> = Vec::new();
    let needed = condition.columns();
    shown.fields(&mut |name, value| {
        let columns = record_columns();
        let is_named = |column: &&usize| columns.get(**column).is_some_and(|it| it.0 == name);
        let Some(&column) = needed.iter().find(is_named) else {
            return;
        };
        let owned = match value {
            Value::Number(it) => Owned::Unsigned(it),
            Value::Signed(it) | Value::Time(it) | Value::Duration(it) => Owned::Signed(it),
            Value::Bool(it) => Owned::Bool(it),
            Value::Str(it) => Owned::Text(it.to_owned()),
            Value::Text(it) => Owned::Text(String::from_utf8_lossy(it).into_owned()),
            Value::Address(it) => Owned::Address(it),
            Value::Nested(_) => return,
        };
        values.push((column, owned));
    });
    condition.matches(|column| {
        let found = values.iter().find(|it| it.0 == column);
        found.map_or(Cell::Null, |(_, value)| match value {
            Owned::Unsigned(it) => Cell::Unsigned(*it),
            Owned::Signed(it) => Cell::Signed(*it),
            Owned::Text(it) => Cell::Text(it),
            Owned::Address(it) => Cell::Address(*it),
            Owned::Bool(it) => Cell::Bool(*it),
        })
    })
}
