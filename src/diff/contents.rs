//! Differences between two captures of a packet, from their bytes.

use super::class::{Changes, Link};
use super::frames::{Frame, Pair};
use super::packet::payload_range;
use super::side::Point;
use crate::capture::ByteOrder;
use crate::decode::{Checksum, Headers, LinkKey, TunnelKind, checksum, protocol};

/// All differences between the packets of a link, tolerated or not.
pub fn changes(pair: Pair<'_>, link: &Link) -> Changes {
    let (x, y) = (pair.packet(Point::A, link.a), pair.packet(Point::B, link.b));
    let frames = pair.frame(Point::A, x).zip(pair.frame(Point::B, y));
    let Some((a, b)) = &frames else {
        return link.changes;
    };
    let Some((x, y)) = Decoded::of(a, pair).zip(Decoded::of(b, pair)) else {
        return link.changes;
    };
    let parts = [lower(&x, &y), network(&x, &y), transport(&x, &y)];
    parts.into_iter().fold(link.changes, Changes::and)
}

/// Describes the differences between the packets of a link. For payload, `payload@12: 0a -> 0b
/// (+3)`: position and values of the first different byte, and the number of other different ones.
/// Other fields follow, with both values.
pub fn detail(pair: Pair<'_>, link: &Link) -> String {
    let (x, y) = (pair.packet(Point::A, link.a), pair.packet(Point::B, link.b));
    let mut parts = Vec::new();
    if link.changes.has_any(Changes::PAYLOAD) {
        let (p, q) = (pair.payload(Point::A, x), pair.payload(Point::B, y));
        let differing = p.iter().zip(&q).enumerate().filter(|(_, (p, q))| p != q);
        let count = differing.clone().count();
        if let Some((at, (p, q))) = differing.clone().next() {
            parts.push(match count - 1 {
                0 => format!("payload@{at}: {p:02x} -> {q:02x}"),
                more => format!("payload@{at}: {p:02x} -> {q:02x} (+{more})"),
            });
        }
    }
    let fields = [
        (Changes::LENGTH, "length", x.len, y.len),
        (
            Changes::TCP_FLAGS,
            "tcp_flags",
            x.flags.into(),
            y.flags.into(),
        ),
        (
            Changes::ICMP_TYPE,
            "icmp_type",
            x.flags.into(),
            y.flags.into(),
        ),
        (Changes::WINDOW, "window", x.window.into(), y.window.into()),
        (Changes::URGENT, "urgent", x.urgent.into(), y.urgent.into()),
        (Changes::SEQ, "seq", x.sequence, y.sequence),
        (Changes::ACK, "ack", x.acknowledgment, y.acknowledgment),
    ];
    let fields = fields
        .into_iter()
        .filter(|(change, _, p, q)| link.changes.has_any(*change) && p != q);
    parts.extend(fields.map(|(_, name, p, q)| format!("{name}: {p} -> {q}")));
    parts.join(", ")
}

/// A packet with its decoded headers.
struct Decoded<'a> {
    frame: &'a Frame,
    headers: Headers<'a>,
    link: LinkKey,
}

impl<'a> Decoded<'a> {
    fn of(frame: &'a Frame, pair: Pair<'_>) -> Option<Self> {
        let (headers, link) = frame.headers(pair.decode)?;
        Some(Self {
            frame,
            headers,
            link,
        })
    }

    fn network(&self) -> &[u8] {
        let network = self.frame.data.get(self.headers.network..self.headers.end);
        network.unwrap_or_default()
    }

    fn transport(&self) -> &[u8] {
        let transport = self
            .frame
            .data
            .get(self.headers.transport..self.headers.end);
        transport.unwrap_or_default()
    }

    fn is_ipv4(&self) -> bool {
        self.network().first().is_some_and(|it| it >> 4 == 4)
    }

    /// A byte of the IP header, at a different offset in each version.
    fn field(&self, v4: usize, v6: usize) -> Option<u8> {
        let at = if self.is_ipv4() { v4 } else { v6 };
        self.network().get(at).copied()
    }

    /// Type of service, or traffic class.
    fn tos(&self) -> Option<u8> {
        if self.is_ipv4() {
            return self.network().get(1).copied();
        }
        let word = ByteOrder::Big.u16(self.network(), 0)?;
        let [_, low] = (word >> 4).to_be_bytes();
        Some(low)
    }

    fn has_tunnel(&self, is_mpls: bool) -> Vec<(TunnelKind, Option<u32>)> {
        let all = self.headers.tunnels.iter();
        let some = all.filter(|it| (it.kind == TunnelKind::Mpls) == is_mpls);
        some.map(|it| (it.kind, it.id)).collect()
    }

