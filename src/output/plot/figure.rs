//! The contents of plots.

/// A title and panels, one below the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// What is shown.
    pub title: String,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

/// A coordinate system with what is drawn in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What is shown.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis on the left.
    pub y: Axis,
    /// The vertical axis on the right, if there is one.
    pub second: Option<Axis>,
    /// Later ones are above earlier ones.
    pub layers: Vec<Layer>,
}

/// An axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit: `round trip (ms)`.
    pub label: String,
    /// Values are powers of ten: the axis is labelled with what they are powers to.
    pub is_log: bool,
}

/// Values that are drawn alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// What they are, for the legend.
    pub name: String,
    /// Their color.
    pub color: Color,
    /// How they are drawn, and where.
    pub shape: Shape,
    /// By the axis on the right.
    pub is_on_second: bool,
    /// The packet of each value, from 1; empty where values are no packets.
    pub packets: Vec<u64>,
}

/// Values, and how they are drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Points joined by lines.
    Line(Vec<(f64, f64)>),
    /// A value that holds until the next one.
    Steps(Vec<(f64, f64)>),
    /// Single marks.
    Marks(Vec<(f64, f64)>),
    /// From a lower to an upper value.
    Bars(Vec<(f64, f64, f64)>),
}

/// Colors that can be told apart, also by those who confuse red and green (Okabe and Ito).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// What is usual.
    Blue,
    /// What else is usual.
    Green,
    /// What limits.
    Orange,
    /// What is wrong.
    Red,
    /// What is wrong in another way.
    Purple,
    /// What is beside the point.
    Gray,
}

impl Color {
    /// Its name in style sheets.
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
    /// How many values it has.
    pub const fn len(&self) -> usize {
        match self {
            Self::Line(it) | Self::Steps(it) | Self::Marks(it) => it.len(),
            Self::Bars(it) => it.len(),
        }
    }

    /// A value: horizontal, and the least and the greatest vertical one; zeros beyond the end.
    pub(super) fn value(&self, ordinal: usize) -> (f64, f64, f64) {
        let value = match self {
            Self::Line(it) | Self::Steps(it) | Self::Marks(it) => {
                it.get(ordinal).map(|it| (it.0, it.1, it.1))
            }
            Self::Bars(it) => it.get(ordinal).copied(),
        };
        value.unwrap_or_default()
    }

    /// Whether it has no values.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Horizontal and vertical extent: least and greatest of both; `None` without values.
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
    /// The horizontal extent of a panel, and of others over the same axis: what is below each other is
    /// of the same time. `None` without values.
    pub(super) fn horizontal(&self, panel: &Panel) -> Option<(f64, f64)> {
        let alike = self.panels.iter().filter(|it| it.x == panel.x);
        let extents = alike.flat_map(|it| [it.extent(false), it.extent(true)]);
        let extents = extents.flatten().map(|it| it[0]);
        extents.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
    }
}

impl Panel {
    /// The extents of its layers, of those on one of the vertical axes.
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
