//! Community ID flow hashing, version 1: <https://github.com/corelight/community-id-spec>.

use super::key::NetworkKey;
use crate::decode::protocol::{ICMP, ICMPV6, SCTP, TCP, UDP};
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use std::fmt;
use std::net::IpAddr;

/// The Community ID of a conversation, as Zeek, Suricata, Wireshark and others compute it.
///
/// It is shown as they show it: `1:LQU9qZlK+B5F3KDmev6m5PMibrg=`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommunityId(
    /// The hash (SHA-1).
    pub [u8; 20],
);

impl fmt::Display for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1:{}", Base64Display::new(&self.0, &STANDARD))
    }
}

impl fmt::Debug for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The Community ID of a key, the same for both directions. `seed` makes those of different sites
/// differ; it is usually 0.
///
/// `None` for ICMP and ICMPv6: their ids go by the type and code of messages, which a key does
/// not have. Ports count for TCP, UDP and SCTP; all other protocols are hashed without.
///
/// ```
/// use pcap_flows::flow::{NetworkKey, community_id};
///
/// let key = NetworkKey {
///     src: "128.232.110.120".parse().unwrap(),
///     dst: "66.35.250.204".parse().unwrap(),
///     protocol: 6,
///     src_port: 34855,
///     dst_port: 80,
/// };
/// let id = community_id(&key, 0).unwrap();
/// assert_eq!(id.to_string(), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
/// assert_eq!(community_id(&key.reversed(), 0), Some(id));
/// ```
pub fn community_id(key: &NetworkKey, seed: u16) -> Option<CommunityId> {
    let has_ports = match key.protocol {
        ICMP | ICMPV6 => return None,
        TCP | UDP | SCTP => true,
        _ => false,
    };
    let port = |port| if has_ports { port } else { 0 };
    let src = (key.src, port(key.src_port));
    let dst = (key.dst, port(key.dst_port));
    // The order of addresses is that of their bytes.
    let (low, high) = if src <= dst { (src, dst) } else { (dst, src) };
    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    update_address(&mut hash, low.0);
    update_address(&mut hash, high.0);
    hash.update([key.protocol, 0]);
    if has_ports {
        hash.update(low.1.to_be_bytes());
        hash.update(high.1.to_be_bytes());
    }
    Some(CommunityId(hash.finalize().into()))
}

fn update_address(hash: &mut Sha1, address: IpAddr) {
    match address {
        IpAddr::V4(address) => hash.update(address.octets()),
        IpAddr::V6(address) => hash.update(address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(protocol: u8, src: (&str, u16), dst: (&str, u16)) -> NetworkKey {
        NetworkKey {
            src: src.0.parse().unwrap(),
            dst: dst.0.parse().unwrap(),
            protocol,
            src_port: src.1,
            dst_port: dst.1,
        }
    }

    fn text(key: &NetworkKey, seed: u16) -> Option<String> {
        community_id(key, seed).map(|it| it.to_string())
    }

    /// The specification's reference data (`baseline/`), with seeds 0 and 1.
    #[test]
    fn reference_data() {
        let v6 = (
            ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
            ("2607:f8b0:400c:c03::1a", 25),
        );
        let v4 = (("128.232.110.120", 34855), ("66.35.250.204", 80));
        for (protocol, (src, dst), unseeded, seeded) in [
            (
                TCP,
                v6,
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
                "1:eJYTW6AOzFLlSUoESovMjnu7rMw=",
            ),
            (
                TCP,
                v4,
                "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
                "1:3V71V58M3Ksw/yuFALMcW0LAHvc=",
            ),
            (
                UDP,
                (("192.168.1.52", 54585), ("8.8.8.8", 53)),
                "1:d/FP5EW3wiY1vCndhwleRRKHowQ=",
                "1:Q9We8WO3piVF8yEQBNJF4uiSVrI=",
            ),
            (
                SCTP,
                (("192.168.170.8", 7), ("192.168.170.56", 7)),
                "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=",
                "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg=",
            ),
            (
                46,
                (("10.1.12.1", 0), ("10.1.12.2", 0)),
                "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=",
                "1:rYir8gphR31noO9iDRQmF/BteEI=",
            ),
        ] {
            for key in [key(protocol, src, dst), key(protocol, dst, src)] {
                assert_eq!(text(&key, 0).as_deref(), Some(unseeded));
                assert_eq!(text(&key, 1).as_deref(), Some(seeded));
            }
        }
    }

    /// From the tests of the reference implementation: the ports do not follow the addresses.
    #[test]
    fn addresses_go_before_ports() {
        let sctp = key(SCTP, ("192.168.170.8", 7), ("192.168.170.56", 80));
        let expected = Some("1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=".to_owned());
        assert_eq!(text(&sctp, 0), expected);
        assert_eq!(text(&sctp.reversed(), 0), expected);
    }

    #[test]
    fn equal_addresses_are_ordered_by_port() {
        let one = key(UDP, ("10.0.0.1", 5), ("10.0.0.1", 4));
        assert_eq!(community_id(&one, 0), community_id(&one.reversed(), 0));
    }

    #[test]
    fn ports_of_other_protocols_do_not_count() {
        let (dccp, udp_lite) = (33, 136);
        for protocol in [dccp, udp_lite] {
            let with = key(protocol, ("10.0.0.1", 5), ("10.0.0.2", 4));
            let without = key(protocol, ("10.0.0.1", 0), ("10.0.0.2", 0));
            assert_eq!(community_id(&with, 0), community_id(&without, 0));
        }
    }

    #[test]
    fn icmp_has_none() {
        for (protocol, address) in [(ICMP, "192.168.0.1"), (ICMPV6, "fe80::1")] {
            let key = key(protocol, (address, 0), (address, 0));
            assert_eq!(community_id(&key, 0), None);
        }
    }
}
