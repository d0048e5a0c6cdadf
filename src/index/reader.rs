//! Reading an index.

use super::columns;
use super::notes::{Notes, PartNote};
use super::places::{Counting, PacketPlaces};
use super::rows::{FlowRows, flows_of};
use super::summary::{NamedSummary, Resumed, Summary};
use super::table::Table;
use crate::decode::IpProtocol;
use crate::error::{Error, ShownPath};
use crate::flow::{FirstFragment, Flow, NetworkKey};
use crate::output::table::column::{DST_IP, DST_PORT, FLOW_ID, PROTOCOL, SRC_IP, SRC_PORT, TUNNEL};
use crate::output::table::condition::{matching_rows, needed};
use crate::output::table::condition_columns;
use crate::select::condition::{Condition, Kind};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// An open index.
#[derive(Debug)]
pub struct Index {
    notes: Notes,
    flows: Table,
}

impl Index {
    /// Opens an index: reads what it says about itself.
    ///
    /// # Errors
    /// When it cannot be read, or is no index.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flows = Table::open(path)?;
        let Some(notes) = flows.note(Notes::KEY) else {
            return Err(flows.damaged("a Parquet file, but not one that `pcap_flows index` made"));
        };
        let notes: Notes = serde_json::from_str(notes)
            .map_err(|error| flows.damaged(format!("its notes are damaged ({error})")))?;
        if notes.version != Notes::VERSION {
            return Err(flows.damaged(format!(
                "it is of version {}; index the captures again",
                notes.version
            )));
        }
        if notes.settings.decap && !flows.has(TUNNEL) {
            return Err(flows.damaged(
                "it was made before networks of tunnels were told apart; index the captures again",
            ));
        }
        let is_valid = |first: &FirstFragment| {
            first.flow.link.vlans().is_valid() && first.datagram.vlans.is_valid()
        };
        if !notes.fragments.iter().all(is_valid) {
            return Err(flows.damaged("its notes are damaged"));
        }
        if flows.rows() != notes.totals.flows {
            return Err(flows.damaged("its rows are not those that its notes tell of"));
        }
        Ok(Self { notes, flows })
    }

    /// What it says about itself.
    pub const fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The columns that a condition may name.
    pub fn columns() -> Vec<(&'static str, Kind)> {
        let mut names = condition_columns();
        names.extend([
            (columns::HANDSHAKE, Kind::Bool),
            (columns::RETRANSMISSIONS, Kind::Number),
            (columns::PAYLOAD_BYTES, Kind::Number),
            (columns::FIRST_PAYLOAD, Kind::Text),
            (columns::SERVER_NAME, Kind::Text),
            (columns::COMMUNITY_ID, Kind::Text),
            (columns::FRAGMENTS, Kind::Number),
        ]);
        names
    }

    /// All flows.
    ///
    /// # Errors
    /// When they cannot be read, or are not what they should be.
    pub fn flows(&self) -> Result<FlowRows, Error> {
        let settings = &self.notes.settings;
        let groups = self.flows.read_all(&settings.columns().names(), |batch| {
            flows_of(&self.flows, batch, settings)
        })?;
        let mut flows = Vec::with_capacity(groups.iter().map(Vec::len).sum());
        for mut group in groups {
            flows.append(&mut group);
        }
        self.check(&flows)?;
        Ok(FlowRows { flows })
    }

    /// The flows with these FlowIDs, which are in order.
    ///
    /// # Errors
    /// When they cannot be read, or are not what they should be.
    pub fn some_flows(&self, ids: &[u32]) -> Result<Vec<Flow>, Error> {
        let settings = &self.notes.settings;
        let rows: Vec<u64> = ids
            .iter()
            .map(|&id| u64::from(id).saturating_sub(1))
            .collect();
        let names = settings.columns().names();
        let flows = self.flows.read_rows(&rows, &names, |batch| {
            flows_of(&self.flows, batch, settings)
        })?;
        let flows: Vec<Flow> = flows.into_iter().flatten().collect();
        let found = flows.iter().map(|flow| flow.id);
        if !found.eq(ids.iter().map(|&id| u64::from(id))) {
            return Err(self.flows.damaged("rows are missing"));
        }
        Ok(flows)
    }

    /// FlowIDs of the flows that meet a condition on [`Index::columns`].
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn matching(&self, condition: &Condition) -> Result<Vec<u32>, Error> {
        let names = Self::columns();
        let mut wanted = needed(condition, &names);
        wanted.push(FLOW_ID);
        let groups = self.flows.read_all(&wanted, |batch| {
            let ids = self.flows.numbers::<Int64Type>(batch, FLOW_ID)?;
            let matches = matching_rows(condition, &names, batch);
            let ids = ids.iter().zip(matches).filter(|(_, matches)| *matches);
            Ok(ids.map(|(&id, _)| id_of(id)).collect::<Vec<_>>())
        })?;
        Ok(groups.concat())
    }

    /// FlowIDs of all flows between the same endpoints as one of these, of the same protocol, in
    /// either direction.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn between(&self, keys: &[NetworkKey]) -> Result<Vec<u32>, Error> {
        let both = keys.iter().flat_map(|key| [*key, key.reversed()]);
        let mut wanted: Vec<NetworkKey> = both.collect();
        // Ports are compared quickly; the other fields seldom have to be.
        wanted.sort_unstable_by_key(ports);
        let names = [FLOW_ID, PROTOCOL, SRC_IP, SRC_PORT, DST_IP, DST_PORT];
        let groups = self.flows.read_all(&names, |batch| {
            let table = &self.flows;
            let ids = table.numbers::<Int64Type>(batch, FLOW_ID)?;
            let src_ports = table.numbers::<Int32Type>(batch, SRC_PORT)?;
            let dst_ports = table.numbers::<Int32Type>(batch, DST_PORT)?;
            let protocols = table.texts(batch, PROTOCOL)?;
            let (srcs, dsts) = (table.texts(batch, SRC_IP)?, table.texts(batch, DST_IP)?);
            let rows = ids.iter().zip(src_ports.iter().zip(dst_ports)).enumerate();
            let found = rows.filter_map(|(row, (id, (&src, &dst)))| {
                let from = wanted.partition_point(|key| ports(key) < (src, dst));
                let mut same = wanted
                    .iter()
                    .skip(from)
                    .take_while(|key| ports(key) == (src, dst));
                let is_same = |key: &NetworkKey| {
                    IpProtocol::from_listed(protocols.value(row)) == Some(IpProtocol(key.protocol))
                        && srcs.value(row).parse() == Ok(key.src)
                        && dsts.value(row).parse() == Ok(key.dst)
                };
                same.any(is_same).then(|| id_of(*id))
            });
            Ok(found.collect::<Vec<_>>())
        })?;
        Ok(groups.concat())
    }

    /// FlowIDs of the flows that have fragments of datagrams.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn fragmented(&self) -> Result<Vec<u32>, Error> {
        let groups = self
            .flows
            .read_all(&[FLOW_ID, columns::FRAGMENTS], |batch| {
                let ids = self.flows.numbers::<Int64Type>(batch, FLOW_ID)?;
                let counts = self.flows.numbers::<Int64Type>(batch, columns::FRAGMENTS)?;
                let ids = ids.iter().zip(counts).filter(|(_, count)| **count > 0);
                Ok(ids.map(|(&id, _)| id_of(id)).collect::<Vec<_>>())
            })?;
        Ok(groups.concat())
    }

    /// Summaries of all flows, in order, with the names of servers.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn summaries(&self) -> Result<Vec<NamedSummary>, Error> {
        let names = columns::SUMMARY_COLUMNS;
        let groups = self
            .flows
            .read_all(&names, |batch| self.summaries_of(batch))?;
        Ok(groups.into_iter().flatten().collect())
    }

    fn summaries_of(&self, batch: &RecordBatch) -> Result<Vec<NamedSummary>, Error> {
        let table = &self.flows;
        let short = |name| table.numbers::<Int32Type>(batch, name);
        let number = |name| table.numbers::<Int64Type>(batch, name);
        let payload = table.numbers::<Int64Type>(batch, columns::PAYLOAD_BYTES)?;
        let retransmissions = number(columns::RETRANSMISSIONS)?;
        let fragments = number(columns::FRAGMENTS)?;
        let states = short(columns::TCP_STATE)?;
        let firsts = table
            .column(batch, columns::FIRST_PAYLOAD)?
            .as_binary_opt::<i32>();
        let next = table
            .column(batch, columns::NEXT_SEQ)?
            .as_primitive_opt::<Int64Type>();
        let names = table.texts(batch, columns::SERVER_NAME)?;
        let (Some(firsts), Some(next)) = (firsts, next) else {
            return Err(table.damaged("a column has another type"));
        };
        let row = |row: usize| {
            let known = Resumed {
                payload_bytes: u64::try_from(*payload.get(row)?).ok()?,
                retransmissions: u32::try_from(*retransmissions.get(row)?).ok()?,
                fragments: u32::try_from(*fragments.get(row)?).ok()?,
                tcp_state: u8::try_from(*states.get(row)?).ok()?,
                first_payload: if firsts.is_valid(row) {
                    firsts.value(row)
                } else {
                    &[]
                },
                next_seq: next.is_valid(row).then(|| next.value(row).cast_unsigned()),
            };
            let name = names.is_valid(row).then(|| names.value(row).into());
            Some((Summary::resumed(&known), name))
        };
        let rows: Option<Vec<NamedSummary>> = (0..batch.num_rows()).map(row).collect();
        rows.ok_or_else(|| table.damaged("a row has values that no flow has"))
    }

    /// For each capture, where the records of these flows are, in order. The ids are in order, 0
    /// for packets that are in no flow.
    ///
    /// # Errors
    /// When a file with packets is not there, not the one that belongs to this index, or damaged.
    pub fn offsets(&self, ids: &[u32]) -> Result<Vec<Vec<u64>>, Error> {
        let mut offsets = vec![Vec::new(); self.notes.captures.len()];
        for part in &self.notes.parts {
            let table = self.part(part)?;
            for (capture, mut places) in table.places(ids)? {
                match offsets.get_mut(capture as usize) {
                    Some(offsets) => offsets.append(&mut places),
                    None => return Err(table.damaged("it names a capture that there is not")),
                }
            }
        }
        offsets.par_iter_mut().for_each(|it| it.par_sort_unstable());
        Ok(offsets)
    }

    /// Numbers of the packets at these offsets, which are in order, in each capture.
    ///
    /// # Errors
    /// As [`Index::offsets`].
    pub fn packet_places(&self, offsets: &[Vec<u64>]) -> Result<PacketPlaces, Error> {
        let counting = Counting::new(offsets);
        for part in &self.notes.parts {
            let table = self.part(part)?;
            table.all_places(
                |capture| counting.counts(capture),
                |capture, places| {
                    counting.add(capture, places);
                },
            )?;
        }
        let captures = self.notes.captures.iter();
        Ok(counting.finish(captures.map(|it| it.packets)))
    }

    /// A file with packets, which must be the one noted.
    fn part(&self, part: &PartNote) -> Result<Table, Error> {
        let folder = self.flows.path.parent().unwrap_or_else(|| Path::new(""));
        let path = folder.join(&part.file);
        let size = path
            .metadata()
            .map_err(|error| Error::io("open", &path, error))?
            .len();
        let table = Table::open(&path)?;
        if size != part.size || table.note(Notes::PART_KEY) != Some(&part.digest) {
            let owner = self.flows.path.shown();
            return Err(table.damaged(format!("it does not belong to {owner}")));
        }
        Ok(table)
    }

    /// The files that belong to it, itself the first.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        let folder = self.flows.path.parent().unwrap_or_else(|| Path::new(""));
        let parts = self.notes.parts.iter().chain(&self.notes.connections);
        let parts = parts.map(|part| folder.join(&part.file));
        std::iter::once(self.flows.path.clone()).chain(parts)
    }

    /// Whether the rows are whole: their sums are those that were noted.
    fn check(&self, flows: &[Flow]) -> Result<(), Error> {
        let totals = &self.notes.totals;
        let sum = |of: fn(&Flow) -> u64| flows.iter().map(of).fold(0, u64::wrapping_add);
        let is_whole = sum(|flow| flow.packets) == totals.packets_in_flows
            && sum(|flow| flow.bytes) == totals.bytes_in_flows
            && flows.iter().zip(1..).all(|(flow, id)| flow.id == id);
        if is_whole {
            Ok(())
        } else {
            Err(self.flows.damaged("its rows do not add up to its totals"))
        }
    }
}

/// A FlowID. That of a damaged index may be none: 0, which no flow has.
fn id_of(id: i64) -> u32 {
    u32::try_from(id).unwrap_or(0)
}

fn ports(key: &NetworkKey) -> (i32, i32) {
    (key.src_port.into(), key.dst_port.into())
}
