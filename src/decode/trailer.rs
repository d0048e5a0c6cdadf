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

/// Takes time and port from a frame's trailer. A frame without one in its bytes after the
/// IP datagram is no error.
#[inline(never)]
pub(super) fn read<'a>(
    data: &'a [u8],
    headers: Headers<'a>,
    options: TrailerOptions,
    link: &mut LinkKey,
) -> Headers<'a> {
    let start = data
        .len()
        .checked_sub(options.offset.saturating_add(TrailerOptions::TRAILER_LEN));
    let trailer = start
        .filter(|&start| start >= headers.end)
        .and_then(|start| data.get(start..));
    let Some((time, at)) = trailer.and_then(parse) else {
        return headers;
    };
    link.set_device(at);
    Headers {
        trailer_time: Some(time),
        ..headers
    }
}

fn parse(trailer: &[u8]) -> Option<(Nanos, DevicePort)> {
    let (seconds, nanos) = (
        ByteOrder::Big.u32(trailer, 4)?,
        ByteOrder::Big.u32(trailer, 8)?,
    );
    let (device, port) = (ByteOrder::Big.u16(trailer, 13)?, *trailer.get(15)?);
    // Padding is zero, as a rule: not a time at which such a device existed.
    let is_time = seconds >= YEAR_2001 && nanos < 1_000_000_000;
    is_time.then(|| {
        (
            Nanos::from_pcap(seconds, nanos, 1),
            DevicePort { device, port },
        )
    })
}

const YEAR_2001: u32 = 978_307_200;
