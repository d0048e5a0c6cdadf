//! Flow lists as JSON, one object a line.

use super::row::{Columns, Value};
use crate::flow::Flow;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Some rows.
pub(super) fn block(flows: impl Iterator<Item = Flow>, columns: Columns) -> Vec<u8> {
    let mut bytes = Vec::new();
    for flow in flows {
        let written = serde_json::to_writer(&mut bytes, &Row { flow, columns });
        debug_assert!(written.is_ok(), "a vector takes all bytes");
        bytes.push(b'\n');
    }
    bytes
}

struct Row {
    flow: Flow,
    columns: Columns,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut outcome = Ok(());
        self.columns.visit(&self.flow, |name, value| {
            if outcome.is_ok() {
                outcome = map.serialize_entry(name, &value);
            }
        });
        outcome?;
        map.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown(value) => serializer.collect_str(value),
            Self::Unsigned(number) => serializer.serialize_u64(*number),
            Self::Signed(number) => serializer.serialize_i64(*number),
            Self::Absent => serializer.serialize_none(),
        }
    }
}
