//! The main job, as it is requested.

use super::streams::StreamOptions;
use crate::engine::Config;
use crate::output::capture::CaptureFormat;
use crate::output::table;
use crate::select::Selection;
use std::path::PathBuf;

/// The main job, as it is requested.
#[derive(Debug, Default)]
pub struct FlowsJob {
    /// How captures are read and flows counted.
    pub config: Config,
    /// How flows are listed, if they are.
    pub table: Option<table::TableOptions>,
    /// Where the list goes, if not to the writer that is given.
    pub list_output: Option<PathBuf>,
    /// Packets to extract, if any.
    pub extract: Option<ExtractOptions>,
    /// Which streams are written, if any are.
    pub streams: Option<StreamOptions>,
    /// Where the run's statistics go.
    pub stats: Option<PathBuf>,
}

/// Extraction of packets.
#[derive(Clone, Debug)]
pub struct ExtractOptions {
    /// Which flows; all that the filter accepts where this is empty.
    pub selection: Selection,
    /// Where they go; `-` for standard output.
    pub output: PathBuf,
    /// The format, if not that of the inputs.
    pub format: Option<CaptureFormat>,
    /// Write out what was selected after each window of the input.
    pub flush: bool,
}
