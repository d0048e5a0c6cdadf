//! The command line as typed.

use super::diff_args::{self, DiffArgs};
use super::groups::{FLOWS, FlowArgs, INPUT, InputArgs, OrderArgs, RUN, RunArgs};
use super::packets_args::{self, PacketsArgs};
use super::sessions_args::{self, SessionsArgs};
use super::tcp_args::{self, TcpArgs};
use super::values::{
    CaptureFormatArg, ChecksumArg, FormatArg, GapsArg, Generate, HeaderArg, NameStyleArg,
    OverlapArg, SortArg, bytes, count, ids, manifest, name_template, net, relocated,
};
use clap::{ArgAction, Parser, Subcommand};
use pcap_flows::output::stream::NameTemplate;
use pcap_flows::select::{IdSet, IpNet};
use std::ffi::OsString;
use std::path::PathBuf;

/// List the flows of packet captures, extract them, and reassemble their streams.
///
/// Reads pcap, pcapng and snoop files of any size, as one consecutive capture in the order of their times,
/// lists their flows on standard output, copies selected packets to a new capture, and writes what
/// applications sent over TCP and UDP to files.
#[derive(Debug, Parser)]
#[command(name = "pcap_flows", version, max_term_width = 100, after_help = EXAMPLES,
          args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Ask an index that `pcap_flows index` made, instead of reading captures
    ///
    /// Lists its flows, or extracts some: of the captures, nothing is read but the records asked
    /// for. The list is left out where anything is extracted.
    #[arg(long, value_name = "INDEX", help_heading = INPUT,
          conflicts_with_all = ["captures", "stdin", "packet_max", "decap", "tunnel_port", "flow_5tuple",
              "bidirectional", "idle_timeout", "active_timeout", "flow_max", "metamako",
              "metamako_double", "metamako_offset", "dedup", "merge", "as_given", "recursive"])]
    pub(crate) index: Option<PathBuf>,

    /// A capture of the index is elsewhere now (repeatable)
    #[arg(long, value_name = "OLD=NEW", value_parser = relocated, requires = "index",
          help_heading = INPUT)]
    pub(crate) relocate: Vec<(PathBuf, PathBuf)>,

    #[command(flatten)]
    pub(crate) flows: FlowArgs,

    /// Fail when the capture has more than N flows
    #[arg(long, value_name = "N", value_parser = count, help_heading = FLOWS)]
    pub(crate) flow_max: Option<u64>,

    /// The format of the list [default: text, or what PCAP_FLOWS_FORMAT says]
    ///
    /// PCAP_FLOWS_FORMAT may be text, table, csv or json.
    #[arg(long, value_enum, help_heading = LIST)]
    pub(crate) format: Option<FormatArg>,

    /// What the list is sorted by, ascending [default: packets for text, bytes for table, id for all
    /// others]
    ///
    /// A table has packets, bytes and durations in descending order.
    #[arg(long, value_enum, value_name = "KEY", help_heading = LIST)]
    pub(crate) sort: Option<SortArg>,

    /// List only the N greatest flows: by --sort, or else by packets (in a table: by bytes)
    #[arg(long, value_name = "N", help_heading = LIST)]
    pub(crate) top: Option<usize>,

    /// List only flows with at least N packets
    #[arg(long, value_name = "N", value_parser = count, default_value_t = 0,
          hide_default_value = true, help_heading = LIST)]
    pub(crate) flow_packet_min: u64,

    /// List only flows that meet a condition on columns; with --index, also extract only these
    ///
    /// As in SQL: 'bytes > 1e6 and dst_port = 443 and duration > 10s', src_ip = 10.0.0.0/8,
    /// protocol in ('tcp', 'udp'), first_ns >= '2024-05-01 12:00:00'. Units are those of options:
    /// see below. With --index also handshake,
    /// retransmissions, payload_bytes, first_payload, server_name like '%.example.com',
    /// community_id, fragments.
    #[arg(long = "where", value_name = "CONDITION", help_heading = LIST)]
    pub(crate) condition: Option<String>,

    /// Do not list flows
    #[arg(long, help_heading = LIST)]
    pub(crate) disable_display: bool,

    /// Show times in the system's time zone instead of UTC
    #[arg(long, overrides_with = "disable_timezone", help_heading = LIST)]
    pub(crate) local_time: bool,

    /// Show times in UTC: the default
    #[arg(long, overrides_with = "local_time", help_heading = LIST)]
    pub(crate) disable_timezone: bool,

    /// Extract flows by FlowID: numbers, lists and ranges such as 7,9-12 (repeatable)
    #[arg(long, value_name = "IDS", value_parser = ids, help_heading = EXTRACT)]
    pub(crate) extract: Vec<IdSet>,

    /// Extract packets from or to addresses: 10.1.2.3/255.255.0.0, 10.0.0.0/8, IPv6 (repeatable)
    #[arg(long, value_name = "NET", value_parser = net, help_heading = EXTRACT)]
    pub(crate) extract_ip: Vec<IpNet>,

    /// Extract TCP and UDP packets from or to ports LOW to HIGH (repeatable)
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], action = ArgAction::Append,
          help_heading = EXTRACT)]
    pub(crate) extract_port: Vec<u16>,

    /// Where extracted packets or streams go; "-" is standard output
    ///
    /// For streams: a directory (DIR/, made if it is missing), a prefix of file names, a .tar
    /// file for all of them, or "-" for a single one.
    ///
    /// Packets that meet any --extract criterion are written, in capture order, as they are. With
    /// no criterion, all that pass --filter, --exclude-ip and --packet-max, also those that are
    /// not IP.
    #[arg(short, long, value_name = "WHERE", help_heading = EXTRACT)]
    pub(crate) output: Option<PathBuf>,

    /// The format of extracted packets [default: that of the input]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = EXTRACT)]
    pub(crate) output_format: Option<CaptureFormatArg>,

    /// Write extracted packets out often, for whoever reads along
    #[arg(long, help_heading = EXTRACT)]
    pub(crate) flow_flush: bool,

    /// Extract TCP streams by FlowID: numbers, lists and ranges (repeatable)
    ///
    /// A stream is one direction of a connection: what the application sent, whatever became of
    /// the packets on their way.
    #[arg(long, value_name = "IDS", value_parser = ids, help_heading = STREAMS)]
    pub(crate) extract_tcp: Vec<IdSet>,

    /// Extract TCP streams from or to ports LOW to HIGH (repeatable)
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], action = ArgAction::Append,
          help_heading = STREAMS)]
    pub(crate) extract_tcp_port: Vec<u16>,

    /// Extract all TCP streams
    #[arg(long, help_heading = STREAMS)]
    pub(crate) extract_tcp_all: bool,

    /// Leave out TCP streams from or to ports LOW to HIGH (repeatable)
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], action = ArgAction::Append,
          help_heading = STREAMS)]
    pub(crate) disable_tcp_port: Vec<u16>,

    /// Extract UDP payloads by FlowID (repeatable)
    #[arg(long, value_name = "IDS", value_parser = ids, help_heading = STREAMS)]
    pub(crate) extract_udp: Vec<IdSet>,

    /// Extract UDP payloads from or to ports LOW to HIGH (repeatable)
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], action = ArgAction::Append,
          help_heading = STREAMS)]
    pub(crate) extract_udp_port: Vec<u16>,

    /// Extract all UDP payloads
    #[arg(long, help_heading = STREAMS)]
    pub(crate) extract_udp_all: bool,

    /// Leave out UDP payloads from or to ports LOW to HIGH (repeatable)
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], action = ArgAction::Append,
          help_heading = STREAMS)]
    pub(crate) disable_udp_port: Vec<u16>,

    /// Where TCP streams go, if not to -o: DIR/, a prefix of names, a .tar file, "-"
    #[arg(long, value_name = "WHERE", help_heading = STREAMS)]
    pub(crate) output_tcp: Option<PathBuf>,

    /// Where UDP payloads go, if not to -o
    #[arg(long, value_name = "WHERE", help_heading = STREAMS)]
    pub(crate) output_udp: Option<PathBuf>,

    /// Write a table of the streams, as .csv or .json: losses, retransmissions, conflicts
    #[arg(long, value_name = "FILE", value_parser = manifest, help_heading = STREAMS)]
    pub(crate) manifest: Option<PathBuf>,

    /// Leave out streams with less than this much payload
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value_t = 0,
          hide_default_value = true, help_heading = STREAMS)]
    pub(crate) flow_size_min: u64,

    /// What stands for bytes that were not captured
    #[arg(long, value_enum, value_name = "HOW", default_value_t, hide_default_value = true,
          help_heading = STREAMS)]
    pub(crate) gaps: GapsArg,

    /// Which bytes count where segments overlap: those captured first, or last
    #[arg(long, value_enum, value_name = "WHICH", default_value_t, hide_default_value = true,
          help_heading = STREAMS)]
    pub(crate) overlap: OverlapArg,

    /// How TCP and UDP checksums count in streams
    #[arg(long, value_enum, value_name = "HOW", default_value_t, hide_default_value = true,
          help_heading = STREAMS)]
    pub(crate) checksum: ChecksumArg,

    /// Write a header in front of each TCP segment: time, length, stream id
    #[arg(long, value_enum, value_name = "STYLE", num_args = 0..=1, require_equals = true,
          default_missing_value = "packed", help_heading = STREAMS)]
    pub(crate) tcpheader: Option<HeaderArg>,

    /// Write a header in front of each UDP payload
    #[arg(long, value_enum, value_name = "STYLE", num_args = 0..=1, require_equals = true,
          default_missing_value = "packed", help_heading = STREAMS)]
    pub(crate) udpheader: Option<HeaderArg>,

    /// Write each stream's packets as a pcap file, instead of its payload
    #[arg(long, conflicts_with_all = ["tcpheader", "udpheader"], help_heading = STREAMS)]
    pub(crate) output_pcap: bool,

    /// How streams' files are called
    #[arg(long, value_enum, value_name = "STYLE", default_value_t, hide_default_value = true,
          help_heading = STREAMS)]
    pub(crate) name_style: NameStyleArg,

    /// Names made of {src_ip} {src_port} {dst_ip} {dst_port} {protocol} {flow_id} {connection}
    /// {vlan} {src_mac} {dst_mac} {first_ns} {ext}
    #[arg(long, value_name = "TEMPLATE", value_parser = name_template,
          conflicts_with = "name_style", help_heading = STREAMS)]
    pub(crate) name_template: Option<NameTemplate>,

    /// Most memory for what waits in streams from a pipe, such as 512M [default: a quarter of all]
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = STREAMS)]
    pub(crate) reassembly_memory: Option<u64>,

    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// Read the captures a second time in the simplest way, and compare flows and balance
    ///
    /// One thread goes from packet to packet, and reads headers with a library's parsers alone. What
    /// differs is told, and nothing is written. Takes several times as long. Streams and what is
    /// copied are not compared.
    #[arg(long, conflicts_with_all = ["index", "stdin"], help_heading = RUN)]
    pub(crate) verify: bool,

    /// Print a man page or shell completions
    #[arg(long, value_enum, value_name = "KIND", exclusive = true, help_heading = RUN)]
    pub(crate) generate: Option<Generate>,

    /// Accepted for pcap_flow's scripts: the table grows as needed
    #[arg(long, value_name = "BITS", hide = true)]
    pub(crate) flow_hash_bits: Option<u32>,

    /// Accepted for pcap_flow's scripts: VLAN tags are always decoded
    #[arg(long, hide = true)]
    pub(crate) vlan: bool,

    /// Accepted for pcap_flow's scripts: its name for the run
    #[arg(long, value_name = "ID", hide = true)]
    pub(crate) uid: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Index captures: find flows and carve them out later, without reading the captures again
    ///
    /// Writes a Parquet file with one row for each flow, and beside it INDEX.packets-1 (and -2 …)
    /// with the places of their packets. Use it with pcap_flows --index, or with any program that
    /// reads Parquet.
    #[command(after_help = INDEX_EXAMPLES)]
    Index(Box<IndexArgs>),

    /// Measure every TCP connection: handshake, round trips, losses, windows, turns, and its end
    ///
    /// One row for each connection, in the order of their first packets. docs/tcp.md says what each
    /// column means. The list's FlowIDs are in flow_id and reverse_flow_id.
    #[command(after_help = tcp_args::EXAMPLES)]
    Tcp(Box<TcpArgs>),
    /// Show HTTP transactions, DNS messages, logins, TLS handshakes and more as JSON lines
    ///
    /// Protocols are recognized by content, regardless of ports. Records are written in the order
    /// in which they are completed, each with its FlowIDs, its Community ID and its first and last
    /// packets.
    #[command(after_help = sessions_args::EXAMPLES)]
    Sessions(Box<SessionsArgs>),
    /// Print a line for each packet, in capture order, or sums of packets
    ///
    /// Addresses, transport header and payload, as by packet_analysis's print_pcap.py; with --ip,
    /// sender and receiver.
    #[command(after_help = packets_args::EXAMPLES)]
    Packets(Box<PacketsArgs>),

    /// Compare two captures of the same traffic: what was lost, added, changed or late on the way
    ///
    /// Packets are recognized despite address translation, tunnels, resegmentation, and different
    /// snaplens and clocks. docs/diff.md describes how, and what each class means.
    #[command(after_help = diff_args::EXAMPLES)]
    Diff(Box<DiffArgs>),
}

