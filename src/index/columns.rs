//! The columns of an index's flows.

use super::summary::Summary;
use crate::flow::{Flow, community_id};
use crate::output::parquet::Storage;
use crate::output::table::{Columns, column, columnar};
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Int32Builder, Int64Builder, StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::fmt::Write;
use std::sync::Arc;

/// The columns of the flow list, and those of summaries.
pub(super) fn schema(columns: Columns) -> SchemaRef {
    let mut fields = columnar::fields(columns);
    fields.extend([
        Field::new(HANDSHAKE, DataType::Boolean, false),
        Field::new(RETRANSMISSIONS, DataType::Int64, false),
        Field::new(PAYLOAD_BYTES, DataType::Int64, false),
        Field::new(FIRST_PAYLOAD, DataType::Binary, true),
        Field::new(SERVER_NAME, DataType::Utf8, true),
        Field::new(COMMUNITY_ID, DataType::Utf8, true),
        Field::new(FRAGMENTS, DataType::Int64, false),
        Field::new(NEXT_SEQ, DataType::Int64, true),
        Field::new(TCP_STATE, DataType::Int32, false),
    ]);
    Arc::new(Schema::new(fields))
}

/// How they are stored: for size first.
pub(super) const STORAGE: Storage<'static> = Storage {
    deltas: &[
        column::FLOW_ID,
        column::FIRST_NS,
        column::LAST_NS,
        column::SRC_PORT,
    ],
    plain: &[FIRST_PAYLOAD, NEXT_SEQ],
    bloom: &[],
    without_statistics: &[FIRST_PAYLOAD, NEXT_SEQ, COMMUNITY_ID],
};

/// Some flows, with their summaries and the names of their servers, as rows.
pub(super) fn batch(
    schema: &SchemaRef,
    columns: Columns,
    flows: &[(Flow, &Summary, Option<&str>)],
) -> RecordBatch {
    let rows = flows.len();
    let mut arrays = columnar::arrays(columns, flows.iter().map(|(flow, ..)| flow));
    let mut handshake = BooleanBuilder::with_capacity(rows);
    let mut retransmissions = Int64Builder::with_capacity(rows);
    let mut payload = Int64Builder::with_capacity(rows);
    let mut first = BinaryBuilder::with_capacity(rows, rows * 8);
    let mut names = StringBuilder::new();
    let mut ids = StringBuilder::with_capacity(rows, rows * COMMUNITY_ID_LEN);
    let mut fragments = Int64Builder::with_capacity(rows);
    let mut next_seq = Int64Builder::with_capacity(rows);
    let mut state = Int32Builder::with_capacity(rows);
    for (_, summary, name) in flows {
        handshake.append_value(summary.has_handshake());
        retransmissions.append_value(summary.retransmissions.into());
        payload.append_value(summary.payload_bytes.cast_signed());
        first.append_option(summary.first_payload());
        names.append_option(*name);
        fragments.append_value(summary.fragments.into());
        next_seq.append_option(summary.next_seq().map(u64::cast_signed));
        state.append_value(summary.tcp_state().into());
    }
    for (flow, ..) in flows {
        match community_id(&flow.key.network, 0) {
            // A builder takes all there is.
            Some(id) => write!(ids, "{id}").unwrap_or(()),
            None => {
                ids.append_null();
                continue;
            }
        }
        ids.append_value("");
    }
    arrays.extend::<[ArrayRef; 9]>([
        Arc::new(handshake.finish()),
        Arc::new(retransmissions.finish()),
        Arc::new(payload.finish()),
        Arc::new(first.finish()),
        Arc::new(names.finish()),
        Arc::new(ids.finish()),
        Arc::new(fragments.finish()),
        Arc::new(next_seq.finish()),
        Arc::new(state.finish()),
    ]);
    let batch = RecordBatch::try_new(Arc::clone(schema), arrays);
    debug_assert!(batch.is_ok(), "the arrays are those of the schema");
    batch.unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(schema)))
}

pub(super) const HANDSHAKE: &str = "handshake";
pub(super) const RETRANSMISSIONS: &str = "retransmissions";
pub(super) const PAYLOAD_BYTES: &str = "payload_bytes";
pub(super) const FIRST_PAYLOAD: &str = "first_payload";
pub(super) const SERVER_NAME: &str = "server_name";
pub(super) const COMMUNITY_ID: &str = "community_id";
pub(super) const FRAGMENTS: &str = "fragments";
pub(super) const NEXT_SEQ: &str = "next_seq";
pub(super) const TCP_STATE: &str = "tcp_state";
/// What a summary is read from.
pub(super) const SUMMARY_COLUMNS: [&str; 7] = [
    RETRANSMISSIONS,
    PAYLOAD_BYTES,
    FIRST_PAYLOAD,
    SERVER_NAME,
    FRAGMENTS,
    NEXT_SEQ,
    TCP_STATE,
];
const COMMUNITY_ID_LEN: usize = 30;
