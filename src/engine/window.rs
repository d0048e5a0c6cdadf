//! One window: cut into chunks, walked in parallel, proved, and applied to the shards.

use super::balance::{Balance, Place};
use super::chunk::{Chunk, SequentialTables};
use super::copies::CopyTable;
use super::job::{Job, Window};
use super::progress::Progress;
use super::report::Resume;
use super::rules::Rules;
use crate::capture::{Format, Nanos, SideBlock, Stop, Successor, Walk, find_boundary, successor};
use crate::error::Error;
use crate::flow::{
    DatagramTable, FirstFragment, FlowKey, FlowList, FragmentTable, Observer, Shard, ShardPackets,
    ShardRules,
};
use rayon::prelude::*;
use std::ops::Range;

/// What stays from window to window.
#[derive(Debug)]
pub(super) struct Tables<O> {
    pub(super) flows: FlowList,
    pub(super) observers: Vec<O>,
    pub(super) balance: Balance,
    fragments: FragmentTable,
    /// Fragmented datagrams, where a job looks into packets.
    datagrams: DatagramTable,
    /// Packets that may have copies, where these are left out.
    copies: Option<CopyTable>,
    chunks: Vec<Chunk>,
    /// Time of the last packet that has one.
    last_time: Option<Nanos>,
}

/// A run of bytes that is to be read.
#[derive(Debug)]
pub(super) struct Unread<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) format: &'a Format,
    /// Where the bytes start in the inputs: the packet before, the offset of the first byte.
    pub(super) base: Place,
    /// Whether the input ends with the last of them.
    pub(super) at_end: bool,
    /// Whether the first record is one, whatever stands behind it.
    pub(super) is_trusted: bool,
    /// How many packets are to be read at most.
    pub(super) max_packets: u64,
    /// About how many bytes a worker walks at a time.
    pub(super) chunk_len: usize,
}

impl Unread<'_> {
    /// Records from here on may be cut short.
    const fn doubt_from(&self) -> usize {
        if self.is_trusted { 1 } else { 0 }
    }
}

/// How far a window was read.
#[derive(Debug)]
pub(super) struct WindowEnd {
    /// Bytes read.
    pub(super) consumed: usize,
    /// Length of the record there, if it is doubted: what stands behind it is none.
    pub(super) doubted: Option<usize>,
    pub(super) stop: Stop,
    pub(super) format: Format,
    pub(super) packets: u64,
    /// Times of the first and the last packet that have one.
    pub(super) first_time: Option<Nanos>,
    pub(super) last_time: Option<Nanos>,
    /// Bytes that the job wrote.
    pub(super) written: u64,
}

/// Results of rounds besides packets of flows, in order.
#[derive(Debug)]
struct Found {
    side_blocks: Vec<SideBlock>,
    non_flow: Vec<u32>,
}

impl<O> Default for Tables<O> {
    fn default() -> Self {
        Self {
            flows: FlowList::default(),
            observers: Vec::new(),
            balance: Balance::default(),
            fragments: FragmentTable::new(),
            datagrams: DatagramTable::default(),
            copies: None,
            chunks: Vec::new(),
            last_time: None,
        }
    }
}

impl<O> Tables<O> {
    pub(super) fn new<J: Job<Observer = O>>(job: &J, rules: &Rules) -> Self {
        Self {
            flows: FlowList::new(rules.shards, rules.flow_ids.clone()),
            observers: (0..rules.shards).map(|_| job.observer()).collect(),
            copies: rules.duplicates.map(CopyTable::new),
            ..Self::default()
        }
    }

