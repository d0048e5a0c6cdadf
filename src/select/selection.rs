//! Which flows are extracted: the union of what `--extract`, `--extract-ip` and
//! `--extract-port` ask for.

use super::ids::IdSet;
use super::net::IpNet;
use super::port::PortRange;
use crate::flow::key::NetworkKey;

/// The criteria that pick flows for extraction. A flow is picked if it meets any one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Flows with these FlowIDs.
    pub ids: IdSet,
    /// Flows with either address in one of these networks.
    pub nets: Vec<IpNet>,
    /// TCP and UDP flows with either port in one of these ranges.
    pub ports: Vec<PortRange>,
    /// A condition has left nothing but `ids`: where these are none, no flow is picked.
    pub is_narrowed: bool,
}

impl Selection {
    /// Whether no criterion was given.
    pub const fn is_empty(&self) -> bool {
        !self.is_narrowed && self.ids.is_empty() && self.nets.is_empty() && self.ports.is_empty()
    }

    /// Whether a flow with this FlowID and key is picked.
    pub fn matches(&self, id: u64, key: &NetworkKey) -> bool {
        self.ids.contains(id) || self.matches_key(key)
    }

    /// Whether a flow is picked for its key, whatever its FlowID.
    ///
    /// The answer is the same for both directions of a conversation.
    pub fn matches_key(&self, key: &NetworkKey) -> bool {
        self.nets
            .iter()
            .any(|net| net.contains(key.src) || net.contains(key.dst))
            || (WITH_PORTS.contains(&key.protocol)
                && self
                    .ports
                    .iter()
                    .any(|ports| ports.contains(key.src_port) || ports.contains(key.dst_port)))
    }
}

/// TCP and UDP, by their IP protocol numbers. For all others a port of 0 says that there is none.
const WITH_PORTS: [u8; 2] = [6, 17];

#[cfg(test)]
mod tests {
    use super::*;

    fn key(protocol: u8, src_port: u16, dst_port: u16) -> NetworkKey {
        NetworkKey {
            src: "10.0.0.1".parse().unwrap(),
            dst: "192.168.7.1".parse().unwrap(),
            protocol,
            src_port,
            dst_port,
        }
    }

    fn selection(ids: &str, nets: &[&str], ports: &[&str]) -> Selection {
        Selection {
            ids: if ids.is_empty() {
                IdSet::new()
            } else {
                ids.parse().unwrap()
            },
            nets: nets.iter().map(|net| net.parse().unwrap()).collect(),
            ports: ports.iter().map(|ports| ports.parse().unwrap()).collect(),
            is_narrowed: false,
        }
    }

    #[test]
    fn nothing_asked_for_picks_nothing() {
        let none = Selection::default();
        assert!(none.is_empty());
        assert!(!none.matches(1, &key(6, 1, 2)));
    }

    #[test]
    fn any_one_criterion_is_enough() {
        let all = selection("7", &["172.16.0.0/12"], &["443"]);
        assert!(!all.is_empty());
        assert!(all.matches(7, &key(6, 1, 2)));
        assert!(all.matches(8, &key(6, 1, 443)));
        assert!(!all.matches(8, &key(6, 1, 2)));
        assert!(!all.matches_key(&key(6, 1, 2)));
        for one in [
            selection("7", &[], &[]),
            selection("", &["::1"], &[]),
            selection("", &[], &["0-65535"]),
        ] {
            assert!(!one.is_empty());
        }
    }

    #[test]
    fn either_address_counts() {
        for net in ["10.0.0.1", "192.168.0.0/16", "192.168.7.9/255.255.255.0"] {
            let picked = selection("", &["1.2.3.4", net], &[]);
            assert!(picked.matches_key(&key(1, 0, 0)), "{net}");
            assert!(picked.matches_key(&key(1, 0, 0).reversed()), "{net}");
        }
        assert!(!selection("", &["192.168.8.0/24"], &[]).matches_key(&key(1, 0, 0)));
    }

    #[test]
    fn either_port_counts_for_tcp_and_udp_only() {
        let picked = selection("", &[], &["53", "1000-2000"]);
        for protocol in [6, 17] {
            assert!(picked.matches_key(&key(protocol, 53, 9)));
            assert!(picked.matches_key(&key(protocol, 9, 2000)));
            assert!(!picked.matches_key(&key(protocol, 9, 2001)));
        }
        assert!(!picked.matches_key(&key(132, 53, 53)));
    }

    #[test]
    fn port_0_is_a_port_only_where_there_are_ports() {
        let picked = selection("", &[], &["0-65535"]);
        assert!(picked.matches_key(&key(6, 0, 9)));
        for protocol in [1, 47, 50, 58, 132] {
            assert!(!picked.matches_key(&key(protocol, 0, 0)));
        }
    }
}
