//! What the trackers of a run share, and what a job does with them between packets.

use super::bytes::{Captures, PackedPosition, SpanSource};
use super::handler::Handler;
use super::place::WindowPlace;
use super::track::Tracker;
use super::wanted::Selected;
use crate::capture::{ExcerptMap, Position};
use crate::error::Error;
use crate::flow::FlowList;
use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the trackers of a run share. A job that follows connections has one; its observers are the
/// [trackers](Shared::tracker), and it passes the engine's calls on:
///
/// | `engine::Job` | |
/// |---|---|
/// | `observer` | [`Shared::tracker`] |
/// | `needs` | `contents` |
/// | `input` | [`Shared::input`] |
/// | `window_starts` | [`Shared::window_starts`] |
/// | `window` | [`Shared::window_ends`], or its parts, with what the job itself does in between |
/// | `finish` | [`Shared::finish`] |
#[derive(Debug)]
pub struct Shared {
    selected: Arc<Selected>,
    /// Flows are conversations: both directions are one flow.
    conversations: bool,
    pub(super) window: WindowPlace,
    /// Whether the current input cannot be read again.
    must_keep: bool,
    /// Most bytes of payload that are kept in memory.
    pub(super) memory_limit: u64,
}

impl Shared {
    /// Follows the flows that are selected; `conversations` says whether both directions are one
    /// flow. Where more than `memory_limit` bytes of payload that cannot be read again are kept,
    /// gaps are given up. What a handler's own spans keep counts, but stays.
    pub fn new(selected: Selected, conversations: bool, memory_limit: u64) -> Self {
        Self {
            selected: Arc::new(selected),
            conversations,
            window: WindowPlace {
                base: PackedPosition::new(Position::default()),
                captures: Arc::new(Captures::default()),
                memory: Arc::new(AtomicU64::new(0)),
            },
            must_keep: false,
            memory_limit,
        }
    }

    /// The tracker of a shard.
    pub fn tracker<H: Handler>(&self, handler: H) -> Tracker<H> {
        Tracker::new(handler, &self.selected, &self.window, self.conversations)
    }

    /// An input starts: its ordinal in the run, its name, where its bytes are if it is an excerpt,
    /// and its length if it is a file that can be read again.
    pub fn input(
        &mut self,
        number: usize,
        path: &Path,
        map: Option<&Arc<ExcerptMap>>,
        file_len: Option<u64>,
    ) {
        self.window.captures.add(number, path, map);
        let can_read_again = |len| PackedPosition::can_hold(number, len);
        self.must_keep = !file_len.is_some_and(can_read_again);
    }

    /// A window starts.
    pub fn window_starts<H: Handler>(&mut self, base: Position, trackers: Vec<&mut Tracker<H>>) {
        self.window.base = PackedPosition::new(base);
        for tracker in trackers {
            tracker.window.base = self.window.base;
        }
    }

    /// A window ends, and its flows have their FlowIDs: decides on directions that wait for these,
    /// keeps what cannot be read again, and gives up gaps where that is too much. Returns how many
    /// gaps were given up.
    ///
    /// # Errors
    /// When payload could not be read again to be compared.
    pub fn window_ends<H: Handler>(
        &self,
        window: &[u8],
        flows: &FlowList,
        trackers: &mut [&mut Tracker<H>],
    ) -> Result<u64, Error> {
        self.decide(flows, trackers);
        trackers.par_iter_mut().try_for_each(|tracker| {
            for number in tracker.take_touched() {
                if self.must_keep && tracker.is_followed(number) {
                    tracker.keep(number, window);
                }
            }
            tracker.take_error().map_or(Ok(()), Err)
        })?;
        let mut given_up = 0;
        self.relieve(window, trackers, |_, tracker, number| {
            given_up += 1;
            tracker.keep(number, window);
            Ok(())
        })?;
        Ok(given_up)
    }

    /// Everything has been read: what still waits is delivered, and every direction has ended.
    ///
    /// # Errors
    /// When payload could not be read again to be compared.
    pub fn finish<H: Handler>(&self, trackers: &mut [&mut Tracker<H>]) -> Result<(), Error> {
        trackers.par_iter_mut().try_for_each(|tracker| {
            tracker.settle_all();
            for number in tracker.numbers() {
                if tracker.is_followed(number) {
                    tracker.finish(number);
                }
            }
            tracker.take_error().map_or(Ok(()), Err)
        })
    }

    /// The flows of a window have their FlowIDs: decides on directions that waited for these.
    pub(crate) fn decide<H: Handler>(&self, flows: &FlowList, trackers: &mut [&mut Tracker<H>]) {
        if let Some(greatest) = self.selected.greatest_id() {
            let are_all_known = greatest <= flows.last_found();
            for (shard, tracker) in trackers.iter_mut().enumerate() {
                tracker.decide(|flow| flows.id_of(shard, flow), are_all_known);
            }
        }
    }

    /// Whether the current input cannot be read again: what a handler wants later must be kept.
    pub(crate) const fn must_keep(&self) -> bool {
        self.must_keep
    }

    /// Bytes of payload that are kept in memory.
    pub(crate) fn memory_used(&self) -> u64 {
        self.window.memory.load(Ordering::Relaxed)
    }

    /// Where spans are read while a window is worked on; empty for none.
    pub(crate) fn source<'a>(&'a self, window: &'a [u8]) -> SpanSource<'a> {
        self.window.source(window)
    }
}
