//! The columns of the table: names, kinds and values, in one list.

use super::row::ConnectionRow;
use crate::output::rows::{Column, Kind};
use crate::select::condition::Cell;
use crate::tcp::measure::{Anomalies, Counts, Moment, Report, Side, SideReport, Summary};
use std::sync::LazyLock;

/// How a column's value is obtained from a row.
pub(super) type ValueOf = for<'r> fn(&'r ConnectionRow<'_>) -> Cell<'r>;

/// All columns, with their values.
pub(super) struct Columns {
    pub(super) columns: Vec<Column>,
    pub(super) values: Vec<ValueOf>,
}

/// The columns of the table, in order.
pub(super) fn columns() -> &'static [Column] {
    &COLUMNS.columns
}

/// The columns, with their values.
pub(super) static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    let all = [WHOLE, CLIENT, SERVER].concat();
    Columns {
        columns: all
            .iter()
            .map(|&(name, kind, _)| Column { name, kind })
            .collect(),
        values: all.iter().map(|&(.., value)| value).collect(),
    }
});

/// Ordinals of the columns of concurrently open connections, in the order of
/// [`Open::cell`](super::row::Open::cell).
pub(super) fn open_columns() -> impl Iterator<Item = usize> {
    let names = ["others_open", "others_idle", "pair_open", "server_open"].into_iter();
    names.filter_map(|name| columns().iter().position(|it| it.name == name))
}

