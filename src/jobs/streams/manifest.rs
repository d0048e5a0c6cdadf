//! The manifest: a row for each stream, in the order of FlowIDs.

use super::content::Rare;
use super::files::Files;
use super::flush::{Flush, Subject};
use super::writer::name_of_part;
use crate::decode::protocol;
use crate::error::Error;
use crate::output::OutputFile;
use crate::output::stream::{ManifestFormat, ManifestWriter, StreamRow};
use crate::stream::Tracker;
use rayon::prelude::*;

/// A stream, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    pub(super) flow_id: u64,
    connection: u32,
    is_reverse: bool,
    pub(super) shard: usize,
    pub(super) number: u32,
}

/// The streams that are listed, in the order of their FlowIDs.
pub(super) fn listed(flush: &Flush<'_>, trackers: &[&mut Tracker<Files>]) -> Vec<Listed> {
    let mut listed = Vec::new();
    for (shard, tracker) in trackers.iter().enumerate() {
        for (stream, number) in tracker.directions().iter().zip(0..) {
            if flush.is_listed(stream) {
                listed.push(Listed {
                    flow_id: flush.flows.id_of(shard, stream.info.flow),
                    connection: stream.info.connection,
                    is_reverse: stream.info.is_reverse(),
                    shard,
                    number,
                });
            }
        }
    }
    listed.par_sort_unstable();
    listed
}

/// Writes the rows of the manifest, all of them to the disk.
pub(super) fn write_rows(
    flush: &Flush<'_>,
    out: OutputFile,
    format: ManifestFormat,
    trackers: &[&mut Tracker<Files>],
    listed: &[Listed],
) -> Result<OutputFile, Error> {
    let path = out.path().to_owned();
    let failed = |error| Error::io("write", &path, error);
    let mut writer = ManifestWriter::new(out, format).map_err(failed)?;
    for listed in listed {
        let Some(tracker) = trackers.get(listed.shard) else {
            continue;
        };
        let Some(stream) = tracker.directions().get(listed.number as usize) else {
            continue;
        };
        let (info, content) = (&stream.info, &stream.state.content);
        let rare = content.rare.as_deref();
        let count = |field: fn(&Rare) -> u64| rare.map_or(0, field);
        let network = tracker.network(info);
        let subject = Subject::of(tracker, listed.shard, listed.number);
        let file = content.parts().next().and_then(|part| {
            let name = flush.name(&subject?.0, stream);
            let target = flush.target(network.protocol)?;
            Some(target.path_of(&name_of_part(&name, part)))
        });
        let row = StreamRow {
            flow_id: listed.flow_id,
            connection: info.connection,
            network,
            bytes: content.bytes,
            first: info.first,
            last: info.last,
            segments: content.segments,
            retransmitted_bytes: count(|it| it.retransmitted),
            out_of_order: count(|it| it.out_of_order),
            overlaps: count(|it| it.overlaps),
            conflicts: count(|it| it.conflicts),
            gaps: rare.map_or(&[], |it| &it.gaps),
            midstream: network.protocol == protocol::TCP && stream.is_midstream(),
            end: stream.end(),
            file: &file.map_or_else(String::new, |it| it.display().to_string()),
            late_bytes: count(|it| it.late),
        };
        writer.row(&row).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}
