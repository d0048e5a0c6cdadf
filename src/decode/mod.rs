//! Records to headers: from a link type and captured bytes to the fields of a flow key.
//!
//! [`decode`] walks the layers before the IP header (`link`), reads the IP header and its
//! extensions (`ip`), and enters tunnels where that is requested (`tunnel`). It reads what was
//! captured, however little: a header truncated by the snaplen costs the fields after the cut, not
//! the packet.

mod application;
mod checksum;
mod compressed;
mod devices;
mod dispatch;
mod exported;
mod frame;
mod headers;
mod ip;
mod juniper;
mod key;
mod link;
mod link_table;
mod not_flow;
mod packet;
mod plain;
pub mod protocol;
mod shim;
mod trailer;
mod transport;
mod tunnel;
mod tunnels;
mod wireless;

pub use application::server_name;
pub use checksum::{Checksum, ChecksumCounts, checksum};
pub use compressed::Unpacked;
pub use dispatch::{DecodeOptions, decode};
pub use headers::{Addresses, CarriedPayload, DatagramId, Fragment, Headers};
pub use key::{DevicePort, LinkKey, MacAddr, NetworkKey, VlanStack};
pub use not_flow::NotFlow;
pub use packet::Packet;
pub use protocol::IpProtocol;
pub use trailer::TrailerOptions;
pub use transport::{Layout, TcpHeader};
pub use tunnel::{TunnelPort, TunnelPortError, TunnelPorts};
pub use tunnels::{Tunnel, TunnelKind, Tunnels};

pub(crate) use checksum::{PseudoHeader, Sum, is_on_its_way};
pub(crate) use dispatch::{decode_any, decode_plain};
pub(crate) use headers::{joined, split_v6};