    /// Starts with flows that are known from before, by id. Each goes the way of a packet, so that
    /// it is found by the same rules; then it gets its counters.
    ///
    /// Returns whether they are the same flows again.
    pub(super) fn resume(&mut self, known: Resume<'_>, rules: &Rules) -> bool
    where
        O: Observer,
    {
        for first in known.fragments {
            let time = Nanos(first.time_ns);
            self.fragments.insert(first.datagram, first.flow, time);
        }
        if known.flows.is_empty() {
            return true;
        }
        let mut chunk = Chunk::default();
        chunk.walk_known(known.flows, rules);
        chunk.number_links(&mut self.flows.links);
        let mut uncounted = Balance::default();
        let chunks = [chunk];
        let Self {
            flows, observers, ..
        } = self;
        apply(&[], flows, observers, &mut uncounted, &chunks, rules);
        flows.assign_ids();
        flows.resume(known.flows)
    }

    /// First fragments that later ones may come for.
    pub(super) fn first_fragments(&self) -> Vec<FirstFragment> {
        self.fragments.waiting()
    }

    /// Reads the records that start in a run of bytes, the first of them at its start.
    pub(super) fn window<J: Job<Observer = O>>(
        &mut self,
        unread: &Unread<'_>,
        rules: &Rules,
        job: &mut J,
        progress: &Progress,
    ) -> Result<WindowEnd, Error>
    where
        O: Observer,
    {
        let &Unread {
            bytes,
            format,
            base,
            max_packets,
            chunk_len,
            ..
        } = unread;
        // Interfaces are mostly described in front of all packets: so all chunks know them.
        let mut head = Walk::new(bytes, 0..bytes.len(), format.clone());
        head.skip_to_packet();
        let packets_before = self.balance.packets;
        let observers = self.observers.iter_mut().collect();
        job.window_starts(base.into(), &self.flows, observers)?;
        let mut end = WindowEnd {
            consumed: head.position(),
            doubted: None,
            stop: Stop::End,
            format: head.format().clone(),
            packets: 0,
            first_time: None,
            last_time: None,
            written: 0,
        };
        let (side_blocks, _) = head.into_parts();
        let mut found = Found {
            side_blocks,
            non_flow: Vec::new(),
        };
        let round_len = chunk_len.saturating_mul(CHUNKS_PER_WORKER * rayon::current_num_threads());
        while end.stop == Stop::End && end.consumed < bytes.len() && end.packets < max_packets {
            let to = bytes.len().min(end.consumed.saturating_add(round_len));
            let ranges = cut(bytes, end.consumed..to, chunk_len, &end.format);
            let wanted = max_packets - end.packets;
            self.walk(unread, &ranges, &end.format, wanted, rules);
            let used = self.prove(unread, ranges.len(), wanted, rules);
            let doubt = self.withhold(unread, used, wanted, rules);
            let used = doubt.map_or(used, |it| it.chunks);
            self.round(unread, used, &mut end, &mut found, rules);
            if let Some(doubt) = doubt {
                end.stop = doubt.stop;
                end.doubted = doubt.record;
            }
            progress.check()?;
        }
        self.flows.assign_ids();
        let window = Window {
            base: base.into(),
            packets_before,
            bytes,
            format,
            side_blocks: &found.side_blocks,
            non_flow: &found.non_flow,
        };
        end.written = job.window(&window, &self.flows, self.observers.iter_mut().collect())?;
        Ok(end)
    }

    /// No more packets come: observers learn which flows end with the input.
    pub(super) fn end_flows(&mut self)
    where
        O: Observer,
    {
        let shards = self.flows.shards.par_iter().zip(&mut self.observers);
        shards.for_each(|(shard, observer)| shard.end_all(observer));
    }

    /// Takes over the chunks of a round, when these are walked and proved.
    fn round(
        &mut self,
        unread: &Unread<'_>,
        used: usize,
        end: &mut WindowEnd,
        found: &mut Found,
        rules: &Rules,
    ) where
        O: Observer,
    {
        let Self {
            flows,
            observers,
            balance,
            fragments,
            datagrams,
            copies,
            chunks,
            last_time,
        } = self;
        let chunks = chunks.get_mut(..used).unwrap_or_default();
        for chunk in &mut *chunks {
            let mut tables = SequentialTables {
                fragments: &mut *fragments,
                datagrams: &mut *datagrams,
                copies: copies.as_mut(),
            };
            chunk.in_sequence(unread.bytes, &mut tables, rules);
            chunk.number_links(&mut flows.links);
            if let (Some(last), Some((first, place))) = (*last_time, chunk.first_time)
                && first < last
            {
                chunk.balance.time_goes_back.count_earlier(place);
            }
            *last_time = chunk.last_time.or(*last_time);
            end.first_time = end
                .first_time
                .or_else(|| chunk.first_time.map(|(time, _)| time));
            end.last_time = chunk.last_time.or(end.last_time);
            let base = Place {
                packet: unread.base.packet + end.packets,
                ..unread.base
            };
            balance.add(&chunk.balance, base);
            end.packets += chunk.balance.packets;
            found.side_blocks.append(&mut chunk.side_blocks);
            found.non_flow.append(&mut chunk.non_flow);
        }
        balance.incomplete_datagrams = datagrams.incomplete();
        apply(unread.bytes, flows, observers, balance, chunks, rules);
        if let Some(last) = chunks.last() {
            end.consumed = last.end;
            end.stop = last.stop.unwrap_or(Stop::End);
            end.format = last
                .end_format
                .clone()
                .unwrap_or_else(|| end.format.clone());
        }
    }

    /// Phase A: every chunk is walked as if its start were a record's.
    fn walk(
        &mut self,
        unread: &Unread<'_>,
        ranges: &[Range<usize>],
        format: &Format,
        max_packets: u64,
        rules: &Rules,
    ) {
        let (bytes, doubt_from) = (unread.bytes, unread.doubt_from());
        if self.chunks.len() < ranges.len() {
            self.chunks.resize_with(ranges.len(), Chunk::default);
        }
        match (ranges, self.chunks.as_mut_slice()) {
            ([range], [chunk, ..]) => {
                chunk.walk(bytes, range.clone(), format, max_packets, doubt_from, rules);
            }
            (ranges, chunks) => {
                chunks
                    .par_iter_mut()
                    .zip(ranges)
                    .with_max_len(1)
                    .for_each(|(chunk, range)| {
                        chunk.walk(bytes, range.clone(), format, max_packets, doubt_from, rules);
                    });
            }
        }
    }

    /// Takes the last record back, if what stands behind it is odd, or cannot be seen: a capture that is
    /// cut short inside a record may have another one joined to it.
    fn withhold(
        &mut self,
        unread: &Unread<'_>,
        used: usize,
        wanted: u64,
        rules: &Rules,
    ) -> Option<Doubt> {
        let bytes = unread.bytes;
        let chunks = self.chunks.get_mut(..used)?;
        let packets: u64 = chunks.iter().map(|it| it.balance.packets).sum();
        if packets >= wanted {
            return None;
        }
        // Chunks without anything end where those before them do.
        let is_bare = |it: &Chunk| it.balance.packets == 0 && it.side_blocks.is_empty();
        let number = chunks.iter().rposition(|it| !is_bare(it))?;
        let chunk = chunks.get_mut(number)?;
        let start = chunk.last_record.filter(|it| *it >= unread.doubt_from())?;
        let (end, len) = (chunk.end, chunk.end - start);
        let (stop, record) = if chunk.is_doubted {
            (Stop::Partial { needed: len }, Some(len))
        } else {
            let format = chunk.end_format.as_ref()?;
            match successor(bytes, start..end, format, unread.at_end) {
                Successor::Plausible => return None,
                Successor::None => (Stop::Partial { needed: len }, Some(len)),
                Successor::Unseen(behind) => {
                    let needed = len + behind;
                    (Stop::Partial { needed }, None)
                }
            }
        };
        let (from, format) = (chunk.range.start, chunk.start_format.clone()?);
        chunk.walk(
            bytes,
            from..start,
            &format,
            wanted,
            unread.doubt_from(),
            rules,
        );
        Some(Doubt {
            chunks: number + 1,
            stop,
            record,
        })
    }

    /// Proves that each chunk starts where the one before it ends, in the format that it has
    /// there; walks it again from there if not. Returns how many chunks count: reading ends with
    /// the first that could not be read to its end, or that has the last packet wanted.
    fn prove(
        &mut self,
        unread: &Unread<'_>,
        count: usize,
        max_packets: u64,
        rules: &Rules,
    ) -> usize {
        let (bytes, doubt_from) = (unread.bytes, unread.doubt_from());
        let mut wanted = max_packets;
        let mut proved: Option<(usize, Format)> = None;
        for (index, chunk) in self.chunks.iter_mut().take(count).enumerate() {
            let is_proved = proved.as_ref().is_none_or(|(end, format)| {
                *end == chunk.range.start
                    && chunk
                        .start_format
                        .as_ref()
                        .is_some_and(|start| start.is_same(format))
            });
            // A chunk that has the last packet wanted ends right behind it.
            if !is_proved || chunk.balance.packets >= wanted {
                let (start, format) = match proved {
                    Some(proved) => proved,
                    None => match chunk.start_format.clone() {
                        Some(format) => (chunk.range.start, format),
                        None => return index,
                    },
                };
                let range = start..chunk.range.end;
                chunk.walk(bytes, range, &format, wanted, doubt_from, rules);
            }
            wanted -= chunk.balance.packets.min(wanted);
            match (chunk.stop, chunk.end_format.clone()) {
                // What is behind its last record is looked at where the next chunk does not.
                (Some(Stop::End), Some(format))
                    if wanted > 0 && chunk.is_followed(bytes, &format, doubt_from) =>
                {
                    proved = Some((chunk.end, format));
                }
                _ => return index + 1,
            }
        }
        count
    }
}

/// The last record of a round that is not taken yet.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// Chunks up to it.
    chunks: usize,
    /// More bytes are needed to tell what is behind it, or something impossible is.
    stop: Stop,
    /// Its length, where something impossible is behind it.
    record: Option<usize>,
}

