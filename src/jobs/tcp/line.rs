//! Connections for people: a line each.

use super::facts::{Facts, Place};
use crate::output::rows::Row;
use crate::output::table::{TimeZone, time_text};
use std::net::{IpAddr, SocketAddr};

/// Formats lines.
pub(super) struct Line<'a> {
    time_zone: &'a TimeZone,
}

impl<'a> Line<'a> {
    pub(super) const fn new(time_zone: &'a TimeZone) -> Self {
        Self { time_zone }
    }

    /// Appends the line of a connection.
    pub(super) fn append(&self, row: &impl Row, text: &mut Vec<u8>) {
        let facts = Facts(row);
        let [client, server] = facts.ends();
        let time = |place| facts.signed(place).unwrap_or(0);
        let rtt = facts.signed(Place::ServerRtt);
        let mut line = format!(
            "connection {:>5}: {client} -> {server} | {} + {} | {:<6} | {} | rtt {} | {} B -> {} B <- \
             | retransmissions {} -> {} <-",
            facts.number(Place::Id),
            time_text(self.time_zone, time(Place::First)),
            duration(time(Place::Last).saturating_sub(time(Place::First))),
            facts.text(Place::State).unwrap_or("-"),
            handshake(&facts),
            rtt.map_or_else(|| "-".to_owned(), duration),
            facts.number(Place::ClientPayload),
            facts.number(Place::ServerPayload),
            facts.number(Place::ClientRetransmissions),
            facts.number(Place::ServerRetransmissions),
        );
        let closed = time(Place::ClientZeroWindow).saturating_add(time(Place::ServerZeroWindow));
        if closed > 0 {
            line += &format!(" | zero window {}", duration(closed));
        }
        if let Some(side) = facts.text(Place::ClosedBy) {
            line += &format!(" | closed by {side} [{}]", facts.number(Place::ClosePacket));
        }
        if let Some(side) = facts.text(Place::ResetBy) {
            line += &format!(" | reset by {side} [{}]", facts.number(Place::ResetPacket));
        }
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
}

fn handshake<R: Row>(facts: &Facts<'_, R>) -> String {
    let packet = |place| facts.signed(place);
    match (packet(Place::SynPacket), packet(Place::SynAckPacket)) {
        (Some(syn), Some(answer)) => format!(
            "SYN [{syn}] SYN-ACK [{answer}] after {}",
            duration(facts.signed(Place::SynAckDelay).unwrap_or(0)),
        ),
        (Some(syn), None) => format!("SYN [{syn}]"),
        (None, Some(answer)) => format!("SYN-ACK [{answer}]"),
        (None, None) => "no handshake".to_owned(),
    }
}

pub(super) fn end((address, port): (IpAddr, u16)) -> SocketAddr {
    SocketAddr::new(address, port)
}

/// `325.447 ms`, `12.300 s`, `17.000 us`.
pub(super) fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let (unit, name) = match ns {
        0..1_000_000 => (1_000, "us"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let thousandths = (ns + unit / 2_000) / (unit / 1000);
    format!(
        "{sign}{}.{:03} {name}",
        thousandths / 1000,
        thousandths % 1000
    )
}
