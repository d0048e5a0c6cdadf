//! EtherTypes of headers that stand between a frame and the packet or frame that it carries: those
//! of switches, meshes, access points and capture devices.

use super::NotFlow;
use super::frame::{Frame, Layer, Step};

impl Frame<'_, '_> {
    /// The payload of such an EtherType.
    pub(super) fn shim(&mut self, kind: u16) -> Step {
        match kind {
            0x22e5 => self.gigamon(),
            0x2452 => Ok(Layer::DecryptedWifi),
            0x4305 => self.batman(),
            0x88bb | 0xbbbb => self.lwapp(),
            // Fibre Channel over Ethernet: version, reserved, start of frame.
            0x8906 => self.fibre_channel(14),
            // SNA over Ethernet: length, padding.
            0x80d5 => self.over(3, Layer::Llc),
            0x8899 => self.realtek(),
            // Palo Alto's heartbeat backup.
            0x8988 => self.over(6, Layer::EtherTypeField),
            // Extreme Networks: what a switch mirrors of its own processor's frames.
            0xe555 => self.over(38, Layer::Ethernet),
            // AX.25 over Ethernet (BPQ): a length before the frame.
            0x08ff => self.over(2, Layer::Ax25),
            // VMware Lab Manager: flags and port groups, then the machine's frame.
            0x88de => self.over(10, Layer::Ethernet),
            0x9021 => self.rtmac(),
            0x99fe => self.tecmp(),
            0xd28b => self.arista(),
            _ => Err(NotFlow::EtherType),
        }
    }

    /// Gigamon: its own length, fields (port, size, time), then the real type.
    fn gigamon(&mut self) -> Step {
        let len = usize::from(self.byte(0)?);
        self.over(len.max(1), Layer::EtherTypeField)
    }

    /// Arista: subtype, version, and what these say. The upper byte of a version is how time is
    /// counted; in the lower one are its length and the kind of hardware.
    fn arista(&mut self) -> Step {
        let (subtype, version) = (self.u16(0)?, self.u16(2)?);
        self.skip(4);
        match (subtype, version & 0x00f0) {
            // Timestamps: seconds and nanoseconds, in 64 or 48 bits, then the real type.
            (0x0001, 0x0010) => self.over(8, Layer::EtherTypeField),
            (0x0001 | 0x0003, 0x0020) => self.over(6, Layer::EtherTypeField),
            // Mirrored frames: switch, port and policy, with or without the time.
            (0x0007, _) => self.over(8, Layer::Ethernet),
            (0x0008, _) => self.over(4, Layer::Ethernet),
            (0x0009, _) => self.over(16, Layer::Ethernet),
            _ => Err(NotFlow::EtherType),
        }
    }

    /// B.A.T.M.A.N. advanced: packets that carry frames, of compatibility versions 6 to 15
    /// (<https://www.open-mesh.org/projects/batman-adv>). Type and version come first in all.
    fn batman(&mut self) -> Step {
        const IS_HEAD: u8 = 0x01;
        let (kind, version) = (self.byte(0)?, self.byte(1)?);
        let len = match (version, kind) {
            // Unicast.
            (6..=13, 3) => 9,
            (14, 3) | (15, 0x40) => 10,
            (14, 9) | (15, 0x42) => 18,
            // Broadcast.
            (6..=9, 4) => 10,
            (10..=13, 4) => 13,
            (14, 4) | (15, 1) => 14,
            // Fragments; those of version 15 do not say which is the first.
            (12 | 13, 6) if self.byte(9)? & IS_HEAD != 0 => 18,
            (14, 6) if self.byte(10)? & IS_HEAD != 0 => 20,
            (12..=14, 6) | (15, 0x41) => return Err(NotFlow::LinkFragment),
            _ => return Err(NotFlow::EtherType),
        };
        self.over(len, Layer::Ethernet)
    }

    /// RFC 5412, section 3.3: flags, fragment id, length, signal; then an 802.11 frame.
    fn lwapp(&mut self) -> Step {
        const IS_CONTROL: u8 = 0x04;
        match self.byte(0)? & IS_CONTROL {
            0 => self.over(6, Layer::Wifi { padded: false }),
            _ => Err(NotFlow::EtherType),
        }
    }

    /// Fibre Channel, FC-FS-3, section 9, behind `ahead` bytes: a header of 24 bytes, and one of the
    /// network where its control field says so. IP is behind LLC (RFC 4338).
    pub(super) fn fibre_channel(&mut self, ahead: usize) -> Step {
        const IP: u8 = 0x05;
        const HAS_NETWORK_HEADER: u8 = 0x20;
        self.skip(ahead);
        let (kind, control) = (self.byte(8)?, self.byte(13)?);
        if kind != IP {
            return Err(NotFlow::EtherType);
        }
        let network = if control & HAS_NETWORK_HEADER == 0 {
            0
        } else {
            16
        };
        self.over(24 + network, Layer::Llc)
    }

    /// Realtek's switch tags (Linux, `net/dsa/tag_rtl*.c`): a protocol number, ports, and the type
    /// of the frame.
    fn realtek(&mut self) -> Step {
        match self.byte(0)? {
            0xa0..=0xaf => self.over(2, Layer::EtherTypeField),
            0x04 => self.over(6, Layer::EtherTypeField),
            _ => Err(NotFlow::EtherType),
        }
    }

    /// RTnet's media access control: a type, a version, flags. Other packets than its own pass in
    /// a tunnel, and the type is theirs.
    fn rtmac(&mut self) -> Step {
        const IS_TUNNEL: u8 = 0x01;
        let (kind, flags) = (self.u16(0)?, self.byte(3)?);
        if flags & IS_TUNNEL == 0 {
            return Err(NotFlow::EtherType);
        }
        self.over(4, Layer::EtherType(kind))
    }

    /// Technically Enhanced Capture Module Protocol: what a capture module in a car saw, Ethernet
    /// among it. A message may have several frames; the first counts.
    fn tecmp(&mut self) -> Step {
        const LOGGED: u8 = 0x03;
        const REPLAYED: u8 = 0x0a;
        const ETHERNET: u16 = 0x0080;
        let (message, data) = (self.byte(5)?, self.u16(6)?);
        if !matches!(message, LOGGED | REPLAYED) || data != ETHERNET {
            return Err(NotFlow::EtherType);
        }
        // Twelve bytes of the message; channel, time, length and flags of the frame.
        self.over(12 + 16, Layer::Ethernet)
    }

    /// AX.25 version 2.2, section 3: addresses of seven bytes, the last one marked; control; and a
    /// protocol id, in frames that carry something.
    pub(super) fn ax25(&mut self) -> Step {
        const ADDRESS_LEN: usize = 7;
        /// Destination, source, repeaters.
        const MOST: usize = 10;
        let mut addresses = 1;
        while self.byte(addresses * ADDRESS_LEN - 1)? & 1 == 0 {
            addresses += 1;
            if addresses > MOST {
                return Err(NotFlow::Family);
            }
        }
        self.skip(addresses * ADDRESS_LEN);
        let control = self.byte(0)?;
        let is_information = control & 0x01 == 0 || control & 0xef == 0x03;
        if !is_information {
            return Err(NotFlow::Family);
        }
        match self.byte(1)? {
            0xcc => self.over(2, Layer::Ip),
            0xcd => Err(NotFlow::Arp),
            _ => Err(NotFlow::Family),
        }
    }
}
