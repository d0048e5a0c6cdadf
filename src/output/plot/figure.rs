//! The contents of plots.

/// A title, and panels from top to bottom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// The title.
    pub title: String,
    /// The panels, from top to bottom.
    pub panels: Vec<Panel>,
}

/// A coordinate system with its layers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// The title.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis on the left.
    pub y: Axis,
    /// The vertical axis on the right, if any.
    pub second: Option<Axis>,
    /// The layers; later ones are drawn over earlier ones.
    pub layers: Vec<Layer>,
}

/// An axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// The label, including the unit: `round trip (ms)`.
    pub label: String,
    /// Whether values are exponents of ten, which are labeled with the powers.
    pub is_log: bool,
}

/// Values drawn alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The name in the legend.
    pub name: String,
    /// The color.
    pub color: Color,
    /// The values, and how to draw them.
    pub shape: Shape,
    /// Whether the layer uses the axis on the right.
    pub is_on_second: bool,
    /// The packet number of each value, from 1; empty if values have no packets.
    pub packets: Vec<u64>,
}

/// Values, and how to draw them.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Points joined by lines.
    Line(Vec<(f64, f64)>),
    /// Values that hold until the next one.
    Steps(Vec<(f64, f64)>),
    /// Single marks.
    Marks(Vec<(f64, f64)>),
    /// Ranges from a lower to an upper value.
    Bars(Vec<(f64, f64, f64)>),
}

/// Colors that are distinguishable with red-green color blindness (Okabe and Ito).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Normal values.
    Blue,
    /// Other normal values.
    Green,
    /// Limits.
    Orange,
    /// Faults.
    Red,
    /// Faults of another kind.
    Purple,
    /// Background values.
    Gray,
}

impl Color {
    /// The name used in style sheets.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
            Self::Orange => "orange",
            Self::Red => "red",
            Self::Purple => "purple",
            Self::Gray => "gray",
        }
    }

    /// Red, green and blue.
    pub const fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Blue => (0, 114, 178),
            Self::Green => (0, 158, 115),
            Self::Orange => (230, 159, 0),
            Self::Red => (213, 94, 0),
            Self::Purple => (204, 121, 167),
            Self::Gray => (120, 120, 120),
        }
    }
}

impl Shape {
    /// Number of values.
    pub const fn len(&self) -> usize {
        match self {
            Self::Line(it) | Self::Steps(it) | Self::Marks(it) => it.len(),
            Self::Bars(it) => it.len(),
        }
    }

    /// A value: horizontal, then least and greatest vertical; zeros beyond the end.
    pub(super) fn value(&self, ordinal: usize) -> (f64, f64, f64) {
        let value = match self {
            Self::Line(it) | Self::Steps(it) | Self::Marks(it) => {
                it.get(ordinal).map(|it| (it.0, it.1, it.1))
            }
            Self::Bars(it) => it.get(ordinal).copied(),
        };
        value.unwrap_or_default()
    }

    /// Whether there are no values.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Extent, as least and greatest values of both axes; `None` without values.
    pub(super) fn extent(&self) -> Option<[(f64, f64); 2]> {
        let mut all: Option<[(f64, f64); 2]> = None;
        let mut add = |x: f64, low: f64, high: f64| {
            let [(left, right), (bottom, top)] = all.unwrap_or([(x, x), (low, high)]);
            all = Some([
                (left.min(x), right.max(x)),
                (bottom.min(low), top.max(high)),
            ]);
        };
        match self {
            Self::Line(points) | Self::Steps(points) | Self::Marks(points) => {
                points.iter().for_each(|(x, y)| add(*x, *y, *y));
            }
            Self::Bars(bars) => bars.iter().for_each(|(x, low, high)| add(*x, *low, *high)),
        }
        all
    }
}

impl Figure {
    /// Common horizontal extent of a panel and the others with the same axis, so that panels line
    /// up. `None` without values.
    pub(super) fn horizontal(&self, panel: &Panel) -> Option<(f64, f64)> {
        let alike = self.panels.iter().filter(|it| it.x == panel.x);
        let extents = alike.flat_map(|it| [it.extent(false), it.extent(true)]);
        let extents = extents.flatten().map(|it| it[0]);
        extents.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
    }
}

impl Panel {
    /// Common extent of the layers on one of the vertical axes.
    pub(super) fn extent(&self, is_on_second: bool) -> Option<[(f64, f64); 2]> {
        let layers = self
            .layers
            .iter()
            .filter(|it| it.is_on_second == is_on_second);
        let extents = layers.filter_map(|it| it.shape.extent());
        extents.reduce(|[(a, b), (c, d)], [(e, f), (g, h)]| {
            [(a.min(e), b.max(f)), (c.min(g), d.max(h))]
        })
    }
}
