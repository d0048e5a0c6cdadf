//! How a run reads, keys and counts.

use crate::decode::DecodeOptions;
use crate::flow::{FlowIds, HashKey, LinkKey, NetworkKey, PacketNumbers, Timeouts};
use crate::select::{Filter, IpNet};

/// How a run reads, keys and counts. The results depend on none of the fields in
/// [`Config::tuning`].
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Leave MAC addresses and VLAN tags out of the key.
    pub five_tuple: bool,
    /// One flow for both directions.
    pub conversations: bool,
    /// Layers decoded beyond the outermost IP header.
    pub decode: DecodeOptions,
    /// Which packets are looked at.
    pub restriction: Restriction,
    /// Copies of packets are left out, if this says how far from the first one.
    pub duplicates: Option<Duplicates>,
    /// When a flow ends although its packets go on.
    pub timeouts: Timeouts,
    /// Only the first packets of the capture are looked at.
    pub max_packets: Option<u64>,
    /// The run fails when there are more flows.
    pub max_flows: Option<u64>,
    /// The FlowIDs of the flows that will be found, where the inputs are excerpts.
    pub flow_ids: Option<FlowIds>,
    /// The numbers of the packets that will be read, where the inputs are excerpts.
    pub packet_numbers: Option<PacketNumbers>,
    /// What the results do not depend on.
    pub tuning: Tuning,
}

impl Config {
    /// Whether the restriction must be asked for each packet: what it looks at is not in the flow
    /// key, or differs between the packets of a conversation; or copies are to be found, those of
    /// packets that it refuses being none.
    pub fn asks_each_packet(&self) -> bool {
        let filter = &self.restriction.filter;
        if self.duplicates.is_some() && !self.restriction.is_empty() {
            return true;
        }
        // An address that only the sender has is not in the key of a conversation.
        (self.five_tuple && filter.needs_link())
            || (self.conversations && (filter.is_directional() || filter.needs_macs()))
    }
}

/// Which packets are copies of one that came before: see [`Balance::duplicates`](super::Balance).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// How far apart in time they may be, in nanoseconds.
    pub window_ns: u64,
}

impl Default for Duplicates {
    /// 10 ms.
    fn default() -> Self {
        Self {
            window_ns: 10_000_000,
        }
    }
}

/// What the results of a run do not depend on.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// Worker threads; 0 for one per core.
    pub threads: usize,
    /// Pin the worker threads to this core and those after it.
    pub first_cpu: Option<usize>,
    /// Bytes of a mapped file that are worked on at a time.
    pub window_len: usize,
    /// Bytes that one worker walks at a time.
    pub chunk_len: usize,
    /// Parts of the flow table; 0 for as many as suit the number of threads.
    pub shards: usize,
    /// The key of all hashes; random where it is not given.
    pub hash_key: Option<HashKey>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            threads: 0,
            first_cpu: None,
            window_len: 256 * 1024 * 1024,
            chunk_len: 4 * 1024 * 1024,
            shards: 0,
            hash_key: None,
        }
    }
}

impl Tuning {
    /// Enough parts that no worker waits long for another, and so few that the ends of all their
    /// lists stay in the cache.
    pub(super) fn shards(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.threads == 0 {
            cores()
        } else {
            self.threads
        };
        match self.shards {
            0 => (threads.min(MOST_WORKERS) * SHARDS_PER_WORKER).max(FEWEST_SHARDS),
            shards => shards,
        }
    }
}

const SHARDS_PER_WORKER: usize = 4;
const FEWEST_SHARDS: usize = 32;
/// More threads than this share the shards that there are.
const MOST_WORKERS: usize = 256;

/// Which packets are looked at: a filter, and addresses that are left out.
#[derive(Clone, Debug, Default)]
pub struct Restriction {
    /// Packets must match this.
    pub filter: Filter,
    /// Packets from or to these addresses are left out.
    pub excluded: Vec<IpNet>,
}

impl Restriction {
    /// Whether a packet with this key is looked at; `network` is `None` where it has no IP header.
    pub fn matches(&self, link: &LinkKey, network: Option<&NetworkKey>) -> bool {
        let is_excluded = network.is_some_and(|key| {
            self.excluded
                .iter()
                .any(|net| net.contains(key.src) || net.contains(key.dst))
        });
        !is_excluded && self.filter.matches(link, network)
    }

    /// Whether every packet is looked at.
    pub fn is_empty(&self) -> bool {
        self.excluded.is_empty() && self.filter.is_empty()
    }
}
