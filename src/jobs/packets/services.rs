//! Names of services, by protocol and port.

use crate::decode::protocol;
use crate::error::Error;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Clone, Debug, Default)]
pub(super) struct Services {
    /// By protocol number and port.
    names: BTreeMap<(u8, u16), String>,
}

impl Services {
    /// Reads a file in the format of `/etc/services` or nmap-services. Without a path, reads
    /// `/etc/services` if it exists.
    ///
    /// # Errors
    /// When a given file cannot be read.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, Error> {
        let bytes = match path {
            Some(path) => std::fs::read(path).map_err(|source| Error::io("read", path, source))?,
            None => std::fs::read(SYSTEM).unwrap_or_default(),
        };
        Ok(Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    /// Parses lines with a name and a port/protocol: `domain 53/udp`. The first name wins.
    fn parse(text: &str) -> Self {
        let mut names = BTreeMap::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else {
                continue;
            };
            let Some((port, protocol)) = port.split_once('/') else {
                continue;
            };
            let protocol = match protocol {
                "tcp" => protocol::TCP,
                "udp" => protocol::UDP,
                "sctp" => protocol::SCTP,
                "dccp" => protocol::DCCP,
                _ => continue,
            };
            // nmap has entries for unknown services.
            if let (Ok(port), false) = (port.parse(), name == "unknown") {
                names
                    .entry((protocol, port))
                    .or_insert_with(|| name.to_owned());
            }
        }
        Self { names }
    }

    pub(super) fn name(&self, protocol: u8, port: u16) -> Option<&str> {
        self.names.get(&(protocol, port)).map(String::as_str)
    }

    /// The service port of two ports: the one with a name, or the lower one if both or neither have
    /// names.
    pub(super) fn service_port(&self, protocol: u8, [src, dst]: [u16; 2]) -> u16 {
        let is_known = |port| self.name(protocol, port).is_some();
        match (is_known(src), is_known(dst)) {
            (true, false) => src,
            (false, true) => dst,
            _ => src.min(dst),
        }
    }
}

const SYSTEM: &str = "/etc/services";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats() {
        let services = Services::parse(
            "# comment\ndomain\t\t53/tcp\t\t# DNS\ndomain 53/udp\n\
             unknown 1/tcp 0.001\nhttp\t80/tcp\t0.484143\t# World Wide Web\nwww 80/tcp\nx y\n",
        );
        assert_eq!(services.name(protocol::UDP, 53), Some("domain"));
        assert_eq!(services.name(protocol::TCP, 80), Some("http"));
        assert_eq!(services.name(protocol::UDP, 80), None);
        assert_eq!(services.name(protocol::TCP, 1), None);
        assert_eq!(services.service_port(protocol::TCP, [80, 50000]), 80);
        assert_eq!(services.service_port(protocol::TCP, [40, 80]), 80);
        assert_eq!(services.service_port(protocol::UDP, [40, 80]), 40);
    }
}
