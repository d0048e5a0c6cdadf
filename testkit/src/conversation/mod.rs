//! Conversations, packet by packet: TCP segments and UDP datagrams between two hosts, harmed as
//! networks and captures harm them.

mod segment;
mod trace;

pub use crate::transport::{ACK, FIN, PSH, RST, SYN};
pub use segment::{
    CLIENT, Ends, Segment, padded, with_checksum, with_unfinished_checksum, with_wrong_checksum,
    without_length,
};
pub use trace::Trace;

use crate::Random;

/// Bytes that look random and are the same each time: no run of them is found elsewhere.
#[must_use]
pub fn content(seed: u64, len: usize) -> Vec<u8> {
    Random::new(seed).bytes(len)
}

/// The segments of a stream whose SYN has the number before `sequence`, of `len` bytes each.
#[must_use]
pub fn segments(ends: Ends, sequence: u32, content: &[u8], len: usize) -> Vec<Segment> {
    let starts = (0_u32..).step_by(len);
    let pieces = content.chunks(len).zip(starts);
    pieces
        .map(|(piece, start)| ends.data(sequence.wrapping_add(start), piece))
        .collect()
}

/// Consecutive connections on the same ports, each ending before the next starts.
///
/// # Panics
///
/// If a content is longer than sequence numbers can count.
#[must_use]
pub fn connections(ends: Ends, contents: &[&str]) -> Trace {
    let mut trace = Trace::default();
    for (content, start) in contents.iter().zip((1000_u32..).step_by(10_000_000)) {
        let end = start + 1 + u32::try_from(content.len()).unwrap();
        trace.add(ends.syn(start));
        trace.add(ends.reversed().syn_ack(start + 5, start));
        trace.add(ends.data(start + 1, content));
        trace.add(ends.fin(end));
        trace.add(ends.reversed().fin(start + 6));
    }
    trace
}
