//! TCP options (RFC 9293, section 3.1; IANA's list of TCP option kinds).

use crate::capture::ByteOrder;

/// The options of a segment, as far as they were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size in bytes, of a SYN.
    pub mss: Option<u16>,
    /// Shift of the window, of a SYN; at most 14 (RFC 7323, section 2.3).
    pub window_scale: Option<u8>,
    /// Selective acknowledgments are permitted, of a SYN (RFC 2018).
    pub sack_permitted: bool,
    /// TSval and TSecr (RFC 7323, section 3.2).
    pub timestamps: Option<(u32, u32)>,
    /// Blocks that were received out of order: the first number of each, and that after its last
    /// (RFC 2018).
    pub sack: SackBlocks,
    /// There is an option of Multipath TCP (RFC 8684).
    pub mptcp: bool,
}

/// At most four blocks: there is no room for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [(u32, u32); 4],
    len: u8,
}

impl SackBlocks {
    /// The blocks, in the order of the option.
    pub fn as_slice(&self) -> &[(u32, u32)] {
        self.blocks.get(..self.len.into()).unwrap_or_default()
    }

    /// The bytes in all blocks.
    pub fn bytes(&self) -> u32 {
        let lens = self
            .as_slice()
            .iter()
            .map(|(start, end)| end.wrapping_sub(*start));
        lens.fold(0, u32::saturating_add)
    }

    fn push(&mut self, block: (u32, u32)) {
        if let Some(place) = self.blocks.get_mut(usize::from(self.len)) {
            *place = block;
            self.len += 1;
        }
    }
}

impl Options {
    /// Reads the bytes between the fixed part of the header and the payload.
    pub fn parse(options: &[u8]) -> Self {
        let mut found = Self::default();
        let mut rest = options;
        loop {
            rest = match *rest {
                [] | [END, ..] | [_] => return found,
                [NO_OPERATION, ref rest @ ..] => rest,
                [kind, len, ..] => {
                    let len = usize::from(len).max(2);
                    if let Some(value) = rest.get(2..len) {
                        found.read(kind, value);
                    }
                    rest.get(len..).unwrap_or_default()
                }
            };
        }
    }

    fn read(&mut self, kind: u8, value: &[u8]) {
        let word = |at| ByteOrder::Big.u32(value, at);
        match (kind, value.len()) {
            (2, 2) => self.mss = ByteOrder::Big.u16(value, 0),
            (3, 1) => self.window_scale = value.first().map(|it| *it.min(&14)),
            (4, 0) => self.sack_permitted = true,
            (5, _) => {
                for block in value.chunks_exact(8) {
                    let edge = |at| ByteOrder::Big.u32(block, at);
                    if let (Some(start), Some(end)) = (edge(0), edge(4)) {
                        self.sack.push((start, end));
                    }
                }
            }
            (8, 8) => self.timestamps = word(0).zip(word(4)),
            (30, _) => self.mptcp = true,
            _ => {}
        }
    }
}

const END: u8 = 0;
const NO_OPERATION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_a_syn() {
        let syn = [
            2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 20,
        ];
        let expected = Options {
            mss: Some(1460),
            window_scale: Some(14),
            sack_permitted: true,
            timestamps: Some((1, 2)),
            ..Options::default()
        };
        assert_eq!(Options::parse(&syn), expected);
    }

    #[test]
    fn sack_blocks_and_what_is_truncated() {
        let blocks = [
            1, 1, 5, 18, 0, 0, 0, 9, 0, 0, 0, 19, 0, 0, 0, 29, 0, 0, 0, 30,
        ];
        let found = Options::parse(&blocks).sack;
        assert_eq!(found.as_slice(), [(9, 19), (29, 30)]);
        assert_eq!(found.bytes(), 11);
        let truncated = blocks.get(..12).unwrap_or_default();
        assert_eq!(Options::parse(truncated), Options::default());
        assert_eq!(Options::parse(&[8, 0, 3, 3, 7]).window_scale, Some(7));
        assert_eq!(Options::parse(&[0, 3, 3, 7]), Options::default());
    }
}
