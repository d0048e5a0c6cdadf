//! IP datagrams put together from their fragments (RFC 791, section 3.2; RFC 8200, section 4.5).
//!
//! For jobs that look into packets. Fragments are kept as they were captured until they cover
//! their datagram without a hole; bytes that come twice are those that came first. What is kept
//! is bounded: the oldest datagram is given up for a new one, and counted.

use crate::capture::Nanos;
use crate::decode::{DatagramId, Fragment};
use crate::number::len_u32;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::hash::RandomState;

/// Datagrams with some of their fragments.
#[derive(Debug, Default)]
pub(crate) struct DatagramTable {
    partial: HashMap<DatagramId, Partial, RandomState>,
    /// The order in which they were started: of those that are gone, too.
    started: VecDeque<(u64, DatagramId)>,
    next: u64,
    kept: usize,
    given_up: u64,
}

#[derive(Debug, Default)]
struct Partial {
    number: u64,
    time: Nanos,
    /// The IP header of the first fragment, and the protocol of the payload.
    header: Option<(Box<[u8]>, u8)>,
    /// Where the payload ends, once the last fragment has come.
    len: Option<u32>,
    /// Parts of the payload by their offsets, without overlaps.
    parts: Vec<(u32, Box<[u8]>)>,
    covered: u32,
    kept: usize,
}

impl DatagramTable {
    /// Adds a fragment. Returns the datagram, as an IP packet, if it is complete now.
    /// `captured` are the bytes that the fragment's places refer to.
    pub(crate) fn add(
        &mut self,
        fragment: &Fragment,
        captured: &[u8],
        time: Nanos,
    ) -> Option<Vec<u8>> {
        let payload = captured.get(fragment.payload..fragment.end)?;
        // The bytes that the snaplen truncated will not come.
        if !fragment.is_whole || payload.is_empty() {
            return None;
        }
        let is_late = self
            .partial
            .get(&fragment.datagram)
            .is_some_and(|partial| time.0.abs_diff(partial.time.0) > MAX_AGE_NS);
        if is_late {
            self.give_up(&fragment.datagram);
        }
        if !self.partial.contains_key(&fragment.datagram) {
            self.start(fragment.datagram, time);
        }
        let partial = self.partial.get_mut(&fragment.datagram)?;
        if fragment.is_first && partial.header.is_none() {
            let header = captured.get(fragment.header..fragment.payload)?;
            partial.header = Some((header.into(), fragment.protocol));
        }
        if fragment.is_last {
            let len = u32::try_from(payload.len()).ok()?;
            // The first one that comes counts.
            let end = fragment.offset.saturating_add(len);
            partial.len.get_or_insert(end);
        }
        let kept = partial.insert(fragment.offset, payload);
        partial.kept += kept;
        self.kept += kept;
        if partial.is_complete() {
            let partial = self.partial.remove(&fragment.datagram)?;
            self.kept -= partial.kept;
            return partial.assemble();
        }
        while self.kept > MAX_KEPT {
            self.drop_oldest()?;
        }
        None
    }

    /// How many datagrams were never complete.
    pub(crate) fn incomplete(&self) -> u64 {
        self.given_up + self.partial.len() as u64
    }

    fn start(&mut self, id: DatagramId, time: Nanos) {
        let number = self.next;
        self.next += 1;
        self.started.push_back((number, id));
        let kept = size_of::<(DatagramId, Partial)>();
        self.kept += kept + ENTRY_LEN;
        let partial = Partial {
            number,
            time,
            kept,
            ..Partial::default()
        };
        self.partial.insert(id, partial);
        while let Some((number, id)) = self.started.front()
            && self.partial.get(id).is_none_or(|it| it.number != *number)
        {
            self.drop_oldest();
        }
    }

    /// Forgets the oldest, whether it was complete in the meantime or not.
    fn drop_oldest(&mut self) -> Option<()> {
        let (number, oldest) = self.started.pop_front()?;
        self.kept -= ENTRY_LEN;
        if self
            .partial
            .get(&oldest)
            .is_some_and(|it| it.number == number)
        {
            self.give_up(&oldest);
        }
        Some(())
    }

    fn give_up(&mut self, id: &DatagramId) {
        if let Some(partial) = self.partial.remove(id) {
            self.kept -= partial.kept;
            self.given_up += 1;
        }
    }
}

