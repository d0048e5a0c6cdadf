//! What a job adds to a run.

use super::balance::Balance;
use super::run::InputReport;
use crate::capture::{Companion, Format, Places};
use crate::error::Error;
use crate::flow::{FlowList, Observer};
use std::path::Path;
use std::sync::Arc;

/// A job that goes along with a run. The engine decides nothing for it; it calls, in capture
/// order: [`Job::input`] for each input, and [`Job::window`] for each window of it.
pub trait Job {
    /// What the job keeps for each shard.
    type Observer: Observer;

    /// A new observer; one is made for each shard.
    fn observer(&self) -> Self::Observer;

    /// Whether [`Window::loose`] is wanted.
    fn wants_loose(&self) -> bool {
        false
    }

    /// Whether observers are shown the packets' contents.
    fn wants_contents(&self) -> bool {
        false
    }

    /// Whether observers are told where the packets' payload is.
    fn wants_payloads(&self) -> bool {
        false
    }

    /// The run goes on with flows that are known from before; observers were told that they
    /// start.
    fn resumed(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        let _ = (flows, observers);
    }

    /// An input starts.
    ///
    /// # Errors
    /// What keeps the job from going on; it ends the run.
    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error>;

    /// The packets of a window are about to be observed; `offset` is where its bytes start in
    /// the input. All flows so far have their ids.
    ///
    /// # Errors
    /// What keeps the job from going on; it ends the run.
    fn window_starts(
        &mut self,
        offset: u64,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<(), Error> {
        let _ = (offset, flows, observers);
        Ok(())
    }

    /// A window has been read, all of its packets were observed, and its flows have their ids.
    ///
    /// # Errors
    /// What keeps the job from going on; it ends the run.
    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error>;

    /// Everything has been read, and nothing has been completed yet.
    ///
    /// # Errors
    /// What is wrong with what was found; it ends the run.
    fn check(&mut self, found: &Findings<'_>) -> Result<(), Error> {
        let _ = found;
        Ok(())
    }

    /// Everything has been read. Returns how many bytes were written.
    ///
    /// # Errors
    /// What could not be completed.
    fn finish(
        &mut self,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        let _ = (flows, observers);
        Ok(0)
    }

    /// The run has failed, and ends here.
    fn abandon(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        let _ = (flows, observers);
    }
}

/// An input that is about to be read.
#[derive(Clone, Copy, Debug)]
pub struct InputStart<'a> {
    /// The input's name.
    pub path: &'a Path,
    /// The bytes in front of its first record or block: the file header of a pcap file.
    pub header: &'a [u8],
    /// Its format at the start.
    pub format: &'a Format,
    /// Its length in bytes, if it is a file that can be read again.
    pub file_len: Option<u64>,
    /// Where its bytes stand in that file, if it is an excerpt.
    pub places: Option<&'a Arc<Places>>,
}

/// A run of records that has been read.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// The bytes that the packets' offsets refer to.
    pub bytes: &'a [u8],
    /// The format at the window's start.
    pub format: &'a Format,
    /// Blocks that are no packets but belong with them; offsets are the window's.
    pub companions: &'a [Companion],
    /// Offsets of packets that belong to no flow but pass the filter, in order; if wanted.
    pub loose: &'a [u32],
}

/// What a run found, while jobs can still refuse it.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// All flows.
    pub flows: &'a FlowList,
    /// Where every packet went.
    pub balance: &'a Balance,
    /// What each input held, in order.
    pub inputs: &'a [InputReport],
}

/// The job that needs no more than the flow list.
impl Job for () {
    type Observer = ();

    fn observer(&self) {}

    fn input(&mut self, _: &InputStart<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn window(&mut self, _: &Window<'_>, _: &FlowList, _: Vec<&mut ()>) -> Result<u64, Error> {
        Ok(0)
    }
}

/// Two jobs that go along with the same run.
impl<A: Job, B: Job> Job for (A, B) {
    type Observer = (A::Observer, B::Observer);

    fn observer(&self) -> Self::Observer {
        (self.0.observer(), self.1.observer())
    }

    fn wants_loose(&self) -> bool {
        self.0.wants_loose() || self.1.wants_loose()
    }

    fn wants_contents(&self) -> bool {
        self.0.wants_contents() || self.1.wants_contents()
    }

    fn wants_payloads(&self) -> bool {
        self.0.wants_payloads() || self.1.wants_payloads()
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        self.0.input(input)?;
        self.1.input(input)
    }

    fn window_starts(
        &mut self,
        offset: u64,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<(), Error> {
        let (first, second) = observers.into_iter().map(|(a, b)| (a, b)).unzip();
        self.0.window_starts(offset, flows, first)?;
        self.1.window_starts(offset, flows, second)
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        let (first, second) = observers.into_iter().map(|(a, b)| (a, b)).unzip();
        Ok(self.0.window(window, flows, first)? + self.1.window(window, flows, second)?)
    }

    fn check(&mut self, found: &Findings<'_>) -> Result<(), Error> {
        self.0.check(found)?;
        self.1.check(found)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        let (first, second) = observers.into_iter().map(|(a, b)| (a, b)).unzip();
        Ok(self.0.finish(flows, first)? + self.1.finish(flows, second)?)
    }

    fn abandon(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        let (first, second) = observers.into_iter().map(|(a, b)| (a, b)).unzip();
        self.0.abandon(flows, first);
        self.1.abandon(flows, second);
    }
}
