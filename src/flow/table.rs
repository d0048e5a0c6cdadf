//! A flow table for programs: fed packet by packet, by one thread.

use super::flows::{Counters, Flow, Flows};
use super::key::{FlowKey, NetworkKey};
use super::record::ReverseCounters;
use crate::capture::Nanos;
use crate::number::index_u32;
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

/// Flows and, if the caller keeps them, the places of each flow's records.
///
/// It counts as a [run](crate::engine::run) does, which reads whole captures fast; except for later
/// fragments, whose ports only a run finds.
/// FlowIDs are 1, 2, 3 … in the order of the flows' first packets. [`FlowTable::save`] keeps a
/// table for another day.
///
/// ```
/// use pcap_flows::capture::Capture;
/// use pcap_flows::decode::Packet;
/// use pcap_flows::flow::{FlowKey, FlowTable};
/// use std::path::Path;
///
/// let mut table = FlowTable::of_conversations();
/// let mut capture = Capture::open(Path::new("testdata/recorded/http.pcap"))?;
/// while let Some(record) = capture.next_record()? {
///     let packet = Packet::of(&record);
///     if let Ok(key) = FlowKey::of(&packet) {
///         table.add(&key, record.time, record.wire_len, packet.tcp_flags().unwrap_or(0));
///     }
/// }
/// assert_eq!(table.len(), 3);
/// # Ok::<(), pcap_flows::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct FlowTable {
    pub(super) rows: Vec<Row>,
    pub(super) files: Vec<PathBuf>,
    /// Finds the row of a key.
    places: HashTable<usize>,
    hasher: RandomState,
    pub(super) conversations: bool,
}

/// A flow, and the records that were kept for it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) flow: Flow,
    pub(super) records: Vec<RecordPlace>,
}

/// Where a packet's record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordPlace {
    /// Which of the table's files, from 0: what [`FlowTable::add_file`] returned.
    pub file: u32,
    /// Where the record starts in it, in bytes.
    pub offset: u64,
}

impl FlowTable {
    /// An empty table, in which the two directions of a conversation are two flows.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty table, in which the two directions of a conversation are one flow.
    pub fn of_conversations() -> Self {
        Self {
            conversations: true,
            ..Self::default()
        }
    }

    /// Counts a packet in its flow, and returns this flow's id. `wire_len` is in bytes,
    /// `tcp_flags` are 0 for other protocols.
    pub fn add(&mut self, key: &FlowKey, time: Nanos, wire_len: u32, tcp_flags: u16) -> u64 {
        let index = match self.index(key) {
            Some(index) => index,
            None => self.start(key, time),
        };
        let Some(Row { flow, .. }) = self.rows.get_mut(index) else {
            return 0;
        };
        flow.packets += 1;
        flow.bytes += u64::from(wire_len);
        flow.first = flow.first.min(time);
        flow.last = flow.last.max(time);
        flow.tcp_flags |= tcp_flags;
        let is_reverse = is_from_greater(&key.network) != is_from_greater(&flow.key.network);
        if let Some(reverse) = flow.reverse.as_mut().filter(|_| is_reverse) {
            reverse.packets += 1;
            reverse.bytes += u64::from(wire_len);
            reverse.tcp_flags |= tcp_flags;
        }
        flow.id
    }

    /// Keeps the place of a record with a flow. An id that the table does not have is passed over.
    pub fn keep(&mut self, id: u64, place: RecordPlace) {
        if let Some(row) = row_number(id).and_then(|it| self.rows.get_mut(it)) {
            row.records.push(place);
        }
    }

    /// Adds a file to those that places can be in, and returns its number.
    pub fn add_file(&mut self, path: &Path) -> u32 {
        self.files.push(path.to_owned());
        index_u32(self.files.len() - 1)
    }

    /// The files that places are in, by their numbers.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// How many flows there are.
    pub const fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Whether there is no flow.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A flow by its id.
    pub fn get(&self, id: u64) -> Option<&Flow> {
        let row = self.rows.get(row_number(id)?);
        row.map(|row| &row.flow)
    }

    /// A flow by its key; in a table of conversations, by that of either direction.
    pub fn find(&self, key: &FlowKey) -> Option<&Flow> {
        let row = self.rows.get(self.index(key)?);
        row.map(|row| &row.flow)
    }

    /// The places kept with a flow, in the order in which they came.
    pub fn records(&self, id: u64) -> &[RecordPlace] {
        let row = row_number(id).and_then(|it| self.rows.get(it));
        row.map_or(&[], |row| &row.records)
    }

