//! What the decoding of a packet hands to the shard that owns its flow.

use crate::capture::Nanos;

/// A packet, as small as it can be told: 40 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacketRef {
    /// When the packet was captured.
    pub time: Nanos,
    /// Where its record starts in the window.
    pub offset: u32,
    /// Its length on the wire, in bytes.
    pub wire_len: u32,
    /// IPv4 source and destination, in host byte order; for IPv6 the first is the index of both
    /// addresses in the chunk's list.
    pub(crate) addresses: [u32; 2],
    /// Source and destination port.
    pub(crate) ports: [u16; 2],
    /// The number of its link key in the chunk's table.
    pub(crate) link: u32,
    /// The hash of its 5-tuple.
    pub(crate) hash: u32,
    /// The twelve bits of TCP flags.
    pub tcp_flags: u16,
    /// IP protocol number.
    pub protocol: u8,
    pub(crate) flags: u8,
}

impl PacketRef {
    /// The packet is IPv6.
    pub(crate) const IPV6: u8 = 1;
    /// A filter that had to be asked per packet refused it: its flow exists, but it is not
    /// counted there.
    pub(crate) const FILTERED: u8 = 2;
    /// Conversations are keyed by their sorted endpoints, and this packet's source is the second.
    pub(crate) const REVERSE: u8 = 4;

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

const _: () = assert!(
    size_of::<PacketRef>() == 40,
    "phase B is bound by memory bandwidth"
);
