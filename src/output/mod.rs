//! Writing what was selected: flow lists, captures, statistics.

mod atomic;
pub mod capture;
pub(crate) mod parquet;
pub mod plot;
pub mod rows;
pub mod stream;
pub mod table;

pub use atomic::{OutputFile, metadata_of_name};
pub(crate) use atomic::{STDOUT, is_same_file};
