//! The packets of a chunk, sorted by shard while they are found.

use super::rules::Rules;
use crate::capture::prefetch;
use crate::flow::{Layers, PacketRef, Payload, Tunnels};

/// Lists of packets, one for each shard.
#[derive(Debug, Default)]
pub(super) struct ShardLists {
    lists: Vec<Vec<PacketRef>>,
    /// Where the packets' layers stand, list by list, where a job wants to know.
    layers: Vec<Vec<Layers>>,
    /// Where their payload is, list by list, where a job asks.
    payloads: Vec<Vec<Payload>>,
    /// The tunnels that they came through, list by list: as far as the last packet of a list that
    /// came through any.
    tunnels: Vec<Vec<Tunnels>>,
}

impl ShardLists {
    /// Empties the lists; there are `count` of them from now on.
    pub(super) fn reset(&mut self, count: usize, rules: &Rules) {
        self.lists.resize_with(count, Vec::new);
        self.lists.iter_mut().for_each(Vec::clear);
        let count_if = |is_wanted| if is_wanted { count } else { 0 };
        self.layers
            .resize_with(count_if(rules.needs.contents), Vec::new);
        self.layers.iter_mut().for_each(Vec::clear);
        self.payloads
            .resize_with(count_if(rules.needs.payloads), Vec::new);
        self.payloads.iter_mut().for_each(Vec::clear);
        self.tunnels
            .resize_with(count_if(rules.decode.decap), Vec::new);
        self.tunnels.iter_mut().for_each(Vec::clear);
    }

    /// Adds a packet to the end of a list.
    #[inline(always)]
    pub(super) fn push(&mut self, list: usize, packet: PacketRef) {
        if let Some(list) = self.lists.get_mut(list) {
            list.push(packet);
            prefetch::spare(list);
        }
    }

    /// The packet that was added last to a list, and its index there.
    pub(super) fn last(&self, list: usize) -> Option<(usize, &PacketRef)> {
        let list = self.get(list);
        Some((list.len().checked_sub(1)?, list.last()?))
    }

    /// Notes that a packet is a copy.
    pub(super) fn set_duplicate(&mut self, list: usize, index: usize) {
        let packet = self.lists.get_mut(list).and_then(|it| it.get_mut(index));
        if let Some(packet) = packet {
            packet.flags |= PacketRef::DUPLICATE;
        }
    }

    /// Notes where the layers of the packet are that was added last.
    pub(super) fn push_layers(&mut self, list: usize, layers: Layers) {
        if let Some(list) = self.layers.get_mut(list) {
            list.push(layers);
        }
    }

    /// Notes where the payload of the packet is that was added last.
    #[inline(always)]
    pub(super) fn push_payload(&mut self, list: usize, payload: Payload) {
        if let Some(list) = self.payloads.get_mut(list) {
            list.push(payload);
        }
    }

    /// Notes the tunnels that the packet came through that was added last.
    pub(super) fn push_tunnels(&mut self, list: usize, tunnels: Tunnels) {
        let (Some(packets), Some(list)) = (self.lists.get(list), self.tunnels.get_mut(list)) else {
            return;
        };
        // Packets before it came through none.
        list.resize(packets.len(), Tunnels::NONE);
        if let Some(last) = list.last_mut() {
            *last = tunnels;
        }
    }

    /// Puts each list into capture order.
    pub(super) fn sort(&mut self) {
        // Each packet stands in one list only, once.
        let (mut layers, mut payloads) = (self.layers.iter_mut(), self.payloads.iter_mut());
        let mut tunnels = self.tunnels.iter_mut();
        for packets in &mut self.lists {
            let (layers, payloads) = (layers.next(), payloads.next());
            let mut tunnels = tunnels.next();
            if packets.is_sorted_by_key(|packet| packet.offset) {
                continue;
            }
            if let Some(tunnels) = &mut tunnels {
                tunnels.resize(packets.len(), Tunnels::NONE);
            }
            sort_beside(packets, layers);
            sort_beside(packets, payloads);
            sort_beside(packets, tunnels);
            packets.sort_unstable_by_key(|packet| packet.offset);
        }
    }

    /// Where the payload of a list's packets is; empty where no job asks.
    pub(super) fn payloads(&self, list: usize) -> &[Payload] {
        self.payloads.get(list).map_or(&[], Vec::as_slice)
    }

    /// Where the layers of a list's packets stand; empty where no job wants to know.
    pub(super) fn layers(&self, list: usize) -> &[Layers] {
        self.layers.get(list).map_or(&[], Vec::as_slice)
    }

    /// The tunnels that a list's packets came through; packets beyond its end came through none.
    pub(super) fn tunnels(&self, list: usize) -> &[Tunnels] {
        self.tunnels.get(list).map_or(&[], Vec::as_slice)
    }

    /// A list.
    pub(super) fn get(&self, list: usize) -> &[PacketRef] {
        self.lists.get(list).map_or(&[], Vec::as_slice)
    }
}

/// Puts what is kept beside packets into the order that these will have.
fn sort_beside<T>(packets: &[PacketRef], beside: Option<&mut Vec<T>>) {
    let Some(beside) = beside else {
        return;
    };
    let offsets = packets.iter().map(|packet| packet.offset);
    let mut places: Vec<_> = offsets.zip(beside.drain(..)).collect();
    places.sort_unstable_by_key(|(offset, _)| *offset);
    beside.extend(places.into_iter().map(|(_, value)| value));
}
