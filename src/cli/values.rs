//! The values of arguments.

use clap::ValueEnum;
use pcap_flows::decode::{TunnelPort, TunnelPortError};
use pcap_flows::diff::Scope;
use pcap_flows::jobs::diff::{DiffView, Select};
use pcap_flows::jobs::packets;
use pcap_flows::jobs::sessions::{Bodies, Secrecy};
use pcap_flows::jobs::streams::Gaps;
use pcap_flows::jobs::tcp::{Grouping, Instant, OpenUntil};
use pcap_flows::output::capture::CaptureFormat;
use pcap_flows::output::stream::{HeaderStyle, ManifestFormat, NameTemplate, NameTemplateError};
use pcap_flows::output::table::{Format, Sort};
use pcap_flows::select::condition::parse_time;
use pcap_flows::select::{
    Filter, IdSet, IpNet, PortError, PortRange, QuantityError, parse_count, parse_duration,
    parse_size,
};
use pcap_flows::stream::ChecksumRule;
use pcap_flows::tcp::Overlap;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// pcap_flow's lines, the largest flows last
    #[default]
    Text,
    /// Aligned columns, the largest flows first; of other lists than flows, the same as text
    Table,
    /// Comma separated values with a header
    Csv,
    /// One JSON object a line
    Json,
    /// A Parquet file: -o names it, unless packets or streams go there
    Parquet,
    /// An Arrow stream (IPC), to standard output or to -o
    Arrow,
}

/// Output formats of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormatArg {
    /// A summary for people
    #[default]
    Text,
    /// The summary as one JSON object
    Json,
    /// A row for each conversation
    Csv,
    /// The output of pcapdiff -VV for packets between --ip-a and --ip-b
    Pcapdiff,
}

impl From<DiffFormatArg> for DiffView {
    fn from(arg: DiffFormatArg) -> Self {
        match arg {
            DiffFormatArg::Text => Self::Text,
            DiffFormatArg::Json => Self::Json,
            DiffFormatArg::Csv => Self::Csv,
            DiffFormatArg::Pcapdiff => Self::Pcapdiff,
        }
    }
}

/// Packets of one side expected on the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Packets between two addresses that have some packet on both sides
    #[default]
    Pairs,
    /// All
    All,
    /// Packets of conversations that have some packet on both sides
    Matched,
}

impl From<ScopeArg> for Scope {
    fn from(arg: ScopeArg) -> Self {
        match arg {
            ScopeArg::Pairs => Self::Pairs,
            ScopeArg::All => Self::All,
            ScopeArg::Matched => Self::Matched,
        }
    }
}

/// Packets of a comparison to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SelectArg {
    /// Packets that differ
    #[default]
    Different,
    /// Packets missing on one side
    Lost,
    /// All
    All,
}

impl From<SelectArg> for Select {
    fn from(arg: SelectArg) -> Self {
        match arg {
            SelectArg::Different => Self::Different,
            SelectArg::Lost => Self::Lost,
            SelectArg::All => Self::All,
        }
    }
}

/// How long a connection without an end counts as open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OpenUntilArg {
    /// Until the capture ends
    #[default]
    End,
    /// Until its last packet
    LastPacket,
}

/// Connections that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupingArg {
    /// All connections
    All,
    /// Those of each client's address
    Client,
    /// Those of each server's address
    Server,
    /// Those between each two addresses
    Pair,
}

impl From<GroupingArg> for Grouping {
    fn from(arg: GroupingArg) -> Self {
        match arg {
            GroupingArg::All => Self::All,
            GroupingArg::Client => Self::Client,
            GroupingArg::Server => Self::Server,
            GroupingArg::Pair => Self::Pair,
        }
    }
}

/// Keys of packet sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SumsArg {
    /// Addresses: a packet counts for both of its addresses
    Host,
    /// Pairs of addresses
    Pair,
    /// Protocols and ports of services
    Service,
    /// Countries of addresses, from --geo
    Country,
    /// Minutes
    Minute,
}

impl From<SumsArg> for packets::Grouping {
    fn from(arg: SumsArg) -> Self {
        match arg {
            SumsArg::Host => Self::Host,
            SumsArg::Pair => Self::Pair,
            SumsArg::Service => Self::Service,
            SumsArg::Country => Self::Country,
            SumsArg::Minute => Self::Minute,
        }
    }
}

/// Formats of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataLevelArg {
    /// As text
    #[value(name = "1")]
    Text,
    /// As text and in hexadecimal digits
    #[default]
    #[value(name = "2")]
    Both,
}

