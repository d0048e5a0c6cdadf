//! Options of streams.

use crate::decode::protocol;
use crate::output::stream::{HeaderStyle, NameStyle};
use crate::stream::{ChecksumRule, Selected, Wanted};
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
    /// What takes the place of bytes that were not captured.
    pub gaps: Gaps,
    /// Which bytes count where segments overlap.
    pub overlap: Overlap,
    /// How checksums of TCP and UDP count.
    pub checksums: ChecksumRule,
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

    /// The flows whose streams are written.
    pub(super) fn selected(&self) -> Selected {
        let wanted = |protocol: &Option<ProtocolOptions>| Some(protocol.as_ref()?.wanted.clone());
        Selected {
            tcp: wanted(&self.tcp),
            udp: wanted(&self.udp),
        }
    }
}

/// Options of a protocol's streams.
#[derive(Clone, Debug, Default)]
pub struct ProtocolOptions {
    /// Which flows.
    pub wanted: Wanted,
    /// A directory (with a slash at the end, or one that exists), a prefix of file names, a tar
    /// archive (`.tar`), or `-` for standard output.
    pub output: PathBuf,
    /// Headers before each segment.
    pub headers: Option<HeaderStyle>,
}

/// What takes the place of bytes that were not captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gaps {
    /// Nothing: the stream continues after the gap.
    #[default]
    Skip,
    /// Zeros.
    Zero,
    /// The stream continues in another file.
    Split,
}

/// The options as handlers and writers use them.
#[derive(Clone, Debug)]
pub(super) struct StreamRules {
    pub(super) tcp_headers: Option<HeaderStyle>,
    pub(super) udp_headers: Option<HeaderStyle>,
    pub(super) gaps: Gaps,
    pub(super) overlap: Overlap,
    pub(super) checksums: ChecksumRule,
    pub(super) as_pcap: bool,
}

impl StreamRules {
    pub(super) fn new(options: &StreamOptions) -> Self {
        let headers = |protocol: &Option<ProtocolOptions>| protocol.as_ref()?.headers;
        Self {
            tcp_headers: headers(&options.tcp),
            udp_headers: headers(&options.udp),
            gaps: options.gaps,
            overlap: options.overlap,
            checksums: options.checksums,
            as_pcap: options.as_pcap,
        }
    }

    /// Whether headers show windows.
    pub(super) fn needs_window(&self) -> bool {
        self.tcp_headers == Some(HeaderStyle::Extended)
    }

    /// Whether copies of what was written may have to be judged by its checksums.
    pub(super) fn judges_copies(&self) -> bool {
        self.checksums == ChecksumRule::Prefer && !self.as_pcap
    }

    /// Whether a gap ends a file into which that much was written, at a stream offset: unless
    /// the gap before it has just done so.
    pub(super) fn splits(&self, written: u64, offset: u64) -> bool {
        self.gaps == Gaps::Split && (written > 0 || offset == 0)
    }

    /// Headers of a protocol's segments.
    pub(super) fn headers_of(&self, protocol: u8) -> Option<HeaderStyle> {
        match protocol {
            protocol::TCP => self.tcp_headers,
            protocol::UDP => self.udp_headers,
            _ => None,
        }
    }
}
