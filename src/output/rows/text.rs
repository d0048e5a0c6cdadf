//! Rows as text: CSV (RFC 4180, lines end with a line feed), JSON (one object a line), and lines for
//! people.

use super::{Choice, Column, Row, Table};
use crate::output::table::Format;
use crate::output::table::csv::{end_of_row, field};
use crate::select::condition::Cell;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::io::Write;

/// The names of the columns, as CSV.
pub(super) fn header<T: Table>(table: &T, choice: &Choice) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for ordinal in choice.columns_of(table.columns()) {
        let column = table.columns().get(ordinal);
        field(&mut writer, column.map_or("", |it| it.name).as_bytes());
    }
    end_of_row(&mut writer);
    writer.into_inner().unwrap_or_default()
}

/// Some rows.
pub(super) fn block<T: Table>(
    table: &T,
    choice: &Choice,
    format: Format,
    rows: &[usize],
) -> Vec<u8> {
    let columns = choice.columns_of(table.columns());
    let mut text = Vec::new();
    match format {
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut text);
            let mut scratch = Vec::new();
            for &row in rows {
                let row = table.row(row);
                for &column in &columns {
                    scratch.clear();
                    append(row.cell(column), &mut scratch);
                    field(&mut writer, &scratch);
                }
                end_of_row(&mut writer);
            }
            drop(writer);
        }
        Format::Json => {
            for &row in rows {
                let object = Object {
                    columns: table.columns(),
                    shown: &columns,
                    row: &table.row(row),
                };
                let written = serde_json::to_writer(&mut text, &object);
                debug_assert!(written.is_ok(), "a vector takes all bytes");
                text.push(b'\n');
            }
        }
        Format::Text | Format::Table => {
            for &row in rows {
                table.line(&table.row(row), &mut text);
            }
        }
        // Not made of lines.
        Format::Parquet | Format::Arrow => {}
    }
    text
}

/// Appends a value as text; nothing where there is none.
fn append(cell: Cell<'_>, text: &mut Vec<u8>) {
    let written = match cell {
        Cell::Null => Ok(()),
        Cell::Unsigned(number) => write!(text, "{number}"),
        Cell::Signed(number) => write!(text, "{number}"),
        Cell::Text(value) => text.write_all(value.as_bytes()),
        Cell::Address(address) => write!(text, "{address}"),
        Cell::Bool(is_true) => write!(text, "{is_true}"),
    };
    debug_assert!(written.is_ok(), "a vector takes all bytes");
}

struct Object<'a, R> {
    columns: &'a [Column],
    shown: &'a [usize],
    row: &'a R,
}

impl<R: Row> Serialize for Object<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for &ordinal in self.shown {
            let Some(column) = self.columns.get(ordinal) else {
                continue;
            };
            match self.row.cell(ordinal) {
                Cell::Null => map.serialize_entry(column.name, &())?,
                Cell::Unsigned(number) => map.serialize_entry(column.name, &number)?,
                Cell::Signed(number) => map.serialize_entry(column.name, &number)?,
                Cell::Text(text) => map.serialize_entry(column.name, text)?,
                Cell::Address(address) => map.serialize_entry(column.name, &address)?,
                Cell::Bool(is_true) => map.serialize_entry(column.name, &is_true)?,
            }
        }
        map.end()
    }
}
