//! The packets of requested connections are kept while a capture is read once.
//!
//! An id is the rank of a connection among all, by first packets. It is known at the end of the
//! window in which the connection starts, but for those that may turn out to be part of another
//! one: so ids are ranges until the end, and what cannot be in a requested one is dropped.

use super::handler::Meter;
use crate::select::IdSet;
use crate::stream::Tracker;

/// Which connections are requested, and how many have started.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    ids: IdSet,
    /// Connections that are certain, and those that may be part of others.
    certain: u64,
    uncertain: u64,
}

impl Ranks {
    pub(super) fn new(ids: IdSet) -> Self {
        Self {
            ids,
            ..Self::default()
        }
    }

    /// A window ends: drops the packets of connections that started in it and are not requested.
    pub(super) fn window_ends(&mut self, trackers: &mut [&mut Tracker<Meter>]) {
        let mut new = Vec::new();
        for (shard, tracker) in trackers.iter_mut().enumerate() {
            let meter = &mut tracker.handler;
            let Some(recorder) = &mut meter.recorder else {
                return;
            };
            let started = std::mem::replace(&mut recorder.first_new, meter.connections.len());
            for place in started..meter.connections.len() {
                let (first_packet, is_certain) = meter.first_packet(place);
                new.push((first_packet, shard, place, is_certain));
            }
        }
        new.sort_unstable();
        for (_, shard, place, is_certain) in new {
            let range = self.certain + 1..=self.certain + 1 + self.uncertain;
            if is_certain {
                self.certain += 1;
            } else {
                self.uncertain += 1;
            }
            let tracker = trackers.get_mut(shard);
            if let Some(recorder) = tracker.and_then(|it| it.handler.recorder.as_mut())
                && !self
                    .ids
                    .ranges()
                    .iter()
                    .any(|it| it.start() <= range.end() && range.start() <= it.end())
            {
                recorder.take(place);
            }
        }
        let has_all = self.ids.max().is_none_or(|it| it <= self.certain);
        for tracker in trackers {
            if let Some(recorder) = &mut tracker.handler.recorder {
                recorder.has_all = has_all;
            }
        }
    }
}
