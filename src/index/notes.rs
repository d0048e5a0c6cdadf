//! The notes of an index about itself.

use super::identity::{Identity, digest};
use crate::decode::TunnelPort;
use crate::flow::FirstFragment;
use crate::output::table::Columns;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// The notes of an index about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The version of this description.
    pub version: u32,
    /// How flows were keyed.
    pub settings: Settings,
    /// The captures, in order.
    pub captures: Vec<CaptureNote>,
    /// The files with the places of packets, in order.
    pub parts: Vec<PartNote>,
    /// The file of TCP connections, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<PartNote>,
    /// The totals of all captures.
    pub totals: Totals,
    /// First fragments of datagrams that later captures may continue.
    pub fragments: Vec<FirstFragment>,
}

impl Notes {
    /// The version that is written.
    pub const VERSION: u32 = 2;
    /// The name of the metadata.
    pub(super) const KEY: &str = "pcap_flows.index";
    /// That of the metadata of a file with packets.
    pub(super) const PART_KEY: &str = "pcap_flows.packets";
    /// Key of the metadata in a file of TCP connections.
    pub(crate) const CONNECTIONS_KEY: &str = "pcap_flows.tcp";

    /// Distinguishes files made from these captures from those made from others.
    pub(super) fn digest(&self) -> String {
        let heads = self.captures.iter().map(|it| it.identity.head.as_bytes());
        let heads: Vec<&[u8]> = heads.collect();
        digest(&[&heads.concat(), &self.totals.packets.to_le_bytes()])
    }
}

/// How flows were keyed: everything that FlowIDs depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Without MAC addresses, VLAN tags and networks of tunnels.
    pub five_tuple: bool,
    /// One flow for both directions.
    pub conversations: bool,
    /// By the innermost IP header.
    pub decap: bool,
    /// UDP ports of tunnels, besides the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tunnel_ports: Vec<TunnelPort>,
    /// Bytes between Metamako trailers and the end of frames, where trailers were read.
    pub trailer_offset: Option<usize>,
    /// Nanoseconds without a packet after which a flow ends.
    pub idle_ns: Option<u64>,
    /// Nanoseconds after which a flow ends.
    pub active_ns: Option<u64>,
}

impl Settings {
    /// The columns of a flow list that is made with these.
    pub const fn columns(&self) -> Columns {
        Columns {
            device: self.trailer_offset.is_some(),
            reverse: self.conversations,
            tunnel: self.decap,
            address_bytes: false,
        }
    }
}

/// A capture that was indexed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureNote {
    /// Its name: absolute.
    pub path: String,
    /// The same in bytes, where it is no UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<Vec<u8>>,
    /// The identity of the file.
    #[serde(flatten)]
    pub identity: Identity,
    /// Packets in it.
    pub packets: u64,
    /// Bytes that were read of it, unpacked.
    pub read: u64,
    /// Offset and length of each block that is no packet but describes some.
    pub blocks: Vec<(u64, u32)>,
    /// Its damage, if there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

impl CaptureNote {
    /// Sets the name, made absolute.
    pub fn set_path(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.path_bytes = match path.to_str() {
            Some(_) => None,
            None => Some(path.as_os_str().as_encoded_bytes().to_vec()),
        };
        self.path = path.to_string_lossy().into_owned();
    }

    /// The name.
    pub fn path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStringExt;
        match &self.path_bytes {
            Some(bytes) => std::ffi::OsString::from_vec(bytes.clone()).into(),
            None => PathBuf::from(&self.path),
        }
    }
}

/// A file with the places of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartNote {
    /// Its name, without a directory: it is in that of the index.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// Distinguishes it from other files of that name and size.
    pub digest: String,
}

/// Where every packet went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Packets read.
    pub packets: u64,
    /// Their length on the wire, in bytes.
    pub bytes: u64,
    /// Packets in flows, and the bytes of these.
    pub packets_in_flows: u64,
    /// Bytes of the packets in flows.
    pub bytes_in_flows: u64,
    /// Packets that are not IP.
    pub packets_not_ip: u64,
    /// Packets whose headers contradict themselves, or end too early.
    pub packets_malformed: u64,
    /// Flows.
    pub flows: u64,
}

/// `12 packets = 9 in flows + 2 not IP + 1 malformed; 3 flows`
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            packets,
            packets_in_flows,
            packets_not_ip,
            packets_malformed,
            flows,
            ..
        } = self;
        write!(
            f,
            "{packets} packets = {packets_in_flows} in flows + {packets_not_ip} not IP + \
             {packets_malformed} malformed; {flows} flows"
        )
    }
}
