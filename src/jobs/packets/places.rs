//! Where packets go: which networks are local.

use crate::select::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The local networks.
#[derive(Clone, Debug)]
pub(super) struct Places {
    local: Vec<IpNet>,
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    In,
    Out,
    /// From one local address to another.
    Loop,
    Other,
}

impl Direction {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::In => "IN",
            Self::Out => "OUT",
            Self::Loop => "LOOP",
            Self::Other => "OTHER",
        }
    }
}

impl Places {
    /// With these local networks; if there are none, the private ones.
    pub(super) fn new(local: &[IpNet]) -> Self {
        let local = match local {
            [] => private(),
            local => local.to_vec(),
        };
        Self { local }
    }

    pub(super) fn is_local(&self, address: IpAddr) -> bool {
        self.local.iter().any(|it| it.contains(address))
    }

    pub(super) fn direction(&self, [src, dst]: [IpAddr; 2]) -> Direction {
        match (self.is_local(src), self.is_local(dst)) {
            (true, true) => Direction::Loop,
            (true, false) => Direction::Out,
            (false, true) => Direction::In,
            (false, false) => Direction::Other,
        }
    }

    /// Where an address is: `LAN`, or `NONE` where that is not known.
    pub(super) fn place(&self, address: IpAddr) -> &'static str {
        if self.is_local(address) {
            "LAN"
        } else {
            "NONE"
        }
    }
}

/// Private, shared, link-local and loopback addresses (RFC 1918, 6598, 3927, 4193, 4291).
fn private() -> Vec<IpNet> {
    let v4 = [
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
    ];
    let v6 = [
        (Ipv6Addr::LOCALHOST, 128),
        (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
        (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    ];
    let v4 = v4.map(|(address, len)| IpNet::with_prefix(address.into(), len));
    let v6 = v6.map(|(address, len)| IpNet::with_prefix(address.into(), len));
    v4.into_iter().chain(v6).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(places: &Places, src: &str, dst: &str) -> &'static str {
        let addresses = [src, dst].map(|it| it.parse().unwrap());
        places.direction(addresses).name()
    }

    #[test]
    fn directions() {
        let places = Places::new(&[]);
        assert_eq!(direction(&places, "10.0.0.2", "58.217.200.117"), "OUT");
        assert_eq!(direction(&places, "58.217.200.117", "10.0.0.2"), "IN");
        assert_eq!(direction(&places, "fe80::1", "::1"), "LOOP");
        assert_eq!(direction(&places, "2001:db8::1", "192.0.2.1"), "OTHER");
        let places = Places::new(&["192.0.2.0/24".parse().unwrap()]);
        assert_eq!(direction(&places, "10.0.0.2", "192.0.2.1"), "IN");
        assert_eq!(places.place("10.0.0.2".parse().unwrap()), "NONE");
    }
}
