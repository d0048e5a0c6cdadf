//! The columns of the machine-readable flow list.

use super::digits;
use crate::flow::{Flow, MacAddr, VlanStack};
use std::fmt;
use std::net::IpAddr;

/// Columns beyond those that are always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// `device`, `device_port`: from Metamako trailers.
    pub device: bool,
    /// `reverse_packets`, `reverse_bytes`, `reverse_tcp_flags`: of conversations.
    pub reverse: bool,
}

/// A value of a row.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Protocol(u8),
    Mac(Option<MacAddr>),
    Vlans(VlanStack),
    Address(IpAddr),
    Unsigned(u64),
    Signed(i64),
    Absent,
}

impl Value {
    /// Appends the value as text, made of letters, digits, `.`, `:` and `-` alone.
    pub(super) fn append(self, text: &mut Vec<u8>) {
        match self {
            Self::Protocol(protocol) => match protocol_name(protocol) {
                Some(name) => text.extend_from_slice(name.as_bytes()),
                None => digits::number(text, protocol.into()),
            },
            Self::Mac(Some(address)) => digits::mac(text, address),
            Self::Vlans(vlans) => digits::vlans(text, vlans),
            Self::Address(address) => digits::address(text, address),
            Self::Unsigned(number) => digits::number(text, number),
            Self::Signed(number) => digits::signed(text, number),
            Self::Mac(None) | Self::Absent => {}
        }
    }
}

impl Columns {
    /// Shows a flow's columns to `see`, name and value, in order.
    pub(super) fn visit(self, flow: &Flow, mut see: impl FnMut(&'static str, Value)) {
        let (link, network) = (&flow.key.link, &flow.key.network);
        see("flow_id", Value::Unsigned(flow.id));
        see("protocol", Value::Protocol(network.protocol));
        see("src_mac", Value::Mac(link.macs().map(|(src, _)| src)));
        see("dst_mac", Value::Mac(link.macs().map(|(_, dst)| dst)));
        see("vlan", Value::Vlans(link.vlans()));
        see("src_ip", Value::Address(network.src));
        see("src_port", Value::Unsigned(network.src_port.into()));
        see("dst_ip", Value::Address(network.dst));
        see("dst_port", Value::Unsigned(network.dst_port.into()));
        see("packets", Value::Unsigned(flow.packets));
        see("bytes", Value::Unsigned(flow.bytes));
        see("first_ns", Value::Signed(flow.first.0));
        see("last_ns", Value::Signed(flow.last.0));
        see("tcp_flags", Value::Unsigned(flow.tcp_flags.into()));
        if self.device {
            let value = |number: Option<u16>| match number {
                Some(number) => Value::Unsigned(number.into()),
                None => Value::Absent,
            };
            see("device", value(link.device().map(|it| it.device)));
            see("device_port", value(link.device().map(|it| it.port.into())));
        }
        if self.reverse {
            let reverse = flow.reverse.unwrap_or_default();
            see("reverse_packets", Value::Unsigned(reverse.packets));
            see("reverse_bytes", Value::Unsigned(reverse.bytes));
            see(
                "reverse_tcp_flags",
                Value::Unsigned(reverse.tcp_flags.into()),
            );
        }
    }
}

/// The lower-case name of an IP protocol, or its number.
pub(in crate::output) struct ProtocolName(pub(in crate::output) u8);

impl fmt::Display for ProtocolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match protocol_name(self.0) {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

/// Names of the IANA registry for the protocols that are seen in captures.
pub(super) fn protocol_name(protocol: u8) -> Option<&'static str> {
    Some(match protocol {
        0 => "hopopt",
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        8 => "egp",
        9 => "igrp",
        17 => "udp",
        33 => "dccp",
        41 => "ipv6",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmpv6",
        59 => "ipv6-nonxt",
        88 => "eigrp",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        115 => "l2tp",
        132 => "sctp",
        136 => "udplite",
        _ => return None,
    })
}
