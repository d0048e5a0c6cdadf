//! What few packets of phase A are: fragments, and copies, which wait for the sequential step between
//! the phases, and packets with compressed payload.

use super::super::copies::{CopyTable, Extent, Print, digest};
use super::super::rules::Rules;
use super::{Chunk, addresses_of, layers, packet_ref, payload};
use crate::capture::{LinkType, PacketRecord};
use crate::decode::protocol::IPCOMP;
use crate::decode::{Fragment, Headers, Tunnels, Unpacked, VlanStack, decode};
use crate::flow::{DatagramTable, FlowKey, FragmentTable, Layers, LinkKey, PacketRef, Payload};
use crate::number::offset_u32;

/// Fragments wait for the sequential step between the phases.
#[derive(Debug)]
pub(super) struct FragmentEvent {
    fragment: Fragment,
    /// Its places are in what has to be unpacked, not in the captured bytes.
    is_unpacked: bool,
    key: FlowKey,
    tunnels: Tunnels,
    packet: PacketRef,
    layers: Layers,
    payload: Payload,
}

/// What the sequential step between the phases keeps from chunk to chunk.
#[derive(Debug)]
pub(crate) struct SequentialTables<'a> {
    pub(in crate::engine) fragments: &'a mut FragmentTable,
    pub(in crate::engine) datagrams: &'a mut DatagramTable,
    pub(in crate::engine) copies: Option<&'a mut CopyTable>,
}

impl SequentialTables<'_> {
    /// Whether a packet is a copy of one before it.
    fn is_copy(&mut self, print: Option<&Print>) -> bool {
        let both = self.copies.as_mut().zip(print);
        both.is_some_and(|(copies, print)| copies.is_copy(print))
    }
}

impl Chunk {
    /// Notes what a fragment has in common with its copies.
    fn note_print_of_fragment(
        &mut self,
        record: &PacketRecord<'_>,
        headers: &Headers<'_>,
        rules: &Rules,
    ) {
        if rules.duplicates.is_some() {
            self.prints.push(Print {
                digest: digest(&rules.hash_key, record.data, Extent::of(headers)),
                time: headers.trailer_time.unwrap_or(record.time),
                at: None,
            });
        }
    }

    #[cold]
    pub(super) fn fragment(
        &mut self,
        record: &PacketRecord<'_>,
        headers: &Headers<'_>,
        fragment: Fragment,
        link: LinkKey,
        rules: &Rules,
    ) {
        self.note_print_of_fragment(record, headers, rules);
        self.fragments.push(FragmentEvent {
            fragment,
            is_unpacked: false,
            key: flow_key(headers, link),
            tunnels: headers.tunnels,
            packet: packet_ref(record, headers),
            layers: layers(record, headers, self.balance.packets),
            payload: payload(record, headers),
        });
    }

    /// A packet with compressed payload. Its contents are unpacked again by whoever needs them.
    #[cold]
    pub(super) fn packed_packet(
        &mut self,
        record: &PacketRecord<'_>,
        outer: &Headers<'_>,
        link: LinkKey,
        rules: &Rules,
    ) {
        let unpacked = Unpacked::of(record.data, outer, link, &rules.decode);
        let Some(Ok((inner, link))) = unpacked.as_ref().map(Unpacked::headers) else {
            return match &outer.fragment {
                Some(fragment) => self.fragment(record, outer, **fragment, link, rules),
                None => self.inner_packet(record, outer, &link, rules),
            };
        };
        let data = unpacked.as_ref().map_or(&[][..], Unpacked::data);
        let inner = Headers {
            trailer_time: outer.trailer_time,
            ..inner
        };
        let layers = Layers {
            is_packed: true,
            ..layers(record, outer, self.balance.packets)
        };
        let payload = unpacked_payload(record, &inner, data);
        if let Some(fragment) = inner.fragment.as_ref().or(outer.fragment.as_ref()) {
            self.note_print_of_fragment(record, outer, rules);
            self.fragments.push(FragmentEvent {
                fragment: **fragment,
                is_unpacked: inner.fragment.is_some(),
                key: flow_key(&inner, link),
                tunnels: inner.tunnels,
                packet: packet_ref(record, &inner),
                layers,
                payload,
            });
            return;
        }
        let packet = packet_ref(record, &inner);
        let shard = self.hand_over_inner(packet, &inner.addresses, &link, inner.tunnels, rules);
        if rules.needs.contents {
            self.packets.push_layers(shard, layers);
        }
        if rules.needs.payloads {
            self.packets.push_payload(shard, payload);
        }
        if rules.duplicates.is_some() {
            self.note_print(record, Extent::of(outer), shard, rules);
        }
    }

