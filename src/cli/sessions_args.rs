//! The arguments of `pcap_flows sessions`.

use super::groups::{FlowArgs, INPUT, InputArgs, RunArgs};
use super::values::{BodiesArg, SecrecyArg, memory_bytes, relocated};
use clap::{Args, ValueEnum};
use pcap_flows::jobs::sessions::{PortHint, PortHintError, RecordFormat};
use std::path::PathBuf;

/// Arguments of `pcap_flows sessions`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Read the captures of an index made by `pcap_flows index`
    #[arg(long, value_name = "INDEX", help_heading = INPUT,
          conflicts_with_all = ["captures", "stdin", "packet_max", "decap", "tunnel_port", "flow_5tuple",
              "bidirectional", "idle_timeout", "active_timeout", "metamako", "metamako_double",
              "metamako_offset", "dedup", "merge", "as_given", "recursive"])]
    pub(crate) index: Option<PathBuf>,

    /// Only flows that meet a condition on columns of the index, with their other directions: "server_name
    /// like '%.example.org'". Nothing else is read of the captures
    #[arg(long, value_name = "CONDITION", requires = "index", help_heading = INPUT)]
    pub(crate) flow_where: Option<String>,

    /// New location of a capture in the index (repeatable)
    #[arg(long, value_name = "OLD=NEW", value_parser = relocated, requires = "index",
          help_heading = INPUT)]
    pub(crate) relocate: Vec<(PathBuf, PathBuf)>,

    /// Only these types of records, or services: http, dns, login, tls, ssh, rdp, smtp, ftp; mysql,
    /// pgsql, redis, mongodb, pop3, imap. Others are not parsed, which is faster
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = RECORDS)]
    pub(crate) protocol: Vec<String>,

    /// Only records that meet a condition on their keys, except keys of objects and lists
    ///
    /// As in SQL: "outcome = 'failure'", "resp_status like '5%' and host like '%.example.org'".
    #[arg(long = "where", value_name = "CONDITION", help_heading = RECORDS)]
    pub(crate) condition: Option<String>,

    /// How to show passwords and other secrets
    #[arg(long, value_enum, value_name = "HOW", default_value_t, hide_default_value = true,
          help_heading = RECORDS)]
    pub(crate) secrets: SecrecyArg,

    /// The key of --secrets hash, instead of a random one: equal secrets are visible across runs
    #[arg(long, value_name = "FILE", help_heading = RECORDS)]
    pub(crate) secrets_key: Option<PathBuf>,

    /// How to show bodies of HTTP messages, without transfer and content coding
    #[arg(long, value_enum, value_name = "HOW", default_value_t, hide_default_value = true,
          help_heading = RECORDS)]
    pub(crate) bodies: BodiesArg,

    /// Show at most this much of a body
    #[arg(long, value_name = "BYTES", value_parser = memory_bytes, default_value = "16K",
          help_heading = RECORDS)]
    pub(crate) body_limit: usize,

    /// Hash whole bodies (SHA-256)
    #[arg(long, help_heading = RECORDS)]
    pub(crate) hash: bool,

    /// Store whole bodies, decoded, as files named by their SHA-256
    #[arg(long, value_name = "DIR", help_heading = RECORDS)]
    pub(crate) files: Option<PathBuf>,

    /// Locations of addresses, from a database in MaxMind's format (repeatable)
    #[arg(long, value_name = "FILE.mmdb", help_heading = RECORDS)]
    pub(crate) geo: Vec<PathBuf>,

    /// Expect a protocol on a port, even if the first bytes do not show it: tcp/3307=mysql
    /// (repeatable)
    #[arg(long, value_name = "PORT=PROTOCOL", value_parser = port_hint, help_heading = RECORDS)]
    pub(crate) port_hint: Vec<PortHint>,

    /// Where to write records [default: standard output]: a file, or a directory (ending in a
    /// slash) for one file per type
    #[arg(short, long, value_name = "FILE|DIR/", help_heading = RECORDS)]
    pub(crate) output: Option<PathBuf>,

    /// Format of records [default: by the name of the output, else json]. csv and parquet have one
    /// file for each type: name a directory, or one type with --protocol
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = RECORDS)]
    pub(crate) format: Option<RecordFormatArg>,

    #[command(flatten)]
    pub(crate) flows: FlowArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const RECORDS: &str = "Records";

fn port_hint(text: &str) -> Result<PortHint, PortHintError> {
    text.parse()
}

/// Formats of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormatArg {
    /// One JSON object a line
    Json,
    /// Comma separated values; objects and lists are JSON
    Csv,
    /// Parquet, with nested columns
    Parquet,
}

impl From<RecordFormatArg> for RecordFormat {
    fn from(arg: RecordFormatArg) -> Self {
        match arg {
            RecordFormatArg::Json => Self::Json,
            RecordFormatArg::Csv => Self::Csv,
            RecordFormatArg::Parquet => Self::Parquet,
        }
    }
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  pcap_flows sessions big.pcap | jq 'select(.record == \"http\") | .req_uri'
  pcap_flows sessions big.pcap --protocol login --where \"outcome = 'failure'\" -o failures.jsonl
  pcap_flows sessions day/ -o records/                  http.jsonl, dns.jsonl, tls.jsonl ...
  pcap_flows sessions big.pcap --protocol dns -o dns.parquet
  pcap_flows sessions --index day.idx --flow-where \"server_name like '%.example.org'\"
  zcat big.pcap.gz | pcap_flows sessions - --protocol dns";
