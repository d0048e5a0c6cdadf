//! Connections to files: payload waits as spans until enough of it is there to be written.

use super::content::{FileState, Repeated};
use super::options::StreamRules;
use crate::capture::Nanos;
use crate::decode::{Checksum, protocol};
use crate::flow::{Contents, PacketRef};
use crate::stream::{Answer, Arrived, ChecksumRule, Handler, PayloadSpan, Side};
use crate::tcp::{Arrival, Overlap, Piece, Step};
use std::sync::Arc;

/// Notes what goes to the files of one shard's streams.
#[derive(Debug)]
pub struct Files {
    pub(super) rules: Arc<StreamRules>,
    /// Streams with something that is not written, as it was little.
    pub(super) waiting: Vec<u32>,
    /// About how many pieces these have.
    pub(super) carried: usize,
    /// How many pieces waited to be compared before the current segment.
    repeated_before: usize,
}

impl Files {
    pub(super) fn new(rules: &Arc<StreamRules>) -> Self {
        Self {
            rules: Arc::clone(rules),
            waiting: Vec::new(),
            carried: 0,
            repeated_before: 0,
        }
    }
}

impl Handler for Files {
    type State = FileState;

    fn overlap(&self) -> Overlap {
        self.rules.overlap
    }

    fn checksums(&self) -> ChecksumRule {
        self.rules.checksums
    }

    fn compares(&self) -> bool {
        !self.rules.as_pcap
    }

    fn needs_window_scale(&self) -> bool {
        self.rules.needs_window()
    }

    fn sees_packets(&self) -> bool {
        self.rules.as_pcap
    }

    fn follows_any_packet(&self) -> bool {
        self.rules.as_pcap
    }

    /// Notes the record where packets are what is written.
    #[inline]
    fn packet(&mut self, side: Side<'_, FileState>, packet: &PacketRef, contents: &Contents<'_>) {
        let record = side.record(packet, contents);
        let state = side.state;
        let link_type = *state.link_type.get_or_insert(contents.link_type);
        if link_type == contents.link_type {
            state.content.push(record);
        } else {
            state.content.rare().mixed_link_types += 1;
        }
    }

    #[inline]
    fn segment(&mut self, side: Side<'_, FileState>, arrived: &Arrived<'_>) -> Answer {
        let content = &mut side.state.content;
        self.repeated_before = content.repeated_len();
        let counts = match arrived.tcp {
            Some(_) => arrived.payload > 0 && arrived.step != Step::Probe,
            None => true,
        };
        content.segments += u64::from(counts);
        Answer::Continue
    }

    #[inline]
    fn data(&mut self, side: Side<'_, FileState>, _: u64, span: PayloadSpan) -> Answer {
        let content = &mut side.state.content;
        content.bytes += u64::from(span.len());
        if !self.rules.as_pcap {
            content.push(span);
        }
        Answer::Continue
    }

    fn gap(&mut self, side: Side<'_, FileState>, offset: u64, len: u32, time: Nanos) -> Answer {
        // In captures of datagrams nothing is missing but what their records say.
        let is_told_by_records = self.rules.as_pcap && side.info.protocol() == protocol::UDP;
        if !is_told_by_records {
            side.state.content.lose(offset, len, time, &self.rules);
        }
        Answer::Continue
    }

    fn repeated(&mut self, side: Side<'_, FileState>, offset: u64, span: PayloadSpan) {
        if !self.rules.as_pcap {
            let content = &mut side.state.content;
            let pending = content.pending.len();
            content.rare().repeated.push(Repeated {
                offset,
                span,
                pending,
            });
        }
    }

    fn checked(&mut self, side: Side<'_, FileState>, checksum: Checksum) {
        side.state.content.rare().checksums.count(checksum);
    }

    #[inline]
    fn arrived(&mut self, side: Side<'_, FileState>, arrival: &Arrival) {
        side.state.content.count(arrival, self.repeated_before);
    }

    fn absorbed(&mut self, side: Side<'_, FileState>, state: FileState) {
        side.state.absorb(state);
    }

    fn refused(&mut self, state: &mut FileState) {
        state.content.pending = Vec::new();
        state.content.rare = None;
    }

    fn spans(state: &mut FileState) -> impl Iterator<Item = &mut PayloadSpan> {
        let repeated = state.content.rare.iter_mut();
        let repeated = repeated.flat_map(|rare| &mut rare.repeated);
        let pending = &mut state.content.pending;
        pending.iter_mut().chain(repeated.map(|it| &mut it.span))
    }
}
