//! A flow's key and counters, as its shard keeps them.

use super::packet::PacketRef;
use crate::capture::Nanos;

/// A flow in its shard's table: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct FlowRecord {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Earliest and latest time, where the capture's clock runs backwards.
    pub(crate) first: Nanos,
    pub(crate) last: Nanos,
    /// IPv4 addresses; for IPv6 the first is the index of both in the shard's list.
    pub(crate) addresses: [u32; 2],
    pub(crate) ports: [u16; 2],
    /// The number of the link key in the run's table.
    pub(crate) link: u32,
    pub(crate) tcp_flags: u16,
    pub(crate) protocol: u8,
    /// [`PacketRef::IPV6`]; and of its first packet [`PacketRef::REVERSE`];
    /// [`FlowRecord::EXCLUDED`] and [`FlowRecord::TIMED_OUT`].
    pub(crate) flags: u8,
}

impl FlowRecord {
    /// The run's filter refuses the whole flow.
    pub(crate) const EXCLUDED: u8 = 0x80;
    /// A timeout has ended the flow.
    pub(crate) const TIMED_OUT: u8 = 0x40;

    pub(crate) const fn new(packet: &PacketRef, addresses: [u32; 2], link: u32) -> Self {
        Self {
            packets: 0,
            bytes: 0,
            first: Nanos::MAX,
            last: Nanos::MIN,
            addresses,
            ports: packet.ports,
            link,
            tcp_flags: 0,
            protocol: packet.protocol,
            flags: packet.flags & (PacketRef::IPV6 | PacketRef::REVERSE),
        }
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    #[inline]
    pub(crate) fn count(&mut self, packet: &PacketRef) {
        self.packets += 1;
        self.bytes += u64::from(packet.wire_len);
        self.first = self.first.min(packet.time);
        self.last = self.last.max(packet.time);
        self.tcp_flags |= packet.tcp_flags;
    }
}

/// What a conversation's record has beyond a flow's: the packets from its second endpoint, seen
/// from its first packet. They are counted among the flow's, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReverseCounters {
    /// Packets.
    pub packets: u64,
    /// Length of these on the wire, in bytes.
    pub bytes: u64,
    /// OR of their TCP flags.
    pub tcp_flags: u16,
}

const _: () = assert!(size_of::<FlowRecord>() == 64, "one cache line");