impl From<DataLevelArg> for packets::DataLevel {
    fn from(arg: DataLevelArg) -> Self {
        match arg {
            DataLevelArg::Text => Self::Text,
            DataLevelArg::Both => Self::Both,
        }
    }
}

/// Ways to show secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SecrecyArg {
    /// Leave them out
    #[default]
    Hide,
    /// Hash them with a random key per run: equal ones are visible, but cannot be guessed
    Hash,
    /// Show them
    Show,
}

impl From<SecrecyArg> for Secrecy {
    fn from(arg: SecrecyArg) -> Self {
        match arg {
            SecrecyArg::Hide => Self::Hide,
            SecrecyArg::Hash => Self::Hash,
            SecrecyArg::Show => Self::Show,
        }
    }
}

/// Ways to show the bodies of HTTP messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BodiesArg {
    /// Leave them out
    None,
    /// Show text bodies
    #[default]
    Text,
    /// Show them in base64
    Base64,
}

impl From<BodiesArg> for Bodies {
    fn from(arg: BodiesArg) -> Self {
        match arg {
            BodiesArg::None => Self::None,
            BodiesArg::Text => Self::Text,
            BodiesArg::Base64 => Self::Base64,
        }
    }
}

/// A time, or `+` and how long after the first packet.
pub(crate) fn instant(text: &str) -> Result<Instant, String> {
    match text.strip_prefix('+') {
        Some(after) => duration(after).map(Instant::After),
        None => match parse_time(text) {
            Some(ns) => Ok(Instant::At(ns)),
            None => Err("a time is like '2026-11-21 03:53:43.1', or +12.5s".to_owned()),
        },
    }
}

