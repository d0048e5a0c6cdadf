//! Values of plots, with their packets.

use crate::output::plot::{Axis, Color, Layer, Panel, Shape};

/// Values drawn alike.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Horizontal value, then lower and upper vertical ones.
    values: Vec<(f64, f64, f64)>,
    packets: Vec<u64>,
}

impl Values {
    /// Adds a point of a packet.
    pub(super) fn point(&mut self, x: f64, y: f64, packet: u64) {
        self.bar(x, y, y, packet);
    }

    /// Adds a bar of a packet.
    pub(super) fn bar(&mut self, x: f64, low: f64, high: f64, packet: u64) {
        self.values.push((x, low, high));
        self.packets.push(packet);
    }

    /// Converts the values to a layer drawn as `shape`.
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

    /// Converts the values to a layer of bars.
    pub(super) fn bars(self, name: &str, color: Color) -> Layer {
        let mut layer = layer(name, color, Shape::Bars(self.values));
        layer.packets = self.packets;
        layer
    }
}

/// A layer of values without packets.
pub(super) fn layer(name: &str, color: Color, shape: Shape) -> Layer {
    Layer {
        name: name.to_owned(),
        color,
        shape,
        is_on_second: false,
        packets: Vec::new(),
    }
}

pub(super) fn axis(label: &str) -> Axis {
    Axis {
        label: label.to_owned(),
        is_log: false,
    }
}

/// A logarithmic axis, whose values are powers of ten.
pub(super) fn log_axis(label: &str) -> Axis {
    Axis {
        label: label.to_owned(),
        is_log: true,
    }
}

/// A panel over time, with the nonempty layers.
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

/// Nanoseconds as seconds.
pub(super) fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// Nanoseconds as milliseconds.
pub(super) fn milliseconds(ns: i64) -> f64 {
    ns as f64 / 1e6
}
