//! Plots of measured things: figures of panels that share the axis of time, as SVG and as HTML.
//!
//! A figure holds numbers and words only; how it is drawn is decided here.

mod figure;
mod html;
mod svg;
mod thin;

pub use figure::{Axis, Color, Figure, Layer, Panel, Shape};
pub use html::html;
pub use svg::svg;
