//! The job, as it is requested.

use crate::diff::Options;
use crate::engine::Config;
use crate::output::rows::Choice;
use crate::output::table::TimeZone;
use std::path::PathBuf;

/// The job, as it is requested.
#[derive(Debug, Default)]
pub struct DiffJob {
    /// How captures are read.
    pub config: Config,
    /// What is compared, and how it is judged.
    pub options: Options,
    /// What is shown.
    pub view: DiffView,
    /// Where a row for each packet goes.
    pub packets: Option<PathBuf>,
    /// Where a row for each conversation goes.
    pub flows: Option<PathBuf>,
    /// Which rows of the conversations.
    pub choice: Choice,
    /// Where packets go that differ.
    pub capture: Option<CaptureOutput>,
    /// The zone of times in text.
    pub time_zone: TimeZone,
    /// Where the runs' statistics go.
    pub stats: Option<PathBuf>,
}

impl DiffJob {
    /// The window that suits this job: bytes of pipes are written to a file window by window.
    pub const WINDOW_LEN: usize = 64 * 1024 * 1024;
}

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiffView {
    /// A summary for people.
    #[default]
    Text,
    /// The same as one JSON object.
    Json,
    /// A row for each conversation, as CSV.
    Csv,
    /// What pcapdiff prints.
    Pcapdiff,
}

/// A capture of packets of both sides, with comments.
#[derive(Clone, Debug)]
pub struct CaptureOutput {
    /// The file.
    pub path: PathBuf,
    /// Which packets.
    pub select: Select,
    /// Times stay those of their captures.
    pub keeps_times: bool,
}

/// Which packets are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// Those that differ.
    #[default]
    Different,
    /// Those that are in one capture alone, as far as both should have them.
    Lost,
    /// All.
    All,
}