impl Partial {
    /// Keeps what is new of a fragment's payload. Returns how much memory that takes.
    fn insert(&mut self, offset: u32, payload: &[u8]) -> usize {
        let mut kept = 0;
        let mut at = offset;
        let end = offset.saturating_add(len_u32(payload.len()));
        let mut index = self
            .parts
            .partition_point(|(start, part)| start + len_u32(part.len()) <= offset);
        while at < end {
            let next = self
                .parts
                .get(index)
                .map(|(start, part)| (*start, start + len_u32(part.len())));
            let free = next.map_or(end, |(start, _)| start.min(end));
            if at < free {
                let new = payload
                    .get((at - offset) as usize..(free - offset) as usize)
                    .unwrap_or_default();
                kept += new.len() + size_of::<(u32, Box<[u8]>)>();
                self.covered += free - at;
                self.parts.insert(index, (at, new.into()));
                index += 1;
            }
            at = next.map_or(end, |(_, stop)| stop.max(at));
            index += 1;
        }
        kept
    }

    fn is_complete(&self) -> bool {
        self.header.is_some() && self.len.is_some_and(|len| self.covered >= len)
    }

    /// The packet as it was before fragmentation. Its length is 0, which means "up to the end", so
    /// that the payload may be longer than a header can say.
    fn assemble(self) -> Option<Vec<u8>> {
        let (header, protocol) = self.header?;
        let len = self.len? as usize;
        let mut packet = match header.first()? >> 4 {
            4 => {
                let mut packet = header.to_vec();
                packet.get_mut(2..4)?.fill(0);
                packet.get_mut(6..8)?.fill(0);
                packet
            }
            // Extension headers before the fragment header say nothing about the payload.
            _ => {
                let mut packet = header.get(..40)?.to_vec();
                packet.get_mut(4..6)?.fill(0);
                *packet.get_mut(6)? = protocol;
                packet
            }
        };
        let header_len = packet.len();
        for (_, part) in &self.parts {
            packet.extend_from_slice(part);
        }
        packet.truncate(header_len + len);
        Some(packet)
    }
}

const ENTRY_LEN: usize = size_of::<(u64, DatagramId)>();
/// Bytes kept for datagrams that are not complete.
const MAX_KEPT: usize = 32 * 1024 * 1024;
/// How long a fragment waits for the others, as for the flow of later fragments.
const MAX_AGE_NS: u64 = 30_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Tunnels, VlanStack};
    use std::net::{IpAddr, Ipv4Addr};

    const HEADER: [u8; 20] = [
        0x45, 0, 0, 99, 0, 7, 0x20, 3, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];

    fn id(number: u32) -> DatagramId {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        DatagramId {
            src: ip,
            dst: ip,
            protocol: 17,
            id: number,
            vlans: VlanStack::default(),
            networks: Tunnels::NONE,
        }
    }

    fn add(
        table: &mut DatagramTable,
        number: u32,
        offset: u32,
        payload: &[u8],
        is_last: bool,
    ) -> Option<Vec<u8>> {
        let captured = [&HEADER[..], payload].concat();
        let fragment = Fragment {
            datagram: id(number),
            is_first: offset == 0,
            is_last,
            offset,
            protocol: 17,
            header: 0,
            payload: 20,
            end: captured.len(),
            is_whole: true,
        };
        table.add(&fragment, &captured, Nanos(0))
    }

    #[test]
    fn in_any_order_and_twice() {
        let mut table = DatagramTable::default();
        assert!(add(&mut table, 1, 16, b"the end", true).is_none());
        assert!(add(&mut table, 1, 0, b"01234567", false).is_none());
        assert!(add(&mut table, 1, 0, b"01234567", false).is_none());
        let packet = add(&mut table, 1, 8, b"89abcdef", false).unwrap();
        assert_eq!(&packet[20..], b"0123456789abcdefthe end");
        assert_eq!(packet[2..4], [0, 0], "length");
        assert_eq!(packet[6..8], [0, 0], "no fragment any more");
        assert_eq!((table.kept, table.incomplete()), (ENTRY_LEN, 0));
    }

    #[test]
    fn what_came_first_is_kept() {
        let mut table = DatagramTable::default();
        assert!(add(&mut table, 1, 8, b"BBBBBBBB", false).is_none());
        assert!(add(&mut table, 1, 0, b"aaaaaaaaaaaa", false).is_none());
        let packet = add(&mut table, 1, 4, b"cccccccccccccccc", true).unwrap();
        assert_eq!(&packet[20..], b"aaaaaaaaBBBBBBBBcccc");
    }

    #[test]
    fn the_oldest_is_given_up_when_there_are_too_many() {
        let mut table = DatagramTable::default();
        for number in 0..400_000 {
            assert!(add(&mut table, number, 8, b"never whole", true).is_none());
        }
        assert!(table.kept <= MAX_KEPT);
        assert_eq!(table.incomplete(), 400_000);
        assert!(add(&mut table, 399_999, 0, b"01234567", false).is_some());
        assert!(add(&mut table, 0, 0, b"01234567", false).is_none());
    }
}
