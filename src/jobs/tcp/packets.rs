//! The packets of connections, as rows: listings and series.

use super::row::Entry;
use crate::capture::Position;
use crate::index::PacketPlaces;
use crate::number::memory_usize;
use crate::output::rows::{Column, Kind, Row, Table, columns_of};
use crate::select::condition::Cell;
use crate::tcp::Segment;
use crate::tcp::measure::{Connection, Measured, SackBlocks, Side};

/// A packet of a connection that is listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) side: Side,
    pub(super) segment: Segment,
    pub(super) payload: u32,
    pub(super) time: i64,
    pub(super) packet: u64,
    pub(super) place: Option<Position>,
    pub(super) sack: SackBlocks,
    pub(super) measured: Measured,
}

impl Listed {
    /// Its window, scaled where that is known; `None` of SYN and RST.
    pub(super) fn window(&self, connection: &Connection) -> Option<u64> {
        let is_known = !self.segment.has(Segment::SYN | Segment::RST);
        let shift = connection.shift(self.side).unwrap_or(0);
        is_known.then(|| u64::from(self.segment.window) << shift)
    }
}

/// The packets of some connections, those of a connection in capture order.
#[derive(Debug)]
pub(super) struct Packets<'a> {
    rows: Vec<(&'a Recorded, usize)>,
}

/// A connection whose packets were recorded.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) id: u64,
    pub(super) entry: Entry,
    pub(super) packets: Vec<Listed>,
}

impl Recorded {
    /// The connection is one of an excerpt: gives it its id among all, and its packets their places
    /// in the captures.
    pub(super) fn relocate(&mut self, ids: &[u64], places: &PacketPlaces) {
        let ordinal = usize::try_from(self.id)
            .ok()
            .and_then(|it| it.checked_sub(1));
        let id = ordinal.and_then(|it| ids.get(it));
        self.id = id.copied().unwrap_or(self.id);
        for packet in &mut self.packets {
            packet.place = places.place(packet.packet).map(|(input, offset)| Position {
                input: memory_usize(input),
                offset,
            });
        }
    }
}

impl<'a> Packets<'a> {
    pub(super) fn new(recorded: &'a [Recorded]) -> Self {
        let rows = recorded.iter().flat_map(|it| {
            let packets = 0..it.packets.len();
            packets.map(move |packet| (it, packet))
        });
        Self {
            rows: rows.collect(),
        }
    }
}

/// A packet as a row.
#[derive(Debug)]
pub(super) struct PacketRow<'a> {
    id: u64,
    listed: &'a Listed,
    is_client: bool,
    relative: i64,
    seq: u32,
    ack: Option<u32>,
    window: u64,
    flags: String,
    analysis: String,
    sack: String,
}

impl<'a> PacketRow<'a> {
    fn new(recorded: &'a Recorded, listed: &'a Listed) -> Self {
        let connection = &recorded.entry.connection;
        let side = listed.side;
        let base = |side| connection.base(side).unwrap_or(0);
        let segment = &listed.segment;
        let has_ack = segment.has(Segment::ACK);
        // The window of a SYN is never scaled (RFC 7323, section 2.2).
        let shift = match segment.has(Segment::SYN) {
            true => 0,
            false => connection.shift(side).unwrap_or(0),
        };
        let first = recorded.packets.first().map_or(0, |it| it.time);
        let mut sack = String::new();
        for (start, end) in listed.sack.as_slice() {
            let own = |it: &u32| it.wrapping_sub(base(side.other()));
            let space = if sack.is_empty() { "" } else { " " };
            sack += &format!("{space}{}-{}", own(start), own(end));
        }
        Self {
            id: recorded.id,
            listed,
            is_client: side == connection.client(),
            relative: listed.time.saturating_sub(first),
            seq: segment.sequence.wrapping_sub(base(side)),
            ack: has_ack.then(|| segment.acknowledgment.wrapping_sub(base(side.other()))),
            window: u64::from(segment.window) << shift,
            flags: flags(segment),
            analysis: listed.measured.analysis.to_string(),
            sack,
        }
    }
}

type ValueOf = for<'r> fn(&'r PacketRow<'_>) -> Cell<'r>;

