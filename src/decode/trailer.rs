//! Metamako trailers: what a timestamping switch appends to each frame.
//!
//! 20 bytes: original frame check sequence (u32), seconds (u32), nanoseconds (u32), flags (u8),
//! device (u16), port (u8), frame check sequence (u32); numbers in network byte order.

use super::Headers;
use super::key::{DevicePort, LinkKey};
use crate::capture::{ByteOrder, Nanos};

/// Where trailers are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrailerOptions {
    /// Bytes between the end of the trailer and the end of the frame.
    pub offset: usize,
}

impl TrailerOptions {
    /// Length of a trailer in bytes. With two trailers the inner one, which the first device
    /// wrote, ends this far from the end of the frame.
    pub const TRAILER_LEN: usize = 20;
}

/// Takes time and port from a frame's trailer. A frame has none if its bytes behind the IP
/// datagram do not hold one: that is no error.
pub(super) fn read(
    data: &[u8],
    headers: &mut Headers<'_>,
    options: TrailerOptions,
    link: &mut LinkKey,
) {
    let Some(start) = data
        .len()
        .checked_sub(options.offset + TrailerOptions::TRAILER_LEN)
    else {
        return;
    };
    let Some(trailer) = data.get(start..).filter(|_| start >= headers.end) else {
        return;
    };
    let field = |at| ByteOrder::Big.u32(trailer, at);
    let (Some(seconds), Some(nanos)) = (field(4), field(8)) else {
        return;
    };
    let (Some(device), Some(&port)) = (ByteOrder::Big.u16(trailer, 13), trailer.get(15)) else {
        return;
    };
    // Padding is zero, as a rule: not a time at which such a device existed.
    if seconds < YEAR_2001 || nanos >= 1_000_000_000 {
        return;
    }
    headers.trailer_time = Some(Nanos::from_pcap(seconds, nanos, 1));
    link.device = Some(DevicePort { device, port });
}

const YEAR_2001: u32 = 978_307_200;
