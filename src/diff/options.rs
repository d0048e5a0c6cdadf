//! Options of a comparison.

use super::class::Changes;
use crate::select::IpNet;

/// Options of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Networks on A's side of the path.
    pub side_a: Vec<IpNet>,
    /// Networks on B's side.
    pub side_b: Vec<IpNet>,
    /// Whether both clocks are synchronized.
    pub trusts_clocks: bool,
    /// Tolerated changes that make a packet mangled nevertheless.
    pub strict: Changes,
    /// Changes that do not make a packet mangled.
    pub ignored: Changes,
    /// Whether to ignore missing acknowledgments without data.
    pub ignores_acks: bool,
    /// Packets that count as missing.
    pub scope: Scope,
}

/// Packets in only one capture that are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Packets between two addresses with some packet in both captures.
    #[default]
    Pairs,
    /// All packets.
    All,
    /// Packets of conversations with some packet in both captures.
    Matched,
}
