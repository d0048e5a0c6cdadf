//! Records of Endace's Extensible Record Format, which are a capture one behind the other, and packets
//! of link type 197 in other captures.

/// How a record is written.
#[derive(Clone, Copy, Debug)]
pub struct Erf<'a> {
    /// The type of record.
    pub kind: u8,
    /// Extension headers, of eight bytes; their first bits are set where another one follows.
    pub extensions: &'a [[u8; 8]],
    /// The header of the type.
    pub before: &'a [u8],
}

impl Erf<'static> {
    /// Ethernet, behind two bytes of offset and padding.
    pub const ETHERNET: Self = Self {
        kind: 2,
        extensions: &[],
        before: &[0, 0],
    };

    /// IPv4.
    pub const IPV4: Self = Self {
        kind: 22,
        extensions: &[],
        before: &[],
    };

    /// A record of `len` bytes that only fills space.
    #[must_use]
    pub fn padding(len: u16) -> Vec<u8> {
        let mut record = vec![0; len.into()];
        record[8] = 48;
        record[10..12].copy_from_slice(&len.to_be_bytes());
        record
    }
}

impl Erf<'_> {
    /// A record of a packet, filled up to a multiple of eight bytes. `time` is in seconds, and in
    /// units of 2^-32 seconds.
    ///
    /// # Panics
    ///
    /// If the packet is longer than a record can say.
    #[must_use]
    pub fn record(&self, time: (u32, u32), wire_len: usize, data: &[u8]) -> Vec<u8> {
        let more = if self.extensions.is_empty() { 0 } else { 0x80 };
        let mut record = time.1.to_le_bytes().to_vec();
        record.extend(time.0.to_le_bytes());
        record.extend([self.kind | more, 0x04, 0, 0, 0, 0]);
        record.extend(u16::try_from(wire_len).unwrap().to_be_bytes());
        let last = self.extensions.len().saturating_sub(1);
        for (place, extension) in self.extensions.iter().enumerate() {
            let [first, rest @ ..] = *extension;
            record.push(first & 0x7f | if place < last { 0x80 } else { 0 });
            record.extend(rest);
        }
        record.extend_from_slice(self.before);
        record.extend_from_slice(data);
        record.resize(record.len().next_multiple_of(8), 0);
        let len = u16::try_from(record.len()).unwrap();
        record[10..12].copy_from_slice(&len.to_be_bytes());
        record
    }

    /// Records of whole packets, one each millisecond.
    ///
    /// # Panics
    ///
    /// If a packet is longer than a record can say.
    #[must_use]
    pub fn file(&self, packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
        let records = packets.into_iter().zip(0_u32..).map(|(data, count)| {
            let time = (START_S + count / 1000, count % 1000 * (u32::MAX / 1000));
            self.record(time, data.len(), &data)
        });
        records.collect::<Vec<_>>().concat()
    }
}

const START_S: u32 = crate::pcap::START_S;
