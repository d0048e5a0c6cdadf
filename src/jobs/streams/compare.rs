//! Bytes that came again, compared with those that were delivered.
//!
//! What was delivered is pending, or in the stream's file: it is compared when the stream is written.
//! Where both differ, their checksums say which of them count, or else their order does.

use super::content::{FileState, Rare, Repeated, Run};
use super::writer::{Framing, Writer};
use crate::decode::{Checksum, NetworkKey};
use crate::error::Error;
use crate::number::{memory_usize, piece_u32};
use crate::stream::{Direction, MOST_RECENT, PayloadSpan, Recent, SpanSource};
use crate::tcp::{Better, Overlap, Piece};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

impl Writer<'_> {
    /// Compares bytes that came again with those that were delivered, and counts what differs.
    /// `file` opens the part of the stream that is written already.
    pub(super) fn compare(
        &mut self,
        stream: &mut Direction<FileState>,
        network: &NetworkKey,
        file: &dyn Fn(u32) -> Result<File, Error>,
    ) -> Result<(), Error> {
        let written = stream.state.content.written_offset(stream.tcp.delivered());
        let content = &mut stream.state.content;
        let Some(rare) = &mut content.rare else {
            return Ok(());
        };
        let repeated = std::mem::take(&mut rare.repeated);
        if repeated.is_empty() {
            return Ok(());
        }
        let pending = by_offset(std::mem::take(&mut content.pending), written);
        let mut existing = Existing {
            source: self.source,
            network,
            framing: Framing::of(self.rules, network.protocol),
            overlap: self.rules.overlap,
            judges: self.rules.judges_copies(),
            rare,
            written,
            recent: &content.recent,
            starts: pending.keys().copied().collect(),
            pending,
            open: file,
            opened: None,
        };
        let compared = repeated.iter().try_for_each(|it| existing.compare(it));
        let horizon = existing.horizon(existing.starts.len());
        existing.rare.settled.forget_before(horizon);
        content.pending = existing.pending.into_values().collect();
        compared
    }
}

/// The bytes of a stream that are there.
struct Existing<'a> {
    source: SpanSource<'a>,
    network: &'a NetworkKey,
    framing: Framing,
    overlap: Overlap,
    /// Whether checksums count.
    judges: bool,
    rare: &'a mut Rare,
    /// Offset of the first byte that is not written.
    written: u64,
    /// The last pieces before it.
    recent: &'a Recent,
    /// Pieces after it, by their offsets.
    pending: BTreeMap<u64, PayloadSpan>,
    /// These offsets.
    starts: Vec<u64>,
    open: &'a dyn Fn(u32) -> Result<File, Error>,
    /// The part of the stream that was opened last.
    opened: Option<(u32, File)>,
}

/// Bytes that came again, and what comparing them found.
struct Again<'a> {
    offset: u64,
    span: &'a PayloadSpan,
    bytes: &'a [u8],
    /// Bytes before this offset count, as too much came since.
    horizon: u64,
    checksum: Option<Checksum>,
    differs: bool,
    /// Bytes for a gap that was given up before they came.
    late: u64,
}

impl Again<'_> {
    fn bytes(&self, part: &Range<u64>) -> &[u8] {
        let [start, end] = [part.start, part.end].map(|it| memory_usize(it - self.offset));
        self.bytes.get(start..end).unwrap_or_default()
    }
}

