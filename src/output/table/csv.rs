//! Flow lists as comma separated values (RFC 4180, lines end with a line feed).

use super::row::{Columns, Value};
use crate::flow::Flow;
use std::io::Write;

/// The names of the columns.
pub(super) fn header(columns: Columns) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    columns.visit(&Flow::default(), |name, _| {
        field(&mut writer, name.as_bytes());
    });
    end_of_row(&mut writer);
    writer.into_inner().unwrap_or_default()
}

/// Some rows.
pub(super) fn block(flows: impl Iterator<Item = Flow>, columns: Columns) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut text = Vec::new();
    for flow in flows {
        columns.visit(&flow, |_, value| {
            text.clear();
            // Writing into memory cannot fail.
            let written = match value {
                Value::Shown(value) => write!(text, "{value}"),
                Value::Unsigned(number) => write!(text, "{number}"),
                Value::Signed(number) => write!(text, "{number}"),
                Value::Absent => Ok(()),
            };
            debug_assert!(written.is_ok(), "a vector takes all bytes");
            field(&mut writer, &text);
        });
        end_of_row(&mut writer);
    }
    writer.into_inner().unwrap_or_default()
}

fn field(writer: &mut csv::Writer<Vec<u8>>, text: &[u8]) {
    let written = writer.write_field(text);
    debug_assert!(written.is_ok(), "a vector takes all bytes");
}

fn end_of_row(writer: &mut csv::Writer<Vec<u8>>) {
    let written = writer.write_record(None::<&[u8]>);
    debug_assert!(written.is_ok(), "all rows have the same columns");
}
