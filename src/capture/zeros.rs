//! Zero bytes where records should be: the rest of a file that was set aside before it was written,
//! or that a machine lost with its power.
//!
//! In pcap each 16 of them could be read as the header of an empty record from 1970. Single records
//! like this exist, and are packets. Zeros are damage where four headers of them follow each other,
//! or where nothing but zeros is left.

use super::record::{DamageKind, Stop};

/// Whether the record at `at`, which is empty, is a packet.
///
/// # Errors
/// Where it is not, and where more bytes are needed to tell.
#[cold]
pub(super) fn check(bytes: &[u8], at: usize) -> Result<(), Stop> {
    let rest = bytes.get(at..).unwrap_or_default();
    let (start, is_all) = match rest.get(..RUN_LEN) {
        Some(start) => (start, true),
        None => (rest, false),
    };
    if start.iter().any(|byte| *byte != 0) {
        Ok(())
    } else if is_all {
        Err(Stop::Damaged(DamageKind::Zeros))
    } else {
        Err(Stop::Partial { needed: RUN_LEN })
    }
}

/// A walk stops at a header that cannot be: it is zeros, or damage of this kind.
pub(super) fn or(bytes: &[u8], at: usize, kind: DamageKind) -> Stop {
    let is_zero = bytes.get(at..).is_some_and(is_start);
    Stop::Damaged(if is_zero { DamageKind::Zeros } else { kind })
}

/// Whether a header's length of zeros stands here.
pub(super) fn is_start(rest: &[u8]) -> bool {
    rest.first_chunk() == Some(&[0; HEADER_LEN])
}

/// How many zero bytes there are before the first other one.
pub(super) fn count(bytes: &[u8]) -> usize {
    // Whole pieces first: this is compiled to vector instructions, and may have gigabytes to pass.
    let pieces = bytes.chunks_exact(PIECE_LEN);
    let zero_pieces = pieces
        .take_while(|piece| piece.iter().fold(0, |all, byte| all | byte) == 0)
        .count();
    let passed = zero_pieces * PIECE_LEN;
    let rest = bytes.get(passed..).unwrap_or_default();
    passed + rest.iter().take_while(|byte| **byte == 0).count()
}

/// The shortest header of a record, in bytes.
const HEADER_LEN: usize = 16;
/// Zeros that are surely no records.
const RUN_LEN: usize = 4 * HEADER_LEN;
const PIECE_LEN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_counted() {
        for len in [0, 1, 15, 255, 256, 257, 1000] {
            assert_eq!(count(&vec![0; len]), len);
            for at in 0..len {
                let mut bytes = vec![0; len];
                bytes[at] = 1;
                assert_eq!(count(&bytes), at, "{len}");
            }
        }
    }

    #[test]
    fn runs_of_empty_records_are_damage_and_single_ones_are_not() {
        let zeros = [0; RUN_LEN];
        let damaged = Err(Stop::Damaged(DamageKind::Zeros));
        assert_eq!(check(&zeros, 0), damaged);
        for len in HEADER_LEN..RUN_LEN {
            let partial = Err(Stop::Partial { needed: RUN_LEN });
            assert_eq!(check(&zeros[..len], 0), partial, "{len}");
            let mut bytes = zeros;
            bytes[len] = 1;
            assert_eq!(check(&bytes, 0), Ok(()), "{len}");
        }
    }
}
