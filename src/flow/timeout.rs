//! Timeouts that end a flow although its packets continue.

use crate::capture::Nanos;
use crate::number::not_negative;

/// Limits after which packets of the same key start a new flow. Off by default: people who read
/// a capture want one row for each connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Nanoseconds without a packet.
    pub idle_ns: Option<u64>,
    /// Nanoseconds since the first packet.
    pub active_ns: Option<u64>,
}

impl Timeouts {
    /// Whether any is set.
    pub const fn is_some(&self) -> bool {
        self.idle_ns.is_some() || self.active_ns.is_some()
    }

    pub(crate) fn has_ended(&self, flow: &Lifetime, now: Nanos) -> bool {
        let since = |then: Nanos| not_negative(now.0.saturating_sub(then.0));
        self.idle_ns.is_some_and(|limit| since(flow.last) > limit)
            || self
                .active_ns
                .is_some_and(|limit| since(flow.first) > limit)
    }
}

/// Earliest and latest time of a flow's packets, those that a filter keeps out among them: when a
/// flow ends must not depend on the filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    first: Nanos,
    last: Nanos,
}

impl Lifetime {
    /// That of a flow whose first packet is seen now.
    pub(crate) const fn new(now: Nanos) -> Self {
        Self {
            first: now,
            last: now,
        }
    }

    pub(crate) fn extend(&mut self, now: Nanos) {
        self.first = self.first.min(now);
        self.last = self.last.max(now);
    }
}
