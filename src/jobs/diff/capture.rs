//! A capture with packets of both sides, each with a comment on its fate.

use super::options::{CaptureOutput, Select};
use crate::diff::{Class, Comparison, Fate, Pair, Point, Way, detail};
use crate::engine::Progress;
use crate::error::Error;
use crate::output::OutputFile;
use crate::output::capture::CommentedCapture;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A packet to write: its time, side, and index.
type Chosen = (i64, Point, u32);

/// Writes the selected packets in the order of A's clock.
///
/// # Errors
/// When writing fails or is cancelled.
pub(super) fn capture(
    pair: Pair<'_>,
    comparison: &Comparison,
    output: &CaptureOutput,
    names: [&str; 2],
    file: OutputFile,
    progress: &Progress,
) -> Result<(), Error> {
    let mut capture = CommentedCapture::new(file)?;
    let mut interfaces: BTreeMap<(Point, u8), u32> = BTreeMap::new();
    for (count, (time, point, place)) in chosen(pair, comparison, output.select)
        .into_iter()
        .enumerate()
    {
        if count % PACKETS_AT_A_TIME == 0 {
            progress.check()?;
        }
        let packet = pair.packet(point, place);
        let Some(frame) = pair.frame(point, packet) else {
            continue;
        };
        let interface = match interfaces.get(&(point, packet.link)) {
            Some(interface) => *interface,
            None => {
                let [a, b] = names;
                let name = match point {
                    Point::A => format!("A: {a}"),
                    Point::B => format!("B: {b}"),
                };
                let interface = capture.interface(frame.link_type, &name)?;
                interfaces.insert((point, packet.link), interface);
                interface
            }
        };
        let time = if output.keeps_times {
            packet.time
        } else {
            time
        };
        let wire_len = packet.data_len.saturating_add(packet.missing.into());
        let comment = comment(pair, comparison, point, place);
        capture.packet(interface, time, wire_len, &frame.data, &comment)?;
    }
    capture.finish()
}

/// The packets to write, in order.
fn chosen(pair: Pair<'_>, comparison: &Comparison, select: Select) -> Vec<Chosen> {
    let mut chosen: Vec<Chosen> = Vec::new();
    for point in [Point::A, Point::B] {
        let packets = pair
            .side(point)
            .packets
            .iter()
            .zip(comparison.fates.get(point))
            .zip(0..);
        for ((packet, fate), place) in packets {
            if !is_chosen(fate, select) {
                continue;
            }
            chosen.push((in_time_of_a(comparison, point, packet.time), point, place));
            // Include its counterparts on the other side.
            let other = point.other();
            for partner in comparison
                .partners(point, place)
                .filter(|_| select == Select::Different)
            {
                let time = pair.packet(other, partner).time;
                chosen.push((in_time_of_a(comparison, other, time), other, partner));
            }
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

const fn is_chosen(fate: &Fate, select: Select) -> bool {
    match select {
        Select::All => true,
        Select::Lost => matches!(fate.class, Class::Dropped | Class::Injected | Class::Only),
        Select::Different => fate.class.differs(),
    }
}

fn in_time_of_a(comparison: &Comparison, point: Point, time: i64) -> i64 {
    match point {
        Point::A => time,
        Point::B => comparison.clock.at_a(time),
    }
}

/// The fate of a packet, in words for display filters.
fn comment(pair: Pair<'_>, comparison: &Comparison, point: Point, place: u32) -> String {
    let fate = comparison.fate(point, place);
    let name = |point| if point == Point::A { "A" } else { "B" };
    let way = match fate.way {
        Some(Way::Ab) => " A\u{2192}B",
        Some(Way::Ba) => " B\u{2192}A",
        None => "",
    };
    let number = pair.packet(point, place).number;
    let mut text = format!("{}{way}; {} #{number}", fate.class.name(), name(point));
    let mut add = |part: std::fmt::Arguments<'_>| {
        let written = text.write_fmt(part);
        debug_assert!(written.is_ok(), "a string takes all text");
    };
    if fate.is_reordered {
        add(format_args!("; reordered"));
    }
    if fate.is_delayed {
        add(format_args!("; delayed"));
    }
    let other = point.other();
    let partners = comparison.partners(point, place).take(MOST_PARTNERS);
    for partner in partners {
        add(format_args!(
            "; {} #{}",
            name(other),
            pair.packet(other, partner).number
        ));
    }
    if let ([link], Class::Mangled) = (comparison.links_of(point, place), fate.class) {
        add(format_args!("; {}", detail(pair, link)));
    }
    text
}

/// Partners named in a comment.
const MOST_PARTNERS: usize = 16;
/// Packets between checks for cancellation.
const PACKETS_AT_A_TIME: usize = 4096;
