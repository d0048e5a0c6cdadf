//! The table of conversations: one row each, with the endpoints on both sides.

use super::flow_ids::{Flow, FlowIds};
use crate::decode::IpProtocol;
use crate::diff::{Both, Class, Comparison, Extent, Pair, Paired, Point, Way};
use crate::output::rows::{Column, Kind, Row, Table, columns_of};
use crate::select::condition::Cell;
use std::io::Write;
use std::net::IpAddr;

pub(super) struct FlowTable<'a> {
    pair: Pair<'a>,
    comparison: &'a Comparison,
    ids: &'a FlowIds,
}

impl<'a> FlowTable<'a> {
    pub(super) const fn new(pair: Pair<'a>, comparison: &'a Comparison, ids: &'a FlowIds) -> Self {
        Self {
            pair,
            comparison,
            ids,
        }
    }
}

/// The columns of the table of conversations.
pub fn flow_columns() -> &'static [Column] {
    const ALL: &[Column] = &columns_of(COLUMNS);
    ALL
}

impl Table for FlowTable<'_> {
    type Row<'r>
        = FlowRow
    where
        Self: 'r;

    fn columns(&self) -> &[Column] {
        flow_columns()
    }

    fn len(&self) -> usize {
        self.ids.flows.len()
    }

    fn row(&self, ordinal: usize) -> FlowRow {
        FlowRow::new(self, ordinal)
    }

    fn line(&self, row: &FlowRow, text: &mut Vec<u8>) {
        let written = writeln!(text, "{} {}", row.id, row.protocol);
        debug_assert!(written.is_ok(), "a vector takes all bytes");
    }

    fn timestamps(&self) -> &[&'static str] {
        &["first"]
    }
}

/// A conversation on one or both sides. The first endpoint is the source of its first packet.
#[derive(Debug, Default)]
pub(super) struct FlowRow {
    pub(super) id: u64,
    pub(super) protocol: String,
    state: &'static str,
    /// Both endpoints on each side.
    pub(super) ends: Both<Option<[(IpAddr, u16); 2]>>,
    is_translated: bool,
    first: i64,
    packets: Both<u64>,
    bytes: Both<u64>,
    pub(super) ways: [WayCounts; 2],
    pub(super) others: u64,
}

/// Packets of a conversation in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct WayCounts {
    matched: u64,
    pub(super) dropped: u64,
    pub(super) dropped_bytes: u64,
    partial: u64,
    pub(super) injected: u64,
    pub(super) mangled: u64,
    duplicate: u64,
    pub(super) reordered: u64,
    pub(super) delayed: u64,
    delays: Vec<i64>,
}

impl WayCounts {
    /// Number of packets in which the captures differ.
    pub(super) const fn different(&self) -> u64 {
        self.dropped + self.partial + self.injected + self.mangled + self.duplicate
    }

    fn delay(&self, share: usize) -> Option<i64> {
        let last = self.delays.len().checked_sub(1)?;
        self.delays.get(last * share / 100).copied()
    }
}

