//! Packet lines in the format of packet_analysis's print_pcap.py.

use super::options::DataLevel;
use super::seen::{Content, Ip, Other, Seen, Transport};
use crate::decode::{IpProtocol, MacAddr, protocol};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::Write;
use std::net::IpAddr;

/// Style of lines.
#[derive(Clone, Debug)]
pub(super) struct LineStyle {
    pub(super) zone: TimeZone,
    pub(super) data_level: DataLevel,
    /// Longest payload shown, in bytes.
    pub(super) max_data: usize,
}

impl LineStyle {
    /// Appends the line of a packet.
    pub(super) fn append(&self, seen: &Seen<'_>, text: &mut Vec<u8>) {
        match &seen.content {
            Content::Ip(ip) => self.ip(seen, ip, text),
            Content::Other(what, frame) => {
                self.start(seen, &other_name(*what), text);
                let macs = seen
                    .macs
                    .map(|(src, dst)| (src.to_string(), dst.to_string()));
                let (src, dst) = macs.unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
                put(text, format_args!("{src} ----->{dst}\t"));
                let len = usize::try_from(seen.wire_len).unwrap_or(usize::MAX);
                self.end(frame, len, text);
            }
        }
    }

    fn ip(&self, seen: &Seen<'_>, ip: &Ip<'_>, text: &mut Vec<u8>) {
        self.start(seen, &name(ip), text);
        let [src, dst] = ip.addresses;
        let [src_port, dst_port] = match ip.ports {
            Some([src, dst]) => [Some(src), Some(dst)],
            None => [None, None],
        };
        end_point(src, src_port, seen.macs.map(|it| it.0), text);
        text.extend_from_slice(b" ----->");
        end_point(dst, dst_port, seen.macs.map(|it| it.1), text);
        text.push(b'\t');
        match ip.header {
            Transport::Tcp {
                seq,
                ack,
                flags,
                window,
            } => {
                put(text, format_args!("SEQ={seq}\tACK={ack}\tFLAGS=["));
                for (number, flag) in flag_names(flags).enumerate() {
                    let comma = if number > 0 { ", " } else { "" };
                    put(text, format_args!("{comma}'{flag}'"));
                }
                put(text, format_args!("]\tWIN={window}\tDATA="));
                escaped(self.shown(ip.payload), text);
                text.push(b'\t');
            }
            Transport::Icmp { kind, code } => {
                let message = icmp_message(ip.protocol, kind, code);
                put(text, format_args!("{kind}:{code}[{message}]\t"));
            }
            Transport::Udp | Transport::None => {}
        }
        put(text, format_args!("ttl={}\t", ip.ttl));
        self.end(ip.payload, ip.payload_len, text);
    }

    /// Writes the type, and the time as seconds and as a date.
    fn start(&self, seen: &Seen<'_>, name: &str, text: &mut Vec<u8>) {
        put(text, format_args!("[{name}]\t["));
        seconds(seen.time, text);
        put(text, format_args!("\t{}]\t", self.date(seen.time)));
    }

    fn end(&self, payload: &[u8], len: usize, text: &mut Vec<u8>) {
        if self.data_level == DataLevel::Both {
            text.extend_from_slice(b"DATA_BINARY=");
            spaced_hex(self.shown(payload), text);
            text.push(b'\t');
        }
        put(text, format_args!("LEN={len}\n"));
    }

    pub(super) fn shown<'p>(&self, payload: &'p [u8]) -> &'p [u8] {
        payload.get(..self.max_data).unwrap_or(payload)
    }

    /// `2005-03-30 08:52:25`
    pub(super) fn date(&self, time: i64) -> String {
        let time = Timestamp::from_nanosecond(time.into()).unwrap_or_default();
        let date = time.to_zoned(self.zone.clone()).datetime();
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            date.hour(),
            date.minute(),
            date.second()
        )
    }
}

