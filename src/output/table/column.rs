//! The columns of the machine-readable flow list: their names, types and values, in one list.
//!
//! CSV, JSON, Parquet and Arrow are written from it, an index is read by it, and conditions name
//! its columns.

use super::digits;
use crate::capture::Nanos;
use crate::decode::IpProtocol;
use crate::flow::{Flow, MacAddr, Tunnels, VlanStack};
use std::net::IpAddr;

/// Columns beyond those that are always shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// `device`, `device_port`: from Metamako trailers.
    pub device: bool,
    /// `reverse_packets`, `reverse_bytes`, `reverse_tcp_flags`: of conversations.
    pub reverse: bool,
    /// `tunnel`, `tunnel_id`: where tunnels are entered.
    pub tunnel: bool,
    /// `src_ip_bytes`, `dst_ip_bytes`: addresses that sort as numbers do.
    pub address_bytes: bool,
}

/// A value of a row.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Protocol(IpProtocol),
    Mac(Option<MacAddr>),
    Vlans(VlanStack),
    TunnelNames(Tunnels),
    TunnelIds(Tunnels),
    Address(IpAddr),
    /// The address as 16 bytes, in the order of the wire; IPv4 as in RFC 4291, section 2.5.5.2.
    AddressBytes(IpAddr),
    Short(u16),
    /// A number that only some flows have.
    MaybeShort(Option<u16>),
    Unsigned(u64),
    Time(Nanos),
}

impl Value {
    /// Appends the value as text, made of letters, digits, `.`, `:`, `/` and `-` alone.
    pub(super) fn append(self, text: &mut Vec<u8>) {
        match self {
            Self::Protocol(protocol) => match protocol.name() {
                Some(name) => text.extend_from_slice(name.as_bytes()),
                None => digits::number(text, protocol.0.into()),
            },
            Self::Mac(Some(address)) => digits::mac(text, address),
            Self::Vlans(vlans) => digits::vlans(text, vlans),
            Self::TunnelNames(tunnels) => digits::display(text, &tunnels.names()),
            Self::TunnelIds(tunnels) => digits::display(text, &tunnels.ids()),
            Self::Address(address) => digits::address(text, address),
            Self::AddressBytes(address) => digits::hex(text, &sixteen_bytes(address)),
            Self::Short(number) | Self::MaybeShort(Some(number)) => {
                digits::number(text, number.into());
            }
            Self::Unsigned(number) => digits::number(text, number),
            Self::Time(time) => digits::signed(text, time.0),
            Self::Mac(None) | Self::MaybeShort(None) => {}
        }
    }
}

/// Declares the columns: the constant that other files name one by, its name, the group without
/// which it is not shown, and how its value is obtained from a flow. The kind of the value is the
/// column's type.
macro_rules! flow_columns {
    ($($group:ident { $($constant:ident = $name:literal: |$flow:ident| $value:expr;)* })*) => {
        $($(
            #[doc = concat!("The column `", $name, "`.")]
            pub(crate) const $constant: &str = $name;
        )*)*

        impl Columns {
            /// Shows a flow's columns to `see`, name and value, in order.
            pub(super) fn visit(self, flow: &Flow, mut see: impl FnMut(&'static str, Value)) {
                $(if self.shows(Group::$group) {
                    $({
                        let $flow = flow;
                        see($constant, $value);
                    })*
                })*
            }
        }
    };
}

flow_columns! {
    Always {
        FLOW_ID = "flow_id": |flow| Value::Unsigned(flow.id);
        PROTOCOL = "protocol": |flow| Value::Protocol(IpProtocol(flow.key.network.protocol));
        SRC_MAC = "src_mac": |flow| Value::Mac(flow.key.link.macs().map(|(src, _)| src));
        DST_MAC = "dst_mac": |flow| Value::Mac(flow.key.link.macs().map(|(_, dst)| dst));
        VLAN = "vlan": |flow| Value::Vlans(flow.key.link.vlans());
        SRC_IP = "src_ip": |flow| Value::Address(flow.key.network.src);
        SRC_PORT = "src_port": |flow| Value::Short(flow.key.network.src_port);
        DST_IP = "dst_ip": |flow| Value::Address(flow.key.network.dst);
        DST_PORT = "dst_port": |flow| Value::Short(flow.key.network.dst_port);
        PACKETS = "packets": |flow| Value::Unsigned(flow.packets);
        BYTES = "bytes": |flow| Value::Unsigned(flow.bytes);
        FIRST_NS = "first_ns": |flow| Value::Time(flow.first);
        LAST_NS = "last_ns": |flow| Value::Time(flow.last);
        TCP_FLAGS = "tcp_flags": |flow| Value::Short(flow.tcp_flags);
    }
    Device {
        DEVICE = "device": |flow| Value::MaybeShort(flow.key.link.device().map(|it| it.device));
        DEVICE_PORT = "device_port":
            |flow| Value::MaybeShort(flow.key.link.device().map(|it| it.port.into()));
    }
    Reverse {
        REVERSE_PACKETS = "reverse_packets":
            |flow| Value::Unsigned(flow.reverse.unwrap_or_default().packets);
        REVERSE_BYTES = "reverse_bytes":
            |flow| Value::Unsigned(flow.reverse.unwrap_or_default().bytes);
        REVERSE_TCP_FLAGS = "reverse_tcp_flags":
            |flow| Value::Short(flow.reverse.unwrap_or_default().tcp_flags);
    }
    Tunnel {
        TUNNEL = "tunnel": |flow| Value::TunnelNames(flow.tunnels);
        TUNNEL_ID = "tunnel_id": |flow| Value::TunnelIds(flow.tunnels);
    }
    AddressBytes {
        SRC_IP_BYTES = "src_ip_bytes": |flow| Value::AddressBytes(flow.key.network.src);
        DST_IP_BYTES = "dst_ip_bytes": |flow| Value::AddressBytes(flow.key.network.dst);
    }
}

/// Columns that are shown together.
#[derive(Clone, Copy)]
enum Group {
    Always,
    Device,
    Reverse,
    Tunnel,
    AddressBytes,
}

impl Columns {
    const fn shows(self, group: Group) -> bool {
        match group {
            Group::Always => true,
            Group::Device => self.device,
            Group::Reverse => self.reverse,
            Group::Tunnel => self.tunnel,
            Group::AddressBytes => self.address_bytes,
        }
    }

    /// The names of the columns, in order.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let mut names = Vec::new();
        self.visit(&Flow::default(), |name, _| names.push(name));
        names
    }
}

/// An address in 16 bytes.
pub(super) const fn sixteen_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