impl FlowRow {
    pub(super) fn new(table: &FlowTable<'_>, ordinal: usize) -> Self {
        let mut row = Self {
            id: ordinal as u64 + 1,
            ..Self::default()
        };
        let (a, b) = match table.ids.flows.get(ordinal) {
            Some(Flow::Both(it)) => (Some(it.a), Some(it.b)),
            Some(Flow::One(Point::A, it)) => (Some(*it), None),
            Some(Flow::One(Point::B, it)) => (None, Some(*it)),
            None => (None, None),
        };
        row.state = match (a, b) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "a",
            _ => "b",
        };
        for (point, conversation) in [(Point::A, a), (Point::B, b)] {
            if let Some(conversation) = conversation {
                row.read(table, point, conversation);
            }
        }
        if let Some(Flow::Both(paired)) = table.ids.flows.get(ordinal) {
            row.align(table, *paired);
        }
        row.ways.iter_mut().for_each(|it| it.delays.sort_unstable());
        row
    }

    /// Puts the endpoints at B in the order of those at A.
    fn align(&mut self, table: &FlowTable<'_>, paired: Paired) {
        let sides = table.pair.sides;
        let first = sides.a.of(paired.a).first();
        let direction = first.map_or(0, |it| sides.a.packet(*it).direction());
        let at_b = sides.b.conversations.get(paired.b as usize);
        self.ends.b = at_b.map(|it| it.ends(paired.direction_at_b(direction)));
        self.is_translated = self.ends.a != self.ends.b;
    }

    /// Number of packets in which the captures differ.
    pub(super) fn different(&self) -> u64 {
        let ways: u64 = self.ways.iter().map(WayCounts::different).sum();
        ways + self.others
    }

    fn read(&mut self, table: &FlowTable<'_>, point: Point, conversation: u32) {
        let side = table.pair.side(point);
        let places = side.of(conversation);
        if let Some(it) = side.conversations.get(conversation as usize) {
            let direction = places.first().map_or(0, |it| side.packet(*it).direction());
            *self.ends.get_mut(point) = Some(it.ends(direction));
            self.protocol = IpProtocol(it.key.protocol).to_string();
        }
        if self.packets.a == 0 {
            self.first = places.first().map_or(0, |it| side.packet(*it).time);
        }
        for &place in places {
            *self.packets.get_mut(point) += 1;
            *self.bytes.get_mut(point) += u64::from(side.packet(place).len);
            self.count(table, point, place);
        }
    }

    fn count(&mut self, table: &FlowTable<'_>, point: Point, place: u32) {
        let comparison = table.comparison;
        let fate = comparison.fate(point, place);
        let one_if = u64::from;
        let Some(way) = fate.way else {
            self.others += one_if(fate.class.differs());
            return;
        };
        let counts = match way {
            Way::Ab => &mut self.ways[0],
            Way::Ba => &mut self.ways[1],
        };
        let is_sender = way.sender() == point;
        let is = |class| one_if(fate.class == class);
        counts.duplicate += is(Class::Duplicate);
        if is_sender {
            counts.dropped += is(Class::Dropped);
            counts.partial += is(Class::Partial);
            counts.dropped_bytes += lost_bytes(table, point, place);
        } else {
            counts.matched += one_if(matches!(
                fate.class,
                Class::Same | Class::Mangled | Class::Resegmented
            ));
            counts.injected += is(Class::Injected);
            counts.mangled += is(Class::Mangled);
            counts.reordered += one_if(fate.is_reordered);
            counts.delayed += one_if(fate.is_delayed);
            counts
                .delays
                .extend(comparison.delay(table.pair, point, place));
        }
    }
}

/// Payload bytes missing on the other side.
fn lost_bytes(table: &FlowTable<'_>, point: Point, place: u32) -> u64 {
    let len = table.pair.packet(point, place).len;
    match table.comparison.fate(point, place).class {
        Class::Dropped => len.into(),
        Class::Partial => {
            let links = table.comparison.links_of(point, place).iter();
            let found = links.fold(0_u32, |sum, it| match it.extent {
                Extent::Whole => sum.saturating_add(len),
                Extent::Bytes(bytes) => sum.saturating_add(bytes),
            });
            len.saturating_sub(found).into()
        }
        _ => 0,
    }
}

impl Row for FlowRow {
    fn cell(&self, column: usize) -> Cell<'_> {
        COLUMNS
            .get(column)
            .map_or(Cell::Null, |(_, _, value)| value(self))
    }
}

type Value = for<'r> fn(&'r FlowRow) -> Cell<'r>;

fn end(row: &FlowRow, point: Point, place: usize) -> Option<(IpAddr, u16)> {
    row.ends.get(point).as_ref()?.get(place).copied()
}

