//! Figures as self-contained HTML pages: the values, uPlot, and a drawing script.
//!
//! Pages load nothing: their content security policy (<https://www.w3.org/TR/CSP3/>) forbids it.

use super::figure::{Axis, Figure, Layer, Panel, Shape};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Renders a figure as an HTML page.
pub fn html(figure: &Figure) -> String {
    let title = escaped(&figure.title);
    let panels: Vec<Value> = figure.panels.iter().map(panel).collect();
    // Escape the end of the enclosing element.
    let data = json!({ "panels": panels })
        .to_string()
        .replace('<', "\\u003c");
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n\
         <style>\n{UPLOT_CSS}\n{PAGE_CSS}</style>\n\
         </head>\n\
         <body>\n\
         <h1>{title}</h1>\n\
         <p class=\"keys\">{KEYS}</p>\n\
         <script type=\"application/json\" id=\"figure\">{data}</script>\n\
         <script>\n/* {UPLOT_LICENSE} */\n{UPLOT}\n</script>\n\
         <script>\n{PAGE}</script>\n\
         </body>\n\
         </html>\n"
    )
}

fn panel(panel: &Panel) -> Value {
    let layers = panel.layers.iter().filter(|it| !it.shape.is_empty());
    json!({
        "title": panel.title,
        "x": axis(&panel.x),
        "y": axis(&panel.y),
        "second": panel.second.as_ref().map(axis),
        "layers": layers.map(layer).collect::<Vec<_>>(),
    })
}

fn axis(axis: &Axis) -> Value {
    json!({ "label": axis.label, "log": axis.is_log })
}

fn layer(layer: &Layer) -> Value {
    let mut order: Vec<usize> = (0..layer.shape.len()).collect();
    order.sort_by(|a, b| layer.shape.value(*a).0.total_cmp(&layer.shape.value(*b).0));
    let column =
        |of: fn((f64, f64, f64)) -> f64| encoded(order.iter().map(|it| of(layer.shape.value(*it))));
    let (name, high) = match layer.shape {
        Shape::Line(_) => ("line", None),
        Shape::Steps(_) => ("steps", None),
        Shape::Marks(_) => ("marks", None),
        Shape::Bars(_) => ("bars", Some(column(|it| it.2))),
    };
    let packets = order.iter().filter_map(|it| layer.packets.get(*it));
    let packets = (!layer.packets.is_empty()).then(|| encoded(packets.map(|it| *it as f64)));
    json!({
        "name": layer.name,
        "color": layer.color.name(),
        "shape": name,
        "second": layer.is_on_second,
        "x": column(|it| it.0),
        "low": column(|it| it.1),
        "high": high,
        "packets": packets,
    })
}

/// 64-bit numbers, little-endian, in base64.
fn encoded(values: impl Iterator<Item = f64>) -> String {
    let bytes: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
    STANDARD.encode(bytes)
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'";
const KEYS: &str = "Drag to zoom, double-click for all; Tab to a plot, then <kbd>+</kbd> <kbd>-</kbd> zoom, \
                    <kbd>&larr;</kbd> <kbd>&rarr;</kbd> move, <kbd>0</kbd> all, <kbd>,</kbd> <kbd>.</kbd> \
                    previous and next point. Names below a plot switch it on and off.";
const UPLOT: &str = include_str!("../../../assets/uplot/uPlot.iife.min.js");
const UPLOT_CSS: &str = include_str!("../../../assets/uplot/uPlot.min.css");
const UPLOT_LICENSE: &str = include_str!("../../../assets/uplot/LICENSE");
const PAGE: &str = include_str!("../../../assets/plot/page.js");
const PAGE_CSS: &str = include_str!("../../../assets/plot/page.css");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::plot::Color;

    #[test]
    fn names_from_outside_stay_text() {
        let hostile = "</script><script>alert(1)</script>\"&";
        let figure = Figure {
            title: hostile.to_owned(),
            panels: vec![Panel {
                title: hostile.to_owned(),
                layers: vec![Layer {
                    name: hostile.to_owned(),
                    color: Color::Blue,
                    shape: Shape::Marks(vec![(1.0, 2.0)]),
                    is_on_second: false,
                    packets: vec![7],
                }],
                ..Panel::default()
            }],
        };
        let page = html(&figure);
        assert!(!page.contains("<script>alert"));
        assert!(page.contains("&lt;/script&gt;"));
        assert_eq!(page.matches("</script>").count(), 3);
    }

    #[test]
    fn values_are_in_the_order_of_the_horizontal_axis() {
        let shape = Shape::Bars(vec![(2.0, 0.0, 5.0), (1.0, 3.0, 4.0)]);
        let value = layer(&Layer {
            name: String::new(),
            color: Color::Red,
            shape,
            is_on_second: false,
            packets: vec![8, 9],
        });
        assert_eq!(value["x"], encoded([1.0, 2.0].into_iter()));
        assert_eq!(value["high"], encoded([4.0, 5.0].into_iter()));
        assert_eq!(value["packets"], encoded([9.0, 8.0].into_iter()));
    }
}
