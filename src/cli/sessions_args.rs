//! The arguments of `pcap_flows sessions`.

use super::groups::{FlowArgs, InputArgs, RunArgs};
use super::values::{BodiesArg, SecrecyArg, memory_bytes};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `pcap_flows sessions`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

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

    /// Where to write records [default: standard output]: a file, or a directory (ending in a
    /// slash) for one file per type
    #[arg(short, long, value_name = "FILE|DIR/", help_heading = RECORDS)]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) flows: FlowArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const RECORDS: &str = "Records";

pub(crate) const EXAMPLES: &str = "\
Examples:
  pcap_flows sessions big.pcap | jq 'select(.record == \"http\") | .req_uri'
  pcap_flows sessions big.pcap --protocol login --where \"outcome = 'failure'\" -o failures.jsonl
  pcap_flows sessions day/ -o records/                  http.jsonl, dns.jsonl, tls.jsonl ...
  zcat big.pcap.gz | pcap_flows sessions - --protocol dns";