impl Existing<'_> {
    /// Compares bytes that came again.
    fn compare(&mut self, repeated: &Repeated) -> Result<(), Error> {
        let Repeated {
            offset,
            span,
            pending,
        } = repeated;
        let source = self.source;
        let mut scratch = Vec::new();
        let mut again = Again {
            offset: *offset,
            span,
            bytes: span.read(0, span.len(), &source, &mut scratch)?,
            horizon: self.horizon(*pending),
            checksum: None,
            differs: false,
            late: 0,
        };
        let end = offset + u64::from(span.len());
        let border = self.written.clamp(*offset, end);
        self.compare_written(&mut again, *offset..border)?;
        self.compare_pending(&mut again, border..end)?;
        let Again { differs, late, .. } = again;
        self.rare.conflicts += u64::from(differs && !span.is_counted());
        self.rare.late += late;
        self.rare.retransmitted = self.rare.retransmitted.saturating_sub(late);
        Ok(())
    }

    /// Offset of the first piece that checksums may still replace, when this many are pending.
    fn horizon(&self, pending: usize) -> u64 {
        match pending.checked_sub(MOST_RECENT) {
            Some(first) => self.starts.get(first).copied().unwrap_or(self.written),
            None => self
                .recent
                .start_of_last(MOST_RECENT - pending, self.written),
        }
    }

    /// Compares a part that is pending.
    fn compare_pending(&mut self, again: &mut Again<'_>, part: Range<u64>) -> Result<(), Error> {
        let source = self.source;
        let mut scratch = Vec::new();
        let mut at = part.start;
        while at < part.end {
            let Some((&start, other)) = self.pending.range(..=at).next_back() else {
                break;
            };
            let stop = part.end.min(start + u64::from(other.len())).max(at + 1);
            // Gaps that were given up stay: what comes for them is late.
            if other.is_lost() {
                again.late += stop - at;
                at = stop;
                continue;
            }
            let (known, stop) = self.known(at, stop, again.horizon);
            let (from, len) = (piece_u32(at - start), piece_u32(stop - at));
            let is_same = other.read(from, len, &source, &mut scratch)? == again.bytes(&(at..stop));
            if !is_same && self.gives_way(again, at..stop, known)? {
                // In its place, as it would be in the file: headers stay what they were.
                if let Some(other) = self.pending.get_mut(&start) {
                    other.replace(from, again.bytes(&(at..stop)), &source)?;
                }
            }
            at = stop;
        }
        Ok(())
    }

    /// Compares a part that is written.
    fn compare_written(&mut self, again: &mut Again<'_>, part: Range<u64>) -> Result<(), Error> {
        let mut at = part.start;
        while at < part.end {
            let gaps = &self.rare.gaps;
            let gap = gaps.partition_point(|gap| gap.offset + gap.len <= at);
            let next_gap = gaps.get(gap);
            if let Some(gap) = next_gap.filter(|gap| gap.offset <= at) {
                let stop = part.end.min(gap.offset + gap.len);
                again.late += stop - at;
                at = stop;
                continue;
            }
            let stop = part.end.min(next_gap.map_or(u64::MAX, |gap| gap.offset));
            let place = self.place(at, stop)?;
            let stop = at + place.len;
            if place.read()? == again.bytes(&(at..stop)) {
                at = stop;
                continue;
            }
            let (known, stop) = self.known(at, stop, again.horizon);
            let is_same = self.place(at, stop)?.read()? == again.bytes(&(at..stop));
            if !is_same && self.gives_way(again, at..stop, known)? {
                let place = self.place(at, stop)?;
                place.write(again.bytes(&(at..stop)))?;
            }
            at = stop;
        }
        Ok(())
    }

    /// What is known of the checksum of the segment that brought the byte at an offset, and how far
    /// that is true, at most up to `stop`.
    fn known(&self, at: u64, stop: u64, horizon: u64) -> (Option<Checksum>, u64) {
        if !self.judges {
            return (Some(Checksum::Unchecked), stop);
        }
        if at < horizon {
            return (Some(Checksum::Unchecked), stop.min(horizon));
        }
        let (known, end) = self.rare.settled.at(at);
        let piece = self.piece(at).map_or(u64::MAX, |it| it.end);
        (known, stop.min(end).min(piece))
    }

    /// The piece that holds the byte at an offset, where checksums count.
    fn piece(&self, at: u64) -> Option<Range<u64>> {
        if at < self.written {
            return Some(self.recent.find(at, self.written)?.0);
        }
        let (start, piece) = self.pending.range(..=at).next_back()?;
        Some(*start..start + u64::from(piece.len()))
    }

    /// Whether the bytes of a part, which differ from those that came again, give way to these.
    /// `known` is what is known of their checksum.
    fn gives_way(
        &mut self,
        again: &mut Again<'_>,
        part: Range<u64>,
        known: Option<Checksum>,
    ) -> Result<bool, Error> {
        again.differs = true;
        let is_last = self.overlap == Overlap::Last;
        if !self.judges || part.start < again.horizon {
            return Ok(is_last);
        }
        let old = match known {
            Some(old) => old,
            None => self.check(part.start)?,
        };
        let new = match again.checksum {
            Some(new) => new,
            None => again.span.checksum(self.network, &self.source)?,
        };
        if again.checksum.replace(new).is_none() {
            self.rare.checksums.count(new);
        }
        let gives_way =
            Better::by_checksums(new, old).map_or(is_last, |better| better == Better::New);
        if gives_way {
            self.rare.settled.set(part, new);
        }
        Ok(gives_way)
    }

    /// Looks at the checksum of the piece that holds the byte at an offset.
    fn check(&mut self, at: u64) -> Result<Checksum, Error> {
        let Some(piece) = self.piece(at) else {
            return Ok(Checksum::Unchecked);
        };
        let checksum = if at < self.written {
            match self.recent.find(at, self.written) {
                Some((_, known)) => known.checksum(|| self.read_written(piece.clone()))?,
                None => Checksum::Unchecked,
            }
        } else {
            match self.pending.get(&piece.start) {
                Some(span) => span.checksum(self.network, &self.source)?,
                None => Checksum::Unchecked,
            }
        };
        self.rare.checksums.count(checksum);
        self.rare.settled.set(piece, checksum);
        Ok(checksum)
    }

    /// The bytes of a part that is written, in which there is no gap.
    fn read_written(&mut self, part: Range<u64>) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut at = part.start;
        while at < part.end {
            let place = self.place(at, part.end)?;
            bytes.append(&mut place.read()?);
            at += place.len;
        }
        Ok(bytes)
    }

    /// Where the byte at an offset is written, and how many follow it without a header, up to `stop`.
    fn place(&mut self, at: u64, stop: u64) -> Result<Place<'_>, Error> {
        let runs = &self.rare.runs;
        let index = runs.partition_point(|run| run.offset <= at);
        let run = index.checked_sub(1).and_then(|index| runs.get(index));
        let run = run.copied().unwrap_or_default();
        let next_run = runs.get(index).map_or(stop, |run| run.offset);
        let (_, file) = match self.opened.take() {
            Some((part, file)) if part == run.part => self.opened.insert((part, file)),
            _ => self.opened.insert((run.part, (self.open)(run.part)?)),
        };
        let (place, len) = locate(file, self.framing, run, at).map_err(failed)?;
        let len = len.min(stop.min(next_run) - at).max(1);
        Ok(Place {
            file,
            at: place,
            len,
        })
    }
}

/// Consecutive bytes of a stream's file.
struct Place<'a> {
    file: &'a File,
    at: u64,
    len: u64,
}

impl Place<'_> {
    fn read(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; memory_usize(self.len)];
        self.file
            .read_exact_at(&mut bytes, self.at)
            .map_err(failed)?;
        Ok(bytes)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all_at(bytes, self.at).map_err(failed)
    }
}

fn failed(error: io::Error) -> Error {
    Error::io("compare with", Path::new("a stream's file"), error)
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
