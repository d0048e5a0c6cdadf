//! The arguments of `pcap_flows tcp`.

use super::groups::{FlowArgs, INPUT, InputArgs, RunArgs};
use super::values::{
    FormatArg, GroupingArg, OpenUntilArg, Plotted, duration, ids, instant, plotted, relocated,
};
use clap::Args;
use pcap_flows::jobs::tcp::Instant;
use pcap_flows::select::IdSet;
use std::path::PathBuf;

/// What is measured, and which of it is shown.
#[derive(Clone, Debug, Args)]
pub(crate) struct TcpArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Query an index made by `pcap_flows index` instead of reading captures
    ///
    /// Tables come from the index. For packets of connections, and with --filter, its captures are
    /// read.
    #[arg(long, value_name = "INDEX", help_heading = INPUT,
          conflicts_with_all = ["captures", "stdin", "packet_max", "decap", "tunnel_port", "flow_5tuple",
              "bidirectional", "idle_timeout", "active_timeout", "metamako", "metamako_double",
              "metamako_offset", "dedup", "merge", "as_given", "recursive"])]
    pub(crate) index: Option<PathBuf>,

    /// New location of a capture in the index (repeatable)
    #[arg(long, value_name = "OLD=NEW", value_parser = relocated, requires = "index",
          help_heading = INPUT)]
    pub(crate) relocate: Vec<(PathBuf, PathBuf)>,

    /// List the packets of connections, by connection_id: 7, 7,9-12
    #[arg(long, value_name = "IDS", value_parser = ids, group = "view", help_heading = VIEW)]
    pub(crate) listing: Option<IdSet>,

    /// The same as a table; with --bin, what each side sent in stretches of time
    #[arg(long, value_name = "IDS", value_parser = ids, group = "view", help_heading = VIEW)]
    pub(crate) series: Option<IdSet>,

    /// Summarize connections in a few lines each
    #[arg(long, value_name = "IDS", value_parser = ids, group = "view", help_heading = VIEW)]
    pub(crate) explain: Option<IdSet>,

    /// Plot a connection, or all of them, to FILE.svg or FILE.html (-o)
    ///
    /// For a connection: sequence numbers, windows, round trips and throughput. For all: open
    /// connections, outcomes and delays. An .html page is self-contained and can be zoomed.
    #[arg(long, value_name = "ID|all", value_parser = plotted, requires = "output", group = "view",
          help_heading = VIEW)]
    pub(crate) plot: Option<Plotted>,

    /// Compare with a CAPTURE from another point of the path: what was lost where, and where time
    /// was spent
    ///
    /// Each connection has the number of payload segments that passed both points, only the near
    /// one (the main captures) or only the far one, and how long losses and the server made it
    /// wait. Repeatable: consecutive captures are one.
    #[arg(long, value_name = "CAPTURE", group = "view", conflicts_with = "index", help_heading = VIEW)]
    pub(crate) beside: Vec<PathBuf>,

    /// Only connections that were open at TIME: '2026-11-21 03:53:43.1', or +12.5s from the first packet
    #[arg(long, value_name = "TIME", value_parser = instant, group = "view", help_heading = VIEW)]
    pub(crate) open_at: Option<Instant>,

    /// How many connections were open: all, or those of each client, server or pair of addresses
    #[arg(long, value_enum, value_name = "KEY", group = "view", help_heading = VIEW)]
    pub(crate) concurrency: Option<GroupingArg>,

    /// The length of stretches of time, for --concurrency and --series
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = VIEW)]
    pub(crate) bin: Option<u64>,

    /// Count packets that were captured twice as retransmissions, as tshark does
    #[arg(long, help_heading = TABLE)]
    pub(crate) keep_duplicates: bool,

    /// Only connections that meet a condition on columns
    ///
    /// As in SQL: 'server_port = 443 and synack_delay > 300ms', "reset_by = 'client' and premature".
    /// The columns of times and durations may be named without _ns; durations then take units.
    #[arg(long = "where", value_name = "CONDITION", help_heading = TABLE)]
    pub(crate) condition: Option<String>,

    /// Sort by a column, ascending [default: in the order of first packets]
    #[arg(long, value_name = "COLUMN", help_heading = TABLE)]
    pub(crate) sort: Option<String>,

    /// Only the first N connections of the order
    #[arg(long, value_name = "N", conflicts_with = "top", help_heading = TABLE)]
    pub(crate) first: Option<usize>,

    /// Only the N connections at the end of the order: the greatest
    #[arg(long, value_name = "N", requires = "sort", help_heading = TABLE)]
    pub(crate) top: Option<usize>,

    /// These columns, in this order: names with commas between them
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = TABLE)]
    pub(crate) columns: Vec<String>,

    /// The format of the table
    #[arg(long, value_enum, default_value_t, hide_default_value = true, help_heading = TABLE)]
    pub(crate) format: FormatArg,

    /// How long a connection without an end counts as open
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, hide_default_value = true,
          help_heading = TABLE)]
    pub(crate) open_until: OpenUntilArg,

    /// Show times in the system's time zone instead of UTC
    #[arg(long, help_heading = TABLE)]
    pub(crate) local_time: bool,

    /// Where the table goes, if not to standard output
    #[arg(short, long, value_name = "FILE", help_heading = TABLE)]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) flows: FlowArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const VIEW: &str = "What is shown, if not a row for each connection";
const TABLE: &str = "The table";

pub(crate) const EXAMPLES: &str = "\
Examples:
  pcap_flows tcp big.pcap --where 'server_port = 443 and synack_delay > 300ms' --first 1
  pcap_flows tcp big.pcap --sort client_retransmissions --top 10
  pcap_flows tcp big.pcap --where \"reset_by = 'client' and premature\" --format csv \\
      --columns client_ip,client_port,server_ip,server_port,reset_packet,others_open
  pcap_flows tcp big.pcap --explain 7                   one connection's story
  pcap_flows tcp big.pcap --listing 7 --where 'direction = 1 and window < 500000'
  pcap_flows tcp big.pcap --concurrency client --bin 1s --format csv
  pcap_flows tcp day/ --format parquet -o tcp.parquet";
