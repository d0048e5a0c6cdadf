//! Options of the diff job.

use crate::diff::Options;
use crate::engine::Config;
use crate::output::rows::Choice;
use crate::output::table::TimeZone;
use std::path::PathBuf;

/// A comparison, as requested.
#[derive(Debug, Default)]
pub struct DiffJob {
    /// Settings for reading captures.
    pub config: Config,
    /// Options of the comparison.
    pub options: Options,
    /// The view written to standard output.
    pub view: DiffView,
    /// Output file with a row per packet.
    pub packets: Option<PathBuf>,
    /// Output file with a row per conversation.
    pub flows: Option<PathBuf>,
    /// Rows of conversations to write.
    pub choice: Choice,
    /// Output capture of packets.
    pub capture: Option<CaptureOutput>,
    /// Time zone of times in text.
    pub time_zone: TimeZone,
    /// Output file of run statistics.
    pub stats: Option<PathBuf>,
}

impl DiffJob {
    /// Window size for this job: bytes of pipes are written to a file window by window.
    pub const WINDOW_LEN: usize = 64 * 1024 * 1024;
}

/// The view written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiffView {
    /// A summary for people.
    #[default]
    Text,
    /// The summary as one JSON object.
    Json,
    /// A row per conversation, as CSV.
    Csv,
    /// The output of pcapdiff.
    Pcapdiff,
}

/// An output capture with packets of both sides and comments.
#[derive(Clone, Debug)]
pub struct CaptureOutput {
    /// The file.
    pub path: PathBuf,
    /// The packets to write.
    pub select: Select,
    /// Whether packets keep the times of their captures.
    pub keeps_times: bool,
}

/// Packets to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// Packets that differ.
    #[default]
    Different,
    /// Packets in only one capture that should be in both.
    Lost,
    /// All.
    All,
}
