//! Flow lists as JSON, one object a line.

use super::column::{Columns, Value};
use crate::flow::Flow;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Appends some rows.
pub(super) fn append(text: &mut Vec<u8>, flows: &[(u64, Flow)], columns: Columns) {
    for (_, flow) in flows {
        let written = serde_json::to_writer(&mut *text, &Row { flow, columns });
        debug_assert!(written.is_ok(), "a vector takes all bytes");
        text.push(b'\n');
    }
}

struct Row<'a> {
    flow: &'a Flow,
    columns: Columns,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut outcome = Ok(());
        // A value's text: all values of a row use the same memory.
        let mut scratch = Vec::with_capacity(LONGEST_VALUE);
        self.columns.visit(self.flow, |name, value| {
            if outcome.is_ok() {
                outcome = entry(&mut map, name, value, &mut scratch);
            }
        });
        outcome?;
        map.end()
    }
}

fn entry<M: SerializeMap>(
    map: &mut M,
    name: &str,
    value: Value,
    scratch: &mut Vec<u8>,
) -> Result<(), M::Error> {
    match value {
        Value::Unsigned(number) => map.serialize_entry(name, &number),
        Value::Short(number) => map.serialize_entry(name, &number),
        Value::MaybeShort(number) => map.serialize_entry(name, &number),
        Value::Time(time) => map.serialize_entry(name, &time.0),
        Value::Protocol(_)
        | Value::Mac(_)
        | Value::Vlans(_)
        | Value::TunnelNames(_)
        | Value::TunnelIds(_)
        | Value::Address(_)
        | Value::AddressBytes(_) => {
            scratch.clear();
            value.append(scratch);
            let text = str::from_utf8(scratch);
            debug_assert!(text.is_ok(), "values are ASCII");
            map.serialize_entry(name, text.unwrap_or_default())
        }
    }
}

/// An IPv6 address.
const LONGEST_VALUE: usize = 48;