fn address(row: &FlowRow, point: Point, place: usize) -> Cell<'_> {
    end(row, point, place).map_or(Cell::Null, |it| Cell::Address(it.0))
}

fn port(row: &FlowRow, point: Point, place: usize) -> Cell<'_> {
    end(row, point, place).map_or(Cell::Null, |it| Cell::Unsigned(it.1.into()))
}

fn delay(row: &FlowRow, way: usize, share: usize) -> Cell<'_> {
    let found = row.ways.get(way).and_then(|it| it.delay(share));
    found.map_or(Cell::Null, Cell::Signed)
}

const COLUMNS: &[(&str, Kind, Value); 41] = &[
    ("flow", Kind::Number, |row| Cell::Unsigned(row.id)),
    ("protocol", Kind::Text, |row| Cell::Text(&row.protocol)),
    ("state", Kind::Text, |row| Cell::Text(row.state)),
    ("translated", Kind::Bool, |row| {
        Cell::Bool(row.is_translated)
    }),
    ("a_src_ip", Kind::Address, |row| address(row, Point::A, 0)),
    ("a_src_port", Kind::Short, |row| port(row, Point::A, 0)),
    ("a_dst_ip", Kind::Address, |row| address(row, Point::A, 1)),
    ("a_dst_port", Kind::Short, |row| port(row, Point::A, 1)),
    ("b_src_ip", Kind::Address, |row| address(row, Point::B, 0)),
    ("b_src_port", Kind::Short, |row| port(row, Point::B, 0)),
    ("b_dst_ip", Kind::Address, |row| address(row, Point::B, 1)),
    ("b_dst_port", Kind::Short, |row| port(row, Point::B, 1)),
    ("first_ns", Kind::Time, |row| Cell::Signed(row.first)),
    ("a_packets", Kind::Number, |row| {
        Cell::Unsigned(row.packets.a)
    }),
    ("b_packets", Kind::Number, |row| {
        Cell::Unsigned(row.packets.b)
    }),
    ("a_bytes", Kind::Number, |row| Cell::Unsigned(row.bytes.a)),
    ("b_bytes", Kind::Number, |row| Cell::Unsigned(row.bytes.b)),
    ("ab_matched", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].matched)
    }),
    ("ab_dropped", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].dropped)
    }),
    ("ab_dropped_bytes", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].dropped_bytes)
    }),
    ("ab_partial", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].partial)
    }),
    ("ab_injected", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].injected)
    }),
    ("ab_mangled", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].mangled)
    }),
    ("ab_duplicate", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].duplicate)
    }),
    ("ab_reordered", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].reordered)
    }),
    ("ab_delayed", Kind::Number, |row| {
        Cell::Unsigned(row.ways[0].delayed)
    }),
    ("ab_delay_p50_ns", Kind::Duration, |row| delay(row, 0, 50)),
    ("ab_delay_p99_ns", Kind::Duration, |row| delay(row, 0, 99)),
    ("ba_matched", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].matched)
    }),
    ("ba_dropped", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].dropped)
    }),
    ("ba_dropped_bytes", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].dropped_bytes)
    }),
    ("ba_partial", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].partial)
    }),
    ("ba_injected", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].injected)
    }),
    ("ba_mangled", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].mangled)
    }),
    ("ba_duplicate", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].duplicate)
    }),
    ("ba_reordered", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].reordered)
    }),
    ("ba_delayed", Kind::Number, |row| {
        Cell::Unsigned(row.ways[1].delayed)
    }),
    ("ba_delay_p50_ns", Kind::Duration, |row| delay(row, 1, 50)),
    ("ba_delay_p99_ns", Kind::Duration, |row| delay(row, 1, 99)),
    ("unknown_different", Kind::Number, |row| {
        Cell::Unsigned(row.others)
    }),
    ("different", Kind::Number, |row| {
        Cell::Unsigned(row.different())
    }),
];
