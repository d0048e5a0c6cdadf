//! The summary for people: numbers first, then the worst conversations, then the verdict.

use super::duration::duration;
use super::flows::{FlowRow, FlowTable};
use super::summary::{Counts, DelaySummary, Summary};
use crate::diff::{Point, Way};
use crate::output::rows::Table;
use rayon::prelude::*;
use std::fmt::{Arguments, Write as _};
use std::net::IpAddr;

pub(super) fn text(summary: &Summary, flows: &FlowTable<'_>) -> String {
    let mut text = Text(String::new());
    head(summary, &mut text);
    table(summary, &mut text);
    worst(flows, &mut text);
    text.line(format_args!("\n{}", summary.verdict));
    text.0
}

/// A count of one direction.
type CountOf = fn(&Counts) -> u64;
/// A delay of one direction.
type DelayOf = fn(&DelaySummary) -> Option<i64>;

struct Text(String);

impl Text {
    fn line(&mut self, part: Arguments<'_>) {
        let written = self.0.write_fmt(part).and_then(|()| self.0.write_str("\n"));
        debug_assert!(written.is_ok(), "a string takes all text");
    }
}

/// Writes the inputs and the clocks.
fn head(summary: &Summary, text: &mut Text) {
    let sides = [
        (
            "A",
            summary.packets_a,
            &summary.inputs.a,
            &summary.classes.a,
        ),
        (
            "B",
            summary.packets_b,
            &summary.inputs.b,
            &summary.classes.b,
        ),
    ];
    for (name, packets, inputs, classes) in sides {
        let names: Vec<&str> = inputs.iter().map(|it| it.path.as_str()).collect();
        text.line(format_args!(
            "{name}: {}: {packets} packets",
            names.join(", ")
        ));
        let classes = classes.iter().filter(|it| *it.1 > 0);
        let classes: Vec<String> = classes
            .map(|(class, count)| format!("{count} {class}"))
            .collect();
        text.line(format_args!("   {}", classes.join(", ")));
    }
    let it = &summary.conversations;
    text.line(format_args!(
        "{} conversations at A, {} at B, {} of both; addresses or ports of {} are translated",
        it.a, it.b, it.paired, it.translated
    ));
    let clock = &summary.clock;
    match (clock.offset_ns, clock.uncertainty_ns) {
        (Some(offset), Some(width)) => text.line(format_args!(
            "clocks: B's shows {} more than A's (\u{b1} {}, if the least delays are equal both ways), and goes \
             {:+.1} ppm",
            duration(offset),
            duration(width),
            clock.drift_ppm
        )),
        _ => text.line(format_args!(
            "clocks: how far they are apart cannot be told from packets that go one way only, or no known way"
        )),
    }
}

/// Writes both directions side by side.
fn table(summary: &Summary, text: &mut Text) {
    text.line(format_args!("\n{:<24}{:>14}{:>14}", "", "A to B", "B to A"));
    let [ab, ba] = Way::ALL.map(|way| summary.directions.get(way));
    let rows: [(&str, CountOf, bool); 11] = [
        ("packets sent", |it| it.sent, true),
        ("received", |it| it.received, true),
        ("dropped", |it| it.dropped, true),
        ("  with data", |it| it.dropped_data, false),
        ("  acknowledgments only", |it| it.dropped_pure_acks, false),
        ("injected", |it| it.injected, true),
        ("mangled", |it| it.mangled, true),
        ("partly lost", |it| it.partial, false),
        ("duplicate", |it| it.duplicate, true),
        ("reordered", |it| it.reordered, true),
        ("delayed", |it| it.delayed, true),
    ];
    for (name, value, is_always) in rows {
        let (ab, ba) = (value(ab), value(ba));
        if is_always || ab + ba > 0 {
            text.line(format_args!("{name:<24}{ab:>14}{ba:>14}"));
        }
    }
    let ratio = |it: &Counts| {
        it.loss_ratio
            .map_or_else(|| "-".to_owned(), |it| format!("{:.4} %", it * 100.0))
    };
    text.line(format_args!(
        "{:<24}{:>14}{:>14}",
        "loss",
        ratio(ab),
        ratio(ba)
    ));
    let [ab, ba] = Way::ALL.map(|way| summary.delay_ns.get(way));
    let rows: [(&str, DelayOf); 4] = [
        ("delay p50", |it| it.p50),
        ("delay p99", |it| it.p99),
        ("delay p99.9", |it| it.p999),
        ("delay max", |it| it.max),
    ];
    for (name, value) in rows {
        let shown = |it| value(it).map_or_else(|| "-".to_owned(), duration);
        text.line(format_args!("{name:<24}{:>14}{:>14}", shown(ab), shown(ba)));
    }
}

/// Writes the conversations with the most differences.
fn worst(flows: &FlowTable<'_>, text: &mut Text) {
    let all = (0..flows.len()).into_par_iter().map(|it| flows.row(it));
    let mut rows: Vec<FlowRow> = all.filter(|it| it.different() > 0).collect();
    rows.sort_by_key(|it| (std::cmp::Reverse(it.different()), it.id));
    if rows.is_empty() {
        text.line(format_args!("\nno conversation differs"));
        return;
    }
    text.line(format_args!(
        "\n{} conversations differ; the worst:",
        rows.len()
    ));
    for row in rows.iter().take(MOST_ROWS) {
        let [ab, ba] = &row.ways;
        text.line(format_args!(
            "  flow {}: {} {}: dropped {}+{}, injected {}+{}, mangled {}+{}, others {}",
            row.id,
            row.protocol,
            row.ends
                .get(Point::A)
                .or(*row.ends.get(Point::B))
                .map_or_else(String::new, ends),
            ab.dropped,
            ba.dropped,
            ab.injected,
            ba.injected,
            ab.mangled,
            ba.mangled,
            row.different()
                - ab.dropped
                - ba.dropped
                - ab.injected
                - ba.injected
                - ab.mangled
                - ba.mangled,
        ));
    }
}

fn ends([from, to]: [(IpAddr, u16); 2]) -> String {
    format!("{} \u{2192} {}", end(from), end(to))
}

fn end((address, port): (IpAddr, u16)) -> String {
    match (address, port) {
        (address, 0) => address.to_string(),
        (IpAddr::V4(address), port) => format!("{address}:{port}"),
        (IpAddr::V6(address), port) => format!("[{address}]:{port}"),
    }
}

/// Listed conversations.
const MOST_ROWS: usize = 10;
