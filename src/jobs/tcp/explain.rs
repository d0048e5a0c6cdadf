//! The story of a connection in a few lines.

use super::line::{duration, end};
use super::packets::Recorded;
use crate::output::table::{TimeZone, time_text};
use crate::tcp::measure::{Moment, Report, Side, SideReport};

/// The story of a connection.
pub(super) fn explained(recorded: &Recorded, time_zone: &TimeZone) -> String {
    let report = recorded.entry.connection.report();
    let [client, server] = recorded.entry.ends().map(end);
    let mut lines = vec![
        format!(
            "connection {}: client {client}, server {server} (by {})",
            recorded.id,
            report.client_by.name(),
        ),
        format!(
            "  time       {} + {}, packets {} to {}, longest pause {}",
            time_text(time_zone, report.first),
            duration(report.last.saturating_sub(report.first)),
            report.first_packet,
            report.last_packet,
            duration(report.idle_max),
        ),
        format!("  handshake  {}", handshake(&report)),
        format!(
            "  state      {} {}; {}",
            report.state.name(),
            report.history,
            ending(&report)
        ),
    ];
    for (side, name) in report.sides.iter().zip(["client", "server"]) {
        lines.push(format!("  {name} sent {}", sent(side)));
        lines.push(format!("       losses {}", losses(side)));
        lines.push(format!(
            "       window {}",
            window(side, recorded, &report, name == "client")
        ));
    }
    lines.push(format!("  round trip {}", round_trips(&report)));
    lines.push(format!("  turns      {}", turns(&report)));
    lines.push(format!("  throughput {}", sparkline(recorded)));
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn handshake(report: &Report) -> String {
    let since = |end: Option<Moment>, start: Option<Moment>| {
        let both = end.zip(start);
        both.map_or_else(
            || "-".to_owned(),
            |(end, start)| duration(end.time.saturating_sub(start.time)),
        )
    };
    let at = |moment: Option<Moment>, what: &str| {
        moment.map_or_else(
            || format!("no {what}"),
            |it| format!("{what} [{}]", it.packet),
        )
    };
    format!(
        "{}, {} after {}, {} after {}",
        at(report.syn, "SYN"),
        at(report.synack, "SYN-ACK"),
        since(report.synack, report.syn),
        at(report.ack, "ACK"),
        since(report.ack, report.synack),
    )
}

fn ending(report: &Report) -> String {
    let by = |end: Option<(Side, Moment)>, what: &str| {
        end.map(|(side, at)| {
            let name = if side == report.client {
                "client"
            } else {
                "server"
            };
            format!("{what} by the {name} [{}]", at.packet)
        })
    };
    let all = [by(report.closed, "closed"), by(report.reset, "reset")];
    let all: Vec<String> = all.into_iter().flatten().collect();
    let premature = if report.is_premature {
        ", before any FIN"
    } else {
        ""
    };
    if all.is_empty() {
        "no end captured".to_owned()
    } else {
        format!("{}{premature}", all.join(", "))
    }
}

fn sent(side: &SideReport) -> String {
    let counts = &side.counts;
    format!(
        "{} packets, {} bytes of payload ({} different), largest segment {}, at most {} in flight",
        counts.packets,
        counts.payload_bytes,
        counts.unique_bytes,
        counts.max_segment,
        counts.max_in_flight,
    )
}

fn losses(side: &SideReport) -> String {
    let anomalies = &side.anomalies;
    format!(
        "{} retransmissions ({} fast, {} spurious; {} lost after the tap, {} before), {} out of order, \
         {} bytes missing, {} copies",
        anomalies.retransmissions,
        anomalies.fast_retransmissions,
        anomalies.spurious_retransmissions,
        anomalies.lost_downstream,
        anomalies.lost_upstream,
        anomalies.out_of_order,
        side.gap_bytes,
        anomalies.duplicates,
    )
}

fn window(side: &SideReport, recorded: &Recorded, report: &Report, is_client: bool) -> String {
    let anomalies = &side.anomalies;
    let Some((least, most)) = side.counts.window else {
        return "not seen".to_owned();
    };
    let scaled = |window: u16| u64::from(window) << side.shift;
    let range = format!("{} to {}", scaled(least), scaled(most));
    if anomalies.zero_window_episodes == 0 {
        return format!("{range}, never closed");
    }
    let owner = if is_client {
        report.client
    } else {
        report.client.other()
    };
    let first = anomalies.zero_window_max_packet;
    let mut after = recorded
        .packets
        .iter()
        .filter(|it| it.packet > first && it.side == owner);
    let opened = after.find(|it| {
        it.window(&recorded.entry.connection)
            .is_some_and(|it| it > 0)
    });
    let until = opened.map_or_else(|| "the end".to_owned(), |it| format!("[{}]", it.packet));
    format!(
        "{range}; {} packets with window 0 in {} episodes, {} in all, the longest {} from [{first}] to {until}",
        anomalies.zero_windows,
        anomalies.zero_window_episodes,
        duration(anomalies.zero_window_ns),
        duration(anomalies.zero_window_max_ns),
    )
}

fn round_trips(report: &Report) -> String {
    let [client, server] = &report.sides;
    let of = |side: &SideReport, name: &str| {
        side.rtt.map_or_else(
            || format!("to the {name}: no samples"),
            |it| {
                format!(
                    "to the {name}: {} to {}, half within {} (samples: {})",
                    duration(it.min),
                    duration(it.max),
                    duration(it.p50),
                    it.samples,
                )
            },
        )
    };
    format!("{}; {}", of(client, "server"), of(server, "client"))
}

fn turns(report: &Report) -> String {
    if report.turns == 0 {
        return "none".to_owned();
    }
    format!(
        "{}, slowest answer {} [{}]; the server took {}, the client {}, transfer {}, retransmissions {}",
        report.turns,
        duration(report.response_max),
        report.response_max_packet,
        duration(report.server_time()),
        duration(report.client_think),
        duration(report.request.saturating_add(report.response)),
        duration(report.retransmission_delay()),
    )
}

/// Payload over time, both ways, in [`COLUMNS`] characters.
fn sparkline(recorded: &Recorded) -> String {
    let times = recorded.packets.iter().map(|it| it.time);
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
        return String::new();
    };
    let width = (last.saturating_sub(first) / COLUMNS as i64).saturating_add(1);
    let mut sums = [0_u64; COLUMNS];
    for packet in &recorded.packets {
        let column = usize::try_from(packet.time.saturating_sub(first) / width);
        if let Some(sum) = column.ok().and_then(|it| sums.get_mut(it)) {
            *sum += u64::from(packet.payload);
        }
    }
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let bars = sums.iter().map(|sum| {
        let level = (sum * (BARS.len() as u64 - 1)).div_ceil(most);
        let bar = usize::try_from(level).ok().and_then(|it| BARS.get(it));
        bar.copied().unwrap_or(' ')
    });
    let text: String = bars.collect();
    format!("|{text}| {} a column", duration(width))
}

const COLUMNS: usize = 60;
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
