//! Handshake messages from CRYPTO frames in any order (RFC 9000, section 19.6).

use super::packet::varint;
use crate::app::tls::Bytes;
use std::collections::BTreeMap;

/// CRYPTO data of one side.
#[derive(Debug, Default)]
pub(super) struct Crypto {
    /// The contiguous start.
    start: Vec<u8>,
    /// Data after gaps, by offset.
    later: BTreeMap<u64, Vec<u8>>,
}

impl Crypto {
    /// Reads the frames of a packet, up to the first one that does not belong in Initial packets.
    pub(super) fn frames(&mut self, payload: &[u8]) {
        let mut bytes = Bytes(payload);
        while self.frame(&mut bytes).is_some() {}
        while let Some(first) = self.later.first_entry() {
            let start = self.start.len() as u64;
            if *first.key() > start {
                break;
            }
            let (offset, data) = first.remove_entry();
            let skip = usize::try_from(start - offset).unwrap_or(usize::MAX);
            self.start
                .extend_from_slice(data.get(skip..).unwrap_or_default());
        }
    }

    fn frame(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match varint(bytes)? {
            PADDING => {
                let padding = bytes.0.iter().take_while(|it| **it == 0).count();
                bytes.take(padding)?;
            }
            PING => {}
            kind @ (ACK | ACK_ECN) => {
                varint(bytes)?;
                varint(bytes)?;
                let ranges = varint(bytes)?;
                varint(bytes)?;
                let counts = if kind == ACK_ECN { 3 } else { 0 };
                for _ in 0..ranges.checked_mul(2)?.checked_add(counts)? {
                    varint(bytes)?;
                }
            }
            CRYPTO => {
                let (offset, len) = (varint(bytes)?, varint(bytes)?);
                let data = bytes.take(usize::try_from(len).ok()?)?;
                let is_bounded =
                    offset.saturating_add(len) <= MOST && self.later.len() < MOST_PIECES;
                let longest = self.later.get(&offset).map_or(0, Vec::len);
                if is_bounded && data.len() > longest {
                    self.later.insert(offset, data.to_vec());
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Type and body of the first message, once complete.
    pub(super) fn message(&self) -> Option<(u8, &[u8])> {
        let mut bytes = Bytes(&self.start);
        let kind = bytes.u8()?;
        let len = bytes.u24()?;
        Some((kind, bytes.take(len)?))
    }
}

const PADDING: u64 = 0;
const PING: u64 = 1;
const ACK: u64 = 2;
const ACK_ECN: u64 = 3;
const CRYPTO: u64 = 6;
/// Limit on CRYPTO data of one side.
const MOST: u64 = 64 * 1024;
const MOST_PIECES: usize = 256;
