//! Where in the inputs a tracker is.

use super::bytes::{Captures, Kept, PackedPosition, PayloadSpan, SpanSource};
use crate::capture::Nanos;
use crate::flow::Transport;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Where the current window is, and what was read before it.
#[derive(Clone, Debug)]
pub(super) struct WindowPlace {
    pub(super) base: PackedPosition,
    pub(super) captures: Arc<Captures>,
    /// Bytes kept in memory, by all shards together.
    pub(super) memory: Arc<AtomicU64>,
}

/// A packet that is being worked in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Current<'a> {
    pub(super) time: Nanos,
    /// Where its record starts; `None` where there is no packet.
    pub(super) at: Option<PackedPosition>,
    pub(super) window: &'a [u8],
}

impl WindowPlace {
    /// Where the payload of a transport header is.
    pub(super) fn span(
        &self,
        transport: &Transport<'_>,
        skip: u32,
        len: u32,
        time: Nanos,
    ) -> PayloadSpan {
        let span = match transport.start {
            Some(start) => PayloadSpan::payload(self.base.after(start.into()), skip, len, time),
            None => PayloadSpan::payload(self.base, skip, len, time)
                .with(Kept::new(transport.bytes, &self.memory)),
        };
        if transport.is_whole() && (skip + len) as usize == transport.bytes.len() {
            span.checkable()
        } else {
            span
        }
    }

    pub(super) fn source<'a>(&'a self, window: &'a [u8]) -> SpanSource<'a> {
        SpanSource {
            window,
            base: self.base,
            captures: &self.captures,
            memory: &self.memory,
        }
    }

    /// No packet, after those of a window.
    pub(super) const fn nowhere(&self, time: Nanos) -> Current<'static> {
        Current {
            time,
            at: None,
            window: &[],
        }
    }
}
