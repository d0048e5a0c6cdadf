//! The results of a run.

use super::balance::Balance;
use crate::capture::{Cursor, Damage, Nanos, PartReport};
use crate::error::Error;
use crate::flow::{FirstFragment, Flow, FlowList};
use std::path::PathBuf;

/// The results of a run.
#[derive(Debug)]
pub struct Outcome {
    /// All flows.
    pub flows: FlowList,
    /// Where every packet went.
    pub balance: Balance,
    /// First fragments that later ones may come for.
    pub fragments: Vec<FirstFragment>,
    /// The inputs, in order.
    pub inputs: Vec<InputReport>,
    /// Worker threads of the run.
    pub threads: usize,
}

impl Outcome {
    /// Whether all inputs were read and nothing was wrong with them.
    pub fn is_whole(&self) -> bool {
        self.inputs.iter().all(InputReport::is_whole) && self.balance.without_interface() == 0
    }

    /// The captures, in order: those that were merged, each by itself.
    pub fn captures(&self) -> impl Iterator<Item = &InputReport> {
        self.inputs.iter().flat_map(InputReport::captures)
    }

    /// Captures that begin before one that was read before them ended, if there are any.
    pub fn overlaps(&self) -> Option<Overlaps> {
        let mut found: Option<Overlaps> = None;
        let mut latest: Option<(Nanos, &InputReport)> = None;
        for input in &self.inputs {
            let (Some(first), Some(last)) = (input.first_time, input.last_time) else {
                continue;
            };
            if let Some((end, before)) = latest
                && first < end
            {
                let overlaps = found.get_or_insert_with(|| Overlaps {
                    captures: 0,
                    earlier: before.path.clone(),
                    later: input.path.clone(),
                });
                overlaps.captures += 1;
            }
            if latest.is_none_or(|(end, _)| last > end) {
                latest = Some((last, input));
            }
        }
        found
    }
}

/// Captures whose packets lie between each other in time, though they were read one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlaps {
    /// How many begin before one that was read before them ended.
    pub captures: u64,
    /// Of the first of them, the capture that ends too late.
    pub earlier: PathBuf,
    /// The first of them.
    pub later: PathBuf,
}

/// An input, as far as it was read.
#[derive(Debug)]
pub struct InputReport {
    /// Its name.
    pub path: PathBuf,
    /// Packets read.
    pub packets: u64,
    /// Bytes read, or skipped as damaged.
    pub bytes: u64,
    /// The first damages met, in order; at most [`InputReport::MAX_DAMAGES`].
    pub damages: Vec<Damage>,
    /// How many damages there were.
    pub damage_count: u64,
    /// What kept the rest of it from being read.
    pub error: Option<Error>,
    /// The time of its first packet that has one.
    pub first_time: Option<Nanos>,
    /// The time of its last packet that has one.
    pub last_time: Option<Nanos>,
    /// The captures that it was merged from, if it was.
    pub parts: Vec<Self>,
}

impl InputReport {
    /// Damages that are kept for messages; further ones are only counted.
    pub const MAX_DAMAGES: usize = Cursor::MAX_DAMAGES;

    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            packets: 0,
            bytes: 0,
            damages: Vec::new(),
            damage_count: 0,
            error: None,
            first_time: None,
            last_time: None,
            parts: Vec::new(),
        }
    }

    pub(super) fn of_part(part: PartReport) -> Self {
        Self {
            packets: part.packets,
            bytes: part.bytes,
            damages: part.damages,
            damage_count: part.damage_count,
            error: part.error,
            ..Self::new(part.path)
        }
    }

    /// Whether all of the input was read, and nothing was wrong with it.
    pub fn is_whole(&self) -> bool {
        self.damage_count == 0 && self.error.is_none() && self.parts.iter().all(Self::is_whole)
    }

    /// The captures that it was merged from, or itself.
    pub fn captures(&self) -> &[Self] {
        if self.parts.is_empty() {
            std::slice::from_ref(self)
        } else {
            &self.parts
        }
    }
}

/// What an earlier run found, to continue from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume<'a> {
    /// All of its flows, by FlowID.
    pub flows: &'a [Flow],
    /// First fragments that later ones may come for: [`Outcome::fragments`].
    pub fragments: &'a [FirstFragment],
}

/// The findings of a run while its outputs can still be refused.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// All flows.
    pub flows: &'a FlowList,
    /// Where every packet went.
    pub balance: &'a Balance,
    /// The inputs, in order.
    pub inputs: &'a [InputReport],
}

/// Decides, when everything has been read, whether a run may complete its outputs.
pub trait Gate {
    /// Looks at what was found.
    ///
    /// # Errors
    /// The reason for refusing it; the run is abandoned.
    fn check(&mut self, found: &Findings<'_>) -> Result<(), Error>;
}
