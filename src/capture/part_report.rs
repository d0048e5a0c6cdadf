//! What is said of a capture that was merged with others.

use super::record::Damage;
use crate::error::Error;
use std::path::PathBuf;

/// A capture that was merged with others, as far as it was read.
#[derive(Debug)]
pub struct PartReport {
    /// Its name.
    pub path: PathBuf,
    /// Packets read.
    pub packets: u64,
    /// Bytes read, or skipped as damaged; of a compressed one, when unpacked.
    pub bytes: u64,
    /// The first damages met, in order.
    pub damages: Vec<Damage>,
    /// How many damages there were.
    pub damage_count: u64,
    /// What kept the rest of it from being read.
    pub error: Option<Error>,
}
