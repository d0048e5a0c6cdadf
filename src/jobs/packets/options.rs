//! What is to be shown, and how.

use crate::engine::Config;
use crate::output::table::{Format, TimeZone};
use crate::select::{IpNet, PortRange};
use std::net::IpAddr;
use std::path::PathBuf;

/// Which packets are shown, and how.
#[derive(Clone, Debug)]
pub struct PacketsJob {
    /// How captures are read.
    pub config: Config,
    /// What is shown of packets.
    pub view: View,
    /// Only packets from or to these, if any are named.
    pub assets: Assets,
    /// Only packets of TCP, UDP and ICMP.
    pub only_seed_types: bool,
    /// How payload is shown.
    pub data_level: DataLevel,
    /// No more bytes of a payload are shown.
    pub max_data: usize,
    /// The networks that are local; if none are named, those that are private, and of this host.
    pub local: Vec<IpNet>,
    /// A file with names of services, as `/etc/services`, which is read if none is named.
    pub services: Option<PathBuf>,
    /// Databases of where addresses are, in MaxMind's format.
    pub geo: Vec<PathBuf>,
    /// The format of the output.
    pub format: Format,
    /// The zone of dates in text.
    pub time_zone: TimeZone,
    /// Where the output goes, if not to standard output.
    pub output: Option<PathBuf>,
    /// Where statistics of the run go.
    pub stats: Option<PathBuf>,
}

impl PacketsJob {
    /// Bytes of a file to be worked on at a time.
    pub const WINDOW_LEN: usize = 16 * 1024 * 1024;
}

/// What is shown of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Addresses, transport header and payload.
    #[default]
    Whole,
    /// Of IP packets, who sends to whom, where that is, and how much.
    Ip,
    /// Sums over packets.
    Sums(Grouping),
}

/// What packets are summed up by.
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

/// How payload is shown.
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
    /// Either end is one of these.
    pub hosts: Vec<IpNet>,
    /// Either port is one of these.
    pub ports: Vec<PortRange>,
}

impl Assets {
    /// Whether packets with these ends are of interest. Those without ports are not, if ports are
    /// named.
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
