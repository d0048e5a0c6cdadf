//! The manifest: a row for each stream, in the order of FlowIDs.

use super::flush::{Flush, Subject};
use super::observer::StreamObserver;
use super::{Streams, options, stream, writer};
use crate::error::Error;
use crate::flow::FlowList;
use crate::output::OutputFile;
use crate::output::stream::{ManifestFormat, ManifestWriter, StreamRow};
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

impl Streams<'_> {
    /// The streams that are listed, in the order of their FlowIDs.
    pub(super) fn listed(
        &self,
        flush: &Flush<'_>,
        observers: &[&mut StreamObserver],
    ) -> Vec<Listed> {
        let mut listed = Vec::new();
        for (shard, observer) in observers.iter().enumerate() {
            for (stream, number) in observer.streams.iter().zip(0..) {
                if flush.is_listed(stream) {
                    listed.push(Listed {
                        flow_id: flush.flows.id_of(shard, stream.flow),
                        connection: stream.connection,
                        is_reverse: stream.is_reverse,
                        shard,
                        number,
                    });
                }
            }
        }
        listed.par_sort_unstable();
        listed
    }

    /// Writes the manifest and puts it under its name.
    pub(super) fn write_manifest(
        &mut self,
        flows: &FlowList,
        observers: &[&mut StreamObserver],
        listed: &[Listed],
    ) -> Result<(), Error> {
        match self.manifest.take() {
            Some((out, format)) => self
                .write_rows(out, format, flows, observers, listed)?
                .finish(),
            None => Ok(()),
        }
    }

    /// Writes the rows of the manifest, all of them to the disk.
    pub(super) fn write_rows(
        &self,
        out: OutputFile,
        format: ManifestFormat,
        flows: &FlowList,
        observers: &[&mut StreamObserver],
        listed: &[Listed],
    ) -> Result<OutputFile, Error> {
        let path = out.path().to_owned();
        let failed = |error| Error::io("write", &path, error);
        let mut writer = ManifestWriter::new(out, format).map_err(failed)?;
        let flush = self.flush(&[], flows);
        for listed in listed {
            let Some(observer) = observers.get(listed.shard) else {
                continue;
            };
            let Some(stream) = observer.streams.get(listed.number as usize) else {
                continue;
            };
            let content = &stream.content;
            let rare = content.rare.as_deref();
            let count = |field: fn(&stream::Rare) -> u64| rare.map_or(0, field);
            let network = observer.network(stream);
            let subject = Subject::of(observer, listed.shard, listed.number);
            let file = stream.content.parts().next().and_then(|part| {
                let name = flush.name(&subject?.0, stream);
                let target = flush.target(network.protocol)?;
                Some(target.path_of(&writer::name_of_part(&name, part)))
            });
            let row = StreamRow {
                flow_id: listed.flow_id,
                connection: stream.connection,
                network,
                bytes: content.bytes,
                first: stream.first,
                last: stream.last,
                segments: content.segments,
                retransmitted_bytes: count(|it| it.retransmitted),
                out_of_order: count(|it| it.out_of_order),
                overlaps: count(|it| it.overlaps),
                conflicts: count(|it| it.conflicts),
                gaps: rare.map_or(&[], |it| &it.gaps),
                midstream: network.protocol == options::TCP
                    && stream.tcp.has_payload()
                    && stream.tcp.initial_sequence().is_none(),
                end: stream.end(),
                file: &file.map_or_else(String::new, |it| it.display().to_string()),
                late_bytes: count(|it| it.late),
            };
            writer.row(&row).map_err(failed)?;
        }
        writer.finish().map_err(failed)
    }
}
