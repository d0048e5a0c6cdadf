//! The captured bytes of packets, where they are needed once more.

use super::packet::{Packet, payload_range};
use super::side::{Both, Point, Side};
use crate::capture::LinkType;
use crate::decode::{DecodeOptions, Headers, LinkKey, decode};
use std::ops::Range;

/// Reads the captured bytes of packets again.
pub trait Frames: Sync {
    /// The captured bytes of a packet of this side; empty where they cannot be read any more.
    fn read(&self, point: Point, packet: &Packet) -> Vec<u8>;
}

/// Both sides, and their packets' bytes.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// Both sides.
    pub sides: Both<&'a Side>,
    /// Where bytes come from.
    pub frames: &'a dyn Frames,
    /// How packets were decoded.
    pub decode: &'a DecodeOptions,
}

impl std::fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair")
            .field("sides", &self.sides)
            .finish_non_exhaustive()
    }
}

/// A packet's captured bytes, with what decoding them needs.
#[derive(Clone, Debug)]
pub struct Frame {
    /// How they start.
    pub link_type: LinkType,
    /// The bytes.
    pub data: Vec<u8>,
    /// The packet's length on the wire.
    wire_len: u32,
}

impl<'a> Pair<'a> {
    /// A side.
    pub const fn side(&self, point: Point) -> &'a Side {
        match point {
            Point::A => self.sides.a,
            Point::B => self.sides.b,
        }
    }

    /// A packet by its place on its side.
    pub fn packet(&self, point: Point, place: u32) -> &'a Packet {
        self.side(point).packet(place)
    }

    /// A packet's captured bytes.
    pub fn frame(&self, point: Point, packet: &Packet) -> Option<Frame> {
        Some(Frame {
            link_type: self.side(point).links.get(packet.link)?,
            data: self.frames.read(point, packet),
            wire_len: u32::MAX,
        })
    }

    /// A packet's captured payload.
    pub fn payload(&self, point: Point, packet: &Packet) -> Vec<u8> {
        let found = self.frame(point, packet).and_then(|mut frame| {
            let (headers, _) = frame.headers(self.decode)?;
            let range = payload_range(&headers, &frame.data, frame.wire_len);
            frame.data.truncate(range.end);
            frame.data.drain(..range.start.min(frame.data.len()));
            Some(frame.data)
        });
        found.unwrap_or_default()
    }

    /// The part of a datagram that a packet carries, and where it starts there.
    pub(super) fn datagram_part(&self, point: Point, packet: &Packet) -> Option<(u32, Vec<u8>)> {
        let mut frame = self.frame(point, packet)?;
        let (start, range) = {
            let (headers, _) = frame.headers(self.decode)?;
            datagram_range(&headers, &frame)
        };
        frame.data.truncate(range.end);
        frame.data.drain(..range.start.min(frame.data.len()));
        Some((start, frame.data))
    }
}

/// Where the payload of a datagram, or of a part of it, starts in it, and is in the frame.
fn datagram_range(headers: &Headers<'_>, frame: &Frame) -> (u32, Range<usize>) {
    let range = headers.payload(&frame.data, frame.wire_len).range;
    let part = headers.fragment.as_deref();
    let from = part.map_or(headers.transport, |it| it.payload);
    let before = crate::number::len_u32(range.start.saturating_sub(from));
    let offset = part.map_or(0, |it| it.offset);
    (offset.saturating_add(before), range.start..range.end)
}

impl Frame {
    /// The packet's headers.
    pub fn headers(&self, options: &DecodeOptions) -> Option<(Headers<'_>, LinkKey)> {
        let mut link = LinkKey::default();
        let headers = decode(self.link_type, &self.data, options, &mut link).ok()?;
        Some((headers, link))
    }
}
