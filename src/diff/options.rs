//! What a comparison is told.

use super::class::Changes;
use crate::select::IpNet;

/// What a comparison is told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Networks on A's side of the path.
    pub side_a: Vec<IpNet>,
    /// Networks on B's side.
    pub side_b: Vec<IpNet>,
    /// B's clock is A's.
    pub trusts_clocks: bool,
    /// Changes that make a packet mangled, besides those that always do.
    pub strict: Changes,
    /// Changes that do not.
    pub ignored: Changes,
    /// Acknowledgments without data are left out where they are in one capture alone.
    pub ignores_acks: bool,
    /// Which packets can be missing.
    pub scope: Scope,
}

/// Which packets of one capture alone are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those between two addresses of which some packet is in both captures.
    #[default]
    Pairs,
    /// All.
    All,
    /// Those of conversations of which some packet is in both captures.
    Matched,
}
