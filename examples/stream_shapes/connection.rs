//! What a connection sends, packet by packet.

use crate::capture::{FILLER_LEN, SEGMENT_LEN, Totals};
use crate::shape::{Contents, Shape};
use std::collections::VecDeque;
use testkit::transport::{ACK, FIN, PSH, SYN};
use testkit::{Random, low16, low32};

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// An open connection. Arrays hold what belongs to the client, then to the server.
pub(crate) struct Connection {
    pub(crate) random: Random,
    pub(crate) hosts: [u32; 2],
    pub(crate) ports: [u16; 2],
    pub(crate) ip_id: [u16; 2],
    pub(crate) first_sequence: [u32; 2],
    /// Where in the filler the streams begin.
    pub(crate) filler_start: [u64; 2],
    /// How far each has got: SYN, bytes and FIN count as in sequence numbers.
    sent: [u32; 2],
    /// Who sends how many bytes, in this order.
    transfers: VecDeque<(usize, u64)>,
    /// Segments that still come before the next acknowledgement.
    patience: u64,
    closed: bool,
    /// The next packets, in the order in which they are seen.
    pub(crate) packets: VecDeque<Packet>,
}

/// Sequence numbers count from the first one.
#[derive(Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) from: usize,
    pub(crate) flags: u8,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    pub(crate) len: u16,
    /// Comes right behind the one before.
    pub(crate) soon: bool,
}

impl Connection {
    pub(crate) fn new(shape: &Shape, id: u64, count: u64, seed: u64) -> Self {
        let mut random = Random::new(seed ^ id << 24);
        let transfers = match shape.contents {
            // Not drawn: with few connections, the size of the file would depend on the seed.
            Contents::Bulk { bytes } => {
                let sender = usize::from(random.below(2) == 0);
                [(sender, bytes / 2 + bytes * (2 * id + 1) / (2 * count))].into()
            }
            Contents::Exchanges { request, answer } => (0..random.between(1, 3))
                .flat_map(|_| [(CLIENT, request), (SERVER, answer)])
                .map(|(side, (least, most))| (side, random.between(least, most)))
                .collect(),
        };
        let mut connection = Self {
            // 16 connections to a client; its address and port together are the id.
            hosts: [
                0x0a00_0000 | low32((id >> 4).wrapping_mul(0x9e_3779) & 0x00ff_ffff),
                0x2d00_0000 | low32(random.below(1000) * 0x4001),
            ],
            // Server ports that no protocol uses: a reader should not look for sense in the contents.
            ports: [
                0xc000 | low16((id & 15) * 0x2d3 + (id >> 4 & 0xff)),
                0x3000 | low16(random.below(0x400)),
            ],
            ip_id: [low16(random.next_u64()), low16(random.next_u64())],
            first_sequence: [low32(random.next_u64()), low32(random.next_u64())],
            filler_start: [random.below(FILLER_LEN), random.below(FILLER_LEN)],
            sent: [0; 2],
            transfers,
            patience: random.between(1, 3),
            closed: false,
            packets: VecDeque::new(),
            random,
        };
        connection.control(CLIENT, SYN);
        connection.control(SERVER, SYN | ACK);
        connection.control(CLIENT, ACK);
        connection
    }

    /// Adds a packet without data.
    fn control(&mut self, from: usize, flags: u8) {
        self.packets.push_back(Packet {
            from,
            flags,
            sequence: self.sent[from],
            acknowledged: self.sent[1 - from],
            len: 0,
            soon: false,
        });
        self.sent[from] += u32::from(flags & (SYN | FIN) != 0);
    }

    /// Adds what comes next to the packets; false says that nothing does.
    pub(crate) fn plan(&mut self, disorder: u64, totals: &mut Totals) -> bool {
        let Some(transfer) = self.transfers.front_mut() else {
            if !self.closed {
                let first = usize::from(self.random.below(2) == 0);
                self.control(first, FIN | ACK);
                self.control(1 - first, FIN | ACK);
                self.control(first, ACK);
            }
            return !std::mem::replace(&mut self.closed, true);
        };
        let from = transfer.0;
        let chance = self.random.below(1000);
        let late = (disorder..2 * disorder).contains(&chance) && transfer.1 > SEGMENT_LEN;
        let repeated = chance < disorder;
        let mut segments = [None; 2];
        for segment in &mut segments[..=usize::from(late)] {
            let len = transfer.1.min(SEGMENT_LEN);
            transfer.1 -= len;
            *segment = Some(Packet {
                from,
                flags: if transfer.1 == 0 { PSH | ACK } else { ACK },
                sequence: self.sent[from],
                acknowledged: self.sent[1 - from],
                len: low16(len),
                soon: false,
            });
            self.sent[from] += low32(len);
            totals.payload += len;
            totals.segments += 1;
        }
        let over = transfer.1 == 0;
        let [Some(first), second] = segments else {
            return false;
        };
        if let Some(second) = second {
            self.packets.push_back(second);
            totals.late += 1;
        }
        self.packets.push_back(Packet {
            soon: late,
            ..first
        });
        if repeated {
            self.packets.push_back(first);
            totals.repeated += 1;
        }

        self.patience = self.patience.saturating_sub(1 + u64::from(late));
        if over {
            self.transfers.pop_front();
        }
        // An answer acknowledges as well, and so does a FIN.
        if self.patience == 0 && !over {
            self.control(1 - from, ACK);
            self.patience = self.random.between(1, 3);
        }
        true
    }
}
