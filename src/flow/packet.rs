//! A decoded packet, as it is handed to the shard that owns its flow.

use crate::capture::{LinkType, Nanos};
use std::sync::Arc;

/// A packet in as little memory as possible: 40 bytes.
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
    /// A filter that is evaluated per packet refused it: its flow exists, but it is not counted
    /// there.
    pub(crate) const FILTERED: u8 = 2;
    /// Conversations are keyed by their sorted endpoints, and this packet's source is the second.
    pub(crate) const REVERSE: u8 = 4;
    /// It is a fragment of a datagram.
    pub(crate) const FRAGMENT: u8 = 8;
    /// It is a copy of a packet before it: its flow exists, but it is not counted there.
    pub(crate) const DUPLICATE: u8 = 16;

    /// It is not counted.
    pub(crate) const LEFT_OUT: u8 = Self::FILTERED | Self::DUPLICATE;

    /// Where flows are conversations, whether the packet comes from the greater of both endpoints.
    pub(crate) const fn is_from_greater(&self) -> bool {
        self.has(Self::REVERSE)
    }

    /// Whether the packet is a fragment of a datagram.
    pub(crate) const fn is_fragment(&self) -> bool {
        self.has(Self::FRAGMENT)
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

const _: () = assert!(
    size_of::<PacketRef>() == 40,
    "phase B is bound by memory bandwidth"
);

/// Where in a window a packet's layers are: kept by the workers for jobs that look into packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layers {
    /// Where the captured bytes start in the window.
    pub(crate) data: u32,
    /// How many there are.
    pub(crate) data_len: u32,
    /// Where the transport header starts, and the datagram ends: in the window, or in an
    /// assembled datagram.
    pub(crate) transport: u32,
    pub(crate) end: u32,
    /// Bytes of the datagram that were not captured.
    pub(crate) missing: u32,
    /// How the captured bytes start.
    pub(crate) link_type: LinkType,
    /// No header says where the datagram ends: it is taken to end with the frame.
    pub(crate) has_open_end: bool,
    /// [`Layers::IN_WINDOW`], [`Layers::NOWHERE`], or the index of an assembled datagram.
    pub(crate) place: u32,
    /// Compressed payload is on the way there: the transport header is in what is unpacked.
    pub(crate) is_packed: bool,
    /// The packet's ordinal in its chunk, from 1.
    pub(crate) ordinal: u32,
}

impl Layers {
    /// The transport layer is in the window.
    pub(crate) const IN_WINDOW: u32 = u32::MAX;
    /// The packet is a fragment of a datagram that it does not complete.
    pub(crate) const NOWHERE: u32 = u32::MAX - 1;
}

/// Where a packet's payload is: for jobs that need nothing else of its contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Where it starts in the window.
    pub start: u32,
    /// Its length on the wire, in bytes; for a fragment, of its part of the datagram.
    pub wire_len: u32,
    /// The sequence number of a TCP segment.
    pub sequence: u32,
    /// How many bytes were captured, or [`u16::MAX`] for more.
    pub captured: u16,
    /// Whether the packet has a transport header: later fragments have none.
    pub has_header: bool,
}

/// The numbers that the packets of an excerpt have in the whole captures.
#[derive(Clone, Debug)]
pub struct PacketNumbers(Arc<[u64]>);

impl PacketNumbers {
    /// `numbers` are those of the excerpt's packets, in order, from 1.
    pub fn new(numbers: Vec<u64>) -> Self {
        Self(numbers.into())
    }

    /// The number of a packet, by its ordinal in the excerpt, from 1; 0 if there is none.
    pub(crate) fn of(&self, ordinal: u64) -> u64 {
        let place = ordinal
            .checked_sub(1)
            .and_then(|it| usize::try_from(it).ok());
        place.and_then(|it| self.0.get(it)).copied().unwrap_or(0)
    }

    /// The ordinal in the excerpt of a packet, by its number, from 0.
    pub fn find(&self, number: u64) -> Option<usize> {
        self.0.binary_search(&number).ok()
    }
}

/// A packet's contents, for jobs that look into packets.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// The window that holds the packet.
    pub window: &'a [u8],
    /// The captured bytes.
    pub data: &'a [u8],
    /// Where they start in the window.
    pub data_start: u32,
    /// How they start.
    pub link_type: LinkType,
    /// The packet's number, from 1: all packets of all inputs count. Of an excerpt's packets, the
    /// number in the whole captures, if that is known.
    pub ordinal: u64,
    /// What the packet carries; `None` for a fragment whose datagram is not complete yet.
    pub transport: Option<Transport<'a>>,
}

/// A transport header and its payload.
#[derive(Clone, Copy, Debug)]
pub struct Transport<'a> {
    /// The captured bytes, from the transport header to the end of the datagram, without
    /// padding.
    pub bytes: &'a [u8],
    /// Where they start in the window; `None` where the datagram was put together from fragments.
    pub start: Option<u32>,
    /// Bytes of the datagram after these that were not captured.
    pub missing: u32,
    /// No header says where the datagram ends (segmentation offload, jumbograms): it is taken to end
    /// with the frame.
    pub has_open_end: bool,
}

impl Transport<'_> {
    /// Whether this is all of the datagram for certain.
    pub const fn is_whole(&self) -> bool {
        self.missing == 0 && !self.has_open_end
    }
}
