//! Reordering: packets that arrive after later-sent ones of their flow (RFC 4737).

use super::class::{Class, Way};
use super::comparison::Comparison;
use super::frames::Pair;
use super::side::Point;
use crate::decode::NetworkKey;
use hashbrown::HashMap;
use std::hash::RandomState;

/// A flow, as seen by its sender's side.
type Flow = (NetworkKey, usize);

/// Marks reordered packets on both sides.
pub(super) fn mark_order(pair: Pair<'_>, comparison: &mut Comparison) {
    let mut reordered: Vec<(u32, u32)> = Vec::new();
    for receiver in [Point::B, Point::A] {
        find(pair, comparison, receiver, &mut reordered);
    }
    for (a, b) in reordered {
        for (point, place) in [(Point::A, a), (Point::B, b)] {
            if let Some(fate) = comparison.fates.get_mut(point).get_mut(place as usize) {
                fate.is_reordered = true;
            }
        }
    }
}

/// Finds reordered packets of a receiver. If the direction is unknown, A counts as the sender.
fn find(pair: Pair<'_>, comparison: &Comparison, receiver: Point, reordered: &mut Vec<(u32, u32)>) {
    let mut latest: HashMap<Flow, u64, RandomState> = HashMap::default();
    let sender = receiver.other();
    let fates = comparison.fates.get(receiver).iter().zip(0..);
    for (fate, place) in fates {
        let is_sender = fate.way.map_or(Point::A, Way::sender) == sender;
        if !is_sender || !matches!(fate.class, Class::Same | Class::Mangled) {
            continue;
        }
        let mut partners = comparison.partners(receiver, place);
        let (Some(partner), None) = (partners.next(), partners.next()) else {
            continue;
        };
        let sent = pair.packet(sender, partner);
        let Some(conversation) = pair.side(sender).conversation_of(sent) else {
            continue;
        };
        let highest = latest
            .entry((conversation.key, sent.direction()))
            .or_default();
        if sent.number < *highest {
            reordered.push(match receiver {
                Point::B => (partner, place),
                Point::A => (place, partner),
            });
        } else {
            *highest = sent.number;
        }
    }
}
