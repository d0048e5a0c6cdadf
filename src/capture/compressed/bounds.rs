//! The ends of parts that can be unpacked by themselves, from their headers alone.
//!
//! Nothing here is proved: unpacking a part shows whether its headers are right. Anything that does
//! not look like a usual part is none, and is unpacked from its start.

/// Bytes that can be looked at and passed over.
pub(super) trait Scan {
    /// The next bytes; `None` where fewer are left.
    fn take<const N: usize>(&mut self) -> Option<[u8; N]>;

    /// Passes over bytes; `None` where fewer are left.
    fn pass(&mut self, len: u64) -> Option<()>;
}

/// Passes over a block of BGZF (section 4.1 of the SAM specification): the length of its content.
///
/// It is a member of gzip with an extra field that says how long it is.
pub(super) fn bgzf_block(scan: &mut impl Scan) -> Option<usize> {
    let [_, _, _, flags, .., extra_0, extra_1] = scan.take::<12>()?;
    if flags != BGZF_FLAGS {
        return None;
    }
    let extra_len = u64::from(u16::from_le_bytes([extra_0, extra_1]));
    let block_len = bgzf_block_len(scan, extra_len)?;
    scan.pass(block_len.checked_sub(12 + extra_len + 4)?)?;
    let content = u32::from_le_bytes(scan.take()?);
    usize::try_from(content).ok().filter(|it| *it <= BGZF_MOST)
}

/// Skips an extra field: the length of the block that it gives.
fn bgzf_block_len(scan: &mut impl Scan, extra_len: u64) -> Option<u64> {
    let (mut left, mut block_len) = (extra_len, None);
    while left > 0 {
        let [id_0, id_1, len_0, len_1] = scan.take()?;
        let len = u64::from(u16::from_le_bytes([len_0, len_1]));
        left = left.checked_sub(4 + len)?;
        if (id_0, id_1, len) == (b'B', b'C', 2) {
            block_len = Some(u64::from(u16::from_le_bytes(scan.take()?)) + 1);
        } else {
            scan.pass(len)?;
        }
    }
    block_len
}

/// A frame of zstd (RFC 8878, section 3.1.1), as its header describes it.
pub(super) struct ZstdFrame {
    /// The length of its content, which the header may omit.
    pub(super) content: Option<u64>,
    /// The most that a block may hold.
    block_most: u64,
    has_checksum: bool,
}

impl ZstdFrame {
    /// Passes over the header of a frame.
    pub(super) fn header(scan: &mut impl Scan) -> Option<Self> {
        let [_, _, _, _, descriptor] = scan.take::<5>()?;
        let single_segment = descriptor & 0x20 != 0;
        // A reserved bit, or a dictionary.
        if descriptor & 0x0b != 0 {
            return None;
        }
        let window = if single_segment {
            None
        } else {
            let [byte] = scan.take()?;
            let base = 1_u64 << (10 + (byte >> 3));
            Some(base + base / 8 * u64::from(byte & 7))
        };
        let content = match descriptor >> 6 {
            0 if single_segment => Some(u64::from(u8::from_le_bytes(scan.take()?))),
            0 => None,
            1 => Some(u64::from(u16::from_le_bytes(scan.take()?)) + 256),
            2 => Some(u64::from(u32::from_le_bytes(scan.take()?))),
            _ => Some(u64::from_le_bytes(scan.take()?)),
        };
        let window = window.or(content)?;
        (window <= ZSTD_WINDOW_MOST).then(|| Self {
            content,
            block_most: window.min(ZSTD_BLOCK_MOST),
            has_checksum: descriptor & 4 != 0,
        })
    }

    /// Passes over the rest of the frame: the most that its blocks can hold.
    pub(super) fn pass_blocks(&self, scan: &mut impl Scan) -> Option<u64> {
        let mut content: u64 = 0;
        loop {
            let [byte_0, byte_1, byte_2] = scan.take()?;
            let header = u32::from_le_bytes([byte_0, byte_1, byte_2, 0]);
            let len = u64::from(header >> 3);
            let (packed, unpacked) = match header >> 1 & 3 {
                0 => (len, len),
                1 => (1, len),
                2 => (len, self.block_most),
                _ => return None,
            };
            if len > self.block_most {
                return None;
            }
            content += unpacked;
            scan.pass(packed)?;
            if header & 1 != 0 {
                break;
            }
        }
        scan.pass(if self.has_checksum { 4 } else { 0 })?;
        Some(content)
    }
}

/// Passes over a frame of zstd or lz4 that is to be skipped (RFC 8878, section 3.1.2).
pub(super) fn skippable_frame(scan: &mut impl Scan) -> Option<()> {
    let [_, _, _, _, len_0, len_1, len_2, len_3] = scan.take()?;
    scan.pass(u32::from_le_bytes([len_0, len_1, len_2, len_3]).into())
}

/// An extra field and nothing else.
pub(super) const BGZF_FLAGS: u8 = 4;
/// A block of BGZF holds no more.
const BGZF_MOST: usize = 64 * 1024;
/// A block of zstd holds no more.
const ZSTD_BLOCK_MOST: u64 = 128 * 1024;
/// The library refuses larger windows where it unpacks from a stream.
const ZSTD_WINDOW_MOST: u64 = 1 << 27;
