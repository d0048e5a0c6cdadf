//! Fields of IP and TCP headers that are in no flow key.

use super::headers::{Headers, TCP_HEADER_LEN};
use crate::capture::ByteOrder;

/// A TCP header (RFC 9293, section 3.1), in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// The twelve bits of flags.
    pub flags: u16,
    /// Window, not scaled.
    pub window: u16,
    /// The captured bytes of the options.
    pub options: &'a [u8],
}

impl<'a> TcpHeader<'a> {
    /// Reads the header at the start of `bytes`. `None` if its fixed part was not captured, or its
    /// length is impossible.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let order = ByteOrder::Big;
        let flags = order.u16(bytes, 12)?;
        let len = usize::from(flags >> 12) * 4;
        if bytes.len() < TCP_HEADER_LEN || len < TCP_HEADER_LEN {
            return None;
        }
        Some(Self {
            src_port: order.u16(bytes, 0)?,
            dst_port: order.u16(bytes, 2)?,
            seq: order.u32(bytes, 4)?,
            ack: order.u32(bytes, 8)?,
            flags: flags & 0x0fff,
            window: order.u16(bytes, 14)?,
            options: bytes.get(TCP_HEADER_LEN..len.min(bytes.len()))?,
        })
    }
}

/// Places of a packet's layers, as offsets in its captured bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Start of the IP header.
    pub network: usize,
    /// Start of the transport header, or of a later fragment's payload.
    pub transport: usize,
    /// End of the datagram; padding may follow.
    pub end: usize,
}

impl Layout {
    pub(super) const fn of(headers: &Headers<'_>) -> Self {
        Self {
            network: headers.network,
            transport: headers.transport,
            end: headers.end,
        }
    }
}

/// Time to live, type of service and identification of an IPv4 or IPv6 header.
pub(super) struct IpFields<'a> {
    header: &'a [u8],
    is_ipv6: bool,
}

impl<'a> IpFields<'a> {
    pub(super) fn new(header: &'a [u8]) -> Option<Self> {
        let version = header.first()? >> 4;
        Some(Self {
            header,
            is_ipv6: version == 6,
        })
    }

    pub(super) fn ttl(&self) -> Option<u8> {
        let place = if self.is_ipv6 { 7 } else { 8 };
        self.header.get(place).copied()
    }

    pub(super) fn tos(&self) -> Option<u8> {
        let first = ByteOrder::Big.u16(self.header, 0)?;
        let [high, low] = first.to_be_bytes();
        Some(if self.is_ipv6 {
            high << 4 | low >> 4
        } else {
            low
        })
    }

    pub(super) fn id(&self) -> Option<u16> {
        ByteOrder::Big.u16(self.header, 4).filter(|_| !self.is_ipv6)
    }
}
