//! Directions of packets and locations of addresses.

use crate::error::Error;
use crate::jobs::geo::{Geo, Location};
use crate::select::IpNet;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// The local networks, and the rest of the world.
#[derive(Debug)]
pub(super) struct Places {
    local: Vec<IpNet>,
    geo: Geo,
}

/// Direction of a packet.
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
    /// Creates places from local networks (private ones if there are none), and databases.
    ///
    /// # Errors
    /// When a database cannot be read.
    pub(super) fn new(local: &[IpNet], databases: &[PathBuf]) -> Result<Self, Error> {
        let local = match local {
            [] => private(),
            local => local.to_vec(),
        };
        let geo = Geo::open(databases)?;
        Ok(Self { local, geo })
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

    /// The location of an address: `LAN`, `city-region-country-AS`, or `NONE` if unknown.
    pub(super) fn place(&self, address: IpAddr) -> Cow<'static, str> {
        if self.is_local(address) {
            return "LAN".into();
        }
        match self.geo.find(address) {
            location if location == Location::default() => "NONE".into(),
            location => location.to_string().into(),
        }
    }

    /// Country code and name of an address. The code is `LAN` or `NONE` if there is no country.
    pub(super) fn country(&self, address: IpAddr) -> (String, Option<String>) {
        if self.is_local(address) {
            return ("LAN".to_owned(), None);
        }
        let location = self.geo.find(address);
        let code = location.country_code.unwrap_or_else(|| "NONE".to_owned());
        (code, location.country)
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
        let places = Places::new(&[], &[]).unwrap();
        assert_eq!(direction(&places, "10.0.0.2", "58.217.200.117"), "OUT");
        assert_eq!(direction(&places, "58.217.200.117", "10.0.0.2"), "IN");
        assert_eq!(direction(&places, "fe80::1", "::1"), "LOOP");
        assert_eq!(direction(&places, "2001:db8::1", "192.0.2.1"), "OTHER");
        let places = Places::new(&["192.0.2.0/24".parse().unwrap()], &[]).unwrap();
        assert_eq!(direction(&places, "10.0.0.2", "192.0.2.1"), "IN");
        assert_eq!(places.place("10.0.0.2".parse().unwrap()), "NONE");
    }
}
