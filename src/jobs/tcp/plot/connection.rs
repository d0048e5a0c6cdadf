//! Plots of one connection: sequence numbers over time, windows, round trips, throughput.

use super::super::line::end;
use super::super::packets::{Listed, Recorded};
use super::values::{Values, axis, layer, milliseconds, over_time, seconds};
use crate::output::plot::{Color, Figure, Layer, Panel, Shape};
use crate::tcp::Segment;
use crate::tcp::measure::{Analysis, Report, Side};

/// The plots of a connection.
pub(in crate::jobs::tcp) fn figure(recorded: &Recorded) -> Figure {
    let report = recorded.entry.connection.report();
    let [client, server] = recorded.entry.ends().map(end);
    let [from_client, from_server] = &report.sides;
    // The side that sends more is the more interesting one.
    let sends_more = from_client.counts.payload_bytes > from_server.counts.payload_bytes;
    let sender = if sends_more {
        report.client
    } else {
        report.client.other()
    };
    let story = Story::new(recorded, &report, sender);
    Figure {
        title: format!(
            "connection {}: {client} -> {server}, {}",
            recorded.id,
            report.state.name()
        ),
        panels: vec![
            story.sequences(),
            story.windows(),
            story.round_trips(),
            story.throughput(),
        ],
    }
}

/// A connection, seen from the side that sends more.
struct Story<'a> {
    recorded: &'a Recorded,
    report: &'a Report,
    sender: Side,
    start: i64,
}

/// Sequence numbers of one side, unwrapped.
#[derive(Default)]
struct Unwrapped {
    last: Option<(u32, f64)>,
}

impl Unwrapped {
    fn place(&mut self, relative: u32) -> f64 {
        let place = match self.last {
            None => f64::from(relative.cast_signed()),
            Some((last, place)) => place + f64::from(relative.wrapping_sub(last).cast_signed()),
        };
        self.last = Some((relative, place));
        place
    }
}

impl<'a> Story<'a> {
    fn new(recorded: &'a Recorded, report: &'a Report, sender: Side) -> Self {
        Self {
            recorded,
            report,
            sender,
            start: recorded.packets.first().map_or(0, |it| it.time),
        }
    }

    /// Seconds since the first packet.
    fn seconds(&self, listed: &Listed) -> f64 {
        seconds(listed.time.saturating_sub(self.start))
    }