impl From<OpenUntilArg> for OpenUntil {
    fn from(arg: OpenUntilArg) -> Self {
        match arg {
            OpenUntilArg::End => Self::End,
            OpenUntilArg::LastPacket => Self::LastPacket,
        }
    }
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Text => Self::Text,
            FormatArg::Table => Self::Table,
            FormatArg::Csv => Self::Csv,
            FormatArg::Json => Self::Json,
            FormatArg::Parquet => Self::Parquet,
            FormatArg::Arrow => Self::Arrow,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SortArg {
    Packets,
    Bytes,
    First,
    Last,
    Duration,
    Id,
}

impl From<SortArg> for Sort {
    fn from(arg: SortArg) -> Self {
        match arg {
            SortArg::Packets => Self::Packets,
            SortArg::Bytes => Self::Bytes,
            SortArg::First => Self::First,
            SortArg::Last => Self::Last,
            SortArg::Duration => Self::Duration,
            SortArg::Id => Self::Id,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CaptureFormatArg {
    /// Classic pcap, which holds one link type; times in nanoseconds where pcapng is converted
    Pcap,
    /// pcapng
    Pcapng,
}

impl From<CaptureFormatArg> for CaptureFormat {
    fn from(arg: CaptureFormatArg) -> Self {
        match arg {
            CaptureFormatArg::Pcap => Self::Pcap,
            CaptureFormatArg::Pcapng => Self::Pcapng,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum GapsArg {
    /// Nothing: the stream goes on behind the gap
    #[default]
    Skip,
    /// Zeros: at most 16 MiB for a stream and 4 KiB for each of its segments
    Zero,
    /// The stream goes on in another file
    Split,
}

impl From<GapsArg> for Gaps {
    fn from(arg: GapsArg) -> Self {
        match arg {
            GapsArg::Skip => Self::Skip,
            GapsArg::Zero => Self::Zero,
            GapsArg::Split => Self::Split,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum OverlapArg {
    #[default]
    First,
    Last,
}

impl From<OverlapArg> for Overlap {
    fn from(arg: OverlapArg) -> Self {
        match arg {
            OverlapArg::First => Self::First,
            OverlapArg::Last => Self::Last,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChecksumArg {
    /// Not at all
    Ignore,
    /// Where copies of the same bytes differ, one with a right checksum counts, and not a wrong one
    #[default]
    Prefer,
    /// Packets with a wrong one are left out
    Require,
}

impl From<ChecksumArg> for ChecksumRule {
    fn from(arg: ChecksumArg) -> Self {
        match arg {
            ChecksumArg::Ignore => Self::Ignore,
            ChecksumArg::Prefer => Self::Prefer,
            ChecksumArg::Require => Self::Require,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum HeaderArg {
    /// 12 bytes: time in ns (64 bits), length (16), stream id (16)
    Packed,
    /// The same with four bytes of padding, as a C structure has them
    C,
    /// 32 bytes: also sequence and acknowledgment number, window, flags, checksum
    Extended,
    /// 16 bytes: length and stream id with 32 bits
    Wide,
}

impl From<HeaderArg> for HeaderStyle {
    fn from(arg: HeaderArg) -> Self {
        match arg {
            HeaderArg::Packed => Self::Packed,
            HeaderArg::C => Self::C,
            HeaderArg::Extended => Self::Extended,
            HeaderArg::Wide => Self::Wide,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum NameStyleArg {
    /// 10.5.9.102.63280-17.253.2.226.80.tcp
    #[default]
    Portable,
    /// pcap_flow's names
    Fmadio,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressArg {
    /// On a terminal a live line, elsewhere a line every few seconds; a last line at the end
    #[default]
    Auto,
    /// Lines as for a terminal that cannot redraw, whatever standard error is
    Always,
    /// No progress
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Generate {
    Man,
    CompleteBash,
    CompleteZsh,
    CompleteFish,
}

/// Connections to plot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plotted {
    /// All connections.
    All,
    /// The connection with this id.
    Connection(u64),
}

/// Parses a connection id, or `all`.
pub(super) fn plotted(text: &str) -> Result<Plotted, String> {
    match text {
        "all" => Ok(Plotted::All),
        _ => match text.parse() {
            Ok(id) if id > 0 => Ok(Plotted::Connection(id)),
            _ => Err("neither a connection_id, from 1, nor `all`".to_owned()),
        },
    }
}

/// pcap_flow takes numbers such as 10e6.
pub(super) fn count(text: &str) -> Result<u64, QuantityError> {
    parse_count(text)
}

/// A duration above zero, as nanoseconds.
pub(super) fn duration(text: &str) -> Result<u64, String> {
    match parse_duration(text) {
        Ok(0) => Err("it must be above zero".to_owned()),
        Ok(nanos) => Ok(nanos),
        Err(error) => Err(error.to_string()),
    }
}

/// A size, as bytes.
pub(super) fn bytes(text: &str) -> Result<u64, QuantityError> {
    parse_size(text)
}

/// A size that memory can have, as bytes.
pub(super) fn memory_bytes(text: &str) -> Result<usize, String> {
    let size = parse_size(text).map_err(|error| error.to_string())?;
    usize::try_from(size).map_err(|_beyond| "it is beyond the memory of this machine".to_owned())
}

/// Ranges of ports, given as pairs.
pub(super) fn port_ranges(option: &str, pairs: &[u16]) -> Result<Vec<PortRange>, String> {
    let ranges = pairs.chunks_exact(2).filter_map(|pair| match *pair {
        [low, high] => Some((low, high)),
        _ => None,
    });
    ranges
        .map(|(low, high)| {
            PortRange::new(low, high)
                .ok_or_else(|| format!("{option} {low} {high}: the first port is the lower one"))
        })
        .collect()
}

/// Where a file was, and where it is.
pub(super) fn relocated(text: &str) -> Result<(PathBuf, PathBuf), String> {
    let names = text
        .split_once('=')
        .filter(|(old, new)| !old.is_empty() && !new.is_empty());
    names
        .map(|(old, new)| (PathBuf::from(old), PathBuf::from(new)))
        .ok_or_else(|| format!("{text:?} is not of the form OLD=NEW"))
}

pub(super) fn manifest(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match ManifestFormat::of(&path) {
        Some(_) => Ok(path),
        None => Err("its name must end with .csv or .json, which says what it is".to_owned()),
    }
}

pub(super) fn name_template(text: &str) -> Result<NameTemplate, String> {
    text.parse()
        .map_err(|error: NameTemplateError| error.to_string())
}

/// A port of a tunnel.
pub(super) fn tunnel_port(text: &str) -> Result<TunnelPort, TunnelPortError> {
    text.parse()
}

pub(super) fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| error.to_string())
}

pub(super) fn net(text: &str) -> Result<IpNet, String> {
    text.parse()
        .map_err(|error: pcap_flows::select::IpNetError| error.to_string())
}

/// Parses a port or a port range.
pub(super) fn port_range(text: &str) -> Result<PortRange, String> {
    text.parse().map_err(|error: PortError| error.to_string())
}

pub(super) fn ids(text: &str) -> Result<IdSet, String> {
    text.parse()
        .map_err(|error: pcap_flows::select::IdSetError| error.to_string())
}
