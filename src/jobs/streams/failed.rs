//! Remains of a run that fails: streams that had come to their end, and a manifest of them.

use super::files::Files;
use super::flush::Flush;
use super::manifest::{Listed, listed, write_rows};
use super::target::Target;
use crate::output::OutputFile;
use crate::output::stream::ManifestFormat;
use crate::stream::Tracker;

/// Puts streams that are complete under their names, and lists them; removes the others, or all
/// where `is_void` says so. Returns whether there are any. `manifest` is the one that was started.
///
/// The error that ended the run is the one to be reported, so that none is reported here.
pub(super) fn keep_complete(
    flush: &Flush<'_>,
    trackers: &mut [&mut Tracker<Files>],
    manifest: Option<OutputFile>,
    is_void: bool,
) -> bool {
    for (shard, tracker) in trackers.iter_mut().enumerate() {
        for number in tracker.numbers() {
            if is_void {
                flush.forget(shard, tracker, number);
            } else {
                flush.forget_unfinished(shard, tracker, number);
            }
        }
    }
    let mut listed = listed(flush, trackers);
    listed.retain(|it| publish(flush, trackers, it));
    let manifest = list(flush, trackers, manifest, &mut listed);
    // It may be in a directory that gets its name now.
    drop(manifest.map(OutputFile::finish));
    !listed.is_empty()
}

/// Writes the manifest. A complete stream is listed, or not there: where the disk is full, some of
/// them must go.
fn list(
    flush: &Flush<'_>,
    trackers: &mut [&mut Tracker<Files>],
    mut started: Option<OutputFile>,
    listed: &mut Vec<Listed>,
) -> Option<OutputFile> {
    let path = flush.options.manifest.as_deref()?;
    let format = ManifestFormat::of(path).unwrap_or(ManifestFormat::Csv);
    while !listed.is_empty() {
        let place = flush.targets.place_of(path);
        let out = started
            .take()
            .or_else(|| OutputFile::create(&place, []).ok());
        let written = out.and_then(|out| write_rows(flush, out, format, trackers, listed).ok());
        if written.is_some() {
            return written;
        }
        for dropped in listed.drain(listed.len() * 3 / 4..) {
            if let Some(tracker) = trackers.get_mut(dropped.shard) {
                flush.forget(dropped.shard, tracker, dropped.number);
            }
        }
    }
    None
}

/// Puts a stream under its name; if that fails, it goes.
fn publish(flush: &Flush<'_>, trackers: &mut [&mut Tracker<Files>], it: &Listed) -> bool {
    let Some(tracker) = trackers.get_mut(it.shard) else {
        return false;
    };
    let Some(Target::Folder(folder)) = flush.target(tracker.protocol(it.number)) else {
        return false;
    };
    let published = flush.settle(folder, it.shard, tracker, it.number).is_ok();
    if !published {
        flush.forget(it.shard, tracker, it.number);
    }
    published
}
