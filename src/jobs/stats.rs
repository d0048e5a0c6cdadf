//! The statistics of a run, as one JSON object.

use crate::decode::ChecksumCounts;
use crate::engine::{Outcome, Restriction};
use crate::flow::LinkKey;
use crate::index::{CaptureNote, Notes};
use serde::Serialize;
use std::time::Duration;

/// The statistics of a run: where its packets went, and how fast.
#[derive(Debug, Serialize)]
pub struct Stats {
    packets: u64,
    packets_in_flows: u64,
    packets_not_ip: u64,
    packets_malformed: u64,
    packets_filtered: u64,
    packets_duplicate: u64,
    bytes: u64,
    flows: u64,
    seconds: f64,
    gbps: f64,
    threads: usize,
    /// TCP and UDP checksums that were looked at, those of them that are wrong, and those that say
    /// nothing.
    checksums_checked: u64,
    checksums_wrong: u64,
    checksums_unchecked: u64,
    inputs: Vec<InputStats>,
}

#[derive(Debug, Serialize)]
struct InputStats {
    path: String,
    packets: u64,
    bytes: u64,
    error: Option<String>,
}

impl Stats {
    /// The statistics of a run that took so long. `bytes` are those of the packets on the wire;
    /// `gbps` is the rate at which the inputs were read.
    pub fn new(outcome: &Outcome, elapsed: Duration) -> Self {
        let balance = &outcome.balance;
        let input_bytes: u64 = outcome.captures().map(|input| input.bytes).sum();
        Self {
            packets: balance.packets,
            packets_in_flows: balance.in_flows,
            packets_not_ip: balance.not_ip(),
            packets_malformed: balance.malformed(),
            packets_filtered: balance.filtered,
            packets_duplicate: balance.duplicates,
            bytes: balance.bytes,
            flows: outcome.flows.accepted(),
            seconds: elapsed.as_secs_f64(),
            gbps: gbps(input_bytes, elapsed),
            threads: outcome.threads,
            checksums_checked: 0,
            checksums_wrong: 0,
            checksums_unchecked: 0,
            inputs: outcome
                .captures()
                .map(|input| InputStats {
                    path: input.path.display().to_string(),
                    packets: input.packets,
                    bytes: input.bytes,
                    error: match (&input.error, input.damages.first()) {
                        (Some(error), _) => Some(error.to_string()),
                        (None, Some(damage)) => Some(damage.to_string()),
                        (None, None) => None,
                    },
                })
                .collect(),
        }
    }

    /// The same with the checksums that were looked at for streams.
    #[must_use]
    pub fn with_checksums(self, counts: &ChecksumCounts) -> Self {
        Self {
            checksums_checked: counts.checked(),
            checksums_wrong: counts.wrong,
            checksums_unchecked: counts.unchecked,
            ..self
        }
    }

    /// The statistics of an index's captures, as if they had been read with this restriction, which
    /// looks at nothing of the link layer. `shown` are packets of flows that it accepts.
    pub fn of_index(
        notes: &Notes,
        restriction: &Restriction,
        shown: (u64, u64),
        threads: usize,
        elapsed: Duration,
    ) -> Self {
        let totals = &notes.totals;
        let (flows, packets) = shown;
        let mut stats = Self {
            packets: totals.packets,
            packets_in_flows: packets,
            packets_not_ip: totals.packets_not_ip,
            packets_malformed: totals.packets_malformed,
            packets_filtered: totals.packets_in_flows - packets.min(totals.packets_in_flows),
            packets_duplicate: 0,
            bytes: totals.bytes,
            flows,
            seconds: elapsed.as_secs_f64(),
            gbps: 0.0,
            threads,
            checksums_checked: 0,
            checksums_wrong: 0,
            checksums_unchecked: 0,
            inputs: notes.captures.iter().map(InputStats::of_index).collect(),
        };
        if !restriction.matches(&LinkKey::default(), None) {
            stats.packets_filtered += stats.packets_not_ip + stats.packets_malformed;
            (stats.packets_not_ip, stats.packets_malformed) = (0, 0);
        }
        stats
    }

    /// Statistics of two runs with their common elapsed time, as one JSON object with a line feed.
    pub(super) fn both(a: &Outcome, b: &Outcome, elapsed: Duration) -> Vec<u8> {
        #[derive(Serialize)]
        struct Both {
            a: Stats,
            b: Stats,
        }
        let both = Both {
            a: Self::new(a, elapsed),
            b: Self::new(b, elapsed),
        };
        let mut bytes = serde_json::to_vec_pretty(&both).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// As one JSON object, with a line feed.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

impl InputStats {
    fn of_index(note: &CaptureNote) -> Self {
        Self {
            path: note.path.clone(),
            packets: note.packets,
            bytes: note.read,
            error: note.damage.clone(),
        }
    }
}

/// A rate in gigabits per second.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate needs no more than 53 bits"
)]
pub fn gbps(bytes: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 {
        bytes as f64 * 8.0 / seconds / 1e9
    } else {
        0.0
    }
}
