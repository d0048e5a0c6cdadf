//! Lines on sender and receiver of IP packets, in the format of packet_analysis.

use super::line::{LineStyle, host};
use super::places::Places;
use super::seen::{Ip, Seen};
use super::services::Services;
use crate::decode::IpProtocol;
use crate::output::rows::{Column, Kind, Row, Table, columns_of};
use crate::select::condition::Cell;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::io::Write;

/// IP packets, in capture order.
pub(super) struct Brief<'a> {
    pub(super) packets: &'a [Seen<'a>],
    pub(super) style: &'a LineStyle,
    pub(super) places: &'a Places,
    pub(super) services: &'a Services,
}

pub(super) struct BriefRow<'a> {
    table: &'a Brief<'a>,
    seen: &'a Seen<'a>,
    protocol: OnceCell<String>,
    places: [OnceCell<Cow<'static, str>>; 2],
}

impl Table for Brief<'_> {
    type Row<'r>
        = BriefRow<'r>
    where
        Self: 'r;

    fn columns(&self) -> &[Column] {
        &COLUMNS
    }

    fn len(&self) -> usize {
        self.packets.len()
    }

    fn row(&self, ordinal: usize) -> BriefRow<'_> {
        BriefRow {
            table: self,
            seen: &self.packets[ordinal],
            protocol: OnceCell::new(),
            places: [const { OnceCell::new() }; 2],
        }
    }

    fn line(&self, row: &BriefRow<'_>, text: &mut Vec<u8>) {
        let Some(ip) = row.seen.ip() else {
            return;
        };
        let direction = self.places.direction(ip.addresses).name();
        let date = self.style.date(row.seen.time);
        let written = write!(text, "{direction}\t{date}\t{}\t", row.protocol());
        debug_assert!(written.is_ok(), "a vector takes all bytes");
        for end in 0..2 {
            row.end(ip, end, text);
            text.push(b'\t');
        }
        let written = writeln!(text, "{}", ip.len);
        debug_assert!(written.is_ok(), "a vector takes all bytes");
    }

    fn timestamps(&self) -> &[&'static str] {
        &["ts"]
    }
}

impl Row for BriefRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        DEFINITIONS
            .get(column)
            .map_or(Cell::Null, |it| (it.2)(self))
    }
}

impl<'a> BriefRow<'a> {
    fn ip(&self) -> Option<&Ip<'a>> {
        self.seen.ip()
    }

    /// In capital letters, as in packet_analysis.
    fn protocol(&self) -> &str {
        let name = || {
            let number = self.ip().map_or(0, |it| it.protocol);
            IpProtocol(number).to_string().to_ascii_uppercase()
        };
        self.protocol.get_or_init(name)
    }

    /// `ip:port(place)(service)`
    fn end(&self, ip: &Ip<'_>, end: usize, text: &mut Vec<u8>) {
        let Some(address) = ip.addresses.get(end) else {
            return;
        };
        let port = ip.ports.and_then(|it| it.get(end).copied());
        host(*address, port, text);
        let place = self.where_is(end).unwrap_or("NONE");
        let service = self.service(end);
        let written = write!(text, "({place})({service})");
        debug_assert!(written.is_ok(), "a vector takes all bytes");
    }

    fn service(&self, end: usize) -> &'a str {
        let named = self.ip().and_then(|ip| {
            let port = ip.ports?.get(end).copied()?;
            self.table.services.name(ip.protocol, port)
        });
        named.unwrap_or("NONE")
    }

    fn direction(&self) -> Cell<'_> {
        let ip = self.ip();
        ip.map_or(Cell::Null, |it| {
            Cell::Text(self.table.places.direction(it.addresses).name())
        })
    }

    fn address(&self, end: usize) -> Cell<'_> {
        let address = self.ip().and_then(|it| it.addresses.get(end));
        address.map_or(Cell::Null, |it| Cell::Address(*it))
    }

    fn where_is(&self, end: usize) -> Option<&str> {
        let address = *self.ip()?.addresses.get(end)?;
        let place = self.places.get(end)?;
        Some(place.get_or_init(|| self.table.places.place(address)))
    }

    fn place(&self, end: usize) -> Cell<'_> {
        self.where_is(end).map_or(Cell::Null, Cell::Text)
    }

    fn port(&self, end: usize) -> Cell<'_> {
        let ports = self.ip().and_then(|it| it.ports);
        let port = ports.as_ref().and_then(|it| it.get(end));
        port.map_or(Cell::Null, |it| Cell::Unsigned((*it).into()))
    }

    fn len(&self) -> Cell<'_> {
        self.ip()
            .map_or(Cell::Null, |it| Cell::Unsigned(it.len as u64))
    }
}

type Get = for<'r> fn(&'r BriefRow<'_>) -> Cell<'r>;

/// The columns of packet_analysis's table, in its order; times are in nanoseconds.
const DEFINITIONS: [(&str, Kind, Get); 12] = [
    ("direct", Kind::Text, |it| it.direction()),
    ("ts_ns", Kind::Time, |it| Cell::Signed(it.seen.time)),
    ("ip_protocol_type", Kind::Text, |it| {
        Cell::Text(it.protocol())
    }),
    ("src_ip", Kind::Address, |it| it.address(0)),
    ("dst_ip", Kind::Address, |it| it.address(1)),
    ("src_port", Kind::Short, |it| it.port(0)),
    ("dst_port", Kind::Short, |it| it.port(1)),
    ("packet_length", Kind::Number, |it| it.len()),
    ("src_ip_geo", Kind::Text, |it| it.place(0)),
    ("dst_ip_geo", Kind::Text, |it| it.place(1)),
    ("src_port_service", Kind::Text, |it| {
        Cell::Text(it.service(0))
    }),
    ("dst_port_service", Kind::Text, |it| {
        Cell::Text(it.service(1))
    }),
];

const COLUMNS: [Column; DEFINITIONS.len()] = columns_of(&DEFINITIONS);
