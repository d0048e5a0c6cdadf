//! Jobs that follow connections, as jobs of the engine.

use crate::capture::Position;
use crate::engine::{InputStart, Job, Needs, Window};
use crate::error::Error;
use crate::flow::FlowList;
use crate::stream::{Handler, Shared, Tracker};

/// A job that follows connections, with a handler in each shard. [`Following`] makes it a job of the
/// engine: it keeps what trackers share up to date, which is the same for all of them.
pub trait Follow {
    /// Its part of a tracker.
    type Handler: Handler;

    /// A new handler; one is made for each shard.
    fn handler(&self) -> Self::Handler;

    /// What its trackers share.
    fn shared(&self) -> &Shared;

    /// The same, to be kept up to date.
    fn shared_mut(&mut self) -> &mut Shared;

    /// A window ends. Jobs that have no bounds of their own for what waits call
    /// [`Shared::window_ends`] first. Returns how many bytes were written.
    ///
    /// # Errors
    /// What keeps the job from continuing.
    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        trackers: Vec<&mut Tracker<Self::Handler>>,
    ) -> Result<u64, Error>;

    /// Everything has been read. Jobs that deliver what still waits by [`Shared::finish`] call that
    /// first. Returns how many bytes were written.
    ///
    /// # Errors
    /// What could not be completed.
    fn finish(
        &mut self,
        flows: &FlowList,
        trackers: Vec<&mut Tracker<Self::Handler>>,
    ) -> Result<u64, Error>;

    /// The run has failed, or was dropped before its end.
    fn abandon(&mut self, flows: &FlowList, trackers: Vec<&mut Tracker<Self::Handler>>) {
        let _ = (flows, trackers);
    }
}

/// A job that follows connections, as a job of the engine.
#[derive(Debug)]
pub struct Following<F>(pub F);

impl<F: Follow> Job for Following<F> {
    type Observer = Tracker<F::Handler>;

    fn observer(&self) -> Self::Observer {
        self.0.shared().tracker(self.0.handler())
    }

    fn needs(&self) -> Needs {
        Needs {
            contents: true,
            ..Needs::default()
        }
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        let shared = self.0.shared_mut();
        shared.input(input.number, input.path, input.excerpt_map, input.file_len);
        Ok(())
    }

    fn window_starts(
        &mut self,
        base: Position,
        _: &FlowList,
        trackers: Vec<&mut Self::Observer>,
    ) -> Result<(), Error> {
        self.0.shared_mut().window_starts(base, trackers);
        Ok(())
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        trackers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        self.0.window(window, flows, trackers)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        trackers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        self.0.finish(flows, trackers)
    }

    fn abandon(&mut self, flows: &FlowList, trackers: Vec<&mut Self::Observer>) {
        self.0.abandon(flows, trackers);
    }
}
