//! Findings in the streams of a run.

use super::content::FileState;
use crate::decode::ChecksumCounts;
use crate::stream::Direction;

/// Findings in the streams of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamsReport {
    /// Streams that were asked for.
    pub streams: u64,
    /// Those of them that have any payload, and so a file.
    pub files: u64,
    /// Payload bytes of all streams.
    pub bytes: u64,
    /// Streams with gaps.
    pub streams_with_gaps: u64,
    /// Gaps of all streams.
    pub gaps: u64,
    /// Bytes of all gaps.
    pub gap_bytes: u64,
    /// Gaps that are too long for zeros.
    pub unfilled_gaps: u64,
    /// Segments that repeated bytes with other content.
    pub conflicts: u64,
    /// Checksums that were looked at: of segments whose copies differ, or of all packets where wrong
    /// ones are left out.
    pub checksums: ChecksumCounts,
    /// Packets that were left out, as their checksum is wrong.
    pub left_out: u64,
    /// Bytes that came after their gap had been given up.
    pub late_bytes: u64,
    /// Gaps that were given up to keep memory bounded.
    pub gaps_for_memory: u64,
    /// Packets whose TCP or UDP header was not captured as a whole, or cannot be one.
    pub cut_headers: u64,
    /// Packets that were left out of a stream's capture, as they have another link type.
    pub mixed_link_types: u64,
    /// The FlowIDs that streams have, in order, where these were asked for.
    pub flow_ids: Vec<u64>,
}

impl StreamsReport {
    pub(super) fn add(&mut self, flow_id: u64, stream: &Direction<FileState>) {
        let content = &stream.state.content;
        self.streams += 1;
        self.files += u64::from(content.has_content());
        self.bytes += content.bytes;
        if self.flow_ids.last() != Some(&flow_id) {
            self.flow_ids.push(flow_id);
        }
        let Some(rare) = &content.rare else { return };
        self.streams_with_gaps += u64::from(!rare.gaps.is_empty());
        self.gaps += rare.gaps.len() as u64;
        self.gap_bytes += rare.lost;
        self.unfilled_gaps += rare.unfilled;
        self.conflicts += rare.conflicts;
        self.checksums.add(&rare.checksums);
        self.late_bytes += rare.late;
        self.mixed_link_types += rare.mixed_link_types;
    }
}