/// `TCP`, `UDP`, `ICMP_Unreach`, `IP gre`.
pub(super) fn name(ip: &Ip<'_>) -> String {
    match ip.header {
        Transport::Tcp { .. } => "TCP".to_owned(),
        Transport::Udp => "UDP".to_owned(),
        Transport::Icmp { kind, .. } => {
            let (family, names): (_, &[(u8, &str)]) = match ip.protocol {
                protocol::ICMP => ("ICMP", &ICMP),
                _ => ("ICMPv6", &ICMPV6),
            };
            let name = names.iter().find(|it| it.0 == kind);
            format!("{family}_{}", name.map_or("OTHER", |it| it.1))
        }
        Transport::None => format!("IP {}", IpProtocol(ip.protocol)),
    }
}

/// `ARP`, `OTHER 0x88cc`, `OTHER llc`.
pub(super) fn other_name(what: Other) -> String {
    match what {
        Other::Arp => "ARP".to_owned(),
        Other::EtherType(number) => format!("OTHER {number:#06x}"),
        Other::Named(name) => format!("OTHER {name}"),
    }
}

/// The names of set flags, highest bit first.
pub(super) fn flag_names(flags: u16) -> impl Iterator<Item = &'static str> {
    let set = FLAGS.into_iter().filter(move |it| flags & it.0 != 0);
    set.map(|it| it.1)
}

/// `ip:port(mac)`, `[ip]:port(mac)`, or `ip(mac)`.
fn end_point(address: IpAddr, port: Option<u16>, mac: Option<MacAddr>, text: &mut Vec<u8>) {
    host(address, port, text);
    match mac {
        Some(mac) => put(text, format_args!("({mac})")),
        None => text.extend_from_slice(b"(-)"),
    }
}

/// `ip:port`, `[ip]:port`, or `ip`.
pub(super) fn host(address: IpAddr, port: Option<u16>, text: &mut Vec<u8>) {
    match (address, port) {
        (address, None) => put(text, format_args!("{address}")),
        (IpAddr::V4(address), Some(port)) => put(text, format_args!("{address}:{port}")),
        (IpAddr::V6(address), Some(port)) => put(text, format_args!("[{address}]:{port}")),
    }
}

/// Nanoseconds as seconds, exact, with six digits, or nine if needed.
fn seconds(ns: i64, text: &mut Vec<u8>) {
    let sign = if ns < 0 { "-" } else { "" };
    let (seconds, fraction) = (
        ns.unsigned_abs() / 1_000_000_000,
        ns.unsigned_abs() % 1_000_000_000,
    );
    if fraction % 1000 == 0 {
        put(text, format_args!("{sign}{seconds}.{:06}", fraction / 1000));
    } else {
        put(text, format_args!("{sign}{seconds}.{fraction:09}"));
    }
}

/// `76 63 85`
pub(super) fn spaced_hex(bytes: &[u8], text: &mut Vec<u8>) {
    text.reserve(bytes.len() * 3);
    for (number, byte) in bytes.iter().enumerate() {
        if number > 0 {
            text.push(b' ');
        }
        text.extend([byte >> 4, byte & 15].map(hex_digit));
    }
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    }
}

/// Text on one line, with control characters, backslashes, and invalid UTF-8 escaped.
pub(super) fn escaped(bytes: &[u8], text: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\t' => text.extend_from_slice(b"\\t"),
                '\n' => text.extend_from_slice(b"\\n"),
                '\r' => text.extend_from_slice(b"\\r"),
                '\\' => text.extend_from_slice(b"\\\\"),
                letter if letter.is_ascii_control() => {
                    put(text, format_args!("\\x{:02x}", u32::from(letter)));
                }
                letter if is_obeyed(letter) => {
                    put(text, format_args!("{}", letter.escape_unicode()));
                }
                letter => text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            put(text, format_args!("\\x{byte:02x}"));
        }
    }
}