type Definition = (&'static str, Kind, ValueOf);

/// Columns of the whole connection.
macro_rules! whole {
    ($($name:literal $kind:ident |$row:ident| $value:expr;)*) => {
        const WHOLE: &[Definition] = &[$(($name, Kind::$kind, |$row| $value)),*];
    };
}

/// Columns of what each side sent; `rtt` is that of the answers of this side.
macro_rules! sides {
    ($($name:literal $kind:ident |$counts:ident, $rare:ident, $side:ident, $peer:ident| $value:expr;)*) => {
        const CLIENT: &[Definition] = &[$((concat!("client_", $name), Kind::$kind, |row| {
            let [$side, $peer] = &row.report().sides;
            let ($counts, $rare): (&Counts, &Anomalies) = (&$side.counts, &$side.anomalies);
            let _ = ($counts, $rare, $side, $peer);
            $value
        })),*];
        const SERVER: &[Definition] = &[$((concat!("server_", $name), Kind::$kind, |row| {
            let [$peer, $side] = &row.report().sides;
            let ($counts, $rare): (&Counts, &Anomalies) = (&$side.counts, &$side.anomalies);
            let _ = ($counts, $rare, $side, $peer);
            $value
        })),*];
    };
}

whole! {
    "connection_id" Number |row| number(row.id);
    "connection" Number |row| number(row.entry.number);
    "flow_id" Number |row| flow(row, row.report().client);
    "reverse_flow_id" Number |row| flow(row, row.report().client.other());
    "client_ip" Address |row| Cell::Address(row.entry.ends()[0].0);
    "client_port" Short |row| number(row.entry.ends()[0].1);
    "server_ip" Address |row| Cell::Address(row.entry.ends()[1].0);
    "server_port" Short |row| number(row.entry.ends()[1].1);
    "client_by" Text |row| Cell::Text(row.report().client_by.name());
    "first_ns" Time |row| Cell::Signed(row.report().first);
    "last_ns" Time |row| Cell::Signed(row.report().last);
    "duration_ns" Duration |row| since(Some(row.report().last), Some(row.report().first));
    "first_packet" Number |row| number(row.report().first_packet);
    "last_packet" Number |row| number(row.report().last_packet);
    "time_back" Number |row| number(row.report().time_back);
    "syn_ns" Time |row| time(row.report().syn);
    "syn_packet" Number |row| packet(row.report().syn);
    "synack_ns" Time |row| time(row.report().synack);
    "synack_packet" Number |row| packet(row.report().synack);
    "ack_ns" Time |row| time(row.report().ack);
    "ack_packet" Number |row| packet(row.report().ack);
    "synack_delay_ns" Duration |row| since(ns(row.report().synack), ns(row.report().syn));
    "ack_delay_ns" Duration |row| since(ns(row.report().ack), ns(row.report().synack));
    "handshake_rtt_ns" Duration |row| signed(row.report().handshake_rtt);
    "tfo" Number |row| number(row.report().tfo);
    "mptcp" Bool |row| Cell::Bool(row.report().mptcp);
    "completeness" Short |row| number(row.report().completeness);
    "state" Text |row| Cell::Text(row.report().state.name());
    "history" Text |row| Cell::Text(&row.report().history);
    "closed_by" Text |row| by(row.report(), row.report().closed);
    "close_ns" Time |row| time(row.report().closed.map(|it| it.1));
    "close_packet" Number |row| packet(row.report().closed.map(|it| it.1));
    "end_ns" Time |row| signed(row.report().end);
    "reset_by" Text |row| by(row.report(), row.report().reset);
    "reset_ns" Time |row| time(row.report().reset.map(|it| it.1));
    "reset_packet" Number |row| packet(row.report().reset.map(|it| it.1));
    "premature" Bool |row| Cell::Bool(row.report().is_premature);
    "others_open" Number |row| row.open.cell(0);
    "others_idle" Number |row| row.open.cell(1);
    "pair_open" Number |row| row.open.cell(2);
    "server_open" Number |row| row.open.cell(3);
    "window_scaled" Bool |row| Cell::Bool(row.report().is_window_scaled);
    "idle_max_ns" Duration |row| Cell::Signed(row.report().idle_max);
    "idle_max_packet" Number |row| some(row.report().idle_max_packet);
    "turns" Number |row| number(row.report().turns);
    "server_response_first_ns" Duration |row| turn(row.report(), row.report().response_first);
    "server_response_avg_ns" Duration |row| turn(row.report(), mean(row.report(), row.report().response_sum));
    "server_response_max_ns" Duration |row| turn(row.report(), row.report().response_max);
    "server_response_max_packet" Number |row| some(row.report().response_max_packet);
    "server_think_first_ns" Duration |row| think(row.report(), row.report().response_first);
    "server_think_avg_ns" Duration |row| think(row.report(), mean(row.report(), row.report().response_sum));
    "server_think_max_ns" Duration |row| think(row.report(), row.report().response_max);
    "client_think_ns" Duration |row| turn(row.report(), row.report().client_think);
    "request_ns" Duration |row| turn(row.report(), row.report().request);
    "response_ns" Duration |row| turn(row.report(), row.report().response);
    "connect_ns" Duration |row| since(ns(row.report().ack), ns(row.report().syn));
    "server_ns" Duration |row| Cell::Signed(row.report().server_time());
    "client_ns" Duration |row| Cell::Signed(row.report().client_think);
    "transfer_ns" Duration |row| Cell::Signed(row.report().request.saturating_add(row.report().response));
    "retransmission_delay_ns" Duration |row| Cell::Signed(row.report().retransmission_delay());
}

sides! {
    "isn" Number |counts, rare, side, peer| side.offer.map_or(Cell::Null, |it| number(it.isn));
    "mss" Number |counts, rare, side, peer| optional(side.offer.and_then(|it| it.mss));
    "wscale" Short |counts, rare, side, peer| optional(side.offer.and_then(|it| it.window_scale));
    "sack_permitted" Bool |counts, rare, side, peer| Cell::Bool(side.offer.is_some_and(|it| it.sack_permitted));
    "timestamps" Bool |counts, rare, side, peer| Cell::Bool(side.offer.is_some_and(|it| it.timestamps));
    "ecn" Bool |counts, rare, side, peer| Cell::Bool(side.offer.is_some_and(|it| it.ecn));
    "packets" Number |counts, rare, side, peer| number(counts.packets);
    "bytes" Number |counts, rare, side, peer| number(counts.bytes);
    "payload_bytes" Number |counts, rare, side, peer| number(counts.payload_bytes);
    "unique_bytes" Number |counts, rare, side, peer| number(counts.unique_bytes);
    "data_packets" Number |counts, rare, side, peer| number(counts.data_packets);
    "pure_acks" Number |counts, rare, side, peer| number(counts.pure_acks);
    "max_segment" Number |counts, rare, side, peer| number(counts.max_segment);
    "above_mss" Number |counts, rare, side, peer| number(rare.above_mss);
    "syns" Number |counts, rare, side, peer| number(counts.syns);
    "fins" Number |counts, rare, side, peer| number(counts.fins);
    "rsts" Number |counts, rare, side, peer| number(counts.rsts);
    "pushes" Number |counts, rare, side, peer| number(counts.pushes);
    "urgent" Number |counts, rare, side, peer| number(rare.urgent);
    "ece" Number |counts, rare, side, peer| number(rare.ece);
    "cwr" Number |counts, rare, side, peer| number(rare.cwr);
    "first_data_ns" Time |counts, rare, side, peer| signed(counts.data.map(|it| it.0));
    "last_data_ns" Time |counts, rare, side, peer| signed(counts.data.map(|it| it.1));
    "fin_ns" Time |counts, rare, side, peer| signed(counts.fin);
    "rst_ns" Time |counts, rare, side, peer| signed(rare.rst);
    "duplicates" Number |counts, rare, side, peer| number(rare.duplicates);
    "retransmissions" Number |counts, rare, side, peer| number(rare.retransmissions);
    "fast_retransmissions" Number |counts, rare, side, peer| number(rare.fast_retransmissions);
    "spurious_retransmissions" Number |counts, rare, side, peer| number(rare.spurious_retransmissions);
    "retransmitted_bytes" Number |counts, rare, side, peer| number(counts.payload_bytes.saturating_sub(counts.unique_bytes));
    "out_of_order" Number |counts, rare, side, peer| number(rare.out_of_order);
    "lost_segments" Number |counts, rare, side, peer| number(rare.lost_segments);
    "acked_unseen" Number |counts, rare, side, peer| number(rare.acked_unseen);
    "lost_downstream" Number |counts, rare, side, peer| number(rare.lost_downstream);
    "lost_upstream" Number |counts, rare, side, peer| number(rare.lost_upstream);
    "gap_bytes" Number |counts, rare, side, peer| number(side.gap_bytes);
    "gap_acked_bytes" Number |counts, rare, side, peer| number(side.gap_acked_bytes);
    "retransmission_delay_ns" Duration |counts, rare, side, peer| Cell::Signed(rare.retransmission_delay_ns);
    "rto_max_ns" Duration |counts, rare, side, peer| Cell::Signed(rare.rto_max_ns);
    "dup_acks" Number |counts, rare, side, peer| number(rare.dup_acks);
    "keep_alives" Number |counts, rare, side, peer| number(rare.keep_alives);
    "keep_alive_acks" Number |counts, rare, side, peer| number(rare.keep_alive_acks);
    "window_min" Number |counts, rare, side, peer| optional(counts.window.map(|it| window(side, it.0)));
    "window_max" Number |counts, rare, side, peer| optional(counts.window.map(|it| window(side, it.1)));
    "window_updates" Number |counts, rare, side, peer| number(rare.window_updates);
    "window_full" Number |counts, rare, side, peer| number(rare.window_full);
    "max_in_flight" Number |counts, rare, side, peer| number(counts.max_in_flight);
    "zero_windows" Number |counts, rare, side, peer| number(rare.zero_windows);
    "zero_window_probes" Number |counts, rare, side, peer| number(rare.zero_window_probes);
    "zero_window_probe_acks" Number |counts, rare, side, peer| number(rare.zero_window_probe_acks);
    "zero_window_episodes" Number |counts, rare, side, peer| number(rare.zero_window_episodes);
    "zero_window_ns" Duration |counts, rare, side, peer| Cell::Signed(rare.zero_window_ns);
    "zero_window_max_ns" Duration |counts, rare, side, peer| Cell::Signed(rare.zero_window_max_ns);
    "zero_window_max_packet" Number |counts, rare, side, peer| some(rare.zero_window_max_packet);
    "rtt_samples" Number |counts, rare, side, peer| number(peer.rtt.map_or(0, |it| it.samples));
    "rtt_min_ns" Duration |counts, rare, side, peer| rtt(peer, |it| it.min);
    "rtt_avg_ns" Duration |counts, rare, side, peer| rtt(peer, |it| it.avg);
    "rtt_p50_ns" Duration |counts, rare, side, peer| rtt(peer, |it| it.p50);
    "rtt_p95_ns" Duration |counts, rare, side, peer| rtt(peer, |it| it.p95);
    "rtt_max_ns" Duration |counts, rare, side, peer| rtt(peer, |it| it.max);
    "rtt_stdev_ns" Duration |counts, rare, side, peer| rtt(peer, |it| it.stdev);
    "goodput_bps" Number |counts, rare, side, peer| optional(goodput(counts));
    "throughput_max_bps" Number |counts, rare, side, peer| number(counts.most_in_100_ms.saturating_mul(80));
}

fn number(number: impl Into<u64>) -> Cell<'static> {
    Cell::Unsigned(number.into())
}

