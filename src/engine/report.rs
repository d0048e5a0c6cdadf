//! The results of a run.

use super::balance::Balance;
use crate::capture::{Cursor, Damage};
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
        }
    }

    /// Whether all of the input was read, and nothing was wrong with it.
    pub const fn is_whole(&self) -> bool {
        self.damage_count == 0 && self.error.is_none()
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
