//! Streams: the bytes that applications sent, whatever became of the packets on their way; one
//! file each, and a manifest that tells what is missing.

mod captures;
mod checksums;
mod connections;
mod faults;
mod gaps;
mod headers;
mod hostile;
mod identity;
mod many;
mod names;
mod outputs;
mod overlaps;
mod payload;
mod places;
mod recorded;
mod required;
pub(crate) mod same;
mod selection;
mod ways;
