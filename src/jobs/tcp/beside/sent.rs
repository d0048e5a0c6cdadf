//! Payload segments at a point of the path.

use hashbrown::HashMap;
use std::hash::RandomState;

/// A payload segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs::tcp) struct Sent {
    /// Nanoseconds since 1970.
    pub(in crate::jobs::tcp) time: i64,
    /// Sequence number, relative to the start of the connection if known.
    pub(in crate::jobs::tcp) sequence: u32,
    /// Payload length in bytes.
    pub(in crate::jobs::tcp) len: u32,
}

/// Segments of one direction at both points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) both: u64,
    pub(super) only_sender: u64,
    pub(super) only_receiver: u64,
    /// Time from a copy of a segment to the next one at the sender's point, in ns: for copies that
    /// did not reach the receiver's point, and for those that did.
    pub(super) lost_between_ns: i64,
    pub(super) lost_beyond_ns: i64,
}

impl Passed {
    /// Compares segments at the sender's point with those at the receiver's, counting copies.
    pub(super) fn of(sender: &[Sent], receiver: &[Sent]) -> Self {
        type Times = Vec<i64>;
        let mut copies: HashMap<(u32, u32), (Times, u64), RandomState> =
            HashMap::with_capacity_and_hasher(sender.len(), RandomState::new());
        for it in sender {
            let copies = copies.entry((it.sequence, it.len)).or_default();
            copies.0.push(it.time);
        }
        for it in receiver {
            copies.entry((it.sequence, it.len)).or_default().1 += 1;
        }
        let mut passed = Self::default();
        for (times, received) in copies.values_mut() {
            times.sort_unstable();
            passed.add(times, *received);
        }
        passed
    }

    /// Adds a segment sent at these times, of which `received` copies arrived.
    fn add(&mut self, sent: &[i64], received: u64) {
        let count = sent.len() as u64;
        self.both += count.min(received);
        self.only_sender += count.saturating_sub(received);
        self.only_receiver += received.saturating_sub(count);
        let waits = sent.windows(2).filter_map(|it| match *it {
            [earlier, later] => Some(later.saturating_sub(earlier)),
            _ => None,
        });
        let lost = usize::try_from(count.saturating_sub(received)).unwrap_or(usize::MAX);
        for (number, wait) in waits.enumerate() {
            let sum = if number < lost {
                &mut self.lost_between_ns
            } else {
                &mut self.lost_beyond_ns
            };
            *sum = sum.saturating_add(wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(time: i64, sequence: u32) -> Sent {
        Sent {
            time,
            sequence,
            len: 100,
        }
    }

    #[test]
    fn a_segment_that_was_lost_between_is_put_down_to_that() {
        let sender = [sent(0, 1), sent(10, 101), sent(250, 1)];
        let receiver = [sent(20, 101), sent(260, 1)];
        let expected = Passed {
            both: 2,
            only_sender: 1,
            only_receiver: 0,
            lost_between_ns: 250,
            lost_beyond_ns: 0,
        };
        assert_eq!(Passed::of(&sender, &receiver), expected);
    }

    #[test]
    fn one_that_passed_both_points_twice_was_lost_beyond() {
        let sender = [sent(0, 1), sent(300, 1)];
        let receiver = [sent(5, 1), sent(305, 1), sent(400, 201)];
        let expected = Passed {
            both: 2,
            only_sender: 0,
            only_receiver: 1,
            lost_between_ns: 0,
            lost_beyond_ns: 300,
        };
        assert_eq!(Passed::of(&sender, &receiver), expected);
    }
}