/// What is indexed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct IndexArgs {
    /// Captures: files, also compressed ones, and directories; read in the order of their first packets
    #[arg(value_name = "CAPTURE")]
    pub(crate) captures: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) order: OrderArgs,

    /// The index
    #[arg(
        short,
        long,
        value_name = "INDEX",
        required_unless_present = "append",
        conflicts_with = "append"
    )]
    pub(crate) output: Option<PathBuf>,

    /// Add captures to an index; flows continue in them. Captures already in the index are left
    /// out. A missing index is created
    #[arg(long, value_name = "INDEX",
          conflicts_with_all = ["decap", "tunnel_port", "flow_5tuple", "bidirectional", "idle_timeout",
              "active_timeout", "metamako", "metamako_double", "metamako_offset"])]
    pub(crate) append: Option<PathBuf>,

    /// Refused, with the reason
    #[arg(long, value_name = "WINDOW", num_args = 0..=1, require_equals = true,
          default_missing_value = "", hide = true)]
    pub(crate) dedup: Option<String>,

    /// A capture of the index is elsewhere now: note that (repeatable)
    #[arg(long, value_name = "OLD=NEW", value_parser = relocated, requires = "append")]
    pub(crate) relocate: Vec<(PathBuf, PathBuf)>,

    /// Wait for another run that is writing the index, instead of failing
    #[arg(long)]
    pub(crate) wait: bool,

    /// Do not measure TCP connections: the index is smaller and faster to build, and pcap_flows tcp
    /// --index reads the captures
    #[arg(long)]
    pub(crate) no_tcp: bool,

    #[command(flatten)]
    pub(crate) flows: FlowArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl Args {
    /// The arguments of this process. pcap_flow's spellings with underscores are those with
    /// hyphens: `--output_format` is `--output-format`.
    pub(crate) fn from_env() -> Self {
        // Behind "--" stand names only.
        let mut are_names = false;
        Self::parse_from(std::env::args_os().map(|argument| {
            are_names |= argument == "--";
            if are_names {
                argument
            } else {
                with_hyphens(argument)
            }
        }))
    }
}

