//! Conditions on the rows of flow lists.

use super::column::{Columns, FIRST_NS, LAST_NS, Value};
use super::columnar;
use crate::flow::Flow;
use crate::select::condition::{Cell, Condition, Kind};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

/// The columns that a condition on a flow list may name: those of the list, and `duration`.
pub fn condition_columns() -> Vec<(&'static str, Kind)> {
    let columns = Columns {
        device: true,
        reverse: true,
        tunnel: true,
        address_bytes: false,
    };
    let mut names = Vec::new();
    columns.visit(&Flow::default(), |name, value| {
        let kind = match value {
            Value::Protocol(_)
            | Value::Mac(_)
            | Value::Vlans(_)
            | Value::TunnelNames(_)
            | Value::TunnelIds(_) => Kind::Text,
            Value::Address(_) | Value::AddressBytes(_) => Kind::Address,
            Value::Short(_) | Value::MaybeShort(_) | Value::Unsigned(_) => Kind::Number,
            Value::Time(_) => Kind::Time,
        };
        names.push((name, kind));
    });
    names.push((DURATION, Kind::Duration));
    names
}

/// Which of these flows meet a condition on the columns of the list.
pub(super) fn matching(condition: &Condition, columns: Columns, flows: &[Flow]) -> Vec<bool> {
    let batch = columnar::batch(&columnar::schema(columns), columns, flows.iter());
    matching_rows(condition, &condition_columns(), &batch)
}

/// Which rows meet a condition; `names` are the columns that it was made for. A column that is
/// not among the rows' has no values.
pub(crate) fn matching_rows(
    condition: &Condition,
    names: &[(&str, Kind)],
    batch: &RecordBatch,
) -> Vec<bool> {
    let values: Vec<Values<'_>> = names
        .iter()
        .map(|&(name, kind)| Values::of(batch, name, kind))
        .collect();
    let cell = |row: usize, column: usize| values.get(column).map_or(Cell::Null, |it| it.at(row));
    (0..batch.num_rows())
        .map(|row| condition.matches(|column| cell(row, column)))
        .collect()
}

/// The columns that have to be read for a condition.
pub(crate) fn needed<'n>(condition: &Condition, names: &[(&'n str, Kind)]) -> Vec<&'n str> {
    let used = condition
        .columns()
        .iter()
        .filter_map(|&column| names.get(column));
    used.flat_map(|&(name, _)| {
        if name == DURATION {
            vec![FIRST_NS, LAST_NS]
        } else {
            vec![name]
        }
    })
    .collect()
}

/// The values of a column.
enum Values<'a> {
    None,
    Duration(&'a ArrayRef, &'a ArrayRef),
    Address(&'a ArrayRef),
    Other(&'a ArrayRef),
}

impl<'a> Values<'a> {
    fn of(batch: &'a RecordBatch, name: &str, kind: Kind) -> Self {
        if name == DURATION {
            let times = (
                batch.column_by_name(FIRST_NS),
                batch.column_by_name(LAST_NS),
            );
            return match times {
                (Some(first), Some(last)) => Self::Duration(first, last),
                _ => Self::None,
            };
        }
        match batch.column_by_name(name) {
            Some(values) if kind == Kind::Address => Self::Address(values),
            Some(values) => Self::Other(values),
            None => Self::None,
        }
    }

    fn at(&self, row: usize) -> Cell<'a> {
        match self {
            Self::None => Cell::Null,
            Self::Duration(first, last) => match (value(first, row), value(last, row)) {
                (Cell::Signed(first), Cell::Signed(last)) => {
                    Cell::Unsigned(last.wrapping_sub(first).cast_unsigned())
                }
                _ => Cell::Null,
            },
            Self::Address(values) => match value(values, row) {
                Cell::Text(text) => text.parse().map_or(Cell::Null, Cell::Address),
                _ => Cell::Null,
            },
            Self::Other(values) => value(values, row),
        }
    }
}

/// A value, in the types that flow lists have.
fn value(values: &ArrayRef, row: usize) -> Cell<'_> {
    if values.is_null(row) || row >= values.len() {
        return Cell::Null;
    }
    match values.data_type() {
        DataType::Utf8 => Cell::Text(values.as_string::<i32>().value(row)),
        DataType::Boolean => Cell::Bool(values.as_boolean().value(row)),
        DataType::Int32 => Cell::Signed(values.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Signed(values.as_primitive::<Int64Type>().value(row)),
        DataType::Binary => {
            let text = str::from_utf8(values.as_binary::<i32>().value(row));
            text.map_or(Cell::Null, Cell::Text)
        }
        _ => Cell::Null,
    }
}

/// A name for the time between the columns `first_ns` and `last_ns`.
const DURATION: &str = "duration";