const DEFINITIONS: [(&str, Kind, ValueOf); 19] = [
    ("connection_id", Kind::Number, |it| Cell::Unsigned(it.id)),
    ("packet", Kind::Number, |it| {
        Cell::Unsigned(it.listed.packet)
    }),
    ("capture", Kind::Number, |it| {
        let place = it.listed.place;
        place.map_or(Cell::Null, |it| Cell::Unsigned(it.input as u64))
    }),
    ("offset", Kind::Number, |it| {
        it.listed
            .place
            .map_or(Cell::Null, |it| Cell::Unsigned(it.offset))
    }),
    ("time_ns", Kind::Time, |it| Cell::Signed(it.listed.time)),
    ("relative_ns", Kind::Duration, |it| {
        Cell::Signed(it.relative)
    }),
    ("direction", Kind::Short, |it| {
        Cell::Signed(if it.is_client { 1 } else { -1 })
    }),
    ("flags", Kind::Text, |it| Cell::Text(&it.flags)),
    ("seq", Kind::Number, |it| Cell::Unsigned(it.seq.into())),
    ("ack", Kind::Number, |it| optional(it.ack.map(u64::from))),
    ("len", Kind::Number, |it| {
        Cell::Unsigned(it.listed.payload.into())
    }),
    ("window", Kind::Number, |it| Cell::Unsigned(it.window)),
    ("window_raw", Kind::Number, |it| {
        Cell::Unsigned(it.listed.segment.window.into())
    }),
    ("analysis", Kind::Text, |it| Cell::Text(&it.analysis)),
    ("in_flight", Kind::Number, |it| {
        optional(it.listed.measured.in_flight.map(u64::from))
    }),
    ("acks_packet", Kind::Number, |it| {
        optional(it.listed.measured.acks)
    }),
    ("rtt_ns", Kind::Duration, |it| {
        signed(it.listed.measured.rtt)
    }),
    ("rto_ns", Kind::Duration, |it| {
        signed(it.listed.measured.rto)
    }),
    ("sack", Kind::Text, |it| Cell::Text(&it.sack)),
];

/// The columns of a listing, in order.
pub(super) const PACKET_COLUMNS: [Column; 19] = columns_of(&DEFINITIONS);

impl Row for PacketRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        let definition = DEFINITIONS.get(column);
        definition.map_or(Cell::Null, |(.., value)| value(self))
    }
}

impl Table for Packets<'_> {
    type Row<'r>
        = PacketRow<'r>
    where
        Self: 'r;

    fn columns(&self) -> &[Column] {
        &PACKET_COLUMNS
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, ordinal: usize) -> PacketRow<'_> {
        // The caller goes by `len`.
        let (recorded, packet) = self.rows[ordinal];
        PacketRow::new(recorded, &recorded.packets[packet])
    }

    /// As in the tutorial that the form is from: what the server sent is to the right.
    fn line(&self, row: &PacketRow<'_>, text: &mut Vec<u8>) {
        let arrow = if row.is_client { "-->" } else { SERVER_ARROW };
        let relative = row.relative;
        let mut line = format!(
            "{arrow}[{:>5}]{:>3}.{:06}s {:<4} seq={:<8} ack={:<8} len={:<6} win={:<9}",
            row.listed.packet,
            format!(
                "{}{}",
                if relative < 0 { "-" } else { "" },
                relative.unsigned_abs() / 1_000_000_000
            ),
            relative.unsigned_abs() % 1_000_000_000 / 1000,
            row.flags,
            row.seq,
            row.ack.unwrap_or(0),
            row.listed.payload,
            row.window,
        );
        if !row.analysis.is_empty() {
            line += &format!(" [{}]", row.analysis);
        }
        text.extend_from_slice(line.trim_end().as_bytes());
        text.push(b'\n');
    }
}

fn optional(value: Option<u64>) -> Cell<'static> {
    value.map_or(Cell::Null, Cell::Unsigned)
}

fn signed(value: Option<i64>) -> Cell<'static> {
    value.map_or(Cell::Null, Cell::Signed)
}

/// One letter for each flag: `PA`, `SA`, `FPA`.
fn flags(segment: &Segment) -> String {
    let letters = "FSRPAUECN".chars().enumerate();
    letters
        .filter(|(bit, _)| segment.has(1 << bit))
        .map(|(_, letter)| letter)
        .collect()
}

/// The arrow of what the server sent.
const SERVER_ARROW: &str = "                                                         <--";
