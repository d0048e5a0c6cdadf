//! Flow lists as comma separated values (RFC 4180, lines end with a line feed).

use super::column::Columns;
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

/// Appends some rows.
pub(super) fn append(text: &mut Vec<u8>, flows: &[(u64, Flow)], columns: Columns) {
    let mut writer = csv::Writer::from_writer(text);
    let mut scratch = Vec::new();
    for (_, flow) in flows {
        columns.visit(flow, |_, value| {
            scratch.clear();
            value.append(&mut scratch);
            field(&mut writer, &scratch);
        });
        end_of_row(&mut writer);
    }
}

/// Writes a field of a row.
pub(crate) fn field<W: Write>(writer: &mut csv::Writer<W>, text: &[u8]) {
    let written = writer.write_field(text);
    debug_assert!(written.is_ok(), "a vector takes all bytes");
}

pub(crate) fn end_of_row<W: Write>(writer: &mut csv::Writer<W>) {
    let written = writer.write_record(None::<&[u8]>);
    debug_assert!(written.is_ok(), "all rows have the same columns");
}
