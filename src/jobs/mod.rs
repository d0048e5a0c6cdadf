//! What the program's commands do: each one a configuration and a function.

pub mod diff;
pub mod extract;
mod flows;
mod follow;
mod geo;
mod given;
pub mod index;
mod options;
mod outputs;
pub mod packets;
pub mod sessions;
pub mod stats;
pub mod streams;
pub mod tcp;
pub mod verify;

pub use flows::{FlowsReport, WithoutStream, flows};
pub use follow::{Follow, Following};
pub use options::{ExtractOptions, FlowsJob};

pub(crate) use flows::flows_gated;
