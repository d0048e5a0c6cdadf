//! Indexes: made in one pass, and used to carve sessions out of captures.

mod build;
mod carve;
mod excerpts;
mod expected;
mod list;
mod measured;
mod records;

pub use build::{IndexJob, IndexReport, index};
pub use carve::{CarveJob, CarveReport, carve};
pub use measured::{TcpIndexJob, tcp_by_index};
pub use records::{SessionsIndexJob, sessions_by_index};
