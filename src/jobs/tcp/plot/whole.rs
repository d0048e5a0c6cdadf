//! Plots of a whole capture: open connections, their outcomes, and handshake delays.

use super::super::concurrency::Concurrency;
use super::super::facts::{Facts, Place};
use super::super::options::{Grouping, OpenUntil};
use super::values::{Values, axis, layer, log_axis, over_time, seconds};
use crate::output::plot::{Color, Figure, Layer, Panel, Shape};
use crate::output::rows::{Row, Table};

/// The plots of all connections of a capture.
pub(in crate::jobs::tcp) fn whole_figure(table: &impl Table, until: OpenUntil) -> Figure {
    let points: Vec<Point> = (0..table.len())
        .map(|it| Point::of(&table.row(it)))
        .collect();
    let start = points.iter().map(|it| it.first).min().unwrap_or(0);
    let end = points.iter().map(|it| it.last).max().unwrap_or(start);
    let width = (end.saturating_sub(start) / STRETCHES).max(1);
    Figure {
        title: format!("{} TCP connections", points.len()),
        panels: vec![
            open(table, start, width, until),
            delays(&points, start),
            states(&points, start, width),
            round_trips(&points),
        ],
    }
}

/// Plotted values of a connection.
struct Point {
    first: i64,
    last: i64,
    /// Time from SYN to SYN-ACK, and the packet of the latter.
    delay: Option<(i64, u64)>,
    /// Index into [`ENDINGS`].
    ending: usize,
    /// Least round trips to the server and to the client.
    rtt: [Option<i64>; 2],
}

impl Point {
    fn of(row: &impl Row) -> Self {
        let facts = Facts(row);
        let time = |place| facts.signed(place).unwrap_or(0);
        let state = facts.text(Place::State).unwrap_or_default();
        let ending = ENDINGS
            .iter()
            .position(|(.., states)| states.contains(&state));
        let delay = facts.signed(Place::SynAckDelay);
        Self {
            first: time(Place::First),
            last: time(Place::Last),
            delay: delay.map(|it| (it, facts.number(Place::SynAckPacket))),
            ending: ending.unwrap_or(ENDINGS.len() - 1),
            rtt: [Place::ServerRtt, Place::ClientRtt].map(|it| facts.signed(it)),
        }
    }
}

/// Open connections over time.
fn open(table: &impl Table, start: i64, width: i64, until: OpenUntil) -> Panel {
    let counted = Concurrency::new(table, Grouping::All, Some(width.unsigned_abs()), until);
    let mut most = Vec::new();
    let mut at_end = Vec::new();
    for (bin, open, open_max) in counted.counts() {
        let x = seconds(bin.saturating_sub(start)).max(0.0);
        most.push((x, open_max as f64));
        at_end.push((x, open as f64));
    }
    over_time(
        "open connections".to_owned(),
        axis("connections"),
        vec![
            layer("at most", Color::Orange, Shape::Steps(most)),
            layer(
                "at the end of the stretch",
                Color::Blue,
                Shape::Steps(at_end),
            ),
        ],
    )
}

/// Time from SYN to SYN-ACK, by start of connections.
fn delays(points: &[Point], start: i64) -> Panel {
    let mut delays = Values::default();
    for point in points {
        if let Some((delay, packet)) = point.delay.filter(|it| it.0 > 0) {
            let x = seconds(point.first.saturating_sub(start));
            delays.point(x, (delay as f64 / 1e6).log10(), packet);
        }
    }
    over_time(
        "answers to SYN".to_owned(),
        log_axis("delay of the SYN-ACK (ms)"),
        vec![delays.layer("SYN to SYN-ACK", Color::Blue, Shape::Marks)],
    )
}

/// Outcomes of connections by start time, stacked.
fn states(points: &[Point], start: i64, width: i64) -> Panel {
    let bins = usize::try_from(STRETCHES).unwrap_or(0) + 1;
    let mut counts = vec![[0_u32; ENDINGS.len()]; bins];
    for point in points {
        let bin = usize::try_from(point.first.saturating_sub(start) / width);
        let counts = bin.ok().and_then(|it| counts.get_mut(it));
        if let Some(count) = counts.and_then(|it| it.get_mut(point.ending)) {
            *count += 1;
        }
    }
    let layers = ENDINGS
        .iter()
        .enumerate()
        .rev()
        .map(|(kind, (name, color, _))| {
            let tops = (0_i64..).zip(&counts).map(|(bin, counts)| {
                let below: u32 = counts.iter().take(kind + 1).sum();
                (seconds(bin.saturating_mul(width)), f64::from(below))
            });
            layer(name, *color, Shape::Steps(tops.collect()))
        });
    let layers: Vec<Layer> = layers.collect();
    over_time(
        "connections by how they went, stacked".to_owned(),
        axis("new connections a stretch"),
        layers,
    )
}

/// Histogram of round trips.
fn round_trips(points: &[Point]) -> Panel {
    let of = |name: &str, color: Color, to: usize| {
        let least = points.iter().filter_map(|it| *it.rtt.get(to)?);
        let shape = Shape::Steps(histogram(least.filter(|it| *it > 0)));
        layer(name, color, shape)
    };
    let layers = vec![
        of("to the server", Color::Blue, 0),
        of("to the client", Color::Green, 1),
    ];
    let mut panel = over_time("least round trips".to_owned(), axis("connections"), layers);
    panel.x = log_axis("round trip (ms)");
    panel
}

/// Number of values in each tenth of a power of ten, in ms.
fn histogram(values: impl Iterator<Item = i64>) -> Vec<(f64, f64)> {
    let mut counts = [0_u32; POWERS * 10 + 1];
    let ends: Vec<f64> = (1..=POWERS * 10)
        .map(|it| 10_f64.powf(it as f64 / 10.0))
        .collect();
    for ns in values {
        let place = ends.partition_point(|it| *it <= ns as f64);
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    let first = counts.iter().position(|it| *it > 0);
    let last = counts.iter().rposition(|it| *it > 0);
    let Some((first, last)) = first.zip(last) else {
        return Vec::new();
    };
    // A zero on both sides closes the shape.
    let places = first.saturating_sub(1)..=(last + 1).min(counts.len() - 1);
    places
        .map(|place| {
            let count = counts.get(place).copied().unwrap_or(0);
            (place as f64 / 10.0 - 6.0, f64::from(count))
        })
        .collect()
}

/// Outcomes of connections, with their states.
const ENDINGS: [(&str, Color, &[&str]); 4] = [
    ("not answered", Color::Gray, &["S0"]),
    ("refused", Color::Red, &["REJ"]),
    ("reset", Color::Orange, &["RSTO", "RSTR", "RSTOS0", "RSTRH"]),
    ("others", Color::Blue, &[]),
];
const STRETCHES: i64 = 300;
/// Powers of ten up to the greatest duration in ns.
const POWERS: usize = 19;
