//! A packet of a plan, and its frames.

use super::connection::{Shape, Touch};
use std::fmt;
use testkit::conversation::{ACK, FIN, RST, SYN, Segment, padded, without_length};

/// A TCP packet.
#[derive(Clone)]
pub(super) struct Packet {
    /// Ordinal of the connection in the plan.
    pub(super) connection: usize,
    pub(super) side: usize,
    /// Place of the payload in the stream.
    pub(super) offset: usize,
    pub(super) segment: Segment,
    pub(super) window_scale: Option<u8>,
    pub(super) touch: Touch,
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (segment, start) = (&self.segment, self.offset);
        let flags = [(SYN, 'S'), (FIN, 'F'), (RST, 'R'), (ACK, 'A')];
        let flags = flags.iter().filter(|(flag, _)| segment.flags & flag != 0);
        let flags: String = flags.map(|(_, letter)| letter).collect();
        let end = start + segment.payload.len();
        write!(f, "side {}: {flags} {start}..{end}", self.side)?;
        write!(
            f,
            ", seq {}, ack {}",
            segment.sequence, segment.acknowledgment
        )?;
        let Touch {
            tap, shape, lie, ..
        } = &self.touch;
        write!(f, ", {tap:?}, {shape:?}, lie {lie}, cut {}", self.cut())?;
        write!(f, ", window scale {:?}", self.window_scale)
    }
}

impl Packet {
    /// Its frames, each with the number of packets by which it is late.
    pub(super) fn frames(&self, id: u16) -> Vec<(usize, Vec<u8>)> {
        let mut segment = self.segment.clone();
        segment.ends = self.touch.tap.of(segment.ends);
        if let Some(scale) = self.window_scale {
            segment.payload.splice(..0, [3, 3, scale, 0]);
            let len = segment.payload.len();
            let mut frame = segment.frame();
            // The header is longer by the option.
            let header = frame.len() - len - 20;
            frame[header + 12] = 0x60;
            return vec![(0, frame)];
        }
        match &self.touch.shape {
            Shape::Fragments(len, late) if segment.payload.len() < 60_000 => {
                let len = (*len).max((segment.payload.len() / 16).next_multiple_of(8));
                let late = late.iter().copied().cycle();
                late.zip(segment.fragments(id, len)).collect()
            }
            Shape::OpenLength if segment.ends.vlan.is_none() => {
                vec![(0, without_length(segment.frame()))]
            }
            Shape::Padded => vec![(0, padded(segment.frame()))],
            _ => vec![(0, segment.frame())],
        }
    }

    /// How many bytes of its end were not captured: at most so many that the ports still are.
    pub(super) fn cut(&self) -> usize {
        let most = self.segment.payload.len() + 16;
        match self.touch.cut {
            Some(cut) if self.segment.flags & SYN == 0 => cut.index(most + 1),
            _ => 0,
        }
    }

    /// How many bytes of payload were captured; `None` if not even the whole header was.
    pub(super) fn captured(&self) -> Option<usize> {
        self.segment.payload.len().checked_sub(self.cut())
    }
}
