//! Who sends when.

use crate::conversation::{Conversation, NOBODY, Pace};
use crate::link::Link;
use crate::options::{Options, Shares};
use crate::permutation::Permutation;
use crate::plan::Plan;
use crate::shape::Shape;
use std::fmt;
use std::io::{self, Write};
use testkit::{Random, low16};

/// Opens conversations as the plan says, and sends the next packet of each when it is due.
///
/// Time goes in slots of [`SLOT_NS`]. `ring[slot % SLOT_COUNT]` heads a list, linked through
/// [`Conversation::next`], of the open conversations that are due in that slot. Adding and taking
/// are a few instructions, however many are open; the price is that none can wait longer than the
/// ring is long.
pub(crate) struct Generator<W> {
    shape: &'static Shape,
    plan: Plan,
    ids: Permutation,
    light_ranks: Permutation,
    heavy_ranks: Permutation,
    shares: Shares,
    mac_pairs: u64,
    seed: u64,
    /// Slots during which conversations begin.
    slot_span: u64,
    ring: Vec<usize>,
    conversations: Vec<Conversation>,
    free: Vec<usize>,
    link: Link,
    output: W,
}

/// What has been written.
pub(crate) struct Totals {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) flows: u64,
    pub(crate) not_ip: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            packets,
            bytes,
            flows,
            not_ip,
        } = self;
        write!(
            formatter,
            "packets={packets} bytes={bytes} flows={flows} not_ip={not_ip}"
        )
    }
}

impl<W: Write> Generator<W> {
    pub(crate) fn new(options: &Options, output: W) -> Self {
        let Options {
            shape,
            packet_count,
            seed,
            mac_pairs,
            ..
        } = *options;
        let plan = Plan::new(shape, packet_count);
        let heavy_count = plan.conversation_count - plan.heavy_start;
        let mut random = Random::new(seed);
        Self {
            shape,
            ids: Permutation::new(plan.conversation_count, &mut random),
            light_ranks: Permutation::new(plan.heavy_start, &mut random),
            heavy_ranks: Permutation::new(heavy_count, &mut random),
            shares: Shares { ..options.shares },
            mac_pairs,
            seed: random.next_u64(),
            slot_span: (packet_count * shape.spacing_ns / SLOT_NS).max(1),
            ring: vec![NOBODY; SLOT_COUNT],
            conversations: Vec::new(),
            free: Vec::new(),
            link: Link::new(shape, packet_count, random),
            plan,
            output,
        }
    }

    pub(crate) fn run(mut self) -> io::Result<Totals> {
        let mut opened = 0;
        let mut heavy_opened = 0;
        let mut open = 0_usize;
        let mut slot = 0;
        let count = self.plan.conversation_count;
        let heavy_count = count - self.plan.heavy_start;
        let heavy_span = self.slot_span * self.shape.heavy_start_percent / 100;
        while opened < count || open > 0 {
            while opened < count && opened * self.slot_span <= slot * count {
                let heavy = heavy_opened < heavy_count
                    && (heavy_opened * heavy_span <= slot * heavy_count
                        || opened - heavy_opened == self.plan.heavy_start);
                let rank = if heavy {
                    heavy_opened += 1;
                    self.plan.heavy_start + self.heavy_ranks.image(heavy_opened - 1)
                } else {
                    self.light_ranks.image(opened - heavy_opened)
                };
                self.open(self.ids.image(opened), rank, slot);
                opened += 1;
                open += 1;
            }
            self.link.begin_slot(slot);
            let mut index = std::mem::replace(&mut self.ring[ring_index(slot)], NOBODY);
            while index != NOBODY {
                let next = self.conversations[index].next;
                if self.take_turn(index, slot) {
                    self.free.push(index);
                    open -= 1;
                }
                index = next;
            }
            self.link.send_arp_up_to(self.plan.not_ip_count);
            self.write_out(WRITE_LEN)?;
            slot += 1;
        }
        while self.link.totals.not_ip < self.plan.not_ip_count {
            self.link.send_arp();
        }
        self.write_out(1)?;
        self.output.flush()?;
        Ok(self.link.totals)
    }

    fn write_out(&mut self, at_least: usize) -> io::Result<()> {
        let Link {
            written, totals, ..
        } = &mut self.link;
        if written.len() >= at_least {
            self.output.write_all(written)?;
            totals.bytes += u64::try_from(written.len()).unwrap_or(0);
            written.clear();
        }
        Ok(())
    }

    fn open(&mut self, id: u64, rank: u64, slot: u64) {
        let (profile, size) = self.plan.conversation(rank);
        let mut random = Random::new(self.seed ^ id << 24);
        let mut conversation = Conversation::new(profile, id, size, &mut random);
        conversation.wrap(&self.shares, self.mac_pairs, &mut random);

        // No conversation outlasts a part of the rest of the capture: all end before it does.
        let left_ns =
            (self.slot_span - slot.min(self.slot_span)).max(self.slot_span / 20) * SLOT_NS;
        let life_ns = left_ns / 100 * random.between(30, 95);
        conversation.pause_ns = conversation.pause_ns.min(life_ns / size);

        let delay = random.below(OPENING_SLOTS);
        let index = match self.free.pop() {
            Some(index) => {
                self.conversations[index] = conversation;
                index
            }
            None => {
                self.conversations.push(conversation);
                self.conversations.len() - 1
            }
        };
        self.enqueue(index, slot + delay);
    }

    /// Sends what the conversation has to send now; true says that it is over.
    fn take_turn(&mut self, index: usize, slot: u64) -> bool {
        let conversation = &mut self.conversations[index];
        loop {
            let pace = conversation.send_next(&mut self.link);
            if conversation.left == 0 {
                return true;
            }
            let slots = match pace {
                Pace::AtOnce => continue,
                Pace::Soon => 1,
                Pace::Pause => {
                    let pause_ns = conversation.pause_ns / 2
                        + self.link.random.below(conversation.pause_ns.max(1));
                    (pause_ns / SLOT_NS).clamp(1, LONGEST_WAIT)
                }
            };
            self.enqueue(index, slot + slots);
            return false;
        }
    }

    fn enqueue(&mut self, index: usize, slot: u64) {
        let head = &mut self.ring[ring_index(slot)];
        self.conversations[index].next = *head;
        *head = index;
    }
}

fn ring_index(slot: u64) -> usize {
    usize::from(low16(slot))
}

pub(crate) const SLOT_NS: u64 = 1 << 16;
/// As many as [`low16`] distinguishes; together they last 4.3 s.
const SLOT_COUNT: usize = 1 << 16;
const LONGEST_WAIT: u64 = (1 << 16) - 1;
/// Conversations begin somewhere in the next 50 ms, which makes their distances uneven.
const OPENING_SLOTS: u64 = 768;
pub(crate) const WRITE_LEN: usize = 4 << 20;
