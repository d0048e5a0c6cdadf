//! Flow lists for people, in pcap_flow's words.

use super::clock::{Clock, TimeZone, zone};
use super::column::Columns;
use super::digits;
use crate::decode::IpProtocol;
use crate::flow::{Flow, LinkKey, NetworkKey};
use jiff::tz::TimeZone as Zone;
use std::net::IpAddr;

/// Formats the lines of a list.
pub(super) struct Lines {
    zone: Zone,
    columns: Columns,
}

impl Lines {
    pub(super) fn new(time_zone: &TimeZone, columns: Columns) -> Self {
        let zone = zone(time_zone);
        Self { zone, columns }
    }

    /// Appends some lines, each with its rank in front.
    pub(super) fn append(&self, text: &mut Vec<u8>, flows: &[(u64, Flow)]) {
        let mut clock = Clock::new(&self.zone);
        for (rank, flow) in flows {
            self.line(text, &mut clock, *rank, flow);
        }
    }

    fn line(&self, text: &mut Vec<u8>, clock: &mut Clock<'_>, rank: u64, flow: &Flow) {
        digits::right::<5>(text, rank);
        text.extend_from_slice(b" FlowID: ");
        digits::right::<8>(text, flow.id);
        text.extend_from_slice(b" | ");
        self.key(text, &flow.key.link, &flow.key.network);
        digits::grouped(text, flow.packets);
        text.extend_from_slice(b" Pkts  ");
        digits::grouped(text, flow.bytes);
        text.extend_from_slice(b" Bytes | ");
        clock.append(text, flow.first);
        text.extend_from_slice(b" -> ");
        clock.append(text, flow.last);
        text.extend_from_slice(b" : ");
        // The last time is not before the first.
        duration(text, flow.duration_ns().unsigned_abs());
        rest(text, flow);
        text.push(b'\n');
    }

    /// Protocol, addresses and ports.
    fn key(&self, text: &mut Vec<u8>, link: &LinkKey, network: &NetworkKey) {
        let arrow = if self.columns.reverse {
            b" <> "
        } else {
            b" -> "
        };
        protocol(text, network.protocol);
        match link.macs() {
            Some((src, dst)) => {
                digits::mac(text, src);
                text.extend_from_slice(arrow);
                digits::mac(text, dst);
            }
            None => {
                text.extend_from_slice(NO_MAC);
                text.extend_from_slice(arrow);
                text.extend_from_slice(NO_MAC);
            }
        }
        text.extend_from_slice(b" | ");
        address(text, network.src);
        text.extend_from_slice(arrow);
        address(text, network.dst);
        text.extend_from_slice(b" | ");
        digits::right::<6>(text, network.src_port.into());
        text.extend_from_slice(arrow);
        digits::right::<6>(text, network.dst_port.into());
        text.extend_from_slice(b"  |  ");
    }
}

/// A protocol's name or number and a space, in at least five places.
fn protocol(text: &mut Vec<u8>, protocol: u8) {
    let start = text.len();
    match IpProtocol(protocol).name() {
        Some(name) => text.extend(name.bytes().map(|letter| letter.to_ascii_uppercase())),
        None => digits::number(text, protocol.into()),
    }
    text.push(b' ');
    text.resize(text.len().max(start + 5), b' ');
}

/// `00:00:12.000.316.568`, hours beyond a day counted on.
fn duration(text: &mut Vec<u8>, ns: u64) {
    digits::two(text, ns / 3_600_000_000_000);
    text.push(b':');
    digits::two(text, ns / 60_000_000_000 % 60);
    text.push(b':');
    digits::seconds(text, ns % 60_000_000_000);
}

/// IPv4 with three places for each number; IPv6 in its canonical form.
fn address(text: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => digits::v4_padded(text, address),
        IpAddr::V6(_) => digits::address(text, address),
    }
}

/// The fields that only some flows have.
fn rest(text: &mut Vec<u8>, flow: &Flow) {
    let link = &flow.key.link;
    if !link.vlans().is_empty() {
        text.extend_from_slice(b" | VLAN ");
        digits::vlans(text, link.vlans());
    }
    if !flow.tunnels.is_empty() {
        text.extend_from_slice(b" | Tunnel ");
        digits::display(text, &flow.tunnels.names());
        let start = text.len();
        text.push(b' ');
        digits::display(text, &flow.tunnels.ids());
        // Tunnels without ids.
        if text.len() == start + 1 {
            text.truncate(start);
        }
    }
    if let Some(device) = link.device() {
        text.extend_from_slice(b" | Device ");
        digits::number(text, device.device.into());
        text.extend_from_slice(b" Port ");
        digits::number(text, device.port.into());
    }
    if let Some(reverse) = flow.reverse {
        text.extend_from_slice(b" | <- ");
        digits::number(text, reverse.packets);
        text.extend_from_slice(b" Pkts ");
        digits::number(text, reverse.bytes);
        text.extend_from_slice(b" Bytes");
    }
}

/// Shown in place of a MAC address where there is none.
const NO_MAC: &[u8; 17] = b"--:--:--:--:--:--";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Nanos;
    use crate::flow::{FlowKey, MacAddr};

    fn flow() -> Flow {
        let mac = |last| MacAddr([0, 0x10, 0x18, 0x72, 0, last]);
        let mut link = LinkKey::default();
        link.set_macs(mac(0x3c), MacAddr([0, 0x16, 0x3e, 0xef, 0x36, 0x38]));
        Flow {
            id: 592_897,
            key: FlowKey {
                link,
                network: NetworkKey {
                    src: "10.5.17.2".parse().unwrap(),
                    dst: "10.5.9.2".parse().unwrap(),
                    protocol: 6,
                    src_port: 43942,
                    dst_port: 8888,
                },
                ..FlowKey::default()
            },
            packets: 4102,
            bytes: 288_909,
            first: Nanos(1_407_520_198_000_316_568),
            last: Nanos(1_407_520_198_000_316_568 + 3_723_000_000_001),
            ..Flow::default()
        }
    }

    #[test]
    fn the_line_is_that_of_pcap_flow() {
        let lines = Lines::new(&TimeZone::Utc, Columns::default());
        let mut text = Vec::new();
        lines.append(&mut text, &[(1_048_549, flow())]);
        let text = String::from_utf8(text).unwrap();
        let start = "1048549 FlowID:   592897 | TCP  00:10:18:72:00:3c -> 00:16:3e:ef:36:38 |  \
                     10.  5. 17.  2 ->  10.  5.  9.  2 |  43942 ->   8888  |             \
                     4,102 Pkts           288,909 Bytes";
        let rest = text.strip_prefix(start).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            rest,
            " | 2014-08-08 17:49:58.000.316.568 -> 2014-08-08 18:52:01.000.316.569 \
             : 01:02:03.000.000.001\n"
        );
    }

    #[test]
    fn protocols_have_five_places() {
        for (number, expected) in [(1, "ICMP "), (58, "ICMPV6 "), (255, "255  "), (51, "AH   ")] {
            let mut text = Vec::new();
            protocol(&mut text, number);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }

    #[test]
    fn hours_are_counted_on() {
        for (ns, expected) in [
            (0, "00:00:00.000.000.000"),
            (3_599_999_999_999, "00:59:59.999.999.999"),
            (360_000_000_000_000, "100:00:00.000.000.000"),
            (i64::MAX.unsigned_abs(), "2562047:47:16.854.775.807"),
        ] {
            let mut text = Vec::new();
            duration(&mut text, ns);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }
}
