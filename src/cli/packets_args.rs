//! The arguments of `pcap_flows packets`.

use super::groups::{FlowArgs, InputArgs, RunArgs};
use super::values::{DataLevelArg, FormatArg, SumsArg, bytes, net, port_range};
use clap::Args;
use pcap_flows::select::{IpNet, PortRange};
use std::path::PathBuf;

/// Arguments of `pcap_flows packets`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PacketsArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Only packets from or to one of these addresses or networks
    #[arg(long, alias = "assetip", value_name = "LIST", value_delimiter = ',', value_parser = net,
          help_heading = SHOWN)]
    pub(crate) asset_ip: Vec<IpNet>,

    /// Only packets from or to one of these ports; for ICMP errors, ports of the quoted packet
    #[arg(long, alias = "assetport", value_name = "LIST", value_delimiter = ',',
          value_parser = port_range, help_heading = SHOWN)]
    pub(crate) asset_port: Vec<PortRange>,

    /// Only packets of TCP, UDP and ICMP, the protocols that packet_analysis prints
    #[arg(long, help_heading = SHOWN)]
    pub(crate) only_seed_types: bool,

    /// Show direction, addresses, services and size of each IP packet
    #[arg(long, help_heading = SHOWN)]
    pub(crate) ip: bool,

    /// Sum packets up: packets, bytes on the wire, in and out, flows
    ///
    /// In and out are seen from the key; of services and minutes, from the local networks.
    #[arg(long, value_enum, value_name = "KEY", conflicts_with_all = ["ip", "only_seed_types"],
          help_heading = SHOWN)]
    pub(crate) by: Option<SumsArg>,

    /// Local networks [default: private, link-local and loopback addresses]
    #[arg(long, value_name = "NET", value_delimiter = ',', value_parser = net,
          help_heading = SHOWN)]
    pub(crate) local: Vec<IpNet>,

    /// Names of services, in the format of /etc/services or nmap-services [default: /etc/services]
    #[arg(long, value_name = "FILE", help_heading = SHOWN)]
    pub(crate) services: Option<PathBuf>,

    /// A database of address locations in MaxMind's format: cities, countries, or autonomous
    /// systems (repeatable)
    #[arg(long, value_name = "FILE", help_heading = SHOWN)]
    pub(crate) geo: Vec<PathBuf>,

    /// Show payload as text (1), or also in hexadecimal digits (2)
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t, hide_default_value = true,
          help_heading = SHOWN)]
    pub(crate) data_level: DataLevelArg,

    /// Show no more than N bytes of a payload
    #[arg(long, value_name = "N", value_parser = bytes, help_heading = SHOWN)]
    pub(crate) max_data: Option<u64>,

    /// Output format
    #[arg(long, value_enum, default_value_t, hide_default_value = true, help_heading = SHOWN)]
    pub(crate) format: FormatArg,

    /// Show dates in the system's time zone instead of UTC
    #[arg(long, help_heading = SHOWN)]
    pub(crate) local_time: bool,

    /// Output file [default: standard output]
    #[arg(short, long, value_name = "FILE", help_heading = SHOWN)]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) flows: FlowArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const SHOWN: &str = "What is shown";

pub(crate) const EXAMPLES: &str = "\
Examples:
  pcap_flows packets big.pcap --packet-max 100
  pcap_flows packets big.pcap --asset-ip 10.0.0.4,10.0.0.5 --asset-port 80,443 --data-level 1
  pcap_flows packets big.pcap --ip --local 192.0.2.0/24 --format csv
  pcap_flows packets big.pcap --by host | head          who sent and received the most
  pcap_flows packets day/ --by minute --format csv -o minutes.csv";
