//! The columns of the machine-readable flow list.

use super::digits;
use crate::capture::Nanos;
use crate::decode::IpProtocol;
use crate::flow::{Flow, MacAddr, VlanStack};
use std::net::IpAddr;

/// Columns beyond those that are always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// `device`, `device_port`: from Metamako trailers.
    pub device: bool,
    /// `reverse_packets`, `reverse_bytes`, `reverse_tcp_flags`: of conversations.
    pub reverse: bool,
    /// `src_ip_bytes`, `dst_ip_bytes`: addresses that sort as numbers do.
    pub address_bytes: bool,
}

/// A value of a row.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Protocol(IpProtocol),
    Mac(Option<MacAddr>),
    Vlans(VlanStack),
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
    /// Appends the value as text, made of letters, digits, `.`, `:` and `-` alone.
    pub(super) fn append(self, text: &mut Vec<u8>) {
        match self {
            Self::Protocol(protocol) => match protocol.name() {
                Some(name) => text.extend_from_slice(name.as_bytes()),
                None => digits::number(text, protocol.0.into()),
            },
            Self::Mac(Some(address)) => digits::mac(text, address),
            Self::Vlans(vlans) => digits::vlans(text, vlans),
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

impl Columns {
    /// Shows a flow's columns to `see`, name and value, in order.
    pub(super) fn visit(self, flow: &Flow, mut see: impl FnMut(&'static str, Value)) {
        let (link, network) = (&flow.key.link, &flow.key.network);
        see("flow_id", Value::Unsigned(flow.id));
        see("protocol", Value::Protocol(IpProtocol(network.protocol)));
        see("src_mac", Value::Mac(link.macs().map(|(src, _)| src)));
        see("dst_mac", Value::Mac(link.macs().map(|(_, dst)| dst)));
        see("vlan", Value::Vlans(link.vlans()));
        see("src_ip", Value::Address(network.src));
        see("src_port", Value::Short(network.src_port));
        see("dst_ip", Value::Address(network.dst));
        see("dst_port", Value::Short(network.dst_port));
        see("packets", Value::Unsigned(flow.packets));
        see("bytes", Value::Unsigned(flow.bytes));
        see("first_ns", Value::Time(flow.first));
        see("last_ns", Value::Time(flow.last));
        see("tcp_flags", Value::Short(flow.tcp_flags));
        if self.device {
            let device = link.device();
            see("device", Value::MaybeShort(device.map(|it| it.device)));
            let port = device.map(|it| it.port.into());
            see("device_port", Value::MaybeShort(port));
        }
        if self.reverse {
            let reverse = flow.reverse.unwrap_or_default();
            see("reverse_packets", Value::Unsigned(reverse.packets));
            see("reverse_bytes", Value::Unsigned(reverse.bytes));
            see("reverse_tcp_flags", Value::Short(reverse.tcp_flags));
        }
        if self.address_bytes {
            see("src_ip_bytes", Value::AddressBytes(network.src));
            see("dst_ip_bytes", Value::AddressBytes(network.dst));
        }
    }
}

/// An address in 16 bytes.
pub(super) const fn sixteen_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