    fn name(&self, side: Side) -> &'static str {
        if side == self.report.client {
            "client"
        } else {
            "server"
        }
    }

    fn of(&self, side: Side) -> impl Iterator<Item = &'a Listed> {
        self.recorded
            .packets
            .iter()
            .filter(move |it| it.side == side)
    }

    fn relative(&self, side: Side, number: u32) -> u32 {
        let base = self.recorded.entry.connection.base(side);
        number.wrapping_sub(base.unwrap_or(0))
    }

    /// Segments, acknowledgments and window edge, in the style of tcptrace.
    fn sequences(&self) -> Panel {
        let mut layers = self.acknowledgments();
        layers.extend(self.segments());
        over_time(
            format!("sequence numbers of the {}", self.name(self.sender)),
            axis("sequence number (bytes)"),
            layers,
        )
    }

    /// Segments of the sender.
    fn segments(&self) -> Vec<Layer> {
        let kinds = [
            ("new", Color::Blue, Analysis::default()),
            ("out of order", Color::Purple, Analysis::OUT_OF_ORDER),
            ("retransmission", Color::Red, Analysis::RETRANSMISSION),
        ];
        let mut bars = kinds.map(|_| Values::default());
        let (mut lost, mut ends) = (Values::default(), Values::default());
        let mut numbers = Unwrapped::default();
        for listed in self.of(self.sender) {
            let (x, segment) = (self.seconds(listed), &listed.segment);
            let y = numbers.place(self.relative(self.sender, segment.sequence));
            let analysis = listed.measured.analysis;
            let is_of = |kind: Analysis| kind == Analysis::default() || analysis.has(kind);
            let kind = kinds.iter().rposition(|(.., kind)| is_of(*kind));
            let kind = kind.filter(|_| listed.payload > 0);
            if let Some(bars) = kind.and_then(|it| bars.get_mut(it)) {
                bars.bar(x, y, y + f64::from(listed.payload), listed.packet);
            }
            if analysis.has(Analysis::LOST_SEGMENT) {
                lost.point(x, y, listed.packet);
            }
            if segment.has(Segment::FIN | Segment::RST) {
                ends.point(x, y, listed.packet);
            }
        }
        let bars = kinds.into_iter().zip(bars);
        let mut layers: Vec<Layer> = bars
            .map(|((name, color, _), bars)| bars.bars(name, color))
            .collect();
        layers.push(lost.layer("bytes before it are missing", Color::Purple, Shape::Marks));
        layers.push(ends.layer("FIN or RST", Color::Gray, Shape::Marks));
        layers
    }

    /// Acknowledgments of the receiver.
    fn acknowledgments(&self) -> Vec<Layer> {
        let receiver = self.sender.other();
        let connection = &self.recorded.entry.connection;
        let [mut acks, mut edge, mut sack, mut zero] = [(); 4].map(|()| Values::default());
        let mut numbers = Unwrapped::default();
        for listed in self.of(receiver).filter(|it| it.segment.has(Segment::ACK)) {
            let (x, packet) = (self.seconds(listed), listed.packet);
            let relative = self.relative(self.sender, listed.segment.acknowledgment);
            let y = numbers.place(relative);
            acks.point(x, y, packet);
            if let Some(window) = listed.window(connection) {
                edge.point(x, y + window as f64, packet);
            }
            if listed.measured.analysis.has(Analysis::ZERO_WINDOW) {
                zero.point(x, y, packet);
            }
            for (start, end) in listed.sack.as_slice() {
                let ahead = |number: u32| {
                    let distance = self.relative(self.sender, number).wrapping_sub(relative);
                    y + f64::from(distance.cast_signed())
                };
                sack.bar(x, ahead(*start), ahead(*end), packet);
            }
        }
        vec![
            edge.layer("edge of the window", Color::Orange, Shape::Steps),
            acks.layer("acknowledged", Color::Green, Shape::Steps),
            sack.bars("SACK", Color::Gray),
            zero.layer("window 0", Color::Orange, Shape::Marks),
        ]
    }

    /// The receiver's window and acknowledgments, and the sender's bytes in flight.
    fn windows(&self) -> Panel {
        let receiver = self.sender.other();
        let connection = &self.recorded.entry.connection;
        let mut numbers = Unwrapped::default();
        let [mut windows, mut acks, mut in_flight] = [(); 3].map(|()| Values::default());
        for listed in self.of(receiver) {
            let x = self.seconds(listed);
            if let Some(window) = listed.window(connection) {
                windows.point(x, window as f64, listed.packet);
            }
            if listed.segment.has(Segment::ACK) {
                let relative = self.relative(self.sender, listed.segment.acknowledgment);
                acks.point(x, numbers.place(relative), listed.packet);
            }
        }
        for listed in self.of(self.sender) {
            if let Some(bytes) = listed.measured.in_flight {
                in_flight.point(self.seconds(listed), f64::from(bytes), listed.packet);
            }
        }
        let mut acks = acks.layer("acknowledged (right)", Color::Green, Shape::Steps);
        acks.is_on_second = true;
        let layers = vec![
            windows.layer("window", Color::Orange, Shape::Steps),
            in_flight.layer("in flight", Color::Blue, Shape::Steps),
            acks,
        ];
        let title = format!("window of the {}", self.name(receiver));
        let mut panel = over_time(title, axis("bytes"), layers);
        panel.second = Some(axis("ACK number (bytes)"));
        panel
    }

    fn round_trips(&self) -> Panel {
        let samples = |side: Side, name: &str, color: Color| {
            let mut samples = Values::default();
            for listed in self.of(side) {
                if let Some(rtt) = listed.measured.rtt {
                    samples.point(self.seconds(listed), milliseconds(rtt), listed.packet);
                }
            }
            samples.layer(name, color, Shape::Marks)
        };
        let client = self.report.client;
        let mut layers = vec![
            samples(client.other(), "to the server", Color::Blue),
            samples(client, "to the client", Color::Green),
        ];
        if let Some(rtt) = self.report.handshake_rtt {
            let last = self.recorded.packets.last();
            let last = last.map_or(0.0, |it| self.seconds(it));
            let line = vec![(0.0, milliseconds(rtt)), (last, milliseconds(rtt))];
            layers.push(layer("handshake", Color::Orange, Shape::Line(line)));
        }
        over_time("round trips".to_owned(), axis("round trip (ms)"), layers)
    }

    /// Payload in a hundred time intervals.
    fn throughput(&self) -> Panel {
        let last = self
            .recorded
            .packets
            .iter()
            .map(|it| it.time)
            .max()
            .unwrap_or(0);
        let width = (last.saturating_sub(self.start) / STRETCHES as i64).saturating_add(1);
        let sums = |side: Side, bytes: fn(&Listed) -> u64| {
            let mut sums = [0_u64; STRETCHES];
            for listed in self.of(side) {
                let stretch = usize::try_from(listed.time.saturating_sub(self.start) / width);
                if let Some(sum) = stretch.ok().and_then(|it| sums.get_mut(it)) {
                    *sum += bytes(listed);
                }
            }
            let points = sums.iter().zip(0_i64..).map(|(sum, stretch)| {
                let rate = *sum as f64 * 8.0 / seconds(width) / 1e6;
                (seconds(stretch.saturating_mul(width)), rate)
            });
            Shape::Steps(points.collect())
        };
        let all = |it: &Listed| u64::from(it.payload);
        let new = |it: &Listed| it.measured.new_bytes;
        let client = self.report.client;
        let layers = vec![
            layer("client, all", Color::Gray, sums(client, all)),
            layer("client, new bytes", Color::Blue, sums(client, new)),
            layer("server, all", Color::Red, sums(client.other(), all)),
            layer("server, new bytes", Color::Green, sums(client.other(), new)),
        ];
        over_time("throughput".to_owned(), axis("payload (Mbit/s)"), layers)
    }
}

const STRETCHES: usize = 100;
