//! Flow lists as aligned columns.
//!
//! All rows are measured first. A column is as wide as its longest value, and a column without
//! values is left out. Where lines would not fit in the width, the least important columns are left
//! out as well. `-` is no value: each line has as many words as the header. No value is truncated: if even the columns that are always shown do not fit, which
//! takes long IPv6 addresses, lines are longer.

use super::clock::{Clock, zone};
use super::{ROWS_IN_BLOCK, TableOptions, amount, digits};
use crate::decode::IpProtocol;
use crate::flow::{Flow, Flows, NetworkKey};
use jiff::tz::TimeZone as Zone;
use rayon::prelude::*;
use std::net::IpAddr;

/// The columns that fit, and how wide they are.
pub(super) struct Aligned {
    zone: Zone,
    columns: Vec<(&'static Column, usize)>,
}

impl Aligned {
    pub(super) fn new(flows: &dyn Flows, rows: &[(u64, u64)], options: &TableOptions) -> Self {
        let zone = zone(&options.time_zone);
        let widths = widths(flows, rows, &zone);
        let columns = fitting(widths, options.width.unwrap_or(DEFAULT_WIDTH));
        Self { zone, columns }
    }

    /// The line with the names of the columns.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.line(&mut text, |text, column| {
            text.extend_from_slice(column.name.as_bytes());
        });
        text
    }

    /// Appends some lines.
    pub(super) fn append(&self, text: &mut Vec<u8>, flows: &[(u64, Flow)]) {
        let mut clock = Clock::new(&self.zone);
        for (_, flow) in flows {
            self.line(text, |text, column| {
                (column.append)(text, flow, &mut clock);
            });
        }
    }

    /// Appends a line. No spaces follow its last value.
    fn line(&self, text: &mut Vec<u8>, mut append: impl FnMut(&mut Vec<u8>, &Column)) {
        for (ordinal, &(column, width)) in self.columns.iter().enumerate() {
            if ordinal > 0 {
                text.extend_from_slice(GAP);
            }
            let start = text.len();
            append(text, column);
            if text.len() == start {
                text.push(NO_VALUE);
            }
            let missing = width.saturating_sub(text.len() - start);
            text.resize(text.len() + missing, b' ');
            if column.is_number {
                text[start..].rotate_right(missing);
            }
        }
        text.truncate(text.trim_ascii_end().len());
        text.push(b'\n');
    }
}

/// The length of each column's longest value.
type Widths = [usize; COLUMNS.len()];

fn widths(flows: &dyn Flows, rows: &[(u64, u64)], zone: &Zone) -> Widths {
    let of_block = |rows: &[(u64, u64)]| {
        let mut clock = Clock::new(zone);
        let mut text = Vec::new();
        let mut widths = Widths::default();
        for flow in rows.iter().filter_map(|&(_, id)| flows.get(id)) {
            for (column, width) in COLUMNS.iter().zip(&mut widths) {
                text.clear();
                (column.append)(&mut text, &flow, &mut clock);
                *width = text.len().max(*width);
            }
        }
        widths
    };
    let blocks = rows.par_chunks(ROWS_IN_BLOCK).map(of_block);
    blocks.reduce(Widths::default, |one, other| {
        std::array::from_fn(|ordinal| one[ordinal].max(other[ordinal]))
    })
}

/// The columns that have values, without the least important ones where all do not fit.
fn fitting(widths: Widths, line_width: usize) -> Vec<(&'static Column, usize)> {
    let mut columns: Vec<(&Column, usize)> = COLUMNS
        .iter()
        .zip(widths)
        .filter(|(column, width)| *width > 0 || column.rank == ALWAYS)
        .map(|(column, width)| (column, width.max(column.name.len())))
        .collect();
    while line_len(&columns) > line_width {
        let last = columns.iter().map(|(column, _)| column.rank).max();
        let Some(last) = last.filter(|rank| *rank > ALWAYS) else {
            break;
        };
        columns.retain(|(column, _)| column.rank < last);
    }
    columns
}

fn line_len(columns: &[(&Column, usize)]) -> usize {
    let gaps = columns.len().saturating_sub(1) * GAP.len();
    columns.iter().map(|(_, width)| width).sum::<usize>() + gaps
}

/// A column of the list.
struct Column {
    name: &'static str,
    /// Columns with the highest rank are left out first; those with the same, together.
    rank: u8,
    /// Whether values are aligned at their ends.
    is_number: bool,
    append: Append,
}

