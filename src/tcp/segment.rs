//! TCP headers (RFC 9293, section 3.1; window scale: RFC 7323, section 2).

use crate::capture::ByteOrder;

/// A segment, as its header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number of the first byte of payload, or of the SYN.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// The twelve bits of flags.
    pub flags: u16,
    /// Window, as the header has it: not scaled.
    pub window: u16,
    /// Checksum.
    pub checksum: u16,
    /// Length of the header in bytes.
    pub header_len: u32,
    /// The shift of the window scale option, if the header has one.
    pub window_scale: Option<u8>,
}

impl Segment {
    /// No more data from the sender.
    pub const FIN: u16 = 0x001;
    /// Start of a connection.
    pub const SYN: u16 = 0x002;
    /// End of a connection, at once.
    pub const RST: u16 = 0x004;
    /// The sender has nothing more to send for now.
    pub const PSH: u16 = 0x008;
    /// The acknowledgment number means something.
    pub const ACK: u16 = 0x010;
    /// The urgent pointer means something.
    pub const URG: u16 = 0x020;
    /// Congestion was experienced (RFC 3168).
    pub const ECE: u16 = 0x040;
    /// The congestion window was reduced (RFC 3168).
    pub const CWR: u16 = 0x080;

    /// Reads the header at the start of `bytes`. Options that were not captured are missing.
    /// `None` where its fixed part was not captured, or it says that it is shorter than that.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let fixed: &[u8; 20] = bytes.first_chunk()?;
        let word = |at| ByteOrder::Big.u32(fixed, at);
        let half = |at| ByteOrder::Big.u16(fixed, at);
        let flags = half(12)?;
        let header_len = u32::from(flags >> 12) * 4;
        if header_len < 20 {
            return None;
        }
        let flags = flags & 0x0fff;
        let mut segment = Self {
            sequence: word(4)?,
            acknowledgment: word(8)?,
            flags,
            window: half(14)?,
            checksum: half(16)?,
            header_len,
            window_scale: None,
        };
        if flags & Self::SYN != 0 {
            let options = bytes.get(20..bytes.len().min(header_len as usize));
            segment.window_scale = options.and_then(window_scale);
        }
        Some(segment)
    }

    /// Whether any of these flags is set.
    pub const fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// The sequence number of the first byte of payload.
    pub const fn payload_sequence(&self) -> u32 {
        self.sequence.wrapping_add(self.has(Self::SYN) as u32)
    }
}

/// RFC 9293, section 3.1: kind, then length and value but for kinds 0 and 1.
fn window_scale(options: &[u8]) -> Option<u8> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const WINDOW_SCALE: u8 = 3;
    let mut rest = options;
    loop {
        match *rest {
            [] | [END, ..] => return None,
            [NO_OPERATION, ..] => rest = rest.get(1..)?,
            [WINDOW_SCALE, 3, shift, ..] => return Some(shift.min(14)),
            [_, len, ..] => rest = rest.get(usize::from(len).max(2)..)?,
            [_] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 20] = [
        0x1f, 0x90, 0x00, 0x50, // ports
        0x01, 0x02, 0x03, 0x04, // sequence number
        0x05, 0x06, 0x07, 0x08, // acknowledgment number
        0x50, 0x18, 0x20, 0x00, // five words, PSH and ACK, window
        0x12, 0x34, 0x00, 0x00, // checksum, urgent pointer
    ];

    #[test]
    fn a_header() {
        let segment = Segment::parse(&HEADER).unwrap();
        assert_eq!(
            segment,
            Segment {
                sequence: 0x0102_0304,
                acknowledgment: 0x0506_0708,
                flags: 0x018,
                window: 0x2000,
                checksum: 0x1234,
                header_len: 20,
                window_scale: None,
            }
        );
        assert_eq!(Segment::parse(&HEADER[..19]), None, "cut short");
        let mut short = HEADER;
        short[12] = 0x40;
        assert_eq!(Segment::parse(&short), None, "shorter than its fixed part");
    }

    #[test]
    fn the_window_scale_of_a_syn() {
        let with = |options: &[u8]| {
            let mut bytes = HEADER.to_vec();
            bytes[12] = 0x50 + 0x10 * u8::try_from(options.len() / 4).unwrap();
            bytes[13] = 0x02;
            bytes.extend_from_slice(options);
            Segment::parse(&bytes).unwrap().window_scale
        };
        assert_eq!(with(&[2, 4, 5, 180, 1, 3, 3, 7]), Some(7));
        assert_eq!(with(&[3, 3, 200, 0]), Some(14), "more than 14 means 14");
        assert_eq!(with(&[0, 3, 3, 7]), None, "behind the end of the list");
        assert_eq!(with(&[8, 0, 3, 3, 7, 0, 0, 0]), Some(7), "a length of zero");
        assert_eq!(with(&[8, 90, 3, 3]), None, "beyond the header");
    }
}
