//! What a side has sent and the other one has not acknowledged yet.

use super::analysis::is_before;
use super::options::SackBlocks;

/// What is in flight from one side.
#[derive(Clone, Debug, Default)]
pub(super) struct Flight {
    /// Stretches of numbers, from the first to that after the last.
    stretches: Vec<(u32, u32)>,
    /// Segments whose acknowledgment gives a round-trip time.
    sent: Vec<Sent>,
    /// The other side has acknowledged something: more segments are worth keeping.
    is_acknowledged: bool,
    /// A hole was seen since the other side has sent its last acknowledgment: what is in flight is
    /// not known.
    has_hole: bool,
}

/// A segment with payload.
#[derive(Clone, Copy, Debug)]
struct Sent {
    start: u32,
    end: u32,
    time: i64,
    packet: u64,
    /// TSval, if it has timestamps.
    stamp: Option<u32>,
    /// Some of it was sent more than once.
    is_repeated: bool,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) start: u32,
    /// With SYN and FIN.
    pub(super) end: u32,
    pub(super) payload: u32,
    pub(super) time: i64,
    pub(super) packet: u64,
    pub(super) stamp: Option<u32>,
    /// Some of it was sent before, as far as can be said.
    pub(super) is_repeated: bool,
}

/// The segment that an acknowledgment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub(super) packet: u64,
    /// The round-trip time in nanoseconds, if it is certain which transmission is acknowledged.
    pub(super) rtt: Option<i64>,
}

impl Flight {
    /// A segment with payload, SYN or FIN is sent. Returns when the bytes that it repeats were sent
    /// first, if that is still known.
    pub(super) fn send(&mut self, sending: &Sending) -> Option<i64> {
        let Sending { start, end, .. } = *sending;
        self.add_stretch(start, end);
        let mut first_time = None;
        if sending.is_repeated {
            for sent in &mut self.sent {
                if is_before(sent.start, end) && is_before(start, sent.end) {
                    first_time.get_or_insert(sent.time);
                    sent.is_repeated = true;
                }
            }
        }
        let most = if self.is_acknowledged {
            MOST_SENT
        } else {
            FEW_SENT
        };
        let can_be_told = !sending.is_repeated || sending.stamp.is_some();
        if sending.payload > 0 && can_be_told && self.sent.len() < most {
            if self.sent.capacity() == 0 {
                self.sent.reserve_exact(1);
            }
            self.sent.push(Sent {
                start,
                end,
                time: sending.time,
                packet: sending.packet,
                stamp: sending.stamp,
                is_repeated: sending.is_repeated,
            });
        }
        first_time
    }

    /// What precedes a segment was not captured.
    pub(super) const fn note_hole(&mut self) {
        self.has_hole = true;
    }

    fn add_stretch(&mut self, start: u32, end: u32) {
        if let [.., last] = &mut *self.stretches
            && last.1 == start
        {
            last.1 = end;
            return;
        }
        // In the order of the numbers, those that touch are one.
        let (mut start, mut end) = (start, end);
        self.stretches.retain(|&(from, to)| {
            let is_apart = is_before(to, start) || is_before(end, from);
            if !is_apart {
                start = if is_before(from, start) { from } else { start };
                end = if is_before(end, to) { to } else { end };
            }
            is_apart
        });
        if self.stretches.capacity() == 0 {
            self.stretches.reserve_exact(1);
        }
        let place = self.stretches.partition_point(|it| is_before(it.0, start));
        self.stretches.insert(place, (start, end));
        if self.stretches.len() > MOST_STRETCHES {
            // The hole before the last stretch is taken for sent.
            let last = self.stretches.pop();
            if let (Some(last), Some(before)) = (last, self.stretches.last_mut()) {
                before.1 = last.1;
            }
        }
    }

    /// The other side acknowledges everything before `ack`, at `time`, with TSecr `echo`.
    pub(super) fn acknowledge(
        &mut self,
        ack: u32,
        time: i64,
        echo: Option<u32>,
    ) -> Option<Acknowledged> {
        self.is_acknowledged = true;
        self.has_hole = false;
        self.stretches.retain_mut(|(start, end)| {
            if is_before(*start, ack) && !is_before(*end, ack) {
                *start = ack;
            }
            is_before(ack, *end)
        });
        let mut exact: Option<Sent> = None;
        let mut stamped = (0, None);
        self.sent.retain(|sent| {
            if sent.end == ack {
                exact = Some(*sent);
                if sent.stamp.is_some() && sent.stamp == echo {
                    stamped = (stamped.0 + 1, Some(*sent));
                }
            }
            is_before(ack, sent.end)
        });
        let sent = exact?;
        let certain = match stamped {
            _ if !sent.is_repeated => Some(sent),
            (1, Some(sent)) => Some(sent),
            _ => None,
        };
        Some(Acknowledged {
            packet: sent.packet,
            rtt: certain.map(|it| time.saturating_sub(it.time)),
        })
    }

    /// Bytes in flight, without those that were acknowledged selectively; `None` where a hole hides
    /// them.
    pub(super) fn bytes(&self, sack: &SackBlocks) -> Option<u32> {
        if self.has_hole {
            return None;
        }
        let (start, end) = (self.stretches.first()?.0, self.stretches.last()?.1);
        end.wrapping_sub(start).checked_sub(sack.bytes())
    }
}

/// Stretches in flight that are kept: holes that were not captured are between them.
const MOST_STRETCHES: usize = 16;
/// Segments in flight that are kept, and as long as the other side has not acknowledged anything.
const MOST_SENT: usize = 256;
const FEW_SENT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn sending(start: u32, len: u32, time: i64) -> Sending {
        Sending {
            start,
            end: start.wrapping_add(len),
            payload: len,
            time,
            packet: time.cast_unsigned(),
            stamp: None,
            is_repeated: false,
        }
    }

    #[test]
    fn bytes_in_flight_and_round_trips() {
        let mut flight = Flight::default();
        let none = SackBlocks::default();
        for base in [0, u32::MAX - 150] {
            let at = |number: u32| base.wrapping_add(number);
            flight.send(&sending(at(0), 100, 10));
            flight.send(&sending(at(100), 100, 20));
            flight.send(&sending(at(300), 100, 30));
            assert_eq!(flight.bytes(&none), Some(400));
            let found = flight.acknowledge(at(200), 50, None).unwrap();
            assert_eq!((found.packet, found.rtt), (20, Some(30)));
            assert_eq!(flight.bytes(&none), Some(100));
            assert_eq!(flight.acknowledge(at(350), 60, None), None);
            assert_eq!(flight.bytes(&none), Some(50));
            assert!(flight.acknowledge(at(400), 70, None).is_some());
            assert_eq!(flight.bytes(&none), None);
        }
    }

    #[test]
    fn what_was_sent_twice_has_no_round_trip_unless_its_time_stamp_says_which() {
        for (echo, expected) in [(None, None), (Some(7), Some(90)), (Some(8), Some(50))] {
            let mut flight = Flight::default();
            flight.send(&Sending {
                stamp: Some(7),
                ..sending(0, 100, 10)
            });
            let again = Sending {
                stamp: Some(8),
                is_repeated: true,
                ..sending(0, 100, 50)
            };
            assert_eq!(flight.send(&again), Some(10), "when it was sent first");
            let found = flight.acknowledge(100, 100, echo);
            assert_eq!(found.unwrap().rtt, expected, "{echo:?}");
        }
    }
}
