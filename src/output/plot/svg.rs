//! Figures as SVG (<https://www.w3.org/TR/SVG11/>), drawn by plotters.

use super::figure::{Axis, Figure, Layer, Panel, Shape};
use super::thin::thinned;
use plotters::chart::{ChartBuilder, DualCoordChartContext};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    BLACK, Cartesian2d, Circle, Color as _, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea,
    IntoFont, PathElement, RGBColor, SVGBackend, SeriesLabelPosition, WHITE,
};
use std::io;
use std::ops::Range;

/// Renders a figure as an SVG file.
///
/// # Errors
/// When it cannot be drawn, which only happens with numbers that are not finite.
pub fn svg(figure: &Figure) -> io::Result<String> {
    let mut text = String::new();
    let count = figure.panels.len().max(1);
    let height = TITLE_HEIGHT + PANEL_HEIGHT * u32::try_from(count).unwrap_or(1);
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let root = root
            .titled(&figure.title, ("sans-serif", 18))
            .map_err(failed)?;
        for (area, panel) in root.split_evenly((count, 1)).iter().zip(&figure.panels) {
            if let Some(x) = figure.horizontal(panel) {
                draw(area, panel, widened(x)).map_err(failed)?;
            }
        }
        root.present().map_err(failed)?;
    }
    Ok(text)
}

type Backend<'a> = SVGBackend<'a>;
type Failure<'a> =
    DrawingAreaErrorKind<<Backend<'a> as plotters::prelude::DrawingBackend>::ErrorType>;
type Plane = Cartesian2d<RangedCoordf64, RangedCoordf64>;

fn failed<E: std::error::Error + Send + Sync + 'static>(
    error: DrawingAreaErrorKind<E>,
) -> io::Error {
    io::Error::other(error)
}

fn draw<'a>(
    area: &DrawingArea<Backend<'a>, Shift>,
    panel: &Panel,
    x: Range<f64>,
) -> Result<(), Failure<'a>> {
    let vertical = |is_on_second| {
        let extent = panel.extent(is_on_second);
        widened(extent.map_or((0.0, 1.0), |it| it[1]))
    };
    let right = if panel.second.is_some() {
        LABEL_WIDTH
    } else {
        12
    };
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 14))
        .margin(8)
        .x_label_area_size(38)
        .y_label_area_size(LABEL_WIDTH)
        .right_y_label_area_size(right)
        .build_cartesian_2d(x.clone(), vertical(false))?
        .set_secondary_coord(x.clone(), vertical(true));
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.1))
        .x_desc(&panel.x.label)
        .y_desc(&panel.y.label)
        .y_label_formatter(&|it| label(&panel.y, *it))
        .axis_desc_style(("sans-serif", 13))
        .draw()?;
    if let Some(axis) = &panel.second {
        let mut axes = chart.configure_secondary_axes();
        axes.y_desc(&axis.label)
            .y_label_formatter(&|it| label(axis, *it))
            .label_style(("sans-serif", 12).into_font())
            .draw()?;
    }
    for layer in &panel.layers {
        draw_layer(&mut chart, layer, (x.start, x.end))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .label_font(("sans-serif", 12))
        .draw()
}

fn draw_layer<'a>(
    chart: &mut DualCoordChartContext<'_, Backend<'a>, Plane, Plane>,
    layer: &Layer,
    range: (f64, f64),
) -> Result<(), Failure<'a>> {
    let (red, green, blue) = layer.color.rgb();
    let color = RGBColor(red, green, blue);
    let shape = thinned(&layer.shape, range, WIDTH);
    let paths = paths(&shape);
    let lines = paths
        .into_iter()
        .map(|points| PathElement::new(points, color.stroke_width(1)));
    let annotation = if let Shape::Marks(points) = &shape {
        let marks = points
            .iter()
            .map(|point| Circle::new(*point, 2, color.filled()));
        if layer.is_on_second {
            chart.draw_secondary_series(marks)?
        } else {
            chart.draw_series(marks)?
        }
    } else if layer.is_on_second {
        chart.draw_secondary_series(lines)?
    } else {
        chart.draw_series(lines)?
    };
    annotation
        .label(&layer.name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], color.stroke_width(3)));
    Ok(())
}

/// The polylines of a shape.
fn paths(shape: &Shape) -> Vec<Vec<(f64, f64)>> {
    match shape {
        Shape::Marks(_) => Vec::new(),
        Shape::Line(points) => vec![points.clone()],
        Shape::Steps(points) => {
            let mut path: Vec<(f64, f64)> = Vec::with_capacity(points.len() * 2);
            for &(x, y) in points {
                if let Some(&(_, before)) = path.last() {
                    path.push((x, before));
                }
                path.push((x, y));
            }
            vec![path]
        }
        Shape::Bars(bars) => bars
            .iter()
            .map(|&(x, low, high)| vec![(x, low), (x, high)])
            .collect(),
    }
}

/// A range around these values, with some margin.
fn widened((low, high): (f64, f64)) -> Range<f64> {
    let room = ((high - low) * 0.03).max(high.abs() * 1e-9).max(1e-9);
    let low = if low >= 0.0 && low <= room {
        0.0
    } else {
        low - room
    };
    low..high + room
}

/// The label of a value on an axis.
fn label(axis: &Axis, value: f64) -> String {
    if !axis.is_log {
        return short(value);
    }
    let value = 10_f64.powf(value);
    // Three significant digits.
    let text = match value {
        100.0.. => format!("{value:.0}"),
        1.0..100.0 => format!("{value:.2}"),
        _ => format!("{value:.5}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `1.5M`, `20k`.
fn short(value: f64) -> String {
    let (unit, name) = match value.abs() {
        it if it >= 1e9 => (1e9, "G"),
        it if it >= 1e6 => (1e6, "M"),
        it if it >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let text = format!("{:.3}", value / unit);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{name}")
}

const WIDTH: u32 = 1200;
const PANEL_HEIGHT: u32 = 320;
const TITLE_HEIGHT: u32 = 36;
const LABEL_WIDTH: u32 = 70;
