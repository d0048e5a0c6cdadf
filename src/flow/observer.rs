//! The seam between flows and jobs.

use super::key::FlowKey;
use super::packet::{Contents, PacketRef, Payload};

/// A job's view of the packets of one shard's flows.
///
/// There is one observer for each shard. The thread that works on the shard calls it in capture
/// order, without locks; flows are named by their index in the shard.
pub trait Observer: Send {
    /// A flow starts; its index is one more than that of the shard's last. `is_excluded`
    /// says that the run's filter refuses it: none of its packets will be seen.
    fn start(&mut self, flow: u32, is_excluded: bool, key: impl Fn() -> FlowKey);

    /// Where a packet's payload is in the window, for jobs that request it: called before
    /// [`Observer::packet`].
    #[inline]
    fn payload(&mut self, flow: u32, packet: &PacketRef, payload: &Payload, window: &[u8]) {
        let _ = (flow, packet, payload, window);
    }

    /// A packet of a flow that has started. Jobs that request its contents get them.
    fn packet(&mut self, flow: u32, packet: &PacketRef, contents: Option<&Contents<'_>>);

    /// A flow has ended: no further packet of it comes. Called once for each flow, for flows that
    /// end with the input when everything has been read.
    #[inline]
    fn end(&mut self, flow: u32, why: FlowEnd) {
        let _ = (flow, why);
    }
}

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlowEnd {
    /// A timeout of the run: the next packet of its key starts another flow.
    Timeout,
    /// The inputs ended.
    EndOfInput,
}

/// Observes nothing: for jobs that need no more than the flow list.
impl Observer for () {
    #[inline]
    fn start(&mut self, _: u32, _: bool, _: impl Fn() -> FlowKey) {}

    #[inline]
    fn packet(&mut self, _: u32, _: &PacketRef, _: Option<&Contents<'_>>) {}
}

/// An observer of a job that is only part of a run where it is `Some`.
impl<O: Observer> Observer for Option<O> {
    #[inline]
    fn start(&mut self, flow: u32, is_excluded: bool, key: impl Fn() -> FlowKey) {
        if let Some(observer) = self {
            observer.start(flow, is_excluded, key);
        }
    }

    #[inline]
    fn payload(&mut self, flow: u32, packet: &PacketRef, payload: &Payload, window: &[u8]) {
        if let Some(observer) = self {
            observer.payload(flow, packet, payload, window);
        }
    }

    #[inline]
    fn packet(&mut self, flow: u32, packet: &PacketRef, contents: Option<&Contents<'_>>) {
        if let Some(observer) = self {
            observer.packet(flow, packet, contents);
        }
    }

    #[inline]
    fn end(&mut self, flow: u32, why: FlowEnd) {
        if let Some(observer) = self {
            observer.end(flow, why);
        }
    }
}

/// The observers of two jobs of the same run.
impl<A: Observer, B: Observer> Observer for (A, B) {
    #[inline]
    fn start(&mut self, flow: u32, is_excluded: bool, key: impl Fn() -> FlowKey) {
        self.0.start(flow, is_excluded, &key);
        self.1.start(flow, is_excluded, &key);
    }

    #[inline]
    fn payload(&mut self, flow: u32, packet: &PacketRef, payload: &Payload, window: &[u8]) {
        self.0.payload(flow, packet, payload, window);
        self.1.payload(flow, packet, payload, window);
    }

    #[inline]
    fn packet(&mut self, flow: u32, packet: &PacketRef, contents: Option<&Contents<'_>>) {
        self.0.packet(flow, packet, contents);
        self.1.packet(flow, packet, contents);
    }

    #[inline]
    fn end(&mut self, flow: u32, why: FlowEnd) {
        self.0.end(flow, why);
        self.1.end(flow, why);
    }
}
