//! TCP payload in different segments on both sides.

use super::class::{Changes, Extent};
use super::cuts::{Bytes, Run, Unwrapped, common, links};
use super::frames::Pair;
use super::lane::{Lane, remove};
use super::side::Point;

impl Lane<'_> {
    /// Pairs segments whose bytes are in different segments on the other side. `all` has all
    /// packets of the lane.
    pub(super) fn resegmented(&mut self, all: [&[u32]; 2]) {
        let has_data = |point, places: &[u32]| {
            let mut packets = places.iter().map(|it| self.packet(point, *it));
            packets.any(|it| it.is_segment() && it.len > 0)
        };
        if !has_data(Point::A, &self.a) || !has_data(Point::B, &self.b) {
            return;
        }
        let sender_is_a = self.expected.sign() >= 0;
        let [a, b] = self.runs(all);
        let (sent, received) = if sender_is_a { (a, b) } else { (b, a) };
        let bytes = Payloads {
            pair: self.pair,
            sender: if sender_is_a { Point::A } else { Point::B },
        };
        let early = self.expected.limits().early;
        let found = links(common(sent, &received, &bytes, early), sender_is_a);
        for mut link in found {
            // Segments with the same boundaries were changed in other ways.
            let (x, y) = (self.packet(Point::A, link.a), self.packet(Point::B, link.b));
            let is_alike = link.extent == Extent::Bytes(x.len) && x.len == y.len;
            if is_alike {
                link.extent = Extent::Whole;
                link.changes = self.differences(link.a, link.b).without(Changes::SEQ);
            }
            self.links.push(link);
        }
        let gone: Vec<(u32, u32)> = self.links.iter().map(|it| (it.a, it.b)).collect();
        remove(&mut self.a, gone.iter().map(|it| it.0));
        remove(&mut self.b, gone.iter().map(|it| it.1));
    }

    /// The payload of unpaired segments, by positions in the stream as seen at B.
    fn runs(&self, all: [&[u32]; 2]) -> [Vec<Run>; 2] {
        let number = |point, place: u32| {
            let packet = self.packet(point, place);
            let (sequence, _) = self.shift.in_terms_of_b(point, packet);
            sequence.wrapping_add(packet.payload_sequence().wrapping_sub(packet.sequence))
        };
        let origin = all[1].first().map_or(0, |it| number(Point::B, *it));
        [(Point::A, all[0], &self.a), (Point::B, all[1], &self.b)].map(|(point, all, left)| {
            let mut unwrapped = Unwrapped::from(origin);
            let places = all
                .iter()
                .map(|it| (*it, unwrapped.place(number(point, *it))));
            let places = places.filter(|it| left.binary_search(&it.0).is_ok());
            let runs = places.filter_map(|(place, start)| {
                let packet = self.packet(point, place);
                let time = match point {
                    Point::A => self.expected.at_b(packet.time),
                    Point::B => packet.time,
                };
                let is_data = packet.is_segment() && packet.len > 0;
                is_data.then_some(Run {
                    packet: place,
                    time,
                    start,
                    len: packet.len,
                    skip: 0,
                })
            });
            runs.collect()
        })
    }
}

/// Payload of segments.
struct Payloads<'a> {
    pair: Pair<'a>,
    sender: Point,
}

impl Payloads<'_> {
    fn read(&self, point: Point, place: u32) -> Vec<u8> {
        self.pair.payload(point, self.pair.packet(point, place))
    }
}

impl Bytes for Payloads<'_> {
    fn sent(&self, packet: u32) -> Vec<u8> {
        self.read(self.sender, packet)
    }

    fn received(&self, packet: u32) -> Vec<u8> {
        self.read(self.sender.other(), packet)
    }
}
