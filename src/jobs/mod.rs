//! What the program's commands do: each one a configuration and a function.

pub mod extract;
mod flows;
pub mod index;
mod outputs;
pub mod stats;
pub mod streams;
pub mod verify;

pub use flows::{ExtractOptions, FlowsJob, FlowsReport, WithoutStream, flows};

pub(crate) use flows::flows_gated;
