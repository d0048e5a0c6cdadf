//! The packets of a chunk, sorted by shard while they are found.

use crate::capture::prefetch;
use crate::flow::{Layers, PacketRef};

/// Lists of packets, one for each shard.
#[derive(Debug, Default)]
pub(super) struct ShardLists {
    lists: Vec<Vec<PacketRef>>,
    /// Where the packets' layers stand, list by list, where a job wants to know.
    layers: Vec<Vec<Layers>>,
}

impl ShardLists {
    /// Empties the lists; there are `count` of them from now on.
    pub(super) fn reset(&mut self, count: usize, with_layers: bool) {
        self.lists.resize_with(count, Vec::new);
        self.lists.iter_mut().for_each(Vec::clear);
        self.layers
            .resize_with(if with_layers { count } else { 0 }, Vec::new);
        self.layers.iter_mut().for_each(Vec::clear);
    }

    /// Adds a packet to the end of a list.
    #[inline(always)]
    pub(super) fn push(&mut self, list: usize, packet: PacketRef) {
        if let Some(list) = self.lists.get_mut(list) {
            list.push(packet);
            prefetch::spare(list);
        }
    }

    /// Tells where the layers of the packet stand that was added last.
    pub(super) fn push_layers(&mut self, list: usize, layers: Layers) {
        if let Some(list) = self.layers.get_mut(list) {
            list.push(layers);
        }
    }

    /// Puts each list into capture order.
    pub(super) fn sort(&mut self) {
        // Each packet stands in one list only, once.
        let mut all_layers = self.layers.iter_mut();
        for packets in &mut self.lists {
            if let Some(layers) = all_layers.next()
                && !packets.is_sorted_by_key(|packet| packet.offset)
            {
                let mut places: Vec<_> = packets
                    .iter()
                    .map(|packet| packet.offset)
                    .zip(layers.drain(..))
                    .collect();
                places.sort_unstable_by_key(|(offset, _)| *offset);
                layers.extend(places.into_iter().map(|(_, layers)| layers));
            }
            packets.sort_unstable_by_key(|packet| packet.offset);
        }
    }

    /// Where the layers of a list's packets stand; empty where no job wants to know.
    pub(super) fn layers(&self, list: usize) -> &[Layers] {
        self.layers.get(list).map_or(&[], Vec::as_slice)
    }

    /// A list.
    pub(super) fn get(&self, list: usize) -> &[PacketRef] {
        self.lists.get(list).map_or(&[], Vec::as_slice)
    }
}
