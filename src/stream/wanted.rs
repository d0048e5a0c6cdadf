//! The flows that are followed.

use crate::decode::protocol;
use crate::flow::NetworkKey;
use crate::select::{IdSet, PortRange};

/// The flows that are followed.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// Those of TCP; none where it is not given.
    pub tcp: Option<Wanted>,
    /// Those of UDP.
    pub udp: Option<Wanted>,
}

/// The flows of a protocol that are followed. Both directions of a connection are tracked where
/// one of them is wanted; a handler sees those that are.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Flows by FlowID.
    pub ids: IdSet,
    /// Flows with one of their ports in these ranges.
    pub ports: Vec<PortRange>,
    /// All flows.
    pub all: bool,
    /// Flows with one of their ports in these ranges are left out.
    pub without_ports: Vec<PortRange>,
}

/// Whether a direction is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wanted,
    /// It is only followed to tell connections apart.
    Refused,
    /// Its FlowID decides, which it gets at the end of the window.
    ById,
}

impl Wanted {
    /// Whether a flow is wanted.
    pub fn wants(&self, id: u64, key: &NetworkKey) -> bool {
        self.accepts(key).unwrap_or_else(|| self.ids.contains(id))
    }

    /// Whether flows with this key are wanted; `None` where their FlowIDs decide.
    fn accepts(&self, key: &NetworkKey) -> Option<bool> {
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

impl Selected {
    /// All flows of both protocols.
    pub fn all() -> Self {
        let all = Wanted {
            all: true,
            ..Wanted::default()
        };
        Self {
            tcp: Some(all.clone()),
            udp: Some(all),
        }
    }

    /// The greatest FlowID that decides on anything.
    pub(super) fn greatest_id(&self) -> Option<u64> {
        let protocols = [&self.tcp, &self.udp].into_iter().flatten();
        protocols.filter_map(|it| it.ids.max()).max()
    }

    pub(super) fn verdict(&self, key: &NetworkKey) -> Verdict {
        match self.of(key.protocol).map(|wanted| wanted.accepts(key)) {
            Some(Some(true)) => Verdict::Wanted,
            Some(None) => Verdict::ById,
            Some(Some(false)) | None => Verdict::Refused,
        }
    }

    pub(super) fn of(&self, protocol: u8) -> Option<&Wanted> {
        match protocol {
            protocol::TCP => self.tcp.as_ref(),
            protocol::UDP => self.udp.as_ref(),
            _ => None,
        }
    }
}
