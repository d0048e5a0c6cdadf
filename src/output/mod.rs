//! What was selected, written: flow lists, captures, statistics.

mod atomic;

pub mod table;

pub use atomic::OutputFile;
