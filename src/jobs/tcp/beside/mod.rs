//! The connections of one capture beside those of another one, taken at another point of their path:
//! where segments were lost, and where time went.

mod compare;
mod rows;
mod sent;

pub(super) use rows::{BESIDE_COLUMNS, Beside};
pub(super) use sent::Sent;
