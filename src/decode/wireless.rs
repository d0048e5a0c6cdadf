//! IEEE 802.11 frames and the headers that capturing drivers put before them.

use super::NotFlow;
use super::frame::{Frame, Layer, Step};
use crate::capture::ByteOrder;

impl Frame<'_, '_> {
    /// IEEE 802.11, section 9.3: data frames lead to LLC, unless they are encrypted.
    pub(super) fn wifi(&mut self, padded: bool) -> Step {
        let (mut control, mut flags) = (self.byte(0)?, self.byte(1)?);
        // Some access points tunnel the two bytes exchanged: the version is 0, always.
        if self.is_inner && control & VERSION != 0 {
            (control, flags) = (flags, control);
        }
        let is_data = control & 0x0c == 0x08;
        let is_null = control & 0x40 != 0;
        if !is_data || is_null {
            return Err(NotFlow::Wireless);
        }
        let has_qos = control & 0x80 != 0;
        let (to_ds, from_ds) = (flags & 0x01 != 0, flags & 0x02 != 0);
        let (src, dst) = match (to_ds, from_ds) {
            (false, false) => (10, 4),
            (false, true) => (16, 4),
            (true, false) => (10, 16),
            (true, true) => (24, 16),
        };
        self.link.set_macs(self.mac(src)?, self.mac(dst)?);
        if flags & PROTECTED != 0 {
            return Err(NotFlow::Encrypted);
        }
        let fragment_number = self.byte(22)? & 0x0f;
        // An access point puts frames together before it tunnels them (RFC 5416, section 2.5).
        if fragment_number > 0 && !self.is_inner {
            return Err(NotFlow::LinkFragment);
        }
        let mut len = 24;
        if to_ds && from_ds {
            len += 6;
        }
        let mut is_aggregate = false;
        if has_qos {
            is_aggregate = self.byte(len)? & AGGREGATE != 0;
            len += if flags & ORDER != 0 { 6 } else { 2 };
        }
        if padded {
            len = len.next_multiple_of(4);
        }
        if is_aggregate {
            // Several frames in one; the first counts: addresses, length, LLC.
            self.skip(len);
            self.link.set_macs(self.mac(6)?, self.mac(0)?);
            len = 14;
        }
        self.skip(len);
        Ok(Layer::Llc)
    }

    /// <https://www.radiotap.org>: version, length, a bitmap of fields.
    pub(super) fn radiotap(&mut self) -> Step {
        let len = ByteOrder::Little
            .u16(self.data, self.at + 2)
            .ok_or(NotFlow::ShortFrame)?;
        let padded = self
            .radiotap_flags()
            .is_some_and(|flags| flags & DATA_PAD != 0);
        self.skip(usize::from(len).max(8));
        Ok(Layer::Wifi { padded })
    }

    /// The field "flags", if it is there: only the time may precede it.
    fn radiotap_flags(&self) -> Option<u8> {
        let word = |ahead| ByteOrder::Little.u32(self.data, self.at + ahead);
        let first = word(4)?;
        let mut at = 8;
        let mut present = first;
        while present & MORE_WORDS != 0 {
            present = word(at)?;
            at += 4;
        }
        if first & HAS_TIME != 0 {
            at = at.next_multiple_of(8) + 8;
        }
        (first & HAS_FLAGS != 0)
            .then(|| self.byte(at).ok())
            .flatten()
    }

    /// Prism monitor header: a message with its length; or an AVS header under the same number.
    pub(super) fn prism(&mut self) -> Step {
        if self.u32(0)? & 0xffff_f000 == AVS_MAGIC {
            return self.avs();
        }
        let len = match self.u32(4)? {
            len if len > 0xffff => len.swap_bytes(),
            len => len,
        };
        self.skip((len as usize).max(8));
        Ok(Layer::Wifi { padded: false })
    }

    /// AVS header: magic, its own length.
    pub(super) fn avs(&mut self) -> Step {
        let len = self.u32(4)?;
        self.skip((len as usize).max(8));
        Ok(Layer::Wifi { padded: false })
    }
}

const VERSION: u8 = 0x03;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
const AGGREGATE: u8 = 0x80;
const DATA_PAD: u8 = 0x20;
const MORE_WORDS: u32 = 1 << 31;
const HAS_TIME: u32 = 1;
const HAS_FLAGS: u32 = 2;
const AVS_MAGIC: u32 = 0x8021_1000;
