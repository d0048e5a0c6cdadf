//! The table of packets: one row per packet of either side.

use super::bytes::PackedPlace;
use super::flow_ids::FlowIds;
use crate::decode::IpProtocol;
use crate::diff::{
    Both, Changes, Class, Comparison, Conversation, Fate, Packet, Pair, Point, Way, changes, detail,
};
use crate::number::index_u32;
use crate::output::rows::{Column, Kind, Row, Table, columns_of};
use crate::select::condition::Cell;
use std::fmt::Write as _;
use std::io::Write as _;

pub(super) struct Packets<'a> {
    pair: Pair<'a>,
    comparison: &'a Comparison,
    ids: &'a FlowIds,
    /// For each side, packet indexes by packet number.
    places: Both<Places>,
}

/// Packet indexes by packet number; [`NOT_IP`] for packets that are not IP.
type Places = Vec<u32>;

const NOT_IP: u32 = u32::MAX;

impl<'a> Packets<'a> {
    /// If packets were filtered, those that are not IP are not listed.
    pub(super) fn new(
        pair: Pair<'a>,
        comparison: &'a Comparison,
        ids: &'a FlowIds,
        are_all: Both<bool>,
    ) -> Self {
        let places = |point: Point| {
            let side = pair.side(point);
            if !*are_all.get(point) {
                return (0..index_u32(side.packets.len())).collect();
            }
            let total = usize::try_from(side.total).unwrap_or(usize::MAX);
            let mut places = vec![NOT_IP; total];
            for (packet, at) in side.packets.iter().zip(0..) {
                let ordinal = usize::try_from(packet.number)
                    .ok()
                    .and_then(|it| it.checked_sub(1));
                if let Some(place) = ordinal.and_then(|it| places.get_mut(it)) {
                    *place = at;
                }
            }
            places
        };
        Self {
            places: Both {
                a: places(Point::A),
                b: places(Point::B),
            },
            pair,
            comparison,
            ids,
        }
    }
}

impl Table for Packets<'_> {
    type Row<'r>
        = PacketRow<'r>
    where
        Self: 'r;

    fn columns(&self) -> &[Column] {
        const ALL: &[Column] = &columns_of(COLUMNS);
        ALL
    }

    fn len(&self) -> usize {
        self.places.a.len() + self.places.b.len()
    }

    fn row(&self, ordinal: usize) -> PacketRow<'_> {
        let (point, ordinal) = match ordinal.checked_sub(self.places.a.len()) {
            None => (Point::A, ordinal),
            Some(ordinal) => (Point::B, ordinal),
        };
        let place = self
            .places
            .get(point)
            .get(ordinal)
            .copied()
            .unwrap_or(NOT_IP);
        PacketRow::new(self, point, ordinal as u64 + 1, place)
    }

    fn line(&self, row: &PacketRow<'_>, text: &mut Vec<u8>) {
        let written = writeln!(
            text,
            "{} {} {} {}",
            row.point.name(),
            row.number,
            row.fate.class.name(),
            row.partners
        );
        debug_assert!(written.is_ok(), "a vector takes all bytes");
    }

    fn timestamps(&self) -> &[&'static str] {
        &["time"]
    }
}

pub(super) struct PacketRow<'a> {
    point: Point,
    number: u64,
    fate: Fate,
    /// `None` for packets that are not IP.
    packet: Option<&'a Packet>,
    conversation: Option<&'a Conversation>,
    flow: Option<u64>,
    partners: String,
    flags: &'static str,
    changes: String,
    detail: String,
    delay: Option<i64>,
    protocol: String,
}

impl<'a> PacketRow<'a> {
    fn new(table: &Packets<'a>, point: Point, number: u64, place: u32) -> Self {
        let (pair, comparison) = (table.pair, table.comparison);
        let side = pair.side(point);
        let packet = side.packets.get(place as usize);
        let fate = comparison.fate(point, place);
        let conversation = packet.and_then(|it| side.conversation_of(it));
        let mut row = Self {
            point,
            number: packet.map_or(number, |it| it.number),
            fate,
            packet,
            conversation,
            flow: packet.and_then(|it| table.ids.of(point, it.conversation)),
            partners: String::new(),
            flags: match (fate.is_reordered, fate.is_delayed) {
                (false, false) => "",
                (true, false) => "reordered",
                (false, true) => "delayed",
                (true, true) => "reordered;delayed",
            },
            changes: String::new(),
            detail: String::new(),
            delay: None,
            protocol: conversation
                .map_or_else(String::new, |it| IpProtocol(it.key.protocol).to_string()),
        };
        if packet.is_some() {
            row.read_links(pair, comparison, place);
        }
        row
    }

