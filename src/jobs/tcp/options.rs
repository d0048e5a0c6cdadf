//! The job, as it is requested.

use crate::engine::Config;
use crate::output::rows::Choice;
use crate::output::table::{Format, TimeZone};
use crate::select::IdSet;
use std::path::PathBuf;

/// The job, as it is requested.
#[derive(Debug, Default)]
pub struct TcpJob {
    /// How captures are read.
    pub config: Config,
    /// Packets that were captured twice count as repeated.
    pub keeps_duplicates: bool,
    /// How long connections without an end count as open.
    pub open_until: OpenUntil,
    /// What is shown.
    pub view: View,
    /// Which rows and columns of it.
    pub choice: Choice,
    /// The format.
    pub format: Format,
    /// The zone of times in text.
    pub time_zone: TimeZone,
    /// Where the table goes, if not to the writer that is given.
    pub output: Option<PathBuf>,
    /// Where the run's statistics go.
    pub stats: Option<PathBuf>,
}

impl TcpJob {
    /// The window that suits this job: what was looked at is still in the cache when it is measured.
    pub const WINDOW_LEN: usize = 16 * 1024 * 1024;
}

/// What is shown of the connections.
#[derive(Clone, Debug, Default)]
pub enum View {
    /// A row for each.
    #[default]
    Connections,
    /// The same of those that were open at a time.
    OpenAt(Instant),
    /// How many were open: in each stretch of this many ns, or as a whole.
    Concurrency(Grouping, Option<u64>),
    /// The packets of some, by their ids.
    Packets(IdSet),
    /// The same in stretches of this many ns.
    Bins(IdSet, u64),
    /// A few lines about each of some.
    Explained(IdSet),
    /// Connections, compared with another capture.
    Beside,
    /// Plots of one connection, or of all.
    Plotted(Option<IdSet>, Picture),
}

impl View {
    /// Whether the rows of connections suffice, so that an index can provide them.
    pub const fn is_of_connections(&self) -> bool {
        self.ids().is_none()
    }

    /// The same for other connections.
    #[must_use]
    pub(in crate::jobs) fn with_ids(self, ids: IdSet) -> Self {
        match self {
            Self::Packets(_) => Self::Packets(ids),
            Self::Bins(_, len) => Self::Bins(ids, len),
            Self::Explained(_) => Self::Explained(ids),
            Self::Plotted(Some(_), picture) => Self::Plotted(Some(ids), picture),
            other => other,
        }
    }

    /// The connections whose packets are looked at.
    pub(in crate::jobs) const fn ids(&self) -> Option<&IdSet> {
        match self {
            Self::Packets(ids) | Self::Bins(ids, _) | Self::Explained(ids) => Some(ids),
            Self::Plotted(ids, _) => ids.as_ref(),
            Self::Connections | Self::Beside | Self::OpenAt(_) | Self::Concurrency(..) => None,
        }
    }
}

/// File format of plots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// An image, for print and for embedding.
    Svg,
    /// A page that can be zoomed.
    Html,
}

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instant {
    /// Nanoseconds since 1970.
    At(i64),
    /// Nanoseconds after the earliest packet of a connection.
    After(u64),
}

/// Connections that are counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// All.
    #[default]
    All,
    /// Those of a client's address.
    Client,
    /// Those of a server's address.
    Server,
    /// Those between two addresses.
    Pair,
}

/// How long a connection without an end counts as open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenUntil {
    /// Until the capture ends.
    #[default]
    End,
    /// Until its last packet.
    LastPacket,
}
