//! What is asked for.

use crate::flow::NetworkKey;
use crate::output::stream::{HeaderStyle, NameStyle};
use crate::select::{IdSet, PortRange};
use crate::tcp::Overlap;
use std::path::PathBuf;

/// Which streams are written, and how.
#[derive(Clone, Debug, Default)]
pub struct StreamOptions {
    /// TCP streams: one for each direction of a connection.
    pub tcp: Option<ProtocolOptions>,
    /// UDP payloads: one stream for each direction between two endpoints.
    pub udp: Option<ProtocolOptions>,
    /// What the files are called.
    pub names: NameStyle,
    /// What stands for bytes that were not captured.
    pub gaps: Gaps,
    /// Which bytes count where segments overlap.
    pub overlap: Overlap,
    /// Write the streams' packets as captures, not their payload.
    pub as_pcap: bool,
    /// Streams with fewer payload bytes are left out.
    pub min_bytes: u64,
    /// Where the list of streams goes; `.csv` or `.json`.
    pub manifest: Option<PathBuf>,
    /// Most bytes kept in memory of what cannot be read again; a share of the machine's memory
    /// where it is not given.
    pub memory: Option<u64>,
}

impl StreamOptions {
    /// Bytes of a file to be worked on at a time, where streams are written: less than for lists,
    /// as all of it stays in memory.
    pub const WINDOW_LEN: usize = 16 * 1024 * 1024;

    /// The FlowIDs that are asked for.
    pub(super) fn ids(&self) -> impl Iterator<Item = &IdSet> {
        [&self.tcp, &self.udp]
            .into_iter()
            .flatten()
            .map(|it| &it.ids)
    }
}

/// What is asked for of a protocol's streams.
#[derive(Clone, Debug, Default)]
pub struct ProtocolOptions {
    /// Flows by FlowID.
    pub ids: IdSet,
    /// Flows with one of their ports in these ranges.
    pub ports: Vec<PortRange>,
    /// All flows.
    pub all: bool,
    /// Flows with one of their ports in these ranges are left out.
    pub without_ports: Vec<PortRange>,
    /// A directory (with a slash at the end, or one that exists), a prefix of file names, a tar
    /// archive (`.tar`), or `-` for standard output.
    pub output: PathBuf,
    /// Headers in front of each segment.
    pub headers: Option<HeaderStyle>,
}

impl ProtocolOptions {
    /// Whether the streams of a flow of this protocol are wanted.
    pub fn wants(&self, id: u64, key: &NetworkKey) -> bool {
        self.accepts(key).unwrap_or_else(|| self.ids.contains(id))
    }

    /// Whether streams with this key are wanted; `None` where their FlowIDs decide.
    pub(super) fn accepts(&self, key: &NetworkKey) -> Option<bool> {
        let is_in = |ranges: &[PortRange]| {
            ranges
                .iter()
                .any(|range| range.contains(key.src_port) || range.contains(key.dst_port))
        };
        if is_in(&self.without_ports) {
            Some(false)
        } else if self.all || is_in(&self.ports) {
            Some(true)
        } else if self.ids.is_empty() {
            Some(false)
        } else {
            None
        }
    }
}

/// What stands for bytes that were not captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gaps {
    /// Nothing: the stream goes on behind the gap.
    #[default]
    Skip,
    /// Zeros.
    Zero,
    /// The stream goes on in another file.
    Split,
}

/// The options as observers use them.
#[derive(Clone, Debug)]
pub(super) struct StreamRules {
    pub(super) tcp: Option<ProtocolOptions>,
    pub(super) udp: Option<ProtocolOptions>,
    pub(super) gaps: Gaps,
    pub(super) overlap: Overlap,
    pub(super) as_pcap: bool,
    /// Flows are conversations: both directions are one flow.
    pub(super) conversations: bool,
}

/// IP protocol numbers.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

impl StreamRules {
    /// Whether headers tell of windows.
    pub(super) fn needs_window(&self) -> bool {
        let headers = self.tcp.as_ref().and_then(|tcp| tcp.headers);
        headers == Some(HeaderStyle::Extended)
    }

    /// Whether a gap ends a file into which that much was written, at a stream offset: unless
    /// the gap in front of it has just done so.
    pub(super) fn splits(&self, written: u64, offset: u64) -> bool {
        self.gaps == Gaps::Split && (written > 0 || offset == 0)
    }

    pub(super) fn of(&self, protocol: u8) -> Option<&ProtocolOptions> {
        match protocol {
            TCP => self.tcp.as_ref(),
            UDP => self.udp.as_ref(),
            _ => None,
        }
    }
}
