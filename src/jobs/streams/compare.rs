//! Bytes that came again, compared with those that were delivered.
//!
//! What was delivered is pending, or in the stream's file: it is compared when the stream is written.

use super::content::{FileState, Rare, Run};
use super::writer::{Framing, Writer};
use crate::error::Error;
use crate::number::{memory_usize, piece_u32};
use crate::stream::{Direction, PayloadSpan};
use crate::tcp::{Overlap, Piece};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

impl Writer<'_> {
    /// Compares bytes that came again with those that were delivered, and counts what differs.
    /// `file` opens the part of the stream that is written already.
    pub(super) fn compare(
        &mut self,
        stream: &mut Direction<FileState>,
        protocol: u8,
        file: &dyn Fn(u32) -> Result<File, Error>,
    ) -> Result<(), Error> {
        let Some(rare) = &mut stream.state.content.rare else {
            return Ok(());
        };
        let repeated = std::mem::take(&mut rare.repeated);
        if repeated.is_empty() {
            return Ok(());
        }
        let framing = Framing::of(self.rules, protocol);
        let written = stream.state.content.written_offset(stream.tcp.delivered());
        let pending = std::mem::take(&mut stream.state.content.pending);
        let mut pending = by_offset(pending, written);
        let compared = self.compare_all(
            stream.state.content.rare(),
            &mut pending,
            written,
            repeated,
            framing,
            file,
        );
        stream.state.content.pending = pending.into_values().collect();
        compared
    }

    fn compare_all(
        &self,
        rare: &mut Rare,
        pending: &mut BTreeMap<u64, PayloadSpan>,
        written: u64,
        repeated: Vec<(u64, PayloadSpan)>,
        framing: Framing,
        file: &dyn Fn(u32) -> Result<File, Error>,
    ) -> Result<(), Error> {
        for (offset, piece) in repeated {
            let mut found = Found::default();
            let end = offset + u64::from(piece.len());
            if offset < written {
                let old = piece.part(0, piece_u32(end.min(written) - offset));
                self.compare_written(rare, framing, offset, &old, file, &mut found)?;
            }
            // Gaps that were given up stay: what comes for them is late.
            let mut from = offset.max(written);
            while from < end {
                let before = pending.range(..=from).next_back();
                let gap_end = before
                    .filter(|(_, other)| other.is_lost())
                    .map_or(0, |(start, other)| start + u64::from(other.len()));
                let mut stop = end.min(gap_end);
                if gap_end > from {
                    found.late += stop - from;
                } else {
                    let next_gap = pending.range(from..end).find(|(_, other)| other.is_lost());
                    stop = next_gap.map_or(end, |(start, _)| *start);
                    let new = piece.part(piece_u32(from - offset), piece_u32(stop - offset));
                    self.compare_pending(pending, from, &new, &mut found)?;
                }
                from = stop;
            }
            rare.conflicts += u64::from(found.differs && !piece.is_counted());
            rare.late += found.late;
            rare.retransmitted = rare.retransmitted.saturating_sub(found.late);
        }
        Ok(())
    }

    /// Compares a piece with pending ones, among which there is no gap; where the last bytes count,
    /// it replaces those that differ.
    fn compare_pending(
        &self,
        pending: &mut BTreeMap<u64, PayloadSpan>,
        offset: u64,
        piece: &PayloadSpan,
        found: &mut Found,
    ) -> Result<(), Error> {
        let end = offset + u64::from(piece.len());
        let first = pending.range(..=offset).next_back();
        let first = first.map_or(offset, |(start, _)| *start);
        let mut scratch = (Vec::new(), Vec::new());
        for (&start, other) in pending.range_mut(first..end) {
            let (at, stop) = (start.max(offset), end.min(start + u64::from(other.len())));
            if at >= stop {
                continue;
            }
            let (from, len) = (piece_u32(at - start), piece_u32(stop - at));
            let mine = piece.part(piece_u32(at - offset), piece_u32(stop - offset));
            let mine = mine.read(0, len, &self.source, &mut scratch.1)?;
            if mine == other.read(from, len, &self.source, &mut scratch.0)? {
                continue;
            }
            found.differs = true;
            if self.rules.overlap == Overlap::Last {
                // In its place, as it would be in the file: headers stay what they were.
                other.replace(from, mine, &self.source)?;
            }
        }
        Ok(())
    }

    fn compare_written(
        &self,
        rare: &Rare,
        framing: Framing,
        offset: u64,
        piece: &PayloadSpan,
        file: &dyn Fn(u32) -> Result<File, Error>,
        found: &mut Found,
    ) -> Result<(), Error> {
        let mut scratch = Vec::new();
        let bytes = piece.read(0, piece.len(), &self.source, &mut scratch)?;
        let mut opened: Option<(u32, File)> = None;
        let end = offset + u64::from(piece.len());
        let mut at = offset;
        while at < end {
            let gap = rare.gaps.partition_point(|gap| gap.offset + gap.len <= at);
            let next_gap = rare.gaps.get(gap);
            if let Some(gap) = next_gap.filter(|gap| gap.offset <= at) {
                let stop = end.min(gap.offset + gap.len);
                found.late += stop - at;
                at = stop;
                continue;
            }
            let index = rare.runs.partition_point(|run| run.offset <= at);
            let run = index.checked_sub(1).and_then(|index| rare.runs.get(index));
            let run = run.copied().unwrap_or_default();
            let next_run = rare.runs.get(index).map_or(end, |run| run.offset);
            let stop = end
                .min(next_gap.map_or(end, |gap| gap.offset))
                .min(next_run);
            if opened.as_ref().is_none_or(|(part, _)| *part != run.part) {
                opened = Some((run.part, file(run.part)?));
            }
            let Some((_, file)) = &opened else { break };
            let compared = || -> io::Result<u64> {
                let (place, len) = locate(file, framing, run, at)?;
                let len = (stop - at).min(len).max(1);
                let range = memory_usize(at - offset);
                let mine = bytes
                    .get(range..range + memory_usize(len))
                    .unwrap_or_default();
                let mut theirs = vec![0; mine.len()];
                file.read_exact_at(&mut theirs, place)?;
                if mine != theirs {
                    found.differs = true;
                    if self.rules.overlap == Overlap::Last {
                        file.write_all_at(mine, place)?;
                    }
                }
                Ok(len)
            };
            let mut compared = compared;
            at += compared()
                .map_err(|error| Error::io("compare with", Path::new("a stream's file"), error))?;
        }
        Ok(())
    }
}

/// What comparing bytes found.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    differs: bool,
    /// Bytes for a gap that was given up before they came.
    late: u64,
}

/// Pieces by their stream offsets, the first of which is `first`.
fn by_offset(pieces: Vec<PayloadSpan>, first: u64) -> BTreeMap<u64, PayloadSpan> {
    let mut next = first;
    let with_offset = pieces.into_iter().map(|piece| {
        let start = next;
        next += u64::from(piece.len());
        (start, piece)
    });
    with_offset.collect()
}

/// Where in a file the byte of a stream offset stands, and how many follow it without a header.
fn locate(file: &File, framing: Framing, run: Run, offset: u64) -> io::Result<(u64, u64)> {
    let Framing::Headers(style) = framing else {
        return Ok((run.at + (offset - run.offset), u64::MAX));
    };
    let mut header = vec![0; style.header_len()];
    let (mut place, mut start) = (run.at, run.offset);
    loop {
        file.read_exact_at(&mut header, place)?;
        let len = style
            .decode(&header)
            .map_or(0, |header| u64::from(header.len));
        let payload = place + header.len() as u64;
        if offset < start + len {
            return Ok((payload + (offset - start), start + len - offset));
        }
        if len == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        place = payload + len;
        start += len;
    }
}