/// Whether a character controls terminals, ends a line, or changes the direction of text.
const fn is_obeyed(letter: char) -> bool {
    matches!(letter, '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The name of a message in packet_analysis; `-` for others.
fn icmp_message(protocol: u8, kind: u8, code: u8) -> &'static str {
    let messages: &[(u8, u8, &str)] = match protocol {
        protocol::ICMP => &ICMP_MESSAGES,
        _ => &ICMPV6_MESSAGES,
    };
    let known = messages.iter().find(|it| (it.0, it.1) == (kind, code));
    known.map_or("-", |it| it.2)
}

fn put(text: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(what);
    debug_assert!(written.is_ok(), "a vector takes all bytes");
}

/// RFC 9293, section 3.1; RFC 3168.
const FLAGS: [(u16, &str); 8] = [
    (128, "CWR"),
    (64, "ECE"),
    (32, "URG"),
    (16, "ACK"),
    (8, "PSH"),
    (4, "RST"),
    (2, "SYN"),
    (1, "FIN"),
];

const ICMP: [(u8, &str); 7] = [
    (0, "Echo"),
    (3, "Unreach"),
    (4, "Quench"),
    (5, "Redirect"),
    (8, "Echo"),
    (11, "TimeExceed"),
    (12, "ParamProb"),
];

const ICMPV6: [(u8, &str); 6] = [
    (1, "Unreach"),
    (2, "TooBig"),
    (3, "TimeExceed"),
    (4, "ParamProb"),
    (128, "Echo"),
    (129, "Echo"),
];

const ICMP_MESSAGES: [(u8, u8, &str); 14] = [
    (0, 0, "host/gateway: send response"),
    (3, 0, "gateway:network unreachable"),
    (3, 1, "gateway:host unreachable"),
    (3, 2, "host:protocol unavailable"),
    (3, 3, "host:port unreachable"),
    (3, 4, "gateway:fragmentation needed"),
    (3, 13, "gateway:administratively prohibited"),
    (8, 0, "gateway: send a response"),
    (11, 0, "gateway:time to live exceeded"),
    (11, 1, "host:reassembly time exceeded"),
    (13, 0, "host: send a timestamp request"),
    (14, 0, "gateway: send a timestamp response"),
    (15, 0, "host: send a message request"),
    (16, 0, "gateway: send a message response"),
];

const ICMPV6_MESSAGES: [(u8, u8, &str); 9] = [
    (1, 0, "gateway:network unreachable"),
    (1, 1, "gateway:administratively prohibited"),
    (1, 3, "gateway:host unreachable"),
    (1, 4, "host:port unreachable"),
    (2, 0, "gateway:packet too big"),
    (3, 0, "gateway:hop limit exceeded"),
    (3, 1, "host:reassembly time exceeded"),
    (128, 0, "host: send a request"),
    (129, 0, "host: send a response"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let mut text = Vec::new();
        escaped(bytes, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(shown(b"GET /\r\n\t\\x"), r"GET /\r\n\t\\x");
        assert_eq!(shown("caf\u{e9} \u{1b}[31m".as_bytes()), "café \\x1b[31m");
        assert_eq!(shown(b"\xff\xc3"), r"\xff\xc3");
        assert_eq!(
            shown("\u{85}\u{2028}\u{202e}".as_bytes()),
            r"\u{85}\u{2028}\u{202e}"
        );
    }

    #[test]
    fn times_are_exact() {
        let shown = |ns| {
            let mut text = Vec::new();
            seconds(ns, &mut text);
            String::from_utf8(text).unwrap()
        };
        assert_eq!(shown(1_112_172_745_375_359_000), "1112172745.375359");
        assert_eq!(shown(1_000_000_001), "1.000000001");
        assert_eq!(shown(-1_500_000_000), "-1.500000");
    }

    #[test]
    fn flags_by_name() {
        let names: Vec<&str> = flag_names(0x18).collect();
        assert_eq!(names, ["ACK", "PSH"]);
    }
}
