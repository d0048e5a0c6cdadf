//! What the arguments come to.

use super::config::Inputs;
use pcap_flows::diff::Both;
use pcap_flows::jobs::FlowsJob;
use pcap_flows::jobs::diff::DiffJob;
use pcap_flows::jobs::index::{CarveJob, IndexJob, TcpIndexJob};
use pcap_flows::jobs::packets::PacketsJob;
use pcap_flows::jobs::sessions::SessionsJob;
use pcap_flows::jobs::tcp::TcpJob;

/// The command to run.
pub(crate) enum Planned {
    /// The main job; whether what it finds is verified.
    Flows(Box<FlowsJob>, Inputs, bool),
    /// Something with an index.
    Carve(Box<CarveJob>),
    /// An index of captures, which are named here and not in the job.
    Index(Box<IndexJob>, Inputs),
    /// TCP connections, measured.
    Tcp(Box<TcpJob>, Inputs),
    /// What was said in connections.
    Sessions(Box<SessionsJob>, Inputs),
    /// Packets, one by one or summed up.
    Packets(Box<PacketsJob>, Inputs),
    /// Two captures, compared.
    Diff(Box<DiffJob>, Both<Inputs>),
    /// TCP connections, with what another capture saw of them.
    TcpBeside(Box<TcpJob>, Inputs, Inputs),
    /// TCP connections, by an index.
    TcpByIndex(Box<TcpIndexJob>),
}
