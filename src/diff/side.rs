//! The packets of one of two captures, grouped by conversation.

use super::packet::{LinkTypes, Packet};
use crate::decode::NetworkKey;
use crate::number::index_u32;
use std::net::IpAddr;
use std::ops::Range;

/// One of the two points of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// The first one.
    A,
    /// The second one.
    B,
}

impl Point {
    /// The other point.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// The name used in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

/// A value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// The value of A.
    pub a: T,
    /// The value of B.
    pub b: T,
}

impl<T> Both<T> {
    /// The value of a side.
    pub const fn get(&self, point: Point) -> &T {
        match point {
            Point::A => &self.a,
            Point::B => &self.b,
        }
    }

    /// The value of a side, mutable.
    pub const fn get_mut(&mut self, point: Point) -> &mut T {
        match point {
            Point::A => &mut self.a,
            Point::B => &mut self.b,
        }
    }
}

/// Two endpoints that exchanged packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The endpoints, the lesser one as source; 0 if both have the same ports (ICMP).
    pub key: NetworkKey,
    /// An ICMP identifier, which distinguishes conversations between the same endpoints.
    pub detail: u32,
    /// Range of its packets in `by_conversation`.
    packets: (u32, u32),
}

impl Conversation {
    /// Source and destination endpoints of a direction.
    pub const fn ends(&self, direction: usize) -> [(IpAddr, u16); 2] {
        let (low, high) = (
            (self.key.src, self.key.src_port),
            (self.key.dst, self.key.dst_port),
        );
        if direction == 0 {
            [low, high]
        } else {
            [high, low]
        }
    }
}

/// The packets of one of two captures.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// All IP packets, in capture order.
    pub packets: Vec<Packet>,
    /// All conversations, ordered by their first packets.
    pub conversations: Vec<Conversation>,
    /// The packets of each conversation, in capture order.
    by_conversation: Vec<u32>,
    /// The link types.
    pub links: LinkTypes,
    /// Number of packets in the captures, including those of no conversation.
    pub total: u64,
    /// The earliest and the latest time of any packet.
    pub span: Option<(i64, i64)>,
}

impl Side {
    /// Creates a side from packets in capture order. `keys` has the endpoints and detail of each
    /// conversation number.
    pub fn new(mut packets: Vec<Packet>, keys: &[(NetworkKey, u32)], links: LinkTypes) -> Self {
        let mut numbers: Vec<Option<u32>> = vec![None; keys.len()];
        let mut conversations: Vec<Conversation> = Vec::new();
        for packet in &mut packets {
            let place = packet.conversation as usize;
            let (Some(number), Some(&(key, detail))) = (numbers.get_mut(place), keys.get(place))
            else {
                continue;
            };
            let found = *number.get_or_insert_with(|| {
                conversations.push(Conversation {
                    key,
                    detail,
                    packets: (0, 0),
                });
                index_u32(conversations.len() - 1)
            });
            packet.conversation = found;
            if let Some(it) = conversations.get_mut(found as usize) {
                it.packets.1 += 1;
            }
        }
        let span = span(&packets);
        let total = packets.len() as u64;
        let mut side = Self {
            packets,
            conversations,
            by_conversation: Vec::new(),
            links,
            total,
            span,
        };
        side.group();
        side
    }

    /// Groups packets by conversation, by counting sort.
    fn group(&mut self) {
        let mut start = 0;
        for it in &mut self.conversations {
            let count = it.packets.1;
            it.packets = (start, start);
            start += count;
        }
        self.by_conversation = vec![0; start as usize];
        for (index, packet) in self.packets.iter().enumerate() {
            let conversation = self.conversations.get_mut(packet.conversation as usize);
            let Some(it) = conversation else { continue };
            if let Some(place) = self.by_conversation.get_mut(it.packets.1 as usize) {
                *place = index_u32(index);
            }
            it.packets.1 += 1;
        }
    }

    /// Indexes of a conversation's packets, in capture order.
    pub fn of(&self, conversation: u32) -> &[u32] {
        let found = self.conversations.get(conversation as usize);
        let range: Range<usize> =
            found.map_or(0..0, |it| it.packets.0 as usize..it.packets.1 as usize);
        self.by_conversation.get(range).unwrap_or_default()
    }

    /// A packet by its index.
    pub fn packet(&self, place: u32) -> &Packet {
        const NONE: &Packet = &Packet::NONE;
        self.packets.get(place as usize).unwrap_or(NONE)
    }

    /// The conversation of a packet.
    pub fn conversation_of(&self, packet: &Packet) -> Option<&Conversation> {
        self.conversations.get(packet.conversation as usize)
    }

    /// Source and destination addresses of a packet.
    pub fn addresses(&self, packet: &Packet) -> Option<(IpAddr, IpAddr)> {
        let [src, dst] = self.conversation_of(packet)?.ends(packet.direction());
        Some((src.0, dst.0))
    }
}

/// The earliest and the latest time.
fn span(packets: &[Packet]) -> Option<(i64, i64)> {
    let times = packets.iter().map(|it| it.time);
    Some((times.clone().min()?, times.max()?))
}
