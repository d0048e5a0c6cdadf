//! What the program's commands do.
pub mod stats;
