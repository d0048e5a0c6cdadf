//! Plots: figures of panels with a common time axis, as SVG and as HTML.
//!
//! A figure only holds numbers and labels. This module decides how to draw them.

mod figure;
mod html;
mod svg;
mod thin;

pub use figure::{Axis, Color, Figure, Layer, Panel, Shape};
pub use html::html;
pub use svg::svg;
