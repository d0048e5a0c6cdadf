//! Ids of conversations in tables: first those of A by their first packets, then those of B alone.

use crate::diff::{Both, Comparison, Pair, Paired, Point};

/// A conversation of one side or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// On both sides.
    Both(Paired),
    /// On one side only.
    One(Point, u32),
}

/// All conversations, and the index of each side's conversations in that list.
#[derive(Debug)]
pub(super) struct FlowIds {
    pub(super) flows: Vec<Flow>,
    places: Both<Vec<u64>>,
}

impl FlowIds {
    pub(super) fn new(pair: Pair<'_>, comparison: &Comparison) -> Self {
        let count = |point| pair.side(point).conversations.len();
        let mut places = Both {
            a: vec![0; count(Point::A)],
            b: vec![0; count(Point::B)],
        };
        let mut paired = comparison.pairs.iter().peekable();
        let mut flows = Vec::new();
        for (a, place) in places.a.iter_mut().enumerate() {
            let flow = match paired.next_if(|it| it.a as usize == a) {
                Some(it) => Flow::Both(*it),
                None => Flow::One(Point::A, crate::number::index_u32(a)),
            };
            flows.push(flow);
            *place = flows.len() as u64;
        }
        for it in &comparison.pairs {
            let id = places.a.get(it.a as usize).copied();
            if let Some((place, id)) = places.b.get_mut(it.b as usize).zip(id) {
                *place = id;
            }
        }
        for (b, place) in places.b.iter_mut().enumerate().filter(|it| *it.1 == 0) {
            flows.push(Flow::One(Point::B, crate::number::index_u32(b)));
            *place = flows.len() as u64;
        }
        Self { flows, places }
    }

    /// The id of a side's conversation, from 1.
    pub(super) fn of(&self, point: Point, conversation: u32) -> Option<u64> {
        self.places.get(point).get(conversation as usize).copied()
    }
}
