//! Headers to flows: keys, and the sharded tables that count what belongs to each.

mod community;
mod datagram;
mod flows;
mod fragment;
mod hash;
pub mod key;
mod links;
mod list;
mod numbering;
mod observer;
mod packet;
mod record;
mod saved;
mod shard;
mod table;
mod timeout;

pub use community::{CommunityId, community_id};
pub use flows::{Counters, Flow, Flows};
pub use fragment::FirstFragment;
pub use hash::HashKey;
pub use key::{DevicePort, FlowKey, LinkKey, MacAddr, NetworkId, NetworkKey, Tunnels, VlanStack};
pub use links::LinkTable;
pub use list::{FlowIds, FlowIter, FlowList};
pub use observer::{FlowEnd, Observer};
pub use packet::{Contents, PacketNumbers, PacketRef, Payload, Transport};
pub use record::ReverseCounters;
pub use table::{FlowTable, RecordPlace};
pub use timeout::Timeouts;

pub(crate) use datagram::DatagramTable;
pub(crate) use fragment::FragmentTable;
pub(crate) use hash::Digest;
pub(crate) use links::Link;
pub(crate) use packet::Layers;
pub(crate) use shard::{Shard, ShardPackets, ShardRules};