    /// The sequential step between the phases: later fragments get the flow of their first one, and
    /// copies of packets are found.
    pub(crate) fn in_sequence(
        &mut self,
        window: &[u8],
        tables: &mut SequentialTables<'_>,
        rules: &Rules,
    ) {
        if self.fragments.is_empty() && self.prints.is_empty() {
            return;
        }
        let has_fragments = !self.fragments.is_empty();
        let mut fragments = std::mem::take(&mut self.fragments).into_iter();
        let prints = std::mem::take(&mut self.prints);
        for print in &prints {
            match print.at {
                Some((list, index)) => {
                    if tables.is_copy(Some(print)) {
                        self.packets.set_duplicate(list as usize, index as usize);
                    }
                }
                None => {
                    if let Some(event) = fragments.next() {
                        self.place_fragment(event, Some(print), window, tables, rules);
                    }
                }
            }
        }
        for event in fragments {
            self.place_fragment(event, None, window, tables, rules);
        }
        self.prints = prints;
        if has_fragments {
            self.packets.sort();
        }
    }

    /// Gives a fragment to the shard that owns its flow.
    fn place_fragment(
        &mut self,
        event: FragmentEvent,
        print: Option<&Print>,
        window: &[u8],
        tables: &mut SequentialTables<'_>,
        rules: &Rules,
    ) {
        let FragmentEvent {
            mut fragment,
            is_unpacked,
            key,
            tunnels,
            mut packet,
            mut layers,
            payload,
        } = event;
        let firsts = &mut *tables.fragments;
        let key = if fragment.is_first {
            firsts.insert(fragment.datagram, key, packet.time);
            key
        } else {
            firsts.find(&fragment.datagram, packet.time).unwrap_or(key)
        };
        packet.ports = [key.network.src_port, key.network.dst_port];
        packet.protocol = key.network.protocol;
        packet.flags |= PacketRef::FRAGMENT;
        let mut bytes = [0; 32];
        let addresses = addresses_of(&key.network, &mut bytes);
        let link = (&key.link, key.networks);
        let shard = self.hand_over(packet, &addresses, link, rules);
        if !tunnels.is_empty() {
            self.packets.push_tunnels(shard, tunnels);
        }
        let (index, is_filtered) = match self.packets.last(shard) {
            Some((index, packet)) => (index, packet.has(PacketRef::FILTERED)),
            None => (0, false),
        };
        let is_copy = !is_filtered && tables.is_copy(print);
        if is_copy {
            self.packets.set_duplicate(shard, index);
        }
        if rules.needs.payloads {
            self.packets.push_payload(shard, payload);
        }
        if !rules.needs.contents {
            return;
        }
        layers.place = Layers::NOWHERE;
        layers.is_packed = false;
        if print.is_some() {
            // Of a datagram that came twice, the parts that came first may be of different VLANs.
            fragment.datagram.vlans = VlanStack::default();
        }
        let captured = window
            .get(layers.data as usize..(layers.data + layers.data_len) as usize)
            .unwrap_or_default();
        let find = || Unpacked::find(layers.link_type, captured, &rules.decode);
        let unpacked = (is_unpacked && !is_copy).then(find).flatten();
        let captured = unpacked.as_ref().map_or(captured, Unpacked::data);
        if !is_copy && let Some(whole) = tables.datagrams.add(&fragment, captured, packet.time) {
            self.assembled(whole, &mut layers, rules);
        }
        self.packets.push_layers(shard, layers);
    }

    /// Finds the transport layer of a datagram that is whole again.
    fn assembled(&mut self, datagram: Vec<u8>, layers: &mut Layers, rules: &Rules) {
        let mut link = LinkKey::default();
        let Ok(headers) = decode(LinkType::RAW, &datagram, &rules.decode, &mut link) else {
            return;
        };
        layers.transport = offset_u32(headers.transport.min(headers.end));
        layers.end = offset_u32(headers.end);
        layers.missing = 0;
        layers.has_open_end = false;
        layers.place = offset_u32(self.datagrams.len());
        layers.is_packed = headers.protocol == IPCOMP && rules.decode.decap;
        self.datagrams.push(datagram);
    }
}

/// Where the payload of a packet is that was unpacked: not in the window.
fn unpacked_payload(record: &PacketRecord<'_>, headers: &Headers<'_>, data: &[u8]) -> Payload {
    let carried = headers.payload(data, 0);
    Payload {
        start: offset_u32(record.data_start),
        wire_len: offset_u32(carried.wire_len),
        sequence: carried.sequence,
        captured: 0,
        has_header: headers.has_transport(),
    }
}

fn flow_key(headers: &Headers<'_>, link: LinkKey) -> FlowKey {
    FlowKey {
        link,
        network: headers.network_key(),
        networks: headers.tunnels.networks(),
    }
}
