//! Removal of points that do not change the picture, because they share a pixel column.

use super::figure::Shape;

/// Reduces a shape to a few values in each of `columns` columns between `left` and `right`: first,
/// last, least and greatest ones of lines; distinct marks; unions of bars.
pub(super) fn thinned(shape: &Shape, (left, right): (f64, f64), columns: u32) -> Shape {
    let column = |x: f64| {
        let share = (x - left) / (right - left).max(f64::MIN_POSITIVE);
        (share * f64::from(columns)).floor()
    };
    match shape {
        Shape::Line(points) => Shape::Line(extremes(points, column)),
        Shape::Steps(points) => Shape::Steps(extremes(points, column)),
        Shape::Marks(points) => Shape::Marks(apart(points, shape, column)),
        Shape::Bars(bars) => Shape::Bars(joined(bars, column)),
    }
}

fn extremes(points: &[(f64, f64)], column: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let mut thin = Vec::new();
    for run in points.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let least = run.iter().min_by(by_value).unwrap_or(first);
        let greatest = run.iter().max_by(by_value).unwrap_or(first);
        let mut few = vec![*first, *least, *greatest, *last];
        few.sort_by(|a, b| a.0.total_cmp(&b.0));
        few.dedup();
        thin.extend(few);
    }
    thin
}

/// Keeps one mark per row of a column.
fn apart(points: &[(f64, f64)], shape: &Shape, column: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let Some([_, (bottom, top)]) = shape.extent() else {
        return Vec::new();
    };
    let row = |y: f64| ((y - bottom) / (top - bottom).max(f64::MIN_POSITIVE) * ROWS).floor();
    let mut sorted = points.to_vec();
    let place = |&(x, y): &(f64, f64)| (column(x), row(y));
    sorted.sort_by(|a, b| {
        let (a, b) = (place(a), place(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    sorted.dedup_by(|a, b| place(a) == place(b));
    sorted
}

/// Merges bars of a column that touch.
fn joined(bars: &[(f64, f64, f64)], column: impl Fn(f64) -> f64) -> Vec<(f64, f64, f64)> {
    let mut thin: Vec<(f64, f64, f64)> = Vec::new();
    for &(x, low, high) in bars {
        match thin.last_mut() {
            Some(last) if column(last.0) == column(x) && low <= last.2 && high >= last.1 => {
                last.1 = last.1.min(low);
                last.2 = last.2.max(high);
            }
            _ => thin.push((x, low, high)),
        }
    }
    thin
}

/// Distinguishable rows of marks.
const ROWS: f64 = 400.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_stay() {
        let points: Vec<(f64, f64)> = (0..10_000_u32)
            .map(|it| (f64::from(it), f64::from(it % 97)))
            .collect();
        let shape = Shape::Line(points);
        let thin = thinned(&shape, (0.0, 9_999.0), 100);
        assert_eq!(thin.extent(), shape.extent());
        let Shape::Line(points) = thin else {
            panic!("another shape")
        };
        assert!(points.len() <= 4 * 101, "{}", points.len());
    }

    #[test]
    fn bars_that_touch_are_one_and_marks_that_coincide() {
        let bars = Shape::Bars(vec![(1.0, 0.0, 2.0), (1.1, 2.0, 3.0), (1.2, 7.0, 8.0)]);
        let expected = Shape::Bars(vec![(1.0, 0.0, 3.0), (1.2, 7.0, 8.0)]);
        assert_eq!(thinned(&bars, (0.0, 100.0), 10), expected);
        let marks = Shape::Marks(vec![(1.0, 5.0), (1.01, 5.0), (1.0, 9.0), (90.0, 5.0)]);
        let Shape::Marks(few) = thinned(&marks, (0.0, 100.0), 10) else {
            panic!("another shape")
        };
        assert_eq!(few.len(), 3);
    }
}
