//! Records copied as they are, where output and input have the same format.

use crate::capture::Format;
use crate::error::Error;
use crate::output::atomic::OutputFile;
use std::io::Write;

/// Copies records as they are; neighbours in one piece.
pub(super) fn copy(
    out: &mut OutputFile,
    bytes: &[u8],
    format: &Format,
    offsets: &[u32],
) -> Result<u64, Error> {
    let mut written = 0;
    let mut piece = 0..0;
    for &offset in offsets {
        let Some(record) = format.record_at(bytes, offset as usize) else {
            continue;
        };
        if piece.end != record.start {
            written += write(out, bytes.get(piece).unwrap_or_default())?;
            piece = record.start..record.start;
        }
        piece.end += record.len;
    }
    written += write(out, bytes.get(piece).unwrap_or_default())?;
    Ok(written)
}

/// Writes bytes, and returns how many.
pub(super) fn write(out: &mut OutputFile, bytes: &[u8]) -> Result<u64, Error> {
    out.write_all(bytes).map_err(|error| out.error(error))?;
    Ok(bytes.len() as u64)
}
