//! Statistics of a run of the sessions job.

use super::handler::Counts;
use crate::engine::Outcome;
use crate::jobs::stats::Stats;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Statistics of a run: packets, records and connections.
#[derive(Debug, Serialize)]
pub(super) struct SessionsStats {
    #[serde(flatten)]
    run: Stats,
    records: BTreeMap<&'static str, u64>,
    connections: Counts,
}

impl SessionsStats {
    pub(super) fn new(
        outcome: &Outcome,
        elapsed: Duration,
        records: BTreeMap<&'static str, u64>,
        connections: Counts,
    ) -> Self {
        Self {
            run: Stats::new(outcome, elapsed),
            records,
            connections,
        }
    }

    /// One JSON object, with a line feed at its end.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}
