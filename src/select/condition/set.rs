//! Sets of values, as the spans that they make up.

use std::borrow::Borrow;

/// The values from one to another, both included; an end that is not there is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span<T> {
    pub(super) low: Option<T>,
    pub(super) high: Option<T>,
}

/// A set of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set<T> {
    /// Ascending, not empty, and none reaches into the next.
    spans: Vec<Span<T>>,
}

impl<T: Ord> Set<T> {
    /// What is in any of the spans; one whose ends are the wrong way round holds nothing.
    pub(super) fn new(mut spans: Vec<Span<T>>) -> Self {
        spans.retain(|span| match (&span.low, &span.high) {
            (Some(low), Some(high)) => low <= high,
            _ => true,
        });
        // None is less than any other, as it should be for the low end.
        spans.sort_unstable_by(|left, right| left.low.cmp(&right.low));
        spans.dedup_by(|next, kept| {
            let overlap = kept.high.is_none() || next.low.is_none() || next.low <= kept.high;
            // And here it is more: an open end stays open.
            if overlap && kept.high.is_some() && (next.high.is_none() || next.high > kept.high) {
                kept.high = next.high.take();
            }
            overlap
        });
        Self { spans }
    }

    /// Whether the value is in the set.
    pub(super) fn contains<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        let reaches_down = |span: &Span<T>| match &span.low {
            Some(low) => low.borrow() <= value,
            None => true,
        };
        let candidate = self.spans.partition_point(reaches_down).checked_sub(1);
        let span = candidate.and_then(|index| self.spans.get(index));
        span.is_some_and(|span| match &span.high {
            Some(high) => value <= high.borrow(),
            None => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(low: impl Into<Option<u8>>, high: impl Into<Option<u8>>) -> Span<u8> {
        Span {
            low: low.into(),
            high: high.into(),
        }
    }

    #[test]
    fn spans_that_meet_become_one() {
        let set = Set::new(vec![span(7, 9), span(1, 3), span(2, 4), span(9, 9)]);
        assert_eq!(set.spans, [span(1, 4), span(7, 9)]);
        assert_eq!(Set::new(vec![span(3, 1)]).spans, []);
        assert_eq!(
            Set::new(vec![span(4, None), span(None, 5), span(9, 9)]).spans,
            [span(None, None)]
        );
    }

    proptest! {
        #[test]
        fn a_set_holds_what_any_span_holds(
            ends in prop::collection::vec((prop::option::of(0_u8..20), prop::option::of(0_u8..20)), 0..8),
        ) {
            let spans: Vec<Span<u8>> = ends.iter().map(|(low, high)| span(*low, *high)).collect();
            let set = Set::new(spans);
            for value in 0..20 {
                let expected = ends.iter().any(|(low, high)| {
                    low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high)
                });
                prop_assert_eq!(set.contains(&value), expected, "{}", value);
            }
        }
    }
}
