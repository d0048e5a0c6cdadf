//! Parallel decoding of the packets of a window.

use super::seen::Seen;
use crate::capture::{Format, Walk};
use crate::decode::DecodeOptions;
use crate::engine::Window;
use rayon::prelude::*;

/// Some consecutive records of a window.
struct Piece<'w> {
    start: usize,
    end: usize,
    /// The format at its start.
    format: Format,
    /// Offsets of the requested records.
    offsets: &'w [u32],
}

/// Decodes the records at `offsets`, which are in order.
pub(super) fn seen<'w>(
    window: &Window<'w>,
    offsets: &[u32],
    options: &DecodeOptions,
) -> Vec<Seen<'w>> {
    let pieces = pieces(window, offsets);
    let looked: Vec<(u64, Vec<Seen<'w>>)> = pieces
        .par_iter()
        .map(|piece| look(piece, window.bytes, options))
        .collect();
    let mut before = window.packets_before;
    let mut all = Vec::with_capacity(offsets.len());
    for (count, some) in looked {
        all.extend(some.into_iter().map(|it| Seen {
            number: it.number + before,
            ..it
        }));
        before += count;
    }
    all
}

/// Splits a window before requested records, with about as many of them in each piece.
fn pieces<'w>(window: &Window<'_>, offsets: &'w [u32]) -> Vec<Piece<'w>> {
    let mut pieces: Vec<Piece<'w>> = Vec::new();
    let mut format = window.format.clone();
    let mut blocks = window.side_blocks.iter().peekable();
    for some in offsets.chunks(RECORDS_IN_PIECE) {
        // The first piece includes everything before its first requested record, which is counted.
        let start = match pieces.last_mut() {
            None => 0,
            Some(before) => {
                before.end = some.first().map_or(before.end, |it| *it as usize);
                before.end
            }
        };
        while let Some(block) = blocks.next_if(|it| it.start < start) {
            format = format.behind(window.bytes, block);
        }
        pieces.push(Piece {
            start,
            end: some.last().map_or(start, |it| *it as usize + 1),
            format: format.clone(),
            offsets: some,
        });
    }
    pieces
}

/// Counts the records, and decodes the requested ones, numbered from 1.
fn look<'w>(piece: &Piece<'_>, bytes: &'w [u8], options: &DecodeOptions) -> (u64, Vec<Seen<'w>>) {
    let mut walk = Walk::new(bytes, piece.start..piece.end, piece.format.clone());
    let mut wanted = piece.offsets.iter().peekable();
    let mut some = Vec::with_capacity(piece.offsets.len());
    let mut number = 0;
    while let Ok(record) = walk.next() {
        number += 1;
        if wanted.next_if(|it| **it as usize == record.start).is_some() {
            some.push(Seen::new(&record, number, options));
        }
    }
    (number, some)
}

const RECORDS_IN_PIECE: usize = 1024;
