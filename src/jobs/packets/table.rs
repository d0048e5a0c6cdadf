//! Packets as rows of a table.

use super::line::{LineStyle, escaped, flag_names, name, other_name, spaced_hex};
use super::seen::{Content, Ip, Seen, Transport};
use crate::output::rows::{Column, Kind, Row, Table, columns_of};
use crate::select::condition::Cell;
use std::cell::OnceCell;

/// Packets, in capture order.
pub(super) struct Packets<'a> {
    pub(super) packets: &'a [Seen<'a>],
    pub(super) style: &'a LineStyle,
}

/// A packet, with cached texts for its row.
pub(super) struct PacketRow<'a> {
    seen: &'a Seen<'a>,
    style: &'a LineStyle,
    texts: [OnceCell<String>; TEXTS],
}

impl Table for Packets<'_> {
    type Row<'r>
        = PacketRow<'r>
    where
        Self: 'r;

    fn columns(&self) -> &[Column] {
        &COLUMNS
    }

    fn len(&self) -> usize {
        self.packets.len()
    }

    fn row(&self, ordinal: usize) -> PacketRow<'_> {
        PacketRow {
            seen: &self.packets[ordinal],
            style: self.style,
            texts: [const { OnceCell::new() }; TEXTS],
        }
    }

    fn line(&self, row: &PacketRow<'_>, text: &mut Vec<u8>) {
        self.style.append(row.seen, text);
    }

    fn timestamps(&self) -> &[&'static str] {
        &["time"]
    }
}

impl Row for PacketRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        DEFINITIONS
            .get(column)
            .map_or(Cell::Null, |it| (it.2)(self))
    }
}

impl<'a> PacketRow<'a> {
    const fn ip(&self) -> Option<&Ip<'a>> {
        self.seen.ip()
    }

    /// A cached text, made on first use.
    fn text(&self, number: usize, make: impl FnOnce() -> Option<String>) -> Cell<'_> {
        let Some(cell) = self.texts.get(number) else {
            return Cell::Null;
        };
        match cell.get() {
            Some(text) => Cell::Text(text),
            None => match make() {
                Some(text) => Cell::Text(cell.get_or_init(|| text)),
                None => Cell::Null,
            },
        }
    }

    fn kind(&self) -> Cell<'_> {
        self.text(0, || {
            Some(match &self.seen.content {
                Content::Ip(ip) => name(ip),
                Content::Other(what, _) => other_name(*what),
            })
        })
    }

    fn flags(&self) -> Cell<'_> {
        self.text(1, || match self.ip()?.header {
            Transport::Tcp { flags, .. } => Some(flag_names(flags).collect::<Vec<_>>().join(",")),
            _ => None,
        })
    }

    fn payload(&self) -> &'a [u8] {
        let payload = match &self.seen.content {
            Content::Ip(ip) => ip.payload,
            Content::Other(_, frame) => frame,
        };
        self.style.shown(payload)
    }

    fn data(&self) -> Cell<'_> {
        self.text(2, || {
            let mut text = Vec::new();
            escaped(self.payload(), &mut text);
            String::from_utf8(text).ok()
        })
    }

    fn data_binary(&self) -> Cell<'_> {
        self.text(3, || {
            let mut text = Vec::new();
            spaced_hex(self.payload(), &mut text);
            String::from_utf8(text).ok()
        })
    }

    fn vlan(&self) -> Cell<'_> {
        self.text(4, || {
            let vlans = self.seen.vlans;
            (!vlans.is_empty()).then(|| vlans.to_string())
        })
    }

    fn mac(&self, number: usize) -> Cell<'_> {
        self.text(5 + number, || {
            let (src, dst) = self.seen.macs?;
            [src, dst].get(number).map(ToString::to_string)
        })
    }

    fn address(&self, end: usize) -> Cell<'_> {
        let address = self.ip().and_then(|it| it.addresses.get(end));
        address.map_or(Cell::Null, |it| Cell::Address(*it))
    }

    fn port(&self, end: usize) -> Cell<'_> {
        let ports = self.ip().and_then(|it| it.ports);
        let port = ports.as_ref().and_then(|it| it.get(end));
        number(port.copied())
    }

    fn tcp(&self, field: impl FnOnce(u32, u32, u16) -> u32) -> Cell<'_> {
        match self.ip().map(|it| it.header) {
            Some(Transport::Tcp {
                seq, ack, window, ..
            }) => number(Some(field(seq, ack, window))),
            _ => Cell::Null,
        }
    }

    fn icmp(&self, field: impl FnOnce(u8, u8) -> u8) -> Cell<'_> {
        match self.ip().map(|it| it.header) {
            Some(Transport::Icmp { kind, code }) => number(Some(field(kind, code))),
            _ => Cell::Null,
        }
    }

    fn payload_len(&self) -> u64 {
        match &self.seen.content {
            Content::Ip(ip) => ip.payload_len as u64,
            Content::Other(..) => self.seen.wire_len.into(),
        }
    }
}

fn number(number: Option<impl Into<u64>>) -> Cell<'static> {
    number.map_or(Cell::Null, |it| Cell::Unsigned(it.into()))
}

type Get = for<'r> fn(&'r PacketRow<'_>) -> Cell<'r>;

const DEFINITIONS: [(&str, Kind, Get); 21] = [
    ("packet", Kind::Number, |it| Cell::Unsigned(it.seen.number)),
    ("time_ns", Kind::Time, |it| Cell::Signed(it.seen.time)),
    ("type", Kind::Text, |it| it.kind()),
    ("src_mac", Kind::Text, |it| it.mac(0)),
    ("dst_mac", Kind::Text, |it| it.mac(1)),
    ("vlan", Kind::Text, |it| it.vlan()),
    ("src_ip", Kind::Address, |it| it.address(0)),
    ("src_port", Kind::Short, |it| it.port(0)),
    ("dst_ip", Kind::Address, |it| it.address(1)),
    ("dst_port", Kind::Short, |it| it.port(1)),
    ("ttl", Kind::Short, |it| number(it.ip().map(|ip| ip.ttl))),
    ("seq", Kind::Number, |it| it.tcp(|seq, _, _| seq)),
    ("ack", Kind::Number, |it| it.tcp(|_, ack, _| ack)),
    ("flags", Kind::Text, |it| it.flags()),
    ("window", Kind::Number, |it| {
        it.tcp(|_, _, window| window.into())
    }),
    ("icmp_type", Kind::Short, |it| it.icmp(|kind, _| kind)),
    ("icmp_code", Kind::Short, |it| it.icmp(|_, code| code)),
    ("frame_bytes", Kind::Number, |it| {
        Cell::Unsigned(it.seen.wire_len.into())
    }),
    ("len", Kind::Number, |it| Cell::Unsigned(it.payload_len())),
    ("data", Kind::Text, |it| it.data()),
    ("data_binary", Kind::Text, |it| it.data_binary()),
];

const COLUMNS: [Column; DEFINITIONS.len()] = columns_of(&DEFINITIONS);

/// Cached texts per row.
const TEXTS: usize = 7;
