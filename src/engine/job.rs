//! The seam between a run and a job.

use crate::capture::{ExcerptMap, Format, Position, SideBlock};
use crate::error::Error;
use crate::flow::{FlowList, Observer};
use std::path::Path;
use std::sync::Arc;

/// A job that goes along with a run: observers see the packets, the job sees the windows.
///
/// The engine decides nothing for it. It calls, in capture order, [`Job::input`] for each input,
/// then for each of its windows [`Job::window_starts`], the observers, and [`Job::window`]; at last
/// [`Job::finish`], or [`Job::abandon`] where the run fails.
pub trait Job {
    /// What the job keeps for each shard.
    type Observer: Observer;

    /// A new observer; one is made for each shard.
    fn observer(&self) -> Self::Observer;

    /// What the job needs of packets beyond their flows. Asked once, when the run starts.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The run continues with flows of an earlier one; observers saw each of them start.
    fn resumed(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        let _ = (flows, observers);
    }

    /// An input starts.
    ///
    /// # Errors
    /// What keeps the job from continuing; it ends the run.
    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        let _ = input;
        Ok(())
    }

    /// The packets of a window are about to be observed; `base` is where its bytes start. All
    /// flows so far have their FlowIDs.
    ///
    /// # Errors
    /// What keeps the job from continuing; it ends the run.
    fn window_starts(
        &mut self,
        base: Position,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<(), Error> {
        let _ = (base, flows, observers);
        Ok(())
    }

    /// A window has been read, all of its packets were observed, and its flows have their FlowIDs.
    /// Returns how many bytes were written.
    ///
    /// # Errors
    /// What keeps the job from continuing; it ends the run.
    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        let _ = (window, flows, observers);
        Ok(0)
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

    /// The run has failed, or was dropped before its end: nothing more will come.
    fn abandon(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        let _ = (flows, observers);
    }
}

/// What a job needs of packets beyond their flows. What no job needs is not computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Observers are shown the contents of packets.
    pub contents: bool,
    /// Observers are shown where the payload of packets is.
    pub payloads: bool,
    /// [`Window::non_flow`] is filled.
    pub non_flow: bool,
    /// Includes packets that cannot be written to another capture, because their section does not
    /// describe their interface.
    pub undescribed: bool,
}

impl Needs {
    /// The needs of two jobs of the same run.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            contents: self.contents || other.contents,
            payloads: self.payloads || other.payloads,
            non_flow: self.non_flow || other.non_flow,
            undescribed: self.undescribed || other.undescribed,
        }
    }
}

/// An input that is about to be read.
#[derive(Clone, Copy, Debug)]
pub struct InputStart<'a> {
    /// Its ordinal in the run, from 0.
    pub number: usize,
    /// Its name.
    pub path: &'a Path,
    /// The bytes before its first record or block: the file header of a pcap file.
    pub header: &'a [u8],
    /// Its format at the start.
    pub format: &'a Format,
    /// Its length in bytes, if it is a file that can be read again.
    pub file_len: Option<u64>,
    /// Where its bytes are in that file, if it is an excerpt.
    pub excerpt_map: Option<&'a Arc<ExcerptMap>>,
}

/// A run of records that has been read.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Where its bytes start.
    pub base: Position,
    /// Number of packets before it, in all inputs.
    pub packets_before: u64,
    /// The bytes that the packets' offsets refer to.
    pub bytes: &'a [u8],
    /// The format at the window's start.
    pub format: &'a Format,
    /// Blocks that are no packets but belong with them; offsets are the window's.
    pub side_blocks: &'a [SideBlock],
    /// Offsets of packets that belong to no flow but pass the filter, in order; if a job needs
    /// them.
    pub non_flow: &'a [u32],
}

/// The job that needs no more than the flow list.
impl Job for () {
    type Observer = ();

    fn observer(&self) {}
}

/// A job that is lent to a run.
impl<J: Job> Job for &mut J {
    type Observer = J::Observer;

    fn observer(&self) -> Self::Observer {
        (**self).observer()
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }

    fn resumed(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        (**self).resumed(flows, observers);
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        (**self).input(input)
    }

    fn window_starts(
        &mut self,
        base: Position,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<(), Error> {
        (**self).window_starts(base, flows, observers)
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        (**self).window(window, flows, observers)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        (**self).finish(flows, observers)
    }

    fn abandon(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        (**self).abandon(flows, observers);
    }
}

/// A job that is only part of a run where it is `Some`.
impl<J: Job> Job for Option<J> {
    type Observer = Option<J::Observer>;

    fn observer(&self) -> Self::Observer {
        self.as_ref().map(J::observer)
    }

    fn needs(&self) -> Needs {
        self.as_ref().map_or_else(Needs::default, J::needs)
    }

    fn resumed(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        if let Some(job) = self {
            job.resumed(flows, some(observers));
        }
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        self.as_mut().map_or(Ok(()), |job| job.input(input))
    }

    fn window_starts(
        &mut self,
        base: Position,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<(), Error> {
        match self {
            Some(job) => job.window_starts(base, flows, some(observers)),
            None => Ok(()),
        }
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        match self {
            Some(job) => job.window(window, flows, some(observers)),
            None => Ok(0),
        }
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        match self {
            Some(job) => job.finish(flows, some(observers)),
            None => Ok(0),
        }
    }

    fn abandon(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        if let Some(job) = self {
            job.abandon(flows, some(observers));
        }
    }
}

/// The observers of a job that is there: all of them are.
fn some<O>(observers: Vec<&mut Option<O>>) -> Vec<&mut O> {
    observers.into_iter().filter_map(Option::as_mut).collect()
}

/// Two jobs of the same run.
impl<A: Job, B: Job> Job for (A, B) {
    type Observer = (A::Observer, B::Observer);

    fn observer(&self) -> Self::Observer {
        (self.0.observer(), self.1.observer())
    }

    fn needs(&self) -> Needs {
        self.0.needs().and(self.1.needs())
    }

    fn resumed(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        let (first, second) = each(observers);
        self.0.resumed(flows, first);
        self.1.resumed(flows, second);
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        self.0.input(input)?;
        self.1.input(input)
    }

    fn window_starts(
        &mut self,
        base: Position,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<(), Error> {
        let (first, second) = each(observers);
        self.0.window_starts(base, flows, first)?;
        self.1.window_starts(base, flows, second)
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        let (first, second) = each(observers);
        Ok(self.0.window(window, flows, first)? + self.1.window(window, flows, second)?)
    }

    fn finish(
        &mut self,
        flows: &FlowList,
        observers: Vec<&mut Self::Observer>,
    ) -> Result<u64, Error> {
        let (first, second) = each(observers);
        Ok(self.0.finish(flows, first)? + self.1.finish(flows, second)?)
    }

    fn abandon(&mut self, flows: &FlowList, observers: Vec<&mut Self::Observer>) {
        let (first, second) = each(observers);
        self.0.abandon(flows, first);
        self.1.abandon(flows, second);
    }
}

/// The observers of two jobs, apart.
fn each<A, B>(observers: Vec<&mut (A, B)>) -> (Vec<&mut A>, Vec<&mut B>) {
    observers.into_iter().map(|(a, b)| (a, b)).unzip()
}