    /// All flows, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Flow> {
        self.rows.iter().map(|row| &row.flow)
    }

    fn index(&self, key: &FlowKey) -> Option<usize> {
        let wanted = self.shared(key);
        let hash = self.hasher.hash_one(wanted);
        let is_same = |&index: &usize| self.key_of(index) == Some(wanted);
        self.places.find(hash, is_same).copied()
    }

    /// A new flow's row; its key is not in the table.
    pub(super) fn start(&mut self, key: &FlowKey, time: Nanos) -> usize {
        let index = self.rows.len();
        let mut key = *key;
        if self.conversations {
            key.link = key.link.of_conversation();
        }
        let flow = Flow {
            id: index as u64 + 1,
            key,
            first: time,
            last: time,
            reverse: self.conversations.then(ReverseCounters::default),
            ..Flow::default()
        };
        let records = Vec::new();
        self.rows.push(Row { flow, records });
        let hash = self.hasher.hash_one(self.shared(&key));
        let mut places = std::mem::take(&mut self.places);
        places.insert_unique(hash, index, |&index| {
            self.hasher.hash_one(self.key_of(index).unwrap_or_default())
        });
        self.places = places;
        index
    }

    fn key_of(&self, index: usize) -> Option<FlowKey> {
        let row = self.rows.get(index)?;
        Some(self.shared(&row.flow.key))
    }

    /// What the packets of a flow have in common; those of both directions, if this is a table of
    /// conversations.
    fn shared(&self, key: &FlowKey) -> FlowKey {
        if !self.conversations {
            return *key;
        }
        let key = FlowKey {
            link: key.link.of_conversation(),
            ..*key
        };
        if is_from_greater(&key.network) {
            key.reversed()
        } else {
            key
        }
    }
}

impl Flows for FlowTable {
    fn last_id(&self) -> u64 {
        self.len()
    }

    fn get(&self, id: u64) -> Option<Flow> {
        Self::get(self, id).copied()
    }

    fn counters(&self, id: u64) -> Option<Counters> {
        let &Flow {
            packets,
            bytes,
            first,
            last,
            ..
        } = Self::get(self, id)?;
        Some(Counters {
            packets,
            bytes,
            first,
            last,
        })
    }
}

/// Whether a packet comes from the greater of its two endpoints.
fn is_from_greater(key: &NetworkKey) -> bool {
    (key.src, key.src_port) > (key.dst, key.dst_port)
}

fn row_number(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Capture;
    use crate::decode::Packet;
    use crate::engine::{Config, Progress, Source, run};

    fn captures() -> Vec<PathBuf> {
        let folders = [
            "recorded",
            "generated/formats",
            "generated/ethernet",
            "generated/ip",
        ];
        let files = folders.iter().flat_map(|folder| {
            let folder = Path::new("testdata").join(folder);
            std::fs::read_dir(folder)
                .unwrap()
                .map(|it| it.unwrap().path())
        });
        let mut files: Vec<PathBuf> = files.collect();
        files.sort();
        files
    }

    /// `None` for captures with fragments, and for what is no capture.
    fn table_of(path: &Path, mut table: FlowTable, five_tuple: bool) -> Option<FlowTable> {
        let mut capture = Capture::open(path).ok()?;
        while let Some(record) = capture.next_record().unwrap() {
            let packet = Packet::of(&record);
            let Ok(mut key) = FlowKey::of(&packet) else {
                continue;
            };
            if packet.fragment().is_some() {
                return None;
            }
            if five_tuple {
                key = key.network.into();
            }
            let flags = packet.tcp_flags().unwrap_or(0);
            let id = table.add(&key, record.time, record.wire_len, flags);
            assert_eq!(table.find(&key), table.get(id));
        }
        Some(table)
    }

    #[test]
    fn flows_are_those_of_a_run() {
        let mut compared = 0;
        for path in captures() {
            for (conversations, five_tuple) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                let empty = if conversations {
                    FlowTable::of_conversations()
                } else {
                    FlowTable::new()
                };
                let Some(table) = table_of(&path, empty, five_tuple) else {
                    continue;
                };
                let config = Config {
                    conversations,
                    five_tuple,
                    ..Config::default()
                };
                let sources = vec![Source::Path(path.clone())];
                let expected = run(&config, sources, &mut (), &Progress::default()).unwrap();
                let flows: Vec<Flow> = table.iter().copied().collect();
                let expected: Vec<Flow> = expected.flows.iter().collect();
                assert_eq!(flows, expected, "{}", path.display());
                compared += 1;
            }
        }
        assert!(compared > 200, "{compared}");
    }

    #[test]
    fn places_are_kept_with_their_flows() {
        let mut table = FlowTable::new();
        assert!(table.is_empty());
        let id = table.add(&FlowKey::default(), Nanos(5), 60, 0);
        let file = table.add_file(Path::new("a.pcap"));
        let places = [24, 100].map(|offset| RecordPlace { file, offset });
        for place in places {
            table.keep(id, place);
            table.keep(0, place);
            table.keep(2, place);
        }
        assert_eq!(table.records(id), places);
        assert!(table.records(0).is_empty() && table.records(2).is_empty());
        assert!(table.get(0).is_none() && table.get(2).is_none());
    }
}