/// Appends a flow's value; nothing if it has none.
type Append = fn(&mut Vec<u8>, &Flow, &mut Clock<'_>);

/// A column of text.
const fn text(name: &'static str, rank: u8, append: Append) -> Column {
    Column {
        name,
        rank,
        is_number: false,
        append,
    }
}

/// A column of numbers.
const fn number(name: &'static str, rank: u8, append: Append) -> Column {
    Column {
        is_number: true,
        ..text(name, rank, append)
    }
}

/// All columns, in the order in which they are shown.
static COLUMNS: [Column; 15] = [
    number("FLOW", ALWAYS, |text, flow, _| {
        digits::number(text, flow.id);
    }),
    text("PROTO", 2, |text, flow, _| {
        protocol(text, &flow.key.network);
    }),
    text("SOURCE", ALWAYS, |text, flow, _| {
        source(text, &flow.key.network);
    }),
    text("DESTINATION", ALWAYS, |text, flow, _| {
        source(text, &flow.key.network.reversed());
    }),
    number("PACKETS", 1, |text, flow, _| {
        digits::number(text, flow.packets);
    }),
    number("BYTES", ALWAYS, |text, flow, _| {
        amount::size(text, flow.bytes);
    }),
    number("<-PACKETS", 3, |text, flow, _| {
        if let Some(reverse) = flow.reverse {
            digits::number(text, reverse.packets);
        }
    }),
    number("<-BYTES", 3, |text, flow, _| {
        if let Some(reverse) = flow.reverse {
            amount::size(text, reverse.bytes);
        }
    }),
    text("VLAN", 4, |text, flow, _| {
        digits::vlans(text, flow.key.link.vlans());
    }),
    text("TUNNEL", 4, |text, flow, _| tunnel(text, flow)),
    text("DEVICE", 4, |text, flow, _| device(text, flow)),
    text("FIRST", 6, |text, flow, clock| {
        clock.append_iso(text, flow.first);
    }),
    number("DURATION", 5, |text, flow, _| {
        // The last time is not before the first.
        amount::duration(text, flow.duration_ns().unsigned_abs());
    }),
    text("SOURCE_MAC", 7, |text, flow, _| {
        if let Some((src, _)) = flow.key.link.macs() {
            digits::mac(text, src);
        }
    }),
    text("DESTINATION_MAC", 7, |text, flow, _| {
        if let Some((_, dst)) = flow.key.link.macs() {
            digits::mac(text, dst);
        }
    }),
];

fn protocol(text: &mut Vec<u8>, network: &NetworkKey) {
    match IpProtocol(network.protocol).name() {
        Some(name) => text.extend_from_slice(name.as_bytes()),
        None => digits::number(text, network.protocol.into()),
    }
}

/// `10.0.0.1:80`, `[2001:db8::1]:80`; the address alone where neither side has a port.
fn source(text: &mut Vec<u8>, network: &NetworkKey) {
    if network.src_port == 0 && network.dst_port == 0 {
        return digits::address(text, network.src);
    }
    match network.src {
        IpAddr::V4(_) => digits::address(text, network.src),
        IpAddr::V6(_) => {
            text.push(b'[');
            digits::address(text, network.src);
            text.push(b']');
        }
    }
    text.push(b':');
    digits::number(text, network.src_port.into());
}

/// `vxlan:100`, or `gre/vxlan:-/100`: names, and ids if there are any.
fn tunnel(text: &mut Vec<u8>, flow: &Flow) {
    if flow.tunnels.is_empty() {
        return;
    }
    digits::display(text, &flow.tunnels.names());
    let end = text.len();
    text.push(b':');
    digits::display(text, &flow.tunnels.ids());
    if text.len() == end + 1 {
        text.truncate(end);
    }
}

/// `12:3`: device and port.
fn device(text: &mut Vec<u8>, flow: &Flow) {
    if let Some(device) = flow.key.link.device() {
        digits::number(text, device.device.into());
        text.push(b':');
        digits::number(text, device.port.into());
    }
}

/// The rank of columns that are never left out.
const ALWAYS: u8 = 0;
/// In place of a value that a flow does not have.
const NO_VALUE: u8 = b'-';
/// Between columns.
const GAP: &[u8] = b"  ";
/// Characters in a line, where nothing else is known.
const DEFAULT_WIDTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Nanos;
    use crate::flow::{Counters, FlowKey};

    fn flow(src: &str, dst: &str) -> Flow {
        Flow {
            id: 7,
            key: FlowKey::from(NetworkKey {
                src: src.parse().unwrap(),
                dst: dst.parse().unwrap(),
                protocol: 6,
                src_port: 43942,
                dst_port: 8888,
            }),
            packets: 4102,
            bytes: 288_909,
            first: Nanos(1_407_520_198_000_316_568),
            last: Nanos(1_407_520_198_000_316_568 + 3_723_000_000_001),
            ..Flow::default()
        }
    }

    /// A list of one flow.
    struct Single(Flow);

    impl Flows for Single {
        fn last_id(&self) -> u64 {
            self.0.id
        }

        fn get(&self, id: u64) -> Option<Flow> {
            (id == self.0.id).then_some(self.0)
        }

        fn counters(&self, _: u64) -> Option<Counters> {
            None
        }
    }

    fn shown(flow: Flow, width: Option<usize>) -> String {
        let options = TableOptions {
            width,
            ..TableOptions::default()
        };
        let aligned = Aligned::new(&Single(flow), &[(0, flow.id)], &options);
        let mut text = aligned.header();
        aligned.append(&mut text, &[(0, flow)]);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn values_are_aligned_with_their_names() {
        let text = shown(flow("10.5.17.2", "10.5.9.2"), None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "FLOW  PROTO  SOURCE           DESTINATION    PACKETS  BYTES  FIRST                     DURATION",
                "   7  tcp    10.5.17.2:43942  10.5.9.2:8888     4102  289kB  2014-08-08T17:49:58.000Z     1.03h",
            ]
        );
    }

    #[test]
    fn the_least_important_columns_are_left_out() {
        let flow = flow("2001:db8::1", "2001:db8::2");
        let full = shown(flow, None);
        assert!(
            full.contains("  [2001:db8::1]:43942  [2001:db8::2]:8888  "),
            "{full}"
        );
        for width in 0..=full.lines().count() * 100 {
            let text = shown(flow, Some(width));
            let longest = text.lines().map(str::len).max().unwrap();
            let names: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
            assert!(names.len() == 4 || longest <= width, "{width}: {text}");
            assert!(
                ["FLOW", "SOURCE", "DESTINATION", "BYTES"]
                    .iter()
                    .all(|it| names.contains(it))
            );
        }
    }

    #[test]
    fn endpoints_without_ports_are_addresses() {
        let mut flow = flow("2001:db8::1", "ff02::1");
        flow.key.network = NetworkKey {
            protocol: 58,
            src_port: 0,
            dst_port: 0,
            ..flow.key.network
        };
        let text = shown(flow, None);
        assert!(text.contains("  icmpv6  2001:db8::1  ff02::1  "), "{text}");
    }
}
