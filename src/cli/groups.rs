//! Arguments that commands share.

use super::values::{ProgressArg, bytes, count, duration, filter, memory_bytes, net, tunnel_port};
use pcap_flows::decode::TunnelPort;
use pcap_flows::select::{Filter, IpNet};
use std::path::PathBuf;

/// Captures, and which of their packets to read.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct InputArgs {
    /// Captures, read as one, in the order of their first packets; directories; "-" is standard input
    #[arg(value_name = "CAPTURE")]
    pub(crate) captures: Vec<PathBuf>,

    /// Read a capture from standard input
    #[arg(long, help_heading = INPUT)]
    pub(crate) stdin: bool,

    #[command(flatten)]
    pub(crate) order: OrderArgs,

    /// Look at the first N packets only
    #[arg(long, value_name = "N", value_parser = count, help_heading = INPUT)]
    pub(crate) packet_max: Option<u64>,

    /// Look only at packets that match EXPR, in the language of pcap-filter(7)
    ///
    /// host, net, port, portrange, src, dst, tcp, udp, sctp, icmp, icmp6, ip, ip6, proto, vlan [ID],
    /// ether host, and, or, not, parentheses. Everything also matches inside VLAN tags, which
    /// differs from tcpdump on purpose. A flow keeps its FlowID whatever the filter.
    #[arg(long, value_name = "EXPR", value_parser = filter, help_heading = INPUT)]
    pub(crate) filter: Option<Filter>,

    /// Leave out copies of packets, as mirror ports make them, within WINDOW [default: 10ms]
    ///
    /// A copy is the same IP packet, whatever its MAC addresses, VLAN tags and TTL; the one that was
    /// captured first stays.
    #[arg(long, value_name = "WINDOW", value_parser = duration, num_args = 0..=1,
          require_equals = true, default_missing_value = "10ms", help_heading = INPUT)]
    pub(crate) dedup: Option<u64>,

    /// Leave out packets from or to these addresses (repeatable)
    #[arg(long, value_name = "NET", value_parser = net, help_heading = INPUT)]
    pub(crate) exclude_ip: Vec<IpNet>,
}

/// In which order captures are read.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct OrderArgs {
    /// Merge captures by time, packet by packet, instead of reading one after the other
    ///
    /// For captures that overlap: of two taps, of both directions, of a ring buffer. Each keeps its own
    /// order; of packets with equal times, that of the capture named first comes first.
    #[arg(long, help_heading = INPUT)]
    pub(crate) merge: bool,

    /// Read captures in the order given, not in that of their first packets
    #[arg(long, conflicts_with = "merge", help_heading = INPUT)]
    pub(crate) as_given: bool,

    /// Read what is in directories inside a directory, too
    #[arg(long, help_heading = INPUT)]
    pub(crate) recursive: bool,
}

/// What is a flow.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FlowArgs {
    /// Key flows on the innermost IP header of tunnels
    ///
    /// Goes through VXLAN, Geneve, GRE, ERSPAN, IP in IP, 6in4, GTP-U and the like. Where a tunnel
    /// carries Ethernet, MAC addresses and VLANs are those of the inner frame. The same addresses in two
    /// networks (VNI, GRE key) are two flows. Columns tunnel and tunnel_id say where a flow comes from.
    #[arg(long, help_heading = FLOWS)]
    pub(crate) decap: bool,

    /// A UDP port is that of a tunnel, as udp/8473=vxlan (repeatable)
    ///
    /// vxlan, vxlan-gpe, geneve, gtp, teredo, l2tp, mpls, gre, gue, lisp, tzsp, peekremote, capwap, ayiya, amt,
    /// jmirror, mip, ip. Usual ports stay what they are.
    #[arg(long, value_name = "PORT=TUNNEL", value_parser = tunnel_port, requires = "decap",
          help_heading = FLOWS)]
    pub(crate) tunnel_port: Vec<TunnelPort>,

    /// Key flows by addresses, ports and protocol, without MAC addresses, VLANs and tunnel networks
    #[arg(long, help_heading = FLOWS)]
    pub(crate) flow_5tuple: bool,

    /// Show conversations: one row for both directions
    #[arg(long, help_heading = FLOWS)]
    pub(crate) bidirectional: bool,

    /// Start a new flow after this long without a packet: seconds, or 500ms, 5m, 1h
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = FLOWS)]
    pub(crate) idle_timeout: Option<u64>,

    /// Start a new flow when one has lasted this long
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = FLOWS)]
    pub(crate) active_timeout: Option<u64>,

    /// Take time, device and port from the Metamako trailer of each frame that has one
    #[arg(long, help_heading = FLOWS)]
    pub(crate) metamako: bool,

    /// Frames have two Metamako trailers: take the inner one, of the first device
    #[arg(long, help_heading = FLOWS)]
    pub(crate) metamako_double: bool,

    /// The Metamako trailer ends this many bytes before the end of the frame
    #[arg(long, value_name = "BYTES", value_parser = memory_bytes, help_heading = FLOWS)]
    pub(crate) metamako_offset: Option<usize>,
}

/// How the run goes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Write statistics of the run as a JSON object
    #[arg(long, value_name = "FILE", help_heading = RUN)]
    pub(crate) stats: Option<PathBuf>,

    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024),
          help_heading = RUN)]
    pub(crate) threads: Option<u16>,

    /// Pin the worker threads to core N and those after it
    #[arg(long, value_name = "N", help_heading = RUN)]
    pub(crate) cpu: Option<usize>,

    /// Stop with an error when more memory than this is in use, such as 4G [default: nine tenths of
    /// what there is]
    ///
    /// Memory grows with flows. Pages of mapped captures do not count: the system takes them back
    /// when it needs them.
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = RUN)]
    pub(crate) memory_limit: Option<u64>,

    /// Whether progress is shown on standard error
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, hide_default_value = true,
          help_heading = RUN)]
    pub(crate) progress: ProgressArg,

    /// Say more on standard error
    #[arg(short, long, help_heading = RUN)]
    pub(crate) verbose: bool,

    /// Bytes of a file that are worked on at a time: for tests
    #[arg(long, value_parser = memory_bytes, hide = true)]
    pub(crate) window_bytes: Option<usize>,

    /// Bytes that one worker walks at a time: for tests
    #[arg(long, value_parser = memory_bytes, hide = true)]
    pub(crate) chunk_bytes: Option<usize>,
}

pub(crate) const INPUT: &str = "What is read";
pub(crate) const FLOWS: &str = "What is a flow";
pub(crate) const RUN: &str = "The run";