    fn read_links(&mut self, pair: Pair<'a>, comparison: &Comparison, place: u32) {
        let other = self.point.other();
        let mut numbers: Vec<u64> = comparison
            .partners(self.point, place)
            .map(|it| pair.packet(other, it).number)
            .collect();
        numbers.sort_unstable();
        for number in numbers {
            let separator = if self.partners.is_empty() { "" } else { ";" };
            append(&mut self.partners, format_args!("{separator}{number}"));
        }
        if self.fate.class == Class::Duplicate {
            return;
        }
        let links = comparison.links_of(self.point, place);
        let found = links
            .iter()
            .fold(Changes::NONE, |all, it| all.and(changes(pair, it)));
        self.changes = found.names().collect::<Vec<_>>().join(";");
        self.delay = comparison.delay(pair, self.point, place);
        if let ([link], Class::Mangled) = (links, self.fate.class) {
            self.detail = detail(pair, link);
        }
    }

    fn ends(&self) -> Option<[(std::net::IpAddr, u16); 2]> {
        Some(self.conversation?.ends(self.packet?.direction()))
    }

    fn end(&self, place: usize) -> Option<(std::net::IpAddr, u16)> {
        self.ends()?.get(place).copied()
    }
}

fn append(text: &mut String, part: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(part);
    debug_assert!(written.is_ok(), "a string takes all text");
}

impl Row for PacketRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        COLUMNS
            .get(column)
            .map_or(Cell::Null, |(_, _, value)| value(self))
    }
}

type Value = for<'r> fn(&'r PacketRow<'_>) -> Cell<'r>;

fn text(text: &str) -> Cell<'_> {
    if text.is_empty() {
        Cell::Null
    } else {
        Cell::Text(text)
    }
}

fn of_packet<'r>(row: &'r PacketRow<'_>, value: impl Fn(&Packet) -> u64) -> Cell<'r> {
    row.packet
        .map_or(Cell::Null, |it| Cell::Unsigned(value(it)))
}

fn address<'r>(row: &'r PacketRow<'_>, place: usize) -> Cell<'r> {
    row.end(place).map_or(Cell::Null, |it| Cell::Address(it.0))
}

fn port<'r>(row: &'r PacketRow<'_>, place: usize) -> Cell<'r> {
    row.end(place)
        .map_or(Cell::Null, |it| Cell::Unsigned(it.1.into()))
}

const COLUMNS: &[(&str, Kind, Value); 21] = &[
    ("side", Kind::Text, |row| Cell::Text(row.point.name())),
    ("number", Kind::Number, |row| Cell::Unsigned(row.number)),
    ("class", Kind::Text, |row| Cell::Text(row.fate.class.name())),
    ("partner", Kind::Text, |row| text(&row.partners)),
    ("direction", Kind::Text, |row| {
        text(row.fate.way.map_or("", Way::name))
    }),
    ("flags", Kind::Text, |row| text(row.flags)),
    ("changes", Kind::Text, |row| text(&row.changes)),
    ("flow", Kind::Number, |row| {
        row.flow.map_or(Cell::Null, Cell::Unsigned)
    }),
    ("time_ns", Kind::Time, |row| {
        row.packet.map_or(Cell::Null, |it| Cell::Signed(it.time))
    }),
    ("delay_ns", Kind::Duration, |row| {
        row.delay.map_or(Cell::Null, Cell::Signed)
    }),
    ("protocol", Kind::Text, |row| text(&row.protocol)),
    ("src_ip", Kind::Address, |row| address(row, 0)),
    ("src_port", Kind::Short, |row| port(row, 0)),
    ("dst_ip", Kind::Address, |row| address(row, 1)),
    ("dst_port", Kind::Short, |row| port(row, 1)),
    ("seq", Kind::Number, |row| {
        of_packet(row, |it| it.sequence.into())
    }),
    ("length", Kind::Number, |row| {
        of_packet(row, |it| it.len.into())
    }),
    ("ip_id", Kind::Number, |row| {
        of_packet(row, |it| it.ip_id.into())
    }),
    ("tcp_flags", Kind::Short, |row| {
        of_packet(row, |it| if it.is_tcp() { it.flags.into() } else { 0 })
    }),
    ("detail", Kind::Text, |row| text(&row.detail)),
    ("offset", Kind::Number, |row| {
        of_packet(row, |it| PackedPlace(it.place).offset())
    }),
];
