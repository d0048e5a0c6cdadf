//! Bounds of what waits for gaps. Bytes of files wait where they are; of pipes, and of datagrams
//! put together from fragments, they are kept in memory.

use super::bytes::PackedPosition;
use super::handler::Handler;
use super::place::Current;
use super::shared::Shared;
use super::track::Tracker;
use crate::error::Error;
use crate::number::index_u32;

impl Shared {
    /// Whether so much is kept that a handler should let go of what it can.
    pub(crate) fn is_half_used(&self) -> bool {
        self.memory_used() > self.memory_limit / 2
    }

    /// Where more is kept than the limit allows, gives up gaps, those first that have held bytes
    /// back for the longest, until a quarter of it is free. After each, `release` lets go of what
    /// was delivered.
    ///
    /// # Errors
    /// What `release` says.
    pub(crate) fn relieve<H: Handler>(
        &self,
        window: &[u8],
        trackers: &mut [&mut Tracker<H>],
        mut release: impl FnMut(usize, &mut Tracker<H>, u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while self.memory_used() > self.memory_limit {
            let mut holding: Vec<(PackedPosition, usize, u32)> = Vec::new();
            for (shard, tracker) in trackers.iter_mut().enumerate() {
                let oldest = tracker.oldest_held();
                holding.extend(oldest.map(|(at, number)| (at, shard, number)));
            }
            if holding.is_empty() {
                break;
            }
            holding.sort_unstable();
            for (_, shard, number) in holding {
                if self.memory_used() <= self.memory_limit / 4 * 3 {
                    break;
                }
                if let Some(tracker) = trackers.get_mut(shard) {
                    tracker.give_up(number, window);
                    release(shard, tracker, number)?;
                }
            }
        }
        Ok(())
    }
}

impl<H: Handler> Tracker<H> {
    /// The numbers of all directions.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + use<H> {
        0..index_u32(self.directions.len())
    }

    /// Keeps the bytes of a direction that wait and are only in the window.
    pub(crate) fn keep(&mut self, number: u32, window: &[u8]) {
        let Self {
            directions,
            window: place,
            ..
        } = self;
        let Some(direction) = directions.get_mut(number as usize) else {
            return;
        };
        let source = place.source(window);
        let held = direction.tcp.held_mut();
        let spans = held.chain(H::spans(&mut direction.state));
        for span in spans.filter(|it| it.is_only_in_window()) {
            span.keep(&source, &place.memory);
        }
    }

    /// Directions that hold bytes that cannot be read again, and where the first of these were.
    fn oldest_held(&mut self) -> impl Iterator<Item = (PackedPosition, u32)> {
        let directions = self.directions.iter_mut().zip(0..);
        directions.filter_map(|(direction, number)| {
            let mut kept = direction.tcp.held_mut().filter(|it| it.is_kept());
            kept.next().map(|span| (span.position(), number))
        })
    }

    /// Gives up the first gap of a direction.
    fn give_up(&mut self, number: u32, window: &[u8]) {
        let Some(direction) = self.directions.get(number as usize) else {
            return;
        };
        let current = Current {
            window,
            ..self.window.clone().nowhere(direction.info.last)
        };
        self.settle_direction(number, current);
        self.reassemble(number, current, |tcp, sink| {
            tcp.give_up_first(sink);
            None
        });
    }
}
