//! IEEE 802.11 frames and the headers that capturing drivers put before them.

use super::NotFlow;
use super::frame::{Frame, Layer, Step};
use super::key::MacAddr;
use crate::capture::ByteOrder;

impl Frame<'_, '_> {
    /// IEEE 802.11, section 9.3: data frames lead to LLC, unless they are encrypted.
    pub(super) fn wifi(&mut self, padded: bool) -> Step {
        self.wifi_data(padded, false)
    }

    /// The same from Intel's Centrino cards, which pass frames decrypted, but as if they were not.
    pub(super) fn decrypted_wifi(&mut self) -> Step {
        self.wifi_data(false, true)
    }

    fn wifi_data(&mut self, padded: bool, decrypted: bool) -> Step {
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
        if flags & PROTECTED != 0 && !decrypted {
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
        let (mut is_aggregate, mut says_mesh) = (false, false);
        if has_qos {
            is_aggregate = self.byte(len)? & AGGREGATE != 0;
            says_mesh = self.byte(len + 1)? & MESH_CONTROL != 0;
            len += if flags & ORDER != 0 { 6 } else { 2 };
        }
        if padded {
            len = len.next_multiple_of(4);
        }
        if flags & PROTECTED != 0 {
            // The initialization vector is still there; one bit tells its length.
            len += if self.byte(len + 3)? & EXTENDED_IV != 0 {
                8
            } else {
                4
            };
        }
        self.skip(len);
        if is_aggregate {
            // Several frames in one; the first counts: addresses, length, LLC.
            self.link.set_macs(self.mac(6)?, self.mac(0)?);
            self.skip(14);
        }
        // Frames between mesh stations; those with four addresses do not always say so.
        if has_qos && from_ds && (says_mesh || to_ds) {
            self.mesh_control()?;
        }
        Ok(Layer::Llc)
    }

    /// Section 9.2.4.7.3: flags, time to live, sequence number, and the addresses of stations
    /// outside the mesh. LLC, which follows without it, does not start like this.
    fn mesh_control(&mut self) -> Result<(), NotFlow> {
        let flags = self.byte(0)?;
        match flags {
            0 => {}
            // One more address: the sender of a group frame.
            1 => {
                let dst = self
                    .link
                    .macs()
                    .map_or_else(MacAddr::default, |(_, dst)| dst);
                self.link.set_macs(self.mac(6)?, dst);
            }
            2 => self.link.set_macs(self.mac(12)?, self.mac(6)?),
            _ => return Ok(()),
        }
        self.skip(6 + 6 * usize::from(flags));
        Ok(())
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
const EXTENDED_IV: u8 = 0x20;
const MESH_CONTROL: u8 = 0x01;
const AGGREGATE: u8 = 0x80;
const DATA_PAD: u8 = 0x20;
const MORE_WORDS: u32 = 1 << 31;
const HAS_TIME: u32 = 1;
const HAS_FLAGS: u32 = 2;
const AVS_MAGIC: u32 = 0x8021_1000;
