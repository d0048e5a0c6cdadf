//! The arguments of `pcap_flows diff`.

use super::groups::{INPUT, OrderArgs, RunArgs};
use super::values::{DiffFormatArg, ScopeArg, SelectArg, filter, net, tunnel_port};
use clap::Args;
use pcap_flows::decode::TunnelPort;
use pcap_flows::select::{Filter, IpNet};
use std::path::PathBuf;

/// Arguments of `pcap_flows diff`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DiffArgs {
    /// Two captures of the same traffic, from two points of its path; "-" is standard input
    #[arg(value_name = "CAPTURE", num_args = 0..=2)]
    pub(crate) captures: Vec<PathBuf>,

    /// Several captures from the first point, read as one; directories
    #[arg(long, value_name = "CAPTURE", num_args = 1.., requires = "b", conflicts_with = "captures",
          help_heading = INPUT)]
    pub(crate) a: Vec<PathBuf>,

    /// Several captures from the second point
    #[arg(long, value_name = "CAPTURE", num_args = 1.., requires = "a", help_heading = INPUT)]
    pub(crate) b: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) order: OrderArgs,

    /// Compare only packets that match EXPR on both sides, in the language of pcap-filter(7)
    #[arg(long, value_name = "EXPR", value_parser = filter, help_heading = INPUT)]
    pub(crate) filter: Option<Filter>,

    /// Leave out packets from or to these addresses (repeatable)
    #[arg(long, value_name = "NET", value_parser = net, help_heading = INPUT)]
    pub(crate) exclude_ip: Vec<IpNet>,

    /// Compare by the outermost IP header, for tunnels on one side only
    #[arg(long, help_heading = COMPARED)]
    pub(crate) outer: bool,

    /// Treat a UDP port as that of a tunnel, as in udp/8473=vxlan (repeatable)
    #[arg(long, value_name = "PORT=TUNNEL", value_parser = tunnel_port, conflicts_with = "outer",
          help_heading = COMPARED)]
    pub(crate) tunnel_port: Vec<TunnelPort>,

    /// Addresses on the first point's side of the path (repeatable)
    #[arg(long, value_name = "NET", value_parser = net, help_heading = COMPARED)]
    pub(crate) ip_a: Vec<IpNet>,

    /// Addresses on the second point's side (repeatable)
    #[arg(long, value_name = "NET", value_parser = net, help_heading = COMPARED)]
    pub(crate) ip_b: Vec<IpNet>,

    /// Treat packets in which these fields differ as mangled, even though devices change them:
    /// ttl,tos,src
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', help_heading = COMPARED)]
    pub(crate) strict: Vec<String>,

    /// Do not treat packets in which these fields differ as mangled: window. With pure-acks,
    /// missing ACKs do not count
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', help_heading = COMPARED)]
    pub(crate) ignore: Vec<String>,

    /// Which packets of one side should be on the other
    #[arg(long, value_enum, value_name = "WHICH", default_value_t, hide_default_value = true,
          help_heading = COMPARED)]
    pub(crate) scope: ScopeArg,

    /// Take both clocks as synchronized: time differences are delays
    #[arg(long, help_heading = COMPARED)]
    pub(crate) trust_clocks: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t, hide_default_value = true, help_heading = SHOWN)]
    pub(crate) format: DiffFormatArg,

    /// Write a row for each packet of both sides: .csv, .json, .parquet
    #[arg(long, value_name = "FILE", help_heading = SHOWN)]
    pub(crate) packets: Option<PathBuf>,

    /// Write a row for each conversation, with its addresses on both sides: .csv, .json, .parquet
    #[arg(long, value_name = "FILE", help_heading = SHOWN)]
    pub(crate) flows: Option<PathBuf>,

    /// Only conversations that meet a condition on columns: 'ab_dropped > 0 and protocol = '\''tcp'\'''
    #[arg(long = "where", value_name = "CONDITION", help_heading = SHOWN)]
    pub(crate) condition: Option<String>,

    /// Write packets of both sides, with comments, as one pcapng capture
    #[arg(short, long, value_name = "FILE", help_heading = SHOWN)]
    pub(crate) output: Option<PathBuf>,

    /// Packets to write
    #[arg(long, value_enum, value_name = "WHICH", default_value_t, hide_default_value = true,
          requires = "output", help_heading = SHOWN)]
    pub(crate) select: SelectArg,

    /// Keep packet times, even if the second point's clock differs
    #[arg(long, requires = "output", help_heading = SHOWN)]
    pub(crate) keep_times: bool,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const COMPARED: &str = "What is compared";
const SHOWN: &str = "What is shown";

pub(crate) const EXAMPLES: &str = "\
Exit status: 0 nothing differs, 4 something does, 3 a capture was damaged, 1 failed, 2 wrong usage.

Examples:
  pcap_flows diff client.pcap server.pcap
  pcap_flows diff before-nat.pcap after-nat.pcap --flows nat.csv
  pcap_flows diff a.pcap b.pcap -o lost.pcapng --select lost
  pcap_flows diff a.pcap b.pcap --strict ttl,tos,src,dst     did this switch change anything?
  pcap_flows diff --a day1/a* --b day1/b* --format json --packets packets.parquet";
