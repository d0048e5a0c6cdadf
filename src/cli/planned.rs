//! Jobs planned from the arguments.

use super::config::Inputs;
use pcap_flows::diff::Both;
use pcap_flows::jobs::FlowsJob;
use pcap_flows::jobs::diff::DiffJob;
use pcap_flows::jobs::index::{CarveJob, IndexJob, SessionsIndexJob, TcpIndexJob};
use pcap_flows::jobs::packets::PacketsJob;
use pcap_flows::jobs::sessions::SessionsJob;
use pcap_flows::jobs::tcp::TcpJob;

/// The command to run.
pub(crate) enum Planned {
    /// The main job, and whether to verify its results.
    Flows(Box<FlowsJob>, Inputs, bool),
    /// A job on an index.
    Carve(Box<CarveJob>),
    /// An index of captures. The captures are named here, not in the job.
    Index(Box<IndexJob>, Inputs),
    /// TCP statistics.
    Tcp(Box<TcpJob>, Inputs),
    /// Application records.
    Sessions(Box<SessionsJob>, Inputs),
    /// Packets or sums of packets.
    Packets(Box<PacketsJob>, Inputs),
    /// A comparison of two captures.
    Diff(Box<DiffJob>, Both<Inputs>),
    /// TCP statistics compared with another capture.
    TcpBeside(Box<TcpJob>, Inputs, Inputs),
    /// Application records of an index's captures.
    SessionsByIndex(Box<SessionsIndexJob>),
    /// TCP statistics from an index.
    TcpByIndex(Box<TcpIndexJob>),
}
