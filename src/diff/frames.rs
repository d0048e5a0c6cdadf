//! Access to the captured bytes of packets.

use super::packet::{Packet, payload_range};
use super::side::{Both, Point, Side};
use crate::capture::LinkType;
use crate::decode::{DecodeOptions, Headers, LinkKey, decode};
use std::ops::Range;

/// Rereads the captured bytes of packets.
pub trait Frames: Sync {
    /// The captured bytes of a packet of this side; empty if they cannot be read any more.
    fn read(&self, point: Point, packet: &Packet) -> Vec<u8>;
}

/// Both sides, and the bytes of their packets.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// Both sides.
    pub sides: Both<&'a Side>,
    /// Source of the captured bytes.
    pub frames: &'a dyn Frames,
    /// Options used for decoding the packets.
    pub decode: &'a DecodeOptions,
}

impl std::fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair")
            .field("sides", &self.sides)
            .finish_non_exhaustive()
    }
}

/// The captured bytes of a packet, with the data needed to decode them.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The link type.
    pub link_type: LinkType,
    /// The bytes.
    pub data: Vec<u8>,
    /// The length on the wire.
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

    /// A packet by its index on its side.
    pub fn packet(&self, point: Point, place: u32) -> &'a Packet {
        self.side(point).packet(place)
    }

    /// The captured bytes of a packet.
    pub fn frame(&self, point: Point, packet: &Packet) -> Option<Frame> {
        Some(Frame {
            link_type: self.side(point).links.get(packet.link)?,
            data: self.frames.read(point, packet),
            wire_len: u32::MAX,
        })
    }

    /// The captured payload of a packet.
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

    /// The part of a datagram carried by a packet, and its offset.
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

/// Start of the payload in its datagram, and its range in the frame.
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