    /// Whether the checksum is correct, wrong, or not yet filled in.
    fn checksum(&self) -> Checksum {
        let (src, dst) = self.headers.addresses.to_ip();
        checksum(src, dst, self.headers.protocol, self.transport())
    }

    fn padding(&self) -> usize {
        self.frame.data.len().saturating_sub(self.headers.end)
    }
}

fn all(found: &[(Changes, bool)]) -> Changes {
    let found = found.iter().map(|(change, is_so)| change.only_if(*is_so));
    found.fold(Changes::NONE, Changes::and)
}

/// Differences in layers below IP.
fn lower(x: &Decoded<'_>, y: &Decoded<'_>) -> Changes {
    let cut = |it: &Decoded<'_>| it.headers.wire_end.saturating_sub(it.headers.end);
    all(&[
        (Changes::MAC, x.link.macs() != y.link.macs()),
        (Changes::VLAN, x.link.vlans() != y.link.vlans()),
        (Changes::MPLS, x.has_tunnel(true) != y.has_tunnel(true)),
        (Changes::TUNNEL, x.has_tunnel(false) != y.has_tunnel(false)),
        (Changes::LINK, x.frame.link_type != y.frame.link_type),
        (Changes::CAPLEN, cut(x) != cut(y)),
        (Changes::PADDING, x.padding() != y.padding()),
    ])
}

/// Differences in the IP header.
fn network(x: &Decoded<'_>, y: &Decoded<'_>) -> Changes {
    let (from, to) = (x.headers.addresses.to_ip(), y.headers.addresses.to_ip());
    let is_ipv4 = x.is_ipv4() && y.is_ipv4();
    let half = |it: &Decoded<'_>, at| ByteOrder::Big.u16(it.network(), at);
    let flags = |it: &Decoded<'_>| half(it, 6).map(|it| it & 0xc000);
    all(&[
        (Changes::SRC, from.0 != to.0),
        (Changes::DST, from.1 != to.1),
        (Changes::TTL, x.field(8, 7) != y.field(8, 7)),
        (Changes::TOS, x.tos() != y.tos()),
        (Changes::IP_ID, is_ipv4 && half(x, 4) != half(y, 4)),
        (Changes::IP_FLAGS, is_ipv4 && flags(x) != flags(y)),
    ])
}

/// Differences in the transport header.
fn transport(x: &Decoded<'_>, y: &Decoded<'_>) -> Changes {
    if !x.headers.has_transport() || !y.headers.has_transport() {
        return Changes::NONE;
    }
    let ports = all(&[
        (Changes::SPORT, x.headers.src_port != y.headers.src_port),
        (Changes::DPORT, x.headers.dst_port != y.headers.dst_port),
    ]);
    let (p, q) = (x.transport(), y.transport());
    let more = match x.headers.protocol {
        protocol::TCP => tcp(p, q),
        protocol::ICMP | protocol::ICMPV6 => icmp(x, y),
        _ => Changes::NONE,
    };
    let is_other_sum = x.checksum() != y.checksum() && x.headers.fragment.is_none();
    let are_whole = x.headers.end == x.headers.wire_end && y.headers.end == y.headers.wire_end;
    let sum = Changes::L4_CHECKSUM.only_if(is_other_sum && are_whole);
    ports.and(more).and(sum)
}

fn tcp(p: &[u8], q: &[u8]) -> Changes {
    let word = |it, at| ByteOrder::Big.u32(it, at);
    let options = |it: &[u8]| {
        let len = usize::from(it.get(12).copied().unwrap_or(0) >> 4) * 4;
        it.get(20..it.len().min(len)).map(<[u8]>::to_vec)
    };
    let has_ack = |it: &[u8]| it.get(13).is_some_and(|it| it & 0x10 != 0);
    all(&[
        (Changes::SEQ, word(p, 4) != word(q, 4)),
        (
            Changes::ACK,
            has_ack(p) && has_ack(q) && word(p, 8) != word(q, 8),
        ),
        (Changes::TCP_OPTIONS, options(p) != options(q)),
    ])
}

fn icmp(x: &Decoded<'_>, y: &Decoded<'_>) -> Changes {
    let (p, q) = (x.transport(), y.transport());
    let kind = p.first().copied().unwrap_or(0);
    let is_echo = matches!(kind, 0 | 8 | 128 | 129);
    let is_error = matches!(kind, 1..=5 | 11 | 12);
    let body = |it: &Decoded<'_>| {
        let range = payload_range(&it.headers, &it.frame.data, u32::MAX);
        it.frame.data.get(range).map(<[u8]>::to_vec)
    };
    all(&[
        (Changes::ICMP_ID, is_echo && p.get(4..6) != q.get(4..6)),
        (Changes::ICMP_QUOTE, is_error && body(x) != body(y)),
    ])
}