fn optional(value: Option<impl Into<u64>>) -> Cell<'static> {
    value.map_or(Cell::Null, number)
}

/// A number that is not known where it is 0.
const fn some(number: u64) -> Cell<'static> {
    if number == 0 {
        Cell::Null
    } else {
        Cell::Unsigned(number)
    }
}

fn signed(value: Option<i64>) -> Cell<'static> {
    value.map_or(Cell::Null, Cell::Signed)
}

fn ns(at: Option<Moment>) -> Option<i64> {
    at.map(|it| it.time)
}

fn time(at: Option<Moment>) -> Cell<'static> {
    signed(ns(at))
}

fn packet(at: Option<Moment>) -> Cell<'static> {
    optional(at.map(|it| it.packet))
}

fn since(end: Option<i64>, start: Option<i64>) -> Cell<'static> {
    signed(end.zip(start).map(|(end, start)| end.saturating_sub(start)))
}

fn flow(row: &ConnectionRow<'_>, side: Side) -> Cell<'static> {
    some(*row.entry.flows.get(side))
}

fn by(report: &Report, end: Option<(Side, Moment)>) -> Cell<'static> {
    end.map_or(Cell::Null, |(side, _)| {
        Cell::Text(if side == report.client {
            "client"
        } else {
            "server"
        })
    })
}

/// A figure of turns, where there is one.
const fn turn(report: &Report, ns: i64) -> Cell<'static> {
    if report.turns == 0 {
        Cell::Null
    } else {
        Cell::Signed(ns)
    }
}

fn mean(report: &Report, sum: i64) -> i64 {
    let turns = i64::try_from(report.turns).unwrap_or(i64::MAX);
    sum.checked_div(turns).unwrap_or(0)
}

fn think(report: &Report, response: i64) -> Cell<'static> {
    turn(report, report.think(response))
}

fn window(side: &SideReport, window: u16) -> u64 {
    u64::from(window) << side.shift
}

fn rtt(sender: &SideReport, figure: fn(&Summary) -> i64) -> Cell<'static> {
    signed(sender.rtt.as_ref().map(figure))
}

/// Payload, each byte once, over the time from the first to the last packet with payload, in bits a
/// second.
fn goodput(counts: &Counts) -> Option<u64> {
    let (first, last) = counts.data?;
    let lasted = u128::try_from(last.checked_sub(first)?).ok()?;
    let bits = u128::from(counts.unique_bytes) * 8 * 1_000_000_000;
    u64::try_from(bits.checked_div(lasted)?).ok()
}
