//! Sums of packets by host, pair, service, country or minute.

use super::options::{Assets, Grouping};
use super::places::{Direction, Places};
use super::services::Services;
use crate::decode::{IpProtocol, NetworkKey};
use crate::flow::{FlowKey, FlowList};
use crate::output::rows::{Column, Kind, Row, Table, columns_of};
use crate::output::table::{TimeZone, time_text};
use crate::select::condition::Cell;
use std::collections::BTreeMap;
use std::io::Write;

/// Sums over some packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) packets: u64,
    /// Bytes on the wire.
    pub(super) bytes: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) flows: u64,
}

impl Sums {
    /// Adds packets of a direction.
    pub(super) const fn add(&mut self, packets: u64, bytes: u64, direction: Direction) {
        self.packets += packets;
        self.bytes += bytes;
        match direction {
            Direction::In => self.bytes_in += bytes,
            Direction::Out => self.bytes_out += bytes,
            Direction::Loop | Direction::Other => {}
        }
    }

    pub(super) const fn add_all(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.flows += other.flows;
    }
}

/// The key of a sum, and its name, if any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    text: String,
    name: Option<String>,
}

/// Sums in key order.
#[derive(Debug)]
pub(super) struct Summary(Vec<(Key, Sums)>);

impl Summary {
    /// Sums of flows. `grouping` must not be by minute.
    pub(super) fn of_flows(
        flows: &FlowList,
        grouping: Grouping,
        assets: &Assets,
        places: &Places,
        services: &Services,
    ) -> Self {
        let mut sums: BTreeMap<Key, Sums> = BTreeMap::new();
        for flow in flows.iter() {
            let FlowKey { network, .. } = &flow.key;
            if !wants(assets, network) {
                continue;
            }
            for (key, direction) in keys(network, grouping, places, services) {
                let sums = sums.entry(key).or_default();
                sums.add(flow.packets, flow.bytes, direction);
                sums.flows += 1;
            }
        }
        let mut sums: Vec<(Key, Sums)> = sums.into_iter().collect();
        sums.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.bytes));
        Self(sums)
    }

    /// Sums by minute since 1970, in order.
    pub(super) fn of_minutes(minutes: BTreeMap<i64, Sums>, zone: &TimeZone) -> Self {
        let rows = minutes.into_iter().map(|(minute, sums)| {
            let time = time_text(zone, minute.saturating_mul(NS_IN_MINUTE));
            let text = time.get(..MINUTE_LEN).unwrap_or(&time).to_owned();
            (Key { text, name: None }, sums)
        });
        Self(rows.collect())
    }
}

/// Whether to count packets of a flow.
pub(super) fn wants(assets: &Assets, network: &NetworkKey) -> bool {
    assets.is_empty()
        || assets.accept(
            [network.src, network.dst],
            Some([network.src_port, network.dst_port]),
        )
}

/// The keys to which a flow contributes, with the direction of its packets for each.
fn keys(
    network: &NetworkKey,
    grouping: Grouping,
    places: &Places,
    services: &Services,
) -> Vec<(Key, Direction)> {
    let NetworkKey { src, dst, .. } = *network;
    let place = |it| Some(places.place(it).into_owned());
    let key = |text: String, name| Key { text, name };
    match grouping {
        Grouping::Host if src == dst => vec![(key(src.to_string(), place(src)), Direction::Loop)],
        Grouping::Host => vec![
            (key(src.to_string(), place(src)), Direction::Out),
            (key(dst.to_string(), place(dst)), Direction::In),
        ],
        Grouping::Pair if src <= dst => vec![(key(format!("{src} {dst}"), None), Direction::Out)],
        Grouping::Pair => vec![(key(format!("{dst} {src}"), None), Direction::In)],
        Grouping::Service => {
            let direction = places.direction([src, dst]);
            vec![(service(network, services), direction)]
        }
        Grouping::Country => {
            let [src, dst] = [src, dst].map(|it| {
                let (text, name) = places.country(it);
                Key { text, name }
            });
            if src == dst {
                vec![(src, Direction::Loop)]
            } else {
                vec![(src, Direction::Out), (dst, Direction::In)]
            }
        }
        Grouping::Minute => Vec::new(),
    }
}

/// `443/tcp`, or the protocol alone if there are no ports.
fn service(network: &NetworkKey, services: &Services) -> Key {
    let protocol = IpProtocol(network.protocol);
    let ports = [network.src_port, network.dst_port];
    if ports == [0, 0] {
        return Key {
            text: protocol.to_string(),
            name: None,
        };
    }
    let port = services.service_port(network.protocol, ports);
    Key {
        text: format!("{port}/{protocol}"),
        name: services.name(network.protocol, port).map(str::to_owned),
    }
}

impl Table for Summary {
    type Row<'r> = SumsRow<'r>;

    fn columns(&self) -> &[Column] {
        &COLUMNS
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn row(&self, ordinal: usize) -> SumsRow<'_> {
        let (key, sums) = &self.0[ordinal];
        SumsRow { key, sums }
    }

    fn line(&self, row: &SumsRow<'_>, text: &mut Vec<u8>) {
        let SumsRow { key, sums } = row;
        let name = key.name.as_deref().unwrap_or("NONE");
        let written = writeln!(
            text,
            "{}\t{name}\t{}\t{}\t{}\t{}\t{}",
            key.text, sums.packets, sums.bytes, sums.bytes_in, sums.bytes_out, sums.flows
        );
        debug_assert!(written.is_ok(), "a vector takes all bytes");
    }
}

pub(super) struct SumsRow<'a> {
    key: &'a Key,
    sums: &'a Sums,
}

impl Row for SumsRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        DEFINITIONS
            .get(column)
            .map_or(Cell::Null, |it| (it.2)(self))
    }
}

type Get = for<'r> fn(&'r SumsRow<'_>) -> Cell<'r>;

const DEFINITIONS: [(&str, Kind, Get); 7] = [
    ("key", Kind::Text, |it| Cell::Text(&it.key.text)),
    ("name", Kind::Text, |it| {
        it.key.name.as_deref().map_or(Cell::Null, Cell::Text)
    }),
    ("packets", Kind::Number, |it| {
        Cell::Unsigned(it.sums.packets)
    }),
    ("bytes", Kind::Number, |it| Cell::Unsigned(it.sums.bytes)),
    ("bytes_in", Kind::Number, |it| {
        Cell::Unsigned(it.sums.bytes_in)
    }),
    ("bytes_out", Kind::Number, |it| {
        Cell::Unsigned(it.sums.bytes_out)
    }),
    ("flows", Kind::Number, |it| Cell::Unsigned(it.sums.flows)),
];

const COLUMNS: [Column; DEFINITIONS.len()] = columns_of(&DEFINITIONS);

pub(super) const NS_IN_MINUTE: i64 = 60_000_000_000;

/// `2014-08-08 17:49`
const MINUTE_LEN: usize = 16;
