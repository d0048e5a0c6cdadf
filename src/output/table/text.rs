//! Flow lists for people, in pcap_flow's words.

use super::TimeZone;
use super::row::{Columns, protocol_name};
use crate::capture::Nanos;
use crate::flow::Flow;
use jiff::tz::{self, TimeZone as Zone};
use std::fmt::{self, Write};
use std::net::IpAddr;

/// Formats the lines of a list.
pub(super) struct Lines {
    zone: Zone,
    columns: Columns,
}

impl Lines {
    pub(super) fn new(zone: &TimeZone, columns: Columns) -> Self {
        let zone = match zone {
            TimeZone::Utc => Zone::UTC,
            TimeZone::Local => Zone::system(),
        };
        Self { zone, columns }
    }

    /// Some lines, each with its rank in front.
    pub(super) fn block(&self, flows: impl Iterator<Item = (u64, Flow)>) -> Vec<u8> {
        let mut text = String::new();
        for (rank, flow) in flows {
            let written = self.line(&mut text, rank, &flow);
            debug_assert!(written.is_ok(), "a string takes all text");
        }
        text.into_bytes()
    }

    fn line(&self, text: &mut String, rank: u64, flow: &Flow) -> fmt::Result {
        let (link, network) = (&flow.key.link, &flow.key.network);
        write!(text, "{rank:5} FlowID: {:8} | ", flow.id)?;
        let start = text.len();
        match protocol_name(network.protocol) {
            Some(name) => text.extend(name.chars().map(|letter| letter.to_ascii_uppercase())),
            None => write!(text, "{}", network.protocol)?,
        }
        text.push(' ');
        pad(text, start, 5);
        let arrow = if self.columns.reverse { "<>" } else { "->" };
        match link.macs() {
            Some((src, dst)) => write!(text, "{src} {arrow} {dst}")?,
            None => write!(text, "{NO_MAC} {arrow} {NO_MAC}")?,
        }
        text.push_str(" | ");
        address(text, network.src)?;
        write!(text, " {arrow} ")?;
        address(text, network.dst)?;
        write!(
            text,
            " | {:6} {arrow} {:6}  |  ",
            network.src_port, network.dst_port
        )?;
        grouped(text, flow.packets);
        text.push_str(" Pkts  ");
        grouped(text, flow.bytes);
        text.push_str(" Bytes | ");
        self.time(text, flow.first)?;
        text.push_str(" -> ");
        self.time(text, flow.last)?;
        text.push_str(" : ");
        duration(text, flow.duration_ns())?;
        if !link.vlans().is_empty() {
            write!(text, " | VLAN {}", link.vlans())?;
        }
        if let Some(device) = link.device() {
            write!(text, " | Device {} Port {}", device.device, device.port)?;
        }
        if let Some(reverse) = flow.reverse {
            write!(
                text,
                " | <- {} Pkts {} Bytes",
                reverse.packets, reverse.bytes
            )?;
        }
        text.push('\n');
        Ok(())
    }

    fn time(&self, text: &mut String, time: Nanos) -> fmt::Result {
        date_and_time(text, time, &self.zone)
    }
}

/// `2014-08-08 17:49:58.000.316.568`
fn date_and_time(text: &mut String, time: Nanos, zone: &Zone) -> fmt::Result {
    let Ok(stamp) = jiff::Timestamp::from_nanosecond(i128::from(time.0)) else {
        return write!(text, "{}", time.0);
    };
    // The offset is looked up once, not through a calendar date and back.
    let offset = if *zone == Zone::UTC {
        tz::Offset::UTC
    } else {
        zone.to_offset(stamp)
    };
    let at = offset.to_datetime(stamp);
    let (date, clock) = (at.date(), at.time());
    let nanos = clock.subsec_nanosecond();
    write!(
        text,
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}.{:03}.{:03}",
        date.year(),
        date.month(),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second(),
        nanos / 1_000_000,
        nanos / 1000 % 1000,
        nanos % 1000
    )
}

/// `00:00:12.000.316.568`, hours beyond a day counted on.
fn duration(text: &mut String, ns: i64) -> fmt::Result {
    let (seconds, nanos) = (ns / 1_000_000_000, ns % 1_000_000_000);
    write!(
        text,
        "{:02}:{:02}:{:02}.{:03}.{:03}.{:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        nanos / 1_000_000,
        nanos / 1000 % 1000,
        nanos % 1000
    )
}

/// IPv4 with three places for each number; IPv6 in its canonical form.
fn address(text: &mut String, address: IpAddr) -> fmt::Result {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            write!(text, "{a:3}.{b:3}.{c:3}.{d:3}")
        }
        IpAddr::V6(address) => write!(text, "{address}"),
    }
}

/// A number in 16 places, with commas between thousands.
fn grouped(text: &mut String, number: u64) {
    // 2^64 has 20 digits and 6 commas.
    let mut digits = [b' '; 26];
    let mut rest = number;
    let mut len = 0;
    for (count, place) in digits.iter_mut().rev().enumerate() {
        if count % 4 == 3 {
            if rest == 0 {
                break;
            }
            *place = b',';
        } else if rest > 0 || count == 0 {
            // A digit: below ten.
            *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        } else {
            break;
        }
        len = count + 1;
    }
    let shown = len.max(16);
    text.extend(
        digits
            .iter()
            .skip(digits.len() - shown)
            .map(|&byte| char::from(byte)),
    );
}

fn pad(text: &mut String, start: usize, width: usize) {
    let missing = width.saturating_sub(text.len() - start);
    text.extend(std::iter::repeat_n(' ', missing));
}

/// What stands in a MAC address's place where there is none.
const NO_MAC: &str = "--:--:--:--:--:--";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{FlowKey, LinkKey, MacAddr, NetworkKey};

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
        let text = String::from_utf8(lines.block([(1_048_549, flow())].into_iter())).unwrap();
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
    fn numbers_are_grouped() {
        for (number, expected) in [
            (0, "               0"),
            (999, "             999"),
            (1000, "           1,000"),
            (245_630_927, "     245,630,927"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            let mut text = String::new();
            grouped(&mut text, number);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn times_beyond_the_calendar_are_numbers() {
        let mut text = String::new();
        date_and_time(&mut text, Nanos(-1), &Zone::UTC).unwrap();
        assert_eq!(text, "1969-12-31 23:59:59.999.999.999");
    }
}
