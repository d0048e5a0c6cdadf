//! Flow lists as columns in memory, in the types of Apache Arrow
//! (<https://arrow.apache.org/docs/format/Columnar.html>): what Parquet files and Arrow streams are
//! made from.

use super::column::{Columns, Value, sixteen_bytes};
use crate::flow::Flow;
use arrow_array::builder::{
    FixedSizeBinaryBuilder, PrimitiveBuilder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_array::types::{ArrowPrimitiveType, UInt16Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The columns of a flow list, in order. Times are in nanoseconds since 1970, UTC.
pub(crate) fn fields(columns: Columns) -> Vec<Field> {
    let mut fields = Vec::new();
    columns.visit(&Flow::default(), |name, value| {
        let may_be_null = matches!(value, Value::MaybeShort(_));
        fields.push(Field::new(name, type_of(value), may_be_null));
    });
    fields
}

/// The same as a schema.
pub(super) fn schema(columns: Columns) -> SchemaRef {
    Arc::new(Schema::new(fields(columns)))
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
        Value::Short(_) | Value::MaybeShort(_) => DataType::UInt16,
        Value::Unsigned(_) => DataType::UInt64,
        Value::Time(_) => time_type(),
    }
}

/// Nanoseconds since 1970, UTC.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
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
    let arrays = arrays(columns, flows);
    let batch = RecordBatch::try_new(Arc::clone(schema), arrays);
    debug_assert!(batch.is_ok(), "schema and arrays come from the same visit");
    batch.unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(schema)))
}

/// A column that is being built.
enum Builder {
    Text(StringBuilder),
    Bytes(FixedSizeBinaryBuilder),
    Short(PrimitiveBuilder<UInt16Type>),
    Long(PrimitiveBuilder<UInt64Type>),
    Time(TimestampNanosecondBuilder),
}

impl Builder {
    /// A column for values of one kind.
    fn new(value: Value, rows: usize) -> Self {
        fn numbers<T: ArrowPrimitiveType>(rows: usize) -> PrimitiveBuilder<T> {
            PrimitiveBuilder::with_capacity(rows)
        }
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
            Value::Short(_) | Value::MaybeShort(_) => Self::Short(numbers(rows)),
            Value::Unsigned(_) => Self::Long(numbers(rows)),
            Value::Time(_) => Self::Time(numbers(rows).with_data_type(time_type())),
        }
    }

    #[inline]
    fn push(&mut self, value: Value, scratch: &mut Vec<u8>) {
        match (self, value) {
            (Self::Short(builder), Value::Short(number)) => builder.append_value(number),
            (Self::Short(builder), Value::MaybeShort(number)) => builder.append_option(number),
            (Self::Long(builder), Value::Unsigned(number)) => builder.append_value(number),
            (Self::Time(builder), Value::Time(time)) => builder.append_value(time.0),
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
            Self::Time(mut builder) => Arc::new(builder.finish()),
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
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays(columns, flows.iter()));
        let batch = batch.unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (2, 23));
        let field = schema.field_with_name("first_ns").unwrap();
        assert_eq!(
            field.data_type().to_string(),
            r#"Timestamp(ns, "UTC")"#.to_owned()
        );
    }
}
