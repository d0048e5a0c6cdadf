//! Where flows' records are: a file with one row for each flow in each gigabyte of the captures.

use crate::number::index_u32;
use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;
use std::sync::Arc;

/// The places of one shard's packets, sorted by flow.
#[derive(Debug, Default)]
pub struct Postings {
    /// Index of a flow, and where its places end.
    flows: Vec<(u32, u32)>,
    /// Where records are, from the start of the stretch.
    places: Vec<u32>,
}

impl Postings {
    pub(super) fn with_capacity(places: usize) -> Self {
        Self {
            flows: Vec::new(),
            places: Vec::with_capacity(places),
        }
    }

    pub(super) fn add(&mut self, flow: u32, places: impl Iterator<Item = u32>) {
        self.places.extend(places);
        let end = index_u32(self.places.len());
        self.flows.push((flow, end));
    }

    /// Packets that belong to no flow.
    pub fn of_no_flow(places: Vec<u32>) -> Self {
        let end = index_u32(places.len());
        let flows = if places.is_empty() {
            Vec::new()
        } else {
            vec![(0, end)]
        };
        Self { flows, places }
    }

    /// Each flow and its places.
    fn rows(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let starts = [0].into_iter().chain(self.flows.iter().map(|row| row.1));
        self.flows.iter().zip(starts).map(|(&(flow, end), start)| {
            let places = self.places.get(start as usize..end as usize);
            (flow, places.unwrap_or_default())
        })
    }
}

/// A row: where records of a flow are in a capture.
#[derive(Clone, Copy, Debug)]
pub struct Posting<'a> {
    flow_id: u64,
    capture: u32,
    /// Added to a place, it gives the offset in the capture.
    base: i64,
    places: &'a [u32],
}

/// The rows of a stretch, in order. `id_of` gives the FlowID of a shard's flow; `captures` are the
/// starts of those that the stretch has packets of, from the stretch's start, with their numbers.
pub(super) fn rows<'a>(
    shards: &'a [Postings],
    id_of: impl Fn(usize, u32) -> u64 + Sync,
    captures: &[(i64, u32)],
) -> Vec<Posting<'a>> {
    let rows_of = |(shard, postings): (usize, &'a Postings)| {
        let mut rows = Vec::with_capacity(postings.flows.len());
        for (flow, places) in postings.rows() {
            cut(&mut rows, id_of(shard, flow), places, captures);
        }
        rows
    };
    let mut rows: Vec<Posting<'a>> = shards
        .par_iter()
        .enumerate()
        .flat_map_iter(rows_of)
        .collect();
    // Of one flow all are from the same shard, in order.
    rows.par_sort_unstable_by_key(|row| (row.flow_id, row.capture, row.places.first().copied()));
    rows
}

/// A flow's rows: one for each capture, and none too long.
fn cut<'a>(
    rows: &mut Vec<Posting<'a>>,
    flow_id: u64,
    mut places: &'a [u32],
    captures: &[(i64, u32)],
) {
    while let Some(&first) = places.first() {
        let number = captures.partition_point(|(start, _)| *start <= i64::from(first));
        let (start, capture) = captures
            .get(number.saturating_sub(1))
            .copied()
            .unwrap_or_default();
        let end = captures.get(number).map_or(i64::MAX, |(start, _)| *start);
        let own = places.partition_point(|&place| i64::from(place) < end);
        let (own, others) = places.split_at(own.clamp(1, MOST_IN_ROW));
        rows.push(Posting {
            flow_id,
            capture,
            base: -start,
            places: own,
        });
        places = others;
    }
}

/// Cuts rows into row groups.
pub(super) fn groups<'a, 'b>(rows: &'b [Posting<'a>], most: usize) -> Vec<&'b [Posting<'a>]> {
    let mut groups = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let mut places = 0;
        let fitting = rest.iter().take(most).take_while(|row| {
            let fits = places < MOST_IN_GROUP;
            places += row.places.len();
            fits
        });
        let (own, others) = rest.split_at(fitting.count().max(1));
        groups.push(own);
        rest = others;
    }
    groups
}

/// The columns.
pub(super) fn schema() -> SchemaRef {
    let item = Arc::new(Field::new_list_field(DataType::Int64, false));
    Arc::new(Schema::new(vec![
        Field::new(FLOW_ID, DataType::Int64, false),
        Field::new(CAPTURE, DataType::Int64, false),
        Field::new(OFFSETS, DataType::List(item), false),
    ]))
}

/// Some rows as columns.
pub(super) fn batch(schema: &SchemaRef, rows: &[Posting<'_>]) -> RecordBatch {
    let mut ids = Int64Builder::with_capacity(rows.len());
    let mut captures = Int64Builder::with_capacity(rows.len());
    let places = rows.iter().map(|row| row.places.len()).sum();
    let values = Int64Builder::with_capacity(places);
    let mut offsets = ListBuilder::with_capacity(values, rows.len())
        .with_field(Field::new_list_field(DataType::Int64, false));
    for row in rows {
        ids.append_value(row.flow_id.cast_signed());
        captures.append_value(row.capture.into());
        let of = |place: &u32| i64::from(*place) + row.base;
        offsets
            .values()
            .extend(row.places.iter().map(|it| Some(of(it))));
        offsets.append(true);
    }
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(ids.finish()),
        Arc::new(captures.finish()),
        Arc::new(offsets.finish()),
    ];
    let batch = RecordBatch::try_new(Arc::clone(schema), arrays);
    debug_assert!(batch.is_ok(), "the arrays are those of the schema");
    batch.unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(schema)))
}

pub(super) const FLOW_ID: &str = "flow_id";
pub(super) const CAPTURE: &str = "capture";
pub(super) const OFFSETS: &str = "offsets";
/// A row takes memory when it is read: long flows have several.
const MOST_IN_ROW: usize = 64 * 1024;
/// Places in a row group.
const MOST_IN_GROUP: usize = 1024 * 1024;
