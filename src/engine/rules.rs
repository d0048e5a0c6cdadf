//! A configuration as the phases use it.

use super::config::{Config, Duplicates, Restriction};
use super::job::Needs;
use crate::decode::{Addresses, DecodeOptions};
use crate::flow::{FlowIds, FlowKey, HashKey, LinkKey, PacketNumbers, PacketRef, Timeouts};

/// A configuration as the phases use it.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) five_tuple: bool,
    pub(crate) conversations: bool,
    pub(crate) decode: DecodeOptions,
    pub(crate) restriction: Restriction,
    /// See [`Config::asks_each_packet`].
    pub(crate) asks_each_packet: bool,
    pub(crate) duplicates: Option<Duplicates>,
    pub(crate) timeouts: Timeouts,
    pub(crate) hash_key: HashKey,
    pub(crate) shards: usize,
    pub(crate) flow_ids: Option<FlowIds>,
    pub(crate) packet_numbers: Option<PacketNumbers>,
    pub(crate) needs: Needs,
}

impl Rules {
    pub(crate) fn new(config: &Config, needs: Needs) -> Self {
        Self {
            five_tuple: config.five_tuple,
            conversations: config.conversations,
            decode: config.decode.clone(),
            restriction: config.restriction.clone(),
            asks_each_packet: config.asks_each_packet(),
            duplicates: config.duplicates,
            timeouts: config.timeouts,
            hash_key: config.tuning.hash_key.unwrap_or_else(HashKey::random),
            shards: config.tuning.shards(),
            flow_ids: config.flow_ids.clone(),
            packet_numbers: config.packet_numbers.clone(),
            needs,
        }
    }

    /// Whether the restriction can be asked once for each flow, and has anything to refuse.
    pub(crate) fn asks_each_flow(&self) -> bool {
        !self.asks_each_packet && !self.restriction.is_empty()
    }

    #[cold]
    pub(crate) fn accepts_packet(
        &self,
        packet: &PacketRef,
        addresses: &Addresses<'_>,
        link: &LinkKey,
    ) -> bool {
        let network = addresses.network_key(packet.protocol, packet.ports);
        self.restriction.matches(link, Some(&network))
    }

    pub(crate) fn accepts_flow(&self, key: &FlowKey) -> bool {
        self.restriction.matches(&key.link, Some(&key.network))
    }
}