fn with_hyphens(argument: OsString) -> OsString {
    match argument.to_str() {
        Some(text) if text.starts_with("--") => {
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            let name = name.replace('_', "-");
            value
                .map_or_else(|| name.clone(), |value| format!("{name}={value}"))
                .into()
        }
        _ => argument,
    }
}

const LIST: &str = "The list";
const EXTRACT: &str = "Extraction of packets";
const STREAMS: &str = "Extraction of streams";

const EXAMPLES: &str = "\
Examples:
  pcap_flows big.pcap                                   list all flows, the largest last
  pcap_flows big.pcap --top 20 --sort bytes             the 20 flows with most bytes
  pcap_flows big.pcap --top 20 --format table           the same in columns, the largest first
  zcat day.pcap.gz | pcap_flows --stdin --format csv    from a pipe, as a table
  pcap_flows a.pcap b.pcap --extract 7,9-12 -o out.pcap
                                                        packets of some flows, over two files
  pcap_flows big.pcap --extract-ip 10.1.0.0/16 -o out.pcap --disable-display
  pcap_flows big.pcap --filter 'tcp port 443 and not host 10.1.2.3' -o tls.pcap
  pcap_flows big.pcap --extract-tcp-port 80 80 -o dir/  one file for each TCP stream
  pcap_flows big.pcap --extract-tcp-all -o streams.tar --manifest streams.csv
  pcap_flows index day/*.pcap -o day.idx                parse once …
  pcap_flows --index day.idx --where 'bytes > 1e9 and duration > 10s'
  pcap_flows --index day.idx --extract 1234 -o x.pcap   … ask many times

Units:
  sizes      K M G T, KiB MiB GiB TiB are powers of 1024; kB MB GB TB of 1000
  durations  ns us ms s m h d; a number alone is seconds

Exit codes:
  0  all was read
  1  failed: the message says which file and why; no output under its name
  2  wrong usage
  3  finished, but an input was damaged or cut short; outputs hold all that could be read";

const INDEX_EXAMPLES: &str = "\
Examples:
  pcap_flows index day/*.pcap -o day.idx
  pcap_flows index --append day.idx next.pcap.gz
  pcap_flows index --append day.idx --relocate /old/a.pcap=/new/a.pcap
  pcap_flows --index day.idx --top 10 --sort bytes
  pcap_flows --index day.idx --extract 1234 -o session.pcap
  duckdb -c \"select * from read_parquet('day.idx') where server_name like '%.example.com'\"";
