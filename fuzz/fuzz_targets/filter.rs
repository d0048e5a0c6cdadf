//! The languages of --filter and --where: any text is refused or understood, and can then be asked
//! of any flow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pcap_flows::decode::{LinkKey, MacAddr, NetworkKey};
use pcap_flows::output::table::condition_columns;
use pcap_flows::select::Filter;
use pcap_flows::select::condition::{Cell, Condition};
use std::net::IpAddr;

/// Of one IP version.
#[derive(Clone, Copy, Debug, arbitrary::Arbitrary)]
enum Addresses {
    V4([[u8; 4]; 2]),
    V6([[u8; 16]; 2]),
}

#[derive(Debug, arbitrary::Arbitrary)]
struct Asked<'a> {
    text: &'a str,
    addresses: Addresses,
    protocol: u8,
    ports: (u16, u16),
    vlans: Vec<u16>,
    macs: Option<([u8; 6], [u8; 6])>,
    number: Option<u64>,
    word: Option<&'a str>,
}

fuzz_target!(|asked: Asked<'_>| {
    match Filter::parse(asked.text) {
        Ok(filter) => {
            let mut link = LinkKey::default();
            asked.vlans.iter().for_each(|&vlan| link.push_vlan(vlan));
            if let Some((src, dst)) = asked.macs {
                link.set_macs(MacAddr(src), MacAddr(dst));
            }
            let [src, dst] = match asked.addresses {
                Addresses::V4(both) => both.map(IpAddr::from),
                Addresses::V6(both) => both.map(IpAddr::from),
            };
            let network = NetworkKey {
                src,
                dst,
                protocol: asked.protocol,
                src_port: asked.ports.0,
                dst_port: asked.ports.1,
            };
            let there = filter.matches(&link, Some(&network));
            filter.matches(&link, None);
            if !filter.is_directional() {
                let back = filter.matches(&link.reversed(), Some(&network.reversed()));
                assert_eq!(there, back, "{:?}", asked.text);
            }
            if !filter.needs_link() {
                assert_eq!(there, filter.matches(&LinkKey::default(), Some(&network)));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let columns = condition_columns();
    match Condition::parse(asked.text, &columns) {
        Ok(condition) => {
            let asks_only = |column: usize| assert!(condition.columns().contains(&column));
            condition.matches(|column| {
                asks_only(column);
                Cell::Null
            });
            condition.matches(|column| match (asked.number, asked.word) {
                (Some(number), _) if column % 2 == 0 => Cell::Unsigned(number),
                (_, Some(word)) => Cell::Text(word),
                _ => Cell::Null,
            });
            assert_eq!(Condition::parse(asked.text, &columns), Ok(condition));
        }
        Err(error) => assert!(error.to_string().len() < 2000),
    }
});
