//! What is kept of a run that fails: streams that had come to their end, and a manifest of them.

use super::Streams;
use super::flush::Flush;
use super::manifest::Listed;
use super::observer::StreamObserver;
use super::target::Target;
use crate::flow::FlowList;
use crate::output::OutputFile;
use crate::output::stream::ManifestFormat;

impl Streams<'_> {
    /// Puts streams that are complete under their names, and lists them; removes the others.
    /// The error that ended the run is the one to be told, so that none is told here.
    pub(super) fn keep_complete(
        &mut self,
        flows: &FlowList,
        observers: &mut [&mut StreamObserver],
    ) {
        let flush = self.flush(&[], flows);
        for (shard, observer) in observers.iter_mut().enumerate() {
            for number in observer.numbers() {
                if self.is_void {
                    flush.forget(shard, observer, number);
                } else {
                    flush.forget_unfinished(shard, observer, number);
                }
            }
        }
        let mut listed = self.listed(&flush, observers);
        listed.retain(|it| publish(&flush, observers, it));
        let manifest = self.list(flows, observers, &mut listed);
        // It may stand in a directory that gets its name now.
        drop(manifest.map(OutputFile::finish));
        for target in &mut self.targets.all {
            target.abandon(!listed.is_empty());
        }
    }

    /// Writes the manifest. What is complete is listed, or not there: where the disk is full, some
    /// of it must go.
    fn list(
        &mut self,
        flows: &FlowList,
        observers: &mut [&mut StreamObserver],
        listed: &mut Vec<Listed>,
    ) -> Option<OutputFile> {
        let path = self.options.manifest.clone()?;
        let format = ManifestFormat::of(&path).unwrap_or(ManifestFormat::Csv);
        let mut started = self.manifest.take().map(|(out, _)| out);
        while !listed.is_empty() {
            let place = self.targets.place_of(&path);
            let out = started
                .take()
                .or_else(|| OutputFile::create(&place, []).ok());
            let written =
                out.and_then(|out| self.write_rows(out, format, flows, observers, listed).ok());
            if written.is_some() {
                return written;
            }
            let flush = self.flush(&[], flows);
            for dropped in listed.drain(listed.len() * 3 / 4..) {
                if let Some(observer) = observers.get_mut(dropped.shard) {
                    flush.forget(dropped.shard, observer, dropped.number);
                }
            }
        }
        None
    }
}

/// Puts a stream under its name; if that fails, it goes.
fn publish(flush: &Flush<'_>, observers: &mut [&mut StreamObserver], it: &Listed) -> bool {
    let Some(observer) = observers.get_mut(it.shard) else {
        return false;
    };
    let Some(Target::Folder(folder)) = flush.target(observer.protocol(it.number)) else {
        return false;
    };
    let published = flush.settle(folder, it.shard, observer, it.number).is_ok();
    if !published {
        flush.forget(it.shard, observer, it.number);
    }
    published
}
