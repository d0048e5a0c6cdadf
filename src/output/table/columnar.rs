//! Flow lists as columns in memory, in the types of Apache Arrow
//! (<https://arrow.apache.org/docs/format/Columnar.html>): what Parquet files and Arrow streams are
//! made from.

use super::column::{Columns, LAST_NS, Value, sixteen_bytes};
use crate::flow::Flow;
use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The columns of a flow list, in order, in widely supported types: numbers are int64, ports and
/// flags int32, times int64, in nanoseconds since 1970, UTC.
pub(crate) fn fields(columns: Columns) -> Vec<Field> {
    let mut fields = Vec::new();
    columns.visit(&Flow::default(), |name, value| {
        let may_be_null = matches!(value, Value::MaybeShort(_));
        fields.push(Field::new(name, type_of(value), may_be_null));
    });
    fields
}

/// The columns as a schema, with times as timestamps, and the duration, after `last_ns`.
pub(super) fn schema(columns: Columns) -> SchemaRef {
    let mut all = Vec::new();
    for field in fields(columns) {
        let is_last = field.name() == LAST_NS;
        all.push(field);
        if is_last {
            all.push(Field::new("first", timestamp_type(), false));
            all.push(Field::new("last", timestamp_type(), false));
            all.push(Field::new("duration_ns", DataType::Int64, false));
        }
    }
    Arc::new(Schema::new(all))
}

fn type_of(value: Value) -> DataType {
    match value {
        Value::Protocol(_)
        | Value::Mac(_)
        | Value::Vlans(_)
        | Value::TunnelNames(_)
        | Value::TunnelIds(_)
        | Value::Address(_) => DataType::Utf8,
        Value::AddressBytes(_) => DataType::FixedSizeBinary(16),
        Value::Short(_) | Value::MaybeShort(_) => DataType::Int32,
        Value::Unsigned(_) | Value::Time(_) => DataType::Int64,
    }
}

/// Microseconds since 1970, UTC: the finest unit that all readers support.
fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Some flows as columns.
pub(crate) fn arrays<'a>(
    columns: Columns,
    flows: impl ExactSizeIterator<Item = &'a Flow>,
) -> Vec<ArrayRef> {
    let rows = flows.len();
    let mut builders = Vec::new();
    columns.visit(&Flow::default(), |_, value| {
        builders.push(Builder::new(value, rows));
    });
    let mut scratch = Vec::new();
    for flow in flows {
        let mut next = builders.iter_mut();
        columns.visit(flow, |_, value| {
            if let Some(builder) = next.next() {
                builder.push(value, &mut scratch);
            }
        });
    }
    builders.into_iter().map(Builder::finish).collect()
}

/// Some flows as a batch of rows.
pub(super) fn batch<'a>(
    schema: &SchemaRef,
    columns: Columns,
    flows: impl ExactSizeIterator<Item = &'a Flow>,
) -> RecordBatch {
    let flows: Vec<&Flow> = flows.collect();
    let mut all = Vec::new();
    for (field, array) in fields(columns)
        .iter()
        .zip(arrays(columns, flows.iter().copied()))
    {
        all.push(array);
        if field.name() == LAST_NS {
            all.extend(spans(&flows));
        }
    }
    let batch = RecordBatch::try_new(Arc::clone(schema), all);
    debug_assert!(batch.is_ok(), "schema and arrays come from the same visit");
    batch.unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(schema)))
}

/// First and last times as timestamps, and the duration.
fn spans(flows: &[&Flow]) -> [ArrayRef; 3] {
    let timestamps = |time: fn(&Flow) -> i64| {
        let mut builder = TimestampMicrosecondBuilder::with_capacity(flows.len());
        for flow in flows {
            builder.append_value(time(flow).div_euclid(1000));
        }
        builder.with_data_type(timestamp_type()).finish()
    };
    let mut durations = Int64Builder::with_capacity(flows.len());
    for flow in flows {
        durations.append_value(flow.last.0.saturating_sub(flow.first.0));
    }
    [
        Arc::new(timestamps(|it| it.first.0)),
        Arc::new(timestamps(|it| it.last.0)),
        Arc::new(durations.finish()),
    ]
}

/// A column that is being built.
enum Builder {
    Text(StringBuilder),
    Bytes(FixedSizeBinaryBuilder),
    Short(Int32Builder),
    Long(Int64Builder),
}

impl Builder {
    /// A column for values of one kind.
    fn new(value: Value, rows: usize) -> Self {
        match value {
            Value::Protocol(_)
            | Value::Mac(_)
            | Value::Vlans(_)
            | Value::TunnelNames(_)
            | Value::TunnelIds(_)
            | Value::Address(_) => {
                Self::Text(StringBuilder::with_capacity(rows, rows * TYPICAL_TEXT))
            }
            Value::AddressBytes(_) => Self::Bytes(FixedSizeBinaryBuilder::with_capacity(rows, 16)),
            Value::Short(_) | Value::MaybeShort(_) => {
                Self::Short(Int32Builder::with_capacity(rows))
            }
            Value::Unsigned(_) | Value::Time(_) => Self::Long(Int64Builder::with_capacity(rows)),
        }
    }

    #[inline]
    fn push(&mut self, value: Value, scratch: &mut Vec<u8>) {
        match (self, value) {
            (Self::Short(builder), Value::Short(number)) => builder.append_value(number.into()),
            (Self::Short(builder), Value::MaybeShort(number)) => {
                builder.append_option(number.map(i32::from));
            }
            // No count reaches the sign bit.
            (Self::Long(builder), Value::Unsigned(number)) => {
                builder.append_value(number.cast_signed());
            }
            (Self::Long(builder), Value::Time(time)) => builder.append_value(time.0),
            (Self::Bytes(builder), Value::AddressBytes(address)) => {
                let appended = builder.append_value(sixteen_bytes(address));
                debug_assert!(appended.is_ok(), "it has 16 bytes");
            }
            (Self::Text(builder), value) => {
                scratch.clear();
                value.append(scratch);
                builder.append_value(str::from_utf8(scratch).unwrap_or_default());
            }
            (_, _) => debug_assert!(false, "a column has values of one kind"),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Bytes(mut builder) => Arc::new(builder.finish()),
            Self::Short(mut builder) => Arc::new(builder.finish()),
            Self::Long(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// Bytes of an address or a MAC address as text.
const TYPICAL_TEXT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_types_and_values_of_their_fields() {
        let columns = Columns {
            device: true,
            reverse: true,
            tunnel: true,
            address_bytes: true,
        };
        let flows = [Flow::default(), Flow::default()];
        let schema = schema(columns);
        let batch = batch(&schema, columns, flows.iter());
        assert_eq!((batch.num_rows(), batch.num_columns()), (2, 26));
        for (name, data_type) in [
            ("first_ns", "Int64"),
            ("first", r#"Timestamp(µs, "UTC")"#),
            ("duration_ns", "Int64"),
            ("src_port", "Int32"),
            ("packets", "Int64"),
        ] {
            let field = schema.field_with_name(name).unwrap();
            assert_eq!(field.data_type().to_string(), data_type, "{name}");
        }
    }
}
