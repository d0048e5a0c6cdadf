//! FlowIDs: flows are numbered in the order of their first packets, whichever shards own them.
//!
//! Each shard has its new flows in order already. The window is divided into parts with about as
//! many new flows each; parts are sorted and numbered in parallel.

use super::shard::Shard;
use crate::number::index_u32;
use rayon::prelude::*;

/// Where a flow is: its shard, and its place there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) shard: u32,
    pub(super) index: u32,
}

/// Numbers the flows that started since the last call, after those in `order`.
pub(super) fn number(shards: &mut [Shard], order: &mut Vec<Place>) {
    let started: usize = shards.iter().map(|shard| shard.started.len()).sum();
    let numbered = order.len();
    order.resize(numbered + started, Place::default());
    let new = order.get_mut(numbered..).unwrap_or_default();
    let parts = cut(shards, new, numbered);
    if started < FLOWS_PER_PART {
        parts.into_iter().for_each(Part::number);
    } else {
        parts.into_par_iter().for_each(Part::number);
    }
    for shard in shards {
        shard.started.clear();
    }
}

/// The flows that start in a part of a window.
#[derive(Debug, Default)]
struct Part<'a> {
    shards: Vec<ShardPart<'a>>,
    /// Where their places go, in the order of their ids.
    order: &'a mut [Place],
    /// The id before the first of theirs.
    before: usize,
}

/// A shard's share of these.
#[derive(Debug)]
struct ShardPart<'a> {
    /// Offsets of their first packets, in order.
    started: &'a [u32],
    /// Where their ids go.
    ids: &'a mut [u32],
    /// The index of the first of them.
    index: u32,
}

/// Divides the flows to be numbered into independent parts.
fn cut<'a>(shards: &'a mut [Shard], new: &'a mut [Place], numbered: usize) -> Vec<Part<'a>> {
    let last = shards.iter().filter_map(|shard| shard.started.last()).max();
    let last = last.copied().unwrap_or(0) as usize;
    let count = new.len() / FLOWS_PER_PART + 1;
    let step = last / count + 1;
    let mut parts: Vec<Part<'_>> = std::iter::repeat_with(Part::default).take(count).collect();
    for shard in shards {
        let (mut started, mut ids, mut index) = shard.unnumbered();
        for (part, end) in parts.iter_mut().zip((step..).step_by(step)) {
            let len = started.partition_point(|&offset| (offset as usize) < end);
            let (here, later) = started.split_at(len);
            let (ids_here, ids_later) = ids.split_at_mut(len);
            part.shards.push(ShardPart {
                started: here,
                ids: ids_here,
                index,
            });
            (started, ids) = (later, ids_later);
            index = index.saturating_add(index_u32(len));
        }
    }
    let mut rest = new;
    let mut before = numbered;
    for part in &mut parts {
        let len = part.shards.iter().map(|shard| shard.started.len()).sum();
        let (here, later) = rest.split_at_mut(len);
        (part.order, rest) = (here, later);
        part.before = before;
        before += len;
    }
    parts
}

impl Part<'_> {
    fn number(mut self) {
        let shards = self.shards.iter().zip(0_u64..);
        let mut order: Vec<u64> = Vec::with_capacity(self.order.len());
        for (shard, number) in shards {
            let started = shard.started.iter();
            order.extend(started.map(|&offset| u64::from(offset) << 32 | number));
        }
        // Two flows cannot start with the same packet: the order is unique.
        order.sort_unstable();
        let ids = self.before + 1..;
        for ((key, place), id) in order.into_iter().zip(&mut *self.order).zip(ids) {
            let [.., a, b, c, d] = key.to_be_bytes();
            let shard = u32::from_be_bytes([a, b, c, d]);
            let Some(part) = self.shards.get_mut(shard as usize) else {
                continue;
            };
            let index = part.index;
            *place = Place { shard, index };
            part.index += 1;
            if let Some((first, rest)) = std::mem::take(&mut part.ids).split_first_mut() {
                *first = index_u32(id);
                part.ids = rest;
            }
        }
    }
}

/// Flows that are sorted at a time: few enough to stay in the cache.
const FLOWS_PER_PART: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_order_of_first_packets() {
        // More flows than fit into a part, and bunched, so that parts differ in size.
        for flows in [0, 1, 10, 5 * FLOWS_PER_PART] {
            let mut shards: Vec<Shard> = (0..7).map(|_| Shard::default()).collect();
            let mut order = Vec::new();
            let mut expected = Vec::new();
            let mut indices = [0; 7];
            for window in 0..2_usize {
                for n in 0..flows {
                    let shard = (n * 31 + n / 7 + window) % 7;
                    let offset = if n % 2 == 0 { n * 40 } else { n * 40 + 1 };
                    shards[shard].started.push(index_u32(offset));
                    expected.push((index_u32(shard), indices[shard]));
                    indices[shard] += 1;
                }
                number(&mut shards, &mut order);
            }
            let places: Vec<_> = order.iter().map(|it| (it.shard, it.index)).collect();
            assert_eq!(places, expected, "{flows} flows");
            for ((shard, index), id) in expected.into_iter().zip(1..) {
                assert_eq!(shards[shard as usize].id(index), id);
            }
        }
    }
}
