//! Indexes: the same lists, packets and streams as of the captures themselves, or a message that
//! says what has changed.

mod changed;
mod faults;
mod gigabytes;
mod lists;
mod packets;
mod parts;
mod refusals;
mod retransmissions;
pub(crate) mod same;
mod streams;
mod together;
