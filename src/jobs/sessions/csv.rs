//! Records as comma separated values (RFC 4180, lines end with a line feed): one file for each type.
//! Objects and lists are JSON in their cells.

use super::fields::{Shown, Value};
use super::json::Json;
use super::record::Kind;
use crate::output::table::csv::{end_of_row, field};

/// The names of a type's keys.
pub(super) fn header(kind: Kind) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for key in kind.keys() {
        field(&mut writer, key.name.as_bytes());
    }
    end_of_row(&mut writer);
    writer.into_inner().unwrap_or_default()
}

/// Writer of lines.
#[derive(Debug, Default)]
pub(super) struct CsvLines {
    json: Json,
    /// The cells of a record, by key.
    cells: Vec<(&'static str, Vec<u8>)>,
}

impl CsvLines {
    /// Appends a record.
    pub(super) fn append(&mut self, shown: &Shown<'_>, text: &mut Vec<u8>) {
        let Self { json, cells } = self;
        cells.clear();
        shown.fields(&mut |name, value| {
            json.clear();
            cell(name, &value, json);
            cells.push((name, std::mem::take(&mut json.text)));
        });
        json.clear();
        json.write_raws();
        cells.push(("raw", std::mem::take(&mut json.text)));
        let mut writer = csv::Writer::from_writer(text);
        for key in shown.entry.kind().keys() {
            let cell = cells.iter().find(|it| it.0 == key.name);
            field(&mut writer, cell.map_or(&[], |it| &it.1));
        }
        end_of_row(&mut writer);
    }
}

fn cell(name: &str, value: &Value<'_>, json: &mut Json) {
    match value {
        Value::Number(it) => json.number(it),
        Value::Signed(it) => json.number(it),
        Value::Time(it) | Value::Duration(it) => json.seconds(*it),
        Value::Bool(it) => json.bool(*it),
        Value::Str(it) => plain(name, it.as_bytes(), json),
        Value::Text(it) => plain(name, it, json),
        Value::Address(it) => json.number(it),
        Value::Nested(write) => write(json),
    }
}

/// Writes a text without quotes. Control characters would reach terminals: they are replaced like
/// invalid bytes.
fn plain(name: &str, bytes: &[u8], json: &mut Json) {
    let text = String::from_utf8_lossy(bytes);
    let shown = |it: char| match it {
        '\n' | '\r' | '\t' => it,
        _ if it.is_control() => char::REPLACEMENT_CHARACTER,
        _ => it,
    };
    let text: String = text.chars().map(shown).collect();
    if text.as_bytes() != bytes {
        json.keep_raw(name, bytes);
    }
    json.text.extend_from_slice(text.as_bytes());
}