/// Cuts a run of records into chunks, at places that are to be proved.
fn cut(bytes: &[u8], run: Range<usize>, chunk_len: usize, format: &Format) -> Vec<Range<usize>> {
    let Range { start, end } = run;
    let places: Vec<usize> = (start..end).step_by(chunk_len.max(1)).skip(1).collect();
    let candidate = |&place: &usize| {
        find_boundary(
            bytes,
            place,
            place.saturating_add(chunk_len).min(end),
            format,
        )
    };
    let mut boundaries: Vec<usize> = places.par_iter().filter_map(candidate).collect();
    boundaries.push(end);
    let mut from = start;
    boundaries
        .into_iter()
        .map(|to| {
            let range = from..to;
            from = to;
            range
        })
        .collect()
}

/// Phase B: each shard takes its packets, in capture order.
fn apply<O: Observer>(
    bytes: &[u8],
    flows: &mut FlowList,
    observers: &mut [O],
    balance: &mut Balance,
    chunks: &[Chunk],
    rules: &Rules,
) {
    let accepts = |key: &FlowKey| rules.accepts_flow(key);
    let shard_rules = ShardRules {
        hash_key: rules.hash_key,
        timeouts: rules.timeouts,
        conversations: rules.conversations,
        links: &flows.links,
        decode: &rules.decode,
        accepts: if rules.asks_each_flow() {
            Some(&accepts)
        } else {
            None
        },
    };
    let packets: u64 = chunks.iter().map(|chunk| chunk.balance.packets).sum();
    let before_all = balance.packets.saturating_sub(packets);
    let work = |number: usize, shard: &mut Shard, observer: &mut O| {
        let mut next = before_all;
        for chunk in chunks {
            let before = next;
            next += chunk.balance.packets;
            let packets = chunk.packets.get(number);
            if packets.is_empty() {
                continue;
            }
            let packets = ShardPackets {
                packets,
                layers: chunk.packets.layers(number),
                payloads: chunk.packets.payloads(number),
                tunnels: chunk.packets.tunnels(number),
                window: bytes,
                datagrams: &chunk.datagrams,
                addresses: &chunk.addresses,
                links: &chunk.link_numbers,
                before,
                numbers: rules.packet_numbers.as_ref(),
            };
            shard.apply(packets, &shard_rules, observer);
        }
        [
            std::mem::take(&mut shard.counted),
            std::mem::take(&mut shard.filtered),
            std::mem::take(&mut shard.duplicates),
        ]
    };
    let shards = flows.shards.iter_mut().zip(observers).enumerate();
    let sums: Vec<[u64; 3]> = if packets < FEW_PACKETS {
        shards
            .map(|(number, (shard, observer))| work(number, shard, observer))
            .collect()
    } else {
        let shards: Vec<_> = shards.collect();
        shards
            .into_par_iter()
            .with_max_len(1)
            .map(|(number, (shard, observer))| work(number, shard, observer))
            .collect()
    };
    for [counted, filtered, duplicates] in sums {
        balance.in_flows += counted;
        balance.filtered += filtered;
        balance.duplicates += duplicates;
    }
}

/// Chunks that each worker walks, on average, before the shards take their packets: few enough
/// that references to these take little memory, and enough that workers seldom wait for each other.
const CHUNKS_PER_WORKER: usize = 4;
/// Rounds with fewer packets are not worth waking other threads for.
const FEW_PACKETS: u64 = 2_000;
