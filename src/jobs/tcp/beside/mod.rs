//! Comparison of TCP connections at two points of a path: where segments were lost, and where time
//! was spent.

mod compare;
mod rows;
mod sent;

pub(super) use rows::{BESIDE_COLUMNS, Beside};
pub(super) use sent::Sent;
