//! Values of plots, with the packets that they are of.

use crate::output::plot::{Axis, Color, Layer, Panel, Shape};

/// Values that are drawn alike.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Horizontal; lower and upper vertical.
    values: Vec<(f64, f64, f64)>,
    packets: Vec<u64>,
}

impl Values {
    /// Adds a value of a packet.
    pub(super) fn point(&mut self, x: f64, y: f64, packet: u64) {
        self.bar(x, y, y, packet);
    }

    /// Adds a range of values of a packet.
    pub(super) fn bar(&mut self, x: f64, low: f64, high: f64, packet: u64) {
        self.values.push((x, low, high));
        self.packets.push(packet);
    }

    /// As a layer of points that `shape` draws.
    pub(super) fn layer(
        self,
        name: &str,
        color: Color,
        shape: fn(Vec<(f64, f64)>) -> Shape,
    ) -> Layer {
        let points = self.values.into_iter().map(|(x, low, _)| (x, low));
        let mut layer = layer(name, color, shape(points.collect()));
        layer.packets = self.packets;
        layer
    }

    /// As a layer of bars.
    pub(super) fn bars(self, name: &str, color: Color) -> Layer {
        let mut layer = layer(name, color, Shape::Bars(self.values));
        layer.packets = self.packets;
        layer
    }
}

/// A layer of values that are no packets.
pub(super) fn layer(name: &str, color: Color, shape: Shape) -> Layer {
    Layer {
        name: name.to_owned(),
        color,
        shape,
        is_on_second: false,
        packets: Vec::new(),
    }
}

/// An axis, with its unit.
pub(super) fn axis(label: &str) -> Axis {
    Axis {
        label: label.to_owned(),
        is_log: false,
    }
}

/// An axis of powers of ten.
pub(super) fn log_axis(label: &str) -> Axis {
    Axis {
        label: label.to_owned(),
        is_log: true,
    }
}

/// A panel over time, with those layers that have values.
pub(super) fn over_time(title: String, y: Axis, layers: Vec<Layer>) -> Panel {
    let layers = layers.into_iter().filter(|it| !it.shape.is_empty());
    Panel {
        title,
        x: axis("time since the first packet (s)"),
        y,
        second: None,
        layers: layers.collect(),
    }
}

/// Nanoseconds in seconds.
pub(super) fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// Nanoseconds in milliseconds.
pub(super) fn milliseconds(ns: i64) -> f64 {
    ns as f64 / 1e6
}
