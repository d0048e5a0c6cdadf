//! Windows, phases, and the account of every packet.

mod balance;
mod chunk;
mod config;
mod job;
mod lists;
mod memory;
mod progress;
mod run;
mod window;

pub use balance::{Balance, Oddity, Place};
pub use config::{Config, Restriction, Tuning};
pub use job::{Findings, InputStart, Job, Window};
pub use memory::{MemoryWatch, available_memory};
pub use progress::{Progress, Snapshot, Stopwatch};
pub use run::{InputReport, Outcome, Source, Workers, run, run_on};
pub use window::Known;
