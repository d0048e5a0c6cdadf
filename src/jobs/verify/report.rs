//! The report of a second reading.

use super::headers::Unjudged;
use std::fmt;

/// What a second reading of captures found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Packets read.
    pub packets: u64,
    /// Flows with packets that the filter lets through.
    pub flows: u64,
    /// Packets whose headers only the run's own decoder reads, and why.
    pub unjudged: Vec<(Unjudged, u64)>,
    /// The first differences, in words; at most [`Verified::MAX_DIFFERENCES`].
    pub differences: Vec<String>,
    /// How many differences there are.
    pub difference_count: u64,
}

impl Verified {
    /// Differences that are kept for messages; the others are only counted.
    pub const MAX_DIFFERENCES: usize = 10;

    /// Whether the run found what the simplest way finds.
    pub const fn is_same(&self) -> bool {
        self.difference_count == 0
    }

    /// How many packets could not be judged.
    pub fn unjudged(&self) -> u64 {
        self.unjudged.iter().map(|(_, packets)| packets).sum()
    }
}

/// `66 packets, 6 flows, the same when read in the simplest way (2 packets could not be judged: 2
/// of PPP (9))`
impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packets, flows, .. } = self;
        let verdict = if self.is_same() {
            "the same when read in the simplest way"
        } else {
            "not the same when read in the simplest way"
        };
        write!(f, "{packets} packets, {flows} flows, {verdict}")?;
        if self.unjudged.is_empty() {
            return Ok(());
        }
        write!(f, " ({} packets could not be judged: ", self.unjudged())?;
        for (number, (why, packets)) in self.unjudged.iter().take(MOST_REASONS).enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{packets} {why}")?;
        }
        let others = self.unjudged.iter().skip(MOST_REASONS);
        match others.map(|(_, packets)| packets).sum() {
            0_u64 => f.write_str(")"),
            others => write!(f, ", {others} others)"),
        }
    }
}

/// Reasons that are listed one by one.
const MOST_REASONS: usize = 8;
