//! What a job reads.

use crate::engine::{Gate, Source, Workers};
use crate::index::PacketPlaces;
use std::path::PathBuf;

/// Captures as a whole, or excerpts of some.
pub(super) struct Given<'a> {
    pub(super) workers: &'a Workers,
    pub(super) sources: Vec<Source>,
    /// The paths of the captures, which no output may have.
    pub(super) inputs: Vec<PathBuf>,
    /// For excerpts, where their packets are in the captures.
    pub(super) places: Option<PacketPlaces>,
    /// A check at the end of the run, before outputs get their names.
    pub(super) gate: Option<&'a mut (dyn Gate + Send)>,
}

impl<'a> Given<'a> {
    /// Captures as a whole.
    pub(super) fn whole(workers: &'a Workers, sources: Vec<Source>) -> Self {
        Self {
            workers,
            inputs: sources.iter().flat_map(Source::paths).collect(),
            sources,
            places: None,
            gate: None,
        }
    }
}
