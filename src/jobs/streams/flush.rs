//! Streams are written: when enough of them is pending, and at the end.

use super::content::FileState;
use super::files::Files;
use super::options::{StreamOptions, StreamRules};
use super::target::{Target, Targets};
use super::writer::{Meta, ToFolder, Writer, name_of_part, patiently};
use crate::decode::protocol::UDP;
use crate::engine::Progress;
use crate::error::Error;
use crate::flow::{FlowKey, FlowList, NetworkKey};
use crate::output::stream::{FileId, Folder, NameStyle, StreamLabel};
use crate::stream::{Direction, Shared, Tracker, Verdict};

/// What writing streams needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flush<'a> {
    pub(super) shared: &'a Shared,
    pub(super) rules: &'a StreamRules,
    pub(super) window: &'a [u8],
    pub(super) flows: &'a FlowList,
    pub(super) targets: &'a Targets,
    pub(super) options: &'a StreamOptions,
    pub(super) progress: &'a Progress,
    /// Everything has come.
    pub(super) is_last: bool,
}

/// Which of the streams that wait are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// Streams with at least this many waiting bytes.
    Large(u64),
}

impl Flush<'_> {
    /// A window ends: writes streams of which enough has come to be worth it. Returns how many
    /// bytes were written.
    pub(super) fn end_window(
        &self,
        shard: usize,
        tracker: &mut Tracker<Files>,
    ) -> Result<u64, Error> {
        if let Some(error) = tracker.take_error() {
            return Err(error);
        }
        let must_keep = self.shared.must_keep();
        let mut written = 0;
        for number in tracker.take_touched() {
            let Some(stream) = tracker.directions_mut().get_mut(number as usize) else {
                continue;
            };
            if stream.info.verdict == Verdict::Refused {
                continue;
            }
            let pending = stream.state.content.pending.len();
            let is_enough = must_keep
                || stream.tcp.is_complete()
                || pending >= MANY
                || stream.state.content.pending_bytes() >= ENOUGH;
            let is_enough = is_enough && !stream.info.is_unconfirmed();
            let target = self.target(tracker.protocol(number));
            if target.is_some_and(Target::is_folder) && is_enough {
                written += self.write(shard, tracker, number)?;
            }
            let Some(stream) = tracker.directions_mut().get_mut(number as usize) else {
                continue;
            };
            if stream.state.content.has_work() {
                let carried = stream.state.content.pending.len();
                let is_waiting = std::mem::replace(&mut stream.state.is_waiting, true);
                tracker.handler.carried += carried;
                if !is_waiting {
                    tracker.handler.waiting.push(number);
                }
            }
            if must_keep {
                tracker.keep(number, self.window);
            }
        }
        Ok(written)
    }

    /// Writes what waits.
    pub(super) fn waiting(
        &self,
        shard: usize,
        tracker: &mut Tracker<Files>,
        which: Which,
    ) -> Result<u64, Error> {
        let mut written = 0;
        tracker.handler.carried = 0;
        for number in std::mem::take(&mut tracker.handler.waiting) {
            let Some(stream) = tracker.directions_mut().get_mut(number as usize) else {
                continue;
            };
            let is_meant = match which {
                Which::All => true,
                Which::Large(bytes) => stream.state.content.pending_bytes() >= bytes,
            };
            if is_meant && !stream.info.is_unconfirmed() {
                stream.state.is_waiting = false;
                written += self.write(shard, tracker, number)?;
            } else {
                let carried = stream.state.content.pending.len();
                tracker.handler.carried += carried;
                tracker.handler.waiting.push(number);
            }
        }
        Ok(written)
    }

    /// Everything has come: gives up what is missing, and writes all that is not written.
    pub(super) fn finish(&self, shard: usize, tracker: &mut Tracker<Files>) -> Result<u64, Error> {
        let mut written = 0;
        tracker.settle_all();
        for number in tracker.numbers() {
            let is_wanted = |stream: &Direction<FileState>| stream.info.verdict == Verdict::Wanted;
            let Some(stream) = tracker
                .directions()
                .get(number as usize)
                .filter(|it| is_wanted(it))
            else {
                continue;
            };
            let protocol = stream.info.protocol();
            tracker.finish(number);
            if let Some(error) = tracker.take_error() {
                return Err(error);
            }
            if self.target(protocol).is_some_and(Target::is_folder) {
                written += self.write(shard, tracker, number)?;
                if let Some(stream) = tracker.directions_mut().get_mut(number as usize) {
                    stream.state.is_settled = true;
                }
            } else {
                self.compare(shard, tracker, number)?;
            }
        }
        Ok(written)
    }

    /// Puts the files of all streams under their names. By one thread: renames in one directory
    /// wait for each other, and waiting costs more than renaming.
    pub(super) fn settle_all(&self, trackers: &[&mut Tracker<Files>]) -> Result<(), Error> {
        for (shard, tracker) in trackers.iter().enumerate() {
            for (stream, number) in tracker.directions().iter().zip(0..) {
                let protocol = stream.info.protocol();
                if let Some(Target::Folder(folder)) = self.target(protocol)
                    && stream.info.verdict == Verdict::Wanted
                {
                    self.progress.check()?;
                    self.settle(folder, shard, tracker, number)?;
                }
            }
        }
        Ok(())
    }

    /// Puts a stream's files under their names, if it is one that is wanted; else removes them.
    pub(super) fn settle(
        &self,
        folder: &Folder,
        shard: usize,
        tracker: &Tracker<Files>,
        number: u32,
    ) -> Result<(), Error> {
        let Some((subject, stream)) = Subject::of(tracker, shard, number) else {
            return Ok(());
        };
        let has_its_name = folder.is_new() && self.is_listed(stream);
        if stream.state.content.parts().is_empty() || has_its_name {
            return Ok(());
        }
        let name = self.name(&subject, stream);
        for part in stream.state.content.parts() {
            let (file, name) = (subject.file(part), name_of_part(&name, part));
            if self.is_listed(stream) {
                folder.publish(file, &name)?;
            } else {
                let discarded = folder.discard(file, &name);
                discarded.map_err(|error| Error::io("remove", &folder.path_of(&name), error))?;
            }
        }
        Ok(())
    }

    /// The run has failed: removes what a stream has written, unless it is complete.
    pub(super) fn forget_unfinished(
        &self,
        shard: usize,
        tracker: &mut Tracker<Files>,
        number: u32,
    ) {
        let is_complete = tracker
            .directions()
            .get(number as usize)
            .is_some_and(|stream| {
                let is_written = stream.tcp.is_complete() && !stream.state.content.has_work();
                stream.info.verdict == Verdict::Wanted && (stream.state.is_settled || is_written)
            });
        let has_file = self
            .target(tracker.protocol(number))
            .is_some_and(Target::is_folder);
        if !is_complete || !has_file {
            self.forget(shard, tracker, number);
        }
    }

    /// Removes what a stream has written.
    pub(super) fn forget(&self, shard: usize, tracker: &mut Tracker<Files>, number: u32) {
        if let Some(stream) = tracker.directions_mut().get_mut(number as usize) {
            stream.info.verdict = Verdict::Refused;
        }
        let protocol = tracker.protocol(number);
        if let Some(Target::Folder(folder)) = self.target(protocol) {
            // What cannot be removed now goes with its directory.
            drop(self.settle(folder, shard, tracker, number));
        }
    }

    /// Whether a stream is one of those that were asked for.
    pub(super) fn is_listed(&self, stream: &Direction<FileState>) -> bool {
        stream.info.verdict == Verdict::Wanted
            && stream.state.content.bytes >= self.options.min_bytes
    }

    /// Writes what is pending of a stream to its file.
    fn write(&self, shard: usize, tracker: &mut Tracker<Files>, number: u32) -> Result<u64, Error> {
        self.progress.check()?;
        self.compare(shard, tracker, number)?;
        let Some((subject, stream)) = Subject::of(tracker, shard, number) else {
            return Ok(0);
        };
        let folder = self
            .target(subject.network.protocol)
            .and_then(Target::folder);
        let Some(folder) = folder.filter(|_| !stream.state.content.pending.is_empty()) else {
            return Ok(0);
        };
        let (name, meta) = (self.name(&subject, stream), self.meta(&subject, stream));
        let mut output = ToFolder {
            folder,
            shard,
            stream: number,
            open: None,
            name: &name,
            started: (stream.state.content.written > 0).then(|| stream.state.content.part()),
        };
        let Some((stream, mut writer)) = self.writer(tracker, number) else {
            return Ok(0);
        };
        if !self.is_last {
            writer = writer.noting_recent();
        }
        let written = writer.write(stream, meta, &mut output);
        if written.is_err() {
            // What is in its file is not the stream.
            stream.info.verdict = Verdict::Refused;
        }
        written
    }

    /// Compares what came twice.
    fn compare(
        &self,
        shard: usize,
        tracker: &mut Tracker<Files>,
        number: u32,
    ) -> Result<(), Error> {
        let Some((subject, stream)) = Subject::of(tracker, shard, number) else {
            return Ok(());
        };
        if !stream.state.content.has_repeated() {
            return Ok(());
        }
        let folder = self
            .target(subject.network.protocol)
            .and_then(Target::folder);
        let name = self.name(&subject, stream);
        let open = |part| {
            let file = match folder {
                Some(folder) => {
                    let name = name_of_part(&name, part);
                    patiently(|| folder.open(subject.file(part), &name))
                }
                None => Err(std::io::ErrorKind::NotFound.into()),
            };
            file.map_err(|error| Error::io("compare with", "a stream's file".as_ref(), error))
        };
        match self.writer(tracker, number) {
            Some((stream, mut writer)) => writer.compare(stream, &subject.network, &open),
            None => Ok(()),
        }
    }

    /// A stream of a shard, and what writes it.
    pub(super) fn writer<'o>(
        &'o self,
        tracker: &'o mut Tracker<Files>,
        number: u32,
    ) -> Option<(&'o mut Direction<FileState>, Writer<'o>)> {
        let stream = tracker.directions_mut().get_mut(number as usize)?;
        Some((
            stream,
            Writer::new(self.shared.source(self.window), self.rules),
        ))
    }

    /// The name of a stream's file, without that of its folder.
    pub(super) fn name(&self, subject: &Subject, stream: &Direction<FileState>) -> String {
        let network = subject.network;
        let extension = match (network.protocol, self.options.as_pcap) {
            (UDP, false) => "udp",
            (UDP, true) => "udp.pcap",
            (_, false) => "tcp",
            (_, true) => "tcp.pcap",
        };
        let flow_id = self.flows.id_of(subject.shard, stream.info.flow);
        let mut key = FlowKey {
            network,
            ..FlowKey::default()
        };
        // The flow of a conversation is that of its other direction, too.
        if let Some(flow) = self.flows.get(flow_id) {
            let first = flow.key.network;
            let is_same = (first.src, first.src_port) == (network.src, network.src_port);
            key = if is_same {
                flow.key
            } else {
                flow.key.reversed()
            };
        }
        let label = StreamLabel {
            key: &key,
            flow_id,
            connection: stream.info.connection,
            first: stream.info.started,
        };
        let mut name = self.options.names.name(&label, extension);
        // pcap_flow's names do not tell of the protocol.
        let is_shared = self.options.tcp.is_some() && self.options.udp.is_some();
        if self.options.names == NameStyle::Fmadio && network.protocol == UDP && is_shared {
            name.push_str(".udp");
        }
        name
    }

    pub(super) fn meta(&self, subject: &Subject, stream: &Direction<FileState>) -> Meta {
        Meta {
            flow_id: self.flows.id_of(subject.shard, stream.info.flow),
            network: subject.network,
            window_scale: subject.window_scale,
        }
    }

    pub(super) fn target(&self, protocol: u8) -> Option<&Target> {
        self.targets.all.get(self.targets.of(protocol))
    }
}

/// What writing a stream needs besides the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) shard: usize,
    pub(super) number: u32,
    pub(super) network: NetworkKey,
    window_scale: u8,
}

impl Subject {
    pub(super) fn of(
        tracker: &Tracker<Files>,
        shard: usize,
        number: u32,
    ) -> Option<(Self, &Direction<FileState>)> {
        let stream = tracker.directions().get(number as usize)?;
        let subject = Self {
            shard,
            number,
            network: tracker.network(&stream.info),
            window_scale: stream.info.window_scale(),
        };
        Some((subject, stream))
    }

    /// The file of a part.
    pub(super) const fn file(&self, part: u32) -> FileId {
        FileId {
            shard: self.shard,
            stream: self.number,
            part,
        }
    }
}

/// Pending bytes that are worth opening a file for; and pieces.
const ENOUGH: u64 = 16 * 1024;
const MANY: usize = 1024;
