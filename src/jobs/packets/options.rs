//! Options of the packets job.

use crate::engine::Config;
use crate::output::table::{Format, TimeZone};
use crate::select::{IpNet, PortRange};
use std::net::IpAddr;
use std::path::PathBuf;

/// A request for lines or sums of packets.
#[derive(Clone, Debug)]
pub struct PacketsJob {
    /// Settings for reading captures.
    pub config: Config,
    /// The kind of output.
    pub view: View,
    /// Hosts and ports to which to restrict the output.
    pub assets: Assets,
    /// Whether to show only packets of TCP, UDP and ICMP.
    pub only_seed_types: bool,
    /// Format of payload.
    pub data_level: DataLevel,
    /// Longest payload to show, in bytes.
    pub max_data: usize,
    /// The local networks; if empty, private, link-local and loopback addresses.
    pub local: Vec<IpNet>,
    /// A file with names of services. The default is `/etc/services`.
    pub services: Option<PathBuf>,
    /// Databases of address locations, in MaxMind's format.
    pub geo: Vec<PathBuf>,
    /// Output format.
    pub format: Format,
    /// Time zone of dates.
    pub time_zone: TimeZone,
    /// Output file; standard output if `None`.
    pub output: Option<PathBuf>,
    /// Output file of run statistics.
    pub stats: Option<PathBuf>,
}

impl PacketsJob {
    /// Window size for this job.
    pub const WINDOW_LEN: usize = 16 * 1024 * 1024;
}

/// The kind of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Addresses, transport header and payload.
    #[default]
    Whole,
    /// Direction, addresses, services, locations and size of IP packets.
    Ip,
    /// Sums over packets.
    Sums(Grouping),
}

/// Keys of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Addresses.
    Host,
    /// Pairs of addresses.
    Pair,
    /// Protocol and port of the service.
    Service,
    /// Countries of addresses.
    Country,
    /// Minutes.
    Minute,
}

/// Formats of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataLevel {
    /// As text.
    Text,
    /// As text and in hexadecimal digits.
    #[default]
    Both,
}

/// Hosts and ports of interest.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    /// Addresses, one of which a packet must have.
    pub hosts: Vec<IpNet>,
    /// Ports, one of which a packet must have.
    pub ports: Vec<PortRange>,
}

impl Assets {
    /// Whether to show packets with these endpoints. Packets without ports do not match any port.
    pub(super) fn accept(&self, addresses: [IpAddr; 2], ports: Option<[u16; 2]>) -> bool {
        let has_host = |it: &IpNet| addresses.iter().any(|address| it.contains(*address));
        let has_port = |it: &PortRange| {
            let ports = ports.iter().flatten();
            ports.into_iter().any(|port| it.contains(*port))
        };
        (self.hosts.is_empty() || self.hosts.iter().any(has_host))
            && (self.ports.is_empty() || self.ports.iter().any(has_port))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.ports.is_empty()
    }
}
