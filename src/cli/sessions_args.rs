//! The arguments of `pcap_flows sessions`.

use super::groups::{FlowArgs, InputArgs, RunArgs};
use super::values::{BodiesArg, SecrecyArg, memory_bytes};
use clap::Args;
use std::path::PathBuf;

/// What is read, and how records are shown.
#[derive(Clone, Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Only these types of records, or services: http, dns, login, tls, ssh, rdp, smtp, ftp; mysql, pgsql,
    /// redis, mongodb, pop3, imap. Others are not looked at, which is faster
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = RECORDS)]
    pub(crate) protocol: Vec<String>,

    /// Only records that meet a condition on their keys, those that are objects or lists excepted
    ///
    /// As in SQL: "outcome = 'failure'", "resp_status like '5%' and host like '%.example.org'".
    #[arg(long = "where", value_name = "CONDITION", help_heading = RECORDS)]
    pub(crate) condition: Option<String>,

    /// What becomes of passwords and other secrets
    #[arg(long, value_enum, value_name = "HOW", default_value_t, hide_default_value = true,
          help_heading = RECORDS)]
    pub(crate) secrets: SecrecyArg,

    /// What becomes of bodies of HTTP messages, without transfer and content coding
    #[arg(long, value_enum, value_name = "HOW", default_value_t, hide_default_value = true,
          help_heading = RECORDS)]
    pub(crate) bodies: BodiesArg,

    /// The most of a body that is shown
    #[arg(long, value_name = "BYTES", value_parser = memory_bytes, default_value = "16K",
          help_heading = RECORDS)]
    pub(crate) body_limit: usize,

    /// Hash whole bodies (SHA-256)
    #[arg(long, help_heading = RECORDS)]
    pub(crate) hash: bool,

    /// Where records go, if not to standard output: a file, or a directory (with a slash at the end)
    /// for a file of each type
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
