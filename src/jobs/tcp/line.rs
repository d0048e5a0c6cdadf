//! Connections for people: a line each.

use super::row::ConnectionRow;
use crate::output::table::{TimeZone, time_text};
use crate::tcp::measure::{Report, Side};
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
    pub(super) fn append(&self, row: &ConnectionRow<'_>, text: &mut Vec<u8>) {
        let report = &row.report;
        let [client, server] = row.entry.ends().map(end);
        let mut line = format!(
            "connection {:>5}: {client} -> {server} | {} + {} | {:<6} | {}",
            row.id,
            time_text(self.time_zone, report.first),
            duration(report.last.saturating_sub(report.first)),
            report.state.name(),
            handshake(report),
        );
        let [from_client, from_server] = &report.sides;
        let (sent, received) = (&from_client.counts, &from_server.counts);
        let (client_rare, server_rare) = (&from_client.anomalies, &from_server.anomalies);
        line += &format!(
            " | rtt {} | {} B -> {} B <- | retransmissions {} -> {} <-",
            from_client
                .rtt
                .map_or_else(|| "-".to_owned(), |it| duration(it.min)),
            sent.payload_bytes,
            received.payload_bytes,
            client_rare.retransmissions,
            server_rare.retransmissions,
        );
        let closed = client_rare
            .zero_window_ns
            .saturating_add(server_rare.zero_window_ns);
        if closed > 0 {
            line += &format!(" | zero window {}", duration(closed));
        }
        if let Some((side, at)) = report.closed {
            line += &format!(" | closed by {} [{}]", name(report, side), at.packet);
        }
        if let Some((side, at)) = report.reset {
            line += &format!(" | reset by {} [{}]", name(report, side), at.packet);
        }
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
}

fn handshake(report: &Report) -> String {
    match (report.syn, report.synack) {
        (Some(syn), Some(answer)) => format!(
            "SYN [{}] SYN-ACK [{}] after {}",
            syn.packet,
            answer.packet,
            duration(answer.time.saturating_sub(syn.time)),
        ),
        (Some(syn), None) => format!("SYN [{}]", syn.packet),
        (None, Some(answer)) => format!("SYN-ACK [{}]", answer.packet),
        (None, None) => "no handshake".to_owned(),
    }
}

pub(super) fn end((address, port): (IpAddr, u16)) -> SocketAddr {
    SocketAddr::new(address, port)
}

fn name(report: &Report, side: Side) -> &'static str {
    if side == report.client {
        "client"
    } else {
        "server"
    }
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
