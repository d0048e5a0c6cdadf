//! Extraction: the packets of selected flows, in capture order, in one pass.
//!
//! FlowIDs are final at the end of the window in which a flow starts. Packets of flows whose id
//! decides wait until then; all others are decided when their flow starts.

use crate::engine::{InputStart, Job, Needs, Window};
use crate::error::Error;
use crate::flow::{Contents, FlowKey, FlowList, Observer, PacketRef};
use crate::output::capture::CaptureWriter;
use crate::select::Selection;
use rayon::prelude::*;
use std::sync::Arc;

/// Writes the packets that are selected.
#[derive(Debug)]
pub struct Extract {
    selection: Arc<Selection>,
    writer: CaptureWriter,
}

impl Extract {
    /// Selected packets go to `writer`; with an empty selection, all that are looked at.
    pub fn new(selection: Selection, writer: CaptureWriter) -> Self {
        Self {
            selection: Arc::new(selection),
            writer,
        }
    }

    /// Completes the output.
    ///
    /// # Errors
    /// When the last of it cannot be written; then there is no output.
    pub fn finish(self) -> Result<(), Error> {
        self.writer.finish()
    }
}

/// Sorts a shard's packets into those that are selected, and those that wait for an id.
#[derive(Debug)]
pub struct ExtractObserver {
    selection: Arc<Selection>,
    verdicts: Vec<Verdict>,
    selected: Vec<u32>,
    /// Offset and flow of packets whose flow has no id yet.
    waiting: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Selected,
    Refused,
    ById,
}

impl Observer for ExtractObserver {
    #[inline]
    fn start(&mut self, _: u32, is_excluded: bool, key: impl Fn() -> FlowKey) {
        let selection = &self.selection;
        self.verdicts.push(if is_excluded {
            Verdict::Refused
        } else if selection.is_empty() || selection.matches_key(&key().network) {
            Verdict::Selected
        } else if selection.ids.is_empty() {
            Verdict::Refused
        } else {
            Verdict::ById
        });
    }

    #[inline]
    fn packet(&mut self, flow: u32, packet: &PacketRef, _: Option<&Contents<'_>>) {
        match self.verdicts.get(flow as usize) {
            Some(Verdict::Selected) => self.selected.push(packet.offset),
            Some(Verdict::ById) => self.waiting.push((packet.offset, flow)),
            Some(Verdict::Refused) | None => {}
        }
    }
}

impl ExtractObserver {
    /// Decides on the packets that waited: the ids are final now.
    fn decide(&mut self, shard: usize, flows: &FlowList) {
        for (offset, flow) in self.waiting.drain(..) {
            let is_selected = self.selection.ids.contains(flows.id_of(shard, flow));
            if is_selected {
                self.selected.push(offset);
            }
            if let Some(verdict) = self.verdicts.get_mut(flow as usize) {
                *verdict = if is_selected {
                    Verdict::Selected
                } else {
                    Verdict::Refused
                };
            }
        }
    }
}

impl Job for Extract {
    type Observer = ExtractObserver;

    fn observer(&self) -> ExtractObserver {
        ExtractObserver {
            selection: Arc::clone(&self.selection),
            verdicts: Vec::new(),
            selected: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Where nothing but the filter decides, it decides on packets without a flow, too.
    fn needs(&self) -> Needs {
        Needs {
            non_flow: self.selection.is_empty(),
            ..Needs::default()
        }
    }

    fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        self.writer.input(input.header, input.format)
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        observers: Vec<&mut ExtractObserver>,
    ) -> Result<u64, Error> {
        let mut offsets = window.non_flow.to_vec();
        for (shard, observer) in observers.into_iter().enumerate() {
            observer.decide(shard, flows);
            offsets.append(&mut observer.selected);
        }
        offsets.par_sort_unstable();
        self.writer
            .window(window.bytes, window.format, window.side_blocks, &offsets)
    }
}
