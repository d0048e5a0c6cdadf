//! pcap files, of all variants (draft-ietf-opsawg-pcap), and snoop (RFC 1761).

/// Byte order of a capture's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The lowest byte first.
    Little,
    /// The highest byte first.
    Big,
}

impl ByteOrder {
    /// A 16-bit field.
    #[must_use]
    pub const fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    /// A 32-bit field.
    #[must_use]
    pub const fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    /// A 64-bit field.
    #[must_use]
    pub const fn u64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// Magic number, and with it the form of a record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
    /// Kuznetzov's: more fields in each record.
    Modified,
    /// Ixia's, hardware time stamps.
    IxiaHardware,
    /// Ixia's, software time stamps.
    IxiaSoftware,
    /// Solaris' snoop.
    Snoop,
}

/// How a pcap file is written.
#[derive(Clone, Copy, Debug)]
pub struct Pcap {
    /// Byte order of all headers.
    pub order: ByteOrder,
    /// Magic number, and form of records.
    pub variant: Variant,
    /// Link type, by its number in a file.
    pub link_type: u16,
    /// Whether lengths of a record are in the order of version 2.2: the wire's first.
    pub is_version_2_2: bool,
}

impl Pcap {
    /// What tcpdump writes: microseconds, Ethernet.
    pub const COMMON: Self = Self {
        order: ByteOrder::Little,
        variant: Variant::Micros,
        link_type: 1,
        is_version_2_2: false,
    };

    /// The same with nanoseconds.
    pub const NANOS: Self = Self {
        variant: Variant::Nanos,
        ..Self::COMMON
    };

    /// The header of a file.
    #[must_use]
    pub fn file_header(&self) -> Vec<u8> {
        let magic = match self.variant {
            // Always big-endian, and with another list of link types: 4 is Ethernet.
            Variant::Snoop => return b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec(),
            Variant::Micros => 0xa1b2_c3d4,
            Variant::Nanos => 0xa1b2_3c4d,
            Variant::Modified => 0xa1b2_cd34,
            Variant::IxiaHardware => 0x1c00_01ac,
            Variant::IxiaSoftware => 0x1c00_01ab,
        };
        let minor = if self.is_version_2_2 { 2 } else { 4 };
        let mut header = self.order.u32(magic).to_vec();
        header.extend(self.order.u16(2));
        header.extend(self.order.u16(minor));
        for field in [0, 0, 262_144, self.link_type.into()] {
            header.extend(self.order.u32(field));
        }
        if matches!(self.variant, Variant::IxiaHardware | Variant::IxiaSoftware) {
            // Length of the rest of the file, which readers ignore.
            header.extend([0; 4]);
        }
        header
    }

    /// Appends the header of a record. `time` is in seconds, and in units of the variant.
    ///
    /// # Panics
    ///
    /// If `captured` does not fit into 32 bits.
    pub fn put_record_header(
        &self,
        time: (u32, u32),
        wire_len: u32,
        captured: usize,
        out: &mut Vec<u8>,
    ) {
        let captured_len = u32::try_from(captured).unwrap();
        if self.variant == Variant::Snoop {
            let len = u32::try_from(SNOOP_HEADER_LEN + captured.next_multiple_of(4)).unwrap();
            for field in [wire_len, captured_len, len, 0, time.0, time.1] {
                out.extend_from_slice(&field.to_be_bytes());
            }
            return;
        }
        let lengths = if self.is_version_2_2 {
            [wire_len, captured_len]
        } else {
            [captured_len, wire_len]
        };
        for field in [time.0, time.1, lengths[0], lengths[1]] {
            out.extend_from_slice(&self.order.u32(field));
        }
        if self.variant == Variant::Modified {
            // Index of the interface, protocol, type of the packet, padding.
            out.extend_from_slice(&[1, 0, 0, 0, 8, 0, 0, 0]);
        }
    }

    /// A record.
    #[must_use]
    pub fn record(&self, time: (u32, u32), wire_len: u32, data: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        self.put_record_header(time, wire_len, data.len(), &mut record);
        record.extend_from_slice(data);
        if self.variant == Variant::Snoop {
            record.resize(record.len().next_multiple_of(4), 0);
        }
        record
    }

    /// A whole file: a packet each microsecond.
    ///
    /// # Panics
    ///
    /// If a packet is longer than a record can say.
    #[must_use]
    pub fn file(&self, packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
        let mut file = self.file_header();
        for (data, micros) in packets.into_iter().zip(0_u32..) {
            let time = (START_S + micros / 1_000_000, micros % 1_000_000);
            file.extend(self.record(time, u32::try_from(data.len()).unwrap(), &data));
        }
        file
    }
}

/// When captures start: 2023-11-14 22:13:20 UTC, in seconds since 1970.
pub const START_S: u32 = 1_700_000_000;

/// Bytes of a record's header, but for Kuznetzov's variant and snoop.
pub const RECORD_HEADER_LEN: usize = 16;

const SNOOP_HEADER_LEN: usize = 24;
