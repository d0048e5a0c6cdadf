//! Plots of connections, and of a whole capture.

mod connection;
mod values;
mod whole;

pub(super) use connection::figure;
pub(super) use whole::whole_figure;
